/* A computed index may lie outside its table: this ends the command with the line of the model, and nothing is written outside
 * the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/runtime/run_command.h"

enum { ROWS = 12 };

/* Labels 0, 1, 2, 0, ... and numbers 0, 1, ..., 11 in idx files. */
static int set_up(void **state)
{
    folder_set_up(state);
    unsigned char labels[8 + ROWS] = {0, 0, 8, 1, 0, 0, 0, ROWS}, numbers[8 + ROWS] = {0, 0, 8, 1, 0, 0, 0, ROWS};
    for (int i = 0; i < ROWS; i++) {
        labels[8 + i] = (unsigned char)(i % 3);
        numbers[8 + i] = (unsigned char)i;
    }
    write_file("lab", labels, sizeof labels);
    write_file("num", numbers, sizeof numbers);
    return 0;
}

/* A model whose net takes rows of a table of three at `index`, as m.hn; line 4 is the access. */
static void write_model(const char *index)
{
    char text[1024];
    int length = snprintf(text, sizeof text,
                          "data s = idx(\"num\", \"lab\") { fields n: i32, l: class[3]\n  split train 6, valid 6 }\n"
                          "net f(l: class[3], n: i32) -> f32[3] { weight table: f32[3, 3] ~ uniform(0.1)\n"
                          "  return %s }\n"
                          "objective o(d) = mean(square(f(d.l, d.n) - 1))\n"
                          "train t = fit { minimise o(s.train) by sgd(0.1)\n  batch 6\n  epochs 3\n  report o(s.valid) }\n"
                          "export p(l, n) = f(l, n)\n",
                          index);
    write_file("m.hn", text, (size_t)length);
}

static int hnc(const char *arguments)
{
    return run_command("'%s/hnc' %s", HNC_BINARY_DIR, arguments);
}

static void must_build(void)
{
    if (hnc("build m.hn --emit=exe,ir --data . -o m") != 0)
        fail_msg("%s", command_output());
}

static bool is_checked(void)
{
    return run_command("grep -q 't.minimise.bounds' m.ir") == 0;
}

static void outside_in_training(void **state)
{
    (void)state;
    write_model("table[l - 1]");
    must_build();
    assert_true(is_checked());
    assert_int_equal(run_command("./m train --data . --out run --quiet"), 1);
    assert_true(output_has("line 4 of the model: an index is -1, but the table has the rows 0 to 2"));
    assert_true(output_has("at its step 1") && output_has("The last checkpoint before stays as it is"));
    assert_int_equal(run_command("./m eval --data . --weights run/last.safetensors"), 1);
    assert_true(output_has("an index is -1"));
    assert_false(output_has("o(s.valid) ")); /* no figure */
}

/* Tables of single examples, or of entries of one, lie end to end: an index outside its own table may lie inside a neighbour's.
 */
static void outside_of_ones_own_table(void **state)
{
    (void)state;
    static const char *const tables[] = {"stack(f32(n), 1, 2)[n] * table[l]", "(table * f32(n))[n]",
                                         "each(p in table[l]) { stack(p, 2 * p, 3 * p)[n] }",
                                         "table[:, n]",
                                         "table[l, n] * table[0]",
                                         "slice(table[l], n, 1) * table[0]",
                                         "table[i32(f32(l)), n][none] + table[l]"};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        write_model(tables[i]);
        must_build();
        assert_true(is_checked());
        assert_int_equal(run_command("./m train --data . --out own%zu --quiet", i), 1);
        if (!output_has("line 4 of the model: an index is 5, but the table has the rows 0 to 2"))
            fail_msg("%s: %s", tables[i], command_output());
    }
}

/* The validation rows hold numbers that the training rows do not: the step is right, the evaluation is not. */
static void outside_in_evaluation(void **state)
{
    (void)state;
    write_model("concat(table, table)[n] + table[l]");
    must_build();
    assert_int_equal(run_command("./m train --data . --out run --quiet"), 1);
    assert_true(output_has("line 4 of the model: an index is 11, but the table has the rows 0 to 5"));
    assert_false(output_has("at its step"));
}

