/* From a per-example objective to a batched function ready for gradients. */
#include "passes/methods/methods.h"
#include "passes/rewrite.h"

Function *objective_copy(Assembly *assembly, const char *name, const Function *objective, View view)
{
    Module *module = assembly->module;
    Function *function = function_new(module, name);
    Builder b = {.module = module, .function = function};
    Value *map = support_malloc(objective->ops.len * sizeof *map);
    for (Value v = 0; v < objective->ops.len; v++)
        map[v] = build_copy(&b, objective, v, map);
    for (uint32_t i = 0; i < objective->outputs.len; i++)
        build_output(&b, objective->outputs.data[i].name, map[objective->outputs.data[i].value]);
    support_free(map);
    pass_traced(assembly->trace, "lower", module, function);
    pass_weights(assembly->model, function);
    pass_traced(assembly->trace, "weights", module, function);
    resolve_conditions(assembly, function, view);
    pass_traced(assembly->trace, "conditions", module, function);
    return function;
}

Function *objective_copies(Assembly *assembly, const char *name, const Function *objective, View view, unsigned count)
{
    if (count == 1)
        return objective_copy(assembly, name, objective, view);
    Module *module = assembly->module;
    Function *function = function_new(module, name);
    Builder b = {.module = module, .function = function};
    for (view.sample = 0; view.sample < count; view.sample++) {
        Function *copy = objective_copy(assembly, arena_printf(&module->arena, "%s.%u", name, view.sample), objective, view);
        Value *map = support_malloc(copy->ops.len * sizeof *map);
        build_inline(&b, copy, map);
        for (uint32_t i = 0; i < copy->outputs.len; i++)
            build_output(&b, arena_printf(&module->arena, "%s.%u", copy->outputs.data[i].name, view.sample),
                         map[copy->outputs.data[i].value]);
        support_free(map);
        function_remove(module, copy);
    }
    return function;
}

void function_batch(const PassTrace *trace, Module *module, Function *function, int64_t batch, bool masked)
{
    pass_run(trace, "cse", module, function);
    pass_run(trace, "factor", module, function);
    pass_run(trace, "dce", module, function); /* whole matrices of an example, which a batch has no room for */
    pass_batch(module, function, batch, masked);
    pass_traced(trace, "batch", module, function);
    pass_run(trace, "simplify", module, function);
    pass_run(trace, "cse", module, function);
    pass_run(trace, "dce", module, function);
    pass_run(trace, "merge", module, function);
    pass_run(trace, "cse", module, function);
    pass_run(trace, "dce", module, function);
}

void objective_batch(Assembly *assembly, Function *function, int64_t batch, bool masked)
{
    function_batch(assembly->trace, assembly->module, function, batch, masked);
}

void draw_by_row(Assembly *assembly, Function *function)
{
    enum { SPREAD = 1000003 }; /* odd: so row numbers, too, reach all 2^32 numbers of steps */
    Rewrite rewrite;
    Value offset = NO_VALUE;
    rewrite_begin(&rewrite, assembly->module, function);
    for (uint32_t i = 0; i < function->inputs.len; i++) /* inputs keep their positions */
        rewrite_copy(&rewrite, function->inputs.data[i]);
    for (Value v = 0; v < function->ops.len; v++) {
        const Op *op = OP_AT(function, v);
        if (rewrite.map[v] != NO_VALUE)
            continue;
        if (op->code != OP_RANDOM) {
            rewrite_copy(&rewrite, v);
            continue;
        }
        Builder *b = &rewrite.b;
        if (offset == NO_VALUE)
            offset = build_with_const(b, OP_MUL, build_input(b, "row.number", type_scalar(DTYPE_I32)), SPREAD);
        Value args[] = {rewrite.map[op->args[0]], build_binary(b, OP_ADD, rewrite.map[op->args[1]], offset)};
        rewrite.map[v] = build_op(b, *op, 2, args);
    }
    rewrite_end(&rewrite);
}
