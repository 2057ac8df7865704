#include "tests/pareto/oracle.h"

enum { M = PARETO_MOST_OBJECTIVES };

static void make_gram(unsigned m, unsigned size, const double *gradients, double *gram)
{
    for (unsigned i = 0; i < m; i++) {
        for (unsigned j = 0; j < m; j++) {
            gram[i * m + j] = 0;
            for (unsigned k = 0; k < size; k++)
                gram[i * m + j] += gradients[i * size + k] * gradients[j * size + k];
        }
    }
}

/* Random gradients with a common part, so that both conflict and agreement occur, and lengths that differ. */
static void random_gradients(unsigned m, unsigned size, double *gradients)
{
    double common[64], share = random_uniform();
    for (unsigned k = 0; k < size; k++)
        common[k] = random_normal();
    for (unsigned j = 0; j < m; j++) {
        double length = exp(2 * random_normal());
        for (unsigned k = 0; k < size; k++)
            gradients[j * size + k] = length * (share * common[k] + (1 - share) * random_normal());
    }
}

static double sum_of(unsigned m, const double *alpha)
{
    double sum = 0;
    for (unsigned j = 0; j < m; j++)
        sum += alpha[j];
    return sum;
}

/* ---- EPO ---- */

/* The linear programme of the paper, written down once more. */
typedef struct Programme {
    unsigned rows;
    double cost[M], row[(M + 1) * M], bound[M + 1];
} Programme;

static void add_row(Programme *programme, unsigned m, const double *row, double bound)
{
    double scale = fabs(bound);
    for (unsigned j = 0; j < m; j++)
        scale = fmax(scale, fabs(row[j]));
    if (scale == 0)
        return;
    for (unsigned j = 0; j < m; j++)
        programme->row[programme->rows * m + j] = row[j] / scale;
    programme->bound[programme->rows++] = bound / scale;
}

static double clamped(double value)
{
    return value < 1e-12 ? 1e-12 : value;
}

static void write_programme(unsigned m, const double *losses, const double *ray, const double *gram, Programme *programme)
{
    double weighted[M], a[M], ca[M] = {0}, total = 0, mu = 0, trace = 0, most = -INFINITY, largest = 0;
    bool any = false;
    for (unsigned j = 0; j < m; j++) {
        weighted[j] = clamped(ray[j]) * clamped(losses[j]);
        total += weighted[j];
        trace += gram[j * m + j];
    }
    for (unsigned j = 0; j < m; j++)
        mu += weighted[j] / total * log(m * weighted[j] / total);
    for (unsigned j = 0; j < m; j++)
        a[j] = clamped(ray[j]) * (log(m * weighted[j] / total) - mu);
    for (unsigned i = 0; i < m; i++) {
        for (unsigned j = 0; j < m; j++)
            ca[i] += gram[i * m + j] * a[j] * m / trace;
        most = fmax(most, ca[i]);
        any = any || ca[i] > 0;
        largest = fmax(largest, weighted[i]);
    }
    programme->rows = 0;
    for (unsigned i = 0; i < m; i++) {
        double row[M];
        for (unsigned j = 0; j < m; j++)
            row[j] = gram[i * m + j] * m / trace;
        if (mu <= 1e-4 || weighted[i] == largest || !any)
            add_row(programme, m, row, 0);
        else if (ca[i] <= 0)
            add_row(programme, m, row, ca[i]);
        programme->cost[i] = ca[i];
    }
    if (mu > 1e-4)
        return;
    for (unsigned j = 0; j < m; j++)
        largest = fmax(j ? largest : 0, fabs(ca[j]));
    if (largest > 1e-13) /* below that it is rounding */
        add_row(programme, m, ca, fmin(most, 0));
    for (unsigned j = 0; j < m; j++) {
        programme->cost[j] = 0;
        for (unsigned i = 0; i < m; i++)
            programme->cost[j] += gram[i * m + j] * m / trace;
    }
}

