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

#define DATA                                                                                                                     \
    "data d = csv(\"d.csv\") {\n"                                                                                                \
    "  fields x = numbers(a, b, c), y = numbers(t)\n"                                                                            \
    "  split train 40, valid 20\n"                                                                                               \
    "}\n"

static void write_model(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void write_model(const char *format, ...)
{
    char text[4096];
    va_list list;
    va_start(list, format);
    int length = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    assert_in_range(length, 1, sizeof text - 1);
    write_file("m.hn", text, (size_t)length);
}

/* Weights at the minimum of the lower loss; then one upper step after 6000 steps of the responses. It moves the logarithms of
 * both hyperparameters by the derivative of the upper loss through the minimum of the lower one. The noise is so small that the
 * loss is quadratic within it. */
static void test_closed_form(void **state)
{
    (void)state;
    RidgeProblem p = ridge_problem();
    double v[RIDGE_N], expected[2] = {0.2 * ridge_decays[0], 0};
    ridge_solve(p.h, p.g, v);
    for (int i = 0; i < RIDGE_N; i++)
        expected[i == RIDGE_FEATURES] -= v[i] * 2 * ridge_decays[i == RIDGE_FEATURES] * p.w[i];
    write_model(DATA "const speed = 1e-9\n"
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
    double first = -log(last("lam.decay") / ridge_decays[0]), second = -log(last("lam.constant") / ridge_decays[1]);
    double worst = fmax(fabs(first - expected[0]), fabs(second - expected[1]));
    if (!(worst <= 1e-6))
        fail_msg("a derivative is %g from what it should be", worst);
}

/* A net with dropout, running statistics and a hyperparameter that only its responses can tell from others. */
static void write_net(const char *weights, const char *train)
{
    ridge_problem();
    write_model(DATA "hyper lam { drop: rate(0, 0.9) = 0.2; decay: log = 1e-3 shared }\n"
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
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t sizes[2];
        char *centred = tensor_bytes("centred.safetensors", names[i][0], &sizes[0]);
        char *plain = tensor_bytes("run/last.safetensors", names[i][1], &sizes[1]);
        assert_non_null(centred);
        assert_non_null(plain);
        assert_int_equal(sizes[0], sizes[1]);
        assert_memory_equal(centred, plain, sizes[0]);
        free(centred);
        free(plain);
    }
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

static double predicted(const char *export, const char *flags)
{
    must_run("./m predict --weights run/last.safetensors --export %s %s row.csv", export, flags);
    const char *row = strstr(command_output(), "\n2,"); /* the number of the line stands before its result */
    assert_non_null(row);
    return strtod(row + 3, NULL);
}

static void read_numbers(const char *name, double numbers[3])
{
    size_t size;
    char *bytes = tensor_bytes("run/last.safetensors", name, &size);
    assert_non_null(bytes);
    assert_int_equal(size, 3 * sizeof *numbers);
    memcpy(numbers, bytes, size);
    free(bytes);
}

/* An export has no responses, unless it takes the hyperparameters: then it answers for other values, too. */
static void test_exports(void **state)
{
    (void)state;
    double elem[3], hyper[3], scale[3];
    const double x[3] = {0.5, -1, 2};
    ridge_problem();
    write_file("row.csv", "a,b,c\n0.5,-1,2\n", 15);
    write_model(DATA "hyper lam { decay: log = 0.1 shared }\n"
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
    read_numbers("line.w/elem", elem);
    read_numbers("line.w/hyper", hyper);
    read_numbers("line.w/scale", scale);
    double shift = log(0.4) - log(last("lam.decay")), here = 0, there = 0;
    for (int i = 0; i < 3; i++) {
        here += elem[i] * x[i];
        there += (elem[i] + shift * scale[i] * hyper[i]) * x[i];
    }
    assert_true(fabs(there - here) > 1e-2);
    assert_true(fabs(predicted("score", "") - here) < 1e-5);
    assert_true(fabs(predicted("other", "") - here) < 1e-5);
    assert_true(fabs(predicted("other", "--hyper lam.decay=0.4") - there) < 1e-5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_closed_form, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_net_is_that_of_plain_training, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_goes_on_to_equal_bits, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_exports, folder_set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
