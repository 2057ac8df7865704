/* Views: where the elements of a tensor lie in memory, and what view ops make of that. */
#include <string.h>

#include "passes/schedule.h"

View view_in_order(View view, Type type, Dims order)
{
    int64_t stride = 1;
    for (unsigned i = order.n; i-- > 0;) {
        view.stride[order.v[i]] = stride;
        stride *= type.dims[order.v[i]];
    }
    return view;
}

View view_contiguous(uint32_t buffer, Type type)
{
    return view_in_order((View){.buffer = buffer}, type, all_axes(type.rank));
}

/* Axes [begin, end) of a tensor, outermost first, as one axis: its innermost strides are stored. False if the strides do not
 * nest. */
static bool merge_axes(const View *view, const int64_t *dims, unsigned begin, unsigned end, int64_t *stride,
                       int64_t *index_stride)
{
    int64_t extent = 1;
    *stride = *index_stride = 0;
    for (unsigned axis = end; axis-- > begin;) {
        if (dims[axis] == 1)
            continue;
        if (extent == 1) {
            *stride = view->stride[axis];
            *index_stride = view->index_stride[axis];
        } else if (view->stride[axis] != *stride * extent || view->index_stride[axis] != *index_stride * extent) {
            return false;
        }
        extent *= dims[axis];
    }
    return true;
}

bool view_reshape(View *view, Type from, Type to)
{
    View result = *view;
    memset(result.stride, 0, sizeof result.stride);
    memset(result.index_stride, 0, sizeof result.index_stride);
    unsigned i = 0, j = 0;
    while (i < from.rank || j < to.rank) {
        /* The shortest runs of axes of equal extent. */
        unsigned from_begin = i, to_begin = j;
        int64_t from_extent = i < from.rank ? from.dims[i++] : 1, to_extent = j < to.rank ? to.dims[j++] : 1;
        while (from_extent != to_extent) {
            if (from_extent < to_extent)
                from_extent *= from.dims[i++];
            else
                to_extent *= to.dims[j++];
        }
        int64_t stride, index_stride;
        if (!merge_axes(view, from.dims, from_begin, i, &stride, &index_stride))
            return false;
        for (unsigned axis = j; axis-- > to_begin;) {
            result.stride[axis] = stride;
            result.index_stride[axis] = index_stride;
            stride *= to.dims[axis];
            index_stride *= to.dims[axis];
        }
    }
    *view = result;
    return true;
}

static void view_windows(View *view, const Op *op, Type operand)
{
    for (unsigned i = 0; i < op->axes.n; i++) {
        unsigned axis = (unsigned)op->axes.v[i];
        int64_t dilation = op->dilations.v[i], backwards = dilation < 0 ? window_reach(op->extents.v[i], dilation) : 0;
        view->offset += backwards * view->stride[axis];
        view->index_offset += backwards * view->index_stride[axis];
        view->stride[operand.rank + i] = dilation * view->stride[axis];
        view->index_stride[operand.rank + i] = dilation * view->index_stride[axis];
        view->stride[axis] *= op->steps.v[i];
        view->index_stride[axis] *= op->steps.v[i];
    }
}

bool view_through(View *view, const Op *op, Type operand)
{
    View from = *view;
    if (op->code == OP_WINDOW) {
        view_windows(view, op, operand);
        return true;
    }
    if (op->code == OP_RESHAPE || op->code == OP_REDUCE_SUM || op->code == OP_REDUCE_MAX)
        return view_reshape(view, operand, op->type);
    memset(view->stride, 0, sizeof view->stride);
    memset(view->index_stride, 0, sizeof view->index_stride);
    for (unsigned axis = 0; axis < operand.rank; axis++) {
        /* BROADCAST: op->axes is the result axis of each operand axis; TRANSPOSE: the operand axis of each result axis. */
        unsigned source = op->code == OP_TRANSPOSE ? (unsigned)op->axes.v[axis] : axis;
        unsigned target = op->code == OP_BROADCAST ? (unsigned)op->axes.v[axis] : axis;
        view->stride[target] = from.stride[source];
        view->index_stride[target] = from.index_stride[source];
        if (op->code == OP_SLICE) {
            view->offset += op->start.v[axis] * from.stride[axis];
            view->index_offset += op->start.v[axis] * from.index_stride[axis];
        }
    }
    return true;
}

bool view_has_strides(const View *view)
{
    for (unsigned axis = 0; view->indirect && axis < MAX_RANK; axis++)
        if (view->index_stride[axis])
            return false;
    return true;
}
