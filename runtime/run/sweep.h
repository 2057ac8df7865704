/* A sweep: what the metrics of a train give at each point of a condition, and the indicators over one of them. */
#ifndef HN_RUNTIME_SWEEP_H
#define HN_RUNTIME_SWEEP_H

#include <jansson.h>

#include "runtime/run/evaluation.h"

typedef struct Sweep {
    const SweepInfo *info;
    const MetricInfo *metrics; /* of the train, in the order of the manifest */
    size_t metric_count;
    size_t count;       /* points measured, from the first one on */
    double *values;     /* [info->count][info->output_count]; owned */
    double *others;     /* the other metrics: [info->count][metric_count - 1]; owned */
    double *memory;     /* room for the state `info->memory`; owned */
    double *indicators; /* in the order of the manifest; NaN where one is not defined; owned */
} Sweep;

/* Opens the train's sweep; all is zero if it has none. False (reported) without memory. */
bool sweep_open(Sweep *sweep, const Program *program);
void sweep_close(Sweep *sweep);

/* Makes that point the one at hand: for evaluation, and for a net of its own. Writes all points, too, where a state holds them.
 */
void sweep_set_point(const Sweep *sweep, const Program *program, size_t point);
/* Measures every point and judges the results. Where each point has a net of its own, only the points before `trained` count: the
 * last of them is measured now, and a state remembers the others. `evaluations`: of the train's metrics. */
void sweep_measure(Sweep *sweep, Evaluation *evaluations, const Program *program, size_t trained);

/* Reads from a checkpoint what is no weight but belongs to the sweep: the counts of events, where it has them, and, where each
 * point has a net of its own, the point of this net, which it must have. Problems are reported. */
bool sweep_load(const Sweep *sweep, const Program *program, const char *checkpoint);
/* Measures a net of its own at the point that it was trained for, as the sweep's first results: point[width]. */
void sweep_measure_net(Sweep *sweep, Evaluation *evaluations, const Program *program, double *point);

/* The plural of a word of the manifest, as a key of the results: "rays". */
enum { SWEEP_KEY = 64 };
const char *sweep_key(const char *word, char text[static SWEEP_KEY]);
/* The indicators, and each output's least and largest value, into an event or a result. */
void sweep_add_indicators(const Sweep *sweep, json_t *object);
/* The values at the points that are measured: a list of lists. For json_decref. */
json_t *sweep_values_json(const Sweep *sweep);
/* The other metrics, each a list of one number per point. */
void sweep_add_metrics(const Sweep *sweep, json_t *object);
/* The whole sweep: outputs, points, values, arguments of indicators, indicators, and which points are not dominated. For
 * json_decref. */
json_t *sweep_json(const Sweep *sweep, const Program *program);
/* One net: outputs, split, its point and its values. For json_decref. */
json_t *sweep_net_json(const Sweep *sweep, const double *point);
/* Tells the user what the indicators' values do not show; at the end of a run or an evaluation. */
void sweep_note_limits(const Sweep *sweep);

#endif
