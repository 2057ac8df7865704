/* Elementwise primitives. */
#include "frontend/lower/builtins.h"

#include <math.h>

Val builtin_unary(Session *s, Call *call)
{
    const Primitive *primitive = call->primitive;
    if (call->args[0].kind == VAL_NUMBER)
        return val_number(primitive->fold(call->args[0].number));
    Val x = as_real(s, call->args[0], call->spans[0]);
    return is_poison(x) ? x : val_tensor(build_unary(&s->builder, primitive->code, x.ir));
}

Val builtin_stop(Session *s, Call *call)
{
    Val x = as_real(s, call->args[0], call->spans[0]);
    return is_poison(x) ? x : val_tensor(build_unary(&s->builder, OP_STOP, x.ir));
}

Val builtin_binary(Session *s, Call *call)
{
    Val x = call->args[0], y = call->args[1];
    OpCode code = call->primitive->code;
    if (x.kind == VAL_NUMBER && y.kind == VAL_NUMBER)
        return val_number(code == OP_POW   ? pow(x.number, y.number)
                          : code == OP_MAX ? fmax(x.number, y.number)
                                           : fmin(x.number, y.number));
    unify(s, &x, &y, call->expr->span);
    if (is_poison(x) || code == OP_POW || val_type(s, x).dtype != DTYPE_I32) { /* of whole numbers, the larger is whole */
        x = as_real(s, x, call->expr->span);
        y = as_real(s, y, call->expr->span);
    }
    return is_poison(x) ? x : val_tensor(build_binary(&s->builder, code, x.ir, y.ir));
}

Val builtin_cast_real(Session *s, Call *call)
{
    return as_real(s, call->args[0], call->spans[0]);
}

/* Toward zero, and held to the range of the type. A number known at compile time stays one. */
static Val cast_whole(Session *s, const Call *call, DType dtype, double low, double high)
{
    Val x = call->args[0];
    if (x.kind == VAL_NUMBER)
        return val_number(isnan(x.number) ? 0 : fmin(fmax(trunc(x.number), low), high));
    x = as_tensor(s, x, call->spans[0]);
    return is_poison(x) ? x : val_tensor(build_cast(&s->builder, x.ir, dtype));
}

Val builtin_cast_i32(Session *s, Call *call)
{
    return cast_whole(s, call, DTYPE_I32, INT32_MIN, INT32_MAX);
}

Val builtin_cast_u8(Session *s, Call *call)
{
    return cast_whole(s, call, DTYPE_U8, 0, UINT8_MAX);
}

Val builtin_where(Session *s, Call *call)
{
    Val condition = as_bool(s, call->args[0], call->spans[0]), yes = call->args[1], no = call->args[2];
    unify(s, &yes, &no, call->expr->span);
    if (is_poison(condition) || is_poison(yes))
        return val_poison();
    Dims dims, choice = type_dims(val_type(s, condition));
    Type type = val_type(s, yes);
    if (!broadcast_dims(choice, type_dims(type), &dims))
        return fail(s, call->expr->span, "the shapes of %s and %s do not fit together", describe(s, condition), describe(s, yes));
    if (!check_type(s, type_of(type.dtype, dims.n, dims.v), call->expr->span))
        return val_poison();
    condition.ir = broadcast_to(s, condition.ir, dims);
    yes.ir = broadcast_to(s, yes.ir, dims);
    no.ir = broadcast_to(s, no.ir, dims);
    return val_tensor(build_select(&s->builder, condition.ir, yes.ir, no.ir));
}
