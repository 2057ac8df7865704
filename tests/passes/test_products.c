/* The algebra of products: outer products by their factors, several vectors with one matrix. Values stay, and the ops that the
 * passes promise to remove are gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/passes/kit.h"

static Value outer(Builder *b, Value x, Value y)
{
    return build_dot(b, x, y, (Dims){0}, (Dims){0}, (Dims){0}, (Dims){0});
}

static Value sum_all(Builder *b, Value x)
{
    return build_reduce(b, OP_REDUCE_SUM, x, dims_of(2, 0, 1));
}

static Value scaled(Builder *b, Value scalar, Value x)
{
    return build_binary(b, OP_MUL, build_splat(b, scalar, value_type(b, x)), x);
}

static void fill_states(const Bench *bench, Tensor *states)
{
    for (uint32_t i = 0; i < bench->module->states.len; i++)
        for (int64_t k = 0; k < type_elements(states[i].type); k++)
            tensor_set(&states[i], k, sample((uint64_t)(100 * i + 7) + (uint64_t)k, -1, 1));
}

/* Runs the function before and after the pass (and dce) on the same numbers. */
static void check_same(Bench *bench, void (*pass)(Module *, Function *))
{
    Function *f = bench->function;
    Tensor *inputs = random_inputs(f, -1, 1, 3), *states = world_states_new(bench->module);
    fill_states(bench, states);
    Tensor *before = run(bench, f, inputs, states);
    pass(bench->module, f);
    pass_dce(bench->module, f);
    assert_verifies(bench, f);
    fill_states(bench, states);
    Tensor *after = run(bench, f, inputs, states);
    for (uint32_t i = 0; i < f->outputs.len; i++)
        assert_true(difference(&after[i], &before[i]) < 1e-13);
    interpret_free_outputs(f, before);
    interpret_free_outputs(f, after);
    free_inputs(f, inputs);
    world_states_free(bench->module, states);
}

static uint32_t count_matrices(const Function *f)
{
    uint32_t count = 0;
    for (Value v = 0; v < f->ops.len; v++)
        count += OP_AT(f, v)->type.rank == 2;
    return count;
}

/* The Gram matrix of two gradients of a head, and their weighted sum: one matrix is left, the sum's. */
static void test_outer_products(void **state)
{
    (void)state;
    Bench bench = bench_new();
    Builder *b = &bench.b;
    Value g = bench_input(&bench, 1, 7), h = bench_input(&bench, 1, 7), f = bench_input(&bench, 1, 4);
    Value s = bench_input(&bench, 0), t = bench_input(&bench, 0);
    Value x = outer(b, g, f), y = outer(b, h, f);
    build_output(b, "xx", sum_all(b, build_binary(b, OP_MUL, x, x)));
    build_output(b, "xy", sum_all(b, build_binary(b, OP_MUL, x, y)));
    build_output(b, "sum", build_binary(b, OP_ADD, scaled(b, s, x), scaled(b, t, y)));
    build_output(b, "other side",
                 sum_all(b, build_binary(b, OP_MUL, build_binary(b, OP_ADD, outer(b, g, f), outer(b, g, f)), y)));
    check_same(&bench, pass_outer);
    assert_int_equal(count_matrices(bench.function), 1);
    bench_free(&bench);
}

/* Ops that only look like outer products: a product that contracts, a sum over one axis, factors of different shapes. */
static void test_no_outer_products(void **state)
{
    (void)state;
    Bench bench = bench_new();
    Builder *b = &bench.b;
    Value g = bench_input(&bench, 1, 6), f = bench_input(&bench, 1, 4), m = bench_input(&bench, 2, 6, 4);
    Value p = bench_input(&bench, 2, 2, 3), q = bench_input(&bench, 1, 4);
    Value x = outer(b, g, f), wide = outer(b, build_reshape(b, p, f64_type(1, 6)), q);
    build_output(b, "rows", build_reduce(b, OP_REDUCE_SUM, build_binary(b, OP_MUL, x, x), dims_of(1, 1)));
    build_output(b, "mixed", sum_all(b, build_binary(b, OP_MUL, x, m)));
    build_output(b, "added", build_binary(b, OP_ADD, x, wide));
    check_same(&bench, pass_outer);
    bench_free(&bench);
}

static Value with_matrix(Builder *b, Value x, Value w)
{
    return build_dot(b, x, w, dims_of(1, 0), dims_of(1, 0), (Dims){0}, (Dims){0});
}

