/* Gaussian processes with a constant mean, a Matern kernel of order 5/2 with a length for each number, and noise (C. Rasmussen and C.
 * Williams, Gaussian Processes for Machine Learning, 2006, algorithm 2.1 and sections 4.2, 5.4). Lengths l, scale s and noise v maximise
 * the marginal likelihood times weak priors, which are those of Optuna's GPSampler: exp(-(l^2 + l^-2) / 10), s exp(-s) and
 * v^0.1 exp(-30 v), for numbers in the unit interval and values that are standardised. */
#ifndef HNC_PROPOSALS_GP_H
#define HNC_PROPOSALS_GP_H

#include <stdbool.h>
#include <stddef.h>

typedef struct Gp {
    size_t n, d;
    const double *x;         /* [n][d], the caller's */
    double mean, deviation;  /* of the values, which are standardised */
    double *factor, *weight; /* [n][n], the lower factor of the covariance; [n], its inverse times the standardised values. Owned */
    double *logs;            /* [d + 2]: logarithms of the lengths, the scale, the noise. Owned */
} Gp;

/* Fits a process to n >= 2 values. To more points than `most` the lengths, scale and noise are fitted by so many of them, evenly
 * spread. False (nothing to close): out of memory, or no factor. */
bool gp_fit(Gp *gp, size_t n, size_t d, const double *x, const double *values, size_t most);
void gp_close(Gp *gp);
/* The mean and the standard deviation of the function at a point, in the values' own units; their derivatives with respect to the
 * point, unless NULL. `room`: 2 n numbers. */
void gp_predict(const Gp *gp, const double *point, double *room, double *mean, double *deviation, double *mean_slope,
                double *deviation_slope);

/* Minus the logarithm of what is maximised, with its derivatives, at given logarithms; y is standardised. `room`: 2 n n + n numbers.
 * INFINITY: no factor. */
double gp_loss(size_t n, size_t d, const double *x, const double *y, const double *logs, double *room, double *slope);

#endif
