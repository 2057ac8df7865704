/* The surroundings of a run: links and folders of other users, closed streams, limits, names that look like options, checkpoints
 * that were tampered with or that another model wrote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>

#include "tests/runtime/run_command.h"

enum { ROWS = 24, PIXELS = 3 };

static const char model[] = "data s = idx(\"x\", \"y\") { fields x: u8[3], y: class[3]\n  split train 16, valid 8 }\n"
                            "net f(x: u8[3]) -> f32[3] { return linear(x / 255, 3) }\n"
                            "objective o(d) = mean(cross_entropy(f(d.x), d.y))\n"
                            "train t = fit { minimise o(s.train) by sgd(0.1)\n  batch 8\n  epochs 4\n  validate o(s.valid) }\n";

static void write_text(const char *path, const char *text)
{
    write_file(path, text, strlen(text));
}

static int set_up(void **state)
{
    folder_set_up(state);
    unsigned char x[12 + ROWS * PIXELS] = {0, 0, 8, 2, 0, 0, 0, ROWS, 0, 0, 0, PIXELS}, y[8 + ROWS] = {0, 0, 8, 1, 0, 0, 0, ROWS};
    for (int i = 0; i < ROWS * PIXELS; i++)
        x[12 + i] = (unsigned char)(i * 37);
    for (int i = 0; i < ROWS; i++)
        y[8 + i] = (unsigned char)(i % 3);
    write_file("x", x, sizeof x);
    write_file("y", y, sizeof y);
    write_text("m.hn", model);
    return 0;
}

static void must(const char *command)
{
    if (run_command("%s", command) != 0)
        fail_msg("%s\n%s", command, command_output());
}

static void must_build(const char *file, const char *program)
{
    if (run_command("'%s/hnc' build %s -o %s", HNC_BINARY_DIR, file, program) != 0)
        fail_msg("%s", command_output());
}

/* ---- files, streams, limits ---- */

/* A link with the name of a file that is about to be written is replaced, not followed. */
static void links_are_not_followed(void **state)
{
    (void)state;
    static const char *const names[] = {"last.safetensors.tmp", "best.safetensors.tmp", "result.json.tmp", "config.json.tmp"};
    must_build("m.hn", "m");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        must("rm -rf r; mkdir r; printf precious >victim");
        if (run_command("ln -s ../victim r/%s", names[i]) != 0)
            fail_msg("%s", command_output());
        must("./m train --out r --quiet && test \"$(cat victim)\" = precious && test ! -L r/last.safetensors");
    }
    must("rm -rf r; mkdir r; ln -s ../elsewhere r/metrics.jsonl");
    assert_int_equal(run_command("./m train --out r --quiet"), 1);
    must("test ! -e elsewhere");
}

/* Closed standard streams do not become the run's files. */
static void closed_streams(void **state)
{
    (void)state;
    must_build("m.hn", "m");
    must("./m train --out r --epochs 3 <&- >&- 2>&-; head -c 1 r/metrics.jsonl | grep -q '{' && "
         "test $(grep -c '^{' r/metrics.jsonl) = 3 && test $(wc -l <r/metrics.jsonl) = 3");
    if (run_command("'%s/hnc' check m.hn >&-; test $? = 1", HNC_BINARY_DIR) != 0)
        fail_msg("%s", command_output());
}

/* OpenBLAS would wait for memory forever. */
static void little_address_space(void **state)
{
    (void)state;
#ifdef HNC_SANITIZED
    print_message("skipped: AddressSanitizer needs more address space than the limit allows\n");
    skip();
#endif
    write_text("wide.hn", "data s = idx(\"x\", \"y\") { fields x: u8[3], y: class[3] }\n"
                          "net f(x: u8[3]) -> f32[3] { return linear(relu(linear(relu(linear(x / 255, 300)), 300)), 3) }\n"
                          "objective o(d) = mean(cross_entropy(f(d.x), d.y))\n"
                          "train t = fit { minimise o(s.train) by sgd(0.1)\n  batch 240\n  epochs 1 }\n");
    must_build("wide.hn", "wide");
    assert_int_equal(run_command("(ulimit -v 200000; timeout 20 ./wide info)"), 1);
    assert_true(output_has("too little address space") && output_has("ulimit -v"));
    must("(ulimit -v 4000000; ./wide info)");
}

