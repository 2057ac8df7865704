/* Constants of the model file, of which a run may change some. */
#ifndef HN_RUNTIME_CONSTANTS_H
#define HN_RUNTIME_CONSTANTS_H

#include "runtime/core/manifest.h"

/* Reads "NAME=NUMBER": *place and *value. False (reported) if it is not that, or a run may not change that constant. */
bool constant_parse(const Manifest *manifest, const char *text, size_t *place, double *value);

#endif
