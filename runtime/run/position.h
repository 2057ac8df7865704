/* Where a training run stands, and what comes next. The whole order of a run follows from its counts of steps, so a checkpoint
 * that holds them (and the states) continues exactly where an uninterrupted run would be. */
#ifndef HN_RUNTIME_POSITION_H
#define HN_RUNTIME_POSITION_H

#include "runtime/run/walk.h"

/* The numbers of a run: fixed when it begins. Steps are those of the first phase unless said otherwise. */
typedef struct RunPlan {
    int64_t epoch_steps, total_steps;
    int64_t net_steps; /* of one net: those of the repeat that is the budget */
    int64_t nets;      /* how many of these there are */
    bool in_steps;     /* the train is given in steps: epochs mean nothing to its reader */
    double seconds;    /* of training, after which the run ends; 0: no limit */
    size_t phases;
    Walk walk;
} RunPlan;

/* Which net or point is at hand after so many steps: 0 before the first step, then from 1 on. */
int64_t plan_nets_begun(const RunPlan *plan, int64_t steps);

/* The mean of a step's output over an epoch. */
typedef struct Mean {
    double sum;
    int64_t count;
} Mean;

/* Of a step: the loss, the objectives, and two figures per optimizer. Optimizers: one per part of the weights, of which there are
 * MOST_OPTIMIZED_PARTS (ir/model.h), and one for the rest. */
enum { MAX_OPTIMIZERS = 9, MAX_STEP_OUTPUTS = 1 + MAX_OUTPUTS + 2 * MAX_OPTIMIZERS };

typedef enum { TRIAL_GOES_ON, TRIAL_PRUNED, TRIAL_FAILED } TrialEnd;

typedef struct Position {
    Counts done;
    int64_t steps[MAX_PHASES];
    int64_t batches[MAX_PHASES]; /* since the last reset: which one comes next */
    int64_t evaluated;           /* steps done at the last evaluation */
    int64_t evaluations;         /* events written to metrics.jsonl */
    int64_t best;                /* number of the evaluation with the least value, from 0; -1: none yet */
    double best_value;
    /* Of the evaluations that were due, of the trial at hand where there are trials: the least value, and how many came behind it.
     * One that a run made because its time was up counts for neither, so that the run goes on as if it had not ended. */
    double due_best;
    int64_t bad_epochs;
    double seconds;     /* of training: without evaluation and writing */
    int64_t trial, trial_begin; /* the number of the trial at hand, -1: none; evaluations before it */
    TrialEnd trial_ended;
    Mean means[MAX_PHASES][MAX_STEP_OUTPUTS];
} Position;

/* Why a run is at its end: "patience", "steps" (all planned ones are done), "trials" (as many as the train has were begun). */
const char *position_end_reason(const Position *position, const TrainInfo *train);
/* The plan of a train: each repeat that is its budget has `budget` rounds, or the train's own number if `budget` is negative. */
void plan_make(RunPlan *plan, const TrainInfo *train, int64_t epoch_steps, int64_t budget);
/* How many times the budget is spent: once, or once per net. */
int64_t plan_budgets(const TrainInfo *train);
void position_begin(Position *position);

/* As an object of strings, exact (floats in hexadecimal), for a checkpoint's metadata. `seconds` goes in only while the run goes
 * on: a finished run's checkpoint is a function of model, seed and data alone. */
void position_store(const Position *position, bool finished, json_t *metadata);
/* False if something is missing or malformed (nothing is reported). */
bool position_load(Position *position, const json_t *metadata);

/* Whether a run of this plan can have this position: counts bound each other, and numbers must not be NaN. Otherwise false, with
 * the impossible part in *what. */
bool position_is_possible(const Position *position, const TrainInfo *train, const RunPlan *plan, const char **what);

/* Integers as metadata entries; the getter returns false if the entry is absent or malformed. */
void metadata_set_integer(json_t *metadata, const char *key, int64_t value);
bool metadata_integer(const json_t *metadata, const char *key, int64_t *value);

#endif
