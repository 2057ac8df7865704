/* Memory accesses of a loop kernel. A cursor walks with the loops, so that an address costs one addition per loop that it depends
 * on. */
#include <stdlib.h>

#include "backend/emit_loop.h"

static DType buffer_dtype(const Nest *n, const View *access)
{
    return n->e->schedule->buffers.data[access->buffer].dtype;
}

Cursor make_cursor(const Nest *n, const View *access)
{
    Cursor cursor = {.access = access, .dtype = buffer_dtype(n, access), .index_level = -1};
    cursor.pointer = advance_const(n->e, cursor.dtype, n->e->bases[access->buffer], access->offset);
    if (!access->indirect)
        return cursor;
    cursor.index_pointer = advance_const(n->e, DTYPE_I32, n->e->bases[access->index_buffer], access->index_offset);
    for (int level = 0; level < n->levels; level++)
        if (access->index_stride[n->axis_at[level]])
            cursor.index_level = level;
    cursor.index_varies = n->vector_axis >= 0 && access->index_stride[n->vector_axis];
    return cursor;
}

static LLVMValueRef row_offset(Nest *n, const Cursor *cursor, LLVMValueRef index)
{
    LLVMValueRef wide = LLVMBuildSExt(n->e->builder, index, n->e->i64, "");
    return LLVMBuildMul(n->e->builder, wide, const_i64(n->e, cursor->access->row), "");
}

/* ---- rows of a data set, which lie anywhere in memory ---- */

enum { ROUNDS_AHEAD = 8 /* of a loop, after which a row is read that is asked for now */ };

/* Whether each round of the loop at `level` reads a row of its own, and there are enough rounds to ask ahead. */
static bool reads_rows_at(const Nest *n, const Cursor *cursor, int level)
{
    if (!cursor->access || !cursor->access->indirect || cursor->index_varies || level != cursor->index_level)
        return false;
    return n->e->schedule->buffers.data[cursor->access->buffer].kind == BUFFER_ROWS &&
           n->loop->dims[n->axis_at[level]] > ROUNDS_AHEAD;
}

/* Prefetches the row of that round of the loop at `level`, at which the cursor has not moved yet. */
static void prefetch_row(Nest *n, const Cursor *cursor, int level, LLVMValueRef round)
{
    enum { MOST_LINES = 32 };
    Emitter *e = n->e;
    int axis = n->axis_at[level];
    LLVMValueRef place = advance_by(e, DTYPE_I32, cursor->index_pointer, round, cursor->access->index_stride[axis]);
    LLVMValueRef row = emit_advance(e, cursor->dtype, cursor->pointer, row_offset(n, cursor, load_scalar(e, DTYPE_I32, place)));
    int64_t bytes = cursor->access->row * (int64_t)dtype_size(cursor->dtype);
    for (int64_t line = 0, size = e->target.cache_line; line * size < bytes && line < MOST_LINES; line++) {
        LLVMValueRef offset = const_i64(e, line * size);
        prefetch(e, LLVMBuildGEP2(e->builder, e->i8, row, &offset, 1, ""), false);
    }
}

void prefetch_first_rows(Nest *n, LLVMValueRef first, LLVMValueRef end)
{
    Emitter *e = n->e;
    for (uint32_t i = 0; i < n->loop->nodes.len; i++) {
        const Cursor *cursor = &n->node_cursors[i];
        if (!reads_rows_at(n, cursor, 0))
            continue;
        LLVMValueRef few = LLVMBuildAdd(e->builder, first, const_i64(e, ROUNDS_AHEAD), "");
        Counter round = loop_begin(e, first, emit_less(e, few, end), 1);
        prefetch_row(n, cursor, 0, round.index);
        loop_end(e, &round);
    }
}

static void prefetch_later_row(Nest *n, const Cursor *cursor, int level)
{
    Emitter *e = n->e;
    int axis = n->axis_at[level];
    LLVMValueRef ahead = LLVMBuildAdd(e->builder, n->index[axis], const_i64(e, ROUNDS_AHEAD), "");
    prefetch_row(n, cursor, level, emit_less(e, ahead, const_i64(e, n->loop->dims[axis] - 1)));
}

void move_cursor(Nest *n, Cursor *cursor, int level)
{
    if (!cursor->access)
        return;
    if (level >= 0) {
        int axis = n->axis_at[level];
        if (reads_rows_at(n, cursor, level))
            prefetch_later_row(n, cursor, level);
        cursor->pointer = advance_by(n->e, cursor->dtype, cursor->pointer, n->index[axis], cursor->access->stride[axis]);
        if (cursor->access->indirect)
            cursor->index_pointer =
                advance_by(n->e, DTYPE_I32, cursor->index_pointer, n->index[axis], cursor->access->index_stride[axis]);
    }
    if (cursor->access->indirect && !cursor->index_varies && level == cursor->index_level) {
        LLVMValueRef index = load_scalar(n->e, DTYPE_I32, cursor->index_pointer);
        cursor->pointer = emit_advance(n->e, cursor->dtype, cursor->pointer, row_offset(n, cursor, index));
    }
}

