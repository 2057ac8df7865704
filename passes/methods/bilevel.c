/* Bilevel optimisation by best response (docs/methods.md): weights are a function of hyperparameters, trained on the lower
 * objective at samples of the hyperparameters (conditions/hyper.c); the hyperparameters descend the upper objective through that
 * response. With a learned sigma the upper objective is F(c + sigma eps) - tau H[sigma] (MacKay et al. 2019, algorithm 1).
 *
 * The upper objective is lowered without `training`, so dropout and its rates are absent there: the hyperparameters' gradient
 * goes through the weights only, as in the authors' code. Hyperparameters that the upper objective names itself also get that
 * direct part. */
#include <string.h>

#include "passes/methods/methods.h"

/* sum over elements of log sigma: the entropy of N(0, diag sigma^2) up to a constant */
static Value build_entropy(Builder *b, Value scale)
{
    Value logs = build_unary(b, OP_LOG, build_softplus(b, scale));
    return build_reduce(b, OP_REDUCE_SUM, logs, dims_of(1, 0));
}

/* Adds the state with the gradient of the loss; does nothing if the function does not read the state. */
static void add_trained(TrainedStates *trained, Builder *b, Value loss, uint32_t state)
{
    Value read = find_read(b->function, state);
    if (read != NO_VALUE)
        vec_push(trained, (Trained){state, read, build_grad(b, loss, read)});
}

static Value subtract_entropy(Assembly *assembly, Builder *b, Value loss)
{
    const Train *train = assembly->train;
    for (uint32_t i = 0; i < train->conditions.len && train->sigma_learned && train->entropy != 0; i++) {
        Value scale = find_read(b->function, train->conditions.data[i].scale_state);
        if (scale != NO_VALUE)
            loss = build_binary(b, OP_SUB, loss, build_with_const(b, OP_MUL, build_entropy(b, scale), train->entropy));
    }
    return loss;
}

static void assemble_upper(Assembly *assembly, Phase *phase)
{
    Train *train = assembly->train;
    View view = {.sampled = train->sigma_learned, .phase = 1, .response = RESPONSE_FULL};
    Function *function = phase_copy(assembly, phase, phase->objective, view);
    Builder b = {.module = assembly->module, .function = function, .line = phase->line};
    Value loss = subtract_entropy(assembly, &b, function->outputs.data[0].value);
    TrainedStates trained = {0};
    for (uint32_t i = 0; i < train->conditions.len; i++)
        add_trained(&trained, &b, loss, train->conditions.data[i].state);
    uint32_t values = trained.len;
    for (uint32_t i = 0; i < train->conditions.len && train->sigma_learned; i++)
        add_trained(&trained, &b, loss, train->conditions.data[i].scale_state);
    uint32_t scales = trained.len - values;
    micro_batch_end(assembly, phase, &b, trained.len, trained.data);
    if (values)
        optimizer_append(assembly, &b, (OptimizerNames){phase->name, NULL, false}, &phase->optimizer, values, trained.data);
    if (scales)
        optimizer_append(assembly, &b, (OptimizerNames){"sample", "sample", false}, &train->sigma_optimizer, scales,
                         trained.data + values);
    vec_free(&trained);
    count_step(&b, assembly->step_upper);
    step_finish(assembly, b.function);
    phase->step = b.function;
}

/* The step that trains the responses alone, on samples, as a phase of its own: linear in them, so that it is as good a problem as
 * least squares. */
static void assemble_responses(Assembly *assembly)
{
    Train *train = assembly->train;
    Phase phase = train->phases.data[0];
    phase.name = "response";
    memset(&phase.parts, 0, sizeof phase.parts);
    for (uint32_t i = 0; i < train->phases.data[0].parts.len && !train->response_learned_apart; i++)
        vec_push(&phase.parts, train->phases.data[0].parts.data[i]);
    if (train->response_learned_apart) {
        phase.optimizer = train->response_optimizer;
        phase.parts_only = false;
    }
    Function *function = phase_copy(assembly, &phase, phase.objective, (View){true, 0, 0, RESPONSE_LINEAR});
    phase.objective = NULL;
    phase.responds = true;
    WeightStep step = weight_step_of(assembly, &phase, function);
    weight_step_update(assembly, &phase, &step);
    average_append(assembly, &phase, &step.b);
    step_finish(assembly, step.b.function);
    phase.step = step.b.function;
    support_free(step.trained);
    support_free(step.values);
    vec_push(&train->phases, phase);
}

static void make_procedure(Train *train, bool responds)
{
    size_t budget = act_budget(train);
    act_leaf(train, (Act){.kind = ACT_STEP, .phase = 0});
    if (responds)
        act_leaf(train, (Act){.kind = ACT_STEP, .phase = 2});
    size_t upper =
        act_repeat(train, (Act){.rounds = train->every_upper, .every = (double)train->every_lower, .after = train->warmup});
    act_leaf(train, (Act){.kind = ACT_STEP, .phase = 1});
    act_end(train, upper);
    act_measure(train);
    act_end(train, budget);
}

static void assemble(Assembly *assembly)
{
    bool responds = has_responses(assembly->module); /* they are trained apart (Bae & Grosse 2020) */
    make_procedure(assembly->train, responds);
    assemble_weight_step(assembly, &assembly->train->phases.data[0], responds ? AT_HAND : SAMPLED(0));
    if (responds)
        assemble_responses(assembly);
    assemble_upper(assembly, &assembly->train->phases.data[1]);
    assemble_hypers(assembly);
}

static void explain(const Train *train, Text *out)
{
    text_printf(out, "  sigma      %g, %s", train->sigma, train->sigma_learned ? "learned" : "fixed");
    text_printf(out, ", around the %s value; entropy weight %g\n", train->everywhere ? "first" : "current", train->entropy);
    if (train->sigma_learned)
        optimizer_explain("sample", &train->sigma_optimizer, NULL, out);
    if (train->response_learned_apart)
        optimizer_explain("response", &train->response_optimizer, NULL, out);
    alternation_explain(train, out);
}

const Method method_bilevel = {.assemble = assemble, .samples = true, .explain = explain};
