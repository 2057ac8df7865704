/* Short names for building arithmetic on values of one shape: a scalar, or a vector of some lanes. Shared by math*.c and
 * random.c. */
#ifndef HNC_BACKEND_KIT_H
#define HNC_BACKEND_KIT_H

#include <stdint.h>

#include <llvm-c/Core.h>

#include "backend/math.h"

typedef struct Kit {
    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMBuilderRef builder;
    unsigned lanes; /* 0: scalars */
    bool no_fma;    /* as of MathContext */
} Kit;

/* The type of `lanes` such elements. */
LLVMTypeRef kit_type(const Kit *k, LLVMTypeRef element);
LLVMTypeRef kit_float(const Kit *k);
LLVMTypeRef kit_double(const Kit *k);
LLVMTypeRef kit_int(const Kit *k, unsigned bits);

/* The module's internal function of that name, added if it is missing: then *body is its empty entry block, otherwise NULL. */
LLVMValueRef kit_function(const Kit *k, const char *name, LLVMTypeRef type, bool inline_always, LLVMBasicBlockRef *body);
void kit_add_attribute(const Kit *k, LLVMValueRef function, const char *name, uint64_t value);

/* The same constant in every lane, of which there are at most 64. */
LLVMValueRef kit_splat(const Kit *k, LLVMValueRef scalar_constant);
LLVMValueRef kit_f32(const Kit *k, double value);
LLVMValueRef kit_f64(const Kit *k, double value);
LLVMValueRef kit_i32(const Kit *k, int32_t value);
LLVMValueRef kit_i64(const Kit *k, int64_t value);

/* Calls the intrinsic of that name, overloaded by the type of `args[0]`. */
LLVMValueRef kit_intrinsic(const Kit *k, const char *name, unsigned n, LLVMValueRef *args);
/* By an instruction only where products are fused, too: without it, LLVM calls libm. */
LLVMValueRef kit_floor(const Kit *k, LLVMValueRef x);
LLVMValueRef kit_fma(const Kit *k, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c); /* a * b + c, rounded once */
/* Horner's scheme on `count` coefficients, lowest power first, of x's type. */
LLVMValueRef kit_polynomial(const Kit *k, LLVMValueRef x, unsigned count, const double *coefficients);

/* Arithmetic on floats, through the local variable `k`. */
#define ADD(a, b) LLVMBuildFAdd(k->builder, a, b, "")
#define SUB(a, b) LLVMBuildFSub(k->builder, a, b, "")
#define MUL(a, b) LLVMBuildFMul(k->builder, a, b, "")
#define DIV(a, b) LLVMBuildFDiv(k->builder, a, b, "")
#define FMA(a, b, c) kit_fma(k, a, b, c)
#define POLYNOMIAL(x, coefficients) kit_polynomial(k, x, COUNT_OF(coefficients), coefficients)
#define COMPARE(predicate, a, b) LLVMBuildFCmp(k->builder, LLVMReal##predicate, a, b, "")
#define SELECT(condition, yes, no) LLVMBuildSelect(k->builder, condition, yes, no, "")
#define BITCAST(x, type) LLVMBuildBitCast(k->builder, x, type, "")

#endif
