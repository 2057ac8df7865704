#include "backend/kit.h"

#include <assert.h>
#include <string.h>

LLVMTypeRef kit_type(const Kit *k, LLVMTypeRef element)
{
    return k->lanes ? LLVMVectorType(element, k->lanes) : element;
}

LLVMTypeRef kit_float(const Kit *k)
{
    return kit_type(k, LLVMFloatTypeInContext(k->context));
}

LLVMTypeRef kit_double(const Kit *k)
{
    return kit_type(k, LLVMDoubleTypeInContext(k->context));
}

LLVMTypeRef kit_int(const Kit *k, unsigned bits)
{
    return kit_type(k, LLVMIntTypeInContext(k->context, bits));
}

void kit_add_attribute(const Kit *k, LLVMValueRef function, const char *name, uint64_t value)
{
    unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
    LLVMAddAttributeAtIndex(function, LLVMAttributeFunctionIndex, LLVMCreateEnumAttribute(k->context, kind, value));
}

LLVMValueRef kit_function(const Kit *k, const char *name, LLVMTypeRef type, bool inline_always, LLVMBasicBlockRef *body)
{
    *body = NULL;
    LLVMValueRef function = LLVMGetNamedFunction(k->module, name);
    if (function)
        return function;
    function = LLVMAddFunction(k->module, name, type);
    LLVMSetLinkage(function, LLVMInternalLinkage);
    kit_add_attribute(k, function, inline_always ? "alwaysinline" : "noinline", 0);
    kit_add_attribute(k, function, "nounwind", 0);
    *body = LLVMAppendBasicBlockInContext(k->context, function, "");
    return function;
}

LLVMValueRef kit_splat(const Kit *k, LLVMValueRef scalar_constant)
{
    enum { MOST_LANES = 64 };
    LLVMValueRef lanes[MOST_LANES];
    if (!k->lanes)
        return scalar_constant;
    assert(k->lanes <= MOST_LANES);
    for (unsigned i = 0; i < k->lanes; i++)
        lanes[i] = scalar_constant;
    return LLVMConstVector(lanes, k->lanes);
}

LLVMValueRef kit_f32(const Kit *k, double value)
{
    return kit_splat(k, LLVMConstReal(LLVMFloatTypeInContext(k->context), value));
}

LLVMValueRef kit_f64(const Kit *k, double value)
{
    return kit_splat(k, LLVMConstReal(LLVMDoubleTypeInContext(k->context), value));
}

LLVMValueRef kit_i32(const Kit *k, int32_t value)
{
    return kit_splat(k, LLVMConstInt(LLVMInt32TypeInContext(k->context), (uint32_t)value, false));
}

LLVMValueRef kit_i64(const Kit *k, int64_t value)
{
    return kit_splat(k, LLVMConstInt(LLVMInt64TypeInContext(k->context), (uint64_t)value, false));
}

LLVMValueRef kit_intrinsic(const Kit *k, const char *name, unsigned n, LLVMValueRef *args)
{
    LLVMTypeRef overload = LLVMTypeOf(args[0]);
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    LLVMValueRef function = LLVMGetIntrinsicDeclaration(k->module, id, &overload, 1);
    return LLVMBuildCall2(k->builder, LLVMGlobalGetValueType(function), function, args, n, "");
}

/* The product of two floats is exact in double, so the result is rounded twice at most: after the sum, and to a float. */
static LLVMValueRef fma_without_instruction(const Kit *k, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c)
{
    LLVMTypeRef type = LLVMTypeOf(a), element = LLVMGetTypeKind(type) == LLVMVectorTypeKind ? LLVMGetElementType(type) : type;
    if (LLVMGetTypeKind(element) != LLVMFloatTypeKind)
        return LLVMBuildFAdd(k->builder, LLVMBuildFMul(k->builder, a, b, ""), c, "");
    LLVMTypeRef wide = LLVMDoubleTypeInContext(k->context);
    if (element != type)
        wide = LLVMVectorType(wide, LLVMGetVectorSize(type));
    a = LLVMBuildFPExt(k->builder, a, wide, "");
    b = LLVMBuildFPExt(k->builder, b, wide, "");
    c = LLVMBuildFPExt(k->builder, c, wide, "");
    return LLVMBuildFPTrunc(k->builder, LLVMBuildFAdd(k->builder, LLVMBuildFMul(k->builder, a, b, ""), c, ""), type, "");
}

LLVMValueRef kit_fma(const Kit *k, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c)
{
    if (k->no_fma)
        return fma_without_instruction(k, a, b, c);
    return kit_intrinsic(k, "llvm.fma", 3, (LLVMValueRef[]){a, b, c});
}

/* Without an instruction that rounds: numbers of 2^23 and more (2^52 for doubles) are whole, others become integers on the way.
 * The sign of a zero is that of x. */
static LLVMValueRef floor_without_instruction(const Kit *k, LLVMValueRef x)
{
    LLVMTypeRef type = LLVMTypeOf(x), element = LLVMGetTypeKind(type) == LLVMVectorTypeKind ? LLVMGetElementType(type) : type;
    bool wide = LLVMGetTypeKind(element) == LLVMDoubleTypeKind;
    LLVMValueRef most = wide ? kit_f64(k, 0x1p52) : kit_f32(k, 0x1p23), one = wide ? kit_f64(k, 1) : kit_f32(k, 1);
    LLVMValueRef small = COMPARE(OLT, kit_intrinsic(k, "llvm.fabs", 1, &x), most), zero = LLVMConstNull(type);
    LLVMValueRef inside = SELECT(small, x, zero);
    LLVMValueRef integer = LLVMBuildFPToSI(k->builder, inside, kit_int(k, wide ? 64 : 32), "");
    LLVMValueRef whole = LLVMBuildSIToFP(k->builder, integer, type, "");
    LLVMValueRef floor = SUB(whole, SELECT(COMPARE(OGT, whole, x), one, zero));
    floor = kit_intrinsic(k, "llvm.copysign", 2, (LLVMValueRef[]){floor, x});
    return SELECT(small, floor, x);
}

LLVMValueRef kit_floor(const Kit *k, LLVMValueRef x)
{
    return k->no_fma ? floor_without_instruction(k, x) : kit_intrinsic(k, "llvm.floor", 1, &x);
}

LLVMValueRef kit_polynomial(const Kit *k, LLVMValueRef x, unsigned count, const double *coefficients)
{
    LLVMTypeRef type = LLVMTypeOf(x);
    LLVMTypeRef element = LLVMGetTypeKind(type) == LLVMVectorTypeKind ? LLVMGetElementType(type) : type;
    LLVMValueRef sum = kit_splat(k, LLVMConstReal(element, coefficients[count - 1]));
    for (unsigned i = count - 1; i-- > 0;)
        sum = kit_fma(k, sum, x, kit_splat(k, LLVMConstReal(element, coefficients[i])));
    return sum;
}
