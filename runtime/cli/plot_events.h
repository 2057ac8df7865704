/* The log of a run, as pictures read it. */
#ifndef HN_RUNTIME_PLOT_EVENTS_H
#define HN_RUNTIME_PLOT_EVENTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/abi/manifest.h"

/* All events of metrics.jsonl, as an array for json_decref. Lines that hold none are skipped and counted in a note. NULL
 * (reported) if it cannot be read. */
json_t *plot_events(const char *path);
/* A number of an event, or element number `element` of a list unless that is -1; NaN where there is none. */
double plot_value(const json_t *event, const char *key, int64_t element);
/* Whether "lam.drop.sigma" is the spread of "lam.drop" of this event. */
bool plot_is_spread(const json_t *event, const char *key);
/* Whether the key says where in the run the event is: step, epoch, seconds. */
bool plot_is_position(const Manifest *manifest, const char *key);

/* Whether the figure may be left out if it never changes: a learning rate. */
bool plot_is_rate(const char *key);
/* Whether a figure of that name with values from `least` to `most` is drawn on a logarithmic scale: a hyperparameter that has
 * such a scale, or values that span more than two powers of ten. */
bool plot_is_logarithmic(const Manifest *manifest, const char *name, double least, double most);

#endif
