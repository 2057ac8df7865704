/* A batched function does to each example what the per-example function does, whichever operands vary; factoring and merging
 * change what is computed, not the result. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "tests/passes/cases.h"

enum { EXAMPLES = 3 };

/* Random states: the invariant operands. */
static Tensor *random_states(const Bench *bench, const Case *c)
{
    Tensor *states = world_states_new(bench->module);
    for (uint32_t i = 0; i < bench->module->states.len; i++)
        for (int64_t k = 0; k < type_elements(states[i].type); k++) {
            uint64_t at = 7777 + i * 1009u + (uint64_t)k;
            bool real = dtype_is_float(states[i].type.dtype);
            tensor_set(&states[i], k, real ? sample(at, c->low, c->high) : floor(sample(at, 0, 3)));
        }
    return states;
}

/* Example e of batched inputs. */
static Tensor *one_example(const Function *batched, const Tensor *inputs, int64_t e)
{
    Tensor *one = support_malloc((batched->inputs.len + 1) * sizeof *one);
    for (uint32_t i = 0; i < batched->inputs.len; i++) {
        Type type = inputs[i].type;
        type.rank--;
        memmove(type.dims, type.dims + 1, type.rank * sizeof type.dims[0]);
        type.dims[type.rank] = 0;
        one[i] = (Tensor){type, support_malloc((size_t)type_bytes(type))};
        memcpy(one[i].data, (char *)inputs[i].data + e * type_bytes(type), (size_t)type_bytes(type));
    }
    return one;
}

static Function *copy_of(Bench *bench, const char *name)
{
    Function *copy = function_new(bench->module, name);
    Builder b = {.module = bench->module, .function = copy};
    Value *map = support_malloc(bench->function->ops.len * sizeof *map);
    for (Value v = 0; v < bench->function->ops.len; v++)
        map[v] = build_copy(&b, bench->function, v, map);
    build_output(&b, "y", map[bench->function->outputs.data[0].value]);
    support_free(map);
    return copy;
}

/* Batches the bench's function (output "y", varying) and compares it example by example. */
static void check_batching(Bench *bench, const Case *c, bool factor, double tolerance)
{
    Function *batched = copy_of(bench, "batched");
    if (factor)
        pass_factor(bench->module, batched);
    pass_batch(bench->module, batched, EXAMPLES, false);
    assert_verifies(bench, batched);
    pass_simplify(bench->module, batched);
    pass_cse(bench->module, batched);
    pass_dce(bench->module, batched);
    assert_verifies(bench, batched);
    Tensor *inputs = random_inputs(batched, c->low, c->high, 3), *states = random_states(bench, c);
    Tensor *all = run(bench, batched, inputs, states);
    int64_t each = type_elements(all[0].type) / EXAMPLES;
    for (int64_t e = 0; e < EXAMPLES; e++) {
        Tensor *one = one_example(batched, inputs, e), *y = run(bench, bench->function, one, states);
        assert_int_equal(type_elements(y[0].type), each);
        for (int64_t k = 0; k < each; k++) {
            double expected = tensor_get(&y[0], k), value = tensor_get(&all[0], e * each + k);
            if (!(fabs(value - expected) <= tolerance * fmax(1, fabs(expected))))
                fail_msg("%s, varying all but %x: example %d element %d is %g, alone %g", op_info[c->code].name, bench->invariant,
                         (int)e, (int)k, value, expected);
        }
        interpret_free_outputs(bench->function, y);
        free_inputs(batched, one);
    }
    interpret_free_outputs(batched, all);
    free_inputs(batched, inputs);
    world_states_free(bench->module, states);
}

static void every_primitive_batches_over_any_operands(void **state)
{
    (void)state;
    for (size_t i = 0; i < case_count; i++)
        for (unsigned invariant = 0;; invariant++) {
            Bench bench = bench_new();
            bench.invariant = invariant;
            build_output(&bench.b, "y", cases[i].build(&bench));
            bool all = invariant + 1 >= 1u << bench.asked;
            if (!all)
                check_batching(&bench, &cases[i], false, 1e-12);
            bench_free(&bench);
            if (all)
                break;
        }
}

