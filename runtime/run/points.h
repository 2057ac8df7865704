/* Points that a run of trials is to try before its own: a file of JSON lines. */
#ifndef HN_RUNTIME_POINTS_H
#define HN_RUNTIME_POINTS_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/core/manifest.h"

typedef struct Points {
    size_t count, d;
    double *numbers; /* [count][d], shares of the intervals of the hyperparameters that are tried; owned */
} Points;

/* Reads the points of the file, in its order: of each line that is an object with the values of the train's hyperparameters, or
 * has them under "hypers", as those of another run do (trials.jsonl). Other lines do not count. False (reported, with the
 * line) if the file cannot be read, has no point, or a value is missing, no number or out of its bounds. points_free() in any
 * case. */
bool points_read(const Manifest *manifest, const char *path, Points *points);
void points_free(Points *points);

#endif
