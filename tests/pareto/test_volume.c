#include "tests/pareto/oracle.h"

enum { M = PARETO_MOST_OBJECTIVES };

static const double ones[M] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

static void random_points(unsigned m, unsigned n, double *points)
{
    for (unsigned e = 0; e < n * m; e++)
        points[e] = random_uniform();
}

/* Points of the concave front sum (1 - x)^2 = 1: none dominates another, the worst case. */
static void random_front(unsigned m, unsigned n, double *points)
{
    for (unsigned k = 0; k < n; k++) {
        double squares = 0;
        for (unsigned j = 0; j < m; j++) {
            points[k * m + j] = fabs(random_normal());
            squares += points[k * m + j] * points[k * m + j];
        }
        for (unsigned j = 0; j < m; j++)
            points[k * m + j] = 1 - points[k * m + j] / sqrt(squares);
    }
}

static double inclusion_exclusion(unsigned m, unsigned n, const double *points, const double *reference)
{
    double sum = 0;
    for (unsigned set = 1; set < 1u << n; set++) {
        double box = __builtin_popcount(set) % 2 ? 1 : -1;
        for (unsigned j = 0; j < m; j++) {
            double extent = INFINITY;
            for (unsigned k = 0; k < n; k++)
                if (set >> k & 1)
                    extent = fmin(extent, fmax(reference[j] - points[k * m + j], 0));
            box *= extent;
        }
        sum += box;
    }
    return sum;
}

static void hypervolume_of_a_few(void **unused)
{
    (void)unused;
    random_begin(1);
    for (unsigned m = 1; m <= 8; m++) {
        for (unsigned k = 0; k < 300; k++) {
            unsigned n = random_below(9);
            double points[9 * M], reference[M];
            random_points(m, n, points);
            for (unsigned j = 0; j < m; j++)
                reference[j] = 0.7 + 0.5 * random_uniform(); /* some points are not below it */
            double expected = inclusion_exclusion(m, n, points, reference);
            assert_true(fabs(hypervolume(m, n, points, reference) - expected) < 1e-12);
        }
    }
}

/* Whole coordinates in [0, 4): the volume is the number of unit cells that some point dominates. Full of ties and duplicates. */
static void hypervolume_of_cells(void **unused)
{
    (void)unused;
    enum { SIDE = 4, MOST = 40 };
    const double reference[] = {SIDE, SIDE, SIDE, SIDE, SIDE, SIDE};
    random_begin(2);
    for (unsigned m = 1; m <= 6; m++) {
        for (unsigned round = 0; round < 30; round++) {
            double points[MOST * M];
            unsigned n = 1 + random_below(MOST), count = 0;
            for (unsigned e = 0; e < n * m; e++)
                points[e] = random_below(SIDE + 1);
            for (unsigned cell = 0; cell < 1u << (2 * m); cell++) {
                bool dominated = false;
                for (unsigned k = 0; k < n && !dominated; k++) {
                    dominated = true;
                    for (unsigned j = 0; j < m; j++)
                        dominated = dominated && points[k * m + j] <= (cell >> (2 * j) & 3);
                }
                count += dominated;
            }
            assert_true(hypervolume(m, n, points, reference) == count);
        }
    }
}

static void hypervolume_by_monte_carlo(void **unused)
{
    (void)unused;
    enum { N = 30, DRAWS = 100000 };
    random_begin(3);
    for (unsigned m = 2; m <= 7; m++) {
        double points[N * M];
        random_front(m, N, points);
        unsigned hits = 0;
        for (unsigned d = 0; d < DRAWS; d++) {
            double x[M];
            bool hit = false;
            for (unsigned j = 0; j < m; j++)
                x[j] = random_uniform();
            for (unsigned k = 0; k < N && !hit; k++) {
                hit = true;
                for (unsigned j = 0; j < m && hit; j++)
                    hit = points[k * m + j] <= x[j];
            }
            hits += hit;
        }
        double p = hypervolume(m, N, points, ones); /* within 5 standard errors */
        assert_true(fabs((double)hits / DRAWS - p) < 5 * sqrt(p * (1 - p) / DRAWS) + 1e-5);
    }
}

