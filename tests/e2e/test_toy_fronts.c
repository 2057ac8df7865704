/* models/pareto_toy.hn: concave fronts with a known shape. The Pareto set of l_j = 1 - exp(-|x - s_j|^2) is the convex hull of
 * the s_j, so the true front is the losses over weights b >= 0, sum 1, of x = sum b_j s_j. */
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

enum { DIMENSIONS = 20, MOST = 3, RAYS = 25 };

/* ---- the problem ---- */

static double centre(int j, int i)
{
    double a = 1 / sqrt(DIMENSIONS);
    return j == 0 ? a : j == 1 ? -a : i % 2 ? -a : a;
}

static void losses_at(int m, const double *b, double *losses)
{
    for (int k = 0; k < m; k++) {
        double square = 0;
        for (int i = 0; i < DIMENSIONS; i++) {
            double x = -centre(k, i);
            for (int j = 0; j < m; j++)
                x += b[j] * centre(j, i);
            square += x * x;
        }
        losses[k] = 1 - exp(-square);
    }
}

static double distance(int m, const double *x, const double *y)
{
    double square = 0;
    for (int i = 0; i < m; i++)
        square += (x[i] - y[i]) * (x[i] - y[i]);
    return sqrt(square);
}

/* A search over the true front: for the least distance from `target`, or (asked: a ray) for the least max_i r_i l_i. */
typedef struct Search {
    int m;
    const double *target, *ray;
} Search;

static double measure(const Search *s, const double *b)
{
    double losses[MOST], largest = 0;
    losses_at(s->m, b, losses);
    if (s->target)
        return distance(s->m, losses, s->target);
    for (int i = 0; i < s->m; i++)
        largest = fmax(largest, s->ray[i] * losses[i]);
    return largest;
}

/* Moves weight between pairs while that helps, from the best point of a grid, in ever smaller steps. */
static double search(const Search *s, double *best)
{
    enum { PARTS = 40 };
    double least = INFINITY;
    for (int i = 0; i <= PARTS; i++)
        for (int j = 0; j <= PARTS - i; j++) {
            double b[MOST] = {(double)i / PARTS, (double)j / PARTS, (double)(PARTS - i - j) / PARTS};
            if (s->m == 2 && i + j < PARTS)
                continue;
            double value = measure(s, b);
            if (value < least) {
                least = value;
                memcpy(best, b, sizeof b);
            }
        }
    for (double step = 1.0 / PARTS; step > 1e-6;) {
        bool moved = false;
        for (int i = 0; i < s->m; i++)
            for (int j = 0; j < s->m; j++) {
                double b[MOST], share = fmin(step, best[j]);
                memcpy(b, best, sizeof b);
                b[i] += share;
                b[j] -= share;
                double value = i == j ? least : measure(s, b);
                if (value < least) {
                    least = value;
                    memcpy(best, b, sizeof b);
                    moved = true;
                }
            }
        step = moved ? step : step / 2;
    }
    return least;
}

/* ---- a trained front ---- */

typedef struct Front {
    int m;
    double rays[RAYS][MOST], points[RAYS][MOST];
    double igd; /* NaN if it is not reported */
} Front;

static void read_matrix(const json_t *list, int m, double matrix[RAYS][MOST])
{
    assert_int_equal(json_array_size(list), RAYS);
    for (size_t i = 0; i < RAYS; i++)
        for (int k = 0; k < m; k++)
            matrix[i][k] = json_number_value(json_array_get(json_array_get(list, i), (size_t)k));
}

static Front train(const char *name)
{
    if (run_command("cd '%s' && '%s/hnc' build models/pareto_toy.hn --data models --train %s -o \"$OLDPWD/toy\" && cd - && "
                    "./toy train --quiet --out %s",
                    HNC_SOURCE_DIR, HNC_BINARY_DIR, name, name) != 0)
        fail_msg("%s", command_output());
    char path[64];
    snprintf(path, sizeof path, "%s/front.json", name);
    json_t *json = json_load_file(path, 0, NULL);
    assert_non_null(json);
    Front front = {.m = (int)json_array_size(json_object_get(json, "objectives"))};
    read_matrix(json_object_get(json, "rays"), front.m, front.rays);
    read_matrix(json_object_get(json, "points"), front.m, front.points);
    const json_t *igd = json_object_get(json, "igd");
    front.igd = json_is_number(igd) ? json_number_value(igd) : NAN;
    json_decref(json);
    return front;
}

/* Largest distance of a point from the true front. */
static double off_front(const Front *front)
{
    double worst = 0, best[MOST];
    for (int i = 0; i < RAYS; i++)
        worst = fmax(worst, search(&(Search){front->m, front->points[i], NULL}, best));
    return worst;
}

