/* Expected improvement under a Gaussian process. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proposals/gp.h"
#include "proposals/minimise.h"
#include "proposals/proposals.h"

enum {
    SPREAD = 512,   /* candidates that are spread over the cube */
    NEAR = 128,     /* and around the best points */
    BEST = 4,       /* how many of these */
    ASCENTS = 6,    /* candidates that are improved */
    CLIMB = 30,     /* by so many steps */
    MOST_FIT = 200, /* points by which the process is fitted */
};

/* log of the expected max(0, z + noise) for standard normal noise, and its derivative. */
static double log_improvement(double z, double *slope)
{
    double density = exp(-z * z / 2) / sqrt(2 * acos(-1)), below = erfc(-z / sqrt(2)) / 2, expected = density + z * below;
    if (z > -25) {
        *slope = below / expected;
        return log(expected);
    }
    /* phi(z) / z^2 (1 - 3 / z^2 + ...) */
    *slope = -z - 2 / z;
    return -z * z / 2 - log(2 * acos(-1)) / 2 - 2 * log(-z) + log1p(-3 / (z * z));
}

typedef struct Improvement {
    const Gp *gp;
    double best, *room;
} Improvement;

/* Minus the logarithm of the expected improvement. */
static double loss_at(void *context, const double *point, double *slope)
{
    const Improvement *improvement = context;
    double mean, deviation, mean_slope[MOST_PROPOSED_NUMBERS], deviation_slope[MOST_PROPOSED_NUMBERS], of_z;
    gp_predict(improvement->gp, point, improvement->room, &mean, &deviation, slope ? mean_slope : NULL, deviation_slope);
    double z = (improvement->best - mean) / deviation, value = log_improvement(z, &of_z) + log(deviation);
    for (size_t i = 0; slope && i < improvement->gp->d; i++) {
        double z_slope = (-mean_slope[i] - z * deviation_slope[i]) / deviation;
        slope[i] = -(of_z * z_slope + deviation_slope[i] / deviation);
    }
    return -value;
}

/* ---- candidates ---- */

typedef struct Candidates {
    size_t d;
    double points[ASCENTS][MOST_PROPOSED_NUMBERS], losses[ASCENTS]; /* the best first */
    size_t count;
} Candidates;

static void offer(Candidates *all, const double *point, double loss)
{
    size_t place = all->count;
    while (place > 0 && loss < all->losses[place - 1])
        place--;
    if (place == ASCENTS)
        return;
    size_t moved = (all->count < ASCENTS ? all->count : ASCENTS - 1) - place;
    memmove(all->points + place + 1, all->points + place, moved * sizeof *all->points);
    memmove(all->losses + place + 1, all->losses + place, moved * sizeof *all->losses);
    memcpy(all->points[place], point, all->d * sizeof *point);
    all->losses[place] = loss;
    all->count += all->count < ASCENTS;
}

static bool is_known(const ProposalSpace *space, const PastTrials *past, const double *point)
{
    for (size_t i = 0; i < past->count + past->pending; i++) {
        double most = 0;
        for (size_t k = 0; k < space->d; k++)
            most = fmax(most, fabs(point[k] - past->points[i * space->d + k]));
        if (most < 1e-9)
            return true;
    }
    return false;
}

/* The numbers of the points with the least values, the least first; returns how many. */
static size_t find_best(const PastTrials *past, size_t best[BEST])
{
    size_t count = 0;
    for (size_t i = 0; i < past->count; i++) {
        size_t place = count;
        while (place > 0 && past->values[i] < past->values[best[place - 1]])
            place--;
        if (place == BEST)
            continue;
        count += count < BEST;
        for (size_t k = count - 1; k > place; k--)
            best[k] = best[k - 1];
        best[place] = i;
    }
    return count;
}

static double uniform(const ProposalSpace *space, int64_t trial, uint32_t *drawn)
{
    return space->draw(space->context, (uint32_t)trial, (*drawn)++);
}

