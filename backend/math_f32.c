#include "backend/math_f32.h"

#include <float.h>
#include <math.h>

#include "backend/polynomials.h"
#include "support/arena.h"

enum { MANTISSA_BITS = 23, EXPONENT_BIAS = 127 };
#define SQRT_HALF_BITS 0x3f3504f3

static LLVMValueRef int_add(const Kit *k, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildAdd(k->builder, a, b, "");
}

static LLVMValueRef int_sub(const Kit *k, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildSub(k->builder, a, b, "");
}

static LLVMValueRef bits_of(const Kit *k, LLVMValueRef x)
{
    return BITCAST(x, kit_int(k, 32));
}

static LLVMValueRef absolute(const Kit *k, LLVMValueRef x)
{
    return kit_intrinsic(k, "llvm.fabs", 1, &x);
}

static LLVMValueRef with_sign_of(const Kit *k, LLVMValueRef magnitude, LLVMValueRef sign)
{
    return kit_intrinsic(k, "llvm.copysign", 2, (LLVMValueRef[]){magnitude, sign});
}

/* The lesser of x and a constant; NaN stays. */
static LLVMValueRef at_most(const Kit *k, LLVMValueRef x, double limit)
{
    LLVMValueRef bound = kit_f32(k, limit);
    return SELECT(COMPARE(OGT, x, bound), bound, x);
}

static LLVMValueRef at_least(const Kit *k, LLVMValueRef x, double limit)
{
    LLVMValueRef bound = kit_f32(k, limit);
    return SELECT(COMPARE(OLT, x, bound), bound, x);
}

/* 2^n for an integer n in the exponent's range. */
static LLVMValueRef power_of_two(const Kit *k, LLVMValueRef n)
{
    LLVMValueRef biased = int_add(k, n, kit_i32(k, EXPONENT_BIAS));
    return BITCAST(LLVMBuildShl(k->builder, biased, kit_i32(k, MANTISSA_BITS), ""), kit_float(k));
}

/* The integer nearest to x * scale, |x * scale| < 2^22, as a float and as an int: adding 1.5 * 2^23 leaves it in the low bits. */
static LLVMValueRef nearest(const Kit *k, LLVMValueRef x, double scale, LLVMValueRef *integer)
{
    static const double shifter = 0x1.8p23;
    LLVMValueRef shifted = FMA(x, kit_f32(k, scale), kit_f32(k, shifter));
    *integer = int_sub(k, bits_of(k, shifted), kit_i32(k, 0x4b400000));
    return SUB(shifted, kit_f32(k, shifter));
}

/* exp x = 2^n * (1 + result), for |x| < 2^21. */
static LLVMValueRef exp_rise(const Kit *k, LLVMValueRef x, LLVMValueRef *n)
{
    LLVMValueRef whole = nearest(k, x, M_LOG2E, n);
    LLVMValueRef r = FMA(whole, kit_f32(k, -log_of_two[0]), x);
    r = FMA(whole, kit_f32(k, -log_of_two[1]), r);
    LLVMValueRef square = MUL(r, r);
    LLVMValueRef terms = POLYNOMIAL(r, exp_terms);
    return FMA(terms, square, r);
}

/* exp x = 2^n * result, for |x| < 2^21. */
static LLVMValueRef exp_reduced(const Kit *k, LLVMValueRef x, LLVMValueRef *n)
{
    return ADD(exp_rise(k, x, n), kit_f32(k, 1));
}

/* exp of an x whose result is far from the ends of the range. */
static LLVMValueRef exp_moderate(const Kit *k, LLVMValueRef x)
{
    LLVMValueRef n;
    LLVMValueRef reduced = exp_reduced(k, x, &n);
    return MUL(reduced, power_of_two(k, n));
}

/* 2^n x in two steps, of which only the last can overflow or round to a denormal. */
static LLVMValueRef scaled(const Kit *k, LLVMValueRef x, LLVMValueRef n)
{
    LLVMValueRef half = LLVMBuildAShr(k->builder, n, kit_i32(k, 1), "");
    LLVMValueRef rest = int_sub(k, n, half);
    x = MUL(x, power_of_two(k, half));
    return MUL(x, power_of_two(k, rest));
}

