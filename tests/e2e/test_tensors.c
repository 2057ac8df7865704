/* The functions that make, join, bound and summarise tensors, against closed forms: values, and the derivative of the weighted
 * sum of the values, where value number i weighs i + 1. In both precisions, by the interpreter and by compiled code. */
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

enum { N = 6, MOST_VALUES = 18, OUTPUTS = 3 };

typedef struct Expected {
    const char *expression; /* of x: f32[6] and byte: u8, which is 2 */
    double x[N];
    unsigned count;
    double values[MOST_VALUES], gradient[N];
} Expected;

#define X {3, 1, 2, -1, 2, 0.5}
#define NOTHING {0, 0, 0, 0, 0, 0}

static const Expected cases[] = {
    /* joined and made */
    {"concat(x[:1], x[1:2], x[2:3], x[3:4], x[4:5], x[5:], x[:1], x[1:2], x[2:3], x[3:4], x[4:5], x[5:], x[:1], x[1:2], x[2:3], "
     "x[3:4], x[4:5], x[5:])",
     X,
     18,
     {3, 1, 2, -1, 2, 0.5, 3, 1, 2, -1, 2, 0.5, 3, 1, 2, -1, 2, 0.5},
     {21, 24, 27, 30, 33, 36}},
    {"stack(x[0], x[1], x[5])", X, 3, {3, 1, 0.5}, {1, 2, 0, 0, 0, 3}},
    {"flatten(stack(x[:2], x[2:4]))", X, 4, {3, 1, 2, -1}, {1, 2, 3, 4, 0, 0}},
    {"flatten(stack(x[:2], x[2:4], axis: 1))", X, 4, {3, 2, 1, -1}, {1, 3, 2, 4, 0, 0}},
    {"flatten(stack(x[:2], x[2:4], axis: -1))", X, 4, {3, 2, 1, -1}, {1, 3, 2, 4, 0, 0}},
    {"flatten(stack(reshape(x, [2, 3]), zeros([2, 3]), axis: -2)[:, 0])", X, 6, X, {1, 2, 3, 4, 5, 6}},
    {"zeros([2]) + x[:2]", X, 2, {3, 1}, {1, 2, 0, 0, 0, 0}},
    {"ones([2, 2]) @ x[:2] + zeros(2)", X, 2, {4, 4}, {3, 3, 0, 0, 0, 0}},
    /* lists */
    {"x[:3] * [0.5, -2, 0]", X, 3, {1.5, -2, 0}, {0.5, -4, 0, 0, 0, 0}},
    {"x + [1, 1, 1, 2.5, 2.5, 0]", X, 6, {4, 2, 3, 1.5, 4.5, 0.5}, {1, 2, 3, 4, 5, 6}},
    {"x[0] * [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]", X, 10, {3, 6, 9, 12, 15, 18, 21, 24, 27, 30}, {385, 0, 0, 0, 0, 0}},
    {"[[1, 2, 3], [4, 5, 6]] @ x[:3]", X, 2, {11, 29}, {9, 12, 15, 0, 0, 0}},
    {"flatten([[[1, 2]], [[3, 4]]]) * x[0]", X, 4, {3, 6, 9, 12}, {30, 0, 0, 0, 0, 0}},
    {"[x[0], 7, x[5]]", X, 3, {3, 7, 0.5}, {1, 0, 0, 0, 0, 3}},
    {"flatten([x[:2], [5, 6], x[2:4] * 2])", X, 6, {3, 1, 5, 6, 4, -2}, {1, 2, 10, 12, 0, 0}},
    {"[0.5, 0.25][1] * x[:2] + [[1, 2], [3, 4]][1]", X, 2, {3.75, 4.25}, {0.25, 0.5, 0, 0, 0, 0}},
    {"shape(x) * x[:1]", X, 1, {18}, {6, 0, 0, 0, 0, 0}},
    {"max([1, 5, 2]) + x[:1]", X, 1, {8}, {1, 0, 0, 0, 0, 0}},
    /* whole numbers */
    {"f32(i32(x))", {2.7, -2.7, NAN, 1e20, -1e20, -0.5}, 6, {2, -2, 0, 2147483647, -2147483648., 0}, NOTHING},
    {"x[:1] * i32(2.9) + i32(-2.9)", X, 1, {4}, {2, 0, 0, 0, 0, 0}},
    {"x[i32(x[:3])]", {2.9, 0.9, 1, 7, 8, 9}, 3, {1, 2.9, 0.9}, {2, 3, 1, 0, 0, 0}},
    {"(x * x)[byte][none]", X, 1, {4}, {0, 0, 4, 0, 0, 0}},
    {"reshape(x, [3, 2])[byte]", X, 2, {2, 0.5}, {0, 0, 0, 0, 1, 2}},
    {"[10, 20, 30][byte] * x[:1] + [[1, 2], [3, 4], [5, 6]][byte][0]", X, 1, {95}, {30, 0, 0, 0, 0, 0}},
    /* bounds; at a bound the derivative is 1/2 */
    {"clamp(x, 0, 2)", X, 6, {2, 1, 2, 0, 2, 0.5}, {0, 2, 1.5, 0, 2.5, 6}},
    {"clamp(x[:2], x[2:4], x[4:])", {9, 0, 1, 1, 5, 5}, 2, {5, 1}, {0, 0, 0, 2, 1, 0}},
    /* variances */
    {"var(x)[none]", X, 1, {19.25 / 6 - 1.5625}, {1.75 / 3, -0.25 / 3, 0.25, -0.75, 0.25, -0.25}},
    {"var(x where x > 0)[none]", X, 1, {0.76}, {0.52, -0.28, 0.12, 0, 0.12, -0.48}},
    {"var(reshape(x, [2, 3]), axis: 1)", X, 2, {2. / 3, 1.5}, {2. / 3, -2. / 3, 0, -2, 2, 0}},
    {"var(reshape(x, [2, 3]) where reshape(x, [2, 3]) > 0, axis: -1)",
     X,
     2,
     {2. / 3, 0.5625},
     {2. / 3, -2. / 3, 0, 0, 1.5, -1.5}},
    {"var(x where x > 5)[none]", X, 1, {NAN}, NOTHING},
    {"var(x + 10000)[none]", X, 1, {19.25 / 6 - 1.5625}, {1.75 / 3, -0.25 / 3, 0.25, -0.75, 0.25, -0.25}},
    {"var(x[0])[none]", X, 1, {0}, NOTHING},
    /* extremes; equal elements share the derivative */
    {"min(x)[none]", X, 1, {-1}, {0, 0, 0, 1, 0, 0}},
    {"min(-x)[none]", {3, 1, 3, -1, 3, 0.5}, 1, {-3}, {-1. / 3, 0, -1. / 3, 0, -1. / 3, 0}},
    {"min(x where x > 1)[none]", X, 1, {2}, {0, 0, 0.5, 0, 0.5, 0}},
    {"min(reshape(x, [2, 3]), axis: 0)", X, 3, {-1, 1, 0.5}, {0, 2, 0, 1, 0, 3}},
    {"min(min(x, 1), axis: 0)[none]", {3, 1, 2, 4, 2, 5}, 1, {1}, {0, 1. / 12, 0, 0, 0, 0}},
    /* quantiles, as NumPy interpolates them; equal elements share the derivative */
    {"quantile(x, 0.5)[none]", X, 1, {1.5}, {0, 0.5, 0.25, 0, 0.25, 0}},
    {"quantile(x, 0)[none]", X, 1, {-1}, {0, 0, 0, 1, 0, 0}},
    {"quantile(x, 1)[none]", X, 1, {3}, {1, 0, 0, 0, 0, 0}},
    {"quantile(x, 0.25)[none]", X, 1, {0.625}, {0, 0.25, 0, 0, 0, 0.75}},
    {"quantile(x, 0.8)[none]", X, 1, {2}, {0, 0, 0.5, 0, 0.5, 0}},
    {"quantile(reshape(x, [2, 3]), 0.5, axis: 1)", X, 2, {2, 0.5}, {0, 0, 1, 0, 0, 2}},
    {"quantile(reshape(x, [2, 3]), 0.5, axis: 0)", X, 3, {1, 1.5, 1.25}, {0.5, 1, 1.5, 0.5, 1, 1.5}},
    {"quantile(reshape(x, [2, 3]), 0.5, axis: [0, 1])[none]", X, 1, {1.5}, {0, 0.5, 0.25, 0, 0.25, 0}},
    {"quantile(x, 0.5)[none]", {1, NAN, 2, 3, 4, 5}, 1, {NAN}, {0, 0, 0, 0.5, 0.5, 0}},
    {"quantile(x, 0.4)[none]", {1, 1, 1, 1, 1, 1}, 1, {1}, {1. / 6, 1. / 6, 1. / 6, 1. / 6, 1. / 6, 1. / 6}},
    {"quantile(x[0], 0.3)[none]", X, 1, {3}, {1, 0, 0, 0, 0, 0}},
};

