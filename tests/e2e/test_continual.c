/* Trains by continual as a user runs them: interrupted anywhere and resumed, with more tasks later, and with what does not fit.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/runtime/run_command.h"

static const char program[] = "const n = 3\n"
                              "layer target(x, i: size) {\n"
                              "  if i == 0 { return x + 3 }\n"
                              "  if i == 1 { return 2 * x * x - 1 }\n"
                              "  return pow(x - 3, 3)\n"
                              "}\n"
                              "data curves[n] = rows(100) {\n"
                              "  x: f32 = [-4, -1, 2, -4][i] + 2 * uniform()\n"
                              "  y: f32 = target(x, i)\n"
                              "}\n"
                              "task t[n] embed 8\n"
                              "net f(x: f32) -> f32 { return sum(linear(tanh(linear(reshape(x, [1]), 100)), 1)) }\n"
                              "net trunk(z) -> f32[10] { return tanh(linear(z, 10)) }\n"
                              "weights f = %s\n"
                              "objective fit(d) = mean(square(f(d.x) - d.y))\n"
                              "objective out(d) = f(d.x)\n"
                              "train go = continual(t) {\n"
                              "  minimise fit(curves[t].train) by adam(1e-2)\n"
                              "  remember %s\n"
                              "  batch 32\n"
                              "  steps 400\n"
                              "  evaluate steps(100)\n"
                              "  report fit(curves[t].train)\n"
                              "}\n"
                              "export predict(x: f32, t) = f(x)\n";

static void build(const char *form, const char *remember, int tasks, const char *out)
{
    char text[4096];
    snprintf(text, sizeof text, program, form, remember);
    write_file("model.hn", text, strlen(text));
    must_run("'%s/hnc' build model.hn -D n=%d -o %s", HNC_BINARY_DIR, tasks, out);
}

#ifdef HNC_SANITIZED
enum { EVERY = 2 }; /* a run and its beginnings take long there */
#else
enum { EVERY = 1 };
#endif

/* Killed again and again, at moments that drift through the run, it ends with the bytes of the undisturbed run. */
static void test_killed_anywhere(void **state)
{
    static const char *const forms[] = {"dense(trunk(t))", "dense(trunk(t))", "free each t", "free", "free", "dense(trunk(t))"};
    static const char *const ways[] = {"outputs(0.01)", "outputs(0.01, targets: stored, tasks: 1)",
                                       "separate",      "ewc(10, examples: 50)",
                                       "si(1)",         "rehearsal(out(curves[t].train), 1, examples: 10)"};
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i += EVERY) {
        print_message("%s\n", ways[i]);
        run_command("rm -rf whole parts");
        build(forms[i], ways[i], 3, "model");
        must_run("./model train --out whole --quiet");
        /* later tries get longer: a slow machine needs some of their time to begin */
        must_run("d=020; n=0; until timeout -s KILL 0.$d ./model train --out parts --resume --checkpoint-every 0.001 --quiet; do "
                 "n=$((n + 1)); [ $n -lt 300 ] || exit 1; d=$(printf %%03d $((20 + 3 * n + n * 7 %% 10))); done; [ $n -gt 0 ]");
        must_run("cmp whole/last.safetensors parts/last.safetensors");
        must_run("cmp whole/tasks.json parts/tasks.json");
    }
}

/* Values of f at some points for a task, by the program and the weights. */
static void predict(const char *model, const char *weights, int task, const char *out)
{
    static const float points[] = {-3, -0.5f, 0.7f, 2.5f};
    char file[128 + sizeof points] = "\x93NUMPY\x01\x00\x76";
    memset(file + 10, ' ', 118);
    memcpy(file + 10, "{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }", 57);
    file[127] = '\n';
    memcpy(file + 128, points, sizeof points);
    write_file("points.npy", file, sizeof file);
    must_run("./%s predict --weights %s --task %d points.npy >%s", model, weights, task, out);
}

static void test_more_tasks_later(void **state)
{
    (void)state;
    run_command("rm -rf run");
    build("dense(trunk(t))", "outputs(0.01)", 2, "two");
    build("dense(trunk(t))", "outputs(0.01)", 3, "three");
    must_run("./two train --out run --quiet && cp run/last.safetensors before.safetensors");
    must_run("./three train --out run --resume --seconds 1e-9"); /* ends before its first step */
    assert_non_null(strstr(command_output(), "the run goes on with 3 tasks; it had 2"));
    must_run("cp run/last.safetensors after.safetensors");
    for (int task = 0; task < 2; task++) {
        char before[32], after[32];
        snprintf(before, sizeof before, "before.%d", task);
        snprintf(after, sizeof after, "after.%d", task);
        predict("two", "before.safetensors", task, before);
        predict("three", "after.safetensors", task, after);
        must_run("cmp %s %s && [ -s %s ]", before, after, before);
    }
    must_run("./three train --out run --resume --quiet");
    must_run("./three eval --weights run/last.safetensors");
    assert_int_equal(run_command("./two train --out run --resume"), 1);
    assert_non_null(strstr(command_output(), "belongs to a run of 3 tasks, and this program has 2"));
}

