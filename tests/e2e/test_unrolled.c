/* Hyperparameters by iterative differentiation: what a step of the upper loss does agrees with the closed form where the lower loss is
 * ridge regression, and with the difference that training anew makes for nets of all kinds, whichever way the steps are differentiated;
 * the steps themselves are those of plain training. */
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/e2e/ridge.h"
#include "tests/e2e/tensor_file.h"
#include "tests/runtime/run_command.h"

/* ---- ridge regression ---- */

static const char ridge_model[] = RIDGE_DATA
    "hyper lam { decay: log = 0.1; constant: log = 0.3 }\n"
    "net line(x: f32[3]) -> f32 {\n"
    "  weight w: f32[3] = 0\n"
    "  weight b: f32 = 0\n"
    "  return sum(w * x) + b\n"
    "}\n"
    "objective fit(e) = mean(square(line(e.x) - e.y[0]))\n"
    "objective ridge(e) = fit(e) + lam.decay * sum(square(line.w), axis: 0) + lam.constant * square(line.b)\n"
    "objective judged(e) = fit(e) + 0.2 * lam.decay\n"
    "train go = unrolled(lam) {\n"
    "  lower ridge(d.train) by sgd(0.1)\n"
    "  upper judged(d.valid) by sgd(1)\n"
    "  unroll %s\n"
    "  batch 40, 20\n"
    "  steps %d\n"
    "  evaluate steps(%d)\n"
    "}\n";

static void test_converged_steps(void **state)
{
    (void)state;
    static const char *const ways[] = {"reverse(4000)", "reverse(4000, segment: 100)", "forward(4000)", "reverse(4000, start: first)"};
    RidgeProblem p = ridge_problem();
    double v[RIDGE_N], expected[2];
    ridge_solve(p.h, p.g, v);
    ridge_through(&p, v, expected);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        write_model(ridge_model, ways[i], 4000, 4000);
        build_and_train("-W error");
        double worst = ridge_worst_derivative(expected);
        if (!(worst <= 1e-8))
            fail_msg("%s: a derivative is %g from what it should be", ways[i], worst);
        assert_true(number("run/result.json", "not_finite") == 0);
    }
}

/* The derivative of K steps from weights w: the state z = dw/dlog(lam) follows z <- (1 - a H) z - a d2(lower)/dw dlog(lam). */
static void follow(const RidgeProblem *p, int steps, double w[RIDGE_N], double right[RIDGE_N], double z[2][RIDGE_N])
{
    for (int step = 0; step < steps; step++) {
        double hw[RIDGE_N], hz[2][RIDGE_N];
        ridge_multiply(p->h, w, hw);
        for (int k = 0; k < 2; k++)
            ridge_multiply(p->h, z[k], hz[k]);
        for (int i = 0; i < RIDGE_N; i++) {
            for (int k = 0; k < 2; k++)
                z[k][i] -= 0.1 * (hz[k][i] + (k == (i == RIDGE_FEATURES) ? 2 * ridge_decays[k] * w[i] : 0));
            w[i] -= 0.1 * (hw[i] - right[i]);
        }
    }
}

/* A few steps, far from the minimum. */
static void test_truncated_steps(void **state)
{
    (void)state;
    RidgeProblem p = ridge_problem();
    double w[RIDGE_N] = {0}, z[2][RIDGE_N] = {{0}}, right[RIDGE_N], expected[2];
    ridge_multiply(p.h, p.w, right);
    follow(&p, 7, w, right, z);
    for (int k = 0; k < 2; k++) {
        expected[k] = k == 0 ? 0.2 * ridge_decays[0] : 0;
        for (int row = RIDGE_TRAIN; row < RIDGE_ROWS; row++)
            expected[k] += 2. / RIDGE_VALID * ridge_dot(z[k], p.z[row]) * (ridge_dot(w, p.z[row]) - p.y[row]);
    }
    write_model(ridge_model, "reverse(7)", 7, 7);
    build_and_train("-W error");
    assert_true(ridge_worst_derivative(expected) <= 1e-12);
    write_model(ridge_model, "forward(7)", 7, 7);
    build_and_train("-W error");
    assert_true(ridge_worst_derivative(expected) <= 1e-12);
}

