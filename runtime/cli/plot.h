/* The pictures of a run, SVG drawn by gnuplot. Each reads DATA, draws PICTURE and says on stdout what it drew; false (reported)
 * if that is impossible. */
#ifndef HN_RUNTIME_PLOT_H
#define HN_RUNTIME_PLOT_H

#include "runtime/abi/manifest.h"

/* The curves of metrics.jsonl. The manifest tells phases from hyperparameters, and which of these live on a logarithmic scale. */
bool plot_curves(const Manifest *manifest, const char *data, const char *picture);
/* The results of a sweep at its points, from a file that holds what sweep_json() gives. */
bool plot_front(const SweepInfo *sweep, const char *data, const char *picture);

#endif
