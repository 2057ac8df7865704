#include "tests/pareto/oracle.h"

enum { M = PARETO_MOST_OBJECTIVES };

static double sum_of(unsigned m, const double *ray)
{
    double sum = 0;
    for (unsigned j = 0; j < m; j++)
        sum += ray[j];
    return sum;
}

/* Mean a_i / A, variance a_i (A - a_i) / (A^2 (A + 1)), covariance - a_i a_j / (A^2 (A + 1)), each within 5 standard errors or
 * so. */
static void check_moments(unsigned m, const double *concentration)
{
    enum { DRAWS = 40000 };
    const uint32_t seed[2] = {17, 4};
    double mean[M] = {0}, square[M] = {0}, product = 0, total = sum_of(m, concentration);
    for (uint32_t step = 0; step < DRAWS; step++) {
        double ray[M];
        dirichlet_sample(seed, step, 3, m, concentration, ray);
        assert_true(fabs(sum_of(m, ray) - 1) < 1e-12);
        for (unsigned j = 0; j < m; j++) {
            assert_true(ray[j] >= 0);
            mean[j] += ray[j] / DRAWS;
            square[j] += ray[j] * ray[j] / DRAWS;
        }
        product += ray[0] * ray[m - 1] / DRAWS;
    }
    for (unsigned j = 0; j < m; j++) {
        double a = concentration[j], variance = a * (total - a) / (total * total * (total + 1));
        double seen = square[j] - mean[j] * mean[j];
        assert_true(fabs(mean[j] - a / total) < 5 * sqrt(variance / DRAWS));
        assert_true(fabs(seen - variance) < 0.05 * variance + 1e-4);
    }
    double covariance = -concentration[0] * concentration[m - 1] / (total * total * (total + 1));
    assert_true(fabs(product - mean[0] * mean[m - 1] - covariance) < 0.07 * fabs(covariance) + 1e-4);
}

static void dirichlet_moments(void **unused)
{
    (void)unused;
    check_moments(2, (double[]){0.2, 0.2});
    check_moments(3, (double[]){0.2, 0.2, 0.2});
    check_moments(3, (double[]){1, 2, 5});
    check_moments(4, (double[]){0.5, 30, 1, 0.999});
    check_moments(7, (double[]){0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2});
}

/* Dir(1, 1) is uniform: the distribution function is x itself (Kolmogorov & Smirnov, far beyond the 0.1 % point 1.95 / sqrt n).
 */
static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void dirichlet_of_ones_is_uniform(void **unused)
{
    (void)unused;
    enum { DRAWS = 20000 };
    static double first[DRAWS];
    for (uint32_t step = 0; step < DRAWS; step++) {
        double ray[2];
        dirichlet_sample((uint32_t[]){1, 2}, step, 0, 2, (double[]){1, 1}, ray);
        first[step] = ray[0];
    }
    qsort(first, DRAWS, sizeof *first, compare);
    double distance = 0;
    for (unsigned k = 0; k < DRAWS; k++)
        distance = fmax(distance, fabs(first[k] - (k + 0.5) / DRAWS));
    assert_true(distance < 2.5 / sqrt(DRAWS));
}

static void dirichlet_is_a_function(void **unused)
{
    (void)unused;
    const double concentration[] = {0.2, 0.2, 0.2};
    const uint32_t seed[2] = {5, 6};
    double ray[3], again[3], other[3];
    dirichlet_sample(seed, 7, 8, 3, concentration, ray);
    dirichlet_sample(seed, 7, 8, 3, concentration, again);
    assert_memory_equal(ray, again, sizeof ray);
    dirichlet_sample(seed, 8, 8, 3, concentration, other);
    assert_memory_not_equal(ray, other, sizeof ray);
    dirichlet_sample(seed, 7, 9, 3, concentration, other);
    assert_memory_not_equal(ray, other, sizeof ray);
    dirichlet_sample((uint32_t[]){5, 7}, 7, 8, 3, concentration, other);
    assert_memory_not_equal(ray, other, sizeof ray);
}

static void dirichlet_of_small_concentrations(void **unused)
{
    (void)unused;
    static const double small[] = {0.2, 0.05, 0.01, 1e-3, 1e-6};
    for (size_t c = 0; c < COUNT_OF(small); c++) {
        double concentration[M], ray[M];
        for (unsigned j = 0; j < M; j++)
            concentration[j] = small[c];
        for (uint32_t step = 0; step < 20000; step++) {
            unsigned m = 2 + step % (M - 1);
            dirichlet_sample((uint32_t[]){0, 0}, step, 0, m, concentration, ray);
            assert_true(fabs(sum_of(m, ray) - 1) < 1e-12); /* false for NaN as well */
        }
    }
}

