#include "tests/pareto/oracle.h"

static uint64_t state;

void random_begin(uint64_t seed)
{
    state = seed;
}

/* SplitMix64 (Steele, Lea & Flood 2014). */
static uint64_t random_word(void)
{
    uint64_t z = state += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}

double random_uniform(void)
{
    return ((random_word() >> 11) + 0.5) * 0x1p-53;
}

double random_normal(void)
{
    return sqrt(-2 * log(random_uniform())) * cos(6.283185307179586 * random_uniform());
}

unsigned random_below(unsigned n)
{
    return (unsigned)(random_uniform() * n);
}

void random_ray(unsigned m, bool sparse, double *ray)
{
    double sum = 0;
    for (unsigned j = 0; j < m; j++)
        sum += ray[j] = sparse ? pow(random_uniform(), 5) : -log(random_uniform());
    for (unsigned j = 0; j < m; j++)
        ray[j] /= sum;
}

bool solve_linear(unsigned n, double *a, double *b)
{
    for (unsigned c = 0; c < n; c++) {
        unsigned pivot = c;
        for (unsigned r = c + 1; r < n; r++)
            if (fabs(a[r * n + c]) > fabs(a[pivot * n + c]))
                pivot = r;
        if (fabs(a[pivot * n + c]) < 1e-13)
            return false;
        for (unsigned k = 0; k < n && pivot != c; k++) {
            double swapped = a[c * n + k];
            a[c * n + k] = a[pivot * n + k];
            a[pivot * n + k] = swapped;
        }
        double swapped = b[c];
        b[c] = b[pivot];
        b[pivot] = swapped;
        for (unsigned r = c + 1; r < n; r++) {
            double factor = a[r * n + c] / a[c * n + c];
            for (unsigned k = c; k < n; k++)
                a[r * n + k] -= factor * a[c * n + k];
            b[r] -= factor * b[c];
        }
    }
    for (unsigned c = n; c-- > 0;) {
        for (unsigned k = c + 1; k < n; k++)
            b[c] -= a[c * n + k] * b[k];
        b[c] /= a[c * n + c];
    }
    return true;
}

/* The corner where the constraints of the set `tight` hold with equality: bit i < m for x_i = 0, bit m + i for row i. */
static bool vertex(unsigned m, const double *row, const double *bound, unsigned tight, double *x)
{
    double a[PARETO_MOST_OBJECTIVES * PARETO_MOST_OBJECTIVES] = {0};
    unsigned r = 0;
    for (unsigned j = 0; j < m; j++)
        a[j] = 1;
    x[r++] = 1;
    for (unsigned i = 0; i < 32 && tight >> i; i++) {
        if (!(tight >> i & 1))
            continue;
        if (i < m)
            a[r * m + i] = 1;
        else
            memcpy(a + r * m, row + (i - m) * m, m * sizeof *a);
        x[r++] = i < m ? 0 : bound[i - m];
    }
    return solve_linear(m, a, x);
}

static double times(unsigned m, const double *a, const double *b)
{
    double sum = 0;
    for (unsigned j = 0; j < m; j++)
        sum += a[j] * b[j];
    return sum;
}

double best_vertex(unsigned m, const double *cost, unsigned rows, const double *row, const double *bound, double slack)
{
    double best = -INFINITY, x[PARETO_MOST_OBJECTIVES];
    for (unsigned tight = 0; tight < 1u << (m + rows); tight++) {
        if ((unsigned)__builtin_popcount(tight) != m - 1 || !vertex(m, row, bound, tight, x))
            continue;
        bool feasible = true;
        for (unsigned j = 0; j < m; j++)
            feasible = feasible && x[j] >= -slack;
        for (unsigned i = 0; i < rows; i++)
            feasible = feasible && times(m, row + i * m, x) >= bound[i] - slack;
        if (feasible)
            best = fmax(best, times(m, cost, x));
    }
    return best;
}

double least_norm_of_subsets(unsigned n, unsigned size, const double *points, double *weights)
{
    double least = INFINITY;
    for (unsigned set = 1; set < 1u << n; set++) {
        unsigned member[16], count = 0;
        double a[17 * 17] = {0}, y[17] = {0};
        for (unsigned i = 0; i < n; i++)
            if (set >> i & 1)
                member[count++] = i;
        for (unsigned s = 0; s < count; s++) { /* the Lagrangian's system: Q y + multiplier = 0, sum y = 1 */
            for (unsigned t = 0; t < count; t++)
                a[s * (count + 1) + t] = times(size, points + member[s] * size, points + member[t] * size);
            a[s * (count + 1) + count] = a[count * (count + 1) + s] = 1;
        }
        y[count] = 1;
        if (!solve_linear(count + 1, a, y))
            continue;
        bool inside = true;
        double norm = -y[count];
        for (unsigned s = 0; s < count; s++)
            inside = inside && y[s] >= -1e-12;
        if (!inside || norm >= least)
            continue;
        least = norm;
        memset(weights, 0, n * sizeof *weights);
        for (unsigned s = 0; s < count; s++)
            weights[member[s]] = y[s];
    }
    return least;
}

double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
