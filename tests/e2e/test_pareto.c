/* Programs with several objectives, from the model text to their run folders: the front that is measured, evaluation, equal bits,
 * resumption, one net per ray, exports. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include <jansson.h>
#include <zlib.h>

#include "pareto/pareto.h"
#include "tests/e2e/tensor_file.h"
#include "tests/runtime/run_command.h"

enum { ROWS = 240, TRAIN = 160, WIDTH = 6, M = 2 };

/* ---- data and models ---- */

static uint32_t random_byte(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 24;
}

static void write_idx(const char *path, const unsigned char *header, unsigned header_size, const void *bytes, unsigned size)
{
    gzFile file = gzopen(path, "wbT"); /* T: not compressed */
    assert_non_null(file);
    assert_int_equal(gzwrite(file, header, header_size), header_size);
    assert_int_equal(gzwrite(file, bytes, size), size);
    assert_int_equal(gzclose(file), Z_OK);
}

/* A label that the first inputs decide, and one row in eight of a second group, where the label is likelier to be 1: being right
 * and treating both groups alike are different aims. Batches of eight often lack the second group. */
static void write_data(void)
{
    static unsigned char inputs[ROWS][WIDTH], groups[ROWS], labels[ROWS];
    uint32_t random = 9;
    for (unsigned row = 0; row < ROWS; row++) {
        for (unsigned i = 0; i < WIDTH; i++)
            inputs[row][i] = (unsigned char)random_byte(&random);
        groups[row] = random_byte(&random) % 8 == 0;
        if (groups[row])
            inputs[row][0] = (unsigned char)(128 + inputs[row][0] / 2);
        labels[row] = inputs[row][0] + inputs[row][1] + random_byte(&random) / 4 > 280;
    }
    write_idx("inputs", (unsigned char[]){0, 0, 8, 2, 0, 0, 0, ROWS, 0, 0, 0, WIDTH}, 12, inputs, sizeof inputs);
    write_idx("groups", (unsigned char[]){0, 0, 8, 1, 0, 0, 0, ROWS}, 8, groups, sizeof groups);
    write_idx("labels", (unsigned char[]){0, 0, 8, 1, 0, 0, 0, ROWS}, 8, labels, sizeof labels);
}

/* Points of a front that is taken for the true one. */
enum { TRUE_POINTS = 5 };
static const double true_front[TRUE_POINTS][M] = {{0, 1}, {0.125, 0.5}, {0.25, 0.25}, {0.5, 1e-3}, {1, -0.5}};

/* `count` points: the points above, repeated. */
static void write_true_front(const char *path, int count)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "# loss, gap\n");
    for (int i = 0; i < count; i++)
        fprintf(file, "%.17g, %.17g\n", true_front[i % TRUE_POINTS][0], true_front[i % TRUE_POINTS][1]);
    fclose(file);
}

/* Mean of the distances from the true front's points to the nearest of n. */
static double distance_to_true_front(unsigned n, const double *points)
{
    double sum = 0;
    for (int i = 0; i < TRUE_POINTS; i++) {
        double least = INFINITY;
        for (unsigned k = 0; k < n; k++)
            least = fmin(least, hypot(points[k * M] - true_front[i][0], points[k * M + 1] - true_front[i][1]));
        sum += least;
    }
    return sum / TRUE_POINTS;
}

/* form, dropout, solver, sample, rays, evaluate */
static const char model[] =
    "data d = idx(\"inputs\", \"groups\", \"labels\") {\n"
    "  fields x: u8[6], group: class[2], label: class[2]\n"
    "  split  train 160, test 80\n"
    "}\n"
    "preference r[2]\n"
    "net scorer(x: u8[6]) -> f32 { return sum(linear(dropout(tanh(linear(x / 255 - 0.5, 8)), 0.1), 1)) }\n"
    "net maker(r: f32[2]) -> f32[n] { return linear(tanh(linear(r, 10)), n) }\n"
    "weights scorer = %s\n"
    "objective loss(s) = mean(binary_cross_entropy(scorer(s.x), s.label))\n"
    "objective gap(s) = abs(mean(sigmoid(scorer(s.x)) where s.group == 1) - mean(sigmoid(scorer(s.x)) where s.group == 0))\n"
    "train t = pareto(r) {\n"
    "  minimise loss, gap on d.train by adam(3e-3, cosine)\n"
    "  solver %s\n"
    "  sample %s\n"
    "  rays   %s\n"
    "  report hypervolume(ref: [1, 1]), uniformity, igd(\"true.csv\") on d.test\n"
    "  batch  8\n"
    "  epochs 10\n"
    "  %s\n"
    "}\n"
    "export score(x%s) = sigmoid(scorer(x))\n";

