/* The conditions that an export takes as arguments. */
#ifndef HN_RUNTIME_CONDITIONS_H
#define HN_RUNTIME_CONDITIONS_H

#include "runtime/cli/options.h"
#include "runtime/run/exported.h"

/* Sets the conditions of the export as the flags say. What the flags leave open has its trained value: the weights of the
 * file `weights` must have been loaded. False (reported) if a flag does not fit the export or these weights, or one that it needs is
 * missing. */
bool give_conditions(const Program *program, const Exported *exported, const char *weights, const Options *options);

/* The value of the condition of the sweep at which `OUT eval` measures, an index; NONE: no flag says one. False (reported) if a flag
 * does not fit. */
bool give_sweep_point(const Manifest *manifest, const Options *options, int *point);

#endif
