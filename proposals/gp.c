#include "proposals/gp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proposals/minimise.h"

enum { FIT_STEPS = 40 };
static const double root_five = 2.2360679774997896964, lowest = -14, largest = 12; /* logarithms */

/* ---- the kernel ---- */

/* Squares of distances in lengths; returns their sum. */
static double squares(size_t d, const double *x, const double *y, const double *logs, double *each)
{
    double sum = 0;
    for (size_t i = 0; i < d; i++) {
        double apart = (x[i] - y[i]) * exp(-logs[i]);
        each[i] = apart * apart;
        sum += each[i];
    }
    return sum;
}

/* The correlation at that distance, and minus its derivative with respect to the square of the distance, times two. */
static double matern(double square, double *fall)
{
    double r = root_five * sqrt(square), decayed = exp(-r);
    *fall = 5. / 3 * (1 + r) * decayed;
    return (1 + r + r * r / 3) * decayed;
}

/* ---- factors ---- */

/* The lower triangle of a becomes its factor; false: a is not positive. */
static bool factorise(size_t n, double *a)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = a[i * n + j];
            for (size_t k = 0; k < j; k++)
                sum -= a[i * n + k] * a[j * n + k];
            if (i == j && !(sum > 0))
                return false;
            a[i * n + j] = i == j ? sqrt(sum) : sum / a[j * n + j];
        }
    return true;
}

/* x = factor^-1 x, and x = factor'^-1 x. */
static void solve_lower(size_t n, const double *factor, double *x)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++)
            x[i] -= factor[i * n + k] * x[k];
        x[i] /= factor[i * n + i];
    }
}

static void solve_upper(size_t n, const double *factor, double *x)
{
    for (size_t i = n; i-- > 0;) {
        x[i] /= factor[i * n + i];
        for (size_t k = 0; k < i; k++)
            x[k] -= factor[i * n + k] * x[i];
    }
}

/* The lower triangle of the covariance of the values, with noise. */
static void covariance(size_t n, size_t d, const double *x, const double *logs, double *a)
{
    double each[MINIMISE_MOST], fall, scale = exp(logs[d]), noise = exp(logs[d + 1]);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++)
            a[i * n + j] = scale * matern(squares(d, x + i * d, x + j * d, logs, each), &fall) + (i == j ? noise : 0);
}

/* ---- the likelihood ---- */

/* Minus the logarithms of the priors, but for constants, of all numbers x = e^log; their derivatives with respect to log. */
static double priors(size_t d, const double *logs, double *slope)
{
    double scale = exp(logs[d]), noise = exp(logs[d + 1]), sum = scale - logs[d] + 30 * noise - 0.1 * logs[d + 1];
    slope[d] += scale - 1;
    slope[d + 1] += 30 * noise - 0.1;
    for (size_t i = 0; i < d; i++) {
        double square = exp(2 * logs[i]);
        sum += 0.1 * square + 0.1 / square;
        slope[i] += 0.2 * square - 0.2 / square;
    }
    return sum;
}

/* inverse = (factor factor')^-1, all of it. */
static void invert(size_t n, const double *factor, double *inverse)
{
    memset(inverse, 0, n * n * sizeof *inverse);
    for (size_t i = 0; i < n; i++) { /* row i becomes column i of the inverse, which is symmetric */
        inverse[i * n + i] = 1;
        solve_lower(n, factor, inverse + i * n);
        solve_upper(n, factor, inverse + i * n);
    }
}

double gp_loss(size_t n, size_t d, const double *x, const double *y, const double *logs, double *room, double *slope)
{
    double *a = room, *inverse = room + n * n, *weight = room + 2 * n * n, each[MINIMISE_MOST], fall;
    double scale = exp(logs[d]), noise = exp(logs[d + 1]), loss = 0;
    memset(slope, 0, (d + 2) * sizeof *slope);
    covariance(n, d, x, logs, a);
    if (!factorise(n, a))
        return INFINITY;
    memcpy(weight, y, n * sizeof *y);
    solve_lower(n, a, weight);
    for (size_t i = 0; i < n; i++)
        loss += weight[i] * weight[i] / 2 + log(a[i * n + i]);
    solve_upper(n, a, weight);
    invert(n, a, inverse);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) { /* the slope is (inverse - weight weight') / 2 times that of the covariance */
            double share = (inverse[i * n + j] - weight[i] * weight[j]) * (i == j ? 0.5 : 1);
            double correlation = matern(squares(d, x + i * d, x + j * d, logs, each), &fall);
            slope[d] += share * scale * correlation;
            slope[d + 1] += i == j ? share * noise : 0;
            for (size_t k = 0; k < d; k++)
                slope[k] += share * scale * fall * each[k];
        }
    return loss + priors(d, logs, slope);
}

/* ---- fitting ---- */

typedef struct Fit {
    size_t n, d;
    const double *x, *y;
    double *room;
} Fit;

