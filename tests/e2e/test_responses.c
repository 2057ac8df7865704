/* Centred responses (delta_stn): what they learn is how the minimum of the lower loss moves, by a closed form; a net whose
 * responses are trained is the net that is trained without; runs go on to equal bits. */
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

/* Weights at the minimum of the lower loss; then one upper step after 6000 steps of the responses. It moves the logarithms of
 * both hyperparameters by the derivative of the upper loss through the minimum of the lower one. The noise is so small that the
 * loss is quadratic within it. */
static void test_closed_form(void **state)
{
    (void)state;
    RidgeProblem p = ridge_problem();
    double v[RIDGE_N], expected[2];
    ridge_solve(p.h, p.g, v);
    ridge_through(&p, v, expected);
    write_model(RIDGE_DATA "const speed = 1e-9\n"
                     "hyper lam { decay: log = 0.1 shared; constant: log = 0.3 shared }\n"
                     "net line(x: f32[3]) -> f32 {\n"
                     "  weight w: f32[3] = 0\n"
                     "  weight b: f32 = 0\n"
                     "  return sum(w * x) + b\n"
                     "}\n"
                     "weights line = delta_stn(lam)\n"
                     "objective fit(e) = mean(square(line(e.x) - e.y[0]))\n"
                     "objective ridge(e) = fit(e) + lam.decay * sum(square(line.w), axis: 0) + lam.constant * square(line.b)\n"
                     "objective judged(e) = fit(e) + 0.2 * lam.decay\n"
                     "train go = bilevel(lam) {\n"
                     "  lower ridge(d.train) by sgd(0.1)\n"
                     "  response by sgd(speed)\n"
                     "  upper judged(d.valid) by sgd(1)\n"
                     "  sample normal(scale: 1e-6)\n"
                     "  every 6000 lower, 1 upper\n"
                     "  batch 40, 20\n"
                     "  steps 6000\n"
                     "  evaluate steps(6000)\n"
                     "}\n");
    must_run(
        "'%s/hnc' build --float=f64 -W error m.hn -o m && ./m train --out begun --quiet --steps 3000 && "
        "./m train --from begun/last.safetensors --set speed=5e10 --out run --quiet && tail -n 1 run/metrics.jsonl > last.json",
        HNC_BINARY_DIR);
    double worst = ridge_worst_derivative(expected);
    if (!(worst <= 1e-6))
        fail_msg("a derivative is %g from what it should be", worst);
}

/* A net with dropout, running statistics and a hyperparameter that only its responses can tell from others. */
static void write_net(const char *weights, const char *train)
{
    ridge_problem();
    write_model(RIDGE_DATA "hyper lam { drop: rate(0, 0.9) = 0.2; decay: log = 1e-3 shared }\n"
                     "net f(x: f32[3]) -> f32[1] {\n"
                     "  weight a: f32[8, 3] = 0.3 output axis 0\n"
                     "  weight b: f32[1, 8] = -0.2 output axis 0\n"
                     "  return b @ dropout(tanh(batchnorm(a @ x)), lam.drop)\n"
                     "}\n"
                     "weights f = %s\n"
                     "objective fit(e) = mean(square(f(e.x) - e.y))\n"
                     "objective small(e) = fit(e) + lam.decay * sumsq(f)\n"
                     "train go = %s\n",
                weights, train);
}