static void hypervolume_keeps_its_word(void **unused)
{
    (void)unused;
    const double points[] = {0.5, 0.5, 0.5, 0.5, 0.2, 0.9, 0.6, 0.6, 1, 0, 0, 2, NAN, 0.1, 0.1, -INFINITY};
    assert_true(fabs(hypervolume(2, 8, points, ones) - (0.25 + 0.1 * 0.3)) < 1e-15);
    assert_true(hypervolume(2, 0, points, ones) == 0);
    assert_true(hypervolume(2, 1, points, (double[]){0.5, 1}) == 0); /* on the reference */
    assert_true(fabs(hypervolume(3, 1, (double[]){0, 0, 0}, (double[]){1, 2, 3}) - 6) < 1e-15);
}

static void hypervolume_is_fast(void **unused)
{
    (void)unused;
    static const struct {
        unsigned m, n;
    } cases[] = {{2, 10000}, {3, 1000}, {4, 200}, {5, 100}, {6, 100}, {7, 100}, {8, 60}, {16, 16}};
    static double points[10000 * 3];
    random_begin(4);
    for (size_t c = 0; c < COUNT_OF(cases); c++) {
        random_front(cases[c].m, cases[c].n, points);
        double begin = seconds_now(), volume = hypervolume(cases[c].m, cases[c].n, points, ones), end = seconds_now();
        print_message("hypervolume of %u points, m = %u: %.2f ms\n", cases[c].n, cases[c].m, 1e3 * (end - begin));
        assert_true(volume > 0 && end - begin < 30);
    }
}

/* ---- its gradient ---- */

/* The points of the front that point k belongs to, others out of the reference's way; ranks by the definition. */
static void own_front(unsigned m, unsigned n, const double *points, unsigned k, double *front)
{
    bool gone[PARETO_MOST_SOLUTIONS] = {false}, keep[PARETO_MOST_SOLUTIONS];
    for (;;) {
        memcpy(front, points, n * m * sizeof *front);
        for (unsigned i = 0; i < n; i++)
            for (unsigned j = 0; j < m && gone[i]; j++)
                front[i * m + j] = NAN;
        non_dominated(m, n, front, keep);
        if (keep[k])
            break;
        for (unsigned i = 0; i < n; i++)
            gone[i] = gone[i] || keep[i];
    }
    for (unsigned i = 0; i < n; i++)
        for (unsigned j = 0; j < m && !keep[i]; j++)
            front[i * m + j] = NAN;
}

/* Minus the difference quotient towards lower values, scaled to length 1. */
static void difference_row(unsigned m, unsigned n, const double *points, const double *reference, unsigned k, double *row)
{
    const double step = 1e-6;
    double front[PARETO_MOST_SOLUTIONS * M], squares = 0;
    own_front(m, n, points, k, front);
    double before = hypervolume(m, n, front, reference);
    for (unsigned i = 0; i < m; i++) {
        double *value = front + k * m + i, kept = *value;
        *value = kept - step;
        row[i] = (hypervolume(m, n, front, reference) - before) / step;
        *value = kept;
        squares += row[i] * row[i];
    }
    for (unsigned i = 0; i < m && squares > 0; i++)
        row[i] /= sqrt(squares);
}

