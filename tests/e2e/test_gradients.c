/* What `hnc check --gradients` says of right models and of wrong ones, and the first step of a training whose derivatives are
 * known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "tests/runtime/run_command.h"

static void write_text(const char *path, const char *text)
{
    write_file(path, text, strlen(text));
}

static int build_and_train(const char *model)
{
    return run_command("'%s/hnc' build --float=f64 %s --data . -o program && ./program train --data . --out run --quiet",
                       HNC_BINARY_DIR, model);
}

/* A tensor of doubles of run/last.safetensors. */
static void read_tensor(const char *name, double *values, size_t count)
{
    size_t size;
    char *file = read_file("run/last.safetensors", &size);
    assert_non_null(file);
    uint64_t header_size;
    memcpy(&header_size, file, 8);
    json_t *header = json_loadb(file + 8, header_size, 0, NULL);
    json_t *offsets = json_object_get(json_object_get(header, name), "data_offsets");
    size_t begin = (size_t)json_integer_value(json_array_get(offsets, 0)),
           end = (size_t)json_integer_value(json_array_get(offsets, 1));
    assert_int_equal(end - begin, count * sizeof *values);
    memcpy(values, file + 8 + header_size + begin, end - begin);
    json_decref(header);
    free(file);
}

/* ---- one step ---- */

/* A matrix whose columns are divided by their means: reductions of one space over different axes, which must not share a loop. */
static const char columns_divided[] = "data d = csv(\"w.csv\") {\n"
                                      "  fields x = numbers(a, b, c, d)\n"
                                      "}\n"
                                      "net f(x: f32[4]) -> f32[2, 2] {\n"
                                      "  weight w: f32[4] = 1\n"
                                      "  y = w * x\n"
                                      "  m = exp(y[0:2][:, none] * y[2:4])\n"
                                      "  return square(y[0]) * m / mean(m, axis: 0)\n"
                                      "}\n"
                                      "objective loss(e) = mean(f(e.x))\n"
                                      "train t = fit { minimise loss(d.train) by sgd(1e-3)\n"
                                      "  batch 1\n"
                                      "  epochs 1 }\n";

/* mean(f) over a column is y0^2, whatever the column: the derivative is 2 w0 x0^2 for w0 and 0 for the others. */
static void reductions_over_different_axes(void **state)
{
    (void)state;
    double w[4];
    write_text("m.hn", columns_divided);
    write_text("w.csv", "a,b,c,d\n0.5,-0.4,0.3,0.9\n");
    assert_int_equal(build_and_train("m.hn"), 0);
    read_tensor("f.w", w, 4);
    const double expected[] = {0.5, 0, 0, 0};
    for (int i = 0; i < 4; i++)
        assert_true(fabs((1 - w[i]) / 1e-3 - expected[i]) < 1e-9);
}

/* ---- what check says ---- */

#define DATA "data s = idx(\"x\", \"y\") { fields x: u8[6], y: class[3] }\n"
#define TRAIN(objective) "train t = fit { minimise " objective "(s.train) by sgd(0.05)\n  batch 8\n  epochs 1 }\n"

