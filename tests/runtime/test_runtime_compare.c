/* OUT plot of several runs: what becomes a band and what stands side by side, the numbers that are drawn, and labels that do not
 * run into each other. A gnuplot that keeps its script stands for the real one where numbers and places are looked at. */
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

#include "run_command.h"
#include "toy_data.h"

#define TOY TOY_FOLDER "/toy"
#define FRONT TOY_FOLDER "/toy_front"
#define SCRIPTED "PATH=$PWD/bin:$PATH "

static int set_up(void **state)
{
    static const char keeper[] = "#!/bin/sh\ncat > script\necho '<svg></svg>'\n";
    (void)state;
    enter_folder();
    mkdir("bin", 0777);
    write_file("bin/gnuplot", keeper, sizeof keeper - 1);
    chmod("bin/gnuplot", 0777);
    return 0;
}

static void need_gnuplot(void)
{
    if (system("command -v gnuplot >/dev/null") != 0)
        skip();
}

/* A run's folder with its config.json; its metrics.jsonl, to be written and closed. */
static FILE *begin_run(const char *folder, const char *model, const char *train, int seed)
{
    char path[256];
    mkdir(folder, 0777);
    snprintf(path, sizeof path, "%s/config.json", folder);
    FILE *file = fopen(path, "w");
    fprintf(file, "{\"model\": \"%s\", \"train\": \"%s\", \"seed\": %d}\n", model, train, seed);
    fclose(file);
    snprintf(path, sizeof path, "%s/metrics.jsonl", folder);
    return fopen(path, "w");
}

/* A run of `events` events whose loss is first, then 1 less at each evaluation. */
static void write_run(const char *folder, const char *model, int seed, int events, double first)
{
    FILE *file = begin_run(folder, model, "t", seed);
    for (int i = 0; i < events; i++)
        fprintf(file, "{\"event\": \"epoch\", \"step\": %d, \"loss\": %g, \"rate.lower\": 0.1, \"v\": [1, 2, %d]}\n",
                10 * (i + 1), first - i, i);
    fclose(file);
}

static char *script(void)
{
    size_t size;
    char *text = read_file("script", &size);
    assert_non_null(text);
    return text;
}

static void script_has(const char *part)
{
    char *text = script();
    if (!strstr(text, part))
        fail_msg("no '%s' in:\n%s", part, text);
    free(text);
}

static void test_seeds_are_a_band(void **state)
{
    (void)state;
    write_run("a", "one", 1, 3, 10);
    write_run("b", "one", 2, 2, 12);
    write_run("c", "one", 3, 2, 17);
    write_run("d", "two", 1, 3, 5);
    assert_int_equal(run_command(SCRIPTED TOY " plot a b c d"), 0);
    assert_true(output_has("./curves.svg: runs: 4, groups: 2, panels: 4\n")); /* the constant rate is none */
    /* step, mean, least, largest; at the third step only one of three runs is left, less than half */
    script_has("$group0_0 << END\n10 13 10 17\n20 12 9 16\nEND\n");
    script_has("$group1_0 << END\n10 5 5 5\n20 4 4 4\n30 3 3 3\nEND\n");
    script_has("\"one (3 runs)\"");
    script_has("\"two\"");
    script_has("$group0_0 using 1:3:4 with filledcurves");
    char *text = script();
    assert_null(strstr(text, "$group1_0 using 1:3:4")); /* one run has no band */
    assert_null(strstr(text, "rate.lower"));
    free(text);
    assert_int_equal(access("a/curves.svg", F_OK), -1);
}

static void test_equal_seeds_stand_side_by_side(void **state)
{
    (void)state;
    mkdir("width-100", 0777);
    mkdir("width-300", 0777);
    write_run("width-100/1", "one", 1, 3, 10);
    write_run("width-300/1", "one", 1, 3, 12);
    assert_int_equal(run_command(SCRIPTED TOY " plot width-100/1 width-300/1/ --out pictures"), 0);
    assert_true(output_has("pictures/curves.svg: runs: 2, groups: 2, panels: 4\n"));
    script_has("\"width-100/1\"");
    script_has("\"width-300/1\"");
}

