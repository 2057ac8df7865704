/* Reductions across the data, also inside each other: metrics of uneven batches against sums in plain C, and gradients against
 * differences. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <jansson.h>

#include "tests/runtime/run_command.h"

enum { TRAINED = 700, ROWS = 1301 }; /* the others are measured, 500 at a time */

static double a_of(int row)
{
    return (row * 37 % 101 - 50) / 8.0 + 3;
}
static double b_of(int row)
{
    return (row * row % 59 - 20) / 4.0;
}

typedef double Term(int row);

static double mean_of(Term *term, Term *counts)
{
    double total = 0, count = 0;
    for (int row = TRAINED; row < ROWS; row++) {
        double weight = counts ? counts(row) : 1;
        total += weight != 0 ? term(row) : 0;
        count += weight;
    }
    return total / count;
}

static double mean_a, mean_b, mean_chosen, variance_a;

static double chosen(int row)
{
    return b_of(row) > 2;
}
static double square_a(int row)
{
    return (a_of(row) - mean_a) * (a_of(row) - mean_a);
}
static double square_b(int row)
{
    return (b_of(row) - mean_b) * (b_of(row) - mean_b);
}
static double square_chosen(int row)
{
    return (a_of(row) - mean_chosen) * (a_of(row) - mean_chosen);
}
static double product(int row)
{
    return (a_of(row) - mean_a) * (b_of(row) - mean_b);
}
static double fourth(int row)
{
    return square_a(row) * square_a(row);
}
static double apart(int row)
{
    return fabs(square_a(row) - variance_a);
}
static double both(int row) /* of x = [a, b]: mean within the example of its squares */
{
    double middle = (mean_a + mean_b) / 2;
    return (pow(a_of(row) - middle, 2) + pow(b_of(row) - middle, 2)) / 2;
}

static double extreme(Term *term, double sign)
{
    double found = -INFINITY;
    for (int row = TRAINED; row < ROWS; row++)
        found = fmax(found, sign * term(row));
    return sign * found;
}

static const char model[] =
    "data d = csv(\"t.csv\") {\n  fields x = numbers(a, b), y = b\n  split train 700, valid 601\n}\n"
    "net f(x: f32[..s, 2]) -> f32[..s, 3] { return linear(x, 3) }\n"
    "objective loss(e) = mean(square(f(e.x) - e.y)) + 0.1 * var(f(e.x)) + 0.01 * min(f(e.x)) + 0.1 * var(f(e.x) where e.y > 2)\n"
    "objective var_a(e) = var(e.x[0])\n"
    "objective var_chosen(e) = var(e.x[0] where e.y > 2)\n"
    "objective var_none(e) = var(e.x[0] where e.y > 1e6)\n"
    "objective var_both(e) = var(e.x)\n"
    "objective within(e) = mean(var(e.x, axis: 0))\n"
    "objective covariance(e) = mean((e.x[0] - mean(e.x[0])) * (e.y - mean(e.y)))\n"
    "objective kurtosis(e) = mean(square(square(e.x[0] - mean(e.x[0])))) / square(var(e.x[0]))\n"
    "objective farthest(e) = max(abs(square(e.x[0] - mean(e.x[0])) - var(e.x[0])))\n"
    "objective nearest(e) = min(abs(square(e.x[0] - mean(e.x[0])) - var(e.x[0])))\n"
    "objective least(e) = min(e.x[0])\n"
    "objective least_chosen(e) = min(e.x[0] where e.y > 2)\n"
    "objective rows_differ(e) = max(abs(f(stack(e.x, 2 * e.x)) - stack(f(e.x), f(2 * e.x))))\n"
    "objective boxes_differ(e) = max(abs(f(reshape([e.x, 2 * e.x], [2, 1, 2])) - stack(f(e.x), f(2 * e.x))[:, none]))\n"
    "train t = fit {\n  minimise loss(d.train) by adam(1e-2)\n  validate loss(d.valid)\n"
    "  report var_a(d.valid), var_chosen(d.valid), var_none(d.valid), var_both(d.valid), within(d.valid), covariance(d.valid),\n"
    "    kurtosis(d.valid), farthest(d.valid), nearest(d.valid), least(d.valid), least_chosen(d.valid), rows_differ(d.valid),\n"
    "    boxes_differ(d.valid)\n"
    "  batch 100; epochs 1\n}\n";

static json_t *last_event(const char *path)
{
    size_t size;
    char *log = read_file(path, &size), *end = log ? strrchr(log, '\n') : NULL;
    assert_non_null(end);
    *end = '\0';
    const char *line = strrchr(log, '\n');
    json_t *event = json_loads(line ? line + 1 : log, 0, NULL);
    free(log);
    assert_non_null(event);
    return event;
}

static double least_chosen(int row)
{
    return chosen(row) != 0 ? a_of(row) : INFINITY;
}

static double variance_within(int row)
{
    return pow(a_of(row) - b_of(row), 2) / 4;
}

static void metrics_are_those_of_the_whole_split(void **state)
{
    (void)state;
    FILE *file = fopen("t.csv", "w");
    assert_non_null(file);
    fprintf(file, "a,b\n");
    for (int row = 0; row < ROWS; row++)
        fprintf(file, "%.17g,%.17g\n", a_of(row), b_of(row));
    assert_int_equal(fclose(file), 0);
    write_file("m.hn", model, sizeof model - 1);
    if (run_command("'%s/hnc' build m.hn -o m --float=f64 && ./m train --quiet --out run", HNC_BINARY_DIR) != 0)
        fail_msg("%s", command_output());
    mean_a = mean_of(a_of, NULL), mean_b = mean_of(b_of, NULL), mean_chosen = mean_of(a_of, chosen);
    variance_a = mean_of(square_a, NULL);
    const struct {
        const char *name;
        double expected;
    } cases[] = {{"var_a", variance_a},
                 {"var_chosen", mean_of(square_chosen, chosen)},
                 {"var_both", mean_of(both, NULL)},
                 {"within", mean_of(variance_within, NULL)},
                 {"covariance", mean_of(product, NULL)},
                 {"kurtosis", mean_of(fourth, NULL) / (variance_a * variance_a)},
                 {"farthest", extreme(apart, 1)},
                 {"nearest", extreme(apart, -1)},
                 {"least", extreme(a_of, -1)},
                 {"least_chosen", extreme(least_chosen, -1)},
                 {"rows_differ", 0},
                 {"boxes_differ", 0}};
    assert_true(mean_of(square_b, NULL) > 1); /* the data are spread */
    json_t *event = last_event("run/metrics.jsonl");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char key[64];
        snprintf(key, sizeof key, "%s(d.valid)", cases[i].name);
        double seen = json_number_value(json_object_get(event, key));
        if (!json_is_number(json_object_get(event, key)) ||
            fabs(seen - cases[i].expected) > 1e-11 * (1 + fabs(cases[i].expected)))
            fail_msg("%s is %.17g, not %.17g", key, seen, cases[i].expected);
    }
    assert_true(json_is_null(json_object_get(event, "var_none(d.valid)")));
    json_decref(event);
}

static void gradients_are_slopes(void **state)
{
    (void)state;
    if (run_command("'%s/hnc' check --gradients m.hn --data .", HNC_BINARY_DIR) != 0)
        fail_msg("%s", command_output());
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(metrics_are_those_of_the_whole_split),
                                       cmocka_unit_test(gradients_are_slopes)};
    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
