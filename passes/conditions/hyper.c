/* Hyperparameters that a train moves: a vector of unconstrained numbers and, where it is learned, the scale of the noise under
 * which steps see it.
 *
 *   local, global  Lorraine & Duvenaud 2018, algorithms 2-4: sigma fixed; noise around the value at hand, or (everywhere) around
 *                  the first one
 *   STN            MacKay et al. 2019, algorithm 1: sigma learned with the value */
#include <math.h>

#include "passes/methods/methods.h"

/* The value and, where sigma is learned, its inverse softplus. */
static void states(Assembly *assembly, TrainCondition *own)
{
    Module *module = assembly->module;
    const Train *train = assembly->train;
    Condition condition = module->conditions.data[own->condition];
    const char *value = arena_printf(&module->arena, "%s/value", condition.name);
    own->state = named_state(module, value, condition.type, STATE_HYPER, 0);
    if (!train->sigma_learned)
        return;
    const char *scale = arena_printf(&module->arena, "%s/scale", condition.name);
    double raw = train->sigma > 30 ? train->sigma : log(expm1(train->sigma));
    own->scale_state = named_state(module, scale, condition.type, STATE_SCALE, raw);
}

/* ---- noise ---- */

/* How many elements of the condition are drawn together, from hyperparameter *i on: neighbours that are all drawn per example, or
 * all per batch. Sets *i to the first hyperparameter after them. */
static int64_t count_together(const Model *model, uint32_t condition, uint32_t *i)
{
    bool shared = model->hypers.data[*i].shared;
    int64_t count = 0;
    for (; *i < model->hypers.len && model->hypers.data[*i].shared == shared; ++*i)
        if (model->hypers.data[*i].condition == condition)
            count += type_elements(model->hypers.data[*i].shape);
    return count;
}

/* Draws of the conditions that the train names before this one. */
static uint32_t first_draw(const Assembly *assembly, const TrainCondition *own)
{
    uint32_t draws = 0;
    for (const TrainCondition *other = assembly->train->conditions.data; other < own; other++)
        for (uint32_t i = 0; other->kind == own->kind && i < assembly->model->hypers.len;)
            draws += count_together(assembly->model, other->condition, &i) > 0;
    return draws;
}

/* Two streams per draw. The first two draws of a phase have a block of streams of their own; further draws share streams in runs
 * of TOGETHER. */
static uint32_t stream_of(unsigned phase, uint32_t draw)
{
    enum { PHASES = 4, STREAMS = 4, OWN = STREAMS / 2, TOGETHER = 32 };
    if (draw < OWN)
        return (uint32_t)RANDOM_STREAM_CONDITION + phase * STREAMS + 2 * draw;
    uint32_t block = draw / TOGETHER * PHASES + phase;
    return (uint32_t)RANDOM_STREAM_MORE_CONDITIONS + block * 2 * TOGETHER + draw % TOGETHER * 2;
}

static Value sigma_of(Assembly *assembly, Builder *b, const TrainCondition *own, Type type)
{
    const Train *train = assembly->train;
    return train->sigma_learned ? build_softplus(b, build_read(b, own->scale_state)) : build_const(b, type, train->sigma);
}

/* The centre with standard normal noise of that scale, in pieces of elements that are drawn together: a hyperparameter that is
 * the same for the whole batch is a slice of a piece that is. */
static Value perturbed(Assembly *assembly, Builder *b, const TrainCondition *own, unsigned phase, Value centre, Value sigma)
{
    const Model *model = assembly->model;
    Value seed = build_read(b, assembly->seed);
    Value step = build_read(b, phase == 0 ? assembly->step_lower : assembly->step_upper);
    uint32_t draw = first_draw(assembly, own);
    Dims start = {.n = 1};
    VEC(Value) parts = {0};
    for (uint32_t i = 0; i < model->hypers.len;) {
        bool shared = model->hypers.data[i].shared;
        int64_t count = count_together(model, own->condition, &i);
        if (count == 0)
            continue;
        Type type = type_of(b->module->real, 1, &count);
        Value noise = build_normal(b, seed, step, type, stream_of(phase, draw++), shared ? OP_SHARED : 0);
        Value scaled = build_binary(b, OP_MUL, build_slice(b, sigma, start, type), noise);
        vec_push(&parts, build_binary(b, OP_ADD, build_slice(b, centre, start, type), scaled));
        start.v[0] += count;
    }
    Value all = parts.len > 1 ? build_concat(b, parts.len, parts.data, 0) : parts.data[0];
    vec_free(&parts);
    return all;
}