/* The weights are feasible and as good as the best corner; where the solver gave up, no corner is well inside. */
static bool check_epo(unsigned m, const double *losses, const double *ray, const double *gram)
{
    Programme programme;
    double alpha[M], value = 0, scale = 0;
    write_programme(m, losses, ray, gram, &programme);
    SolveStatus status = epo_weights(m, losses, ray, gram, alpha);
    assert_true(fabs(sum_of(m, alpha) - 1) < 1e-12);
    if (status == SOLVE_FALLBACK) {
        assert_true(best_vertex(m, programme.cost, programme.rows, programme.row, programme.bound, 1e-12) == -INFINITY);
        for (unsigned j = 0; j < m; j++)
            assert_true(fabs(alpha[j] - ray[j] / sum_of(m, ray)) < 1e-10);
        return false;
    }
    double best = best_vertex(m, programme.cost, programme.rows, programme.row, programme.bound, 1e-8);
    for (unsigned j = 0; j < m; j++) {
        assert_true(alpha[j] >= 0);
        value += programme.cost[j] * alpha[j];
        scale = fmax(scale, fabs(programme.cost[j]));
    }
    for (unsigned i = 0; i < programme.rows; i++) {
        double reached = 0;
        for (unsigned j = 0; j < m; j++)
            reached += programme.row[i * m + j] * alpha[j];
        if (reached < programme.bound[i] - 1e-8)
            fail_msg("m = %u: a row is missed by %g", m, programme.bound[i] - reached);
    }
    if (fabs(value - best) > 1e-6 * scale)
        fail_msg("m = %u: value %.12g, best corner %.12g", m, value, best);
    return true;
}

static void epo_finds_the_best_corner(void **unused)
{
    (void)unused;
    static const struct {
        unsigned m, problems;
    } cases[] = {{1, 100}, {2, 20000}, {3, 20000}, {5, 3000}, {6, 200}};
    random_begin(1);
    for (size_t c = 0; c < COUNT_OF(cases); c++) {
        unsigned m = cases[c].m, solved = 0;
        for (unsigned k = 0; k < cases[c].problems; k++) {
            double gradients[M * 64], gram[M * M], losses[M], ray[M];
            unsigned size = 1 + random_below(12); /* often fewer than objectives */
            random_gradients(m, size, gradients);
            make_gram(m, size, gradients, gram);
            random_ray(m, k % 3 == 0, ray);
            for (unsigned j = 0; j < m; j++)
                losses[j] =
                    k % 3 == 1 ? exp(0.003 * (k % 5) * random_normal()) / ray[j] : exp(random_normal()); /* dominate or not */
            solved += check_epo(m, losses, ray, gram);
        }
        print_message("m = %u: %u of %u solved\n", m, solved, cases[c].problems);
        assert_true(solved > cases[c].problems * 0.9);
    }
}

static void epo_degenerate_data(void **unused)
{
    (void)unused;
    random_begin(2);
    for (unsigned k = 0; k < 20000; k++) {
        unsigned m = 2 + random_below(3);
        double gradients[M * 64], gram[M * M], losses[M], ray[M];
        random_gradients(m, 8, gradients);
        random_ray(m, true, ray);
        for (unsigned j = 0; j < m; j++) {
            losses[j] = random_below(4) ? random_uniform() : 0;
            if (random_below(4) == 0)
                ray[j] *= random_below(2) ? 1e-10 : 0;
            unsigned other = random_below(m);
            if (random_below(4) == 0) /* vanished, or equal to another up to a factor */
                for (unsigned i = 0; i < 8; i++)
                    gradients[j * 8 + i] = random_below(2) ? 0 : (random_below(2) ? -1 : 2) * gradients[other * 8 + i];
        }
        make_gram(m, 8, gradients, gram);
        double trace = 0;
        for (unsigned j = 0; j < m; j++)
            trace += gram[j * m + j];
        if (trace > 0 && sum_of(m, ray) > 1e-3)
            check_epo(m, losses, ray, gram);
    }
}

