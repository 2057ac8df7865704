#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "ir/internal.h"

typedef struct Verifier {
    const Module *module;
    const Function *function; /* NULL while the module's tables are checked */
    bool allow_pseudo;
    Text *why;
    bool sound;
} Verifier;

static void violation(Verifier *v, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void violation(Verifier *v, const char *format, ...)
{
    v->sound = false;
    if (!v->why)
        return;
    char sentence[512];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    if (v->function)
        text_printf(v->why, "function '%s': ", v->function->name);
    text_printf(v->why, "%s\n", sentence);
}

static void op_violation(Verifier *v, Value value, const char *sentence)
{
    if (!v->why) {
        v->sound = false;
        return;
    }
    uint32_t number = value_number(v->function, value), line = v->function->ops.data[value].line;
    if (line)
        violation(v, "%%%u (model line %u): %s", number, line, sentence);
    else
        violation(v, "%%%u: %s", number, sentence);
}

static int by_text(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static bool is_printable(const char *name)
{
    for (const char *c = name; *c; c++)
        if (iscntrl((unsigned char)*c))
            return false;
    return true;
}

/* Names must exist, be printable and differ. `stride` walks an array of structs whose `const char *` name stands at `names`. */
static void check_names(Verifier *v, const char *what, const void *names, size_t stride, uint32_t count)
{
    const char **sorted = support_malloc(count * sizeof *sorted);
    uint32_t named = 0;
    for (uint32_t i = 0; i < count; i++) {
        const char *name = *(const char *const *)((const char *)names + i * stride);
        if (name && name[0] && is_printable(name))
            sorted[named++] = name;
        else
            violation(v, "%s %u has no printable name", what, i);
    }
    if (named > 1)
        qsort(sorted, named, sizeof *sorted, by_text);
    for (uint32_t i = 1; i < named; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            violation(v, "two %ss are named '%s'", what, sorted[i]);
    support_free(sorted);
}

/* ---- functions ---- */

static bool operands_precede(const Op *op, Value value)
{
    for (uint32_t i = 0; i < op->nargs; i++)
        if (op->args[i] >= value)
            return false;
    return true;
}

static void check_op(Verifier *v, Value value)
{
    char why[256];
    Op op = v->function->ops.data[value];
    Type stated = op.type;
    if ((unsigned)op.code < OP_COUNT && op_info[op.code].effect == EFFECT_PSEUDO && !v->allow_pseudo) {
        snprintf(why, sizeof why, "%s: not replaced by a pass", op_info[op.code].name);
        op_violation(v, value, why);
    }
    if (!operands_precede(&op, value)) {
        op_violation(v, value, "an operand does not precede its use");
    } else if (!infer_type(v->module, v->function, &op, why)) {
        op_violation(v, value, why);
    } else if (!type_equal(stated, op.type)) {
        snprintf(why, sizeof why, "%s: type is %s, stated is %s", op_info[op.code].name, type_text(op.type), type_text(stated));
        op_violation(v, value, why);
    }
}

static void check_single_writes(Verifier *v)
{
    const Module *module = v->module;
    bool *written = support_malloc(module->states.len * sizeof *written);
    memset(written, 0, module->states.len * sizeof *written);
    for (Value value = 0; value < v->function->ops.len; value++) {
        const Op *op = OP_AT(v->function, value);
        if (op->code != OP_STATE_WRITE || op->symbol >= module->states.len)
            continue;
        if (written[op->symbol])
            violation(v, "state '%s' is written twice", module->states.data[op->symbol].name);
        written[op->symbol] = true;
    }
    support_free(written);
}

static void check_inputs(Verifier *v)
{
    const Function *f = v->function;
    uint32_t declared = 0;
    for (Value value = 0; value < f->ops.len; value++) {
        const Op *op = OP_AT(f, value);
        if (op->code != OP_INPUT)
            continue;
        declared++;
        if (op->symbol >= f->inputs.len || f->inputs.data[op->symbol] != value)
            op_violation(v, value, "input: not the function's input of that position");
    }
    if (declared != f->inputs.len)
        violation(v, "%u inputs are listed, %u declared", f->inputs.len, declared);
    if (f->input_names.len != f->inputs.len)
        violation(v, "%u inputs have %u names", f->inputs.len, f->input_names.len);
    check_names(v, "input", f->input_names.data, sizeof f->input_names.data[0], f->input_names.len);
}

static void check_outputs(Verifier *v)
{
    const Function *f = v->function;
    for (uint32_t i = 0; i < f->outputs.len; i++) {
        const Output *output = &f->outputs.data[i];
        const char *name = output->name ? output->name : "";
        if (output->value >= f->ops.len)
            violation(v, "output '%s' is not a value", name);
        else if (OP_AT(f, output->value)->code == OP_STATE_WRITE || OP_AT(f, output->value)->code == OP_SCAN)
            violation(v, "output '%s' is a %s, which has no value", name, op_info[OP_AT(f, output->value)->code].name);
    }
    check_names(v, "output", f->outputs.data, sizeof f->outputs.data[0], f->outputs.len);
}

static void check_function(Verifier *v);

/* A body computes from its inputs alone. */
static void check_body(Verifier *v, Value scan)
{
    const Function *around = v->function;
    const Op *op = OP_AT(around, scan);
    if (op->code != OP_SCAN || !op->body)
        return;
    v->function = op->body;
    check_function(v);
    for (Value value = 0; value < op->body->ops.len; value++) {
        const Op *inner = OP_AT(op->body, value);
        bool source = op_info[inner->code].effect == EFFECT_SOURCE || op_info[inner->code].effect == EFFECT_WRITE;
        if ((source && inner->code != OP_INPUT) || inner->code == OP_RANDOM)
            op_violation(v, value, "the body of a scan has only what it is given");
    }
    v->function = around;
}

static void check_function(Verifier *v)
{
    for (Value value = 0; value < v->function->ops.len; value++) {
        check_op(v, value);
        check_body(v, value);
    }
    check_single_writes(v);
    check_inputs(v);
    check_outputs(v);
}

bool verify_function(const Module *module, const Function *function, bool allow_pseudo, Text *why)
{
    Verifier verifier = {module, function, allow_pseudo, why, true};
    check_function(&verifier);
    return verifier.sound;
}

/* ---- modules ---- */

static void check_table_type(Verifier *v, const char *what, const char *name, Type type)
{
    if (!type_valid(type))
        violation(v, "%s '%s' has no valid type", what, name ? name : "");
}

static void check_tables(Verifier *v)
{
    const Module *m = v->module;
    for (uint32_t i = 0; i < m->states.len; i++) {
        check_table_type(v, "state", m->states.data[i].name, m->states.data[i].type);
        if ((unsigned)m->states.data[i].role >= STATE_ROLE_COUNT)
            violation(v, "state %u has no valid role", i);
        if ((unsigned)m->states.data[i].init.kind >= INIT_KIND_COUNT)
            violation(v, "state %u has no valid init", i);
    }
    for (uint32_t i = 0; i < m->weights.len; i++) {
        const Weight *weight = &m->weights.data[i];
        check_table_type(v, "weight", weight->name, weight->type);
        if (!dtype_is_float(weight->type.dtype))
            violation(v, "weight %u is not of floats", i);
        if (weight->output_axis < -1 || weight->output_axis >= weight->type.rank)
            violation(v, "weight %u has no axis %d", i, weight->output_axis);
        if ((unsigned)weight->init.kind >= INIT_KIND_COUNT)
            violation(v, "weight %u has no valid init", i);
    }
    for (uint32_t i = 0; i < m->fields.len; i++)
        check_table_type(v, "field", m->fields.data[i].name, m->fields.data[i].type);
    for (uint32_t i = 0; i < m->conditions.len; i++) {
        Type type = m->conditions.data[i].type;
        check_table_type(v, "condition", m->conditions.data[i].name, type);
        if (!is_condition_type(type))
            violation(v, "condition %u is neither floats with an axis nor i32[]", i);
    }
    check_names(v, "state", m->states.data, sizeof m->states.data[0], m->states.len);
    check_names(v, "weight", m->weights.data, sizeof m->weights.data[0], m->weights.len);
    check_names(v, "field", m->fields.data, sizeof m->fields.data[0], m->fields.len);
    check_names(v, "condition", m->conditions.data, sizeof m->conditions.data[0], m->conditions.len);
}

static void check_function_names(Verifier *v)
{
    const Module *m = v->module;
    const char **names = support_malloc(m->functions.len * sizeof *names);
    for (uint32_t i = 0; i < m->functions.len; i++)
        names[i] = m->functions.data[i]->name;
    check_names(v, "function", names, sizeof *names, m->functions.len);
    support_free(names);
}

bool verify_module(const Module *module, bool allow_pseudo, Text *why)
{
    Verifier verifier = {module, NULL, allow_pseudo, why, true};
    if (!dtype_is_float(module->real))
        violation(&verifier, "the module's real type is not a float");
    check_tables(&verifier);
    check_function_names(&verifier);
    for (uint32_t i = 0; i < module->functions.len; i++) {
        verifier.function = module->functions.data[i];
        check_function(&verifier);
    }
    return verifier.sound;
}
