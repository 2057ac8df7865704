/* Replaces weights by the expressions that make them; weights without an expression become states. This file knows no form:
 * ir/forms/ says what each weight is made of. */
#include "passes/passes.h"
#include "passes/rewrite.h"

typedef struct Weights {
    const Model *model;
    Rewrite rewrite;
    VEC(Value) made; /* weight -> its value, made once per function; NO_VALUE until then */
} Weights;

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
    b->module->states.data[state].grows = weight->grows;
    if (weight->state)
        b->module->states.data[state].part_of = model->forms.data[weight->form].text;
    return build_read(b, state);
}

static Value make_weight(Weights *weights, uint32_t index);

/* Ops that make a weight of a net get the line that uses the weight; a generator's ops keep their own lines. */
static Value copy_op(Weights *weights, uint32_t index, const Function *value, Value v, const Value *map)
{
    Builder *b = &weights->rewrite.b;
    const Op *op = OP_AT(value, v);
    if (op->code == OP_PARAM)
        return make_weight(weights, op->symbol);
    Value copy = build_copy(b, value, v, map);
    if (b->module->weights.data[index].net != NO_NET)
        b->function->ops.data[copy].line = b->line;
    return copy;
}

static Value make_weight(Weights *weights, uint32_t index)
{
    Builder *b = &weights->rewrite.b;
    if (weights->made.data[index] != NO_VALUE)
        return weights->made.data[index];
    const Function *value = weight_value_function(b->module, index);
    Value made;
    if (value) {
        Value *map = support_malloc(value->ops.len * sizeof *map);
        for (Value v = 0; v < value->ops.len; v++)
            map[v] = copy_op(weights, index, value, v, map);
        made = map[value->outputs.data[0].value];
        support_free(map);
    } else {
        made = read_state(b, weights->model, &b->module->weights.data[index]);
    }
    weights->made.data[index] = made;
    return made;
}

void pass_weights(Model *model, Function *function)
{
    Weights weights = {.model = model};
    for (uint32_t i = 0; i < model->module->weights.len; i++)
        vec_push(&weights.made, NO_VALUE);
    rewrite_begin(&weights.rewrite, model->module, function);
    for (Value v = 0; v < function->ops.len; v++) {
        const Op *op = OP_AT(function, v);
        weights.rewrite.b.line = op->line;
        if (op->code == OP_PARAM)
            weights.rewrite.map[v] = make_weight(&weights, op->symbol);
        else
            rewrite_copy(&weights.rewrite, v);
    }
    rewrite_end(&weights.rewrite);
    vec_free(&weights.made);
}
