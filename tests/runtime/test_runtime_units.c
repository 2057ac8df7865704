/* The parts of the runtime that are functions of their arguments: random numbers, splits, the order of a run, threads.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/cli/options.h"
#include "runtime/core/cpu.h"
#include "runtime/core/parallel.h"
#include "runtime/core/program.h"
#include "runtime/data/dataset.h"
#include "runtime/data/philox.h"
#include "runtime/run/position.h"
#include "tests/runtime/abi_text.h"

/* Vectors of Random123 1.09 (kat_vectors, philox4x32 10). */
static void test_philox_vectors(void **state)
{
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], expected[4];
    } vectors[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < 3; i++) {
        uint32_t out[4];
        philox_block(vectors[i].counter, vectors[i].key, out);
        assert_memory_equal(out, vectors[i].expected, sizeof out);
    }
}

static void test_splits_take_rows_in_order(void **state)
{
    (void)state;
    SplitInfo splits[] = {
        {.name = "train", .fraction = 0.29}, {.name = "valid", .count = 20}, {.name = "test", .from_test = true, .fraction = 1}};
    DatasetInfo dataset = {.name = "d", .splits = splits, .split_count = 3};
    RowRange ranges[3];
    assert_true(split_rows(&dataset, (MemberRows){100, 30}, NULL, ranges));
    assert_int_equal(ranges[0].first, 0);
    assert_int_equal(ranges[0].count, 29);
    assert_int_equal(ranges[1].first, 29);
    assert_int_equal(ranges[1].count, 20);
    assert_int_equal(ranges[2].first, 100);
    assert_int_equal(ranges[2].count, 30);
    assert_false(split_rows(&dataset, (MemberRows){20, 30}, NULL, ranges)); /* 5 + 20 rows of 20 */
    assert_false(split_rows(&dataset, (MemberRows){100, 0}, NULL, ranges)); /* an empty test split */
}

/* Fractions round to the nearest row, and the one that completes the whole takes what is left. */
static void test_splits_by_fractions(void **state)
{
    (void)state;
    SplitInfo splits[] = {
        {.name = "train", .fraction = 0.7}, {.name = "valid", .fraction = 0.1}, {.name = "test", .fraction = 0.2}};
    DatasetInfo dataset = {.name = "d", .splits = splits, .split_count = 3};
    RowRange ranges[3];
    static const int64_t cases[][4] = {
        {48842, 34189, 4884, 9769}, {30000, 21000, 3000, 6000}, {45211, 31648, 4521, 9042}, {10, 7, 1, 2}, {9, 6, 1, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(split_rows(&dataset, (MemberRows){cases[i][0], 0}, NULL, ranges));
        for (int k = 0; k < 3; k++)
            assert_int_equal(ranges[k].count, cases[i][k + 1]);
        assert_int_equal(ranges[2].first, cases[i][1] + cases[i][2]);
    }
    splits[2].fraction = 0.1; /* not the whole: a tenth of the rows is nobody's */
    assert_true(split_rows(&dataset, (MemberRows){48842, 0}, NULL, ranges));
    assert_int_equal(ranges[2].count, 4884);
    splits[0].fraction = splits[1].fraction = splits[2].fraction = 0.25;
    assert_false(split_rows(&dataset, (MemberRows){2, 0}, NULL, ranges)); /* 1, 1 and nothing */
}

static void test_position_survives_storage(void **state)
{
    (void)state;
    Position position, loaded;
    position_begin(&position);
    position.steps[0] = INT64_C(1) << 40;
    position.steps[1] = 3;
    position.batches[0] = 5;
    position.done[0] = -7;
    position.done[MAX_ACTS - 1] = 1;
    position.evaluations = 7;
    position.seconds = 1.0 / 3;
    position.means[1][2] = (Mean){.sum = -0.1, .count = 5};
    json_t *metadata = json_object();
    position_store(&position, false, metadata);
    assert_true(position_load(&loaded, metadata));
    assert_memory_equal(&position, &loaded, sizeof position);
    position.best_value = 0.1 + 0.2;
    position.due_best = 0.5;
    position_store(&position, false, metadata);
    assert_true(position_load(&loaded, metadata));
    assert_memory_equal(&position, &loaded, sizeof position);
    position.trial = 3;
    position.trial_begin = 2;
    position.trial_ended = TRIAL_PRUNED;
    position_store(&position, false, metadata);
    assert_true(position_load(&loaded, metadata));
    assert_memory_equal(&position, &loaded, sizeof position);
    static const char *const broken[][2] = {{"steps.0", "-1"},   {"batches.1", ""},          {"done.0", "1x"},
                                            {"steps.0", "12x"},  {"evaluated", ""},          {"best_value", "nan"},
                                            {"mean.0.0", "0x1"}, {"mean.0.0", "0x1p0 / -3"}, {"seconds", "-1"},
                                            {"trial", "-1"},     {"trial_ended", "3"},       {"steps.1", "99999999999999999999"}};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        json_t *copy = json_deep_copy(metadata);
        json_object_set_new(copy, broken[i][0], json_string(broken[i][1]));
        assert_false(position_load(&loaded, copy));
        json_decref(copy);
    }
    json_decref(metadata);
}

