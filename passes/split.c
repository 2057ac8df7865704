#include "passes/split.h"

#include <string.h>

/* What becomes of an early value in the late function. */
typedef enum {
    PLACE_UNUSED, /* no late op needs it */
    PLACE_COPIED, /* the late function makes it again: a constant, a state, a view of something that it has */
    PLACE_KEPT,   /* the early function leaves it in a state */
} Place;

typedef struct Early {
    Place place;
    bool whole;     /* someone needs all of it, or slices take at least half of it */
    int64_t sliced; /* elements that slices take of it */
    uint32_t state;
} Early;

typedef struct Split {
    Module *module;
    const Function *from;
    bool *late;
    Early *early;
    StateRole role;
} Split;

/* ---- which values are late, and which of the others they need ---- */

static void find_late(Split *s, LateInput *is_late, const void *context)
{
    for (Value v = 0; v < s->from->ops.len; v++) {
        const Op *op = OP_AT(s->from, v);
        s->late[v] = op->code == OP_INPUT && is_late(s->from, op->symbol, context);
        for (uint32_t i = 0; i < op->nargs; i++)
            s->late[v] |= s->late[op->args[i]];
    }
}

static void need(Split *s, Value v)
{
    if (s->late[v])
        return;
    s->early[v].place = PLACE_KEPT;
    s->early[v].whole = true;
}

/* A value that the late function needs and can make again, if it has what the value is made from. */
static bool is_free(OpCode code)
{
    return code == OP_CONST || code == OP_IOTA || code == OP_STATE_READ || code == OP_BROADCAST || code == OP_RESHAPE ||
           code == OP_TRANSPOSE;
}

/* All users of v, which come behind it, have said what they need of it. */
static void place_value(Split *s, Value v)
{
    const Op *op = OP_AT(s->from, v);
    Early *early = &s->early[v];
    if (early->sliced && (early->whole || 2 * early->sliced >= type_elements(op->type))) {
        early->whole = true;
        early->place = PLACE_KEPT; /* its slices are copied: copy_slices() */
    }
    if (early->place == PLACE_UNUSED)
        return;
    if (op->code == OP_SLICE) {
        s->early[op->args[0]].sliced += type_elements(op->type);
    } else if (is_free(op->code)) {
        early->place = PLACE_COPIED;
        for (uint32_t i = 0; i < op->nargs; i++)
            need(s, op->args[i]);
    }
}

static void copy_slices(Split *s)
{
    for (Value v = 0; v < s->from->ops.len; v++)
        if (s->early[v].place == PLACE_KEPT && OP_AT(s->from, v)->code == OP_SLICE && s->early[OP_AT(s->from, v)->args[0]].whole)
            s->early[v].place = PLACE_COPIED;
}

static void place_values(Split *s)
{
    for (Value v = 0; v < s->from->ops.len; v++)
        for (uint32_t i = 0; s->late[v] && i < OP_AT(s->from, v)->nargs; i++)
            need(s, OP_AT(s->from, v)->args[i]);
    for (uint32_t i = 0; i < s->from->outputs.len; i++)
        need(s, s->from->outputs.data[i].value);
    for (Value v = s->from->ops.len; v-- > 0;)
        if (!s->late[v])
            place_value(s, v);
    copy_slices(s);
}

static bool is_empty(const Split *s)
{
    for (Value v = 0; v < s->from->ops.len; v++)
        if (!s->late[v] && (s->early[v].place == PLACE_KEPT || OP_AT(s->from, v)->code == OP_INPUT))
            return false;
    return true;
}

/* ---- the two functions ---- */

static Function *build_early(Split *s, const char *name)
{
    Builder b = {.module = s->module, .function = function_new(s->module, name)};
    Value *map = support_malloc((s->from->ops.len + 1) * sizeof *map);
    uint32_t count = 0;
    for (Value v = 0; v < s->from->ops.len; v++) {
        b.line = OP_AT(s->from, v)->line;
        map[v] = s->late[v] ? NO_VALUE : build_copy(&b, s->from, v, map);
        if (s->late[v] || s->early[v].place != PLACE_KEPT)
            continue;
        const char *state = arena_printf(&s->module->arena, "%s/%u", b.function->name, count++);
        s->early[v].state = module_state(s->module, state, OP_AT(s->from, v)->type, s->role);
        build_write(&b, s->early[v].state, map[v]);
    }
    support_free(map);
    return b.function;
}

static void build_late(Split *s, Function *function)
{
    Builder b = {.module = s->module, .function = function_detached(s->module, function->name)};
    Value *map = support_malloc((function->ops.len + 1) * sizeof *map);
    for (Value v = 0; v < function->ops.len; v++) {
        b.line = OP_AT(function, v)->line;
        bool copied = s->late[v] || s->early[v].place == PLACE_COPIED;
        map[v] = copied                                 ? build_copy(&b, function, v, map)
                 : s->early[v].place == PLACE_KEPT ? build_read(&b, s->early[v].state)
                                                        : NO_VALUE;
    }
    for (uint32_t i = 0; i < function->outputs.len; i++)
        build_output(&b, function->outputs.data[i].name, map[function->outputs.data[i].value]);
    function_replace(function, b.function);
    support_free(map);
}

Function *split_function(Module *module, Function *function, LateInput *is_late, const void *context, const char *name,
                         StateRole role)
{
    uint32_t n = function->ops.len;
    Split s = {.module = module, .from = function, .role = role};
    s.late = support_malloc(n + 1);
    s.early = support_malloc((n + 1) * sizeof *s.early);
    memset(s.early, 0, (n + 1) * sizeof *s.early);
    find_late(&s, is_late, context);
    place_values(&s);
    Function *early = NULL;
    if (!is_empty(&s)) {
        early = build_early(&s, name);
        build_late(&s, function);
    }
    support_free(s.late);
    support_free(s.early);
    return early;
}
