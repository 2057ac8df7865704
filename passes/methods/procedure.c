/* The trees of acts that methods make: in the list parents come before children. */
#include <inttypes.h>

#include "passes/methods/methods.h"

size_t act_repeat(Train *train, Act act)
{
    act.kind = ACT_REPEAT;
    return act_leaf(train, act);
}

size_t act_leaf(Train *train, Act act)
{
    act.size = 1;
    act.every = act.every ? act.every : 1;
    vec_push(&train->acts, act);
    return train->acts.len - 1;
}

void act_end(Train *train, size_t repeat)
{
    train->acts.data[repeat].size = train->acts.len - (uint32_t)repeat;
}

/* A round of the budget is one step of the first phase, and may take several batches, each of which counts as a step. */
static int64_t step_batches(const Train *train)
{
    return train->phases.data[0].batches ? train->phases.data[0].batches : 1;
}

size_t act_budget(Train *train)
{
    int64_t batches = step_batches(train), rounds = (train->steps + batches - 1) / batches;
    return act_repeat(train, (Act){.rounds = train->steps ? rounds : train->epochs,
                                   .in_epochs = train->steps == 0,
                                   .budget = true,
                                   .patience = train->patience});
}

void act_measure(Train *train)
{
    double every = train->evaluate_in_steps ? train->evaluate / (double)step_batches(train) : train->evaluate;
    act_leaf(train,
             (Act){.kind = ACT_MEASURE, .every = every, .every_in_epochs = !train->evaluate_in_steps, .last = true});
}

void alternation_explain(const Train *train, Text *out)
{
    text_printf(out, "  schedule   %" PRId64 " lower : %" PRId64 " upper, after %g epoch%s\n", train->every_lower,
                train->every_upper, train->warmup, train->warmup == 1 ? "" : "s");
}
