/* Programs that hnc builds, from the model text to their run folders: training, evaluation, resumption, memory. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>
#include <zlib.h>

#include "tests/runtime/run_command.h"

enum { ROWS = 800, TEST_ROWS = 100, SIDE = 8, CLASSES = 4 };

static void must_build(const char *options)
{
    if (run_command("'%s/hnc' build toy.hn %s", HNC_BINARY_DIR, options) != 0)
        fail_msg("%s", command_output());
}

/* ---- the data of toy.hn ---- */

static uint32_t random_byte(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 24;
}

static void write_idx(const char *path, const unsigned char *header, unsigned header_size, const void *bytes, unsigned size)
{
    const char *mode = strstr(path, ".gz") ? "wb" : "wbT"; /* T: not compressed */
    gzFile file = gzopen(path, mode);
    assert_non_null(file);
    assert_int_equal(gzwrite(file, header, header_size), header_size);
    assert_int_equal(gzwrite(file, bytes, size), size);
    assert_int_equal(gzclose(file), Z_OK);
}

/* Noise that is brighter in one quadrant, the image's class. */
static void write_split(const char *image_path, const char *label_path, unsigned rows, uint32_t seed)
{
    static unsigned char images[ROWS][SIDE][SIDE], labels[ROWS];
    for (unsigned row = 0; row < rows; row++) {
        labels[row] = (unsigned char)(random_byte(&seed) % CLASSES);
        for (unsigned y = 0; y < SIDE; y++)
            for (unsigned x = 0; x < SIDE; x++) {
                bool bright = (y >= SIDE / 2) * 2u + (x >= SIDE / 2) == labels[row];
                images[row][y][x] = (unsigned char)(random_byte(&seed) * (bright ? 1.0 : 0.8));
            }
    }
    const unsigned char high = (unsigned char)(rows >> 8), low = (unsigned char)rows;
    write_idx(image_path, (unsigned char[]){0, 0, 8, 3, 0, 0, high, low, 0, 0, 0, SIDE, 0, 0, 0, SIDE}, 16, images,
              rows * SIDE * SIDE);
    write_idx(label_path, (unsigned char[]){0, 0, 8, 1, 0, 0, high, low}, 8, labels, rows);
}

static int set_up(void **state)
{
    (void)state;
    enter_folder();
    write_split("images.gz", "labels", ROWS, 1);
    write_split("test-images", "test-labels.gz", TEST_ROWS, 2);
    return run_command("cp '%s/tests/e2e/toy.hn' . && '%s/hnc' build toy.hn", HNC_SOURCE_DIR, HNC_BINARY_DIR);
}

/* ---- results ---- */

/* A number of RUN/result.json: "seconds", "last.metrics.fit(toy.valid)". */
static double result(const char *run, const char *outer, const char *inner, const char *key)
{
    char path[64];
    snprintf(path, sizeof path, "%s/result.json", run);
    json_t *root = json_load_file(path, 0, NULL), *value = root;
    if (outer)
        value = json_object_get(value, outer);
    if (inner)
        value = json_object_get(value, inner);
    value = json_object_get(value, key);
    assert_true(json_is_number(value));
    double number = json_number_value(value);
    json_decref(root);
    return number;
}

/* ---- tests ---- */

static void test_train_and_evaluate(void **state)
{
    (void)state;
    must_run("./toy info");
    assert_true(output_has("classifier.linear1.w/elem"));
    must_run("./toy train --data . --out learned --epochs 60");
    assert_true(output_has("fit(toy.valid)"));
    double loss = result("learned", "best", "metrics", "fit(toy.valid)");
    assert_in_range((int)(loss * 1000), 0, 1000); /* knowing nothing costs log 4 = 1.386 */
    double rate = result("learned", "last", "hypers", "lam.drop");
    assert_true(rate > 0 && rate < 0.9 && rate != 0.05);

    must_run("./toy eval --weights learned/best.safetensors --data . --json");
    json_t *metrics = json_loads(command_output(), 0, NULL);
    assert_true(json_number_value(json_object_get(metrics, "fit(toy.valid)")) == loss);
    assert_true(json_number_value(json_object_get(metrics, "fit(toy.test)")) ==
                result("learned", "best", "metrics", "fit(toy.test)"));
    json_decref(metrics);

    assert_int_equal(run_command("./toy eval --weights missing --data ."), 1);
    assert_int_equal(run_command("./toy train --data missing --out r"), 1);
    assert_int_equal(run_command("./toy train --frobnicate"), 2);
}

