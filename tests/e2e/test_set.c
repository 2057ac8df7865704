/* Constants that a run changes: `OUT train --set NAME=NUMBER`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/e2e/tensor_file.h"
#include "tests/runtime/run_command.h"

static int set_up(void **state)
{
    folder_set_up(state);
    write_numbers("table.csv", "a,b,c,y", 64);
    return 0;
}

/* Builds NAME, whose optimizers are these. `penalty` may use constants, too. */
static void build(const char *name, const char *optimizers, const char *penalty)
{
    char path[64];
    snprintf(path, sizeof path, "%s.hn", name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file,
            "data d = csv(\"table.csv\") {\n  fields x = numbers(a, b, c), y = y\n  split train 48, valid 16\n}\n"
            "const rate = 1e-2\nconst most = 0.5\nconst width = 8\nconst one = 1\nconst base = 2e-2\nconst half = base / "
            "2\nconst decay = 1e-3\nconst tenth = 1e-2 / 10\n"
            "net trunk(x: f32[3]) -> f32[8] { return tanh(linear(x, width)) }\n"
            "net head(h: f32[8]) -> f32[1] { return linear(h, 1) }\n"
            "objective loss(e) = mean(square(head(trunk(e.x)) - e.y))%s\n"
            "train t = fit {\n  minimise loss(d.train) by %s\n  validate loss(d.valid)\n  batch 16; epochs 4\n}\n"
            "export f(x: f32[3]) = head(trunk(x))\n",
            penalty, optimizers);
    assert_int_equal(fclose(file), 0);
    if (run_command("'%s/hnc' build %s -o %s", HNC_BINARY_DIR, path, name) != 0)
        fail_msg("%s: %s", optimizers, command_output());
}

static void train(const char *name, const char *folder, const char *flags)
{
    if (run_command("./%s train --quiet --out %s %s", name, folder, flags) != 0)
        fail_msg("%s %s: %s", name, flags, command_output());
}

static void same(const char *x, const char *y, bool wanted)
{
    static const char *const names[] = {"trunk.linear1.w", "head.linear1.w"};
    char first[64], second[64];
    snprintf(first, sizeof first, "%s/last.safetensors", x);
    snprintf(second, sizeof second, "%s/last.safetensors", y);
    for (int i = 0; i < 2; i++)
        if (same_tensor(first, second, names[i]) != wanted)
            fail_msg("%s of %s and %s %s", names[i], x, y, wanted ? "differ" : "are the same");
}

static void refused(const char *command, const char *text)
{
    if (run_command("%s", command) != 1 || !output_has(text))
        fail_msg("%s: no '%s' in: %s", command, text, command_output());
}

/* The text with each RATE in it replaced. */
static void with_rate(const char *text, const char *rate, char *result, size_t size)
{
    size_t length = 0;
    for (const char *c = text; *c;) {
        bool here = strncmp(c, "RATE", 4) == 0;
        length += (size_t)snprintf(result + length, size - length, "%.*s", here ? 100 : 1, here ? rate : c);
        c += here ? 4 : 1;
        assert_true(length < size);
    }
}

/* With every optimizer and schedule: unset, the bits are those of a program that has the number in its code; set, those of a
 * program that has the other number in its code. */
static void bits_are_those_of_the_number(void **state)
{
    (void)state;
    static const char *const optimizers[] = {
        "sgd(RATE, momentum: 0.9)", "adam(RATE, cosine)", "rmsprop(RATE, step(every: 1, factor: 0.5))",
        "sgd(RATE, plateau(patience: 1), clip: 0.1)", "adam(RATE, cosine) of head, sgd(RATE)"};
    static const char *const programs[] = {"named", "same", "other"}, *const rates[] = {"rate", "1e-2", "0.037"};
    for (size_t i = 0; i < sizeof optimizers / sizeof *optimizers; i++) {
        for (int k = 0; k < 3; k++) {
            char text[128], folder[16];
            with_rate(optimizers[i], rates[k], text, sizeof text);
            build(programs[k], text, "");
            snprintf(folder, sizeof folder, "%s_run", programs[k]);
            train(programs[k], folder, "");
        }
        train("named", "set_run", "--set rate=0.037");
        same("named_run", "same_run", true);
        same("set_run", "other_run", true);
        same("named_run", "set_run", false);
        assert_int_equal(run_command("rm -r named_run same_run other_run set_run"), 0);
    }
}

static void clips_are_set(void **state)
{
    (void)state;
    build("clipped", "sgd(0.1, clip: most)", "");
    build("tight", "sgd(0.1, clip: 1e-3)", "");
    train("clipped", "clipped_run", "--set most=1e-3");
    train("tight", "tight_run", "");
    same("clipped_run", "tight_run", true);
}