/* Targets that are stored are compared element by element, computed ones by Gram matrices: the same runs but for rounding. */
static void test_two_ways_of_targets(void **state)
{
    static const char *const ways[] = {"outputs(0.5)", "outputs(0.5, targets: stored)"};
    double values[2][3];
    (void)state;
    for (int way = 0; way < 2; way++) {
        size_t size;
        run_command("rm -rf run");
        build("chunked(trunk(t), size: 24, embed: 4)", ways[way], 3, "model --float=f64");
        must_run("'%s/hnc' explain model.hn -D n=3 --plan", HNC_BINARY_DIR);
        assert_int_equal(strstr(command_output(), "of 21 x 21 x ") != NULL, way == 0);
        must_run("./model train --out run --quiet --steps 50 && tail -n 1 run/metrics.jsonl >last.json");
        char *text = read_file("last.json", &size), *at = strstr(text, "\"fit(curves[t].train)\": [");
        assert_non_null(at);
        at = strchr(at, ':') + 2;
        for (int i = 0; i < 3; i++)
            values[way][i] = strtod(at + 1, &at);
        free(text);
    }
    for (int i = 0; i < 3; i++)
        if (!(fabs(values[0][i] - values[1][i]) <= 1e-6 * values[1][i]))
            fail_msg("%.9g and %.9g", values[0][i], values[1][i]);
    assert_true(values[0][0] > 0);
}

/* One train by `outputs` with these weights and this loss, in double precision: what was added to its loss, in ten digits. */
static void train_given(const char *weights, const char *loss, const char *settings, const char *out)
{
    static const char text[] = "data d[3] = rows(32) { x: f32 = uniform() + i }\n"
                               "task t[3] embed 4\n"
                               "member k[3] embed 2\n"
                               "given z[4]\n"
                               "net f(x: f32) -> f32 { return sum(linear(tanh(linear(reshape(x, [1]), 6)), 1)) }\n"
                               "net trunk(z: f32[4]) -> f32[5] { return tanh(linear(z, 5)) }\n"
                               "weights f = %s\n"
                               "objective fit(d) = %s\n"
                               "train go = continual(t) {\n"
                               "  minimise fit(d[t].train) by adam(1e-2)\n"
                               "  remember outputs(0.5%s)\n"
                               "  batch 32; steps 6\n"
                               "  report fit(d[t].train)\n"
                               "}\n";
    char model[2048];
    snprintf(model, sizeof model, text, weights, loss, settings);
    write_file("given.hn", model, strlen(model));
    must_run("'%s/hnc' build given.hn --float=f64 && rm -rf run && ./given train --out run --quiet", HNC_BINARY_DIR);
    must_run("grep -o '\"remember.minimise\": [^,]*' run/metrics.jsonl | awk '{ printf \"%%.10g\\n\", $2 }' >%s && "
             "[ $(grep -c '[1-9]' %s) = 2 ]",
             out, out);
}

/* What is kept are the weights at the values of conditions that the loss gives them. */
static void test_given(void **state)
{
    static const char twice[] = "mean(square((f(d.x) given k = 1, z = ones([4])) + (f(d.x) given k = 2, z = 2 * t) +"
                                " (f(d.x) given k = 1, z = ones([4])) - sin(d.x)))";
    static const char once[] =
        "mean(square(2 * (f(d.x) given k = 1, z = ones([4])) + (f(d.x) given k = 2, z = 2 * t) - sin(d.x)))";
    static const char others[] = "mean(square(f(d.x) - sin(d.x))) + mean(square(mean(f(d.x) over t)))";
    static const char *const forms[] = {"dense(trunk(t + z)) * rank1(k)", "dense(trunk(t + z)) + free each k"};
    (void)state;
    train_given("dense(trunk(t), init: xavier)", "mean(square(f(d.x) - sin(d.x)))", "", "at_hand");
    train_given("dense(trunk(z), init: xavier)", "mean(square(f(d.x) - sin(d.x)) given z = t)", "", "given");
    must_run("cmp at_hand given");
    for (size_t i = 0; i < 2; i++) {
        train_given(forms[i], twice, "", "computed");
        train_given(forms[i], twice, ", targets: stored", "stored");
        train_given(forms[i], once, "", "once");
        must_run("cmp computed stored && cmp computed once");
    }
    train_given("dense(trunk(t))", others, "", "computed"); /* the loss moves embeddings of earlier tasks */
    train_given("dense(trunk(t))", others, ", targets: stored", "stored");
    must_run("cmp computed stored");
}

