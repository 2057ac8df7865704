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
#include "passes/methods/methods.h"

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

void assemble_bilevel(Assembly *assembly)
{
    make_procedure(assembly->train);
    assemble_weight_step(assembly, &assembly->train->phases.data[0], CONDITION_PERTURBED);
    assemble_upper(assembly, &assembly->train->phases.data[1]);
}
