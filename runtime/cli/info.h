/* `OUT info`. */
#ifndef HN_RUNTIME_INFO_H
#define HN_RUNTIME_INFO_H

#include "runtime/core/manifest.h"

/* Prints what the binary holds: model, train, hyperparameters, states, parameter counts, memory, processor and data files. */
void info_command(const Manifest *manifest);

#endif
