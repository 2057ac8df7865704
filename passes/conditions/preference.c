/* A preference over objectives: the ray at hand, or one that is drawn for the step. */
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

/* Rays that are drawn as training draws them, without preference for any entry where it takes them from a list. */
static Value typical(Assembly *assembly, Builder *b, uint32_t condition, int64_t count)
{
    const Pareto *pareto = assembly->train->pareto;
    Type type = b->module->conditions.data[condition].type, real = type_scalar(b->module->real);
    Type row = type_of(type.dtype, 2, (int64_t[]){1, type.dims[0]});
    Value seed = build_read(b, assembly->seed), concentration[PARETO_MOST_OBJECTIVES];
    bool drawn = pareto && !pareto->each && !pareto->fixed;
    for (int64_t i = 0; i < type.dims[0]; i++)
        concentration[i] = build_const(b, real, drawn ? pareto->concentration[i] : 1);
    Value vector = build_vector(b, (uint32_t)type.dims[0], concentration);
    VEC(Value) rays = {0};
    for (int64_t i = 0; i < count; i++) {
        Value operands[] = {seed, build_const(b, type_scalar(DTYPE_I32), (double)i), vector};
        vec_push(&rays, build_reshape(b, build_extern(b, EXTERN_DIRICHLET, type, 3, operands), row));
    }
    Value all = build_concat(b, rays.len, rays.data, 0);
    vec_free(&rays);
    return all;
}

const ConditionRule condition_preference = {states, value, typical};