/* ---- nets ---- */

typedef struct Case {
    const char *name, *net, *optimizer; /* the net f, of f32[3]; `by` of the lower loss */
    const char *kind, *extent;          /* of the hyperparameters, from the constants decay0, rate0 and share0; of the rate */
} Case;

static const Case cases[] = {
    {"dropout, adam, clipped",
     "net f(x: f32[3]) -> f32 { return linear(dropout(tanh(linear(x, 4)), 0.3), 1)[0] }\n",
     "adam(lam.rate, beta1: lam.share * 1, clip: 0.3)", "log", ""},
    {"batch normalisation, nesterov, a rate for each step",
     "net f(x: f32[3]) -> f32 { return linear(relu(batchnorm(linear(x, 4))), 1)[0] }\n",
     "sgd(lam.rate, momentum: lam.share * 1, nesterov: on)", "log", "[5]"},
    {"lstm, rmsprop",
     "net f(x: f32[3]) -> f32 {\n  hs, h, c = lstm(reshape(x, [3, 1]), 2)\n  return linear(h, 1)[0]\n}\n",
     "rmsprop(lam.rate, alpha: lam.share * 1)", "log", ""},
    {"convolution, adamw of a part",
     "net f(x: f32[3]) -> f32 { return linear(flatten(tanh(conv1d(reshape(x, [1, 3]), 2, padding: 1))), 1)[0] }\n",
     "adamw(lam.rate, decay: lam.share) of f.linear1, sgd(0.05)", "log", ""},
    {"a table at computed places, a rate that falls with the steps",
     "net f(x: f32[3]) -> f32 {\n  weight t: f32[5] ~ normal(0.4)\n  k = i32(abs(x[0]) * 2)\n  return linear(tanh(linear(x, 4)), 1)[0] + t[-1 * k + 2] "
     "+ t[3 + (0 - k)]\n}\n",
     "sgd(lam.rate, cosine, momentum: lam.share * 1, warmup: 2)", "log", ""},
    {"weights that respond, a dead unit",
     "net f(x: f32[3]) -> f32 { return linear(relu(linear(x, 4) - [0, 0, 0, 100]), 1)[0] }\nweights f = stn(lam)\n",
     "adam(lam.rate, beta2: 1 - lam.share)", "positive", ""},
};

static void write_case(const Case *c, const char *unroll)
{
    write_model(RIDGE_DATA "const rate0 = 0.02\nconst share0 = 0.4\nconst decay0 = 0.05\n"
                     "hyper lam { decay: %s = decay0; rate: %s%s = rate0; share: %s = share0 }\n"
                     "%s"
                     "objective fit(e) = mean(square(f(e.x) - e.y[0]))\n"
                     "objective kept(e) = fit(e) + lam.decay * sum(square(f.linear1.w), axis: [0, 1])\n"
                     "train go = unrolled(lam) {\n"
                     "  lower kept(d.train) by %s\n"
                     "  upper fit(d.valid) by sgd(1)\n"
                     "  unroll %s\n"
                     "  batch 8, 20\n"
                     "  steps 5\n"
                     "  evaluate steps(5)\n"
                     "}\n",
                c->kind, c->kind, c->extent, c->kind, c->net, c->optimizer, unroll);
}

/* The unconstrained number that the hyperparameter is made of, but for a constant. */
static double raw(const Case *c, double value)
{
    return strcmp(c->kind, "log") ? log(expm1(value)) : log(value);
}

static double natural(const Case *c, double number)
{
    return strcmp(c->kind, "log") ? log1p(exp(number)) : exp(number);
}

