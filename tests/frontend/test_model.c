/* The tables of a model: weights and their names, forms, hyperparameters, data sets, trains and their options. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "frontend/frontend.h"

static Model *compile_with(const char *text, FrontendOptions options)
{
    Source source = {"folder/test.hn", text, strlen(text)};
    Diagnostics diags = {0};
    Model *model = frontend_compile(&source, &options, &diags);
    diag_print(&diags, stderr);
    diag_free(&diags);
    assert_non_null(model);
    return model;
}

static Model *compile(const char *text)
{
    return compile_with(text, (FrontendOptions){.real = DTYPE_F32});
}

#define DATA                                                                                                                     \
    "data d = idx(\"a.gz\", \"b.gz\") {\n"                                                                                       \
    "  fields image: u8[4, 4], label: class[10]\n"                                                                               \
    "  test   idx(\"ta.gz\", \"tb.gz\")\n"                                                                                       \
    "  split  train 100, valid 0.25\n"                                                                                           \
    "}\n"
#define HYPER                                                                                                                    \
    "hyper lam {\n"                                                                                                              \
    "  a: rate(0, 0.9) = 0.05\n"                                                                                                 \
    "  b: log(1e-7, 1e-2)[3] = 1e-5 shared\n"                                                                                    \
    "  c: integer(1, 4) = 2\n"                                                                                                   \
    "}\n"
#define NET                                                                                                                      \
    "const width = 5\n"                                                                                                          \
    "net c(image: u8[4, 4]) -> f32[10] {\n"                                                                                      \
    "  weight scale: f32 = 2\n"                                                                                                  \
    "  h = linear(relu(linear(flatten(image), width)), 3) as middle\n"                                                           \
    "  return linear(scale * h, 10)\n"                                                                                           \
    "}\n"
#define OBJECTIVE "objective fit(s) = mean(cross_entropy(c(s.image), s.label))\n"
#define FIT "train plain = fit { minimise fit(d.train) by adam(1e-3, cosine); batch 10; epochs 7 }\n"
#define BILEVEL                                                                                                                  \
    "train tune = bilevel(lam) {\n"                                                                                              \
    "  lower   fit(d.train) + lam.a * sumsq(c)  by sgd(0.5, momentum: 0.9, step(every: 30, factor: 0.2), clip: 0.25)\n"          \
    "  upper   fit(d.valid)                     by rmsprop(1e-2, alpha: 0.95, plateau)\n"                                        \
    "  sample  normal(scale: 0.4)  by adam(3e-2, beta1: 0.5, eps: 1e-6)  entropy 1e-4\n"                                         \
    "  every   5 lower, 2 upper    after 1.5 epochs\n"                                                                           \
    "  batch   20, 25\n"                                                                                                         \
    "  epochs  60  patience 20\n"                                                                                                \
    "  report  fit(d.test),   # of the best\n"                                                                                   \
    "          fit( d . test )\n"                                                                                                \
    "}\n"

static void test_data_sets(void **state)
{
    (void)state;
    Model *model = compile(DATA NET OBJECTIVE FIT);
    assert_string_equal(model->name, "test");
    assert_int_equal(model->datasets.len, 1);
    const Dataset *data = &model->datasets.data[0];
    assert_string_equal(data->name, "d");
    assert_int_equal(data->format, FORMAT_IDX);
    assert_int_equal(data->files.len, 2);
    assert_string_equal(data->test_files.data[1], "tb.gz");
    assert_int_equal(data->splits.len, 3);
    assert_string_equal(data->splits.data[0].name, "train");
    assert_int_equal(data->splits.data[0].count, 100);
    assert_int_equal(data->splits.data[1].count, 0);
    assert_float_equal(data->splits.data[1].fraction, 0.25, 0);
    assert_string_equal(data->splits.data[2].name, "test");
    assert_true(data->splits.data[2].from_test);
    assert_float_equal(data->splits.data[2].fraction, 1, 0);
    assert_string_equal(model->module->fields.data[0].name, "d.image");
    assert_int_equal(model->module->fields.data[0].type.dtype, DTYPE_U8);
    assert_int_equal(model->module->fields.data[1].classes, 10);
    model_free(model);
}

static void test_weights_are_named_in_order_of_evaluation(void **state)
{
    (void)state;
    static const char *const names[] = {"c.scale",    "c.linear1.w", "c.linear1.b", "c.middle.w",
                                        "c.middle.b", "c.linear2.w", "c.linear2.b"};
    Model *model = compile(DATA NET OBJECTIVE FIT);
    const Module *module = model->module;
    assert_int_equal(module->weights.len, COUNT_OF(names));
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_string_equal(module->weights.data[i].name, names[i]);
    const Weight *scale = &module->weights.data[0], *w = &module->weights.data[1], *b = &module->weights.data[2];
    assert_int_equal(scale->output_axis, -1);
    assert_int_equal(scale->init.kind, INIT_CONSTANT);
    assert_float_equal(scale->init.value, 2, 0);
    assert_int_equal(w->output_axis, 0);
    assert_int_equal(w->fan_in, 16);
    assert_int_equal(w->fan_out, 5);
    assert_int_equal(w->init.kind, INIT_UNIFORM);
    assert_float_equal(w->init.value, 0.25, 0);
    assert_int_equal(b->fan_in, 1);
    assert_string_equal(model->nets.data[w->net].name, "c");
    assert_string_equal(model->forms.data[w->form].text, "free");
    model_free(model);
}

static void test_the_most_specific_form_counts(void **state)
{
    (void)state;
    Model *model = compile(DATA HYPER NET
                           "weights c.middle = free\nweights c = stn(lam)\nweights c.middle.b = stn(lam)\n" OBJECTIVE BILEVEL);
    static const char *const targets[] = {"c", "c", "c", "c.middle", "c.middle.b", "c", "c"};
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        const Form *form = &model->forms.data[model->module->weights.data[i].form];
        assert_string_equal(form->target, targets[i]);
        assert_string_equal(form->text, i == 3 ? "free" : "stn(lam)");
    }
    model_free(model);
}

static void test_a_generator_makes_as_many_numbers_as_its_target_has(void **state)
{
    (void)state;
    Model *model =
        compile(DATA HYPER NET
                "net r(z: f32[5]) -> f32[n] { return linear(z, n) }\nweights c.middle = dense(r(lam))\n" OBJECTIVE BILEVEL);
    const Function *generator = module_function(model->module, "c.middle.generator");
    assert_non_null(generator);
    assert_string_equal(generator->outputs.data[0].name, "weights");
    Type type = generator->ops.data[generator->outputs.data[0].value].type;
    assert_true(type_equal(type, type_of(DTYPE_F32, 1, (int64_t[]){3 * 5 + 3})));
    model_free(model);
}

static void test_hyperparameters(void **state)
{
    (void)state;
    Model *model = compile(DATA HYPER NET "weights c = stn(lam)\n" OBJECTIVE BILEVEL);
    assert_int_equal(model->module->conditions.len, 1);
    assert_int_equal(model->module->conditions.data[0].type.dims[0], 5);
    assert_int_equal(model->hypers.len, 3);
    const Hyper *a = &model->hypers.data[0], *b = &model->hypers.data[1], *c = &model->hypers.data[2];
    assert_string_equal(a->name, "lam.a");
    assert_int_equal(a->kind, HYPER_RANGE);
    assert_float_equal(a->high, 0.9, 0);
    assert_float_equal(a->init, 0.05, 0);
    assert_false(a->shared);
    assert_int_equal(b->kind, HYPER_LOG_RANGE);
    assert_int_equal(b->offset, 1);
    assert_int_equal(b->shape.dims[0], 3);
    assert_true(b->shared);
    assert_int_equal(c->kind, HYPER_INTEGER);
    assert_int_equal(c->offset, 4);
    assert_float_equal(c->low, 1, 0);
    model_free(model);
}

static void test_bilevel(void **state)
{
    (void)state;
    Model *model = compile(DATA HYPER NET "weights c = stn(lam)\n" OBJECTIVE BILEVEL FIT);
    assert_int_equal(model->trains.len, 1);
    const Train *train = &model->trains.data[0];
    assert_string_equal(train->name, "tune");
    assert_int_equal(train->method, METHOD_BILEVEL);
    assert_int_equal(train->batch, 20);
    assert_int_equal(train->epochs, 60);
    assert_int_equal(train->patience, 20);
    assert_float_equal(train->warmup, 1.5, 0);
    assert_int_equal(train->every_lower, 5);
    assert_int_equal(train->every_upper, 2);
    assert_float_equal(train->sigma, 0.4, 0);
    assert_true(train->sigma_learned);
    assert_false(train->everywhere);
    assert_float_equal(train->entropy, 1e-4, 0);
    assert_float_equal(train->sigma_optimizer.beta1, 0.5, 0);
    assert_float_equal(train->sigma_optimizer.beta2, 0.999, 0);
    assert_float_equal(train->sigma_optimizer.epsilon, 1e-6, 0);
    assert_int_equal(train->evaluate, 1);
    assert_int_equal(train->phases.len, 2);
    assert_int_equal(train->phases.data[0].batch, 20);
    assert_int_equal(train->phases.data[1].batch, 25);
    const Phase *lower = &train->phases.data[0], *upper = &train->phases.data[1];
    assert_string_equal(lower->objective->name, "tune.lower.objective");
    assert_string_equal(lower->objective->outputs.data[0].name, "loss");
    assert_int_equal(lower->split, 0);
    assert_int_equal(lower->optimizer.kind, OPTIMIZER_SGD);
    assert_float_equal(lower->optimizer.momentum, 0.9, 0);
    assert_float_equal(lower->optimizer.clip, 0.25, 0);
    assert_int_equal(lower->optimizer.schedule.kind, SCHEDULE_STEP);
    assert_float_equal(lower->optimizer.schedule.every, 30, 0);
    assert_float_equal(lower->optimizer.schedule.factor, 0.2, 0);
    assert_string_equal(upper->name, "upper");
    assert_int_equal(upper->split, 1);
    assert_int_equal(upper->optimizer.kind, OPTIMIZER_RMSPROP);
    assert_float_equal(upper->optimizer.beta2, 0.95, 0);
    assert_int_equal(upper->optimizer.schedule.kind, SCHEDULE_PLATEAU);
    assert_float_equal(upper->optimizer.schedule.every, 10, 0);
    assert_int_equal(train->select, 0);
    assert_int_equal(train->metrics.len, 3);
    assert_string_equal(train->metrics.data[0].name, "fit(d.valid)");
    assert_string_equal(train->metrics.data[1].name, "fit(d.test)");
    assert_int_equal(train->metrics.data[1].split, 2);
    assert_string_equal(train->metrics.data[1].objective->name, "tune.eval1.objective");
    assert_string_equal(train->metrics.data[1].objective->outputs.data[0].name, "value");
    model_free(model);
}

static void test_a_metric_is_reported_once(void **state)
{
    (void)state;
    Model *model = compile_with(DATA NET OBJECTIVE "train t = fit {\n"
                                                   "  minimise fit(d.train) by adam(1e-3)\n"
                                                   "  validate fit(d.valid)\n"
                                                   "  report fit(d.valid), fit(d.test), fit(d.test)\n"
                                                   "  batch 10\n  epochs 1\n}\n",
                                (FrontendOptions){.real = DTYPE_F32});
    const Train *train = &model->trains.data[0];
    assert_int_equal(train->metrics.len, 2);
    assert_string_equal(train->metrics.data[0].name, "fit(d.valid)");
    assert_string_equal(train->metrics.data[1].name, "fit(d.test)");
    model_free(model);
}

static void test_fit_without_validation_selects_nothing(void **state)
{
    (void)state;
    Model *model = compile_with(DATA NET OBJECTIVE FIT, (FrontendOptions){.real = DTYPE_F32, .batch = 33});
    const Train *train = &model->trains.data[0];
    assert_int_equal(train->method, METHOD_FIT);
    assert_int_equal(train->batch, 33);
    assert_int_equal(train->select, -1);
    assert_int_equal(train->metrics.len, 0);
    assert_string_equal(train->phases.data[0].name, "minimise");
    assert_int_equal(train->phases.data[0].optimizer.schedule.kind, SCHEDULE_COSINE);
    assert_float_equal(train->phases.data[0].optimizer.beta1, 0.9, 0);
    assert_int_equal(find_state(model->module, "step/upper"), -1);
    model_free(model);
}

static void test_options_select_a_train_and_set_constants(void **state)
{
    (void)state;
    const Define define = {"width", "7"};
    FrontendOptions options = {.real = DTYPE_F64, .train = "plain", .defines = &define, .ndefines = 1};
    Model *model = compile_with(DATA HYPER NET "weights c = stn(lam)\n" OBJECTIVE BILEVEL FIT, options);
    assert_string_equal(model->trains.data[0].name, "plain");
    assert_int_equal(model->hypers.len, 3);
    Type type = model->module->weights.data[1].type;
    assert_true(type_equal(type, type_of(DTYPE_F64, 2, (int64_t[]){7, 16})));
    assert_null(module_function(model->module, "tune.lower.objective"));
    model_free(model);
}

static void test_exports_take_the_types_of_what_they_call(void **state)
{
    (void)state;
    Model *model = compile(DATA NET OBJECTIVE FIT "export both(k: f32[10], image) = softmax(c(image)) * k\n");
    const Export *export = &model->exports.data[0];
    assert_string_equal(export->name, "both");
    assert_string_equal(export->function->name, "both");
    assert_int_equal(export->function->inputs.len, 2);
    assert_string_equal(export->function->input_names.data[0], "k");
    assert_int_equal(export->function->ops.data[export->function->inputs.data[1]].type.dtype, DTYPE_U8);
    assert_string_equal(export->function->outputs.data[0].name, "both");
    model_free(model);
}

/* Rates are checked in a function of their own, whose name must not be one that an export can have. */
static void test_an_export_may_be_called_rate(void **state)
{
    (void)state;
    Model *model = compile(DATA HYPER "net c(image: u8[4, 4]) -> f32[10] {\n"
                                      "  return linear(dropout(flatten(image), lam.a), 10)\n"
                                      "}\n" OBJECTIVE FIT "export rate(image) = c(image)\n");
    assert_string_equal(model->exports.data[0].function->name, "rate");
    assert_non_null(module_function(model->module, "rate"));
    assert_null(module_function(model->module, "/rate"));
    model_free(model);
}

