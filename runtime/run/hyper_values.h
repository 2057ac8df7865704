/* Values of hyperparameters in files of JSON lines, in natural units: {"lam.rate": 0.02, "lam.decay": [1e-4, 1e-3]}. */
#ifndef HN_RUNTIME_HYPER_VALUES_H
#define HN_RUNTIME_HYPER_VALUES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/core/manifest.h"

/* Where values come from, for messages. */
typedef struct HyperLine {
    const char *path;
    int64_t line;
} HyperLine;

/* Gives each line of a file of JSON objects, blank lines left out, to `read`. False (reported): the file cannot be read, a line
 * is no JSON, or `read` returned false, at which the lines end. */
bool hyper_lines_read(const char *path, bool (*read)(void *context, HyperLine at, const json_t *object), void *context);

/* The numbers without bounds of these hyperparameters, one after the other, which the object has by name: a number, or a list of
 * as many as the hyperparameter has. A value that has come to an end of its interval is taken to be right before it. False
 * (reported): one is missing, no number, or out of its bounds. */
bool hyper_values_read(const Manifest *manifest, HyperLine at, const size_t *hypers, size_t count, const json_t *object,
                       double *raw);

#endif
