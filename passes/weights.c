/* Replaces weights by the expressions that make them; weights without an expression become states. This file knows no form:
 * ir/forms/ says what each weight is made of. A weight whose `param` gives values of conditions is made at these values: they
 * stand in the place of the conditions in its expression, and in those of the weights that it is made from. */
#include "ir/map.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

/* The values of conditions at which a weight is made. */
typedef struct Given {
    Dims conditions; /* increasing */
    Value values[MAX_RANK];
} Given;

/* A weight that the function has. */
typedef struct Made {
    uint32_t weight;
    Given given;
    Value value;
} Made;

typedef struct Weights {
    const Model *model;
    Rewrite rewrite;
    VEC(Made) made; /* each weight is made once per function and values of its conditions */
} Weights;

/* ---- values of conditions ---- */

static Value given_value(const Given *given, uint32_t condition)
{
    for (unsigned i = 0; i < given->conditions.n; i++)
        if (given->conditions.v[i] == condition)
            return given->values[i];
    return NO_VALUE;
}

static bool given_equal(const Given *a, const Given *b)
{
    bool equal = dims_equal(a->conditions, b->conditions);
    for (unsigned i = 0; equal && i < a->conditions.n; i++)
        equal = a->values[i] == b->values[i];
    return equal;
}

/* What a `param` in the expression of another weight is made at: its own operands, then what the other weight is made at. Only
 * conditions count that the weight depends on. */
static Given given_of(const Module *module, const Op *op, const Value *map, const Given *outer)
{
    Given given = {0}, own = {.conditions = op->conditions};
    for (uint32_t i = 0; i < op->nargs; i++)
        own.values[i] = map[op->args[i]];
    for (uint32_t c = 0; c < module->conditions.len; c++) {
        Value value = given_value(&own, c) != NO_VALUE ? given_value(&own, c) : given_value(outer, c);
        if (value == NO_VALUE || !(module->weights.data[op->symbol].sources.conditions >> c & 1))
            continue;
        given.values[given.conditions.n] = value;
        given.conditions.v[given.conditions.n++] = c;
    }
    return given;
}

/* ---- making ---- */

/* States are made on first use, so that those of a net follow each other in a checkpoint. */
static Value read_state(Builder *b, const Model *model, const Weight *weight)
{
    StateRole role = weight->file || weight->fixed ? STATE_FROZEN : STATE_WEIGHT;
    const char *name = weight->state ? weight->state : weight->name;
    uint32_t state = find_or_add_state(b->module, name, weight->type, role, weight->init);
    b->module->states.data[state].measure = weight->measure;
    if (weight->file) {
        b->module->states.data[state].file = weight->file;
        b->module->states.data[state].lifetime = LIFETIME_RUN;
    }
    b->module->states.data[state].responds = weight->responds;
    b->module->states.data[state].grows = weight->grows;
    b->module->states.data[state].index = weight->index;
    if (weight->state)
        b->module->states.data[state].part_of = model->forms.data[weight->form].text;
    return build_read(b, state);
}

static Value make_param(Weights *weights, const Op *op, const Given *given);

/* Ops that make a weight of a net get the line that uses the weight; a generator's ops keep their own lines. */
static Value copy_op(Weights *weights, uint32_t index, const Function *value, Value v, const Value *map, const Given *given)
{
    Builder *b = &weights->rewrite.b;
    const Op *op = OP_AT(value, v);
    if (op->code == OP_PARAM) {
        Given inner = given_of(b->module, op, map, given);
        return make_param(weights, op, &inner);
    }
    bool of_condition = op->code == OP_CONDITION || op->code == OP_SHIFT;
    Value at = of_condition ? given_value(given, op->symbol) : NO_VALUE;
    if (at != NO_VALUE && op->code == OP_SHIFT)
        return build_binary(b, OP_SUB, at, build_unary(b, OP_STOP, build_source(b, OP_CONDITION, op->symbol)));
    if (at != NO_VALUE)
        return at;
    Value copy = build_copy(b, value, v, map);
    if (b->module->weights.data[index].net != NO_NET)
        b->function->ops.data[copy].line = b->line;
    return copy;
}