/* Names in gnuplot's scripts: quotes, and backquotes, which gnuplot would run. */
static void names_in_pictures(void **state)
{
    (void)state;
    if (run_command("command -v gnuplot") != 0) {
        print_message("skipped: gnuplot is not installed\n");
        skip();
    }
    must_build("m.hn", "m");
    must("mkdir r; printf '{\"step\": 1, \"'\"'\"'x\": 1.0, \"`touch ran`\": 1.0, \"a\\\\\"b\\\\\\\\\": 2}\\n{\"step\": 2, "
         "\"'\"'\"'x\": 2.0, \"`touch ran`\": 3.0, "
         "\"a\\\\\"b\\\\\\\\\": 2}\\n' >r/metrics.jsonl");
    must("./m plot r");
    must("test ! -e ran && ls r/*.svg");
}

/* ---- names and places of the compiler ---- */

static void names_like_options(void **state)
{
    (void)state;
    static const char *const outputs[] = {"-x", "-Wl,x", "--help", "-o"};
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++)
        if (run_command("'%s/hnc' build m.hn -o %s && test -x ./%s && ./%s info", HNC_BINARY_DIR, outputs[i], outputs[i],
                        outputs[i]) != 0)
            fail_msg("-o %s: %s", outputs[i], command_output());
    if (run_command("cp m.hn ./-m.hn && '%s/hnc' build ./-m.hn && ./-m info", HNC_BINARY_DIR) != 0)
        fail_msg("%s", command_output());
}

/* `hnc run` runs the program in its cache: a folder that others may write to is refused, and no folder is invented. */
static void cache_of_run(void **state)
{
    (void)state;
    if (run_command("XDG_CACHE_HOME=$PWD/cache '%s/hnc' run m.hn -- --epochs 1 --out r --quiet && test \"$(stat -c %%a "
                    "cache/hnc)\" = 700",
                    HNC_BINARY_DIR) != 0)
        fail_msg("%s", command_output());
    must("chmod 777 cache/hnc");
    assert_int_equal(run_command("XDG_CACHE_HOME=$PWD/cache '%s/hnc' run m.hn -- --epochs 1 --out r2 --quiet", HNC_BINARY_DIR),
                     1);
    assert_true(output_has("is not yours alone"));
    must("rm -r cache; mkdir cache mine; ln -s ../mine cache/hnc");
    assert_int_equal(run_command("XDG_CACHE_HOME=$PWD/cache '%s/hnc' run m.hn -- --epochs 1 --out r2 --quiet", HNC_BINARY_DIR),
                     1);
    must("test ! -e r2");
}

/* ---- checkpoints ---- */

/* Rewrites the metadata of r/last.safetensors with key = value. */
static void tamper(const char *key, const char *value)
{
    size_t size;
    char *file = read_file("good.safetensors", &size);
    uint64_t length;
    memcpy(&length, file, 8);
    json_t *header = json_loadb(file + 8, length, 0, NULL);
    json_object_set_new(json_object_get(header, "__metadata__"), key, json_string(value));
    char *text = json_dumps(header, JSON_COMPACT);
    uint64_t padded = (strlen(text) + 7) / 8 * 8;
    char *changed = calloc(1, 8 + padded + size);
    memcpy(changed, &padded, 8);
    memset(changed + 8, ' ', padded);
    memcpy(changed + 8, text, strlen(text));
    memcpy(changed + 8 + padded, file + 8 + length, size - 8 - length);
    write_file("r/last.safetensors", changed, 8 + padded + size - 8 - length);
    free(text);
    free(changed);
    free(file);
    json_decref(header);
}

