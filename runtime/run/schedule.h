/* Schedules of hyperparameters: the log of an earlier run, metrics.jsonl, or a file that is like one. */
#ifndef HN_RUNTIME_SCHEDULE_H
#define HN_RUNTIME_SCHEDULE_H

#include <stdbool.h>

#include "runtime/core/program.h"

/* Fills the table of the program's train (runtime/abi/schedule_rows.h) from the file: each line whose "event" is "epoch" has an "epoch"
 * and, for every hyperparameter of the schedule, its value in natural units, a number or a list of them; other lines and fields do not
 * count. Epochs increase. At epoch 0 the values are the model's first ones, unless a line says others. An epoch is `epoch_steps` steps.
 * False (reported, with the line) if the file cannot be read, has no such line or more than the table has rows, or a value is missing, no
 * number or out of bounds. */
bool schedule_read(const Program *program, const char *path, int64_t epoch_steps);

#endif
