/* An export whose conditions are all fixed, as a graph of ONNX (opset 17): the ops of the compute function one by one, the weights as
 * initializers. Files are protocol buffers; the numbers of fields are those of onnx.proto3
 * (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). */
#include <inttypes.h>
#include <string.h>

#include "backend/aot/aot.h"

enum { IR_VERSION = 8, OPSET = 17, MOST_INPUTS = 4 };

/* ---- protocol buffers ---- */

static void put_varint(Text *out, uint64_t value)
{
    do {
        char byte = (char)((value & 127) | (value > 127 ? 128 : 0));
        text_append(out, &byte, 1);
        value >>= 7;
    } while (value);
}

static void put_integer(Text *out, unsigned field, int64_t value)
{
    put_varint(out, field << 3);
    put_varint(out, (uint64_t)value);
}

static void put_bytes(Text *out, unsigned field, const void *bytes, size_t size)
{
    put_varint(out, field << 3 | 2);
    put_varint(out, size);
    text_append(out, bytes, size);
}

static void put_string(Text *out, unsigned field, const char *text)
{
    put_bytes(out, field, text, strlen(text));
}

/* Appends the message and frees it. */
static void put_message(Text *out, unsigned field, Text *message)
{
    put_bytes(out, field, message->data ? message->data : "", message->len);
    text_free(message);
}

/* ---- the graph ---- */

typedef struct Graph {
    const Module *module;
    const Function *function;
    Text nodes, initializers; /* fields 1 and 5 of the graph */
    Arena arena;
    uint32_t made; /* names that no op of the function has */
    const char *problem;
} Graph;

static int64_t element_type(DType dtype)
{
    static const int64_t types[DTYPE_COUNT] = {
        [DTYPE_F32] = 1, [DTYPE_F64] = 11, [DTYPE_I32] = 6, [DTYPE_U8] = 2, [DTYPE_BOOL] = 9};
    return types[dtype];
}

static const char *name_of(Graph *g, Value v)
{
    const Op *op = OP_AT(g->function, v);
    return op->code == OP_INPUT ? g->function->input_names.data[op->symbol] : arena_printf(&g->arena, "v%u", v);
}

static const char *new_name(Graph *g)
{
    return arena_printf(&g->arena, "m%u", g->made++);
}

static void add_initializer(Graph *g, const char *name, int64_t type, unsigned rank, const int64_t *dims, const void *data,
                            size_t size)
{
    Text tensor = {0};
    for (unsigned i = 0; i < rank; i++)
        put_integer(&tensor, 1, dims[i]);
    put_integer(&tensor, 2, type);
    put_string(&tensor, 8, name);
    put_bytes(&tensor, 9, data, size);
    put_message(&g->initializers, 5, &tensor);
}

/* A list of whole numbers as a tensor: shapes, axes. Its name. */
static const char *integers(Graph *g, unsigned count, const int64_t *numbers)
{
    enum { INT64 = 7 };
    const char *name = new_name(g);
    int64_t length = count;
    add_initializer(g, name, INT64, 1, &length, numbers, count * sizeof *numbers);
    return name;
}

static const char *shape_of(Graph *g, Type type)
{
    return integers(g, type.rank, type.dims);
}

typedef struct Attribute {
    const char *name; /* NULL: there is none */
    unsigned count;   /* of a list; 0: one number */
    const int64_t *numbers;
} Attribute;

static void put_attribute(Text *node, const Attribute *attribute)
{
    enum { INT = 2, INTS = 7 };
    Text message = {0};
    put_string(&message, 1, attribute->name);
    for (unsigned i = 0; i < attribute->count; i++)
        put_integer(&message, 8, attribute->numbers[i]);
    if (!attribute->count)
        put_integer(&message, 3, attribute->numbers[0]);
    put_integer(&message, 20, attribute->count ? INTS : INT);
    put_message(node, 5, &message);
}

/* One node with these inputs, up to the first NULL, and attributes, up to the first without a name. */
static const char *add_node(Graph *g, const char *type, const char *output, const char *const inputs[static MOST_INPUTS],
                            const Attribute *attributes)
{
    Text node = {0};
    for (unsigned i = 0; i < MOST_INPUTS && inputs[i]; i++)
        put_string(&node, 1, inputs[i]);
    put_string(&node, 2, output);
    put_string(&node, 3, output);
    put_string(&node, 4, type);
    for (; attributes && attributes->name; attributes++)
        put_attribute(&node, attributes);
    put_message(&g->nodes, 1, &node);
    return output;
}
#define INPUTS(...) ((const char *const[MOST_INPUTS]){__VA_ARGS__})

