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
#include <jansson.h>

#include "tests/runtime/run_command.h"

enum { N = 4, FEATURES = 3, TRAIN = 40, VALID = 20, ROWS = TRAIN + VALID };
static const double decays[2] = {0.1, 0.3}; /* of the weights, and of the constant */

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

typedef struct Problem {
    double z[ROWS][N], y[ROWS]; /* with a 1 behind the features */
    double h[N][N], g[N], w[N]; /* at the minimum: second derivative of lower, derivative of upper, weights */
} Problem;

/* x solves a x = b. */
static void solve(const double a[N][N], const double b[N], double x[N])
{
    double m[N][N + 1];
    for (int i = 0; i < N; i++) {
        memcpy(m[i], a[i], sizeof a[i]);
        m[i][N] = b[i];
    }
    for (int k = 0; k < N; k++)
        for (int i = 0; i < N; i++) {
            double factor = m[i][k] / m[k][k];
            for (int j = k; j <= N && i != k; j++)
                m[i][j] -= factor * m[k][j];
        }
    for (int i = 0; i < N; i++)
        x[i] = m[i][N] / m[i][i];
}

static void multiply(const double a[N][N], const double x[N], double product[N])
{
    for (int i = 0; i < N; i++) {
        product[i] = 0;
        for (int j = 0; j < N; j++)
            product[i] += a[i][j] * x[j];
    }
}

static double dot(const double a[N], const double b[N])
{
    double sum = 0;
    for (int i = 0; i < N; i++)
        sum += a[i] * b[i];
    return sum;
}

static double predicted(const Problem *p, int row)
{
    return dot(p->w, p->z[row]);
}

static Problem make_problem(void)
{
    Problem p = {0};
    double right[N] = {0};
    FILE *file = fopen("d.csv", "w");
    assert_non_null(file);
    fputs("a,b,c,t\n", file);
    for (int row = 0; row < ROWS; row++) {
        for (int i = 0; i < FEATURES; i++)
            p.z[row][i] = sin(1 + 7 * row + 3 * i * i + 0.1 * row * i);
        p.z[row][FEATURES] = 1;
        p.y[row] = p.z[row][0] - 2 * p.z[row][1] + 0.5 + cos(5 * row);
        fprintf(file, "%.17g,%.17g,%.17g,%.17g\n", p.z[row][0], p.z[row][1], p.z[row][2], p.y[row]);
    }
    fclose(file);
    for (int i = 0; i < N; i++) {
        for (int row = 0; row < TRAIN; row++) {
            right[i] += 2. / TRAIN * p.z[row][i] * p.y[row];
            for (int j = 0; j < N; j++)
                p.h[i][j] += 2. / TRAIN * p.z[row][i] * p.z[row][j];
        }
        p.h[i][i] += 2 * decays[i == FEATURES];
    }
    solve(p.h, right, p.w);
    for (int row = TRAIN; row < ROWS; row++)
        for (int i = 0; i < N; i++)
            p.g[i] += 2. / VALID * p.z[row][i] * (predicted(&p, row) - p.y[row]);
    return p;
}

/* m.hn, with these options of hnc; last.json is the last evaluation of the run. */
static void build_and_train(const char *options)
{
    must_run("rm -rf run && '%s/hnc' build --float=f64 %s m.hn -o m && ./m train --out run --quiet && tail -n 1 "
             "run/metrics.jsonl > last.json",
             HNC_BINARY_DIR, options);
}

static void train(const char *solver, int every, int steps, int evaluate)
{
    char text[2048];
    assert_in_range(snprintf(text, sizeof text, model, solver, every, steps, evaluate), 1, sizeof text - 1);
    write_file("m.hn", text, strlen(text));
    build_and_train("-W error");
}

static double number(const char *file, const char *key)
{
    json_t *json = json_load_file(file, 0, NULL);
    double value = json_number_value(json_object_get(json, key));
    json_decref(json);
    return value;
}

static double last(const char *key)
{
    return number("last.json", key);
}

/* How far the derivatives by which the step has moved both hyperparameters, which it moves by their logarithms, are from those of
 * v. */
static double worst_derivative(const Problem *p, const double v[N])
{
    double parts[2] = {0.2 * decays[0], 0};
    for (int i = 0; i < N; i++)
        parts[i == FEATURES] -= v[i] * 2 * decays[i == FEATURES] * p->w[i];
    double first = -log(last("lam.decay") / decays[0]) - parts[0], second = -log(last("lam.constant") / decays[1]) - parts[1];
    return fmax(fabs(first), fabs(second));
}

static void check_derivative(const Problem *p, const double v[N], double tolerance)
{
    double worst = worst_derivative(p, v);
    if (!(worst <= tolerance))
        fail_msg("a derivative is %g from what it should be", worst);
}

