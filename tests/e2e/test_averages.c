/* Averages of weights: what a train hands on is the average by its definition, training itself goes on as without it, and all
 * that reads weights reads the average. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/e2e/small_table.h"
#include "tests/e2e/tensor_file.h"

enum { STEPS = 12, MOST = 64 };
static const char *const names[] = {"trunk.linear1.w", "trunk.linear1.b", "head.linear1.w", "head.linear1.b"};
enum { NAMES = sizeof names / sizeof *names };

#define MODEL SMALL_MODEL("tanh(linear(x, 8))")

/* Builds the program NAME of these declarations and a train whose lines are `train` and an average, unless it is "". */
static void build(const char *name, const char *before, const char *method, const char *train, const char *average)
{
    char path[64];
    snprintf(path, sizeof path, "%s.hn", name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, MODEL "%s\ntrain t = %s {\n  %s\n  batch 16\n%s%s\n}\n", before, method, train, *average ? "  average " : "",
            average);
    assert_int_equal(fclose(file), 0);
    must_run("'%s/hnc' build --verify-each --cpu=x86-64-v3 %s -o %s", HNC_BINARY_DIR, path, name);
}

static const char guess[] = "export guess(x) = head(trunk(x))";
static const char plain_train[] =
    "minimise loss(d.train) by adam(0.1)\n  validate loss(d.valid)\n  evaluate steps(1)\n  steps 12";

static void run_to(const char *name, int steps)
{
    must_run("./%s train --quiet --out %s-%d --steps %d", name, name, steps, steps);
}

/* Elements of a tensor of f32; returns how many. */
static size_t numbers(const char *path, const char *name, double values[static MOST])
{
    size_t size;
    float *bytes = (float *)tensor_bytes(path, name, &size);
    if (!bytes)
        fail_msg("%s has no %s", path, name);
    assert_true(size / sizeof *bytes <= MOST);
    for (size_t i = 0; i < size / sizeof *bytes; i++)
        values[i] = bytes[i];
    free(bytes);
    return size / sizeof *bytes;
}

/* The weights after each step of the program `plain`, which averages nothing. */
static void run_plain(void)
{
    build("plain", guess, "fit", plain_train, "");
    for (int steps = 0; steps <= STEPS; steps++)
        run_to("plain", steps);
}

/* Which average, by its definition: share[k - 1] is the weight of the numbers after step k; they sum to 1. */
static void compare(const char *program, int steps, const double share[static STEPS])
{
    char averaged[64], plain[64];
    snprintf(averaged, sizeof averaged, "%s-%d/last.safetensors", program, steps);
    for (size_t i = 0; i < NAMES; i++) {
        double sum[MOST] = {0}, term[MOST], found[MOST], raw[MOST];
        char name[64];
        size_t count = numbers(averaged, names[i], found);
        for (int k = 1; k <= steps; k++) {
            snprintf(plain, sizeof plain, "plain-%d/last.safetensors", k);
            numbers(plain, names[i], term);
            for (size_t e = 0; e < count; e++)
                sum[e] += share[k - 1] * term[e];
        }
        for (size_t e = 0; e < count; e++)
            if (!(fabs(found[e] - sum[e]) <= 1e-6))
                fail_msg("%s after %d steps: element %zu of %s is %.9g, not %.9g", program, steps, e, names[i], found[e], sum[e]);
        snprintf(name, sizeof name, "raw/%s", names[i]); /* training goes on as without the average, to the bit */
        numbers(averaged, name, raw);
        for (size_t e = 0; e < count; e++)
            assert_true(raw[e] == term[e]);
    }
}

static void an_exponential_moving_average(void **state)
{
    (void)state;
    run_plain();
    build("ema", guess, "fit", plain_train, "ema(0.7)");
    double share[STEPS] = {1};
    for (int steps = 1; steps <= STEPS; steps++) {
        for (int k = 0; k < steps && steps > 1; k++)
            share[k] = k == steps - 1 ? 0.3 : 0.7 * share[k];
        if (steps % 4 == 0 || steps == 1) {
            run_to("ema", steps);
            compare("ema", steps, share);
        }
    }
}

/* Of the weights after the steps 4, 7 and 10; before, the weights themselves. */
static void an_equal_average(void **state)
{
    (void)state;
    static const struct {
        int steps, last;
        double each;
    } cases[] = {{3, 0, 0}, {4, 4, 1}, {6, 4, 1}, {7, 7, 0.5}, {12, 10, 1.0 / 3}};
    build("swa", guess, "fit", plain_train, "swa(from: 4, every: 3)");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double share[STEPS] = {0};
        for (int k = 4; k <= cases[i].last; k += 3)
            share[k - 1] = cases[i].each;
        if (!cases[i].last)
            share[cases[i].steps - 1] = 1;
        run_to("swa", cases[i].steps);
        compare("swa", cases[i].steps, share);
    }
}

