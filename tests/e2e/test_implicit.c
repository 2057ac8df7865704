/* Hyperparameters by implicit differentiation, on ridge regression: what a step of the upper loss does agrees with the closed
 * form, for every solver; truncated solvers do what their formula says; what a solver does not solve is counted. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/e2e/ridge.h"
#include "tests/e2e/tensor_file.h"
#include "tests/runtime/run_command.h"

/* SOLVER, steps of lower, how many of them there are for one of upper. Weights are at the minimum after 4000 steps. */
static const char model[] =
    "data d = csv(\"d.csv\") {\n"
    "  fields x = numbers(a, b, c), y = numbers(t)\n"
    "  split train 40, valid 20\n"
    "}\n"
    "hyper lam { decay: log = 0.1; constant: log = 0.3 }\n"
    "net line(x: f32[3]) -> f32 {\n"
    "  weight w: f32[3] = 0\n"
    "  weight b: f32 = 0\n"
    "  return sum(w * x) + b\n"
    "}\n"
    "objective fit(e) = mean(square(line(e.x) - e.y[0]))\n"
    "objective ridge(e) = fit(e) + lam.decay * sum(square(line.w), axis: 0) + lam.constant * square(line.b)\n"
    "objective judged(e) = fit(e) + 0.2 * lam.decay\n"
    "train go = implicit(lam) {\n"
    "  lower ridge(d.train) by sgd(0.1)\n"
    "  upper judged(d.valid) by sgd(1)\n"
    "  solver %s\n"
    "  every %d lower, 1 upper\n"
    "  batch 40, 20\n"
    "  steps %d\n"
    "  evaluate steps(%d)\n"
    "}\n";
enum { LONG = 4000 };

static void train(const char *solver, int every, int steps, int evaluate)
{
    char text[2048];
    assert_in_range(snprintf(text, sizeof text, model, solver, every, steps, evaluate), 1, sizeof text - 1);
    write_file("m.hn", text, strlen(text));
    build_and_train("-W error");
}

/* How far the derivatives by which the step has moved both hyperparameters, which it moves by their logarithms, are from those of
 * v. */
static double worst_derivative(const RidgeProblem *p, const double v[RIDGE_N])
{
    double expected[2];
    ridge_through(p, v, expected);
    return ridge_worst_derivative(expected);
}

static void check_derivative(const RidgeProblem *p, const double v[RIDGE_N], double tolerance)
{
    double worst = worst_derivative(p, v);
    if (!(worst <= tolerance))
        fail_msg("a derivative is %g from what it should be", worst);
}

static void test_converged_solvers(void **state)
{
    (void)state;
    static const char *const solvers[] = {"exact",
                                          "cg(4, tolerance: 1e-12)",
                                          "cg(50, tolerance: 1e-12, start: warm)",
                                          "normal_cg(8, tolerance: 1e-12)",
                                          "neumann(3000, rate: 0.3, tolerance: 1e-9)",
                                          "descent(3000, rate: 0.3, tolerance: 1e-9)"};
    RidgeProblem p = ridge_problem();
    double v[RIDGE_N];
    ridge_solve(p.h, p.g, v);
    for (size_t i = 0; i < sizeof solvers / sizeof *solvers; i++) {
        train(solvers[i], LONG, LONG, LONG);
        check_derivative(&p, v, 1e-8);
        assert_true(last("residual.solve") <= 1e-9);
        assert_true(number("run/result.json", "unsolved") == 0);
    }
    p.h[0][0] += 0.5; /* with a ridge, the equations are others */
    for (int i = 1; i < RIDGE_N; i++)
        p.h[i][i] += 0.5;
    ridge_solve(p.h, p.g, v);
    train("cg(4, ridge: 0.5, tolerance: 1e-12)", LONG, LONG, LONG);
    check_derivative(&p, v, 1e-8);
    train("exact(ridge: 0.5)", LONG, LONG, LONG);
    check_derivative(&p, v, 1e-8);
    train("nystroem(4, ridge: 0.5)", LONG, LONG, LONG); /* of all columns */
    check_derivative(&p, v, 1e-8);
    assert_true(last("residual.solve") <= 1e-9);
}