/* ---- ops ---- */

/* The number in every element of the type. */
static const char *add_constant(Graph *g, const char *name, Type type, double number)
{
    Tensor one = {type_scalar(type.dtype), &(double){0}};
    tensor_set(&one, 0, number);
    if (type.rank == 0) {
        add_initializer(g, name, element_type(type.dtype), 0, NULL, one.data, dtype_size(type.dtype));
        return name;
    }
    const char *scalar = new_name(g);
    add_initializer(g, scalar, element_type(type.dtype), 0, NULL, one.data, dtype_size(type.dtype));
    return add_node(g, "Expand", name, INPUTS(scalar, shape_of(g, type)), NULL);
}

static void add_iota(Graph *g, const char *name, const Op *op)
{
    Tensor all = {op->type, support_malloc((size_t)type_bytes(op->type))};
    int64_t stride = 1;
    for (unsigned axis = op->type.rank; axis-- > (unsigned)op->a.v[0] + 1;)
        stride *= op->type.dims[axis];
    for (int64_t i = 0; i < type_elements(op->type); i++)
        tensor_set(&all, i, (double)(i / stride % op->type.dims[op->a.v[0]]));
    add_initializer(g, name, element_type(op->type.dtype), op->type.rank, op->type.dims, all.data, (size_t)type_bytes(op->type));
    support_free(all.data);
}

/* Ops that ONNX has under another name. */
static const char *plain_op(OpCode code)
{
    static const char *const names[OP_COUNT] = {
        [OP_NEG] = "Neg",     [OP_ABS] = "Abs",   [OP_SIGN] = "Sign", [OP_FLOOR] = "Floor",      [OP_EXP] = "Exp",
        [OP_LOG] = "Log",     [OP_SQRT] = "Sqrt", [OP_TANH] = "Tanh", [OP_SIN] = "Sin",          [OP_COS] = "Cos",
        [OP_ERF] = "Erf",     [OP_NOT] = "Not",   [OP_ADD] = "Add",   [OP_SUB] = "Sub",          [OP_MUL] = "Mul",
        [OP_DIV] = "Div",     [OP_POW] = "Pow",   [OP_MAX] = "Max",   [OP_MIN] = "Min",          [OP_EQ] = "Equal",
        [OP_LT] = "Less",     [OP_AND] = "And",   [OP_OR] = "Or",     [OP_LE] = "LessOrEqual",   [OP_SELECT] = "Where",
        [OP_STOP] = "Identity",
    };
    return names[code];
}

static void add_broadcast(Graph *g, const char *name, const char *x, const Op *op)
{
    Type with_ones = op->type;
    const Op *operand = OP_AT(g->function, op->args[0]);
    for (unsigned axis = 0; axis < op->type.rank; axis++)
        with_ones.dims[axis] = 1;
    for (unsigned i = 0; i < op->a.n; i++)
        with_ones.dims[op->a.v[i]] = operand->type.dims[i];
    const char *shaped = add_node(g, "Reshape", new_name(g), INPUTS(x, shape_of(g, with_ones)), NULL);
    add_node(g, "Expand", name, INPUTS(shaped, shape_of(g, op->type)), NULL);
}

static void add_slice(Graph *g, const char *name, const char *x, const Op *op)
{
    int64_t ends[MAX_RANK];
    for (unsigned i = 0; i < op->type.rank; i++)
        ends[i] = op->a.v[i] + op->type.dims[i];
    add_node(g, "Slice", name, INPUTS(x, integers(g, op->type.rank, op->a.v), integers(g, op->type.rank, ends)), NULL);
}

static void add_pad(Graph *g, const char *name, const char *x, const Op *op)
{
    int64_t pads[2 * MAX_RANK];
    const Op *operand = OP_AT(g->function, op->args[0]);
    for (unsigned i = 0; i < op->type.rank; i++) {
        pads[i] = op->a.v[i];
        pads[op->type.rank + i] = op->type.dims[i] - op->a.v[i] - operand->type.dims[i];
    }
    add_node(g, "Pad", name, INPUTS(x, integers(g, 2 * op->type.rank, pads)), NULL);
}

static void add_concat(Graph *g, const char *name, const Op *op)
{
    Text node = {0};
    for (uint32_t i = 0; i < op->nargs; i++)
        put_string(&node, 1, name_of(g, op->args[i]));
    put_string(&node, 2, name);
    put_string(&node, 4, "Concat");
    put_attribute(&node, &(Attribute){"axis", 0, &op->a.v[0]});
    put_message(&g->nodes, 1, &node);
}