/* Long names lose their middle: those of two runs, or of two splits, differ at their ends. */
static void test_long_names_can_be_told_apart(void **state)
{
    (void)state;
    write_run("a_train_with_a_long_name_that_nobody_wants_to_type-1", "one", 1, 3, 10);
    write_run("a_train_with_a_long_name_that_nobody_wants_to_type-2", "one", 1, 3, 12);
    assert_int_equal(run_command(SCRIPTED TOY " plot a_train*-1 a_train*-2 --out pictures"), 0);
    script_has("\"a_train_with_a_long_n..obody_wants_to_type-1\"");
    script_has("\"a_train_with_a_long_n..obody_wants_to_type-2\"");
}

/* One line of the legend: where it begins, and its text. */
typedef struct Label {
    double x, y;
    size_t letters;
} Label;

static size_t read_legend(Label *labels)
{
    char *text = script(), *rest = text, *line;
    size_t count = 0;
    while ((line = strsep(&rest, "\n"))) {
        char name[128];
        Label label;
        int number;
        if (sscanf(line, "set label %d \"%127[^\"]\" at screen %lf,%lf left", &number, name, &label.x, &label.y) == 4 &&
            number > 100) {
            label.letters = strlen(name);
            labels[count++] = label;
        }
    }
    free(text);
    return count;
}

static void test_labels_of_a_legend_do_not_collide(void **state)
{
    (void)state;
    enum { RUNS = 21, LETTER = 7, ROW = 16, WIDTH = 2 * 420 };
    char command[4096] = SCRIPTED TOY " plot";
    for (int i = 0; i < RUNS; i++) {
        char folder[16], model[128];
        snprintf(folder, sizeof folder, "run%d", i);
        snprintf(model, sizeof model, "%.*s%d", 5 * (i % 12),
                 "a_model_with_a_name_that_goes_on_and_on_and_on_and_on_and_on_and_on", i);
        write_run(folder, model, 1, 3, 10 + i);
        snprintf(command + strlen(command), sizeof command - strlen(command), " %s", folder);
    }
    assert_int_equal(run_command("%s", command), 0);
    Label labels[64];
    assert_int_equal(read_legend(labels), RUNS);
    char *text = script();
    int width, height;
    assert_int_equal(sscanf(strstr(text, "size "), "size %d,%d", &width, &height), 2);
    free(text);
    assert_int_equal(width, WIDTH);
    for (size_t i = 0; i < RUNS; i++) {
        double end = labels[i].x * width + (double)(LETTER * labels[i].letters);
        assert_true(end <= width);
        if (i + 1 == RUNS)
            break;
        if (labels[i + 1].y == labels[i].y)
            assert_true(end + 30 <= labels[i + 1].x * width); /* with room for the sample of the line */
        else
            assert_true((labels[i].y - labels[i + 1].y) * height >= ROW);
    }
}

static void test_long_titles(void **state)
{
    (void)state;
    write_run("a", "one", 1, 3, 10);
    assert_int_equal(
        run_command(
            "sed -i 's/\"loss\"/\"a_metric_of_a_name_that_is_far_longer_than_a_panel_is_wide(data.split)\"/' a/metrics.jsonl"),
        0);
    write_run("b", "one", 2, 3, 10);
    assert_int_equal(run_command(SCRIPTED TOY " plot a b"), 0);
    script_has("\"a_metric_of_a_name_t.._is_wide(data.split)\"");
    assert_int_equal(run_command(SCRIPTED TOY " plot a"), 0);
    script_has("a_metric_of_a_name_th..l_is_wide(data.split)");
    write_file(
        "a/front.json",
        "{\"objectives\": [\"f\", \"g\"], \"reference\": [1, 1], \"solver\": \"a_solver_with_a_very_long_name_indeed\", "
        "\"split\": \"some_data_set.some_split\", \"rays\": [[0.5, 0.5]], \"points\": [[0.1, 0.2]], \"non_dominated\": [true], "
        "\"hypervolume\": 0.5, \"uniformity\": 1, \"igd\": 0.01}",
        strlen("{\"objectives\": [\"f\", \"g\"], \"reference\": [1, 1], \"solver\": \"a_solver_with_a_very_long_name_indeed\", "
               "\"split\": \"some_data_set.some_split\", \"rays\": [[0.5, 0.5]], \"points\": [[0.1, 0.2]], "
               "\"non_dominated\": [true], \"hypervolume\": 0.5, \"uniformity\": 1, \"igd\": 0.01}"));
    assert_int_equal(run_command(SCRIPTED FRONT " plot a"), 0);
    char *text = script(), *title = strstr(text, "set title \"");
    assert_non_null(title);
    title += strlen("set title \"");
    size_t longest = 0;
    for (char *part = title; *part != '"';) {
        size_t length = strcspn(part, "\\\"");
        longest = length > longest ? length : longest;
        part += length + (part[length] == '\\' ? 2 : 0);
    }
    assert_in_range(longest, 20, 80);
    free(text);
}