/* A schedule spans each task: at equal places within the tasks, the rates are equal. */
static void test_schedules(void **state)
{
    static const char *const schedules[] = {"cosine", "step(every: 40)"}, *const ways[] = {"outputs(0.01)", "separate"};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        print_message("%s, %s\n", schedules[i % 2], ways[i / 2]);
        build("dense(trunk(t))", ways[i / 2], 3, "model");
        must_run("sed 's/adam(1e-2)/adam(1e-2, %s)/' model.hn >scheduled.hn", schedules[i % 2]);
        must_run("'%s/hnc' build scheduled.hn -o scheduled", HNC_BINARY_DIR);
        must_run("rm -rf whole && ./scheduled train --out whole --quiet");
        must_run("grep -o '\"rate.minimise\": [^,]*' whole/metrics.jsonl >rates; [ $(wc -l <rates) = 12 ]; "
                 "for part in 1 5 9; do tail -n +$part rates | head -n 4 >rates$part; done; "
                 "cmp rates1 rates5 && cmp rates1 rates9 && [ $(sort -u rates1 | wc -l) -gt 2 ]");
    }
}

/* Nets that are trained from scratch forget nothing: the result of a task is that of its own net. */
static void test_results_of_separate_nets(void **state)
{
    (void)state;
    build("dense(trunk(t))", "separate", 3, "model");
    must_run("sed 's/  report .*/&, average, forgetting/' model.hn >judged.hn");
    must_run("'%s/hnc' build judged.hn -o judged && rm -rf whole && ./judged train --out whole --quiet", HNC_BINARY_DIR);
    must_run("grep -q '\"forgetting\": 0.0' whole/tasks.json");
    must_run("for file in task-002 last; do ./judged eval --weights whole/$file.safetensors --task 2 >$file; done; cmp task-002 last");
    must_run("./judged eval --weights whole/task-000.safetensors --task 0 >own && ./judged eval --weights whole/last.safetensors >all");
    must_run("[ \"$(sed -n 1p own | cut -d' ' -f2)\" = \"$(sed -n 1p all | cut -d' ' -f2)\" ]");
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(run_command("./judged %s --weights whole/last.safetensors --task 0%s", i ? "eval" : "predict",
                                     i ? "" : " points.npy"),
                         1);
        assert_non_null(strstr(command_output(), "holds the net of task 2"));
        assert_non_null(strstr(command_output(), "task-000.safetensors"));
    }
    must_run("sed 's/separate/nothing/' judged.hn >tuned.hn && '%s/hnc' build tuned.hn -o tuned && rm -rf whole && "
             "./tuned train --out whole --quiet && ! grep -q '\"forgetting\": 0.0' whole/tasks.json",
             HNC_BINARY_DIR);
}

/* The net of an earlier task is read by a program with more tasks, whose tables have more rows. */
static void test_separate_nets_of_fewer_tasks(void **state)
{
    (void)state;
    run_command("rm -rf run");
    build("dense(trunk(t))", "separate", 2, "two");
    build("dense(trunk(t))", "separate", 3, "three");
    must_run("./two train --out run --quiet && cp run/task-000.safetensors .");
    predict("two", "task-000.safetensors", 0, "before");
    must_run("./three train --out run --resume --quiet && cmp task-000.safetensors run/task-000.safetensors");
    predict("three", "run/task-000.safetensors", 0, "after");
    must_run("cmp before after && [ -s before ]");
    assert_int_equal(run_command("./three predict --weights run/task-000.safetensors --task 2 points.npy"), 1);
    assert_non_null(strstr(command_output(), "holds the net of task 0"));
}

/* A mean over more tasks cannot be compared with the one before: the best is looked for anew. */
static void test_joint_with_more_tasks(void **state)
{
    (void)state;
    run_command("rm -rf run");
    for (int tasks = 2; tasks < 4; tasks++) {
        build("dense(trunk(t))", "nothing", tasks, "unused");
        must_run("sed -e 's/continual/joint/' -e '/remember/d' -e 's/report/validate/' model.hn >joint.hn && "
                 "'%s/hnc' build joint.hn -D n=%d -o joint%d",
                 HNC_BINARY_DIR, tasks, tasks);
    }
    must_run("./joint2 train --out run --quiet");
    assert_int_equal(run_command("./joint3 train --out run --resume --quiet"), 1);
    assert_non_null(strstr(command_output(), "holds a finished run, and this program has more to train than it had"));
    must_run("./joint3 train --out run --resume --quiet --steps 600");
    must_run("./joint3 eval --weights run/best.safetensors");
    predict("joint3", "run/best.safetensors", 2, "third");
}

/* Where a single example may have no loss, importances are those of the others, and it is counted: of 50 examples at the end of
 * each of two tasks, some. */