/* No number in the metadata may lead a run outside its plan. */
static void impossible_numbers(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {{"evaluations", "9223372036854775807"},
                                           {"evaluations", "100"},
                                           {"steps.0", "37"},
                                           {"steps.0", "-1"},
                                           {"steps.1", "1"},
                                           {"evaluated", "8"},
                                           {"best", "77"},
                                           {"best", "-2"},
                                           {"best_value", "inf"},
                                           {"best_value", "nan"},
                                           {"bad_epochs", "9"},
                                           {"batch", "0"},
                                           {"total_steps", "-3"},
                                           {"total_steps", "99999999999"},
                                           {"epoch_steps", "0"},
                                           {"threads", "0"},
                                           {"threads", "1000000000"},
                                           {"mean.0.0", "0x1p+0 / 99"},
                                           {"mean.0.0", "0x1p+0 / -1"},
                                           {"seconds", "inf"},
                                           {"seconds", "-1"},
                                           {"seed", "x"}};
    must_build("m.hn", "m");
    must("./m train --out r --quiet --seconds 0.0000001; cp r/last.safetensors good.safetensors");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        tamper(wrong[i][0], wrong[i][1]);
        int status = run_command("rm -f r/result.json; ./m train --out r --resume --quiet");
        if (status != 1 || !(output_has("what no run can have done") || output_has("not that of a training run")))
            fail_msg("%s = %s: status %d\n%s", wrong[i][0], wrong[i][1], status, command_output());
    }
    must("cp good.safetensors r/last.safetensors; ./m train --out r --resume --quiet");
}

/* One net per ray: steps beyond the plan would be beyond the tables of rays and points. */
static void impossible_net(void **state)
{
    (void)state;
    write_text(
        "each.hn",
        "data s = idx(\"x\", \"y\") { fields x: u8[3], y: class[3]\n  split train 16, valid 8 }\n"
        "preference r[2]\n"
        "net f(x: u8[3]) -> f32[3] { return linear(x / 255, 3) }\n"
        "objective a(d) = mean(cross_entropy(f(d.x), d.y))\n"
        "objective b(d) = mean(square(f(d.x)))\n"
        "train t = pareto(r) { minimise a, b on s.train by sgd(0.01)\n  solver linear\n  sample each\n  rays 3\n  batch 8\n"
        "  epochs 2\n  report hypervolume(ref: 9) on s.valid }\n");
    must_build("each.hn", "m");
    must("./m train --out r --quiet --seconds 0.0000001; cp r/last.safetensors good.safetensors");
    tamper("steps.0", "37");
    assert_int_equal(run_command("rm -f r/result.json; ./m train --out r --resume --quiet"), 1);
    assert_true(output_has("what no run can have done ('steps.0')"));
}

static void another_model(void **state)
{
    (void)state;
    write_text("other.hn", "data s = idx(\"x\", \"y\") { fields x: u8[3], y: class[3]\n  split train 16, valid 8 }\n"
                           "net g(x: u8[3]) -> f32[3] { return linear(relu(linear(x / 255, 5)), 3) }\n"
                           "objective o(d) = mean(cross_entropy(g(d.x), d.y))\n"
                           "train u = fit { minimise o(s.train) by sgd(0.1)\n  batch 8\n  epochs 1\n  report o(s.valid) }\n");
    must_build("m.hn", "m");
    must_build("other.hn", "other");
    must("./other train --out r --quiet");
    assert_int_equal(run_command("./m eval --weights r/last.safetensors"), 1);
    assert_true(output_has("r/last.safetensors is a checkpoint of 'other' (train u), not of 'm' (train t)"));
    assert_true(strchr(command_output(), '\n') == strrchr(command_output(), '\n')); /* one line */
}

/* The same weights, trained for another loss or in another way: a resumed run would mix both, so it is refused. Settings that are
 * only reported may change. */
