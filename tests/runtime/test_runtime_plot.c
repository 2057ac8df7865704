/* OUT plot: the pictures of a run, and every refusal. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/runtime/run_command.h"
#include "tests/runtime/toy_data.h"

#define TOY TOY_FOLDER "/toy"
#define FRONT TOY_FOLDER "/toy_front" /* has a sweep called front, over rays, of objectives */
#define TASKS TOY_FOLDER "/toy_tasks" /* called tasks, over tasks, of costs */

static int set_up(void **state)
{
    (void)state;
    enter_folder();
    mkdir("run", 0777);
    return 0;
}

static void need_gnuplot(void)
{
    if (system("command -v gnuplot >/dev/null") != 0)
        skip();
}

static void write_text(const char *path, const char *text)
{
    write_file(path, text, strlen(text));
}

static size_t count(const char *text, const char *part)
{
    size_t found = 0;
    for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
        found++;
    return found;
}

/* A whole picture that says each of the NULL-terminated texts. */
static void check_picture(const char *path, const char *const *texts)
{
    size_t size;
    char *picture = read_file(path, &size);
    assert_non_null(picture);
    assert_non_null(strstr(picture, "<svg"));
    assert_non_null(strstr(picture, "</svg>"));
    for (; *texts; texts++)
        if (!strstr(picture, *texts))
            fail_msg("%s does not say '%s'", path, *texts);
    free(picture);
}

static const char front_of_three[] =
    "{\"objectives\": [\"loss\", \"it's\", \"fn_gap\"], \"reference\": [1, 1, 1], \"split\": \"adult.test\","
    "\"rays\": [[0.2, 0.3, 0.5], [0.6, 0.2, 0.2], [0.1, 0.8, 0.1]],"
    "\"points\": [[0.4, 0.3, 0.1], [0.3, 0.35, 0.2], [0.5, 0.4, 0.3]],"
    "\"non_dominated\": [true, true, false], \"hypervolume\": 0.4567, \"uniformity\": 0.25}";

static void test_curves_of_a_run(void **state)
{
    (void)state;
    need_gnuplot();
    mkdir("data", 0777);
    write_toy_data("data");
    assert_int_equal(run_command(TOY " train --data data --out trained"), 0);
    assert_int_equal(run_command(TOY " plot trained"), 0);
    assert_true(output_has("trained/curves.svg: evaluations: 6"));
    check_picture("trained/curves.svg", (const char *[]){"toy, train", "6 evaluations", "loss", "lower", "upper", "grad_norm",
                                                         "toy.valid", "lam.decay", "sigma", "lower step", NULL});
    rename("trained/curves.svg", "before.svg");
    assert_int_equal(run_command(TOY " plot trained"), 0);
    assert_true(same_files("before.svg", "trained/curves.svg"));
}

static void test_damaged_lines_are_counted(void **state)
{
    (void)state;
    need_gnuplot();
    write_text("run/metrics.jsonl", "{\"event\": \"epoch\", \"step\": 1, \"loss\": 2, \"gone\": null, \"v\": [1, 2, null]}\n"
                                    "{\"event\": \"epoch\", \"step\": 2, \"lo\n"
                                    "[1, 2]\n"
                                    "{\"event\": \"epoch\", \"step\": 3, \"loss\": null, \"late\": 7, \"v\": [3, 4, null]}\n"
                                    "{\"event\": \"epoch\", \"st");
    assert_int_equal(run_command(TOY " plot run"), 0);
    assert_true(output_has("skipped 3 of 5 lines"));
    assert_true(output_has("the first is line 2"));
    assert_true(output_has("evaluations: 2, panels: 3")); /* loss, v, late */
    check_picture("run/curves.svg", (const char *[]){"loss", "late", "v[0]", "v[1]", NULL});
}