/* The metric that the run selects by, after each of its steps. */
static void read_metrics(const char *run, double metrics[static STEPS])
{
    char path[64], line[1024];
    snprintf(path, sizeof path, "%s/metrics.jsonl", run);
    FILE *log = fopen(path, "r");
    assert_non_null(log);
    for (int i = 0; i < STEPS; i++) {
        assert_non_null(fgets(line, sizeof line, log));
        const char *found = strstr(line, "\"loss(d.valid)\": ");
        assert_non_null(found);
        metrics[i] = strtod(found + strlen("\"loss(d.valid)\": "), NULL);
    }
    fclose(log);
}

/* Merity et al. 2018, algorithm 1, with the rule written as there. */
static void averaging_begins_when_the_metric_stops_to_fall(void **state)
{
    (void)state;
    enum { WINDOW = 2 };
    double metrics[STEPS], share[STEPS] = {0};
    build("nt", guess, "fit", plain_train, "nonmonotonic(window: 2)");
    run_to("nt", STEPS);
    read_metrics("nt-12", metrics);
    int begun = 0;
    for (int t = 0; t < STEPS && !begun; t++)
        for (int l = 0; l <= t - WINDOW - 1; l++)
            if (metrics[t] > metrics[l])
                begun = t + 1; /* steps done */
    if (begun < 3 || begun > STEPS - 3)
        fail_msg("averaging should begin in the middle of the run, but would after step %d", begun);
    for (int k = begun + 1; k <= STEPS; k++)
        share[k - 1] = 1.0 / (STEPS - begun);
    compare("nt", STEPS, share);
}

/* A program that knows of no average reads it from the checkpoint by the names of the weights. */
static void everything_reads_the_average(void **state)
{
    (void)state;
    must_run(
        "./ema eval --weights ema-12/last.safetensors >own && ./plain eval --weights ema-12/last.safetensors >other && cmp own "
        "other && ./plain eval --weights plain-12/last.safetensors >raw && ! cmp -s own raw");
    must_run("grep -F \"$(sed 's/.* //' own)\" ema-12/result.json");
    must_run(
        "for p in ema plain; do ./$p predict --weights ema-12/last.safetensors table.csv >$p.csv; done; cmp ema.csv plain.csv");
    must_run("./plain predict --weights plain-12/last.safetensors table.csv >raw.csv && ! cmp -s raw.csv plain.csv");
    must_run("'%s/hnc' explain ema.hn | grep 'average  *ema(decay: 0.7)'", HNC_BINARY_DIR);
    /* a run that begins with an average trains from there */
    must_run("./ema train --quiet --out from --from ema-12/last.safetensors --steps 0");
    must_run("./plain train --quiet --out from-plain --from ema-12/last.safetensors --steps 1 && "
             "./ema train --quiet --out from --resume --steps 1");
    for (size_t i = 0; i < NAMES; i++)
        assert_true(same_tensor("from/last.safetensors", "from-plain/last.safetensors", names[i]));
}

static void a_run_is_resumed(void **state)
{
    (void)state;
    static const char *const programs[] = {"ema", "swa", "nt"};
    for (size_t i = 0; i < 3; i++) {
        const char *p = programs[i];
        must_run("for steps in 3 7 10 12; do ./%s train --quiet --out %s-parts --resume --steps $steps || exit 1; done", p, p);
        must_run("cmp %s-parts/last.safetensors %s-12/last.safetensors", p, p);
    }
}

