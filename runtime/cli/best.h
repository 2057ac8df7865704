/* The best that runs have found, over the time that they took. */
#ifndef HN_RUNTIME_BEST_H
#define HN_RUNTIME_BEST_H

#include "runtime/cli/plot_runs.h"

typedef struct Best {
    const PlotRuns *runs;
    const char *key;  /* of the events: less of it is better */
    double seconds;   /* of the longest run */
} Best;

/* The evaluation of the run with the least value up to so many seconds of training; NULL: it has none. */
const json_t *best_until(const Best *best, const PlotRun *run, double seconds);
/* The median over a group of what its runs have at their best up to then; with the least and the largest, unless NULL. NAN: not all of
 * them have a value. */
double best_of_group(const Best *best, size_t group, const char *key, double seconds, double range[2]);
/* Draws the least value so far over seconds, one line per group: the median, and of several runs a band. False: reported. */
bool best_draw(const Best *best, const char *picture);

#endif
