#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ir/internal.h"
#include "pareto/externs.h"

const OpText op_text[OP_COUNT] = {
    [OP_CONST] = {SUBJECT_NUMBER, ATTRIBUTES_NONE, NULL},        [OP_IOTA] = {SUBJECT_NONE, ATTRIBUTES_INDEX, "axis"},
    [OP_RANDOM] = {SUBJECT_NONE, ATTRIBUTES_RANDOM, NULL},       [OP_STATE_READ] = {SUBJECT_STATE, ATTRIBUTES_NONE, NULL},
    [OP_STATE_WRITE] = {SUBJECT_STATE, ATTRIBUTES_NONE, NULL},   [OP_FETCH] = {SUBJECT_FIELD, ATTRIBUTES_FETCH, NULL},
    [OP_PARAM] = {SUBJECT_WEIGHT, ATTRIBUTES_GIVEN, "given"},    [OP_CONDITION] = {SUBJECT_CONDITION, ATTRIBUTES_NONE, NULL},
    [OP_SHIFT] = {SUBJECT_CONDITION, ATTRIBUTES_NONE, NULL},     [OP_EXAMPLE] = {SUBJECT_FIELD, ATTRIBUTES_NONE, NULL},
    [OP_BROADCAST] = {SUBJECT_NONE, ATTRIBUTES_LIST, "axes"},    [OP_TRANSPOSE] = {SUBJECT_NONE, ATTRIBUTES_LIST, "axes"},
    [OP_SLICE] = {SUBJECT_NONE, ATTRIBUTES_LIST, "from"},        [OP_WINDOW] = {SUBJECT_NONE, ATTRIBUTES_WINDOW, NULL},
    [OP_OVERLAP] = {SUBJECT_NONE, ATTRIBUTES_WINDOW, NULL},      [OP_PAD] = {SUBJECT_NONE, ATTRIBUTES_LIST, "before"},
    [OP_CONCAT] = {SUBJECT_NONE, ATTRIBUTES_INDEX, "axis"},      [OP_REDUCE_SUM] = {SUBJECT_NONE, ATTRIBUTES_LIST, "axes"},
    [OP_REDUCE_MAX] = {SUBJECT_NONE, ATTRIBUTES_LIST, "axes"},   [OP_ARGMAX] = {SUBJECT_NONE, ATTRIBUTES_INDEX, "axis"},
    [OP_SORT] = {SUBJECT_NONE, ATTRIBUTES_INDEX, "axis"},        [OP_DOT] = {SUBJECT_NONE, ATTRIBUTES_DOT, NULL},
    [OP_SCATTER_ADD] = {SUBJECT_NONE, ATTRIBUTES_INDEX, "rows"}, [OP_EXTERN] = {SUBJECT_EXTERN, ATTRIBUTES_NONE, NULL},
    [OP_SCAN] = {SUBJECT_BODY, ATTRIBUTES_SCAN, NULL},           [OP_RESULT] = {SUBJECT_NONE, ATTRIBUTES_INDEX, "place"},
};

bool is_plain_name(const char *name)
{
    if (!isalpha((unsigned char)name[0]) && name[0] != '_')
        return false;
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '_' && *c != '.' && *c != '/')
            return false;
    return true;
}

static void print_name(const char *name, Text *out)
{
    if (is_plain_name(name)) {
        text_printf(out, "%s", name);
        return;
    }
    text_append(out, "\"", 1);
    for (const char *c = name; *c; c++)
        if (*c == '"' || *c == '\\')
            text_printf(out, "\\%c", *c);
        else
            text_append(out, c, 1);
    text_append(out, "\"", 1);
}

static void print_symbol(const char *name, Text *out)
{
    text_append(out, "@", 1);
    print_name(name, out);
}

/* The shortest of %.15g .. %.17g that reads back as the same number. */
static void print_number(double number, Text *out)
{
    if (isnan(number) || isinf(number)) {
        text_printf(out, isnan(number) ? "nan" : number > 0 ? "inf" : "-inf");
        return;
    }
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    text_printf(out, "%s", text);
}

static void print_dims(Dims dims, Text *out)
{
    text_append(out, "[", 1);
    for (unsigned i = 0; i < dims.n; i++)
        text_printf(out, i ? ", %lld" : "%lld", (long long)dims.v[i]);
    text_append(out, "]", 1);
}

/* ---- tables ---- */

static void print_init(Init init, Text *out)
{
    text_printf(out, " init %s ", init_kind_names[init.kind]);
    print_number(init.value, out);
}

static void print_named(const char *word, const char *name, Text *out)
{
    if (!name)
        return;
    text_printf(out, " %s ", word);
    print_symbol(name, out);
}

static void print_weight(const Weight *weight, Text *out)
{
    text_printf(out, "weight ");
    print_symbol(weight->name, out);
    text_printf(out, " : %s ", type_text(weight->type));
    if (weight->net == NO_NET)
        text_printf(out, "part");
    else
        text_printf(out, "net %u", weight->net);
    text_printf(out, " form %u", weight->form);
    if (weight->output_axis >= 0)
        text_printf(out, " axis %d", weight->output_axis);
    text_printf(out, " fan %lld %lld", (long long)weight->fan_in, (long long)weight->fan_out);
    print_init(weight->init, out);
    print_named("value", weight->value, out);
    print_named("state", weight->state, out);
    print_named("from", weight->file, out);
    text_printf(out, "\n");
}

