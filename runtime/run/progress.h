/* What a person sees of a run on stdout: on a terminal a bar that is drawn over, elsewhere one plain line per epoch. */
#ifndef HN_RUNTIME_PROGRESS_H
#define HN_RUNTIME_PROGRESS_H

#include <jansson.h>

#include "runtime/run/position.h"

typedef struct Progress {
    bool terminal, quiet;
    const TrainInfo *train;
    const Plan *plan;
    int64_t first_step; /* where this process began, for the rate */
    double first_seconds;
    double drawn; /* training seconds at the last drawing */
} Progress;

void progress_begin(Progress *progress, const TrainInfo *train, const Plan *plan, const Position *position, bool quiet);
/* After a step; redraws the bar now and then. Allocates nothing. */
void progress_step(Progress *progress, const Position *position);
/* After an evaluation: the event as written to metrics.jsonl. */
void progress_event(Progress *progress, const Position *position, const json_t *event);
/* Removes the bar. */
void progress_end(Progress *progress);

#endif