/* W = E + a U with a varying a row: y = W x, W x x', |W|^2, and products over the scaled axis. */
static Value best_response(Bench *bench, int m, int n)
{
    Builder *b = &bench->b;
    Value a = bench_input(bench, 1, m), e = bench_input(bench, 2, m, n), u = bench_input(bench, 2, m, n);
    Value scale = build_broadcast(b, a, f64_type(2, m, n), dims_of(1, 0));
    return build_binary(b, OP_ADD, e, build_binary(b, OP_MUL, scale, u));
}

static Value response_times_vector(Bench *bench)
{
    Value w = best_response(bench, 4, 5);
    return build_dot(&bench->b, w, bench_input(bench, 1, 5), dims_of(1, 1), dims_of(1, 0), (Dims){0}, (Dims){0});
}

static Value vector_times_response(Bench *bench)
{
    Value w = best_response(bench, 4, 5);
    return build_dot(&bench->b, bench_input(bench, 1, 4), w, dims_of(1, 0), dims_of(1, 0), (Dims){0}, (Dims){0});
}

static Value response_squared(Bench *bench)
{
    Value w = best_response(bench, 4, 5);
    return build_dot(&bench->b, w, w, dims_of(2, 0, 1), dims_of(2, 0, 1), (Dims){0}, (Dims){0});
}

static Value times_vector(Bench *bench, Value w)
{
    return build_dot(&bench->b, w, bench_input(bench, 1, 5), dims_of(1, 1), dims_of(1, 0), (Dims){0}, (Dims){0});
}

/* E1 * (E2 + a U) * (E3 + b V) */
static Value products_of_responses(Bench *bench)
{
    Builder *b = &bench->b;
    Value one = best_response(bench, 4, 5), other = best_response(bench, 4, 5), mask = bench_input(bench, 2, 4, 5);
    return times_vector(bench, build_binary(b, OP_MUL, build_binary(b, OP_MUL, mask, one), other));
}

/* -(E + a U) / s, with one number in s per column */
static Value response_divided(Bench *bench)
{
    Builder *b = &bench->b;
    Value w = build_unary(b, OP_NEG, best_response(bench, 4, 5)), s = bench_input(bench, 1, 5);
    Value divisor = build_with_const(b, OP_ADD, build_binary(b, OP_MUL, s, s), 1);
    return times_vector(bench, build_binary(b, OP_DIV, w, build_broadcast(b, divisor, f64_type(2, 4, 5), dims_of(1, 1))));
}

/* M * (E + a U)' x and x (M * (E + a U)') */
static Value response_transposed(Bench *bench)
{
    Builder *b = &bench->b;
    Value w = build_transpose(b, best_response(bench, 5, 4), dims_of(2, 1, 0));
    return times_vector(bench, build_binary(b, OP_MUL, bench_input(bench, 2, 4, 5), w));
}

static Value vector_times_transposed(Bench *bench)
{
    Builder *b = &bench->b;
    Value w = build_transpose(b, best_response(bench, 5, 4), dims_of(2, 1, 0));
    w = build_transpose(b, build_binary(b, OP_MUL, w, bench_input(bench, 2, 4, 5)), dims_of(2, 1, 0));
    return build_dot(b, bench_input(bench, 1, 5), w, dims_of(1, 0), dims_of(1, 0), (Dims){0}, (Dims){0});
}

static void factoring_keeps_the_result_and_frees_the_large_products(void **state)
{
    (void)state;
    static const struct {
        Value (*build)(Bench *);
        unsigned invariant; /* the matrices */
    } builds[] = {{response_times_vector, 6},    {vector_times_response, 6}, {response_squared, 6},
                  {products_of_responses, 0166}, {response_divided, 6},      {response_transposed, 016},
                  {vector_times_transposed, 016}};
    for (size_t i = 0; i < COUNT_OF(builds); i++) {
        Case c = {OP_DOT, -2, 2, builds[i].build};
        Bench bench = bench_new();
        bench.invariant = builds[i].invariant;
        build_output(&bench.b, "y", builds[i].build(&bench));
        check_batching(&bench, &c, true, 1e-11);
        /* no value of the factored, batched function has one matrix per example */
        Function *batched = copy_of(&bench, "inspected");
        pass_factor(bench.module, batched);
        pass_batch(bench.module, batched, EXAMPLES, false);
        pass_simplify(bench.module, batched);
        pass_cse(bench.module, batched);
        pass_dce(bench.module, batched);
        for (Value v = 0; v < batched->ops.len; v++)
            assert_true(type_elements(OP_AT(batched, v)->type) < EXAMPLES * 4 * 5);
        bench_free(&bench);
    }
}