/* By how much the step has moved the hyperparameter's unconstrained numbers, downwards. */
static double moved(const Case *c, const char *key, double first)
{
    json_t *json = json_load_file("last.json", 0, NULL), *value = json_object_get(json, key);
    double sum = 0;
    assert_non_null(value);
    for (size_t i = 0; i < json_array_size(value); i++)
        sum += raw(c, first) - raw(c, json_number_value(json_array_get(value, i)));
    if (json_is_number(value))
        sum = raw(c, first) - raw(c, json_number_value(value));
    json_decref(json);
    return sum;
}

/* The derivative of the upper loss, by training anew. */
static double difference(const Case *c, const char *constant, double value)
{
    double loss[2];
    for (int side = 0; side < 2; side++) {
        char option[64];
        snprintf(option, sizeof option, "-O0 -D %s=%.17g", constant, natural(c, raw(c, value) + (side ? 1e-4 : -1e-4)));
        build_and_train(option);
        loss[side] = last("loss.upper");
    }
    return (loss[1] - loss[0]) / 2e-4;
}

static void check_case(const Case *c)
{
    static const struct {
        const char *key, *constant;
        double value;
    } hypers[] = {{"lam.decay", "decay0", 0.05}, {"lam.rate", "rate0", 0.02}, {"lam.share", "share0", 0.4}};
    static const char *const ways[] = {"reverse(5)", "reverse(5, segment: 1)", "forward(5)", "reverse(5, start: first)"};
    double expected[3];
    write_case(c, ways[0]);
    for (int i = 0; i < 3; i++)
        expected[i] = difference(c, hypers[i].constant, hypers[i].value);
    for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
        write_case(c, ways[way]);
        build_and_train("-O0");
        assert_true(number("run/result.json", "not_finite") == 0);
        for (int i = 0; i < 3; i++) {
            double seen = moved(c, hypers[i].key, hypers[i].value);
            if (!(fabs(seen - expected[i]) <= 1e-6 * fabs(expected[i]) + 1e-9) || !(fabs(expected[i]) > 1e-6))
                fail_msg("%s, %s: the derivative with respect to %s is %.12g, training anew says %.12g", c->name, ways[way],
                         hypers[i].key, seen, expected[i]);
        }
    }
}

static void test_nets_trained_anew(void **state)
{
    (void)state;
    ridge_problem();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_case(&cases[i]);
}

/* ---- runs ---- */

static void compare_with_plain(const char *text, const char *norm, int steps, const char *average, const char *tensor)
    __attribute__((format(printf, 1, 0)));
static void compare_with_plain(const char *text, const char *norm, int steps, const char *average, const char *tensor)
{
    char unroll[32];
    snprintf(unroll, sizeof unroll, "unroll reverse(%d)", steps);
    const char *const tensors[] = {"f.linear1.w", "f.linear2.b", tensor, "lower/m/f.linear1.w"};
    write_model(text, norm, "unrolled(lam)", unroll, average);
    build_and_train("");
    must_run("rm -rf unrolled && mv run unrolled");
    assert_true(last("epoch") == 3 && last("step") == 15 && last("steps.upper") == 15. / steps);
    write_model(text, norm, "implicit(lam)", "solver identity\n  every 100 lower, 1 upper", average);
    build_and_train("");
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) {
        size_t size = 0, other = 0;
        double *seen = (double *)(void *)tensor_bytes("unrolled/last.safetensors", tensors[i], &size);
        double *plain = (double *)(void *)tensor_bytes("run/last.safetensors", tensors[i], &other);
        if (!seen || !plain || size != other || size == 0)
            fail_msg("there is no tensor '%s' of both runs", tensors[i]);
        for (size_t k = 0; k < size / sizeof *seen; k++)
            if (!(fabs(seen[k] - plain[k]) <= 1e-12))
                fail_msg("%s[%zu] is %.17g, by plain training %.17g", tensors[i], k, seen[k], plain[k]);
        free(seen);
        free(plain);
    }
}