/* A known answer, so that a change of the stream does not pass unseen. */
static void dirichlet_stays_the_same(void **unused)
{
    (void)unused;
    double ray[3];
    dirichlet_sample((uint32_t[]){1, 0}, 0, 0, 3, (double[]){0.2, 0.2, 0.2}, ray);
    const double expected[] = {0.16986564385919314, 0.0010568030980372893, 0.8290775530427696};
    for (unsigned j = 0; j < 3; j++)
        assert_true(fabs(ray[j] - expected[j]) < 1e-12);
}

static void check_rays(unsigned m, unsigned n, const double *rays, double least)
{
    for (unsigned k = 0; k < n; k++) {
        assert_true(fabs(sum_of(m, rays + k * m) - 1) < 1e-14);
        for (unsigned j = 0; j < m; j++)
            assert_true(rays[k * m + j] >= least - 1e-15);
        for (unsigned other = 0; other < k; other++)
            assert_true(memcmp(rays + k * m, rays + other * m, m * sizeof *rays) != 0);
    }
}

static void circle(void **unused)
{
    (void)unused;
    double rays[25 * 2];
    assert_int_equal(rays_circle(25, 0.1, rays), 25);
    check_rays(2, 25, rays, 0.05);
    assert_true(fabs(rays[1] / rays[0] - tan(0.1)) < 1e-12 && fabs(rays[48] / rays[49] - tan(0.1)) < 1e-12);
    assert_true(fabs(rays[24] - 0.5) < 1e-12);
    for (unsigned k = 1; k < 25; k++)
        assert_true(fabs(atan2(rays[2 * k + 1], rays[2 * k]) - atan2(rays[2 * k - 1], rays[2 * k - 2]) -
                         (1.5707963267948966 - 0.2) / 24) < 1e-12);
    assert_int_equal(rays_circle(2, 0, rays), 2);
    assert_true(rays[0] == 1 && rays[1] == 0 && rays[2] < 1e-15 && rays[3] == 1);
    assert_int_equal(rays_circle(1, 0.1, rays), 1);
    assert_true(fabs(rays[0] - 0.5) < 1e-15);
    assert_int_equal(rays_circle(7, 0.1, NULL), 7);
}

static void das_dennis(void **unused)
{
    (void)unused;
    static double rays[210 * 7];
    assert_int_equal(rays_das_dennis(3, 6, false, NULL), 28);
    assert_int_equal(rays_das_dennis(3, 6, false, rays), 28);
    check_rays(3, 28, rays, 0);
    assert_true(rays[2] == 1 && rays[3 * 27] == 1 && fabs(rays[3 * 1 + 1] - 1.0 / 6) < 1e-15);
    assert_int_equal(rays_das_dennis(7, 11, true, rays), 210); /* Navon et al. take 100 of these on SARCOS */
    check_rays(7, 210, rays, 1.0 / 11);
    for (unsigned k = 1; k < 210; k++) { /* lexicographic */
        unsigned j = 0;
        while (rays[k * 7 + j] == rays[k * 7 - 7 + j])
            j++;
        assert_true(rays[k * 7 + j] > rays[k * 7 - 7 + j]);
    }
    assert_int_equal(rays_das_dennis(1, 5, false, rays), 1);
    assert_true(rays[0] == 1);
    assert_int_equal(rays_das_dennis(3, 2, true, NULL), 0);
    assert_int_equal(rays_das_dennis(3, 3, true, rays), 1);
    assert_true(fabs(rays[0] - 1.0 / 3) < 1e-15);
    assert_int_equal(rays_das_dennis(16, 1000, false, NULL), 0); /* more than an unsigned holds */
    assert_int_equal(rays_das_dennis(0, 3, false, NULL), 0);
    assert_int_equal(rays_das_dennis(3, 0, false, NULL), 0);
}

static void centroids(void **unused)
{
    (void)unused;
    double rays[25 * 3];
    assert_int_equal(rays_centroids(5, false, NULL), 25);
    assert_int_equal(rays_centroids(5, false, rays), 25);
    check_rays(3, 25, rays, 1.0 / 15);
    assert_true(fabs(rays[2] - 13.0 / 15) < 1e-15 && fabs(rays[15 * 3 + 2] - 11.0 / 15) < 1e-15);
    assert_int_equal(rays_centroids(4, true, rays), 10);
    check_rays(3, 10, rays, 1.0 / 12);
    assert_int_equal(rays_centroids(1, false, rays), 1);
    assert_true(fabs(rays[0] - 1.0 / 3) < 1e-15);
    assert_int_equal(rays_centroids(0, false, rays), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dirichlet_moments),
        cmocka_unit_test(dirichlet_of_ones_is_uniform),
        cmocka_unit_test(dirichlet_is_a_function),
        cmocka_unit_test(dirichlet_of_small_concentrations),
        cmocka_unit_test(dirichlet_stays_the_same),
        cmocka_unit_test(circle),
        cmocka_unit_test(das_dennis),
        cmocka_unit_test(centroids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
