/* Weights that nets make begin with the standard deviation that their layers give them: `hnc explain` initialises the model and
 * measures it, for other values of the condition than those by which first values were scaled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/runtime/run_command.h"

/* A target of 24 * 50 + 50 + 50 * 50 + 50 + 50 * 3 + 3 = 3953 numbers in six tensors. `first`: the type of the trunk's argument.
 */
static void write_model(const char *weights, const char *activation, int first, double scale)
{
    FILE *file = fopen("first.hn", "w");
    assert_non_null(file);
    fprintf(file,
            "data d = rows(100)\n"
            "hyper lam { e: real[6] = 0 }\n"
            "layer shifted(x: f32[n]) -> f32[n] {\n"
            "  weight gamma: f32[n] = 1, beta: f32[n] = 0\n"
            "  return gamma * x + beta\n"
            "}\n"
            "net target(x: f32[24]) -> f32[3] { return shifted(linear(relu(linear(relu(linear(x, 50)), 50)), 3)) }\n"
            "net trunk(z: f32[%d]) -> f32[20] { return %s(linear(%s(linear(%s(linear(z, 40)), 30)), 20)) }\n"
            "weights target = %s\n"
            "objective loss(e) = mean(square(target(uniform([24])))) + sum(lam.e, axis: 0)\n"
            "train t = bilevel(lam) {\n"
            "  lower loss(d.train) by adam(1e-2)\n"
            "  upper loss(d.train) by adam(1e-2)\n"
            "  sample normal(scale: %g)\n"
            "  batch 10\n"
            "  epochs 1\n"
            "}\n",
            first, activation, activation, activation, weights, scale);
    assert_int_equal(fclose(file), 0);
}

/* Of the line of `hnc explain` about the weight: the number behind its deviation, which is the ratio where there is one. */
static double ratio_of(const char *weight)
{
    char text[64];
    snprintf(text, sizeof text, "\n  %s ", weight);
    const char *line = strstr(command_output(), text);
    assert_non_null(line);
    double deviation, ratio = 0;
    line += strlen(text);
    assert_int_equal(sscanf(line, " %lf %lf of the layer's own", &deviation, &ratio), 2);
    return ratio;
}

static const char *const drawn[] = {"target.linear1.w", "target.linear1.b", "target.linear2.w",
                                    "target.linear2.b", "target.linear3.w", "target.linear3.b"};

static void explain(void)
{
    if (run_command("'%s/hnc' explain first.hn -W no-same-split", HNC_BINARY_DIR) != 0)
        fail_msg("%s", command_output());
}

/* Of every tensor, or of every second: matrices, which have many numbers. */
static void expect_ratios(const char *weights, const char *activation, size_t every)
{
    for (size_t i = 0; i < sizeof drawn / sizeof *drawn; i += every) {
        double ratio = ratio_of(drawn[i]);
        if (!(ratio > 0.9 && ratio < 1.1))
            fail_msg("%s of %s: the ratio of %s is %g", activation, weights, drawn[i], ratio);
    }
}

/* Chunks that hold a tensor, that split one, and that hold several. */
static void test_made_weights_begin_at_their_own_scale(void **state)
{
    (void)state;
    static const char *const activations[] = {"relu", "elu", "tanh"};
    static const struct {
        const char *weights;
        int first;
    } cases[] = {
        {"dense(trunk(lam))", 6},
        {"dense(trunk(concat(lam, [1, 2])), init: hyperfan_in)", 8},
        {"lowrank(trunk(lam), rank: 2)", 6},
        {"chunked(trunk(lam), size: 37, embed: 4)", 10},
        {"chunked(trunk(lam), size: 1000, embed: 16)", 22},
        {"chunked(trunk(lam), size: 3953, embed: 1)", 7},
    };
    static const double scales[] = {0.1, 3};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t k = 0; k < 3; k++) {
            write_model(cases[i].weights, activations[k], cases[i].first, scales[(i + k) % 2]);
            explain();
            expect_ratios(cases[i].weights, activations[k], 1);
        }
}

static void test_constants_are_where_the_layer_puts_them(void **state)
{
    (void)state;
    write_model("dense(trunk(lam))", "relu", 6, 1);
    explain();
    assert_true(output_has("target.shifted1.gamma                                 0  around the layer's own 1"));
    assert_true(output_has("target.shifted1.beta                                  0  around the layer's own 0"));
    write_model("chunked(trunk(lam), size: 500, embed: 2)", "relu", 8, 1);
    explain();
    const char *line = strstr(command_output(), "target.shifted1.gamma");
    assert_non_null(line);
    double deviation = atof(line + strlen("target.shifted1.gamma"));
    assert_true(deviation > 0.05 && deviation < 0.2);
}

static void test_other_starts(void **state)
{
    (void)state;
    write_model("dense(trunk(lam), init: hyperfan_out)", "relu", 6, 1);
    explain();
    double ratio = ratio_of("target.linear1.w"); /* the root of 24 / 50 */
    assert_true(ratio > 0.9 * 0.693 && ratio < 1.1 * 0.693);
    ratio = ratio_of("target.linear1.b");
    assert_true(ratio > 0.9 && ratio < 1.1);
    write_model("free + dense(trunk(lam), init: zero)", "relu", 6, 1);
    explain();
    expect_ratios("free + dense, zero,", "relu", 2); /* plain numbers differ from their deviation by chance */
    write_model("film(trunk(lam)) + 0 * chunked(trunk(lam[0:2]), size: 100, embed: 4, init: xavier)", "relu", 6, 1);
    explain();
    expect_ratios("film", "relu", 2);
}

static void test_explain_counts_what_is_trained(void **state)
{
    (void)state;
    write_model("chunked(trunk(lam), size: 1000, embed: 4)", "relu", 10, 1);
    explain();
    /* 4 vectors of 4; 10 * 40 + 40, 40 * 30 + 30, 30 * 20 + 20; the head of 1000 * 20 + 1000 */
    assert_true(output_has("target: 4 chunks of 1000 numbers; trained / made 23,306 / 3,959 = 5.887"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_weights_begin_at_their_own_scale),
        cmocka_unit_test(test_constants_are_where_the_layer_puts_them),
        cmocka_unit_test(test_other_starts),
        cmocka_unit_test(test_explain_counts_what_is_trained),
    };
    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
