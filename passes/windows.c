/* Sums over windows that overlap, for which there is no kernel, as ops that have one. Windows along several axes overlap along
 * each for itself, so that the axes follow one another:
 *
 *     overlap(g) along an axis  =  sum over k of what windows have at place k, moved to where it lies
 *
 * Windows that do not overlap lie side by side, with zeros between them: nothing is summed. What a product spreads over windows,
 * such as the gradient of a convolution, is a product of windows. Run when all derivatives are taken.
 *
 * A product that reads windows has them as its second operand, whose columns are then neighbours in memory. */
#include "passes/passes.h"
#include "passes/rewrite.h"

/* Windows along one axis of a tensor whose last axis is that of the places within a window. */
typedef struct Along {
    Builder *b;
    unsigned axis;
    int64_t elements, extent, step, dilation; /* elements: of the axis that they make */
} Along;

static Type with_extent(Type type, unsigned axis, int64_t extent)
{
    type.dims[axis] = extent;
    return type;
}

/* The tensor with `before` zeros in front of the axis, and as many behind as give it that extent. */
static Value pad_axis(Builder *b, Value x, unsigned axis, int64_t before, int64_t extent)
{
    Type type = value_type(b, x);
    Dims start = {.n = type.rank};
    start.v[axis] = before;
    return type.dims[axis] == extent ? x : build_pad(b, x, start, with_extent(type, axis, extent));
}

/* Elements [start, start + extent) of the axis, with zeros for those that x lacks. */
static Value part_of_axis(Builder *b, Value x, unsigned axis, int64_t start, int64_t extent)
{
    Type type = value_type(b, x);
    int64_t first = start > 0 ? start : 0, end = start + extent < type.dims[axis] ? start + extent : type.dims[axis];
    Dims from = {.n = type.rank};
    from.v[axis] = first;
    if (end - first < type.dims[axis])
        x = build_slice(b, x, from, with_extent(type, axis, end - first));
    return pad_axis(b, x, axis, first - start, extent);
}

/* With step - 1 zeros behind each entry of the axis. */
static Value spread_axis(Builder *b, Value x, unsigned axis, int64_t step)
{
    Type type = value_type(b, x), split = type;
    int64_t count = type.dims[axis];
    if (step == 1)
        return x;
    split.rank++;
    for (unsigned i = split.rank - 1; i > axis + 1; i--)
        split.dims[i] = split.dims[i - 1];
    split.dims[axis + 1] = 1;
    Value spread = pad_axis(b, build_reshape(b, x, split), axis + 1, 0, step);
    return build_reshape(b, spread, with_extent(type, axis, count * step));
}

/* Element k of the last axis, which vanishes. */
static Value at_place(Builder *b, Value x, int64_t k)
{
    Type type = value_type(b, x);
    Dims start = {.n = type.rank};
    start.v[type.rank - 1] = k;
    Value place = build_slice(b, x, start, with_extent(type, type.rank - 1, 1));
    type.rank--;
    return build_reshape(b, place, type);
}

static Value sum_places(const Along *w, Value g)
{
    Builder *b = w->b;
    int64_t dilation = w->dilation < 0 ? -w->dilation : w->dilation;
    Value sum = NO_VALUE;
    for (int64_t k = 0; k < w->extent; k++) {
        int64_t place = w->dilation < 0 ? w->extent - 1 - k : k, count = value_type(b, g).dims[w->axis];
        Value moved = spread_axis(b, at_place(b, g, place), w->axis, w->step);
        moved = part_of_axis(b, moved, w->axis, 0, (count - 1) * w->step + 1);
        moved = pad_axis(b, moved, w->axis, k * dilation, w->elements);
        sum = sum == NO_VALUE ? moved : build_binary(b, OP_ADD, sum, moved);
    }
    return sum;
}

static bool lie_side_by_side(const Op *op, unsigned i)
{
    return op->dilations.v[i] == 1 && op->extents.v[i] <= op->steps.v[i];
}

