/* Proposals: that grids and sequences are what they are called, that a Gaussian process is the one of its formulas, and that expected
 * improvement finds the minima of two functions that are customary for it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proposals/gp.h"
#include "proposals/proposals.h"

/* A number that is as good as random: SplitMix64 of all that it is of. */
static double draw(const void *context, uint32_t trial, uint32_t index)
{
    uint64_t z = (*(const uint64_t *)context << 52) + ((uint64_t)trial << 20) + index + 1;
    for (int i = 0; i < 2; i++) {
        z += 0x9E3779B97F4A7C15u;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
        z = (z ^ z >> 27) * 0x94D049BB133111EBu;
        z ^= z >> 31;
    }
    return (double)(z >> 11) * 0x1p-53;
}

static double none(const void *context, uint32_t trial, uint32_t index)
{
    (void)context, (void)trial, (void)index;
    return 0;
}

static ProposalSpace space_of(size_t d, const uint64_t *seed)
{
    return (ProposalSpace){.d = d, .draw = draw, .context = seed};
}

/* ---- points ---- */

static void test_grid(void **state)
{
    (void)state;
    uint64_t seed = 0;
    ProposalSpace space = space_of(3, &seed);
    double point[3];
    space.cells[1] = 2; /* as a number that is 0 or 1 */
    space.values = 3;
    assert_int_equal(proposal_grid_size(&space), 3 * 2 * 3);
    propose_grid(&space, NULL, 0, point);
    assert_true(point[0] == 0 && point[1] == 0.25 && point[2] == 0);
    propose_grid(&space, NULL, 10, point); /* 1 of 3, 1 of 2, 1 of 3 */
    assert_true(point[0] == 0.5 && point[1] == 0.75 && point[2] == 0.5);
    propose_grid(&space, NULL, 17, point);
    assert_true(point[0] == 1 && point[1] == 0.75 && point[2] == 1);
    space.d = MOST_PROPOSED_NUMBERS;
    space.values = 10;
    assert_true(proposal_grid_size(&space) > MOST_TRIALS);
}

/* Of the first 2^k points each interval of length 2^-k holds one, in every dimension, shifted or not; in the first two dimensions each
 * box of that volume. */
static void test_sobol(void **state)
{
    (void)state;
    enum { K = 6, COUNT = 1 << K };
    uint64_t seed = 3;
    ProposalSpace spaces[] = {{.d = MOST_PROPOSED_NUMBERS, .draw = none}, space_of(MOST_PROPOSED_NUMBERS, &seed)};
    static double points[COUNT][MOST_PROPOSED_NUMBERS];
    for (int s = 0; s < 2; s++) {
        for (int i = 0; i < COUNT; i++)
            propose_sobol(&spaces[s], NULL, i, points[i]);
        for (int k = 0; k < MOST_PROPOSED_NUMBERS; k++) {
            int held[COUNT] = {0};
            for (int i = 0; i < COUNT; i++)
                assert_int_equal(held[(int)(points[i][k] * COUNT)]++, 0);
        }
        for (int wide = 0; wide <= K; wide++) {
            int held[COUNT] = {0};
            for (int i = 0; i < COUNT; i++) {
                int column = (int)(points[i][0] * (1 << wide)), row = (int)(points[i][1] * (1 << (K - wide)));
                assert_int_equal(held[column * (1 << (K - wide)) + row]++, 0);
            }
        }
    }
    propose_sobol(&spaces[0], NULL, 1, points[0]);
    propose_sobol(&spaces[0], NULL, 2, points[1]);
    for (int k = 0; k < MOST_PROPOSED_NUMBERS; k++) /* the second point is the centre; the third has odd quarters */
        assert_true(points[0][k] == 0.5 && (points[1][k] == 0.25 || points[1][k] == 0.75));
}

static void test_random_and_cells(void **state)
{
    (void)state;
    uint64_t seed = 1;
    ProposalSpace space = space_of(2, &seed);
    space.cells[1] = 4;
    int held[4] = {0};
    double point[2], sum = 0;
    for (int i = 0; i < 4000; i++) {
        propose_random(&space, NULL, i, point);
        sum += point[0];
        assert_true(point[1] * 8 == 1 || point[1] * 8 == 3 || point[1] * 8 == 5 || point[1] * 8 == 7);
        held[(int)(point[1] * 4)]++;
    }
    assert_true(fabs(sum / 4000 - 0.5) < 0.02);
    for (int i = 0; i < 4; i++)
        assert_in_range(held[i], 900, 1100);
}