static double fit_loss(void *context, const double *logs, double *slope)
{
    const Fit *fit = context;
    return gp_loss(fit->n, fit->d, fit->x, fit->y, logs, fit->room, slope);
}

static void standardise(Gp *gp, const double *values, double *y)
{
    double squares_sum = 0;
    gp->mean = 0;
    for (size_t i = 0; i < gp->n; i++)
        gp->mean += values[i] / (double)gp->n;
    for (size_t i = 0; i < gp->n; i++)
        squares_sum += (values[i] - gp->mean) * (values[i] - gp->mean);
    gp->deviation = sqrt(squares_sum / (double)gp->n);
    if (!(gp->deviation > 0))
        gp->deviation = 1;
    for (size_t i = 0; i < gp->n; i++)
        y[i] = (values[i] - gp->mean) / gp->deviation;
}

/* Lengths, scale and noise: the best of what is found from where the priors have them, and from shorter lengths and less noise. */
static bool fit_logs(Gp *gp, const double *y, size_t most)
{
    size_t n = gp->n < most ? gp->n : most, d = gp->d;
    double *x = malloc(n * (d + 1) * sizeof *x), *some = x ? x + n * d : NULL;
    Fit fit = {n, d, x, some, malloc((2 * n * n + n) * sizeof *fit.room)};
    for (size_t i = 0; x && i < n; i++) {
        size_t from = i * gp->n / n;
        memcpy(x + i * d, gp->x + from * d, d * sizeof *x);
        some[i] = y[from];
    }
    static const double first_length[2] = {0, -1.2}, first_noise[2] = {-4, -9};
    double least = INFINITY, logs[MINIMISE_MOST];
    for (int begin = 0; x && fit.room && begin < 2; begin++) {
        for (size_t i = 0; i < d; i++)
            logs[i] = first_length[begin];
        logs[d] = 0;
        logs[d + 1] = first_noise[begin];
        double loss = minimise(d + 2, logs, lowest, largest, FIT_STEPS, fit_loss, &fit);
        if (loss < least) {
            least = loss;
            memcpy(gp->logs, logs, (d + 2) * sizeof *logs);
        }
    }
    free(fit.room);
    free(x);
    return isfinite(least);
}

/* The factor with as little more noise as it takes. */
static bool fit_factor(Gp *gp, const double *y)
{
    for (int more = 0; more < 8; more++) {
        covariance(gp->n, gp->d, gp->x, gp->logs, gp->factor);
        if (factorise(gp->n, gp->factor)) {
            memcpy(gp->weight, y, gp->n * sizeof *y);
            solve_lower(gp->n, gp->factor, gp->weight);
            solve_upper(gp->n, gp->factor, gp->weight);
            return true;
        }
        gp->logs[gp->d + 1] += log(10);
    }
    return false;
}

bool gp_fit(Gp *gp, size_t n, size_t d, const double *x, const double *values, size_t most)
{
    *gp = (Gp){.n = n, .d = d, .x = x};
    gp->factor = malloc(n * n * sizeof *gp->factor);
    gp->weight = malloc(n * sizeof *gp->weight);
    gp->logs = malloc((d + 2) * sizeof *gp->logs);
    double *y = malloc(n * sizeof *y);
    bool fine = gp->factor && gp->weight && gp->logs && y;
    if (fine)
        standardise(gp, values, y);
    fine = fine && fit_logs(gp, y, most) && fit_factor(gp, y);
    free(y);
    if (!fine)
        gp_close(gp);
    return fine;
}

void gp_close(Gp *gp)
{
    free(gp->factor);
    free(gp->weight);
    free(gp->logs);
    *gp = (Gp){0};
}

void gp_predict(const Gp *gp, const double *point, double *room, double *mean, double *deviation, double *mean_slope,
                double *deviation_slope)
{
    size_t n = gp->n, d = gp->d;
    double *solved = room, *falls = room + n, each[MINIMISE_MOST], scale = exp(gp->logs[d]), sum = 0, variance = scale;
    for (size_t i = 0; i < n; i++) {
        solved[i] = scale * matern(squares(d, point, gp->x + i * d, gp->logs, each), &falls[i]);
        sum += solved[i] * gp->weight[i];
    }
    solve_lower(n, gp->factor, solved);
    for (size_t i = 0; i < n; i++)
        variance -= solved[i] * solved[i];
    variance = fmax(variance, 1e-12 * scale);
    *mean = gp->mean + gp->deviation * sum;
    *deviation = gp->deviation * sqrt(variance);
    if (!mean_slope)
        return;
    solve_upper(n, gp->factor, solved);
    memset(mean_slope, 0, d * sizeof *mean_slope);
    memset(deviation_slope, 0, d * sizeof *deviation_slope);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < d; k++) {
            double slope = -scale * falls[i] * (point[k] - gp->x[i * d + k]) * exp(-2 * gp->logs[k]);
            mean_slope[k] += gp->deviation * slope * gp->weight[i];
            deviation_slope[k] -= gp->deviation * slope * solved[i] / sqrt(variance);
        }
}
