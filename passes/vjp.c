/* Reverse mode. One sweep from a scalar y back over the ops it depends on; each op's rule turns the cotangent of its result into
 * cotangents of its operands, expressed with the same primitives. Rules see values of the function under construction, so a gradient
 * can be differentiated again.
 *
 * Cotangents that are pieces of one tensor (from slices of it) are put side by side with a concat instead of being padded and added:
 * that keeps the gradient of a merged product one product (passes/merge.c). */
#include <math.h>
#include <stdlib.h>

#include "passes/passes.h"

typedef struct Contribution {
    Value value, next;
} Contribution;

typedef struct Reverse {
    Builder *b;
    bool *needed;             /* value -> on a path from some x to y */
    Value *first;             /* value -> first contribution, NO_VALUE: none */
    VEC(Contribution) contributions;
} Reverse;

typedef void VjpRule(Reverse *reverse, const Op *op, Value y, Value g);

static void contribute(Reverse *reverse, Value x, Value g)
{
    if (!reverse->needed[x])
        return;
    Value *tail = &reverse->first[x];
    while (*tail != NO_VALUE)
        tail = &reverse->contributions.data[*tail].next;
    Value index = reverse->contributions.len;
    *tail = index; /* before the push, which may move the list */
    vec_push(&reverse->contributions, (Contribution){g, NO_VALUE});
}

static bool needs(const Reverse *reverse, const Op *op, unsigned i)
{
    return reverse->needed[op->args[i]];
}

/* ---- elementwise ---- */

static void vjp_linear(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)y;
    contribute(reverse, op->args[0], build_unary(reverse->b, op->code, g));
}

static void vjp_scale(Reverse *reverse, const Op *op, Value y, Value g)
{
    Value slope = unary_derivative(reverse->b, op->code, op->args[0], y);
    contribute(reverse, op->args[0], build_binary(reverse->b, OP_MUL, g, slope));
}

static void vjp_cast(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)y;
    DType from = value_type(reverse->b, op->args[0]).dtype;
    if (dtype_is_float(from))
        contribute(reverse, op->args[0], build_cast(reverse->b, g, from));
}

static void vjp_add(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)y;
    contribute(reverse, op->args[0], g);
    contribute(reverse, op->args[1], g);
}

static void vjp_sub(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)y;
    contribute(reverse, op->args[0], g);
    if (needs(reverse, op, 1))
        contribute(reverse, op->args[1], build_unary(reverse->b, OP_NEG, g));
}

static void vjp_mul(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)y;
    for (unsigned i = 0; i < 2; i++)
        if (needs(reverse, op, i))
            contribute(reverse, op->args[i], build_binary(reverse->b, OP_MUL, g, op->args[1 - i]));
}

static void vjp_div(Reverse *reverse, const Op *op, Value y, Value g)
{
    Builder *b = reverse->b;
    Value share = build_binary(b, OP_DIV, g, op->args[1]);
    contribute(reverse, op->args[0], share);
    if (needs(reverse, op, 1))
        contribute(reverse, op->args[1], build_unary(b, OP_NEG, build_binary(b, OP_MUL, share, y)));
}

static void vjp_pow(Reverse *reverse, const Op *op, Value y, Value g)
{
    Builder *b = reverse->b;
    Value x = op->args[0], p = op->args[1];
    if (needs(reverse, op, 0)) {
        Value lower = build_binary(b, OP_POW, x, build_with_const(b, OP_SUB, p, 1));
        contribute(reverse, x, build_binary(b, OP_MUL, g, build_binary(b, OP_MUL, p, lower)));
    }
    if (needs(reverse, op, 1))
        contribute(reverse, p, build_binary(b, OP_MUL, g, build_binary(b, OP_MUL, y, build_unary(b, OP_LOG, x))));
}

/* The strictly greater (smaller) first operand takes the cotangent, otherwise the second one: relu(0) has slope 0. */
static void vjp_extremum(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)y;
    Builder *b = reverse->b;
    Value x0 = op->args[0], x1 = op->args[1], zero = build_const(b, op->type, 0);
    Value first = op->code == OP_MAX ? build_binary(b, OP_LT, x1, x0) : build_binary(b, OP_LT, x0, x1);
    if (needs(reverse, op, 0))
        contribute(reverse, x0, build_select(b, first, g, zero));
    if (needs(reverse, op, 1))
        contribute(reverse, x1, build_select(b, first, zero, g));
}

