/* sin and cos of floats. x = n pi/2 + r, |r| <= pi/4, by three fused steps for |x| < 1e5; beyond, lane by lane, by multiplying
 * x's integer mantissa with enough bits of 2/pi (Payne and Hanek, "Radian reduction for trigonometric functions", 1983). */
#include <math.h>

#include "backend/math_f32.h"
#include "backend/polynomials.h"
#include "support/arena.h"

static const double fast_limit = 1e5; /* n < 2^16: each fused step loses nothing that matters, see scripts/fit_polynomials.py */

/* The mantissa times 2 / pi, of 256 bits: word by word, since some targets call a function for products of wide integers. */
static LLVMValueRef times_two_over_pi(const Kit *k, LLVMValueRef mantissa, LLVMTypeRef wide)
{
    LLVMTypeRef i64 = LLVMInt64TypeInContext(k->context);
    LLVMValueRef factor = LLVMBuildZExt(k->builder, mantissa, i64, ""), carry = kit_i64(k, 0), product = LLVMConstNull(wide);
    for (unsigned word = 0; word < 2 * COUNT_OF(two_over_pi); word++) {
        int64_t number = (int64_t)(two_over_pi[word / 2] >> 32 * (word % 2) & UINT32_MAX);
        LLVMValueRef sum = LLVMBuildAdd(k->builder, LLVMBuildMul(k->builder, factor, kit_i64(k, number), ""), carry, "");
        LLVMValueRef low = LLVMBuildAnd(k->builder, sum, kit_i64(k, UINT32_MAX), "");
        LLVMValueRef place =
            LLVMBuildShl(k->builder, LLVMBuildZExt(k->builder, low, wide, ""), LLVMConstInt(wide, 32 * word, false), "");
        product = LLVMBuildOr(k->builder, product, place, "");
        carry = LLVMBuildLShr(k->builder, sum, kit_i64(k, 32), "");
    }
    return product;
}

/* x scaled by 2 / pi as a fixed-point number of 256 bits: shifted so that whole turns fall off its top, the upper two bits are
 * the quarter and the rest the fraction of one. */
static LLVMValueRef quarters_fixed_point(const Kit *k, LLVMValueRef x)
{
    enum { WIDTH = 256, FRACTION = 200 /* bits of two_over_pi */, POINT = WIDTH - 2 };
    LLVMTypeRef wide = LLVMIntTypeInContext(k->context, WIDTH);
    LLVMValueRef bits = BITCAST(x, LLVMInt32TypeInContext(k->context));
    LLVMValueRef mantissa = LLVMBuildAnd(k->builder, bits, kit_i32(k, 0x7fffff), "");
    mantissa = LLVMBuildOr(k->builder, mantissa, kit_i32(k, 0x800000), "");
    LLVMValueRef exponent = LLVMBuildLShr(k->builder, bits, kit_i32(k, 23), ""); /* x = mantissa * 2^(exponent - 150) */
    LLVMValueRef shift = LLVMBuildAdd(k->builder, exponent, kit_i32(k, POINT - FRACTION - 150), "");
    LLVMValueRef product = times_two_over_pi(k, mantissa, wide);
    return LLVMBuildShl(k->builder, product, LLVMBuildZExt(k->builder, shift, wide, ""), "");
}

