/* Sort: the permutation that sorts each line of a tensor, by heapsort in the place of the result. Of two positions with equal
 * numbers the smaller one goes first; so no two are equal, and the result is that of a stable sort. */
#include "backend/emit.h"

#include <stdio.h>

/* A line of numbers and the positions that are sorted, as they are in an inner function. */
typedef struct Line {
    Emitter *e;
    DType dtype;
    LLVMValueRef numbers, number_stride, places, place_stride;
} Line;

enum { NUMBERS, NUMBER_STRIDE, PLACES, PLACE_STRIDE, LINE_PARAMETERS };
enum { SIFT_ROOT = LINE_PARAMETERS, SIFT_END, SIFT_PARAMETERS };
enum { SORT_COUNT = LINE_PARAMETERS, SORT_PARAMETERS };

static Line line_of(Emitter *e, DType dtype, LLVMValueRef function)
{
    return (Line){e,
                  dtype,
                  LLVMGetParam(function, NUMBERS),
                  LLVMGetParam(function, NUMBER_STRIDE),
                  LLVMGetParam(function, PLACES),
                  LLVMGetParam(function, PLACE_STRIDE)};
}

/* Begins an inner function whose first parameters are a line, and those behind it i64. */
static LLVMValueRef line_function(Emitter *e, const char *name, unsigned parameters)
{
    LLVMTypeRef types[SIFT_PARAMETERS] = {e->pointer, e->i64, e->pointer, e->i64, e->i64, e->i64};
    return inner_function(e, name, parameters, types);
}

static LLVMValueRef place_at(const Line *line, LLVMValueRef index)
{
    LLVMValueRef distance = LLVMBuildMul(line->e->builder, index, line->place_stride, "");
    return emit_advance(line->e, DTYPE_I32, line->places, distance);
}

static LLVMValueRef read_place(const Line *line, LLVMValueRef index)
{
    return load_scalar(line->e, DTYPE_I32, place_at(line, index));
}

static LLVMValueRef number_of(const Line *line, LLVMValueRef place)
{
    Emitter *e = line->e;
    LLVMValueRef distance = LLVMBuildMul(e->builder, LLVMBuildSExt(e->builder, place, e->i64, ""), line->number_stride, "");
    return load_scalar(e, line->dtype, emit_advance(e, line->dtype, line->numbers, distance));
}

/* Whether x < y, where a NaN is larger than all numbers. */
static LLVMValueRef less(const Line *line, LLVMValueRef x, LLVMValueRef y)
{
    LLVMBuilderRef builder = line->e->builder;
    LLVMValueRef result = emit_op(line->e, OP_LT, line->dtype, DTYPE_BOOL, (LLVMValueRef[]){x, y}, 0);
    if (!dtype_is_float(line->dtype))
        return result;
    LLVMValueRef x_is_number = LLVMBuildFCmp(builder, LLVMRealORD, x, x, ""),
                 y_is_nan = LLVMBuildFCmp(builder, LLVMRealUNO, y, y, "");
    return LLVMBuildOr(builder, result, LLVMBuildAnd(builder, x_is_number, y_is_nan, ""), "");
}

/* Whether position p goes before position q. */
static LLVMValueRef goes_before(const Line *line, LLVMValueRef p, LLVMValueRef q)
{
    LLVMBuilderRef builder = line->e->builder;
    LLVMValueRef x = number_of(line, p), y = number_of(line, q);
    LLVMValueRef larger = less(line, y, x), earlier = LLVMBuildICmp(builder, LLVMIntSLT, p, q, "");
    LLVMValueRef equal_and_earlier = LLVMBuildAnd(builder, LLVMBuildNot(builder, larger, ""), earlier, "");
    return LLVMBuildOr(builder, less(line, x, y), equal_and_earlier, "");
}

static LLVMBasicBlockRef new_block(Emitter *e, const char *name)
{
    return LLVMAppendBasicBlockInContext(e->context, e->function, name);
}

/* The child of the node, one below 2 node + 2, whose position goes last. */
static LLVMValueRef later_child(const Line *line, LLVMValueRef left, LLVMValueRef end)
{
    Emitter *e = line->e;
    LLVMValueRef right = LLVMBuildAdd(e->builder, left, const_i64(e, 1), "");
    LLVMValueRef exists = LLVMBuildICmp(e->builder, LLVMIntSLT, right, end, "");
    LLVMValueRef readable = LLVMBuildSelect(e->builder, exists, right, left, "");
    LLVMValueRef at_left = read_place(line, left), later = goes_before(line, at_left, read_place(line, readable));
    return LLVMBuildSelect(e->builder, later, readable, left, "");
}