static unsigned char visits[1000];
static int64_t parts, ragged_parts;

static void visit(const hn_frame *frame, int64_t begin, int64_t end)
{
    (void)frame;
    for (int64_t i = begin; i < end; i++)
        visits[i]++;
    __atomic_fetch_add(&parts, 1, __ATOMIC_RELAXED);
    if (begin % 7 || (end % 7 && end != 1000))
        __atomic_fetch_add(&ragged_parts, 1, __ATOMIC_RELAXED);
}

static void test_parallel_ranges(void **state)
{
    (void)state;
    hn_frame frame = {0};
    for (int threads = 1; threads <= 4; threads++) {
        memset(visits, 0, sizeof visits);
        parts = ragged_parts = 0;
        parallel_set_threads(threads);
        hn_parallel(visit, &frame, 1000, 7);
        for (size_t i = 0; i < sizeof visits; i++)
            assert_int_equal(visits[i], 1);
        assert_int_equal(parts, threads);
        assert_int_equal(ragged_parts, 0);
    }
    parts = 0;
    hn_parallel(visit, &frame, 5, 7); /* less than a grain: one part */
    hn_parallel(visit, &frame, 0, 7); /* nothing */
    assert_int_equal(parts, 1);
    parallel_set_threads(1);
}

/* A second thread that never gets a processor holds no job up: all of this happens on one processor. */
static void test_parallel_without_a_second_processor(void **state)
{
    (void)state;
    enum { JOBS = 5000 };
    cpu_set_t before, one;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
        if (CPU_ISSET(i, &before))
            CPU_SET(i, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0); /* and of the threads that begin now */
    hn_frame frame = {0};
    struct timespec begin, end;
    parallel_set_threads(8);
    memset(visits, 0, sizeof visits);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int i = 0; i < JOBS; i++)
        hn_parallel(visit, &frame, 7 * (1 + i % 9), 7);
    clock_gettime(CLOCK_MONOTONIC, &end);
    parallel_set_threads(1);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
    for (size_t i = 0; i < 63; i++)
        assert_int_equal(visits[i],
                         (unsigned char)(JOBS / 9 * (9 - (int)i / 7) + (JOBS % 9 > (int)i / 7 ? JOBS % 9 - (int)i / 7 : 0)));
    assert_true(end.tv_sec - begin.tv_sec < 10); /* 0.1 s; with threads that wait at full load, minutes */
}

/* A part of a job may call hn_parallel: the same thread does all parts of that. */
static void visit_within(const hn_frame *frame, int64_t begin, int64_t end)
{
    hn_parallel(visit, frame, end - begin, 100);
}

static void test_parallel_within_parallel(void **state)
{
    (void)state;
    hn_frame frame = {0};
    parallel_set_threads(3);
    parts = 0;
    hn_parallel(visit_within, &frame, 500, 100);
    assert_int_equal(parts, 5); /* ranges of 100, 200 and 200, in grains of 100 */
    parallel_set_threads(1);
}

/* ---- large products ---- */

void __wrap_cblas_sgemm(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a, int lda,
                        const float *b, int ldb, float beta, float *c, int ldc);
void __real_cblas_sgemm(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a, int lda,
                        const float *b, int ldb, float beta, float *c, int ldc);
void __real_cblas_dgemm(int order, int trans_a, int trans_b, int m, int n, int k, double alpha, const double *a, int lda,
                        const double *b, int ldb, double beta, double *c, int ldc);

enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };
static int products; /* calls of what stands for OpenBLAS */

