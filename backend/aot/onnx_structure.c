/* Ops that make, move, reduce, multiply and index tensors, as nodes of ONNX. */
#include "backend/aot/onnx.h"

static const char *operand(Graph *g, const Op *op, unsigned i)
{
    return onnx_name(g, op->args[i]);
}

static Type operand_type(const Graph *g, const Op *op, unsigned i)
{
    return OP_AT(g->function, op->args[i])->type;
}

static const char *shape_of(Graph *g, Type type)
{
    return onnx_integers(g, type.rank, type.dims);
}

/* ---- sources ---- */

static void add_const(Graph *g, const char *name, const Op *op)
{
    Tensor one = {type_scalar(op->type.dtype), &(double){0}};
    tensor_set(&one, 0, op->number);
    const char *scalar = onnx_tensor(g, op->type.rank ? NULL : name, one.type, one.data);
    if (op->type.rank)
        onnx_node(g, name, "Expand", INPUTS(scalar, shape_of(g, op->type)), NULL);
}

static void add_iota(Graph *g, const char *name, const Op *op)
{
    Tensor all = {op->type, support_malloc((size_t)type_bytes(op->type))};
    int64_t stride = 1;
    for (unsigned axis = op->type.rank; axis-- > (unsigned)op->axis.v[0] + 1;)
        stride *= op->type.dims[axis];
    for (int64_t i = 0; i < type_elements(op->type); i++)
        tensor_set(&all, i, (double)(i / stride % op->type.dims[op->axis.v[0]]));
    onnx_tensor(g, name, op->type, all.data);
    support_free(all.data);
}

static void add_state_read(Graph *g, const char *name, const Op *op)
{
    onnx_tensor(g, name, op->type, g->module->states.data[op->symbol].literal);
}

/* ---- movement ---- */

static void add_broadcast(Graph *g, const char *name, const Op *op)
{
    Type with_ones = op->type, from = operand_type(g, op, 0);
    for (unsigned axis = 0; axis < op->type.rank; axis++)
        with_ones.dims[axis] = 1;
    for (unsigned i = 0; i < op->axes.n; i++)
        with_ones.dims[op->axes.v[i]] = from.dims[i];
    const char *shaped = onnx_node(g, NULL, "Reshape", INPUTS(operand(g, op, 0), shape_of(g, with_ones)), NULL);
    onnx_node(g, name, "Expand", INPUTS(shaped, shape_of(g, op->type)), NULL);
}

static void add_reshape(Graph *g, const char *name, const Op *op)
{
    onnx_node(g, name, "Reshape", INPUTS(operand(g, op, 0), shape_of(g, op->type)), NULL);
}

static void add_transpose(Graph *g, const char *name, const Op *op)
{
    onnx_node(g, name, "Transpose", INPUTS(operand(g, op, 0)), (Attribute[]){{"perm", op->axes.n, op->axes.v}, {0}});
}

static void add_slice(Graph *g, const char *name, const Op *op)
{
    int64_t ends[MAX_RANK];
    for (unsigned i = 0; i < op->type.rank; i++)
        ends[i] = op->start.v[i] + op->type.dims[i];
    const char *first = onnx_integers(g, op->type.rank, op->start.v), *end = onnx_integers(g, op->type.rank, ends);
    onnx_node(g, name, "Slice", INPUTS(operand(g, op, 0), first, end), NULL);
}

static void add_pad(Graph *g, const char *name, const Op *op)
{
    int64_t pads[2 * MAX_RANK];
    Type from = operand_type(g, op, 0);
    for (unsigned i = 0; i < op->type.rank; i++) {
        pads[i] = op->before.v[i];
        pads[op->type.rank + i] = op->type.dims[i] - op->before.v[i] - from.dims[i];
    }
    onnx_node(g, name, "Pad", INPUTS(operand(g, op, 0), onnx_integers(g, 2 * op->type.rank, pads)), NULL);
}

