/* Constants of the model file, of which a run may change some. */
#ifndef HN_RUNTIME_CONSTANTS_H
#define HN_RUNTIME_CONSTANTS_H

#include "runtime/core/manifest.h"

/* The place of the constant whose name are these characters; constant_count: there is none. */
size_t constant_find(const Manifest *manifest, const char *name, size_t length);
/* Reads "NAME=NUMBER": *place and *value. False (reported) if it is not that, or a run may not change that constant. */
bool constant_parse(const Manifest *manifest, const char *text, size_t *place, double *value);

#endif
