/* Primitives that move, make and multiply tensors. */
#include "frontend/lower/builtins.h"

bool shape_argument(Session *s, const Call *call, unsigned i, Dims *dims)
{
    if (is_list(call->args[i])) {
        if (!as_dims(s, call->args[i], call->spans[i], dims))
            return false;
    } else if (call->args[i].kind == VAL_NUMBER) {
        *dims = (Dims){.n = 1};
        if (call->args[i].number == -1)
            return refuse_inference(s, call->spans[i]);
        if (!as_integer(s, call->args[i], call->spans[i], "an extent", 1, MAX_ELEMENTS, &dims->v[0]))
            return false;
    } else {
        fail(s, call->spans[i], "a shape such as [3, 4] is needed here, but this is %s", describe(s, call->args[i]));
        return false;
    }
    for (unsigned axis = 0; axis < dims->n; axis++)
        if (dims->v[axis] < 1) {
            fail(s, call->spans[i], "an extent must be at least 1");
            return false;
        }
    return can_build(s, call->expr->span) && check_type(s, type_of(s->module->real, dims->n, dims->v), call->spans[i]);
}

Val builtin_reshape(Session *s, Call *call)
{
    Val x = as_tensor(s, call->args[0], call->spans[0]);
    Dims dims;
    if (is_poison(x) || !shape_argument(s, call, 1, &dims))
        return val_poison();
    Type from = val_type(s, x), to = type_of(from.dtype, dims.n, dims.v);
    if (type_elements(from) != type_elements(to))
        return fail(s, call->expr->span, "%s has %lld elements and cannot become %s with %lld", describe(s, x),
                    (long long)type_elements(from), describe_type(s, to), (long long)type_elements(to));
    return val_tensor(build_reshape(&s->builder, x.ir, to));
}

Val builtin_transpose(Session *s, Call *call)
{
    Val x = as_tensor(s, call->args[0], call->spans[0]);
    if (is_poison(x))
        return x;
    Type type = val_type(s, x);
    Dims axes = {.n = type.rank};
    for (unsigned i = 0; i < type.rank; i++)
        axes.v[i] = type.rank - 1 - (int)i;
    if (call->n == 2) {
        bool fits = call->args[1].kind == VAL_DIMS && call->args[1].dims.n == type.rank;
        for (unsigned i = 0; fits && i < type.rank; i++)
            fits = dims_contain(call->args[1].dims, i);
        if (!fits)
            return fail(s, call->spans[1], "the order of axes of %s must be a list of the numbers 0 to %d", describe(s, x),
                        type.rank - 1);
        axes = call->args[1].dims;
    }
    return val_tensor(build_transpose(&s->builder, x.ir, axes));
}

Val builtin_concat(Session *s, Call *call)
{
    int64_t axis = call->has_axis && call->axes.n == 1 ? call->axes.v[0] : 0;
    Type type = {0};
    if (call->has_axis && call->axes.n != 1)
        return fail(s, call->axis_span, "concat takes one axis");
    Value *values = ARENA_ARRAY(&s->file->arena, Value, call->n);
    for (unsigned i = 0; i < call->n; i++) {
        Val x = as_real(s, call->args[i], call->spans[i]);
        if (is_poison(x))
            return x;
        Type next = val_type(s, x);
        if (i == 0 && axis < 0)
            axis += next.rank;
        if (axis < 0 || axis >= next.rank)
            return fail(s, call->spans[i], "%s has no axis %lld to join on", describe(s, x), (long long)axis);
        Type expected = i == 0 ? next : type;
        if (next.rank == expected.rank)
            expected.dims[axis] = next.dims[axis];
        if (!type_equal(next, expected))
            return fail(s, call->spans[i], "%s does not join with %s on axis %lld", describe(s, x), describe_type(s, type),
                        (long long)axis);
        next.dims[axis] += i == 0 ? 0 : type.dims[axis];
        type = next;
        values[i] = x.ir;
    }
    return check_type(s, type, call->expr->span) ? val_tensor(build_concat(&s->builder, call->n, values, (int)axis))
                                                 : val_poison();
}