/* The windows that overlap along no axis: each place within a window goes beside its window, with zeros behind the last one. */
static Value lay_side_by_side(Builder *b, const Op *op, Value g)
{
    Type type = op->type, filled = type;
    Dims order = {0};
    for (unsigned axis = 0; axis < type.rank; axis++) {
        order.v[order.n++] = axis;
        for (unsigned i = 0; i < op->axes.n; i++)
            if (op->axes.v[i] == axis)
                order.v[order.n++] = type.rank + i;
    }
    Value laid = build_transpose(b, g, order);
    for (unsigned i = 0; i < op->axes.n; i++) {
        unsigned place = 0;
        while (order.v[place] != type.rank + i)
            place++;
        laid = pad_axis(b, laid, place, 0, op->steps.v[i]);
        filled.dims[op->axes.v[i]] = value_type(b, g).dims[op->axes.v[i]] * op->steps.v[i];
    }
    laid = build_reshape(b, laid, filled);
    for (unsigned axis = 0; axis < type.rank; axis++)
        laid = part_of_axis(b, laid, axis, 0, type.dims[axis]);
    return laid;
}

static Value expand(Builder *b, const Op *op, Value g)
{
    bool side_by_side = true;
    for (unsigned i = 0; i < op->axes.n; i++)
        side_by_side &= lie_side_by_side(op, i);
    if (side_by_side)
        return lay_side_by_side(b, op, g);
    for (unsigned i = op->axes.n; i-- > 0;) {
        unsigned axis = (unsigned)op->axes.v[i];
        Along w = {b, axis, op->type.dims[axis], op->extents.v[i], op->steps.v[i], op->dilations.v[i]};
        g = sum_places(&w, g);
    }
    return g;
}

/* ---- products that read windows ---- */

static bool is_windows(const Function *function, Value v)
{
    while (OP_AT(function, v)->code == OP_TRANSPOSE)
        v = OP_AT(function, v)->args[0];
    return OP_AT(function, v)->code == OP_WINDOW;
}

/* x y as y x, transposed. */
static Value build_swapped(Builder *b, Value x, Value y, const Op *dot)
{
    Value product = build_dot(b, y, x, dot->contract_y, dot->contract_x, dot->batch_y, dot->batch_x);
    unsigned batch = dot->batch_x.n, free_x = value_type(b, x).rank - dot->contract_x.n - batch,
             free_y = value_type(b, y).rank - dot->contract_y.n - batch;
    Dims order = {0};
    for (unsigned i = 0; i < batch; i++)
        order.v[order.n++] = i;
    for (unsigned i = 0; i < free_x; i++)
        order.v[order.n++] = batch + free_y + i;
    for (unsigned i = 0; i < free_y; i++)
        order.v[order.n++] = batch + i;
    return free_x && free_y ? build_transpose(b, product, order) : product;
}

/* With windows second. */
static Value build_product(Builder *b, Value x, Value y, const Op *dot)
{
    if (is_windows(b->function, x) && !is_windows(b->function, y))
        return build_swapped(b, x, y, dot);
    return build_dot(b, x, y, dot->contract_x, dot->contract_y, dot->batch_x, dot->batch_y);
}

/* ---- products whose windows overlap ---- */

/* Where an axis of a product comes from: of lhs or rhs; of both, a batch axis, which counts as lhs's. */
typedef struct Origin {
    bool right, batch;
    int64_t axis; /* of the operand */
} Origin;

/* A product with its axes in some order. */
typedef struct Spread {
    Op dot;
    Origin origins[MAX_RANK]; /* per axis of the value */
} Spread;

static void through_transpose(Dims *axes, const Op *transpose)
{
    for (unsigned i = 0; i < axes->n; i++)
        axes->v[i] = transpose->axes.v[axes->v[i]];
}

