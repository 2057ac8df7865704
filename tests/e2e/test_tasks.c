/* What a run over tasks reports: the matrix, the indicators, files, the terminal, eval and predict; against numbers by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <jansson.h>
#include <math.h>

#include "tests/runtime/run_command.h"

static void must_print(const char *text)
{
    if (!output_has(text))
        fail_msg("lacks '%s':\n%s", text, command_output());
}

static void refused(const char *message, const char *command)
{
    assert_int_equal(run_command("%s", command), 1);
    must_print(message);
}

/* Builds NAME.hn of this text. */
static void build(const char *name, const char *text)
{
    char path[64];
    snprintf(path, sizeof path, "%s.hn", name);
    write_file(path, text, strlen(text));
    must_run("'%s/hnc' build %s", HNC_BINARY_DIR, path);
}

static json_t *load(const char *path)
{
    json_error_t error;
    json_t *json = json_load_file(path, 0, &error);
    if (!json)
        fail_msg("%s: %s", path, error.text);
    return json;
}

/* The text of a part of a JSON value, without blanks, as it is compared. */
static void equal_json(const json_t *json, const char *expected)
{
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6)) : NULL;
    if (!text || strcmp(text, expected))
        fail_msg("%s instead of %s", text ? text : "nothing", expected);
    free(text);
}

static const json_t *last_of(json_t *json)
{
    return json_array_get(json, json_array_size(json) - 1);
}

/* The events of metrics.jsonl, as a list. */
static json_t *load_events(const char *path)
{
    json_t *events = json_array();
    size_t size;
    char *text = read_file(path, &size), *rest = text, *line;
    while ((line = strsep(&rest, "\n")))
        if (*line)
            json_array_append_new(events, json_loads(line, 0, NULL));
    free(text);
    return events;
}

/* One number x, which begins at 0 and which one step of half the gradient 2 (x - c) brings to the c of the task: the error of
 * task j after task r is (c[r] - c[j])^2, exactly. */
#define NUMBERS(REPORT)                                                                                                          \
    "data nothing = rows(4)\n"                                                                                                   \
    "task t[3] embed 1\n"                                                                                                        \
    "net point() -> f32 {\n  weight x: f32 = 0\n  return x\n}\n"                                                                 \
    "objective loss(d) = square(point() - [1, 3, 2][t])\n"                                                                       \
    "objective merit(d) = 10 - loss(d)\n"                                                                                        \
    "train go = continual(t) {\n  minimise loss(nothing.train) by sgd(0.5)\n  batch 1\n  steps 2\n  remember nothing\n  "        \
    "report " REPORT "\n}\n"                                                                                                     \
    "export at(t) = point() + [0, 1, 2][t]\n"

static void test_matrix_and_indicators(void **state)
{
    (void)state;
    build("m", NUMBERS("loss(nothing.train), merit(nothing.train) as score, average, forgetting, backward, forward"));
    must_run("./m train --out r --quiet");
    json_t *tasks = load("r/tasks.json"), *result = load("r/result.json");
    const json_t *metrics = json_object_get(tasks, "metrics"), *loss = json_object_get(metrics, "loss(nothing.train)"),
                 *merit = json_object_get(metrics, "merit(nothing.train)");
    equal_json(json_object_get(tasks, "tasks"), "3");
    equal_json(json_object_get(tasks, "learned"), "3");
    equal_json(json_object_get(loss, "better"), "\"less\"");
    equal_json(json_object_get(loss, "first"), "[1.0,9.0,4.0]");
    equal_json(json_object_get(loss, "matrix"), "[[0.0,4.0,1.0],[4.0,0.0,1.0],[1.0,1.0,0.0]]");
    equal_json(json_object_get(loss, "final"), "[1.0,1.0,0.0]");
    assert_true(fabs(json_number_value(json_object_get(loss, "average")) - 2.0 / 3) < 1e-6);
    /* of task 0: 1, and 0 at its best; of task 1 the same */
    equal_json(json_object_get(loss, "forgetting"), "1.0");
    equal_json(json_object_get(loss, "backward"), "-1.0");
    /* of task 1: 9 first and 4 right before it is learned; of task 2: 4 and 1 */
    equal_json(json_object_get(loss, "forward"), "4.0");
    equal_json(json_object_get(merit, "better"), "\"more\"");
    equal_json(json_object_get(merit, "matrix"), "[[10.0,6.0,9.0],[6.0,10.0,9.0],[9.0,9.0,10.0]]");
    equal_json(json_object_get(merit, "forgetting"), "1.0");
    equal_json(json_object_get(merit, "backward"), "-1.0");
    equal_json(json_object_get(merit, "forward"), "4.0");
    assert_true(json_equal(json_object_get(result, "tasks"), tasks));
    assert_null(json_object_get(result, "epochs"));
    json_decref(tasks);
    json_decref(result);
    json_t *events = load_events("r/metrics.jsonl"), *first = json_array_get(events, 0);
    assert_int_equal(json_array_size(events), 4); /* before all tasks, and after each */
    equal_json(json_object_get(first, "loss(nothing.train)"), "[1.0,9.0,4.0]");
    assert_null(json_object_get(first, "task"));
    equal_json(json_object_get(last_of(events), "task"), "2");
    equal_json(json_object_get(last_of(events), "forgetting"), "1.0");
    json_decref(events);
}

