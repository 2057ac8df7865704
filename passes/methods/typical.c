/* What functions of weights make at typical values of the conditions, when a run begins. */
#include "ir/map.h"
#include "passes/methods/methods.h"

/* Enough for a mean over them, and few where many numbers are made of each. */
int64_t typical_count(int64_t elements)
{
    enum { MOST = 256, NUMBERS = 1 << 22 };
    int64_t count = NUMBERS / elements;
    return count < 1 ? 1 : count > MOST ? MOST : count;
}

void build_typical(Assembly *assembly, Builder *b, const Function *from, Value *map, int64_t count, Value *values)
{
    VEC(Placeholder) placeholders = {0};
    for (Value v = 0; v < from->ops.len; v++)
        if (OP_AT(from, v)->code == OP_CONDITION)
            vec_push(&placeholders, (Placeholder){NO_VALUE, typical_values(assembly, b, OP_AT(from, v)->symbol, count)});
    Value start = b->function->ops.len;
    uint32_t conditions = 0;
    for (Value v = 0; v < from->ops.len; v++) {
        const Op *op = OP_AT(from, v);
        if (op->code == OP_CONDITION)
            map[v] = placeholders.data[conditions++].element = build_const(b, op->type, 0);
        else if (op->code != OP_STATE_READ)
            map[v] = build_copy(b, from, v, map);
    }
    for (uint32_t i = 0; i < from->outputs.len; i++)
        values[i] = map[from->outputs.data[i].value];
    if (conditions)
        build_mapped(b, start, count, conditions, placeholders.data, from->outputs.len, values);
    vec_free(&placeholders);
}

/* ---- how far generated weights are spread ---- */

static bool reads_file(const Module *module, uint32_t weight)
{
    const Function *value = weight_value_function(module, weight);
    for (Value v = 0; value && v < value->ops.len; v++)
        if (OP_AT(value, v)->code == OP_PARAM && reads_file(module, OP_AT(value, v)->symbol))
            return true;
    return module->weights.data[weight].file;
}

bool method_spreads(const Model *model, uint32_t weight)
{
    const Weight *w = &model->module->weights.data[weight];
    return w->net != NO_NET && w->value && !reads_file(model->module, weight);
}

/* The weights, as a function of states and conditions. */
static Function *generated_weights(Assembly *assembly, int64_t *elements)
{
    Module *module = assembly->module;
    Function *function = function_new(module, arena_printf(&module->arena, "%s.generated", assembly->train->name));
    Builder b = {.module = module, .function = function};
    *elements = 1;
    for (uint32_t i = 0; i < module->weights.len; i++)
        if (method_spreads(assembly->model, i)) {
            build_output(&b, module->weights.data[i].name, build_source(&b, OP_PARAM, i));
            *elements += type_elements(module->weights.data[i].type);
        }
    pass_weights(assembly->model, function);
    pass_run(assembly->trace, "cse", module, function);
    pass_run(assembly->trace, "dce", module, function);
    return function;
}

static Value deviation(Builder *b, Value values, double constant)
{
    Value apart = build_with_const(b, OP_SUB, values, constant);
    Type type = value_type(b, apart);
    Value square = build_with_const(b, OP_MUL, build_sum_of_product(b, apart, apart), 1.0 / (double)type_elements(type));
    return build_unary(b, OP_SQRT, square);
}

Function *method_spread(Model *model, Train *train, const PassTrace *trace)
{
    Assembly assembly = method_assembly(model, train, trace);
    Module *module = model->module;
    int64_t elements;
    Function *from = generated_weights(&assembly, &elements);
    Function *function = function_new(module, arena_printf(&module->arena, "%s.spread", train->name));
    Builder b = {.module = module, .function = function};
    Value *map = support_malloc((from->ops.len + 1) * sizeof *map),
          *values = support_malloc((from->outputs.len + 1) * sizeof *values);
    for (Value v = 0; v < from->ops.len; v++)
        if (OP_AT(from, v)->code == OP_STATE_READ)
            map[v] = build_read(&b, OP_AT(from, v)->symbol);
    build_typical(&assembly, &b, from, map, typical_count(elements), values);
    for (uint32_t i = 0, k = 0; i < module->weights.len; i++)
        if (method_spreads(model, i)) {
            const Init *init = &module->weights.data[i].init;
            double constant = init->kind == INIT_CONSTANT ? init->value : 0;
            build_output(&b, module->weights.data[i].name, deviation(&b, values[k++], constant));
        }
    support_free(map);
    support_free(values);
    function_remove(module, from);
    pass_run(trace, "cse", module, function);
    pass_run(trace, "dce", module, function);
    return function;
}