static void add_concat(Graph *g, const char *name, const Op *op)
{
    const char **parts = ARENA_ARRAY(&g->arena, const char *, op->nargs + 1);
    for (uint32_t i = 0; i < op->nargs; i++)
        parts[i] = operand(g, op, i);
    parts[op->nargs] = NULL;
    onnx_node(g, name, "Concat", parts, (Attribute[]){{"axis", 0, &op->axis.v[0]}, {0}});
}

/* Which elements the windows along an axis have: their number, and that of the place within each. */
static const char *window_elements(Graph *g, const Op *op, unsigned i)
{
    int64_t extent = op->extents.v[i], dilation = op->dilations.v[i];
    Type type = type_of(DTYPE_I32, 2, (int64_t[]){op->type.dims[op->axes.v[i]], extent});
    Tensor all = {type, support_malloc((size_t)type_bytes(type))};
    for (int64_t k = 0; k < type_elements(type); k++) {
        int64_t place = dilation < 0 ? extent - 1 - k % extent : k % extent;
        tensor_set(&all, k, (double)(k / extent * op->steps.v[i] + place * (dilation < 0 ? -dilation : dilation)));
    }
    const char *name = onnx_tensor(g, NULL, type, all.data);
    support_free(all.data);
    return name;
}

/* The places within windows of each axis come right behind it, and then behind all axes. */
static void add_window(Graph *g, const char *name, const Op *op)
{
    unsigned rank = op->type.rank - op->axes.n, windowed = 0;
    int64_t order[MAX_RANK];
    const char *x = operand(g, op, 0);
    for (unsigned i = op->axes.n; i-- > 0;) /* axes increase: those in front keep their places */
        x = onnx_node(g, NULL, "Gather", INPUTS(x, window_elements(g, op, i)), (Attribute[]){{"axis", 0, &op->axes.v[i]}, {0}});
    for (unsigned axis = 0; axis < rank; axis++) {
        order[axis] = axis + windowed;
        if (windowed < op->axes.n && op->axes.v[windowed] == (int64_t)axis) {
            order[rank + windowed] = order[axis] + 1;
            windowed++;
        }
    }
    onnx_node(g, name, "Transpose", INPUTS(x), (Attribute[]){{"perm", op->type.rank, order}, {0}});
}

/* ---- reductions ---- */

static const Attribute dropping = {"keepdims", 0, &(const int64_t){0}};

static const char *cast_to(Graph *g, const char *name, const char *x, int64_t element_type)
{
    return onnx_node(g, name, "Cast", INPUTS(x), (Attribute[]){{"to", 0, &element_type}, {0}});
}

/* Sums of i32 wrap: those of i64, of which Cast keeps the lower half. ONNX Runtime sums i32 in another type, and saturates. */
static void add_sum_of_i32(Graph *g, const char *name, const Op *op)
{
    const char *x = cast_to(g, NULL, operand(g, op, 0), ONNX_I64), *axes = onnx_integers(g, op->axes.n, op->axes.v);
    const char *sum = onnx_node(g, NULL, "ReduceSum", INPUTS(x, axes), (Attribute[]){dropping, {0}});
    cast_to(g, name, sum, onnx_element_type(DTYPE_I32));
}

/* Sums begin with 0, so that none is -0. ONNX Runtime gives -0 for the sum of nothing else. */
static void add_reduce_sum(Graph *g, const char *name, const Op *op)
{
    if (op->type.dtype == DTYPE_I32) {
        add_sum_of_i32(g, name, op);
        return;
    }
    const char *axes = onnx_integers(g, op->axes.n, op->axes.v), *zero = onnx_number(g, op->type.dtype, 0);
    const char *sum = onnx_node(g, NULL, "ReduceSum", INPUTS(operand(g, op, 0), axes), (Attribute[]){dropping, {0}});
    const char *none = onnx_node(g, NULL, "Equal", INPUTS(sum, zero), NULL);
    onnx_node(g, name, "Where", INPUTS(none, zero, sum), NULL);
}

static void add_reduce_max(Graph *g, const char *name, const Op *op)
{
    onnx_node(g, name, "ReduceMax", INPUTS(operand(g, op, 0)), (Attribute[]){{"axes", op->axes.n, op->axes.v}, dropping, {0}});
}

