/* Merging of products that share an operand: dot(x, A) and dot(x, B), with A and B states, become slices of dot(x, concat(A, B)).
 * The planner lays A and B side by side, so the concat costs nothing, and BLAS sees one taller matrix. The gradients of the
 * merged product are merged too: d concat = one product, and x's cotangent is one product over the concatenated rows. */
#include "passes/passes.h"
#include "passes/rewrite.h"

/* A product of anything with a state whose rows are its outputs: dot(x, state[m, ...]) contracts all axes of the state but the
 * first. The state of a convolution has an axis per axis of its windows. */
static bool is_candidate(const Function *f, Value v)
{
    const Op *op = OP_AT(f, v);
    if (op->code != OP_DOT || op->batch_x.n || op->contract_y.n == 0 || dims_contain(op->contract_y, 0))
        return false;
    const Op *w = OP_AT(f, op->args[1]);
    return w->code == OP_STATE_READ && w->type.rank == op->contract_y.n + 1 && OP_AT(f, op->args[0])->code != OP_STATE_READ;
}

static bool joins(const Function *f, Value leader, Value v)
{
    const Op *a = OP_AT(f, leader), *b = OP_AT(f, v);
    return a->args[0] == b->args[0] && a->args[1] != b->args[1] && dims_equal(a->contract_x, b->contract_x) &&
           dims_equal(a->contract_y, b->contract_y);
}

void pass_merge(Module *module, Function *function)
{
    uint32_t n = function->ops.len;
    bool *grouped = support_malloc(n * sizeof *grouped); /* state_read -> already part of a concat */
    for (Value v = 0; v < n; v++)
        grouped[v] = false;

    Rewrite rewrite;
    rewrite_begin(&rewrite, module, function);
    VEC(Value) members = {0};
    VEC(Value) parts = {0};
    for (Value v = 0; v < n; v++) {
        if (rewrite.map[v] != NO_VALUE)
            continue;
        members.len = parts.len = 0;
        if (is_candidate(function, v) && !grouped[OP_AT(function, v)->args[1]])
            for (Value u = v; u < n; u++)
                if (is_candidate(function, u) && (u == v || joins(function, v, u)) && !grouped[OP_AT(function, u)->args[1]]) {
                    vec_push(&members, u);
                    grouped[OP_AT(function, u)->args[1]] = true;
                }
        if (members.len < 2) {
            rewrite_copy(&rewrite, v);
            continue;
        }
        /* states may be read anywhere, so reads that come later move up */
        for (uint32_t i = 0; i < members.len; i++) {
            Value read = OP_AT(function, members.data[i])->args[1];
            vec_push(&parts, rewrite.map[read] != NO_VALUE ? rewrite.map[read] : rewrite_copy(&rewrite, read));
        }
        const Op *op = OP_AT(function, v);
        Value all = build_concat(&rewrite.b, parts.len, parts.data, 0);
        Value product =
            build_dot(&rewrite.b, rewrite.map[op->args[0]], all, op->contract_x, op->contract_y, op->batch_x, op->batch_y);
        Type type = value_type(&rewrite.b, product);
        Dims start = {.n = type.rank};
        for (uint32_t i = 0; i < members.len; i++) {
            Type piece = OP_AT(function, members.data[i])->type;
            rewrite.map[members.data[i]] = build_slice(&rewrite.b, product, start, piece);
            start.v[type.rank - 1] += piece.dims[type.rank - 1];
        }
    }
    rewrite_end(&rewrite);
    vec_free(&members);
    vec_free(&parts);
    support_free(grouped);
}
