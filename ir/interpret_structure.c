/* The interpreter's primitives that move, reduce, multiply and index. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ir/interpret.h"

/* ---- walking a tensor in another's order ---- */

/* Visits a block of extents dims[] in row-major order and says where each element stands in memory laid out by strides[]. */
typedef struct Walk {
    unsigned rank;
    int64_t dims[MAX_RANK], strides[MAX_RANK], index[MAX_RANK], offset;
} Walk;

static void row_major_strides(Type type, int64_t strides[MAX_RANK])
{
    int64_t stride = 1;
    for (unsigned i = type.rank; i-- > 0;) {
        strides[i] = stride;
        stride *= type.dims[i];
    }
}

static Walk walk_over(Type type)
{
    Walk walk = {.rank = type.rank};
    memcpy(walk.dims, type.dims, sizeof walk.dims);
    return walk;
}

static void walk_next(Walk *walk)
{
    for (unsigned i = walk->rank; i-- > 0;) {
        walk->offset += walk->strides[i];
        if (++walk->index[i] < walk->dims[i])
            return;
        walk->offset -= walk->dims[i] * walk->strides[i];
        walk->index[i] = 0;
    }
}

/* out[i] = x[walk] for every element of out, which the walk covers. */
static void gather_walk(Tensor *out, const Tensor *x, Walk walk)
{
    size_t size = dtype_size(out->type.dtype);
    int64_t n = type_elements(out->type);
    for (int64_t i = 0; i < n; i++, walk_next(&walk))
        memcpy((char *)out->data + (size_t)i * size, (const char *)x->data + (size_t)walk.offset * size, size);
}

/* out[walk] = x[i] for every element of x, which the walk covers. */
static void scatter_walk(Tensor *out, const Tensor *x, Walk walk)
{
    size_t size = dtype_size(out->type.dtype);
    int64_t n = type_elements(x->type);
    for (int64_t i = 0; i < n; i++, walk_next(&walk))
        memcpy((char *)out->data + (size_t)walk.offset * size, (const char *)x->data + (size_t)i * size, size);
}

/* ---- movement ---- */

static bool eval_broadcast(const Run *run, const Op *op, Tensor *out)
{
    const Tensor *x = operand_tensor(run, op, 0);
    int64_t strides[MAX_RANK];
    row_major_strides(x->type, strides);
    Walk walk = walk_over(out->type);
    for (unsigned i = 0; i < op->axes.n; i++)
        walk.strides[op->axes.v[i]] = strides[i];
    gather_walk(out, x, walk);
    return true;
}

static bool eval_reshape(const Run *run, const Op *op, Tensor *out)
{
    memcpy(out->data, operand_tensor(run, op, 0)->data, (size_t)type_bytes(out->type));
    return true;
}

static bool eval_transpose(const Run *run, const Op *op, Tensor *out)
{
    const Tensor *x = operand_tensor(run, op, 0);
    int64_t strides[MAX_RANK];
    row_major_strides(x->type, strides);
    Walk walk = walk_over(out->type);
    for (unsigned i = 0; i < op->axes.n; i++)
        walk.strides[i] = strides[op->axes.v[i]];
    gather_walk(out, x, walk);
    return true;
}

/* A walk over `block` as it lies at `start` in a tensor of type `whole`. */
static Walk walk_block(Type block, Type whole, const int64_t *start)
{
    Walk walk = walk_over(block);
    row_major_strides(whole, walk.strides);
    for (unsigned i = 0; i < block.rank; i++)
        walk.offset += start[i] * walk.strides[i];
    return walk;
}

static bool eval_slice(const Run *run, const Op *op, Tensor *out)
{
    const Tensor *x = operand_tensor(run, op, 0);
    gather_walk(out, x, walk_block(out->type, x->type, op->start.v));
    return true;
}

static bool eval_pad(const Run *run, const Op *op, Tensor *out)
{
    const Tensor *x = operand_tensor(run, op, 0);
    memset(out->data, 0, (size_t)type_bytes(out->type));
    scatter_walk(out, x, walk_block(x->type, out->type, op->before.v));
    return true;
}

