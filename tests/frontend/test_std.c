/* The standard library: every layer and primitive is documented, and functions compute what their names say, by the interpreter
 * in double precision. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* before cmocka.h, which makes a macro of `fail` */
#include "frontend/frontend.h"
#include "frontend/lower/lower.h"
#include "frontend/parse/parse.h"

#include <cmocka.h>

static void test_everything_is_documented(void **state)
{
    (void)state;
    Arena arena = {0};
    Diagnostics diags = {0};
    Source manual;
    const char *reason;
    assert_true(source_read(&arena, HNC_SOURCE_DIR "/docs/language.md", &manual, &reason));
    Candidates names = {0};
    DeclList layers = parse_source(&std_source, &arena, &diags);
    assert_int_equal(diags.errors, 0);
    for (const Decl *decl = layers.first; decl; decl = decl->next)
        vec_push(&names.names, decl->name.text);
    assert_true(names.names.len >= 20);
    builtin_names(&names);
    for (uint32_t i = 0; i < names.names.len; i++)
        if (!strstr(manual.text, arena_printf(&arena, "`%s(", names.names.data[i])))
            fail_msg("'%s' is not in docs/language.md", names.names.data[i]);
    vec_free(&names.names);
    diag_free(&diags);
    arena_free(&arena);
}

#define FRAME                                                                                                                    \
    "data d = idx(\"a.gz\", \"b.gz\") {\n  fields x: f32[3], y: class[3]\n}\n"                                                   \
    "net c(x: f32[3]) -> f32[3] { return linear(x, 3) }\n"                                                                       \
    "layer top_places(x: f32[3]) -> f32[3] { v, p = top_k([x[0], x[2], x[1], x[2]], 3); return 10 * v + p }\n"                    \
    "train t = fit { minimise mean(cross_entropy(c(d.train.x), d.train.y)) by adam; batch 1; epochs 1 }\n"

enum { SIZE = 3 };

/* Elementwise or not: the result at (x, label) of `export probe(x: f32[3], y: class[3]) = EXPRESSION`, SIZE numbers of it at
 * most. */
static unsigned evaluate_export(const char *expression, const double x[SIZE], double label, double result[SIZE])
{
    Arena arena = {0};
    Diagnostics diags = {0};
    const char *text = arena_printf(&arena, FRAME "export probe(x: f32[3], y: class[3]) = %s\n", expression);
    Source source = {"test.hn", text, strlen(text)};
    FrontendOptions options = {.real = DTYPE_F64};
    Model *model = frontend_compile(&source, &options, &diags);
    diag_print(&diags, stderr);
    assert_non_null(model);
    double numbers[SIZE];
    int32_t labels[1] = {(int32_t)label};
    memcpy(numbers, x, sizeof numbers);
    Tensor inputs[] = {{type_of(DTYPE_F64, 1, (int64_t[]){SIZE}), numbers}, {type_scalar(DTYPE_I32), labels}}, *outputs;
    World world = {0};
    char why[256];
    const Function *function = model->exports.data[0].function;
    if (!interpret(model->module, function, &world, inputs, &outputs, why))
        fail_msg("%s: %s", expression, why);
    unsigned count = (unsigned)type_elements(outputs[0].type);
    assert_true(count <= SIZE);
    for (unsigned i = 0; i < count; i++)
        result[i] = tensor_get(&outputs[0], i);
    interpret_free_outputs(function, outputs);
    model_free(model);
    diag_free(&diags);
    arena_free(&arena);
    return count;
}

static void check(const char *expression, const double x[SIZE], double label, unsigned count, const double *expected)
{
    double result[SIZE];
    assert_int_equal(evaluate_export(expression, x, label, result), count);
    for (unsigned i = 0; i < count; i++)
        if (!(fabs(result[i] - expected[i]) <= 1e-12 * (1 + fabs(expected[i]))))
            fail_msg("%s at %g: %.17g, not %.17g", expression, x[i], result[i], expected[i]);
}

static double expected_gelu(double x)
{
    return x * 0.5 * erfc(-x / sqrt(2));
}
static double expected_sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}
static double expected_softplus(double x)
{
    return x > 30 ? x : log1p(exp(x));
}
static double expected_silu(double x)
{
    return x / (1 + exp(-x));
}
static double expected_elu(double x)
{
    return x > 0 ? x : expm1(x);
}
static double expected_leaky(double x)
{
    return x > 0 ? x : 0.1 * x;
}
static double expected_relu(double x)
{
    return x > 0 ? x : 0;
}
static double expected_bce(double x)
{
    return -log(expected_sigmoid(x)) * 0.25 - log(expected_sigmoid(-x)) * 0.75;
}
static double expected_huber(double x)
{
    double d = fabs(x - 1);
    return d < 0.5 ? d * d / 2 : 0.5 * (d - 0.25);
}
static double expected_minimum(double x)
{
    return fmin(x, 0.5) + (x < 0) + pow(2, x);
}

static void test_elementwise_functions(void **state)
{
    (void)state;
    static const struct {
        const char *expression;
        double (*expected)(double);
    } cases[] = {
        {"gelu(x)", expected_gelu},
        {"sigmoid(x)", expected_sigmoid},
        {"softplus(x)", expected_softplus},
        {"silu(x)", expected_silu},
        {"elu(x)", expected_elu},
        {"leaky_relu(x, slope: 0.1)", expected_leaky},
        {"relu(x)", expected_relu},
        {"binary_cross_entropy(x, 0.25 + 0 * x)", expected_bce},
        {"huber(x, 0 * x + 1, 0.5)", expected_huber},
        {"min(x, 0.5) + where(x < 0, 1, 0) + pow(2, x)", expected_minimum},
        {"dropout(x, 0.5)", NULL}, /* not training: unchanged */
    };
    static const double points[][SIZE] = {{-2.5, 0.3, 1.2}, {-0.01, 0.7, 4}};
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (size_t j = 0; j < COUNT_OF(points); j++) {
            double expected[SIZE];
            for (unsigned k = 0; k < SIZE; k++)
                expected[k] = cases[i].expected ? cases[i].expected(points[j][k]) : points[j][k];
            check(cases[i].expression, points[j], 0, SIZE, expected);
        }
}

