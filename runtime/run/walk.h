/* The walk over the acts of a train. Where it stands is a vector of counts, and what comes next is a function of them and of
 * whether the measures still improve: a run can be left at any act and resumed. */
#ifndef HN_RUNTIME_WALK_H
#define HN_RUNTIME_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/core/manifest.h"

/* An act with its numbers in rounds, settled when a run begins. */
typedef struct PlannedAct {
    ActKind kind;
    size_t size;    /* in acts: itself and, of a repeat, all below it */
    int64_t rounds; /* repeat */
    double every;   /* due once per so many rounds of its parent; of a fraction, in the first round that reaches each multiple */
    int64_t after;  /* rounds of its parent before those are counted */
    bool last;      /* due in the last round, too */
    bool once;      /* due in the first round alone */
    int64_t patience; /* repeat: ends after so many measures without improvement; 0: no limit */
} PlannedAct;

typedef struct Walk {
    size_t count;
    PlannedAct acts[MAX_ACTS]; /* the first is a repeat and the root of all */
} Walk;

/* done[i]: for a repeat, how many rounds it has finished since its parent's round began, or -1 minus that number if it was ended
 * before; for another act, whether it was done in this round. */
typedef int64_t Counts[MAX_ACTS];

/* The acts of a train with their numbers in rounds: `epoch_steps` steps per epoch. The repeat that is the train's budget is of
 * `budget` steps, or has its own number of rounds if `budget` is negative. */
void walk_plan(Walk *walk, const TrainInfo *train, int64_t epoch_steps, int64_t budget);
/* How many steps of a phase a whole walk can take at most; INT64_MAX: too many to count. */
int64_t walk_most_steps(const Walk *walk, const TrainInfo *train, size_t phase);
/* The repeat that is the budget. */
size_t walk_budget(const TrainInfo *train);

#define WALK_END SIZE_MAX
/* The act that comes next; never a repeat. */
size_t walk_next(const Walk *walk, const Counts done);
/* Counts an act that walk_next gave and that was done. `worse`: measures since the last improvement; if the act was a measure,
 * they end repeats with no more patience than that. */
void walk_advance(const Walk *walk, Counts done, size_t act, int64_t worse);
/* Ends a repeat before its rounds are done, as patience does. */
void walk_end(Counts done, size_t repeat);
/* The repeat that an act is a child of; WALK_END for the root. */
size_t walk_parent(const Walk *walk, size_t act);
/* Whether counts read from a file are possible in this walk. */
bool walk_is_possible(const Walk *walk, const Counts done);

#endif
