/* Compositions of primitives that the frontend and the methods share: squashings, their inverses, normal numbers,
 * elements at computed positions. */
#include <float.h>
#include <math.h>

#include "ir/model.h"

Value build_most(Builder *b, Type type)
{
    return build_const(b, type, type.dtype == DTYPE_F64 ? DBL_MAX : FLT_MAX);
}

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

Value build_unit(Builder *b, Value position, int64_t count)
{
    Type whole = type_of(DTYPE_I32, 1, &count);
    Value places = build_iota(b, whole, 0), there = build_binary(b, OP_EQ, places, build_splat(b, position, whole));
    return build_cast(b, there, b->module->real);
}

Value build_sum_of_product(Builder *b, Value x, Value y)
{
    Value product = build_binary(b, OP_MUL, x, y);
    return build_reduce(b, OP_REDUCE_SUM, product, all_axes(value_type(b, x).rank));
}

/* ---- elements at computed positions ---- */

/* One position along axes that are laid end to end: none may leave its own axis for a neighbour's rows. */
static Value joined_position(Builder *b, Type type, unsigned first, unsigned count, const Value *positions)
{
    Value all = NO_VALUE;
    for (unsigned i = 0; i < count; i++) {
        int64_t extent = type.dims[first + i];
        Value held = count > 1 ? build_within(b, positions[i], extent) : positions[i];
        all = i == 0 ? held : build_binary(b, OP_ADD, build_with_const(b, OP_MUL, all, (double)extent), held);
    }
    return all;
}

/* Axes [first, first + count) go to the front. */
static Value moved_to_front(Builder *b, Value x, unsigned first, unsigned count)
{
    Dims order = all_axes(value_type(b, x).rank);
    for (unsigned i = 0; i < first + count; i++)
        order.v[i] = i < count ? first + i : i - count;
    return first == 0 || count == 0 ? x : build_transpose(b, x, order);
}

Value build_take(Builder *b, Value x, unsigned first, unsigned count, const Value *positions)
{
    Type type = value_type(b, x), table = {.dtype = type.dtype, .rank = 1, .dims = {1}};
    unsigned at = value_type(b, positions[0]).rank;
    for (unsigned i = 0; i < count; i++)
        table.dims[0] *= type.dims[first + i];
    for (unsigned axis = 0; axis < type.rank; axis++)
        if (axis < first || axis >= first + count)
            table.dims[table.rank++] = type.dims[axis];
    Value rows = build_reshape(b, moved_to_front(b, x, first, count), table);
    Value taken = build_gather(b, rows, joined_position(b, type, first, count, positions));
    return moved_to_front(b, taken, at, first); /* the axes before `first` stand behind those of the positions */
}

Value build_take_along(Builder *b, Value x, Value index, unsigned axis)
{
    Type type = value_type(b, index);
    Value positions[MAX_RANK];
    for (unsigned i = 0; i < type.rank; i++)
        positions[i] = i == axis ? index : build_iota(b, type, (int)i);
    return build_take(b, x, 0, type.rank, positions);
}