static void another_computation(void **state)
{
    (void)state;
    static const char *const changes[] = {"s/sgd(0.1)/sgd(0.2)/",
                                          "s/minimise o(/minimise 2 * o(/",
                                          "s/validate o(/validate 2 * o(/",
                                          "s/split train 16/split train 15/",
                                          "s/255/256/",
                                          "s/sgd(0.1)/sgd(0.1, clip: 9)/"};
    must_build("m.hn", "m");
    must("./m train --out r --quiet --epochs 2");
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        assert_int_equal(run_command("mkdir -p c; sed '%s' m.hn >c/m.hn; cmp -s m.hn c/m.hn", changes[i]), 1);
        must_build("c/m.hn", "changed");
        assert_int_equal(run_command("./changed train --out r --resume --epochs 3"), 1);
        assert_true(output_has("belongs to a run that computes something else"));
        must("./changed eval --weights r/last.safetensors");
        assert_true(output_has("whose losses, weights, settings or splits are others"));
    }
    must("sed 's/validate/report o(s.train)\\n validate/; s/epochs 4/epochs 9/' m.hn >c/m.hn");
    must_build("c/m.hn", "changed");
    must("./changed eval --weights r/last.safetensors");
    assert_false(output_has("note"));
    must("./changed train --out r --resume --epochs 3");
}

/* A name that the linker would take for an option, and a file that may not grow: an error, and no file is left behind. */
static void outputs_of_a_build(void **state)
{
    (void)state;
    must_build("m.hn", "=z");
    must("./=z info");
    assert_int_equal(run_command("sh -c \"ulimit -f 4; '%s/hnc' build m.hn -o small\"", HNC_BINARY_DIR), 1);
    assert_true(output_has("cannot write"));
    assert_int_equal(run_command("ls | grep -q '^small'"), 1);
}

/* eval reports a weight that is not finite. */
static void weights_that_are_not_finite(void **state)
{
    (void)state;
    size_t size;
    must_build("m.hn", "m");
    must("./m train --out r --quiet --epochs 1");
    char *file = read_file("r/last.safetensors", &size);
    uint64_t length;
    memcpy(&length, file, 8);
    json_t *header = json_loadb(file + 8, length, 0, NULL);
    const json_t *offsets = json_object_get(json_object_get(header, "f.linear1.b"), "data_offsets");
    memset(file + 8 + length + json_integer_value(json_array_get(offsets, 0)), 0xff, 4);
    write_file("broken.safetensors", file, size);
    json_decref(header);
    free(file);
    run_command("./m eval --weights broken.safetensors");
    assert_true(output_has("the weight f.linear1.b holds a value that is not finite"));
}

/* The files of a run are not overwritten just because its checkpoint is gone. */
static void checkpoint_gone(void **state)
{
    (void)state;
    must_build("m.hn", "m");
    must("./m train --out r --quiet --epochs 2; cp r/metrics.jsonl kept; rm r/last.safetensors");
    assert_int_equal(run_command("./m train --out r --resume --epochs 3"), 1);
    assert_true(output_has("no last.safetensors to resume it from"));
    must("cmp r/metrics.jsonl kept");
}

/* Resumed for fewer epochs than it has done, a run stays as it is, byte for byte. */
static void fewer_epochs(void **state)
{
    (void)state;
    must_build("m.hn", "m");
    must("./m train --out r --quiet; cp -r r before; ./m train --out r --resume --epochs 2");
    assert_true(output_has("more than the 4 that are asked for; nothing is changed"));
    must("diff -r r before");
}

/* ---- what is logged ---- */

static void gradients_of_zero(void **state)
{
    (void)state;
    write_text("zero.hn", "data s = idx(\"x\", \"y\") { fields x: u8[3], y: class[3] }\n"
                          "net f(x: u8[3]) -> f32 { weight w: f32[3] = 0\n  return sum(relu(w * x / 255 - 1)) }\n"
                          "objective o(d) = mean(f(d.x))\n"
                          "train t = fit { minimise o(s.train) by sgd(0.1, clip: 1)\n  batch 8\n  epochs 2 }\n");
    must_build("zero.hn", "m");
    must("./m train --out r --quiet && grep -q '\"grad_norm.minimise\": 0.0' r/metrics.jsonl");
}

/* Names that look like the compiler's own: of states, counters, functions. The program is that of the same model with plain
 * names. */