/* More elements than colours: the first ones, and the title says so. */
static void test_long_vectors(void **state)
{
    (void)state;
    need_gnuplot();
    write_text("run/metrics.jsonl", "{\"event\": \"epoch\", \"step\": 1, \"v\": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}\n");
    assert_int_equal(run_command(TOY " plot run"), 0);
    check_picture("run/curves.svg", (const char *[]){"v (the first 7 of 10)", "v[6]", NULL});
}

/* Indicators of a front; what an objective's rays reach shares a panel. */
static void test_indicators(void **state)
{
    (void)state;
    need_gnuplot();
    write_text("run/metrics.jsonl",
               "{\"event\": \"epoch\", \"step\": 1, \"hypervolume\": 0.5, \"fit.least\": 1, \"fit.largest\": 2}\n");
    assert_int_equal(run_command(TOY " plot run"), 0);
    assert_true(output_has("evaluations: 1, panels: 2"));
    check_picture("run/curves.svg", (const char *[]){"1 evaluation<", "hypervolume", "fit<", "least", "largest", NULL});
}

static void test_nothing_to_draw(void **state)
{
    (void)state;
    assert_int_equal(run_command(TOY " plot nowhere"), 1);
    assert_true(output_has("error: nowhere is not a folder"));
    assert_int_equal(run_command(FRONT " plot run"), 1);
    assert_true(output_has("run holds no run to draw: neither metrics.jsonl nor front.json"));
    write_text("run/front.json", front_of_three); /* which is not this model's */
    assert_int_equal(run_command(TOY " plot run"), 1);
    assert_true(output_has("run holds no run to draw: it lacks metrics.jsonl"));
    assert_int_equal(run_command(TASKS " plot run"), 1);
    assert_true(output_has("run holds no run to draw: neither metrics.jsonl nor tasks.json"));
    write_text("run/metrics.jsonl", "");
    assert_int_equal(run_command(TOY " plot run"), 1);
    assert_true(output_has("run/metrics.jsonl: no metrics to draw"));
    write_text("run/metrics.jsonl", "{\"event\": \"epoch\", \"step\": 1, \"seconds\": 2, \"loss\": null}\nnot JSON\n");
    assert_int_equal(run_command(TOY " plot run"), 1);
    assert_true(output_has("skipped 1 of 2 lines"));
    assert_true(output_has("no metrics to draw"));
    assert_int_not_equal(access("run/curves.svg", F_OK), 0);
}

static void test_wrong_usage(void **state)
{
    (void)state;
    assert_int_equal(run_command(TOY " plot"), 1);
    assert_true(output_has("plot needs the folder of a run: in runs/ there is no run of this model"));
    assert_int_equal(run_command(TOY " plot run nowhere"), 1);
    assert_int_equal(run_command(TOY " plot run --png=yes"), 2);
    assert_int_equal(run_command(TOY " plot run --json"), 2);
    assert_true(output_has("'--json' is not a flag of 'plot'"));
    assert_int_equal(run_command(TOY " plot --help"), 0);
    assert_true(output_has("plot [--out RUNDIR] [--png] [RUNDIR...]"));
}

static void test_without_gnuplot(void **state)
{
    (void)state;
    write_text("run/front.json", front_of_three);
    assert_int_equal(run_command("PATH=/nowhere " FRONT " plot run"), 1);
    assert_true(output_has("plot needs gnuplot, which is not installed"));
    assert_true(output_has("gnuplot-nox"));
    assert_int_not_equal(access("run/front.svg", F_OK), 0);
}

/* A gnuplot that fails: its reason is passed on, and the earlier picture stays. */
static void test_gnuplot_fails(void **state)
{
    (void)state;
    write_text("run/front.json", front_of_three);
    write_text("run/front.svg", "before");
    mkdir("bin", 0777);
    write_text("bin/gnuplot", "#!/bin/sh\necho drawing\necho 'line 7: it will not' >&2\nexit 1\n");
    chmod("bin/gnuplot", 0777);
    assert_int_equal(run_command("PATH=$PWD/bin:$PATH " FRONT " plot run"), 1);
    assert_true(output_has("gnuplot cannot draw run/front.svg: line 7: it will not"));
    write_text("expected", "before");
    assert_true(same_files("run/front.svg", "expected"));
}

