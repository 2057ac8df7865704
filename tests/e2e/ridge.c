#include "tests/e2e/ridge.h"

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

#include "tests/runtime/run_command.h"

enum { N = RIDGE_N, FEATURES = RIDGE_FEATURES, TRAIN = RIDGE_TRAIN, VALID = RIDGE_VALID, ROWS = RIDGE_ROWS };
const double ridge_decays[2] = {0.1, 0.3};

void ridge_solve(const double a[N][N], const double b[N], double x[N])
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

void ridge_multiply(const double a[N][N], const double x[N], double product[N])
{
    for (int i = 0; i < N; i++) {
        product[i] = 0;
        for (int j = 0; j < N; j++)
            product[i] += a[i][j] * x[j];
    }
}

double ridge_dot(const double a[N], const double b[N])
{
    double sum = 0;
    for (int i = 0; i < N; i++)
        sum += a[i] * b[i];
    return sum;
}

static double predicted(const RidgeProblem *p, int row)
{
    return ridge_dot(p->w, p->z[row]);
}

RidgeProblem ridge_problem(void)
{
    RidgeProblem p = {0};
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
        p.h[i][i] += 2 * ridge_decays[i == FEATURES];
    }
    ridge_solve(p.h, right, p.w);
    for (int row = TRAIN; row < ROWS; row++)
        for (int i = 0; i < N; i++)
            p.g[i] += 2. / VALID * p.z[row][i] * (predicted(&p, row) - p.y[row]);
    return p;
}

void ridge_through(const RidgeProblem *p, const double v[RIDGE_N], double derivatives[2])
{
    derivatives[0] = 0.2 * ridge_decays[0];
    derivatives[1] = 0;
    for (int i = 0; i < RIDGE_N; i++)
        derivatives[i == RIDGE_FEATURES] -= v[i] * 2 * ridge_decays[i == RIDGE_FEATURES] * p->w[i];
}

double ridge_worst_derivative(const double expected[2])
{
    double first = -log(last("lam.decay") / ridge_decays[0]), second = -log(last("lam.constant") / ridge_decays[1]);
    return fmax(fabs(first - expected[0]), fabs(second - expected[1]));
}

void write_model(const char *format, ...)
{
    char text[4096];
    va_list list;
    va_start(list, format);
    int length = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    assert_in_range(length, 1, sizeof text - 1);
    write_file("m.hn", text, (size_t)length);
}

void build_and_train(const char *options)
{
    must_run("rm -rf run && '%s/hnc' build --float=f64 %s m.hn -o m && ./m train --out run --quiet && tail -n 1 "
             "run/metrics.jsonl > last.json",
             HNC_BINARY_DIR, options);
}

double predict_row(const char *export, const char *flags)
{
    must_run("./m predict --weights run/last.safetensors --export %s %s row.csv", export, flags);
    const char *row = strstr(command_output(), "\n2,"); /* the number of the line stands before its result */
    assert_non_null(row);
    return strtod(row + 3, NULL);
}

double number(const char *file, const char *key)
{
    json_t *json = json_load_file(file, 0, NULL);
    double value = json_number_value(json_object_get(json, key));
    json_decref(json);
    return value;
}

double last(const char *key)
{
    return number("last.json", key);
}

