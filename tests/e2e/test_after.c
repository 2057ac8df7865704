/* Weights behind steps on a loss (`after`): values and derivatives against the same steps written out in the language, whatever
 * the optimizer, the order and the part of the net; exports that adapt; runs that go on to equal bits. */
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

/* Three small regressions in each example; `line` adapts by `after`, `hand` by the layer `steps`, which has the gradient of a
 * mean squared error. `moves` is 0 where only the constant moves. */
static const char declarations[] =
    "data t = rows(40) {\n"
    "  w = normal([3, 3, 1])\n"
    "  xs = normal([3, 6, 3])\n"
    "  qs = normal([3, 3])\n"
    "  ys = reshape(sum(xs * reshape(w, [3, 1, 3]), axis: 2), [3, 6])\n"
    "  ts = sum(qs * reshape(w, [3, 3]), axis: 1)\n"
    "}\n"
    "given s[6, 3]\n"
    "given a[6]\n"
    "hyper lam { rate: positive = 0.3 }\n"
    "net rate() -> f32 {\n"
    "  weight r: f32 = 0.3\n"
    "  return r\n"
    "}\n"
    "net rates() -> f32[n] {\n"
    "  weight r: f32[n] = 0.3\n"
    "  return r\n"
    "}\n"
    "net line(x: f32[3]) -> f32 {\n"
    "  weight w: f32[3] = 0.3\n"
    "  weight b: f32 = -0.2\n"
    "  return tanh(sum(w * x) + b)\n"
    "}\n"
    "layer fit(xs: f32[n, 3], ys: f32[n]) -> f32 { return mean(square(each(x in xs) { line(x) } - ys)) }\n"
    "net hand(x: f32[3], xs: f32[n, 3], ys: f32[n], rate, moves) -> f32 {\n"
    "  weight w: f32[3] = 0.3\n"
    "  weight b: f32 = -0.2\n"
    "  v = w\n"
    "  c = b\n"
    "  mv = 0 * w\n"
    "  mc = 0 * b\n"
    "  for i in 0..steps {\n"
    "    p = tanh(xs @ v + c)\n"
    "    e = 2 / n * (p - ys) * (1 - p * p)\n"
    "    gv = e @ xs\n"
    "    gc = sum(e)\n"
    "    if order == 1 { gv = stop(gv); gc = stop(gc) }\n"
    "    mv = momentum * mv + gv\n"
    "    mc = momentum * mc + gc\n"
    "    v = v - moves * rate * mv\n"
    "    c = c - rate * mc\n"
    "  }\n"
    "  return tanh(sum(v * x) + c)\n"
    "}\n";

static void write_trains(const char *weights, const char *constants, const char *rate, int moves, const char *method)
{
    write_model(
        "%s%s%s"
        "objective made(d) = mean(square(each(x in d.xs, y in d.ys, q in d.qs) { line(q) given s = x, a = y } - d.ts))\n"
        "objective written(d) = mean(square(each(x in d.xs, y in d.ys, q in d.qs) { hand(q, x, y, %s, moves: %d) } - d.ts))\n"
        "train go = %s\n",
        declarations, constants, weights, rate, moves, method);
}

static double distance(const char *left, const char *left_name, const char *right, const char *right_name)
{
    size_t size, other;
    double *x = (double *)tensor_bytes(left, left_name, &size), *y = (double *)tensor_bytes(right, right_name, &other), worst = 0;
    assert_non_null(x);
    assert_non_null(y);
    assert_int_equal(size, other);
    for (size_t i = 0; i < size / sizeof *x; i++)
        worst = fmax(worst, fabs(x[i] - y[i]));
    free(x);
    free(y);
    return worst;
}

static double number_of(const char *path, const char *name)
{
    double number;
    tensor_reals(path, name, &number, 1);
    return number;
}

typedef struct Case {
    const char *weights, *constants, *rate;
    int moves;
} Case;