static void test_equal_seeds_equal_bits(void **state)
{
    (void)state;
    must_run("./toy train --data . --out one --seed 7 && ./toy train --data . --out two --seed 7");
    must_run("./toy train --data . --out other --seed 8");
    assert_true(same_files("one/last.safetensors", "two/last.safetensors"));
    assert_true(same_files("one/best.safetensors", "two/best.safetensors"));
    assert_false(same_files("one/last.safetensors", "other/last.safetensors"));
    must_build("-O0 -o plain");
    must_run("./plain train --data . --out three --seed 7");
    assert_true(same_files("one/best.safetensors", "three/best.safetensors")); /* also at another level of optimisation */
}

/* Runs pieces/ to its end, killed and resumed on the way: after some more epochs each time, and not at once. Returns how often it
 * was killed. */
static int train_in_pieces(uint32_t *random)
{
    enum { MOST = 60 };
    static const char train[] = "./toy train --quiet --data . --out pieces --epochs 150 --resume";
    int killed = 0, status = 137, epochs = 0;
    must_run("rm -rf pieces");
    for (int i = 0; i < MOST && status == 137; i++) {
        epochs += 1 + (int)random_byte(random) / 8;
        status =
            run_command("%s & while kill -0 $! && [ \"$(cat pieces/metrics.jsonl | wc -l)\" -lt %d ]; do sleep 0.00%u; done; "
                        "kill -9 $!; wait $!",
                        train, epochs, 1 + random_byte(random) / 32);
        killed += status == 137;
    }
    if (status == 137)
        must_run("%s", train);
    else if (status != 0)
        fail_msg("exit status %d after %d kills:\n%s", status, killed, command_output());
    return killed;
}

/* A run that is killed at any moment and resumed until it finishes has the files of a run that was left alone. On a busy machine
 * the run may end before it is killed; then the test tries again. */
static void test_killed_and_resumed(void **state)
{
    (void)state;
    enum { TRIES = 10 };
    uint32_t random = 3;
    must_run("./toy train --quiet --data . --out whole --epochs 150");
    int killed = 0;
    for (int i = 0; i < TRIES && killed < 2; i++) {
        killed = train_in_pieces(&random);
        assert_true(same_files("whole/last.safetensors", "pieces/last.safetensors"));
        assert_true(same_files("whole/best.safetensors", "pieces/best.safetensors"));
    }
    assert_true(killed >= 2);
}

static void test_double_precision(void **state)
{
    (void)state;
    must_build("--float=f64 -o double");
    must_run("./double info");
    assert_true(output_has("f64"));
    must_run("./double train --data . --out double-run --seed 3 && ./toy train --data . --out single-run --seed 3");
    double precise = result("double-run", "last", "metrics", "fit(toy.valid)");
    double rough = result("single-run", "last", "metrics", "fit(toy.valid)");
    assert_true(precise != rough);
    assert_float_equal(precise, rough, 0.02 * precise); /* the same run but for rounding */
}

/* The program holds code for two levels of processors, which give equal bits; cpu says which one ran. */
static void test_code_for_two_levels(void **state)
{
    (void)state;
    must_build("--cpu=auto -o both");
    must_run("./both info");
    assert_true(output_has("for x86-64-v3 and x86-64-v4"));
    must_run("./both train --data . --out chosen --epochs 3 && HNC_CPU=x86-64-v3 ./both train --data . --out narrow --epochs 3");
    must_run("grep '\"cpu\"' narrow/config.json");
    assert_true(output_has("\"x86-64-v3\""));
    must_run("grep '\"cpu\"' chosen/config.json");
    if (!output_has("\"x86-64-v4\""))
        print_message("this processor has no AVX-512: only the code for x86-64-v3 was run\n");
    assert_true(same_files("chosen/last.safetensors", "narrow/last.safetensors"));
    must_build("--cpu=x86-64-v3 -o one-level");
    must_run("./one-level info");
    assert_false(output_has("x86-64-v4"));
}

