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
    double igd;         /* inverted generational distance to the true front, in units of the losses; NaN likewise */
} Front;

/* No memory: false (reported). */
bool front_open(Front *front, const Program *program);
void front_close(Front *front);

/* Makes ray number `ray` the one at hand: for evaluation, and for a net of its own. Writes the rays of all sectors, too, where a
 * solver reads them. */
void front_set_ray(const Front *front, const Program *program, size_t ray);
/* Losses at every ray; where each ray has a net of its own, of the rays before `trained` only, of which the last is evaluated now
 * and the others are remembered by a state. */
void front_evaluate(Front *front, Evaluation *evaluation, const Program *program, size_t trained);

/* Reads from a checkpoint what is no weight but belongs to the front: the counts of front_counter, where it has them, and, where
 * each ray has a net of its own, the ray of this one, which it must have. Problems are reported. */
bool front_load(const Front *front, const Program *program, const char *checkpoint);
/* Losses of a net of its own at the ray that it was trained for, in values[m]. */
void front_evaluate_net(const Front *front, Evaluation *evaluation, const Program *program, double *ray, double *losses);

/* Steps at which something happened that a result should not hide: their name, and the state that counts them, or NULL. */
enum { FRONT_COUNTERS = 2 };
extern const char *const front_counter_names[FRONT_COUNTERS];
const StateInfo *front_counter(const Manifest *manifest, size_t number);

/* "hypervolume", "uniformity", "igd", and each objective's least and largest value, into an event or a result. */
void front_add_indicators(const Front *front, json_t *object);
/* All there is to know: objectives, rays, points, reference, indicators, which points are not dominated. For json_decref. */
json_t *front_json(const Front *front, const Program *program, const char *metric);
/* The same of one net: objectives, split, its ray and its point. */
/* Says, once the run or the evaluation is at its end, what the indicators cannot: that no point lies within the reference, with
 * one that would hold them all, or that losses are negative, for which uniformity is not defined. */
void front_note_limits(const Front *front);
json_t *front_net_json(const Front *front, const char *metric, const double *ray, const double *losses);

#endif