static void epo_falls_back_to_the_ray(void **unused)
{
    (void)unused;
    const double ray[] = {0.2, 0.3, 0.5}, losses[] = {1, 2, 3}, none[9] = {0}, gram[] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    double alpha[3];
    assert_int_equal(epo_weights(3, losses, ray, gram, alpha), SOLVE_FINE);
    for (unsigned wrong = 0; wrong < 5; wrong++) {
        double l[3], g[9];
        memcpy(l, losses, sizeof l);
        memcpy(g, wrong == 0 ? none : gram, sizeof g);
        if (wrong == 1)
            l[1] = NAN;
        if (wrong == 2)
            l[2] = INFINITY;
        if (wrong == 3)
            g[4] = NAN;
        if (wrong == 4)
            g[1] = g[3] = -INFINITY;
        assert_int_equal(epo_weights(3, l, ray, g, alpha), SOLVE_FALLBACK);
        for (unsigned j = 0; j < 3; j++)
            assert_true(fabs(alpha[j] - ray[j]) < 1e-14);
    }
    assert_int_equal(epo_weights(3, losses, (double[]){NAN, 1, 1}, gram, alpha), SOLVE_FALLBACK);
    assert_true(alpha[0] == alpha[1] && fabs(alpha[2] - 1.0 / 3) < 1e-15);
    assert_int_equal(epo_weights(3, losses, (double[]){1e308, 1e308, 0}, none, alpha), SOLVE_FALLBACK);
    assert_true(fabs(alpha[0] - 0.5) < 1e-12 && fabs(alpha[1] - 0.5) < 1e-12);
}

/* Two orthogonal gradients, loss 1 too large for its ray: descend it alone. On the ray: both. */
static void epo_by_hand(void **unused)
{
    (void)unused;
    const double gram[] = {1, 0, 0, 1}, even[] = {0.5, 0.5};
    double alpha[2];
    assert_int_equal(epo_weights(2, (double[]){4, 1}, even, gram, alpha), SOLVE_FINE);
    assert_true(alpha[0] == 1 && alpha[1] == 0);
    assert_int_equal(epo_weights(2, (double[]){1, 4}, even, gram, alpha), SOLVE_FINE);
    assert_true(alpha[0] == 0 && alpha[1] == 1);
    assert_int_equal(epo_weights(2, (double[]){1, 3}, (double[]){0.75, 0.25}, (double[]){2, -1, -1, 1}, alpha), SOLVE_FINE);
    /* maximise a_1 with 2 a_1 >= a_2 and a_2 >= a_1: the half */
    assert_true(fabs(alpha[0] - 0.5) < 1e-9);
}

/* EPO's promise, on its own toy problem (Mahapatra & Rajan): 1 - exp(-|x -+ 1 / sqrt n|^2), whose front is concave; the
 * linear scalarisation can only reach its ends. */
static void epo_reaches_the_rays_of_a_concave_front(void **unused)
{
    (void)unused;
    enum { N = 20 };
    for (unsigned r = 1; r < 10; r++) {
        double x[N], ray[2] = {r / 10.0, 1 - r / 10.0}, losses[2], alpha[2];
        random_begin(r);
        for (unsigned k = 0; k < N; k++)
            x[k] = (k % 2 ? -0.3 : 0.3) + 0.1 * random_normal();
        for (unsigned step = 0; step < 3000; step++) {
            double gradients[2 * N], gram[4];
            for (unsigned j = 0; j < 2; j++) {
                double squares = 0, shift = (j ? -1 : 1) / sqrt(N);
                for (unsigned k = 0; k < N; k++)
                    squares += (x[k] - shift) * (x[k] - shift);
                losses[j] = 1 - exp(-squares);
                for (unsigned k = 0; k < N; k++)
                    gradients[j * N + k] = 2 * (x[k] - shift) * exp(-squares);
            }
            make_gram(2, N, gradients, gram);
            epo_weights(2, losses, ray, gram, alpha);
            for (unsigned k = 0; k < N; k++)
                x[k] -= 0.01 * (alpha[0] * gradients[k] + alpha[1] * gradients[N + k]);
        }
        assert_true(uniformity(2, losses, ray) > 0.99);
        for (unsigned k = 1; k < N; k++) /* the front: all coordinates equal */
            assert_true(fabs(x[k] - x[0]) < 0.02);
    }
}

