/* Reverse mode. One sweep from a scalar y back over the ops it depends on; each op's rule turns the cotangent of its result into
 * cotangents of its operands, expressed with the same primitives. Rules see values of the function under construction, so a
 * gradient can be differentiated again.
 *
 * Cotangents that are pieces of one tensor (from slices of it) are put side by side with a concat instead of being padded and
 * added: that keeps the gradient of a merged product one product (passes/merge.c).
 *
 * What a select, an extremum or a largest element does not pass on has the derivative zero, whatever its own slope: the cotangent
 * of log(x) in select(0 < x, log x, ..) must not become 0 * 1/x = NaN at x = 0. So a branch's cotangent travels beside its *mask*
 * for as long as slopes that may not be finite can still be multiplied to it, and becomes select(mask, cotangent, 0) after them.
 */
#include <stdlib.h>

#include "passes/passes.h"
#include "passes/scans.h"

/* Where a cotangent counts; elsewhere it is zero, and the value beside the mask may be anything. */
typedef struct Mask {
    Value condition; /* of the cotangent's shape; NO_VALUE: everywhere */
    bool negated;
} Mask;
static const Mask everywhere = {NO_VALUE, false};

typedef struct Contribution {
    Value value;
    Mask mask;
    Value next;
} Contribution;

typedef struct Reverse {
    Builder *b;
    bool *needed; /* value -> on a path from some x to y */
    bool *wild;   /* value -> may be infinite or NaN where it is not selected */
    bool *steep;  /* value -> a cotangent that it passes on may meet a slope that is infinite or NaN */
    Mask mask;    /* of the cotangent that the current rule passes on */
    Value *first; /* value -> first contribution, NO_VALUE: none */
    VEC(Contribution) contributions;
    ResultCotangents of_results; /* of scans at which the sweep has not arrived yet */
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
    vec_push(&reverse->contributions, (Contribution){g, reverse->mask, NO_VALUE});
}

static Value apply_mask(Builder *b, Value g, Mask mask)
{
    if (mask.condition == NO_VALUE)
        return g;
    Value zero = build_const(b, value_type(b, g), 0);
    return mask.negated ? build_select(b, mask.condition, zero, g) : build_select(b, mask.condition, g, zero);
}

static Value mask_condition(Builder *b, Mask mask)
{
    return mask.negated ? build_unary(b, OP_NOT, mask.condition) : mask.condition;
}

/* As contribute, for a g that counts only where `mask` holds, too. */
static void contribute_where(Reverse *reverse, Value x, Value g, Mask mask)
{
    Builder *b = reverse->b;
    Mask outer = reverse->mask;
    if (!reverse->needed[x])
        return;
    if (outer.condition != NO_VALUE) {
        Value around = mask_condition(b, outer), within = mask_condition(b, mask);
        mask = (Mask){build_binary(b, OP_AND, around, within), false};
    }
    reverse->mask = mask;
    contribute(reverse, x, g);
    reverse->mask = outer;
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
    Value slope = unary_derivative(reverse->b, op->code, op->args[0], y, g);
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
    if (needs(reverse, op, 0))
        contribute(reverse, x, build_binary(b, OP_MUL, g, pow_base_derivative(b, x, p, g)));
    if (needs(reverse, op, 1))
        contribute(reverse, p, build_binary(b, OP_MUL, g, pow_exponent_derivative(b, x, p, y)));
}

/* The greater (smaller) operand takes the cotangent; of two equal ones each takes half. */
static void vjp_extremum(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)y;
    Builder *b = reverse->b;
    Value x0 = op->args[0], x1 = op->args[1];
    Value half = build_with_const(b, OP_MUL, g, 0.5), shared = build_select(b, build_binary(b, OP_EQ, x0, x1), half, g);
    bool max = op->code == OP_MAX;
    if (needs(reverse, op, 0))
        contribute_where(reverse, x0, shared, (Mask){build_binary(b, OP_LE, max ? x1 : x0, max ? x0 : x1), false});
    if (needs(reverse, op, 1))
        contribute_where(reverse, x1, shared, (Mask){build_binary(b, OP_LT, max ? x1 : x0, max ? x0 : x1), true});
}

static void vjp_select(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)y;
    contribute_where(reverse, op->args[1], g, (Mask){op->args[0], false});
    contribute_where(reverse, op->args[2], g, (Mask){op->args[0], true});
}

/* ---- movement ---- */

