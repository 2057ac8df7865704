/* Trials, one after the other: for each, hyperparameters are proposed, a net is trained from first values on, and what it came to is noted
 * (runtime/run/trials.h, proposals/proposals.h). */
#include <inttypes.h>

#include "passes/methods/methods.h"

static void make_procedure(Train *train)
{
    size_t trials = act_repeat(train, (Act){.rounds = train->search->trials});
    act_leaf(train, (Act){.kind = ACT_PROPOSE});
    act_leaf(train, (Act){.kind = ACT_RESET, .lifetime = LIFETIME_NET});
    size_t budget = act_budget(train);
    act_leaf(train, (Act){.kind = ACT_STEP});
    act_measure(train);
    act_end(train, budget);
    act_leaf(train, (Act){.kind = ACT_OBSERVE});
    act_end(train, trials);
}

static void assemble(Assembly *assembly)
{
    Train *train = assembly->train;
    for (uint32_t i = 0; i < train->conditions.len; i++)
        assembly->module->states.data[train->conditions.data[i].state].lifetime = LIFETIME_RUN;
    make_procedure(train);
    assemble_weight_step(assembly, &train->phases.data[0], AT_HAND);
    assemble_hypers(assembly);
}

static void explain(const Train *train, Text *out)
{
    text_printf(out, "  trials     %s", train->search->text);
    if (train->search->kind == PROPOSAL_GRID)
        text_printf(out, ": %" PRId64, train->search->trials);
    text_printf(out, "\n");
    if (train->search->pruner != PRUNER_NONE)
        text_printf(out, "  prune      %s\n", train->search->pruner_text);
}

const Method method_search = {.assemble = assemble, .explain = explain};