static void outside_in_a_prediction(void **state)
{
    (void)state;
    write_model("concat(table, table, table, table)[n] + table[l]");
    must_build();
    assert_int_equal(run_command("./m train --data . --out run --quiet"), 0);
    static const unsigned char number[] = {0, 0, 8, 1, 0, 0, 0, 1, 12}, label[] = {0, 0, 8, 1, 0, 0, 0, 1, 2};
    write_file("num1", number, sizeof number);
    write_file("lab1", label, sizeof label);
    assert_int_equal(run_command("./m predict --weights run/last.safetensors lab1 num1"), 1);
    assert_true(output_has("an index is 12, but the table has the rows 0 to 11"));
    assert_true(output_has("row 1 of the file"));
}

/* An index that is known to fit is not checked; one that is known not to fit is refused. */
static void known_indices(void **state)
{
    (void)state;
    static const char *const fit[] = {"table[l]",
                                      "table[iota(3)][0] + table[l]",
                                      "embedding(l, 3)",
                                      "table[argmax(table, axis: 1)][1]",
                                      "concat(table[l], table[l])[0:3]",
                                      "concat(table, table)[l + l]",
                                      "concat(table, table)[2 * l + 1]",
                                      "table[:, l] + table[l, 2 - l]",
                                      "slice(concat(table[l], table[0]), l, 3)",
                                      "sort(table, axis: 0)[l][argsort(table[0])]",
                                      "shift(table[none, :, :], n, n)[0, l]",
                                      "bilinear(table[none, :, :], table, table)[0, l]"};
    for (size_t i = 0; i < sizeof fit / sizeof *fit; i++) {
        write_model(fit[i]);
        must_build();
        if (is_checked())
            fail_msg("%s is checked", fit[i]);
    }
    static const char *const outside[][2] = {{"table[iota(4)][0]", "an index is 3, but the table has the rows 0 to 2"},
                                             {"table[l + 3]", "an index is 5, but"},
                                             {"table[l - 3]", "an index is -3, but"}};
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        write_model(outside[i][0]);
        assert_int_equal(hnc("check m.hn"), 1);
        assert_true(output_has("m.hn:4: error: ") && output_has(outside[i][1]));
    }
}

/* A byte is an index, too: it fits tables of 256 rows, and is checked before it is used in smaller ones. So is a number that is
 * made whole. */
static void bytes_and_reals(void **state)
{
    (void)state;
    static const char model[] = "data s = idx(\"num\", \"lab\") { fields n: u8, l: class[3]\n  split train 6, valid 6 }\n"
                                "net f(n: u8) -> f32[1] { weight table: f32[%s, 1] ~ uniform(0.1)\n"
                                "  return table[%s] }\n"
                                "objective o(d) = mean(square(f(d.n) - 1))\n"
                                "train t = fit { minimise o(s.train) by sgd(0.1)\n  batch 6\n  epochs 1\n  report o(s.valid) }\n";
    static const struct {
        const char *rows, *index, *outside;
    } cases[] = {{"256", "n", NULL},
                 {"12", "n", ""},
                 {"7", "n", "an index is 11, but the table has the rows 0 to 6"},
                 {"6", "i32(f32(n) / 2 + 0.9)", "an index is 6, but the table has the rows 0 to 5"},
                 {"6", "i32(f32(n) / 2 - 0.9)", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[1024];
        int length = snprintf(text, sizeof text, model, cases[i].rows, cases[i].index);
        write_file("m.hn", text, (size_t)length);
        must_build();
        assert_int_equal(is_checked(), cases[i].outside != NULL);
        bool fails = cases[i].outside && *cases[i].outside;
        assert_int_equal(run_command("./m train --data . --out run%zu --quiet", i), fails);
        if (fails && !output_has(cases[i].outside))
            fail_msg("%s", command_output());
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(outside_in_training, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(outside_of_ones_own_table, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(outside_in_evaluation, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(outside_in_a_prediction, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(known_indices, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(bytes_and_reals, set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