/* ---- vector memory ---- */

static LLVMValueRef all_or_mask(const Nest *n)
{
    return n->mask ? n->mask : tail_mask(n->e, n->lanes, n->lanes);
}

static LLVMValueRef lane_offsets(const Nest *n, int64_t stride)
{
    LLVMValueRef offsets[MOST_LANES];
    for (unsigned i = 0; i < n->lanes; i++)
        offsets[i] = const_i64(n->e, stride * i);
    return LLVMConstVector(offsets, n->lanes);
}

static LLVMValueRef gather(Nest *n, DType dtype, LLVMValueRef pointers)
{
    LLVMTypeRef types[] = {LLVMVectorType(element_type(n->e, dtype), n->lanes), LLVMTypeOf(pointers)};
    LLVMValueRef args[] = {pointers, const_i32(n->e, (int64_t)dtype_size(dtype)), all_or_mask(n), LLVMConstNull(types[0])};
    return call_intrinsic(n->e, "llvm.masked.gather", 2, types, 4, args);
}

static LLVMValueRef load_contiguous(Nest *n, DType dtype, LLVMValueRef pointer)
{
    LLVMTypeRef types[] = {LLVMVectorType(element_type(n->e, dtype), n->lanes), n->e->pointer};
    if (!n->mask) {
        LLVMValueRef value = LLVMBuildLoad2(n->e->builder, types[0], pointer, "");
        LLVMSetAlignment(value, (unsigned)dtype_size(dtype));
        return value;
    }
    LLVMValueRef args[] = {pointer, const_i32(n->e, (int64_t)dtype_size(dtype)), n->mask, LLVMConstNull(types[0])};
    return call_intrinsic(n->e, "llvm.masked.load", 2, types, 4, args);
}

enum { LONGEST_STEP = 4 /* between lanes, for which all that lies between them is read or masked, and lanes are picked */ };

static unsigned lanes_that_count(const Nest *n)
{
    return n->mask ? n->lanes_in_tail : n->lanes;
}

/* Places of the lanes in memory, from the first place of all on; strides of both signs. */
static unsigned place_of_lane(const Nest *n, int64_t stride, unsigned lane)
{
    return (unsigned)(stride > 0 ? stride * lane : -stride * (lanes_that_count(n) - 1 - lane));
}

static bool is_short_step(const Nest *n, int64_t stride)
{
    bool is_short = stride && stride >= -LONGEST_STEP && stride <= LONGEST_STEP;
    return is_short && place_of_lane(n, llabs(stride), lanes_that_count(n) - 1) >= n->lanes - 1;
}

/* Lanes that are a few places apart: whole vectors from the first place to the last one, neither before nor behind them, of which
 * the lanes are picked. Lanes that are masked off hold 0. */
static LLVMValueRef load_and_pick(Nest *n, DType dtype, LLVMValueRef pointer, int64_t stride)
{
    Emitter *e = n->e;
    unsigned count = lanes_that_count(n), places = place_of_lane(n, llabs(stride), count - 1) + 1;
    LLVMTypeRef type = LLVMVectorType(element_type(e, dtype), n->lanes);
    LLVMValueRef picked = LLVMConstNull(type), lanes[MOST_LANES];
    LLVMValueRef first = advance_const(e, dtype, pointer, stride < 0 ? stride * (count - 1) : 0);
    for (unsigned vector = 0; vector * n->lanes < places; vector++) {
        unsigned at = vector * n->lanes, begin = at + n->lanes > places ? places - n->lanes : at;
        LLVMValueRef read = LLVMBuildLoad2(e->builder, type, advance_const(e, dtype, first, begin), "");
        LLVMSetAlignment(read, (unsigned)dtype_size(dtype));
        for (unsigned i = 0; i < n->lanes; i++) {
            unsigned place = i < count ? place_of_lane(n, stride, i) : 0;
            bool inside = i < count && place >= at && place < at + n->lanes;
            lanes[i] = const_i32(e, inside ? n->lanes + place - begin : i);
        }
        picked = LLVMBuildShuffleVector(e->builder, picked, read, LLVMConstVector(lanes, n->lanes), "");
    }
    return picked;
}