/* v = a sum of (1 - a H)^j g up to j = terms. */
static void test_truncated_series(void **state)
{
    (void)state;
    RidgeProblem p = ridge_problem();
    double v[RIDGE_N] = {0}, r[RIDGE_N], product[RIDGE_N];
    memcpy(r, p.g, sizeof r);
    for (int step = 0; step <= 3; step++) {
        ridge_multiply(p.h, r, product);
        for (int i = 0; i < RIDGE_N; i++) {
            v[i] += 0.2 * r[i];
            r[i] -= 0.2 * product[i];
        }
    }
    train("neumann(3, rate: 0.2)", LONG, LONG, LONG);
    check_derivative(&p, v, 1e-8);
    assert_float_equal(last("residual.solve"), sqrt(ridge_dot(r, r) / ridge_dot(p.g, p.g)), 1e-9);
    train("identity", LONG, LONG, LONG);
    check_derivative(&p, p.g, 1e-8);
    train("neumann(40, rate: 5)", LONG, LONG, LONG); /* 5 H has eigenvalues above 2 */
    assert_true(last("residual.solve") > 1);
    assert_true(number("run/result.json", "unsolved") == 1);
}

/* Steps v <- v + a (g - H v), from 0 or from where the last solve ended. The first upper step moves the decays so little that the
 * second one has the same equations. */
static void test_descent(void **state)
{
    (void)state;
    RidgeProblem p = ridge_problem();
    double v[RIDGE_N] = {0}, r[RIDGE_N], product[RIDGE_N];
    for (int step = 0; step < 6; step++) {
        ridge_multiply(p.h, v, product);
        for (int i = 0; i < RIDGE_N; i++) {
            r[i] = p.g[i] - product[i];
            v[i] += 0.2 * r[i];
        }
        if (step != 2)
            continue;
        train("descent(3, rate: 0.2)", LONG, LONG, LONG);
        check_derivative(&p, v, 1e-8);
        assert_float_equal(last("residual.solve"), sqrt(ridge_dot(r, r) / ridge_dot(p.g, p.g)), 1e-9);
        train("descent(3, rate: 0.2, start: zero)", LONG, LONG, LONG);
        check_derivative(&p, v, 1e-8);
    }
    const char *before = "upper judged(d.valid) by sgd(1)", *small = "upper judged(d.valid) by sgd(1e-9)";
    char text[2048];
    assert_in_range(snprintf(text, sizeof text, model, "descent(3, rate: 0.2)", LONG, 2 * LONG, LONG), 1, sizeof text - 1);
    char *place = strstr(text, before), rest[1024];
    assert_non_null(place);
    snprintf(rest, sizeof rest, "%s", place + strlen(before));
    snprintf(place, sizeof text - (size_t)(place - text), "%s%s", small, rest);
    write_file("m.hn", text, strlen(text));
    build_and_train("-W error");
    assert_float_equal(last("residual.solve"), sqrt(ridge_dot(r, r) / ridge_dot(p.g, p.g)), 1e-7);
}

/* Weights, v and hyperparameters move at once, each from where the others were, on losses whose second derivatives change. */
static void test_soba(void **state)
{
    (void)state;
    static const char text[] = "data d = rows(8) { x: f32 = 1 }\n"
                               "hyper lam { l: real = 0.7 }\n"
                               "net point() -> f32 {\n  weight w: f32 = 0.4\n  return w\n}\n"
                               "objective lower(e) = pow(point(), 4) / 4 + square(point() - lam.l) * square(lam.l) / 2\n"
                               "objective upper(e) = square(point() - 3) / 2 + square(lam.l) / 10\n"
                               "train go = implicit(lam) {\n"
                               "  lower lower(d.train) by sgd(0.05)\n"
                               "  upper upper(d.train) by sgd(0.03)\n"
                               "  solver soba(rate: 0.1)\n"
                               "  batch 8\n"
                               "  steps 9\n"
                               "  evaluate steps(9)\n"
                               "}\n";
    double w = 0.4, v = 0, l = 0.7;
    for (int step = 0; step < 9; step++) {
        double f_w = w * w * w + (w - l) * l * l, f_ww = 3 * w * w + l * l, f_wl = 2 * l * (w - l) - l * l, was = w, before = v;
        w -= 0.05 * f_w;
        v += 0.1 * (was - 3 - f_ww * v);
        l -= 0.03 * (0.2 * l - f_wl * before);
    }
    write_file("m.hn", text, strlen(text));
    build_and_train("-W no-same-split");
    double found[3];
    tensor_reals("run/last.safetensors", "point.w", &found[0], 1);
    tensor_reals("run/last.safetensors", "solve/solution/point.w", &found[1], 1);
    tensor_reals("run/last.safetensors", "lam/value", &found[2], 1);
    assert_float_equal(found[0], w, 1e-12);
    assert_float_equal(found[1], v, 1e-12);
    assert_float_equal(found[2], l, 1e-12);
}

