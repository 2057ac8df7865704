#include <math.h>
#include <string.h>

#include "pareto/internal.h"

enum { M = PARETO_MOST_OBJECTIVES, N = PARETO_MOST_SOLUTIONS };

/* volume_workspace(M - 1, N) as a constant, in doubles: 2 and 4 + 5 + ... + M - 1 per corner. */
enum { WORKSPACE = N * (2 + M * (M - 1) / 2 - 6) };
_Static_assert(sizeof(void *) <= sizeof(double), "a pointer takes the place of a double");

/* rank[k]: the front of point k: 0 if no point dominates it, 1 if only points of front 0 do, and so on. Points with a NaN are in
 * no front: rank n. */
static unsigned sort_fronts(unsigned m, unsigned n, const double *points, unsigned *rank)
{
    double left[N * M];
    unsigned index[N], fronts = 0, count = n;
    bool keep[N];
    for (unsigned k = 0; k < n; k++) {
        index[k] = k;
        rank[k] = n;
    }
    memcpy(left, points, (size_t)n * m * sizeof *left);
    while (count > 0 && non_dominated(m, count, left, keep) > 0) {
        unsigned rest = 0;
        for (unsigned k = 0; k < count; k++) {
            if (keep[k]) {
                rank[index[k]] = fronts;
                continue;
            }
            index[rest] = index[k];
            memmove(left + rest++ * m, left + k * m, m * sizeof *left);
        }
        count = rest;
        fronts++;
    }
    return fronts;
}

/* How much the front grows per unit by which objective i of point k falls: the face of the point's box there, less the part that
 * points of its front with a better objective i cover. Both are in the other coordinates, as extents up to the reference. */
static double face(unsigned m, unsigned n, const double *points, const double *reference, const unsigned *rank, unsigned k,
                   unsigned i)
{
    double corners[N * M], own[M], product = 1, workspace[WORKSPACE];
    unsigned count = 0;
    for (unsigned j = 0, d = 0; j < m; j++) {
        double extent = reference[j] - points[k * m + j];
        if (extent <= 0)
            return 0;
        if (j == i)
            continue;
        own[d++] = extent;
        product *= extent;
    }
    if (m == 1)
        return 1;
    for (unsigned other = 0; other < n; other++) {
        if (rank[other] != rank[k] || points[other * m + i] >= points[k * m + i])
            continue;
        bool meets = true;
        for (unsigned j = 0, d = 0; j < m; j++) {
            if (j == i)
                continue;
            double extent = reference[j] - points[other * m + j];
            meets = meets && extent > 0;
            corners[count * (m - 1) + d] = fmin(extent, own[d]);
            d++;
        }
        count += meets;
    }
    return fmax(product - union_volume(m - 1, count, corners, workspace), 0);
}

SolveStatus hypervolume_gradient(unsigned m, unsigned n, const double *points, const double *reference, double *gradient)
{
    unsigned rank[N];
    if (m > M || n > N || !all_finite(n * m, points) || !all_finite(m, reference)) {
        for (size_t e = 0; e < (size_t)n * m; e++)
            gradient[e] = 1 / sqrt(m);
        return SOLVE_FALLBACK;
    }
    sort_fronts(m, n, points, rank);
    for (unsigned k = 0; k < n; k++) {
        double *row = gradient + k * m, largest = 0, squares = 0;
        for (unsigned i = 0; i < m; i++) {
            row[i] = face(m, n, points, reference, rank, k, i);
            largest = fmax(largest, row[i]);
        }
        if (largest == 0)
            continue;
        for (unsigned i = 0; i < m; i++)
            squares += row[i] / largest * (row[i] / largest);
        for (unsigned i = 0; i < m; i++)
            row[i] = row[i] / largest / sqrt(squares);
    }
    return SOLVE_FINE;
}

void hypervolume_reference(unsigned m, unsigned n, const double *points, const double *reference, double *moved)
{
    for (unsigned j = 0; j < m; j++) {
        moved[j] = reference[j];
        for (unsigned k = 0; k < n; k++)
            if (isfinite(points[k * m + j]))
                moved[j] = fmax(moved[j], 1.1 * points[k * m + j]);
    }
}