void __real_cblas_sgemm(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a, int lda,
                        const float *b, int ldb, float beta, float *c, int ldc)
{
    (void)order;
    __atomic_fetch_add(&products, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            float sum = 0;
            for (int l = 0; l < k; l++)
                sum += a[trans_a == TRANS ? l * lda + i : i * lda + l] * b[trans_b == TRANS ? j * ldb + l : l * ldb + j];
            c[i * ldc + j] = alpha * sum + beta * c[i * ldc + j];
        }
}

void __real_cblas_dgemm(int order, int trans_a, int trans_b, int m, int n, int k, double alpha, const double *a, int lda,
                        const double *b, int ldb, double beta, double *c, int ldc)
{
    (void)order, (void)trans_a, (void)trans_b, (void)m, (void)n, (void)k, (void)alpha, (void)a, (void)lda, (void)b, (void)ldb;
    (void)beta, (void)c, (void)ldc;
}

static void fill(float *values, int count)
{
    for (int i = 0; i < count; i++)
        values[i] = (float)((i * 37 + 11) % 101) / 50 - 1;
}

/* m x k by k x n in each of the four forms, on one thread and on three. */
static void check_product(int m, int n, int k, int calls)
{
    float *a = malloc(sizeof *a * (size_t)(m * k)), *b = malloc(sizeof *b * (size_t)(k * n));
    float *one = malloc(sizeof *one * (size_t)(m * (n + 3))), *three = malloc(sizeof *one * (size_t)(m * (n + 3)));
    fill(a, m * k);
    fill(b, k * n);
    for (int form = 0; form < 4; form++) {
        int ta = form & 1 ? TRANS : NO_TRANS, tb = form & 2 ? TRANS : NO_TRANS;
        int lda = ta == TRANS ? m : k, ldb = tb == TRANS ? k : n;
        fill(one, m * (n + 3));
        fill(three, m * (n + 3));
        parallel_set_threads(1);
        __wrap_cblas_sgemm(ROW_MAJOR, ta, tb, m, n, k, 0.5f, a, lda, b, ldb, 0.25f, one, n + 3);
        parallel_set_threads(3);
        products = 0;
        __wrap_cblas_sgemm(ROW_MAJOR, ta, tb, m, n, k, 0.5f, a, lda, b, ldb, 0.25f, three, n + 3);
        assert_int_equal(products, calls);
        assert_memory_equal(one, three, sizeof *one * (size_t)(m * (n + 3)));
    }
    parallel_set_threads(1);
    free(a);
    free(b);
    free(one);
    free(three);
}

static void test_threads_share_products(void **state)
{
    (void)state;
    check_product(50, 300, 250, 3);
    check_product(301, 50, 250, 3);
    check_product(50, 170, 250, 2); /* a third range would be too small to be worth a thread */
    check_product(20, 30, 40, 1);
    check_product(1, 1, 1, 1);
}

static void test_processor_features(void **state)
{
    (void)state;
    assert_true(cpu_check("x86-64"));
    assert_true(cpu_check("some-processor"));
#if defined(__x86_64__)
    __builtin_cpu_init();
    assert_int_equal(cpu_check("x86-64-v3"), __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
    assert_int_equal(cpu_check("+sse3,+avx512vbmi"), !!__builtin_cpu_supports("avx512vbmi"));
    assert_int_equal(cpu_check("sse3 avx512f"), !!__builtin_cpu_supports("avx512f"));
#endif
}

/* Parses a command line whose words are separated by single spaces. */
static bool parse(const char *line, const Manifest *manifest, Options *options)
{
    static char text[256];
    char *argv[16];
    int argc = 0;
    snprintf(text, sizeof text, "%s", line);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc] = NULL;
    return options_parse(argc, argv, manifest, options);
}

