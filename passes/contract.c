/* Products that only one sum or difference uses become part of it, as fused multiply-adds: one op less, and one rounding. The IR
 * says so instead of the code of a loop, because a value may be computed again in several loops and must be the same number in
 * all of them: an element that equals the maximum in one loop must equal it in the next. */
#include <string.h>

#include "passes/passes.h"
#include "passes/rewrite.h"

/* Which operand of the sum or difference is such a product; -1: none. */
static int product_operand(const Function *f, const Op *op, const uint32_t *uses)
{
    if ((op->code != OP_ADD && op->code != OP_SUB) || !dtype_is_float(op->type.dtype))
        return -1;
    for (int i = 0; i < 2; i++)
        if (OP_AT(f, op->args[i])->code == OP_MUL && uses[op->args[i]] == 1)
            return i;
    return -1;
}

/* x y + z, x y - z or z - x y. */
static Value contract(Rewrite *rewrite, const Op *op, int at)
{
    const Op *product = OP_AT(rewrite->old, op->args[at]);
    Builder *b = &rewrite->b;
    Value x = rewrite->map[product->args[0]], y = rewrite->map[product->args[1]], z = rewrite->map[op->args[1 - at]];
    if (op->code == OP_SUB && at == 0)
        z = build_unary(b, OP_NEG, z);
    if (op->code == OP_SUB && at == 1)
        x = build_unary(b, OP_NEG, x);
    return build_op(b, (Op){.code = OP_FMA}, 3, (Value[]){x, y, z});
}

void pass_contract(Module *module, Function *function)
{
    Rewrite rewrite;
    uint32_t *uses = count_uses(function);
    rewrite_begin(&rewrite, module, function);
    for (Value v = 0; v < function->ops.len; v++) {
        const Op *op = OP_AT(function, v);
        int at = product_operand(function, op, uses);
        rewrite.b.line = op->line;
        if (at >= 0)
            rewrite.map[v] = contract(&rewrite, op, at);
        else
            rewrite_copy(&rewrite, v);
    }
    rewrite_end(&rewrite);
    support_free(uses);
}