static const char *const one_net = "dense(maker(r))";
#define THREE_RAYS "[0.7, 0.3], [0.5, 0.5], [0.1, 0.9]"

static void build(const char *name, const char *form, const char *solver, const char *sample, const char *rays, const char *more)
{
    char path[64];
    snprintf(path, sizeof path, "%s.hn", name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, model, form, solver, sample, rays, more, strcmp(form, "free") ? ", r" : ""); // NOLINT: a literal
    fclose(file);
    if (run_command("'%s/hnc' build %s", HNC_BINARY_DIR, path) != 0)
        fail_msg("%s", command_output());
}

static int set_up(void **state)
{
    (void)state;
    enter_folder();
    write_data();
    write_true_front("true.csv", TRUE_POINTS);
    build("phn", one_net, "epo", "dirichlet(0.5)", "circle(5)", "evaluate 10");
    build("each", "free", "linear", "each", THREE_RAYS, "");
    return 0;
}

/* ---- results ---- */

static json_t *load(const char *path)
{
    json_t *json = json_load_file(path, 0, NULL);
    if (!json)
        fail_msg("%s is no JSON", path);
    return json;
}

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value))
        fail_msg("%s is no number", key);
    return json_number_value(value);
}

/* Rows of numbers; how many. */
static unsigned read_matrix(const json_t *object, const char *key, double *values)
{
    const json_t *matrix = json_object_get(object, key);
    unsigned n = (unsigned)json_array_size(matrix);
    assert_in_range(n, 1, 64);
    for (unsigned k = 0; k < n; k++)
        for (unsigned i = 0; i < M; i++) {
            const json_t *value = json_array_get(json_array_get(matrix, k), i);
            assert_true(json_is_number(value));
            values[k * M + i] = json_number_value(value);
        }
    return n;
}

/* Indicators computed again from the points. */
static void check_front(const json_t *front, unsigned rays)
{
    double points[64 * M], directions[64 * M], sum = 0, least = INFINITY, largest = -INFINITY;
    unsigned n = read_matrix(front, "points", points);
    assert_int_equal(n, rays);
    assert_int_equal(read_matrix(front, "rays", directions), rays);
    for (unsigned k = 0; k < n; k++) {
        sum += uniformity(M, points + k * M, directions + k * M);
        least = fmin(least, points[k * M]);
        largest = fmax(largest, points[k * M]);
    }
    assert_true(fabs(number(front, "hypervolume") - hypervolume(M, n, points, (double[]){1, 1})) <= 1e-6);
    assert_true(fabs(number(front, "uniformity") - sum / n) <= 1e-6);
    assert_true(fabs(number(front, "igd") - distance_to_true_front(n, points)) <= 1e-6);
    const char *first = json_string_value(json_array_get(json_object_get(front, "objectives"), 0));
    char key[64];
    snprintf(key, sizeof key, "%s.least", first);
    assert_true(fabs(number(front, key) - least) <= 1e-6);
    snprintf(key, sizeof key, "%s.largest", first);
    assert_true(fabs(number(front, key) - largest) <= 1e-6);
    assert_int_equal(json_array_size(json_object_get(front, "non_dominated")), rays);
}

static void check_same(const char *one, const char *other, const char *file)
{
    char left[160], right[160];
    snprintf(left, sizeof left, "%s/%s", one, file);
    snprintf(right, sizeof right, "%s/%s", other, file);
    if (!same_files(left, right))
        fail_msg("%s and %s differ", left, right);
}

/* ---- one hypernetwork ---- */