/* stack(x, y), or stack(e over k), whose values are side by side already. */
Val builtin_stack(Session *s, Call *call)
{
    const Arg *first = call->expr->args.first;
    if (call->n == 1 && first->over)
        return as_real(s, call->args[0], call->spans[0]);
    for (const Arg *arg = first; arg; arg = arg->next)
        if (arg->over)
            return fail(s, arg->span, "'stack' takes 'over' alone, as in 'stack(e over %s)'", arg->over->name.text);
    int64_t axis = call->has_axis && call->axes.n == 1 ? call->axes.v[0] : 0;
    if (call->has_axis && call->axes.n != 1)
        return fail(s, call->axis_span, "stack takes one axis");
    return stack_tensors(s, call->n, call->args, call->spans, axis, call->has_axis ? call->axis_span : call->expr->span);
}

static Val filled(Session *s, Call *call, double number)
{
    Dims dims;
    if (!shape_argument(s, call, 0, &dims))
        return val_poison();
    return val_tensor(build_const(&s->builder, type_of(s->module->real, dims.n, dims.v), number));
}

Val builtin_zeros(Session *s, Call *call)
{
    return filled(s, call, 0);
}

Val builtin_ones(Session *s, Call *call)
{
    return filled(s, call, 1);
}

Val builtin_iota(Session *s, Call *call)
{
    int64_t n;
    if (!as_integer(s, call->args[0], call->spans[0], "an extent", 1, MAX_ELEMENTS, &n) || !can_build(s, call->expr->span))
        return val_poison();
    return val_tensor(build_iota(&s->builder, type_of(DTYPE_I32, 1, &n), 0));
}

Val builtin_onehot(Session *s, Call *call)
{
    Val label = as_tensor(s, call->args[0], call->spans[0]);
    int64_t k;
    if (is_poison(label) || !as_integer(s, call->args[1], call->spans[1], "a number of classes", 1, MAX_ELEMENTS, &k))
        return val_poison();
    Type type = val_type(s, label);
    if (type.dtype != DTYPE_I32 || type.rank != 0)
        return fail(s, call->spans[0], "onehot takes a label or an i32 value, but this is %s", describe(s, label));
    if (label.classes > 0 && label.classes != k)
        return fail(s, call->spans[1], "a label of %lld classes does not fit a vector of %lld", (long long)label.classes,
                    (long long)k);
    Builder *b = &s->builder;
    Type classes = type_of(DTYPE_I32, 1, &k);
    Value numbers = build_iota(b, classes, 0);
    Value equal = build_binary(b, OP_EQ, numbers, build_splat(b, label.ir, classes));
    return val_tensor(build_cast(b, equal, s->module->real));
}

Val builtin_dot(Session *s, Call *call)
{
    Val x = as_real(s, call->args[0], call->spans[0]), y = as_real(s, call->args[1], call->spans[1]);
    if (is_poison(x) || is_poison(y))
        return val_poison();
    Type type = val_type(s, x);
    if (!type_equal(type, val_type(s, y)))
        return fail(s, call->expr->span, "dot takes two tensors of one shape, not %s and %s", describe(s, x), describe(s, y));
    Dims axes = all_axes(type.rank);
    return val_tensor(build_dot(&s->builder, x.ir, y.ir, axes, axes, (Dims){0}, (Dims){0}));
}

Val builtin_elements(Session *s, Call *call)
{
    Dims dims;
    if (is_list(call->args[0]))
        return as_dims(s, call->args[0], call->spans[0], &dims) ? val_number((double)dims_elements(dims)) : val_poison();
    Val x = as_tensor(s, call->args[0], call->spans[0]);
    return is_poison(x) ? x : val_number((double)type_elements(val_type(s, x)));
}

Val builtin_shape(Session *s, Call *call)
{
    Val x = as_tensor(s, call->args[0], call->spans[0]);
    return is_poison(x) ? x : (Val){.kind = VAL_DIMS, .dims = type_dims(val_type(s, x))};
}

Val builtin_rank(Session *s, Call *call)
{
    if (call->args[0].kind == VAL_DIMS)
        return val_number(call->args[0].dims.n);
    Val x = as_tensor(s, call->args[0], call->spans[0]);
    return is_poison(x) ? x : val_number(val_type(s, x).rank);
}