/* Whether the program asks the system for OpenBLAS, which it does if and only if it calls cblas. */
static bool needs_openblas(const char *program)
{
    char command[256];
    snprintf(command, sizeof command, "ldd %s && nm -D %s", program, program);
    must_run("%s", command);
    bool needs = strstr(command_output(), "libopenblas") != NULL;
    assert_int_equal(strstr(command_output(), "cblas_") != NULL, needs);
    return needs;
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Builds one program of each kind from the same file, and compares what result() finds in their run folders, which must be
 * finite. */
static void compare_kinds(const char *file, const char *options, const char *outer, const char *inner, const char *key,
                          double *last)
{
    static const char *const kinds[] = {"openblas", "builtin"};
    for (int kind = 0; kind < 2; kind++) {
        char command[512];
        snprintf(command, sizeof command,
                 "'%s/hnc' build %s %s --blas=%s -o by-%s && rm -rf kind-%s && "
                 "./by-%s train --data . --out kind-%s --seed 5 --epochs 2 --threads 1",
                 HNC_BINARY_DIR, file, options, kinds[kind], kinds[kind], kinds[kind], kinds[kind], kinds[kind]);
        must_run("%s", command);
        snprintf(command, sizeof command, "./by-%s info", kinds[kind]);
        must_run("%s", command);
        assert_true(output_has(kind ? "large products: builtin\n" : "large products: openblas\n"));
        snprintf(command, sizeof command, "kind-%s", kinds[kind]);
        last[kind] = result(command, outer, inner, key);
        assert_true(isfinite(last[kind]));
    }
    assert_true(needs_openblas("./by-openblas"));
    assert_false(needs_openblas("./by-builtin"));
    assert_int_equal(run_command("grep openblas kind-builtin/result.json kind-builtin/config.json"), 1);
    must_run("grep '\"blas\": \"builtin\"' kind-builtin/config.json");
}

/* Evaluations within epochs leave every bit of the training as it is, and a run that is broken between two of them continues
 * exactly. The log has the learning rate. */
static void test_evaluations_within_epochs(void **state)
{
    (void)state;
    must_run("sed 's/^  epochs  8/  epochs 2  evaluate 0.25/' toy.hn > quarter.hn && sed 's/evaluate 0.25/evaluate steps(7)/' "
             "quarter.hn "
             "> seven.hn && sed 's/  evaluate 0.25//' quarter.hn > each.hn");
    static const char *const names[] = {"quarter", "seven", "each"};
    for (size_t i = 0; i < 3; i++) {
        char command[512];
        snprintf(command, sizeof command,
                 "'%s/hnc' build %s.hn --blas=builtin -o within-%s && ./within-%s train --data . --out in-%s --quiet",
                 HNC_BINARY_DIR, names[i], names[i], names[i], names[i]);
        must_run("%s", command);
    }
    int64_t steps = (int64_t)result("in-each", "last", NULL, "step") / 2; /* per epoch */
    json_t *event, *events = json_array();
    FILE *log = fopen("in-quarter/metrics.jsonl", "r");
    assert_non_null(log);
    while ((event = json_loadf(log, JSON_DISABLE_EOF_CHECK, NULL)))
        json_array_append_new(events, event);
    fclose(log);
    int64_t before = 0;
    assert_int_equal(json_array_size(events), 8);
    for (size_t i = 0; i < 8; i++) {
        event = json_array_get(events, i);
        int64_t at = (steps * (int64_t)(i + 1) + 3) / 4; /* the first step that reaches a quarter */
        assert_int_equal(json_integer_value(json_object_get(event, "step")), at);
        double rate = 0; /* the mean since the evaluation before */
        for (int64_t step = before; step < at; step++)
            rate += 1e-2 * (1 + cos(acos(-1) * (double)step / (double)(2 * steps))) / 2 / (double)(at - before);
        before = at;
        assert_true(fabs(json_number_value(json_object_get(event, "rate.lower")) - rate) <= 1e-8);
    }
    json_decref(events);
    must_run("wc -l < in-seven/metrics.jsonl");
    assert_int_equal(atoi(command_output()), (2 * steps + 6) / 7);
    /* weights, moments and counters; a metadata of their own each */
    must_run("for i in quarter seven each; do ./within-$i eval --data . --weights in-$i/last.safetensors 2>/dev/null; done | "
             "sort | uniq -c | "
             "awk '$1 != 3'");
    assert_string_equal(command_output(), "");
    /* broken off after every few steps, with a checkpoint at every step */
    must_run(
        "for i in 1 2 3 4 5 6; do timeout -s KILL 0.1 ./within-quarter train --data . --out broken --resume --checkpoint-every "
        "1e-9 "
        "--quiet 2>/dev/null; done; sleep 1; ./within-quarter train --data . --out broken --resume --quiet && "
        "cmp broken/last.safetensors in-quarter/last.safetensors && cmp broken/best.safetensors in-quarter/best.safetensors");
}

/* Without OpenBLAS bits do not depend on the number of threads, nor on which code of the program runs. */
static void test_products_of_its_own(void **state)
{
    (void)state;
    static const char options[] = "-D width=200 --batch 64 --cpu=auto"; /* no product is skinny, and some have long sums */
    double last[2], precise[2];
    compare_kinds("toy.hn", options, "last", "metrics", "fit(toy.valid)", last);
    assert_float_equal(last[0], last[1], 1e-3 * last[0]);
    must_run("cp kind-builtin/last.safetensors one.safetensors && rm -rf kind-builtin && "
             "./by-builtin train --data . --out kind-builtin --seed 5 --epochs 2 --threads 1");
    assert_true(same_files("kind-builtin/last.safetensors", "one.safetensors"));
    must_run("HNC_CPU=x86-64-v3 ./by-builtin train --data . --out kind-narrow --seed 5 --epochs 2 --threads 1");
    assert_true(same_files("kind-narrow/last.safetensors", "one.safetensors"));
    must_run("./by-builtin train --data . --out kind-two --seed 5 --epochs 2 --threads 2");
    must_run("sed -i 's/\"threads\":\"2\"/\"threads\":\"1\"/' kind-two/last.safetensors");
    assert_true(same_files("kind-two/last.safetensors", "one.safetensors"));
    compare_kinds("toy.hn", "-D width=200 --batch 64 --float=f64", "last", "metrics", "fit(toy.valid)", precise);
    assert_true(fabs(precise[0] - precise[1]) <= 1e-6 * precise[0]);
}

static void test_front_by_products_of_its_own(void **state)
{
    (void)state;
    write_text("front.hn", "data toy = idx(\"images.gz\", \"labels\") {\n"
                           "  fields image: u8[8, 8], label: class[4]\n"
                           "  split train 640, valid 160\n"
                           "}\n"
                           "preference r[2]\n"
                           "net scorer(image: u8[8, 8]) -> f32[4] {\n"
                           "  h = relu(linear(flatten(image) / 255, 200))\n"
                           "  return linear(relu(linear(h, 200)), 4)\n"
                           "}\n"
                           "net trunk(r: f32[2]) -> f32[m] { return linear(relu(linear(r, 20)), m) }\n"
                           "weights scorer = dense(trunk(r))\n"
                           "objective loss(d) = mean(cross_entropy(scorer(d.image), d.label))\n"
                           "objective size(d) = mean(sum(square(scorer(d.image)), axis: 0)) / 10\n"
                           "train front = pareto(r) {\n"
                           "  minimise loss, size on toy.train by adam(1e-3)\n"
                           "  solver epo\n"
                           "  sample dirichlet(1)\n"
                           "  batch 64\n"
                           "  epochs 2\n"
                           "  report hypervolume(ref: 4) on toy.valid rays 5\n"
                           "}\n");
    double last[2];
    compare_kinds("front.hn", "", "front", NULL, "hypervolume", last);
    assert_true(last[0] > 0);
    assert_float_equal(last[0], last[1], 1e-2 * last[0]);
}

static void test_run_passes_flags_on(void **state)
{
    (void)state;
    if (run_command("XDG_CACHE_HOME=$PWD/cache '%s/hnc' run toy.hn -- --data . --out from-run --seed 7 --epochs 2",
                    HNC_BINARY_DIR) != 0)
        fail_msg("%s", command_output());
    must_run("./toy train --data . --out by-hand --seed 7 --epochs 2");
    assert_true(same_files("from-run/last.safetensors", "by-hand/last.safetensors"));
    assert_int_equal(run_command("XDG_CACHE_HOME=$PWD/cache '%s/hnc' run toy.hn -- --frobnicate", HNC_BINARY_DIR), 2);
    assert_true(output_has("'--frobnicate' is not a flag of 'train'"));
}

/* The peak is what explain announced, within 10 % + 32 MB, plus the data. */
static void test_memory_as_announced(void **state)
{
    (void)state;
    if (run_command("'%s/hnc' explain toy.hn -D width=1600 | grep '^memory:'", HNC_BINARY_DIR) != 0)
        fail_msg("%s", command_output());
    long long states, scratch;
    assert_int_equal(sscanf(command_output(), "memory: %lld bytes of state, %lld bytes of scratch", &states, &scratch), 2);
    assert_true(states > 50000000); /* two matrices of 1600 x 1600 and Adam's moments: enough to show in the total */
    must_build("-D width=1600 -O1 -o wide");
    must_run("./wide train --data . --out wide-run --steps 3");
    double peak = result("wide-run", NULL, NULL, "peak_rss_bytes");
    double data = (ROWS + TEST_ROWS) * (SIDE * SIDE + 4.0);
    print_message("announced %.1f MB, peak %.1f MB\n", (double)(states + scratch) / 1e6, peak / 1e6);
    assert_true(peak > (double)states);
    assert_true(peak <= 1.1 * (double)(states + scratch) + 32e6 + data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_and_evaluate),        cmocka_unit_test(test_equal_seeds_equal_bits),
        cmocka_unit_test(test_killed_and_resumed),        cmocka_unit_test(test_double_precision),
        cmocka_unit_test(test_run_passes_flags_on),       cmocka_unit_test(test_memory_as_announced),
        cmocka_unit_test(test_code_for_two_levels),       cmocka_unit_test(test_products_of_its_own),
        cmocka_unit_test(test_evaluations_within_epochs), cmocka_unit_test(test_front_by_products_of_its_own),
    };
    return cmocka_run_group_tests(tests, set_up, folder_tear_down);
}
