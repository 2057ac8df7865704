/* The interpreter's elementwise primitives. f32 is computed in float, f64 in double, integers modulo 2^32. */
#include <math.h>
#include <string.h>

#include "ir/interpret.h"

/* ---- one operand ---- */

static float identity_f32(float x)
{
    return x;
}

static double identity_f64(double x)
{
    return x;
}

static float negate_f32(float x)
{
    return -x;
}

static double negate_f64(double x)
{
    return -x;
}

static float sign_f32(float x)
{
    return (float)((x > 0) - (x < 0));
}

static double sign_f64(double x)
{
    return (x > 0) - (x < 0);
}

static void map(const Run *run, const Op *op, Tensor *out, float f32(float), double f64(double))
{
    const Tensor *x = operand_tensor(run, op, 0);
    int64_t n = type_elements(out->type);
    if (out->type.dtype == DTYPE_F32)
        for (int64_t i = 0; i < n; i++)
            ((float *)out->data)[i] = f32(((const float *)x->data)[i]);
    else
        for (int64_t i = 0; i < n; i++)
            ((double *)out->data)[i] = f64(((const double *)x->data)[i]);
}

#define EVAL_MAP(name, f32, f64)                                                                                                 \
    static bool eval_##name(const Run *run, const Op *op, Tensor *out)                                                           \
    {                                                                                                                            \
        map(run, op, out, f32, f64);                                                                                             \
        return true;                                                                                                             \
    }
EVAL_MAP(neg, negate_f32, negate_f64)
EVAL_MAP(abs, fabsf, fabs)
EVAL_MAP(sign, sign_f32, sign_f64)
EVAL_MAP(floor, floorf, floor)
EVAL_MAP(exp, expf, exp)
EVAL_MAP(expm1, expm1f, expm1)
EVAL_MAP(log, logf, log)
EVAL_MAP(log1p, log1pf, log1p)
EVAL_MAP(sqrt, sqrtf, sqrt)
EVAL_MAP(tanh, tanhf, tanh)
EVAL_MAP(sin, sinf, sin)
EVAL_MAP(cos, cosf, cos)
EVAL_MAP(erf, erff, erf)
EVAL_MAP(stop, identity_f32, identity_f64)

/* ---- two operands ---- */

/* A case of the switch below: x and y are elements of type T, and `expression` is an R. */
#define CASE(DTYPE, T, R, expression)                                                                                            \
    case DTYPE:                                                                                                                  \
        for (int64_t i = 0; i < n; i++) {                                                                                        \
            T x = ((const T *)lhs->data)[i], y = ((const T *)rhs->data)[i];                                                      \
            ((R *)out->data)[i] = (R)(expression);                                                                               \
        }                                                                                                                        \
        return true;
#define EVAL_BINARY(primitive, CASES)                                                                                            \
    static bool eval_##primitive(const Run *run, const Op *op, Tensor *out)                                                      \
    {                                                                                                                            \
        const Tensor *lhs = operand_tensor(run, op, 0), *rhs = operand_tensor(run, op, 1);                                       \
        int64_t n = type_elements(out->type);                                                                                    \
        switch (lhs->type.dtype) {                                                                                               \
            CASES                                                                                                                \
        default:                                                                                                                 \
            return run_error(run, "%s of %s", op_info[op->code].name, dtype_name(lhs->type.dtype));                              \
        }                                                                                                                        \
    }
/* Integers wrap: computed as unsigned. */
#define EVAL_ARITHMETIC(name, e)                                                                                                 \
    EVAL_BINARY(name, CASE(DTYPE_F32, float, float, e) CASE(DTYPE_F64, double, double, e) CASE(DTYPE_I32, uint32_t, uint32_t, e))
#define EVAL_FLOAT(name, f32, f64) EVAL_BINARY(name, CASE(DTYPE_F32, float, float, f32) CASE(DTYPE_F64, double, double, f64))
#define EVAL_EXTREMUM(name, e)                                                                                                   \
    EVAL_BINARY(name, CASE(DTYPE_F32, float, float, e) CASE(DTYPE_F64, double, double, e) CASE(DTYPE_I32, int32_t, int32_t, e))
#define EVAL_COMPARISON(name, e)                                                                                                 \
    EVAL_BINARY(name,                                                                                                            \
                CASE(DTYPE_F32, float, uint8_t, e) CASE(DTYPE_F64, double, uint8_t, e) CASE(DTYPE_I32, int32_t, uint8_t, e)      \
                    CASE(DTYPE_U8, uint8_t, uint8_t, e) CASE(DTYPE_BOOL, uint8_t, uint8_t, e))