static void vjp_select(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)y;
    Builder *b = reverse->b;
    Value zero = build_const(b, op->type, 0);
    if (needs(reverse, op, 1))
        contribute(reverse, op->args[1], build_select(b, op->args[0], g, zero));
    if (needs(reverse, op, 2))
        contribute(reverse, op->args[2], build_select(b, op->args[0], zero, g));
}

/* ---- movement ---- */

static void vjp_broadcast(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)y;
    Dims added = {0};
    for (unsigned axis = 0; axis < op->type.rank; axis++)
        if (!dims_contain(op->a, axis))
            added.v[added.n++] = axis;
    contribute(reverse, op->args[0], build_reduce(reverse->b, OP_REDUCE_SUM, g, added));
}

static void vjp_reshape(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)y;
    contribute(reverse, op->args[0], build_reshape(reverse->b, g, value_type(reverse->b, op->args[0])));
}

static void vjp_transpose(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)y;
    Dims inverse = {.n = op->a.n};
    for (unsigned i = 0; i < op->a.n; i++)
        inverse.v[op->a.v[i]] = i;
    contribute(reverse, op->args[0], build_transpose(reverse->b, g, inverse));
}

static void vjp_slice(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)y;
    contribute(reverse, op->args[0], build_pad(reverse->b, g, op->a, value_type(reverse->b, op->args[0])));
}

static void vjp_pad(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)y;
    contribute(reverse, op->args[0], build_slice(reverse->b, g, op->a, value_type(reverse->b, op->args[0])));
}

static void vjp_concat(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)y;
    Dims start = {.n = op->type.rank};
    unsigned axis = (unsigned)op->a.v[0];
    for (uint32_t i = 0; i < op->nargs; i++) {
        Type piece = value_type(reverse->b, op->args[i]);
        if (needs(reverse, op, i))
            contribute(reverse, op->args[i], build_slice(reverse->b, g, start, piece));
        start.v[axis] += piece.dims[axis];
    }
}

/* ---- reductions, products, indexing ---- */

static Dims axes_kept(Type type, Dims removed)
{
    Dims kept = {0};
    for (unsigned axis = 0; axis < type.rank; axis++)
        if (!dims_contain(removed, axis))
            kept.v[kept.n++] = axis;
    return kept;
}

static void vjp_reduce_sum(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)y;
    Type type = value_type(reverse->b, op->args[0]);
    contribute(reverse, op->args[0], build_broadcast(reverse->b, g, type, axes_kept(type, op->a)));
}

/* Equal maxima share the cotangent equally. */
static void vjp_reduce_max(Reverse *reverse, const Op *op, Value y, Value g)
{
    Builder *b = reverse->b;
    Value x = op->args[0];
    Type type = value_type(b, x);
    Dims kept = axes_kept(type, op->a);
    Value winners = build_cast(b, build_binary(b, OP_EQ, x, build_broadcast(b, y, type, kept)), type.dtype);
    Value share = build_binary(b, OP_DIV, g, build_reduce(b, OP_REDUCE_SUM, winners, op->a));
    contribute(reverse, x, build_binary(b, OP_MUL, winners, build_broadcast(b, share, type, kept)));
}

static Dims free_axes(unsigned rank, Dims contract, Dims batch)
{
    Dims axes = {0};
    for (unsigned axis = 0; axis < rank; axis++)
        if (!dims_contain(contract, axis) && !dims_contain(batch, axis))
            axes.v[axes.n++] = axis;
    return axes;
}

static Dims consecutive(unsigned first, unsigned n)
{
    Dims axes = {.n = (uint8_t)n};
    for (unsigned i = 0; i < n; i++)
        axes.v[i] = first + i;
    return axes;
}

/* One operand of a product: `contract` pairs with the other's. */
typedef struct Side {
    Value value;
    Dims contract, batch, free;
    unsigned g_free; /* where its free axes start in the result */
} Side;

/* The cotangent of `to`: the product of g with `other` over other's free axes, its axes then put in `to`'s order. Of the two orders
 * of that product the one that needs no transposition is taken, if there is one. */
