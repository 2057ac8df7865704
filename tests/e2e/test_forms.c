/* Weight forms and their combinations in a train whose hyperparameters differ between the examples of a batch: gradients against
 * differences, compiled code against the interpreter, and that no form makes a matrix per example where its algebra needs none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/e2e/tensor_file.h"
#include "tests/runtime/run_command.h"

#ifdef HNC_SANITIZED
enum { EVERY = 3 }; /* forms are long to compile there, and walk the same memory */
#else
enum { EVERY = 1 };
#endif
enum { EXAMPLES = 32, BATCH = 16 };

static void write_table(void)
{
    write_numbers("forms.csv", "a,b,c,d,e,y", EXAMPLES);
}

/* Takes the examples of either split. */
#define TABLE_DATA                                                                                                               \
    "data d = csv(\"forms.csv\") {\n  fields x = numbers(a, b, c, d, e), y = numbers(y)\n  split train %d, valid %d\n}\n"

/* `rows`: the first layer gets three rows per example instead of one. */
static void write_model(const char *form, bool rows)
{
    FILE *file = fopen("form.hn", "w");
    assert_non_null(file);
    fprintf(file,
            TABLE_DATA //
            "hyper lam {\n"
            "  scale: real = 0.3\n"
            "  decay: range(0, 2) = 0.5\n"
            "}\n"
            "layer half(w: f32[..s]) -> f32[..s] { return tanh(w) / 2 }\n"
            "net target(x: f32[5]) -> f32[1] { return linear(tanh(%s), 1) }\n"
            "net respond(z: f32[2]) -> f32[n] { return linear(tanh(linear(z, 3)), n) }\n"
            "net other(z: f32[2]) -> f32[n] { return linear(z, n) }\n"
            "net hidden(z: f32[2]) -> f32[6] { return tanh(linear(z, 6)) }\n"
            "net chunk(z: f32[5]) -> f32[n] { return tanh(linear(z, n)) }\n"
            "net deep(z: f32[5]) -> f32[6] { return tanh(linear(z, 6)) }\n"
            "weights target = %s\n"
            "objective loss(e) = mean(square(target(e.x) - e.y))\n"
            "train t = bilevel(lam) {\n"
            "  lower loss(d.train) + lam.decay * sumsq(target) / 100 by adam(1e-2)\n"
            "  upper loss(d.valid) by adam(1e-2)\n"
            "  sample normal(scale: 0.5)\n"
            "  batch %d\n"
            "  epochs 1\n"
            "}\n",
            EXAMPLES / 2, EXAMPLES / 2,
            rows ? "mean(linear(stack(x * lam.scale, x, square(x)), 7), axis: 0)" : "linear(x * lam.scale, 7)", form, BATCH);
    assert_int_equal(fclose(file), 0);
}

/* Whether the steps have a tensor that holds the first matrix once per example. */
static bool makes_matrices_per_example(void)
{
    assert_int_equal(run_command("'%s/hnc' build --emit=ir form.hn -o form", HNC_BINARY_DIR), 0);
    size_t size;
    char *ir = read_file("form.ir", &size);
    assert_non_null(ir);
    bool found = strstr(ir, "f32[16, 7, 5]") || strstr(ir, "f32[16, 5, 7]");
    free(ir);
    return found;
}