/* Lanes that are a few places apart: vectors whose other lanes are masked off. */
static void spread_and_store(Nest *n, DType dtype, LLVMValueRef value, LLVMValueRef pointer, int64_t stride)
{
    Emitter *e = n->e;
    unsigned count = lanes_that_count(n), places = place_of_lane(n, llabs(stride), count - 1) + 1;
    LLVMValueRef first = advance_const(e, dtype, pointer, stride < 0 ? stride * (count - 1) : 0);
    for (unsigned at = 0; at < places; at += n->lanes) {
        LLVMValueRef lanes[MOST_LANES], bits[MOST_LANES];
        for (unsigned i = 0; i < n->lanes; i++) {
            lanes[i] = LLVMGetUndef(LLVMTypeOf(const_i32(e, 0)));
            bits[i] = LLVMConstInt(e->i1, 0, false);
        }
        for (unsigned lane = 0; lane < count; lane++) {
            unsigned place = place_of_lane(n, stride, lane);
            if (place < at || place >= at + n->lanes)
                continue;
            lanes[place - at] = const_i32(e, lane);
            bits[place - at] = LLVMConstInt(e->i1, 1, false);
        }
        LLVMValueRef spread = LLVMBuildShuffleVector(e->builder, value, value, LLVMConstVector(lanes, n->lanes), "");
        write_vector(e, dtype, spread, advance_const(e, dtype, first, at), LLVMConstVector(bits, n->lanes));
    }
}

/* Lanes that are masked off hold 0. */
static LLVMValueRef load_strided(Nest *n, DType dtype, LLVMValueRef pointer, int64_t stride)
{
    if (stride == 1)
        return load_contiguous(n, dtype, pointer);
    if (is_short_step(n, stride))
        return load_and_pick(n, dtype, pointer, stride);
    return gather(n, dtype, emit_advance(n->e, dtype, pointer, lane_offsets(n, stride)));
}

LLVMValueRef load_node(Nest *n, const Cursor *cursor, bool varies, unsigned u)
{
    Emitter *e = n->e;
    if (!varies)
        return load_scalar(e, cursor->dtype, cursor->pointer);
    int64_t stride = cursor->access->stride[n->vector_axis], first = (int64_t)u * n->lanes;
    LLVMValueRef pointer = advance_const(e, cursor->dtype, cursor->pointer, first * stride), value;
    if (cursor->index_varies) {
        int64_t index_stride = cursor->access->index_stride[n->vector_axis];
        LLVMValueRef place = advance_const(e, DTYPE_I32, cursor->index_pointer, first * index_stride);
        LLVMValueRef index = load_strided(n, DTYPE_I32, place, index_stride);
        LLVMTypeRef wide = LLVMVectorType(e->i64, n->lanes);
        LLVMValueRef row = splat(e, const_i64(e, cursor->access->row), n->lanes);
        LLVMValueRef rows = LLVMBuildMul(e->builder, LLVMBuildSExt(e->builder, index, wide, ""), row, "");
        LLVMValueRef offsets = LLVMBuildAdd(e->builder, rows, lane_offsets(n, stride), "");
        value = gather(n, cursor->dtype, emit_advance(e, cursor->dtype, pointer, offsets));
    } else {
        value = load_strided(n, cursor->dtype, pointer, stride);
    }
    if (cursor->dtype == DTYPE_BOOL)
        value = LLVMBuildICmp(e->builder, LLVMIntNE, value, LLVMConstNull(LLVMTypeOf(value)), "");
    return value;
}

void store_vector(Nest *n, const Cursor *cursor, LLVMValueRef value, unsigned u)
{
    Emitter *e = n->e;
    int64_t stride = cursor->access->stride[n->vector_axis];
    LLVMValueRef pointer = advance_const(e, cursor->dtype, cursor->pointer, (int64_t)u * n->lanes * stride);
    LLVMTypeRef type = LLVMVectorType(element_type(e, cursor->dtype), n->lanes);
    if (cursor->dtype == DTYPE_BOOL)
        value = LLVMBuildZExt(e->builder, value, type, "");
    if (stride == 1) {
        write_first_lanes(e, cursor->dtype, value, pointer, n->lanes, n->mask ? n->lanes_in_tail : n->lanes);
        return;
    }
    if (is_short_step(n, stride) && e->target.registers >= WIDE_REGISTERS) { /* masked stores are slow without AVX-512 */
        spread_and_store(n, cursor->dtype, value, pointer, stride);
        return;
    }
    LLVMValueRef places = emit_advance(e, cursor->dtype, pointer, lane_offsets(n, stride));
    LLVMTypeRef types[] = {type, LLVMTypeOf(places)};
    LLVMValueRef args[] = {value, places, const_i32(e, (int64_t)dtype_size(cursor->dtype)), all_or_mask(n)};
    call_intrinsic(e, "llvm.masked.scatter", 2, types, 4, args);
}