/* hn_sift_<dtype>(line, root, end): below `end`, the position at the root goes down until none of its children goes behind it. */
static LLVMValueRef sift_function(Emitter *e, DType dtype)
{
    char name[32];
    snprintf(name, sizeof name, "hn_sift_%s", dtype_name(dtype));
    LLVMValueRef function = LLVMGetNamedFunction(e->module, name);
    if (function)
        return function;
    function = line_function(e, name, SIFT_PARAMETERS);
    Aside aside = inner_begin(e, function);
    Line line = line_of(e, dtype, function);
    LLVMValueRef end = LLVMGetParam(function, SIFT_END), root = LLVMGetParam(function, SIFT_ROOT);
    LLVMBasicBlockRef before = LLVMGetInsertBlock(e->builder), head = new_block(e, "head"), inside = new_block(e, "inside"),
                      down = new_block(e, "down"), done = new_block(e, "done");
    LLVMValueRef moved = read_place(&line, root);
    LLVMBuildBr(e->builder, head);
    LLVMPositionBuilderAtEnd(e->builder, head);
    LLVMValueRef node = LLVMBuildPhi(e->builder, e->i64, "node");
    LLVMValueRef left = LLVMBuildAdd(e->builder, LLVMBuildAdd(e->builder, node, node, ""), const_i64(e, 1), "");
    LLVMBuildCondBr(e->builder, LLVMBuildICmp(e->builder, LLVMIntSLT, left, end, ""), inside, done);
    LLVMPositionBuilderAtEnd(e->builder, inside);
    LLVMValueRef child = later_child(&line, left, end), place = read_place(&line, child);
    LLVMBuildCondBr(e->builder, goes_before(&line, moved, place), down, done);
    LLVMPositionBuilderAtEnd(e->builder, down);
    store_scalar(e, DTYPE_I32, place, place_at(&line, node));
    LLVMBuildBr(e->builder, head);
    LLVMAddIncoming(node, (LLVMValueRef[]){root, child}, (LLVMBasicBlockRef[]){before, down}, 2);
    LLVMPositionBuilderAtEnd(e->builder, done);
    store_scalar(e, DTYPE_I32, moved, place_at(&line, node));
    inner_end(e, aside);
    return function;
}

static void sift(const Line *line, LLVMValueRef function, LLVMValueRef root, LLVMValueRef end)
{
    LLVMValueRef args[SIFT_PARAMETERS] = {line->numbers, line->number_stride, line->places, line->place_stride, root, end};
    inner_call(line->e, function, SIFT_PARAMETERS, args);
}

/* hn_sort_<dtype>(line, count): the last of the heap goes behind it, until one is left. */
static LLVMValueRef sort_function(Emitter *e, DType dtype)
{
    char name[32];
    snprintf(name, sizeof name, "hn_sort_%s", dtype_name(dtype));
    LLVMValueRef function = LLVMGetNamedFunction(e->module, name), down = sift_function(e, dtype);
    if (function)
        return function;
    function = line_function(e, name, SORT_PARAMETERS);
    Aside aside = inner_begin(e, function);
    Line line = line_of(e, dtype, function);
    LLVMValueRef count = LLVMGetParam(function, SORT_COUNT), zero = const_i64(e, 0), one = const_i64(e, 1);
    Counter fill = loop_begin(e, zero, count, 1);
    LLVMValueRef number = LLVMBuildTrunc(e->builder, fill.index, e->i32, "");
    store_scalar(e, DTYPE_I32, number, place_at(&line, fill.index));
    loop_end(e, &fill);
    LLVMValueRef half = LLVMBuildAShr(e->builder, count, one, ""), last = LLVMBuildSub(e->builder, half, one, "");
    Counter heap = loop_begin(e, zero, half, 1);
    sift(&line, down, LLVMBuildSub(e->builder, last, heap.index, ""), count);
    loop_end(e, &heap);
    Counter take = loop_begin(e, one, count, 1);
    LLVMValueRef end = LLVMBuildSub(e->builder, count, take.index, "");
    LLVMValueRef first = read_place(&line, zero), last_one = read_place(&line, end);
    store_scalar(e, DTYPE_I32, last_one, place_at(&line, zero));
    store_scalar(e, DTYPE_I32, first, place_at(&line, end));
    sift(&line, down, zero, end);
    loop_end(e, &take);
    inner_end(e, aside);
    return function;
}

KernelSplit emit_sort(Emitter *e, const Kernel *kernel)
{
    const Special *s = &kernel->special;
    Type lines = s->out_type;
    DType dtype = s->in_type[0].dtype;
    Counter counters[MAX_RANK];
    LLVMValueRef indices[MAX_RANK], function = sort_function(e, dtype);
    lines.dims[s->axis] = 1;
    axes_begin(e, &lines, 0, lines.rank, counters, indices);
    LLVMValueRef args[SORT_PARAMETERS] = {element_at(e, &s->in[0], lines.rank, indices), const_i64(e, s->in[0].stride[s->axis]),
                                          element_at(e, &s->out, lines.rank, indices), const_i64(e, s->out.stride[s->axis]),
                                          const_i64(e, s->out_type.dims[s->axis])};
    inner_call(e, function, SORT_PARAMETERS, args);
    axes_end(e, 0, lines.rank, counters);
    return (KernelSplit){0};
}
