/* Training: a run with everything it needs allocated, and the loop over its steps. */
#ifndef HN_RUNTIME_LOOP_H
#define HN_RUNTIME_LOOP_H

#include "runtime/data/sampler.h"
#include "runtime/run/checkpoint.h"
#include "runtime/run/evaluation.h"
#include "runtime/run/functions.h"
#include "runtime/run/metrics_log.h"
#include "runtime/run/progress.h"
#include "runtime/run/reading.h"
#include "runtime/run/settings.h"
#include "runtime/run/sweep.h"
#include "runtime/run/trial_acts.h"

typedef struct Phase {
    const PhaseInfo *info;
    Call call;
    Call micro;     /* computes a micro-batch, before `call`; no function: `call` computes the batch */
    int32_t *index; /* the rows of the batch, where `micro` reads them; owned */
    Reading reading;
    size_t sampler_count;
    Sampler *samplers; /* one, of the member that was read last, or one per member where a step reads all of them; owned */
    int64_t undefined[MAX_STEP_OUTPUTS]; /* how many of the latest steps, without a break, had NaN as this output */
} Phase;

typedef struct Run {
    const Manifest *manifest;
    const RunSettings *settings;
    Program program;
    Data data;
    Phase phases[MAX_PHASES];
    Evaluation *evaluations;
    Sweep sweep;
    TrialActs trials; /* where the train has trials */
    Points points;    /* that they begin with */
    Functions functions;
    Call init, hypers, plateau;
    Call calls[MAX_ACTS]; /* of acts that are calls */
    RunPlan plan;
    Identity identity;
    Position position;
    MetricsLog log;
    Progress progress;
    char *folder, *last, *best; /* paths; owned */
    bool has_checkpoint;        /* `last` was written or read by this process */
    bool grown;                 /* the checkpoint was of fewer tasks or members than the program has */
    bool advanced;              /* `last` does not hold what was done since */
    double now;                 /* when the last step ended, by clock_seconds() */
    double written_at;          /* when `last` was written last */
    int lock;                   /* descriptor that holds the lock on the folder; -1: none */
} Run;

/* That sampler of the phase draws its next batches from the member, which only matters where the phase reads a family. */
void phase_move(Run *run, size_t phase, size_t sampler, int64_t member);

typedef enum { LOOP_FINISHED, LOOP_TIME_UP, LOOP_INTERRUPTED, LOOP_FAILED } LoopEnd;

/* Runs steps and evaluations in the order of walk_next, from where the run stands until its end, its limit of seconds, SIGINT or
 * SIGTERM (the step is finished first), or an error (reported). Writes metrics.jsonl, best.safetensors and last.safetensors;
 * except after an error, the last checkpoint holds the position at return. */
LoopEnd loop_run(Run *run);
/* Gives all states their first values. */
void run_initialise(Run *run);
/* How many nets the run has begun, where it trains one per ray. */
size_t run_nets(const Run *run);

#endif