/* The first of the largest, as i64. */
static void add_argmax(Graph *g, const char *name, const Op *op)
{
    const Attribute attributes[] = {{"axis", 0, &op->axis.v[0]}, dropping, {0}};
    const char *wide = onnx_node(g, NULL, "ArgMax", INPUTS(operand(g, op, 0)), attributes);
    cast_to(g, name, wide, onnx_element_type(op->type.dtype));
}

/* TopK of all elements, the smallest first; its second result is the positions, as i64. */
static void add_sort(Graph *g, const char *name, const Op *op)
{
    Type type = operand_type(g, op, 0);
    const int64_t axis = op->axis.v[0], no = 0;
    const char *x = operand(g, op, 0), *count = onnx_integers(g, 1, &type.dims[axis]);
    const Attribute attributes[] = {{"axis", 0, &axis}, {"largest", 0, &no}, {0}};
    const char *wide = onnx_second_result(g, "TopK", INPUTS(x, count), attributes);
    cast_to(g, name, wide, onnx_element_type(op->type.dtype));
}

/* ---- products ---- */

static int64_t product_of(Type type, Dims axes)
{
    int64_t product = 1;
    for (unsigned i = 0; i < axes.n; i++)
        product *= type.dims[axes.v[i]];
    return product;
}

/* The operand with its axes in the order of three lists, each joined to one axis; the first is left out if it is empty. */
static const char *as_matrix(Graph *g, Value v, Dims first, Dims second, Dims third)
{
    Type type = OP_AT(g->function, v)->type;
    int64_t order[MAX_RANK], shape[3];
    unsigned n = 0, rank = 0;
    const Dims lists[] = {first, second, third};
    for (unsigned k = 0; k < 3; k++) {
        for (unsigned i = 0; i < lists[k].n; i++)
            order[n++] = lists[k].v[i];
        if (k > 0 || first.n)
            shape[rank++] = product_of(type, lists[k]);
    }
    const char *x = onnx_name(g, v);
    bool ordered = true;
    for (unsigned i = 0; i < n; i++)
        ordered &= order[i] == (int64_t)i;
    if (!ordered)
        x = onnx_node(g, NULL, "Transpose", INPUTS(x), (Attribute[]){{"perm", n, order}, {0}});
    if (type.rank == rank && first.n <= 1 && second.n == 1 && third.n == 1)
        return x;
    return onnx_node(g, NULL, "Reshape", INPUTS(x, onnx_integers(g, rank, shape)), NULL);
}

static void add_dot(Graph *g, const char *name, const Op *op)
{
    Type lhs = operand_type(g, op, 0), rhs = operand_type(g, op, 1);
    const char *x = as_matrix(g, op->args[0], op->batch_x, other_axes(lhs.rank, op->contract_x, op->batch_x), op->contract_x);
    const char *y = as_matrix(g, op->args[1], op->batch_y, op->contract_y, other_axes(rhs.rank, op->contract_y, op->batch_y));
    const char *product = onnx_node(g, NULL, "MatMul", INPUTS(x, y), NULL);
    onnx_node(g, name, "Reshape", INPUTS(product, shape_of(g, op->type)), NULL);
}

const OnnxOp onnx_structure[OP_COUNT] = {
    [OP_CONST] = {.add = add_const},
    [OP_IOTA] = {.add = add_iota},
    [OP_STATE_READ] = {.add = add_state_read},
    [OP_BROADCAST] = {.add = add_broadcast},
    [OP_RESHAPE] = {.add = add_reshape},
    [OP_TRANSPOSE] = {.add = add_transpose},
    [OP_SLICE] = {.add = add_slice},
    [OP_PAD] = {.add = add_pad},
    [OP_CONCAT] = {.add = add_concat},
    [OP_WINDOW] = {.add = add_window},
    [OP_REDUCE_SUM] = {.add = add_reduce_sum},
    [OP_REDUCE_MAX] = {.add = add_reduce_max},
    [OP_ARGMAX] = {.add = add_argmax},
    [OP_SORT] = {.add = add_sort},
    [OP_DOT] = {.add = add_dot},
    [OP_GATHER] = {.plain = "Gather"},
};