static void add_reduction(Graph *g, const char *name, const char *x, const Op *op)
{
    static const int64_t no = 0;
    if (op->code == OP_REDUCE_SUM)
        add_node(g, "ReduceSum", name, INPUTS(x, integers(g, op->a.n, op->a.v)), (Attribute[]){{"keepdims", 0, &no}, {0}});
    else
        add_node(g, "ReduceMax", name, INPUTS(x), (Attribute[]){{"axes", op->a.n, op->a.v}, {"keepdims", 0, &no}, {0}});
}

static void add_cast(Graph *g, const char *name, const char *x, DType dtype)
{
    int64_t type = element_type(dtype);
    add_node(g, "Cast", name, INPUTS(x), (Attribute[]){{"to", 0, &type}, {0}});
}

static void add_argmax(Graph *g, const char *name, const char *x, const Op *op)
{
    static const int64_t no = 0;
    const char *wide =
        add_node(g, "ArgMax", new_name(g), INPUTS(x), (Attribute[]){{"axis", 0, &op->a.v[0]}, {"keepdims", 0, &no}, {0}});
    add_cast(g, name, wide, op->type.dtype);
}

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
    const char *x = name_of(g, v);
    bool ordered = true;
    for (unsigned i = 0; i < n; i++)
        ordered &= order[i] == (int64_t)i;
    if (!ordered)
        x = add_node(g, "Transpose", new_name(g), INPUTS(x), (Attribute[]){{"perm", n, order}, {0}});
    if (type.rank == rank && first.n <= 1 && second.n == 1 && third.n == 1)
        return x;
    return add_node(g, "Reshape", new_name(g), INPUTS(x, integers(g, rank, shape)), NULL);
}

static void add_dot(Graph *g, const char *name, const Op *op)
{
    Type lhs = OP_AT(g->function, op->args[0])->type, rhs = OP_AT(g->function, op->args[1])->type;
    const char *x = as_matrix(g, op->args[0], op->c, other_axes(lhs.rank, op->a, op->c), op->a);
    const char *y = as_matrix(g, op->args[1], op->d, op->b, other_axes(rhs.rank, op->b, op->d));
    const char *product = add_node(g, "MatMul", new_name(g), INPUTS(x, y), NULL);
    add_node(g, "Reshape", name, INPUTS(product, shape_of(g, op->type)), NULL);
}

/* e^x - 1, log(1 + x), x y + z */
static void add_two_steps(Graph *g, const char *name, const Op *op)
{
    const char *x = name_of(g, op->args[0]);
    const char *one = op->code == OP_FMA ? NULL : add_constant(g, new_name(g), type_scalar(op->type.dtype), 1);
    if (op->code == OP_EXPM1)
        add_node(g, "Sub", name, INPUTS(add_node(g, "Exp", new_name(g), INPUTS(x), NULL), one), NULL);
    else if (op->code == OP_LOG1P)
        add_node(g, "Log", name, INPUTS(add_node(g, "Add", new_name(g), INPUTS(x, one), NULL)), NULL);
    else
        add_node(g, "Add", name,
                 INPUTS(add_node(g, "Mul", new_name(g), INPUTS(x, name_of(g, op->args[1])), NULL), name_of(g, op->args[2])), NULL);
}

/* Ops without operands. */
static void add_leaf(Graph *g, const char *name, const Op *op)
{
    switch (op->code) {
    case OP_INPUT:
        break;
    case OP_CONST:
        add_constant(g, name, op->type, op->number);
        break;
    case OP_IOTA:
        add_iota(g, name, op);
        break;
    case OP_STATE_READ:
        add_initializer(g, name, element_type(op->type.dtype), op->type.rank, op->type.dims,
                        g->module->states.data[op->symbol].literal, (size_t)type_bytes(op->type));
        break;
    default:
        g->problem = op_info[op->code].name;
    }
}