static void test_options(void **state)
{
    (void)state;
    Options options;
    TrainInfo train = {.name = "t"};
    Manifest plain = {.train = &train}, served = {0};
    assert_true(parse("m train --seed=9223372036854775807 --steps 5 --quiet --data d", &plain, &options));
    assert_true(options.run.seed == INT64_MAX && options.run.steps == 5 && options.run.quiet && options.run.epochs == -1);
    assert_string_equal(options.run.data, "d");
    static const char *const wrong[] = {"m",
                                        "m trian",
                                        "m train --steps",
                                        "m train --steps=-1",
                                        "m train --steps=x",
                                        "m train --steps=",
                                        "m train --steps=99999999999999999999",
                                        "m train --seed=-1",
                                        "m train --seed=9223372036854775808",
                                        "m train --seconds=nan",
                                        "m train --threads=0",
                                        "m train --quiet=1",
                                        "m train --weights=f",
                                        "m train --steps=1 --epochs=1",
                                        "m train extra",
                                        "m eval extra",
                                        "m train --checkpoint-every=0",
                                        "m info --quiet",
                                        "m predict --weights=f --task=1 x"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (parse(wrong[i], &plain, &options))
            fail_msg("accepted: %s", wrong[i]);
    assert_true(parse("m info", &served, &options) && parse("m predict x", &served, &options));
    assert_false(parse("m train", &served, &options) || parse("m eval", &served, &options) || parse("m plot", &served, &options));
}

/* The flags for conditions are named after their kinds. */
static void test_flags_of_conditions(void **state)
{
    (void)state;
    Options options;
    ConditionInfo conditions[] = {{.name = "t", .word = "task"}, {.name = "lam", .word = "tuned", .standing = true}};
    Manifest manifest = {.conditions = conditions, .condition_count = 2};
    assert_true(parse("m predict --weights=f --task=1,2 x", &manifest, &options));
    assert_true(options.condition_count == 1 && !options.conditions[0].standing);
    assert_string_equal(options.conditions[0].word, "task");
    assert_string_equal(options.conditions[0].text, "1,2");
    assert_true(parse("m predict --weights=f --task 3 x", &manifest, &options));
    assert_string_equal(options.conditions[0].text, "3");
    assert_true(parse("m predict --weights=f --tuned lam.a=1 --tuned=lam.b=2,3 x", &manifest, &options));
    assert_true(options.condition_count == 2 && options.conditions[0].standing && options.conditions[1].standing);
    assert_string_equal(options.conditions[1].text, "lam.b=2,3");
    assert_false(parse("m predict --weights=f --tuned= x", &manifest, &options));
    assert_false(parse("m predict --weights=f --hyper lam.a=1 x", &manifest, &options));
    assert_true(parse("m predict --weights=f x", &manifest, &options));
    assert_int_equal(options.condition_count, 0);
    assert_false(parse("m predict --weights=f --preference=1,2 x", &manifest, &options));
    assert_false(parse("m predict --weights=f --task= x", &manifest, &options));
    assert_false(parse("m eval --weights=f --task=1", &manifest, &options));
    /* eval takes the flag of a sweep's index */
    SweepInfo sweep = {.condition = 0, .point_word = "task"};
    TrainInfo train = {.sweep = &sweep};
    manifest.train = &train;
    assert_false(parse("m eval --weights=f --task=1", &manifest, &options));
    conditions[0].domain = DOMAIN_INDEX;
    assert_true(parse("m eval --weights=f --task=1", &manifest, &options));
    assert_int_equal(options.condition_count, 1);
    assert_false(parse("m eval --weights=f --tuned=lam.a=1", &manifest, &options));
}

/* The toy model's manifest with one part replaced. */
static bool read_changed(const char *old, const char *replacement)
{
    const char *at = strstr(hn_manifest, old);
    assert_non_null(at);
    char *text = malloc(strlen(hn_manifest) + strlen(replacement) + 1);
    sprintf(text, "%.*s%s%s", (int)(at - hn_manifest), hn_manifest, replacement, at + strlen(old));
    Manifest manifest;
    bool fine = manifest_read(&manifest, text);
    if (fine)
        manifest_free(&manifest);
    free(text);
    return fine;
}

static void test_manifest_is_checked(void **state)
{
    (void)state;
    assert_true(read_changed("\"epochs\":6", "\"epochs\":7"));
    static const char *const changes[][2] = {{"\"abi\":" ABI, "\"abi\":1"},
                                             {"\"offset\":64", "\"offset\":65"},
                                             {"\"offset\":448", "\"offset\":262592"},
                                             {"\"offset\":64", "\"offset\":-64"},
                                             {"\"shape\":[4]", "\"shape\":[-4]"},
                                             {"\"shape\":[4]", "\"shape\":[1099511627776]"},
                                             {"\"shape\":[4]", "\"shape\":[65536,65536]"},
                                             {"\"dtype\":\"f32\"", "\"dtype\":\"f16\""},
                                             {"\"role\":\"weight\"", "\"role\":\"wait\""},
                                             {"\"split\":0", "\"split\":2"},
                                             {"\"fields\":[0,1]", "\"fields\":[0,2]"},
                                             {"\"step\":1", "\"step\":8"},
                                             {"\"kind\":\"step\"", "\"kind\":\"call\""}, /* of no function */
                                             {"\"select\":0", "\"select\":1"},
                                             {"\"files\":[\"toy-x.gz\",", "\"files\":["},
                                             {"\"state_bytes\":262592", "\"state_bytes\":\"x\""},
                                             {"\"constants\":[],\"exports\":[]", "\"constants\":[],\"exports\":["}};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
        assert_false(read_changed(changes[i][0], changes[i][1]));
}

#define EXPORT(arguments, generate, function, rows)                                                                              \
    "\"exports\":[{\"name\":\"f\",\"arguments\":[" arguments "],\"generate\":" generate ",\"function\":" function                \
    ",\"rows\":" rows ",\"spans\":false,\"labels\":-1,\"dataset\":-1,\"member\":-1,\"member_condition\":-1}]"
#define ARGUMENT(name, condition) "{\"name\":\"" name "\",\"dtype\":\"f32\",\"shape\":[],\"condition\":" condition "}"

/* Function 5 has no input and a number as output, function 6 a number as input and no output. */
static void test_exports_are_checked(void **state)
{
    (void)state;
    static const char none[] = "\"exports\":[]";
    assert_true(read_changed(none, EXPORT("", "-1", "5", "0")));
    assert_true(read_changed(none, EXPORT(ARGUMENT("metric", "0"), "6", "5", "0")));
    static const char *const wrong[] = {
        EXPORT("", "-1", "6", "0"), /* no result */
        EXPORT("", "-1", "8", "0"),
        EXPORT("", "-1", "5", "3"),                      /* one example per call */
        EXPORT(ARGUMENT("metric", "0"), "-1", "5", "0"), /* a condition, and nothing takes it */
        EXPORT(ARGUMENT("lam", "0"), "6", "5", "0"),     /* another name */
        EXPORT(ARGUMENT("metric", "-1"), "6", "5", "0"), /* of an example, which the function does not take */
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(read_changed(none, wrong[i]));
}

#define SWEEP(metric, outputs, width, points, state, memory, indicators)                                                         \
    "\"sweep\":{\"name\":\"front\",\"kind\":\"front\",\"title\":\"t\",\"condition\":0,\"point_word\":\"p\",\"output_word\":"     \
    "\"o\",\"on\":\"s\","                                                                                                        \
    "\"solver\":null,"                                                                                                           \
    "\"metric\":" metric ",\"outputs\":[" outputs "],\"width\":" width ",\"points\":[" points "],\"state\":" state               \
    ",\"all\":-1,\"memory\":" memory ",\"first\":-1,\"indicators\":[" indicators "]}"

/* A sweep whose parts do not fit each other or the states would write beside them. State 2 is one real, state 0 four, state 4 an
 * i32. */
static void test_sweep_is_checked(void **state)
{
    (void)state;
    static const char none[] = "\"sweep\":null";
    assert_true(read_changed(none, SWEEP("0", "\"x\"", "1", "0.5,1", "2", "-1", "{\"kind\":\"hypervolume\",\"numbers\":[1]}")));
    assert_true(read_changed(none, SWEEP("0", "\"x\"", "1", "1,2,3,4", "2", "0", "{\"kind\":\"uniformity\",\"numbers\":[]}")));
    static const char *const wrong[] = {
        SWEEP("1", "\"x\"", "1", "0.5", "2", "-1", ""),
        SWEEP("0", "", "1", "0.5", "2", "-1", ""),
        SWEEP("0", "\"x\"", "0", "0.5", "2", "-1", ""),
        SWEEP("0", "\"x\"", "2", "0.5,1", "2", "-1", ""),
        SWEEP("0", "\"x\"", "1", "", "2", "-1", ""),
        SWEEP("0", "\"x\"", "1", "0.5", "0", "-1", ""),
        SWEEP("0", "\"x\"", "1", "0.5", "4", "-1", ""),
        SWEEP("0", "\"x\"", "1", "0.5", "2", "0", ""),
        SWEEP("0", "\"x\"", "4", "1,2,3,4,5", "0", "-1", ""),
        SWEEP("0", "\"x\"", "1", "0.5", "2", "-1", "{\"kind\":\"size\",\"numbers\":[]}"),
        SWEEP("0", "\"x\"", "1", "0.5", "2", "-1", "{\"kind\":\"hypervolume\",\"numbers\":[]}"),
        SWEEP("0", "\"x\"", "1", "0.5", "2", "-1", "{\"kind\":\"hypervolume\",\"numbers\":[1,2]}"),
        SWEEP("0", "\"x\"", "1", "0.5", "2", "-1", "{\"kind\":\"uniformity\",\"numbers\":[1]}"),
        SWEEP("0", "\"x\"", "1", "0.5", "2", "-1", "{\"kind\":\"igd\",\"numbers\":[]}"),
        SWEEP("0", "\"x\",\"y\"", "1", "0.5", "2", "-1", "{\"kind\":\"igd\",\"numbers\":[1,2,3]}")};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (read_changed(none, wrong[i]))
            fail_msg("accepted: %s", wrong[i]);
    static const char *const events[] = {"\"events\":[0]", "\"events\":[5]", "\"events\":[99]"};
    assert_true(read_changed("\"events\":[]", "\"events\":[4]"));
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        assert_false(read_changed("\"events\":[]", events[i]));
}

#define ROUNDS(kind, points, memory, first, outputs, indicators)                                                                 \
    "\"sweep\":{\"name\":\"tasks\",\"kind\":\"" kind                                                                             \
    "\",\"title\":\"t\",\"condition\":0,\"point_word\":\"p\",\"output_word\":\"o\","                                             \
    "\"on\":\"s\",\"solver\":null,\"metric\":0,\"outputs\":[" outputs "],\"width\":1,\"points\":[" points                        \
    "],\"state\":2,\"all\":-1,\"memory\":" memory ",\"first\":" first ",\"indicators\":[" indicators "]}"
#define JUDGED(name) "{\"kind\":\"" name "\",\"numbers\":[]}"

/* The matrix has a number per round, point and metric; each indicator judges its kind of sweep. */
static void test_rounds_are_checked(void **state)
{
    (void)state;
    static const char none[] = "\"sweep\":null";
    assert_true(read_changed(none, ROUNDS("rounds", "0,1", "0", "-1", "\"x\"", JUDGED("average") "," JUDGED("forgetting"))));
    assert_true(read_changed(none, ROUNDS("rounds", "0", "2", "2", "\"x\"", JUDGED("forward"))));
    assert_true(read_changed(none, ROUNDS("together", "0,1", "-1", "-1", "\"x\"", "")));
    static const char *const wrong[] = {
        ROUNDS("rounds", "0,1", "-1", "-1", "\"x\"", ""),
        ROUNDS("rounds", "0", "0", "-1", "\"x\"", ""),
        ROUNDS("rounds", "0,1", "0", "0", "\"x\"", ""),
        ROUNDS("rounds", "0,1", "0", "-1", "\"x\",\"y\"", ""),
        ROUNDS("rounds", "0,1", "0", "-1", "\"x\"", JUDGED("forward")),
        ROUNDS("rounds", "0,1", "0", "-1", "\"x\"", JUDGED("uniformity")),
        ROUNDS("front", "0,1", "-1", "-1", "\"x\"", JUDGED("average")),
        ROUNDS("together", "0,1", "-1", "-1", "\"x\"", JUDGED("average")),
        ROUNDS("one by one", "0,1", "0", "-1", "\"x\"", ""),
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (read_changed(none, wrong[i]))
            fail_msg("accepted: %s", wrong[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounds_are_checked),
        cmocka_unit_test(test_philox_vectors),
        cmocka_unit_test(test_splits_take_rows_in_order),
        cmocka_unit_test(test_splits_by_fractions),
        cmocka_unit_test(test_position_survives_storage),
        cmocka_unit_test(test_parallel_ranges),
        cmocka_unit_test(test_parallel_without_a_second_processor),
        cmocka_unit_test(test_parallel_within_parallel),
        cmocka_unit_test(test_threads_share_products),
        cmocka_unit_test(test_processor_features),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_flags_of_conditions),
        cmocka_unit_test(test_manifest_is_checked),
        cmocka_unit_test(test_exports_are_checked),
        cmocka_unit_test(test_sweep_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