/* {n mod 4, r} of a scalar |x| >= 1, anything for smaller |x|; r is NaN for infinities and NaN. */
static LLVMValueRef reduce_large_body(const Kit *k, LLVMValueRef x)
{
    LLVMTypeRef i64 = LLVMInt64TypeInContext(k->context), real = LLVMDoubleTypeInContext(k->context);
    LLVMValueRef magnitude = kit_intrinsic(k, "llvm.fabs", 1, &x);
    LLVMValueRef fixed = quarters_fixed_point(k, magnitude);
    fixed = LLVMBuildLShr(k->builder, fixed, LLVMConstInt(LLVMTypeOf(fixed), 256 - 64, false), "");
    LLVMValueRef top = LLVMBuildTrunc(k->builder, fixed, i64, "");
    /* Rounded to the nearest quarter; what remains is signed. */
    LLVMValueRef rounded = LLVMBuildAdd(k->builder, top, kit_i64(k, INT64_C(1) << 61), "");
    LLVMValueRef quarter = LLVMBuildLShr(k->builder, rounded, kit_i64(k, 62), "");
    LLVMValueRef remainder = LLVMBuildShl(k->builder, top, kit_i64(k, 2), "");
    LLVMValueRef r = LLVMBuildSIToFP(k->builder, remainder, real, "");
    r = LLVMBuildFPTrunc(k->builder, MUL(r, kit_f64(k, 0x1p-65 * M_PI)), kit_float(k), "");

    /* -x = -n pi/2 - r */
    LLVMValueRef negative = COMPARE(OLT, x, kit_f32(k, 0));
    LLVMValueRef opposite = LLVMBuildFNeg(k->builder, r, "");
    r = SELECT(negative, opposite, r);
    LLVMValueRef finite = COMPARE(OLT, magnitude, kit_f32(k, INFINITY));
    r = SELECT(finite, r, kit_f32(k, NAN));
    LLVMValueRef n = LLVMBuildTrunc(k->builder, quarter, LLVMInt32TypeInContext(k->context), "");
    LLVMValueRef minus = LLVMBuildNeg(k->builder, n, "");
    n = SELECT(negative, minus, n);
    LLVMTypeRef members[] = {LLVMTypeOf(n), LLVMTypeOf(r)};
    LLVMValueRef pair = LLVMGetPoison(LLVMStructTypeInContext(k->context, members, 2, false));
    pair = LLVMBuildInsertValue(k->builder, pair, n, 0, "");
    return LLVMBuildInsertValue(k->builder, pair, r, 1, "");
}

static LLVMValueRef reduce_large_function(const Kit *k)
{
    Kit scalar = {k->context, k->module, NULL, 0, k->no_fma};
    LLVMTypeRef number = kit_float(&scalar), members[] = {kit_int(&scalar, 32), number};
    LLVMTypeRef type = LLVMFunctionType(LLVMStructTypeInContext(k->context, members, 2, false), &number, 1, false);
    LLVMBasicBlockRef body;
    LLVMValueRef function = kit_function(k, "hn_reduce_large_f32", type, false, &body);
    if (body) {
        scalar.builder = LLVMCreateBuilderInContext(k->context);
        LLVMPositionBuilderAtEnd(scalar.builder, body);
        LLVMBuildRet(scalar.builder, reduce_large_body(&scalar, LLVMGetParam(function, 0)));
        LLVMDisposeBuilder(scalar.builder);
    }
    return function;
}

static void reduce_large(const Kit *k, LLVMValueRef x, LLVMValueRef *n, LLVMValueRef *r)
{
    LLVMValueRef function = reduce_large_function(k);
    LLVMTypeRef type = LLVMGlobalGetValueType(function);
    *n = LLVMGetPoison(kit_int(k, 32));
    *r = LLVMGetPoison(kit_float(k));
    for (unsigned lane = 0; lane < (k->lanes ? k->lanes : 1); lane++) {
        LLVMValueRef index = LLVMConstInt(LLVMInt32TypeInContext(k->context), lane, false);
        LLVMValueRef element = k->lanes ? LLVMBuildExtractElement(k->builder, x, index, "") : x;
        LLVMValueRef pair = LLVMBuildCall2(k->builder, type, function, &element, 1, "");
        LLVMValueRef quarter = LLVMBuildExtractValue(k->builder, pair, 0, "");
        LLVMValueRef remainder = LLVMBuildExtractValue(k->builder, pair, 1, "");
        *n = k->lanes ? LLVMBuildInsertElement(k->builder, *n, quarter, index, "") : quarter;
        *r = k->lanes ? LLVMBuildInsertElement(k->builder, *r, remainder, index, "") : remainder;
    }
}

