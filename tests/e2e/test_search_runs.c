/* Searches: what they try, what they note of it, and that nothing of it is lost when runs are killed or share a file. */
#include <jansson.h>
#include <math.h>
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

enum { MOST = 64 };

/* Weights that are trained for 20 steps with rate a under decay b, in one of three widths; the least value is near a = 0.3, b = 0, 2. */
static const char model[] =
    "data nothing = rows(8)\n"
    "hyper lam { a: log(1e-3, 1e3) = 0.01; b: range(0, 1) = 0.5; c: integer(1, 3) = 1 }\n"
    "net p() -> f32[2] { weight w: f32[2] = 1; return w }\n"
    "objective lower(e) = sum(square(p() - [3, 4]), axis: 0) + lam.b * sum(square(p()), axis: 0)\n"
    "objective upper(e) = sum(square(p() - [3, 4]), axis: 0) + 0.1 * square(lam.c - 2)\n"
    "train go = search(lam) {\n"
    "  minimise lower(nothing.train) by sgd(lam.a)\n"
    "  validate upper(nothing.train)\n"
    "  trials %s\n"
    "  batch 8\n"
    "  steps 20\n"
    "  evaluate steps(5)\n"
    "  %s\n"
    "}\n";

static void build(const char *trials, const char *more)
{
    char text[2048];
    snprintf(text, sizeof text, model, trials, more);
    write_file("m.hn", text, strlen(text));
    must_run("'%s/hnc' build --float=f64 -W error m.hn -o m", HNC_BINARY_DIR);
}

typedef struct Noted {
    json_t *claim, *end; /* lines of the file; NULL: there is none */
} Noted;

/* The lines of a file of trials, by their numbers; returns how many trials there are. */
static size_t read_trials(const char *path, Noted noted[MOST])
{
    size_t size;
    char *text = read_file(path, &size);
    size_t count = 0;
    assert_non_null(text);
    memset(noted, 0, MOST * sizeof *noted);
    assert_true(strtok(text, "\n") != NULL); /* of the program */
    for (char *line; (line = strtok(NULL, "\n"));) {
        json_t *json = json_loads(line, 0, NULL);
        size_t number = (size_t)json_integer_value(json_object_get(json, "trial"));
        assert_true(json && number < MOST);
        if (!json_object_get(json, "point") && json_object_get(json, "by")) { /* a point that was given is taken */
            json_decref(json);
            continue;
        }
        json_t **place = json_object_get(json, "point") ? &noted[number].claim : &noted[number].end;
        assert_null(*place);
        *place = json;
        count += place == &noted[number].claim;
    }
    free(text);
    return count;
}

static double hyper(const Noted *noted, const char *name)
{
    return json_number_value(json_object_get(json_object_get(noted->end, "hypers"), name));
}

static double value(const Noted *noted)
{
    const json_t *json = json_object_get(noted->end, "value");
    return json_is_number(json) ? json_number_value(json) : NAN;
}

static const char *ended(const Noted *noted)
{
    return json_string_value(json_object_get(noted->end, "ended"));
}

static double of_result(const char *path)
{
    json_t *json = json_load_file("run/result.json", 0, NULL), *at = json;
    char names[64], *name = names;
    snprintf(names, sizeof names, "%s", path);
    for (char *next; name; name = next) {
        next = strchr(name, '/');
        if (next)
            *next++ = '\0';
        at = json_object_get(at, name);
    }
    double found = json_number_value(at);
    json_decref(json);
    return found;
}

/* Every trial is as good as training alone with its hyperparameters. */
static void check_values(const Noted *noted, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double a = hyper(&noted[i], "lam.a"), b = hyper(&noted[i], "lam.b"), c = hyper(&noted[i], "lam.c"), w[2] = {1, 1}, least = INFINITY;
        assert_true(a >= 1e-3 && a <= 1e3 && b >= 0 && b <= 1 && (c == 1 || c == 2 || c == 3));
        for (int step = 1; step <= 20; step++) {
            for (int k = 0; k < 2; k++)
                w[k] -= a * (2 * (w[k] - (3 + k)) + 2 * b * w[k]);
            if (step % 5 == 0)
                least = fmin(least, (w[0] - 3) * (w[0] - 3) + (w[1] - 4) * (w[1] - 4) + 0.1 * (c - 2) * (c - 2));
        }
        if (!strcmp(ended(&noted[i]), "steps") && !(fabs(value(&noted[i]) - least) <= 1e-6 * least + 1e-9))
            fail_msg("trial %zu has %.12g, training alone %.12g", i, value(&noted[i]), least);
    }
}

