/* Random numbers outside of training: `eval` draws what the run's own evaluation drew, batches of rows and rows of a prediction
 * draw numbers of their own. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "tests/runtime/run_command.h"

enum { ROWS = 4000 }; /* four batches of an evaluation */

static const char model[] =
    "data s = idx(\"x\") { fields x: u8[1] }\n"
    "net p(x: u8[1]) -> f32 {\n  weight w: f32 = 1\n  return w * sum(x * 1)\n}\n"
    "objective l(d) = mean(square(p(d.x)))\n"
    "train t = fit { minimise l(s.train) by sgd(1e-3)\n  batch 100\n  epochs 3\n"
    "  report mean(normal() * p(s.train.x)), mean(square(normal()) + 0 * p(s.train.x)), mean(uniform() + 0 * p(s.train.x)) }\n"
    "export noise(x) = normal([2]) + 0 * p(x)\n";

/* x is 1 for even thousands of rows and 0 for odd ones. */
static int set_up(void **state)
{
    folder_set_up(state);
    static unsigned char x[12 + ROWS] = {0, 0, 8, 2, 0, 0, ROWS >> 8, ROWS & 255, 0, 0, 0, 1};
    for (int i = 0; i < ROWS; i++)
        x[12 + i] = i / 1000 % 2 == 0;
    write_file("x", x, sizeof x);
    write_file("m.hn", model, strlen(model));
    if (run_command("'%s/hnc' build m.hn -o m && ./m train --out r --quiet --seed 5", HNC_BINARY_DIR) != 0)
        fail_msg("%s", command_output());
    return 0;
}

static void evaluation_is_repeated(void **state)
{
    (void)state;
    assert_int_equal(run_command("tail -1 r/metrics.jsonl"), 0);
    json_t *logged = json_loads(command_output(), 0, NULL);
    assert_int_equal(run_command("./m eval --weights r/last.safetensors --json"), 0);
    json_t *evaluated = json_loads(command_output(), 0, NULL);
    assert_int_equal(json_object_size(evaluated), 3);
    const char *name;
    json_t *value;
    json_object_foreach(evaluated, name, value)
    {
        assert_true(json_is_real(value) && json_real_value(value) != 0);
        assert_true(json_real_value(value) == json_real_value(json_object_get(logged, name)));
    }
    json_decref(logged);
    json_decref(evaluated);
}

/* Were every batch of an evaluation to draw the same numbers, a mean over four batches would spread as widely as that over one.
 */
static void batches_differ(void **state)
{
    (void)state;
    double largest = 0;
    assert_int_equal(run_command("for i in 1 2 3 4 5 6 7 8; do ./m train --out r$i --quiet --seed $i --epochs 1 >/dev/null; tail "
                                 "-1 r$i/metrics.jsonl; done"),
                     0);
    char *text = strdup(command_output()), *end;
    double first[8];
    int runs = 0;
    for (char *line = strtok_r(text, "\n", &end); line && runs < 8; line = strtok_r(NULL, "\n", &end)) {
        json_t *event = json_loads(line, 0, NULL);
        double squares = json_real_value(json_object_get(event, "mean(square(normal()) + 0 * p(s.train.x))"));
        first[runs++] = squares;
        largest = fmax(largest, fabs(squares - 1));
        json_decref(event);
    }
    free(text);
    assert_int_equal(runs, 8);
    double sum = 0;
    for (int i = 0; i < 8; i++)
        sum += (first[i] - 1) * (first[i] - 1);
    /* 4000 independent squares: variance 2 / 4000 each; 8 of them: chi-square, below 20.1 in 99 of 100 cases. Repeated batches:
     * four times the variance. */
    assert_true(sum / (2.0 / ROWS) < 20.1);
    assert_true(largest > 0);
}

static void rows_differ(void **state)
{
    (void)state;
    assert_int_equal(
        run_command(
            "./m predict --weights r/last.safetensors x >one; ./m predict --weights r/last.safetensors x >two; cmp one two && "
            "tail -n +2 one | cut -d, -f2,3 | sort | uniq -d | wc -l"),
        0);
    assert_int_equal(atoi(command_output()), 0); /* no two rows are alike, and all come again */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(evaluation_is_repeated, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(batches_differ, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(rows_differ, set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
