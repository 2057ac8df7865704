#include "passes/rewrite.h"

void rewrite_begin(Rewrite *rewrite, Module *module, Function *function)
{
    uint32_t widest = 1, n = function->ops.len;
    for (Value v = 0; v < n; v++)
        if (OP_AT(function, v)->nargs > widest)
            widest = OP_AT(function, v)->nargs;
    *rewrite = (Rewrite){
        .b = {.module = module, .function = function_detached(module, function->name)},
        .old = function,
        .map = support_malloc(n * sizeof(Value)),
        .args = support_malloc(widest * sizeof(Value)),
    };
    for (Value v = 0; v < n; v++)
        rewrite->map[v] = NO_VALUE;
}

Value rewrite_copy(Rewrite *rewrite, Value v)
{
    rewrite->b.line = OP_AT(rewrite->old, v)->line;
    return rewrite->map[v] = build_copy(&rewrite->b, rewrite->old, v, rewrite->map);
}

const Value *rewrite_args(Rewrite *rewrite, Value v)
{
    const Op *op = OP_AT(rewrite->old, v);
    rewrite->b.line = op->line;
    for (uint32_t i = 0; i < op->nargs; i++)
        rewrite->args[i] = rewrite->map[op->args[i]];
    return rewrite->args;
}

void rewrite_end(Rewrite *rewrite)
{
    for (uint32_t i = 0; i < rewrite->old->outputs.len; i++) {
        Output output = rewrite->old->outputs.data[i];
        build_output(&rewrite->b, output.name, rewrite->map[output.value]);
    }
    function_replace(rewrite->old, rewrite->b.function);
    support_free(rewrite->map);
    support_free(rewrite->args);
}
