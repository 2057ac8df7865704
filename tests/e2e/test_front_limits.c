/* A figure of a front that means nothing comes with a message: points beyond the reference, losses that are negative. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "tests/runtime/run_command.h"

static int set_up(void **state)
{
    folder_set_up(state);
    unsigned char x[12 + 40 * 2] = {0, 0, 8, 2, 0, 0, 0, 40, 0, 0, 0, 2};
    for (int i = 0; i < 80; i++)
        x[12 + i] = (unsigned char)(i * 29);
    write_file("x", x, sizeof x);
    return 0;
}

/* Builds the model whose first loss is shifted, and trains it into r; the exit status. */
static int train(const char *shift, const char *solver)
{
    char text[1024];
    int length =
        snprintf(text, sizeof text,
                 "data s = idx(\"x\") { fields x: u8[2]\n  split train 24, valid 16 }\n"
                 "preference r[2]\n"
                 "net f(x: u8[2]) -> f32[2] { return linear(x / 255, 2) }\n"
                 "net g(q: f32[2]) -> f32[n] { return linear(q, n) }\n"
                 "weights f = dense(g(r))\n"
                 "objective first(d) = mean(square(f(d.x)[0] - 1)) %s\n"
                 "objective second(d) = mean(square(f(d.x)[1] + 1))\n"
                 "train t = pareto(r) { minimise first, second on s.train by sgd(0.01)\n  solver %s\n  sample uniform\n  rays 5\n"
                 "  batch 8\n  epochs 2\n  report hypervolume(ref: 9), uniformity on s.valid }\n",
                 shift, solver);
    write_file("m.hn", text, (size_t)length);
    return run_command("rm -rf r; '%s/hnc' build m.hn -o m && ./m train --out r", HNC_BINARY_DIR);
}

static json_t *read_front(void)
{
    json_t *front = json_load_file("r/front.json", 0, NULL);
    assert_non_null(front);
    return front;
}

static void beyond_the_reference(void **state)
{
    (void)state;
    assert_int_equal(train("+ 600", "linear"), 0);
    assert_true(output_has("warning: hypervolume 0: every point of the front lies beyond the reference"));
    json_t *front = read_front();
    const json_t *suggested = json_object_get(front, "suggested_reference"), *points = json_object_get(front, "points"), *point;
    assert_true(json_is_true(json_object_get(front, "beyond_reference")));
    size_t i;
    json_array_foreach(points, i, point) for (size_t k = 0; k < 2; k++)
        assert_true(json_real_value(json_array_get(point, k)) < json_real_value(json_array_get(suggested, k)));
    json_decref(front);
    assert_int_equal(run_command("./m eval --weights r/last.safetensors"), 0);
    assert_true(output_has("lies beyond the reference"));
    assert_int_equal(train("", "linear"), 0);
    front = read_front();
    assert_null(json_object_get(front, "beyond_reference"));
    assert_true(json_real_value(json_object_get(front, "hypervolume")) > 0 &&
                json_real_value(json_object_get(front, "uniformity")) > 0);
    json_decref(front);
}

static void negative_losses(void **state)
{
    (void)state;
    static const char *const refusing[] = {"epo", "tchebycheff", "smooth_tchebycheff(mu: 0.1)", "cosmos(lambda: 1)",
                                           "pmtl(initial: 1)"};
    static const char *const defined[] = {"linear", "mgda"};
    for (size_t i = 0; i < sizeof refusing / sizeof *refusing; i++) {
        if (train("- 50", refusing[i]) != 1 || !output_has("the objective 'first'") ||
            !output_has("losses that are not negative") || !output_has("at its step 1"))
            fail_msg("%s: %s", refusing[i], command_output());
        assert_int_equal(train("", refusing[i]), 0);
    }
    for (size_t i = 0; i < sizeof defined / sizeof *defined; i++) {
        assert_int_equal(train("- 50", defined[i]), 0);
        assert_true(output_has("no uniformity: it is not defined for negative losses, and 'first' is"));
        json_t *front = read_front();
        assert_true(json_is_null(json_object_get(front, "uniformity")));
        assert_true(json_real_value(json_object_get(front, "hypervolume")) > 0);
        json_decref(front);
    }
}

/* One row of the training split defines the first objective, in one batch of each epoch, and no row of the other split does. */
static void undefined_objectives(void **state)
{
    (void)state;
    assert_int_equal(train("+ mean(f(d.x)[0] where d.x[0] == 58)", "linear"), 0);
    assert_true(output_has("no indicators of the front: the objective 'first' is not a finite number at 5 of 5 points"));
    json_t *front = read_front();
    assert_true(json_is_null(json_object_get(front, "hypervolume")) && json_is_null(json_object_get(front, "uniformity")));
    assert_null(json_object_get(front, "suggested_reference"));
    json_decref(front);
    assert_int_equal(run_command("./m train --out long --epochs 40"), 0);
    assert_int_equal(train("+ mean(f(d.x)[0] where d.x[0] == 59)", "linear"), 1);
    assert_true(output_has("was not a number in any step of this epoch"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(beyond_the_reference, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(negative_losses, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(undefined_objectives, set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
