#include <math.h>
#include <string.h>

#include "pareto/internal.h"

enum { M = PARETO_MOST_OBJECTIVES };

static double length(unsigned m, const double *vector)
{
    double sum = 0;
    for (unsigned j = 0; j < m; j++)
        sum += vector[j] * vector[j];
    return sqrt(sum);
}

/* The active constraints (w_k - w_own) . losses > 0, one row per constraint: its gradient as a combination of the losses'
 * gradients. */
static unsigned active_constraints(unsigned m, const double *losses, unsigned rays, const double *all_rays, unsigned own,
                                   double *rows)
{
    unsigned active = 0;
    double own_length = length(m, all_rays + own * m);
    for (unsigned k = 0; k < rays; k++) {
        if (k == own)
            continue;
        double *row = rows + active * m, value = 0, ray_length = length(m, all_rays + k * m);
        for (unsigned j = 0; j < m; j++) {
            row[j] = all_rays[k * m + j] / ray_length - all_rays[own * m + j] / own_length;
            value += row[j] * losses[j];
        }
        active += value > 0;
    }
    return active;
}

/* The weights of the losses in the point of least norm of the hull of n combinations, their absolute values summing to 1. */
static SolveStatus combine(unsigned m, const double *gram, unsigned n, const double *rows, double *alpha)
{
    double weights[M + PARETO_MOST_RAYS], sum = 0;
    if (!least_norm(m, gram, n, rows, weights))
        return ray_weights(m, NULL, alpha);
    memset(alpha, 0, m * sizeof *alpha);
    for (unsigned a = 0; a < n; a++)
        for (unsigned j = 0; j < m; j++)
            alpha[j] += weights[a] * rows[a * m + j];
    for (unsigned j = 0; j < m; j++)
        sum += fabs(alpha[j]);
    if (!(sum > 0))
        return ray_weights(m, NULL, alpha);
    for (unsigned j = 0; j < m; j++)
        alpha[j] /= sum;
    return SOLVE_FINE;
}

static bool usable(unsigned m, const double *losses, unsigned rays, const double *all_rays, unsigned own)
{
    if (m > M || rays > PARETO_MOST_RAYS || own >= rays || !all_finite(m, losses))
        return false;
    for (unsigned k = 0; k < rays; k++) {
        double ray_length = length(m, all_rays + k * m);
        if (!(ray_length > 0) || !isfinite(ray_length))
            return false;
    }
    return true;
}

SolveStatus pmtl_weights(unsigned m, const double *losses, unsigned rays, const double *all_rays, unsigned own,
                         const double *gram, double *alpha)
{
    double scaled[M * M], rows[(M + PARETO_MOST_RAYS) * M];
    if (!usable(m, losses, rays, all_rays, own) || !normalised_gram(m, gram, scaled))
        return ray_weights(m, NULL, alpha);
    memset(rows, 0, m * m * sizeof *rows);
    for (unsigned j = 0; j < m; j++)
        rows[j * m + j] = 1;
    unsigned active = active_constraints(m, losses, rays, all_rays, own, rows + m * m);
    return combine(m, scaled, m + active, rows, alpha);
}

SolveStatus pmtl_initial_weights(unsigned m, const double *losses, unsigned rays, const double *all_rays, unsigned own,
                                 const double *gram, double *alpha, bool *inside)
{
    double scaled[M * M], rows[(1 + PARETO_MOST_RAYS) * M];
    *inside = false;
    if (!usable(m, losses, rays, all_rays, own))
        return ray_weights(m, NULL, alpha);
    unsigned active = active_constraints(m, losses, rays, all_rays, own, rows);
    *inside = active == 0;
    if (*inside) {
        memset(alpha, 0, m * sizeof *alpha);
        return SOLVE_FINE;
    }
    if (!normalised_gram(m, gram, scaled))
        return ray_weights(m, NULL, alpha);
    return combine(m, scaled, active, rows, alpha);
}
