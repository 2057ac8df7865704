/* Indicators of sweeps, with values worked out by hand. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "indicators/indicators.h"

static const char *names[] = {"first", "second"};

/* Two outputs at points of two numbers. */
static Swept swept(unsigned count, const double *points, const double *values, unsigned rows, const double *numbers)
{
    return (Swept){.count = count,
                   .width = 2,
                   .outputs = 2,
                   .points = points,
                   .values = values,
                   .names = names,
                   .numbers = numbers,
                   .rows = rows};
}

static void assert_near(double value, double expected)
{
    if (!(fabs(value - expected) < 1e-12))
        fail_msg("%.17g instead of %.17g", value, expected);
}

static void test_table(void **state)
{
    (void)state;
    assert_ptr_equal(indicator_of(INDICATOR_HYPERVOLUME), &indicator_hypervolume);
    assert_ptr_equal(indicator_of(INDICATOR_UNIFORMITY), &indicator_uniformity);
    assert_ptr_equal(indicator_of(INDICATOR_IGD), &indicator_igd);
    for (int kind = 0; kind < INDICATOR_COUNT; kind++)
        assert_non_null(indicator_of((IndicatorKind)kind)->value);
    assert_string_equal(indicator_names[INDICATOR_IGD], "igd");
    assert_true(indicator_sweeps[INDICATOR_IGD] == SWEEP_FRONT && indicator_sweeps[INDICATOR_FORGETTING] == SWEEP_ROUNDS);
    assert_true(indicator_points[INDICATOR_FORWARD] == POINTS_ALL && indicator_points[INDICATOR_BACKWARD] == POINTS_LEARNED);
}

static void test_least_value(void **state)
{
    (void)state;
    static const double values[] = {3, -1, -2, 5, 7, -2};
    unsigned output = 9;
    Swept what = swept(3, NULL, values, 0, NULL);
    assert_true(least_value(&what, &output) == -2);
    assert_int_equal(output, 0); /* the first of equal ones */
    what.count = 1;
    assert_true(least_value(&what, &output) == -1);
    assert_int_equal(output, 1);
    what.count = 0;
    assert_true(least_value(&what, &output) == INFINITY);
}

/* The boxes of 0.75 x 0.25 and 0.5 x 0.5 share 0.5 x 0.25; the last point lies beyond the reference. */
static void test_hypervolume(void **state)
{
    (void)state;
    static const double values[] = {0.25, 0.75, 0.5, 0.5, 0, 2}, reference[] = {1, 1};
    Swept what = swept(3, NULL, values, 1, reference);
    double volume = indicator_hypervolume.value(&what), better[2];
    char text[INDICATOR_NOTE] = "";
    assert_near(volume, 0.1875 + 0.25 - 0.125);
    assert_false(indicator_hypervolume.suggest(&what, volume, better));
    indicator_hypervolume.note(&what, volume, text);
    assert_string_equal(text, "");
}

/* A tenth of its size beyond the largest value of each output, whatever its sign. */
static void test_reference_that_holds_nothing(void **state)
{
    (void)state;
    static const double values[] = {2, -3, 4, -2}, reference[] = {1, -5};
    Swept what = swept(2, NULL, values, 1, reference);
    double better[2];
    char text[INDICATOR_NOTE] = "";
    assert_true(indicator_hypervolume.value(&what) == 0);
    assert_true(indicator_hypervolume.suggest(&what, 0, better));
    assert_near(better[0], 4.4);
    assert_near(better[1], -1.8);
    indicator_hypervolume.note(&what, 0, text);
    assert_non_null(strstr(text, "every point of the front lies beyond the reference"));
    assert_non_null(strstr(text, "the reference [4.4, -1.8] would hold all points"));
    what.numbers = better;
    assert_near(indicator_hypervolume.value(&what), 2.4 * 1.2); /* (2, -3) dominates (4, -2) */
    what.count = 0;
    assert_true(indicator_hypervolume.value(&what) == 0);
    assert_false(indicator_hypervolume.suggest(&what, 0, better));
}

/* The first point lies where its preference wants it; for the second, u = (3/4, 1/4). */
static void test_uniformity(void **state)
{
    (void)state;
    static const double points[] = {0.2, 0.8, 0.5, 0.5}, values[] = {4, 1, 3, 1};
    Swept what = swept(2, points, values, 0, NULL);
    char text[INDICATOR_NOTE] = "";
    double second = 1 - (0.75 * log(1.5) + 0.25 * log(0.5)), mean = indicator_uniformity.value(&what);
    assert_near(mean, (1 + second) / 2);
    indicator_uniformity.note(&what, mean, text);
    assert_string_equal(text, "");
    assert_null(indicator_uniformity.suggest);
    what.width = 1; /* a point that is no preference */
    assert_true(isnan(indicator_uniformity.value(&what)));
}