/* Without forward transfer nothing is measured at tasks that are not learned yet. */
static void test_tasks_that_are_not_learned(void **state)
{
    (void)state;
    build("m", NUMBERS("loss(nothing.train), average, forgetting"));
    must_run("./m train --out r --quiet");
    must_print("average 0.666667; forgetting 1");
    json_t *tasks = load("r/tasks.json");
    const json_t *loss = json_object_get(json_object_get(tasks, "metrics"), "loss(nothing.train)");
    equal_json(json_object_get(loss, "matrix"), "[[0.0,null,null],[4.0,0.0,null],[1.0,1.0,0.0]]");
    assert_null(json_object_get(loss, "first"));
    json_decref(tasks);
    must_run("./m train --out s --quiet --seconds 1e-9"); /* ends after one step */
    tasks = load("s/tasks.json");
    loss = json_object_get(json_object_get(tasks, "metrics"), "loss(nothing.train)");
    equal_json(json_object_get(loss, "matrix"), "[[0.0,null,null]]");
    equal_json(json_object_get(loss, "average"), "0.0");
    equal_json(json_object_get(loss, "forgetting"), "null"); /* of one task: not defined */
    json_decref(tasks);
}

static void test_terminal(void **state)
{
    (void)state;
    build("m", NUMBERS("loss(nothing.train), average, forgetting"));
    must_run("./m train --out r");
    must_print("train go (continual): 3 tasks of 2 steps, batches of 1\n");
    must_print("  task   step  minimise    train  average  forgetting      time      left\n");
    must_print("     2    2/2       0.5        0   0.6667           1  ");
    must_print("ended      after 6 steps in ");
    must_print("last       task 2, step 2: loss(nothing.train) 0, average 0.6667, forgetting 1\n");
    must_print("results    loss(nothing.train) of each task (column) after each task (row); less is better\n");
    must_print("  task              0         1         2\n"
               "  after 0           0         -         -\n"
               "  after 1           4         0         -\n"
               "  after 2           1         1         0\n");
    must_print("predict --weights r/last.safetensors --task N");
    must_run("./m train --out r --resume"); /* a finished run says the same again */
    must_print("  after 1           4         0         -\n");
    must_run("'%s/hnc' explain m.hn", HNC_BINARY_DIR);
    must_print("train go: continual, 2 steps, an evaluation every 2 steps");
    must_print("task 0 to 2, each of them");
}

