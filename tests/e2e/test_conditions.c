/* Trains that move several conditions: gradients of all conditions, and steps equal to those of one declaration of all
 * conditions. */
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

enum { ROWS = 12, PIXELS = 4 };

static int set_up(void **state)
{
    unsigned char x[12 + ROWS * PIXELS] = {0, 0, 8, 2, 0, 0, 0, ROWS, 0, 0, 0, PIXELS}, y[8 + ROWS] = {0, 0, 8, 1, 0, 0, 0, ROWS};
    (void)state;
    for (unsigned i = 0; i < ROWS * PIXELS; i++)
        x[12 + i] = (unsigned char)(i * i * 37 + 11);
    for (unsigned i = 0; i < ROWS; i++)
        y[8 + i] = (unsigned char)(x[12 + i * PIXELS] > x[13 + i * PIXELS]);
    enter_folder();
    write_file("x", x, sizeof x);
    write_file("y", y, sizeof y);
    return 0;
}

/* A model whose weights follow `a` and `b`, which are two declarations, or entries of one. */
static void write_model(const char *path, const char *hypers, const char *a, const char *b, const char *conditions,
                        const char *sample)
{
    char text[2048];
    int length = snprintf(text, sizeof text,
                          "data s = idx(\"x\", \"y\") { fields x: u8[4], y: class[2]; split train 8, valid 4 }\n"
                          "%s"
                          "net scorer(x: u8[4]) -> f32[2] { return linear(dropout(x / 255, %s), 2) }\n"
                          "net respond(a: f32, b: f32) -> f32[m] {\n"
                          "  weight u: f32[m] = 0.25\n"
                          "  weight v: f32[m] = 0.5\n"
                          "  return tanh(u * a + v * b)\n"
                          "}\n"
                          "weights scorer = dense(respond(%s, %s))\n"
                          "objective fit(d) = mean(cross_entropy(scorer(d.x), d.y))\n"
                          "train t = bilevel(%s) {\n"
                          "  lower fit(s.train) + %s * sumsq(scorer) by sgd(0.1)\n"
                          "  upper fit(s.valid) by adam(1e-2)\n"
                          "  %s\n"
                          "  every 1 lower, 1 upper\n"
                          "  batch 4\n"
                          "  epochs 5\n"
                          "}\n",
                          hypers, a, a, b, conditions, b, sample);
    assert_true(length > 0 && length < (int)sizeof text);
    write_file(path, text, (size_t)length);
}

static const char one[] = "hyper lam {\n  p: rate(0, 0.9) = 0.2 shared\n  c: positive = 0.5 shared\n}\n";
static const char unread[] = "hyper noise {\n  p: rate(0, 0.9) = 0.2\n  q: positive = 0.5\n  z: real = 0\n}\n";
static const char two[] = "hyper noise { p: rate(0, 0.9) = 0.2 shared }\nhyper reg { c: positive = 0.5 shared }\n";

static void every_gradient_is_right(void **state)
{
    (void)state;
    write_model("m.hn", two, "noise.p", "reg.c", "noise, reg", "sample normal(scale: 0.5) by adam(1e-2)\n  entropy 1e-2");
    int status = run_command("'%s/hnc' check --gradients m.hn --data .", HNC_BINARY_DIR);
    if (status != 0)
        fail_msg("exit status %d\n%s", status, command_output());
    static const char *const moved[] = {"noise/value", "noise/scale", "reg/value", "reg/scale"};
    for (size_t i = 0; i < sizeof moved / sizeof *moved; i++)
        assert_true(output_has(moved[i]));
}

static double number_of(const char *run, const char *name, unsigned i)
{
    char path[64];
    size_t size;
    snprintf(path, sizeof path, "%s/last.safetensors", run);
    char *bytes = tensor_bytes(path, name, &size);
    assert_non_null(bytes);
    assert_true(size >= (i + 1) * sizeof(double));
    double number;
    memcpy(&number, bytes + i * sizeof number, sizeof number);
    free(bytes);
    return number;
}