static void reduce_fast(const Kit *k, LLVMValueRef x, LLVMValueRef *n, LLVMValueRef *r)
{
    LLVMValueRef shifter = kit_f32(k, 0x1.8p23);
    LLVMValueRef shifted = FMA(x, kit_f32(k, M_2_PI), shifter);
    *n = BITCAST(shifted, kit_int(k, 32)); /* only its two lowest bits count */
    LLVMValueRef whole = SUB(shifted, shifter);
    *r = x;
    for (size_t i = 0; i < COUNT_OF(half_pi); i++)
        *r = FMA(whole, kit_f32(k, -half_pi[i]), *r);
}

/* The fast way, and the slow one for the lanes that need it. */
static void reduce(const Kit *k, LLVMValueRef x, LLVMValueRef *n, LLVMValueRef *r)
{
    LLVMValueRef ns[2], rs[2];
    LLVMBasicBlockRef from[2] = {LLVMGetInsertBlock(k->builder)};
    LLVMValueRef function = LLVMGetBasicBlockParent(from[0]);
    LLVMBasicBlockRef slow = LLVMAppendBasicBlockInContext(k->context, function, "slow");
    LLVMBasicBlockRef join = LLVMAppendBasicBlockInContext(k->context, function, "join");
    reduce_fast(k, x, &ns[0], &rs[0]);
    LLVMValueRef magnitude = kit_intrinsic(k, "llvm.fabs", 1, &x);
    LLVMValueRef large = COMPARE(UGE, magnitude, kit_f32(k, fast_limit)), any = large;
    if (k->lanes)
        any = kit_intrinsic(k, "llvm.vector.reduce.or", 1, &large);
    LLVMBuildCondBr(k->builder, any, slow, join);

    LLVMPositionBuilderAtEnd(k->builder, slow);
    reduce_large(k, x, &ns[1], &rs[1]);
    ns[1] = SELECT(large, ns[1], ns[0]);
    rs[1] = SELECT(large, rs[1], rs[0]);
    from[1] = LLVMGetInsertBlock(k->builder);
    LLVMBuildBr(k->builder, join);

    LLVMPositionBuilderAtEnd(k->builder, join);
    *n = LLVMBuildPhi(k->builder, kit_int(k, 32), "");
    LLVMAddIncoming(*n, ns, from, 2);
    *r = LLVMBuildPhi(k->builder, kit_float(k), "");
    LLVMAddIncoming(*r, rs, from, 2);
}

LLVMValueRef math_f32_sine(const Kit *k, LLVMValueRef x, int quarter_turns)
{
    LLVMValueRef n, r;
    reduce(k, x, &n, &r);
    n = LLVMBuildAdd(k->builder, n, kit_i32(k, quarter_turns), "");
    LLVMValueRef square = MUL(r, r);
    LLVMValueRef cube = MUL(r, square);
    LLVMValueRef sin_sum = POLYNOMIAL(square, sin_terms);
    LLVMValueRef sine = FMA(cube, sin_sum, r);
    LLVMValueRef cos_sum = POLYNOMIAL(square, cos_terms);
    cos_sum = FMA(cos_sum, square, kit_f32(k, -0.5));
    LLVMValueRef cosine = FMA(cos_sum, square, kit_f32(k, 1));

    /* sin(n pi/2 + r): sin r, cos r, -sin r, -cos r for n mod 4 = 0, 1, 2, 3 */
    LLVMValueRef odd = LLVMBuildTrunc(k->builder, n, kit_int(k, 1), "");
    LLVMValueRef value = SELECT(odd, cosine, sine);
    LLVMValueRef sign = LLVMBuildAnd(k->builder, n, kit_i32(k, 2), "");
    sign = LLVMBuildShl(k->builder, sign, kit_i32(k, 30), "");
    value = BITCAST(LLVMBuildXor(k->builder, BITCAST(value, kit_int(k, 32)), sign, ""), kit_float(k));
    if (quarter_turns == 0)
        value = SELECT(COMPARE(OEQ, x, kit_f32(k, 0)), x, value); /* -0 stays */
    return value;
}
