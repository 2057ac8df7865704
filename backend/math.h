/* Elementwise functions as LLVM IR, on scalars and vectors.
 *
 * Float: our own polynomials (coefficients: scripts/fit_polynomials.py), every product-sum an explicit llvm.fma, no fast-math
 * flags, so the bits are equal at every -O level and on every processor. NaN propagates, infinities, zeros and denormals as IEEE
 * 754 and C99's annex F say. Largest errors, in units in the last place of the exact result, measured over all 2^32 floats (pow:
 * over two million pairs) by tests/backend/test_math.c, which asserts bounds a little above them:
 *
 *     exp 1.02   expm1 1.47   log 0.88   log1p 1.47   tanh 1.34   sin 1.50   cos 1.52   erf 1.08   pow 0.51   sqrt 0.5
 *     floor, abs, neg, sign: exact
 *
 * sin and cos reduce |x| >= 1e5 lane by lane in integers: right everywhere, slow there.
 * Double: libm's functions, lane by lane. */
#ifndef HNC_BACKEND_MATH_H
#define HNC_BACKEND_MATH_H

#include <llvm-c/Core.h>

#include "ir/ir.h"

/* Where to emit. The builder stands in a function of the module. */
typedef struct MathContext {
    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMBuilderRef builder;
    bool no_fma; /* the processor has no such instruction: fused products of floats are made in double, those of doubles rounded */
} MathContext;

/* exp expm1 log log1p sqrt tanh sin cos erf floor abs neg sign of a float or double, or of each lane of a vector of them. The
 * larger ones become calls of an internal function, `hn_exp_v16f32`, emitted once per module. */
LLVMValueRef math_emit(MathContext *m, OpCode code, LLVMValueRef x);
/* pow max min, of two values of one type. max and min are NaN if either operand is; of two zeros they give either. */
LLVMValueRef math_emit2(MathContext *m, OpCode code, LLVMValueRef x, LLVMValueRef y);

/* x / divisor for the integers 0 to 255, correctly rounded, without the divider. NULL if this divisor allows no such way. */
LLVMValueRef math_byte_quotient(MathContext *m, LLVMValueRef x, float divisor);

#endif
