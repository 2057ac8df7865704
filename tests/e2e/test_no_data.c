/* Trains whose losses read no field of a data set, and metrics that read no data at all. */
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

static void build(const char *name, const char *text, const char *flags)
{
    char path[64];
    snprintf(path, sizeof path, "%s.hn", name);
    write_file(path, text, strlen(text));
    if (run_command("'%s/hnc' build -W error %s %s", HNC_BINARY_DIR, path, flags) != 0)
        fail_msg("%s", command_output());
}

/* The last event of a run's log; for json_decref. */
static json_t *last_event(const char *folder)
{
    char path[64];
    snprintf(path, sizeof path, "%s/metrics.jsonl", folder);
    size_t size;
    char *text = read_file(path, &size);
    assert_non_null(text);
    char *line = text, *next;
    while ((next = strchr(line, '\n')) && next[1])
        line = next + 1;
    json_t *event = json_loads(line, JSON_DISABLE_EOF_CHECK, NULL);
    free(text);
    assert_non_null(event);
    return event;
}

static double figure(const json_t *event, const char *name)
{
    const json_t *value = json_object_get(event, name);
    if (!json_is_number(value))
        fail_msg("no figure %s", name);
    return json_number_value(value);
}

/* The split says how long an epoch is: 100 steps. */
static void test_fit(void **state)
{
    (void)state;
    build("fit",
          "data nothing = rows(100)\n"
          "net point() -> f32 { weight w: f32 = 0; return w }\n"
          "objective away(d) = square(point() - 3)\n"
          "train t = fit {\n"
          "  minimise away(nothing.train) by adam(1e-2)\n"
          "  validate square(point() - 3)\n"
          "  report away(nothing.train), point(), sumsq(point)\n"
          "  batch 1\n"
          "  epochs 20\n"
          "}\n",
          "");
    must_run("./fit train --out fit-run --quiet");
    json_t *event = last_event("fit-run");
    double w = figure(event, "point()");
    assert_int_equal((int)figure(event, "step"), 2000);
    assert_true(fabs(w - 3) < 1e-4);
    assert_true(fabs(figure(event, "sumsq(point)") - w * w) < 1e-6);
    assert_true(figure(event, "away(nothing.train)") == figure(event, "square(point() - 3)"));
    json_decref(event);
    must_run("./fit eval --weights fit-run/last.safetensors --json > metrics.json");
    json_t *metrics = json_load_file("metrics.json", 0, NULL);
    assert_true(figure(metrics, "point()") == w);
    json_decref(metrics);
}

/* The best response to c is w = c. The upper loss is least at c = 2. Its batches are larger than the split of the lower loss. */
static void test_bilevel(void **state)
{
    (void)state;
    build("tune",
          "data short = rows(10)\n"
          "data long = rows(40)\n"
          "hyper lam { c: real = 0 }\n"
          "net point() -> f32 { weight w: f32 = 0.1; return w }\n"
          "weights point = stn(lam)\n"
          "objective near(d) = square(point() - lam.c)\n"
          "objective goal(d) = square(point() - 2)\n"
          "train t = bilevel(lam) {\n"
          "  lower  near(short.train) by adam(1e-2)\n"
          "  upper  goal(long.train) by adam(1e-2)\n"
          "  sample normal(scale: 0.5)\n"
          "  report lam.c, near(long.train)\n"
          "  batch  10, 20\n"
          "  epochs 3000\n"
          "  evaluate 1000\n"
          "}\n",
          "");
    must_run("./tune train --out tune-run --quiet");
    json_t *event = last_event("tune-run");
    assert_true(fabs(figure(event, "lam.c") - 2) < 0.05);
    assert_true(figure(event, "goal(long.train)") < 1e-3);
    assert_int_equal((int)figure(event, "steps.upper"), 3000);
    json_decref(event);
    if (run_command("'%s/hnc' check --gradients tune.hn", HNC_BINARY_DIR) != 0)
        fail_msg("%s", command_output());
}

/* Random numbers differ between the examples of a split without fields; without a split, there is one draw. */
static void test_random(void **state)
{
    (void)state;
    build("noise",
          "data nothing = rows(5000)\n"
          "net point() -> f32 { weight w: f32 = 0; return w }\n"
          "objective shaken(d) = mean(square(point() - 1 + normal()))\n"
          "train t = fit { minimise shaken(nothing.train) by sgd(0.05); report shaken(nothing.train), normal(); batch 50; "
          "epochs 4 }\n",
          "");
    must_run("./noise train --out noise-run --quiet");
    json_t *event = last_event("noise-run");
    assert_true(fabs(figure(event, "shaken(nothing.train)") - 1) < 0.1); /* the variance of the noise */
    assert_true(fabs(figure(event, "normal()")) < 5);
    json_decref(event);
}

/* Objectives of pareto that are written as expressions. */
static void test_pareto(void **state)
{
    (void)state;
    build("front",
          "data nothing = rows(100)\n"
          "preference r[2]\n"
          "net point() -> f32 { weight w: f32 = 0; return w }\n"
          "net trunk(r: f32[2]) -> f32[n] { return linear(r, n) }\n"
          "weights point = dense(trunk(r))\n"
          "objective below(d) = square(point() + 1)\n"
          "objective above(d) = square(point() - 1)\n"
          "train t = pareto(r) {\n"
          "  minimise below(nothing.train), above(nothing.train) by adam(1e-2)\n"
          "  solver linear\n"
          "  sample uniform\n"
          "  rays   [1, 0], [1, 1], [0, 1]\n"
          "  report hypervolume(ref: 4) on nothing.train\n"
          "  batch  1\n"
          "  epochs 20\n"
          "}\n",
          "");
    must_run("./front train --out front-run --quiet");
    json_t *front = json_load_file("front-run/front.json", 0, NULL), *points = json_object_get(front, "points");
    assert_int_equal(json_array_size(points), 3);
    for (size_t i = 0; i < 3; i++) { /* w = -1, 0, 1 */
        double w = (double)i - 1, below = json_number_value(json_array_get(json_array_get(points, i), 0));
        assert_true(fabs(below - (w + 1) * (w + 1)) < 0.05);
    }
    json_decref(front);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fit),
        cmocka_unit_test(test_bilevel),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_pareto),
    };
    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