static void free_trials(Noted *noted)
{
    for (size_t i = 0; i < MOST; i++) {
        json_decref(noted[i].claim);
        json_decref(noted[i].end);
    }
}

static void test_kinds_of_search(void **state)
{
    (void)state;
    static const char *const kinds[] = {"random(30)", "sobol(30)", "bayes(30, initial: 6)"};
    for (size_t k = 0; k < 3; k++) {
        Noted noted[MOST];
        double least = INFINITY;
        build(kinds[k], "");
        must_run("rm -rf run && ./m train --out run --quiet");
        assert_int_equal(read_trials("run/trials.jsonl", noted), 30);
        check_values(noted, 30);
        for (size_t i = 0; i < 30; i++)
            least = fmin(least, value(&noted[i]));
        assert_true(of_result("trials/value") == least && of_result("best/value") == least && of_result("trials/finished") == 30);
        assert_true(of_result("trials/failed") == 0 && of_result("steps") == 600);
        if (k == 2) /* the first trial is at the model's own values, and the last ones are good */
            assert_true(fabs(hyper(&noted[0], "lam.a") - 0.01) < 1e-9 && fabs(hyper(&noted[0], "lam.b") - 0.5) < 1e-9 && least < 0.05);
        must_run("./m eval --weights run/best.safetensors");
        free_trials(noted);
    }
}

static void test_grid(void **state)
{
    (void)state;
    Noted noted[MOST];
    build("grid(4)", "");
    must_run("'%s/hnc' explain m.hn", HNC_BINARY_DIR);
    assert_true(output_has("trials     grid(values: 4): 48"));
    must_run("rm -rf run && ./m train --out run --quiet");
    assert_int_equal(read_trials("run/trials.jsonl", noted), 4 * 4 * 3);
    check_values(noted, 48);
    for (size_t i = 0; i < 48; i++) {
        assert_float_equal(log10(hyper(&noted[i], "lam.a")), -3 + 2 * (double)(i / 12), 1e-4);
        assert_float_equal(hyper(&noted[i], "lam.b"), (double)(i / 3 % 4) / 3, 1e-5);
        assert_true(hyper(&noted[i], "lam.c") == (double)(i % 3 + 1));
    }
    free_trials(noted);
}

/* A size is a whole number, and the units beyond it neither count nor learn. */
static void test_sizes(void **state)
{
    (void)state;
    static const char sizes[] = "data nothing = rows(8)\n"
                                "hyper lam { size: integer(1, 3) = 2 }\n"
                                "net p() -> f32[3] { weight w: f32[3] = 1; return units(w, lam.size) }\n"
                                "objective fit(e) = sum(square(p() - [3, 4, 5]), axis: 0)\n"
                                "train go = search(lam) {\n"
                                "  minimise fit(nothing.train) by sgd(0.05)\n"
                                "  validate fit(nothing.train)\n"
                                "  trials grid(3)\n"
                                "  batch 8\n"
                                "  steps 20\n"
                                "  evaluate steps(20)\n"
                                "}\n";
    Noted noted[MOST];
    write_file("m.hn", sizes, sizeof sizes - 1);
    must_run("'%s/hnc' build --float=f64 -W error m.hn -o m && rm -rf run && ./m train --out run --quiet", HNC_BINARY_DIR);
    assert_int_equal(read_trials("run/trials.jsonl", noted), 3);
    for (size_t i = 0; i < 3; i++) {
        double expected = 0; /* each step takes a tenth of each distance that is learned, 1 - (3 + unit) at first */
        for (size_t unit = 0; unit < 3; unit++)
            expected += unit <= i ? pow(2 + (double)unit, 2) * pow(0.9, 40) : pow(3 + (double)unit, 2);
        assert_true(hyper(&noted[i], "lam.size") == (double)(i + 1));
        assert_float_equal(value(&noted[i]), expected, 1e-6);
    }
    free_trials(noted);
}