/* The product's operand on that side, before it was transposed: what is made of it then lies in memory as it does. */
static Value untransposed(const Builder *b, Spread *spread, bool right)
{
    Op *dot = &spread->dot;
    Value x = dot->args[right];
    for (const Op *op; op = OP_AT(b->function, x), op->code == OP_TRANSPOSE; x = op->args[0]) {
        through_transpose(right ? &dot->contract_y : &dot->contract_x, op);
        through_transpose(right ? &dot->batch_y : &dot->batch_x, op);
        for (unsigned i = 0; i < MAX_RANK; i++)
            if (spread->origins[i].right == right)
                spread->origins[i].axis = op->axes.v[spread->origins[i].axis];
    }
    return x;
}

static bool find_product(const Builder *b, Value g, Spread *spread)
{
    Dims order = all_axes(value_type(b, g).rank);
    const Op *op = OP_AT(b->function, g);
    for (; op->code == OP_TRANSPOSE; op = OP_AT(b->function, op->args[0]))
        through_transpose(&order, op);
    if (op->code != OP_DOT)
        return false;
    spread->dot = *op;
    Dims left = other_axes(value_type(b, op->args[0]).rank, op->contract_x, op->batch_x),
         right = other_axes(value_type(b, op->args[1]).rank, op->contract_y, op->batch_y);
    for (unsigned i = 0; i < order.n; i++) {
        unsigned at = (unsigned)order.v[i], first_right = op->batch_x.n + left.n;
        spread->origins[i] = at < op->batch_x.n ? (Origin){.batch = true, .axis = op->batch_x.v[at]}
                             : at < first_right ? (Origin){.axis = left.v[at - op->batch_x.n]}
                                                : (Origin){.right = true, .axis = right.v[at - first_right]};
    }
    return true;
}

/* Whether the places within windows are all axes of one operand, the kernel, and the windows those of the other one. */
static bool is_convolution(const Op *overlap, const Spread *spread)
{
    bool right = spread->origins[overlap->type.rank].right;
    for (unsigned i = 0; i < overlap->axes.n; i++) {
        const Origin *window = &spread->origins[overlap->axes.v[i]], *place = &spread->origins[overlap->type.rank + i];
        if (overlap->steps.v[i] != 1 || window->batch || place->batch || place->right != right || window->right == right)
            return false;
    }
    return true;
}

/* The part of an overlap that is wanted: all of it, or what a slice takes. */
typedef struct Region {
    Dims start;
    Type type;
} Region;

static Region whole_region(const Op *overlap)
{
    return (Region){.start = {.n = overlap->type.rank}, .type = overlap->type};
}

/* Windows that are read backwards of the operand that is not the kernel, with zeros around: they have all places of the region at
 * which a window has an element. The axes that they move along are sorted; places[i] is where the places along the overlap's axis
 * i then are. */
static Value make_windows(Builder *b, const Op *overlap, const Region *region, const Spread *spread, Value x, int64_t *places)
{
    Windows w = {0};
    unsigned rank = value_type(b, x).rank;
    for (unsigned axis = 0; axis < rank; axis++)
        for (unsigned i = 0; i < overlap->axes.n; i++) {
            int64_t along = overlap->axes.v[i], dilation = overlap->dilations.v[i], extent = overlap->extents.v[i];
            if (spread->origins[along].axis != axis)
                continue;
            int64_t around = window_reach(extent, dilation);
            x = part_of_axis(b, x, axis, region->start.v[along] - around, region->type.dims[along] + around);
            places[i] = rank + w.axes.n;
            w.extents.v[w.extents.n++] = extent;
            w.steps.v[w.steps.n++] = 1;
            w.dilations.v[w.dilations.n++] = -dilation;
            w.axes.v[w.axes.n++] = axis;
        }
    return build_window(b, x, w);
}

/* Where the axis of an operand is in the result of the product. */
static int64_t place_in_result(const Builder *b, const Op *dot, Origin origin)
{
    Dims left = other_axes(value_type(b, dot->args[0]).rank, dot->contract_x, dot->batch_x),
         right = other_axes(value_type(b, dot->args[1]).rank, dot->contract_y, dot->batch_y);
    const Dims *axes = origin.batch ? &dot->batch_x : origin.right ? &right : &left;
    unsigned at = origin.batch ? 0 : dot->batch_x.n + (origin.right ? left.n : 0), i = 0;
    while (axes->v[i] != origin.axis)
        i++;
    return at + i;
}