/* ---- Gaussian processes ---- */

/* Two points: the mean and the variance between them by hand. */
static void test_process_of_two_values(void **state)
{
    (void)state;
    const double x[] = {0.2, 0.8}, values[] = {1, 3};
    Gp gp;
    double room[4], mean, deviation;
    assert_true(gp_fit(&gp, 2, 1, x, values, 10));
    double scale = exp(gp.logs[1]), noise = exp(gp.logs[2]), r = sqrt(5) * 0.6 / exp(gp.logs[0]), s = r / 2;
    double across = scale * (1 + r + r * r / 3) * exp(-r), half = scale * (1 + s + s * s / 3) * exp(-s);
    gp_predict(&gp, (const double[]){0.5}, room, &mean, &deviation, NULL, NULL);
    double variance = scale - 2 * half * half / (scale + noise + across); /* both weigh the same */
    assert_float_equal(mean, 2, 1e-12);
    assert_float_equal(deviation, sqrt(variance), 1e-9); /* in units of the deviation of the values, which is 1 */
    gp_close(&gp);
}

static void fill(double *x, size_t n, const uint64_t *seed)
{
    for (size_t i = 0; i < n; i++)
        x[i] = draw(seed, 0, (uint32_t)i);
}

static void test_slopes(void **state)
{
    (void)state;
    enum { N = 12, D = 3 };
    const uint64_t seed = 5;
    double x[N * D], y[N], logs[D + 2] = {-0.3, 0.4, 0.1, 0.2, -3}, slope[D + 2], other[D + 2], room[2 * N * N + N];
    fill(x, N * D, &seed);
    for (int i = 0; i < N; i++)
        y[i] = sin(5 * x[i * D]) + x[i * D + 1] * x[i * D + 2];
    gp_loss(N, D, x, y, logs, room, slope);
    for (int k = 0; k < D + 2; k++) {
        double sides[2];
        for (int side = 0; side < 2; side++) {
            double moved[D + 2];
            memcpy(moved, logs, sizeof moved);
            moved[k] += side ? 1e-5 : -1e-5;
            sides[side] = gp_loss(N, D, x, y, moved, room, other);
        }
        assert_float_equal(slope[k], (sides[1] - sides[0]) / 2e-5, 1e-6);
    }
    Gp gp;
    double point[D] = {0.3, 0.6, 0.2}, mean[2], deviation[2], mean_slope[D], deviation_slope[D];
    assert_true(gp_fit(&gp, N, D, x, y, 100));
    gp_predict(&gp, point, room, mean, deviation, mean_slope, deviation_slope);
    for (int k = 0; k < D; k++) {
        for (int side = 0; side < 2; side++) {
            double moved[D];
            memcpy(moved, point, sizeof moved);
            moved[k] += side ? 1e-5 : -1e-5;
            gp_predict(&gp, moved, room, &mean[side], &deviation[side], NULL, NULL);
        }
        assert_float_equal(mean_slope[k], (mean[1] - mean[0]) / 2e-5, 1e-6);
        assert_float_equal(deviation_slope[k], (deviation[1] - deviation[0]) / 2e-5, 1e-6);
    }
    gp_close(&gp);
}

/* The same point a hundred times over, nearly, with equal values. */
static void test_near_duplicates(void **state)
{
    (void)state;
    enum { N = 100 };
    const uint64_t seed = 2;
    double x[N * 2], y[N], room[2 * N], mean, deviation, point[2];
    fill(x, N * 2, &seed);
    for (int i = 0; i < N; i++) {
        x[2 * i] = 0.5 + 1e-9 * x[2 * i];
        x[2 * i + 1] = 0.5 + 1e-12 * x[2 * i + 1];
        y[i] = i % 2 ? 1 : 1 + 1e-9;
    }
    Gp gp;
    assert_true(gp_fit(&gp, N, 2, x, y, N));
    gp_predict(&gp, (const double[]){0.5, 0.5}, room, &mean, &deviation, NULL, NULL);
    assert_true(fabs(mean - 1) < 1e-6 && isfinite(deviation) && deviation > 0);
    gp_close(&gp);
    ProposalSpace space = space_of(2, &seed);
    PastTrials past = {N, 0, x, y};
    assert_true(propose_bayes(&space, &past, N, point));
    assert_true(fabs(point[0] - 0.5) > 1e-3 || fabs(point[1] - 0.5) > 1e-3);
}

