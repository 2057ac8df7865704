/* A dot as a matrix product: its axes are the batch, lhs's free ones, rhs's free ones and the contracted ones; each kind is
 * merged into one axis where the strides allow. Where they do not, the product has the other axes in lists, or runs once for
 * each. */
#include "passes/fuse.h"

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

static int64_t magnitude(int64_t stride)
{
    return stride < 0 ? -stride : stride;
}

/* The pairs of contracted axes; `contract`: those of the operand at the view. Those along which it lies closest are innermost. */
static Dims inner_order(Dims contract, const View *view)
{
    Dims order = {0};
    for (unsigned i = 0; i < contract.n; i++) {
        int64_t stride = magnitude(view->stride[contract.v[i]]);
        unsigned at = order.n++;
        for (; at > 0 && magnitude(view->stride[contract.v[order.v[at - 1]]]) < stride; at--)
            order.v[at] = order.v[at - 1];
        order.v[at] = i;
    }
    return order;
}

/* The product of operands at these views. */
static Product describe(const Fuser *f, const Op *op, View lhs, View rhs, View out)
{
    Type x = type_at(f, op->args[0]), y = type_at(f, op->args[1]);
    Dims x_free = other_axes(x.rank, op->contract_x, op->batch_x), y_free = other_axes(y.rank, op->contract_y, op->batch_y);
    Product p = {.dtype = op->type.dtype, .lhs.view = lhs, .rhs.view = rhs, .out.view = out};
    unsigned axis = 0;
    for (unsigned i = 0; i < op->batch_x.n; i++, axis++)
        add_batch(&p, x.dims[op->batch_x.v[i]], lhs.stride[op->batch_x.v[i]], rhs.stride[op->batch_y.v[i]], out.stride[axis]);
    for (unsigned i = 0; i < x_free.n; i++, axis++)
        add_axis(&p.rows, x.dims[x_free.v[i]], lhs.stride[x_free.v[i]], out.stride[axis]);
    for (unsigned i = 0; i < y_free.n; i++, axis++)
        add_axis(&p.columns, y.dims[y_free.v[i]], rhs.stride[y_free.v[i]], out.stride[axis]);
    Dims order = inner_order(op->contract_y, &rhs); /* so rhs is read in long runs */
    for (unsigned i = 0; i < order.n; i++) {
        unsigned x_axis = (unsigned)op->contract_x.v[order.v[i]], y_axis = (unsigned)op->contract_y.v[order.v[i]];
        add_axis(&p.inner, x.dims[x_axis], lhs.stride[x_axis], rhs.stride[y_axis]);
    }
    p.m = take_innermost(&p.rows, &p.lhs.row, &p.out.row);
    p.n = take_innermost(&p.columns, &p.rhs.column, &p.out.column);
    p.k = take_innermost(&p.inner, &p.lhs.column, &p.rhs.row);
    return p;
}

/* Whether BLAS can read it, plain or transposed: one axis with stride 1, the other's stride at least the first's extent. */
static bool fits(int64_t rows, int64_t columns, int64_t row, int64_t column)
{
    return ((column == 1 || columns == 1) && (row >= columns || rows == 1)) ||
           ((row == 1 || rows == 1) && (column >= rows || columns == 1));
}

static bool operands_fit(const Product *p)
{
    return fits(p->m, p->k, p->lhs.row, p->lhs.column) && fits(p->k, p->n, p->rhs.row, p->rhs.column);
}

bool product_is_plain(const Product *p)
{
    return p->rows.n + p->columns.n + p->inner.n == 0 && operands_fit(p);
}

bool product_has_panels(const Product *p, int64_t width)
{
    return p->rows.n + p->inner.n == 0 && p->columns.n == 1 && p->n == width && p->rhs.column == 1 && p->rhs.row == width &&
           p->out.column == 1 && p->columns.second[0] == width && p->columns.first[0] % width == 0;
}

int64_t axes_elements(const AxisList *list)
{
    int64_t elements = 1;
    for (unsigned axis = 0; axis < list->n; axis++)
        elements *= list->extent[axis];
    return elements;
}

/* Whether the product runs once for each further row and column: as a whole it would be slower, or as small. */
static bool runs_apart(const Fuser *f, const Product *p)
{
    enum { MANY = 128 }; /* rows and columns for which a call of BLAS is worth its packing */
    int64_t small = f->module->target.small_product, once = p->m * p->n * p->k;
    bool large = (p->m >= MANY || p->rows.n == 0) && (p->n >= MANY || p->columns.n == 0);
    return p->inner.n == 0 && operands_fit(p) &&
           ((once > small && large) || once * axes_elements(&p->rows) * axes_elements(&p->columns) <= small);
}

