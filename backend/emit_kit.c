#include <string.h>

#include "backend/emit.h"

LLVMTypeRef element_type(const Emitter *e, DType dtype)
{
    switch (dtype) {
    case DTYPE_F32:
        return LLVMFloatTypeInContext(e->context);
    case DTYPE_F64:
        return LLVMDoubleTypeInContext(e->context);
    case DTYPE_I32:
        return e->i32;
    default:
        return e->i8;
    }
}

LLVMTypeRef register_type(const Emitter *e, DType dtype, unsigned lanes)
{
    LLVMTypeRef scalar = dtype == DTYPE_BOOL ? e->i1 : element_type(e, dtype);
    return lanes ? LLVMVectorType(scalar, lanes) : scalar;
}

LLVMValueRef const_i64(const Emitter *e, int64_t value)
{
    return LLVMConstInt(e->i64, (uint64_t)value, true);
}

LLVMValueRef const_i32(const Emitter *e, int64_t value)
{
    return LLVMConstInt(e->i32, (uint64_t)value, true);
}

static LLVMValueRef const_splat(LLVMValueRef scalar, unsigned lanes)
{
    LLVMValueRef values[MOST_LANES];
    for (unsigned i = 0; i < lanes; i++)
        values[i] = scalar;
    return lanes ? LLVMConstVector(values, lanes) : scalar;
}

LLVMValueRef emit_number(const Emitter *e, DType dtype, double value, unsigned lanes)
{
    LLVMTypeRef type = register_type(e, dtype, 0);
    if (dtype_is_float(dtype))
        return const_splat(LLVMConstReal(type, dtype == DTYPE_F32 ? (double)(float)value : value), lanes);
    return const_splat(LLVMConstInt(type, (uint64_t)(int64_t)value, true), lanes);
}

LLVMValueRef splat(Emitter *e, LLVMValueRef scalar, unsigned lanes)
{
    LLVMTypeRef type = LLVMVectorType(LLVMTypeOf(scalar), lanes);
    LLVMValueRef poison = LLVMGetPoison(type);
    LLVMValueRef first = LLVMBuildInsertElement(e->builder, poison, scalar, const_i32(e, 0), "");
    return LLVMBuildShuffleVector(e->builder, first, poison, LLVMConstNull(LLVMVectorType(e->i32, lanes)), "");
}

LLVMValueRef emit_advance(Emitter *e, DType dtype, LLVMValueRef pointer, LLVMValueRef elements)
{
    return LLVMBuildGEP2(e->builder, element_type(e, dtype), pointer, &elements, 1, "");
}

LLVMValueRef advance_const(Emitter *e, DType dtype, LLVMValueRef pointer, int64_t elements)
{
    return elements ? emit_advance(e, dtype, pointer, const_i64(e, elements)) : pointer;
}

LLVMValueRef advance_by(Emitter *e, DType dtype, LLVMValueRef pointer, LLVMValueRef index, int64_t stride)
{
    if (!stride)
        return pointer;
    return emit_advance(e, dtype, pointer, stride == 1 ? index : LLVMBuildMul(e->builder, index, const_i64(e, stride), ""));
}

LLVMValueRef load_scalar(Emitter *e, DType dtype, LLVMValueRef pointer)
{
    LLVMValueRef value = LLVMBuildLoad2(e->builder, element_type(e, dtype), pointer, "");
    return dtype == DTYPE_BOOL ? LLVMBuildICmp(e->builder, LLVMIntNE, value, LLVMConstNull(e->i8), "") : value;
}

void store_scalar(Emitter *e, DType dtype, LLVMValueRef value, LLVMValueRef pointer)
{
    LLVMBuildStore(e->builder, dtype == DTYPE_BOOL ? LLVMBuildZExt(e->builder, value, e->i8, "") : value, pointer);
}

LLVMValueRef call_intrinsic(Emitter *e, const char *name, unsigned n_types, LLVMTypeRef *types, unsigned n, LLVMValueRef *args)
{
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    LLVMValueRef callee = LLVMGetIntrinsicDeclaration(e->module, id, types, n_types);
    return LLVMBuildCall2(e->builder, LLVMGlobalGetValueType(callee), callee, args, n, "");
}

LLVMValueRef emit_less(Emitter *e, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildSelect(e->builder, LLVMBuildICmp(e->builder, LLVMIntSLT, a, b, ""), a, b, "");
}

LLVMValueRef fused_multiply_add(Emitter *e, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c)
{
    LLVMTypeRef type = LLVMTypeOf(a);
    if (e->math.no_fma)
        return LLVMBuildFAdd(e->builder, LLVMBuildFMul(e->builder, a, b, ""), c, "");
    return call_intrinsic(e, "llvm.fma", 1, &type, 3, (LLVMValueRef[]){a, b, c});
}

void add_attribute(const Emitter *e, LLVMValueRef function, const char *name)
{
    unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
    LLVMAddAttributeAtIndex(function, LLVMAttributeFunctionIndex, LLVMCreateEnumAttribute(e->context, kind, 0));
}