/* Everywhere, and near the best points at several scales. */
static void gather(const ProposalSpace *space, const PastTrials *past, int64_t trial, Improvement *improvement, Candidates *all)
{
    double point[MOST_PROPOSED_NUMBERS];
    size_t best[BEST], few = find_best(past, best);
    uint32_t drawn = 0;
    for (int i = 0; i < SPREAD + NEAR; i++) {
        double scale = pow(10, -3 * uniform(space, trial, &drawn));
        for (size_t k = 0; k < space->d; k++) {
            double u = uniform(space, trial, &drawn), v = uniform(space, trial, &drawn);
            double bell = sqrt(-2 * log1p(-u)) * cos(2 * acos(-1) * v);
            const double *centre = past->points + best[(size_t)i % few] * space->d;
            point[k] = i < SPREAD ? u : fmin(fmax(centre[k] + scale * bell / 2, 0), 1);
        }
        propose_snap(space, point);
        offer(all, point, loss_at(improvement, point, NULL));
    }
}

/* The best candidate that is not known yet, after all have climbed; false: all are known. */
static bool choose(const ProposalSpace *space, const PastTrials *past, Improvement *improvement, const Candidates *all,
                   double *chosen)
{
    double least = INFINITY;
    for (size_t i = 0; i < all->count; i++)
        for (int climbs = 0; climbs < 2; climbs++) {
            double point[MOST_PROPOSED_NUMBERS];
            memcpy(point, all->points[i], space->d * sizeof *point);
            if (climbs)
                minimise(space->d, point, 0, 1, CLIMB, loss_at, improvement);
            propose_snap(space, point);
            double loss = loss_at(improvement, point, NULL);
            if (loss < least && !is_known(space, past, point)) {
                least = loss;
                memcpy(chosen, point, space->d * sizeof *point);
            }
        }
    return isfinite(least);
}

/* ---- values ---- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Values far above the median tell little about where the least one lies, and are told apart by little: above it, distances grow
 * by their logarithm, from that of the least value on. */
static bool compress(size_t n, double *values)
{
    double *sorted = malloc(n * sizeof *sorted);
    if (!sorted)
        return false;
    memcpy(sorted, values, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare);
    double middle = sorted[n / 2], unit = middle - sorted[0];
    for (size_t i = 0; i < n && unit > 0; i++)
        if (values[i] > middle)
            values[i] = middle + unit * log1p((values[i] - middle) / unit);
    free(sorted);
    return true;
}

/* ---- proposals ---- */

static double extreme(size_t n, const double *values, bool least)
{
    double found = values[0];
    for (size_t i = 1; i < n; i++)
        found = least ? fmin(found, values[i]) : fmax(found, values[i]);
    return found;
}

/* The point of the largest expected improvement; false: there is none. */
static bool improve_most(const ProposalSpace *space, const PastTrials *past, int64_t trial, double *point)
{
    size_t n = past->count + past->pending;
    Gp gp = {0};
    Candidates *all = calloc(1, sizeof *all);
    double *values = malloc((n + 1) * sizeof *values), *room = malloc((2 * n + 1) * sizeof *room);
    bool fine = all && values && room && past->count >= 2;
    for (size_t i = 0; fine && i < n; i++)
        values[i] = i < past->count ? past->values[i] : extreme(past->count, past->values, false);
    fine = fine && compress(n, values) && gp_fit(&gp, n, space->d, past->points, values, MOST_FIT);
    if (fine) {
        Improvement improvement = {&gp, extreme(n, values, true), room};
        all->d = space->d;
        gather(space, past, trial, &improvement, all);
        fine = choose(space, past, &improvement, all, point);
    }
    gp_close(&gp);
    free(all);
    free(values);
    free(room);
    return fine;
}

bool propose_bayes(const ProposalSpace *space, const PastTrials *past, int64_t trial, double *point)
{
    bool alone = trial < space->initial;
    if (!alone && improve_most(space, past, trial, point))
        return true;
    propose_random(space, past, trial, point);
    if (trial == 0)
        memcpy(point, space->first, space->d * sizeof *point);
    return alone || trial == 0;
}