static void epo_is_fast(void **unused)
{
    (void)unused;
    enum { PROBLEMS = 1000, ROUNDS = 20 };
    for (unsigned m = 2; m <= 7; m++) {
        static double grams[PROBLEMS][M * M], losses[PROBLEMS][M], rays[PROBLEMS][M];
        double alpha[M], sum = 0;
        random_begin(m);
        for (unsigned p = 0; p < PROBLEMS; p++) {
            double gradients[M * 64];
            random_gradients(m, 20, gradients);
            make_gram(m, 20, gradients, grams[p]);
            random_ray(m, true, rays[p]);
            for (unsigned j = 0; j < m; j++)
                losses[p][j] = exp(random_normal());
        }
        double begin = seconds_now();
        for (unsigned round = 0; round < ROUNDS; round++) {
            for (unsigned p = 0; p < PROBLEMS; p++) {
                epo_weights(m, losses[p], rays[p], grams[p], alpha);
                sum += alpha[0];
            }
        }
        double middle = seconds_now();
        for (unsigned round = 0; round < ROUNDS; round++) {
            for (unsigned p = 0; p < PROBLEMS; p++) {
                min_norm_weights(m, grams[p], alpha);
                sum += alpha[0];
            }
        }
        double end = seconds_now();
        print_message("m = %u: epo %.2f us, min norm %.2f us\n", m, (middle - begin) * 1e6 / PROBLEMS / ROUNDS,
                      (end - middle) * 1e6 / PROBLEMS / ROUNDS);
        assert_true(sum >= 0 && end - begin < 10);
    }
}

/* ---- min norm ---- */

static void check_min_norm(unsigned m, const double *gram, const double *alpha)
{
    double norm = 0, image[M], length = 0;
    for (unsigned i = 0; i < m; i++) {
        image[i] = 0;
        for (unsigned j = 0; j < m; j++)
            image[i] += gram[i * m + j] * alpha[j];
        norm += alpha[i] * image[i];
        length = fmax(length, gram[i * m + i]);
        assert_true(alpha[i] >= 0);
    }
    assert_true(fabs(sum_of(m, alpha) - 1) < 1e-12);
    for (unsigned i = 0; i < m; i++) /* the optimality condition of a convex programme */
        assert_true(image[i] >= norm - 1e-10 * length);
}

static void min_norm_is_least(void **unused)
{
    (void)unused;
    random_begin(3);
    for (unsigned k = 0; k < 5000; k++) {
        unsigned m = 1 + random_below(7), size = 1 + random_below(12);
        double gradients[M * 64], gram[M * M], alpha[M], expected[M];
        random_gradients(m, size, gradients);
        if (k % 7 == 0 && m > 1) /* a duplicate */
            memcpy(gradients + size, gradients, size * sizeof *gradients);
        make_gram(m, size, gradients, gram);
        assert_int_equal(min_norm_weights(m, gram, alpha), SOLVE_FINE);
        check_min_norm(m, gram, alpha);
        double least = least_norm_of_subsets(m, size, gradients, expected), norm = 0, largest = 0;
        for (unsigned i = 0; i < m; i++) {
            largest = fmax(largest, gram[i * m + i]);
            for (unsigned j = 0; j < m; j++)
                norm += alpha[i] * gram[i * m + j] * alpha[j];
        }
        assert_true(fabs(norm - least) < 1e-9 * largest);
    }
    for (unsigned k = 0; k < 2000; k++) { /* as many as there may be: by the optimality condition */
        double gradients[M * 64], gram[M * M], alpha[M];
        unsigned size = 2 + random_below(40);
        random_gradients(M, size, gradients);
        make_gram(M, size, gradients, gram);
        assert_int_equal(min_norm_weights(M, gram, alpha), SOLVE_FINE);
        check_min_norm(M, gram, alpha);
    }
}

static void min_norm_of_two(void **unused)
{
    (void)unused;
    random_begin(4);
    for (unsigned k = 0; k < 5000; k++) {
        double gradients[2 * 3], gram[4], alpha[2];
        random_gradients(2, 3, gradients);
        make_gram(2, 3, gradients, gram);
        double first = (gram[3] - gram[1]) / (gram[0] - 2 * gram[1] + gram[3]); /* Sener & Koltun's closed form */
        first = first < 0 ? 0 : first > 1 ? 1 : first;
        min_norm_weights(2, gram, alpha);
        assert_true(fabs(alpha[0] - first) < 1e-9);
    }
}