static void test_functions_of_large_numbers_do_not_overflow(void **state)
{
    (void)state;
    const double x[SIZE] = {1000, -1000, 999};
    const double p = 1 / (1 + exp(-1.0));
    check("softmax(x)", x, 0, 3, (double[]){p, 0, 1 - p});
    check("logsumexp(x)", x, 0, 1, (double[]){1000 - log(p)});
    check("cross_entropy(x, y)", x, 2, 1, (double[]){1 - log(p)});
    check("softplus(x)", x, 0, 3, (double[]){1000, 0, 999});
    check("entropy(x)", x, 0, 1, (double[]){log1p(exp(-1)) + 1 / (1 + exp(1))}); /* the probability of the third is 0 */
    check("elu(x, 2)", x, 0, 3, (double[]){1000, -2, 999});
    check("binary_cross_entropy(x, 0 * x)", x, 0, 3, (double[]){1000, 0, 999});
}

static void test_shapes_and_reductions(void **state)
{
    (void)state;
    const double x[SIZE] = {1, 2, 4};
    check("mean(x)", x, 0, 1, (double[]){7.0 / 3});
    check("mean(x where x > 1)", x, 0, 1, (double[]){3});
    check("max(x where x < 3)", x, 0, 1, (double[]){2});
    check("sum(reshape(x, [3, 1]) * x, axis: 0)", x, 0, 3, (double[]){7, 14, 28});
    check("log_softmax(log(x))", x, 0, 3, (double[]){log(1 / 7.0), log(2 / 7.0), log(4 / 7.0)});
    check("entropy(log(x))", x, 0, 1, (double[]){log(7) - (2 * log(2) + 4 * log(4)) / 7});
    check("f32(argmin(x)) + argmin(-x)", x, 0, 1, (double[]){2});
    check("transpose(concat(x[:, none], x[:, none], axis: 1))[1]", x, 0, 3, x);
    check("f32(argmax(x)) + onehot(y, 3)", x, 1, 3, (double[]){2, 3, 2});
    check("reshape(x[:, none] @ x[none, :], [9])[3:6]", x, 0, 3, (double[]){2, 4, 8});
    check("dot(x, x) + shape(x)[0] + elements(x)", x, 0, 1, (double[]){27});
    check("x[y] * 10", x, 2, 1, (double[]){40});
    check("x[-1] - x[:1]", x, 0, 1, (double[]){3});
    check("sort(-x) + 10 * ranks(-x)", x, 0, 3, (double[]){16, 8, -1});
    check("sort([2, 0 / (x[0] - 1), 1, 2, x[2]] * 1)[0:4][1:4]", x, 0, 3, (double[]){2, 2, 4});
    check("f32(argsort([x[1], 1, 5, 1]))[0:3]", x, 0, 3, (double[]){1, 3, 0});
    check("top_places(x)", x, 0, 3, (double[]){41, 43, 22});
    check("(x[:, none] * x)[y, y] + (x[:, none] + 10 * x)[:, y]", x, 1, 3, (double[]){25, 26, 28});
    check("(x[:, none] + 10 * x)[iota(3), 2 - iota(3)]", x, 0, 3, (double[]){41, 22, 14});
    check("slice(concat(x, -x), y + 1, 3)", x, 1, 3, (double[]){4, -1, -2});
    check("f32(max(iota(3), y)) / min(iota(3) + 2, 3)", x, 1, 3, (double[]){0.5, 1 / 3.0, 2 / 3.0});
    check("units(x, 2) + units([x, x], x[0])[1]", x, 0, 3, (double[]){2, 2, 0});
    check("crop(reshape(x, [1, 1, 3]), 2)[0, 0]", x, 0, 3, x); /* not training: unchanged */
    check("shift(reshape(x, [1, 1, 3]), 0, 1)[0, 0]", x, 0, 3, (double[]){0, 1, 2});
    check("bilinear(reshape(x, [1, 1, 3]), [0, 0, 0.5], [0.25, 1.5, 2])[0]", x, 0, 3, (double[]){1.25, 3, 2});
    const double share[SIZE] = {0, 0.5, 1};
    check("encode(x)[0:3] - [0, sqrt(0.5), 0]", share, 0, 3, (double[]){1, 0, 0});
    check("encode(x)[3:6] - [0, sqrt(0.5), 0]", share, 0, 3, (double[]){0, 0, 1});
    check("dot(encode(x), encode(x))", x, 0, 1, (double[]){3});
    check("square(x) / iota(3)[1:][0]", x, 0, 3, (double[]){1, 4, 16});
    check("sum(x[:, none] * x, axis: [-1, -2])[none]", x, 0, 1, (double[]){(x[0] + x[1] + x[2]) * (x[0] + x[1] + x[2])});
    check("sum(x[:, none] * x, axis: [1, -2])[none]", x, 0, 1, (double[]){(x[0] + x[1] + x[2]) * (x[0] + x[1] + x[2])});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_is_documented),
        cmocka_unit_test(test_elementwise_functions),
        cmocka_unit_test(test_functions_of_large_numbers_do_not_overflow),
        cmocka_unit_test(test_shapes_and_reductions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