static void write_front(const char *folder, const char *names, double shift)
{
    char path[128], text[512];
    snprintf(path, sizeof path, "%s/front.json", folder);
    int length = snprintf(text, sizeof text,
                          "{\"objectives\": %s, \"split\": \"d.valid\", \"rays\": [[0.5, 0.5], [0.2, 0.8]], "
                          "\"points\": [[%g, 0.4], [0.5, %g]], \"non_dominated\": [true, false]}",
                          names, 0.1 + shift, 0.2 + shift);
    write_file(path, text, (size_t)length);
}

static void test_fronts_side_by_side(void **state)
{
    (void)state;
    write_run("a", "one", 1, 3, 10);
    write_run("b", "one", 2, 3, 11);
    write_run("c", "two", 1, 3, 12);
    write_run("d", "two", 2, 3, 12);
    write_front("a", "[\"f\", \"g\"]", 0);
    write_front("b", "[\"f\", \"g\"]", 0.01);
    write_front("c", "[\"f\", \"g\"]", 0.3);
    assert_int_equal(run_command(SCRIPTED FRONT " plot a b c d"), 0);
    assert_true(output_has("note: d has no front.json\n"));
    assert_true(output_has("./front.svg: runs: 3, objectives: 2\n"));
    script_has("$points << END\n0.1 0.4 0 1\n0.5 0.2 0 0\n0.11 0.4 0 1\n0.5 0.21 0 0\n0.4 0.4 1 1\n0.5 0.5 1 0\nEND\n");
    script_has("\"one (2 runs)\"");
    write_front("d", "[\"f\", \"h\"]", 0);
    assert_int_equal(run_command(SCRIPTED FRONT " plot a b c d"), 1);
    assert_true(output_has("d/front.json: its objectives are not those of the runs before it"));
}

static void test_a_front_over_time(void **state)
{
    (void)state;
    write_run("a", "one", 1, 1, 10);
    write_front("a", "[\"f\", \"g\"]", 0);
    assert_int_equal(
        run_command(
            "for i in 1 2 3; do echo \"{\\\"step\\\": $i, \\\"loss\\\": $i, \\\"front\\\": [[0.1$i, 0.4], [null, 0.3]]}\"; done "
            "> a/metrics.jsonl"),
        0);
    assert_int_equal(run_command(SCRIPTED FRONT " plot a"), 0);
    script_has("$earlier0 << END\n0.11 0.4 \nnan 0.3 \nEND\n$earlier1 << END\n0.12 0.4 \nnan 0.3 \nEND\n");
    script_has("'evaluations before'");
    char *text = script();
    assert_null(strstr(text, "$earlier2")); /* the last evaluation is the front itself */
    free(text);
}

/* gnuplot takes all of it, as SVG and as PNG. */
static void test_real_pictures(void **state)
{
    (void)state;
    need_gnuplot();
    mkdir("data", 0777);
    write_toy_data("data");
    assert_int_equal(run_command("for i in 1 2 3; do " TOY " train --data data --seed $i --epochs 3 --quiet; done"), 0);
    assert_int_equal(run_command(TOY " plot"), 0);
    assert_true(output_has("note: the newest run: runs/toy-tune-3\n"));
    assert_true(output_has("runs/toy-tune-3/curves.svg: evaluations: 3"));
    write_front("runs/toy-tune-1", "[\"f\", \"g\"]", 0);
    write_front("runs/toy-tune-2", "[\"f\", \"g\"]", 0.1);
    assert_int_equal(run_command(FRONT " plot runs/toy-tune-1 runs/toy-tune-2 runs/toy-tune-3 --png --out pictures"), 0);
    static const char *const names[] = {"pictures/curves.png", "pictures/front.png"};
    for (size_t i = 0; i < 2; i++) {
        size_t size;
        char *picture = read_file(names[i], &size);
        assert_non_null(picture);
        assert_true(size > 1000);
        assert_memory_equal(picture, "\x89PNG\r\n\x1a\n", 8);
        free(picture);
    }
    assert_int_equal(run_command(FRONT " plot runs/toy-tune-1 runs/toy-tune-2 runs/toy-tune-3"), 0);
    assert_int_equal(run_command("grep -q '</svg>' curves.svg && grep -q '</svg>' front.svg"), 0);
    assert_int_equal(
        run_command("echo '{\"step\": 99, \"loss\": 1, \"front\": [[0.1, null], [0.2, 0.3]]}' >> runs/toy-tune-1/metrics.jsonl; "
                    "echo '{\"step\": 100, \"loss\": 1}' >> runs/toy-tune-1/metrics.jsonl; " FRONT " plot runs/toy-tune-1"),
        0);
    assert_int_equal(run_command("grep -q 'evaluations before' runs/toy-tune-1/front.svg"), 0);
}

