#include "passes/rewrite.h"

#include <string.h>

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

bool is_state_product(const Function *function, Value v, StateProduct *product)
{
    const Op *op = OP_AT(function, v);
    if (op->code != OP_DOT || op->batch_x.n || op->contract_x.n != 1)
        return false;
    for (unsigned side = 0; side < 2; side++) {
        const Op *x = OP_AT(function, op->args[side]), *w = OP_AT(function, op->args[1 - side]);
        if (x->type.rank != 1 || w->type.rank != 2 || w->code != OP_STATE_READ)
            continue;
        *product = (StateProduct){op->args[side], op->args[1 - side], side ? op->contract_x.v[0] : op->contract_y.v[0]};
        return true;
    }
    return false;
}

void mark_dependents(const Function *function, Value from, bool *depends)
{
    memset(depends, 0, function->ops.len);
    depends[from] = true;
    for (Value v = from + 1; v < function->ops.len; v++)
        for (uint32_t i = 0; i < OP_AT(function, v)->nargs && !depends[v]; i++)
            depends[v] = depends[OP_AT(function, v)->args[i]];
}

uint32_t *count_uses(const Function *f)
{
    uint32_t *uses = support_malloc((f->ops.len + 1) * sizeof *uses);
    memset(uses, 0, f->ops.len * sizeof *uses);
    for (Value v = 0; v < f->ops.len; v++)
        for (uint32_t i = 0; i < OP_AT(f, v)->nargs; i++)
            uses[OP_AT(f, v)->args[i]]++;
    for (uint32_t i = 0; i < f->outputs.len; i++)
        uses[f->outputs.data[i].value]++;
    return uses;
}