/* A plain train takes the first values, also as numbers of its optimizer and of the rate's schedule. */
static void test_first_values(void **state)
{
    (void)state;
    static const char text[] =
        "data d = rows(64) {\n  x = normal([5])\n  y = normal()\n}\n"
        "hyper lam { rate: log(1e-4, 1) = 0.05; decay: log(1e-6, 1) = 1e-2; every: integer(1, 9) = 2; part: rate(0, 1) = 0.5 }\n"
        "net f(x: f32[5]) -> f32[1] { return linear(x, 1) }\n"
        "objective fit(e, decay) = mean(square(f(e.x)[0] - e.y)) + decay * sumsq(f)\n"
        "train by_name = fit { minimise fit(d.train, lam.decay) by sgd(exp(log(lam.rate)), %s); batch 8; epochs 6 }\n"
        "train by_number = fit { minimise fit(d.train, 1e-2) by sgd(0.05, %s); batch 8; epochs 6 }\n";
    static const char *const trains[] = {"by_name", "by_number"};
    static const char *const settings[][2] = {
        {"constant, momentum: lam.part", "constant, momentum: 0.5"},
        {"step(every: lam.every, factor: lam.part)", "step(every: 2, factor: 0.5)"},
        {"exponential(lam.part)", "exponential(0.5)"},
        {"power(lam.part)", "power(0.5)"},
        {"multistep([1, 3], factor: lam.part)", "multistep([1, 3], factor: 0.5)"},
    };
    for (size_t k = 0; k < sizeof settings / sizeof *settings; k++) {
        char model_text[1024];
        double w[2][5];
        snprintf(model_text, sizeof model_text, text, settings[k][0], settings[k][1]);
        write_file("m.hn", model_text, strlen(model_text));
        for (size_t i = 0; i < 2; i++) {
            must_run("'%s/hnc' build --float=f64 --train %s m.hn -o m && rm -rf run && ./m train --out run --quiet", HNC_BINARY_DIR,
                     trains[i]);
            tensor_reals("run/last.safetensors", "f.linear1.w", w[i], 5);
        }
        for (size_t i = 0; i < 5; i++)
            if (!(fabs(w[0][i] - w[1][i]) <= 1e-12))
                fail_msg("%s: %.17g and %.17g", settings[k][1], w[0][i], w[1][i]);
    }
}

/* Rates that are too large make no number of the loss: such trials fail, and the search goes on. */
static void test_failing_trials(void **state)
{
    (void)state;
    Noted noted[MOST];
    size_t failed = 0;
    build("grid(4)", "");
    must_run("sed -i 's/1e3/1e30/; s/steps 20/steps 200/; s/steps(5)/steps(100)/' m.hn && '%s/hnc' build m.hn -o m", HNC_BINARY_DIR);
    must_run("rm -rf run && ./m train --out run");
    assert_true(output_has("48 of 48 finished"));
    assert_int_equal(read_trials("run/trials.jsonl", noted), 48);
    for (size_t i = 0; i < 48; i++)
        if (!strcmp(ended(&noted[i]), "failed")) {
            assert_true(isnan(value(&noted[i])) && hyper(&noted[i], "lam.a") > 1);
            failed++;
        }
    assert_true(failed == 36 && of_result("trials/failed") == 36);
    free_trials(noted);
}

