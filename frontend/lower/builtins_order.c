/* Order and place: sort, argsort, ranks, top_k; slice, which takes neighbours from a computed position on. */
#include "frontend/lower/builtins.h"
#include "frontend/lower/positions.h"

/* The only axis, or the one of `axis:`; reports otherwise. */
static bool one_axis(Session *s, const Call *call, Val x, unsigned *axis)
{
    Type type = val_type(s, x);
    Dims axes;
    if (type.rank == 0 || (!call->has_axis && !call->over && type.rank != 1)) {
        if (type.rank == 0)
            fail(s, call->spans[0], "%s takes a tensor with an axis, but this is %s", call->primitive->name, describe(s, x));
        else
            fail(s, call->expr->span, "%s of %s needs an axis, as in '%s(%s, axis: 0)'", call->primitive->name, describe(s, x),
                 call->primitive->name,
                 call->n == 1   ? "x"
                 : call->n == 2 ? "x, k"
                                : "x, start, n");
        return false;
    }
    if (!reduction_axes(s, call, type, &axes))
        return false;
    if (axes.n != 1) {
        fail(s, call->axis_span, "%s takes one axis", call->primitive->name);
        return false;
    }
    *axis = (unsigned)axes.v[0];
    return true;
}

/* The operand as numbers that have an order, and its axis. */
static bool ordered(Session *s, const Call *call, Val *x, unsigned *axis)
{
    *x = as_tensor(s, call->args[0], call->spans[0]);
    if (!is_poison(*x) && val_type(s, *x).dtype != DTYPE_I32)
        *x = as_real(s, *x, call->spans[0]);
    return !is_poison(*x) && one_axis(s, call, *x, axis);
}

Val builtin_sort(Session *s, Call *call)
{
    Val x;
    unsigned axis;
    if (!ordered(s, call, &x, &axis))
        return val_poison();
    return val_tensor(build_take_along(&s->builder, x.ir, build_sort(&s->builder, x.ir, (int)axis), axis));
}

Val builtin_argsort(Session *s, Call *call)
{
    Val x;
    unsigned axis;
    return ordered(s, call, &x, &axis) ? val_tensor(build_sort(&s->builder, x.ir, (int)axis)) : val_poison();
}

/* The position of each element in the sorted ones: the inverse permutation, which is what sorts the permutation. */
Val builtin_ranks(Session *s, Call *call)
{
    Val x = builtin_argsort(s, call);
    unsigned axis;
    return !is_poison(x) && one_axis(s, call, x, &axis) ? val_tensor(build_sort(&s->builder, x.ir, (int)axis)) : val_poison();
}

/* The k largest, the largest first, and where they stand. */
Val builtin_top_k(Session *s, Call *call)
{
    Builder *b = &s->builder;
    Val x = as_real(s, call->args[0], call->spans[0]);
    unsigned axis;
    int64_t k;
    if (is_poison(x) || !one_axis(s, call, x, &axis))
        return val_poison();
    Type type = val_type(s, x);
    if (!as_integer(s, call->args[1], call->spans[1], "the number of elements", 1, type.dims[axis], &k))
        return val_poison();
    Type part = type_with_dtype(type, DTYPE_I32);
    part.dims[axis] = k;
    Value order = build_sort(b, build_unary(b, OP_NEG, x.ir), (int)axis);
    Value places = build_slice(b, order, (Dims){.n = type.rank}, part);
    Val results[] = {val_tensor(build_take_along(b, x.ir, places, axis)), val_tensor(places)};
    return val_results(s, 2, results);
}

Val builtin_slice(Session *s, Call *call)
{
    Builder *b = &s->builder;
    Val x = as_tensor(s, call->args[0], call->spans[0]), start = call->args[1];
    unsigned axis;
    int64_t n, known;
    if (is_poison(x) || !one_axis(s, call, x, &axis))
        return val_poison();
    int64_t extent = val_type(s, x).dims[axis];
    if (!as_integer(s, call->args[2], call->spans[2], "the number of entries", 1, extent, &n))
        return val_poison();
    Type at = type_of(DTYPE_I32, 1, &n);
    if (start.kind == VAL_NUMBER) {
        if (!as_integer(s, start, call->spans[1], "the start", 0, extent - n, &known))
            return val_poison();
        start = val_tensor(build_const(b, type_scalar(DTYPE_I32), (double)known));
    }
    start = as_tensor(s, start, call->spans[1]);
    if (is_poison(start))
        return start;
    if (val_type(s, start).rank != 0)
        return fail(s, call->spans[1], "the start is one position, but this is %s", describe(s, start));
    start.classes = 0; /* that of a label is a number of entries elsewhere */
    Positions positions = {.first = axis};
    if (!add_position(s, &positions, start, extent, call->spans[1]))
        return val_poison();
    positions.at[0] = build_splat(b, positions.at[0], at);
    positions.at[0] = build_binary(b, OP_ADD, positions.at[0], build_iota(b, at, 0));
    Dims shape;
    Value taken = take_positions(s, &positions, x.ir, call->expr->span, &shape);
    return taken == NO_VALUE ? val_poison() : val_tensor(taken);
}