static void names_of_the_compiler(void **state)
{
    (void)state;
    static const char text[] = "data s = idx(\"x\", \"y\") { fields x: u8[3], y: class[3]\n  split train 16, valid 8 }\n"
                               "preference r[2]\n"
                               "net f(x: u8[3]) -> f32[3] { return linear(x / 255, 3) }\n"
                               "net NET1(x: f32[3]) -> f32 { weight LOWER: f32[3] ~ uniform(1)\n  return sum(x * LOWER) }\n"
                               "layer sub(x: f32[3]) -> f32 { weight LOWER: f32[3] ~ uniform(1)\n  return sum(x * LOWER) }\n"
                               "layer top(x: f32[3]) -> f32 { return sub(x) as NET1 }\n"
                               "net NET2(x: f32[3]) -> f32 { return top(x) as FIRST }\n"
                               "net NET3(q: f32[2]) -> f32[n] { weight COUNT: f32[n, 2] ~ normal(1)\n  return COUNT @ q }\n"
                               "weights f = dense(NET3(r))\n"
                               "objective a(d) = mean(cross_entropy(f(d.x), d.y)) + mean(square(NET1(d.x / 255) + 1))\n"
                               "objective b(d) = mean(square(f(d.x))) + mean(square(NET2(d.x / 255) + 1))\n"
                               "train NET3 = pareto(r) { minimise a, b on s.train by adam(0.1)\n  solver epo\n  sample "
                               "dirichlet(1)\n  batch 8\n  epochs 3\n"
                               "  rays 3\n  report hypervolume(ref: 9) on s.valid }\n"
                               "export NET2(x, r) = f(x)\n";
    static const char plain[] = "s/NET1/one/g; s/NET2/two/g; s/NET3/three/g; s/LOWER/w/g; s/FIRST/label/g; s/COUNT/u/g";
    static const char *const wanted[] = {
        "s/NET1/step/g; s/LOWER/lower/g; s/NET2/minimise/g; s/FIRST/m/g; s/NET3/front/g; s/COUNT/fallbacks/g",
        "s/NET1/v/g; s/LOWER/seed/g; s/NET2/minimise/g; s/FIRST/v/g; s/NET3/export/g; s/COUNT/undefined/g",
    };
    write_text("names.in", text);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        for (int side = 0; side < 2; side++) {
            static const char *const programs[] = {"plain", "taken"};
            if (run_command(
                    "sed '%s' names.in > %s.hn && '%s/hnc' build %s.hn && rm -rf %s-run && ./%s train --quiet --out %s-run",
                    side ? wanted[i] : plain, programs[side], HNC_BINARY_DIR, programs[side], programs[side], programs[side],
                    programs[side]) != 0)
                fail_msg("%s", command_output());
            must(side ? "grep -o '\"losses\".*\\|\"hypervolume.*' taken-run/result.json > taken; cmp plain-figures taken"
                      : "grep -o '\"losses\".*\\|\"hypervolume.*' plain-run/result.json > plain-figures; test -s plain-figures");
        }
}

/* Checkpoints of version 1, whose states had other names: eval reads the weights, but no run continues from them. */
static void earlier_checkpoints(void **state)
{
    (void)state;
    write_text("tuned.hn", "data s = idx(\"x\", \"y\") { fields x: u8[3], y: class[3]\n  split train 16, valid 8 }\n"
                           "hyper lam { a: rate = 0.3 }\n"
                           "net f(x: u8[3]) -> f32[3] { return linear(dropout(x / 255, lam.a), 3) }\n"
                           "weights f = stn(lam)\n"
                           "objective o(d) = mean(cross_entropy(f(d.x), d.y))\n"
                           "train t = bilevel(lam) { lower o(s.train) by adam(0.1)\n  upper o(s.valid) by adam(0.1)\n"
                           "  sample normal(scale: 0.5) by adam(0.1)\n  batch 8\n  epochs 3 }\n");
    must_build("tuned.hn", "m");
    must("./m train --out r --quiet && ./m eval --weights r/last.safetensors > figures && test -s figures");
    must("LC_ALL=C sed -i 's#checkpoint 4#checkpoint 1#; s#/elem\"#.elem\"#g; s#/hyper\"#.hyper\"#g; s#/scale\"#.scale\"#g; "
         "s#/value\"#.value\"#g; s#step/#step.#g' r/last.safetensors");
    must("LC_ALL=C sed -i 's#\\(\"digest\": *\"\\).#\\1x#' r/last.safetensors"); /* nor does its digest say anything here */
    must("./m eval --weights r/last.safetensors 2>&1 | cmp - figures");
    assert_int_equal(run_command("./m train --out r --resume --epochs 5"), 1);
    assert_true(output_has("was written by another version of hnc"));
}