/* More tasks than find room: the first ones and the last ones are shown. */
static void test_many_tasks(void **state)
{
    (void)state;
    build("m", "data n[40] = rows(1) { y: f32 = f32(i) }\n"
               "task t[40] embed 1\n"
               "net point() -> f32 {\n  weight x: f32 = 0\n  return x\n}\n"
               "objective loss(d) = square(point() - d.y)\n"
               "train go = continual(t) {\n  minimise loss(n[t].train) by sgd(0.5)\n  batch 1\n  steps 1\n"
               "  remember nothing\n  report loss(n[t].train)\n}\n");
    must_run("COLUMNS=80 ./m train --out r");
    must_print("  task           0      1      2      3     ..     36     37     38     39\n");
    must_print("  after 3        9      4      1      0     ..      -      -      -      -\n  ..\n");
    must_print("  after 39    1521   1444   1369   1296     ..      9      4      1      0\n");
    size_t size;
    must_run("./m train --out s > out.txt");
    char *text = read_file("out.txt", &size), *rest = text, *line;
    while ((line = strsep(&rest, "\n")))
        if (strlen(line) > 100)
            fail_msg("%zu letters: %s", strlen(line), line);
    free(text);
}

static void test_eval_and_predict(void **state)
{
    (void)state;
    build("m", NUMBERS("loss(nothing.train), merit(nothing.train) as score, average, forgetting"));
    must_run("./m train --out r --quiet");
    must_run("./m eval --weights r/last.safetensors");
    must_print("loss(nothing.train) 1 1 0\nmerit(nothing.train) 9 9 10\naverage 0.666667\nforgetting 1\n");
    must_run("./m eval --weights r/last.safetensors --json > eval.json");
    json_t *eval = load("eval.json"), *tasks = load("r/tasks.json");
    assert_true(json_equal(eval, tasks));
    json_decref(eval);
    json_decref(tasks);
    must_run("./m eval --weights r/last.safetensors --task 1");
    assert_string_equal(command_output(), "loss(nothing.train) 1\nmerit(nothing.train) 9\n");
    must_run("./m eval --weights r/last.safetensors --task t=2 --json");
    assert_string_equal(command_output(),
                        "{\"task\": 2, \"metrics\": {\"loss(nothing.train)\": 0.0, \"merit(nothing.train)\": 10.0}}\n");
    must_run("./m predict --weights r/last.safetensors --task 1");
    assert_string_equal(command_output(), "row,at\n1,3\n");
    must_run("./m predict --weights r/last.safetensors --task t=0");
    assert_string_equal(command_output(), "row,at\n1,2\n");
#define PREDICT "./m predict --weights r/last.safetensors "
#define EVAL "./m eval --weights r/last.safetensors "
    refused("task 3 is out of range: the model has tasks 0 to 2", PREDICT "--task 3");
    refused("task -1 is out of range: the model has tasks 0 to 2", PREDICT "--task=-1");
    refused("task 99999999999999999999 is out of range", PREDICT "--task 99999999999999999999");
    refused("--task expects a whole number from 0 to 2, not '1.5'", PREDICT "--task 1.5");
    refused("--task u=1: 'u' is no task of 'at', which takes t", PREDICT "--task u=1");
    refused("'at' takes the task 't': say with --task which one, from 0 to 2", PREDICT);
    refused("--task is given twice", PREDICT "--task 1 --task t=1");
    refused("task 3 is out of range: the model has tasks 0 to 2", EVAL "--task 3");
    refused("the metrics are measured for each task 't'", EVAL "--task u=1");
    assert_int_equal(run_command(EVAL "--task"), 2);
    assert_int_equal(run_command(EVAL "--member 1"), 2);
}

