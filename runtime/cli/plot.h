/* The pictures of runs, drawn by gnuplot. Each draws PICTURE and says on stdout what it drew; false (reported) if that is
 * impossible. */
#ifndef HN_RUNTIME_PLOT_H
#define HN_RUNTIME_PLOT_H

#include <jansson.h>

#include "runtime/abi/manifest.h"
#include "runtime/run/sweep.h"
#include "runtime/cli/plot_runs.h"

/* The curves of a run's events, which `data` names in messages. The manifest tells phases from hyperparameters, and which of
 * these live on a logarithmic scale. */
bool plot_curves(const Manifest *manifest, const char *data, json_t *events, const char *picture);
/* The picture of a sweep, by its kind (runtime/abi/sweeps.def): of one run, from a file that holds what sweep_json() gives and,
 * lighter, from the events before; of several runs, one colour per group. NULL: there is none. */
typedef struct SweepPicture {
    bool (*one)(const SweepInfo *sweep, const char *data, const json_t *events, const char *picture);
    bool (*several)(const SweepInfo *sweep, const PlotRuns *runs, const char *picture);
    const char *more; /* another picture of one run, from the file of this name, if there is one */
    bool (*draw_more)(const SweepInfo *sweep, const char *data, const char *picture);
} SweepPicture;
#define SWEEP(KIND, name, ...) extern const SweepPicture picture_##name;
#include "runtime/abi/sweeps.def"
#undef SWEEP
/* The curves of several runs: one panel per figure, one colour per group of runs, which is a line and, of several runs, a band.
 */
bool plot_compare(const Manifest *manifest, const PlotRuns *runs, const char *picture);
/* The functions that points of a sweep are, from functions.json (plot_functions.c). */
bool plot_functions(const SweepInfo *sweep, const char *data, const char *picture);
/* The fronts of several runs (plot_fronts.c). */
bool plot_fronts(const SweepInfo *sweep, const PlotRuns *runs, const char *picture);

#endif
