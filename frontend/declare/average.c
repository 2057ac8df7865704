/* average ema(0.999): which average of its weights a train hands on. */
#include "frontend/declare/train_plan.h"

#define BETWEEN(x, y) {(x), (y), true, true, NULL}
static const Construct rows[] = {
#define AVERAGE(KIND, name, watches, shown, ...) CALLED(#name, shown, __VA_ARGS__),
#include "ir/averages.def"
#undef AVERAGE
};

void read_average(TrainPlan *plan)
{
    const Setting *setting = find_setting(plan, "average");
    Argument arguments[MOST_PARAMETERS];
    if (!setting || !setting->values.first)
        return;
    int row = read_construct(plan->s, setting->values.first, CONSTRUCTS(rows), "an average of weights", arguments);
    if (row < 0)
        return;
    Average *average = &plan->train.average;
    average->kind = (AverageKind)(AVERAGE_NONE + 1 + row);
    average->text = construct_text(&plan->s->module->arena, &rows[row], arguments);
    switch (average->kind) {
    case AVERAGE_EMA:
        average->decay = arguments[0].number;
        break;
    case AVERAGE_SWA:
        average->from = (int64_t)arguments[0].number;
        average->every = (int64_t)arguments[1].number;
        break;
    case AVERAGE_NONMONOTONIC:
        average->window = (int64_t)arguments[0].number;
        break;
    case AVERAGE_NONE:
    case AVERAGE_COUNT:
        break;
    }
}

/* Batch normalisation with an average of weights from all over a run would need statistics of its own (Izmailov et al. 2018 take
 * them in one more pass over the data). */
void check_average_of_statistic(TrainPlan *plan, const char *statistic)
{
    Session *s = plan->s;
    AverageKind kind = plan->train.average.kind;
    if (kind == AVERAGE_NONE || kind == AVERAGE_EMA)
        return;
    fail(s, find_setting(plan, "average")->span,
         "'%s' is a running statistic of weights near the last ones, but %s averages weights that lie far apart", statistic,
         average_traits[kind].name);
    add_help(s, "'average ema(0.999)' averages running statistics together with the weights");
    add_help(s, "a norm of each example has none: layernorm, groupnorm, rmsnorm");
}