static void test_patience_and_pruning(void **state)
{
    (void)state;
    Noted noted[MOST];
    size_t stopped = 0;
    build("sobol(16)", "patience 1");
    must_run("rm -rf run && ./m train --out run --quiet");
    assert_int_equal(read_trials("run/trials.jsonl", noted), 16);
    for (size_t i = 0; i < 16; i++)
        stopped += !strcmp(ended(&noted[i]), "patience");
    assert_in_range(stopped, 1, 15);
    free_trials(noted);
    static const char *const pruners[] = {"prune median(after: 1, trials: 4)", "prune halving(first: 1, factor: 2)"};
    for (size_t k = 0; k < 2; k++) {
        build("sobol(32)", pruners[k]);
        must_run("rm -rf run && ./m train --out run --quiet");
        assert_int_equal(read_trials("run/trials.jsonl", noted), 32);
        double pruned = 0, least = INFINITY;
        for (size_t i = 0; i < 32; i++) {
            size_t evaluations = json_array_size(json_object_get(noted[i].end, "curve"));
            bool early = !strcmp(ended(&noted[i]), "pruned");
            pruned += early;
            assert_true(evaluations <= 4 && (early || evaluations == 4));
            if (early && k == 0)
                assert_true(evaluations >= 2 && i >= 4);
            least = fmin(least, value(&noted[i]));
        }
        assert_true(pruned >= 8 && pruned <= 28 && pruned == of_result("trials/pruned") && least == of_result("best/value"));
        free_trials(noted);
    }
}

/* What ends at once by two rules has ended: of these trials, which get worse from the first step on. */
static void test_two_ends_at_once(void **state)
{
    (void)state;
    static const char *const pruners[] = {"prune median(after: 2, trials: 1)", "prune halving(first: 3, factor: 2)"};
    static const char points[] = "{\"lam.a\": 0.1, \"lam.b\": 0.5, \"lam.c\": 2}\n{\"lam.a\": 2, \"lam.b\": 0.5, \"lam.c\": 2}\n";
    Noted noted[MOST];
    write_file("points.jsonl", points, sizeof points - 1);
    for (size_t k = 0; k < 2; k++) {
        char more[96];
        snprintf(more, sizeof more, "patience 2; %s", pruners[k]);
        build("random(2)", more);
        must_run("rm -rf run && ./m train --points points.jsonl --out run --quiet");
        assert_int_equal(read_trials("run/trials.jsonl", noted), 2);
        assert_string_equal(ended(&noted[1]), "pruned");
        assert_int_equal(json_array_size(json_object_get(noted[1].end, "curve")), 3);
        free_trials(noted);
    }
}

/* A trial that fails behind the least of all values leaves bayes its neighbourhood as the worst. */
static void test_failing_behind_the_best(void **state)
{
    (void)state;
    Noted noted[MOST];
    static const char failing[] = "data d = rows(8)\n"
                                  "hyper lam { b: range(0, 10) = 1 }\n"
                                  "net p() -> f32 { weight w: f32 = 1; return w }\n"
                                  "objective rising(e) = -where(lam.b > 6, 100, 0.01) * square(p())\n"
                                  "objective wrong(e) = 0 * square(p()) + 10 - lam.b\n"
                                  "train go = search(lam) {\n"
                                  "  minimise rising(d.train) by sgd(0.1)\n"
                                  "  validate wrong(d.train)\n"
                                  "  trials   bayes(12, initial: 4)\n"
                                  "  batch    8\n"
                                  "  steps    40\n"
                                  "  evaluate steps(4)\n"
                                  "}\n";
    write_file("m.hn", failing, sizeof failing - 1);
    must_run("'%s/hnc' build m.hn -o m && rm -rf run && ./m train --out run", HNC_BINARY_DIR);
    assert_true(output_has("before it failed; "));
    assert_int_equal(read_trials("run/trials.jsonl", noted), 12);
    size_t failed = 0, failed_later = 0;
    for (size_t i = 0; i < 12; i++) {
        bool fails = !strcmp(ended(&noted[i]), "failed");
        assert_true(fails == (hyper(&noted[i], "lam.b") > 6) && !isnan(value(&noted[i])));
        failed += fails;
        failed_later += fails && i >= 4;
    }
    assert_true(failed >= 1 && failed_later <= 4 && of_result("trials/failed") == (double)failed);
    free_trials(noted);
}