/* A mask that the same broadcast made is the operand's; for any other mask, only the cotangents inside it are summed. */
static void vjp_broadcast(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)y;
    Dims added = {0};
    if (reverse->mask.condition != NO_VALUE) {
        const Op *mask = OP_AT(reverse->b->function, reverse->mask.condition);
        if (mask->code == OP_BROADCAST && dims_equal(mask->axes, op->axes)) {
            reverse->mask.condition = mask->args[0];
        } else {
            g = apply_mask(reverse->b, g, reverse->mask);
            reverse->mask = everywhere;
        }
    }
    for (unsigned axis = 0; axis < op->type.rank; axis++)
        if (!dims_contain(op->axes, axis))
            added.v[added.n++] = axis;
    contribute(reverse, op->args[0], build_reduce(reverse->b, OP_REDUCE_SUM, g, added));
}

static void vjp_reshape(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)y;
    Type type = value_type(reverse->b, op->args[0]);
    if (reverse->mask.condition != NO_VALUE)
        reverse->mask.condition = build_reshape(reverse->b, reverse->mask.condition, type);
    contribute(reverse, op->args[0], build_reshape(reverse->b, g, type));
}

static void vjp_transpose(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)y;
    Dims inverse = {.n = op->axes.n};
    for (unsigned i = 0; i < op->axes.n; i++)
        inverse.v[op->axes.v[i]] = i;
    if (reverse->mask.condition != NO_VALUE)
        reverse->mask.condition = build_transpose(reverse->b, reverse->mask.condition, inverse);
    contribute(reverse, op->args[0], build_transpose(reverse->b, g, inverse));
}

/* The elements outside the slice get no cotangent, and slopes must not turn this into NaN. */
static void vjp_slice(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)y;
    Builder *b = reverse->b;
    Value x = op->args[0];
    Type whole = value_type(b, x);
    Value padded = build_pad(b, g, op->start, whole);
    if (!reverse->steep[x])
        return contribute(reverse, x, padded);
    bool masked = reverse->mask.condition != NO_VALUE;
    Value inside = masked ? mask_condition(b, reverse->mask) : build_const(b, type_with_dtype(op->type, DTYPE_BOOL), 1);
    reverse->mask = (Mask){build_pad(b, inside, op->start, whole), false};
    contribute(reverse, x, padded);
}

static void vjp_pad(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)y;
    contribute(reverse, op->args[0], build_slice(reverse->b, g, op->before, value_type(reverse->b, op->args[0])));
}

/* The elements in no window get no cotangent: see vjp_slice. */
static void vjp_window(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)y;
    Builder *b = reverse->b;
    Value x = op->args[0];
    Type whole = value_type(b, x), real = type_with_dtype(op->type, whole.dtype);
    Value sums = build_overlap(b, g, whole, windows_of(op));
    if (!reverse->steep[x])
        return contribute(reverse, x, sums);
    bool masked = reverse->mask.condition != NO_VALUE;
    Value counts = masked ? build_cast(b, mask_condition(b, reverse->mask), whole.dtype) : build_const(b, real, 1);
    Value inside = build_overlap(b, counts, whole, windows_of(op));
    reverse->mask = (Mask){build_binary(b, OP_LT, build_const(b, whole, 0), inside), false};
    contribute(reverse, x, sums);
}

static void vjp_overlap(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)y;
    contribute(reverse, op->args[0], build_window(reverse->b, g, windows_of(op)));
}

static void vjp_concat(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)y;
    Dims start = {.n = op->type.rank};
    unsigned axis = (unsigned)op->axis.v[0];
    Mask whole = reverse->mask;
    for (uint32_t i = 0; i < op->nargs; i++) {
        Type piece = value_type(reverse->b, op->args[i]);
        if (whole.condition != NO_VALUE && needs(reverse, op, i))
            reverse->mask.condition = build_slice(reverse->b, whole.condition, start, piece);
        if (needs(reverse, op, i))
            contribute(reverse, op->args[i], build_slice(reverse->b, g, start, piece));
        start.v[axis] += piece.dims[axis];
    }
}

/* ---- reductions, products, indexing ---- */

static void spread_mask(Reverse *reverse, Type type, Dims kept)
{
    if (reverse->mask.condition != NO_VALUE)
        reverse->mask.condition = build_broadcast(reverse->b, reverse->mask.condition, type, kept);
}

static void vjp_reduce_sum(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)y;
    Type type = value_type(reverse->b, op->args[0]);
    Dims kept = other_axes(type.rank, op->axes, (Dims){0});
    spread_mask(reverse, type, kept);
    contribute(reverse, op->args[0], build_broadcast(reverse->b, g, type, kept));
}

