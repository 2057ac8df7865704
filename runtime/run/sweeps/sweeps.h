/* Between the files of runtime/run/sweeps/: what a kind of sweep consists of, and what several of them need. */
#ifndef HN_RUNTIME_SWEEPS_H
#define HN_RUNTIME_SWEEPS_H

#include "indicators/indicators.h"
#include "runtime/run/events.h"
#include "runtime/run/sweep.h"

/* One file per row of runtime/abi/sweeps.def. The functions are those of sweep.h. NULL: nothing is to be done. */
struct SweepRule {
    bool in_rounds;
    size_t (*remembers)(const SweepInfo *info, size_t metrics); /* how many numbers are remembered, in a state or not */
    void (*begin)(const Sweep *sweep, const Program *program);
    void (*measure)(Sweep *sweep, Evaluation *evaluations, const Program *program, size_t nets);
    void (*recall)(Sweep *sweep, Evaluation *evaluations, const Program *program, size_t nets);
    bool (*keeps_nets)(const TrainInfo *train); /* whether each point has a net of its own */
    double (*selected)(const Sweep *sweep, size_t metric);
    void (*add_event)(const Sweep *sweep, json_t *event);
    json_t *(*json)(const Sweep *sweep, const Program *program);
    void (*note_limits)(const Sweep *sweep);
    void (*print)(const Sweep *sweep);
    size_t (*columns)(const TrainInfo *train, SweepAdd *add, void *to);
    bool (*evaluate)(Sweep *sweep, Evaluation *evaluations, const Program *program, const char *checkpoint, int point,
                     bool as_json);
};
#define SWEEP(KIND, name, ...) extern const SweepRule sweep_##name;
#include "runtime/abi/sweeps.def"
#undef SWEEP

/* Makes that point the one at hand. Writes all points, too, where a state holds them. */
void sweep_set_point(const Sweep *sweep, const Program *program, size_t point);
/* The columns of the indicators. */
void sweep_indicator_columns(const SweepInfo *info, SweepAdd *add, void *to);

/* JSON: numbers that are not finite are null. For json_decref. */
json_t *vector_json(size_t count, const double *values);
json_t *matrix_json(size_t rows, size_t columns, const double *values);
/* One line of JSON on stdout, in the model's precision. */
void print_json_line(const Program *program, const json_t *json);
/* "NAME value", or for a list "NAME value value ...", on stdout. */
void print_figure(const char *name, const json_t *value);

#endif