/* ---- the model: an export for each case ---- */

#define FRAME                                                                                                                    \
    "data d = idx(\"a.gz\", \"b.gz\") {\n  fields x: f32[3], y: class[3]\n}\n"                                                   \
    "net c(x: f32[3]) -> f32[3] { return linear(x, 3) }\n"                                                                       \
    "train t = fit { minimise mean(cross_entropy(c(d.train.x), d.train.y)) by adam; batch 1; epochs 1 }\n"

/* The gradient of the weighted sum of the values, and the tangent of that sum along (1, ..., 1). */
static void add_derivatives(Module *module, Function *f)
{
    Builder b = {.module = module, .function = f};
    Value x = f->inputs.data[0], y = f->outputs.data[0].value;
    Type type = value_type(&b, y);
    Value place = build_iota(&b, type_of(DTYPE_I32, 1, type.dims), 0);
    Value weights = build_with_const(&b, OP_ADD, build_cast(&b, place, module->real), 1);
    Value total = build_reduce(&b, OP_REDUCE_SUM, build_binary(&b, OP_MUL, y, weights), dims_of(1, 0));
    Value ones = build_const(&b, value_type(&b, x), 1);
    build_output(&b, "gradient", build_grad(&b, total, x));
    build_output(&b, "tangent", build_tangent(&b, total, 1, &x, &ones));
    pass_differentiate(module, f);
    pass_simplify(module, f);
    pass_cse(module, f);
    pass_dce(module, f);
    pass_bounds(module, f);
}

