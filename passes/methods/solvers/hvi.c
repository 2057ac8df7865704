/* Hypervolume maximisation over several rays per step (Hoang et al., "Improving Pareto front learning via multi-sample
 * hypernetworks", AAAI 2023): the nets of a step's rays are descended together by the weights under which the hypervolume of
 * their front grows, and each net's losses are turned to its ray by lambda times a cosine. The weights are constants, from
 * pareto/ (hypervolume_gradient).
 *
 * The cosine is taken between the losses and the inverse ray, so that a large entry asks for a small loss as with other solvers;
 * the authors take it between the losses and the ray. For two objectives both are the same but for swapped entries of the ray. */
#include "pareto/externs.h"
#include "passes/methods/methods.h"

#define LEAST_ENTRY 1e-6 /* a float can still hold its inverse squared */

static Value along_inverse_ray(const Objectives *objectives)
{
    Builder *b = objectives->b;
    Value inverse[PARETO_MOST_OBJECTIVES], one = build_const(b, type_scalar(b->module->real), 1);
    for (uint32_t i = 0; i < objectives->m; i++)
        inverse[i] = build_binary(b, OP_DIV, one, build_with_const(b, OP_MAX, objectives->entry[i], LEAST_ENTRY));
    return cosine_of(objectives, inverse);
}

/* real[rays * m + 1] */
static Value build_weights(uint32_t rays, const Objectives *at)
{
    Builder *b = at->b;
    uint32_t m = at->m;
    DType real = b->module->real;
    Value losses[PARETO_MOST_SOLUTIONS * PARETO_MOST_OBJECTIVES], reference[PARETO_MOST_OBJECTIVES];
    for (uint32_t i = 0; i < m; i++)
        reference[i] = build_const(b, type_scalar(real), at->pareto->reference[i]);
    for (uint32_t k = 0; k < rays; k++)
        for (uint32_t i = 0; i < m; i++)
            losses[k * m + i] = at[k].raw[i];
    Value points = build_reshape(b, build_vector(b, rays * m, losses), type_of(real, 2, (int64_t[]){rays, m}));
    return build_extern(b, EXTERN_HVI, type_of(real, 1, (int64_t[]){rays * m + 1}), 2,
                        (Value[]){build_vector(b, m, reference), points});
}

static Value scalarise_all(uint32_t rays, const Objectives *at, Value *fell_back)
{
    Builder *b = at->b;
    Value weights = build_unary(b, OP_STOP, build_weights(rays, at)), sum = NO_VALUE;
    for (uint32_t k = 0; k < rays; k++) {
        Value aligned = build_with_const(b, OP_MUL, along_inverse_ray(&at[k]), -at->pareto->strength);
        sum = k == 0 ? aligned : build_binary(b, OP_ADD, sum, aligned);
        for (uint32_t i = 0; i < at->m; i++) {
            Value weighted = build_binary(b, OP_MUL, entry_of(b, weights, k * at->m + i), at[k].loss[i]);
            sum = build_binary(b, OP_ADD, sum, weighted);
        }
    }
    *fell_back = entry_of(b, weights, rays * at->m);
    return sum;
}

const Solver solver_hvi = {.scalarise_all = scalarise_all};