static const struct {
    const char *name, *model;
} right[] = {
    {"dropout and a penalty on the outputs",
     DATA "net c(x: u8[6]) -> f32[3] {\n"
          "  h = dropout(relu(linear(x / 255, 4)), 0.2)\n"
          "  return linear(h, 3)\n"
          "}\n"
          "objective o(d) = mean(cross_entropy(c(d.x), d.y)) + 0.1 * mean(sum(square(c(d.x)), axis: 0))\n" TRAIN("o")},
    {"stop", DATA "net c(x: u8[6]) -> f32[3] {\n"
                  "  h = linear(x / 255, 3)\n"
                  "  return h * stop(h) + stop(h * stop(exp(h)))\n"
                  "}\n"
                  "objective o(d) = mean(cross_entropy(c(d.x), d.y))\n" TRAIN("o")},
    {"a gradient that is exactly 0", DATA "net c(x: u8[6]) -> f32[3] {\n"
                                          "  h = linear(x / 255, 3)\n"
                                          "  return linear(h - mean(h[0][none]) * 0 - h, 3)\n"
                                          "}\n"
                                          "objective o(d) = mean(cross_entropy(c(d.x), d.y))\n" TRAIN("o")},
    {"the largest of equal weights",
     DATA "net c(x: u8[6]) -> f32[3] { return linear(layernorm(x / 255), 3) }\n"
          "objective o(d) = mean(cross_entropy(c(d.x), d.y)) + 0.1 * max(c.layernorm1.gamma)\n" TRAIN("o")},
    {"saturated units", DATA "net c(x: u8[6]) -> f32[3] { return tanh(12 + linear(x / 255, 3)) + linear(x / 255, 3) }\n"
                             "objective o(d) = mean(cross_entropy(c(d.x), d.y))\n" TRAIN("o")},
    {"a split of two examples", "data s = idx(\"x\", \"y\") { fields x: u8[6], y: class[3]\n  split train 2, valid 3 }\n"
                                "net c(x: u8[6]) -> f32[3] { return linear(x / 255, 3) }\n"
                                "objective o(d) = mean(cross_entropy(c(d.x), d.y))\n"
                                "train t = fit { minimise o(s.train) by sgd(0.05)\n  batch 2\n  epochs 1 }\n"},
    {"largest of equal pixels", "data s = idx(\"x\", \"y\") { fields x: u8[6, 6], y: class[3] }\n"
                                "net c(x: u8[6, 6]) -> f32[3] {\n"
                                "  weight k: f32[3, 2, 2] ~ uniform(0.5)\n"
                                "  weight b: f32[3] = 0\n"
                                "  p = reshape(transpose(reshape(floor(x / 200), [3, 2, 3, 2]), [0, 2, 1, 3]), [9, 4])\n"
                                "  h = relu(p @ transpose(reshape(k, [3, 4])) + b)\n"
                                "  return linear(max(h, axis: 0), 3)\n"
                                "}\n"
                                "objective o(d) = mean(cross_entropy(c(d.x), d.y))\n" TRAIN("o")},
    {"a mean over some examples", DATA
     "net c(x: u8[6]) -> f32[3] { return linear(x / 255, 3) }\n"
     "objective o(d) = mean(c(d.x)[0] where d.y == 2) + mean(square(c(d.x)[1]) where d.y == 1) + mean(square(c(d.x)))\n" TRAIN(
         "o")},
};

static void right_models(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        write_text("m.hn", right[i].model);
        int status = run_command("'%s/hnc' check --gradients m.hn", HNC_BINARY_DIR);
        if (status != 0 || output_has("WRONG") || !output_has("compiled t.minimise ") || !output_has("at weights nearby") ||
            !output_has("by definition and as a batch") || output_has("is no finite number"))
            fail_msg("%s: status %d\n%s", right[i].name, status, command_output());
    }
}

/* Pieces with kinks that are smooth together: the derivative of each is its own at 0, where the weights start. */
static void kinks_that_meet(void **state)
{
    (void)state;
    write_text("m.hn", DATA "layer ramp(x: f32) -> f32 { return where(x > 0, x, 0) - where(x < 0, -x, 0) }\n"
                            "net c(x: u8[6]) -> f32 {\n"
                            "  weight w: f32[6] = 0\n"
                            "  return ramp(sum(w * x / 255))\n"
                            "}\n"
                            "objective o(d) = mean(c(d.x))\n" TRAIN("o"));
    assert_int_equal(run_command("'%s/hnc' check --gradients m.hn", HNC_BINARY_DIR), 1);
    assert_true(output_has("WRONG"));
    assert_true(output_has("m.hn:2: "));
    assert_true(output_has(", lt : ") && output_has("is at its kink"));
    assert_true(output_has("differ from central differences by more than 1e-06"));
}

/* A loss that is NaN cannot be differentiated, which is reported. */
static void no_number(void **state)
{
    (void)state;
    write_text("m.hn", DATA "net c(x: u8[6]) -> f32[3] { return linear(x / 255, 3) }\n"
                            "objective o(d) = mean(log(c(d.x) - 1000))\n" TRAIN("o"));
    assert_int_equal(run_command("'%s/hnc' check --gradients m.hn", HNC_BINARY_DIR), 1);
    assert_true(output_has("is no finite number on random data"));
    assert_false(output_has("WRONG"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reductions_over_different_axes, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(right_models, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(kinks_that_meet, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(no_number, folder_set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