static void test_gradients_and_cost(void **state)
{
    (void)state;
    static const struct {
        const char *form;
        bool matrices; /* per example: the form itself is one */
    } cases[] = {
        {"stn(lam)", false},
        {"free + stn(lam)", false},
        {"stn([lam.scale, lam.decay])", false},
        {"stn(hidden(lam * 2))", false},
        {"delta_stn(lam)", false},
        {"half(free) + 2 * delta_stn(lam)", false},
        {"rank1(respond(lam))", false},
        {"film(respond(lam))", false},
        {"lowrank(respond(lam), rank: 1)", false},
        {"free + lowrank(respond(lam), rank: 2)", false},
        {"free * stn(lam) / 2", false},
        {"half(free) * rank1(respond(lam)) * film(other(lam))", false},
        {"free + lowrank(respond(lam), rank: 1000000)", true},
        {"half(free) - 2 * (stn(lam) + lowrank(other(lam / 2), rank: 1))", false},
        {"dense(respond(lam))", true},
        {"free * half(dense(respond(lam)))", true},
        {"free + dense(respond(lam)) * dense(other(lam))", true},
        {"dense(hidden(lam))", true},
        {"free + dense(hidden(lam), init: zero)", true},
        {"rank1(hidden(lam)) + film(hidden(lam), init: xavier)", false},
        {"free + lowrank(hidden(lam), rank: 1, init: zero)", false},
        {"lowrank(hidden(lam), rank: 1, init: hyperfan_out)", false},
        {"chunked(deep(lam), size: 13, embed: 3)", true},
        {"free * half(chunked(chunk(lam), size: 50, embed: 3))", true},
        {"free + chunked(deep(lam), size: 3, embed: 3, init: zero)", true},
        {"stn(lam) + chunked(deep(lam), size: 13, embed: 3)", true},
    };
    write_table();
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i += EVERY) {
        const char *form = cases[i / 2].form;
        bool rows = i % 2;
        write_model(form, rows);
        if (run_command("'%s/hnc' check --gradients form.hn --data .", HNC_BINARY_DIR) != 0)
            fail_msg("%s: %s", form, command_output());
        if (makes_matrices_per_example() != cases[i / 2].matrices)
            fail_msg("%s%s %s", form, rows ? ", of rows," : "",
                     cases[i / 2].matrices ? "makes no matrix per example" : "makes a matrix per example");
    }
}

/* Recurrent weights that respond to hyperparameters, some of which differ between examples, and are dropped at a rate that is the
 * same for all: no matrix per example, and none per step. */
static void test_dropped_recurrent_weights(void **state)
{
    (void)state;
    write_table();
    FILE *file = fopen("dropped.hn", "w");
    assert_non_null(file);
    fprintf(file,
            TABLE_DATA //
            "hyper lam {\n"
            "  scale: real = 0.3\n"
            "  drop: rate(0, 1) = 0.3 shared\n"
            "}\n"
            "layer last(x: f32[5]) -> f32[3] {\n"
            "  hs, h, c = dropconnect_lstm(reshape(x * lam.scale, [5, 1]), 3, lam.drop)\n"
            "  return h\n"
            "}\n"
            "net target(x: f32[5]) -> f32[1] { return linear(last(x), 1) }\n"
            "weights target = stn(lam)\n"
            "objective loss(e) = mean(square(target(e.x) - e.y))\n"
            "train t = bilevel(lam) {\n"
            "  lower loss(d.train) by adam(1e-2)\n"
            "  upper loss(d.valid) by adam(1e-2)\n"
            "  sample normal(scale: 0.5)\n"
            "  batch %d\n"
            "  epochs 1\n"
            "}\n",
            EXAMPLES / 2, EXAMPLES / 2, BATCH);
    assert_int_equal(fclose(file), 0);
    if (run_command("'%s/hnc' check --gradients dropped.hn --data .", HNC_BINARY_DIR) != 0)
        fail_msg("%s", command_output());
    assert_int_equal(run_command("'%s/hnc' build --emit=ir dropped.hn --data . -o dropped", HNC_BINARY_DIR), 0);
    size_t size;
    char *ir = read_file("dropped.ir", &size);
    assert_non_null(ir);
    assert_null(strstr(ir, "f32[16, 12, 3]"));
    assert_null(strstr(ir, "f32[5, 12, 3]"));
    assert_null(strstr(ir, "f32[5, 16, 12, 3]"));
    free(ir);
}

/* ---- tables of tasks and members ---- */

static void write_index_model(const char *form, const char *train)
{
    FILE *file = fopen("index.hn", "w");
    assert_non_null(file);
    fprintf(file,
            TABLE_DATA //
            "task t[3] embed 2\n"
            "member k[4] embed 2\n"
            "net target(x: f32[5]) -> f32[1] { return linear(tanh(linear(x, 7)), 1) }\n"
            "net hidden(z: f32[2]) -> f32[6] { return tanh(linear(z, 6)) }\n"
            "net deep(z: f32[5]) -> f32[6] { return tanh(linear(z, 6)) }\n"
            "weights target = %s\n"
            "objective loss(e) = mean(square(target(e.x) - e.y))\n"
            "train s = %s {\n"
            "  minimise loss(d.train) by adam(1e-2)\n"
            "  batch %d\n"
            "  epochs 1\n"
            "  report loss(d.valid)\n"
            "}\n",
            EXAMPLES / 2, EXAMPLES / 2, form, train, BATCH);
    assert_int_equal(fclose(file), 0);
}