/* An objective that is NaN in every batch ends the run; one that is NaN in some batches does not, and its mean is that of the
 * other batches. */
static void objectives_without_examples(void **state)
{
    (void)state;
    static const char *const texts[] = {"log(-1 - square(f(d.x)[0]))", "f(d.x)[0] where d.y > 5",
                                        "f(d.x)[0] where f32(d.x[0]) > 128"};
    for (int i = 0; i < 3; i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 "data s = idx(\"x\", \"y\") { fields x: u8[3], y: class[3] }\n"
                 "preference r[2]\n"
                 "net f(x: u8[3]) -> f32[3] { return linear(x / 255, 3) }\n"
                 "net g(q: f32[2]) -> f32[n] { return linear(q, n) }\n"
                 "weights f = dense(g(r))\n"
                 "objective a(d) = mean(cross_entropy(f(d.x), d.y))\n"
                 "objective b(d) = mean(square(%s))\n"
                 "train t = pareto(r) { minimise a, b on s.train by sgd(0.01)\n  solver linear\n  sample uniform\n  rays 3\n  "
                 "batch 2\n"
                 "  epochs 3\n  report hypervolume(ref: 9) on s.train }\n",
                 texts[i]);
        if (i > 0) { /* the condition belongs to the mean */
            char *where = strstr(text, " where ");
            char rest[512], condition[128];
            snprintf(condition, sizeof condition, "%.*s", (int)(strstr(where, "))\n") - where), where);
            snprintf(rest, sizeof rest, "%s", strstr(where, "))\n") + 2);
            size_t at = (size_t)(where - text);
            snprintf(text + at, sizeof text - at, ")%s)%s", condition, rest);
        }
        write_text("p.hn", text);
        must_build("p.hn", "m");
        int status = run_command("rm -rf r; ./m train --out r --quiet");
        bool never = i < 2;
        if (status != never || (never && !output_has("'objective.b'")))
            fail_msg("%s: status %d\n%s", texts[i], status, command_output());
        if (!never)
            must("! grep -q 'objective.b.minimise\": null' r/metrics.jsonl");
    }
}

/* Weights that are halved come to the least number that has an exponent in f32 and stay there, in every thread: its half is 0. */
static void weights_that_decay(void **state)
{
    (void)state;
#if defined(__x86_64__)
    write_text("m.hn", "data d = rows(4)\n"
                       "net p() -> f32[400000] { weight w: f32[400000] = 1; return w }\n"
                       "objective o(e) = sum(square(p()), axis: 0) / 2\n"
                       "objective most(e) = max(p(), axis: 0) * 1e30\n"
                       "train t = fit { minimise o(d.train) by sgd(0.5); batch 4; steps 140; report most(d.train) }\n");
    must_build("m.hn", "m");
    must("for n in 1 2; do ./m train --out r$n --threads $n --quiet && tail -n 1 r$n/metrics.jsonl && "
         "tail -n 1 r$n/metrics.jsonl | grep -q '\"most(d.train)\": 1.1754943[0-9]*e-0*8}' || exit 1; done");
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(links_are_not_followed, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(closed_streams, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(little_address_space, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(names_in_pictures, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(names_like_options, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(cache_of_run, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(impossible_numbers, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(impossible_net, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(another_model, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(another_computation, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(checkpoint_gone, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(outputs_of_a_build, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(weights_that_are_not_finite, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(fewer_epochs, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(earlier_checkpoints, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(names_of_the_compiler, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(weights_that_decay, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(gradients_of_zero, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(objectives_without_examples, set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