static void test_examples_without_a_loss(void **state)
{
    (void)state;
    build("free", "ewc(10, examples: 50)", 2, "unused");
    must_run("sed 's/mean(square(f(d.x) - d.y))/mean(square(f(d.x) - d.y) where d.y > 0)/' model.hn >masked.hn && "
             "'%s/hnc' build masked.hn -D n=2 -o masked && rm -rf run && ./masked train --out run --quiet",
             HNC_BINARY_DIR);
    must_run("n=$(sed -n 's/.*\"undefined\": *\\([0-9]*\\).*/\\1/p' run/tasks.json) && [ \"$n\" -gt 0 ] && [ \"$n\" -lt 100 ]");
}

/* A running statistic has a number per task, which later tasks leave as it is: after four steps that halve its distance from x, which
 * is 1, 2, 3, the last sixteenth is left, also of a task that a program with more tasks adds. */
static void test_statistics_per_task(void **state)
{
    static const char text[] = "const n = 2\n"
                               "data d[n] = rows(32) { x: f32 = i + 1 }\n"
                               "task t[n] embed 4\n"
                               "net centred(x: f32) -> f32 {\n"
                               "  running mu: f32 = 0\n"
                               "  if training { update mu = mu + 0.5 * (across mean(x) - mu) }\n"
                               "  return x - mu\n"
                               "}\n"
                               "net f(x: f32) -> f32 { return sum(linear(reshape(x, [1]), 1)) }\n"
                               "net trunk(z) -> f32[3] { return tanh(linear(z, 3)) }\n"
                               "weights f = dense(trunk(t))\n"
                               "objective fit(s) = mean(square(f(centred(s.x)) - 1))\n"
                               "objective left(s) = mean(centred(s.x))\n"
                               "train go = continual(t) {\n"
                               "  minimise fit(d[t].train) by adam(1e-2)\n"
                               "  remember %s\n"
                               "  batch 16; steps 4\n"
                               "  report left(d[t].train)\n"
                               "}\n"
                               "export rest(x: f32, t) = centred(x)\n";
    static const char *const ways[] = {"outputs(0.1)", "si(1)", "separate", "nothing"};
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        char model[2048];
        snprintf(model, sizeof model, text, ways[i]);
        write_file("statistics.hn", model, strlen(model));
        for (int n = 2; n < 4; n++)
            must_run("'%s/hnc' build statistics.hn -D n=%d -o statistics%d", HNC_BINARY_DIR, n, n);
        must_run("rm -rf run && ./statistics2 train --out run --quiet && ./statistics3 train --out run --resume --quiet");
        must_run("tail -n 1 run/metrics.jsonl | grep -q '\"left(d.t..train)\": .0.0625, 0.125, 0.1875.'");
        predict("statistics3", "run/last.safetensors", 2, "rest");
        must_run("sed -n 2p rest | grep -q -- '-5.8125'");
    }
}

/* Tasks share what `--from` gives them, unless each begins with first values. */
static void test_from_weights(void **state)
{
    (void)state;
    build("free", "nothing", 2, "model");
    must_run("rm -rf run begun && ./model train --out run --quiet && ./model train --out begun --from run/last.safetensors --steps 1 "
             "--quiet");
    build("free", "separate", 2, "model");
    assert_int_equal(run_command("rm -rf begun; ./model train --out begun --from run/last.safetensors"), 1);
    assert_non_null(strstr(command_output(), "begins several nets"));
}

static void test_what_does_not_fit(void **state)
{
    (void)state;
    run_command("rm -rf run");
    build("dense(trunk(t))", "outputs(0.01)", 2, "model");
    must_run("./model train --out run --quiet");
    assert_int_equal(run_command("./model train --out run --resume --steps 500"), 1);
    assert_non_null(strstr(command_output(), "a run of 400 steps for each task, which cannot be changed to 500"));
    build("dense(trunk(t))", "outputs(0.02)", 2, "other");
    assert_int_equal(run_command("./other train --out run --resume"), 1);
    assert_non_null(strstr(command_output(), "the losses, the settings, the splits"));
    assert_int_equal(run_command("./model predict --weights run/last.safetensors --task 2 points.npy"), 1);
    assert_non_null(strstr(command_output(), "task"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed_anywhere),
        cmocka_unit_test(test_more_tasks_later),
        cmocka_unit_test(test_two_ways_of_targets),
        cmocka_unit_test(test_given),
        cmocka_unit_test(test_schedules),
        cmocka_unit_test(test_results_of_separate_nets),
        cmocka_unit_test(test_separate_nets_of_fewer_tasks),
        cmocka_unit_test(test_joint_with_more_tasks),
        cmocka_unit_test(test_examples_without_a_loss),
        cmocka_unit_test(test_statistics_per_task),
        cmocka_unit_test(test_from_weights),
        cmocka_unit_test(test_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
