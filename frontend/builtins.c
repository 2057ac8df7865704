/* The table of the primitives that the language can call. Everything else is written in std.hn. */
#include "frontend/builtins.h"

#include <math.h>
#include <string.h>

static double fold_sign(double x)
{
    return (x > 0) - (x < 0);
}

static const Primitive primitives[] = {
    {"abs", 1, 1, builtin_unary, false, OP_ABS, fabs},
    {"argmax", 1, 1, builtin_argmax, true, OP_ARGMAX, NULL},
    {"bernoulli", 2, 2, builtin_bernoulli, false, OP_RANDOM, NULL},
    {"concat", 1, MAX_ARGS, builtin_concat, true, OP_CONCAT, NULL},
    {"cos", 1, 1, builtin_unary, false, OP_COS, cos},
    {"dot", 2, 2, builtin_dot, false, OP_DOT, NULL},
    {"elements", 1, 1, builtin_elements, false, OP_COUNT, NULL},
    {"erf", 1, 1, builtin_unary, false, OP_ERF, erf},
    {"exp", 1, 1, builtin_unary, false, OP_EXP, exp},
    {"expm1", 1, 1, builtin_unary, false, OP_EXPM1, expm1},
    {"f32", 1, 1, builtin_cast_real, false, OP_CAST, NULL},
    {"flat", 1, 1, builtin_flat, false, OP_CONCAT, NULL},
    {"floor", 1, 1, builtin_unary, false, OP_FLOOR, floor},
    {"iota", 1, 1, builtin_iota, false, OP_IOTA, NULL},
    {"log", 1, 1, builtin_unary, false, OP_LOG, log},
    {"log1p", 1, 1, builtin_unary, false, OP_LOG1P, log1p},
    {"max", 1, 2, builtin_maximum, true, OP_MAX, NULL},
    {"mean", 1, 1, builtin_reduction, true, OP_REDUCE_SUM, NULL},
    {"min", 2, 2, builtin_binary, false, OP_MIN, NULL},
    {"normal", 0, 1, builtin_normal, false, OP_RANDOM, NULL},
    {"onehot", 2, 2, builtin_onehot, false, OP_EQ, NULL},
    {"pow", 2, 2, builtin_binary, false, OP_POW, NULL},
    {"reshape", 2, 2, builtin_reshape, false, OP_RESHAPE, NULL},
    {"shape", 1, 1, builtin_shape, false, OP_COUNT, NULL},
    {"sign", 1, 1, builtin_unary, false, OP_SIGN, fold_sign},
    {"sin", 1, 1, builtin_unary, false, OP_SIN, sin},
    {"sqrt", 1, 1, builtin_unary, false, OP_SQRT, sqrt},
    {"stop", 1, 1, builtin_stop, false, OP_STOP, NULL},
    {"sum", 1, 1, builtin_reduction, true, OP_REDUCE_SUM, NULL},
    {"sumsq", 1, 1, builtin_sumsq, false, OP_DOT, NULL},
    {"tanh", 1, 1, builtin_unary, false, OP_TANH, tanh},
    {"transpose", 1, 2, builtin_transpose, false, OP_TRANSPOSE, NULL},
    {"uniform", 0, 1, builtin_uniform, false, OP_RANDOM, NULL},
    {"where", 3, 3, builtin_where, false, OP_SELECT, NULL},
};

void builtin_names(Candidates *candidates)
{
    for (size_t i = 0; i < COUNT_OF(primitives); i++)
        vec_push(&candidates->names, primitives[i].name);
}

static bool poisoned(const Call *call)
{
    for (unsigned i = 0; i < call->n; i++)
        if (is_poison(call->args[i]))
            return true;
    return is_poison(call->condition);
}

static bool read_axis(Session *s, Call *call, const Arg *arg)
{
    Val value = evaluate(s, arg->value);
    int64_t axis;
    call->has_axis = true;
    call->axis_span = arg->span;
    if (value.kind == VAL_DIMS) {
        call->axes = value.dims;
        return true;
    }
    if (!as_integer(s, value, arg->span, "an axis", -MAX_RANK, MAX_RANK, &axis))
        return false;
    call->axes = (Dims){.n = 1, .v = {axis}};
    return true;
}

static bool read_arguments(Session *s, const Primitive *primitive, Call *call)
{
    const char *name = primitive->name;
    bool fine = true;
    for (const Arg *arg = call->expr->args.first; arg; arg = arg->next) {
        bool axis = arg->label.text && strcmp(arg->label.text, "axis") == 0;
        if ((arg->kind == ARG_OVER || arg->condition || axis) && !primitive->reduces) {
            fail(s, arg->span, "'%s' takes no '%s'", name, axis ? "axis:" : arg->condition ? "where" : "over");
            return false;
        }
        if (arg->label.text && !axis) {
            fail(s, arg->label.span, "'%s' has no parameter '%s'", name, arg->label.text);
            return false;
        }
        if (arg->kind == ARG_OVER) {
            call->over = arg->value;
            call->axis_span = arg->span;
        } else if (axis) {
            fine &= read_axis(s, call, arg);
        } else if (call->n < primitive->most) {
            call->spans[call->n] = arg->span;
            call->args[call->n++] = evaluate(s, arg->value);
            if (arg->condition) {
                call->condition = evaluate(s, arg->condition);
                call->condition_span = arg->condition->span;
            }
        } else {
            call->n++;
            break;
        }
    }
    if (call->n >= primitive->least && call->n <= primitive->most)
        return fine;
    unsigned wanted = call->n < primitive->least ? primitive->least : primitive->most;
    fail(s, call->expr->span, "'%s' takes %s%u argument%s, but %s given", name,
         primitive->least == primitive->most ? ""
         : call->n < primitive->least        ? "at least "
                                             : "at most ",
         wanted, wanted == 1 ? "" : "s",
         call->n > primitive->most ? "more are"
         : call->n == 0            ? "none is"
         : call->n == 1            ? "1 is"
                                   : "fewer are");
    return false;
}

Val evaluate_builtin(Session *s, const Expr *expr, bool *known)
{
    for (size_t i = 0; i < COUNT_OF(primitives); i++) {
        if (strcmp(primitives[i].name, expr->left->name.text) != 0)
            continue;
        *known = true;
        Call call = {.expr = expr, .primitive = &primitives[i], .condition.kind = VAL_NONE};
        if (!read_arguments(s, &primitives[i], &call) || poisoned(&call))
            return val_poison();
        return primitives[i].evaluate(s, &call);
    }
    return val_poison();
}