/* Killed again and again, wherever it is: the same trials, and the same last checkpoint. */
static void test_killed_runs(void **state)
{
    (void)state;
    build("bayes(24, initial: 4)", "");
    must_run("rm -rf run && ./m train --out run --quiet");
    must_run("cp -r run whole && rm -rf run && for i in $(seq 60); do timeout -s KILL 0.0$((i %% 7 + 1)) ./m train --out run --quiet --resume && "
             "break; done >/dev/null 2>&1; ./m train --out run --quiet --resume");
    assert_true(same_files("run/last.safetensors", "whole/last.safetensors"));
    assert_true(same_files("run/trials.jsonl", "whole/trials.jsonl"));
}

/* Two runs share a file: each trial is trained by one of them. */
static void test_shared_file(void **state)
{
    (void)state;
    Noted noted[MOST];
    bool by_first = false, by_second = false;
    build("bayes(40, initial: 8)", "");
    must_run("sed -i 's/steps 20/steps 20000/; s/steps(5)/steps(2000)/' m.hn && '%s/hnc' build m.hn -o m", HNC_BINARY_DIR);
    must_run("./m train --out one --trials t.jsonl --quiet >/dev/null & ./m train --out two --trials t.jsonl --quiet >/dev/null && wait");
    assert_int_equal(read_trials("t.jsonl", noted), 40);
    for (size_t i = 0; i < 40; i++) {
        const char *by = json_string_value(json_object_get(noted[i].claim, "by"));
        assert_non_null(noted[i].end);
        by_first |= !strcmp(strrchr(by, '/'), "/one");
        by_second |= !strcmp(strrchr(by, '/'), "/two");
    }
    assert_true(by_first && by_second);
    free_trials(noted);
}

/* A run is known by its folder, however that is written, and another folder of that name is another run. */
static void test_folders(void **state)
{
    (void)state;
    Noted noted[MOST];
    build("random(12)", "");
    must_run("sed -i 's/steps 20/steps 20000/; s/steps(5)/steps(2000)/' m.hn && '%s/hnc' build m.hn -o m", HNC_BINARY_DIR);
    must_run("for i in $(seq 100); do timeout -s KILL 0.0$((i %% 5 + 1)) ./m train --out run --quiet --resume; "
             "timeout -s KILL 0.0$((i %% 3 + 1)) ./m train --out $PWD/run/ --quiet --resume; ./m train --out ./run --resume --seconds 1e-9 --quiet; "
             "test $(grep -c value run/trials.jsonl) = 12 && break; done >/dev/null 2>&1; ./m train --out run --resume --quiet");
    assert_int_equal(read_trials("run/trials.jsonl", noted), 12);
    for (size_t i = 0; i < 12; i++)
        assert_non_null(noted[i].end);
    free_trials(noted);
    must_run("mkdir a b && (cd a && ../m train --out run --trials ../t.jsonl --quiet >/dev/null) & sleep 0.01; cd b && ../m train --out run --trials "
             "../t.jsonl --quiet >/dev/null && wait");
    json_t *first = json_load_file("a/run/result.json", 0, NULL), *second = json_load_file("b/run/result.json", 0, NULL);
    json_int_t steps = json_integer_value(json_object_get(first, "steps")) + json_integer_value(json_object_get(second, "steps"));
    assert_true(first && second && steps == (json_int_t)of_result("steps")); /* those of one run: some trials fail early */
    json_decref(first);
    json_decref(second);
}

/* A metric that is no finite number is no best, and a trial that has no other has failed. */
static void test_metrics_that_are_no_numbers(void **state)
{
    (void)state;
    Noted noted[MOST];
    build("grid(3)", "");
    must_run("sed -i 's/0.1 \\* square(lam.c - 2)/where(lam.c == 2, -1 \\/ floor(lam.b * 0.5), 0)/' m.hn && grep -q floor m.hn && '%s/hnc' build --float=f64 "
             "m.hn -o m && rm -rf run && ./m train --out run --quiet",
             HNC_BINARY_DIR);
    assert_int_equal(read_trials("run/trials.jsonl", noted), 27);
    double least = INFINITY;
    for (size_t i = 0; i < 27; i++) {
        assert_true((hyper(&noted[i], "lam.c") == 2) == !strcmp(ended(&noted[i]), "failed"));
        least = isnan(value(&noted[i])) ? least : fmin(least, value(&noted[i]));
    }
    assert_true(of_result("trials/failed") == 9 && of_result("trials/value") == least && of_result("best/value") == least);
    free_trials(noted);
}

