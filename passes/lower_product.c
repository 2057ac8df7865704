/* A dot as a matrix product: its axes are the batch, lhs's free ones, rhs's free ones and the contracted ones; each kind is
 * merged into one axis where the strides allow, and other axes run outside. Operands that BLAS could not read are copied. */
#include <string.h>

#include "passes/fuse.h"

/* Axes of one kind, with their strides in two tensors. */
typedef struct AxisList {
    unsigned n;
    int64_t extent[MAX_RANK], first[MAX_RANK], second[MAX_RANK];
} AxisList;

static void add_axis(AxisList *list, int64_t extent, int64_t first, int64_t second)
{
    if (extent == 1)
        return;
    unsigned last = list->n - 1;
    if (list->n && list->first[last] == first * extent && list->second[last] == second * extent) {
        list->extent[last] *= extent;
        list->first[last] = first;
        list->second[last] = second;
        return;
    }
    list->extent[list->n] = extent;
    list->first[list->n] = first;
    list->second[list->n++] = second;
}

/* The innermost axis of the list, removed from it; extent 1 if it is empty. */
static int64_t take_innermost(AxisList *list, int64_t *first, int64_t *second)
{
    if (!list->n) {
        *first = *second = 0;
        return 1;
    }
    list->n--;
    *first = list->first[list->n];
    *second = list->second[list->n];
    return list->extent[list->n];
}

static Dims join(Dims a, Dims b, Dims c)
{
    Dims all = {0};
    const Dims *parts[] = {&a, &b, &c};
    for (unsigned part = 0; part < 3; part++)
        for (unsigned i = 0; i < parts[part]->n; i++)
            all.v[all.n++] = parts[part]->v[i];
    return all;
}

static void add_batch(Product *product, int64_t extent, int64_t lhs, int64_t rhs, int64_t out)
{
    if (extent == 1)
        return;
    unsigned i = product->batch_rank++;
    product->batch[i] = extent;
    product->lhs.batch[i] = lhs;
    product->rhs.batch[i] = rhs;
    product->out.batch[i] = out;
}

/* Fills the product for operands at these views. False if the contracted axes do not merge into one. */
static bool describe(const Fuser *f, const Op *op, View lhs, View rhs, View out, Product *product)
{
    Type x = type_at(f, op->args[0]), y = type_at(f, op->args[1]);
    Dims x_free = other_axes(x.rank, op->contract_x, op->batch_x), y_free = other_axes(y.rank, op->contract_y, op->batch_y);
    AxisList rows = {0}, columns = {0}, inner = {0};
    *product = (Product){.dtype = op->type.dtype, .lhs.view = lhs, .rhs.view = rhs, .out.view = out};
    unsigned axis = 0;
    for (unsigned i = 0; i < op->batch_x.n; i++, axis++)
        add_batch(product, x.dims[op->batch_x.v[i]], lhs.stride[op->batch_x.v[i]], rhs.stride[op->batch_y.v[i]],
                  out.stride[axis]);
    for (unsigned i = 0; i < x_free.n; i++, axis++)
        add_axis(&rows, x.dims[x_free.v[i]], lhs.stride[x_free.v[i]], out.stride[axis]);
    for (unsigned i = 0; i < y_free.n; i++, axis++)
        add_axis(&columns, y.dims[y_free.v[i]], rhs.stride[y_free.v[i]], out.stride[axis]);
    for (unsigned i = 0; i < op->contract_x.n; i++)
        add_axis(&inner, x.dims[op->contract_x.v[i]], lhs.stride[op->contract_x.v[i]], rhs.stride[op->contract_y.v[i]]);
    product->m = take_innermost(&rows, &product->lhs.row, &product->out.row);
    product->n = take_innermost(&columns, &product->rhs.column, &product->out.column);
    product->k = take_innermost(&inner, &product->lhs.column, &product->rhs.row);
    for (unsigned i = 0; i < rows.n; i++)
        add_batch(product, rows.extent[i], rows.first[i], 0, rows.second[i]);
    for (unsigned i = 0; i < columns.n; i++)
        add_batch(product, columns.extent[i], 0, columns.first[i], columns.second[i]);
    return inner.n == 0;
}

/* Whether BLAS can read it, plain or transposed: one axis with stride 1, the other's stride at least the first's extent. */
static bool fits(int64_t rows, int64_t columns, int64_t row, int64_t column)
{
    return ((column == 1 || columns == 1) && (row >= columns || rows == 1)) ||
           ((row == 1 || rows == 1) && (column >= rows || columns == 1));
}

static bool readable(const Fuser *f, const View *view, DType dtype)
{
    return !view->indirect && f->schedule->buffers.data[view->buffer].dtype == dtype;
}

void lower_product(Fuser *f, uint32_t index)
{
    Value v = f->groups.data[index].value;
    const Op *op = op_of(f, v);
    Type x = type_at(f, op->args[0]), y = type_at(f, op->args[1]);
    Dims lhs_order = join(op->batch_x, other_axes(x.rank, op->contract_x, op->batch_x), op->contract_x),
         rhs_order = join(op->batch_y, op->contract_y, other_axes(y.rank, op->contract_y, op->batch_y));
    View lhs = need_view(f, op->args[0], index), rhs = need_view(f, op->args[1], index), out = f->info[v].view;
    if (!readable(f, &lhs, op->type.dtype))
        lhs = need_copy(f, op->args[0], lhs_order, index);
    if (!readable(f, &rhs, op->type.dtype))
        rhs = need_copy(f, op->args[1], rhs_order, index);
    Product product;
    if (!describe(f, op, lhs, rhs, out, &product)) {
        lhs = need_copy(f, op->args[0], lhs_order, index);
        rhs = need_copy(f, op->args[1], rhs_order, index);
        describe(f, op, lhs, rhs, out, &product);
    }
    if (!fits(product.m, product.k, product.lhs.row, product.lhs.column)) {
        lhs = need_copy(f, op->args[0], lhs_order, index);
        if (!describe(f, op, lhs, rhs, out, &product)) {
            rhs = need_copy(f, op->args[1], rhs_order, index);
            describe(f, op, lhs, rhs, out, &product);
        }
    }
    if (!fits(product.k, product.n, product.rhs.row, product.rhs.column)) {
        rhs = need_copy(f, op->args[1], rhs_order, index);
        if (!describe(f, op, lhs, rhs, out, &product)) {
            lhs = need_copy(f, op->args[0], lhs_order, index);
            describe(f, op, lhs, rhs, out, &product);
        }
    }
    Kernel *kernel = &f->groups.data[index].kernel;
    kernel->kind = KERNEL_PRODUCT;
    kernel->product = product;
    vec_add_once(&kernel->writes, out.buffer);
    int64_t batches = type_elements(op->type) / (product.m * product.n), size = (int64_t)dtype_size(product.dtype);
    kernel->flops = 2 * batches * product.m * product.n * product.k;
    kernel->bytes = (type_elements(x) + type_elements(y) + type_elements(op->type)) * size;
}
