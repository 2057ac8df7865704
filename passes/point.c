/* Where a value is read in a loop, and what view ops make of that. */
#include <string.h>

#include "passes/point.h"

Point point_identity(Type type)
{
    Point point = {0};
    unsigned loop_axis = 0;
    for (unsigned axis = 0; axis < type.rank; axis++)
        if (type.dims[axis] != 1)
            point.step[axis][loop_axis++] = 1;
    return point;
}

bool point_equal(const Point *a, const Point *b, unsigned rank)
{
    return !memcmp(a->offset, b->offset, rank * sizeof a->offset[0]) && !memcmp(a->step, b->step, rank * sizeof a->step[0]);
}

void point_add(Point *to, unsigned to_axis, const Point *from, unsigned from_axis, int64_t factor)
{
    to->offset[to_axis] += factor * from->offset[from_axis];
    for (unsigned i = 0; i < MAX_RANK; i++)
        to->step[to_axis][i] += factor * from->step[from_axis][i];
}

/* With point NULL it only says whether this is possible. */
bool point_reshape(const Point *point, Type from, Type to, Point *result)
{
    unsigned i = 0, j = 0;
    while (i < from.rank || j < to.rank) {
        unsigned from_begin = i, to_begin = j, wide = 0, wide_axis = 0;
        int64_t from_extent = i < from.rank ? from.dims[i++] : 1, to_extent = j < to.rank ? to.dims[j++] : 1;
        while (from_extent != to_extent) {
            if (from_extent < to_extent)
                from_extent *= from.dims[i++];
            else
                to_extent *= to.dims[j++];
        }
        for (unsigned axis = from_begin; axis < i; axis++)
            if (from.dims[axis] != 1) {
                wide++;
                wide_axis = axis;
            }
        if (wide > 1)
            return false;
        int64_t factor = 1;
        for (unsigned axis = j; wide && result && axis-- > to_begin;) {
            point_add(result, wide_axis, point, axis, factor);
            factor *= to.dims[axis];
        }
    }
    return true;
}

bool reshape_is_inline(Type from, Type to)
{
    return point_reshape(NULL, from, to, NULL);
}

Point point_through(const Point *point, const Op *op, Type operand)
{
    Point result = {0};
    switch (op->code) {
    case OP_BROADCAST:
        for (unsigned axis = 0; axis < operand.rank; axis++)
            point_add(&result, axis, point, (unsigned)op->axes.v[axis], 1);
        break;
    case OP_TRANSPOSE:
        for (unsigned axis = 0; axis < operand.rank; axis++)
            point_add(&result, (unsigned)op->axes.v[axis], point, axis, 1);
        break;
    case OP_SLICE:
        for (unsigned axis = 0; axis < operand.rank; axis++) {
            point_add(&result, axis, point, axis, 1);
            result.offset[axis] += op->start.v[axis];
        }
        break;
    case OP_WINDOW:
        for (unsigned axis = 0, i = 0; axis < operand.rank; axis++) {
            bool moves = i < op->axes.n && op->axes.v[i] == axis;
            point_add(&result, axis, point, axis, moves ? op->steps.v[i] : 1);
            if (!moves)
                continue;
            int64_t dilation = op->dilations.v[i];
            result.offset[axis] += dilation < 0 ? window_reach(op->extents.v[i], dilation) : 0;
            point_add(&result, axis, point, operand.rank + i, dilation);
            i++;
        }
        break;
    case OP_REDUCE_SUM:
    case OP_REDUCE_MAX: /* of axes of extent 1 */
        for (unsigned axis = 0, kept = 0; axis < operand.rank; axis++)
            if (!dims_contain(op->axes, axis))
                point_add(&result, axis, point, kept++, 1);
        break;
    default:
        point_reshape(point, operand, op->type, &result);
        break;
    }
    return result;
}

View access_at(const View *view, unsigned rank, const Point *point)
{
    View access = *view;
    memset(access.stride, 0, sizeof access.stride);
    memset(access.index_stride, 0, sizeof access.index_stride);
    for (unsigned axis = 0; axis < rank; axis++) {
        access.offset += view->stride[axis] * point->offset[axis];
        access.index_offset += view->index_stride[axis] * point->offset[axis];
        for (unsigned i = 0; i < MAX_RANK; i++) {
            access.stride[i] += view->stride[axis] * point->step[axis][i];
            access.index_stride[i] += view->index_stride[axis] * point->step[axis][i];
        }
    }
    return access;
}
