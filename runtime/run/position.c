#include "runtime/run/position.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void position_begin(Position *position)
{
    *position = (Position){.best = -1, .best_value = INFINITY, .trial = -1, .due_best = INFINITY};
}

int64_t plan_budgets(const TrainInfo *train)
{
    Walk walk;
    int64_t budgets = 1;
    walk_plan(&walk, train, 1, 0);
    for (size_t repeat = walk_parent(&walk, walk_budget(train)); repeat != WALK_END; repeat = walk_parent(&walk, repeat))
        budgets *= walk.acts[repeat].rounds;
    return budgets > 0 ? budgets : 1;
}

void plan_make(RunPlan *plan, const TrainInfo *train, int64_t epoch_steps, int64_t budget)
{
    *plan = (RunPlan){.epoch_steps = epoch_steps, .phases = train->phase_count};
    walk_plan(&plan->walk, train, epoch_steps, budget);
    int64_t rounds = plan->walk.acts[walk_budget(train)].rounds;
    plan->total_steps = walk_most_steps(&plan->walk, train, 0);
    plan->net_steps = rounds > 0 ? rounds * train->phases[0].batches : 1;
    plan->nets = plan_budgets(train);
    plan->in_steps = !train->acts[walk_budget(train)].in_epochs;
    plan->seconds = train->seconds;
}

int64_t plan_nets_begun(const RunPlan *plan, int64_t steps)
{
    return (steps + plan->net_steps - 1) / plan->net_steps;
}

const char *position_end_reason(const Position *position, const TrainInfo *train)
{
    return train->trials ? "trials" : position->done[0] < 0 ? "patience" : "steps";
}

void metadata_set_integer(json_t *metadata, const char *key, int64_t value)
{
    json_object_set_new(metadata, key, json_sprintf("%" PRId64, value));
}

static void set_real(json_t *metadata, const char *key, double value)
{
    json_object_set_new(metadata, key, json_sprintf("%a", value));
}

bool metadata_integer(const json_t *metadata, const char *key, int64_t *value)
{
    const char *text = json_string_value(json_object_get(metadata, key));
    char *end;
    if (!text || !*text)
        return false;
    errno = 0;
    *value = strtoll(text, &end, 10);
    return *end == '\0' && errno == 0;
}

static bool get_real(const json_t *metadata, const char *key, double *value)
{
    const char *text = json_string_value(json_object_get(metadata, key));
    char *end;
    if (!text || !*text)
        return false;
    *value = strtod(text, &end);
    return *end == '\0' && !isnan(*value);
}

static bool get_count(const json_t *metadata, const char *key, int64_t *value)
{
    return metadata_integer(metadata, key, value) && *value >= 0;
}

/* "steps.0" */
static void set_numbered(json_t *metadata, const char *name, size_t number, int64_t value)
{
    char key[32];
    snprintf(key, sizeof key, "%s.%zu", name, number);
    metadata_set_integer(metadata, key, value);
}

/* An entry that is absent is 0 where that is allowed. */
static bool get_numbered(const json_t *metadata, const char *name, size_t number, bool optional, int64_t *value)
{
    char key[32];
    snprintf(key, sizeof key, "%s.%zu", name, number);
    *value = 0;
    return (optional && !json_object_get(metadata, key)) || metadata_integer(metadata, key, value);
}

void position_store(const Position *position, bool finished, json_t *metadata)
{
    for (size_t phase = 0; phase < MAX_PHASES; phase++) {
        set_numbered(metadata, "steps", phase, position->steps[phase]);
        set_numbered(metadata, "batches", phase, position->batches[phase]);
    }
    for (size_t act = 0; act < MAX_ACTS; act++)
        if (position->done[act])
            set_numbered(metadata, "done", act, position->done[act]);
    metadata_set_integer(metadata, "evaluated", position->evaluated);
    metadata_set_integer(metadata, "evaluations", position->evaluations);
    metadata_set_integer(metadata, "best", position->best);
    set_real(metadata, "best_value", position->best_value);
    set_real(metadata, "due_best", position->due_best);
    metadata_set_integer(metadata, "bad_epochs", position->bad_epochs);
    if (!finished)
        set_real(metadata, "seconds", position->seconds);
    if (position->trial >= 0) {
        metadata_set_integer(metadata, "trial", position->trial);
        metadata_set_integer(metadata, "trial_begin", position->trial_begin);
        metadata_set_integer(metadata, "trial_ended", position->trial_ended);
    }
    for (size_t phase = 0; phase < MAX_PHASES; phase++) {
        for (size_t output = 0; output < MAX_STEP_OUTPUTS; output++) {
            const Mean *mean = &position->means[phase][output];
            char key[32];
            snprintf(key, sizeof key, "mean.%zu.%zu", phase, output);
            if (mean->count)
                json_object_set_new(metadata, key, json_sprintf("%a / %" PRId64, mean->sum, mean->count));
        }
    }
}