static void *aligned(int64_t bytes)
{
    void *memory = NULL;
    assert_int_equal(posix_memalign(&memory, HN_ALIGNMENT, (size_t)bytes + HN_ALIGNMENT), 0);
    memset(memory, 0, (size_t)bytes + HN_ALIGNMENT);
    return memory;
}

static void check(const Expected *c, DType real, bool compiled, const Tensor *outputs)
{
    double unit = real == DTYPE_F32 ? FLT_EPSILON : DBL_EPSILON, slope = 0;
    const char *way = compiled ? "compiled" : "interpreted";
    double scale = strstr(c->expression, "10000") ? 10000 : 1; /* what the differences are rounded to */
    assert_int_equal(type_elements(outputs[0].type), c->count);
    for (unsigned i = 0; i < c->count; i++) {
        double got = tensor_get(&outputs[0], i), expected = c->values[i];
        if (isnan(expected) ? !isnan(got) : !(fabs(got - expected) <= 8 * unit * (scale + fabs(expected))))
            fail_msg("%s: value %u is %.17g, not %.17g (%s, %s)", c->expression, i, got, expected, dtype_name(real), way);
    }
    for (unsigned i = 0; i < N; i++) {
        double got = tensor_get(&outputs[1], i), expected = c->gradient[i];
        slope += expected;
        if (!(fabs(got - expected) <= 8 * unit * (scale + fabs(expected))))
            fail_msg("%s: derivative %u is %.17g, not %.17g (%s, %s)", c->expression, i, got, expected, dtype_name(real), way);
    }
    double got = tensor_get(&outputs[2], 0);
    if (!(fabs(got - slope) <= 32 * unit * (scale + fabs(slope))))
        fail_msg("%s: the tangent is %.17g, not %.17g (%s, %s)", c->expression, got, slope, dtype_name(real), way);
}

