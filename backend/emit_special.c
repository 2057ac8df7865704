/* Kernels with simple code of their own: random, argmax, scatter_add, calls of functions in C. */
#include "backend/emit.h"
#include "backend/random.h"

void axes_begin(Emitter *e, const Type *type, unsigned first, unsigned end, Counter *counters, LLVMValueRef *indices)
{
    for (unsigned axis = first; axis < end; axis++) {
        counters[axis] = loop_begin(e, const_i64(e, 0), const_i64(e, type->dims[axis]), 1);
        indices[axis] = counters[axis].index;
    }
}

void axes_end(Emitter *e, unsigned first, unsigned end, Counter *counters)
{
    for (unsigned axis = end; axis-- > first;)
        loop_end(e, &counters[axis]);
}

LLVMValueRef element_at(Emitter *e, const View *view, unsigned rank, LLVMValueRef *indices)
{
    DType dtype = e->schedule->buffers.data[view->buffer].dtype;
    LLVMValueRef pointer = advance_const(e, dtype, e->bases[view->buffer], view->offset);
    for (unsigned axis = 0; axis < rank; axis++)
        pointer = advance_by(e, dtype, pointer, indices[axis], view->stride[axis]);
    return pointer;
}

KernelSplit emit_random(Emitter *e, const Kernel *kernel)
{
    const Special *s = &kernel->special;
    LLVMValueRef fill = random_emit_fill(&e->math, DTYPE_F32), zero = const_i64(e, 0), one = const_i64(e, 1);
    LLVMValueRef args[] = {
        advance_const(e, DTYPE_F32, e->bases[s->out.buffer], s->out.offset),
        e->begin,
        e->end,
        load_scalar(e, DTYPE_I32, element_at(e, &s->in[0], 1, &zero)),
        load_scalar(e, DTYPE_I32, element_at(e, &s->in[0], 1, &one)),
        load_scalar(e, DTYPE_I32, element_at(e, &s->in[1], 0, NULL)),
        e->stream,
    };
    LLVMBuildCall2(e->builder, LLVMGlobalGetValueType(fill), fill, args, 7, "");
    return (KernelSplit){type_elements(s->out_type), RANDOM_GRAIN};
}

/* The first largest element along the axis; a NaN is larger than nothing. */
KernelSplit emit_argmax(Emitter *e, const Kernel *kernel)
{
    const Special *s = &kernel->special;
    Type in = s->in_type[0], outer = {.rank = s->out_type.rank};
    unsigned axis = (unsigned)s->axis;
    Counter counters[MAX_RANK];
    LLVMValueRef indices[MAX_RANK], in_indices[MAX_RANK];
    LLVMValueRef best = make_variable(e, register_type(e, in.dtype, 0)), place = make_variable(e, e->i32);
    for (unsigned i = 0; i < outer.rank; i++)
        outer.dims[i] = s->out_type.dims[i];
    axes_begin(e, &outer, 0, outer.rank, counters, indices);
    for (unsigned i = 0; i < in.rank; i++)
        in_indices[i] = i < axis ? indices[i] : i > axis ? indices[i - 1] : const_i64(e, 0);
    LLVMBuildStore(e->builder, load_scalar(e, in.dtype, element_at(e, &s->in[0], in.rank, in_indices)), best);
    LLVMBuildStore(e->builder, const_i32(e, 0), place);
    Counter along = loop_begin(e, const_i64(e, 1), const_i64(e, in.dims[axis]), 1);
    in_indices[axis] = along.index;
    LLVMValueRef value = load_scalar(e, in.dtype, element_at(e, &s->in[0], in.rank, in_indices));
    LLVMValueRef old = LLVMBuildLoad2(e->builder, register_type(e, in.dtype, 0), best, "");
    LLVMValueRef operands[] = {old, value};
    LLVMValueRef larger = emit_op(e, OP_LT, in.dtype, DTYPE_BOOL, operands, 0);
    LLVMValueRef old_place = LLVMBuildLoad2(e->builder, e->i32, place, "");
    LLVMValueRef here = LLVMBuildTrunc(e->builder, along.index, e->i32, "");
    LLVMBuildStore(e->builder, LLVMBuildSelect(e->builder, larger, value, old, ""), best);
    LLVMBuildStore(e->builder, LLVMBuildSelect(e->builder, larger, here, old_place, ""), place);
    loop_end(e, &along);
    LLVMValueRef result = LLVMBuildLoad2(e->builder, e->i32, place, "");
    store_scalar(e, DTYPE_I32, result, element_at(e, &s->out, outer.rank, indices));
    axes_end(e, 0, outer.rank, counters);
    return (KernelSplit){0};
}

