/* Tasks one after the other (von Oswald et al., "Continual learning with hypernetworks", ICLR 2020; Kirkpatrick et al. 2017;
 * Zenke et al. 2017). A task begins with a fresh optimizer and with what its protection remembers of earlier tasks; its steps are
 * plain gradient steps, whose gradients the protection adds to. */
#include <string.h>

#include "passes/methods/methods.h"

const Protection *protection_of(const Train *train)
{
    static const Protection *const protections[PROTECTION_COUNT] = {
#define PROTECTION(KIND, name, ...) &protection_##name,
#include "ir/protections.def"
#undef PROTECTION
    };
    return protections[train->continual->protection];
}

/* A state of results, which the runtime writes. */
static int results_state(Assembly *assembly, const char *name, Type type)
{
    Module *module = assembly->module;
    uint32_t state =
        named_state(module, arena_printf(&module->arena, "%s/%s", assembly->train->name, name), type, STATE_COUNTER, 0);
    module->states.data[state].lifetime = LIFETIME_RUN;
    module->states.data[state].grows = true;
    return (int)state;
}

/* Whether results at tasks that are not learned yet are asked for. */
static bool measures_all(const Sweep *sweep)
{
    bool all = false;
    for (size_t i = 0; i < INDICATOR_COUNT; i++)
        all |= sweep->reports[i].reported && indicator_points[i] == POINTS_ALL;
    return all;
}

/* Results of every round, for each task and metric; where indicators ask for it, also of a measure before the first task. */
static void states(Assembly *assembly)
{
    Module *module = assembly->module;
    Train *train = assembly->train;
    Sweep *sweep = train->sweep;
    int64_t tasks = sweep->count, metrics = train->metrics.len;
    sweep->state = (int)condition_state(train, sweep->condition);
    module->states.data[sweep->state].lifetime = LIFETIME_RUN;
    sweep->memory = results_state(assembly, "results", type_of(module->real, 3, (int64_t[]){tasks, tasks, metrics}));
    if (measures_all(sweep))
        sweep->first = results_state(assembly, "first", type_of(module->real, 2, (int64_t[]){tasks, metrics}));
}

typedef void Part(Assembly *assembly, Builder *b, uint32_t n, const uint32_t *shared);

/* The function of an act that is a call; NULL where there is no such part. */
static Function *assemble_part(Assembly *assembly, const char *what, Part *part, uint32_t n, const uint32_t *shared)
{
    if (!part)
        return NULL;
    Module *module = assembly->module;
    Function *function = function_new(module, arena_printf(&module->arena, "%s.%s", assembly->train->name, what));
    Builder b = {.module = module, .function = function, .line = assembly->train->line};
    part(assembly, &b, n, shared);
    step_finish(assembly, function);
    return function;
}

static Value *copy_gradients(const WeightStep *step)
{
    Value *gradients = support_malloc((step->n + 1) * sizeof *gradients);
    for (uint32_t i = 0; i < step->n; i++)
        gradients[i] = step->trained[i].gradient;
    return gradients;
}

static void assemble_step(Assembly *assembly, Phase *phase, const Protection *protection, uint32_t *n, uint32_t *shared)
{
    WeightStep step = weight_step_begin(assembly, phase, AT_HAND);
    Value *gradients = copy_gradients(&step);
    for (uint32_t i = 0; i < step.n; i++)
        if (!has_row_per_task(assembly->train, &assembly->module->states.data[step.trained[i].state]))
            shared[(*n)++] = step.trained[i].state;
    if (protection->before)
        protection->before(assembly, phase, &step);
    weight_step_update(assembly, phase, &step);
    if (protection->after)
        protection->after(assembly, &step, gradients);
    support_free(gradients);
    weight_step_end(assembly, phase, &step);
}

/* An example may have no loss (the mean of what it is none of): it has no gradient either, and is counted. */
static void leave_out_undefined(Assembly *assembly, WeightStep *step)
{
    Builder *b = &step->b;
    Output *loss = &step->function->outputs.data[0];
    Value defined = build_binary(b, OP_EQ, loss->value, loss->value);
    count_events(assembly, b, "undefined", build_unary(b, OP_NOT, defined));
    keep_gradients(b, defined, step->n, step->trained);
    loss->value = build_select(b, defined, loss->value, build_const(b, value_type(b, loss->value), 0));
}

/* A phase of its own, on the examples and the loss of the train's: example by example, without a step of an optimizer. */
static void assemble_consolidation(Assembly *assembly, const Protection *protection)
{
    Phase phase = assembly->train->phases.data[0];
    phase.name = "consolidate";
    phase.batch = 1;
    phase.micro_batch = 0;
    phase.consolidates = true;
    memset(&phase.parts, 0, sizeof phase.parts);
    WeightStep step = weight_step_begin(assembly, &phase, AT_HAND);
    leave_out_undefined(assembly, &step);
    protection->consolidate(assembly, &step);
    step_finish(assembly, step.function);
    phase.step = step.function;
    vec_push(&assembly->train->phases, phase);
    support_free(step.trained);
    support_free(step.values);
}

static void make_procedure(Train *train, const Protection *protection, Function *begin, Function *end)
{
    const Sweep *sweep = train->sweep;
    size_t tasks = act_repeat(train, (Act){.rounds = sweep->count});
    act_leaf(train, (Act){.kind = ACT_SET, .state = (uint32_t)sweep->state, .table = sweep->points, .rows = sweep->count});
    act_leaf(train, (Act){.kind = ACT_RESET, .lifetime = protection->separate ? LIFETIME_NET : LIFETIME_ROUND});
    if (begin)
        act_leaf(train, (Act){.kind = ACT_CALL, .function = begin});
    if (sweep->first >= 0)
        act_leaf(train, (Act){.kind = ACT_MEASURE, .once = true});
    size_t budget = act_budget(train);
    act_leaf(train, (Act){.kind = ACT_STEP});
    act_measure(train);
    act_end(train, budget);
    if (protection->consolidate) {
        size_t examples = act_repeat(train, (Act){.rounds = (int64_t)protection_argument(train, "examples")});
        act_leaf(train, (Act){.kind = ACT_STEP, .phase = 1});
        act_end(train, examples);
    }
    if (end)
        act_leaf(train, (Act){.kind = ACT_CALL, .function = end});
    act_end(train, tasks);
}

static void assemble(Assembly *assembly)
{
    Train *train = assembly->train;
    const Protection *protection = protection_of(train);
    uint32_t n = 0, *shared = support_malloc((assembly->module->states.len + assembly->module->weights.len + 1) * sizeof *shared);
    assemble_step(assembly, &train->phases.data[0], protection, &n, shared);
    if (protection->consolidate)
        assemble_consolidation(assembly, protection);
    Function *begin = assemble_part(assembly, "begin", protection->begin, n, shared);
    Function *end = assemble_part(assembly, "end", protection->end, n, shared);
    make_procedure(train, protection, begin, end);
    support_free(shared);
}

static void explain(const Train *train, Text *out)
{
    text_printf(out, "  tasks      %u, one after the other\n  remember   %s\n", train->continual->tasks,
                train->continual->protection_full);
}

const Method method_continual = {.states = states, .assemble = assemble, .explain = explain};