static void test_front(void **state)
{
    (void)state;
    must_run("./phn train --data . --out front --epochs 50 --quiet");
    json_t *front = load("front/front.json"), *result = load("front/result.json");
    check_front(front, 5);
    assert_string_equal(json_string_value(json_object_get(front, "split")), "d.test");
    assert_true(json_equal(front, json_object_get(result, "front")));
    /* eight rows without one of the second group: about a third of all batches */
    double steps = number(result, "steps"), undefined = number(front, "undefined");
    assert_true(steps == 50 * 20 && undefined > 0.1 * steps && undefined < 0.7 * steps);
    assert_true(number(front, "fallbacks") >= undefined); /* where an objective is undefined, epo follows the ray */
    must_run("wc -l <front/metrics.jsonl && grep -c 'hypervolume.*uniformity.*igd.*\"front\": \\[\\[[0-9]' front/metrics.jsonl");
    assert_string_equal(command_output(), "5\n5\n");

    must_run("./phn eval --data . --weights front/last.safetensors --json");
    json_t *again = json_loads(command_output(), 0, NULL);
    assert_true(json_equal(front, again));
    json_decref(again);
    must_run("./phn eval --data . --weights front/last.safetensors");
    char expected[256];
    snprintf(expected, sizeof expected, "hypervolume %.6g\nuniformity %.6g\nigd %.6g\nloss.least %.6g\n",
             number(front, "hypervolume"), number(front, "uniformity"), number(front, "igd"), number(front, "loss.least"));
    assert_true(output_has(expected));
    json_decref(front);
    json_decref(result);

    must_run("./phn plot front && cat front/front.svg front/curves.svg");
    assert_true(output_has("<svg") && output_has(", igd 0."));
}

/* The points are in the program: it needs no file. They are found by --data, else by HNC_DATA, else beside the model; at most
 * 100,000. */
static void test_true_front(void **state)
{
    (void)state;
    must_run("mkdir -p other && cp phn.hn other/ && cp true.csv apart.csv && rm true.csv");
    must_run("./phn train --quiet --data . --out without --steps 3");
    json_t *front = load("without/front.json");
    check_front(front, 5);
    json_decref(front);
    assert_int_not_equal(run_command("'%s/hnc' check phn.hn", HNC_BINARY_DIR), 0);
    assert_true(output_has("true.csv: No such file or directory"));
    must_run("mv apart.csv other/true.csv");
    static const char *const ways[] = {"--data other phn.hn", "other/phn.hn"};
    for (size_t i = 0; i < 2; i++)
        if (run_command("env -u HNC_DATA '%s/hnc' explain %s", HNC_BINARY_DIR, ways[i]) != 0 ||
            !output_has("igd to the 5 points of true.csv"))
            fail_msg("%s", command_output());
    if (run_command("HNC_DATA=other '%s/hnc' check phn.hn && HNC_DATA=. '%s/hnc' check other/phn.hn", HNC_BINARY_DIR,
                    HNC_BINARY_DIR) != 0)
        fail_msg("%s", command_output());
    write_true_front("other/true.csv", 100000);
    if (run_command("'%s/hnc' build --data other phn.hn -o many", HNC_BINARY_DIR) != 0)
        fail_msg("%s", command_output());
    must_run("./many train --quiet --data . --out many-run --steps 3");
    front = load("many-run/front.json");
    check_front(front, 5); /* the five points, each as often */
    json_decref(front);
    write_true_front("other/true.csv", 100001);
    assert_int_not_equal(run_command("'%s/hnc' check --data other phn.hn", HNC_BINARY_DIR), 0);
    assert_true(output_has("true.csv:100002: the front has more than 100000 points"));
    write_true_front("true.csv", TRUE_POINTS);
}

static void test_equal_seeds_equal_bits(void **state)
{
    (void)state;
    must_run("./phn train --quiet --data . --out one --seed 7 && ./phn train --quiet --data . --out two --seed 7");
    must_run("./phn train --quiet --data . --out other --seed 8");
    assert_true(same_files("one/last.safetensors", "two/last.safetensors"));
    assert_true(same_files("one/front.json", "two/front.json"));
    assert_false(same_files("one/last.safetensors", "other/last.safetensors"));
    assert_false(same_files("one/front.json", "other/front.json"));
}

static double clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Begins a run again and again until it finishes. Ends each attempt after `seconds` on average, by a signal that kills and a
 * signal that asks in turn. Returns how many attempts were ended. */
static int run_in_pieces(const char *program, int epochs, double seconds, uint32_t *random)
{
    enum { MOST = 60 };
    int ended = 0, status = 137;
    assert_int_equal(run_command("rm -rf %s-pieces", program), 0);
    for (int i = 0; i < MOST && status != 0; i++) {
        double delay = seconds * random_byte(random) / 128;
        status =
            run_command("./%s train --quiet --data . --out %s-pieces --epochs %d --resume & sleep %.3f; kill -%s $!; wait $!",
                        program, program, epochs, delay, i % 2 ? "9" : "TERM");
        if (status != 0 && status != 137 && status != 130 && status != 143) /* 143: not yet listening */
            fail_msg("exit status %d after %d signals:\n%s", status, ended, command_output());
        ended += status != 0;
    }
    if (status != 0 &&
        run_command("./%s train --quiet --data . --out %s-pieces --epochs %d --resume", program, program, epochs) != 0)
        fail_msg("%s", command_output());
    return ended;
}

