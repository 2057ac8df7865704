/* Values and derivatives of the standard library's activations and losses against closed forms in long double: at their kinks,
 * near them, and far out, in both precisions, by the interpreter and by compiled code. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "frontend/frontend.h"
#include "passes/passes.h"
#include "tests/backend/compiled.h"

typedef long double Real;
typedef Real Curve(Real x);

/* ---- closed forms ---- */

static Real zero(Real x)
{
    (void)x;
    return 0;
}
static Real one(Real x)
{
    (void)x;
    return 1;
}
static Real identity(Real x)
{
    return x;
}
static Real sigmoid(Real x)
{
    return 1 / (1 + expl(-x));
}
static Real sigmoid_first(Real x)
{
    return sigmoid(x) * sigmoid(-x);
}
static Real sigmoid_second(Real x)
{
    return sigmoid_first(x) * (sigmoid(-x) - sigmoid(x));
}
static Real softplus(Real x)
{
    return x > 0 ? x + log1pl(expl(-x)) : log1pl(expl(x));
}
static Real silu(Real x)
{
    return x * sigmoid(x);
}
static Real silu_first(Real x)
{
    return sigmoid(x) + x * sigmoid_first(x);
}
static Real silu_second(Real x)
{
    return 2 * sigmoid_first(x) + x * sigmoid_second(x);
}
static Real silu_terms(Real x)
{
    return sigmoid(x) + fabsl(x) * sigmoid_first(x);
}
static Real silu_second_terms(Real x)
{
    return (2 + fabsl(x)) * sigmoid_first(x);
}
static Real bell(Real x)
{
    return expl(-x * x / 2) / sqrtl(2 * acosl(-1));
}
static Real gelu(Real x)
{
    return x * erfcl(-x / sqrtl(2)) / 2;
}
static Real gelu_first(Real x)
{
    return erfcl(-x / sqrtl(2)) / 2 + x * bell(x);
}
static Real gelu_second(Real x)
{
    return (2 - x * x) * bell(x);
}
static Real relu(Real x)
{
    return x > 0 ? x : 0;
}
static Real step(Real x) /* to the left at 0 */
{
    return x > 0;
}
static Real leaky(Real x)
{
    return x > 0 ? x : x / 4;
}
static Real leaky_first(Real x)
{
    return x > 0 ? 1 : 0.25L;
}
static Real elu(Real x)
{
    return x > 0 ? x : expm1l(x);
}
static Real elu_first(Real x)
{
    return x > 0 ? 1 : expl(x);
}
static Real elu_second(Real x)
{
    return x > 0 ? 0 : expl(x);
}
static Real elu2(Real x)
{
    return x > 0 ? x : 2 * expm1l(x);
}
static Real elu2_first(Real x)
{
    return x > 0 ? 1 : 2 * expl(x);
}
static Real elu2_second(Real x)
{
    return x > 0 ? 0 : 2 * expl(x);
}
static Real square(Real x)
{
    return x * x;
}
static Real twice(Real x)
{
    return 2 * x;
}
static Real two(Real x)
{
    return 2 + zero(x);
}
static Real bce0_first(Real x)
{
    return sigmoid(x);
}
static Real bce1(Real x)
{
    return softplus(-x);
}
static Real bce1_first(Real x)
{
    return -sigmoid(-x);
}
static Real bce_quarter(Real x)
{
    return softplus(x) - x / 4;
}
static Real bce_quarter_first(Real x)
{
    return sigmoid(x) - 0.25L;
}
static Real distance_to_one(Real x)
{
    return fabsl(x - 1);
}
static Real side_of_one(Real x)
{
    return (x > 1) - (x < 1);
}
static Real huber(Real x)
{
    return fabsl(x) < 1 ? x * x / 2 : fabsl(x) - 0.5L;
}
static Real huber_first(Real x)
{
    return fabsl(x) < 1 ? x : x > 0 ? 1 : -1;
}
static Real huber_second(Real x)
{
    return fabsl(x) < 1;
}
static Real mean_step(Real x) /* the mean of the sides at 0 */
{
    return x > 0 ? 1 : x < 0 ? 0 : 0.5L;
}
static Real magnitude(Real x)
{
    return fabsl(x);
}
static Real guarded_log(Real x)
{
    return x > 0 ? logl(x) : x;
}
static Real guarded_log_first(Real x)
{
    return x > 0 ? 1 / x : 1;
}
static Real guarded_log_second(Real x)
{
    return x > 0 ? -1 / (x * x) : 0;
}
static Real root(Real x)
{
    return x > 0 ? sqrtl(x) : 0;
}
static Real root_first(Real x)
{
    return x > 0 ? 0.5L / sqrtl(x) : 0;
}
static Real root_second(Real x)
{
    return x > 0 ? -0.25L / (x * sqrtl(x)) : 0;
}