static void test_tables_of_tasks_and_members(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "dense(t)",
        "rank1(t)",
        "film(t)",
        "lowrank(t, rank: 2)",
        "free each t",
        "free + 0.1 * free each t",
        "free + lowrank(t, rank: 1, init: zero)",
        "rank1(t, init: zero) + film(t, init: zero)",
        "dense(hidden(t))",
        "free * chunked(deep(t), size: 20, embed: 3)",
    };
    write_table();
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i += EVERY) {
        write_index_model(forms[i], "continual(t)");
        assert_int_equal(run_command("sed -i 's/  batch/  remember outputs(0.1)\\n  batch/' index.hn"), 0);
        if (run_command("'%s/hnc' check --gradients index.hn --data .", HNC_BINARY_DIR) != 0)
            fail_msg("%s: %s", forms[i], command_output());
        char *member = strdup(forms[i]); /* the same with members, all of them in every step */
        for (char *at = member; (at = strchr(at, 't')); at++)
            if ((at == member || !strchr("abcdefghijklmnopqrstuvwxyz_", at[-1])) &&
                !strchr("abcdefghijklmnopqrstuvwxyz_", at[1] ? at[1] : ' '))
                *at = 'k';
        write_index_model(member, "joint(k)");
        if (run_command("'%s/hnc' check --gradients index.hn --data .", HNC_BINARY_DIR) != 0)
            fail_msg("%s: %s", member, command_output());
        free(member);
    }
}

/* The table of `free each t` has the name of the weight, and rows that are not at hand stay as they begin. */
static void test_free_each_is_a_table(void **state)
{
    (void)state;
    write_table();
    write_index_model("free each t", "continual(t)");
    assert_int_equal(run_command("sed -i 's/  batch/  remember nothing\\n  batch/' index.hn"), 0);
    assert_int_equal(run_command("'%s/hnc' build index.hn --data . -o each", HNC_BINARY_DIR), 0);
    assert_int_equal(run_command("./each info"), 0);
    assert_true(output_has("state target.linear1.w: f32[3, 7, 5] weight"));
}

/* ---- numbers from files ---- */

/* Builds a program of that name. */
static void build_fit(const char *name, const char *form)
{
    char path[64];
    snprintf(path, sizeof path, "%s.hn", name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file,
            "data d = csv(\"forms.csv\") {\n"
            "  fields x = numbers(a, b, c, d, e), y = numbers(y)\n"
            "}\n"
            "net target(x: f32[5]) -> f32[1] { return linear(tanh(linear(x, 7)), 1) }\n"
            "weights target = %s\n"
            "objective loss(e) = mean(square(target(e.x) - e.y))\n"
            "train t = fit {\n"
            "  minimise loss(d.train) by sgd(1e-2)\n"
            "  report loss(d.train)\n"
            "  batch %d\n"
            "  epochs 2\n"
            "}\n"
            "export value(x: f32[5]) = target(x)\n",
            form, BATCH);
    assert_int_equal(fclose(file), 0);
    if (run_command("'%s/hnc' build %s -o %s", HNC_BINARY_DIR, path, name) != 0)
        fail_msg("%s: %s", form, command_output());
}

static void run(int status, const char *command, const char *text)
{
    if (run_command("%s", command) != status || !output_has(text))
        fail_msg("%s: no '%s' in: %s", command, text, command_output());
}

static void test_frozen_weights_stay(void **state)
{
    (void)state;
    write_table();
    build_fit("base", "free");
    build_fit("adapted", "frozen(\"base.safetensors\") + 0.5 * free");
    run(1, "./adapted train --quiet --out early", "base.safetensors");
    run(0, "./base train --quiet --out base_run && cp base_run/last.safetensors base.safetensors", "steps");
    run(0, "./adapted train --quiet --out adapted_run", "steps");
    static const char *const names[] = {"target.linear1.w", "target.linear2.b"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char frozen[64];
        size_t size, same;
        snprintf(frozen, sizeof frozen, "%s/frozen", names[i]);
        char *base = tensor_bytes("base.safetensors", names[i], &size);
        char *kept = tensor_bytes("adapted_run/last.safetensors", frozen, &same);
        assert_true(base && kept && size == same && memcmp(base, kept, size) == 0);
        free(base);
        free(kept);
        assert_false(same_tensor("base.safetensors", "adapted_run/last.safetensors", names[i]));
    }
    run(0, "mv base.safetensors elsewhere && ./adapted eval --weights adapted_run/last.safetensors", "loss");
    run(0, "./adapted info", "state target.linear1.w/frozen: f32[7, 5] frozen");
    run(1, "./adapted train --quiet --out missing", "No such file; the model takes frozen weights from it. Say with --data DIR");
}