/* A sample is the value with noise of its phase: one draw per example, or per batch for `shared` hyperparameters. */
static Value value(Assembly *assembly, Builder *b, const TrainCondition *own, View view)
{
    Value centre = build_read(b, own->state);
    if (!view.sampled)
        return centre;
    if (assembly->train->everywhere)
        centre = first_value(assembly, b, own->condition);
    return perturbed(assembly, b, own, view.phase, centre, sigma_of(assembly, b, own, value_type(b, centre)));
}

/* The first value, with noise of the first scale where the train moves it. */
static Value typical(Assembly *assembly, Builder *b, uint32_t condition, int64_t count)
{
    Type one = assembly->module->conditions.data[condition].type;
    Type all = type_of(one.dtype, 2, (int64_t[]){count, one.dims[0]});
    Value first = build_broadcast(b, first_value(assembly, b, condition), all, dims_of(1, 1));
    if (!find_train_condition(assembly->train, condition))
        return first;
    Value seed = build_read(b, assembly->seed), zero = build_const(b, type_scalar(DTYPE_I32), 0);
    Value noise = build_normal(b, seed, zero, all, (uint32_t)RANDOM_STREAM_TYPICAL + 2 * PARETO_MOST_OBJECTIVES * condition, 0);
    return build_binary(b, OP_ADD, first, build_with_const(b, OP_MUL, noise, assembly->train->sigma));
}

const ConditionRule condition_hyper = {states, value, typical};

/* ---- in natural units ---- */

/* The hyperparameter and, where steps see samples, its sigma, carried over by the squashing's slope (delta method). */
static void add_natural(Builder *b, const Hyper *hyper, Value all, Value sigmas)
{
    int64_t count = type_elements(hyper->shape);
    Type part = type_of(b->module->real, 1, &count), shape = type_with_dtype(hyper->shape, b->module->real);
    Dims start = {1, {hyper->offset}};
    Value raw = build_reshape(b, build_slice(b, all, start, part), shape);
    build_output(b, hyper->name, build_natural(b, hyper, raw));
    if (sigmas == NO_VALUE)
        return;
    Value sigma = build_reshape(b, build_slice(b, sigmas, start, part), shape);
    Hyper smooth = *hyper; /* an integer's spread is that of the number before rounding down */
    if (hyper->kind == HYPER_INTEGER) {
        smooth.kind = HYPER_RANGE;
        smooth.high += 1;
    }
    Value spread = build_tangent(b, build_natural(b, &smooth, raw), 1, &raw, &sigma);
    build_output(b, arena_printf(&b->module->arena, "%s.sigma", hyper->name), build_unary(b, OP_ABS, spread));
}

void assemble_hypers(Assembly *assembly)
{
    Module *module = assembly->module;
    Train *train = assembly->train;
    Function *function = function_new(module, arena_printf(&module->arena, "%s.hypers", train->name));
    Builder b = {.module = module, .function = function, .line = train->line};
    for (uint32_t k = 0; k < train->conditions.len; k++) {
        const TrainCondition *own = &train->conditions.data[k];
        if (own->kind != CONDITION_HYPER)
            continue;
        Value all = build_read(&b, own->state), sigmas = NO_VALUE;
        if (train->sigma > 0)
            sigmas = sigma_of(assembly, &b, own, value_type(&b, all));
        for (uint32_t i = 0; i < assembly->model->hypers.len; i++)
            if (assembly->model->hypers.data[i].condition == own->condition)
                add_natural(&b, &assembly->model->hypers.data[i], all, sigmas);
    }
    step_finish(assembly, function);
    train->hypers = function;
}
