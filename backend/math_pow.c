/* pow of floats, computed in doubles as 2^(y log2 |x|): an exponent of up to 150 needs eight bits more than a float has, and a
 * double has them to spare, so that the error is little more than that of the last rounding. */
#include <math.h>

#include "backend/math_f32.h"
#include "backend/polynomials.h"
#include "support/arena.h"

enum { DOUBLE_MANTISSA_BITS = 52, DOUBLE_BIAS = 1023 };
#define SQRT_HALF_BITS INT64_C(0x3fe6a09e667f3bcd)

/* log2 of a double that holds a float >= 0; -infinity of zero, infinity of infinity. */
static LLVMValueRef log2_of(const Kit *k, LLVMValueRef x)
{
    LLVMValueRef bits = BITCAST(x, kit_int(k, 64)), one = kit_f64(k, 1);
    LLVMValueRef above = LLVMBuildSub(k->builder, bits, kit_i64(k, SQRT_HALF_BITS), "");
    LLVMValueRef e = LLVMBuildAShr(k->builder, above, kit_i64(k, DOUBLE_MANTISSA_BITS), "");
    LLVMValueRef field = LLVMBuildShl(k->builder, e, kit_i64(k, DOUBLE_MANTISSA_BITS), "");
    LLVMValueRef m = BITCAST(LLVMBuildSub(k->builder, bits, field, ""), kit_double(k));
    LLVMValueRef above_one = SUB(m, one);
    LLVMValueRef s = DIV(above_one, ADD(m, one));
    LLVMValueRef terms = POLYNOMIAL(MUL(s, s), log2_terms);
    e = LLVMBuildTrunc(k->builder, e, kit_int(k, 32), ""); /* processors can convert 32-bit integers to doubles */
    LLVMValueRef result = FMA(s, terms, LLVMBuildSIToFP(k->builder, e, kit_double(k), ""));
    result = SELECT(COMPARE(OLT, x, kit_f64(k, INFINITY)), result, x);
    return SELECT(COMPARE(OEQ, x, kit_f64(k, 0)), kit_f64(k, -INFINITY), result);
}

/* 2^t rounded to a float; NaN stays. */
static LLVMValueRef exp2_rounded(const Kit *k, LLVMValueRef t)
{
    LLVMValueRef high = kit_f64(k, 130), low = kit_f64(k, -152), shifter = kit_f64(k, 0x1.8p52);
    t = SELECT(COMPARE(OGT, t, high), high, t);
    t = SELECT(COMPARE(OLT, t, low), low, t);
    LLVMValueRef shifted = ADD(t, shifter); /* the nearest integer is in its low bits */
    LLVMValueRef fraction = SUB(t, SUB(shifted, shifter));
    LLVMValueRef power = POLYNOMIAL(fraction, exp2_terms);
    LLVMValueRef n = BITCAST(shifted, kit_int(k, 64));
    n = LLVMBuildAdd(k->builder, n, kit_i64(k, DOUBLE_BIAS), "");
    n = LLVMBuildShl(k->builder, n, kit_i64(k, DOUBLE_MANTISSA_BITS), "");
    power = MUL(power, BITCAST(n, kit_double(k)));
    return LLVMBuildFPTrunc(k->builder, power, kit_float(k), "");
}

static LLVMValueRef is_integer(const Kit *k, LLVMValueRef y)
{
    return COMPARE(OEQ, kit_floor(k, y), y);
}

/* C99's rules for what the formula does not give: x < 0 (odd integers y keep the sign, others have no power), 1^y and x^0. */
LLVMValueRef math_f32_pow(const Kit *k, LLVMValueRef x, LLVMValueRef y)
{
    LLVMValueRef zero = kit_f32(k, 0), one = kit_f32(k, 1);
    LLVMValueRef magnitude = kit_intrinsic(k, "llvm.fabs", 1, &x);
    LLVMValueRef logarithm = log2_of(k, LLVMBuildFPExt(k->builder, magnitude, kit_double(k), ""));
    LLVMValueRef result = exp2_rounded(k, MUL(logarithm, LLVMBuildFPExt(k->builder, y, kit_double(k), "")));

    LLVMValueRef whole = is_integer(k, y);
    LLVMValueRef even = is_integer(k, MUL(y, kit_f32(k, 0.5)));
    LLVMValueRef odd = LLVMBuildAnd(k->builder, whole, LLVMBuildNot(k->builder, even, ""), "");
    LLVMValueRef signed_result = kit_intrinsic(k, "llvm.copysign", 2, (LLVMValueRef[]){result, x});
    result = SELECT(odd, signed_result, result);
    LLVMValueRef finite = COMPARE(OGT, x, kit_f32(k, -INFINITY));
    LLVMValueRef rootless = LLVMBuildAnd(k->builder, COMPARE(OLT, x, zero), finite, "");
    rootless = LLVMBuildAnd(k->builder, rootless, LLVMBuildNot(k->builder, whole, ""), "");
    result = SELECT(rootless, kit_f32(k, NAN), result);
    LLVMValueRef minus_one_to_infinity = COMPARE(OEQ, x, kit_f32(k, -1));
    LLVMValueRef infinite = COMPARE(OEQ, kit_intrinsic(k, "llvm.fabs", 1, &y), kit_f32(k, INFINITY));
    minus_one_to_infinity = LLVMBuildAnd(k->builder, minus_one_to_infinity, infinite, "");
    LLVMValueRef of_one = COMPARE(OEQ, x, one), to_zero = COMPARE(OEQ, y, zero);
    LLVMValueRef unity = LLVMBuildOr(k->builder, of_one, to_zero, "");
    return SELECT(LLVMBuildOr(k->builder, unity, minus_one_to_infinity, ""), one, result);
}
