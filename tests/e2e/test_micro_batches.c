/* Batches that are computed in micro-batches: in double precision their steps are those of the whole batch to the last digits, in
 * memory that is that of a micro-batch. */
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

#define MODEL SMALL_MODEL("tanh(linear(x, 8))")

/* Builds the program NAME of these declarations and a train of these lines. */
static void build(const char *name, const char *options, const char *before, const char *method, const char *train)
{
    char path[64];
    snprintf(path, sizeof path, "%s.hn", name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, MODEL "%s\ntrain t = %s {\n  %s\n}\n", before, method, train);
    assert_int_equal(fclose(file), 0);
    must_run("'%s/hnc' build --verify-each --cpu=x86-64-v3 --float=f64 %s %s -o %s", HNC_BINARY_DIR, options, path, name);
}

static void train(const char *name)
{
    must_run("rm -rf %s-run && ./%s train --quiet --out %s-run", name, name, name);
}

static double number(const char *name, const char *tensor)
{
    char path[64];
    size_t size;
    snprintf(path, sizeof path, "%s-run/last.safetensors", name);
    char *bytes = tensor_bytes(path, tensor, &size);
    assert_true(bytes && size == sizeof(double));
    double value;
    memcpy(&value, bytes, sizeof value);
    free(bytes);
    return value;
}

/* Every tensor of two runs, up to rounding; how many there are. */
static size_t compare(const char *whole, const char *parts)
{
    char left[64], right[64], *bytes;
    size_t size, other, count = 0;
    snprintf(left, sizeof left, "%s-run/last.safetensors", whole);
    snprintf(right, sizeof right, "%s-run/last.safetensors", parts);
    const char *key;
    json_t *value, *header = read_header(left, &bytes, &size);
    json_object_foreach(header, key, value)
    {
        if (strcmp(json_string_value(json_object_get(value, "dtype")) ? json_string_value(json_object_get(value, "dtype")) : "",
                   "F64") != 0)
            continue;
        double *x = (double *)tensor_bytes(left, key, &size), *y = (double *)tensor_bytes(right, key, &other);
        assert_true(x && y && size == other);
        for (size_t i = 0; i < size / sizeof *x; i++)
            if (!(fabs(x[i] - y[i]) <= 1e-9 * (1 + fabs(x[i]))) && !(isnan(x[i]) && isnan(y[i]))) /* of tasks to come */
                fail_msg("%s: element %zu of %s is %.17g, in micro-batches %.17g", whole, i, key, x[i], y[i]);
        free(x);
        free(y);
        count++;
    }
    json_decref(header);
    free(bytes);
    return count;
}

