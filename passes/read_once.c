/* A matrix state that a step multiplies with a vector and updates is read twice, though the two do not depend on each other: the
 * gradient of a hypernetwork's hidden layer, and the optimizer's step of its head. Written as a sum of elementwise products,
 *
 *     g W    =    sum_i g_i W_i
 *
 * the product is a member of the update's loop, which reads W anyway. Only for matrices that no cache holds between the two. */
#include <string.h>

#include "passes/passes.h"
#include "passes/rewrite.h"
#include "passes/schedule.h"

/* The product of a vector with rows of a large state: sum_i vector_i matrix_ij. */
typedef struct RowSum {
    Value vector, matrix;
} RowSum;

static bool is_row_sum(const Function *f, Value v, RowSum *sum)
{
    const Op *op = OP_AT(f, v);
    if (op->code != OP_DOT || op->c.n || op->a.n != 1)
        return false;
    for (unsigned side = 0; side < 2; side++) {
        const Op *x = OP_AT(f, op->args[side]), *w = OP_AT(f, op->args[1 - side]);
        int64_t contracted = side ? op->a.v[0] : op->b.v[0];
        if (x->type.rank != 1 || w->type.rank != 2 || w->code != OP_STATE_READ || contracted != 0 ||
            !rows_of_chunk(w->type.dims[0], w->type.dims[1]))
            continue;
        *sum = (RowSum){op->args[side], op->args[1 - side]};
        return true;
    }
    return false;
}

/* Whether the function writes the state, with a value that does not depend on `product`. */
static bool is_updated_without(const Function *f, uint32_t state, Value product)
{
    bool *depends = support_malloc(f->ops.len), updated = false;
    memset(depends, 0, f->ops.len);
    depends[product] = true;
    for (Value v = product + 1; v < f->ops.len; v++) {
        const Op *op = OP_AT(f, v);
        for (uint32_t i = 0; i < op->nargs && !depends[v]; i++)
            depends[v] = depends[op->args[i]];
        updated |= op->code == OP_STATE_WRITE && op->symbol == state && !depends[v];
    }
    support_free(depends);
    return updated;
}

void pass_read_once(Module *module, Function *function)
{
    Rewrite rewrite;
    rewrite_begin(&rewrite, module, function);
    for (Value v = 0; v < function->ops.len; v++) {
        RowSum sum;
        if (!is_row_sum(function, v, &sum) || !is_updated_without(function, OP_AT(function, sum.matrix)->symbol, v)) {
            rewrite_copy(&rewrite, v);
            continue;
        }
        Value matrix = rewrite.map[sum.matrix];
        Value rows = build_broadcast(&rewrite.b, rewrite.map[sum.vector], value_type(&rewrite.b, matrix), dims_of(1, 0));
        Value products = build_binary(&rewrite.b, OP_MUL, rows, matrix);
        rewrite.map[v] = build_reduce(&rewrite.b, OP_REDUCE_SUM, products, dims_of(1, 0));
    }
    rewrite_end(&rewrite);
}