/* Equal maxima share the cotangent equally. */
static void vjp_reduce_max(Reverse *reverse, const Op *op, Value y, Value g)
{
    Builder *b = reverse->b;
    Value x = op->args[0];
    Type type = value_type(b, x);
    Dims kept = other_axes(type.rank, op->axes, (Dims){0});
    Value winners = build_binary(b, OP_EQ, x, build_broadcast(b, y, type, kept));
    Value count = build_reduce(b, OP_REDUCE_SUM, build_cast(b, winners, type.dtype), op->axes);
    spread_mask(reverse, type, kept);
    contribute_where(reverse, x, build_broadcast(b, build_binary(b, OP_DIV, g, count), type, kept), (Mask){winners, false});
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

/* The cotangent of `to`: the product of g with `other` over other's free axes, its axes then put in `to`'s order. Of the two
 * orders of that product the one that needs no transposition is taken, if there is one. */
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
    Side left = {op->args[0], op->contract_x, op->batch_x, other_axes(rank_x, op->contract_x, op->batch_x), op->batch_x.n};
    Side right = {op->args[1], op->contract_y, op->batch_y, other_axes(rank_y, op->contract_y, op->batch_y),
                  op->batch_x.n + left.free.n};
    if (needs(reverse, op, 0))
        contribute(reverse, left.value, dot_cotangent(b, g, left, right));
    if (needs(reverse, op, 1))
        contribute(reverse, right.value, dot_cotangent(b, g, right, left));
}

/* Rows that no index names get no cotangent: see vjp_slice. */
static void vjp_gather(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)y;
    Builder *b = reverse->b;
    Value table = op->args[0], index = op->args[1];
    int64_t rows = value_type(b, table).dims[0];
    Mask mask = reverse->mask;
    reverse->mask = everywhere;
    Value updates = build_scatter_add(b, index, apply_mask(b, g, mask), rows);
    if (!reverse->steep[table])
        return contribute(reverse, table, updates);
    Value counted = build_const(b, op->type, 1);
    Value uses = build_scatter_add(b, index, apply_mask(b, counted, mask), rows), zero = build_const(b, value_type(b, table), 0);
    contribute_where(reverse, table, updates, (Mask){build_binary(b, OP_LT, zero, uses), false});
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

/* ---- loops ---- */

/* Keeps it for the scan, whose contributions only say that there are some. */
static void vjp_result(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)y;
    vec_push(&reverse->of_results, (ResultCotangent){op->args[0], g, (uint32_t)op->place.v[0]});
    contribute(reverse, op->args[0], g);
}

/* `g` is one of the cotangents of its results: none stands for itself. */
static void vjp_scan(Reverse *reverse, const Op *op, Value y, Value g)
{
    (void)g;
    Value *grads = support_malloc((op->nargs + 1) * sizeof *grads);
    bool *needed = support_malloc(op->nargs + 1);
    for (uint32_t i = 0; i < op->nargs; i++)
        needed[i] = needs(reverse, op, i) && dtype_is_float(value_type(reverse->b, op->args[i]).dtype);
    vjp_scan_append(reverse->b, y, &reverse->of_results, needed, vjp_append, grads);
    for (uint32_t i = 0; i < op->nargs; i++)
        if (grads[i] != NO_VALUE)
            contribute(reverse, op->args[i], grads[i]);
    support_free(grads);
    support_free(needed);
}

static VjpRule *const vjp_rules[OP_COUNT] = {
#define OP(NAME, mnemonic, arity, effect, infer, batch, vjp, jvp, lowering) [OP_##NAME] = vjp_##vjp,
#include "ir/ops.def"
#undef OP
};

/* ---- the sweep ---- */

/* If the contributions to a value are pads that do not overlap along one axis, their concat; otherwise NO_VALUE. */
static Value concat_pieces(Reverse *reverse, Value v, uint32_t count)
{
    Value *pads = support_malloc(count * sizeof *pads), result = NO_VALUE;
    uint32_t n = 0;
    for (Value c = reverse->first[v]; c != NO_VALUE; c = reverse->contributions.data[c].next)
        if (reverse->contributions.data[c].mask.condition == NO_VALUE)
            pads[n++] = reverse->contributions.data[c].value;
    if (n == count && n > 1)
        result = join_pads(reverse->b, n, pads);
    support_free(pads);
    return result;
}

static bool same_mask(Mask a, Mask b)
{
    return a.condition == b.condition && (a.condition == NO_VALUE || a.negated == b.negated);
}