static Real inverse(Real x)
{
    return x == 0 ? 0 : 1 / x;
}
static Real inverse_first(Real x)
{
    return x == 0 ? 0 : -1 / (x * x);
}
static Real inverse_second(Real x)
{
    return x == 0 ? 0 : 2 / (x * x * x);
}

/* Errors are relative to the exact result, or to `terms` where the function is a sum of terms of that size which cancel. */
static const struct {
    const char *expression;
    Curve *value, *first, *second, *value_terms, *first_terms, *second_terms;
} cases[] = {
    {"square(x)", square, twice, two, zero, zero, zero},
    {"relu(x)", relu, step, zero, zero, zero, zero},
    {"leaky_relu(x, 0.25)", leaky, leaky_first, zero, zero, zero, zero},
    {"elu(x)", elu, elu_first, elu_second, zero, zero, zero},
    {"elu(x, 2)", elu2, elu2_first, elu2_second, zero, zero, zero},
    {"sigmoid(x)", sigmoid, sigmoid_first, sigmoid_second, zero, zero, sigmoid_first},
    {"softplus(x)", softplus, sigmoid, sigmoid_first, zero, zero, zero},
    {"silu(x)", silu, silu_first, silu_second, zero, silu_terms, silu_second_terms},
    {"gelu(x)", gelu, gelu_first, gelu_second, magnitude, one, one},
    {"binary_cross_entropy(x, 0 * x)", softplus, bce0_first, sigmoid_first, zero, zero, zero},
    {"binary_cross_entropy(x, 0 * x + 1)", bce1, bce1_first, sigmoid_first, zero, zero, zero},
    {"binary_cross_entropy(x, 0 * x + 0.25)", bce_quarter, bce_quarter_first, sigmoid_first, zero, one, zero},
    {"squared_error(x, 0 * x)", square, twice, two, zero, zero, zero},
    {"absolute_error(x, 0 * x + 1)", distance_to_one, side_of_one, zero, zero, zero, zero},
    {"huber(x, 0 * x, 1)", huber, huber_first, huber_second, zero, zero, zero},
    /* of a user's own: a sum of pieces with kinks, and branches that are not taken */
    {"max(x, 0) - max(-x, 0)", identity, one, zero, zero, zero, zero},
    {"max(x, 0)", relu, mean_step, zero, zero, zero, zero},
    {"where(x > 0, log(x), x)", guarded_log, guarded_log_first, guarded_log_second, zero, zero, zero},
    {"where(x > 0, sqrt(x), 0)", root, root_first, root_second, zero, zero, zero},
    {"where(x > 0, x, exp(x) - 1)", elu, elu_first, elu_second, one, zero, zero},
    {"where(x > 0, pow(x, 0.5), 0)", root, root_first, root_second, zero, zero, zero},
    {"where(x != 0, 1 / x, 0)", inverse, inverse_first, inverse_second, zero, zero, zero},
};
static const double points[] = {0, -0.0, 1e-8, -1e-8, 1e-3, -1e-3, 0.5, -0.5, 1, -1, 5, -5, 30, -30, 100, -100, 1e4, -1e4};
enum { POINTS = sizeof points / sizeof points[0], OUTPUTS = 4 };
/* In units in the last place of 1: a dozen roundings, and the roundings of exp and log1p. */
enum { ROUNDINGS = 24 };

/* ---- the model: an export for each case ---- */

#define FRAME                                                                                                                    \
    "data d = idx(\"a.gz\", \"b.gz\") {\n  fields x: f32[3], y: class[3]\n}\n"                                                   \
    "net c(x: f32[3]) -> f32[3] { return linear(x, 3) }\n"                                                                       \
    "train t = fit { minimise mean(cross_entropy(c(d.train.x), d.train.y)) by adam; batch 1; epochs 1 }\n"

typedef struct Twin {
    Source source;
    Diagnostics diags;
    Text text;
    Model *model;
    Plan *plan;
    Jit *jit;
} Twin;

