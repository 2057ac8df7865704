#include "backend/math.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backend/kit.h"
#include "backend/math_f32.h"
#include "support/arena.h"

static bool is_vector(LLVMTypeRef type)
{
    return LLVMGetTypeKind(type) == LLVMVectorTypeKind;
}

static bool is_double(LLVMTypeRef type)
{
    return LLVMGetTypeKind(is_vector(type) ? LLVMGetElementType(type) : type) == LLVMDoubleTypeKind;
}

static Kit kit_of(const MathContext *m, LLVMTypeRef type)
{
    return (Kit){m->context, m->module, m->builder, is_vector(type) ? LLVMGetVectorSize(type) : 0, m->no_fma};
}

/* libm's function of that name, marked as no builtin so that no pass replaces a call by something that rounds otherwise. */
static LLVMValueRef libm_function(const Kit *k, const char *name, unsigned arity)
{
    LLVMValueRef function = LLVMGetNamedFunction(k->module, name);
    if (function)
        return function;
    LLVMTypeRef real = LLVMDoubleTypeInContext(k->context), parameters[] = {real, real};
    function = LLVMAddFunction(k->module, name, LLVMFunctionType(real, parameters, arity, false));
    static const char *const attributes[] = {"nobuiltin", "nounwind", "willreturn"};
    for (size_t i = 0; i < COUNT_OF(attributes); i++)
        kit_add_attribute(k, function, attributes[i], 0);
    kit_add_attribute(k, function, "memory", 0); /* it touches no memory */
    return function;
}

static LLVMValueRef emit_libm(const Kit *k, const char *name, unsigned arity, const LLVMValueRef *operands)
{
    LLVMValueRef function = libm_function(k, name, arity);
    LLVMTypeRef type = LLVMGlobalGetValueType(function), index_type = LLVMInt32TypeInContext(k->context);
    if (!k->lanes)
        return LLVMBuildCall2(k->builder, type, function, (LLVMValueRef *)operands, arity, "");
    LLVMValueRef result = LLVMGetPoison(kit_double(k));
    for (unsigned lane = 0; lane < k->lanes; lane++) {
        LLVMValueRef index = LLVMConstInt(index_type, lane, false), arguments[2];
        for (unsigned i = 0; i < arity; i++)
            arguments[i] = LLVMBuildExtractElement(k->builder, operands[i], index, "");
        LLVMValueRef value = LLVMBuildCall2(k->builder, type, function, arguments, arity, "");
        result = LLVMBuildInsertElement(k->builder, result, value, index, "");
    }
    return result;
}

/* Calls hn_<op>_<type>, and writes it when this is the first call. sin, cos and pow and all of libm are too large to repeat. */
static LLVMValueRef call_function(MathContext *m, OpCode code, unsigned arity, LLVMValueRef *operands)
{
    LLVMTypeRef type = LLVMTypeOf(operands[0]), parameters[] = {type, type};
    Kit kit = kit_of(m, type);
    bool wide = is_double(type), small = !wide && code != OP_SIN && code != OP_COS && code != OP_POW;
    char lanes[16] = "", name[64];
    if (kit.lanes)
        snprintf(lanes, sizeof lanes, "v%u", kit.lanes);
    snprintf(name, sizeof name, "hn_%s_%s%s", op_info[code].name, lanes, wide ? "f64" : "f32");
    LLVMBasicBlockRef body;
    LLVMTypeRef function_type = LLVMFunctionType(type, parameters, arity, false);
    LLVMValueRef function = kit_function(&kit, name, function_type, small, &body);
    if (body) {
        kit.builder = LLVMCreateBuilderInContext(m->context);
        LLVMPositionBuilderAtEnd(kit.builder, body);
        LLVMValueRef arguments[] = {LLVMGetParam(function, 0), arity > 1 ? LLVMGetParam(function, 1) : NULL};
        LLVMBuildRet(kit.builder, wide ? emit_libm(&kit, op_info[code].name, arity, arguments)
                                       : math_f32_body(&kit, code, arguments[0], arguments[1]));
        LLVMDisposeBuilder(kit.builder);
    }
    return LLVMBuildCall2(m->builder, function_type, function, operands, arity, "");
}

/* (x > 0) - (x < 0): zero for NaN. */
static LLVMValueRef emit_sign(const Kit *k, LLVMValueRef x)
{
    bool wide = is_double(LLVMTypeOf(x));
    LLVMValueRef zero = LLVMConstNull(LLVMTypeOf(x)), one = wide ? kit_f64(k, 1) : kit_f32(k, 1);
    LLVMValueRef not_positive = SELECT(COMPARE(OLT, x, zero), wide ? kit_f64(k, -1) : kit_f32(k, -1), zero);
    return SELECT(COMPARE(OGT, x, zero), one, not_positive);
}

/* The first comparison decides where neither is NaN, and gives y where one of them is. The second gives x where x is NaN, and
 * folds away where x is a constant: then only a single vmaxps is left. */
static LLVMValueRef emit_extremum(const Kit *k, OpCode code, LLVMValueRef x, LLVMValueRef y)
{
    if (LLVMIsConstant(y)) {
        LLVMValueRef constant = y;
        y = x;
        x = constant;
    }
    LLVMValueRef chosen = SELECT(LLVMBuildFCmp(k->builder, code == OP_MAX ? LLVMRealOGT : LLVMRealOLT, x, y, ""), x, y);
    return SELECT(COMPARE(UNO, x, x), x, chosen);
}

LLVMValueRef math_emit(MathContext *m, OpCode code, LLVMValueRef x)
{
    Kit kit = kit_of(m, LLVMTypeOf(x));
    switch (code) {
    case OP_NEG:
        return LLVMBuildFNeg(m->builder, x, "");
    case OP_ABS:
        return kit_intrinsic(&kit, "llvm.fabs", 1, &x);
    case OP_SQRT:
        return kit_intrinsic(&kit, "llvm.sqrt", 1, &x);
    case OP_FLOOR:
        return kit_floor(&kit, x);
    case OP_SIGN:
        return emit_sign(&kit, x);
    default:
        return call_function(m, code, 1, &x);
    }
}

LLVMValueRef math_emit2(MathContext *m, OpCode code, LLVMValueRef x, LLVMValueRef y)
{
    Kit kit = kit_of(m, LLVMTypeOf(x));
    if (code == OP_POW)
        return call_function(m, code, 2, (LLVMValueRef[]){x, y});
    return emit_extremum(&kit, code, x, y);
}

LLVMValueRef math_byte_quotient(MathContext *m, LLVMValueRef x, float divisor)
{
    float reciprocal = 1 / divisor;
    for (int i = 0; i <= UINT8_MAX; i++) {
        float byte = (float)i, quotient = byte * reciprocal;
        if (fmaf(fmaf(-divisor, quotient, byte), reciprocal, quotient) != byte / divisor)
            return NULL;
    }
    Kit kit = kit_of(m, LLVMTypeOf(x)), *k = &kit;
    LLVMValueRef inverse = kit_f32(k, (double)reciprocal), quotient = MUL(x, inverse);
    return FMA(FMA(kit_f32(k, -(double)divisor), quotient, x), inverse, quotient);
}
