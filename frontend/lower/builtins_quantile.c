/* The quantile of the elements of some axes, by counting: an element is number k of the sorted elements, from 0 on, if k lies
 * between the number of smaller elements and that of smaller or equal ones. So n elements take n² comparisons, and no element
 * moves. */
#include "frontend/lower/builtins.h"

#include <math.h>

/* x as [rest, n], whose last axis holds the elements of the axes. */
static Value gathered(Builder *b, Value x, Dims axes, int64_t n)
{
    Type type = value_type(b, x);
    Dims order = {0};
    for (unsigned axis = 0; axis < type.rank; axis++)
        if (!dims_contain(axes, axis))
            order.v[order.n++] = axis;
    for (unsigned i = 0; i < axes.n; i++)
        order.v[order.n++] = axes.v[i];
    int64_t extents[] = {type_elements(type) / n, n};
    return build_reshape(b, build_transpose(b, x, order), type_of(type.dtype, 2, extents));
}

typedef struct Ranks {
    Value x;           /* [rest, n] */
    Value below, upto; /* how many elements of its row are smaller than each element; smaller or equal */
} Ranks;

static Ranks rank_elements(Builder *b, Value x)
{
    Type type = value_type(b, x);
    int64_t n = type.dims[1], extents[] = {type.dims[0], n, n};
    Type pairs = type_of(type.dtype, 3, extents);
    Value one = build_broadcast(b, x, pairs, (Dims){.n = 2, .v = {0, 1}});
    Value other = build_broadcast(b, x, pairs, (Dims){.n = 2, .v = {0, 2}});
    Value smaller = build_cast(b, build_binary(b, OP_LT, other, one), type.dtype);
    Value not_larger = build_cast(b, build_binary(b, OP_LE, other, one), type.dtype);
    return (Ranks){x, build_reduce(b, OP_REDUCE_SUM, smaller, dims_of(1, 2)),
                   build_reduce(b, OP_REDUCE_SUM, not_larger, dims_of(1, 2))};
}

/* Number k of the sorted elements of each row. Of equal elements each gets an equal share of the derivative, as in a maximum. */
static Value sorted_element(Builder *b, const Ranks *ranks, double k)
{
    Type type = value_type(b, ranks->x);
    Value number = build_const(b, type, k);
    Value begun = build_binary(b, OP_LE, ranks->below, number);
    Value is_it = build_binary(b, OP_AND, begun, build_binary(b, OP_LT, number, ranks->upto));
    Value chosen = build_select(b, is_it, ranks->x, build_const(b, type, -INFINITY));
    return build_reduce(b, OP_REDUCE_MAX, chosen, dims_of(1, 1));
}

/* 0 for each row, but NaN where one of its elements is. */
static Value undefined_rows(Builder *b, Value x)
{
    Value zero = build_const(b, value_type(b, x), 0);
    Value defined = build_binary(b, OP_EQ, x, x), undefined = build_select(b, defined, zero, build_unary(b, OP_STOP, x));
    return build_reduce(b, OP_REDUCE_SUM, undefined, dims_of(1, 1));
}

Val builtin_quantile(Session *s, Call *call)
{
    Builder *b = &s->builder;
    Val x = as_real(s, call->args[0], call->spans[0]);
    double q;
    Dims axes;
    if (is_poison(x) || !as_number(s, call->args[1], call->spans[1], "the share of a quantile", &q))
        return val_poison();
    if (!(q >= 0 && q <= 1)) {
        fail(s, call->spans[1], "the share of a quantile lies between 0 and 1, but this is %.6g", q);
        return add_help(s, "the median is 'quantile(x, 0.5)'"), val_poison();
    }
    if (s->frame && s->frame->objective && !call->over && !call->has_axis) {
        fail(s, call->expr->span, "a quantile is not taken across the batch");
        return add_help(s, "with 'axis:' it is taken within the example"), val_poison();
    }
    Type type = val_type(s, x), kept = {.dtype = type.dtype};
    if (!reduction_axes(s, call, type, &axes))
        return val_poison();
    int64_t n = 1;
    for (unsigned axis = 0; axis < type.rank; axis++) {
        if (dims_contain(axes, axis))
            n *= type.dims[axis];
        else
            kept.dims[kept.rank++] = type.dims[axis];
    }
    if (n > LIMIT_QUANTILE)
        return fail(s, call->expr->span, "a quantile of %lld numbers (limit is %d, as each is compared with each)", (long long)n,
                    LIMIT_QUANTILE);
    if (!check_type(s, type_of(type.dtype, 3, (int64_t[]){type_elements(kept), n, n}), call->expr->span))
        return val_poison();
    Ranks ranks = rank_elements(b, gathered(b, x.ir, axes, n));
    double place = q * (double)(n - 1), below = floor(place), share = place - below;
    Value result = sorted_element(b, &ranks, below);
    if (share > 0) {
        Value step = build_binary(b, OP_SUB, sorted_element(b, &ranks, below + 1), result);
        result = build_binary(b, OP_ADD, result, build_with_const(b, OP_MUL, step, share));
    }
    result = build_binary(b, OP_ADD, result, undefined_rows(b, ranks.x));
    return val_tensor(build_reshape(b, result, kept));
}
