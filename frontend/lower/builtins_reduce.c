/* Reductions within an example and, in objectives, across the batch. */
#include "frontend/lower/builtins.h"

#include <math.h>
#include <string.h>

/* The axes that `over s` means: the last ones whose extents are those of the shape or size variable. */
static bool axes_over(Session *s, const Expr *name, Type type, Dims *axes)
{
    Val value = lookup_name(s, name->name);
    Dims shape = value.dims;
    if (value.kind == VAL_NUMBER)
        shape = (Dims){.n = 1, .v = {(int64_t)value.number}};
    else if (value.kind != VAL_DIMS) {
        if (!is_poison(value))
            fail(s, name->span, "'over' takes a size or shape variable, but this is %s", describe(s, value));
        return false;
    }
    for (int first = (int)type.rank - (int)shape.n; first >= 0; first--) {
        if (memcmp(type.dims + first, shape.v, shape.n * sizeof shape.v[0]) != 0)
            continue;
        axes->n = shape.n;
        for (unsigned i = 0; i < shape.n; i++)
            axes->v[i] = first + (int)i;
        return true;
    }
    fail(s, name->span, "%s has no axes of the shape '%s'", describe_type(s, type), name->name.text);
    return false;
}

/* `axis:` entries as increasing axes of the type. */
static bool axes_given(Session *s, const Call *call, Type type, Dims *axes)
{
    for (int axis = 0; axis < type.rank; axis++)
        for (unsigned i = 0; i < call->axes.n; i++)
            if (call->axes.v[i] == axis || call->axes.v[i] == axis - type.rank) {
                axes->v[axes->n++] = axis;
                break;
            }
    for (unsigned i = 0; i < call->axes.n; i++)
        if (call->axes.v[i] >= type.rank || call->axes.v[i] < -(int64_t)type.rank) {
            fail(s, call->axis_span, "%s has no axis %lld", describe_type(s, type), (long long)call->axes.v[i]);
            return false;
        }
    if (axes->n != call->axes.n) {
        fail(s, call->axis_span, "an axis is named twice");
        return false;
    }
    return true;
}

static bool reduction_axes(Session *s, const Call *call, Type type, Dims *axes)
{
    *axes = (Dims){0};
    if (call->over)
        return axes_over(s, call->over, type, axes);
    if (call->has_axis)
        return axes_given(s, call, type, axes);
    for (unsigned i = 0; i < type.rank; i++)
        axes->v[axes->n++] = i;
    return true;
}

/* Whether a value is made of weights and hyperparameters, and of nothing that differs between examples. */
static bool is_made_of_weights(const Function *f, Value of)
{
    bool *needed = support_malloc(of + 1), weights = false, examples = false;
    memset(needed, 0, of + 1);
    needed[of] = true;
    for (Value v = of + 1; v-- > 0;) {
        const Op *op = OP_AT(f, v);
        if (!needed[v])
            continue;
        weights |= op->code == OP_PARAM || op->code == OP_CONDITION;
        examples |= op->code == OP_EXAMPLE || op->code == OP_INPUT || op->code == OP_RANDOM;
        for (uint32_t i = 0; i < op->nargs; i++)
            needed[op->args[i]] = true;
    }
    support_free(needed);
    return weights && !examples;
}

static void warn_of_sum(Session *s, const Call *call, unsigned rank)
{
    static const char *const axes[] = {"0", "[0, 1]", "[0, 1, 2]"};
    warn(s, WARNING_SUM_OF_WEIGHTS, call->expr->span,
         "nothing in this sum depends on the example, but it is taken across the batch, too: it grows with the number of "
         "examples");
    if (rank > 0 && rank <= COUNT_OF(axes))
        add_help(s, "with 'axis: %s' it is taken over the tensor alone", axes[rank - 1]);
}

/* Reduces over axes and, in an objective that names none, across the batch. */
static Value reduce(Session *s, const Call *call, OpCode code, Value x, Dims axes)
{
    bool across = s->frame && s->frame->objective && !call->over && !call->has_axis;
    if (across && strcmp(call->primitive->name, "sum") == 0 && is_made_of_weights(s->builder.function, x))
        warn_of_sum(s, call, value_type(&s->builder, x).rank);
    x = build_reduce(&s->builder, code, x, axes);
    return across ? build_unary(&s->builder, code == OP_REDUCE_SUM ? OP_ACROSS_SUM : OP_ACROSS_MAX, x) : x;
}