/* Zeros, then the updates one after the other in order of index: any number of them may meet in one row. */
KernelSplit emit_scatter(Emitter *e, const Kernel *kernel)
{
    const Special *s = &kernel->special;
    Type index = s->in_type[0], updates = s->in_type[1], out = s->out_type;
    Counter counters[MAX_RANK];
    LLVMValueRef indices[MAX_RANK], out_indices[MAX_RANK];
    axes_begin(e, &out, 0, out.rank, counters, indices);
    store_scalar(e, out.dtype, emit_number(e, out.dtype, 0, 0), element_at(e, &s->out, out.rank, indices));
    axes_end(e, 0, out.rank, counters);
    axes_begin(e, &updates, 0, index.rank, counters, indices);
    LLVMValueRef row = load_scalar(e, DTYPE_I32, element_at(e, &s->in[0], index.rank, indices));
    out_indices[0] = LLVMBuildSExt(e->builder, row, e->i64, "");
    axes_begin(e, &updates, index.rank, updates.rank, counters, indices);
    for (unsigned axis = index.rank; axis < updates.rank; axis++)
        out_indices[1 + axis - index.rank] = indices[axis];
    LLVMValueRef target = element_at(e, &s->out, out.rank, out_indices);
    LLVMValueRef operands[] = {load_scalar(e, out.dtype, target),
                               load_scalar(e, out.dtype, element_at(e, &s->in[1], updates.rank, indices))};
    store_scalar(e, out.dtype, emit_op(e, OP_ADD, out.dtype, out.dtype, operands, 0), target);
    axes_end(e, index.rank, updates.rank, counters);
    axes_end(e, 0, index.rank, counters);
    return (KernelSplit){0};
}

/* pareto_extern(function, m, n, wide, operands, out) */
KernelSplit emit_extern(Emitter *e, const Kernel *kernel)
{
    const Special *s = &kernel->special;
    LLVMTypeRef list = LLVMArrayType2(e->pointer, MOST_SPECIAL_INPUTS);
    LLVMValueRef operands = make_variable(e, list);
    for (uint32_t i = 0; i < s->inputs; i++) {
        LLVMValueRef index = const_i64(e, i), place = LLVMBuildGEP2(e->builder, e->pointer, operands, &index, 1, "");
        LLVMBuildStore(e->builder, element_at(e, &s->in[i], 0, NULL), place);
    }
    Type last = s->in_type[s->inputs - 1];
    LLVMValueRef args[] = {const_i32(e, s->symbol),
                           const_i32(e, last.dims[last.rank - 1]),
                           const_i32(e, last.rank == 2 ? last.dims[0] : 1),
                           const_i32(e, s->out_type.dtype == DTYPE_F64),
                           operands,
                           element_at(e, &s->out, 0, NULL)};
    LLVMTypeRef types[COUNT_OF(args)];
    for (size_t i = 0; i < COUNT_OF(args); i++)
        types[i] = LLVMTypeOf(args[i]);
    LLVMTypeRef type = LLVMFunctionType(e->nothing, types, COUNT_OF(args), false);
    LLVMValueRef function = LLVMGetNamedFunction(e->module, "pareto_extern");
    function = function ? function : LLVMAddFunction(e->module, "pareto_extern", type);
    LLVMBuildCall2(e->builder, type, function, args, COUNT_OF(args), "");
    return (KernelSplit){0};
}
