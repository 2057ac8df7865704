/* Optimizers of parts of the weights: each part is trained as if its optimizer trained everything, and the rest as well. */
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

static const char *const trunk[] = {"trunk.linear1.w", "trunk.linear1.b", "trunk.linear2.w", "trunk.linear2.b"};
static const char *const head[] = {"head.linear1.w", "head.linear1.b"};

#define NETS SMALL_MODEL("tanh(linear(tanh(linear(x, 8)), 8))")

/* Builds the program NAME whose train is `lines`. */
static void build(const char *name, const char *before, const char *train)
{
    char path[64];
    snprintf(path, sizeof path, "%s.hn", name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, NETS "%s\n%s\n", before, train);
    assert_int_equal(fclose(file), 0);
    if (run_command("'%s/hnc' build %s -o %s", HNC_BINARY_DIR, path, name) != 0)
        fail_msg("%s: %s", train, command_output());
}

/* Builds it with these optimizers and trains for so many steps. */
static void train_by(const char *name, const char *optimizers, int steps)
{
    char train[512];
    snprintf(train, sizeof train,
             "train t = fit { minimise loss(d.train) by %s\n  validate loss(d.valid)\n  batch 16; epochs 4 }", optimizers);
    build(name, "", train);
    if (run_command("./%s train --quiet --out %s_run --steps %d", name, name, steps) != 0)
        fail_msg("%s: %s", optimizers, command_output());
}

static void same(const char *x, const char *y, const char *const *names, size_t count, bool wanted)
{
    for (size_t i = 0; i < count; i++) {
        char first[64], second[64];
        snprintf(first, sizeof first, "%s_run/last.safetensors", x);
        snprintf(second, sizeof second, "%s_run/last.safetensors", y);
        if (same_tensor(first, second, names[i]) != wanted)
            fail_msg("%s of %s and %s %s", names[i], x, y, wanted ? "differ" : "are the same");
    }
}

/* Equal optimizers of parts train what one does, bit for bit. */
static void parts_together_are_the_whole(void **state)
{
    (void)state;
    train_by("whole", "adam(1e-2)", 9);
    train_by("parts", "adam(1e-2) of trunk, adam(1e-2) of head", 9);
    train_by("rest", "adam(1e-2) of trunk.linear1, adam(1e-2)", 9);
    same("whole", "parts", trunk, 4, true);
    same("whole", "parts", head, 2, true);
    same("whole", "rest", trunk, 4, true);
    same("whole", "rest", head, 2, true);
    train_by("plain", "sgd(0.1, cosine, momentum: 0.9)", 9);
    train_by("several", "sgd(0.1, cosine, momentum: 0.9) of head.linear1.w, sgd(0.1, cosine, momentum: 0.9)", 9);
    same("plain", "several", trunk, 4, true);
    same("plain", "several", head, 2, true);
}

/* After one step every part is where its optimizer alone would have it. The most specific part counts. */
static void each_part_has_its_optimizer(void **state)
{
    (void)state;
    train_by("one", "adam(1e-2)", 1);
    train_by("two", "sgd(0.1)", 1);
    train_by("three", "rmsprop(1e-3)", 1);
    train_by("mixed", "rmsprop(1e-3), adam(1e-2) of trunk, sgd(0.1) of trunk.linear2", 1);
    same("mixed", "one", trunk, 2, true);
    same("mixed", "one", trunk + 2, 2, false);
    same("mixed", "two", trunk + 2, 2, true);
    same("mixed", "three", head, 2, true);
    same("mixed", "one", head, 2, false);
}

static double logged(const char *run, const char *key)
{
    char path[64], wanted[64];
    size_t size;
    snprintf(path, sizeof path, "%s_run/metrics.jsonl", run);
    snprintf(wanted, sizeof wanted, "\"%s\": ", key);
    char *log = read_file(path, &size);
    assert_non_null(log);
    const char *found = strstr(log, wanted);
    double number = found ? strtod(found + strlen(wanted), NULL) : NAN;
    free(log);
    return number;
}

/* The norm that `clip` bounds is that of the optimizer's own gradient. */
static void clip_sees_its_part(void **state)
{
    (void)state;
    train_by("free", "sgd(0.1, clip: 1e6)", 1);
    train_by("split", "sgd(0.1, clip: 1e6) of trunk, sgd(0.1, clip: 1e6) of head", 1);
    double all = logged("free", "grad_norm.minimise"), of_trunk = logged("split", "grad_norm.trunk.minimise");
    double of_head = logged("split", "grad_norm.head.minimise");
    assert_true(of_trunk > 0 && of_head > 0 && fabs(all * all / (of_trunk * of_trunk + of_head * of_head) - 1) < 1e-5);
    char optimizers[128];
    snprintf(optimizers, sizeof optimizers, "sgd(0.1, clip: %.6g) of trunk, sgd(0.1)", of_trunk * 1.01);
    train_by("loose", optimizers, 1); /* above the norm of the trunk, below that of all */
    assert_true(of_trunk * 1.01 < all);
    same("loose", "split", trunk, 4, true);
    snprintf(optimizers, sizeof optimizers, "sgd(0.1, clip: %.6g) of trunk, sgd(0.1)", of_trunk / 2);
    train_by("tight", optimizers, 1);
    same("tight", "split", trunk, 4, false);
    same("tight", "split", head, 2, true);
}

