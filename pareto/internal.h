/* What the files of this folder share. */
#ifndef HN_PARETO_INTERNAL_H
#define HN_PARETO_INTERNAL_H

#include <stddef.h>

#include "pareto/pareto.h"

/* Whether all n numbers are finite. */
bool all_finite(unsigned n, const double *values);
/* alpha = ray / sum(ray) with the ray clamped to PARETO_LEAST; 1/m if it is NULL or not finite. Returns SOLVE_FALLBACK. */
SolveStatus ray_weights(unsigned m, const double *ray, double *alpha);
/* The m x m Gram matrix divided by the mean of its diagonal and made symmetric. False if it is not finite or has no scale. */
bool normalised_gram(unsigned m, const double *gram, double *normalised);

/* Least norm in the convex hull of n points that are given as combinations of m gradients: point a is sum_j combination[a * m +
 * j] g_j. gram[m * m] is symmetric. weights[n]: >= 0, sum 1. False if it does not come to an end. */
bool least_norm(unsigned m, const double *gram, unsigned n, const double *combination, double *weights);

/* maximise cost . x such that x >= 0, sum x = 1 and, for each of the `rows`, sum_j row[i * m + j] x_j >= bound[i].
 * rows <= m + 1. False if no x is feasible. */
bool maximise_on_simplex(unsigned m, const double *cost, unsigned rows, const double *row, const double *bound, double *x);

/* Hypervolume of the boxes [0, corner[k]] for n corners of m positive numbers, in workspace of volume_workspace(m, n) bytes,
 * aligned for doubles; the corners stay as they are. */
size_t volume_workspace(unsigned m, unsigned n);
double union_volume(unsigned m, unsigned n, const double *corners, void *workspace);

#endif