static void test_steps_by_hand(void **state)
{
    (void)state;
    static const Case cases[] = {
        {"weights line = after(fit(s, a), sgd(0.3), steps: steps)\n", "const steps = 1\nconst momentum = 0\nconst order = 2\n",
         "0.3", 1},
        {"weights line = after(fit(s, a), sgd(0.3), steps: steps)\n", "const steps = 4\nconst momentum = 0\nconst order = 2\n",
         "0.3", 1},
        {"weights line = after(fit(s, a), sgd(0.3, momentum: 0.7), steps: 4)\n",
         "const steps = 4\nconst momentum = 0.7\nconst order = 2\n", "0.3", 1},
        {"weights line = after(fit(s, a), sgd(0.3), steps: 4, order: 1)\n",
         "const steps = 4\nconst momentum = 0\nconst order = 1\n", "0.3", 1},
        {"weights line.b = after(fit(s, a), sgd(0.3), steps: 4)\n", "const steps = 4\nconst momentum = 0\nconst order = 2\n",
         "0.3", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const Case *c = &cases[i];
        const char *trains[] = {"made", "written"};
        for (int k = 0; k < 2; k++) {
            char method[256];
            snprintf(method, sizeof method, "fit {\n  minimise %s(t.train) by sgd(0.02)\n  batch 8\n  steps 20\n}", trains[k]);
            write_trains(c->weights, c->constants, c->rate, c->moves, method);
            build_and_train("");
            must_run("cp run/last.safetensors %s.safetensors", trains[k]);
        }
        double w = distance("made.safetensors", "line.w", "written.safetensors", "hand.w");
        double b = distance("made.safetensors", "line.b", "written.safetensors", "hand.b");
        if (!(w < 1e-13 && b < 1e-13))
            fail_msg("case %zu: steps that are made and steps that are written differ by %g and %g", i, w, b);
        if (!(fabs(number_of("made.safetensors", "line.b") + 0.2) > 0.01))
            fail_msg("case %zu: the weights did not move", i);
    }
}

/* The rate of the steps as a trained number, as one for each number that moves, and as a hyperparameter. */
static void test_rates_that_are_learned(void **state)
{
    (void)state;
    static const char constants[] = "const steps = 3\nconst momentum = 0\nconst order = 2\n";
    static const char fits[] = "fit {\n  minimise %s(t.train) by sgd(0.02)\n  batch 8\n  steps 20\n}";
    char method[256];
    snprintf(method, sizeof method, fits, "made");
    write_trains("weights line = after(fit(s, a), sgd(rate()), steps: 3)\n", constants, "rate()", 1, method);
    build_and_train("");
    must_run("cp run/last.safetensors made.safetensors");
    write_trains("weights line = after(fit(s, a), sgd(rates()), steps: 3)\n", constants, "rate()", 1, method);
    must_run("'%s/hnc' check --gradients m.hn", HNC_BINARY_DIR);
    snprintf(method, sizeof method, fits, "written");
    write_trains("", constants, "rate()", 1, method);
    build_and_train("");
    assert_true(fabs(number_of("made.safetensors", "rate.r") - 0.3) > 1e-3);
    assert_true(distance("made.safetensors", "rate.r", "run/last.safetensors", "rate.r") < 1e-13);
    assert_true(distance("made.safetensors", "line.w", "run/last.safetensors", "hand.w") < 1e-13);
    write_trains("weights line = after(fit(s, a), sgd(lam.rate), steps: 3)\n", constants, "0.3", 1,
                 "bilevel(lam) {\n  lower made(t.train) by sgd(0.02)\n  upper made(t.train) by sgd(0.1)\n"
                 "  sample normal(scale: 1e-3)\n  batch 8\n  steps 10\n}");
    must_run("'%s/hnc' check -W no-same-split -W error --gradients m.hn", HNC_BINARY_DIR);
    assert_true(output_has("lam/value"));
    build_and_train("-W no-same-split");
    assert_true(fabs(last("lam.rate") - 0.3) > 1e-3);
}

/* What an export makes of a task that it is given is what the weights of the run make behind the steps. */
static void test_exports_adapt(void **state)
{
    (void)state;
    ridge_problem();
    write_model(RIDGE_DATA "given s[2, 3]\n"
                           "given a[2]\n"
                           "net line(x: f32[3]) -> f32 {\n"
                           "  weight w: f32[3] = 0.3\n"
                           "  return sum(w * x)\n"
                           "}\n"
                           "layer fit(xs: f32[n, 3], ys: f32[n]) -> f32 { return mean(square(each(x in xs) { line(x) } - ys)) }\n"
                           "weights line = after(fit(s, a), sgd(0.1), steps: 1)\n"
                           "objective adapted(e) = mean(square(line(e.x) - e.y[0])) given s = stack(e.x, -e.x), a = [e.y[0], 0]\n"
                           "train go = fit {\n  minimise adapted(d.train) by adam(1e-2)\n  batch 8\n  steps 10\n}\n"
                           "export score(s, a, x) = line(x)\n");
    build_and_train("");
    double w[3];
    tensor_reals("run/last.safetensors", "line.w", w, 3);
    static const double s[2][3] = {{1, 2, 0.25}, {-1, 0.5, 3}}, a[2] = {3, -1}, x[3] = {2, -3, 1};
    double moved[3] = {w[0], w[1], w[2]}, expected = 0;
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 3; k++)
            moved[k] -= 0.1 * (w[0] * s[i][0] + w[1] * s[i][1] + w[2] * s[i][2] - a[i]) * s[i][k];
    for (int k = 0; k < 3; k++)
        expected += moved[k] * x[k];
    write_file("row.csv", "a,b,c\n2,-3,1\n", 13);
    assert_true(fabs(predict_row("score", "--given s=1,2,0.25,-1,0.5,3 --given a=3,-1") - expected) < 1e-5 * fabs(expected));
    assert_int_not_equal(run_command("./m predict --weights run/last.safetensors --given s=1,2,-1 --given a=3,-1 row.csv"), 0);
    assert_true(output_has("--given expects 6 numbers"));
}

static void test_goes_on_to_equal_bits(void **state)
{
    (void)state;
    write_trains("weights line = after(fit(s, a), sgd(rates(), momentum: 0.5), steps: 2)\n",
                 "const steps = 1\nconst momentum = 0\nconst order = 2\n", "0.3", 1,
                 "fit {\n  minimise made(t.train) by adam(1e-2)\n  batch 8\n  steps 30\n}");
    build_and_train("");
    must_run("./m train --out part --quiet --steps 15 && ./m train --out part --quiet --steps 30 --resume");
    assert_true(same_files("run/last.safetensors", "part/last.safetensors"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_steps_by_hand, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_rates_that_are_learned, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_exports_adapt, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_goes_on_to_equal_bits, folder_set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