/* The derivatives of the sum of the export's elements with respect to its first argument, as further outputs: the first, the
 * second as gradient of the (sum of the) gradient, and as its tangent. */
static void add_derivatives(Module *module, Function *f)
{
    Builder b = {.module = module, .function = f};
    Value x = f->inputs.data[0], y = f->outputs.data[0].value, total = y;
    Type type = value_type(&b, x);
    if (value_type(&b, y).rank)
        total = build_reduce(&b, OP_REDUCE_SUM, y, dims_of(1, 0));
    Value first = build_grad(&b, total, x), ones = build_const(&b, type, 1);
    build_output(&b, "first", first);
    build_output(&b, "second", build_grad(&b, build_reduce(&b, OP_REDUCE_SUM, first, dims_of(1, 0)), x));
    build_output(&b, "tangent", build_tangent(&b, first, 1, &x, &ones));
    pass_differentiate(module, f);
    pass_simplify(module, f);
    pass_cse(module, f);
    pass_dce(module, f);
}

static Twin twin_new(DType real)
{
    Twin t = {0};
    text_printf(&t.text, FRAME);
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        text_printf(&t.text, "export e%zu(x: f32[%d]) = %s\n", i, POINTS, cases[i].expression);
    text_printf(&t.text, "export entropy(x: f32[3], y: class[3]) = cross_entropy(x, y)\n"
                         "export logs(x: f32[3], y: class[3]) = log_softmax(x)[y]\n");
    t.source = (Source){"derivatives.hn", t.text.data, strlen(t.text.data)};
    FrontendOptions options = {.real = real};
    t.model = frontend_compile(&t.source, &options, &t.diags);
    diag_print(&t.diags, stderr);
    assert_non_null(t.model);
    Module *module = t.model->module;
    for (uint32_t i = module->functions.len; i-- > 0;) {
        bool found = false;
        for (uint32_t e = 0; e < t.model->exports.len; e++)
            found |= t.model->exports.data[e].function == module->functions.data[i];
        if (!found)
            function_remove(module, module->functions.data[i]);
        else
            add_derivatives(module, module->functions.data[i]);
    }
    t.plan = verified_plan(module);
    t.jit = load_program(t.plan, 2, DEFAULT_CPU);
    return t;
}

static void twin_free(Twin *t)
{
    jit_free(t->jit);
    plan_free(t->plan);
    model_free(t->model);
    diag_free(&t->diags);
    text_free(&t->text);
}

static void *aligned(int64_t bytes)
{
    void *memory = NULL;
    assert_int_equal(posix_memalign(&memory, HN_ALIGNMENT, (size_t)bytes + HN_ALIGNMENT), 0);
    memset(memory, 0, (size_t)bytes + HN_ALIGNMENT);
    return memory;
}

/* The outputs of the function `name`, by the interpreter (compiled: 0) and by compiled code (1); results[][o][i] is element i of
 * output o. */
static void evaluate(Twin *t, const char *name, const Tensor *inputs, double results[2][OUTPUTS][POINTS])
{
    Module *module = t->model->module;
    uint32_t index = 0;
    while (strcmp(module->functions.data[index]->name, name) != 0)
        index++;
    const Function *f = module->functions.data[index];
    Tensor *outputs;
    World world = {0};
    char why[256];
    if (!interpret(module, f, &world, inputs, &outputs, why))
        fail_msg("%s: %s", name, why);
    const void *input_data[2];
    void *output_data[OUTPUTS], *scratch = aligned(plan_scratch_bytes(t->plan)), *states = aligned(plan_state_bytes(t->plan));
    assert_int_equal(f->outputs.len, OUTPUTS);
    for (uint32_t i = 0; i < f->inputs.len; i++)
        input_data[i] = inputs[i].data;
    for (uint32_t o = 0; o < OUTPUTS; o++)
        output_data[o] = aligned(type_bytes(outputs[o].type));
    hn_frame frame = {states, scratch, NULL, input_data, output_data};
    jit_functions(t->jit)[index](&frame);
    for (uint32_t o = 0; o < OUTPUTS; o++) {
        Tensor compiled = {outputs[o].type, output_data[o]};
        for (int64_t i = 0; i < type_elements(compiled.type); i++) {
            results[0][o][i] = tensor_get(&outputs[o], i);
            results[1][o][i] = tensor_get(&compiled, i);
        }
        free(output_data[o]);
    }
    free(scratch);
    free(states);
    interpret_free_outputs(f, outputs);
}

