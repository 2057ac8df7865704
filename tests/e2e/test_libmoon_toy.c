/* bench/libmoon.hn, LibMOON's concave toy, with half of the steps of docs/results/libmoon.md: the hypervolumes that LibMOON
 * published, to three digits. */
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

static const struct {
    const char *solver;
    double published;
} rows[] = {{"epo", 0.319}, {"tchebycheff", 0.319}, {"smooth_tchebycheff(mu: 0.1)", 0.302}, {"cosmos(lambda: 8)", 0.318}};

static void test_published_hypervolumes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (run_command("sed 's/solver   epo/solver   %s/' '%s/bench/libmoon.hn' > libmoon.hn && '%s/hnc' build libmoon.hn && "
                        "./libmoon train --epochs 5 --out run-%zu --quiet",
                        rows[i].solver, HNC_SOURCE_DIR, HNC_BINARY_DIR, i) != 0)
            fail_msg("%s", command_output());
        char path[64];
        snprintf(path, sizeof path, "run-%zu/front.json", i);
        json_t *front = json_load_file(path, 0, NULL);
        assert_non_null(front);
        assert_string_equal(json_string_value(json_object_get(front, "solver")), i == 2   ? "smooth_tchebycheff"
                                                                                 : i == 3 ? "cosmos"
                                                                                          : rows[i].solver);
        double hypervolume = json_number_value(json_object_get(front, "hypervolume"));
        print_message("%s: %.4f, published %.3f\n", rows[i].solver, hypervolume, rows[i].published);
        assert_true(fabs(hypervolume - rows[i].published) < 0.0005);
        json_decref(front);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_published_hypervolumes)};
    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
