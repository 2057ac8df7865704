/* What pictures of a sweep's results share: a file as sweep_json() makes it, and the axes that its results need. */
#ifndef HN_RUNTIME_PLOT_RESULTS_H
#define HN_RUNTIME_PLOT_RESULTS_H

#include <stdio.h>

#include "runtime/run/sweep.h"

enum { MOST_OBJECTIVES = 16, MOST_EARLIER = 6 };

typedef struct Front {
    const SweepInfo *sweep;
    char rays_key[SWEEP_KEY], objectives_key[SWEEP_KEY];
    size_t m, n;
    const char *names[MOST_OBJECTIVES]; /* of the JSON text */
    const char *split, *solver;         /* solver may be NULL */
    bool has_reference;
    double reference[MOST_OBJECTIVES], low[MOST_OBJECTIVES], high[MOST_OBJECTIVES];
    double *rays, *points;              /* n x m, one allocation */
    bool *kept;                         /* not dominated; never a point with a number that is not finite */
    double indicators[INDICATOR_COUNT]; /* NaN where the model reports none */
    json_t *json;                       /* owns the texts */
    double *earlier[MOST_EARLIER];      /* owned: points of evaluations before, the first one first */
    size_t earlier_count, earlier_points[MOST_EARLIER];
} Front;

/* Reads a sweep's file; false (reported) if it is damaged. To be closed in both cases. */
bool front_read(Front *front, const SweepInfo *sweep, const char *path);
void front_close(Front *front);
/* The results of up to MOST_EARLIER evaluations before the last one, evenly spread over the run: of the events of its log. False
 * (reported) without memory. */
bool front_read_earlier(Front *front, const json_t *events);

/* The range of objective j with a margin; from 0 if that is not far. */
void front_range(const Front *front, size_t j, double range[2]);
/* The axis 'x' or 'y' for objective j, with about that many labels. */
void front_axis(FILE *script, const Front *front, size_t j, char axis, double tics);

#endif