static Value make_weight(Weights *weights, uint32_t index, const Given *given)
{
    Builder *b = &weights->rewrite.b;
    for (uint32_t i = 0; i < weights->made.len; i++)
        if (weights->made.data[i].weight == index && given_equal(&weights->made.data[i].given, given))
            return weights->made.data[i].value;
    const Function *value = weight_value_function(b->module, index);
    Value made;
    if (value) {
        Value *map = support_malloc(value->ops.len * sizeof *map);
        for (Value v = 0; v < value->ops.len; v++)
            map[v] = copy_op(weights, index, value, v, map, given);
        made = map[value->outputs.data[0].value];
        support_free(map);
    } else {
        made = read_state(b, weights->model, &b->module->weights.data[index]);
    }
    vec_push(&weights->made, (Made){index, *given, made});
    return made;
}

/* ---- along leading axes ---- */

/* The value that is repeated along the leading axes; NO_VALUE: it differs along them. */
static Value repeated_value(const Builder *b, Value value, Type type)
{
    const Op *op = OP_AT(b->function, value);
    if (op->code != OP_BROADCAST || !type_equal(value_type(b, op->args[0]), type))
        return NO_VALUE;
    for (unsigned i = 0; i < op->axes.n; i++)
        if (op->axes.v[i] != op->type.rank - type.rank + (int64_t)i)
            return NO_VALUE;
    return op->args[0];
}

static Type with_leading(Type leading, unsigned axes, Type type)
{
    Type all = {.dtype = type.dtype, .rank = (uint8_t)(axes + type.rank)};
    for (unsigned i = 0; i < axes; i++)
        all.dims[i] = leading.dims[i];
    for (unsigned i = 0; i < type.rank; i++)
        all.dims[axes + i] = type.dims[i];
    return all;
}

/* The weight at values of conditions that have leading axes: made once with one entry of each, then mapped over all entries. */
static Value make_along(Weights *weights, uint32_t index, Given given, Type wanted)
{
    Builder *b = &weights->rewrite.b;
    Type type = b->module->weights.data[index].type;
    unsigned axes = wanted.rank - type.rank, n = 0;
    int64_t size = type_elements(type_of(type.dtype, axes, wanted.dims));
    Placeholder placeholders[MAX_RANK];
    for (unsigned i = 0; i < given.conditions.n; i++) {
        Type condition = b->module->conditions.data[given.conditions.v[i]].type;
        Value all = given.values[i], repeated = repeated_value(b, all, condition);
        if (repeated != NO_VALUE)
            given.values[i] = repeated;
        if (repeated != NO_VALUE || type_equal(value_type(b, all), condition)) /* one value for all entries */
            continue;
        all = build_reshape(b, all, with_leading(type_of(condition.dtype, 1, &size), 1, condition));
        placeholders[n++] = (Placeholder){NO_VALUE, all};
        given.values[i] = all;
    }
    Value first = b->function->ops.len;
    for (unsigned i = 0, k = 0; i < given.conditions.n && k < n; i++)
        if (given.values[i] == placeholders[k].all) {
            Type condition = b->module->conditions.data[given.conditions.v[i]].type;
            given.values[i] = placeholders[k++].element = build_const(b, condition, 0);
        }
    Value made = make_weight(weights, index, &given);
    build_mapped(b, first, size, n, placeholders, 1, &made);
    return build_reshape(b, made, wanted);
}

/* What stands in the place of a `param`. */
static Value make_param(Weights *weights, const Op *op, const Given *given)
{
    Type type = weights->model->module->weights.data[op->symbol].type;
    return op->type.rank > type.rank ? make_along(weights, op->symbol, *given, op->type)
                                     : make_weight(weights, op->symbol, given);
}

void pass_weights(Model *model, Function *function)
{
    Weights weights = {.model = model};
    Given nothing = {0};
    rewrite_begin(&weights.rewrite, model->module, function);
    for (Value v = 0; v < function->ops.len; v++) {
        const Op *op = OP_AT(function, v);
        weights.rewrite.b.line = op->line;
        if (op->code == OP_PARAM) {
            Given given = given_of(model->module, op, weights.rewrite.map, &nothing);
            weights.rewrite.map[v] = make_param(&weights, op, &given);
        } else {
            rewrite_copy(&weights.rewrite, v);
        }
    }
    rewrite_end(&weights.rewrite);
    vec_free(&weights.made);
}