/* A run that is ended at any moment and resumed until it finishes has the files of a run that was left alone. */
static void check_resumption(const char *program, int epochs)
{
    static const char *const files[] = {"last.safetensors", "best.safetensors", "front.json"};
    char command[256], whole[64], pieces[64];
    snprintf(whole, sizeof whole, "%s-whole", program);
    snprintf(pieces, sizeof pieces, "%s-pieces", program);
    snprintf(command, sizeof command, "./%s train --quiet --data . --out %s --epochs %d", program, whole, epochs);
    double begin = clock_seconds();
    must_run("%s", command);
    double seconds = (clock_seconds() - begin) / 5;
    uint32_t random = 3;
    int ended = 0;
    for (int i = 0; i < 8 && ended < 2; i++, seconds /= 2) /* how long a run takes depends on what else is running */
        ended = run_in_pieces(program, epochs, seconds, &random);
    assert_true(ended >= 2);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        check_same(whole, pieces, files[i]);
}

static void test_killed_and_resumed(void **state)
{
    (void)state;
    check_resumption("phn", 800);
    check_resumption("each", 1000);
    build("several", one_net, "hvi(points: 4)", "uniform", "circle(5)", "evaluate 10");
    check_resumption("several", 100);
    check_same("each-whole", "each-pieces", "ray-001.safetensors");
    check_same("each-whole", "each-pieces", "ray-002.safetensors");
    check_same("each-whole", "each-pieces", "ray-003.safetensors");
}

/* A checkpoint is written where one net ends and the next begins. If the run is killed after it, the next net begins anew, from
 * the first values and at the first remaining ray. */
