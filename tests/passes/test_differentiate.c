/* Every primitive's vjp and jvp against central differences, in f64, and their composition (Hessian-vector products). The list of
 * cases is checked against ops.def: a differentiable primitive without a case fails. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "tests/passes/cases.h"

static void every_differentiable_primitive_has_a_case(void **state)
{
    (void)state;
    static const char *const rules[OP_COUNT] = {
#define OP(NAME, mnemonic, arity, effect, infer, batch, vjp, jvp, lowering) [OP_##NAME] = #vjp,
#include "ir/ops.def"
#undef OP
    };
    for (unsigned code = 0; code < OP_COUNT; code++) {
        if (strcmp(rules[code], "zero") == 0 || strcmp(rules[code], "none") == 0)
            continue;
        bool found = false;
        for (size_t i = 0; i < case_count; i++)
            found |= cases[i].code == code;
        if (!found)
            fail_msg("no gradient check for '%s'", op_info[code].name);
    }
}

/* sum of weights_i * y_i with fixed random weights: every element of y matters differently. Curved (sum of w y^2) for second order. */
static Value weighted_sum(Bench *bench, Value y, bool curved)
{
    Builder *b = &bench->b;
    Type type = value_type(b, y);
    Value position = build_iota(b, type_with_dtype(type, DTYPE_I32), type.rank - 1);
    Value weights = build_with_const(b, OP_ADD, build_unary(b, OP_SIN, build_cast(b, position, DTYPE_F64)), 1.7);
    Dims all = {.n = type.rank};
    for (unsigned i = 0; i < type.rank; i++)
        all.v[i] = i;
    if (curved)
        y = build_binary(b, OP_MUL, y, y);
    return build_reduce(b, OP_REDUCE_SUM, build_binary(b, OP_MUL, weights, y), all);
}

/* Adds `factor` times the central difference along input i, element k, of each element of output `which` to slopes[]. */
static void add_slopes(const Bench *bench, Tensor *inputs, uint32_t i, int64_t k, uint32_t which, double factor, double *slopes)
{
    const double h = 1e-5;
    double x = tensor_get(&inputs[i], k);
    for (int side = 0; side < 2; side++) {
        tensor_set(&inputs[i], k, side ? x - h : x + h);
        Tensor *outputs = run(bench, bench->function, inputs, NULL);
        for (int64_t e = 0; e < type_elements(outputs[which].type); e++)
            slopes[e] += (side ? -factor : factor) * tensor_get(&outputs[which], e) / (2 * h);
        interpret_free_outputs(bench->function, outputs);
    }
    tensor_set(&inputs[i], k, x);
}

static void assert_close(double value, double expected, const char *what)
{
    if (!(fabs(value - expected) <= 1e-6 * fmax(1, fabs(expected))))
        fail_msg("%s: %.12g, central difference %.12g", what, value, expected);
}

static const char *numbered(Bench *bench, const char *name, uint32_t i)
{
    return arena_printf(&bench->module->arena, "%s%u", name, i);
}

static bool is_real_input(const Function *f, uint32_t i)
{
    return dtype_is_float(OP_AT(f, f->inputs.data[i])->type.dtype);
}

static void gradients_agree_with_differences(void **state)
{
    (void)state;
    for (size_t c = 0; c < case_count; c++) {
        Bench bench = bench_new();
        Value loss = weighted_sum(&bench, cases[c].build(&bench), false);
        build_output(&bench.b, "loss", loss);
        uint32_t n = bench.function->inputs.len;
        for (uint32_t i = 0; i < n; i++)
            if (is_real_input(bench.function, i))
                build_output(&bench.b, numbered(&bench, "gradient", i), build_grad(&bench.b, loss, bench.function->inputs.data[i]));
        assert_verifies(&bench, bench.function);
        pass_differentiate(bench.module, bench.function);
        pass_simplify(bench.module, bench.function);
        pass_cse(bench.module, bench.function);
        pass_dce(bench.module, bench.function);
        assert_verifies(&bench, bench.function);
        Tensor *inputs = random_inputs(bench.function, cases[c].low, cases[c].high, 3);
        Tensor *outputs = run(&bench, bench.function, inputs, NULL);
        for (uint32_t i = 0, o = 1; i < n; i++) {
            if (!is_real_input(bench.function, i))
                continue;
            for (int64_t k = 0; k < type_elements(inputs[i].type); k++) {
                double slope = 0;
                add_slopes(&bench, inputs, i, k, 0, 1, &slope);
                assert_close(tensor_get(&outputs[o], k), slope, op_info[cases[c].code].name);
            }
            o++;
        }
        interpret_free_outputs(bench.function, outputs);
        free_inputs(bench.function, inputs);
        bench_free(&bench);
    }
}

