/* Elementwise ops on registers. IEEE 754 throughout: no flags that would let LLVM change results. */
#include "backend/emit.h"

static LLVMValueRef emit_compare(Emitter *e, OpCode code, DType dtype, LLVMValueRef a, LLVMValueRef b)
{
    if (dtype_is_float(dtype)) {
        LLVMRealPredicate predicate = code == OP_EQ   ? LLVMRealOEQ
                                      : code == OP_NE ? LLVMRealUNE
                                      : code == OP_LT ? LLVMRealOLT
                                                      : LLVMRealOLE;
        return LLVMBuildFCmp(e->builder, predicate, a, b, "");
    }
    bool is_signed = dtype == DTYPE_I32;
    LLVMIntPredicate predicate = code == OP_EQ   ? LLVMIntEQ
                                 : code == OP_NE ? LLVMIntNE
                                 : code == OP_LT ? (is_signed ? LLVMIntSLT : LLVMIntULT)
                                                 : (is_signed ? LLVMIntSLE : LLVMIntULE);
    return LLVMBuildICmp(e->builder, predicate, a, b, "");
}

/* b where the condition holds or b is NaN, else a. A condition that compares both does not hold where a is NaN. */
static LLVMValueRef emit_extremum(Emitter *e, DType dtype, LLVMValueRef condition, LLVMValueRef a, LLVMValueRef b)
{
    LLVMValueRef chosen = LLVMBuildSelect(e->builder, condition, b, a, ""); /* one instruction on x86 */
    if (!dtype_is_float(dtype))
        return chosen;
    return LLVMBuildSelect(e->builder, LLVMBuildFCmp(e->builder, LLVMRealUNO, b, b, ""), b, chosen, "");
}

/* The larger one, a of equal ones; NaN where either is. */
static LLVMValueRef emit_larger(Emitter *e, DType dtype, LLVMValueRef a, LLVMValueRef b)
{
    return emit_extremum(e, dtype, emit_compare(e, OP_LT, dtype, a, b), a, b);
}

static LLVMValueRef emit_smaller(Emitter *e, DType dtype, LLVMValueRef a, LLVMValueRef b)
{
    return emit_extremum(e, dtype, emit_compare(e, OP_LT, dtype, b, a), a, b);
}

static LLVMValueRef emit_arithmetic(Emitter *e, OpCode code, DType dtype, LLVMValueRef a, LLVMValueRef b)
{
    bool is_float = dtype_is_float(dtype);
    switch (code) {
    case OP_ADD:
        return is_float ? LLVMBuildFAdd(e->builder, a, b, "") : LLVMBuildAdd(e->builder, a, b, "");
    case OP_SUB:
        return is_float ? LLVMBuildFSub(e->builder, a, b, "") : LLVMBuildSub(e->builder, a, b, "");
    default:
        return is_float ? LLVMBuildFMul(e->builder, a, b, "") : LLVMBuildMul(e->builder, a, b, "");
    }
}

/* Out of range: the nearest value; NaN: 0. */
static LLVMValueRef emit_float_to_integer(Emitter *e, LLVMValueRef x, const char *intrinsic, LLVMTypeRef to)
{
    LLVMTypeRef types[] = {to, LLVMTypeOf(x)};
    return call_intrinsic(e, intrinsic, 2, types, 1, &x);
}

static LLVMValueRef emit_cast(Emitter *e, DType from, DType to, LLVMValueRef x, unsigned lanes)
{
    LLVMTypeRef type = register_type(e, to, lanes);
    if (from == to)
        return x;
    if (to == DTYPE_BOOL)
        return emit_compare(e, OP_NE, from, x, emit_number(e, from, 0, lanes));
    if (dtype_is_float(from)) {
        if (to == DTYPE_I32)
            return emit_float_to_integer(e, x, "llvm.fptosi.sat", type);
        if (to == DTYPE_U8)
            return emit_float_to_integer(e, x, "llvm.fptoui.sat", type);
        return to == DTYPE_F32 ? LLVMBuildFPTrunc(e->builder, x, type, "") : LLVMBuildFPExt(e->builder, x, type, "");
    }
    if (dtype_is_float(to))
        return from == DTYPE_I32 ? LLVMBuildSIToFP(e->builder, x, type, "") : LLVMBuildUIToFP(e->builder, x, type, "");
    if (from == DTYPE_I32) {
        x = emit_larger(e, from, x, emit_number(e, from, 0, lanes));
        x = emit_smaller(e, from, x, emit_number(e, from, UINT8_MAX, lanes));
        return LLVMBuildTrunc(e->builder, x, type, "");
    }
    return LLVMBuildZExt(e->builder, x, type, "");
}

LLVMValueRef emit_op(Emitter *e, OpCode code, DType from, DType to, LLVMValueRef *args, unsigned lanes)
{
    switch (code) {
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
        return emit_arithmetic(e, code, from, args[0], args[1]);
    case OP_DIV:
        return LLVMBuildFDiv(e->builder, args[0], args[1], "");
    case OP_POW:
        return math_emit2(&e->math, code, args[0], args[1]);
    case OP_MAX:
        return emit_larger(e, from, args[0], args[1]);
    case OP_MIN:
        return emit_smaller(e, from, args[0], args[1]);
    case OP_WITHIN: {
        LLVMValueRef last = LLVMBuildSub(e->builder, args[1], emit_number(e, from, 1, lanes), "");
        return emit_smaller(e, from, emit_larger(e, from, args[0], emit_number(e, from, 0, lanes)), last);
    }
    case OP_EQ:
    case OP_NE:
    case OP_LT:
    case OP_LE:
        return emit_compare(e, code, from, args[0], args[1]);
    case OP_AND:
        return LLVMBuildAnd(e->builder, args[0], args[1], "");
    case OP_OR:
        return LLVMBuildOr(e->builder, args[0], args[1], "");
    case OP_NOT:
        return LLVMBuildNot(e->builder, args[0], "");
    case OP_FMA:
        return fused_multiply_add(e, args[0], args[1], args[2]);
    case OP_SELECT:
        return LLVMBuildSelect(e->builder, args[0], args[1], args[2], "");
    case OP_CAST:
        return emit_cast(e, from, to, args[0], lanes);
    case OP_NEG:
        return LLVMBuildFNeg(e->builder, args[0], "");
    default:
        return math_emit(&e->math, code, args[0]);
    }
}

LLVMValueRef emit_combine(Emitter *e, SinkKind kind, DType dtype, LLVMValueRef a, LLVMValueRef b)
{
    return kind == SINK_SUM ? emit_arithmetic(e, OP_ADD, dtype, a, b) : emit_larger(e, dtype, a, b);
}

LLVMValueRef reduction_identity(const Emitter *e, SinkKind kind, DType dtype, unsigned lanes)
{
    if (kind == SINK_SUM)
        return emit_number(e, dtype, 0, lanes);
    return emit_number(e, dtype, dtype_is_float(dtype) ? -__builtin_inf() : INT32_MIN, lanes);
}
