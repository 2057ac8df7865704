/* A preference over objectives: the ray at hand, or one that is drawn for the step. */
#include <math.h>

#include "pareto/externs.h"
#include "passes/methods/methods.h"

/* A state for the ray where none is drawn: in evaluations, and where each ray has a net of its own. The runtime writes it. */
static void states(Assembly *assembly, TrainCondition *own)
{
    Module *module = assembly->module;
    Condition condition = module->conditions.data[own->condition];
    const char *ray = arena_printf(&module->arena, "%s/ray", condition.name);
    own->state = named_state(module, ray, condition.type, STATE_COUNTER, 1.0 / (double)condition.type.dims[0]);
}

/* Rays are numbered through all steps: each has a counter of its own in the stream of rays. */
static Value ray_number(Assembly *assembly, Builder *b, unsigned sample)
{
    Value first = build_with_const(b, OP_MUL, build_read(b, assembly->step_lower), assembly->train->pareto->rays_per_step);
    return build_with_const(b, OP_ADD, first, sample);
}

/* One of the rays on which the front is evaluated, all equally likely. */
static Value fixed_ray(Assembly *assembly, Builder *b, Type type, unsigned sample)
{
    const Pareto *pareto = assembly->train->pareto;
    Value seed = build_read(b, assembly->seed), number = ray_number(assembly, b, sample);
    Value random = build_random(b, seed, number, type_scalar(b->module->real), RANDOM_STREAM_RAY_CHOICE, OP_SHARED);
    Value place = build_cast(b, build_with_const(b, OP_MUL, random, assembly->train->sweep->count), DTYPE_I32);
    return build_reshape(b, build_gather(b, build_read(b, pareto->rays_state), place), type);
}

static Value value(Assembly *assembly, Builder *b, const TrainCondition *own, View view)
{
    const Pareto *pareto = assembly->train->pareto;
    Type type = b->module->conditions.data[own->condition].type;
    if (!view.sampled || pareto->each)
        return build_read(b, own->state);
    if (pareto->fixed)
        return fixed_ray(assembly, b, type, view.sample);
    Value concentration[PARETO_MOST_OBJECTIVES];
    for (uint32_t i = 0; i < pareto->m; i++)
        concentration[i] = build_const(b, type_scalar(b->module->real), pareto->concentration[i]);
    Value seed = build_read(b, assembly->seed), number = ray_number(assembly, b, view.sample);
    Value operands[] = {seed, number, build_vector(b, pareto->m, concentration)};
    return build_extern(b, EXTERN_DIRICHLET, type, 3, operands);
}

/* Numbers of the gamma distribution of shape a, nearly: of shape a + 1 by Wilson and Hilferty's transform of normal ones, times a
 * uniform number to the power 1 / a. */
static Value gamma_numbers(Assembly *assembly, Builder *b, Type type, uint32_t stream, double a)
{
    double more = a + 1;
    Value seed = build_read(b, assembly->seed), first = build_const(b, type_scalar(DTYPE_I32), 0);
    Value second = build_const(b, type_scalar(DTYPE_I32), 1);
    Value z = build_with_const(b, OP_MUL, build_normal(b, seed, first, type, stream, 0), 1 / (3 * sqrt(more)));
    Value root = build_with_const(b, OP_MAX, build_with_const(b, OP_ADD, z, 1 - 1 / (9 * more)), 0);
    Value cube = build_binary(b, OP_MUL, root, build_binary(b, OP_MUL, root, root));
    Value u = build_random(b, seed, second, type, stream, 0);
    Value numbers = build_binary(b, OP_MUL, cube, build_binary(b, OP_POW, u, build_const(b, type, 1 / a)));
    return build_with_const(b, OP_ADD, numbers, 1e-6); /* so that no sum is 0 */
}

/* Rays nearly as training draws them; where it takes them from a list, without preference for any entry. */
static Value typical(Assembly *assembly, Builder *b, uint32_t condition, int64_t count)
{
    const Pareto *pareto = assembly->train->pareto;
    Type ray = b->module->conditions.data[condition].type, column = type_of(ray.dtype, 2, (int64_t[]){count, 1});
    Type all = type_of(ray.dtype, 2, (int64_t[]){count, ray.dims[0]});
    bool drawn = pareto && !pareto->each && !pareto->fixed;
    VEC(Value) columns = {0};
    for (int64_t i = 0; i < ray.dims[0]; i++) {
        uint32_t stream = (uint32_t)RANDOM_STREAM_TYPICAL + 2 * (condition * PARETO_MOST_OBJECTIVES + (uint32_t)i);
        vec_push(&columns, gamma_numbers(assembly, b, column, stream, drawn ? pareto->concentration[i] : 1));
    }
    Value numbers = build_concat(b, columns.len, columns.data, 1);
    vec_free(&columns);
    Value sums = build_reduce(b, OP_REDUCE_SUM, numbers, dims_of(1, 1));
    return build_binary(b, OP_DIV, numbers, build_broadcast(b, sums, all, dims_of(1, 0)));
}

const ConditionRule condition_preference = {states, value, typical};