static void add_op(Graph *g, Value v)
{
    const Op *op = OP_AT(g->function, v);
    const char *name = name_of(g, v), *x = op->nargs ? name_of(g, op->args[0]) : NULL;
    if (op->nargs == 0) {
        add_leaf(g, name, op);
        return;
    }
    if (plain_op(op->code)) {
        add_node(g, plain_op(op->code), name,
                 INPUTS(x, op->nargs > 1 ? name_of(g, op->args[1]) : NULL, op->nargs > 2 ? name_of(g, op->args[2]) : NULL), NULL);
        return;
    }
    switch (op->code) {
    case OP_NE:
        add_node(g, "Not", name, INPUTS(add_node(g, "Equal", new_name(g), INPUTS(x, name_of(g, op->args[1])), NULL)), NULL);
        break;
    case OP_EXPM1:
    case OP_LOG1P:
    case OP_FMA:
        add_two_steps(g, name, op);
        break;
    case OP_CAST:
        add_cast(g, name, x, op->type.dtype);
        break;
    case OP_BROADCAST:
        add_broadcast(g, name, x, op);
        break;
    case OP_RESHAPE:
        add_node(g, "Reshape", name, INPUTS(x, shape_of(g, op->type)), NULL);
        break;
    case OP_TRANSPOSE:
        add_node(g, "Transpose", name, INPUTS(x), (Attribute[]){{"perm", op->a.n, op->a.v}, {0}});
        break;
    case OP_SLICE:
        add_slice(g, name, x, op);
        break;
    case OP_PAD:
        add_pad(g, name, x, op);
        break;
    case OP_CONCAT:
        add_concat(g, name, op);
        break;
    case OP_REDUCE_SUM:
    case OP_REDUCE_MAX:
        add_reduction(g, name, x, op);
        break;
    case OP_ARGMAX:
        add_argmax(g, name, x, op);
        break;
    case OP_DOT:
        add_dot(g, name, op);
        break;
    case OP_GATHER:
        add_node(g, "Gather", name, INPUTS(x, name_of(g, op->args[1])), NULL);
        break;
    default:
        g->problem = op_info[op->code].name;
    }
}

/* ---- the model ---- */

/* An input or output of the graph. */
static void put_value_info(Text *out, unsigned field, const char *name, Type type)
{
    Text shape = {0}, tensor = {0}, kind = {0}, info = {0};
    for (unsigned i = 0; i < type.rank; i++) {
        Text dim = {0};
        put_integer(&dim, 1, type.dims[i]);
        put_message(&shape, 1, &dim);
    }
    put_integer(&tensor, 1, element_type(type.dtype));
    put_message(&tensor, 2, &shape);
    put_message(&kind, 1, &tensor);
    put_string(&info, 1, name);
    put_message(&info, 2, &kind);
    put_message(out, field, &info);
}

/* The ops that the result needs. */
static bool *needed_ops(const Function *function)
{
    bool *needed = support_malloc(function->ops.len + 1);
    memset(needed, 0, function->ops.len + 1);
    needed[function->outputs.data[0].value] = true;
    for (Value v = function->ops.len; v-- > 0;)
        for (uint32_t i = 0; needed[v] && i < OP_AT(function, v)->nargs; i++)
            needed[OP_AT(function, v)->args[i]] = true;
    return needed;
}

static void put_graph(Graph *g, const char *export, Text *model)
{
    const Function *function = g->function;
    Text graph = {0};
    bool *needed = needed_ops(function);
    for (Value v = 0; v < function->ops.len && !g->problem; v++)
        if (needed[v])
            add_op(g, v);
    support_free(needed);
    Value result = function->outputs.data[0].value;
    add_node(g, "Identity", export, INPUTS(name_of(g, result)), NULL);
    text_append(&graph, g->nodes.data, g->nodes.len);
    put_string(&graph, 2, export);
    text_append(&graph, g->initializers.data ? g->initializers.data : "", g->initializers.len);
    for (uint32_t i = 0; i < function->inputs.len; i++)
        put_value_info(&graph, 11, function->input_names.data[i], OP_AT(function, function->inputs.data[i])->type);
    put_value_info(&graph, 12, export, OP_AT(function, result)->type);
    put_message(model, 7, &graph);
    text_free(&g->nodes);
    text_free(&g->initializers);
}

bool aot_onnx(const Interface *interface, uint32_t number, Text *out, char why[static 256])
{
    const Served *served = &interface->service->served.data[number];
    const char *name = served->export->name;
    if (served->generator >= 0) {
        snprintf(why, 256, "'%.60s' takes conditions, which a graph of ONNX does not: give them values with --fix", name);
        return false;
    }
    Graph g = {.module = interface->service->model->module, .function = served->single ? served->single : served->compute};
    Text opset = {0};
    put_integer(out, 1, IR_VERSION);
    put_string(out, 2, "hnc");
    put_string(out, 3, interface->version);
    put_integer(&opset, 2, OPSET);
    put_graph(&g, name, out);
    put_message(out, 8, &opset);
    arena_free(&g.arena);
    if (g.problem)
        snprintf(why, 256, "'%.60s' has an op that ONNX does not have: %s", name, g.problem);
    return !g.problem;
}
