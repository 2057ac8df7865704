/* What nets carry from one window of a stream to the next. The rows of a batch are the next windows of so many streams
 * (runtime/data/text.c), so it is a state with one row per stream. */
#include <string.h>

#include "passes/methods/methods.h"
#include "passes/rewrite.h"

bool is_carried(const char *name)
{
    return strncmp(name, carried_name, strlen(carried_name)) == 0;
}

bool carries(const Function *objective)
{
    for (uint32_t i = 0; i < objective->inputs.len; i++)
        if (is_carried(objective->input_names.data[i]))
            return true;
    return false;
}

/* The state of OWNER that holds what is carried by that name. */
static uint32_t carried_state(Assembly *assembly, const char *owner, const char *name, Type type, StateRole role)
{
    return named_state(assembly->module, arena_printf(&assembly->module->arena, "%s/%s", owner, name), type, role, 0);
}

/* What the windows before have left; 0 where the input `begins` is set, or there is no owner. */
static Value read_carried(Assembly *assembly, Builder *b, const char *owner, const char *name, Type type, StateRole role)
{
    Value zero = build_const(b, type, 0);
    if (!owner)
        return zero;
    Value none = build_const(b, type_scalar(b->module->real), 0), begins = build_binary(b, OP_LT, none, real_input(b, "begins"));
    Value read = build_read(b, carried_state(assembly, owner, name, type, role));
    return build_select(b, build_splat(b, begins, type_with_dtype(type, DTYPE_BOOL)), zero, read);
}

/* One row per stream also of what does not differ between them. */
static Value row_per_stream(Builder *b, Value value, Type type)
{
    Dims axes = {0};
    if (value_type(b, value).rank == type.rank)
        return value;
    for (unsigned i = 1; i < type.rank; i++)
        axes.v[axes.n++] = i;
    return build_broadcast(b, value, type, axes);
}

static void write_carried(Builder *b, const char *owner)
{
    Function *function = b->function;
    uint32_t kept = 0, count = function->outputs.len;
    for (uint32_t i = 0; i < count; i++) {
        Output output = function->outputs.data[i];
        if (!is_carried(output.name)) {
            function->outputs.data[kept++] = output;
            continue;
        }
        int64_t state = owner ? find_state(b->module, arena_printf(&b->module->arena, "%s/%s", owner, output.name)) : -1;
        if (state >= 0)
            build_write(b, (uint32_t)state, row_per_stream(b, output.value, b->module->states.data[state].type));
    }
    function->outputs.len = kept;
}

void carry(Assembly *assembly, Function *function, const char *owner, StateRole role)
{
    Rewrite rewrite;
    if (!carries(function))
        return;
    rewrite_begin(&rewrite, assembly->module, function);
    for (uint32_t i = 0; i < function->inputs.len; i++)
        if (!is_carried(function->input_names.data[i]))
            rewrite_copy(&rewrite, function->inputs.data[i]);
    for (uint32_t i = 0; i < function->inputs.len; i++) {
        Value input = function->inputs.data[i];
        const char *name = function->input_names.data[i];
        if (is_carried(name))
            rewrite.map[input] = read_carried(assembly, &rewrite.b, owner, name, OP_AT(function, input)->type, role);
    }
    for (Value v = 0; v < function->ops.len; v++)
        if (rewrite.map[v] == NO_VALUE)
            rewrite_copy(&rewrite, v);
    rewrite_end(&rewrite);
    Builder b = {.module = assembly->module, .function = function};
    write_carried(&b, owner);
}