static void test_front_of_two(void **state)
{
    (void)state;
    need_gnuplot();
    write_text("run/front.json", "{\"objectives\": [\"left\", \"right\"], \"reference\": [2, 2], \"split\": \"mnist.test\","
                                 "\"rays\": [[0, 1], [0.5, 0.5], [0.9, 0.1], [0.5, 0.5]],"
                                 "\"points\": [[0.9, 0.1], [0.5, 0.5], [0.2, 0.8], [null, 0.7]],"
                                 "\"non_dominated\": [true, true, true, false], \"hypervolume\": 2.789, \"uniformity\": 0.95}");
    assert_int_equal(run_command(FRONT " plot run"), 0);
    assert_true(output_has("run/front.svg: 2 objectives, 4 rays"));
    check_picture("run/front.svg", (const char *[]){"left", "right", "mnist.test", "4 rays, 3 not dominated", "hypervolume 2.789",
                                                    "reference 2, 2", "uniformity 0.95", "border of what is dominated", NULL});
}

static void test_front_of_three(void **state)
{
    (void)state;
    need_gnuplot();
    write_text("run/front.json", front_of_three);
    assert_int_equal(run_command(FRONT " plot run"), 0);
    check_picture("run/front.svg", (const char *[]){"loss", "it's", "fn_gap", "adult.test", "0.4567", "the ray favours", NULL});
    size_t size;
    char *picture = read_file("run/front.svg", &size);
    assert_true(count(picture, "fn_gap") >= 4); /* an axis of the parallel coordinates, the key, two pairs */
    free(picture);
}

/* The words of the manifest are those of the file and of the picture. */
static void test_words_of_a_sweep(void **state)
{
    (void)state;
    need_gnuplot();
    write_text("run/tasks.json", "{\"costs\": [\"left\", \"right\"], \"split\": \"s\", \"tasks\": [[0, 1], [1, 0]],"
                                 "\"points\": [[0.9, 0.1], [0.5, 0.5]], \"non_dominated\": [true, true]}");
    assert_int_equal(run_command(TASKS " plot run"), 0);
    assert_true(output_has("run/tasks.svg: 2 costs, 2 tasks"));
    check_picture("run/tasks.svg", (const char *[]){"Toy tasks on s: 2 tasks, 2 not dominated", "in the task", NULL});
    write_text("run/tasks.json", "{\"objectives\": [\"left\", \"right\"]}");
    assert_int_equal(run_command(TASKS " plot run"), 1);
    assert_true(output_has("run/tasks.json: 'costs' should be a list of 2 to 16 names"));
}

/* Indicators that a model does not report are not mentioned. */
static void test_front_without_indicators(void **state)
{
    (void)state;
    need_gnuplot();
    write_text("run/front.json", "{\"objectives\": [\"a\", \"b\"], \"solver\": \"epo\", \"split\": \"s\","
                                 "\"rays\": [[0.2, 0.8]], \"points\": [[0.5, 0.1]], \"non_dominated\": [true]}");
    assert_int_equal(run_command(FRONT " plot run"), 0);
    check_picture("run/front.svg", (const char *[]){"by epo: 1 ray, 1 not dominated<", NULL});
}