/* v = (g - C (ridge W + C' C)^-1 C' g) / ridge, of two columns, the first and third or the second and fourth. */
static void test_some_columns(void **state)
{
    (void)state;
    const double ridge = 0.5;
    RidgeProblem p = ridge_problem();
    double apart[2] = {0};
    train("nystroem(2, ridge: 0.5)", LONG, LONG, LONG);
    for (int first = 0; first < 2; first++) {
        double m[2][2], seen[2], share[2], v[RIDGE_N], product[RIDGE_N], left = 0;
        for (int i = 0; i < 2; i++) {
            seen[i] = ridge_dot(p.h[first + 2 * i], p.g);
            for (int j = 0; j < 2; j++)
                m[i][j] = ridge * p.h[first + 2 * i][first + 2 * j] + ridge_dot(p.h[first + 2 * i], p.h[first + 2 * j]);
        }
        double determinant = m[0][0] * m[1][1] - m[0][1] * m[1][0];
        share[0] = (m[1][1] * seen[0] - m[0][1] * seen[1]) / determinant;
        share[1] = (m[0][0] * seen[1] - m[1][0] * seen[0]) / determinant;
        for (int i = 0; i < RIDGE_N; i++)
            v[i] = (p.g[i] - p.h[i][first] * share[0] - p.h[i][first + 2] * share[1]) / ridge;
        ridge_multiply(p.h, v, product);
        for (int i = 0; i < RIDGE_N; i++)
            left += pow(p.g[i] - product[i] - ridge * v[i], 2);
        apart[first] = worst_derivative(&p, v) + fabs(last("residual.solve") - sqrt(left / ridge_dot(p.g, p.g)));
    }
    assert_true(fmin(apart[0], apart[1]) < 1e-8 && fmax(apart[0], apart[1]) > 1e-4);
}

static void test_one_step_of_conjugate_gradients(void **state)
{
    (void)state;
    RidgeProblem p = ridge_problem();
    double v[RIDGE_N], product[RIDGE_N];
    ridge_multiply(p.h, p.g, product);
    double length = ridge_dot(p.g, p.g) / ridge_dot(p.g, product), left = 0;
    for (int i = 0; i < RIDGE_N; i++) {
        v[i] = length * p.g[i];
        left += (p.g[i] - length * product[i]) * (p.g[i] - length * product[i]);
    }
    train("cg(1)", LONG, LONG, LONG);
    check_derivative(&p, v, 1e-8);
    assert_float_equal(last("residual.solve"), sqrt(left / ridge_dot(p.g, p.g)), 1e-9);
    assert_true(last("iterations.solve") == 1);
    assert_true(number("run/result.json", "unsolved") == 1);
    must_run("./m train --out said --quiet");
    assert_true(output_has("; unsolved 1;"));
}

/* Where hardly anything has changed since the last solution, a warm start takes no step. */
static void test_warm_start(void **state)
{
    (void)state;
    ridge_problem();
    train("cg(20, tolerance: 1e-6, start: warm)", 1, 3, 1);
    assert_true(last("iterations.solve") >= 2);
    train("cg(20, tolerance: 1e-3, start: warm)", 1, LONG, 1);
    double warm = last("iterations.solve");
    train("cg(20, tolerance: 1e-3)", 1, LONG, 1);
    assert_true(warm < 1 && last("iterations.solve") >= 2);
}

