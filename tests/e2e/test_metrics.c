/* Metrics of the same rows are computed together: their functions evaluate a net once, and their figures are those that each
 * metric has alone. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "tests/runtime/run_command.h"

static const char rows[] =
    "data d = rows(90) { x = normal([3]); y: class[2] = i32(2 * uniform()); split train 60, valid 30; test rows(41) }\n"
    "net f(x: f32[3]) -> f32[2] { return linear(tanh(linear(x, 5)), 2) }\n"
    "objective fit(e) = mean(cross_entropy(f(e.x), e.y))\n"
    "objective err(e) = mean(argmax(f(e.x)) != e.y)\n"
    "objective most(e) = max(f(e.x)[0])\n"
    "objective spread(e) = mean(square(f(e.x)[0] - mean(f(e.x)[0])))\n"
    "train t = fit { minimise fit(d.train) by sgd(0.1); batch 10; epochs 2; report %s }\n";

/* What an LSTM carries is the same in both metrics of a split, and `steps` carries something else. */
static const char windows[] =
    "data d = text(\"a.txt\", unit: character, length: 4, streams: 2) { valid text(\"b.txt\") }\n"
    "net f(tokens: class[v][t]) -> f32[t, v] {\n"
    "  weight words: f32[v, 3] ~ uniform(1)\n"
    "  carried h: f32[4], c: f32[4]\n"
    "  hs, h1, c1 = lstm(words[tokens], 4, h, c)\n"
    "  update h = h1, c = c1\n"
    "  return each(h in hs) { linear(h, v) }\n"
    "}\n"
    "net steps(tokens: class[v][t]) -> f32 { carried n: f32; update n = n + 1; return n }\n"
    "layer loss(tokens, next) { return mean(each(z in f(tokens), k in next) { cross_entropy(z, k) }) }\n"
    "objective fit(e) = mean(loss(e.tokens, e.next))\n"
    "objective perplexity(e) = exp(fit(e))\n"
    "objective most(e) = max(loss(e.tokens, e.next))\n"
    "objective counted(e) = mean(steps(e.tokens))\n"
    "train t = fit { minimise fit(d.train) by sgd(0.1); batch 2; epochs 1; report %s }\n";

static void build(const char *model, const char *report)
{
    char text[4096];
    assert_in_range(snprintf(text, sizeof text, model, report), 1, sizeof text - 1);
    write_file("m.hn", text, strlen(text));
    must_run("rm -rf run && '%s/hnc' build --float=f64 m.hn -o m && ./m train --out run --quiet", HNC_BINARY_DIR);
    must_run("./m eval --weights run/last.safetensors --json > metrics.json");
}

static double metric(const char *name)
{
    json_t *metrics = json_load_file("metrics.json", 0, NULL);
    double value = json_number_value(json_object_get(metrics, name));
    json_decref(metrics);
    return value;
}

/* How many functions go over rows. */
static size_t passes(void)
{
    must_run("'%s/hnc' explain --plan m.hn | grep '^  t.eval.*accumulate'", HNC_BINARY_DIR);
    size_t lines = 0;
    for (const char *line = command_output(); *line; line++)
        lines += *line == '\n';
    return lines;
}

enum { MOST = 8 };

static void check_each_alone(const char *model, const char *const *names, size_t count)
{
    double together[MOST];
    for (size_t i = 0; i < count; i++)
        together[i] = metric(names[i]);
    for (size_t i = 0; i < count; i++) {
        build(model, names[i]);
        double alone = metric(names[i]);
        assert_true(alone != 0);
        if (!(fabs(alone - together[i]) <= 1e-12 * fabs(alone)))
            fail_msg("%s is %.17g alone, %.17g together", names[i], alone, together[i]);
    }
}

static void test_rows(void **state)
{
    (void)state;
    static const char *const names[] = {"fit(d.valid)", "err(d.valid)",    "most(d.valid)", "fit(d.test)",
                                        "err(d.test)",  "spread(d.valid)", "most(d.test)",  "spread(d.test)"};
    build(rows,
          "fit(d.valid), err(d.valid), most(d.valid), fit(d.test), err(d.test), spread(d.valid), most(d.test), spread(d.test)");
    /* The mean inside `spread` takes a pass of its own. The test rows fill another batch, but for other functions there is no
     * reason. */
    assert_int_equal(passes(), 4);
    check_each_alone(rows, names, MOST);
    build(rows, "fit(d.valid), fit(d.test), err(d.test)");
    assert_int_equal(passes(), 2);
}

static void write_texts(void)
{
    char text[401];
    for (int i = 0; i < 400; i++)
        text[i] = "abcd "[i * i / 7 % 5];
    text[400] = '\n';
    write_file("a.txt", text, sizeof text);
    write_file("b.txt", text, 101);
}

static void test_carried(void **state)
{
    (void)state;
    static const char *const names[] = {"fit(d.valid)", "counted(d.valid)", "perplexity(d.valid)", "most(d.valid)",
                                        "fit(d.train)"};
    write_texts();
    build(windows, "fit(d.valid), counted(d.valid), perplexity(d.valid), most(d.valid), fit(d.train)");
    assert_int_equal(passes(), 3);
    assert_true(fabs(metric("perplexity(d.valid)") - exp(metric("fit(d.valid)"))) < 1e-12);
    must_run(
        "'%s/hnc' explain --plan m.hn | awk '/^t.eval0.accumulate:/ { p = 1; next } /^[a-z]/ { p = 0 } p && / scan /' | wc -l",
        HNC_BINARY_DIR);
    assert_true(output_has("1\n"));
    check_each_alone(windows, names, sizeof names / sizeof *names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rows, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_carried, folder_set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
