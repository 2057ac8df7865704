/* An export whose conditions are all fixed, as a graph of ONNX: the ops of the compute function one by one, the weights as
 * initializers. */
#include <string.h>

#include "backend/aot/aot.h"
#include "backend/aot/onnx.h"

enum { IR_VERSION = 8, OPSET = 17 };

static void add_op(Graph *g, Value v)
{
    const Op *op = OP_AT(g->function, v);
    if (op->code == OP_INPUT)
        return;
    const OnnxOp *row = onnx_elementwise[op->code].plain || onnx_elementwise[op->code].add ? &onnx_elementwise[op->code]
                                                                                          : &onnx_structure[op->code];
    if (!row->plain && !row->add)
        g->problem = arena_printf(&g->arena, "an op that ONNX does not have: %s", op_info[op->code].name);
    else if (row->add)
        row->add(g, onnx_name(g, v), op);
    else
        onnx_node(g, onnx_name(g, v), row->plain,
                  INPUTS(onnx_name(g, op->args[0]), op->nargs > 1 ? onnx_name(g, op->args[1]) : NULL), NULL);
}

/* The ops that the outputs need. */
static bool *needed_ops(const Function *function)
{
    bool *needed = support_malloc(function->ops.len + 1);
    memset(needed, 0, function->ops.len + 1);
    for (uint32_t i = 0; i < function->outputs.len; i++)
        needed[function->outputs.data[i].value] = true;
    for (Value v = function->ops.len; v-- > 0;)
        for (uint32_t i = 0; needed[v] && i < OP_AT(function, v)->nargs; i++)
            needed[OP_AT(function, v)->args[i]] = true;
    return needed;
}

/* ---- what goes in and comes out ---- */

static void put_value_info(Text *out, unsigned field, const char *name, Type type)
{
    Text shape = {0}, tensor = {0}, kind = {0}, info = {0};
    for (unsigned i = 0; i < type.rank; i++) {
        Text dim = {0};
        onnx_put_integer(&dim, 1, type.dims[i]);
        onnx_put_message(&shape, 1, &dim);
    }
    onnx_put_integer(&tensor, 1, onnx_element_type(type.dtype));
    onnx_put_message(&tensor, 2, &shape);
    onnx_put_message(&kind, 1, &tensor);
    onnx_put_string(&info, 1, name);
    onnx_put_message(&info, 2, &kind);
    onnx_put_message(out, field, &info);
}

static bool is_input(const Function *function, const char *name)
{
    for (uint32_t i = 0; i < function->inputs.len; i++)
        if (strcmp(function->input_names.data[i], name) == 0)
            return true;
    return false;
}

/* The result is called as the export; the status, where there is one, "status". Where the graph has this name already, they are
 * "/result" and "/status", as no argument and no export is called. */
static const char *output_name(const Function *function, const char *export, const Output *output)
{
    if (strcmp(output->name, SERVE_STATUS) != 0)
        return is_input(function, export) ? "/result" : export;
    return is_input(function, "status") || strcmp(export, "status") == 0 ? "/status" : "status";
}

static void put_graph(Graph *g, const char *export, Text *model)
{
    const Function *function = g->function;
    Text graph = {0}, outputs = {0};
    bool *needed = needed_ops(function);
    for (Value v = 0; v < function->ops.len && !g->problem; v++)
        if (needed[v])
            add_op(g, v);
    support_free(needed);
    for (uint32_t i = 0; i < function->outputs.len; i++) {
        const Output *output = &function->outputs.data[i];
        const char *name = output_name(function, export, output);
        onnx_node(g, name, "Identity", INPUTS(onnx_name(g, output->value)), NULL);
        put_value_info(&outputs, 12, name, OP_AT(function, output->value)->type);
    }
    text_append(&graph, g->nodes.data, g->nodes.len);
    onnx_put_string(&graph, 2, export);
    text_append(&graph, g->initializers.data ? g->initializers.data : "", g->initializers.len);
    for (uint32_t i = 0; i < function->inputs.len; i++)
        put_value_info(&graph, 11, function->input_names.data[i], OP_AT(function, function->inputs.data[i])->type);
    text_append(&graph, outputs.data, outputs.len);
    onnx_put_message(model, 7, &graph);
    text_free(&outputs);
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
    onnx_put_integer(out, 1, IR_VERSION);
    onnx_put_string(out, 2, "hnc");
    onnx_put_string(out, 3, interface->version);
    onnx_put_integer(&opset, 2, OPSET);
    put_graph(&g, name, out);
    onnx_put_message(out, 8, &opset);
    if (!g.problem && out->len > INT32_MAX)
        g.problem = "more than 2 GB of numbers, which a file of ONNX cannot hold";
    if (g.problem)
        snprintf(why, 256, "'%.60s' has %s", name, g.problem);
    arena_free(&g.arena);
    return !g.problem;
}
