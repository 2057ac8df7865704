/* Bilevel optimisation by best response (docs/methods.md): weights are a function of the condition, trained on the lower
 * objective at perturbed conditions; the condition descends the upper objective through that response.
 *
 *   local, global  Lorraine & Duvenaud 2018, algorithms 2-4: sigma fixed; perturbations around the current condition, or
 * (everywhere) around its first value STN            MacKay et al. 2019, algorithm 1: sigma learned with the condition, on F(c +
 * sigma eps) - tau H[sigma]
 *
 * The upper objective is lowered without `training`, so dropout and its rates are absent there: the condition's gradient goes
 * through the weights only, as in the authors' code. A condition that the upper objective names itself also gets that direct
 * part. */
#include <inttypes.h>
#include <math.h>

#include "passes/methods/methods.h"

/* value and, where sigma is learned, inverse softplus of sigma */
static void states(Assembly *assembly)
{
    Module *module = assembly->module;
    assembly->step_upper = named_state(module, "step/upper", type_scalar(DTYPE_I32), STATE_COUNTER, 0);
    const Train *train = assembly->train;
    Condition condition = module->conditions.data[train->condition];
    const char *value = arena_printf(&module->arena, "%s/value", condition.name);
    assembly->hyper_state = named_state(module, value, condition.type, STATE_HYPER, 0);
    if (!train->sigma_learned)
        return;
    const char *scale = arena_printf(&module->arena, "%s/scale", condition.name);
    double raw = train->sigma > 30 ? train->sigma : log(expm1(train->sigma));
    assembly->scale_state = named_state(module, scale, condition.type, STATE_SCALE, raw);
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

/* The current value, alone or with noise of the phase `draw`. */
static Value condition(Assembly *assembly, Builder *b, ConditionView view, unsigned draw)
{
    const Train *train = assembly->train;
    Value centre = build_read(b, assembly->hyper_state);
    if (view == CONDITION_CURRENT)
        return centre;
    if (train->everywhere)
        centre = initial_condition(assembly, b, train->condition);
    Type type = value_type(b, centre);
    Value sigma =
        train->sigma_learned ? build_softplus(b, build_read(b, assembly->scale_state)) : build_const(b, type, train->sigma);
    return build_binary(b, OP_ADD, centre, build_binary(b, OP_MUL, sigma, condition_noise(assembly, b, draw)));
}

/* sum over elements of log sigma: the entropy of N(0, diag sigma^2) up to a constant */
static Value build_entropy(Builder *b, Value scale)
{
    Value logs = build_unary(b, OP_LOG, build_softplus(b, scale));
    return build_reduce(b, OP_REDUCE_SUM, logs, dims_of(1, 0));
}

static void train_state(Builder *b, Assembly *assembly, const char *name, const Optimizer *optimizer, Value loss, uint32_t state)
{
    Value read = find_read(b->function, state);
    if (read == NO_VALUE)
        return;
    Trained trained = {state, read, build_grad(b, loss, read)};
    optimizer_append(assembly, b, name, optimizer, 1, &trained);
}

static void assemble_upper(Assembly *assembly, Phase *phase)
{
    Module *module = assembly->module;
    Train *train = assembly->train;
    const char *name = arena_printf(&module->arena, "%s.%s", train->name, phase->name);
    ConditionView view = train->sigma_learned ? CONDITION_PERTURBED : CONDITION_CURRENT;
    Function *function = objective_copy(assembly, name, phase->objective, view, 1);
    objective_batch(assembly, function, phase->batch, false);

    Builder b = {.module = module, .function = function, .line = phase->line};
    Value loss = function->outputs.data[0].value;
    Value scale = train->sigma_learned ? find_read(function, assembly->scale_state) : NO_VALUE;
    if (scale != NO_VALUE && train->entropy != 0) {
        Value entropy = build_entropy(&b, scale);
        loss = build_binary(&b, OP_SUB, loss, build_with_const(&b, OP_MUL, entropy, train->entropy));
    }
    train_state(&b, assembly, phase->name, &phase->optimizer, loss, assembly->hyper_state);
    if (scale != NO_VALUE)
        train_state(&b, assembly, "sample", &train->sigma_optimizer, loss, assembly->scale_state);
    count_step(&b, assembly->step_upper);
    step_finish(assembly, function);
    phase->step = function;
}

static void make_procedure(Train *train)
{
    size_t budget = act_budget(train);
    act_leaf(train, (Act){.kind = ACT_STEP, .phase = 0});
    size_t upper = act_repeat(train, (Act){.rounds = train->every_upper, .every = train->every_lower, .after = train->warmup});
    act_leaf(train, (Act){.kind = ACT_STEP, .phase = 1});
    act_end(train, upper);
    act_measure(train);
    act_end(train, budget);
}

static void assemble(Assembly *assembly)
{
    make_procedure(assembly->train);
    assemble_weight_step(assembly, &assembly->train->phases.data[0], CONDITION_PERTURBED);
    assemble_upper(assembly, &assembly->train->phases.data[1]);
    assemble_hypers(assembly);
}

static void explain(const Train *train, Text *out)
{
    text_printf(out, "  sigma      %g, %s", train->sigma, train->sigma_learned ? "learned" : "fixed");
    text_printf(out, ", around the %s value; entropy weight %g\n", train->everywhere ? "first" : "current", train->entropy);
    if (train->sigma_learned)
        optimizer_explain("sample", &train->sigma_optimizer, out);
    text_printf(out, "  schedule   %" PRId64 " lower : %" PRId64 " upper, after %g epochs\n", train->every_lower,
                train->every_upper, train->warmup);
}

const Method method_bilevel = {states, assemble, condition, true, explain};
