/* What a person sees of a run on stdout while it goes on: a table with a line per evaluation, and where the run stands between
 * two of them: on a terminal a bar that is drawn over, elsewhere a line once in a while. */
#ifndef HN_RUNTIME_PROGRESS_H
#define HN_RUNTIME_PROGRESS_H

#include <jansson.h>

#include "runtime/run/position.h"
#include "runtime/run/progress_table.h"

typedef struct Progress {
    bool terminal, quiet;
    const TrainInfo *train;
    const RunPlan *plan;
    ProgressTable table;
    double limit;       /* seconds of training, 0: none */
    int64_t first_step; /* where this process began, for the rate */
    double first_seconds;
    double began, drawn; /* when, by clock_seconds() */
    double interval;     /* seconds between two drawings */
} Progress;

/* Prints the heading of the table. `limit`: of the seconds of training; 0: none. */
void progress_begin(Progress *progress, const Manifest *manifest, const RunPlan *plan, const Position *position, bool quiet,
                    double limit);
/* After a step, which ended at `now` of clock_seconds(); draws now and then. Allocates nothing. */
void progress_step(Progress *progress, const Position *position, double now);
/* After an evaluation: the event as written to metrics.jsonl. `best`: no earlier one was as good. */
void progress_event(Progress *progress, const Position *position, const json_t *event, bool best);
/* Removes the bar. */
void progress_end(Progress *progress);

#endif