static void gradient_agrees_with_differences(void **unused)
{
    (void)unused;
    random_begin(5);
    for (unsigned m = 1; m <= 6; m++) {
        for (unsigned round = 0; round < 20; round++) {
            double points[12 * M], gradient[12 * M], row[M];
            unsigned n = 1 + random_below(12);
            (round % 2 ? random_points : random_front)(m, n, points);
            /* A grid keeps different values further apart than the step; a coarse one makes ties and duplicates. */
            double grid = round % 5 ? 65536 : 4;
            for (unsigned e = 0; e < n * m; e++)
                points[e] = floor(grid * points[e]) / grid;
            assert_int_equal(hypervolume_gradient(m, n, points, ones, gradient), SOLVE_FINE);
            for (unsigned k = 0; k < n; k++) {
                difference_row(m, n, points, ones, k, row);
                for (unsigned i = 0; i < m; i++)
                    assert_true(fabs(gradient[k * m + i] - row[i]) < 1e-3);
            }
        }
    }
}

static void gradient_by_hand(void **unused)
{
    (void)unused;
    /* (0.2, 0.6) and (0.5, 0.4) make the first front, (0.6, 0.6) the second, which is judged alone. */
    const double points[] = {0.2, 0.6, 0.5, 0.4, 0.6, 0.6}, reference[] = {1, 1};
    double gradient[6];
    assert_int_equal(hypervolume_gradient(2, 3, points, reference, gradient), SOLVE_FINE);
    assert_true(fabs(gradient[0] / gradient[1] - 0.4 / 0.3) < 1e-12);
    assert_true(fabs(gradient[2] / gradient[3] - 0.2 / 0.5) < 1e-12);
    assert_true(fabs(gradient[4] - sqrt(0.5)) < 1e-12 && fabs(gradient[5] - sqrt(0.5)) < 1e-12);
}

static void gradient_beyond_the_reference(void **unused)
{
    (void)unused;
    const double points[] = {0.2, 1.5, 0.5, 0.4}, reference[] = {1, 1};
    double gradient[4], moved[2];
    assert_int_equal(hypervolume_gradient(2, 2, points, reference, gradient), SOLVE_FINE);
    assert_true(gradient[0] == 0 && gradient[1] == 0 && gradient[2] > 0 && gradient[3] > 0);
    hypervolume_reference(2, 2, points, reference, moved);
    assert_true(moved[0] == 1 && fabs(moved[1] - 1.65) < 1e-15);
    assert_int_equal(hypervolume_gradient(2, 2, points, moved, gradient), SOLVE_FINE);
    assert_true(gradient[0] > 0 && gradient[1] > 0);
    assert_int_equal(hypervolume_gradient(2, 1, (double[]){NAN, 1}, reference, gradient), SOLVE_FALLBACK);
    assert_true(fabs(gradient[0] - sqrt(0.5)) < 1e-15 && gradient[0] == gradient[1]);
    hypervolume_reference(2, 1, (double[]){NAN, 3}, reference, moved);
    assert_true(moved[0] == 1 && fabs(moved[1] - 3.3) < 1e-15);
}

/* The largest numbers of solutions and objectives fit the solver's own memory (the sanitizer watches). */
static void gradient_at_its_limits(void **unused)
{
    (void)unused;
    static double points[PARETO_MOST_SOLUTIONS * M], gradient[PARETO_MOST_SOLUTIONS * M];
    random_begin(6);
    for (unsigned m = 1; m <= 4; m++) {
        random_front(m, PARETO_MOST_SOLUTIONS, points);
        assert_int_equal(hypervolume_gradient(m, PARETO_MOST_SOLUTIONS, points, ones, gradient), SOLVE_FINE);
    }
    random_front(M, 14, points);
    for (unsigned k = 14; k < PARETO_MOST_SOLUTIONS; k++) /* duplicates: as large, and fast */
        memcpy(points + k * M, points + k % 14 * M, M * sizeof *points);
    double begin = seconds_now();
    assert_int_equal(hypervolume_gradient(M, PARETO_MOST_SOLUTIONS, points, ones, gradient), SOLVE_FINE);
    print_message("gradient of 64 points, 14 different, m = 16: %.2f ms\n", 1e3 * (seconds_now() - begin));
    for (unsigned k = 0; k < PARETO_MOST_SOLUTIONS; k++) {
        double squares = 0;
        for (unsigned i = 0; i < M; i++)
            squares += gradient[k * M + i] * gradient[k * M + i];
        assert_true(fabs(squares - 1) < 1e-12);
    }
    static double many[(PARETO_MOST_SOLUTIONS + 1) * 2];
    assert_int_equal(hypervolume_gradient(2, PARETO_MOST_SOLUTIONS + 1, many, ones, gradient), SOLVE_FALLBACK);
    random_front(2, 16, points);
    begin = seconds_now();
    for (unsigned round = 0; round < 1000; round++)
        hypervolume_gradient(2, 16, points, ones, gradient);
    print_message("gradient of 16 points, m = 2: %.2f us\n", 1e3 * (seconds_now() - begin));
}