/* A sum of itself with itself doubles its terms. */
static void factoring_leaves_sums_of_many_terms_alone(void **state)
{
    (void)state;
    Case c = {OP_DOT, -2, 2, NULL};
    Bench bench = bench_new();
    bench.invariant = 6;
    Value w = best_response(&bench, 4, 5);
    for (int i = 0; i < 40; i++)
        w = build_binary(&bench.b, OP_ADD, w, build_with_const(&bench.b, OP_MUL, w, 0.25));
    build_output(&bench.b, "y", times_vector(&bench, w));
    check_batching(&bench, &c, true, 1e-9);
    bench_free(&bench);
}

/* Without a varying scale there is nothing to gain: the product stays one. */
static void factoring_leaves_invariant_products_alone(void **state)
{
    (void)state;
    Bench bench = bench_new();
    bench.invariant = 7;
    Value w = best_response(&bench, 4, 5), x = bench_input(&bench, 1, 5);
    build_output(&bench.b, "y", build_dot(&bench.b, w, x, dims_of(1, 1), dims_of(1, 0), (Dims){0}, (Dims){0}));
    pass_factor(bench.module, bench.function);
    assert_int_equal(count_ops(bench.function, OP_DOT), 1);
    bench_free(&bench);
}

static void reductions_across_the_batch_count_only_masked_in_examples(void **state)
{
    (void)state;
    const OpCode codes[] = {OP_ACROSS_SUM, OP_ACROSS_MEAN, OP_ACROSS_MAX};
    const double expected[] = {-1 - 3, -2, -1}; /* of -1, -3 with 5 masked out */
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        Bench bench = bench_new();
        build_output(&bench.b, "y", build_unary(&bench.b, codes[i], bench_input(&bench, 0)));
        pass_batch(bench.module, bench.function, EXAMPLES, true);
        assert_verifies(&bench, bench.function);
        Tensor *inputs = random_inputs(bench.function, 0, 1, 1); /* x0, index, mask */
        const double x[EXAMPLES] = {-1, 5, -3}, mask[EXAMPLES] = {1, 0, 1};
        for (int e = 0; e < EXAMPLES; e++) {
            tensor_set(&inputs[0], e, x[e]);
            tensor_set(&inputs[2], e, mask[e]);
        }
        Tensor *outputs = run(&bench, bench.function, inputs, NULL);
        assert_true(tensor_get(&outputs[0], 0) == expected[i]);
        interpret_free_outputs(bench.function, outputs);
        free_inputs(bench.function, inputs);
        bench_free(&bench);
    }
}

/* Derivatives that are taken before there is a batch; of two largest numbers, the mean of both. */
static void reductions_across_the_batch_have_tangents(void **state)
{
    (void)state;
    const OpCode codes[] = {OP_ACROSS_SUM, OP_ACROSS_MEAN, OP_ACROSS_MAX};
    const double x[EXAMPLES] = {5, 5, -3}, along[EXAMPLES] = {0.5, 2, 0.25}, expected[] = {2.75, 2.75 / 3, 1.25};
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        Bench bench = bench_new();
        Value in = bench_input(&bench, 0), tangent = bench_input(&bench, 0), y = build_unary(&bench.b, codes[i], in);
        build_output(&bench.b, "along", jvp_append(&bench.b, y, 1, &in, &tangent));
        pass_batch(bench.module, bench.function, EXAMPLES, false);
        assert_verifies(&bench, bench.function);
        Tensor *inputs = random_inputs(bench.function, 0, 1, 1);
        for (int e = 0; e < EXAMPLES; e++) {
            tensor_set(&inputs[0], e, x[e]);
            tensor_set(&inputs[1], e, along[e]);
        }
        Tensor *outputs = run(&bench, bench.function, inputs, NULL);
        for (int64_t e = 0; e < type_elements(outputs[0].type); e++)
            assert_true(fabs(tensor_get(&outputs[0], e) - expected[i]) < 1e-15);
        interpret_free_outputs(bench.function, outputs);
        free_inputs(bench.function, inputs);
        bench_free(&bench);
    }
}

