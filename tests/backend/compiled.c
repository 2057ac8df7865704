#include "tests/backend/compiled.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int thread_count = 1;

/* Stands for hn_parallel: the pieces one after the other, the last one first. */
static void in_pieces(hn_body *body, const hn_frame *frame, int64_t n, int64_t grain)
{
    int64_t grains = (n + grain - 1) / grain, pieces = grains < thread_count ? grains : thread_count;
    for (int64_t i = pieces; i-- > 0;) {
        int64_t begin = grains * i / pieces * grain, end = grains * (i + 1) / pieces * grain;
        body(frame, begin, end < n ? end : n);
    }
}

/* ---- data ---- */

static uint64_t next_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u;
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static Tensor new_tensor(Type type)
{
    void *data = NULL;
    size_t bytes = (size_t)type_bytes(type);
    assert_int_equal(posix_memalign(&data, HN_ALIGNMENT, (bytes + HN_ALIGNMENT) / HN_ALIGNMENT * HN_ALIGNMENT), 0);
    memset(data, 0, bytes);
    return (Tensor){type, data};
}

static void fill(Tensor *tensor, uint64_t *random, int32_t index_limit)
{
    for (int64_t i = 0; i < type_elements(tensor->type); i++) {
        uint64_t bits = next_random(random) >> 11;
        double unit = (double)bits / 9007199254740992.0;
        if (tensor->type.dtype == DTYPE_I32)
            tensor_set(tensor, i, (double)(bits % (uint64_t)index_limit));
        else if (tensor->type.dtype == DTYPE_U8)
            tensor_set(tensor, i, (double)(bits % 256));
        else if (tensor->type.dtype == DTYPE_BOOL)
            tensor_set(tensor, i, (double)(bits % 2));
        else
            tensor_set(tensor, i, 4 * unit - 2);
    }
}

static Tensor random_tensor(Type type, uint64_t *random, int32_t index_limit)
{
    Tensor tensor = new_tensor(type);
    fill(&tensor, random, index_limit);
    return tensor;
}

static Type with_examples(Type type, int64_t examples)
{
    Type rows = {.dtype = type.dtype, .rank = (uint8_t)(type.rank + 1), .dims = {examples}};
    memcpy(&rows.dims[1], type.dims, type.rank * sizeof type.dims[0]);
    return rows;
}

/* ---- compiling ---- */

static Jit *load(const Case *c, const Plan *plan, int level, const char *cpu)
{
    char why[256];
    /* several threads: every kernel that can be split is */
    BackendOptions options = {.target = target_for(cpu), .opt_level = level};
    options.target.blas = c->blas;
    if (c->registers)
        options.target.registers = c->registers;
    if (c->blocks)
        options.target.small_product = options.target.skinny_product = 0;
    if (thread_count > 1)
        options.target.thread_work = 1;
    Jit *jit = jit_new(plan, &options, in_pieces, why);
    if (!jit)
        fail_msg("%s", why);
    return jit;
}

Jit *load_program(const Plan *plan, int level, const char *cpu)
{
    return load(&(Case){.blas = BLAS_OPENBLAS}, plan, level, cpu);
}

/* ---- comparing ---- */