static Value state_matrix(Bench *bench, const char *name, int64_t rows, int64_t columns)
{
    return build_read(&bench->b, module_state(bench->module, name, f64_type(2, rows, columns), STATE_WEIGHT));
}

/* Three vectors, one of them made late, in two layers: one product per layer. */
static void test_vectors_are_stacked(void **state)
{
    (void)state;
    Bench bench = bench_new();
    Builder *b = &bench.b;
    Value w = state_matrix(&bench, "w", 5, 3), u = state_matrix(&bench, "u", 3, 3);
    Value a = bench_input(&bench, 1, 5);
    Value first = build_unary(b, OP_TANH, with_matrix(b, a, w));
    Value deep = with_matrix(b, first, u);
    build_output(b, "first", deep);
    Value late = build_unary(b, OP_EXP, bench_input(&bench, 1, 5));
    build_output(b, "second", with_matrix(b, build_unary(b, OP_TANH, with_matrix(b, late, w)), u));
    build_output(b, "third", build_dot(b, w, build_unary(b, OP_NEG, a), dims_of(1, 0), dims_of(1, 0), (Dims){0}, (Dims){0}));
    check_same(&bench, pass_stack);
    assert_int_equal(count_ops(bench.function, OP_DOT), 2);
    bench_free(&bench);
}

/* A chain through one matrix, and the same matrix met along its other axis, are no groups. */
static void test_chains_are_not_stacked(void **state)
{
    (void)state;
    Bench bench = bench_new();
    Builder *b = &bench.b;
    Value u = state_matrix(&bench, "u", 4, 4), x = bench_input(&bench, 1, 4);
    Value once = with_matrix(b, x, u), twice = with_matrix(b, once, u);
    Value back = build_dot(b, x, u, dims_of(1, 0), dims_of(1, 1), (Dims){0}, (Dims){0});
    build_output(b, "twice", twice);
    build_output(b, "back", back);
    check_same(&bench, pass_stack);
    assert_int_equal(count_ops(bench.function, OP_DOT), 3);
    /* a second chain: the first links meet, then the second ones */
    Builder *c = &bench.b;
    Value y = bench_input(&bench, 1, 4), v = build_read(c, 0);
    build_output(c, "other", with_matrix(c, build_unary(c, OP_TANH, with_matrix(c, y, v)), v));
    pass_cse(bench.module, bench.function); /* one read of the state */
    check_same(&bench, pass_stack);
    assert_int_equal(count_ops(bench.function, OP_DOT), 3);
    bench_free(&bench);
}

/* w -= 0.1 rate g x', where `rate` is a scalar. */
static void update(Builder *b, uint32_t state, Value w, Value g, Value x, Value rate)
{
    Value step = scaled(b, rate, outer(b, g, x));
    build_write(b, state, build_binary(b, OP_SUB, w, build_with_const(b, OP_MUL, step, 0.1)));
}

/* A product with the rows of a large state becomes a sum beside the state's update; not if the update waits for it, if the other
 * axis is contracted, or if the state is small or not updated. */
static void test_large_states_are_read_once(void **state)
{
    (void)state;
    enum { UPDATED, WAITING, ALONG_COLUMNS, SMALL, FIXED, CASES };
    for (int i = 0; i < CASES; i++) {
        Bench bench = bench_new();
        Builder *b = &bench.b;
        int64_t rows = i == SMALL ? 30 : 700, columns = 100;
        Value w = state_matrix(&bench, "w", rows, columns), rate = bench_input(&bench, 0);
        Value g = bench_input(&bench, 1, rows), x = bench_input(&bench, 1, columns);
        Value back = i == ALONG_COLUMNS ? build_dot(b, w, x, dims_of(1, 1), dims_of(1, 0), (Dims){0}, (Dims){0}) : with_matrix(b, g, w);
        build_output(b, "back", back);
        if (i == WAITING)
            rate = build_reduce(b, OP_REDUCE_SUM, back, dims_of(1, 0));
        if (i != FIXED)
            update(b, 0, w, g, x, rate);
        uint32_t products = count_ops(bench.function, OP_DOT);
        check_same(&bench, pass_read_once);
        assert_int_equal(count_ops(bench.function, OP_DOT), products - (i == UPDATED));
        bench_free(&bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outer_products),
        cmocka_unit_test(test_no_outer_products),
        cmocka_unit_test(test_vectors_are_stacked),
        cmocka_unit_test(test_chains_are_not_stacked),
        cmocka_unit_test(test_large_states_are_read_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
