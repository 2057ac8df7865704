#include <math.h>
#include <string.h>

#include "pareto/internal.h"

enum { M = PARETO_MOST_OBJECTIVES };

static void multiply(unsigned m, const double *gram, const double *vector, double *product)
{
    for (unsigned i = 0; i < m; i++) {
        product[i] = 0;
        for (unsigned j = 0; j < m; j++)
            product[i] += gram[i * m + j] * vector[j];
    }
}

/* Weighted losses u (sum 1), the adjustments a, and mu, which is 0 on the inverse ray. */
static double adjustments(unsigned m, const double *losses, const double *ray, double *u, double *a)
{
    double sum = 0, mu = 0;
    for (unsigned j = 0; j < m; j++) {
        u[j] = fmax(ray[j], PARETO_LEAST) * fmax(losses[j], PARETO_LEAST);
        sum += u[j];
    }
    for (unsigned j = 0; j < m; j++) {
        u[j] /= sum;
        a[j] = log(m * u[j]);
        mu += u[j] * a[j];
    }
    for (unsigned j = 0; j < m; j++)
        a[j] = fmax(ray[j], PARETO_LEAST) * (a[j] - mu);
    return mu;
}

/* Off the ray: come closer, and let a loss rise only as far as the ray asks. */
static bool balance(unsigned m, const double *gram, const double *u, const double *ca, double *alpha)
{
    double row[M * M], bound[M], largest = 0;
    bool any_free = false;
    unsigned rows = 0;
    for (unsigned j = 0; j < m; j++) {
        largest = fmax(largest, u[j]);
        any_free = any_free || ca[j] > 0;
    }
    for (unsigned j = 0; j < m; j++) {
        bool is_largest = u[j] == largest;
        if (ca[j] > 0 && !is_largest)
            continue;
        bound[rows] = is_largest || !any_free ? 0 : ca[j];
        memcpy(row + rows++ * m, gram + j * m, m * sizeof *row);
    }
    return maximise_on_simplex(m, ca, rows, row, bound, alpha);
}

/* On the ray: let all losses fall, and do not leave it. Exactly on it the adjustments, and so Ca, are only rounding errors. */
static bool dominate(unsigned m, const double *gram, const double *ca, double *alpha)
{
    const double rounding = 1e-13;
    double row[(M + 1) * M], bound[M + 1] = {0}, cost[M], most = -INFINITY, largest = 0;
    for (unsigned j = 0; j < m; j++) {
        cost[j] = 0;
        for (unsigned i = 0; i < m; i++)
            cost[j] += gram[i * m + j];
        most = fmax(most, ca[j]);
        largest = fmax(largest, fabs(ca[j]));
    }
    memcpy(row, gram, m * m * sizeof *row);
    memcpy(row + m * m, ca, m * sizeof *row);
    bound[m] = fmin(most, 0);
    return maximise_on_simplex(m, cost, largest > rounding ? m + 1 : m, row, bound, alpha);
}

SolveStatus epo_weights(unsigned m, const double *losses, const double *ray, const double *gram, double *alpha)
{
    double scaled[M * M], u[M], a[M], ca[M];
    if (m > M || !all_finite(m, losses) || !all_finite(m, ray) || !normalised_gram(m, gram, scaled))
        return ray_weights(m, ray, alpha);
    double mu = adjustments(m, losses, ray, u, a);
    multiply(m, scaled, a, ca);
    if (!all_finite(m, ca)) /* losses near the largest double */
        return ray_weights(m, ray, alpha);
    bool solved = mu > EPO_BALANCED ? balance(m, scaled, u, ca, alpha) : dominate(m, scaled, ca, alpha);
    return solved ? SOLVE_FINE : ray_weights(m, ray, alpha);
}