static uint64_t digest_bytes(uint64_t digest, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        digest = (digest ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3u;
    return digest;
}

static uint64_t compare(const Case *c, const char *what, const char *name, const Tensor *expected, const Tensor *actual,
                        uint64_t digest)
{
    bool is_float = dtype_is_float(expected->type.dtype);
    double tolerance = c->tolerance > 0 ? c->tolerance : expected->type.dtype == DTYPE_F32 ? 2e-5 : 1e-12, scale = 1;
    for (int64_t i = 0; is_float && i < type_elements(expected->type); i++)
        if (isfinite(tensor_get(expected, i)))
            scale = fmax(scale, fabs(tensor_get(expected, i)));
    for (int64_t i = 0; i < type_elements(expected->type); i++) {
        double x = tensor_get(expected, i), y = tensor_get(actual, i);
        bool same = x == y || (isnan(x) && isnan(y)) || (is_float && fabs(x - y) <= tolerance * scale);
        if (!same) {
            Text text = {0};
            print_module(c->module, &text);
            fprintf(stderr, "%s\n", text.data);
            text_free(&text);
            fail_msg("%s %s[%lld]: %.17g expected, %.17g computed (seed %llu)", what, name, (long long)i, x, y,
                     (unsigned long long)c->seed);
        }
    }
    return digest_bytes(digest, actual->data, (size_t)type_bytes(actual->type));
}

/* ---- running ---- */

static uint64_t run_function(const Case *c, const Plan *plan, const Jit *jit, uint32_t index, uint64_t digest)
{
    const Module *module = c->module;
    const Function *function = module->functions.data[index];
    uint64_t random = c->seed * 1000 + index;
    int32_t limit = c->index_limit ? c->index_limit : 5;
    Tensor *states = world_states_new(module), inputs[32], results[64], rows[16];
    const void *row_pointers[16], *input_pointers[32];
    void *output_pointers[64];
    unsigned char *arena = NULL, *scratch = NULL;
    assert_true(module->fields.len <= 16 && function->inputs.len <= 32 && function->outputs.len <= 64);
    assert_int_equal(posix_memalign((void **)&arena, HN_ALIGNMENT, (size_t)plan_state_bytes(plan) + 1), 0);
    assert_int_equal(posix_memalign((void **)&scratch, HN_ALIGNMENT, (size_t)plan_scratch_bytes(plan) + 1), 0);
    memset(scratch, 0xa5, (size_t)plan_scratch_bytes(plan)); /* nobody may rely on it */
    for (uint32_t i = 0; i < module->states.len; i++) {
        fill(&states[i], &random, limit);
        memcpy(arena + plan_state_offset(plan, i), states[i].data, (size_t)type_bytes(states[i].type));
    }
    for (uint32_t i = 0; i < module->fields.len; i++) {
        rows[i] = random_tensor(with_examples(module->fields.data[i].type, c->examples ? c->examples : 5), &random, limit);
        row_pointers[i] = rows[i].data;
    }
    for (uint32_t i = 0; i < function->inputs.len; i++) {
        inputs[i] = random_tensor(OP_AT(function, function->inputs.data[i])->type, &random, limit);
        input_pointers[i] = inputs[i].data;
    }
    for (uint32_t i = 0; i < function->outputs.len; i++) {
        results[i] = new_tensor(OP_AT(function, function->outputs.data[i].value)->type);
        output_pointers[i] = results[i].data;
    }

    World world = {states, rows};
    Tensor *expected;
    char why[256];
    if (!interpret(module, function, &world, inputs, &expected, why))
        fail_msg("%s: %s", function->name, why);
    hn_frame frame = {arena, scratch, row_pointers, input_pointers, output_pointers};
    jit_functions(jit)[index](&frame);

    for (uint32_t i = 0; i < function->outputs.len; i++)
        digest = compare(c, function->name, function->outputs.data[i].name, &expected[i], &results[i], digest);
    for (uint32_t i = 0; i < module->states.len; i++) {
        Tensor state = {states[i].type, arena + plan_state_offset(plan, i)};
        digest = compare(c, function->name, module->states.data[i].name, &states[i], &state, digest);
    }
    interpret_free_outputs(function, expected);
    for (uint32_t i = 0; i < function->outputs.len; i++)
        free(results[i].data);
    for (uint32_t i = 0; i < function->inputs.len; i++)
        free(inputs[i].data);
    for (uint32_t i = 0; i < module->fields.len; i++)
        free(rows[i].data);
    world_states_free(module, states);
    free(arena);
    free(scratch);
    return digest;
}

Plan *verified_plan(const Module *module)
{
    Text why = {0};
    Plan *plan = plan_module(module);
    if (!plan_verify(plan, &why)) {
        plan_print(plan, &why);
        print_module(module, &why);
        fprintf(stderr, "%s", why.data);
        fail_msg("a schedule does not verify");
    }
    text_free(&why);
    return plan;
}

uint64_t check_compiled(const Case *c, int level, const char *cpu, int threads)
{
    Text why = {0};
    if (!verify_module(c->module, false, &why))
        fail_msg("%s", why.data);
    text_free(&why);
    thread_count = threads;
    Plan *plan = verified_plan(c->module);
    Jit *jit = load(c, plan, level, cpu);
    uint64_t digest = 0xcbf29ce484222325u;
    for (uint32_t i = 0; i < c->module->functions.len; i++)
        digest = run_function(c, plan, jit, i, digest);
    jit_free(jit);
    plan_free(plan);
    return digest;
}

void check_everywhere(const Case *c)
{
    uint64_t digest = check_compiled(c, 2, DEFAULT_CPU, 1);
    for (int level = 0; level <= 3; level++)
        assert_true(check_compiled(c, level, DEFAULT_CPU, level % 2 + 1) == digest);
    assert_true(check_compiled(c, 2, "x86-64-v2", 3) == digest);
}

const Schedule *plan_of(const Module *module, const char *name, Plan **plan)
{
    *plan = verified_plan(module);
    for (uint32_t i = 0; i < module->functions.len; i++)
        if (!strcmp(module->functions.data[i]->name, name))
            return &(*plan)->schedules.data[i];
    fail_msg("no function %s", name);
    return NULL;
}

unsigned count_kernels(const Schedule *schedule, KernelKind kind)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < schedule->kernels.len; i++)
        count += schedule->kernels.data[i].kind == kind;
    return count;
}

