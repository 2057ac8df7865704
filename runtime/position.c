#include "runtime/position.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void position_begin(Position *position)
{
    *position = (Position){.best = -1, .best_value = INFINITY};
}

/* Upper steps that belong before the next lower one. */
static int64_t upper_steps_due(const Position *position, const Plan *plan)
{
    int64_t lower = position->steps[0] - plan->warmup_steps;
    return plan->phases < 2 || lower <= 0 ? 0 : lower / plan->every[0] * plan->every[1];
}

static bool out_of_patience(const Position *position, const Plan *plan)
{
    return plan->patience > 0 && position->bad_epochs >= plan->patience;
}

NextAction position_next(const Position *position, const Plan *plan)
{
    int64_t done = position->steps[0];
    if (position->steps[1] < upper_steps_due(position, plan))
        return NEXT_UPPER;
    bool boundary = done == plan->total_steps || (done > 0 && done % plan->evaluate == 0);
    if (boundary && position->evaluated != done)
        return NEXT_EVALUATE;
    return done >= plan->total_steps || out_of_patience(position, plan) ? NEXT_END : NEXT_LOWER;
}

const char *position_end_reason(const Position *position, const Plan *plan)
{
    return out_of_patience(position, plan) ? "patience" : "steps";
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

void position_store(const Position *position, bool finished, json_t *metadata)
{
    metadata_set_integer(metadata, "steps.0", position->steps[0]);
    metadata_set_integer(metadata, "steps.1", position->steps[1]);
    metadata_set_integer(metadata, "evaluated", position->evaluated);
    metadata_set_integer(metadata, "evaluations", position->evaluations);
    metadata_set_integer(metadata, "best", position->best);
    set_real(metadata, "best_value", position->best_value);
    metadata_set_integer(metadata, "bad_epochs", position->bad_epochs);
    if (!finished)
        set_real(metadata, "seconds", position->seconds);
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

bool position_load(Position *position, const json_t *metadata)
{
    position_begin(position);
    bool fine = get_count(metadata, "steps.0", &position->steps[0]) && get_count(metadata, "steps.1", &position->steps[1]) &&
                get_count(metadata, "evaluated", &position->evaluated) &&
                get_count(metadata, "evaluations", &position->evaluations) &&
                metadata_integer(metadata, "best", &position->best) && get_real(metadata, "best_value", &position->best_value) &&
                get_count(metadata, "bad_epochs", &position->bad_epochs);
    for (size_t phase = 0; phase < MAX_PHASES; phase++)
        for (size_t output = 0; output < MAX_STEP_OUTPUTS; output++)
            fine = fine && load_mean(metadata, phase, output, &position->means[phase][output]);
    if (fine && json_object_get(metadata, "seconds"))
        fine = get_real(metadata, "seconds", &position->seconds) && position->seconds >= 0;
    return fine;
}

/* The most upper steps that can have been taken: every[1] follow every[0] lower ones. */
static int64_t most_upper_steps(const TrainInfo *train, int64_t lower)
{
    return train->phase_count < 2 ? 0 : (lower / train->phases[0].every + 1) * train->phases[1].every;
}

bool position_is_possible(const Position *position, const TrainInfo *train, int64_t total_steps, const char **what)
{
    const int64_t *steps = position->steps;
    *what = steps[0] > total_steps                                           ? "steps.0"
            : steps[1] > most_upper_steps(train, steps[0])                   ? "steps.1"
            : position->evaluated > steps[0]                                 ? "evaluated"
            : position->evaluations > steps[0] + 1                           ? "evaluations"
            : position->best < -1 || position->best >= position->evaluations ? "best"
            : position->best >= 0 && position->best_value == INFINITY        ? "best_value"
            : position->bad_epochs > position->evaluations                   ? "bad_epochs"
            : !isfinite(position->seconds)                                   ? "seconds"
                                                                             : NULL;
    for (size_t phase = 0; phase < MAX_PHASES && !*what; phase++)
        for (size_t output = 0; output < MAX_STEP_OUTPUTS; output++)
            if (position->means[phase][output].count > steps[phase])
                *what = "mean";
    return *what == NULL;
}