static void test_a_file_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    write_table();
    build_fit("adapted", "frozen(\"base.safetensors\") + free");
    run(0,
        "mv elsewhere base.safetensors && head -c 300 base.safetensors > short && mv base.safetensors whole && mv short "
        "base.safetensors",
        "");
    run(1, "./adapted train --quiet --out cut", "base.safetensors");
    assert_int_equal(run_command("test -e cut/last.safetensors"), 1);
    run(0, "sed 's/, 7)/, 8)/' base.hn > wide.hn && '" HNC_BINARY_DIR "/hnc' build wide.hn -o wide", "");
    run(1, "./wide train --quiet --out wide_run --from whole",
        "whole: the tensor target.linear1.w is F32[7,5] there, but f32[8, 5] in this model");
    run(1,
        "sed 's/target/other/g' base.hn > named.hn && '" HNC_BINARY_DIR "/hnc' build named.hn -o named && "
        "./named train --quiet --out named_run --from whole",
        "holds none of this model's 4 weights");
    run(0,
        "(echo 'hyper lam { p: rate(0, 0.9) = 0.1 }'; sed 's/^weights target.*/weights target = stn(lam)/' base.hn) > "
        "responding.hn && "
        "'" HNC_BINARY_DIR "/hnc' build responding.hn -o responding",
        "");
    run(1, "./responding train --quiet --out responding_run --from whole",
        "it has target.linear1.w, a whole weight, where this model has target.linear1.w/elem");
}

static void test_a_run_begins_with_given_weights(void **state)
{
    (void)state;
    write_table();
    build_fit("base", "free");
    run(0, "./base train --quiet --out again --from whole --steps 0", "0 steps");
    assert_true(same_tensor("whole", "again/last.safetensors", "target.linear1.w"));
    build_fit("doubled", "free + free");
    run(0, "./doubled train --out half --from whole --steps 0",
        "4 of 8 weights begin with the numbers of whole; the others, such as target.linear1.w/free2, as the model says");
    assert_true(same_tensor("whole", "half/last.safetensors", "target.linear1.w"));
    run(1, "./base train --quiet --out again --from whole --resume", "--from is for a run that begins");
}

/* The tensor of a weight's name holds what training added: on its own it is not the weight. */
static void test_a_part_is_not_taken_for_the_weight(void **state)
{
    (void)state;
    write_table();
    build_fit("base", "free");
    build_fit("adapted", "frozen(\"whole\") + free");
    run(0, "./adapted train --quiet --out part_run && cp part_run/last.safetensors part && ./adapted eval --weights part",
        "loss");
    static const char reason[] =
        "part: the tensor target.linear1.w is only a part of that weight there, which is 'frozen(\"whole\") + free'";
    run(1, "./base eval --weights part", reason);
    run(1, "./base train --quiet --out from_part --from part", reason);
    build_fit("scaled", "frozen(\"part\") * free");
    run(1, "./scaled train --quiet --out frozen_part", reason);
    run(0, "./adapted train --quiet --out further --from part --steps 0", "0 steps");
    build_fit("plain", "free()");
    run(0, "./plain train --quiet --out plain_run && ./base eval --weights plain_run/last.safetensors", "loss");
}

static void test_explain_shows_the_expression(void **state)
{
    (void)state;
    write_table();
    write_model("free + lowrank(respond(lam), rank: 2)", false);
    assert_int_equal(run_command("'%s/hnc' explain form.hn --data .", HNC_BINARY_DIR), 0);
    assert_non_null(strstr(command_output(), "free + lowrank(respond(lam), rank: 2)"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients_and_cost),
        cmocka_unit_test(test_dropped_recurrent_weights),
        cmocka_unit_test(test_tables_of_tasks_and_members),
        cmocka_unit_test(test_free_each_is_a_table),
        cmocka_unit_test(test_frozen_weights_stay),
        cmocka_unit_test(test_a_file_that_does_not_fit_is_refused),
        cmocka_unit_test(test_a_run_begins_with_given_weights),
        cmocka_unit_test(test_a_part_is_not_taken_for_the_weight),
        cmocka_unit_test(test_explain_shows_the_expression),
    };
    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