static void test_converged_solvers(void **state)
{
    (void)state;
    static const char *const solvers[] = {"exact", "cg(4, tolerance: 1e-12)", "cg(50, tolerance: 1e-12, start: warm)",
                                          "normal_cg(8, tolerance: 1e-12)", "neumann(3000, rate: 0.3, tolerance: 1e-9)"};
    Problem p = make_problem();
    double v[N];
    solve(p.h, p.g, v);
    for (size_t i = 0; i < sizeof solvers / sizeof *solvers; i++) {
        train(solvers[i], LONG, LONG, LONG);
        check_derivative(&p, v, 1e-8);
        assert_true(last("residual.solve") <= 1e-9);
        assert_true(number("run/result.json", "unsolved") == 0);
    }
    p.h[0][0] += 0.5; /* with a ridge, the equations are others */
    for (int i = 1; i < N; i++)
        p.h[i][i] += 0.5;
    solve(p.h, p.g, v);
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
    Problem p = make_problem();
    double v[N] = {0}, r[N], product[N];
    memcpy(r, p.g, sizeof r);
    for (int step = 0; step <= 3; step++) {
        multiply(p.h, r, product);
        for (int i = 0; i < N; i++) {
            v[i] += 0.2 * r[i];
            r[i] -= 0.2 * product[i];
        }
    }
    train("neumann(3, rate: 0.2)", LONG, LONG, LONG);
    check_derivative(&p, v, 1e-8);
    assert_float_equal(last("residual.solve"), sqrt(dot(r, r) / dot(p.g, p.g)), 1e-9);
    train("identity", LONG, LONG, LONG);
    check_derivative(&p, p.g, 1e-8);
    train("neumann(40, rate: 5)", LONG, LONG, LONG); /* 5 H has eigenvalues above 2 */
    assert_true(last("residual.solve") > 1);
    assert_true(number("run/result.json", "unsolved") == 1);
}

/* v = (g - C (ridge W + C' C)^-1 C' g) / ridge, of two columns, the first and third or the second and fourth. */
static void test_some_columns(void **state)
{
    (void)state;
    const double ridge = 0.5;
    Problem p = make_problem();
    double apart[2] = {0};
    train("nystroem(2, ridge: 0.5)", LONG, LONG, LONG);
    for (int first = 0; first < 2; first++) {
        double m[2][2], seen[2], share[2], v[N], product[N], left = 0;
        for (int i = 0; i < 2; i++) {
            seen[i] = dot(p.h[first + 2 * i], p.g);
            for (int j = 0; j < 2; j++)
                m[i][j] = ridge * p.h[first + 2 * i][first + 2 * j] + dot(p.h[first + 2 * i], p.h[first + 2 * j]);
        }
        double determinant = m[0][0] * m[1][1] - m[0][1] * m[1][0];
        share[0] = (m[1][1] * seen[0] - m[0][1] * seen[1]) / determinant;
        share[1] = (m[0][0] * seen[1] - m[1][0] * seen[0]) / determinant;
        for (int i = 0; i < N; i++)
            v[i] = (p.g[i] - p.h[i][first] * share[0] - p.h[i][first + 2] * share[1]) / ridge;
        multiply(p.h, v, product);
        for (int i = 0; i < N; i++)
            left += pow(p.g[i] - product[i] - ridge * v[i], 2);
        apart[first] = worst_derivative(&p, v) + fabs(last("residual.solve") - sqrt(left / dot(p.g, p.g)));
    }
    assert_true(fmin(apart[0], apart[1]) < 1e-8 && fmax(apart[0], apart[1]) > 1e-4);
}

static void test_one_step_of_conjugate_gradients(void **state)
{
    (void)state;
    Problem p = make_problem();
    double v[N], product[N];
    multiply(p.h, p.g, product);
    double length = dot(p.g, p.g) / dot(p.g, product), left = 0;
    for (int i = 0; i < N; i++) {
        v[i] = length * p.g[i];
        left += (p.g[i] - length * product[i]) * (p.g[i] - length * product[i]);
    }
    train("cg(1)", LONG, LONG, LONG);
    check_derivative(&p, v, 1e-8);
    assert_float_equal(last("residual.solve"), sqrt(left / dot(p.g, p.g)), 1e-9);
    assert_true(last("iterations.solve") == 1);
    assert_true(number("run/result.json", "unsolved") == 1);
    must_run("./m train --out said --quiet");
    assert_true(output_has("; unsolved 1;"));
}

/* Where hardly anything has changed since the last solution, a warm start takes no step. */
static void test_warm_start(void **state)
{
    (void)state;
    make_problem();
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
    make_problem();
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
    make_problem();
    train("cg(2, start: warm)", 3, 20, 1);
    must_run("./m train --out part --quiet --steps 10 && ./m train --out part --quiet --steps 20 --resume");
    assert_true(same_files("run/last.safetensors", "part/last.safetensors"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_converged_solvers, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_truncated_series, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_some_columns, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_one_step_of_conjugate_gradients, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_warm_start, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_indefinite, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_singular, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_net_trained_anew, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_goes_on_to_equal_bits, folder_set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