static void rates_are_logged(void **state)
{
    (void)state;
    train_by("rates", "sgd(0.25) of trunk, sgd(0.5, step(every: 1, factor: 0.5))", 12);
    assert_true(fabs(logged("rates", "rate.trunk.minimise") - 0.25) < 1e-7);
    assert_true(fabs(logged("rates", "rate.minimise") - 0.5) < 1e-6);
    assert_int_equal(run_command("tail -n 1 rates_run/metrics.jsonl | grep -q '\"rate.minimise\": 0.0625'"), 0);
    assert_int_equal(run_command("'%s/hnc' explain rates.hn", HNC_BINARY_DIR), 0);
    assert_true(output_has("sgd(0.25, momentum: 0, constant) of trunk") &&
                output_has("sgd(0.5, momentum: 0, step(1, factor: 0.5))"));
    if (run_command("which gnuplot") == 0) { /* one picture of all rates */
        assert_int_equal(run_command("./rates plot rates_run"), 0);
        assert_true(output_has("panels: 2"));
    }
    train_by("silent", "sgd(0.25)", 3);
    assert_true(isnan(logged("silent", "rate.minimise")));
}

/* Checkpoints hold the states of all optimizers, plateau included. */
static void a_run_is_resumed(void **state)
{
    (void)state;
    static const char optimizers[] =
        "adam(1e-1, plateau(patience: 1)) of trunk, sgd(0.1, nonmonotonic(window: 2), momentum: 0.9) of head.linear1.w, "
        "rmsprop(1e-2, clip: 0.1)";
    train_by("straight", optimizers, 12);
    assert_int_equal(run_command("./straight train --quiet --out halves_run --steps 5"), 0);
    assert_int_equal(run_command("./straight train --quiet --out halves_run --resume --steps 12"), 0);
    same("straight", "halves", trunk, 4, true);
    same("straight", "halves", head, 2, true);
    static const char *const states[] = {
        "minimise/trunk/m/trunk.linear2.w", "minimise/trunk/correction/2",   "minimise/head.linear1.w/momentum/head.linear1.w",
        "minimise/v/head.linear1.b",        "minimise/trunk/plateau/factor", "minimise/head.linear1.w/nonmonotonic/recent"};
    same("straight", "halves", states, 6, true);
}

static void in_bilevel_and_pareto(void **state)
{
    (void)state;
    static const char tune[] = "train t = bilevel(lam) {\n  lower loss(d.train) + lam.decay * sumsq(head) by %s\n"
                               "  upper loss(d.valid) by adam(1e-2)\n  sample normal(scale: 0.5)\n  batch 16; epochs 2 }";
    static const char front[] = "train t = pareto(r) {\n  minimise loss, size on d.train by %s\n  solver epo\n"
                                "  sample dirichlet(1)\n  rays 3\n  report uniformity on d.valid\n  batch 16; epochs 2 }";
    static const struct {
        const char *name, *before, *train;
    } cases[] = {
        {"tune", "hyper lam { decay: positive = 0.1 }\nweights trunk = stn(lam)", tune},
        {"front", "preference r[2]\nweights trunk = stn(r)\nobjective size(e) = mean(square(head(trunk(e.x)) - 1))", front}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char train[1024], name[32];
        static const char *const optimizers[] = {"adam(1e-2)", "adam(1e-2) of trunk, adam(1e-2) of head"};
        for (int k = 0; k < 2; k++) {
            snprintf(name, sizeof name, "%s%d", cases[i].name, k);
            snprintf(train, sizeof train, cases[i].train, optimizers[k]);
            build(name, cases[i].before, train);
            if (run_command("./%s train --quiet --out %s_run", name, name) != 0)
                fail_msg("%s: %s", name, command_output());
        }
        char first[32];
        snprintf(first, sizeof first, "%s0", cases[i].name);
        same(first, name, head, 2, true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_together_are_the_whole),
        cmocka_unit_test(each_part_has_its_optimizer),
        cmocka_unit_test(clip_sees_its_part),
        cmocka_unit_test(rates_are_logged),
        cmocka_unit_test(a_run_is_resumed),
        cmocka_unit_test(in_bilevel_and_pareto),
    };
    return cmocka_run_group_tests(tests, small_table_set_up, folder_tear_down);
}