/* A walk over windows, as they lie in a tensor of type `whole`. */
static Walk walk_windows(const Op *op, Type windows, Type whole)
{
    Walk walk = walk_over(windows);
    row_major_strides(whole, walk.strides);
    for (unsigned i = 0; i < op->axes.n; i++) {
        int64_t stride = walk.strides[op->axes.v[i]], dilation = op->dilations.v[i];
        walk.strides[op->axes.v[i]] = stride * op->steps.v[i];
        walk.strides[whole.rank + i] = stride * dilation;
        walk.offset += dilation < 0 ? window_reach(op->extents.v[i], dilation) * stride : 0;
    }
    return walk;
}

static bool eval_window(const Run *run, const Op *op, Tensor *out)
{
    const Tensor *x = operand_tensor(run, op, 0);
    gather_walk(out, x, walk_windows(op, out->type, x->type));
    return true;
}

static bool eval_overlap(const Run *run, const Op *op, Tensor *out)
{
    const Tensor *x = operand_tensor(run, op, 0);
    Walk walk = walk_windows(op, x->type, out->type);
    int64_t elements = type_elements(x->type);
    memset(out->data, 0, (size_t)type_bytes(out->type));
    for (int64_t i = 0; i < elements; i++, walk_next(&walk))
        tensor_set(out, walk.offset, tensor_get(out, walk.offset) + tensor_get(x, i));
    return true;
}

static bool eval_concat(const Run *run, const Op *op, Tensor *out)
{
    int64_t start[MAX_RANK] = {0}, axis = op->axis.v[0];
    for (uint32_t i = 0; i < op->nargs; i++) {
        const Tensor *x = operand_tensor(run, op, i);
        scatter_walk(out, x, walk_block(x->type, out->type, start));
        start[axis] += x->type.dims[axis];
    }
    return true;
}

/* ---- reductions ---- */

/* A walk over x. At each element of x it stands at the element of the result into which that element is reduced. */
static Walk walk_reduced(Type x, Dims axes, Type result)
{
    int64_t strides[MAX_RANK];
    row_major_strides(result, strides);
    Walk walk = walk_over(x);
    for (unsigned i = 0, kept = 0; i < x.rank; i++)
        walk.strides[i] = dims_contain(axes, i) ? 0 : strides[kept++];
    return walk;
}

/* Sums in double, whatever the float type; i32 modulo 2^32. */
static bool eval_reduce_sum(const Run *run, const Op *op, Tensor *out)
{
    const Tensor *x = operand_tensor(run, op, 0);
    int64_t n = type_elements(x->type), results = type_elements(out->type);
    Walk walk = walk_reduced(x->type, op->axes, out->type);
    if (out->type.dtype == DTYPE_I32) {
        uint32_t *sums = out->data;
        memset(sums, 0, (size_t)type_bytes(out->type));
        for (int64_t i = 0; i < n; i++, walk_next(&walk))
            sums[walk.offset] += ((const uint32_t *)x->data)[i];
        return true;
    }
    double *sums = support_malloc((size_t)results * sizeof *sums);
    memset(sums, 0, (size_t)results * sizeof *sums);
    for (int64_t i = 0; i < n; i++, walk_next(&walk))
        sums[walk.offset] += tensor_get(x, i);
    for (int64_t i = 0; i < results; i++)
        tensor_set(out, i, sums[i]);
    support_free(sums);
    return true;
}

/* For each result the first index along the reduced axes, in row-major order, of the largest element. */
static int64_t *largest_elements(const Tensor *x, Dims axes, Type result)
{
    int64_t n = type_elements(x->type), results = type_elements(result);
    int64_t *best = support_malloc((size_t)results * sizeof *best);
    for (int64_t i = 0; i < results; i++)
        best[i] = -1;
    Walk walk = walk_reduced(x->type, axes, result);
    for (int64_t i = 0; i < n; i++, walk_next(&walk))
        if (best[walk.offset] < 0 || tensor_get(x, i) > tensor_get(x, best[walk.offset]))
            best[walk.offset] = i;
    return best;
}

