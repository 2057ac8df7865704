/* Sums over windows that overlap, for which there is no kernel, as ops that have one. Windows along several axes overlap along
 * each for itself, so that the axes follow one another:
 *
 *     overlap(g) along an axis  =  sum over k of what windows have at place k, moved to where it lies
 *
 * Windows that do not overlap lie side by side, with zeros between them: nothing is summed. What a product spreads over windows,
 * such as the gradient of a convolution, is a product of windows. Run when all derivatives are taken. */
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

static Value cut_axis(Builder *b, Value x, unsigned axis, int64_t extent)
{
    Type type = value_type(b, x);
    return type.dims[axis] == extent ? x : build_slice(b, x, (Dims){.n = type.rank}, with_extent(type, axis, extent));
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
        moved = cut_axis(b, moved, w->axis, (count - 1) * w->step + 1);
        moved = pad_axis(b, moved, w->axis, k * dilation, w->elements);
        sum = sum == NO_VALUE ? moved : build_binary(b, OP_ADD, sum, moved);
    }
    return sum;
}

static bool lie_side_by_side(const Along *w)
{
    return w->dilation == 1 && w->extent <= w->step;
}

static Value lay_side_by_side(const Along *w, Value g)
{
    Builder *b = w->b;
    Type type = value_type(b, g);
    Dims order = {0};
    for (unsigned axis = 0; axis + 1 < type.rank; axis++) {
        order.v[order.n++] = axis;
        if (axis == w->axis)
            order.v[order.n++] = type.rank - 1;
    }
    Value filled = pad_axis(b, build_transpose(b, g, order), w->axis + 1, 0, w->step);
    type.rank--;
    int64_t laid = type.dims[w->axis] * w->step;
    Value all = build_reshape(b, filled, with_extent(type, w->axis, laid));
    return laid > w->elements ? cut_axis(b, all, w->axis, w->elements) : pad_axis(b, all, w->axis, 0, w->elements);
}

static Value expand(Builder *b, const Op *op, Value g)
{
    for (unsigned i = op->axes.n; i-- > 0;) {
        unsigned axis = (unsigned)op->axes.v[i];
        Along w = {b, axis, op->type.dims[axis], op->extents.v[i], op->steps.v[i], op->dilations.v[i]};
        g = lie_side_by_side(&w) ? lay_side_by_side(&w, g) : sum_places(&w, g);
    }
    return g;
}

/* ---- products whose windows overlap ---- */

/* Where an axis of a product comes from: of lhs or rhs; of both, a batch axis, which counts as lhs's. */
typedef struct Origin {
    bool right, batch;
    int64_t axis; /* of the operand */
} Origin;

/* A product, perhaps with its axes in another order. */
typedef struct Spread {
    Op dot;
    Origin origins[MAX_RANK]; /* per axis of the value */
} Spread;

static bool find_product(const Builder *b, Value g, Spread *spread)
{
    Dims order = all_axes(value_type(b, g).rank);
    const Op *op = OP_AT(b->function, g);
    if (op->code == OP_TRANSPOSE) {
        order = op->axes;
        op = OP_AT(b->function, op->args[0]);
    }
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

/* Windows that are read backwards of the operand that is not the kernel, with zeros around: they have all places at which a
 * window has an element. The axes that they move along are sorted; places[i] is where the places along the overlap's axis i then
 * are. */
static Value make_windows(Builder *b, const Op *overlap, const Spread *spread, Value x, int64_t *places)
{
    Windows w = {0};
    unsigned rank = value_type(b, x).rank;
    for (unsigned axis = 0; axis < rank; axis++)
        for (unsigned i = 0; i < overlap->axes.n; i++) {
            if (spread->origins[overlap->axes.v[i]].axis != axis)
                continue;
            int64_t dilation = overlap->dilations.v[i], size = dilation < 0 ? -dilation : dilation,
                    extent = overlap->extents.v[i];
            int64_t around = (extent - 1) * size;
            x = pad_axis(b, x, axis, around, overlap->type.dims[overlap->axes.v[i]] + around);
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
static Value convolve(Builder *b, const Op *overlap, Value g)
{
    Spread spread;
    int64_t places[MAX_RANK];
    if (!find_product(b, g, &spread) || !is_convolution(overlap, &spread))
        return NO_VALUE;
    Op *dot = &spread.dot;
    bool right = spread.origins[overlap->type.rank].right; /* the kernel is rhs */
    unsigned other = right ? 0 : 1;
    if (value_type(b, dot->args[other]).rank + overlap->axes.n > MAX_RANK)
        return NO_VALUE;
    Value operands[2] = {dot->args[0], dot->args[1]};
    operands[other] = make_windows(b, overlap, &spread, operands[other], places);
    Dims *kernel = right ? &dot->contract_y : &dot->contract_x, *windows = right ? &dot->contract_x : &dot->contract_y;
    for (unsigned i = 0; i < overlap->axes.n; i++) {
        kernel->v[kernel->n++] = spread.origins[overlap->type.rank + i].axis;
        windows->v[windows->n++] = places[i];
    }
    Value product = build_dot(b, operands[0], operands[1], dot->contract_x, dot->contract_y, dot->batch_x, dot->batch_y);
    Op made = *OP_AT(b->function, product);
    Dims order = {.n = overlap->type.rank};
    bool same = true;
    for (unsigned i = 0; i < order.n; i++) {
        order.v[i] = place_in_result(b, &made, spread.origins[i]);
        same &= order.v[i] == i;
    }
    return same ? product : build_transpose(b, product, order);
}

void pass_windows(Module *module, Function *function)
{
    Rewrite rewrite;
    rewrite_begin(&rewrite, module, function);
    for (Value v = 0; v < rewrite.old->ops.len; v++) {
        const Op *op = OP_AT(rewrite.old, v);
        if (op->code != OP_OVERLAP) {
            rewrite_copy(&rewrite, v);
            continue;
        }
        rewrite.b.line = op->line;
        Value g = rewrite.map[op->args[0]], sum = convolve(&rewrite.b, op, g);
        rewrite.map[v] = sum != NO_VALUE ? sum : expand(&rewrite.b, op, g);
    }
    rewrite_end(&rewrite);
}