static void print_field(const Field *field, Text *out)
{
    text_printf(out, "field ");
    print_symbol(field->name, out);
    text_printf(out, " : %s dataset %u", type_text(field->type), field->dataset);
    if (field->classes)
        text_printf(out, " classes %lld", (long long)field->classes);
    text_printf(out, "\n");
}

static void print_state(const State *state, Text *out)
{
    text_printf(out, "state ");
    print_symbol(state->name, out);
    text_printf(out, " : %s %s", type_text(state->type), state_role_names[state->role]);
    if (state->init.kind != INIT_CONSTANT || state->init.value != 0)
        print_init(state->init, out);
    text_printf(out, "\n");
}

static void print_tables(const Module *module, Text *out)
{
    for (uint32_t i = 0; i < module->fields.len; i++)
        print_field(&module->fields.data[i], out);
    for (uint32_t i = 0; i < module->conditions.len; i++) {
        text_printf(out, "condition ");
        print_symbol(module->conditions.data[i].name, out);
        text_printf(out, " : %s\n", type_text(module->conditions.data[i].type));
    }
    for (uint32_t i = 0; i < module->weights.len; i++)
        print_weight(&module->weights.data[i], out);
    for (uint32_t i = 0; i < module->states.len; i++)
        print_state(&module->states.data[i], out);
}

/* ---- functions ---- */

typedef struct Printer {
    const Module *module;
    const Function *function;
    const char *name;  /* of the function, as it is printed */
    uint32_t *numbers; /* value_number of every value, computed once */
    uint32_t bodies;   /* printed so far */
    Text *out;
} Printer;

static uint32_t *number_values(const Function *function)
{
    uint32_t *numbers = support_malloc(function->ops.len * sizeof *numbers), next = 0;
    for (Value v = 0; v < function->ops.len; v++)
        next += OP_AT(function, v)->code == OP_INPUT;
    for (Value v = 0; v < function->ops.len; v++)
        numbers[v] = OP_AT(function, v)->code == OP_INPUT ? 0 : next++;
    return numbers;
}

static void print_value(const Printer *p, Value v)
{
    const Op *op = v < p->function->ops.len ? OP_AT(p->function, v) : NULL;
    text_append(p->out, "%", 1);
    if (!op) /* of a function that does not verify */
        text_printf(p->out, "?");
    else if (op->code == OP_INPUT)
        print_name(op->symbol < p->function->input_names.len ? p->function->input_names.data[op->symbol] : "?", p->out);
    else
        text_printf(p->out, "%u", p->numbers[v]);
}

/* The name of entry op->symbol; "?" where a function that does not verify refers to none. */
#define ENTRY_NAME(table) (op->symbol < p->module->table.len ? p->module->table.data[op->symbol].name : "?")

/* Bodies have no names of their own: the first scan of f has the body f.body1. */
static void name_body(const char *function, uint32_t number, Text *name)
{
    text_printf(name, "%s.body%u", function, number);
}

static void print_subject(Printer *p, const Op *op)
{
    Text body = {0};
    switch (op_text[op->code].subject) {
    case SUBJECT_NONE:
        break;
    case SUBJECT_STATE:
        print_symbol(ENTRY_NAME(states), p->out);
        break;
    case SUBJECT_FIELD:
        print_symbol(ENTRY_NAME(fields), p->out);
        break;
    case SUBJECT_WEIGHT:
        print_symbol(ENTRY_NAME(weights), p->out);
        break;
    case SUBJECT_CONDITION:
        print_symbol(ENTRY_NAME(conditions), p->out);
        break;
    case SUBJECT_EXTERN:
        print_symbol(op->symbol < EXTERN_COUNT ? extern_info[op->symbol].name : "?", p->out);
        break;
    case SUBJECT_BODY:
        name_body(p->name, ++p->bodies, &body);
        print_symbol(body.data, p->out);
        break;
    case SUBJECT_NUMBER:
        print_number(op->number, p->out);
        break;
    }
    text_free(&body);
}

static void print_given(const Printer *p, const Op *op, Text *out)
{
    for (unsigned i = 0; i < op->conditions.n; i++) {
        bool known = op->conditions.v[i] >= 0 && op->conditions.v[i] < p->module->conditions.len;
        text_printf(out, i ? " " : " given ");
        print_symbol(known ? p->module->conditions.data[op->conditions.v[i]].name : "?", out);
    }
}