static Value reduce_mean(Session *s, const Call *call, Value x, Dims axes)
{
    Builder *b = &s->builder;
    double count = 1;
    Type type = value_type(b, x);
    for (unsigned i = 0; i < axes.n; i++)
        count *= (double)type.dims[axes.v[i]];
    x = build_reduce(b, OP_REDUCE_SUM, x, axes);
    if (count > 1)
        x = build_with_const(b, OP_DIV, x, count);
    bool across = s->frame && s->frame->objective && !call->over && !call->has_axis;
    return across ? build_unary(b, OP_ACROSS_MEAN, x) : x;
}

/* total / count; NaN where nothing was counted, but with a derivative of zero there rather than NaN. */
static Value mean_of(Builder *b, Value total, Value count)
{
    Type type = value_type(b, total);
    Value one = build_const(b, type, 1), undefined = build_const(b, type, NAN);
    Value mean = build_binary(b, OP_DIV, total, build_binary(b, OP_MAX, count, one));
    return build_select(b, build_binary(b, OP_EQ, count, build_const(b, type, 0)), undefined, mean);
}

Val builtin_reduction(Session *s, Call *call)
{
    Builder *b = &s->builder;
    bool mean = strcmp(call->primitive->name, "mean") == 0;
    OpCode code = call->primitive->code;
    Val x = as_real(s, call->args[0], call->spans[0]), condition = call->condition;
    Dims axes;
    if (is_poison(x))
        return x;
    if (condition.kind == VAL_NONE) {
        if (!reduction_axes(s, call, val_type(s, x), &axes))
            return val_poison();
        return val_tensor(mean ? reduce_mean(s, call, x.ir, axes) : reduce(s, call, code, x.ir, axes));
    }
    condition = as_bool(s, condition, call->condition_span);
    if (is_poison(condition))
        return condition;
    Val kept = as_real(s, condition, call->condition_span);
    unify(s, &x, &kept, call->expr->span);
    if (is_poison(x) || !reduction_axes(s, call, val_type(s, x), &axes))
        return val_poison();
    Type type = val_type(s, x);
    Value chosen = broadcast_to(s, condition.ir, type_dims(type));
    Value neutral = build_const(b, type, code == OP_REDUCE_SUM ? 0 : -3.4e38);
    Value total = reduce(s, call, code, build_select(b, chosen, x.ir, neutral), axes);
    if (!mean)
        return val_tensor(total);
    return val_tensor(mean_of(b, total, reduce(s, call, OP_REDUCE_SUM, kept.ir, axes)));
}

/* max(x, y) is elementwise, max(x) is a reduction. */
Val builtin_maximum(Session *s, Call *call)
{
    if (call->n == 1) {
        Call reducing = *call;
        static const Primitive reduce_max = {"max", 1, 1, builtin_reduction, TAKES_ALL, OP_REDUCE_MAX, NULL};
        reducing.primitive = &reduce_max;
        return builtin_reduction(s, &reducing);
    }
    if (call->has_axis || call->over || call->condition.kind != VAL_NONE)
        return fail(s, call->expr->span,
                    "the larger of two, 'max(x, y)', takes no 'axis:', 'over' or 'where': it is elementwise");
    return builtin_binary(s, call);
}

Val builtin_argmax(Session *s, Call *call)
{
    Val x = as_real(s, call->args[0], call->spans[0]);
    Dims axes;
    if (is_poison(x))
        return x;
    Type type = val_type(s, x);
    if (!call->has_axis && !call->over && type.rank != 1)
        return fail(s, call->expr->span, "argmax of %s needs an axis, as in 'argmax(x, axis: 0)'", describe(s, x));
    if (!reduction_axes(s, call, type, &axes))
        return val_poison();
    if (axes.n != 1)
        return fail(s, call->axis_span, "argmax takes one axis");
    Val result = val_tensor(build_argmax(&s->builder, x.ir, (int)axes.v[0]));
    result.classes = type.dims[axes.v[0]];
    return result;
}
