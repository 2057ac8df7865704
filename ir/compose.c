/* Compositions of primitives that the frontend and the methods share: squashings, their inverses, normal numbers. */
#include <math.h>

#include "ir/model.h"

/* The parts of sigmoid and softplus, as std.hn has them: one condition chooses between pieces, so that every derivative at 0 is
 * that of one smooth piece. */
typedef struct Halves {
    Value positive, tail; /* x > 0; exp -|x| */
} Halves;

static Halves build_halves(Builder *b, Value x)
{
    Value positive = build_binary(b, OP_LT, build_const(b, value_type(b, x), 0), x);
    return (Halves){positive, build_unary(b, OP_EXP, build_select(b, positive, build_unary(b, OP_NEG, x), x))};
}

Value build_sigmoid(Builder *b, Value x)
{
    Halves halves = build_halves(b, x);
    Value one = build_const(b, value_type(b, x), 1);
    Value share = build_select(b, halves.positive, one, halves.tail), whole = build_binary(b, OP_ADD, one, halves.tail);
    return build_binary(b, OP_DIV, share, whole);
}

Value build_softplus(Builder *b, Value x)
{
    Halves halves = build_halves(b, x);
    Value zero = build_const(b, value_type(b, x), 0);
    Value relu = build_select(b, halves.positive, x, zero), rest = build_unary(b, OP_LOG1P, halves.tail);
    return build_binary(b, OP_ADD, relu, rest);
}

Value build_normal(Builder *b, Value seed, Value step, Type type, uint32_t stream, uint32_t flags)
{
    Value u = build_random(b, seed, step, type, stream, flags);
    Value angle = build_with_const(b, OP_MUL, build_random(b, seed, step, type, stream + 1, flags), 2 * acos(-1));
    Value open = build_binary(b, OP_SUB, build_const(b, type, 1), u); /* in (0, 1]: its logarithm is finite */
    Value radius = build_unary(b, OP_SQRT, build_with_const(b, OP_MUL, build_unary(b, OP_LOG, open), -2));
    return build_binary(b, OP_MUL, radius, build_unary(b, OP_COS, angle));
}

static Value build_ranged(Builder *b, Value raw, double low, double high)
{
    return build_with_const(b, OP_ADD, build_with_const(b, OP_MUL, build_sigmoid(b, raw), high - low), low);
}

Value build_natural(Builder *b, const Hyper *hyper, Value raw)
{
    switch (hyper->kind) {
    case HYPER_RANGE:
        return build_ranged(b, raw, hyper->low, hyper->high);
    case HYPER_INTEGER: /* clamped, as the sigmoid rounds to 1 far out */
        return build_with_const(b, OP_MIN, build_unary(b, OP_FLOOR, build_ranged(b, raw, hyper->low, hyper->high + 1)),
                                hyper->high);
    case HYPER_POSITIVE:
        return build_softplus(b, raw);
    case HYPER_LOG:
        return build_with_const(b, OP_MUL, build_unary(b, OP_EXP, raw), hyper->init);
    case HYPER_LOG_RANGE:
        return build_unary(b, OP_EXP, build_ranged(b, raw, log(hyper->low), log(hyper->high)));
    case HYPER_REAL:
        break;
    }
    return raw;
}

double hyper_raw(const Hyper *hyper, double natural)
{
    return hyper_kind_raw(hyper->kind, hyper->low, hyper->high, hyper->init, natural);
}

Value build_sum_of_product(Builder *b, Value x, Value y)
{
    Value product = build_binary(b, OP_MUL, x, y);
    return build_reduce(b, OP_REDUCE_SUM, product, all_axes(value_type(b, x).rank));
}