static bool eval_reduce_max(const Run *run, const Op *op, Tensor *out)
{
    const Tensor *x = operand_tensor(run, op, 0);
    int64_t *best = largest_elements(x, op->axes, out->type), results = type_elements(out->type);
    for (int64_t i = 0; i < results; i++)
        tensor_set(out, i, tensor_get(x, best[i]));
    Walk walk = walk_reduced(x->type, op->axes, out->type);
    for (int64_t i = 0, n = type_elements(x->type); i < n; i++, walk_next(&walk))
        if (isnan(tensor_get(x, i)))
            tensor_set(out, walk.offset, NAN);
    support_free(best);
    return true;
}

static bool eval_argmax(const Run *run, const Op *op, Tensor *out)
{
    const Tensor *x = operand_tensor(run, op, 0);
    int64_t *best = largest_elements(x, op->axes, out->type), results = type_elements(out->type), strides[MAX_RANK];
    int64_t axis = op->axis.v[0];
    row_major_strides(x->type, strides);
    for (int64_t i = 0; i < results; i++)
        ((int32_t *)out->data)[i] = (int32_t)(best[i] / strides[axis] % x->type.dims[axis]);
    support_free(best);
    return true;
}

/* Whether the order of sort puts the second number before the first: ascending, NaN last. */
static bool swapped(double first, double second)
{
    return first > second || (isnan(first) && !isnan(second));
}

/* By insertion, along each line of the axis. */
static bool eval_sort(const Run *run, const Op *op, Tensor *out)
{
    const Tensor *x = operand_tensor(run, op, 0);
    int64_t axis = op->axis.v[0], n = x->type.dims[axis], strides[MAX_RANK];
    row_major_strides(x->type, strides);
    int64_t stride = strides[axis], lines = type_elements(x->type) / n;
    int32_t *places = out->data;
    for (int64_t line = 0; line < lines; line++) {
        int64_t first = line / stride * stride * n + line % stride;
        for (int64_t i = 0; i < n; i++) {
            double number = tensor_get(x, first + i * stride);
            int64_t place = i;
            for (; place > 0; place--) {
                int32_t before = places[first + (place - 1) * stride];
                if (!swapped(tensor_get(x, first + before * stride), number))
                    break;
                places[first + place * stride] = before;
            }
            places[first + place * stride] = (int32_t)i;
        }
    }
    return true;
}

/* ---- products ---- */

/* x with its axes in the order first, second, third, as doubles; owned by the caller. */
static double *reordered(const Tensor *x, Dims first, Dims second, Dims third)
{
    int64_t strides[MAX_RANK], n = type_elements(x->type);
    row_major_strides(x->type, strides);
    Walk walk = {0};
    const Dims parts[] = {first, second, third};
    for (unsigned part = 0; part < 3; part++)
        for (unsigned i = 0; i < parts[part].n; i++) {
            walk.dims[walk.rank] = x->type.dims[parts[part].v[i]];
            walk.strides[walk.rank++] = strides[parts[part].v[i]];
        }
    double *packed = support_malloc((size_t)n * sizeof *packed);
    for (int64_t i = 0; i < n; i++, walk_next(&walk))
        packed[i] = tensor_get(x, walk.offset);
    return packed;
}

static int64_t extent(Type x, Dims axes)
{
    int64_t product = 1;
    for (unsigned i = 0; i < axes.n; i++)
        product *= x.dims[axes.v[i]];
    return product;
}

/* sums[columns] += row of x times y, in order of the contracted index. */
static void accumulate_row(double *restrict sums, const double *restrict x, const double *restrict y, int64_t inner,
                           int64_t columns)
{
    for (int64_t k = 0; k < inner; k++)
        for (int64_t j = 0; j < columns; j++)
            sums[j] += x[k] * y[k * columns + j];
}

/* Batches of matrix products [rows, inner] x [inner, columns], in double. */
static bool eval_dot(const Run *run, const Op *op, Tensor *out)
{
    const Tensor *x = operand_tensor(run, op, 0), *y = operand_tensor(run, op, 1);
    Dims x_free = other_axes(x->type.rank, op->contract_x, op->batch_x),
         y_free = other_axes(y->type.rank, op->contract_y, op->batch_y);
    int64_t batches = extent(x->type, op->batch_x), inner = extent(x->type, op->contract_x);
    int64_t rows = extent(x->type, x_free), columns = extent(y->type, y_free);
    double *lhs = reordered(x, op->batch_x, x_free, op->contract_x), *rhs = reordered(y, op->batch_y, op->contract_y, y_free);
    double *sums = support_malloc((size_t)columns * sizeof *sums);
    for (int64_t row = 0; row < batches * rows; row++) {
        memset(sums, 0, (size_t)columns * sizeof *sums);
        accumulate_row(sums, lhs + row * inner, rhs + row / rows * inner * columns, inner, columns);
        for (int64_t j = 0; j < columns; j++)
            tensor_set(out, row * columns + j, sums[j]);
    }
    support_free(lhs);
    support_free(rhs);
    support_free(sums);
    return true;
}