/* While no upper step moves the hyperparameters, the weights are those of plain training to equal bits, dropout and all. */
static void test_net_is_that_of_plain_training(void **state)
{
    (void)state;
    write_net("delta_stn(lam)",
              "bilevel(lam) {\n  lower small(d.train) by adam(1e-2)\n  upper fit(d.valid) by adam(1e-2)\n"
              "  sample normal(scale: 1)\n  every 1 lower, 1 upper after 1000 epochs\n  batch 10, 20\n  steps 60\n}");
    build_and_train("");
    must_run("cp run/last.safetensors centred.safetensors");
    write_net("free", "fit {\n  minimise small(d.train) by adam(1e-2)\n  batch 10\n  steps 60\n}");
    build_and_train("");
    static const char *const names[][2] = {{"f.a/elem", "f.a"},
                                           {"f.b/elem", "f.b"},
                                           {"f.batchnorm1.gamma/elem", "f.batchnorm1.gamma"},
                                           {"f.batchnorm1.mu", "f.batchnorm1.mu"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_true(same_numbers("centred.safetensors", names[i][0], "run/last.safetensors", names[i][1]));
}

static void test_goes_on_to_equal_bits(void **state)
{
    (void)state;
    write_net("delta_stn(lam)",
              "bilevel(lam) {\n  lower small(d.train) by adam(1e-2)\n  upper fit(d.valid) by adam(1e-2)\n"
              "  sample normal(scale: 1) by adam(1e-2)\n  every 3 lower, 1 upper\n  batch 10, 20\n  steps 40\n}");
    build_and_train("");
    must_run("./m train --out part --quiet --steps 16 && ./m train --out part --quiet --steps 40 --resume");
    assert_true(same_files("run/last.safetensors", "part/last.safetensors"));
}

static bool program_has(const char *what)
{
    must_run("'%s/hnc' build --emit=ir m.hn -o m", HNC_BINARY_DIR);
    size_t size;
    char *ir = read_file("m.ir", &size);
    assert_non_null(ir);
    bool has = strstr(ir, what) != NULL;
    free(ir);
    return has;
}

/* Optimizers of parts of the net count for responses unless these have one of their own; averages hold responses, too. */
static void test_optimizers_and_averages(void **state)
{
    (void)state;
    for (int own = 0; own < 2; own++) {
        char train[512];
        snprintf(train, sizeof train,
                 "bilevel(lam) {\n  lower small(d.train) by adam(1e-2) of f.batchnorm1, sgd(0.1)\n%s  upper fit(d.valid) by "
                 "adam(1e-2)\n"
                 "  sample normal(scale: 1)\n  batch 10, 20\n  steps 8\n  average ema(0.9)\n}",
                 own ? "  response by sgd(0.1)\n" : "");
        write_net("delta_stn(lam)", train);
        build_and_train("");
        assert_true(program_has("response/f.batchnorm1/m/f.batchnorm1.gamma/scale") == !own);
        assert_true(program_has("raw/f.a/scale") && program_has("average/response/count"));
    }
}

/* The response step goes on from what the net itself has left of the window before, whatever its responses are by now: while the
 * net does not move, that is what the lower step has left. */
static void test_carried_state(void **state)
{
    (void)state;
    FILE *file = fopen("a.txt", "w");
    assert_non_null(file);
    for (int i = 0; i < 400; i++)
        fprintf(file, "%c%s", 'a' + i * i % 7, i % 9 == 8 ? "\n" : " ");
    fclose(file);
    write_model(
        "data t = text(\"a.txt\", unit: word, length: 6, streams: 5) { valid text(\"a.txt\") }\n"
        "hyper lam { alpha: positive = 0.1 }\n"
        "net lm(tokens: class[v][t]) -> f32[t, v] {\n"
        "  carried h: f32[7], c: f32[7]\n"
        "  xs = each(w in tokens) { embedding(w, 5) as words }\n"
        "  hs, h1, c1 = lstm(xs, 7, h, c)\n"
        "  update h = h1, c = c1\n"
        "  return each(x in hs) { linear(x, v) as out }\n"
        "}\n"
        "weights lm = delta_stn(lam)\n"
        "layer nll(z: f32[t, v], next: class[v][t]) -> f32 { return mean(each(x in z, w in next) { cross_entropy(x, w) }) }\n"
        "objective fit(d) = mean(nll(lm(d.tokens), d.next))\n"
        "train go = bilevel(lam) {\n"
        "  lower fit(t.train) + lam.alpha * sumsq(lm) by sgd(1e-30)\n"
        "  upper fit(t.valid) by sgd(1e-30)\n"
        "  response by sgd(0.5)\n"
        "  sample normal(scale: 1)\n"
        "  batch 5\n"
        "  steps 12\n"
        "}\n");
    build_and_train("");
    const char *run = "run/last.safetensors";
    assert_true(same_numbers(run, "go.lower/carried/lm.h", run, "go.response/carried/lm.h"));
}

/* A train that does not move the hyperparameters sees weights without responses, wherever it makes them. */
static void test_other_methods(void **state)
{
    (void)state;
    static const char *const remembered[] = {"outputs(0.1)", "rehearsal(out(d.train), 0.1, examples: 5)", "ewc(1)"};
    for (size_t i = 0; i < sizeof remembered / sizeof *remembered; i++) {
        ridge_problem();
        write_model(RIDGE_DATA "hyper lam { decay: log = 0.1 }\n"
                         "task t[2] embed 4\n"
                         "net made(e: f32[4]) -> f32[5] { return tanh(linear(e, 5)) }\n"
                         "net f(x: f32[3]) -> f32[1] { return linear(x, 1) }\n"
                         "weights made = delta_stn(lam)\n"
                         "weights f = dense(made(t))\n"
                         "objective out(e) = f(e.x)\n"
                         "objective fit(e) = mean(square(f(e.x) - e.y))\n"
                         "train go = continual(t) {\n"
                         "  minimise fit(d.train) by adam(1e-2)\n"
                         "  remember %s\n"
                         "  batch 10\n"
                         "  steps 20\n"
                         "  report fit(d.valid)\n"
                         "}\n",
                    remembered[i]);
        must_run("rm -rf run && '%s/hnc' build m.hn -o m && ./m train --out run --quiet", HNC_BINARY_DIR);
    }
}

/* An export has no responses, unless it takes the hyperparameters: then it answers for other values, too. */
static void test_exports(void **state)
{
    (void)state;
    double elem[3], hyper[3], scale[3];
    const double x[3] = {0.5, -1, 2};
    ridge_problem();
    write_file("row.csv", "a,b,c\n0.5,-1,2\n", 15);
    write_model(RIDGE_DATA "hyper lam { decay: log = 0.1 shared }\n"
                     "net line(x: f32[3]) -> f32 {\n"
                     "  weight w: f32[3] = 1\n"
                     "  return sum(w * x)\n"
                     "}\n"
                     "weights line = delta_stn(lam)\n"
                     "objective fit(e) = mean(square(line(e.x) - e.y[0]))\n"
                     "train go = bilevel(lam) {\n"
                     "  lower fit(d.train) + lam.decay * sumsq(line) by sgd(0.1)\n"
                     "  upper fit(d.valid) by sgd(1e-3)\n"
                     "  sample normal(scale: 0.5)\n"
                     "  batch 40, 20\n"
                     "  steps 200\n"
                     "}\n"
                     "export score(x) = line(x)\n"
                     "export other(x, lam) = line(x)\n");
    build_and_train("");
    tensor_reals("run/last.safetensors", "line.w/elem", elem, 3);
    tensor_reals("run/last.safetensors", "line.w/hyper", hyper, 3);
    tensor_reals("run/last.safetensors", "line.w/scale", scale, 3);
    double shift = log(0.4) - log(last("lam.decay")), here = 0, there = 0;
    for (int i = 0; i < 3; i++) {
        here += elem[i] * x[i];
        there += (elem[i] + shift * scale[i] * hyper[i]) * x[i];
    }
    assert_true(fabs(there - here) > 1e-2);
    assert_true(fabs(predict_row("score", "") - here) < 1e-5);
    assert_true(fabs(predict_row("other", "") - here) < 1e-5);
    assert_true(fabs(predict_row("other", "--hyper lam.decay=0.4") - there) < 1e-5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_closed_form, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_net_is_that_of_plain_training, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_goes_on_to_equal_bits, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_optimizers_and_averages, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_carried_state, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_other_methods, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_exports, folder_set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
