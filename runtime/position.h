/* Where a training run stands, and what comes next. The whole order of a run follows from its counts of steps, so a checkpoint
 * that holds them (and the states) continues exactly where an uninterrupted run would be. */
#ifndef HN_RUNTIME_POSITION_H
#define HN_RUNTIME_POSITION_H

#include "runtime/manifest.h"

/* The limits of a run: fixed when it begins. Steps are those of the first phase ("lower") unless said otherwise. */
typedef struct Plan {
    int64_t epoch_steps, total_steps;
    int64_t net_steps; /* of one net; total_steps unless each ray has a net of its own */
    int64_t warmup_steps; /* before the first upper step */
    int64_t every[2];     /* lower and upper steps of a cycle */
    int64_t evaluate;     /* steps between evaluations */
    int64_t patience;     /* evaluations without improvement; 0: no limit */
    size_t phases;
} Plan;

/* The mean of a step's output over an epoch. */
typedef struct Mean {
    double sum;
    int64_t count;
} Mean;

enum { MAX_STEP_OUTPUTS = 1 + MAX_OBJECTIVES };

typedef struct Position {
    int64_t steps[MAX_PHASES];
    int64_t evaluated;   /* lower steps done at the last evaluation */
    int64_t evaluations; /* events written to metrics.jsonl */
    int64_t best;        /* number of the evaluation with the least value, from 0; -1: none yet */
    double best_value;
    int64_t bad_epochs; /* evaluations since */
    double seconds;     /* of training: without evaluation and writing */
    Mean means[MAX_PHASES][MAX_STEP_OUTPUTS];
} Position;

typedef enum { NEXT_LOWER, NEXT_UPPER, NEXT_EVALUATE, NEXT_END } NextAction;

/* After `warmup_steps`, every[1] upper steps follow every every[0] lower ones; an evaluation follows every `evaluate` lower ones and the
 * last. */
NextAction position_next(const Position *position, const Plan *plan);
/* Why NEXT_END: "patience", "steps" (all planned ones are done). */
const char *position_end_reason(const Position *position, const Plan *plan);
void position_begin(Position *position);

/* As an object of strings, exact (floats in hexadecimal), for a checkpoint's metadata. `seconds` goes in only while the run goes
 * on: a finished run's checkpoint is a function of model, seed and data alone. */
void position_store(const Position *position, bool finished, json_t *metadata);
/* False if something is missing or malformed (nothing is reported). */
bool position_load(Position *position, const json_t *metadata);

/* Whether a run of this train, planned for so many steps, can have stood there: counts within each other's bounds, numbers that are
 * numbers. False with what is not possible in *what. */
bool position_is_possible(const Position *position, const TrainInfo *train, int64_t total_steps, const char **what);

/* Metadata entries of these kinds; the getters return false on absence or malformed text. */
void metadata_set_integer(json_t *metadata, const char *key, int64_t value);
bool metadata_integer(const json_t *metadata, const char *key, int64_t *value);

#endif