/* ---- indexing ---- */

static bool check_row(const Run *run, const Op *op, int32_t row, int64_t rows)
{
    if (row >= 0 && row < rows)
        return true;
    return run_error(run, "%s: row %d is outside a table of %lld", op_info[op->code].name, row, (long long)rows);
}

/* Whole rows of `table`, whose first axis is indexed. */
static bool copy_rows(const Run *run, const Op *op, Tensor *out, const Tensor *table, const Tensor *index)
{
    const int32_t *rows = index->data;
    bool neighbours = op->flags & OP_NEIGHBOURS;
    int64_t n = type_elements(index->type);
    size_t bytes = (size_t)(type_bytes(table->type) / table->type.dims[0]);
    for (int64_t i = 0; i < n; i++) {
        int32_t row = neighbours ? rows[0] + (int32_t)i : rows[i];
        if (!check_row(run, op, row, table->type.dims[0]))
            return false;
        memcpy((char *)out->data + (size_t)i * bytes, (const char *)table->data + (size_t)row * bytes, bytes);
    }
    return true;
}

static bool eval_gather(const Run *run, const Op *op, Tensor *out)
{
    return copy_rows(run, op, out, operand_tensor(run, op, 0), operand_tensor(run, op, 1));
}

static bool eval_fetch(const Run *run, const Op *op, Tensor *out)
{
    const Field *field = &run->module->fields.data[op->symbol];
    const Tensor *table = run->world->rows ? &run->world->rows[op->symbol] : NULL;
    bool fits = table && table->data && table->type.rank == field->type.rank + 1u && table->type.dtype == field->type.dtype;
    for (unsigned i = 0; fits && i < field->type.rank; i++)
        fits = table->type.dims[i + 1] == field->type.dims[i];
    if (!fits)
        return run_error(run, "fetch: no rows of field '%.60s' were given", field->name);
    return copy_rows(run, op, out, table, operand_tensor(run, op, 0));
}

static bool eval_scatter_add(const Run *run, const Op *op, Tensor *out)
{
    const Tensor *index = operand_tensor(run, op, 0), *updates = operand_tensor(run, op, 1);
    const int32_t *rows = index->data;
    int64_t n = type_elements(index->type), width = type_elements(updates->type) / n, results = type_elements(out->type);
    double *sums = support_malloc((size_t)results * sizeof *sums);
    memset(sums, 0, (size_t)results * sizeof *sums);
    bool inside = true;
    for (int64_t i = 0; i < n && inside; i++) {
        inside = check_row(run, op, rows[i], out->type.dims[0]);
        for (int64_t j = 0; j < width && inside; j++)
            sums[rows[i] * width + j] += tensor_get(updates, i * width + j);
    }
    for (int64_t i = 0; i < results; i++)
        tensor_set(out, i, sums[i]);
    support_free(sums);
    return inside;
}

Eval *const structure_evals[OP_COUNT] = {
    [OP_BROADCAST] = eval_broadcast,
    [OP_RESHAPE] = eval_reshape,
    [OP_TRANSPOSE] = eval_transpose,
    [OP_SLICE] = eval_slice,
    [OP_PAD] = eval_pad,
    [OP_WINDOW] = eval_window,
    [OP_OVERLAP] = eval_overlap,
    [OP_CONCAT] = eval_concat,
    [OP_REDUCE_SUM] = eval_reduce_sum,
    [OP_REDUCE_MAX] = eval_reduce_max,
    [OP_ARGMAX] = eval_argmax,
    [OP_DOT] = eval_dot,
    [OP_SORT] = eval_sort,
    [OP_GATHER] = eval_gather,
    [OP_FETCH] = eval_fetch,
    [OP_SCATTER_ADD] = eval_scatter_add,
};
