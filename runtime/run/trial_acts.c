#include "runtime/run/trial_acts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/report.h"
#include "runtime/run/screen.h"

static const double nearest = 1e-6; /* to the ends of an interval, which no sigmoid reaches */

void trial_acts_close(TrialActs *acts)
{
    trials_close(&acts->trials);
    free(acts->folder);
    json_decref(acts->curve);
}

/* The shares of intervals become unconstrained numbers. */
static void write_hypers(const TrialActs *acts, const double *point)
{
    const Manifest *manifest = acts->manifest;
    const TrialsInfo *info = manifest->train->trials;
    for (size_t i = 0; i < info->hyper_count; i++) {
        const HyperInfo *hyper = &manifest->hypers[info->hypers[i]];
        const StateInfo *state = &manifest->states[manifest->conditions[hyper->condition].state];
        for (size_t k = 0; k < hyper_elements(hyper); k++) {
            double share = fmin(fmax(*point++, nearest), 1 - nearest), raw = log(share / (1 - share));
            program_write_reals(acts->program, state, hyper->offset + k, &raw, 1);
        }
    }
}

bool trial_propose(TrialActs *acts, size_t act)
{
    Position *position = acts->position;
    double point[MOST_PROPOSED_NUMBERS];
    position->bad_epochs = 0;
    position->trial_ended = TRIAL_GOES_ON;
    position->due_best = INFINITY;
    position->trial_begin = position->evaluations;
    memset(position->means, 0, sizeof position->means); /* of a trial that failed */
    json_decref(acts->curve);
    acts->curve = NULL;
    acts->read = 0;
    switch (trials_claim(&acts->trials, acts->folder, &position->trial, point)) {
    case TRIAL_CLAIMED:
        write_hypers(acts, point);
        return true;
    case TRIALS_DONE:
        position->trial = -1;
        walk_end(position->done, walk_parent(acts->walk, act));
        return true;
    case TRIALS_FAILED:
        break;
    }
    return false;
}

/* The values of the trial's evaluations so far that were due: those of the log, each line of which is read once. */
static const json_t *trial_curve(TrialActs *acts)
{
    const TrainInfo *train = acts->manifest->train;
    const Position *position = acts->position;
    if (!acts->curve)
        acts->curve = json_array();
    for (; acts->read < position->evaluations - position->trial_begin; acts->read++) {
        json_t *event = metrics_log_event(acts->log, position->trial_begin + acts->read);
        json_t *value = json_object_get(event, train->metrics[train->select].name);
        if (!json_is_false(json_object_get(event, "due")))
            json_array_append(acts->curve, json_is_number(value) ? value : json_null());
        json_decref(event);
    }
    return acts->curve;
}

bool trial_observe(TrialActs *acts, json_t *hypers)
{
    static const char *const ends[] = {"steps", "pruned", "failed"};
    const Position *position = acts->position;
    bool patience = position->trial_ended == TRIAL_GOES_ON && position->done[walk_budget(acts->manifest->train)] < 0;
    json_t *fields = json_pack("{s:o, s:O, s:o, s:I, s:s}", "value", json_finite(position->due_best), "curve",
                               trial_curve(acts), "hypers", hypers, "step", (json_int_t)position->steps[0], "ended",
                               !isfinite(position->due_best) ? "failed"
                               : patience                      ? "patience"
                                                               : ends[position->trial_ended]);
    return fields ? trials_finish(&acts->trials, position->trial, fields) : report_error("out of memory");
}

static void end_trial(TrialActs *acts, TrialEnd how)
{
    acts->position->trial_ended = how;
    walk_end(acts->position->done, walk_budget(acts->manifest->train));
}

void trial_judge(TrialActs *acts)
{
    if (acts->manifest->train->trials->pruner == PRUNER_NONE)
        return;
    if (trials_is_hopeless(&acts->trials, acts->position->trial, trial_curve(acts)))
        end_trial(acts, TRIAL_PRUNED);
}

void trial_fail(TrialActs *acts)
{
    end_trial(acts, TRIAL_FAILED);
}

json_t *trials_result(const TrialActs *acts)
{
    TrialCounts counts;
    if (!acts->manifest || !trials_count(&acts->trials, &counts))
        return NULL;
    json_t *json =
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}", "begun", (json_int_t)counts.claimed, "finished", (json_int_t)counts.finished,
                  "pruned", (json_int_t)counts.pruned, "failed", (json_int_t)counts.failed, "best", (json_int_t)counts.best,
                  "value", counts.best < 0 ? json_null() : json_finite(counts.value));
    if (counts.hypers)
        json_object_set_new(json, "hypers", counts.hypers);
    return json;
}

void trials_note_failures(const TrialActs *acts)
{
    TrialCounts counts;
    if (!acts->manifest || !trials_count(&acts->trials, &counts))
        return;
    if (counts.failed && counts.best < 0)
        report_note("no trial has a value: the loss, or what is validated, was no finite number in %s",
                    counts.failed == 1 ? "the one that was trained" : "all that were trained");
    json_decref(counts.hypers);
}

void trials_print_end(const TrialActs *acts)
{
    TrialCounts counts;
    char best[96] = "";
    if (!acts->manifest || !trials_count(&acts->trials, &counts))
        return;
    if (counts.best >= 0)
        snprintf(best, sizeof best, "; the best is number %" PRId64 ", %.6g%s", counts.best, counts.value,
                 counts.best_failed ? ", before it failed" : "");
    screen_field("trials", "%" PRId64 " of %" PRId64 " finished, of which %" PRId64 " pruned and %" PRId64 " failed%s; %s",
                 counts.finished, acts->manifest->train->trials->trials, counts.pruned, counts.failed, best, acts->trials.path);
    if (counts.claimed > counts.finished)
        report_note("%" PRId64 " trial%s begun and not finished: resume the run that its line in %s names, or leave it",
                    counts.claimed - counts.finished, counts.claimed - counts.finished == 1 ? " was" : "s were",
                    acts->trials.path);
    json_decref(counts.hypers);
}