static void steps_are_those_of_the_batch(void **state)
{
    (void)state;
    static const struct {
        const char *before, *method, *train, *micro;
    } cases[] = {
        {"", "fit", "minimise loss(d.train) by adam(1e-2)\n  validate loss(d.valid)\n  batch 16; epochs 2", "micro_batch 4"},
        /* clipping comes behind the sum; parts; averages */
        {"", "fit", "minimise loss(d.train) by sgd(1, clip: 0.02) of head, adam(1e-2)\n  average ema(0.9)\n  batch 16; epochs 2",
         "micro_batch 2"},
        /* sums across the batch, of examples and of none; as many micro-batches as examples */
        {"objective all(e) = sum(square(head(trunk(e.x)) - e.y)) / 16 + 0.01 * sumsq(trunk)", "fit",
         "minimise all(d.train) by adam(1e-2)\n  batch 16; epochs 2", "micro_batch 1"},
        {"objective some(e) = mean(square(head(trunk(e.x)) - e.y), axis: 0) * 2", "fit",
         "minimise some(d.train) by adam(1e-2)\n  batch 48; epochs 3", "micro_batch 16"},
        {"objective away(e) = sumsq(trunk) + sumsq(head)", "fit", "minimise away(d.train) by adam(1e-2)\n  batch 16; epochs 2",
         "micro_batch 4"},
        {"hyper lam { decay: positive = 0.1 }\nweights trunk = stn(lam)", "bilevel(lam)",
         "lower loss(d.train) by adam(1e-2)\n  upper loss(d.valid) + 0 * lam.decay by adam(1e-2)\n"
         "  sample normal(scale: 1e-9)\n  everywhere\n  batch 16, 8; epochs 2",
         "micro_batch 4, 2"},
        {"member k[3]\nweights trunk = rank1(k)", "joint(k)", "minimise loss(d.train) by adam(1e-2)\n  batch 16; epochs 2",
         "micro_batch 8"},
        {"task t[3]\nweights trunk = free + film(t)", "continual(t)",
         "minimise loss(d.train) by adam(1e-2)\n  remember si(0.1)\n  batch 16; steps 3\n  report loss(d.valid)",
         "micro_batch 4"},
        {"task t[2]\nweights trunk = free + film(t)", "continual(t)",
         "minimise loss(d.train) by adam(1e-2)\n  remember rehearsal(trunk(d.train.x), 0.1, examples: 5)\n  batch 16; steps 3\n"
         "  report loss(d.valid)",
         "micro_batch 4"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char lines[512];
        snprintf(lines, sizeof lines, "%s\n  %s", cases[i].train, cases[i].micro);
        build("whole", "", cases[i].before, cases[i].method, cases[i].train);
        build("parts", "", cases[i].before, cases[i].method, lines);
        train("whole");
        train("parts");
        if (compare("whole", "parts") < 8)
            fail_msg("case %zu compares nearly nothing", i);
    }
}

/* A batch of every member of a family, one behind the other. */
static void a_step_on_all_members(void **state)
{
    (void)state;
    static const char before[] = "task t[3]\nweights trunk = rank1(t)\n"
                                 "data f[3] = permute(d, x)\nobjective near(e) = mean(square(head(trunk(e.x)) - e.y))";
    build("whole", "", before, "joint(t)", "minimise near(f[t].train) by adam(1e-2)\n  batch 16; epochs 2");
    build("parts", "", before, "joint(t)", "minimise near(f[t].train) by adam(1e-2)\n  batch 16; epochs 2\n  micro_batch 4");
    train("whole");
    train("parts");
    assert_true(compare("whole", "parts") >= 8);
}

static const char chance[] = "net guess(y: f32) -> f32 { weight w: f32 = 0; return w }\n"
                             "objective drawn(e) = mean(guess(e.y) * uniform())";

/* Micro-batches draw numbers of their own. */
static void each_draws_its_own_numbers(void **state)
{
    (void)state;
    build("one", "", chance, "fit", "minimise drawn(d.train) by sgd(1)\n  batch 1; steps 1");
    build("parts", "", chance, "fit", "minimise drawn(d.train) by sgd(1)\n  batch 24; steps 1\n  micro_batch 1");
    train("one");
    train("parts");
    double one = -number("one", "guess.w"), mean = -number("parts", "guess.w");
    assert_true(mean > 0.25 && mean < 0.75 && fabs(one - mean) > 1e-3);
}

/* What a layer takes across the batch is that of a micro-batch; a running statistic is updated by each. */
static void across_sees_a_micro_batch(void **state)
{
    (void)state;
    static const char before[] = "layer seen(x: f32[n]) -> f32[n] {\n  running times: f32 = 0, examples: f32 = 0, most: f32 = 0\n"
                                 "  if training { update times = times + 1, most = max(most, across max(x[0])) }\n"
                                 "  return x\n}\n"
                                 "net deep(x: f32[3]) -> f32[1] { return linear(seen(x), 1) }\n"
                                 "objective miss(e) = mean(square(deep(e.x) - e.y))";
    build("whole", "", before, "fit", "minimise miss(d.train) by sgd(0.1)\n  batch 16; steps 3");
    build("parts", "", before, "fit", "minimise miss(d.train) by sgd(0.1)\n  batch 16; steps 3\n  micro_batch 4");
    train("whole");
    train("parts");
    assert_true(number("whole", "deep.seen1.times") == 3 && number("parts", "deep.seen1.times") == 12);
    assert_true(number("whole", "deep.seen1.most") == number("parts", "deep.seen1.most"));
}

static long long scratch(const char *lines)
{
    static const char before[] = "net wide(x: f32[3]) -> f32[1] { return linear(tanh(linear(tanh(linear(x, 300)), 300)), 1) }\n"
                                 "data many = rows(4096) { x: f32[3] = normal([3]); split train 4096 }\n"
                                 "objective miss(e) = mean(square(wide(e.x)))";
    long long states, bytes;
    build("memory", "", before, "fit", lines);
    must_run("'%s/hnc' explain memory.hn | grep '^memory:'", HNC_BINARY_DIR);
    assert_int_equal(sscanf(command_output(), "memory: %lld bytes of state, %lld bytes of scratch", &states, &bytes), 2);
    return bytes;
}

static void memory_is_that_of_a_micro_batch(void **state)
{
    (void)state;
    long long whole = scratch("minimise miss(many.train) by sgd(0.1)\n  batch 2048; steps 1");
    long long parts = scratch("minimise miss(many.train) by sgd(0.1)\n  batch 2048; steps 1\n  micro_batch 128");
    if (parts * 4 > whole)
        fail_msg("%lld bytes of scratch, and %lld in micro-batches", whole, parts);
    must_run("'%s/hnc' explain memory.hn", HNC_BINARY_DIR);
    assert_true(output_has("in micro-batches of 128") && output_has("per micro-batch"));
}

static void a_run_is_resumed(void **state)
{
    (void)state;
    build("parts", "", "", "fit", "minimise loss(d.train) by adam(1e-2)\n  batch 16; steps 7\n  micro_batch 4");
    train("parts");
    must_run("./parts train --quiet --out halves --steps 3 && ./parts train --quiet --out halves --resume --steps 7");
    must_run("cmp halves/last.safetensors parts-run/last.safetensors");
    build("other", "--batch 6", "", "fit", "minimise loss(d.train) by adam(1e-2)\n  batch 16; steps 7\n  micro_batch 4");
    train("other"); /* at once: 4 does not divide 6 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_those_of_the_batch),    cmocka_unit_test(a_step_on_all_members),
        cmocka_unit_test(each_draws_its_own_numbers),      cmocka_unit_test(across_sees_a_micro_batch),
        cmocka_unit_test(memory_is_that_of_a_micro_batch), cmocka_unit_test(a_run_is_resumed),
    };
    return cmocka_run_group_tests(tests, small_table_set_up, folder_tear_down);
}
