/* config.json and result.json: what a run was asked for, and what came of it (docs/runtime.md). */
#ifndef HN_RUNTIME_RESULT_H
#define HN_RUNTIME_RESULT_H

#include "runtime/run/loop.h"

/* Both replace their file atomically; errors are reported. `reason`: what ended the run. */
bool result_write_config(const Run *run);
bool result_write(const Run *run, const char *reason);
/* Decimal digits that tell any two numbers of the model's precision apart. */
int result_precision(const Run *run);
/* How many epochs `steps` steps of the first phase are; a fraction in the middle of an epoch. */
double result_epochs(const Run *run, int64_t steps);

#endif