void begin_code(Emitter *e)
{
    add_attribute(e, e->function, "nounwind");
    e->entry = LLVMAppendBasicBlockInContext(e->context, e->function, "entry");
    LLVMBasicBlockRef code = LLVMAppendBasicBlockInContext(e->context, e->function, "code");
    LLVMPositionBuilderAtEnd(e->builder, e->entry);
    LLVMBuildBr(e->builder, code);
    LLVMPositionBuilderAtEnd(e->builder, code);
}

LLVMValueRef make_variable(Emitter *e, LLVMTypeRef type)
{
    LLVMBasicBlockRef at = LLVMGetInsertBlock(e->builder);
    LLVMPositionBuilderBefore(e->builder, LLVMGetBasicBlockTerminator(e->entry));
    LLVMValueRef variable = LLVMBuildAlloca(e->builder, type, "");
    LLVMPositionBuilderAtEnd(e->builder, at);
    return variable;
}

LLVMValueRef tail_mask(const Emitter *e, unsigned lanes, unsigned count)
{
    LLVMValueRef bits[MOST_LANES];
    for (unsigned i = 0; i < lanes; i++)
        bits[i] = LLVMConstInt(e->i1, i < count, false);
    return LLVMConstVector(bits, lanes);
}

Counter loop_begin(Emitter *e, LLVMValueRef first, LLVMValueRef end, int64_t step)
{
    return loop_by(e, first, end, const_i64(e, step));
}

Counter loop_by(Emitter *e, LLVMValueRef first, LLVMValueRef end, LLVMValueRef step)
{
    Counter counter = {.step = step};
    LLVMBasicBlockRef before = LLVMGetInsertBlock(e->builder);
    counter.head = LLVMAppendBasicBlockInContext(e->context, e->function, "head");
    LLVMBasicBlockRef body = LLVMAppendBasicBlockInContext(e->context, e->function, "body");
    counter.exit = LLVMAppendBasicBlockInContext(e->context, e->function, "exit");
    LLVMBuildBr(e->builder, counter.head);
    LLVMPositionBuilderAtEnd(e->builder, counter.head);
    counter.index = LLVMBuildPhi(e->builder, e->i64, "i");
    LLVMAddIncoming(counter.index, &first, &before, 1);
    LLVMValueRef inside = LLVMBuildICmp(e->builder, LLVMIntSLT, counter.index, end, "");
    LLVMBuildCondBr(e->builder, inside, body, counter.exit);
    LLVMPositionBuilderAtEnd(e->builder, body);
    return counter;
}

void loop_end(Emitter *e, Counter *counter)
{
    LLVMValueRef next = LLVMBuildNSWAdd(e->builder, counter->index, counter->step, "");
    LLVMBasicBlockRef latch = LLVMGetInsertBlock(e->builder);
    LLVMBuildBr(e->builder, counter->head);
    LLVMAddIncoming(counter->index, &next, &latch, 1);
    LLVMPositionBuilderAtEnd(e->builder, counter->exit);
}

/* ---- functions of the module ---- */

Aside inner_begin(Emitter *e, LLVMValueRef function)
{
    Aside aside = {e->function, LLVMGetInsertBlock(e->builder), e->entry};
    e->function = function;
    e->entry = LLVMAppendBasicBlockInContext(e->context, function, "entry");
    LLVMBasicBlockRef code = LLVMAppendBasicBlockInContext(e->context, function, "code");
    LLVMPositionBuilderAtEnd(e->builder, e->entry);
    LLVMBuildBr(e->builder, code);
    LLVMPositionBuilderAtEnd(e->builder, code);
    return aside;
}

void inner_end(Emitter *e, Aside aside)
{
    LLVMBuildRetVoid(e->builder);
    e->function = aside.function;
    e->entry = aside.entry;
    LLVMPositionBuilderAtEnd(e->builder, aside.block);
}

LLVMValueRef inner_function(Emitter *e, const char *name, unsigned n, LLVMTypeRef *types)
{
    LLVMValueRef function = LLVMAddFunction(e->module, name, LLVMFunctionType(e->nothing, types, n, false));
    LLVMSetLinkage(function, LLVMInternalLinkage);
    add_attribute(e, function, "noinline");
    add_attribute(e, function, "nounwind");
    return function;
}

void inner_call(Emitter *e, LLVMValueRef function, unsigned n, LLVMValueRef *args)
{
    LLVMBuildCall2(e->builder, LLVMGlobalGetValueType(function), function, args, n, "");
}

/* ---- vectors ---- */

LLVMValueRef lanes_below(Emitter *e, unsigned lanes, LLVMValueRef count)
{
    LLVMValueRef indices[MOST_LANES];
    for (unsigned i = 0; i < lanes; i++)
        indices[i] = const_i64(e, i);
    return LLVMBuildICmp(e->builder, LLVMIntSLT, LLVMConstVector(indices, lanes), splat(e, count, lanes), "");
}