/* Two weights at 1 under the lower loss sum_i c_i w_i^2 + a (w_1 + w_2), and w_1 + 2 w_2 above. */
static void train_curved(const char *curvatures, const char *solver)
{
    static const char text[] = "data nothing = rows(4)\n"
                               "hyper lam { a: real = 0.5 }\n"
                               "net p() -> f32[2] { weight w: f32[2] = 1; return w }\n"
                               "objective lower(e) = sum(square(p()) * [%s], axis: 0) + lam.a * sum(p(), axis: 0)\n"
                               "objective upper(e) = sum(p() * [1, 2], axis: 0) + 0.25 * lam.a\n"
                               "train go = implicit(lam) {\n"
                               "  lower lower(nothing.train) by sgd(1e-12)\n"
                               "  upper upper(nothing.train) by sgd(1)\n"
                               "  solver %s\n"
                               "  batch 4\n"
                               "  steps 1\n"
                               "}\n";
    char made[2048];
    snprintf(made, sizeof made, text, curvatures, solver);
    write_file("m.hn", made, strlen(made));
    build_and_train("");
}

/* A second derivative of both signs: conjugate gradients stop and say so, the others solve. */
static void test_indefinite(void **state)
{
    (void)state;
    static const char *const solvers[] = {"normal_cg(2, tolerance: 1e-9)", "exact"};
    for (size_t i = 0; i < 2; i++) {
        train_curved("1, -1", solvers[i]);
        assert_float_equal(last("lam.a"), 0.25 + (1. / 2 - 2. / 2), 1e-9); /* v = [1/2, -2/2], d lower / dw da = [1, 1] */
        assert_true(number("run/result.json", "unsolved") == 0);
    }
    train_curved("1, -1", "cg(2)");
    assert_true(last("lam.a") == 0.25 && last("iterations.solve") == 0); /* g' H g = 2 - 8: nothing was found */
    assert_true(number("run/result.json", "unsolved") == 1);
}

/* No solution: the hyperparameter moves by what the upper loss says of it directly. */
static void test_singular(void **state)
{
    (void)state;
    train_curved("1, 0", "exact");
    assert_true(last("lam.a") == 0.25);
    assert_true(number("run/result.json", "unsolved") == 1);
    train_curved("1, 0", "exact(ridge: 1)");
    assert_float_equal(last("lam.a"), 0.25 + 1. / 3 + 2. / 1, 1e-9);
}

/* A net with a loop, trained until it stands still: the derivative is the difference that training anew makes. */
static void test_net_trained_anew(void **state)
{
    (void)state;
    static const char text[] =
        "data d = csv(\"d.csv\") {\n"
        "  fields x = numbers(a, b, c), y = numbers(t)\n"
        "  split train 40, valid 20\n"
        "}\n"
        "const start = 0.05\n"
        "hyper lam { decay: log = start }\n"
        "net f(x: f32[3]) -> f32 {\n"
        "  hs, h, c = lstm(reshape(x, [3, 1]), 2)\n"
        "  return linear(h, 1)[0]\n"
        "}\n"
        "objective fit(e) = mean(square(f(e.x) - e.y[0]))\n"
        "objective kept(e) = fit(e) + lam.decay * (sum(square(f.linear1.w), axis: [0, 1]) + square(f.linear1.b[0]) +\n"
        "  sum(square(f.lstm1.wx), axis: [0, 1]) + sum(square(f.lstm1.wh), axis: [0, 1]) + sum(square(f.lstm1.b), axis: 0))\n"
        "train go = implicit(lam) {\n"
        "  lower kept(d.train) by sgd(0.2, momentum: 0.9)\n"
        "  upper fit(d.valid) by sgd(1)\n"
        "  solver cg(100, tolerance: 1e-10)\n"
        "  every 20000 lower, 1 upper\n"
        "  batch 40, 20\n"
        "  steps 20000\n"
        "  evaluate steps(20000)\n"
        "}\n";
    double loss[2];
    ridge_problem();
    write_file("m.hn", text, strlen(text));
    for (int side = 0; side < 2; side++) {
        char start[64];
        snprintf(start, sizeof start, "-D start=%.17g", 0.05 * exp(side ? 1e-4 : -1e-4));
        build_and_train(start);
        loss[side] = last("fit(d.valid)");
    }
    build_and_train("");
    double seen = -log(last("lam.decay") / 0.05), expected = (loss[1] - loss[0]) / 2e-4;
    assert_true(number("run/result.json", "unsolved") == 0 && fabs(expected) > 1e-3);
    if (!(fabs(seen - expected) <= 1e-6 * fabs(expected)))
        fail_msg("the derivative is %.12g, training anew says %.12g", seen, expected);
}

