/* Several runs in one picture. Runs of one model and train whose seeds differ are a group: one colour, the mean and the range.
 * Runs that do not differ in their seeds stand side by side, each a group of its own under the name of its folder. */
#ifndef HN_RUNTIME_PLOT_RUNS_H
#define HN_RUNTIME_PLOT_RUNS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct PlotRun {
    const char *folder;
    char model[64], train[64];
    json_int_t seed; /* -1: not known */
    size_t group;
    json_t *events; /* owned; never NULL */
} PlotRun;

enum { PLOT_LABEL = 80, PLOT_MOST_RUNS = 64 };

typedef struct PlotRuns {
    PlotRun runs[PLOT_MOST_RUNS];
    size_t count, group_count;
    char labels[PLOT_MOST_RUNS][PLOT_LABEL]; /* of groups, all different unless folders have one name */
} PlotRuns;

/* Reads what the folders hold; false (reported) if one of them is no folder, or has no log. To be closed in both cases. */
bool plot_runs_read(PlotRuns *runs, const char *const *folders, size_t count);
void plot_runs_close(PlotRuns *runs);
size_t plot_group_size(const PlotRuns *runs, size_t group);

/* Labels of a picture from this number on are its title and its legend; a panel's own labels have smaller numbers. */
enum { PLOT_HEADING = 100 };

/* The legend: rows of labels below one another at the top of a picture of that width, below `top` pixels. Returns its height;
 * with a script, draws it in a picture of that height, with lines or points as samples. */
int plot_legend(FILE *script, const PlotRuns *runs, bool points, int width, int height, int top);
/* The colour, the line and the points of a group. */
const char *plot_group_colour(size_t group);
int plot_group_dash(size_t group);
int plot_group_shape(size_t group, bool filled);

#endif