static void test_uniformity_of_negative_losses(void **state)
{
    (void)state;
    static const double points[] = {0.2, 0.8, 0.5, 0.5}, values[] = {4, 1, 3, -0.5};
    Swept what = swept(2, points, values, 0, NULL);
    char text[INDICATOR_NOTE] = "";
    assert_true(isnan(indicator_uniformity.value(&what)));
    indicator_uniformity.note(&what, NAN, text);
    assert_non_null(strstr(text, "not defined for negative losses, and 'second' is -0.5"));
    what.count = 1; /* the one before it */
    assert_near(indicator_uniformity.value(&what), 1);
}

/* From each point of the true front to the nearest one reached: 0 and 5; with a second point, 0 and 4. */
static void test_igd(void **state)
{
    (void)state;
    static const double values[] = {0, 0, 3, 0}, front[] = {0, 0, 3, 4};
    Swept what = swept(1, NULL, values, 2, front);
    assert_near(indicator_igd.value(&what), 2.5);
    what.count = 2;
    assert_near(indicator_igd.value(&what), 2);
    what.rows = 1;
    assert_near(indicator_igd.value(&what), 0);
    assert_null(indicator_igd.note);
}

/* Rounds of three points, of two metrics whose numbers stand side by side: errors, and scores that are 1 less the error. */
static Swept rounds(const double *matrix, const double *first, unsigned learned, bool larger)
{
    return (Swept){.count = 3,
                   .width = 1,
                   .outputs = 1,
                   .learned = learned,
                   .matrix = matrix + larger,
                   .first = first + larger,
                   .stride = 2,
                   .larger = larger};
}

static void test_rounds(void **state)
{
    (void)state;
#define BOTH(error) (error), 1 - (error)
    static const double first[] = {BOTH(0.9), BOTH(0.8), BOTH(0.7)};
    static const double matrix[] = {BOTH(0.1),  BOTH(0.6), BOTH(0.9), /* after point 0 */
                                    BOTH(0.05), BOTH(0.2), BOTH(0.4), BOTH(0.25), BOTH(0.3), BOTH(0.125)};
    for (int larger = 0; larger < 2; larger++) {
        Swept what = rounds(matrix, first, 3, larger);
        double average = (0.25 + 0.3 + 0.125) / 3;
        assert_near(indicator_average.value(&what), larger ? 1 - average : average);
        /* point 0 is at its best in round 1, point 1 when it is learned */
        assert_near(indicator_forgetting.value(&what), ((0.25 - 0.05) + (0.3 - 0.2)) / 2);
        assert_near(indicator_backward.value(&what), ((0.1 - 0.25) + (0.2 - 0.3)) / 2);
        assert_near(indicator_forward.value(&what), ((0.8 - 0.6) + (0.7 - 0.4)) / 2);
        what.learned = 2; /* within round 1, or at its end */
        assert_near(indicator_average.value(&what), larger ? 1 - 0.125 : 0.125);
        assert_near(indicator_forgetting.value(&what), 0.05 - 0.1); /* it got better */
        assert_near(indicator_backward.value(&what), 0.05);
        assert_near(indicator_forward.value(&what), 0.2);
        what.learned = 1;
        assert_near(indicator_average.value(&what), larger ? 0.9 : 0.1);
        assert_true(isnan(indicator_forgetting.value(&what)) && isnan(indicator_backward.value(&what)) &&
                    isnan(indicator_forward.value(&what)));
    }
#undef BOTH
}

/* A result that is no number makes none of what is computed from it. */
static void test_rounds_without_a_number(void **state)
{
    (void)state;
    static const double first[] = {1, 0, 1, 0, 1, 0}, matrix[] = {1, 0, 1, 0, 1, 0, NAN, 0, 1, 0, 1, 0};
    Swept what = rounds(matrix, first, 2, false);
    assert_true(isnan(indicator_average.value(&what)) && isnan(indicator_forgetting.value(&what)) &&
                isnan(indicator_backward.value(&what)));
    assert_near(indicator_forward.value(&what), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounds),      cmocka_unit_test(test_rounds_without_a_number),
        cmocka_unit_test(test_table),       cmocka_unit_test(test_least_value),
        cmocka_unit_test(test_hypervolume), cmocka_unit_test(test_reference_that_holds_nothing),
        cmocka_unit_test(test_uniformity),  cmocka_unit_test(test_uniformity_of_negative_losses),
        cmocka_unit_test(test_igd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