static Tensor input_of(DType real, unsigned n, const double *numbers)
{
    Type type = type_of(real, 1, (int64_t[]){n});
    Tensor tensor = {type, aligned(type_bytes(type))};
    for (unsigned i = 0; i < n; i++)
        tensor_set(&tensor, i, numbers[i]);
    return tensor;
}

static void check(DType real, double got, Real exact, Real terms, const char *what, double x, unsigned output, bool compiled)
{
    static const char *const names[OUTPUTS] = {"value", "first derivative", "second derivative", "tangent of the derivative"};
    Real unit = real == DTYPE_F32 ? FLT_EPSILON : DBL_EPSILON, least = real == DTYPE_F32 ? FLT_MIN : DBL_MIN;
    Real scale = fmaxl(fabsl(exact), terms);
    if (!(fabsl(got - exact) <= ROUNDINGS * unit * scale + least))
        fail_msg("%s at %.9g: %s is %.17g, not %.17Lg (%s, %s)", what, x, names[output], got, exact, dtype_name(real),
                 compiled ? "compiled" : "interpreted");
}

/* ---- tests ---- */

static void elementwise_functions(DType real)
{
    Twin t = twin_new(real);
    Tensor inputs[2] = {input_of(real, POINTS, points)};
    static double results[2][OUTPUTS][POINTS];
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char name[32];
        snprintf(name, sizeof name, "e%zu", i);
        evaluate(&t, name, inputs, results);
        for (unsigned way = 0; way < 2; way++)
            for (unsigned p = 0; p < POINTS; p++) {
                Real at = tensor_get(&inputs[0], p);
                const char *what = cases[i].expression;
                Real second = cases[i].second(at), terms = cases[i].second_terms(at);
                check(real, results[way][0][p], cases[i].value(at), cases[i].value_terms(at), what, (double)at, 0, way);
                check(real, results[way][1][p], cases[i].first(at), cases[i].first_terms(at), what, (double)at, 1, way);
                check(real, results[way][2][p], second, terms, what, (double)at, 2, way);
                check(real, results[way][3][p], second, terms, what, (double)at, 3, way);
            }
    }
    free(inputs[0].data);
    twin_free(&t);
}

static void derivatives_are_the_closed_forms(void **state)
{
    (void)state;
    for_each_real(elementwise_functions);
}

/* log softmax of large and of distant logits, and its derivative; `sign` is -1 for the cross-entropy. */
static void entropies(DType real)
{
    static const double logits[][3] = {{0, 0, 0}, {30, -30, 0}, {1e4, 9999, -1e4}, {-1e4, -1e4, -1e4}, {1e-8, -1e-8, 0}};
    Twin t = twin_new(real);
    static double results[2][OUTPUTS][POINTS];
    for (size_t i = 0; i < COUNT_OF(logits); i++)
        for (int32_t label = 0; label < 3; label++)
            for (int sign = -1; sign <= 1; sign += 2) {
                const char *name = sign < 0 ? "entropy" : "logs", *function = sign < 0 ? "entropy" : "logs";
                Tensor inputs[] = {input_of(real, 3, logits[i]), {type_scalar(DTYPE_I32), &label}};
                evaluate(&t, function, inputs, results);
                Real z[3], most = -INFINITY, total = 0;
                for (int k = 0; k < 3; k++)
                    most = fmaxl(most, z[k] = tensor_get(&inputs[0], k));
                for (int k = 0; k < 3; k++)
                    total += expl(z[k] - most);
                Real lost = logl(total) - (z[label] - most);
                for (unsigned way = 0; way < 2; way++) {
                    check(real, results[way][0][0], -sign * lost, 1, name, logits[i][label], 0, way);
                    for (int k = 0; k < 3; k++) {
                        Real slope = (k == label) - expl(z[k] - most) / total;
                        check(real, results[way][1][k], sign * slope, k == label, name, logits[i][k], 1, way);
                        check(real, results[way][3][k], 0, 1, name, logits[i][k], 3, way); /* all logits may move together */
                    }
                }
                free(inputs[0].data);
            }
    twin_free(&t);
}

static void entropies_keep_their_digits(void **state)
{
    (void)state;
    for_each_real(entropies);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(derivatives_are_the_closed_forms),
        cmocka_unit_test(entropies_keep_their_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