/* overlap(g k), where k has the places within windows, is the product of windows of g, read backwards, with k: the gradient of a
 * convolution is one. NO_VALUE: the operand is no such product. */
static Value convolve(Builder *b, const Op *overlap, const Region *region, Value g)
{
    Spread spread = {0};
    int64_t places[MAX_RANK];
    if (!find_product(b, g, &spread) || !is_convolution(overlap, &spread))
        return NO_VALUE;
    Op *dot = &spread.dot;
    bool right = spread.origins[overlap->type.rank].right; /* the kernel is rhs */
    unsigned other = right ? 0 : 1;
    if (value_type(b, dot->args[other]).rank + overlap->axes.n > MAX_RANK)
        return NO_VALUE;
    Value operands[2] = {dot->args[0], dot->args[1]};
    operands[other] = make_windows(b, overlap, region, &spread, untransposed(b, &spread, other), places);
    dot->args = operands;
    Dims *kernel = right ? &dot->contract_y : &dot->contract_x, *windows = right ? &dot->contract_x : &dot->contract_y;
    for (unsigned i = 0; i < overlap->axes.n; i++) {
        kernel->v[kernel->n++] = spread.origins[overlap->type.rank + i].axis;
        windows->v[windows->n++] = places[i];
    }
    Dims order = {.n = overlap->type.rank};
    bool same = true;
    for (unsigned i = 0; i < order.n; i++) {
        order.v[i] = place_in_result(b, dot, spread.origins[i]);
        same &= order.v[i] == i;
    }
    Value product = build_product(b, dot->args[0], dot->args[1], dot);
    return same ? product : build_transpose(b, product, order);
}

/* Whether a slice of an overlap cuts no other axes than those of windows. */
static bool cuts_windows(const Op *slice, const Op *overlap)
{
    for (unsigned axis = 0; axis < slice->type.rank; axis++)
        if (slice->type.dims[axis] != overlap->type.dims[axis] && !dims_contain(overlap->axes, axis))
            return false;
    return true;
}

/* The sum over windows, or the part of it that a slice takes: what a padded image has behind its edges has no gradient. */
static Value sum_windows(Builder *b, const Op *overlap, const Op *slice, Value g)
{
    Region region = slice ? (Region){slice->start, slice->type} : whole_region(overlap);
    if (slice && !cuts_windows(slice, overlap))
        return NO_VALUE;
    Value sum = convolve(b, overlap, &region, g);
    return sum != NO_VALUE || slice ? sum : expand(b, overlap, g);
}

static Value rewritten(Rewrite *rewrite, const Op *op)
{
    const Function *old = rewrite->old;
    const Op *operand = op->nargs ? OP_AT(old, op->args[0]) : NULL;
    switch (op->code) {
    case OP_OVERLAP:
        return sum_windows(&rewrite->b, op, NULL, rewrite->map[op->args[0]]);
    case OP_SLICE:
        return operand->code == OP_OVERLAP ? sum_windows(&rewrite->b, operand, op, rewrite->map[operand->args[0]]) : NO_VALUE;
    case OP_DOT:
        return build_product(&rewrite->b, rewrite->map[op->args[0]], rewrite->map[op->args[1]], op);
    default:
        return NO_VALUE;
    }
}

void pass_windows(Module *module, Function *function)
{
    Rewrite rewrite;
    rewrite_begin(&rewrite, module, function);
    for (Value v = 0; v < rewrite.old->ops.len; v++) {
        rewrite.b.line = OP_AT(rewrite.old, v)->line;
        Value value = rewritten(&rewrite, OP_AT(rewrite.old, v));
        if (value != NO_VALUE)
            rewrite.map[v] = value;
        else
            rewrite_copy(&rewrite, v);
    }
    rewrite_end(&rewrite);
}
