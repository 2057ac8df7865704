#include <limits.h>
#include <math.h>

#include "pareto/internal.h"

unsigned rays_circle(unsigned n, double margin, double *rays)
{
    const double quarter = 1.57079632679489661923;
    for (unsigned k = 0; rays && k < n; k++) {
        double part = n > 1 ? (double)k / (n - 1) : 0.5;
        double angle = margin + part * (quarter - 2 * margin);
        double x = fmax(cos(angle), 0), y = fmax(sin(angle), 0);
        rays[2 * k] = x / (x + y);
        rays[2 * k + 1] = y / (x + y);
    }
    return n;
}

/* n over k, or 0 where an unsigned does not hold it. */
static unsigned binomial(unsigned n, unsigned k)
{
    uint64_t result = 1;
    for (unsigned i = 1; i <= k; i++) {
        result = result * (n - k + i) / i; /* a whole number at each i */
        if (result > UINT_MAX)
            return 0;
    }
    return (unsigned)result;
}

unsigned rays_das_dennis(unsigned m, unsigned partitions, bool positive, double *rays)
{
    unsigned least = positive ? 1 : 0, share[PARETO_MOST_OBJECTIVES];
    if (m == 0 || m > PARETO_MOST_OBJECTIVES || partitions == 0 || least * m > partitions || partitions > UINT_MAX / 2)
        return 0;
    unsigned count = binomial(partitions - least * m + m - 1, m - 1);
    if (!rays)
        return count;
    for (unsigned j = 0; j + 1 < m; j++)
        share[j] = least;
    share[m - 1] = partitions - least * (m - 1);
    for (unsigned k = 0; k < count; k++) {
        for (unsigned j = 0; j < m; j++)
            rays[(size_t)k * m + j] = (double)share[j] / partitions;
        /* The next ray in lexicographic order: the last entry that can give moves one unit to its left neighbour, and the rest of
         * it to the end. */
        unsigned giver = m - 1;
        while (giver > 0 && share[giver] == least)
            giver--;
        if (giver == 0)
            break;
        unsigned rest = share[giver] - 1;
        share[giver] = least;
        share[giver - 1]++;
        share[m - 1] = rest;
    }
    return count;
}

/* Centroids ((3 i + offset) / 3 p, ...) with i + j + k = total. */
static void add_centroids(unsigned partitions, unsigned total, unsigned offset, double *rays)
{
    for (unsigned i = 0; i <= total; i++) {
        for (unsigned j = 0; j <= total - i; j++, rays += 3) {
            rays[0] = (3.0 * i + offset) / (3.0 * partitions);
            rays[1] = (3.0 * j + offset) / (3.0 * partitions);
            rays[2] = (3.0 * (total - i - j) + offset) / (3.0 * partitions);
        }
    }
}

unsigned rays_centroids(unsigned partitions, bool upright_only, double *rays)
{
    if (partitions == 0 || partitions > USHRT_MAX)
        return 0;
    unsigned upright = partitions * (partitions + 1u) / 2, others = upright_only ? 0 : partitions * (partitions - 1u) / 2;
    if (rays) {
        add_centroids(partitions, partitions - 1, 1, rays);
        if (others)
            add_centroids(partitions, partitions - 2, 2, rays + 3 * (size_t)upright);
    }
    return upright + others;
}