static void check_case(const Expected *c, const Module *module, const Plan *plan, Jit *jit, uint32_t index)
{
    const Function *f = module->functions.data[index];
    unsigned char byte = 2;
    Type type = type_of(module->real, 1, (int64_t[]){N});
    Tensor inputs[2] = {{type, aligned(type_bytes(type))}, {type_scalar(DTYPE_U8), &byte}}, *outputs, compiled[OUTPUTS];
    for (unsigned i = 0; i < N; i++)
        tensor_set(&inputs[0], i, c->x[i]);
    char why[256];
    Tensor *states = support_malloc((module->states.len + 1) * sizeof *states);
    for (uint32_t i = 0; i < module->states.len; i++)
        states[i] = (Tensor){module->states.data[i].type, aligned(type_bytes(module->states.data[i].type))};
    World world = {.states = states};
    if (!interpret(module, f, &world, inputs, &outputs, why))
        fail_msg("%s: %s", c->expression, why);
    check(c, module->real, false, outputs);
    const void *input_data[] = {inputs[0].data, inputs[1].data};
    void *output_data[OUTPUTS], *scratch = aligned(plan_scratch_bytes(plan)), *memory = aligned(plan_state_bytes(plan));
    for (uint32_t o = 0; o < OUTPUTS; o++) {
        output_data[o] = aligned(type_bytes(outputs[o].type));
        compiled[o] = (Tensor){outputs[o].type, output_data[o]};
    }
    hn_frame frame = {memory, scratch, NULL, input_data, output_data};
    jit_functions(jit)[index](&frame);
    check(c, module->real, true, compiled);
    for (uint32_t o = 0; o < OUTPUTS; o++)
        free(output_data[o]);
    for (uint32_t i = 0; i < module->states.len; i++)
        free(states[i].data);
    support_free(states);
    free(scratch);
    free(memory);
    free(inputs[0].data);
    interpret_free_outputs(f, outputs);
}

static void all_cases(DType real)
{
    Text text = {0};
    Diagnostics diags = {0};
    text_printf(&text, FRAME);
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        text_printf(&text, "export e%zu(x: f32[%d], byte: u8) = %s\n", i, N, cases[i].expression);
    Source source = {"tensors.hn", text.data, strlen(text.data)};
    FrontendOptions options = {.real = real};
    Model *model = frontend_compile(&source, &options, &diags);
    diag_print(&diags, stderr);
    assert_non_null(model);
    Module *module = model->module;
    for (uint32_t i = module->functions.len; i-- > 0;)
        if (module->functions.data[i]->name[0] != 'e')
            function_remove(module, module->functions.data[i]);
        else
            add_derivatives(module, module->functions.data[i]);
    assert_int_equal(module->functions.len, COUNT_OF(cases));
    Plan *plan = verified_plan(module);
    Jit *jit = load_program(plan, 2, DEFAULT_CPU);
    for (uint32_t i = 0; i < COUNT_OF(cases); i++)
        check_case(&cases[i], module, plan, jit, i);
    jit_free(jit);
    plan_free(plan);
    model_free(model);
    diag_free(&diags);
    text_free(&text);
}

static void values_and_derivatives_are_the_closed_forms(void **state)
{
    (void)state;
    for_each_real(all_cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(values_and_derivatives_are_the_closed_forms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
