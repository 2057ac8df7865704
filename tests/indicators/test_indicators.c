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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),       cmocka_unit_test(test_least_value),
        cmocka_unit_test(test_hypervolume), cmocka_unit_test(test_reference_that_holds_nothing),
        cmocka_unit_test(test_uniformity),  cmocka_unit_test(test_uniformity_of_negative_losses),
        cmocka_unit_test(test_igd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