static void print_attributes(const Printer *p, const Op *op)
{
    Text *out = p->out;
    const OpText *form = &op_text[op->code];
    switch (form->attributes) {
    case ATTRIBUTES_NONE:
        break;
    case ATTRIBUTES_LIST:
        text_printf(out, " %s ", form->word);
        print_dims(op->a, out);
        break;
    case ATTRIBUTES_INDEX:
        text_printf(out, " %s %lld", form->word, (long long)op->a.v[0]);
        break;
    case ATTRIBUTES_DOT:
        text_printf(out, " contract ");
        print_dims(op->a, out);
        text_printf(out, " ");
        print_dims(op->b, out);
        if (op->c.n) {
            text_printf(out, " batch ");
            print_dims(op->c, out);
            text_printf(out, " ");
            print_dims(op->d, out);
        }
        break;
    case ATTRIBUTES_WINDOW:
        text_printf(out, " axes ");
        print_dims(op->a, out);
        text_printf(out, " extents ");
        print_dims(op->b, out);
        text_printf(out, " steps ");
        print_dims(op->c, out);
        text_printf(out, " dilations ");
        print_dims(op->d, out);
        break;
    case ATTRIBUTES_RANDOM:
        text_printf(out, " stream %u%s", op->symbol, op->flags & OP_SHARED ? " shared" : "");
        break;
    case ATTRIBUTES_FETCH:
        text_printf(out, "%s", op->flags & OP_NEIGHBOURS ? " neighbours" : "");
        break;
    case ATTRIBUTES_SCAN:
        text_printf(out, " loop ");
        print_dims(op->loop, out);
        text_printf(out, "%s%s", op->flags & OP_REVERSED ? " reversed" : "", op->flags & OP_REMAT ? " remat" : "");
        break;
    case ATTRIBUTES_GIVEN:
        print_given(p, op, out);
        break;
    }
}

static void print_op(Printer *p, Value v)
{
    const Op *op = OP_AT(p->function, v);
    bool has_value = op->code != OP_STATE_WRITE, has_subject = op_text[op->code].subject != SUBJECT_NONE;
    text_printf(p->out, "  ");
    if (has_value)
        text_printf(p->out, "%%%u = ", p->numbers[v]);
    text_printf(p->out, "%s ", op_info[op->code].name);
    print_subject(p, op);
    for (uint32_t i = 0; i < op->nargs; i++) {
        text_printf(p->out, i || has_subject ? ", " : "");
        print_value(p, op->args[i]);
    }
    print_attributes(p, op);
    if (has_value)
        text_printf(p->out, " : %s", type_text(op->type));
    text_printf(p->out, "\n");
}

static void print_signature(const Printer *p, const char *word)
{
    const Function *f = p->function;
    text_printf(p->out, "%s ", word);
    print_symbol(p->name, p->out);
    text_printf(p->out, "(");
    for (uint32_t i = 0; i < f->inputs.len; i++) {
        text_printf(p->out, i ? ", " : "");
        print_value(p, f->inputs.data[i]);
        text_printf(p->out, ": %s", type_text(OP_AT(f, f->inputs.data[i])->type));
    }
    text_printf(p->out, ")");
    for (uint32_t i = 0; i < f->outputs.len; i++) {
        text_printf(p->out, i ? ", " : " -> (");
        print_name(f->outputs.data[i].name, p->out);
        Value value = f->outputs.data[i].value;
        text_printf(p->out, ": %s", value < f->ops.len ? type_text(OP_AT(f, value)->type) : "?");
    }
    text_printf(p->out, f->outputs.len ? ") {\n" : " {\n");
}

static void print_named_function(const Module *module, const Function *function, const char *word, const char *name, Text *out);

/* The bodies of the function's scans, which stand before it. */
static void print_bodies(const Module *module, const Function *function, const char *name, Text *out)
{
    uint32_t count = 0;
    for (Value v = 0; v < function->ops.len; v++) {
        Text body = {0};
        if (OP_AT(function, v)->code != OP_SCAN)
            continue;
        name_body(name, ++count, &body);
        print_named_function(module, OP_AT(function, v)->body, "body", body.data, out);
        text_printf(out, "\n");
        text_free(&body);
    }
}

static void print_named_function(const Module *module, const Function *function, const char *word, const char *name, Text *out)
{
    print_bodies(module, function, name, out);
    Printer printer = {module, function, name, number_values(function), 0, out};
    print_signature(&printer, word);
    for (Value v = 0; v < function->ops.len; v++)
        if (OP_AT(function, v)->code != OP_INPUT)
            print_op(&printer, v);
    for (uint32_t i = 0; i < function->outputs.len; i++) {
        text_printf(out, i ? ", " : "  return ");
        print_name(function->outputs.data[i].name, out);
        text_printf(out, " = ");
        print_value(&printer, function->outputs.data[i].value);
    }
    text_printf(out, function->outputs.len ? "\n}\n" : "}\n");
    support_free(printer.numbers);
}

void print_function(const Module *module, const Function *function, Text *out)
{
    print_named_function(module, function, "func", function->name, out);
}

void print_module(const Module *module, Text *out)
{
    text_printf(out, "module ");
    print_name(module->name, out);
    text_printf(out, " %s\n", dtype_name(module->real));
    print_tables(module, out);
    for (uint32_t i = 0; i < module->functions.len; i++) {
        text_printf(out, "\n");
        print_function(module, module->functions.data[i], out);
    }
}
