#include "backend/aot/onnx.h"

#include <string.h>

/* ---- protocol buffers ---- */

static void put_varint(Text *out, uint64_t value)
{
    do {
        char byte = (char)((value & 127) | (value > 127 ? 128 : 0));
        text_append(out, &byte, 1);
        value >>= 7;
    } while (value);
}

void onnx_put_integer(Text *out, unsigned field, int64_t value)
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

void onnx_put_string(Text *out, unsigned field, const char *text)
{
    put_bytes(out, field, text, strlen(text));
}

void onnx_put_message(Text *out, unsigned field, Text *message)
{
    put_bytes(out, field, message->data ? message->data : "", message->len);
    text_free(message);
}

/* ---- names ---- */

const char *onnx_name(Graph *g, Value v)
{
    const Op *op = OP_AT(g->function, v);
    return op->code == OP_INPUT ? g->function->input_names.data[op->symbol] : arena_printf(&g->arena, "/v%u", v);
}

static const char *new_name(Graph *g)
{
    return arena_printf(&g->arena, "/m%u", g->made++);
}

/* ---- tensors ---- */

int64_t onnx_element_type(DType dtype)
{
    static const int64_t types[DTYPE_COUNT] = {
        [DTYPE_F32] = 1, [DTYPE_F64] = 11, [DTYPE_I32] = 6, [DTYPE_U8] = 2, [DTYPE_BOOL] = 9};
    return types[dtype];
}

static const char *add_tensor(Graph *g, const char *name, int64_t type, unsigned rank, const int64_t *dims, const void *data,
                              size_t size)
{
    Text tensor = {0};
    if (!name)
        name = new_name(g);
    for (unsigned i = 0; i < rank; i++)
        onnx_put_integer(&tensor, 1, dims[i]);
    onnx_put_integer(&tensor, 2, type);
    onnx_put_string(&tensor, 8, name);
    put_bytes(&tensor, 9, data, size);
    onnx_put_message(&g->initializers, 5, &tensor);
    return name;
}

const char *onnx_tensor(Graph *g, const char *name, Type type, const void *data)
{
    return add_tensor(g, name, onnx_element_type(type.dtype), type.rank, type.dims, data, (size_t)type_bytes(type));
}

const char *onnx_number(Graph *g, DType dtype, double number)
{
    Tensor one = {type_scalar(dtype), &(double){0}};
    tensor_set(&one, 0, number);
    return onnx_tensor(g, NULL, one.type, one.data);
}

const char *onnx_integers(Graph *g, unsigned count, const int64_t *numbers)
{
    return add_tensor(g, NULL, ONNX_I64, 1, &(int64_t){count}, numbers, count * sizeof *numbers);
}

/* ---- nodes ---- */

static void put_attribute(Text *node, const Attribute *attribute)
{
    enum { INT = 2, INTS = 7 };
    Text message = {0};
    onnx_put_string(&message, 1, attribute->name);
    for (unsigned i = 0; i < attribute->count; i++)
        onnx_put_integer(&message, 8, attribute->numbers[i]);
    if (!attribute->count)
        onnx_put_integer(&message, 3, attribute->numbers[0]);
    onnx_put_integer(&message, 20, attribute->count ? INTS : INT);
    onnx_put_message(node, 5, &message);
}

/* A node of one result, or of two; it is called like its last one. */
static void put_node(Graph *g, const char *first, const char *last, const char *type, const char *const *inputs,
                     const Attribute *attributes)
{
    Text node = {0};
    for (; *inputs; inputs++)
        onnx_put_string(&node, 1, *inputs);
    if (first)
        onnx_put_string(&node, 2, first);
    onnx_put_string(&node, 2, last);
    onnx_put_string(&node, 3, last);
    onnx_put_string(&node, 4, type);
    for (; attributes && attributes->name; attributes++)
        put_attribute(&node, attributes);
    onnx_put_message(&g->nodes, 1, &node);
}

const char *onnx_node(Graph *g, const char *output, const char *type, const char *const *inputs, const Attribute *attributes)
{
    if (!output)
        output = new_name(g);
    put_node(g, NULL, output, type, inputs, attributes);
    return output;
}

const char *onnx_second_result(Graph *g, const char *type, const char *const *inputs, const Attribute *attributes)
{
    const char *first = new_name(g), *second = new_name(g);
    put_node(g, first, second, type, inputs, attributes);
    return second;
}
