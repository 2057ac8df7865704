/* How far the weights are spread that are made of other numbers: for `hnc explain`. */
#include "passes/methods/methods.h"

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
