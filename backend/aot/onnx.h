/* Writes graphs of ONNX (opset 17): files are protocol buffers, and the numbers of fields are those of onnx.proto3
 * (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). */
#ifndef HNC_BACKEND_AOT_ONNX_H
#define HNC_BACKEND_AOT_ONNX_H

#include "ir/ir.h"

typedef struct Graph {
    const Module *module;
    const Function *function;
    Text nodes, initializers; /* fields 1 and 5 of the graph */
    Arena arena;              /* of names */
    uint32_t made;            /* names that no op of the function has */
    const char *problem;      /* why there is no such graph; NULL: there is one */
} Graph;

/* ---- onnx_write.c ---- */

/* Fields of a message. onnx_put_message frees what it puts. */
void onnx_put_integer(Text *out, unsigned field, int64_t value);
void onnx_put_string(Text *out, unsigned field, const char *text);
void onnx_put_message(Text *out, unsigned field, Text *message);

/* ONNX's number of the element type; and of one that hnc does not have. */
int64_t onnx_element_type(DType dtype);
enum { ONNX_I64 = 7 };

/* The name of a value in the graph. Arguments have their own; all others begin with a slash, as no name of the language does. */
const char *onnx_name(Graph *g, Value v);

/* Adds a tensor of known numbers: `name`, or NULL for a new name. Each gives back the name. */
const char *onnx_tensor(Graph *g, const char *name, Type type, const void *data);
const char *onnx_number(Graph *g, DType dtype, double number);               /* a scalar */
const char *onnx_integers(Graph *g, unsigned count, const int64_t *numbers); /* a list, as shapes and axes are given */

typedef struct Attribute {
    const char *name; /* NULL: there is none */
    unsigned count;   /* of a list; 0: one number */
    const int64_t *numbers;
} Attribute;

/* Adds a node whose result is called `output`, NULL for a new name, and gives back that name. Inputs up to the first NULL,
 * attributes up to the first without a name; NULL: none. */
const char *onnx_node(Graph *g, const char *output, const char *type, const char *const *inputs, const Attribute *attributes);
/* Adds a node of two results and gives back the name of the second. */
const char *onnx_second_result(Graph *g, const char *type, const char *const *inputs, const Attribute *attributes);
#define INPUTS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* ---- onnx_elementwise.c, onnx_structure.c ---- */

/* How an op becomes nodes: `name` is then what the interpreter gives for the op. */
typedef struct OnnxOp {
    const char *plain; /* one node of this type; or */
    void (*add)(Graph *g, const char *name, const Op *op);
} OnnxOp;

extern const OnnxOp onnx_elementwise[OP_COUNT], onnx_structure[OP_COUNT];

#endif