LLVMValueRef read_vector(Emitter *e, DType dtype, LLVMValueRef pointer, unsigned lanes, LLVMValueRef mask)
{
    LLVMTypeRef types[] = {register_type(e, dtype, lanes), e->pointer};
    if (mask) {
        LLVMValueRef args[] = {pointer, const_i32(e, (int64_t)dtype_size(dtype)), mask, LLVMConstNull(types[0])};
        return call_intrinsic(e, "llvm.masked.load", 2, types, 4, args);
    }
    LLVMValueRef value = LLVMBuildLoad2(e->builder, types[0], pointer, "");
    LLVMSetAlignment(value, (unsigned)dtype_size(dtype));
    return value;
}

void write_vector(Emitter *e, DType dtype, LLVMValueRef value, LLVMValueRef pointer, LLVMValueRef mask)
{
    if (mask) {
        LLVMTypeRef types[] = {LLVMTypeOf(value), e->pointer};
        LLVMValueRef args[] = {value, pointer, const_i32(e, (int64_t)dtype_size(dtype)), mask};
        call_intrinsic(e, "llvm.masked.store", 2, types, 4, args);
        return;
    }
    LLVMSetAlignment(LLVMBuildStore(e->builder, value, pointer), (unsigned)dtype_size(dtype));
}

void prefetch(Emitter *e, LLVMValueRef pointer, bool to_write)
{
    LLVMValueRef args[] = {pointer, const_i32(e, to_write), const_i32(e, 3), const_i32(e, 1)}; /* into all caches, data */
    call_intrinsic(e, "llvm.prefetch", 1, &e->pointer, 4, args);
}

static LLVMValueRef lanes_from(Emitter *e, LLVMValueRef value, unsigned first, unsigned count)
{
    LLVMValueRef lanes[MOST_LANES];
    for (unsigned i = 0; i < count; i++)
        lanes[i] = const_i32(e, first + i);
    return LLVMBuildShuffleVector(e->builder, value, LLVMGetPoison(LLVMTypeOf(value)), LLVMConstVector(lanes, count), "");
}

void write_first_lanes(Emitter *e, DType dtype, LLVMValueRef value, LLVMValueRef pointer, unsigned lanes, unsigned count)
{
    if (count >= lanes || e->target.registers >= WIDE_REGISTERS) {
        write_vector(e, dtype, value, pointer, count < lanes ? tail_mask(e, lanes, count) : NULL);
        return;
    }
    for (unsigned side = lanes / 2, at = 0; side; side /= 2)
        if (count & side) {
            LLVMValueRef some = lanes_from(e, value, at, side);
            write_vector(e, dtype, some, advance_const(e, dtype, pointer, at), NULL);
            at += side;
        }
}

/* One block of code for each number of lanes but 0, and a jump to the one that is asked for. */
void write_lanes(Emitter *e, DType dtype, LLVMValueRef value, LLVMValueRef pointer, unsigned lanes, LLVMValueRef count)
{
    if (e->target.registers >= WIDE_REGISTERS) {
        write_vector(e, dtype, value, pointer, lanes_below(e, lanes, count));
        return;
    }
    LLVMBasicBlockRef all = LLVMAppendBasicBlockInContext(e->context, e->function, "all_lanes");
    LLVMBasicBlockRef done = LLVMAppendBasicBlockInContext(e->context, e->function, "written");
    LLVMValueRef jump = LLVMBuildSwitch(e->builder, count, all, lanes - 1);
    for (unsigned n = 1; n <= lanes; n++) {
        LLVMBasicBlockRef some = n == lanes ? all : LLVMAppendBasicBlockInContext(e->context, e->function, "some_lanes");
        if (n < lanes)
            LLVMAddCase(jump, const_i64(e, n), some);
        LLVMPositionBuilderAtEnd(e->builder, some);
        write_first_lanes(e, dtype, value, pointer, lanes, n);
        LLVMBuildBr(e->builder, done);
    }
    LLVMPositionBuilderAtEnd(e->builder, done);
}

void transpose_square(Emitter *e, LLVMValueRef *rows, unsigned count)
{
    for (unsigned bit = 1; bit < count; bit *= 2)
        for (unsigned i = 0; i < count; i++) {
            if (i & bit)
                continue;
            LLVMValueRef low[MOST_LANES], high[MOST_LANES], a = rows[i], b = rows[i + bit];
            for (unsigned lane = 0; lane < count; lane++) {
                low[lane] = const_i32(e, lane & bit ? count + lane - bit : lane);
                high[lane] = const_i32(e, lane & bit ? count + lane : lane + bit);
            }
            rows[i] = LLVMBuildShuffleVector(e->builder, a, b, LLVMConstVector(low, count), "");
            rows[i + bit] = LLVMBuildShuffleVector(e->builder, a, b, LLVMConstVector(high, count), "");
        }
}
