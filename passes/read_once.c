/* A matrix state that a step multiplies with a vector and updates is read twice, though the two do not depend on each other: the
 * gradient of a hypernetwork's hidden layer, and the optimizer's step of its head. Written as a sum of elementwise products,
 *
 *     g W    =    sum_i g_i W_i
 *
 * the product is a member of the update's loop, which reads W anyway. This is done only for matrices that no cache holds between
 * the two reads. */
#include "passes/passes.h"
#include "passes/rewrite.h"
#include "passes/schedule.h"

/* Whether `v` is such a product, of the rows of a large state: sum_i vector_i matrix_ij. */
static bool sums_large_rows(const Target *target, const Function *f, Value v, StateProduct *product)
{
    if (!is_state_product(f, v, product))
        return false;
    Type matrix = OP_AT(f, product->matrix)->type;
    return product->axis == 0 && target_rows_of_chunk(target, matrix.dims[0], matrix.dims[1]);
}

/* Whether the function writes the state, with a value that does not depend on `product`. */
static bool is_updated_without(const Function *f, uint32_t state, Value product)
{
    bool *depends = support_malloc(f->ops.len), updated = false;
    mark_dependents(f, product, depends);
    for (Value v = product + 1; v < f->ops.len; v++)
        updated |= OP_AT(f, v)->code == OP_STATE_WRITE && OP_AT(f, v)->symbol == state && !depends[v];
    support_free(depends);
    return updated;
}

void pass_read_once(Module *module, Function *function)
{
    Rewrite rewrite;
    rewrite_begin(&rewrite, module, function);
    for (Value v = 0; v < function->ops.len; v++) {
        StateProduct product;
        if (!sums_large_rows(&module->target, function, v, &product) ||
            !is_updated_without(function, OP_AT(function, product.matrix)->symbol, v)) {
            rewrite_copy(&rewrite, v);
            continue;
        }
        Value matrix = rewrite.map[product.matrix];
        Value rows = build_broadcast(&rewrite.b, rewrite.map[product.vector], value_type(&rewrite.b, matrix), dims_of(1, 0));
        Value products = build_binary(&rewrite.b, OP_MUL, rows, matrix);
        rewrite.map[v] = build_reduce(&rewrite.b, OP_REDUCE_SUM, products, dims_of(1, 0));
    }
    rewrite_end(&rewrite);
}
