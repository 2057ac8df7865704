/* The table of a run on stdout: one line per evaluation, never wider than the screen. What an evaluation says first comes first:
 * the epoch, the loss, the metric that selects, the learning rate, then other losses, metrics and hyperparameters, as far as they
 * fit. The rest is in metrics.jsonl, and a line above the heading counts it. */
#ifndef HN_RUNTIME_PROGRESS_TABLE_H
#define HN_RUNTIME_PROGRESS_TABLE_H

#include <jansson.h>

#include "runtime/run/position.h"

enum { MOST_COLUMNS_SHOWN = 16, HEAD_SIZE = 16 };

typedef struct Column {
    char key[256];                       /* of an event */
    char name[HEAD_SIZE], of[HEAD_SIZE]; /* the heading's two lines */
    int rank;                            /* 0 is shown first */
    int width;
} Column;

typedef struct ProgressTable {
    Column columns[MOST_COLUMNS_SHOWN];
    size_t count, left_out;
    int epoch_width;
    double epochs; /* planned; in epochs, or in steps if the train is in steps or the run is shorter than an epoch */
    bool in_steps, marks;
    const char *point_word; /* what is learned one after the other, each for so many epochs or steps; NULL: nothing */
    const RunPlan *plan;
} ProgressTable;

/* Chooses the columns: as many as a line of `columns` letters has room for. */
void progress_table_open(ProgressTable *table, const Manifest *manifest, const RunPlan *plan, int columns);
/* Says what the mark means and how many values are left out, and heads the columns. */
void progress_table_print_heading(const ProgressTable *table, const TrainInfo *train);
/* One event of metrics.jsonl. `best`: it is the best so far. `seconds` since the run began; `left` until it ends, NaN if that is
 * not known. */
void progress_table_print_event(const ProgressTable *table, const json_t *event, bool best, double seconds, double left);

#endif
