/* Merging of products that share an operand: dot(x, A) and dot(x, B), with A and B states, become slices of dot(x, concat(A, B)).
 * The planner lays A and B side by side, so the concat costs nothing, and BLAS sees one taller matrix. The gradients of the
 * merged product are merged too: d concat = one product, and x's cotangent is one product over the concatenated rows.
 *
 * In the body of a loop, A and B are invariants, and the loop gets their concat as another one. */
#include "ir/scan.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

typedef struct Merge {
    Rewrite rewrite;
    struct Merge *around; /* of the function whose loop this is the body of; NULL: of a function */
    const Op *scan;       /* the loop, with operands where `around` builds */
    VEC(Value) operands;  /* more operands of the loop */
    bool *grouped;        /* value -> a state that is part of a concat */
} Merge;

/* Whether the value is a state as the function finds it, or in a body an invariant that is one. */
static bool is_state(const Merge *merge, Value v)
{
    const Op *op = OP_AT(merge->rewrite.old, v);
    if (!merge->around)
        return op->code == OP_STATE_READ;
    bool invariant = op->code == OP_INPUT && op->symbol >= scan_first_invariant(merge->scan);
    return invariant && OP_AT(merge->around->rewrite.b.function, merge->scan->args[op->symbol])->code == OP_STATE_READ;
}

/* A product of anything with a state whose rows are its outputs: dot(x, state[m, ...]) contracts all axes of the state but the
 * first. The state of a convolution has an axis per axis of its windows. */
static bool is_candidate(const Merge *merge, Value v)
{
    const Function *f = merge->rewrite.old;
    const Op *op = OP_AT(f, v);
    if (op->code != OP_DOT || op->batch_x.n || op->contract_y.n == 0 || dims_contain(op->contract_y, 0))
        return false;
    return is_state(merge, op->args[1]) && OP_AT(f, op->args[1])->type.rank == op->contract_y.n + 1 &&
           !is_state(merge, op->args[0]) && !merge->grouped[op->args[1]];
}

static bool joins(const Function *f, Value leader, Value v)
{
    const Op *a = OP_AT(f, leader), *b = OP_AT(f, v);
    return a->args[0] == b->args[0] && a->args[1] != b->args[1] && dims_equal(a->contract_x, b->contract_x) &&
           dims_equal(a->contract_y, b->contract_y);
}

/* The state in the function being built, or around the loop. */
static Value state_outside(Merge *merge, Value v)
{
    if (merge->around)
        return merge->scan->args[OP_AT(merge->rewrite.old, v)->symbol];
    /* states may be read anywhere, so reads that come later move up */
    return merge->rewrite.map[v] != NO_VALUE ? merge->rewrite.map[v] : rewrite_copy(&merge->rewrite, v);
}

/* The concat where products are built. */
static Value concat_states(Merge *merge, uint32_t n, const Value *states)
{
    Builder *b = merge->around ? &merge->around->rewrite.b : &merge->rewrite.b;
    Value all = build_concat(b, n, states, 0);
    if (!merge->around)
        return all;
    vec_push(&merge->operands, all);
    return body_input(&merge->rewrite.b, value_type(b, all));
}

/* Products with the same x, of which `leader` is the first, as slices of one. False: there is only that one. */
static bool merge_products(Merge *merge, Value leader)
{
    Function *old = merge->rewrite.old;
    VEC(Value) members = {0};
    VEC(Value) states = {0};
    for (Value v = leader; v < old->ops.len; v++)
        if (is_candidate(merge, v) && (v == leader || joins(old, leader, v))) {
            vec_push(&members, v);
            merge->grouped[OP_AT(old, v)->args[1]] = true;
        }
    bool several = members.len > 1;
    for (uint32_t i = 0; i < members.len && several; i++)
        vec_push(&states, state_outside(merge, OP_AT(old, members.data[i])->args[1]));
    if (several) {
        const Op *op = OP_AT(old, leader);
        Builder *b = &merge->rewrite.b;
        Value all = concat_states(merge, states.len, states.data);
        Value product =
            build_dot(b, merge->rewrite.map[op->args[0]], all, op->contract_x, op->contract_y, op->batch_x, op->batch_y);
        Type type = value_type(b, product);
        Dims start = {.n = type.rank};
        for (uint32_t i = 0; i < members.len; i++) {
            Type piece = OP_AT(old, members.data[i])->type;
            merge->rewrite.map[members.data[i]] = build_slice(b, product, start, piece);
            start.v[type.rank - 1] += piece.dims[type.rank - 1];
        }
    }
    vec_free(&members);
    vec_free(&states);
    return several;
}

static void merge_ops(Merge *merge, Module *module, Function *function);

static Value merge_loop(Merge *around, Value v)
{
    Builder *b = &around->rewrite.b;
    Value copy = rewrite_copy(&around->rewrite, v);
    Op scan = *OP_AT(b->function, copy);
    Function *body = body_copy(b->module, scan.body);
    Merge within = {.around = around, .scan = &scan};
    merge_ops(&within, b->module, body);
    if (within.operands.len == 0) {
        vec_free(&within.operands);
        return copy;
    }
    Value *operands = support_malloc((scan.nargs + within.operands.len) * sizeof *operands);
    for (uint32_t i = 0; i < scan.nargs + within.operands.len; i++)
        operands[i] = i < scan.nargs ? scan.args[i] : within.operands.data[i - scan.nargs];
    Value made = build_scan(b, body, scan_steps(&scan), scan_carries(&scan), scan_scanned(&scan), scan.flags, operands);
    support_free(operands);
    vec_free(&within.operands);
    return made;
}

static void merge_ops(Merge *merge, Module *module, Function *function)
{
    uint32_t n = function->ops.len;
    merge->grouped = support_malloc(n + 1);
    for (Value v = 0; v < n; v++)
        merge->grouped[v] = false;
    rewrite_begin(&merge->rewrite, module, function);
    for (Value v = 0; v < n; v++) {
        if (merge->rewrite.map[v] != NO_VALUE)
            continue;
        merge->rewrite.b.line = OP_AT(function, v)->line;
        if (OP_AT(function, v)->code == OP_SCAN)
            merge->rewrite.map[v] = merge_loop(merge, v);
        else if (!is_candidate(merge, v) || !merge_products(merge, v))
            rewrite_copy(&merge->rewrite, v);
    }
    rewrite_end(&merge->rewrite);
    support_free(merge->grouped);
}

void pass_merge(Module *module, Function *function)
{
    Merge merge = {0};
    merge_ops(&merge, module, function);
}