static void min_norm_degenerate(void **unused)
{
    (void)unused;
    double alpha[3];
    assert_int_equal(min_norm_weights(2, (double[]){0, 0, 0, 4}, alpha), SOLVE_FINE); /* a vanished gradient is the point */
    assert_true(alpha[0] == 1 && alpha[1] == 0);
    assert_int_equal(min_norm_weights(2, (double[]){1, -1, -1, 1}, alpha), SOLVE_FINE);
    assert_true(fabs(alpha[0] - 0.5) < 1e-12);
    assert_int_equal(min_norm_weights(2, (double[]){1, 1, 1, 1}, alpha), SOLVE_FINE);
    assert_true(fabs(alpha[0] + alpha[1] - 1) < 1e-15);
    assert_int_equal(min_norm_weights(2, (double[]){1e-16, 0, 0, 1}, alpha), SOLVE_FINE); /* ratio of lengths 1e8 */
    assert_true(fabs(alpha[1] - 1e-16) < 1e-18);
    assert_int_equal(min_norm_weights(3, (double[9]){0}, alpha), SOLVE_FALLBACK);
    assert_true(alpha[0] == alpha[2] && fabs(alpha[1] - 1.0 / 3) < 1e-15);
    assert_int_equal(min_norm_weights(2, (double[]){NAN, 0, 0, 1}, alpha), SOLVE_FALLBACK);
    assert_true(alpha[0] == 0.5 && alpha[1] == 0.5);
}

/* ---- PMTL ---- */

/* With explicit vectors: the gradients, and those of the active constraints. Returns how many constraints are active. */
static unsigned pmtl_by_vectors(unsigned m, unsigned size, const double *losses, unsigned rays, const double *all_rays,
                                unsigned own, const double *gradients, bool initial, double *alpha)
{
    double vectors[16 * 64], combination[16 * M] = {0}, weights[16], sum = 0;
    unsigned n = initial ? 0 : m, active = 0;
    for (unsigned j = 0; j < n; j++)
        combination[j * m + j] = 1;
    for (unsigned k = 0; k < rays; k++) {
        double length = 0, own_length = 0, value = 0;
        for (unsigned j = 0; j < m; j++) {
            length += all_rays[k * m + j] * all_rays[k * m + j];
            own_length += all_rays[own * m + j] * all_rays[own * m + j];
        }
        for (unsigned j = 0; j < m; j++) {
            combination[n * m + j] = all_rays[k * m + j] / sqrt(length) - all_rays[own * m + j] / sqrt(own_length);
            value += combination[n * m + j] * losses[j];
        }
        n += k != own && value > 0;
        active += k != own && value > 0;
    }
    memset(alpha, 0, m * sizeof *alpha);
    if (n == 0)
        return 0;
    memset(vectors, 0, sizeof vectors);
    for (unsigned a = 0; a < n; a++)
        for (unsigned j = 0; j < m; j++)
            for (unsigned i = 0; i < size; i++)
                vectors[a * size + i] += combination[a * m + j] * gradients[j * size + i];
    least_norm_of_subsets(n, size, vectors, weights);
    for (unsigned a = 0; a < n; a++)
        for (unsigned j = 0; j < m; j++)
            alpha[j] += weights[a] * combination[a * m + j];
    for (unsigned j = 0; j < m; j++)
        sum += fabs(alpha[j]);
    for (unsigned j = 0; j < m; j++)
        alpha[j] /= sum;
    return active;
}

/* Directions are compared, up to their length: where gradients are dependent the weights are not unique. */
static void assert_same_direction(unsigned m, unsigned size, const double *gradients, const double *a, const double *b)
{
    double products[3] = {0}, longest = 0;
    for (unsigned i = 0; i < size; i++) {
        double x = 0, y = 0, largest = 0;
        for (unsigned j = 0; j < m; j++) {
            x += a[j] * gradients[j * size + i];
            y += b[j] * gradients[j * size + i];
            largest = fmax(largest, fabs(gradients[j * size + i]));
        }
        products[0] += x * x;
        products[1] += x * y;
        products[2] += y * y;
        longest += largest * largest;
    }
    if (products[2] > 1e-12 * longest) /* else the point is the origin */
        assert_true(products[1] > (1 - 1e-6) * sqrt(products[0] * products[2]));
    else
        assert_true(products[0] < 1e-9 * longest);
}

