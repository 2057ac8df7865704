/* Weight forms and their combinations in a train whose hyperparameters differ between the examples of a batch: gradients against
 * differences, compiled code against the interpreter, and that no form makes a matrix per example where its algebra needs none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/runtime/run_command.h"

enum { EXAMPLES = 32, FEATURES = 5, BATCH = 16 };

static void write_table(void)
{
    FILE *file = fopen("forms.csv", "w");
    assert_non_null(file);
    fprintf(file, "a,b,c,d,e,y\n");
    for (int row = 0; row < EXAMPLES; row++)
        for (int column = 0; column <= FEATURES; column++)
            fprintf(file, "%.3f%s", ((row * 7 + column * 13) % 29 - 14) / 10.0, column < FEATURES ? "," : "\n");
    assert_int_equal(fclose(file), 0);
}

static void write_model(const char *form)
{
    FILE *file = fopen("form.hn", "w");
    assert_non_null(file);
    fprintf(file,
            "data d = csv(\"forms.csv\") {\n"
            "  fields x = numbers(a, b, c, d, e), y = numbers(y)\n"
            "  split train %d, valid %d\n"
            "}\n"
            "hyper lam {\n"
            "  scale: real = 0.3\n"
            "  decay: range(0, 2) = 0.5\n"
            "}\n"
            "layer half(w: f32[..s]) -> f32[..s] { return tanh(w) / 2 }\n"
            "net target(x: f32[5]) -> f32[1] { return linear(tanh(linear(x * lam.scale, 7)), 1) }\n"
            "net respond(z: f32[2]) -> f32[n] { return linear(tanh(linear(z, 3)), n) }\n"
            "net other(z: f32[2]) -> f32[n] { return linear(z, n) }\n"
            "weights target = %s\n"
            "objective loss(e) = mean(square(target(e.x) - e.y))\n"
            "train t = bilevel(lam) {\n"
            "  lower loss(d.train) + lam.decay * sumsq(target) / 100 by adam(1e-2)\n"
            "  upper loss(d.valid) by adam(1e-2)\n"
            "  sample normal(scale: 0.5)\n"
            "  batch %d\n"
            "  epochs 1\n"
            "}\n",
            EXAMPLES / 2, EXAMPLES / 2, form, BATCH);
    assert_int_equal(fclose(file), 0);
}

/* Whether the steps have a tensor with the elements of the first matrix for each example. */
static bool makes_matrices_per_example(void)
{
    assert_int_equal(run_command("'%s/hnc' build --emit=ir form.hn -o form", HNC_BINARY_DIR), 0);
    size_t size;
    char *ir = read_file("form.ir", &size);
    assert_non_null(ir);
    bool found = strstr(ir, "f32[16, 7, 5]") || strstr(ir, "f32[16, 5, 7]");
    free(ir);
    return found;
}

static void test_gradients_and_cost(void **state)
{
    (void)state;
    static const struct {
        const char *form;
        bool matrices; /* per example: the form itself is one */
    } cases[] = {
        {"stn(lam)", false},
        {"free + stn(lam)", false},
        {"rank1(respond(lam))", false},
        {"film(respond(lam))", false},
        {"lowrank(respond(lam), rank: 1)", false},
        {"free + lowrank(respond(lam), rank: 2)", false},
        {"half(free) - 2 * (stn(lam) + lowrank(other(lam / 2), rank: 1))", false},
        {"dense(respond(lam))", true},
        {"free * half(dense(respond(lam)))", true},
        {"free + dense(respond(lam)) * dense(other(lam))", true},
    };
    write_table();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_model(cases[i].form);
        if (run_command("'%s/hnc' check --gradients form.hn --data .", HNC_BINARY_DIR) != 0)
            fail_msg("%s: %s", cases[i].form, command_output());
        if (makes_matrices_per_example() != cases[i].matrices)
            fail_msg("%s %s", cases[i].form, cases[i].matrices ? "makes no matrix per example" : "makes a matrix per example");
    }
}

static void test_explain_shows_the_expression(void **state)
{
    (void)state;
    write_table();
    write_model("free + lowrank(respond(lam), rank: 2)");
    assert_int_equal(run_command("'%s/hnc' explain form.hn --data .", HNC_BINARY_DIR), 0);
    assert_non_null(strstr(command_output(), "free + lowrank(respond(lam), rank: 2)"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients_and_cost),
        cmocka_unit_test(test_explain_shows_the_expression),
    };
    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