/* Largest distance of a point from the one that its ray asks for. */
static double off_ray(const Front *front)
{
    double worst = 0, best[MOST], losses[MOST];
    for (int i = 0; i < RAYS; i++) {
        search(&(Search){front->m, NULL, front->rays[i]}, best);
        losses_at(front->m, best, losses);
        worst = fmax(worst, distance(front->m, losses, front->points[i]));
    }
    return worst;
}

/* Mean distance of the true front's points from the nearest that was found. */
static double gaps(const Front *front)
{
    enum { PARTS = 30 };
    double sum = 0;
    int count = 0;
    for (int i = 0; i <= PARTS; i++)
        for (int j = 0; j <= PARTS - i; j++) {
            double b[MOST] = {(double)i / PARTS, (double)j / PARTS, (double)(PARTS - i - j) / PARTS}, losses[MOST],
                   least = INFINITY;
            losses_at(front->m, b, losses);
            for (int k = 0; k < RAYS; k++)
                least = fmin(least, distance(front->m, losses, front->points[k]));
            sum += least;
            count++;
        }
    return sum / count;
}

/* The mean along the true front of two objectives of the distance to the nearest of RAYS points. */
static double mean_distance(double points[RAYS][MOST])
{
    enum { STEPS = 100000 };
    double sum = 0, length = 0, before[2], losses[2];
    for (int i = 0; i <= STEPS; i++) {
        losses_at(2, (double[]){(double)i / STEPS, 1 - (double)i / STEPS}, losses);
        double least = INFINITY, piece = i ? distance(2, losses, before) : 0;
        for (int k = 0; k < RAYS; k++)
            least = fmin(least, distance(2, losses, points[k]));
        sum += piece * least;
        length += piece;
        memcpy(before, losses, sizeof before);
    }
    return sum / length;
}

/* What the program reports as igd is that mean, up to the distance of the points in models/pareto_toy_front.csv, and what
 * models/pareto_toy.hn says of it: near what the points give that the rays ask for exactly. */
static void check_igd(Front *epo, Front *linear)
{
    double asked[RAYS][MOST], best[MOST];
    for (int i = 0; i < RAYS; i++) {
        search(&(Search){2, NULL, epo->rays[i]}, best);
        losses_at(2, best, asked[i]);
    }
    print_message("igd: epo %.4f (by definition %.4f), points asked for %.4f, linear %.4f (%.4f)\n", epo->igd,
                  mean_distance(epo->points), mean_distance(asked), linear->igd, mean_distance(linear->points));
    assert_float_equal(epo->igd, mean_distance(epo->points), 1e-3);
    assert_float_equal(linear->igd, mean_distance(linear->points), 1e-3);
    assert_float_equal(epo->igd, mean_distance(asked), 1e-3);
    assert_true(epo->igd < 0.02 && linear->igd > 0.1);
}

/* ---- tests ---- */

static void test_two_objectives(void **state)
{
    (void)state;
    static const char *const exact[] = {"epo", "smooth"};
    Front fronts[2];
    for (int i = 0; i < 2; i++) {
        Front front = fronts[i] = train(exact[i]);
        print_message("%s: at most %.4f off the front, %.4f off the ray's point\n", exact[i], off_front(&front), off_ray(&front));
        assert_true(off_front(&front) < 0.02 && off_ray(&front) < 0.02);
    }
    /* linear scalarisation finds no point between the ends of a concave front, whatever the weights */
    Front front = train("linear");
    print_message("linear: %.4f off the ray's point\n", off_ray(&front));
    assert_true(off_ray(&front) > 0.2);
    int between = 0; /* a few, since the network is continuous in the ray */
    for (int i = 0; i < RAYS; i++)
        between += front.points[i][0] > 0.1 && front.points[i][1] > 0.1;
    assert_true(between <= RAYS / 5);
    check_igd(&fronts[0], &front);
}

static void test_three_objectives(void **state)
{
    (void)state;
    static const char *const exact[] = {"epo3", "smooth3"};
    Front linear = train("linear3");
    for (int i = 0; i < 2; i++) {
        Front front = train(exact[i]);
        print_message("%s: at most %.4f off the front, mean gap %.3f, with linear scalarisation %.3f\n", exact[i],
                      off_front(&front), gaps(&front), gaps(&linear));
        assert_true(off_front(&front) < 0.02);
        assert_true(gaps(&front) < 0.6 * gaps(&linear));
        assert_true(isnan(front.igd));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_objectives),
        cmocka_unit_test(test_three_objectives),
    };
    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
