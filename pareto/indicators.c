#include <math.h>

#include "pareto/internal.h"

double uniformity(unsigned m, const double *losses, const double *ray)
{
    double sum = 0, divergence = 0;
    for (unsigned j = 0; j < m; j++) {
        if (!isfinite(losses[j]) || !isfinite(ray[j]))
            return NAN;
        sum += fmax(ray[j], PARETO_LEAST) * fmax(losses[j], PARETO_LEAST);
    }
    for (unsigned j = 0; j < m; j++) {
        double u = fmax(ray[j], PARETO_LEAST) * fmax(losses[j], PARETO_LEAST) / sum;
        divergence += u * log(m * u);
    }
    return 1 - divergence;
}

static bool dominates(unsigned m, const double *a, const double *b)
{
    bool better = false;
    for (unsigned j = 0; j < m; j++) {
        if (!(a[j] <= b[j]))
            return false;
        better = better || a[j] < b[j];
    }
    return better;
}

unsigned non_dominated(unsigned m, unsigned n, const double *points, bool *keep)
{
    unsigned kept = 0;
    for (unsigned k = 0; k < n; k++) {
        const double *point = points + (size_t)k * m;
        keep[k] = true;
        for (unsigned j = 0; j < m; j++)
            keep[k] = keep[k] && !isnan(point[j]);
        for (unsigned other = 0; other < n && keep[k]; other++)
            keep[k] = !dominates(m, points + (size_t)other * m, point);
        kept += keep[k];
    }
    return kept;
}

double inverted_generational_distance(unsigned m, unsigned n, const double *points, unsigned k, const double *front)
{
    double sum = 0;
    for (unsigned f = 0; f < k; f++) {
        double nearest = INFINITY;
        for (unsigned p = 0; p < n; p++) {
            double squares = 0;
            for (unsigned j = 0; j < m; j++) {
                double difference = points[(size_t)p * m + j] - front[(size_t)f * m + j];
                squares += difference * difference;
            }
            nearest = fmin(nearest, squares);
        }
        sum += sqrt(nearest);
    }
    return sum / k;
}

void objective_ranges(unsigned m, unsigned n, const double *points, double *low, double *high)
{
    for (unsigned j = 0; j < m; j++) {
        low[j] = high[j] = NAN;
        for (unsigned k = 0; k < n; k++) { /* fmin and fmax pass over NaN */
            low[j] = fmin(low[j], points[(size_t)k * m + j]);
            high[j] = fmax(high[j], points[(size_t)k * m + j]);
        }
    }
}