/* Weights in their forms, whatever trains them: the raw ones are those of a train without an average. */
static void every_method_averages(void **state)
{
    (void)state;
    static const struct {
        const char *name, *before, *method, *train;
    } cases[] = {
        {"tune", "hyper lam { decay: positive = 0.1 }\nweights trunk = stn(lam)", "bilevel(lam)",
         "lower loss(d.train) + lam.decay * sumsq(head) by adam(1e-2)\n  upper loss(d.valid) by adam(1e-1)\n"
         "  sample normal(scale: 0.5)\n  epochs 2"},
        {"front", "preference r[2]\nweights trunk = stn(r)\nobjective size(e) = mean(square(head(trunk(e.x)) - 1))", "pareto(r)",
         "minimise loss, size on d.train by adam(1e-2)\n  solver epo\n  sample dirichlet(1)\n  rays 3\n  epochs 2\n"
         "  report uniformity on d.valid"},
        {"nets", "preference r[2]\nobjective size(e) = mean(square(head(trunk(e.x)) - 1))", "pareto(r)",
         "minimise loss, size on d.train by adam(1e-2)\n  solver linear\n  sample each\n  rays 3\n  epochs 2\n"
         "  report uniformity on d.valid"},
        {"ensemble", "member k[3]\nweights trunk = rank1(k)", "joint(k)", "minimise loss(d.train) by adam(1e-2)\n  epochs 2"},
        {"tasks", "task t[3]\nweights trunk = free + film(t)", "continual(t)",
         "minimise loss(d.train) by adam(1e-2)\n  remember si(0.1)\n  steps 2\n  report loss(d.valid)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *name = cases[i].name;
        char averaged[32];
        snprintf(averaged, sizeof averaged, "%s-mean", name);
        build(name, cases[i].before, cases[i].method, cases[i].train, "");
        build(averaged, cases[i].before, cases[i].method, cases[i].train, "ema(0.5)");
        must_run("./%s train --quiet --out %s-run && ./%s train --quiet --out %s-run", name, name, averaged, averaged);
        char *bytes, left[64], right[64], raw[128];
        size_t size, rawsize, trained = 0, moved = 0;
        snprintf(left, sizeof left, "%s-run/last.safetensors", name);
        snprintf(right, sizeof right, "%s-run/last.safetensors", averaged);
        const char *key;
        json_t *value, *header = read_header(right, &bytes, &size);
        json_object_foreach(header, key, value)
        {
            snprintf(raw, sizeof raw, "raw/%s", key);
            if (!json_object_get(header, raw))
                continue;
            char *x = tensor_bytes(left, key, &size), *y = tensor_bytes(right, raw, &rawsize);
            assert_true(x && y && size == rawsize);
            if (memcmp(x, y, size) != 0)
                fail_msg("%s: training moves %s otherwise where it is averaged", name, key);
            trained++;
            moved += !same_tensor(left, right, key);
            free(x);
            free(y);
        }
        json_decref(header);
        free(bytes);
        if (trained < 4 || moved < 4)
            fail_msg("%s: %zu averages, %zu of them not the weights", name, trained, moved);
    }
}

/* In each task, the average is one of its own steps. */
static void every_task_begins_an_average(void **state)
{
    (void)state;
    must_run("./tasks-mean train --quiet --out once --steps 1"); /* of each task */
    double raw[MOST], average[MOST];
    size_t count = numbers("once/last.safetensors", "raw/head.linear1.w", raw);
    numbers("once/last.safetensors", "head.linear1.w", average);
    for (size_t i = 0; i < count; i++)
        assert_true(raw[i] == average[i]);
}

/* After two steps, (1 - d) times the statistic of the second and d times that of the first. */
static void running_statistics_are_averaged(void **state)
{
    (void)state;
    static const char before[] = "layer centre(x: f32[n]) -> f32[n] {\n  running mu: f32[n] = 0\n  m = mu\n"
                                 "  if training { m = across mean(x)\n  update mu = mu + 0.5 * (m - mu) }\n  return x - m\n}\n"
                                 "net deep(x: f32[3]) -> f32[1] { return linear(centre(tanh(linear(x, 5))), 1) }\n"
                                 "objective miss(e) = mean(square(deep(e.x) - e.y))";
    static const char train[] = "minimise miss(d.train) by adam(3e-2)\n  steps 12";
    build("rough", before, "fit", train, "");
    build("smooth", before, "fit", train, "ema(0.75)");
    run_to("rough", 1);
    run_to("rough", 2);
    run_to("smooth", 2);
    double one[MOST], two[MOST], found[MOST];
    size_t count = numbers("rough-1/last.safetensors", "deep.centre1.mu", one);
    numbers("rough-2/last.safetensors", "deep.centre1.mu", two);
    numbers("smooth-2/last.safetensors", "deep.centre1.mu", found);
    for (size_t i = 0; i < count; i++)
        assert_true(one[i] != two[i] && fabs(found[i] - (0.75 * one[i] + 0.25 * two[i])) < 1e-7);
    numbers("smooth-2/last.safetensors", "raw/deep.centre1.mu", found);
    for (size_t i = 0; i < count; i++)
        assert_true(found[i] == two[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exponential_moving_average),
        cmocka_unit_test(an_equal_average),
        cmocka_unit_test(averaging_begins_when_the_metric_stops_to_fall),
        cmocka_unit_test(everything_reads_the_average),
        cmocka_unit_test(a_run_is_resumed),
        cmocka_unit_test(every_method_averages),
        cmocka_unit_test(every_task_begins_an_average),
        cmocka_unit_test(running_statistics_are_averaged),
    };
    return cmocka_run_group_tests(tests, small_table_set_up, folder_tear_down);
}
