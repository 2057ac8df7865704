/* The first step of training from a point where pieces of a function meet, as in models that start at 0: built programs against
 * steps computed here from the data. */
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

enum { ROWS = 8, PIXELS = 4 };
static const unsigned char pixels[ROWS][PIXELS] = {{0, 255, 51, 0},  {255, 0, 102, 0}, {153, 0, 0, 204}, {0, 0, 0, 0},
                                                   {255, 255, 0, 1}, {17, 34, 0, 255}, {0, 51, 255, 85}, {85, 0, 0, 0}};
static const unsigned char labels[ROWS] = {0, 1, 0, 0, 1, 0, 1, 0};

static int set_up(void **state)
{
    static const unsigned char x_header[] = {0, 0, 8, 2, 0, 0, 0, ROWS, 0, 0, 0, PIXELS},
                               y_header[] = {0, 0, 8, 1, 0, 0, 0, ROWS};
    unsigned char x[sizeof x_header + sizeof pixels], y[sizeof y_header + sizeof labels];
    (void)state;
    enter_folder();
    memcpy(x, x_header, sizeof x_header);
    memcpy(x + sizeof x_header, pixels, sizeof pixels);
    memcpy(y, y_header, sizeof y_header);
    memcpy(y + sizeof y_header, labels, sizeof labels);
    write_file("x", x, sizeof x);
    write_file("y", y, sizeof y);
    return 0;
}

/* Builds the train for f32 or f64 and runs it. */
static void train(const char *name, const char *real)
{
    int status = run_command("rm -rf run && '%s/hnc' build --float=%s '%s/tests/e2e/first_step.hn' --train %s -o m && "
                             "./m train --data . --out run --quiet",
                             HNC_BINARY_DIR, real, HNC_SOURCE_DIR, name);
    if (status != 0)
        fail_msg("%s: exit status %d\n%s", name, status, command_output());
}

/* The numbers of a weight after the last step. */
static void read_weight(const char *name, const char *real, unsigned n, double *numbers)
{
    size_t size;
    char *bytes = read_file("run/last.safetensors", &size);
    uint64_t header;
    assert_non_null(bytes);
    memcpy(&header, bytes, sizeof header);
    json_t *root = json_loadb(bytes + 8, header, 0, NULL);
    json_t *offsets = json_object_get(json_object_get(root, name), "data_offsets");
    if (!offsets)
        fail_msg("no weight '%s'", name);
    size_t begin = (size_t)json_integer_value(json_array_get(offsets, 0)), width = strcmp(real, "f32") == 0 ? 4 : 8;
    assert_int_equal(json_integer_value(json_array_get(offsets, 1)) - (json_int_t)begin, n * width);
    for (unsigned i = 0; i < n; i++) {
        const char *at = bytes + 8 + header + begin + i * width;
        float f32;
        if (width == 4) {
            memcpy(&f32, at, sizeof f32);
            numbers[i] = (double)f32;
        } else {
            memcpy(&numbers[i], at, sizeof numbers[i]);
        }
    }
    json_decref(root);
    free(bytes);
}

static void expect(const char *name, const char *real, unsigned n, const double *expected)
{
    double got[PIXELS];
    read_weight(name, real, n, got);
    for (unsigned i = 0; i < n; i++)
        if (!(fabs(got[i] - expected[i]) <= (strcmp(real, "f32") == 0 ? 1e-6 : 1e-14)))
            fail_msg("%s[%u] is %.17g, not %.17g (%s)", name, i, got[i], expected[i], real);
}

static double x_at(unsigned row, unsigned pixel)
{
    return pixels[row][pixel] / 255.0;
}

/* Minus the mean over the rows of slope(row) x, and of slope(row): the first step of weights that a product with x and a sum use.
 */
static void linear_step(double slope_of_0, double slope_of_1, double weights[PIXELS], double *bias)
{
    *bias = 0;
    for (unsigned p = 0; p < PIXELS; p++)
        weights[p] = 0;
    for (unsigned row = 0; row < ROWS; row++) {
        double slope = labels[row] ? slope_of_1 : slope_of_0;
        *bias -= slope / ROWS;
        for (unsigned p = 0; p < PIXELS; p++)
            weights[p] -= slope * x_at(row, p) / ROWS;
    }
}

static const char *const reals[] = {"f32", "f64"};

static void smooth_losses_at_zero(void **state)
{
    (void)state;
    static const struct {
        const char *train, *net;
        double slope_of_0, slope_of_1; /* for each label */
    } cases[] = {
        {"bce", "lr", 0.5, -0.5},       {"softplus_zero", "lr", 0.5, 0.5},      {"pieces_zero", "lr", 0.5, 0.5},
        {"elu_zero", "diagonal", 1, 1}, {"leaky_zero", "diagonal", 0.01, 0.01}, {"relu_zero", "diagonal", 0, 0},
        {"log_zero", "diagonal", 1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (unsigned real = 0; real < 2; real++) {
            double weights[PIXELS], bias;
            char name[32];
            train(cases[i].train, reals[real]);
            linear_step(cases[i].slope_of_0, cases[i].slope_of_1, weights, &bias);
            snprintf(name, sizeof name, "%s.w", cases[i].net);
            expect(name, reals[real], PIXELS, weights);
            if (strcmp(cases[i].net, "lr") == 0)
                expect("lr.b", reals[real], 1, &bias);
        }
}

static void exponent_of_a_base_that_is_zero(void **state)
{
    (void)state;
    double exponent = 2;
    for (unsigned row = 0; row < ROWS; row++)
        for (unsigned p = 0; p < PIXELS; p++)
            if (pixels[row][p])
                exponent -= x_at(row, p) * x_at(row, p) * log(x_at(row, p)) / ROWS;
    for (unsigned real = 0; real < 2; real++) {
        train("pow_zero", reals[real]);
        expect("power.w", reals[real], 1, &exponent);
    }
}

static void everything_is_dropped(void **state)
{
    (void)state;
    for (unsigned real = 0; real < 2; real++) {
        train("all_dropped", reals[real]);
        expect("dropped.w", reals[real], PIXELS, (double[]){1, 1, 1, 1}); /* nothing depends on it */
        expect("dropped.rate", reals[real], 1, (double[]){1});
        expect("dropped.b", reals[real], 1, (double[]){0.75});
    }
}

static void rates_saturate(void **state)
{
    (void)state;
    train("saturated", "f32"); /* which a loss that is not finite would end */
    assert_int_equal(run_command("grep -q 'nan\\|null\\|inf' run/metrics.jsonl"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smooth_losses_at_zero),
        cmocka_unit_test(exponent_of_a_base_that_is_zero),
        cmocka_unit_test(everything_is_dropped),
        cmocka_unit_test(rates_saturate),
    };
    return cmocka_run_group_tests(tests, set_up, folder_tear_down);
}