static bool load_mean(const json_t *metadata, size_t phase, size_t output, Mean *mean)
{
    char key[32], *end;
    snprintf(key, sizeof key, "mean.%zu.%zu", phase, output);
    const char *text = json_string_value(json_object_get(metadata, key));
    if (!text)
        return true;
    mean->sum = strtod(text, &end);
    if (strncmp(end, " / ", 3))
        return false;
    mean->count = strtoll(end + 3, &end, 10);
    return *end == '\0' && mean->count > 0 && !isnan(mean->sum);
}

static bool load_trial(const json_t *metadata, Position *position)
{
    int64_t ended = 0;
    if (!json_object_get(metadata, "trial"))
        return true;
    bool fine = get_count(metadata, "trial", &position->trial) && get_count(metadata, "trial_begin", &position->trial_begin) &&
                get_count(metadata, "trial_ended", &ended) && ended <= TRIAL_FAILED;
    position->trial_ended = (TrialEnd)ended;
    return fine;
}

/* Checkpoints of earlier versions do not say it: every evaluation counted as due. */
static bool load_due_best(const json_t *metadata, Position *position)
{
    position->due_best = position->best_value;
    return !json_object_get(metadata, "due_best") || get_real(metadata, "due_best", &position->due_best);
}

bool position_load(Position *position, const json_t *metadata)
{
    position_begin(position);
    bool fine = true;
    for (size_t phase = 0; phase < MAX_PHASES; phase++)
        fine = fine && get_numbered(metadata, "steps", phase, false, &position->steps[phase]) && position->steps[phase] >= 0 &&
               get_numbered(metadata, "batches", phase, false, &position->batches[phase]) && position->batches[phase] >= 0;
    for (size_t act = 0; act < MAX_ACTS; act++)
        fine = fine && get_numbered(metadata, "done", act, true, &position->done[act]);
    fine = fine && get_count(metadata, "evaluated", &position->evaluated) &&
           get_count(metadata, "evaluations", &position->evaluations) && metadata_integer(metadata, "best", &position->best) &&
           get_real(metadata, "best_value", &position->best_value) && load_due_best(metadata, position) &&
           get_count(metadata, "bad_epochs", &position->bad_epochs);
    for (size_t phase = 0; phase < MAX_PHASES; phase++)
        for (size_t output = 0; output < MAX_STEP_OUTPUTS; output++)
            fine = fine && load_mean(metadata, phase, output, &position->means[phase][output]);
    fine = fine && load_trial(metadata, position);
    if (fine && json_object_get(metadata, "seconds"))
        fine = get_real(metadata, "seconds", &position->seconds) && position->seconds >= 0;
    return fine;
}

bool position_is_possible(const Position *position, const TrainInfo *train, const RunPlan *plan, const char **what)
{
    const int64_t *steps = position->steps;
    *what = steps[0] > plan->total_steps                                     ? "steps.0"
            : !walk_is_possible(&plan->walk, position->done)                 ? "done"
            : position->evaluated > steps[0]                                 ? "evaluated"
            : position->evaluations > steps[0] + 1                           ? "evaluations"
            : position->best < -1 || position->best >= position->evaluations ? "best"
            : position->best >= 0 && position->best_value == INFINITY        ? "best_value"
            : position->bad_epochs > position->evaluations                   ? "bad_epochs"
            : position->trial_begin > position->evaluations                  ? "trial_begin"
            : !isfinite(position->seconds)                                   ? "seconds"
                                                                             : NULL;
    for (size_t phase = 0; phase < MAX_PHASES && !*what; phase++) {
        if (steps[phase] > walk_most_steps(&plan->walk, train, phase))
            *what = "steps.1";
        if (position->batches[phase] > steps[phase])
            *what = "batches";
        for (size_t output = 0; output < MAX_STEP_OUTPUTS; output++)
            if (position->means[phase][output].count > steps[phase])
                *what = "mean";
    }
    return *what == NULL;
}
