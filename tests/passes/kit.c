#include "tests/passes/kit.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

Bench bench_new(void)
{
    Bench bench = {.module = module_new("test", DTYPE_F64)};
    bench.function = function_new(bench.module, "f");
    bench.b = (Builder){.module = bench.module, .function = bench.function};
    return bench;
}

void bench_free(Bench *bench)
{
    module_free(bench->module);
}

static Type type_from(int rank, va_list dims)
{
    int64_t extents[MAX_RANK];
    for (int i = 0; i < rank; i++)
        extents[i] = va_arg(dims, int);
    return type_of(DTYPE_F64, (unsigned)rank, extents);
}

Type f64_type(int rank, ...)
{
    va_list dims;
    va_start(dims, rank);
    Type type = type_from(rank, dims);
    va_end(dims);
    return type;
}

Value bench_input(Bench *bench, int rank, ...)
{
    va_list dims;
    va_start(dims, rank);
    Type type = type_from(rank, dims);
    va_end(dims);
    return bench_typed_input(bench, type);
}

Value bench_typed_input(Bench *bench, Type type)
{
    const char *name = arena_printf(&bench->module->arena, "x%u", bench->asked);
    bool invariant = bench->invariant >> bench->asked++ & 1;
    return invariant ? build_read(&bench->b, module_state(bench->module, name, type, STATE_WEIGHT)) : build_input(&bench->b, name, type);
}

double sample(uint64_t index, double low, double high)
{
    return low + (high - low) * random_element((const uint32_t[2]){11, 12}, 0, 0, index);
}

Tensor *random_inputs(const Function *function, double low, double high, int limit)
{
    Tensor *inputs = support_malloc((function->inputs.len + 1) * sizeof *inputs);
    for (uint32_t i = 0; i < function->inputs.len; i++) {
        Type type = OP_AT(function, function->inputs.data[i])->type;
        inputs[i] = (Tensor){type, support_malloc((size_t)type_bytes(type))};
        for (int64_t k = 0; k < type_elements(type); k++) {
            uint64_t at = i * 100003u + (uint64_t)k;
            tensor_set(&inputs[i], k, dtype_is_float(type.dtype) ? sample(at, low, high) : floor(sample(at, 0, limit)));
        }
    }
    return inputs;
}

void free_inputs(const Function *function, Tensor *inputs)
{
    for (uint32_t i = 0; i < function->inputs.len; i++)
        support_free(inputs[i].data);
    support_free(inputs);
}

Tensor *run(const Bench *bench, const Function *function, const Tensor *inputs, Tensor *states)
{
    char why[256] = "";
    Tensor *outputs = NULL, *own = states ? NULL : world_states_new(bench->module);
    World world = {.states = states ? states : own};
    if (!interpret(bench->module, function, &world, inputs, &outputs, why))
        fail_msg("%s", why);
    if (own)
        world_states_free(bench->module, own);
    return outputs;
}

double difference(const Tensor *a, const Tensor *b)
{
    assert_true(type_equal(a->type, b->type));
    double most = 0, scale = 1e-300;
    for (int64_t i = 0; i < type_elements(a->type); i++) {
        double d = fabs(tensor_get(a, i) - tensor_get(b, i));
        most = d > most || isnan(d) ? d : most;
        scale = fmax(scale, fabs(tensor_get(b, i)));
    }
    return most == 0 ? 0 : most / scale;
}

uint32_t count_ops(const Function *function, OpCode code)
{
    uint32_t count = 0;
    for (Value v = 0; v < function->ops.len; v++)
        count += OP_AT(function, v)->code == code;
    return count;
}

void assert_verifies(const Bench *bench, const Function *function)
{
    Text why = {0};
    if (!verify_function(bench->module, function, true, &why))
        fail_msg("%s", why.data);
    text_free(&why);
}