static LLVMValueRef emit_exp(const Kit *k, LLVMValueRef x)
{
    LLVMValueRef n;
    x = at_most(k, x, 89);    /* beyond: infinite */
    x = at_least(k, x, -104); /* below: zero */
    LLVMValueRef reduced = exp_reduced(k, x, &n);
    return scaled(k, reduced, n);
}

/* 2^n exp r - 1 as 2^n ((exp r - 1) + (1 - 2^-n)): near zero n is 0 and the second term too. */
static LLVMValueRef emit_expm1(const Kit *k, LLVMValueRef x)
{
    LLVMValueRef n;
    LLVMValueRef limited = at_least(k, at_most(k, x, 89), -25); /* beyond: infinite; below: -1 */
    LLVMValueRef rise = exp_rise(k, limited, &n);
    LLVMValueRef large = LLVMBuildICmp(k->builder, LLVMIntSGT, n, kit_i32(k, 64), ""); /* 1 - 2^-n is 1 */
    LLVMValueRef power = SELECT(large, kit_i32(k, -64), LLVMBuildNeg(k->builder, n, ""));
    LLVMValueRef offset = SUB(kit_f32(k, 1), power_of_two(k, power));
    LLVMValueRef result = scaled(k, ADD(rise, offset), n);
    return SELECT(COMPARE(OEQ, x, kit_f32(k, 0)), x, result); /* -0 stays */
}

/* log(2^e * (1 + f)), sqrt(1/2) <= 1 + f <= sqrt(2). */
static LLVMValueRef log_assembled(const Kit *k, LLVMValueRef e, LLVMValueRef f)
{
    LLVMValueRef exponent = LLVMBuildSIToFP(k->builder, e, kit_float(k), "");
    LLVMValueRef terms = POLYNOMIAL(f, log_terms);
    terms = FMA(terms, f, kit_f32(k, -0.5));
    LLVMValueRef square = MUL(f, f);
    LLVMValueRef low = MUL(exponent, kit_f32(k, log_of_two[1]));
    LLVMValueRef sum = FMA(square, terms, low);
    sum = ADD(sum, f);
    return FMA(exponent, kit_f32(k, log_of_two[0]), sum);
}

/* The e of 2^e * m = the positive normal number of these bits, sqrt(1/2) <= m < sqrt(2); *m is written. */
static LLVMValueRef split_exponent(const Kit *k, LLVMValueRef bits, LLVMValueRef *m)
{
    LLVMValueRef above = int_sub(k, bits, kit_i32(k, SQRT_HALF_BITS));
    LLVMValueRef e = LLVMBuildAShr(k->builder, above, kit_i32(k, MANTISSA_BITS), "");
    LLVMValueRef field = LLVMBuildShl(k->builder, e, kit_i32(k, MANTISSA_BITS), "");
    *m = BITCAST(int_sub(k, bits, field), kit_float(k));
    return e;
}

/* `result` for 0 < u < infinity, log u for any other u; x where u is infinite or NaN. */
static LLVMValueRef log_specials(const Kit *k, LLVMValueRef u, LLVMValueRef x, LLVMValueRef result)
{
    LLVMValueRef zero = kit_f32(k, 0);
    result = SELECT(COMPARE(OLT, u, kit_f32(k, INFINITY)), result, x);
    LLVMValueRef outside = SELECT(COMPARE(OEQ, u, zero), kit_f32(k, -INFINITY), kit_f32(k, NAN));
    return SELECT(COMPARE(OLE, u, zero), outside, result);
}

static LLVMValueRef emit_log(const Kit *k, LLVMValueRef x)
{
    LLVMValueRef denormal = COMPARE(OLT, x, kit_f32(k, FLT_MIN));
    LLVMValueRef raised = MUL(x, kit_f32(k, 0x1p25));
    LLVMValueRef normal = SELECT(denormal, raised, x);
    LLVMValueRef m;
    LLVMValueRef e = split_exponent(k, bits_of(k, normal), &m);
    e = int_add(k, e, SELECT(denormal, kit_i32(k, -25), kit_i32(k, 0)));
    LLVMValueRef result = log_assembled(k, e, SUB(m, kit_f32(k, 1)));
    return log_specials(k, x, x, result);
}

