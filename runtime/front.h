/* The front of a train by pareto: the losses on a split at each ray, and what they are worth. */
#ifndef HN_RUNTIME_FRONT_H
#define HN_RUNTIME_FRONT_H

#include <jansson.h>

#include "runtime/evaluate.h"

typedef struct Front {
    const ParetoInfo *info;
    size_t count;       /* rays evaluated, from the first one on */
    double *points;     /* [ray_count][m]; owned */
    double hypervolume; /* NaN if the model reports none */
    double uniformity;  /* mean over the rays; NaN likewise */
} Front;

/* No memory: false (reported). Writes the rays of all sectors where a solver reads them. */
bool front_open(Front *front, const Program *program);
void front_close(Front *front);

/* Makes ray number `ray` the one at hand: for evaluation, and for a net of its own. */
void front_set_ray(const Front *front, const Program *program, size_t ray);
/* Losses at every ray; where each ray has a net of its own, of the rays before `trained` only, of which the last is evaluated now
 * and the others are remembered by a state. */
void front_evaluate(Front *front, Evaluation *evaluation, const Program *program, size_t trained);

/* "hypervolume", "uniformity", and each objective's least and largest value, into an event or a result. */
void front_add_indicators(const Front *front, json_t *object);
/* All there is to know: objectives, rays, points, reference, indicators, which points are not dominated. For json_decref. */
json_t *front_json(const Front *front, const Program *program, const char *metric);

#endif