static void shared_draws_are_one_a_batch(void **state)
{
    (void)state;
    for (uint32_t shared = 0; shared < 2; shared++) {
        Bench bench = bench_new();
        int64_t two = 2;
        bench.invariant = 3;
        Value seed = bench_typed_input(&bench, type_of(DTYPE_I32, 1, &two));
        Value step = bench_typed_input(&bench, type_scalar(DTYPE_I32));
        Value u = build_random(&bench.b, seed, step, f64_type(1, 2), 3, shared ? OP_SHARED : 0);
        build_output(&bench.b, "u", u);
        pass_batch(bench.module, bench.function, EXAMPLES, false);
        Type type = OP_AT(bench.function, bench.function->outputs.data[0].value)->type;
        assert_int_equal(type_elements(type), shared ? 2 : 2 * EXAMPLES);
        bench_free(&bench);
    }
}

/* Two states that multiply one operand: one product forward, one for both gradients, one for the operand's. */
static void merging_makes_one_product_of_two_and_of_their_gradients(void **state)
{
    (void)state;
    for (int merge = 0; merge < 2; merge++) {
        Bench bench = bench_new();
        Builder *b = &bench.b;
        bench.invariant = 6;
        Value x = bench_input(&bench, 2, 4, 5), e = bench_input(&bench, 2, 3, 5), u = bench_input(&bench, 2, 3, 5);
        Value h = build_unary(b, OP_TANH, x);
        Value y1 = build_dot(b, h, e, dims_of(1, 1), dims_of(1, 1), (Dims){0}, (Dims){0});
        Value y2 = build_dot(b, h, u, dims_of(1, 1), dims_of(1, 1), (Dims){0}, (Dims){0});
        Value y = build_binary(b, OP_MUL, build_unary(b, OP_SIN, y1), y2);
        Value loss = build_reduce(b, OP_REDUCE_SUM, y, dims_of(2, 0, 1));
        build_output(b, "loss", loss);
        if (merge)
            pass_merge(bench.module, bench.function);
        Value final = bench.function->outputs.data[0].value;
        bench.b.function = bench.function;
        for (Value v = 0, n = bench.function->ops.len; v < n; v++) {
            OpCode code = OP_AT(bench.function, v)->code;
            if (code == OP_STATE_READ || code == OP_INPUT)
                build_output(b, arena_printf(&bench.module->arena, "g%u", v), build_grad(b, final, v));
        }
        pass_differentiate(bench.module, bench.function);
        pass_simplify(bench.module, bench.function);
        pass_cse(bench.module, bench.function);
        pass_dce(bench.module, bench.function);
        assert_verifies(&bench, bench.function);
        assert_int_equal(count_ops(bench.function, OP_DOT), merge ? 3 : 6);
        assert_int_equal(count_ops(bench.function, OP_PAD), 0);
        bench_free(&bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_primitive_batches_over_any_operands),
        cmocka_unit_test(factoring_keeps_the_result_and_frees_the_large_products),
        cmocka_unit_test(factoring_leaves_sums_of_many_terms_alone),
        cmocka_unit_test(factoring_leaves_invariant_products_alone),
        cmocka_unit_test(reductions_across_the_batch_count_only_masked_in_examples),
        cmocka_unit_test(reductions_across_the_batch_have_tangents),
        cmocka_unit_test(shared_draws_are_one_a_batch),
        cmocka_unit_test(merging_makes_one_product_of_two_and_of_their_gradients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