/* ---- building ---- */

Type matrix(DType dtype, int64_t rows, int64_t columns)
{
    return type_of(dtype, 2, (int64_t[]){rows, columns});
}

Type vector(DType dtype, int64_t n)
{
    return type_of(dtype, 1, &n);
}

Type cube(DType dtype, int64_t a, int64_t b, int64_t c)
{
    return type_of(dtype, 3, (int64_t[]){a, b, c});
}

Builder new_function(Module *module, const char *name)
{
    return (Builder){.module = module, .function = function_new(module, name)};
}

Builder numbered_function(Module *module, size_t a, int b)
{
    return new_function(module, arena_printf(&module->arena, "f%zu_%d", a, b));
}

Value product(Builder *b, DType real, int64_t m, int64_t n, int64_t k, int mode)
{
    Value x = build_input(b, "x", mode & 1 ? matrix(real, k, m) : matrix(real, m, k));
    Value y = build_input(b, "y", mode & 2 ? matrix(real, n, k) : matrix(real, k, n));
    return build_dot(b, x, y, dims_of(1, mode & 1 ? 0 : 1), dims_of(1, mode & 2 ? 1 : 0), (Dims){0}, (Dims){0});
}

void check_module(Module *module)
{
    Case c = {.module = module, .seed = 1};
    check_compiled(&c, 2, DEFAULT_CPU, 2);
    module_free(module);
}

bool runs_wide(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

void check_widths(Module *module)
{
    Case c = {.module = module, .seed = 1};
    uint64_t digest = check_compiled(&c, 2, DEFAULT_CPU, 1);
    c.registers = 32;
    assert_true(check_compiled(&c, 2, DEFAULT_CPU, 2) == digest);
    c.registers = 0;
    if (runs_wide())
        assert_true(check_compiled(&c, 2, WIDE_CPU, 2) == digest);
    module_free(module);
}

void for_each_real(void (*test)(DType real))
{
    test(DTYPE_F32);
#ifndef HNC_SANITIZED /* f64 walks the same memory */
    test(DTYPE_F64);
#endif
}