/* ---- expected improvement ---- */

static double branin(const double *u)
{
    double x = 15 * u[0] - 5, y = 15 * u[1], pi = acos(-1);
    double a = y - 5.1 / (4 * pi * pi) * x * x + 5 / pi * x - 6;
    return a * a + 10 * (1 - 1 / (8 * pi)) * cos(x) + 10;
}

static double hartmann6(const double *u)
{
    static const double c[4] = {1, 1.2, 3, 3.2};
    static const double a[4][6] = {{10, 3, 17, 3.5, 1.7, 8}, {0.05, 10, 17, 0.1, 8, 14}, {3, 3.5, 1.7, 10, 17, 8}, {17, 8, 0.05, 10, 0.1, 14}};
    static const double p[4][6] = {{.1312, .1696, .5569, .0124, .8283, .5886},
                                   {.2329, .4135, .8307, .3736, .1004, .9991},
                                   {.2348, .1451, .3522, .2883, .3047, .6650},
                                   {.4047, .8828, .8732, .5743, .1091, .0381}};
    double sum = 0;
    for (int i = 0; i < 4; i++) {
        double inside = 0;
        for (int k = 0; k < 6; k++)
            inside += a[i][k] * (u[k] - p[i][k]) * (u[k] - p[i][k]);
        sum -= c[i] * exp(-inside);
    }
    return sum;
}

typedef double Function(const double *u);

/* The least of so many values, the first ten of which are at random points. */
static double search(Function *function, size_t d, uint64_t seed, int trials, bool bayes)
{
    ProposalSpace space = space_of(d, &seed);
    double *points = malloc((size_t)trials * d * sizeof *points), *values = malloc((size_t)trials * sizeof *values), least = INFINITY;
    for (int i = 0; i < trials; i++) {
        double *point = points + (size_t)i * d;
        PastTrials past = {(size_t)i, 0, points, values};
        if (!bayes || i < 10)
            propose_random(&space, NULL, i, point);
        else
            assert_true(propose_bayes(&space, &past, i, point));
        values[i] = function(point);
        least = fmin(least, values[i]);
    }
    free(points);
    free(values);
    return least;
}

static int compare(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static double median(Function *function, size_t d, int trials, bool bayes)
{
    enum { SEEDS = 7 };
    double found[SEEDS];
    for (uint64_t seed = 0; seed < SEEDS; seed++)
        found[seed] = search(function, d, seed, trials, bayes);
    qsort(found, SEEDS, sizeof *found, compare);
    return found[SEEDS / 2];
}

static void test_branin(void **state)
{
    (void)state;
    double found = median(branin, 2, 30, true), random = median(branin, 2, 30, false);
    printf("    Branin, least .397887, 30 trials: %.6f, at random %.4f\n", found, random);
    assert_true(found < 0.405 && found < random);
}

static void test_hartmann(void **state)
{
    (void)state;
    double found = median(hartmann6, 6, 50, true), random = median(hartmann6, 6, 50, false);
    printf("    Hartmann, least -3.32237, 50 trials: %.5f, at random %.4f\n", found, random);
    assert_true(found < -3.1 && found < random);
}

/* A point that is being tried is not proposed again, nor one near it. */
static void test_pending_points(void **state)
{
    (void)state;
    const uint64_t seed = 0;
    enum { KNOWN = 12 };
    ProposalSpace space = space_of(2, &seed);
    double points[(KNOWN + 3) * 2], values[KNOWN], next[2];
    for (int i = 0; i < KNOWN; i++) {
        propose_sobol(&space, NULL, i, points + 2 * i);
        values[i] = branin(points + 2 * i);
    }
    for (size_t pending = 0; pending < 3; pending++) {
        PastTrials past = {KNOWN, pending, points, values};
        assert_true(propose_bayes(&space, &past, KNOWN, next));
        for (size_t i = 0; i < KNOWN + pending; i++)
            assert_true(hypot(next[0] - points[2 * i], next[1] - points[2 * i + 1]) > 0.01);
        memcpy(points + 2 * (KNOWN + pending), next, sizeof next);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grid),           cmocka_unit_test(test_sobol),           cmocka_unit_test(test_random_and_cells),
        cmocka_unit_test(test_slopes),         cmocka_unit_test(test_process_of_two_values), cmocka_unit_test(test_near_duplicates),
        cmocka_unit_test(test_branin),         cmocka_unit_test(test_hartmann),        cmocka_unit_test(test_pending_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
