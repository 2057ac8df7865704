/* A sweep: what the metrics of a train give at points of a condition, and the indicators that judge it. When a point is measured,
 * and what an event, a result and a person are told of it, depends on the kind of the sweep (runtime/abi/sweeps.def). */
#ifndef HN_RUNTIME_SWEEP_H
#define HN_RUNTIME_SWEEP_H

#include <jansson.h>

#include "runtime/run/evaluation.h"

typedef struct SweepRule SweepRule;

typedef struct Sweep {
    const SweepInfo *info;
    const SweepRule *rule;
    const MetricInfo *metrics; /* of the train, in the order of the manifest */
    size_t metric_count;
    size_t count;       /* points measured, from the first one on; of rounds, points learned */
    bool measured;      /* by this process */
    double *values;     /* of a front: [info->count][info->output_count]; owned */
    double *others;     /* of a front, the other metrics: [info->count][metric_count - 1]; owned */
    double *memory;     /* what the state `info->memory` holds, or would; owned */
    double *first;      /* what the state `info->first` holds; owned */
    double *indicators; /* in the order of the manifest; NaN where one is not defined; owned */
} Sweep;

/* Opens the train's sweep; all is zero if it has none. False (reported) without memory. */
bool sweep_open(Sweep *sweep, const Program *program);
void sweep_close(Sweep *sweep);

/* The first point is the one at hand, and no result is there: after all states have got their first values. */
void sweep_begin(const Sweep *sweep, const Program *program);
/* Measures what is to be measured when `nets` nets, or points, have been begun, and judges the results. `evaluations`: of the
 * train's metrics. */
void sweep_measure(Sweep *sweep, Evaluation *evaluations, const Program *program, size_t nets);
/* The same for a run that is at its end and whose results were measured by another process. */
void sweep_recall(Sweep *sweep, Evaluation *evaluations, const Program *program, size_t nets);
/* Whether each point has a net of its own. */
bool sweep_keeps_nets(const TrainInfo *train);
/* The number in the name of the file "WORD-NNN.safetensors" that keeps such a net, the latest when `nets` have been begun. */
size_t sweep_net_number(const TrainInfo *train, size_t nets);
/* checkpoint_load_weights(). Where each task has a net of its own, the file of one may be older than later tasks. */
bool sweep_load_weights(const char *path, const Program *program);
/* Whether the net in a checkpoint is that of a point of an index, `point`; where all points share a net, it is. False (reported:
 * in which file that net is). */
bool sweep_check_net(const Program *program, const char *checkpoint, int point);

/* The value of a metric by which evaluations are compared; 0 where none is. */
double sweep_selected(const Sweep *sweep, size_t metric);
/* How that value is called before the metric's name: "mean " where it is the mean over the points, or "". */
const char *sweep_selects(const TrainInfo *train);

/* What was measured, as entries of an event of metrics.jsonl. */
void sweep_add_event(const Sweep *sweep, json_t *event);
/* The whole sweep, for its file and for the result of a run; for json_decref. */
json_t *sweep_json(const Sweep *sweep, const Program *program);
/* Tells the user what the indicators' values do not show; at the end of a run or an evaluation. */
void sweep_note_limits(const Sweep *sweep);
/* Whether a run is told by points and steps of each: "task 3, step 100". */
bool sweep_in_rounds(const SweepInfo *info);
/* The results as a table, at the end of a run on stdout; nothing where the events show them. */
void sweep_print(const Sweep *sweep);

/* The keys of an event that have one number, or one per point, of which the point at hand has one, for the table of a run: calls
 * `add` for each. Returns how many other numbers an event holds. */
typedef enum { SWEEP_COLUMN_METRIC, SWEEP_COLUMN_INDICATOR, SWEEP_COLUMN_RANGE } SweepColumn;
typedef void SweepAdd(void *to, SweepColumn column, const char *key);
size_t sweep_columns(const TrainInfo *train, SweepAdd *add, void *to);

/* `OUT eval`: measures with the weights of a checkpoint and prints. `point`: only that one; NONE: all that are there. False
 * (reported) if the checkpoint lacks what it needs. */
bool sweep_evaluate(Sweep *sweep, Evaluation *evaluations, const Program *program, const char *checkpoint, int point,
                    bool as_json);

/* The plural of a word of the manifest, as a key of the results: "rays". */
enum { SWEEP_KEY = 64 };
const char *sweep_key(const char *word, char text[static SWEEP_KEY]);

#endif