/* With hardly any noise, as two declarations draw other noise than one. */
static void two_declarations_move_as_one(void **state)
{
    (void)state;
    write_model("one.hn", one, "lam.p", "lam.c", "lam", "sample normal(scale: 1e-30)");
    write_model("two.hn", two, "noise.p", "reg.c", "noise, reg", "sample normal(scale: 1e-30)");
    /* dropout draws by the numbers of the model's own streams, which are the same */
    static const char *const names[] = {"one", "two"};
    for (int i = 0; i < 2; i++) {
        int status = run_command("'%s/hnc' build --float=f64 %s.hn -o %s && ./%s train --data . --out run-%s --seed 3",
                                 HNC_BINARY_DIR, names[i], names[i], names[i], names[i]);
        if (status != 0)
            fail_msg("exit status %d\n%s", status, command_output());
    }
    double p = number_of("run-one", "lam/value", 0), c = number_of("run-one", "lam/value", 1);
    assert_true(fabs(p - log(0.2 / 0.7)) > 1e-3); /* both have moved */
    assert_true(fabs(c - log(expm1(0.5))) > 1e-3);
    assert_true(fabs(number_of("run-two", "noise/value", 0) - p) < 1e-12);
    assert_true(fabs(number_of("run-two", "reg/value", 0) - c) < 1e-12);
    must_run("./two info");
    assert_true(output_has("hyper noise.p: range(0, 0.9) = 0.2 shared") && output_has("hyper reg.c: positive = 0.5 shared"));
    must_run("grep -c '\"noise.p.sigma\"\\|\"reg.c.sigma\"' run-two/result.json");
}

/* `b` and `c` follow a preference, which this train does not draw, as an argument of the export does. */
static void an_export_takes_what_no_loss_reads(void **state)
{
    (void)state;
    static const char model[] = "data s = idx(\"x\", \"y\") { fields x: u8[4], y: class[2]; split train 8, valid 4 }\n"
                                "preference r[2]\n"
                                "net a(x: u8[4]) -> f32[2] { return linear(x / 255, 2) }\n"
                                "net b(x: u8[4]) -> f32[2] { return linear(x / 255, 2) * 0 + r }\n"
                                "objective fit(d) = mean(cross_entropy(a(d.x), d.y))\n"
                                "train t = fit { minimise fit(s.train) by sgd; batch 4; epochs 1 }\n"
                                "export p(x, r) = b(x)\n";
    write_file("m.hn", model, sizeof model - 1);
    int status = run_command("'%s/hnc' build --print-after=conditions m.hn -o m", HNC_BINARY_DIR);
    if (status != 0)
        fail_msg("exit status %d\n%s", status, command_output());
}

static void what_is_not_tuned_is_not_drawn(void **state)
{
    (void)state;
    write_model("m.hn", two, "noise.p", "reg.c", "noise", "sample normal(scale: 0.5)");
    must_run("'" HNC_BINARY_DIR "/hnc' explain m.hn");
    assert_true(output_has("starts at 0.2, drawn per batch") && output_has("stays at 0.5"));
}

/* Each once, though the model is compiled several times. */
static void warnings_are_printed_once(void **state)
{
    (void)state;
    write_model("m.hn", unread, "noise.p", "noise.q", "noise", "sample normal(scale: 0.5)");
    must_run("'" HNC_BINARY_DIR "/hnc' check --gradients m.hn --data . 2>&1 | grep -c 'warning:' | grep -x 1");
}

/* Weights that no loss of the train reads may follow a preference that it does not draw: the export that
   reads them is warned about, and about the preference nothing is said. */
static void what_no_loss_reads_needs_no_value(void **state)
{
    (void)state;
    static const char model[] = "data s = idx(\"x\", \"y\") { fields x: u8[4], y: class[2] }\n"
                                "preference r[2]\n"
                                "net a(x: u8[4]) -> f32[2] { return linear(x / 255, 2) }\n"
                                "net b(x: u8[4]) -> f32[2] { return linear(x / 255, 2) }\n"
                                "net ray(r: f32[2]) -> f32[n] { return linear(r, n) }\n"
                                "weights b = dense(ray(r))\n"
                                "objective fit(d) = mean(cross_entropy(a(d.x), d.y))\n"
                                "train t = fit { minimise fit(s.train) by sgd(0.1); batch 4; epochs 1 }\n"
                                "export p(x, r) = b(x)\n";
    write_file("m.hn", model, sizeof model - 1);
    int status = run_command("'%s/hnc' build m.hn -o m && ./m train --data . --out run", HNC_BINARY_DIR);
    const char *warning = strstr(command_output(), "warning");
    if (status != 0 || !warning || !strstr(warning, "[W13 untrained-export]") || strstr(warning + 1, "warning"))
        fail_msg("exit status %d\n%s", status, command_output());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_gradient_is_right, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(two_declarations_move_as_one, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(an_export_takes_what_no_loss_reads, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_tuned_is_not_drawn, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(warnings_are_printed_once, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(what_no_loss_reads_needs_no_value, set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