/* A run that was killed again and again ends with the files of one that was not. */
static void test_resumed(void **state)
{
    (void)state;
    build("m", "data curves[3] = rows(40) {\n  x: f32 = uniform()\n  y: f32 = x * f32(i)\n}\n"
               "task t[3] embed 2\n"
               "net f(x: f32) -> f32 { return linear(tanh(linear(reshape(x, [1]), 8)), 1)[0] }\n"
               "net trunk(z) -> f32[n] { return linear(tanh(linear(z, 8)), n) }\n"
               "weights f = dense(trunk(t))\n"
               "objective loss(d) = mean(square(f(d.x) - d.y))\n"
               "train go = continual(t) {\n  minimise loss(curves[t].train) by adam(1e-2)\n  batch 10\n  steps 400\n"
               "  evaluate steps(100)\n  remember outputs(0.01)\n"
               "  report loss(curves[t].train), average, forgetting, backward, forward\n}\n"
               "export predict(x: f32, t) = f(x)\n");
    must_run("./m train --out whole --quiet");
    /* a step of a tenth of the budget of time, then a kill at an arbitrary moment */
    run_command(
        "for i in 1 2 3 4 5 6 7 8; do timeout -s KILL 0.04 ./m train --out parts --resume --checkpoint-every 1e-9 --quiet; "
        "sleep 0.05; done");
    must_run("./m train --out parts --resume --quiet");
    assert_true(same_files("whole/last.safetensors", "parts/last.safetensors"));
    assert_true(same_files("whole/tasks.json", "parts/tasks.json"));
    assert_true(same_files("whole/functions.json", "parts/functions.json"));
    must_run("for f in whole parts; do sed 's/\"seconds\": [^,}]*//' $f/metrics.jsonl > $f.events; done");
    assert_true(same_files("whole.events", "parts.events"));
}

/* Each point's function when it was learned and now, on a grid beyond its own data. */
static void test_functions(void **state)
{
    (void)state;
    build("m",
          "data curves[2] = rows(30) {\n  x: f32 = f32(i) + row / 29\n  y: f32 = 3 * f32(i)\n}\n"
          "task t[2] embed 1\n"
          "net level(x: f32) -> f32 {\n  weight b: f32 = 0\n  return b + 0 * x\n}\n"
          "objective loss(d) = square(level(d.x) - d.y - 1)\n"
          "train go = continual(t) {\n  minimise loss(curves[t].train) by sgd(0.5)\n  batch 1\n  steps 1\n  remember nothing\n"
          "  report loss(curves[t].train)\n}\n"
          "export predict(x: f32, t) = level(x) + [0, 10][t]\n");
    must_run("./m train --out r --quiet");
    json_t *json = load("r/functions.json");
    const json_t *points = json_object_get(json, "points"), *zero = json_array_get(points, 0), *one = json_array_get(points, 1);
    equal_json(json_object_get(json, "export"), "\"predict\"");
    equal_json(json_object_get(json, "input"), "\"x\"");
    equal_json(json_object_get(json, "output"), "\"y\"");
    equal_json(json_array_get(json_object_get(zero, "learned"), 7), "1.0");
    equal_json(json_array_get(json_object_get(zero, "now"), 7), "4.0");
    equal_json(json_array_get(json_object_get(one, "learned"), 7), "14.0");
    equal_json(json_array_get(json_object_get(one, "now"), 7), "14.0");
    json_t *x = json_object_get(one, "x");
    assert_true(fabs(json_number_value(json_array_get(x, 0)) - 0.9) < 1e-6 && fabs(json_number_value(last_of(x)) - 2.1) < 1e-6);
    assert_int_equal(json_array_size(json_object_get(json_object_get(one, "data"), "y")), 30);
    equal_json(json_array_get(json_object_get(json_object_get(one, "data"), "y"), 29), "3.0");
    json_decref(json);
}

static void test_pictures(void **state)
{
    (void)state;
    if (run_command("gnuplot --version") != 0)
        skip();
    build("m", NUMBERS("loss(nothing.train), average, forward"));
    must_run("./m train --out r --quiet && ./m plot r");
    must_print("r/tasks.svg: 1 matrix of 3 tasks");
    size_t size;
    char *svg = read_file("r/tasks.svg", &size), *curves = read_file("r/curves.svg", &size);
    assert_true(strstr(svg, ">after task<") && strstr(svg, ">before<") && strstr(svg, ">9<"));
    assert_true(strstr(curves, ">task 2<") && !strstr(curves, ">task<")); /* the task at hand is no curve */
    free(svg);
    free(curves);
    must_run("./m plot r --png && test -s r/tasks.png");
    static const char no_matrix[] = "{\"tasks\": 3, \"metrics\": {\"a\": {\"matrix\": 3}}}", no_count[] = "{\"tasks\": -3}";
    write_file("r/tasks.json", no_matrix, strlen(no_matrix));
    refused("the metric 'a' has no matrix", "./m plot r");
    write_file("r/tasks.json", no_count, strlen(no_count));
    refused("'tasks' should be a count", "./m plot r");
}