static Value dot_cotangent(Builder *b, Value g, Side to, Side other)
{
    Dims g_batch = consecutive(0, to.batch.n), g_other = consecutive(other.g_free, other.free.n);
    for (int attempt = 0;; attempt++) {
        /* axes of `to` in the order of the product's result: batch, then g's part and other's part in either order. other's
         * contracted axes keep other's order. */
        Dims order = to.batch;
        Dims contracted = {0};
        for (int64_t axis = 0; axis < MAX_RANK; axis++)
            for (unsigned i = 0; i < other.contract.n; i++)
                if (other.contract.v[i] == axis)
                    contracted.v[contracted.n++] = to.contract.v[i];
        bool g_first = attempt != 1;
        for (unsigned part = 0; part < 2; part++) {
            Dims axes = (part == 0) == g_first ? to.free : contracted;
            for (unsigned i = 0; i < axes.n; i++)
                order.v[order.n++] = axes.v[i];
        }
        Dims permutation = {.n = order.n}; /* result axis of each axis of `to` */
        bool identity = true;
        for (unsigned i = 0; i < order.n; i++) {
            permutation.v[order.v[i]] = i;
            identity &= order.v[i] == i;
        }
        if (!identity && attempt < 2)
            continue;
        Value product = g_first ? build_dot(b, g, other.value, g_other, other.free, g_batch, other.batch)
                                : build_dot(b, other.value, g, other.free, g_other, other.batch, g_batch);
        return identity ? product : build_transpose(b, product, permutation);
    }
}

static void vjp_dot(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)y;
    Builder *b = reverse->b;
    unsigned rank_x = value_type(b, op->args[0]).rank, rank_y = value_type(b, op->args[1]).rank;
    Side left = {op->args[0], op->a, op->c, free_axes(rank_x, op->a, op->c), op->c.n};
    Side right = {op->args[1], op->b, op->d, free_axes(rank_y, op->b, op->d), op->c.n + left.free.n};
    if (needs(reverse, op, 0))
        contribute(reverse, left.value, dot_cotangent(b, g, left, right));
    if (needs(reverse, op, 1))
        contribute(reverse, right.value, dot_cotangent(b, g, right, left));
}

static void vjp_gather(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)y;
    int64_t rows = value_type(reverse->b, op->args[0]).dims[0];
    contribute(reverse, op->args[0], build_scatter_add(reverse->b, op->args[1], g, rows));
}

static void vjp_scatter(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)y;
    contribute(reverse, op->args[1], build_gather(reverse->b, g, op->args[0]));
}

static void vjp_zero(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)reverse, (void)op, (void)y, (void)g;
}

/* Not reached from a verified function: pseudo ops are gone before, writes have no users. */
static void vjp_none(Reverse *reverse, const Op *op, Value y, Value g)
{
    vjp_zero(reverse, op, y, g);
}

static VjpRule *const vjp_rules[OP_COUNT] = {
#define OP(NAME, mnemonic, arity, effect, infer, batch, vjp, jvp, lowering) [OP_##NAME] = vjp_##vjp,
#include "ir/ops.def"
#undef OP
};

Value unary_derivative(Builder *b, OpCode code, Value x, Value y)
{
    Type type = value_type(b, x);
    Value one = build_const(b, type, 1);
    switch (code) {
    case OP_ABS:
        return build_unary(b, OP_SIGN, x);
    case OP_EXP:
        return y;
    case OP_LOG:
        return build_binary(b, OP_DIV, one, x);
    case OP_LOG1P:
        return build_binary(b, OP_DIV, one, build_binary(b, OP_ADD, one, x));
    case OP_SQRT:
        return build_binary(b, OP_DIV, build_const(b, type, 0.5), y);
    case OP_TANH:
        return build_binary(b, OP_SUB, one, build_binary(b, OP_MUL, y, y));
    case OP_SIN:
        return build_unary(b, OP_COS, x);
    case OP_COS:
        return build_unary(b, OP_NEG, build_unary(b, OP_SIN, x));
    default: { /* erf: 2/sqrt(pi) exp(-x^2) */
        Value bell = build_unary(b, OP_EXP, build_unary(b, OP_NEG, build_binary(b, OP_MUL, x, x)));
        return build_with_const(b, OP_MUL, bell, 2 / sqrt(acos(-1)));
    }
    }
}

/* ---- the sweep ---- */

typedef struct Piece {
    int64_t begin;
    Value value;
} Piece;

static int by_begin(const void *left, const void *right)
{
    int64_t a = ((const Piece *)left)->begin, b = ((const Piece *)right)->begin;
    return a < b ? -1 : a > b;
}