/* Where the upper loss does not move, the weights are those of plain training. */
static void test_steps_of_plain_training(void **state)
{
    (void)state;
    static const char text[] = RIDGE_DATA "hyper lam { decay: log = 0.05 }\n"
                                    "net f(x: f32[3]) -> f32 { return linear(%s(tanh(linear(x, 4))), 1)[0] }\n"
                                    "objective fit(e) = mean(square(f(e.x) - e.y[0]))\n"
                                    "objective kept(e) = fit(e) + lam.decay * sum(square(f.linear1.w), axis: [0, 1])\n"
                                    "train go = %s {\n"
                                    "  lower kept(d.train) by adam(0.02, cosine)\n"
                                    "  upper fit(d.valid) by sgd(1e-300)\n"
                                    "  %s\n"
                                    "  batch 8\n"
                                    "  epochs 3\n"
                                    "  average %s\n"
                                    "}\n";
    ridge_problem();
    compare_with_plain(text, "batchnorm", 5, "ema(0.9)", "f.batchnorm1.mu");
    compare_with_plain(text, "layernorm", 5, "swa(from: 3, every: 4)", "f.layernorm1.gamma");
}

/* A net of texts that carries from window to window; per epoch, the streams of one have 5 windows, those of the other 2. */
#define STREAMS(text)                                                                                                            \
    "data d = text(\"" text ".txt\", unit: character, length: 4, streams: 8) { valid text(\"short.txt\") }\n"                      \
    "net f(tokens: class[v][t]) -> f32[v] {\n"                                                                                   \
    "  weight words: f32[v, 3] ~ uniform(1)\n"                                                                                   \
    "  carried n: f32[4]\n"                                                                                                      \
    "  m = tanh(%s(linear(mean(words[tokens], axis: 0), 4) + n))\n"                                                              \
    "  update n = m + n / 2\n"                                                                                                   \
    "  return linear(m, v)\n"                                                                                                    \
    "}\n"                                                                                                                        \
    "objective fit(e) = mean(cross_entropy(f(e.tokens), e.next[0]))\n"                                                           \
    "objective kept(e) = fit(e) + lam.decay * sum(square(f.linear1.w), axis: [0, 1])\n"

static void write_texts(void)
{
    char text[200];
    for (int i = 0; i < 200; i++)
        text[i] = "abcdef"[i * i / 7 % 6];
    write_file("long.txt", text, 8 * 21);
    write_file("short.txt", text, 8 * 9);
}

static void test_streams_of_plain_training(void **state)
{
    (void)state;
    static const char text[] = "hyper lam { decay: log = 0.05 }\n" STREAMS("long") "train go = %s {\n"
                               "  lower kept(d.train) by adam(0.02, cosine)\n"
                               "  upper fit(d.valid) by sgd(1e-300)\n"
                               "  %s\n"
                               "  batch 8\n"
                               "  epochs 3\n"
                               "  average %s\n"
                               "}\n";
    write_texts();
    compare_with_plain(text, "layernorm", 3, "ema(0.9)", "go.lower/carried/f.n");
}

static void test_streams_trained_anew(void **state)
{
    (void)state;
    static const char text[] = "const decay0 = 0.05\nhyper lam { decay: log = decay0 }\n" STREAMS("short") "train go = unrolled(lam) {\n"
                               "  lower kept(d.train) by sgd(0.5, momentum: 0.5)\n"
                               "  upper fit(d.valid) by sgd(1)\n"
                               "  unroll %s\n"
                               "  batch 8\n"
                               "  steps 5\n"
                               "  evaluate steps(5)\n"
                               "}\n";
    static const char *const ways[] = {"reverse(5)", "reverse(5, segment: 1)", "forward(5)", "reverse(5, start: first)"};
    const Case decays = {.kind = "log"};
    write_texts();
    for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
        write_model(text, "layernorm", ways[way]);
        double expected = difference(&decays, "decay0", 0.05);
        build_and_train("-O0");
        double seen = moved(&decays, "lam.decay", 0.05);
        if (!(fabs(seen - expected) <= 1e-6 * fabs(expected)) || !(fabs(expected) > 1e-6))
            fail_msg("%s: the derivative is %.12g, training anew says %.12g", ways[way], seen, expected);
    }
}