static void run_apart(Product *p)
{
    for (unsigned i = 0; i < p->rows.n; i++)
        add_batch(p, p->rows.extent[i], p->rows.first[i], 0, p->rows.second[i]);
    for (unsigned i = 0; i < p->columns.n; i++)
        add_batch(p, p->columns.extent[i], 0, p->columns.first[i], p->columns.second[i]);
    p->rows.n = p->columns.n = 0;
}

static bool readable(const Fuser *f, const View *view, DType dtype)
{
    return view_has_strides(view) && f->schedule->buffers.data[view->buffer].dtype == dtype;
}

/* Where the operand is read: a copy, if it is not numbers of the product's type at strides. */
static View operand_view(Fuser *f, Value v, DType dtype, Dims order, uint32_t index)
{
    View view = need_view(f, v, index);
    return readable(f, &view, dtype) ? view : need_copied(f, v, order, index);
}

/* Whether a copy of an operand, of elements that lie apart from one another, costs little beside the product. */
static bool worth_copy(const Fuser *f, Value v, const View *view, const Op *op)
{
    enum { LITTLE = 256 }; /* multiply-adds per element, many times what it takes to move one */
    int64_t elements = type_elements(type_at(f, v)), inner = 1;
    for (unsigned i = 0; i < op->contract_x.n; i++)
        inner *= type_at(f, op->args[0]).dims[op->contract_x.v[i]];
    bool apart = elements <= f->schedule->buffers.data[view->buffer].elements;
    return apart && type_elements(op->type) * inner >= LITTLE * elements;
}

/* The axes of operand i in the order in which a product reads them, contracted ones as the other operand has them. */
static Dims order_beside(const Fuser *f, const Op *op, unsigned i, const View *other)
{
    Dims own = i ? op->contract_y : op->contract_x, batch = i ? op->batch_y : op->batch_x, contract = {0};
    Dims order = inner_order(i ? op->contract_x : op->contract_y, other);
    for (unsigned k = 0; k < order.n; k++)
        contract.v[contract.n++] = own.v[order.v[k]];
    Dims free = other_axes(type_at(f, op->args[i]).rank, own, batch);
    return i ? join(batch, contract, free) : join(batch, free, contract);
}

/* Copies an operand whose axes lie in an order that BLAS cannot read, if the product is then one that it can: the smaller one, if
 * either will do. */
static void make_plain(Fuser *f, const Op *op, View *views, View out, uint32_t index)
{
    Product product = describe(f, op, views[0], views[1], out);
    bool fast = product_is_plain(&product) || runs_apart(f, &product) ||
                product_has_panels(&product, target_lanes(&f->module->target, op->type.dtype));
    unsigned small = type_elements(type_at(f, op->args[1])) < type_elements(type_at(f, op->args[0]));
    for (unsigned turn = 0; turn < 2 && !fast; turn++) {
        unsigned i = turn ? 1 - small : small;
        Value operand = op->args[i];
        Dims order = order_beside(f, op, i, &views[1 - i]);
        View copy = view_in_order(views[i], type_at(f, operand), order);
        product = i ? describe(f, op, views[0], copy, out) : describe(f, op, copy, views[1], out);
        fast = product_is_plain(&product) && worth_copy(f, operand, &views[i], op);
        if (fast)
            views[i] = need_copy(f, operand, order, index);
    }
}

void lower_product(Fuser *f, uint32_t index)
{
    Value v = f->groups.data[index].value;
    const Op op = *op_of(f, v);
    Type x = type_at(f, op.args[0]), y = type_at(f, op.args[1]);
    const Dims orders[] = {join(op.batch_x, other_axes(x.rank, op.contract_x, op.batch_x), op.contract_x),
                           join(op.batch_y, op.contract_y, other_axes(y.rank, op.contract_y, op.batch_y))};
    View views[2], out = f->info[v].view;
    for (unsigned i = 0; i < 2; i++)
        views[i] = operand_view(f, op.args[i], op.type.dtype, orders[i], index);
    make_plain(f, &op, views, out, index);
    Product product = describe(f, &op, views[0], views[1], out);
    if (runs_apart(f, &product))
        run_apart(&product);
    Kernel *kernel = &f->groups.data[index].kernel;
    kernel->kind = KERNEL_PRODUCT;
    kernel->product = product;
    vec_add_once(&kernel->writes, out.buffer);
    int64_t sums = type_elements(op.type), size = (int64_t)dtype_size(product.dtype);
    kernel->flops = 2 * sums * product.k * axes_elements(&product.inner);
    kernel->bytes = (type_elements(x) + type_elements(y) + sums) * size;
}
