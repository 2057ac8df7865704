/* From a per-example objective to a batched function ready for gradients. */
#include <string.h>

#include "pareto/externs.h"
#include "passes/methods/methods.h"
#include "passes/rewrite.h"

Value initial_condition(Assembly *assembly, Builder *b, uint32_t condition)
{
    VEC(Value) parts = {0};
    for (uint32_t i = 0; i < assembly->model->hypers.len; i++) {
        const Hyper *hyper = &assembly->model->hypers.data[i];
        int64_t count = type_elements(hyper->shape);
        if (hyper->condition == condition)
            vec_push(&parts, build_const(b, type_of(b->module->real, 1, &count), hyper_raw(hyper, hyper->init)));
    }
    Value all = build_concat(b, parts.len, parts.data, 0);
    vec_free(&parts);
    return all;
}

/* Standard normal noise for each element of the condition: neighbours of one scope are drawn together. */
static Value condition_noise(Assembly *assembly, Builder *b, unsigned phase)
{
    const Model *model = assembly->model;
    Value seed = build_read(b, assembly->seed);
    Value step = build_read(b, phase == 0 ? assembly->step_lower : assembly->step_upper);
    uint32_t stream = (uint32_t)RANDOM_STREAM_CONDITION + phase * STREAMS_PER_PHASE, drawn = 0;
    VEC(Value) parts = {0};
    for (uint32_t i = 0; i < model->hypers.len;) {
        bool shared = model->hypers.data[i].shared;
        int64_t count = 0;
        for (; i < model->hypers.len && model->hypers.data[i].shared == shared; i++)
            if (model->hypers.data[i].condition == assembly->train->condition)
                count += type_elements(model->hypers.data[i].shape);
        if (count == 0)
            continue;
        Type type = type_of(b->module->real, 1, &count);
        /* two streams a draw; runs beyond the phase's block have streams of their own */
        uint32_t own = drawn < 2 ? stream + 2 * drawn : (uint32_t)RANDOM_STREAM_MORE_CONDITIONS + 64 * phase + 2 * drawn;
        vec_push(&parts, build_normal(b, seed, step, type, own, shared ? OP_SHARED : 0));
        drawn++;
    }
    Value all = build_concat(b, parts.len, parts.data, 0);
    vec_free(&parts);
    return all;
}

/* Rays are numbered through all steps: each has a counter of its own in the stream of rays. */
static Value ray_number(Assembly *assembly, Builder *b, unsigned draw)
{
    Value first = build_with_const(b, OP_MUL, build_read(b, assembly->step_lower), assembly->train->pareto->rays_per_step);
    return build_with_const(b, OP_ADD, first, draw);
}

/* One of the rays on which the front is evaluated, each as likely. */
static Value fixed_ray(Assembly *assembly, Builder *b, Type type, unsigned draw)
{
    const Pareto *pareto = assembly->train->pareto;
    Value seed = build_read(b, assembly->seed), number = ray_number(assembly, b, draw);
    Value random = build_random(b, seed, number, type_scalar(b->module->real), RANDOM_STREAM_RAY_CHOICE, OP_SHARED);
    Value place = build_cast(b, build_with_const(b, OP_MUL, random, assembly->train->sweep->count), DTYPE_I32);
    return build_reshape(b, build_gather(b, build_read(b, pareto->rays_state), place), type);
}

/* The preference: an argument of an export, the ray at hand, or one drawn for this step. */
static Value preference_value(Assembly *assembly, Builder *b, ConditionView view, unsigned draw)
{
    const Pareto *pareto = assembly->train->pareto;
    Condition condition = b->module->conditions.data[assembly->train->condition];
    for (uint32_t i = 0; i < b->function->inputs.len; i++)
        if (strcmp(b->function->input_names.data[i], condition.name) == 0)
            return b->function->inputs.data[i];
    if (view != CONDITION_DRAWN || pareto->each)
        return build_read(b, pareto->ray_state);
    if (pareto->fixed)
        return fixed_ray(assembly, b, condition.type, draw);
    Value concentration[PARETO_MOST_OBJECTIVES];
    for (uint32_t i = 0; i < pareto->m; i++)
        concentration[i] = build_const(b, type_scalar(b->module->real), pareto->concentration[i]);
    Value seed = build_read(b, assembly->seed), number = ray_number(assembly, b, draw);
    Value operands[] = {seed, number, build_vector(b, pareto->m, concentration)};
    return build_extern(b, EXTERN_DIRICHLET, condition.type, 3, operands);
}

/* What the train does not tune keeps its first value. */
Value condition_value(Assembly *assembly, Builder *b, uint32_t condition, ConditionView view, unsigned draw)
{
    const Train *train = assembly->train;
    if (train->method == METHOD_FIT || condition != train->condition)
        return initial_condition(assembly, b, condition);
    if (train->method == METHOD_PARETO)
        return preference_value(assembly, b, view, draw);
    Value centre = build_read(b, assembly->hyper_state);
    if (view == CONDITION_CURRENT)
        return centre;
    if (train->everywhere)
        centre = initial_condition(assembly, b, condition);
    Type type = value_type(b, centre);
    Value sigma =
        train->sigma_learned ? build_softplus(b, build_read(b, assembly->scale_state)) : build_const(b, type, train->sigma);
    return build_binary(b, OP_ADD, centre, build_binary(b, OP_MUL, sigma, condition_noise(assembly, b, draw)));
}