static void test_wrong_folders(void **state)
{
    (void)state;
    write_run("a", "one", 1, 3, 10);
    mkdir("empty", 0777);
    assert_int_equal(run_command(SCRIPTED TOY " plot a nowhere"), 1);
    assert_true(output_has("nowhere is not a folder"));
    assert_int_equal(run_command(SCRIPTED TOY " plot a empty"), 1);
    assert_true(output_has("empty holds no run to draw: it lacks metrics.jsonl"));
    assert_int_equal(run_command("mkdir bare && cp a/metrics.jsonl bare; " SCRIPTED TOY " plot a bare"),
                     0); /* without config.json */
    script_has("\"bare\"");
    assert_int_equal(run_command(": > empty/metrics.jsonl; : > bare/metrics.jsonl; " SCRIPTED TOY " plot empty bare"), 1);
    assert_true(output_has("these runs have no metrics to draw"));
    assert_int_equal(run_command(SCRIPTED TOY " plot a a --out a/config.json"), 1);
}

/* A run whose evaluations, one per second, have these values of the metric that selects; "-": none. */
static void write_timed_run(const char *folder, const char *train, int seed, const char *values)
{
    char copy[128];
    snprintf(copy, sizeof copy, "%s", values);
    FILE *file = begin_run(folder, "m", train, seed);
    int second = 1;
    for (char *value = strtok(copy, " "); value; value = strtok(NULL, " "), second++)
        fprintf(file, "{\"event\": \"epoch\", \"step\": %d, \"seconds\": %d, \"fit(toy.valid)\": %s}\n", 10 * second, second,
                strcmp(value, "-") ? value : "null");
    fclose(file);
}

static void test_the_best_over_time(void **state)
{
    (void)state;
    write_timed_run("a", "slow", 0, "9 8 7 6 5 4 3 2");
    write_timed_run("b", "slow", 1, "9 9 9 9 9 9 9 1");
    write_timed_run("c", "slow", 2, "- 4 6 6 6 6 6 6");
    write_timed_run("d", "fast", 0, "3 5 7");
    write_timed_run("e", "never", 0, "- -");
    assert_int_equal(run_command(SCRIPTED TOY " compare a b c d --out drawn"), 0);
    assert_true(output_has("the least fit(toy.valid) so far, the median over runs"));
    assert_true(output_has("2 s        4 s        8 s"));
    assert_true(output_has("slow (3 runs)                                         8          6          2"));
    assert_true(output_has("fast                                                  3          3          3"));
    script_has("set xrange [0:8]");
    script_has("\n8 2 1 4\nEND\n"); /* seconds, median, least, largest */
    assert_int_equal(run_command(SCRIPTED TOY " compare a b c d --json"), 0);
    assert_true(output_has("\"metric\": \"fit(toy.valid)\""));
    assert_int_equal(run_command(SCRIPTED TOY " compare a e"), 0);
    assert_true(output_has("e has no evaluation of fit(toy.valid)"));
    assert_true(output_has("never                                                 -          -          -"));
    assert_int_equal(run_command(SCRIPTED TOY " compare e"), 1);
    assert_true(output_has("no run has an evaluation of fit(toy.valid)"));
    assert_int_equal(run_command(TOY " compare"), 1);
    assert_true(output_has("compare needs the folders of runs"));
    assert_int_equal(run_command(TOY " compare nowhere"), 1);
    assert_true(output_has("nowhere is not a folder"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_seeds_are_a_band, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_long_names_can_be_told_apart, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_equal_seeds_stand_side_by_side, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_labels_of_a_legend_do_not_collide, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_long_titles, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_fronts_side_by_side, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_a_front_over_time, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_the_best_over_time, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_real_pictures, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_wrong_folders, set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