/* All members at once: each, the mean, and a metric of the ensemble. */
static void test_members(void **state)
{
    (void)state;
    build("m", "data nothing = rows(4)\n"
               "member k[3] embed 1\n"
               "net point() -> f32 {\n  weight x: f32 = 0\n  return x\n}\n"
               "objective loss(d) = square(point() - [1, 3, 2][k])\n"
               "objective size(d) = sumsq(point)\n"
               "train go = joint(k) {\n  minimise loss(nothing.train) by sgd(0.5)\n  batch 1\n  steps 1\n"
               "  validate loss(nothing.train)\n  report size(nothing.train)\n}\n");
    must_run("./m train --out r --quiet"); /* the step of all members leads to the mean, 2 */
    must_print("best mean loss(nothing.train) 0.666667 at step 1");
    json_t *json = load("r/members.json"), *result = load("r/result.json");
    const json_t *metrics = json_object_get(json, "metrics"), *loss = json_object_get(metrics, "loss(nothing.train)");
    equal_json(json_object_get(json, "members"), "3");
    equal_json(json_object_get(loss, "each"), "[1.0,1.0,0.0]");
    assert_true(fabs(json_number_value(json_object_get(loss, "mean")) - 2.0 / 3) < 1e-6);
    equal_json(json_object_get(json_object_get(metrics, "size(nothing.train)"), "value"), "4.0");
    assert_true(fabs(json_number_value(json_object_get(json_object_get(result, "best"), "value")) - 2.0 / 3) < 1e-6);
    json_decref(json);
    json_decref(result);
    must_run("./m eval --weights r/last.safetensors");
    must_print("loss(nothing.train) 1 1 0\nmean loss(nothing.train) 0.666667\nsize(nothing.train) 4\n");
    must_run("./m eval --weights r/last.safetensors --member 1");
    assert_string_equal(command_output(), "loss(nothing.train) 1\nsize(nothing.train) 4\n");
}

/* A run that goes on with more tasks keeps the results that it has; what was not measured before the first step stays unknown. */
static void test_more_tasks(void **state)
{
    (void)state;
#define FIRST(N)                                                                                                                 \
    "data n[4] = rows(1) { y: f32 = [1, 3, 2, 5][i] }\n"                                                                         \
    "task t[" N "] embed 1\n"                                                                                                    \
    "net point() -> f32 {\n  weight x: f32 = 0\n  return x\n}\n"                                                                 \
    "objective loss(d) = square(point() - d.y)\n"                                                                                \
    "train go = continual(t) {\n  minimise loss(n[t].train) by sgd(0.5)\n  batch 1\n  steps 2\n  remember nothing\n"             \
    "  report loss(n[t].train), average, forgetting, forward\n}\n"
    build("m", FIRST("2"));
    must_run("./m train --out r --quiet");
    build("m", FIRST("4"));
    must_run("./m train --out r --quiet --resume");
    json_t *tasks = load("r/tasks.json");
    const json_t *loss = json_object_get(json_object_get(tasks, "metrics"), "loss(n[t].train)");
    equal_json(json_object_get(loss, "first"), "[1.0,9.0,null,null]");
    equal_json(json_object_get(loss, "matrix"), "[[0.0,4.0,null,null],[4.0,0.0,null,null],[1.0,1.0,0.0,9.0],[16.0,4.0,9.0,0.0]]");
    equal_json(json_object_get(loss, "average"), "7.25");
    assert_true(fabs(json_number_value(json_object_get(loss, "forgetting")) - 29.0 / 3) < 1e-6);
    equal_json(json_object_get(loss, "forward"), "null");
    json_decref(tasks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_matrix_and_indicators, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_tasks_that_are_not_learned, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_terminal, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_many_tasks, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_eval_and_predict, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_resumed, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_functions, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_pictures, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_more_tasks, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_members, folder_set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