static void test_every_random_op_has_a_stream_of_its_own(void **state)
{
    (void)state;
    Model *model =
        compile(DATA "net c(image: u8[4, 4]) -> f32[10] { return linear(dropout(flatten(image), 0.5), 10) }\n" OBJECTIVE
                     "train t = fit { minimise fit(d.train) + fit(d.train) by adam; batch 10; epochs 1 }\n");
    const Function *objective = model->trains.data[0].phases.data[0].objective;
    uint32_t expected = 16;
    for (uint32_t v = 0; v < objective->ops.len; v++)
        if (objective->ops.data[v].code == OP_RANDOM)
            assert_int_equal(objective->ops.data[v].symbol, expected++);
    assert_int_equal(expected, 18);
    model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_sets),
        cmocka_unit_test(test_weights_are_named_in_order_of_evaluation),
        cmocka_unit_test(test_the_most_specific_form_counts),
        cmocka_unit_test(test_a_generator_makes_as_many_numbers_as_its_target_has),
        cmocka_unit_test(test_hyperparameters),
        cmocka_unit_test(test_bilevel),
        cmocka_unit_test(test_a_metric_is_reported_once),
        cmocka_unit_test(test_fit_without_validation_selects_nothing),
        cmocka_unit_test(test_options_select_a_train_and_set_constants),
        cmocka_unit_test(test_exports_take_the_types_of_what_they_call),
        cmocka_unit_test(test_an_export_may_be_called_rate),
        cmocka_unit_test(test_every_random_op_has_a_stream_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
