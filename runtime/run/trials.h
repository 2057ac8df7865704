/* Trials, in a file that several runs may share: one JSON object per line, appended under a lock, so that runs that are
 * killed lose no line and no lock. The first line says which program made the file; a trial is claimed before it is trained,
 *
 *     {"model": "mlp", "train": "find", "digest": "8a5f...", "seed": "0"}
 *     {"trial": 3, "by": "runs/mlp-find-1", "point": [0.31, 0.75]}
 *     {"trial": 3, "value": 0.281, "curve": [0.42, 0.3, 0.281], "hypers": {"lam.rate": 0.02}, "step": 4000, "ended": "steps"}
 *
 * A point that a user has given has no `by`; whoever takes it adds {"trial": 0, "by": "runs/mlp-find-1"}. Here
 * `point` lies in the unit cube of proposals/proposals.h, `curve` has the value at each evaluation, and `ended` is "steps", "patience",
 * "pruned" or "failed": its loss was no finite number. The value is the least of the curve, null if it has none. */
#ifndef HN_RUNTIME_TRIALS_H
#define HN_RUNTIME_TRIALS_H

#include <jansson.h>

#include "runtime/core/manifest.h"
#include "proposals/proposals.h"
#include "runtime/run/points.h"

typedef struct Trials {
    const Manifest *manifest;
    const TrialsInfo *info;
    ProposalSpace space;
    uint64_t number;  /* the seed, which all runs of the file have */
    uint32_t seed[2]; /* its halves */
    char *path;                        /* owned */
} Trials;

/* Opens the file, which is made if there is none; `path` is copied. Errors are reported: also a file of other trials. */
bool trials_open(Trials *trials, const Manifest *manifest, uint64_t seed, const char *path);
/* Adds points to try before the train's own ones, but for those that were added before. False (reported) if there are more than trials
 * are left, or the train tries a grid. */
bool trials_give(const Trials *trials, Points *points);
void trials_close(Trials *trials);

typedef enum { TRIAL_CLAIMED, TRIALS_DONE, TRIALS_FAILED } Claim;
/* The next trial: one that this run, of that name, has claimed and not finished, or a new one. TRIALS_DONE: there are as many as the train
 * has. TRIALS_FAILED was reported. */
Claim trials_claim(const Trials *trials, const char *by, int64_t *number, double *point);
/* Notes what a trial came to: `fields`, beside its number, which are taken over. A trial that is finished already stays as it is. */
bool trials_finish(const Trials *trials, int64_t number, json_t *fields);
/* Whether the pruner ends a trial of that curve, the values of its evaluations so far. */
bool trials_is_hopeless(const Trials *trials, int64_t number, const json_t *curve);

/* What the file holds. */
typedef struct TrialCounts {
    int64_t claimed, finished, pruned, failed;
    int64_t best;     /* the number of the one of least value; -1: none has a value */
    bool best_failed; /* behind that value */
    double value;
    json_t *hypers; /* of the best; for json_decref */
} TrialCounts;
bool trials_count(const Trials *trials, TrialCounts *counts);

#endif
