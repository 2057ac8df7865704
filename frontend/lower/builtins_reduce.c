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

bool reduction_axes(Session *s, const Call *call, Type type, Dims *axes)
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

/* total / count; `undefined` where nothing was counted, with a derivative of zero there. */
static Value mean_of(Builder *b, Value total, Value count, double undefined)
{
    Type type = value_type(b, total);
    Value one = build_const(b, type, 1), other = build_const(b, type, undefined);
    Value mean = build_binary(b, OP_DIV, total, build_binary(b, OP_MAX, count, one));
    return build_select(b, build_binary(b, OP_EQ, count, build_const(b, type, 0)), other, mean);
}

/* What a reduction runs over. */
typedef struct Operand {
    Value x;
    Value chosen, counts; /* of `where`: which elements count, as bool and as 0 or 1; NO_VALUE: all do */
    Dims axes;
} Operand;

static bool read_operand(Session *s, const Call *call, Operand *operand)
{
    Val x = as_real(s, call->args[0], call->spans[0]);
    *operand = (Operand){.chosen = NO_VALUE, .counts = NO_VALUE};
    if (call->condition.kind != VAL_NONE && !is_poison(x)) {
        Val condition = as_bool(s, call->condition, call->condition_span);
        Val counts = as_real(s, condition, call->condition_span);
        unify(s, &x, &counts, call->expr->span);
        if (is_poison(x))
            return false;
        operand->counts = counts.ir;
        operand->chosen = broadcast_to(s, condition.ir, type_dims(val_type(s, x)));
    }
    operand->x = x.ir;
    return !is_poison(x) && reduction_axes(s, call, val_type(s, x), &operand->axes);
}

/* x, or `neutral` in the place of the elements that do not count. */
static Value counted(Builder *b, const Operand *operand, Value x, double neutral)
{
    return operand->chosen == NO_VALUE ? x : build_select(b, operand->chosen, x, build_const(b, value_type(b, x), neutral));
}

static Value sum_over(Session *s, const Call *call, const Operand *operand, Value x)
{
    return reduce(s, call, OP_REDUCE_SUM, counted(&s->builder, operand, x, 0), operand->axes);
}

/* `undefined`: the mean of no elements. */
static Value mean_over(Session *s, const Call *call, const Operand *operand, Value x, double undefined)
{
    if (operand->chosen == NO_VALUE)
        return reduce_mean(s, call, x, operand->axes);
    Value total = sum_over(s, call, operand, x);
    return mean_of(&s->builder, total, reduce(s, call, OP_REDUCE_SUM, operand->counts, operand->axes), undefined);
}

Val builtin_sum(Session *s, Call *call)
{
    Operand operand;
    return read_operand(s, call, &operand) ? val_tensor(sum_over(s, call, &operand, operand.x)) : val_poison();
}

Val builtin_mean(Session *s, Call *call)
{
    Operand operand;
    return read_operand(s, call, &operand) ? val_tensor(mean_over(s, call, &operand, operand.x, NAN)) : val_poison();
}

/* Repeats a reduced value along the axes of its operand that vanished. */
static Value spread(Builder *b, Value reduced, Type type, Dims axes)
{
    Dims kept = {0};
    for (unsigned axis = 0; axis < type.rank; axis++)
        if (!dims_contain(axes, axis))
            kept.v[kept.n++] = axis;
    return axes.n == 0 ? reduced : build_broadcast(b, reduced, type, kept);
}

/* mean(square(x - mean(x))) */
Val builtin_var(Session *s, Call *call)
{
    Builder *b = &s->builder;
    Operand operand;
    if (!read_operand(s, call, &operand))
        return val_poison();
    Value centre = mean_over(s, call, &operand, operand.x, 0); /* a number: NaN would spoil the derivative */
    Value apart = build_binary(b, OP_SUB, operand.x, spread(b, centre, value_type(b, operand.x), operand.axes));
    return val_tensor(mean_over(s, call, &operand, build_binary(b, OP_MUL, apart, apart), NAN));
}

/* max(x, y) is elementwise, max(x) is a reduction; so it is with min. */
Val builtin_extremum(Session *s, Call *call)
{
    bool least = call->primitive->code == OP_MIN;
    Operand operand;
    if (call->n == 1) {
        Builder *b = &s->builder;
        if (!read_operand(s, call, &operand))
            return val_poison();
        Value x = least ? build_unary(b, OP_NEG, operand.x) : operand.x;
        x = reduce(s, call, OP_REDUCE_MAX, counted(b, &operand, x, -3.4e38), operand.axes);
        return val_tensor(least ? build_unary(b, OP_NEG, x) : x);
    }
    if (call->has_axis || call->over || call->condition.kind != VAL_NONE)
        return fail(s, call->expr->span, "the %s of two, '%s(x, y)', takes no 'axis:', 'over' or 'where': it is elementwise",
                    least ? "smaller" : "larger", call->primitive->name);
    return builtin_binary(s, call);
}

/* argmax, and argmin by the negated operand. */
Val builtin_argmax(Session *s, Call *call)
{
    Val x = as_real(s, call->args[0], call->spans[0]);
    Dims axes;
    if (is_poison(x))
        return x;
    Type type = val_type(s, x);
    if (!call->has_axis && !call->over && type.rank != 1)
        return fail(s, call->expr->span, "%s of %s needs an axis, as in '%s(x, axis: 0)'", call->primitive->name, describe(s, x),
                    call->primitive->name);
    if (!reduction_axes(s, call, type, &axes))
        return val_poison();
    if (axes.n != 1)
        return fail(s, call->axis_span, "%s takes one axis", call->primitive->name);
    Value ranked = call->primitive->code == OP_ARGMAX ? x.ir : build_unary(&s->builder, OP_NEG, x.ir);
    Val result = val_tensor(build_argmax(&s->builder, ranked, (int)axes.v[0]));
    result.classes = type.dims[axes.v[0]];
    return result;
}