static void test_goes_on_to_equal_bits(void **state)
{
    (void)state;
    ridge_problem();
    train("cg(2, start: warm)", 3, 20, 1);
    must_run("./m train --out part --quiet --steps 10 && ./m train --out part --quiet --steps 20 --resume");
    assert_true(same_files("run/last.safetensors", "part/last.safetensors"));
}

/* A net that reads what it carries, n, and makes it n/2 + w: what the windows before have left is a constant, and each phase goes
 * through the streams by itself. */
static double carried_by_definition(void)
{
    enum { LOWER, UPPER, SOLVE, PHASES, STEPS = 8, WINDOWS = 3 };
    double w = 0.5, a = 0.7, n[PHASES] = {0};
    int taken[PHASES] = {0};
    for (int step = 1; step <= STEPS; step++) {
        for (int phase = LOWER; phase < (step % 2 ? UPPER : PHASES); phase++)
            if (taken[phase]++ % WINDOWS == 0)
                n[phase] = 0;
        double h = n[LOWER], gradient = (h * w - 1) * h + a * w;
        n[LOWER] = h / 2 + w;
        w -= 0.1 * gradient;
        if (step % 2)
            continue;
        double v = (n[UPPER] * w - 2) * n[UPPER] / (n[SOLVE] * n[SOLVE] + a);
        n[UPPER] = n[UPPER] / 2 + w;
        n[SOLVE] = n[SOLVE] / 2 + w;
        a += 0.1 * v * w;
    }
    return a;
}

static void test_what_is_carried(void **state)
{
    (void)state;
    static const char text[] = "data d = text(\"a.txt\", unit: character, length: 4, streams: 2) { valid text(\"a.txt\") }\n"
                               "hyper lam { a: real = 0.7 }\n"
                               "net f(tokens: class[v][t]) -> f32 {\n"
                               "  weight w: f32 = 0.5\n"
                               "  carried n: f32\n"
                               "  update n = n / 2 + w\n"
                               "  return n * w\n"
                               "}\n"
                               "objective lower(e) = mean(square(f(e.tokens) - 1)) / 2 + lam.a * square(f.w) / 2\n"
                               "objective upper(e) = mean(square(f(e.tokens) - 2)) / 2\n"
                               "train go = implicit(lam) {\n"
                               "  lower lower(d.train) by sgd(0.1)\n"
                               "  upper upper(d.valid) by sgd(0.1)\n"
                               "  solver exact\n"
                               "  every 2 lower, 1 upper\n"
                               "  batch 2\n"
                               "  steps 8\n"
                               "  evaluate steps(1)\n"
                               "}\n";
    write_file("a.txt", "abcdabcdabcdabcdabcdabcdab", 26);
    write_file("m.hn", text, strlen(text));
    build_and_train("");
    assert_float_equal(last("lam.a"), carried_by_definition(), 1e-12);
    must_run("./m train --out part --quiet --steps 5 && ./m train --out part --quiet --steps 8 --resume");
    assert_true(same_files("run/last.safetensors", "part/last.safetensors"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_converged_solvers, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_descent, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_soba, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_truncated_series, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_some_columns, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_one_step_of_conjugate_gradients, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_warm_start, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_indefinite, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_singular, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_net_trained_anew, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_carried, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_goes_on_to_equal_bits, folder_set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
