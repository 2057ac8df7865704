/* `OUT train`. */
#ifndef HN_RUNTIME_TRAIN_H
#define HN_RUNTIME_TRAIN_H

#include "runtime/core/manifest.h"
#include "runtime/run/settings.h"

/* Begins or continues a run in its folder; returns the exit status: 0 finished, 1 failed (reported), 130 interrupted by a signal.
 */
int train_command(const Manifest *manifest, const RunSettings *settings);

#endif