/* If the contributions to a value are pads that tile it along one axis, their concat; otherwise NO_VALUE. */
static Value concat_pieces(Reverse *reverse, Value v, uint32_t count)
{
    Builder *b = reverse->b;
    Type whole = value_type(b, v);
    Piece *pieces = support_malloc(count * sizeof *pieces);
    Value *values = support_malloc(count * sizeof *values);
    int axis = -1;
    uint32_t n = 0;
    bool tiles = count > 1;
    for (Value c = reverse->first[v]; c != NO_VALUE && tiles; c = reverse->contributions.data[c].next) {
        const Op *pad = OP_AT(b->function, reverse->contributions.data[c].value);
        tiles = pad->code == OP_PAD;
        if (!tiles)
            break;
        Type piece = value_type(b, pad->args[0]);
        for (unsigned i = 0; i < whole.rank && tiles; i++) {
            if (piece.dims[i] == whole.dims[i])
                continue;
            tiles = axis < 0 || axis == (int)i;
            axis = (int)i;
        }
        if (axis >= 0)
            pieces[n++] = (Piece){pad->a.v[axis], pad->args[0]};
    }
    tiles = tiles && axis >= 0 && n == count;
    if (tiles)
        qsort(pieces, n, sizeof *pieces, by_begin);
    int64_t end = 0;
    for (uint32_t i = 0; i < n && tiles; i++) {
        tiles = pieces[i].begin == end;
        end += value_type(b, pieces[i].value).dims[axis];
        values[i] = pieces[i].value;
    }
    Value result = tiles && end == whole.dims[axis] ? build_concat(b, n, values, axis) : NO_VALUE;
    support_free(pieces);
    support_free(values);
    return result;
}

static Value cotangent(Reverse *reverse, Value v)
{
    uint32_t count = 0;
    for (Value c = reverse->first[v]; c != NO_VALUE; c = reverse->contributions.data[c].next)
        count++;
    if (count == 0)
        return NO_VALUE;
    Value sum = concat_pieces(reverse, v, count);
    if (sum != NO_VALUE)
        return sum;
    for (Value c = reverse->first[v]; c != NO_VALUE; c = reverse->contributions.data[c].next) {
        Value value = reverse->contributions.data[c].value;
        sum = sum == NO_VALUE ? value : build_binary(reverse->b, OP_ADD, sum, value);
    }
    return sum;
}

/* needed[v]: v depends on some x and y depends on v. */
static void mark_needed(const Function *f, Value y, uint32_t n, const Value *xs, bool *needed)
{
    bool *used = support_malloc(y + 1);
    for (Value v = 0; v <= y; v++)
        needed[v] = used[v] = false;
    for (uint32_t i = 0; i < n; i++)
        if (xs[i] <= y)
            needed[xs[i]] = true;
    for (Value v = 0; v <= y; v++)
        for (uint32_t i = 0; i < OP_AT(f, v)->nargs; i++)
            needed[v] |= needed[OP_AT(f, v)->args[i]];
    used[y] = true;
    for (Value v = y + 1; v-- > 0;) {
        if (used[v])
            for (uint32_t i = 0; i < OP_AT(f, v)->nargs; i++)
                used[OP_AT(f, v)->args[i]] = true;
        needed[v] &= used[v];
    }
    support_free(used);
}

void vjp_append(Builder *b, Value y, uint32_t n, const Value *xs, Value *grads)
{
    Reverse reverse = {.b = b};
    reverse.needed = support_malloc(y + 1);
    reverse.first = support_malloc((y + 1) * sizeof(Value));
    for (Value v = 0; v <= y; v++)
        reverse.first[v] = NO_VALUE;
    mark_needed(b->function, y, n, xs, reverse.needed);
    contribute(&reverse, y, build_const(b, value_type(b, y), 1));
    for (uint32_t i = 0; i < n; i++)
        grads[i] = NO_VALUE;
    for (Value v = y + 1; v-- > 0;) {
        if (!reverse.needed[v] || reverse.first[v] == NO_VALUE)
            continue;
        Op op = *OP_AT(b->function, v); /* a copy: rules append ops */
        b->line = op.line;
        Value g = cotangent(&reverse, v);
        for (uint32_t i = 0; i < n; i++)
            if (xs[i] == v)
                grads[i] = g;
        vjp_rules[op.code](&reverse, &op, v, g);
    }
    for (uint32_t i = 0; i < n; i++)
        if (grads[i] == NO_VALUE)
            grads[i] = build_const(b, value_type(b, xs[i]), 0);
    support_free(reverse.needed);
    support_free(reverse.first);
    vec_free(&reverse.contributions);
}