/* d/dx along a direction, as jvp of the function and, with `second`, as jvp of its gradient (a Hessian-vector product). */
static void check_tangent(const Case *c, bool second)
{
    Bench bench = bench_new();
    Value loss = weighted_sum(&bench, c->build(&bench), second);
    uint32_t n = bench.function->inputs.len;
    VEC(Value) leaves = {0};
    VEC(Value) directions = {0};
    for (uint32_t i = 0; i < n; i++) {
        if (!is_real_input(bench.function, i))
            continue;
        Value x = bench.function->inputs.data[i];
        vec_push(&leaves, x);
        vec_push(&directions, build_input(&bench.b, numbered(&bench, "direction", i), value_type(&bench.b, x)));
    }
    Value target = second ? build_grad(&bench.b, loss, leaves.data[0]) : loss;
    build_output(&bench.b, "tangent", build_tangent(&bench.b, target, leaves.len, leaves.data, directions.data));
    build_output(&bench.b, "target", target);
    pass_differentiate(bench.module, bench.function);
    pass_simplify(bench.module, bench.function);
    pass_dce(bench.module, bench.function);
    assert_verifies(&bench, bench.function);
    Function *f = bench.function;
    Tensor *inputs = random_inputs(f, c->low, c->high, 3);
    Tensor *outputs = run(&bench, f, inputs, NULL);
    int64_t n_elements = type_elements(outputs[1].type);
    double *expected = support_malloc((size_t)n_elements * sizeof *expected);
    memset(expected, 0, (size_t)n_elements * sizeof *expected);
    for (uint32_t i = 0, d = n; i < n; i++) {
        if (!is_real_input(f, i))
            continue;
        for (int64_t k = 0; k < type_elements(inputs[i].type); k++)
            add_slopes(&bench, inputs, i, k, 1, tensor_get(&inputs[d], k), expected);
        d++;
    }
    for (int64_t e = 0; e < n_elements; e++)
        assert_close(tensor_get(&outputs[0], e), expected[e], op_info[c->code].name);
    support_free(expected);
    interpret_free_outputs(f, outputs);
    free_inputs(f, inputs);
    vec_free(&leaves);
    vec_free(&directions);
    bench_free(&bench);
}

static void tangents_agree_with_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < case_count; i++)
        check_tangent(&cases[i], false);
}

static void hessian_vector_products_agree_with_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < case_count; i++)
        check_tangent(&cases[i], true);
}

static void a_scalar_that_does_not_depend_has_zero_gradient(void **state)
{
    (void)state;
    Bench bench = bench_new();
    Value x = bench_input(&bench, 1, 3), y = bench_input(&bench, 0);
    build_output(&bench.b, "g", build_grad(&bench.b, y, x));
    pass_differentiate(bench.module, bench.function);
    const Op *g = OP_AT(bench.function, bench.function->outputs.data[0].value);
    assert_int_equal(g->code, OP_CONST);
    assert_true(g->number == 0);
    bench_free(&bench);
}

static void stop_has_no_gradient(void **state)
{
    (void)state;
    Bench bench = bench_new();
    Value x = bench_input(&bench, 0);
    Value y = build_binary(&bench.b, OP_MUL, build_unary(&bench.b, OP_STOP, x), x);
    build_output(&bench.b, "g", build_grad(&bench.b, y, x));
    pass_differentiate(bench.module, bench.function);
    Tensor *inputs = random_inputs(bench.function, 2, 3, 1);
    Tensor *outputs = run(&bench, bench.function, inputs, NULL);
    assert_true(tensor_get(&outputs[0], 0) == tensor_get(&inputs[0], 0)); /* not twice that */
    interpret_free_outputs(bench.function, outputs);
    free_inputs(bench.function, inputs);
    bench_free(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_differentiable_primitive_has_a_case),
        cmocka_unit_test(gradients_agree_with_differences),
        cmocka_unit_test(tangents_agree_with_differences),
        cmocka_unit_test(hessian_vector_products_agree_with_differences),
        cmocka_unit_test(a_scalar_that_does_not_depend_has_zero_gradient),
        cmocka_unit_test(stop_has_no_gradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
