/* The functions of an IR file as graphs of ONNX, each with odd inputs and with what the interpreter gives for them: FILE.ir makes
 * FUNCTION.onnx, FUNCTION.in0, FUNCTION.in1, ... and FUNCTION.out, the elements one behind the other. An operand with enough
 * elements has each odd number of its type; two operands, all pairs of them. */
#include <math.h>
#include <stdlib.h>

#include "backend/aot/aot.h"
#include "support/diagnostics.h"

static const double reals[] = {NAN,        INFINITY,    -INFINITY, 0,      -0.0,    1,   -1,    0.5,      -0.5,  1.5,
                               2.5,        -2.5,        1e-3,      -1e-7,  1e-12,   255, 256,   -88,      300.5, -0.99,
                               2147483648, -2147483648, 5e9,       3.4e38, -3.4e38, 12,  1e-30, 1.17e-38, 1e-310};
static const double wholes[] = {0, 1, -1, 2, INT32_MAX, INT32_MIN, INT32_MAX - 1, 255, 256, -300, 16777217};
static const double bytes[] = {0, 1, 2, 127, 128, 255}, truths[] = {0, 1};

static double odd_number(DType dtype, int64_t i)
{
#define PICK(numbers) (numbers)[i % (int64_t)COUNT_OF(numbers)]
    switch (dtype) {
    case DTYPE_I32:
        return PICK(wholes);
    case DTYPE_U8:
        return PICK(bytes);
    case DTYPE_BOOL:
        return PICK(truths);
    default:
        return PICK(reals);
    }
}

static int64_t odd_count(DType dtype)
{
    return dtype == DTYPE_I32    ? (int64_t)COUNT_OF(wholes)
           : dtype == DTYPE_U8   ? (int64_t)COUNT_OF(bytes)
           : dtype == DTYPE_BOOL ? (int64_t)COUNT_OF(truths)
                                 : (int64_t)COUNT_OF(reals);
}

static void write_file(const char *name, const char *suffix, const void *data, size_t size)
{
    char path[300];
    snprintf(path, sizeof path, "%s.%s", name, suffix);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0)
        exit(1);
}

static Tensor odd_tensor(Type type, uint32_t position)
{
    Tensor tensor = {type, support_malloc((size_t)type_bytes(type))};
    int64_t slow = odd_count(type.dtype);
    for (int64_t i = 0; i < type_elements(type); i++)
        tensor_set(&tensor, i, odd_number(type.dtype, position == 0 ? i : position == 1 ? i / slow + i : i / 2));
    return tensor;
}

static bool write_graph(Model *model, Function *function)
{
    Export export = {.name = function->name};
    Service service = {.model = model};
    Interface interface = {.service = &service, .version = "test"};
    Text graph = {0};
    char why[256];
    vec_push(&service.served, ((Served){.export = &export, .generator = -1, .compute = function}));
    bool fine = aot_onnx(&interface, 0, &graph, why);
    if (fine)
        write_file(function->name, "onnx", graph.data, graph.len);
    else
        printf("%s\n", why);
    text_free(&graph);
    vec_free(&service.served);
    return fine;
}

static void write_results(const Module *module, const Function *function)
{
    Tensor inputs[8], *outputs;
    World world = {.states = world_states_new(module)};
    char why[256], suffix[8];
    for (uint32_t i = 0; i < function->inputs.len; i++) {
        inputs[i] = odd_tensor(OP_AT(function, function->inputs.data[i])->type, i);
        snprintf(suffix, sizeof suffix, "in%u", i);
        write_file(function->name, suffix, inputs[i].data, (size_t)type_bytes(inputs[i].type));
    }
    if (!interpret(module, function, &world, inputs, &outputs, why)) {
        fprintf(stderr, "%s: %s\n", function->name, why);
        exit(1);
    }
    write_file(function->name, "out", outputs[0].data, (size_t)type_bytes(outputs[0].type));
    interpret_free_outputs(function, outputs);
    for (uint32_t i = 0; i < function->inputs.len; i++)
        support_free(inputs[i].data);
    world_states_free(module, world.states);
}

int main(int argc, char **argv)
{
    Arena arena = {0};
    Source source;
    Diagnostics diags = {0};
    const char *reason;
    if (argc != 2 || !source_read(&arena, argv[1], &source, &reason))
        return 2;
    Model model = {.module = parse_module(&source, &diags)};
    diag_print(&diags, stderr);
    for (uint32_t i = 0; model.module && i < model.module->functions.len; i++)
        if (write_graph(&model, model.module->functions.data[i]))
            write_results(model.module, model.module->functions.data[i]);
    bool parsed = model.module != NULL;
    module_free(model.module);
    diag_free(&diags);
    arena_free(&arena);
    return !parsed;
}