/* The sum of the contributions to v, of which there is one at least, and its mask: the contributions' mask if all have the same
 * one. */
static Value cotangent(Reverse *reverse, Value v, Mask *mask)
{
    uint32_t count = 0;
    bool shared = true;
    *mask = reverse->contributions.data[reverse->first[v]].mask;
    for (Value c = reverse->first[v]; c != NO_VALUE; c = reverse->contributions.data[c].next) {
        shared &= same_mask(*mask, reverse->contributions.data[c].mask);
        count++;
    }
    *mask = shared ? *mask : everywhere;
    Value sum = concat_pieces(reverse, v, count);
    if (sum != NO_VALUE)
        return sum;
    for (Value c = reverse->first[v]; c != NO_VALUE; c = reverse->contributions.data[c].next) {
        Contribution part = reverse->contributions.data[c];
        Value value = shared ? part.value : apply_mask(reverse->b, part.value, part.mask);
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

static bool is_singular(OpCode code)
{
    switch (code) {
    case OP_EXP:
    case OP_EXPM1:
    case OP_LOG:
    case OP_LOG1P:
    case OP_SQRT:
    case OP_DIV:
    case OP_POW:
        return true;
    default:
        return false;
    }
}

/* Ops whose rules pass a mask on. */
static bool passes_mask(OpCode code)
{
    switch (code) {
    case OP_BROADCAST:
    case OP_RESHAPE:
    case OP_TRANSPOSE:
    case OP_SLICE:
    case OP_CONCAT:
    case OP_GATHER:
    case OP_REDUCE_SUM:
    case OP_REDUCE_MAX:
        return true;
    default:
        return op_info[code].lowering == LOWER_ELEMENTWISE;
    }
}

static void mark_steep(Reverse *reverse, Value y)
{
    for (Value v = 0; v <= y; v++) {
        const Op *op = OP_AT(reverse->b->function, v);
        bool wild = is_singular(op->code), steep = wild;
        for (uint32_t i = 0; i < op->nargs; i++) {
            wild |= reverse->wild[op->args[i]];
            steep |= needs(reverse, op, i) && reverse->steep[op->args[i]];
            steep |= op->code == OP_MUL && reverse->wild[op->args[i]];
        }
        reverse->wild[v] = wild;
        reverse->steep[v] = steep && passes_mask(op->code);
    }
}

static Reverse reverse_new(Builder *b, Value y, uint32_t n, const Value *xs)
{
    Reverse reverse = {.b = b, .mask = everywhere};
    reverse.needed = support_malloc(y + 1);
    reverse.wild = support_malloc(y + 1);
    reverse.steep = support_malloc(y + 1);
    reverse.first = support_malloc((y + 1) * sizeof(Value));
    for (Value v = 0; v <= y; v++)
        reverse.first[v] = NO_VALUE;
    mark_needed(b->function, y, n, xs, reverse.needed);
    mark_steep(&reverse, y);
    return reverse;
}

static void reverse_free(Reverse *reverse)
{
    support_free(reverse->needed);
    support_free(reverse->wild);
    support_free(reverse->steep);
    support_free(reverse->first);
    vec_free(&reverse->contributions);
    vec_free(&reverse->of_results);
}

void vjp_append(Builder *b, Value y, uint32_t n, const Value *xs, Value *grads)
{
    Reverse reverse = reverse_new(b, y, n, xs);
    contribute(&reverse, y, build_const(b, value_type(b, y), 1));
    for (uint32_t i = 0; i < n; i++)
        grads[i] = NO_VALUE;
    for (Value v = y + 1; v-- > 0;) {
        if (!reverse.needed[v] || reverse.first[v] == NO_VALUE)
            continue;
        Op op = *OP_AT(b->function, v); /* a copy: rules append ops */
        b->line = op.line;
        Value g = op.code == OP_SCAN ? NO_VALUE : cotangent(&reverse, v, &reverse.mask);
        for (uint32_t i = 0; i < n; i++)
            if (xs[i] == v)
                grads[i] = apply_mask(b, g, reverse.mask);
        if (!reverse.steep[v]) {
            g = g == NO_VALUE ? g : apply_mask(b, g, reverse.mask);
            reverse.mask = everywhere;
        }
        vjp_rules[op.code](&reverse, &op, v, g);
    }
    for (uint32_t i = 0; i < n; i++)
        if (grads[i] == NO_VALUE)
            grads[i] = build_const(b, value_type(b, xs[i]), 0);
    reverse_free(&reverse);
}