/* ---- other indicators ---- */

static void uniformity_by_hand(void **unused)
{
    (void)unused;
    assert_true(fabs(uniformity(2, (double[]){1, 3}, (double[]){0.75, 0.25}) - 1) < 1e-15);
    assert_true(fabs(uniformity(2, (double[]){3, 1}, (double[]){0.5, 0.5}) - (1 - 0.75 * log(1.5) - 0.25 * log(0.5))) < 1e-15);
    assert_true(fabs(uniformity(3, (double[]){1, 0, 0}, (double[]){1, 1, 1}) - (1 - log(3))) < 1e-9);
    assert_true(fabs(uniformity(3, (double[]){0, 0, 0}, (double[]){1, 1, 1}) - 1) < 1e-15);
    assert_true(isnan(uniformity(2, (double[]){NAN, 1}, (double[]){1, 1})));
    assert_true(fabs(uniformity(2, (double[]){2, 6}, (double[]){3, 1}) - 1) < 1e-15); /* the ray's length does not count */
}

static void non_dominated_points(void **unused)
{
    (void)unused;
    const double points[] = {1, 2, 2, 1, 2, 2, 1, 2, NAN, 0, 1, 3};
    bool keep[6];
    assert_int_equal(non_dominated(2, 6, points, keep), 3);
    const bool expected[] = {true, true, false, true, false, false};
    assert_memory_equal(keep, expected, sizeof expected);
    assert_int_equal(non_dominated(2, 0, points, keep), 0);
    random_begin(7);
    double front[50 * 5];
    bool kept[50];
    random_front(5, 50, front);
    assert_int_equal(non_dominated(5, 50, front, kept), 50);
}

static void distances_and_ranges(void **unused)
{
    (void)unused;
    const double points[] = {0, 0, 3, 4}, front[] = {0, 1, 3, 0, 3, 4};
    assert_true(fabs(inverted_generational_distance(2, 2, points, 3, front) - (1 + 3 + 0) / 3.0) < 1e-15);
    assert_true(isinf(inverted_generational_distance(2, 0, points, 3, front)));
    assert_true(isnan(inverted_generational_distance(2, 2, points, 0, front)));
    double low[2], high[2];
    objective_ranges(2, 3, (double[]){1, NAN, -2, NAN, 5, NAN}, low, high);
    assert_true(low[0] == -2 && high[0] == 5 && isnan(low[1]) && isnan(high[1]));
    objective_ranges(2, 2, points, low, high);
    assert_true(low[1] == 0 && high[1] == 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hypervolume_of_a_few),       cmocka_unit_test(hypervolume_of_cells),
        cmocka_unit_test(hypervolume_by_monte_carlo), cmocka_unit_test(hypervolume_keeps_its_word),
        cmocka_unit_test(hypervolume_is_fast),        cmocka_unit_test(gradient_agrees_with_differences),
        cmocka_unit_test(gradient_by_hand),           cmocka_unit_test(gradient_beyond_the_reference),
        cmocka_unit_test(gradient_at_its_limits),     cmocka_unit_test(uniformity_by_hand),
        cmocka_unit_test(non_dominated_points),       cmocka_unit_test(distances_and_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
