/* Expands `grad` and `tangent` in program order, so that each sees a graph without them. All grads of one scalar share one sweep.
 */
#include "passes/passes.h"
#include "passes/rewrite.h"

static void expand_grads(Rewrite *rewrite, Value first)
{
    Function *old = rewrite->old;
    Value y = OP_AT(old, first)->args[0];
    VEC(Value) ops = {0};
    VEC(Value) xs = {0};
    for (Value v = first; v < old->ops.len; v++) {
        const Op *op = OP_AT(old, v);
        /* y cannot depend on an x made after the first grad: its gradient is zero, computed once x exists */
        if (op->code == OP_GRAD && op->args[0] == y && rewrite->map[op->args[1]] != NO_VALUE) {
            vec_push(&ops, v);
            vec_push(&xs, rewrite->map[op->args[1]]);
        }
    }
    Value *grads = support_malloc(ops.len * sizeof *grads);
    vjp_append(&rewrite->b, rewrite->map[y], xs.len, xs.data, grads);
    for (uint32_t i = 0; i < ops.len; i++)
        rewrite->map[ops.data[i]] = grads[i];
    support_free(grads);
    vec_free(&ops);
    vec_free(&xs);
}

static void expand_tangent(Rewrite *rewrite, Value v)
{
    const Op *op = OP_AT(rewrite->old, v);
    const Value *args = rewrite_args(rewrite, v);
    uint32_t n = (op->nargs - 1) / 2;
    rewrite->map[v] = jvp_append(&rewrite->b, args[0], n, args + 1, args + 1 + n);
}

void pass_stops(Module *module, Function *function)
{
    Rewrite rewrite;
    rewrite_begin(&rewrite, module, function);
    for (Value v = 0; v < function->ops.len; v++)
        if (OP_AT(function, v)->code == OP_STOP)
            rewrite.map[v] = rewrite.map[OP_AT(function, v)->args[0]];
        else
            rewrite_copy(&rewrite, v);
    rewrite_end(&rewrite);
}

void pass_differentiate(Module *module, Function *function)
{
    Rewrite rewrite;
    rewrite_begin(&rewrite, module, function);
    for (Value v = 0; v < function->ops.len; v++) {
        OpCode code = OP_AT(function, v)->code;
        if (code == OP_GRAD) {
            if (rewrite.map[v] == NO_VALUE)
                expand_grads(&rewrite, v);
        } else if (code == OP_TANGENT) {
            expand_tangent(&rewrite, v);
        } else {
            rewrite_copy(&rewrite, v);
        }
    }
    rewrite_end(&rewrite);
}