static void only_rates_and_clips_are_changed(void **state)
{
    (void)state;
    build("m", "adam(rate, clip: most) of head, sgd(half)", "");
    refused("./m train --out no --set width=300", "width is chosen when the model is built: hnc build -D width=300");
    refused("./m train --out no --set base=1", "base is chosen when the model is built");
    refused("./m train --out no --set rat=1", "'rat' is not a constant of the model; it can change rate, most, half");
    refused("./m train --out no --set rate=0", "a number above 0, not '0'");
    refused("./m train --out no --set rate=1e60", "a number above 0");
    refused("./m train --out no --set rate=fast", "a number above 0, not 'fast'");
    refused("./m train --out no --set rate=", "a number above 0, not ''");
    assert_int_equal(run_command("test -e no"), 1);
    build("used", "adam(rate)", " + rate * sumsq(head)");
    refused("./used train --out no --set rate=1", "rate is chosen when the model is built: hnc build -D rate=1");
    build("ones", "adam(one)", "");
    refused("./ones train --out no --set one=2", "one is chosen when the model is built");
    build("none", "adam", "");
    refused("./none train --out no --set rat=1", "'rat' is not a constant of the model; it can change none");
    assert_int_equal(run_command("'%s/hnc' build m.hn -D rate=0.5 -o defined && ./defined info", HNC_BINARY_DIR), 0);
    assert_true(output_has("const rate = 0.5, which train --set changes") && output_has("const width = 8\n"));
}

/* A constant that meets only tensors: half of it is the factor of a penalty. A run that sets it is the run of a program that was
 * built with it, goes on with it, and is evaluated with it. */
static void constants_of_losses_are_set(void **state)
{
    (void)state;
    build("pen", "adam(1e-2)", " + decay / 2 * sumsq(head)");
    assert_int_equal(run_command("'%s/hnc' build pen.hn -D decay=0.5 -o defined", HNC_BINARY_DIR), 0);
    train("pen", "pen_default", "--steps 12");
    train("pen", "pen_set", "--set decay=0.5 --steps 12");
    train("defined", "pen_defined", "--steps 12");
    same("pen_set", "pen_defined", true);
    same("pen_set", "pen_default", false);
    train("pen", "pen_halves", "--set decay=0.5 --steps 5");
    train("pen", "pen_halves", "--resume --steps 12");
    same("pen_set", "pen_halves", true);
    assert_int_equal(run_command("./pen eval --json --weights pen_set/last.safetensors > a && ./defined eval --json --weights "
                                 "pen_defined/last.safetensors > b && cmp a b"),
                     0);
    build("still", "sgd(1e-30)",
          " + decay / 2 * sumsq(head)"); /* the first weights are those of a program without the constant */
    build("number", "sgd(1e-30)", " + 5e-4 * sumsq(head)");
    train("still", "still_run", "--steps 1");
    train("number", "number_run", "--steps 1");
    same("still_run", "number_run", true);
    train("pen", "pen_negative", "--set decay=-1e-3 --steps 3");
    refused("./pen train --out no --set decay=inf", "the constant decay is a finite number, not 'inf'");
    assert_int_equal(run_command("'%s/hnc' check --gradients pen.hn", HNC_BINARY_DIR), 0);
}

/* Constants that the compiler needs itself: in a comparison, a layer's argument, beside another constant, under a name. */
static void other_constants_are_built_in(void **state)
{
    (void)state;
    static const char *const penalties[] = {" + mean(where(e.y > decay, 1, 0)) * sumsq(head)",
                                            " + mean(huber(e.y, e.x[0], decay)) + sumsq(head)", " + decay * one * sumsq(head)",
                                            " + c * sumsq(head) with c = decay", " + pow(sumsq(head), decay)"};
    for (size_t i = 0; i < sizeof penalties / sizeof *penalties; i++) {
        build("fixed", "adam(1e-2)", penalties[i]);
        refused("./fixed train --out no --set decay=1", "decay is chosen when the model is built");
    }
    build("fixed", "adam(1e-2)", " + tenth * sumsq(head)");
    refused("./fixed train --out no --set tenth=1", "tenth is chosen when the model is built");
}

/* A checkpoint says which numbers its run has, and the run keeps them. */
static void a_run_keeps_its_constants(void **state)
{
    (void)state;
    build("k", "adam(rate, clip: most)", "");
    train("k", "straight", "--set rate=0.2 --set most=0.3 --steps 12");
    train("k", "halves", "--set rate=0.2 --set most=0.3 --steps 5");
    refused("./k train --quiet --out halves --resume --steps 12 --set rate=0.1",
            "the run in halves has rate=0.2, and a run that goes on keeps its constants");
    train("k", "halves", "--resume --steps 12 --set most=0.3");
    same("straight", "halves", true);
    assert_int_equal(run_command("tr -d ' \\n' < straight/config.json | grep -q '\"rate\":0.2'"), 0);
    train("k", "plain", "--steps 12");
    same("straight", "plain", false);
    assert_int_equal(run_command("./k eval --weights straight/last.safetensors"), 0);
    /* no tensor of a checkpoint: one that was written before constants could be changed is continued */
    assert_int_equal(run_command("strings -n 4 straight/last.safetensors | grep -q 'const/'"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits_are_those_of_the_number),     cmocka_unit_test(clips_are_set),
        cmocka_unit_test(constants_of_losses_are_set),      cmocka_unit_test(other_constants_are_built_in),
        cmocka_unit_test(only_rates_and_clips_are_changed), cmocka_unit_test(a_run_keeps_its_constants),
    };
    return cmocka_run_group_tests(tests, set_up, folder_tear_down);
}
