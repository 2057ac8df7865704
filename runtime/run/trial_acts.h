/* Acts of a run whose train has trials: what `propose` and `observe` do, and how a trial ends early. */
#ifndef HN_RUNTIME_TRIAL_ACTS_H
#define HN_RUNTIME_TRIAL_ACTS_H

#include "runtime/core/program.h"
#include "runtime/run/metrics_log.h"
#include "runtime/run/position.h"
#include "runtime/run/trials.h"

/* The trials, and what of the run they are about; all but the first are the run's. */
typedef struct TrialActs {
    Trials trials;
    const Manifest *manifest;
    char *folder; /* the run's, without links: it names the run in the file. Owned */
    const Program *program;
    const Walk *walk;
    const MetricsLog *log;
    Position *position;
    json_t *curve; /* the values of the trial's evaluations, as far as they were read of the log; owned. NULL: none was */
    int64_t read;  /* how many evaluations of the trial were */
} TrialActs;

/* Closes the trials, and what is owned beside them. */
void trial_acts_close(TrialActs *acts);

/* Claims a trial and gives the hyperparameters its values. `act` is that of the proposal: without a trial its repeat is over.
 * False (reported) on an error. */
bool trial_propose(TrialActs *acts, size_t act);
/* Notes what the trial came to. `hypers`: an object of the hyperparameters in natural units, which is taken over. */
bool trial_observe(TrialActs *acts, json_t *hypers);
/* After an evaluation of the trial: ends it where that is hopeless. */
void trial_judge(TrialActs *acts);
/* Ends a trial whose loss was no finite number, which is no reason to end the run. */
void trial_fail(TrialActs *acts);
/* What the trials have come to, for result.json; NULL: the train has none. For json_decref. */
json_t *trials_result(const TrialActs *acts);
/* Says so where no trial has come to anything. */
void trials_note_failures(const TrialActs *acts);
/* The same as trials_result(), as lines of the end of a run's output. */
void trials_print_end(const TrialActs *acts);

#endif
