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

size_t act_budget(Train *train)
{
    return act_repeat(train, (Act){.rounds = train->steps ? train->steps : train->epochs,
                                   .in_epochs = train->steps == 0,
                                   .budget = true,
                                   .patience = train->patience});
}

void act_measure(Train *train)
{
    act_leaf(train,
             (Act){.kind = ACT_MEASURE, .every = train->evaluate, .every_in_epochs = !train->evaluate_in_steps, .last = true});
}

void alternation_explain(const Train *train, Text *out)
{
    text_printf(out, "  schedule   %" PRId64 " lower : %" PRId64 " upper, after %g epoch%s\n", train->every_lower,
                train->every_upper, train->warmup, train->warmup == 1 ? "" : "s");
}