/* As log of u = 1 + x, but f = 2^-e (1 + x) - 1 is taken from x, which has not lost its low bits to the 1. */
static LLVMValueRef emit_log1p(const Kit *k, LLVMValueRef x)
{
    LLVMValueRef m, one = kit_f32(k, 1);
    LLVMValueRef u = ADD(x, one);
    LLVMValueRef e = split_exponent(k, bits_of(k, u), &m);
    LLVMValueRef scale = power_of_two(k, LLVMBuildNeg(k->builder, e, ""));
    LLVMValueRef offset = SUB(scale, one);
    LLVMValueRef exact = FMA(x, scale, offset);
    LLVMValueRef plain = SUB(m, one);
    LLVMValueRef huge = LLVMBuildICmp(k->builder, LLVMIntSGT, e, kit_i32(k, 60), ""); /* where 2^-e may not exist */
    LLVMValueRef result = log_assembled(k, e, SELECT(huge, plain, exact));
    result = log_specials(k, u, x, result);
    return SELECT(COMPARE(OEQ, x, kit_f32(k, 0)), x, result); /* -0 stays */
}

/* An odd polynomial near zero, 1 - 2 / (exp 2x + 1) beyond. */
static LLVMValueRef emit_tanh(const Kit *k, LLVMValueRef x)
{
    LLVMValueRef one = kit_f32(k, 1);
    LLVMValueRef a = at_most(k, absolute(k, x), 10); /* tanh is 1 from 9.02 on */
    LLVMValueRef square = MUL(a, a);
    LLVMValueRef cube = MUL(a, square);
    LLVMValueRef terms = POLYNOMIAL(square, tanh_terms);
    LLVMValueRef near = FMA(cube, terms, a);
    LLVMValueRef power = exp_moderate(k, ADD(a, a));
    LLVMValueRef quotient = DIV(kit_f32(k, 2), ADD(power, one));
    LLVMValueRef far = SUB(one, quotient);
    LLVMValueRef result = SELECT(COMPARE(OLT, a, kit_f32(k, 0.625)), near, far);
    return with_sign_of(k, result, x);
}

static LLVMValueRef emit_erf(const Kit *k, LLVMValueRef x)
{
    LLVMValueRef one = kit_f32(k, 1);
    LLVMValueRef a = at_most(k, absolute(k, x), 4); /* erf is 1 from 3.92 on */
    LLVMValueRef square = MUL(a, a);
    LLVMValueRef terms = POLYNOMIAL(square, erf_terms);
    LLVMValueRef near = FMA(a, terms, a);
    LLVMValueRef exponent = POLYNOMIAL(a, erfc_terms);
    LLVMValueRef complement = exp_moderate(k, LLVMBuildFNeg(k->builder, exponent, ""));
    LLVMValueRef far = SUB(one, complement);
    LLVMValueRef result = SELECT(COMPARE(OLT, a, one), near, far);
    return with_sign_of(k, result, x);
}

LLVMValueRef math_f32_body(const Kit *k, OpCode code, LLVMValueRef x, LLVMValueRef y)
{
    switch (code) {
    case OP_EXP:
        return emit_exp(k, x);
    case OP_EXPM1:
        return emit_expm1(k, x);
    case OP_LOG:
        return emit_log(k, x);
    case OP_LOG1P:
        return emit_log1p(k, x);
    case OP_TANH:
        return emit_tanh(k, x);
    case OP_ERF:
        return emit_erf(k, x);
    case OP_SIN:
        return math_f32_sine(k, x, 0);
    case OP_COS:
        return math_f32_sine(k, x, 1);
    case OP_POW:
        return math_f32_pow(k, x, y);
    default:
        return NULL;
    }
}
