/* What is emitted: the same bits at every level and with every number of threads, the same bytes each time, each kernel once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/backend/compiled.h"

static void test_bits_do_not_depend_on_level_or_threads(void **state)
{
    (void)state;
    Module *module = module_new("bits", DTYPE_F32);
    Builder b = new_function(module, "f");
    Type type = matrix(DTYPE_F32, 300, 517);
    Value x = build_input(&b, "x", type), y = build_input(&b, "y", vector(DTYPE_F32, 517));
    Value z = build_binary(&b, OP_MUL, build_unary(&b, OP_TANH, x), build_broadcast(&b, y, type, dims_of(1, 1)));
    build_output(&b, "z", z);
    build_output(&b, "rows", build_reduce(&b, OP_REDUCE_SUM, z, dims_of(1, 1)));
    build_output(&b, "columns", build_reduce(&b, OP_REDUCE_SUM, z, dims_of(1, 0)));
    build_output(&b, "all", build_reduce(&b, OP_REDUCE_SUM, z, dims_of(2, 0, 1)));
    build_output(&b, "most", build_reduce(&b, OP_REDUCE_MAX, z, dims_of(2, 0, 1)));
    Case c = {.module = module, .seed = 7};
    check_everywhere(&c);
    module_free(module);
}

static void read_file(const char *path, Text *text)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char block[4096];
    for (size_t n; (n = fread(block, 1, sizeof block, file)) > 0;)
        text_append(text, block, n);
    fclose(file);
}

static void test_emission_is_reproducible(void **state)
{
    (void)state;
    Text objects[2] = {{0}};
    for (unsigned i = 0; i < 2; i++) {
        Module *module = module_new("twice", DTYPE_F32);
        Builder b = new_function(module, "f");
        Value x = build_input(&b, "x", matrix(DTYPE_F32, 50, 60)), y = build_unary(&b, OP_EXP, x);
        build_output(&b, "y", build_dot(&b, x, y, dims_of(1, 1), dims_of(1, 1), (Dims){0}, (Dims){0}));
        build_output(&b, "sum", build_reduce(&b, OP_REDUCE_SUM, y, dims_of(1, 0)));
        Plan *plan = verified_plan(module);
        char why[256], path[] = "/tmp/hnc-test-XXXXXX";
        close(mkstemp(path));
        BackendOptions options = {.target = target_usual(), .opt_level = 2};
        assert_true(backend_emit(plan, "{}", &options, EMIT_OBJ, path, why));
        read_file(path, &objects[i]);
        remove(path);
        plan_free(plan);
        module_free(module);
    }
    assert_int_equal(objects[0].len, objects[1].len);
    assert_memory_equal(objects[0].data, objects[1].data, objects[0].len);
    text_free(&objects[0]);
    text_free(&objects[1]);
}

static Text emitted_llvm(const Plan *plan, const char *cpu)
{
    Text text = {0};
    char why[256], path[] = "/tmp/hnc-test-XXXXXX";
    close(mkstemp(path));
    BackendOptions options = {.target = target_for(cpu), .opt_level = 2};
    assert_true(backend_emit(plan, "{}", &options, EMIT_LLVM, path, why));
    read_file(path, &text);
    remove(path);
    return text;
}

static unsigned occurrences(const char *text, const char *word)
{
    unsigned count = 0;
    for (; (text = strstr(text, word)); text++)
        count++;
    return count;
}

/* Kernels that differ in where their operands lie are compiled once, also if they belong to different functions. */
static void test_equal_kernels_are_one(void **state)
{
    (void)state;
    Module *module = module_new("equal", DTYPE_F32);
    Type type = matrix(DTYPE_F32, 30, 40);
    for (unsigned i = 0; i < 2; i++) {
        Builder b = new_function(module, i ? "g" : "f");
        Value x = build_input(&b, "x", type), y = build_input(&b, "y", type), w = build_input(&b, "w", matrix(DTYPE_F32, 40, 40));
        Value first = build_dot(&b, x, w, dims_of(1, 1), dims_of(1, 0), (Dims){0}, (Dims){0});
        Value second = build_dot(&b, y, w, dims_of(1, 1), dims_of(1, 0), (Dims){0}, (Dims){0});
        build_output(&b, "first", build_unary(&b, OP_TANH, first));
        build_output(&b, "second", build_unary(&b, OP_TANH, second));
        build_output(&b, "other", build_unary(&b, i ? OP_EXP : OP_TANH, build_binary(&b, OP_SUB, first, second)));
    }
    Plan *plan = verified_plan(module);
    uint32_t kernels = plan->schedules.data[0].kernels.len + plan->schedules.data[1].kernels.len;
    assert_true(kernels >= 8);
    Text text = emitted_llvm(plan, DEFAULT_CPU);
    assert_int_equal(occurrences(text.data, "_product(ptr %0"), 1);
    assert_int_equal(occurrences(text.data, "_loop(ptr %0, ptr %1, i64"), 1);                 /* tanh */
    assert_int_equal(occurrences(text.data, "_loop(ptr %0, ptr %1, ptr %2, ptr %3, i64"), 2); /* with the difference */
    text_free(&text);
    plan_free(plan);
    check_module(module);
}

/* Only functions that work on rows get a second variant; the table of wide functions has all functions nevertheless. */
static void test_only_steps_have_wide_code(void **state)
{
    (void)state;
    Module *module = module_new("wide", DTYPE_F32);
    vec_push(&module->fields, (Field){.name = "d.image", .type = vector(DTYPE_F32, 24)});
    Builder b = new_function(module, "start");
    build_output(&b, "x", build_unary(&b, OP_EXP, build_input(&b, "x", vector(DTYPE_F32, 50))));
    b = new_function(module, "step");
    build_output(&b, "x", build_unary(&b, OP_TANH, build_fetch(&b, 0, build_input(&b, "index", vector(DTYPE_I32, 11)))));
    Plan *plan = verified_plan(module);
    Text text = emitted_llvm(plan, AUTO_CPU);
    assert_non_null(strstr(text.data, "@hn_functions = constant [2 x ptr] [ptr @hn_fn_0, ptr @hn_fn_1]"));
    assert_non_null(strstr(text.data, "@hn_functions_v4 = constant [2 x ptr] [ptr @hn_fn_0, ptr @hn_fn_1_v4]"));
    text_free(&text);
    plan_free(plan);
    module_free(module);
}

/* A sum of quotients whose last vector has lanes that are masked off: 0 / 0 there must not reach the sum. */
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bits_do_not_depend_on_level_or_threads),
        cmocka_unit_test(test_emission_is_reproducible),
        cmocka_unit_test(test_equal_kernels_are_one),
        cmocka_unit_test(test_only_steps_have_wide_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