#define EVAL_LOGIC(name, e) EVAL_BINARY(name, CASE(DTYPE_BOOL, uint8_t, uint8_t, e))

EVAL_ARITHMETIC(add, (x + y))
EVAL_ARITHMETIC(sub, (x - y))
EVAL_ARITHMETIC(mul, (x * y))
EVAL_FLOAT(div, x / y, x / y)
EVAL_FLOAT(pow, powf(x, y), pow(x, y))
EVAL_EXTREMUM(max, (x < y || isnan((double)y) ? y : x))
EVAL_EXTREMUM(min, (y < x || isnan((double)y) ? y : x))
EVAL_EXTREMUM(within, (x < 0 ? (y < 1 ? y - 1 : 0) : y <= x ? y - 1 : x))
EVAL_COMPARISON(eq, (x == y))
EVAL_COMPARISON(ne, (x != y))
EVAL_COMPARISON(lt, (x < y))
EVAL_COMPARISON(le, (x <= y))
EVAL_LOGIC(and, (x & y))
EVAL_LOGIC(or, (x | y))

/* ---- the others ---- */

static bool eval_not(const Run *run, const Op *op, Tensor *out)
{
    const uint8_t *x = operand_tensor(run, op, 0)->data;
    int64_t n = type_elements(out->type);
    for (int64_t i = 0; i < n; i++)
        ((uint8_t *)out->data)[i] = !x[i];
    return true;
}

static bool eval_fma(const Run *run, const Op *op, Tensor *out)
{
    const Tensor *x = operand_tensor(run, op, 0), *y = operand_tensor(run, op, 1), *z = operand_tensor(run, op, 2);
    int64_t n = type_elements(out->type);
    for (int64_t i = 0; i < n; i++)
        if (out->type.dtype == DTYPE_F32)
            ((float *)out->data)[i] = fmaf(((const float *)x->data)[i], ((const float *)y->data)[i], ((const float *)z->data)[i]);
        else
            ((double *)out->data)[i] =
                fma(((const double *)x->data)[i], ((const double *)y->data)[i], ((const double *)z->data)[i]);
    return true;
}

static bool eval_select(const Run *run, const Op *op, Tensor *out)
{
    const uint8_t *condition = operand_tensor(run, op, 0)->data;
    const char *yes = operand_tensor(run, op, 1)->data, *no = operand_tensor(run, op, 2)->data;
    int64_t n = type_elements(out->type);
    size_t size = dtype_size(out->type.dtype);
    for (int64_t i = 0; i < n; i++)
        memcpy((char *)out->data + (size_t)i * size, (condition[i] ? yes : no) + (size_t)i * size, size);
    return true;
}

/* Every value of every dtype is a double, and tensor_set rounds, truncates or wraps it into the result's. */
static bool eval_cast(const Run *run, const Op *op, Tensor *out)
{
    const Tensor *x = operand_tensor(run, op, 0);
    int64_t n = type_elements(out->type);
    for (int64_t i = 0; i < n; i++)
        tensor_set(out, i, tensor_get(x, i));
    return true;
}

Eval *const elementwise_evals[OP_COUNT] = {
    [OP_NEG] = eval_neg, [OP_ABS] = eval_abs,       [OP_SIGN] = eval_sign,     [OP_FLOOR] = eval_floor, [OP_EXP] = eval_exp,
    [OP_LOG] = eval_log, [OP_LOG1P] = eval_log1p,   [OP_SQRT] = eval_sqrt,     [OP_TANH] = eval_tanh,   [OP_SIN] = eval_sin,
    [OP_COS] = eval_cos, [OP_ERF] = eval_erf,       [OP_STOP] = eval_stop,     [OP_NOT] = eval_not,     [OP_ADD] = eval_add,
    [OP_SUB] = eval_sub, [OP_MUL] = eval_mul,       [OP_DIV] = eval_div,       [OP_POW] = eval_pow,     [OP_MAX] = eval_max,
    [OP_MIN] = eval_min, [OP_EQ] = eval_eq,         [OP_NE] = eval_ne,         [OP_LT] = eval_lt,       [OP_LE] = eval_le,
    [OP_AND] = eval_and, [OP_OR] = eval_or,         [OP_SELECT] = eval_select, [OP_CAST] = eval_cast,   [OP_EXPM1] = eval_expm1,
    [OP_FMA] = eval_fma, [OP_WITHIN] = eval_within,
};
