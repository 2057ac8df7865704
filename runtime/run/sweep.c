#include "runtime/run/sweep.h"

#include <stdlib.h>

#include "runtime/core/report.h"
#include "runtime/run/checkpoint.h"
#include "runtime/run/sweeps/sweeps.h"

_Static_assert(MAX_OUTPUTS == (int)SWEEP_MOST_OUTPUTS && MAX_POINTS == (int)SWEEP_MOST_POINTS &&
                   MAX_INDEX_POINTS == (int)SWEEP_MOST_INDEX_POINTS &&
                   MAX_ROWS == (int)INDICATOR_MOST_ROWS,
               "limits of indicators/indicators.h");

static const SweepRule *rule_of(const SweepInfo *info)
{
    static const SweepRule *const rules[SWEEP_KIND_COUNT] = {
#define SWEEP(KIND, name, ...) &sweep_##name,
#include "runtime/abi/sweeps.def"
#undef SWEEP
    };
    return rules[info->kind];
}

bool sweep_open(Sweep *sweep, const Program *program)
{
    const TrainInfo *train = program->manifest->train;
    const SweepInfo *info = train->sweep;
    *sweep = (Sweep){.info = info, .metrics = train->metrics, .metric_count = train->metric_count};
    if (!info)
        return true;
    sweep->rule = rule_of(info);
    sweep->values = calloc(info->count * info->output_count, sizeof *sweep->values);
    sweep->others = calloc(info->count * train->metric_count, sizeof *sweep->others);
    sweep->memory = calloc(sweep->rule->remembers(info, train->metric_count), sizeof *sweep->memory);
    sweep->first = calloc(info->count * train->metric_count, sizeof *sweep->first);
    sweep->indicators = calloc(info->indicator_count + 1, sizeof *sweep->indicators);
    return (sweep->values && sweep->others && sweep->memory && sweep->first && sweep->indicators) ||
           report_error("out of memory");
}

void sweep_close(Sweep *sweep)
{
    free(sweep->values);
    free(sweep->others);
    free(sweep->memory);
    free(sweep->first);
    free(sweep->indicators);
    *sweep = (Sweep){0};
}

void sweep_begin(const Sweep *sweep, const Program *program)
{
    sweep_set_point(sweep, program, 0);
    if (sweep->rule->begin)
        sweep->rule->begin(sweep, program);
}

void sweep_measure(Sweep *sweep, Evaluation *evaluations, const Program *program, size_t nets)
{
    sweep->rule->measure(sweep, evaluations, program, nets);
    sweep->measured = true;
}

void sweep_recall(Sweep *sweep, Evaluation *evaluations, const Program *program, size_t nets)
{
    if (!sweep->measured)
        sweep->rule->recall(sweep, evaluations, program, nets);
    sweep->measured = true;
}

bool sweep_keeps_nets(const TrainInfo *train)
{
    const SweepRule *rule = train->sweep ? rule_of(train->sweep) : NULL;
    return rule && rule->keeps_nets && rule->keeps_nets(train);
}

size_t sweep_net_number(const TrainInfo *train, size_t nets)
{
    return sweep_in_rounds(train->sweep) ? nets - 1 : nets; /* an index counts from 0 */
}

bool sweep_load_weights(const char *path, const Program *program)
{
    const TrainInfo *train = program->manifest->train;
    return checkpoint_load_weights(path, program, train && sweep_in_rounds(train->sweep) && sweep_keeps_nets(train));
}

bool sweep_check_net(const Program *program, const char *checkpoint, int point)
{
    const TrainInfo *train = program->manifest->train;
    bool found;
    double at_hand;
    if (!train || !sweep_in_rounds(train->sweep) || !sweep_keeps_nets(train))
        return true;
    const StateInfo *state = &program->manifest->states[train->sweep->state];
    if (!checkpoint_load_state(checkpoint, program, state, &found))
        return false;
    program_read_reals(program, state, &at_hand);
    return !found || (int)at_hand == point ||
           report_error("%s holds the net of %s %d, and each %s has a net of its own: that of %s %d is in the run's folder as "
                        "%s-%03d.safetensors, once it is trained",
                        checkpoint, train->sweep->point_word, (int)at_hand, train->sweep->point_word, train->sweep->point_word,
                        point, train->sweep->point_word, point);
}

double sweep_selected(const Sweep *sweep, size_t metric)
{
    return sweep->rule->selected ? sweep->rule->selected(sweep, metric) : 0;
}

const char *sweep_selects(const TrainInfo *train)
{
    return train->sweep && train->select >= 0 && !train->metrics[train->select].pointless ? "mean " : "";
}

void sweep_add_event(const Sweep *sweep, json_t *event)
{
    sweep->rule->add_event(sweep, event);
}

json_t *sweep_json(const Sweep *sweep, const Program *program)
{
    return sweep->rule->json(sweep, program);
}

void sweep_note_limits(const Sweep *sweep)
{
    if (sweep->rule->note_limits)
        sweep->rule->note_limits(sweep);
}

bool sweep_in_rounds(const SweepInfo *info)
{
    return info && rule_of(info)->in_rounds;
}

void sweep_print(const Sweep *sweep)
{
    if (sweep->rule->print)
        sweep->rule->print(sweep);
}

size_t sweep_columns(const TrainInfo *train, SweepAdd *add, void *to)
{
    return rule_of(train->sweep)->columns(train, add, to);
}

bool sweep_evaluate(Sweep *sweep, Evaluation *evaluations, const Program *program, const char *checkpoint, int point,
                    bool as_json)
{
    return (point == NONE || sweep_check_net(program, checkpoint, point)) &&
           sweep->rule->evaluate(sweep, evaluations, program, checkpoint, point, as_json);
}
