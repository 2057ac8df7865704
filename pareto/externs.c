#include "pareto/externs.h"

#include <string.h>

#include "pareto/pareto.h"
#include "runtime/abi/random_space.h"

const ExternInfo extern_info[EXTERN_COUNT] = {
#define EXTERN(NAME, name, operands) {#name, operands},
#include "pareto/externs.def"
#undef EXTERN
};

static void read_reals(const void *from, uint32_t count, bool wide, double *to)
{
    for (uint32_t i = 0; i < count; i++)
        to[i] = wide ? ((const double *)from)[i] : (double)((const float *)from)[i];
}

static void write_reals(const double *from, uint32_t count, bool wide, void *to)
{
    for (uint32_t i = 0; i < count; i++)
        if (wide)
            ((double *)to)[i] = from[i];
        else
            ((float *)to)[i] = (float)from[i];
}

/* The row of least angle to the ray. */
static uint32_t nearest_ray(uint32_t m, uint32_t n, const double *rays, const double *ray)
{
    uint32_t nearest = 0;
    double best = -1;
    for (uint32_t k = 0; k < n; k++) {
        double along = 0, square = 0;
        for (uint32_t i = 0; i < m; i++) {
            along += rays[k * m + i] * ray[i];
            square += rays[k * m + i] * rays[k * m + i];
        }
        double cosine = square > 0 ? along * along / square : 0;
        if (cosine > best) {
            best = cosine;
            nearest = k;
        }
    }
    return nearest;
}

static SolveStatus solve(ExternCode code, uint32_t m, uint32_t n, bool wide, const void *const *operands, double *alpha)
{
    double losses[PARETO_MOST_OBJECTIVES], ray[PARETO_MOST_OBJECTIVES];
    double gram[PARETO_MOST_OBJECTIVES * PARETO_MOST_OBJECTIVES];
    read_reals(operands[0], m, wide, losses);
    read_reals(operands[1], m, wide, ray);
    read_reals(operands[2], m * m, wide, gram);
    if (code == EXTERN_EPO)
        return epo_weights(m, losses, ray, gram, alpha);
    if (code == EXTERN_MGDA)
        return min_norm_weights(m, gram, alpha);
    static _Thread_local double rays[PARETO_MOST_RAYS * PARETO_MOST_OBJECTIVES];
    n = n < PARETO_MOST_RAYS ? n : PARETO_MOST_RAYS;
    read_reals(operands[4], n * m, wide, rays);
    uint32_t own = nearest_ray(m, n, rays, ray);
    for (uint32_t i = 0; i < n * m; i++)
        rays[i] = 1 / (rays[i] > PARETO_LEAST ? rays[i] : PARETO_LEAST);
    bool inside = true;
    if (*(const uint8_t *)operands[3]) {
        SolveStatus status = pmtl_initial_weights(m, losses, n, rays, own, gram, alpha, &inside);
        if (!inside)
            return status;
    }
    return pmtl_weights(m, losses, n, rays, own, gram, alpha);
}

static void weigh_solutions(uint32_t m, uint32_t n, bool wide, const void *const *operands, void *result)
{
    double points[PARETO_MOST_SOLUTIONS * PARETO_MOST_OBJECTIVES] = {0};
    double weights[PARETO_MOST_SOLUTIONS * PARETO_MOST_OBJECTIVES + 1];
    double reference[PARETO_MOST_OBJECTIVES] = {0}, moved[PARETO_MOST_OBJECTIVES];
    read_reals(operands[0], m, wide, reference);
    read_reals(operands[1], n * m, wide, points);
    hypervolume_reference(m, n, points, reference, moved);
    weights[n * m] = hypervolume_gradient(m, n, points, moved, weights) == SOLVE_FALLBACK;
    write_reals(weights, n * m + 1, wide, result);
}

void pareto_extern(uint32_t which, uint32_t m, uint32_t n, uint32_t wide, const void *const *operands, void *result)
{
    double values[PARETO_MOST_OBJECTIVES + 1] = {0};
    if (which == EXTERN_DIRICHLET) {
        double concentration[PARETO_MOST_OBJECTIVES] = {0};
        uint32_t seed[2], step;
        memcpy(seed, operands[0], sizeof seed);
        memcpy(&step, operands[1], sizeof step);
        read_reals(operands[2], m, wide, concentration);
        dirichlet_sample(seed, step, RANDOM_STREAM_DIRICHLET, m, concentration, values);
        write_reals(values, m, wide, result);
        return;
    }
    if (which == EXTERN_HVI) {
        weigh_solutions(m, n, wide, operands, result);
        return;
    }
    values[m] = solve((ExternCode)which, m, n, wide, operands, values) == SOLVE_FALLBACK;
    write_reals(values, m + 1, wide, result);
}