void resolve_conditions(Assembly *assembly, Function *function, ConditionView view, unsigned draw)
{
    Rewrite rewrite;
    uint32_t count = assembly->module->conditions.len;
    Value *values = support_malloc(count * sizeof *values);
    for (uint32_t i = 0; i < count; i++)
        values[i] = NO_VALUE;
    rewrite_begin(&rewrite, assembly->module, function);
    for (Value v = 0; v < function->ops.len; v++) {
        if (OP_AT(function, v)->code != OP_CONDITION) {
            rewrite_copy(&rewrite, v);
            continue;
        }
        uint32_t condition = OP_AT(function, v)->symbol;
        if (values[condition] == NO_VALUE)
            values[condition] = condition_value(assembly, &rewrite.b, condition, view, draw);
        rewrite.map[v] = values[condition];
    }
    rewrite_end(&rewrite);
    support_free(values);
}

Function *objective_copy(Assembly *assembly, const char *name, const Function *objective, ConditionView view, unsigned draw)
{
    Module *module = assembly->module;
    Function *function = function_new(module, name);
    Builder b = {.module = module, .function = function};
    Value *map = support_malloc(objective->ops.len * sizeof *map);
    build_inline(&b, objective, map);
    for (uint32_t i = 0; i < objective->outputs.len; i++)
        build_output(&b, objective->outputs.data[i].name, map[objective->outputs.data[i].value]);
    support_free(map);
    pass_traced(assembly->trace, "lower", module, function);
    pass_weights(assembly->model, function);
    pass_traced(assembly->trace, "weights", module, function);
    resolve_conditions(assembly, function, view, draw);
    pass_traced(assembly->trace, "conditions", module, function);
    return function;
}

Function *objective_copies(Assembly *assembly, const char *name, const Function *objective, ConditionView view, unsigned count)
{
    if (count == 1)
        return objective_copy(assembly, name, objective, view, 0);
    Module *module = assembly->module;
    Function *function = function_new(module, name);
    Builder b = {.module = module, .function = function};
    for (unsigned draw = 0; draw < count; draw++) {
        Function *copy = objective_copy(assembly, arena_printf(&module->arena, "%s.%u", name, draw), objective, view, draw);
        Value *map = support_malloc(copy->ops.len * sizeof *map);
        build_inline(&b, copy, map);
        for (uint32_t i = 0; i < copy->outputs.len; i++)
            build_output(&b, arena_printf(&module->arena, "%s.%u", copy->outputs.data[i].name, draw),
                         map[copy->outputs.data[i].value]);
        support_free(map);
        function_remove(module, copy);
    }
    return function;
}

void objective_batch(Assembly *assembly, Function *function, int64_t batch, bool masked)
{
    Module *module = assembly->module;
    pass_run(assembly->trace, "cse", module, function);
    pass_run(assembly->trace, "factor", module, function);
    pass_batch(module, function, batch, masked);
    pass_traced(assembly->trace, "batch", module, function);
    pass_run(assembly->trace, "simplify", module, function);
    pass_run(assembly->trace, "cse", module, function);
    pass_run(assembly->trace, "dce", module, function);
    pass_run(assembly->trace, "merge", module, function);
    pass_run(assembly->trace, "cse", module, function);
}

void draw_by_row(Assembly *assembly, Function *function)
{
    enum { SPREAD = 1000003 }; /* odd: rows, too, reach all of the 2^32 numbers of steps */
    Rewrite rewrite;
    Value offset = NO_VALUE;
    rewrite_begin(&rewrite, assembly->module, function);
    for (uint32_t i = 0; i < function->inputs.len; i++) /* they keep their positions */
        rewrite_copy(&rewrite, function->inputs.data[i]);
    for (Value v = 0; v < function->ops.len; v++) {
        const Op *op = OP_AT(function, v);
        if (rewrite.map[v] != NO_VALUE)
            continue;
        if (op->code != OP_RANDOM) {
            rewrite_copy(&rewrite, v);
            continue;
        }
        Builder *b = &rewrite.b;
        if (offset == NO_VALUE)
            offset = build_with_const(b, OP_MUL, build_input(b, "row.number", type_scalar(DTYPE_I32)), SPREAD);
        Value args[] = {rewrite.map[op->args[0]], build_binary(b, OP_ADD, rewrite.map[op->args[1]], offset)};
        rewrite.map[v] = build_op(b, *op, 2, args);
    }
    rewrite_end(&rewrite);
}

void step_finish(Assembly *assembly, Function *function)
{
    pass_finish(assembly->trace, assembly->module, function);
    pass_run(assembly->trace, "bounds", assembly->module, function);
}

Value find_read(const Function *function, uint32_t state)
{
    for (Value v = 0; v < function->ops.len; v++)
        if (OP_AT(function, v)->code == OP_STATE_READ && OP_AT(function, v)->symbol == state)
            return v;
    return NO_VALUE;
}