/* One ray, and objectives that are all equal: ranges of no width. Then as many objectives as there may be. */
static void test_front_of_extremes(void **state)
{
    (void)state;
    need_gnuplot();
    write_text("run/front.json", "{\"objectives\": [\"a\", \"b\", \"c\"], \"reference\": [1, 1, 1], \"split\": \"s\","
                                 "\"rays\": [[0.2, 0.3, 0.5]], \"points\": [[0, 0.5, 0.5]], \"non_dominated\": [true],"
                                 "\"hypervolume\": 0.25, \"uniformity\": null}");
    assert_int_equal(run_command(FRONT " plot run"), 0);
    write_text("run/front.json", "{\"objectives\": [\"a\", \"b\"], \"reference\": [1, 1], \"split\": \"s\","
                                 "\"rays\": [[0.2, 0.8]], \"points\": [[0.5, 0]], \"non_dominated\": [false],"
                                 "\"hypervolume\": 0, \"uniformity\": 0}");
    assert_int_equal(run_command(FRONT " plot run"), 0);
    FILE *file = fopen("run/front.json", "w");
    for (int row = 0; row < 4; row++) {
        static const char *const heads[] = {"{\"objectives\": [", "\"reference\": [", "\"rays\": [[", "\"points\": [["};
        fputs(heads[row], file);
        for (int j = 0; j < 16; j++)
            fprintf(file, row ? "%s%d" : "%s\"objective %d\"", j ? ", " : "", j + 1);
        fputs(row < 2 ? "], " : "]], ", file);
    }
    fputs("\"split\": \"s\", \"non_dominated\": [true], \"hypervolume\": 0, \"uniformity\": 0}", file);
    fclose(file);
    assert_int_equal(run_command(FRONT " plot run"), 0);
    check_picture("run/front.svg", (const char *[]){"objective 16", NULL});
}

static void test_damaged_fronts(void **state)
{
    (void)state;
#define REST ", \"split\": \"s\", \"hypervolume\": 1, \"uniformity\": 1"
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"{\"objectives\": [", "run/front.json: line 1: "},
        {"[1]", "'objectives' should be a list"},
        {"{\"objectives\": [\"a\"]}", "'objectives' should be a list of 2 to 16 names"},
        {"{\"objectives\": [\"a\", 1]}", "list of names"},
        {"{\"objectives\": [\"a\", \"b\"], \"reference\": [1]}", "'reference' should be a list of 2 numbers"},
        {"{\"objectives\": [\"a\", \"b\"]}", "'split' should be a name"},
        {"{\"objectives\": [\"a\", \"b\"], \"reference\": [1, 1]" REST "}", "lists of one length, not empty"},
        {"{\"objectives\": [\"a\", \"b\"], \"reference\": [1, 1]" REST
         ", \"rays\": [[1, 1]], \"points\": [[1, 1], [1, 1]], \"non_dominated\": [true, true]}",
         "lists of one length"},
        {"{\"objectives\": [\"a\", \"b\"], \"reference\": [1, 1]" REST
         ", \"rays\": [[1, null]], \"points\": [[1, 1]], \"non_dominated\": [true]}",
         "ray and point 0 should be lists of 2 numbers"},
        {"{\"objectives\": [\"a\", \"b\"], \"reference\": [1, 1]" REST
         ", \"rays\": [[1, 1]], \"points\": [[1, 1, 1]], \"non_dominated\": [true]}",
         "ray and point 0 should be lists of 2 numbers"},
        {"{\"objectives\": [\"a\", \"b\"], \"reference\": [1, 1]" REST
         ", \"rays\": [[1, 1]], \"points\": [[1, null]], \"non_dominated\": [false]}",
         "no point has a finite value of 'b'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_text("run/front.json", cases[i].text);
        assert_int_equal(run_command(FRONT " plot run"), 1);
        assert_true(output_has(cases[i].error));
    }
}

/* If one picture cannot be drawn, the other one is still drawn; the status tells of the error. */
static void test_one_of_two(void **state)
{
    (void)state;
    need_gnuplot();
    write_text("run/metrics.jsonl", "nothing\n");
    write_text("run/front.json", front_of_three);
    assert_int_equal(run_command(FRONT " plot run"), 1);
    assert_true(output_has("no metrics to draw"));
    assert_true(output_has("run/front.svg: 3 objectives"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_curves_of_a_run, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_damaged_lines_are_counted, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_long_vectors, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_indicators, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_to_draw, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_wrong_usage, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_without_gnuplot, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_gnuplot_fails, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_front_of_two, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_front_of_three, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_words_of_a_sweep, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_front_without_indicators, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_front_of_extremes, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_damaged_fronts, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_one_of_two, set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
