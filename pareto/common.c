#include "pareto/internal.h"

#include <math.h>

bool all_finite(unsigned n, const double *values)
{
    for (unsigned i = 0; i < n; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

SolveStatus ray_weights(unsigned m, const double *ray, double *alpha)
{
    bool usable = ray && all_finite(m, ray);
    double largest = PARETO_LEAST, sum = 0;
    for (unsigned j = 0; j < m; j++)
        largest = usable ? fmax(largest, ray[j]) : 1;
    for (unsigned j = 0; j < m; j++) { /* the largest entry divides first, so that no sum overflows */
        alpha[j] = usable ? fmax(ray[j], PARETO_LEAST) / largest : 1;
        sum += alpha[j];
    }
    for (unsigned j = 0; j < m; j++)
        alpha[j] /= sum;
    return SOLVE_FALLBACK;
}

bool normalised_gram(unsigned m, const double *gram, double *normalised)
{
    double trace = 0;
    for (unsigned j = 0; j < m; j++)
        trace += gram[j * m + j];
    double scale = m / trace;
    if (!(trace > 0) || !isfinite(trace) || !isfinite(scale) || !all_finite(m * m, gram))
        return false;
    for (unsigned i = 0; i < m; i++)
        for (unsigned j = 0; j < m; j++)
            normalised[i * m + j] = scale * (0.5 * gram[i * m + j] + 0.5 * gram[j * m + i]);
    return all_finite(m * m, normalised);
}