/* Points that are given come first, as trials like all others; the search goes on with what it would have begun with. */
static void test_given_points(void **state)
{
    (void)state;
    Noted noted[MOST];
    static const char points[] = "{\"lam.a\": 0.3, \"lam.b\": 0, \"lam.c\": 2}\n\n{\"model\": 1}\n"
                                 "{\"hypers\": {\"lam.a\": 0.1, \"lam.b\": 1, \"lam.c\": 3}, \"value\": 7}\n";
    write_file("points.jsonl", points, sizeof points - 1);
    build("sobol(8)", "");
    must_run("rm -rf run && ./m train --out plain --quiet");
    must_run("./m train --out run --points points.jsonl --quiet && ./m train --out run --points points.jsonl --quiet --resume");
    must_run("grep -v '\"by\"[^}]*[0-9a-z]\"}' run/trials.jsonl > run.jsonl && test $(grep -c point run.jsonl) = 8");
    assert_int_equal(read_trials("run.jsonl", noted), 8);
    check_values(noted, 8);
    assert_true(fabs(hyper(&noted[0], "lam.a") - 0.3) < 1e-6 && hyper(&noted[0], "lam.b") < 1e-5 && hyper(&noted[0], "lam.c") == 2);
    assert_true(fabs(hyper(&noted[1], "lam.a") - 0.1) < 1e-6 && hyper(&noted[1], "lam.b") > 1 - 1e-5 && hyper(&noted[1], "lam.c") == 3);
    Noted plain[MOST];
    assert_int_equal(read_trials("plain/trials.jsonl", plain), 8);
    for (size_t i = 0; i < 6; i++)
        assert_true(json_equal(json_object_get(plain[i].claim, "point"), json_object_get(noted[i + 2].claim, "point")));
    free_trials(plain);
    free_trials(noted);
    static const char outside[] = "{\"lam.a\": 0.3, \"lam.b\": 2, \"lam.c\": 2}\n";
    write_file("points.jsonl", outside, sizeof outside - 1);
    assert_int_equal(run_command("./m train --out bad --points points.jsonl --quiet"), 1);
    assert_true(output_has("points.jsonl:1: lam.b is out of its bounds"));
    static const char broken[] = "{\"lam.a\": 0.3, \"lam.b\": 0.5, \"lam.c\": 2.5}\n";
    write_file("points.jsonl", broken, sizeof broken - 1);
    assert_int_equal(run_command("./m train --out bad --points points.jsonl --quiet"), 1);
    assert_true(output_has("points.jsonl:1: lam.c is no whole number"));
    must_run("for i in 1 2 3 4 5 6 7 8 9; do echo '{\"lam.a\": 0.3, \"lam.b\": 0.'$i', \"lam.c\": 2}'; done > points.jsonl");
    assert_int_equal(run_command("./m train --out many --points points.jsonl --quiet"), 1);
    assert_true(output_has("9 points are given, but 8 of the train's 8 trials are left"));
}

