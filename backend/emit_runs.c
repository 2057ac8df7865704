/* Columns of rhs that a tile reads where they lie, without a copy. The windows of an image overlap, so for each k a vector of
 * columns is a few runs of memory: as many as rows of the image that the windows lie in. Each run is read into its lanes. */
#include "backend/blocks.h"

unsigned runs_of_vectors(const AxisList *columns, unsigned lanes)
{
    unsigned most = 1, runs = 1;
    for (int64_t entry = 0, entries = axes_elements(columns); entry < entries; entry++) {
        int64_t offset = table_offset(columns, columns->first, entry);
        bool begins = entry % lanes == 0;
        runs = begins ? 1 : runs + (offset != table_offset(columns, columns->first, entry - 1) + 1);
        most = runs > most ? runs : most;
    }
    return most;
}

/* The lanes [first, end). */
static LLVMValueRef lanes_between(Emitter *e, unsigned lanes, LLVMValueRef first, LLVMValueRef end)
{
    LLVMValueRef not_before = LLVMBuildNot(e->builder, lanes_below(e, lanes, first), ""), below = lanes_below(e, lanes, end);
    return LLVMBuildAnd(e->builder, below, not_before, "");
}

VectorRuns find_runs(Emitter *e, DType dtype, LLVMValueRef from, LLVMValueRef columns, unsigned runs, unsigned lanes,
                     LLVMValueRef first, LLVMValueRef count)
{
    VectorRuns found = {.n = runs};
    LLVMValueRef last = LLVMBuildSub(e->builder, count, const_i64(e, 1), ""), begin = const_i64(e, 0);
    LLVMValueRef end = emit_less(e, LLVMBuildSub(e->builder, count, first, ""), const_i64(e, lanes));
    for (unsigned r = 0; r < runs; r++) { /* behind the last column, runs are of no lanes */
        LLVMValueRef column = emit_less(e, LLVMBuildAdd(e->builder, first, begin, ""), last);
        LLVMValueRef next = LLVMBuildAdd(e->builder, begin, run_along(e, columns, column), "");
        next = emit_less(e, next, end);
        found.mask[r] = lanes_between(e, lanes, begin, next);
        LLVMValueRef offset = LLVMBuildSub(e->builder, offset_along(e, true, columns, column), begin, "");
        found.begin[r] = emit_advance(e, dtype, from, offset);
        begin = next;
    }
    return found;
}

LLVMValueRef read_runs(Emitter *e, DType dtype, const VectorRuns *runs, LLVMValueRef offset, unsigned lanes)
{
    LLVMTypeRef types[] = {register_type(e, dtype, lanes), e->pointer};
    LLVMValueRef read = LLVMConstNull(types[0]);
    for (unsigned r = 0; r < runs->n; r++) {
        LLVMValueRef from = emit_advance(e, dtype, runs->begin[r], offset);
        LLVMValueRef args[] = {from, const_i32(e, (int64_t)dtype_size(dtype)), runs->mask[r], read};
        read = call_intrinsic(e, "llvm.masked.load", 2, types, 4, args);
    }
    return read;
}
