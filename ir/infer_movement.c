/* Shape rules of ops that move elements: see infer.c. */
#include "ir/rules.h"

bool infer_broadcast(const Rule *r)
{
    Type x = rule_operand(r, 0), type = type_with_dtype(r->op->type, x.dtype);
    Dims axes = r->op->axes;
    if (!rule_needs_count(r, "axes", axes.n, x.rank) || !rule_needs_increasing_axes(r, axes, type))
        return false;
    for (unsigned i = 0; i < axes.n; i++)
        if (x.dims[i] != type.dims[axes.v[i]])
            return rule_fail(r, "axis %u of %s cannot become axis %lld of %s", i, type_text(x), (long long)axes.v[i],
                             type_text(type));
    return rule_result(r, type);
}

bool infer_reshape(const Rule *r)
{
    Type x = rule_operand(r, 0), type = type_with_dtype(r->op->type, x.dtype);
    if (type_elements(x) != type_elements(type))
        return rule_fail(r, "%s and %s differ in their number of elements", type_text(x), type_text(type));
    return rule_result(r, type);
}

bool infer_transpose(const Rule *r)
{
    Type x = rule_operand(r, 0), type = x;
    Dims axes = r->op->axes, seen = {0};
    if (!rule_needs_count(r, "axes", axes.n, x.rank))
        return false;
    for (unsigned i = 0; i < axes.n; i++) {
        if (!rule_needs_axis(r, axes.v[i], x))
            return false;
        if (dims_contain(seen, axes.v[i]))
            return rule_fail(r, "axis %lld is named twice", (long long)axes.v[i]);
        seen.v[seen.n++] = axes.v[i];
        type.dims[i] = x.dims[axes.v[i]];
    }
    return rule_result(r, type);
}

/* Whether a block of type `inner` at `start` lies within `outer`. */
static bool need_within(const Rule *r, Type inner, Dims start, Type outer)
{
    if (inner.rank != outer.rank)
        return rule_fail(r, "%s and %s differ in rank", type_text(inner), type_text(outer));
    if (!rule_needs_count(r, "indices", start.n, outer.rank))
        return false;
    for (unsigned i = 0; i < start.n; i++)
        if (start.v[i] < 0 || start.v[i] > outer.dims[i] - inner.dims[i])
            return rule_fail(r, "%s at %lld on axis %u lies outside %s", type_text(inner), (long long)start.v[i], i,
                             type_text(outer));
    return true;
}

bool infer_slice(const Rule *r)
{
    Type x = rule_operand(r, 0), type = type_with_dtype(r->op->type, x.dtype);
    return need_within(r, type, r->op->start, x) && rule_result(r, type);
}

bool infer_pad(const Rule *r)
{
    Type x = rule_operand(r, 0), type = type_with_dtype(r->op->type, x.dtype);
    return need_within(r, x, r->op->before, type) && rule_result(r, type);
}

int64_t window_count(int64_t elements, int64_t extent, int64_t step, int64_t dilation)
{
    int64_t span = window_reach(extent, dilation) + 1;
    return span > elements ? 0 : (elements - span) / step + 1;
}

/* What the op's windows make of a tensor of type `x`. */
static bool window_type(const Rule *r, Type x, Type *type)
{
    const Op *op = r->op;
    if (!rule_needs_increasing_axes(r, op->axes, x) || !rule_needs_count(r, "extents", op->extents.n, op->axes.n) ||
        !rule_needs_count(r, "steps", op->steps.n, op->axes.n) || !rule_needs_count(r, "dilations", op->dilations.n, op->axes.n))
        return false;
    *type = x;
    bool fits = true;
    for (unsigned i = 0; fits && i < op->axes.n; i++) {
        int64_t elements = x.dims[op->axes.v[i]], extent = op->extents.v[i], step = op->steps.v[i], dilation = op->dilations.v[i];
        if (extent < 1 || extent > MAX_ELEMENTS || step < 1 || dilation == 0 || dilation < -MAX_ELEMENTS ||
            dilation > MAX_ELEMENTS)
            return rule_fail(r, "no window has the extent %lld, the step %lld and the dilation %lld", (long long)extent,
                             (long long)step, (long long)dilation);
        int64_t count = window_count(elements, extent, step, dilation);
        if (count == 0)
            return rule_fail(r, "a window of %lld elements, %lld apart, is larger than the axis of %lld", (long long)extent,
                             (long long)dilation, (long long)elements);
        type->dims[op->axes.v[i]] = count;
        fits = rule_add_axis(r, type, extent);
    }
    return fits;
}

bool infer_window(const Rule *r)
{
    Type type;
    return window_type(r, rule_operand(r, 0), &type) && rule_result(r, type);
}

bool infer_overlap(const Rule *r)
{
    Type x = rule_operand(r, 0), type = type_with_dtype(r->op->type, x.dtype), windows;
    if (!rule_needs_number(r, x) || !window_type(r, type, &windows))
        return false;
    if (!type_equal(windows, x))
        return rule_fail(r, "%s are not the windows %s of %s", type_text(x), type_text(windows), type_text(type));
    return rule_result(r, type);
}

bool infer_concat(const Rule *r)
{
    Type type = rule_operand(r, 0);
    if (!rule_needs_count(r, "axes", r->op->axis.n, 1) || !rule_needs_axis(r, r->op->axis.v[0], type))
        return false;
    int64_t axis = r->op->axis.v[0];
    for (uint32_t i = 1; i < r->op->nargs; i++) {
        Type next = rule_operand(r, i), expected = type;
        if (next.rank == type.rank)
            expected.dims[axis] = next.dims[axis];
        if (!type_equal(next, expected))
            return rule_fail(r, "%s and %s do not join on axis %lld", type_text(rule_operand(r, 0)), type_text(next),
                             (long long)axis);
        type.dims[axis] += next.dims[axis]; /* 2^32 operands of at most 2^31: no overflow */
    }
    return rule_result(r, type);
}