static void test_wrong_files(void **state)
{
    (void)state;
    build("random(4)", "");
    must_run("rm -rf run && ./m train --out run --quiet");
    must_run("head -c 300 run/trials.jsonl > cut.jsonl && ./m train --out second --trials cut.jsonl --quiet && test $(wc -l < cut.jsonl) -ge 7");
    must_run("cp run/trials.jsonl other.jsonl && sed -i '2s/point\": \\[[0-9.e-]*,/point\": [/; 2s/point\":\\[[0-9.e-]*,/point\":[/' other.jsonl");
    assert_int_equal(run_command("./m train --out third --trials other.jsonl --quiet"), 1);
    assert_true(output_has("other.jsonl, line 2: the point is none of these hyperparameters"));
    must_run("head -n 1 run/trials.jsonl > other.jsonl && echo hello >> other.jsonl");
    assert_int_equal(run_command("./m train --out fourth --trials other.jsonl --quiet"), 1);
    assert_true(output_has("other.jsonl, line 2: no trial stands here"));
    must_run("sed 's/range(0, 1)/range(0, 2)/' m.hn > n.hn && '%s/hnc' build --float=f64 n.hn -o n", HNC_BINARY_DIR);
    assert_int_equal(run_command("./n train --out other --trials run/trials.jsonl --quiet"), 1);
    assert_true(output_has("run/trials.jsonl holds the trials of another program"));
    assert_int_equal(run_command("./m train --out sixth --trials run/trials.jsonl --seed 7 --quiet"), 1);
    assert_true(output_has("run/trials.jsonl holds trials of the seed 0, and this run has 7"));
    must_run("./m train --out late --trials run/trials.jsonl");
    assert_true(output_has("run/trials.jsonl holds all 4 trials already"));
    assert_int_equal(run_command("./m train --out fifth --trials /nowhere/t.jsonl --quiet"), 1);
    assert_true(output_has("cannot read /nowhere/t.jsonl: No such file or directory"));
    must_run("sed -i 's/search(lam)/fit/; /trials/d; s/sgd(lam.a)/sgd(0.1)/' m.hn && '%s/hnc' build m.hn -o m", HNC_BINARY_DIR);
    assert_int_equal(run_command("./m train --trials t.jsonl"), 1);
    assert_true(output_has("--trials is for a train that has trials"));
}

/* A run whose time was up goes on as if it had not ended, but for the evaluation that it made then. */
static void test_goes_on_behind_its_time(void **state)
{
    (void)state;
    Noted whole[MOST], noted[MOST];
    build("bayes(12, initial: 4)", "patience 1; prune median(after: 1, trials: 2)");
    must_run("rm -rf whole run && ./m train --out whole --quiet");
    for (int i = 1; i <= 40; i++)
        must_run("./m train --out run --quiet --resume --seconds %de-6", 3 * i);
    must_run("./m train --out run --quiet --resume --seconds 60");
    must_run("test $(grep -c '\"due\": false' run/metrics.jsonl) -gt 3");
    assert_int_equal(read_trials("whole/trials.jsonl", whole), 12);
    assert_int_equal(read_trials("run/trials.jsonl", noted), 12);
    for (size_t i = 0; i < 12; i++)
        for (size_t k = 0; k < 2; k++) {
            static const char *const what[] = {"curve", "ended"};
            assert_true(json_equal(json_object_get(whole[i].end, what[k]), json_object_get(noted[i].end, what[k])));
        }
    free_trials(whole);
    free_trials(noted);
}

/* The clock of the model, and that of the flag in its place. */
static void test_seconds(void **state)
{
    (void)state;
    build("random(1000)", "seconds 0.2");
    must_run("'%s/hnc' explain m.hn", HNC_BINARY_DIR);
    assert_true(output_has("at most 0.2 s"));
    must_run("sed -i 's/steps 20/steps 20000/; s/steps(5)/steps(20000)/' m.hn && '%s/hnc' build m.hn -o m", HNC_BINARY_DIR);
    must_run("rm -rf run && ./m train --out run --quiet");
    assert_true(output_has("stopped by seconds"));
    double first = of_result("seconds");
    assert_true(first >= 0.2 && first < 2);
    must_run("./m train --out run --resume --seconds 0.5 --quiet");
    assert_true(of_result("seconds") >= 0.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kinds_of_search, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_grid, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_sizes, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_first_values, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_failing_trials, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_patience_and_pruning, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_two_ends_at_once, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_failing_behind_the_best, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_goes_on_behind_its_time, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_killed_runs, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_shared_file, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_folders, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_given_points, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_metrics_that_are_no_numbers, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_seconds, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_wrong_files, folder_set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