/* Steps that begin anew go through their schedule each time: every unroll is the same training. */
static void test_schedules_begin_anew(void **state)
{
    (void)state;
    ridge_problem();
    write_case(&cases[4], "reverse(5, start: first)");
    must_run("sed -i 's/steps 5/steps 25/; s/evaluate steps(25)/evaluate steps(5)/; s/by sgd(1)/by sgd(1e-300)/; s/batch 8/batch 40/' m.hn");
    build_and_train("");
    must_run("test $(sed 's/.*\"rate.lower\": \\([^,]*\\),.*/\\1/' run/metrics.jsonl | sort -u | wc -l) = 1");
}

/* An epoch of 5 batches is no whole number of unrolls of 3 steps. */
static void test_rounds_and_epochs(void **state)
{
    (void)state;
    ridge_problem();
    write_case(&cases[0], "reverse(3)");
    must_run("sed -i 's/steps 5/epochs 4/; s/evaluate steps(5)/evaluate 1/' m.hn");
    build_and_train("");
    assert_true(last("step") == 21 && last("steps.upper") == 7); /* 20 steps, rounded up */
    must_run("test $(wc -l < run/metrics.jsonl) -ge 4");
    must_run("./m train --out few --quiet --steps 7 && tail -n 1 few/metrics.jsonl > last.json");
    assert_true(last("step") == 9);
}

static void test_goes_on_to_equal_bits(void **state)
{
    (void)state;
    ridge_problem();
    write_case(&cases[1], "reverse(5, start: first)");
    must_run("sed -i 's/steps 5/steps 40/' m.hn");
    build_and_train("");
    must_run("./m train --out part --quiet --steps 15 && ./m train --out part --quiet --steps 40 --resume");
    assert_true(same_files("run/last.safetensors", "part/last.safetensors"));
}

/* w = 1 - lam.a = 0, where the derivative of its root is infinite: the hyperparameter stays where it is. */
static void test_infinite_derivative(void **state)
{
    (void)state;
    write_model("data nothing = rows(4)\n"
                "hyper lam { a: real = 1 }\n"
                "net p() -> f32 { weight w: f32 = 1; return w }\n"
                "objective lower(e) = lam.a * p()\n"
                "objective upper(e) = sqrt(p())\n"
                "train go = unrolled(lam) {\n"
                "  lower lower(nothing.train) by sgd(1)\n"
                "  upper upper(nothing.train) by sgd(1)\n"
                "  unroll reverse(1)\n"
                "  batch 4\n"
                "  steps 1\n"
                "}\n");
    build_and_train("");
    assert_true(last("lam.a") == 1 && last("loss.upper") == 0);
    assert_true(number("run/result.json", "not_finite") == 1);
    must_run("./m train --out said --quiet");
    assert_true(output_has("not_finite 1"));
}

/* Steps that diverge end the run, by the loss that is no number first. */
static void test_diverging_steps(void **state)
{
    (void)state;
    ridge_problem();
    write_model(ridge_model, "reverse(2000)", 2000, 2000);
    must_run("sed -i 's/sgd(0.1)/sgd(10)/' m.hn && '%s/hnc' build m.hn -o m", HNC_BINARY_DIR);
    assert_int_equal(run_command("./m train --out run --quiet"), 1);
    assert_true(output_has("the loss of phase 'lower' of train go is"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_converged_steps, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_truncated_steps, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_nets_trained_anew, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_steps_of_plain_training, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_streams_of_plain_training, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_streams_trained_anew, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_schedules_begin_anew, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_rounds_and_epochs, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_goes_on_to_equal_bits, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_infinite_derivative, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_diverging_steps, folder_set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