static void test_killed_between_two_nets(void **state)
{
    (void)state;
    must_run("./each train --quiet --data . --out uncut --epochs 2000");
    bool between = false;
    for (int i = 0; i < 20 && !between; i++) {
        int status = run_command("rm -rf cut; ./each train --quiet --data . --out cut --epochs 2000 & last=cut/last.safetensors; "
                                 "while [ ! -e $last ]; do sleep 0.005; done; first=$(stat -c %%i $last); "
                                 "while [ $(stat -c %%i $last) = $first ]; do sleep 0.005; done; kill -9 $!; wait $!");
        assert_true(status == 137 || status == 0);
        json_t *header = read_header("cut/last.safetensors", NULL, NULL);
        const char *steps = json_string_value(json_object_get(json_object_get(header, "__metadata__"), "steps.0"));
        between = steps && (strcmp(steps, "40000") == 0 || strcmp(steps, "80000") == 0);
        json_decref(header);
    }
    assert_true(between);
    must_run("./each train --quiet --data . --out cut --resume");
    static const char *const files[] = {"last.safetensors",    "best.safetensors",    "front.json",
                                        "ray-001.safetensors", "ray-002.safetensors", "ray-003.safetensors"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        check_same("uncut", "cut", files[i]);
}

/* ---- several rays per step ---- */

/* Two hills of Fonseca & Fleming (1995), x in three dimensions: the front is concave and known. */
static const char hills[] = "data d = idx(\"inputs\", \"groups\", \"labels\") {\n"
                            "  fields x: u8[6], group: class[2], label: class[2]\n"
                            "  split  train 160, test 80\n"
                            "}\n"
                            "preference r[2]\n"
                            "net place(x: u8[6]) -> f32[3] { return linear(x * 0.0, 3) }\n"
                            "net maker(r: f32[2]) -> f32[n] { return linear(tanh(linear(r, 16)), n) }\n"
                            "weights place = dense(maker(r))\n"
                            "objective right(s) = mean(1 - exp(-sum(square(place(s.x) - 0.577350269), axis: 0)))\n"
                            "objective left(s) = mean(1 - exp(-sum(square(place(s.x) + 0.577350269), axis: 0)))\n"
                            "train t = pareto(r) {\n"
                            "  minimise right, left on d.train by adam(1e-2, cosine)\n"
                            "  solver %s\n"
                            "  sample %s\n"
                            "  rays   circle(25)\n"
                            "  report hypervolume(ref: 1), uniformity, igd(\"true.csv\") on d.test\n"
                            "  batch 8; epochs 100; evaluate 10\n"
                            "}\n";

static json_t *front_of_hills(const char *solver, const char *sample)
{
    FILE *file = fopen("hills.hn", "w");
    assert_non_null(file);
    fprintf(file, hills, solver, sample); // NOLINT: a literal
    fclose(file);
    if (run_command("'%s/hnc' build hills.hn", HNC_BINARY_DIR) != 0)
        fail_msg("%s", command_output());
    must_run("rm -rf hills-run; ./hills train --quiet --data . --out hills-run");
    return load("hills-run/front.json");
}

/* Training for the hypervolume makes it grow until it is as close to the whole front's volume as 25 points can come; all 25
 * points are there. The linear scalarisation reaches less, as its points lie at the ends of a concave front. */
static void test_hypervolume_grows(void **state)
{
    (void)state;
    enum { MANY = 2000, EVEN = 25 };
    static double front[MANY * M];
    double even[EVEN * M], ones[M] = {1, 1};
    for (int k = 0; k < MANY + EVEN; k++) {
        double *point = k < MANY ? front + k * M : even + (k - MANY) * M;
        double along = k < MANY ? k / (MANY - 1.0) : (k - MANY) / (EVEN - 1.0); /* between the two tops */
        point[0] = 1 - exp(-4 * along * along);
        point[1] = 1 - exp(-4 * (1 - along) * (1 - along));
    }
    double whole = hypervolume(M, MANY, front, ones), spread = hypervolume(M, EVEN, even, ones);
    json_t *linear = front_of_hills("linear", "uniform"), *grown = front_of_hills("hvi(points: 8, lambda: 1)", "uniform");
    check_front(grown, 25);
    assert_true(number(grown, "fallbacks") == 0);
    must_run("./hills train --quiet --data . --out hills-begin --steps 5");
    json_t *first = load("hills-begin/front.json");
    double begin = number(first, "hypervolume"), end = number(grown, "hypervolume"), weighted = number(linear, "hypervolume");
    print_message("hypervolume %.4f, then %.4f; linear %.4f; evenly spread %.4f, all of the front %.4f\n", begin, end, weighted,
                  spread, whole);
    assert_true(begin + 0.01 < end && weighted + 0.005 < end);
    assert_true(spread < end && end < whole);
    assert_true(number(grown, "uniformity") > 0.95);
    json_decref(first);
    json_decref(linear);
    json_decref(grown);
}

/* ---- one net per ray ---- */

static const char *const weights[] = {"scorer.linear1.w", "scorer.linear1.b", "scorer.linear2.w"};

static void test_nets_are_their_own(void **state)
{
    (void)state;
    static const char *const rays[] = {"[0.7, 0.3]", "[0.5, 0.5]", "[0.1, 0.9]"};
    must_run("./each train --quiet --data . --out nets");
    json_t *front = load("nets/front.json");
    check_front(front, 3);
    double points[3 * M];
    read_matrix(front, "points", points);
    for (int net = 0; net < 3; net++) {
        char path[64], alone[64], command[256];
        snprintf(path, sizeof path, "nets/ray-%03d.safetensors", net + 1);
        build("single", "free", "linear", "each", rays[net], "");
        snprintf(command, sizeof command, "./single train --quiet --data . --out single-%d", net);
        snprintf(alone, sizeof alone, "single-%d/ray-001.safetensors", net);
        must_run("%s", command);
        for (size_t w = 0; w < sizeof weights / sizeof weights[0]; w++)
            if (!same_tensor(path, alone, weights[w]))
                fail_msg("%s of %s and %s differ", weights[w], path, alone);
        assert_true(same_tensor(path, alone, "r/ray"));
        for (int other = 0; other < net; other++) {
            char before[64];
            snprintf(before, sizeof before, "nets/ray-%03d.safetensors", other + 1);
            assert_false(same_tensor(path, before, weights[0]));
        }
        snprintf(command, sizeof command, "./each eval --data . --weights %s --json", path);
        must_run("%s", command);
        json_t *one = json_loads(command_output(), 0, NULL);
        for (int i = 0; i < M; i++)
            assert_true(json_number_value(json_array_get(json_object_get(one, "point"), (size_t)i)) == points[net * M + i]);
        assert_null(json_object_get(one, "hypervolume"));
        json_decref(one);
    }
    must_run("./each eval --data . --weights nets/ray-003.safetensors");
    char expected[128];
    snprintf(expected, sizeof expected, "ray 0.1 0.9\nloss %.6g\ngap %.6g\n", points[2 * M], points[2 * M + 1]);
    assert_true(output_has(expected));
    must_run("./each plot nets && cat nets/front.svg");
    assert_true(output_has("<svg"));
    json_decref(front);
}

/* Nets that have been trained cannot be trained longer: the steps of one net would end in the middle of another. */
static void test_nets_keep_their_length(void **state)
{
    (void)state;
    must_run("./each train --quiet --data . --out short --steps 15");
    assert_int_equal(run_command("./each train --quiet --data . --out short --steps 30 --resume"), 1);
    assert_true(output_has("a run of 15 steps for each ray, which cannot be changed to 30"));
    json_t *front = load("short/front.json");
    check_front(front, 3);
    json_decref(front);
    must_run("./each train --quiet --data . --out short --steps 15 --resume");
    must_run(
        "./phn train --quiet --data . --out longer --epochs 2 && ./phn train --quiet --data . --out longer --epochs 4 --resume");
}

/* Weights that do not depend on the preference, and weights that do: both can be trained with one net per ray. */
static void test_hypernetwork_a_ray(void **state)
{
    (void)state;
    build("dense", one_net, "pmtl", "each", THREE_RAYS, "");
    must_run("./dense train --quiet --data . --out dense-run --steps 30");
    json_t *front = load("dense-run/front.json");
    check_front(front, 3);
    json_decref(front);
}

/* ---- exports ---- */

static void test_export_takes_the_preference(void **state)
{
    (void)state;
    if (run_command("'%s/hnc' check phn.hn && '%s/hnc' build phn.hn --emit=ir -o phn && grep -A3 'func @score' phn.ir",
                    HNC_BINARY_DIR, HNC_BINARY_DIR) != 0)
        fail_msg("%s", command_output());
    assert_true(output_has("f32[2]"));
}

/* ---- where rays come from, and how weights follow them ---- */

/* If rays are drawn from those of the report, all of them are learned; drawing one other ray alone would leave them unlearned. */
static void test_fixed_rays(void **state)
{
    (void)state;
    json_t *front = front_of_hills("epo", "rays");
    assert_true(number(front, "uniformity") > 0.98);
    json_decref(front);
    build("drawn", one_net, "epo", "rays", "[0.4, 0.6]", "");
    build("kept", one_net, "epo", "each", "[0.4, 0.6]", "");
    must_run("./drawn train --quiet --data . --out drawn-run && ./kept train --quiet --data . --out kept-run");
    json_t *one = load("drawn-run/front.json"), *alone = load("kept-run/front.json");
    double drawn[M], kept[M];
    assert_int_equal(read_matrix(one, "points", drawn), 1);
    assert_int_equal(read_matrix(alone, "points", kept), 1);
    assert_memory_equal(drawn, kept, sizeof drawn);
    json_decref(one);
    json_decref(alone);
}

static void test_weights_respond_row_by_row(void **state)
{
    (void)state;
    build("response", "stn(r)", "epo", "dirichlet(1)", "circle(5)", "evaluate 10");
    must_run("./response train --quiet --data . --out response-run && ./response info");
    assert_true(output_has("scorer.linear1.w/scale"));
    json_t *front = load("response-run/front.json");
    check_front(front, 5);
    double points[5 * M];
    read_matrix(front, "points", points);
    assert_true(fabs(points[0] - points[4 * M]) > 1e-3);
    json_decref(front);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_front),
        cmocka_unit_test(test_true_front),
        cmocka_unit_test(test_equal_seeds_equal_bits),
        cmocka_unit_test(test_killed_and_resumed),
        cmocka_unit_test(test_killed_between_two_nets),
        cmocka_unit_test(test_hypervolume_grows),
        cmocka_unit_test(test_nets_are_their_own),
        cmocka_unit_test(test_nets_keep_their_length),
        cmocka_unit_test(test_hypernetwork_a_ray),
        cmocka_unit_test(test_export_takes_the_preference),
        cmocka_unit_test(test_fixed_rays),
        cmocka_unit_test(test_weights_respond_row_by_row),
    };
    return cmocka_run_group_tests(tests, set_up, folder_tear_down);
}