static void pmtl_agrees_with_vectors(void **unused)
{
    (void)unused;
    unsigned counts[2] = {0};
    random_begin(5);
    for (unsigned k = 0; k < 4000; k++) {
        unsigned m = 2 + random_below(3), size = 4 + random_below(8), rays = 1 + random_below(6), own = random_below(rays);
        double gradients[M * 64], gram[M * M], all_rays[8 * M], losses[M], alpha[M], expected[M];
        bool inside;
        random_gradients(m, size, gradients);
        make_gram(m, size, gradients, gram);
        for (unsigned r = 0; r < rays; r++)
            random_ray(m, false, all_rays + r * m);
        for (unsigned j = 0; j < m; j++)
            losses[j] = random_uniform();
        unsigned active = pmtl_by_vectors(m, size, losses, rays, all_rays, own, gradients, false, expected);
        assert_int_equal(pmtl_weights(m, losses, rays, all_rays, own, gram, alpha), SOLVE_FINE);
        assert_same_direction(m, size, gradients, alpha, expected);
        double absolute = 0;
        for (unsigned j = 0; j < m; j++)
            absolute += fabs(alpha[j]);
        assert_true(fabs(absolute - 1) < 1e-12);
        assert_int_equal(pmtl_initial_weights(m, losses, rays, all_rays, own, gram, alpha, &inside), SOLVE_FINE);
        assert_int_equal(inside, active == 0);
        pmtl_by_vectors(m, size, losses, rays, all_rays, own, gradients, true, expected);
        if (inside)
            assert_true(alpha[0] == 0 && alpha[m - 1] == 0);
        else
            assert_same_direction(m, size, gradients, alpha, expected);
        counts[inside]++;
    }
    assert_true(counts[0] > 500 && counts[1] > 500);
}

static void pmtl_without_constraints_is_min_norm(void **unused)
{
    (void)unused;
    const double ray[] = {0.5, 0.5}, gram[] = {1, 0.3, 0.3, 2}, losses[] = {1, 2};
    double alpha[2], expected[2];
    min_norm_weights(2, gram, expected);
    assert_int_equal(pmtl_weights(2, losses, 1, ray, 0, gram, alpha), SOLVE_FINE);
    assert_true(fabs(alpha[0] - expected[0]) < 1e-12);
    bool inside;
    assert_int_equal(pmtl_weights(2, losses, 1, ray, 1, gram, alpha), SOLVE_FALLBACK); /* there is no ray 1 */
    assert_int_equal(pmtl_weights(2, (double[]){NAN, 1}, 1, ray, 0, gram, alpha), SOLVE_FALLBACK);
    assert_int_equal(pmtl_weights(2, losses, 1, (double[]){0, 0}, 0, gram, alpha), SOLVE_FALLBACK);
    assert_true(alpha[0] == 0.5 && alpha[1] == 0.5);
    assert_int_equal(pmtl_initial_weights(2, losses, 2, (double[]){0, 1, 1, 0}, 1, (double[4]){0}, alpha, &inside),
                     SOLVE_FALLBACK);
    assert_false(inside);
}

static void many_rays(void **unused)
{
    (void)unused;
    static double rays[PARETO_MOST_RAYS * 2];
    assert_int_equal(rays_circle(PARETO_MOST_RAYS, 0, rays), PARETO_MOST_RAYS);
    double alpha[2];
    for (unsigned own = 0; own < PARETO_MOST_RAYS; own += 15)
        assert_int_equal(pmtl_weights(2, (double[]){0.3, 0.9}, PARETO_MOST_RAYS, rays, own, (double[]){1, -0.2, -0.2, 2}, alpha),
                         SOLVE_FINE);
    assert_int_equal(pmtl_weights(2, (double[]){1, 1}, PARETO_MOST_RAYS + 1, rays, 0, (double[]){1, 0, 0, 1}, alpha),
                     SOLVE_FALLBACK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(epo_by_hand),
        cmocka_unit_test(epo_finds_the_best_corner),
        cmocka_unit_test(epo_degenerate_data),
        cmocka_unit_test(epo_falls_back_to_the_ray),
        cmocka_unit_test(epo_reaches_the_rays_of_a_concave_front),
        cmocka_unit_test(epo_is_fast),
        cmocka_unit_test(min_norm_is_least),
        cmocka_unit_test(min_norm_of_two),
        cmocka_unit_test(min_norm_degenerate),
        cmocka_unit_test(pmtl_agrees_with_vectors),
        cmocka_unit_test(pmtl_without_constraints_is_min_norm),
        cmocka_unit_test(many_rays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
