/* Algebra of outer products, which gradients of linear layers at one example are. They are never formed where their factors are
 * enough for a sum of them, or for the product of two:
 *
 *     s (a b')                     = (s a) b'
 *     a b' + c b'                  = (a + c) b'              and a b' + a d' = a (b + d)'
 *     sum_ij (a b')_ij (c d')_ij   = (a . c) (b . d)
 *
 * The last rule gives the Gram matrix of gradients of a hypernetwork's head: |f|^2 times the Gram matrix of the gradients of what
 * the head generates. */
#include "passes/passes.h"
#include "passes/rewrite.h"

/* The dot's factors, if it contracts and pairs nothing. */
static bool is_outer(const Builder *b, Value v, Op *outer)
{
    *outer = *OP_AT(b->function, v);
    return outer->code == OP_DOT && outer->contract_x.n == 0 && outer->batch_x.n == 0;
}

static Value build_outer(Builder *b, Value x, Value y)
{
    return build_dot(b, x, y, (Dims){0}, (Dims){0}, (Dims){0}, (Dims){0});
}

static bool is_scalar_everywhere(const Builder *b, Value v, Value *scalar)
{
    const Op *op = OP_AT(b->function, v);
    if (op->code != OP_BROADCAST || value_type(b, op->args[0]).rank != 0)
        return false;
    *scalar = op->args[0];
    return true;
}

static Value scale_outer(Builder *b, const Value *args)
{
    Op outer;
    Value scalar;
    for (unsigned i = 0; i < 2; i++)
        if (is_scalar_everywhere(b, args[i], &scalar) && is_outer(b, args[1 - i], &outer)) {
            Value scaled = build_binary(b, OP_MUL, build_splat(b, scalar, value_type(b, outer.args[0])), outer.args[0]);
            return build_outer(b, scaled, outer.args[1]);
        }
    return NO_VALUE;
}

static Value add_outers(Builder *b, const Value *args)
{
    Op x, y;
    if (!is_outer(b, args[0], &x) || !is_outer(b, args[1], &y))
        return NO_VALUE;
    if (x.args[1] == y.args[1] && value_type(b, x.args[0]).rank == value_type(b, y.args[0]).rank)
        return build_outer(b, build_binary(b, OP_ADD, x.args[0], y.args[0]), x.args[1]);
    if (x.args[0] == y.args[0] && value_type(b, x.args[1]).rank == value_type(b, y.args[1]).rank)
        return build_outer(b, x.args[0], build_binary(b, OP_ADD, x.args[1], y.args[1]));
    return NO_VALUE;
}

static Value sum_outers(Builder *b, const Op *sum, Value operand)
{
    Op product = *OP_AT(b->function, operand), x, y;
    if (product.code != OP_MUL || sum->axes.n != product.type.rank || !is_outer(b, product.args[0], &x) ||
        !is_outer(b, product.args[1], &y) || !type_equal(value_type(b, x.args[0]), value_type(b, y.args[0])))
        return NO_VALUE;
    Value left = build_sum_of_product(b, x.args[0], y.args[0]), right = build_sum_of_product(b, x.args[1], y.args[1]);
    return build_binary(b, OP_MUL, left, right);
}

void pass_outer(Module *module, Function *function)
{
    Rewrite rewrite;
    rewrite_begin(&rewrite, module, function);
    for (Value v = 0; v < function->ops.len; v++) {
        const Op *op = OP_AT(function, v);
        const Value *args = rewrite_args(&rewrite, v);
        Value simpler = op->code == OP_MUL          ? scale_outer(&rewrite.b, args)
                        : op->code == OP_ADD        ? add_outers(&rewrite.b, args)
                        : op->code == OP_REDUCE_SUM ? sum_outers(&rewrite.b, op, args[0])
                                                    : NO_VALUE;
        if (simpler == NO_VALUE)
            rewrite_copy(&rewrite, v);
        else
            rewrite.map[v] = simpler;
    }
    rewrite_end(&rewrite);
}
