/* A function that is split computes what it did, whichever of its inputs are late; what costs nothing is not kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "passes/split.h"
#include "tests/passes/cases.h"

static bool in_mask(const Function *function, uint32_t input, const void *context)
{
    (void)function;
    return *(const unsigned *)context >> input & 1;
}

/* The inputs that the function has, by name, among those of another. */
static Tensor *inputs_of(const Function *function, const Function *all, const Tensor *inputs)
{
    Tensor *own = support_malloc((function->inputs.len + 1) * sizeof *own);
    for (uint32_t i = 0; i < function->inputs.len; i++)
        for (uint32_t k = 0; k < all->inputs.len; k++)
            if (strcmp(function->input_names.data[i], all->input_names.data[k]) == 0)
                own[i] = inputs[k];
    return own;
}

static Function *copy_of(Bench *bench, const char *name)
{
    Function *copy = function_new(bench->module, name);
    Builder b = {.module = bench->module, .function = copy};
    Value *map = support_malloc((bench->function->ops.len + 1) * sizeof *map);
    for (Value v = 0; v < bench->function->ops.len; v++)
        map[v] = build_copy(&b, bench->function, v, map);
    for (uint32_t i = 0; i < bench->function->outputs.len; i++)
        build_output(&b, bench->function->outputs.data[i].name, map[bench->function->outputs.data[i].value]);
    support_free(map);
    return copy;
}

/* Splits a copy of the bench's function and runs both parts. Returns the early one, or NULL. */
static Function *check_split(Bench *bench, unsigned late, double low, double high)
{
    Function *rest = copy_of(bench, "rest");
    Tensor *inputs = random_inputs(bench->function, low, high, 3);
    Tensor *expected = run(bench, bench->function, inputs, NULL);
    Function *early = split_function(bench->module, rest, in_mask, &late, "early", STATE_SCRATCH);
    assert_verifies(bench, rest);
    Tensor *states = world_states_new(bench->module);
    if (early) {
        assert_verifies(bench, early);
        Tensor *own = inputs_of(early, bench->function, inputs), *nothing = run(bench, early, own, states);
        interpret_free_outputs(early, nothing);
        support_free(own);
    }
    assert_true(early || rest->inputs.len == bench->function->inputs.len);
    Tensor *own = inputs_of(rest, bench->function, inputs), *outputs = run(bench, rest, own, states);
    for (uint32_t i = 0; i < rest->outputs.len; i++) {
        assert_true(type_equal(outputs[i].type, expected[i].type));
        assert_memory_equal(outputs[i].data, expected[i].data, (size_t)type_bytes(expected[i].type));
    }
    support_free(own);
    interpret_free_outputs(rest, outputs);
    interpret_free_outputs(bench->function, expected);
    free_inputs(bench->function, inputs);
    world_states_free(bench->module, states);
    return early;
}

static void every_primitive_may_be_early_or_late(void **state)
{
    (void)state;
    for (size_t i = 0; i < case_count; i++)
        for (unsigned late = 0;; late++) {
            Bench bench = bench_new();
            build_output(&bench.b, "y", cases[i].build(&bench));
            check_split(&bench, late, cases[i].low, cases[i].high);
            bool all = late + 1 >= 1u << bench.function->inputs.len;
            bench_free(&bench);
            if (all)
                break;
        }
}

/* x, late, and what a vector of 12 generates: a 3 x 3 matrix and a bias of 3, slices of it. */
static void slices_of_what_is_kept_are_views(void **state)
{
    (void)state;
    Bench bench = bench_new();
    Builder *b = &bench.b;
    Value x = bench_input(&bench, 1, 3), r = bench_input(&bench, 1, 12);
    Value all = build_unary(b, OP_TANH, r);
    Value w = build_reshape(b, build_slice(b, all, dims_of(1, 0), f64_type(1, 9)), f64_type(2, 3, 3));
    Value bias = build_slice(b, all, dims_of(1, 9), f64_type(1, 3));
    Value y = build_dot(b, w, x, dims_of(1, 1), dims_of(1, 0), (Dims){0}, (Dims){0});
    build_output(b, "y", build_binary(b, OP_ADD, y, bias));
    Function *early = check_split(&bench, 1, -1, 1);
    assert_non_null(early);
    assert_int_equal(bench.module->states.len, 1);
    assert_int_equal(type_elements(bench.module->states.data[0].type), 12);
    bench_free(&bench);
}

/* Of a large table only the row that is needed is kept; states and constants are not kept at all. */
static void what_costs_nothing_is_not_kept(void **state)
{
    (void)state;
    Bench bench = bench_new();
    Builder *b = &bench.b;
    Value x = bench_input(&bench, 1, 3);
    uint32_t table = module_state(bench.module, "table", f64_type(2, 100, 3), STATE_WEIGHT);
    uint32_t bias = module_state(bench.module, "bias", f64_type(0), STATE_WEIGHT);
    Value row = build_reshape(b, build_slice(b, build_read(b, table), dims_of(2, 7, 0), f64_type(2, 1, 3)), f64_type(1, 3));
    Value sum = build_binary(b, OP_ADD, build_binary(b, OP_ADD, x, row), build_splat(b, build_read(b, bias), f64_type(1, 3)));
    build_output(b, "y", build_binary(b, OP_MUL, sum, build_const(b, f64_type(1, 3), 2)));
    Function *early = check_split(&bench, 1, -1, 1);
    assert_non_null(early);
    assert_int_equal(bench.module->states.len, 3);
    assert_int_equal(type_elements(bench.module->states.data[2].type), 3);
    bench_free(&bench);
}

/* Where nothing is to be computed, there is no early function. */
static void nothing_early_is_no_function(void **state)
{
    (void)state;
    Bench bench = bench_new();
    Builder *b = &bench.b;
    Value x = bench_input(&bench, 1, 3);
    uint32_t bias = module_state(bench.module, "bias", f64_type(1, 3), STATE_WEIGHT);
    build_output(b, "y", build_binary(b, OP_ADD, x, build_read(b, bias)));
    assert_null(check_split(&bench, 1, -1, 1));
    bench_free(&bench);
}

/* An output that no late input reaches is kept, too. */
static void early_outputs_are_kept(void **state)
{
    (void)state;
    Bench bench = bench_new();
    Builder *b = &bench.b;
    Value x = bench_input(&bench, 1, 3), r = bench_input(&bench, 1, 3);
    build_output(b, "x", build_unary(b, OP_NEG, x));
    build_output(b, "r", build_unary(b, OP_TANH, r));
    build_output(b, "same", r);
    assert_non_null(check_split(&bench, 1, -1, 1));
    assert_int_equal(bench.module->states.len, 2);
    bench_free(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_primitive_may_be_early_or_late), cmocka_unit_test(slices_of_what_is_kept_are_views),
        cmocka_unit_test(what_costs_nothing_is_not_kept),       cmocka_unit_test(nothing_early_is_no_function),
        cmocka_unit_test(early_outputs_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
