/* front.svg of several runs: the results of the sweep in each, one colour and one shape of points per group. Of more than two
 * objectives one panel per pair. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cli/plot.h"
#include "runtime/cli/plot_results.h"
#include "runtime/cli/plot_script.h"
#include "runtime/core/report.h"
#include "runtime/data/files.h"

enum { MOST_PAIRED = 7, SINGLE = 640, PAIR = 330, TITLE_HEIGHT = 34 };

typedef struct Fronts {
    const PlotRuns *runs;
    Front *list; /* owned: one per run */
    bool *has;   /* owned: whether the run has results */
    size_t count;
    Front all; /* the objectives, and the ranges over all runs */
} Fronts;

static bool read_one(Fronts *fronts, const SweepInfo *sweep, size_t i)
{
    char name[288];
    snprintf(name, sizeof name, "%.200s.json", sweep->name);
    char *path = path_join(fronts->runs->runs[i].folder, name);
    bool fine = path != NULL;
    fronts->has[i] = path && path_exists(path);
    if (fine && !fronts->has[i])
        report_note("%s has no %s", fronts->runs->runs[i].folder, name);
    if (fronts->has[i])
        fine = front_read(&fronts->list[i], sweep, path);
    Front *front = &fronts->list[i], *all = &fronts->all;
    if (fine && fronts->has[i] && fronts->count++ == 0) {
        *all = *front;
        all->earlier_count = 0;
    }
    for (size_t j = 0; fine && fronts->has[i] && j < all->m; j++) {
        fine = front->m == all->m && !strcmp(front->names[j], all->names[j]);
        if (!fine) {
            report_error("%s: its %s are not those of the runs before it", path, front->objectives_key);
            break;
        }
        all->low[j] = fmin(all->low[j], front->low[j]);
        all->high[j] = fmax(all->high[j], front->high[j]);
    }
    free(path);
    return fine;
}

/* $points: the values, then the group and whether the point is kept. */
static void write_points(FILE *script, const Fronts *fronts)
{
    size_t m = fronts->all.m;
    fprintf(script, "$points << END\n");
    for (size_t i = 0; i < fronts->runs->count; i++)
        for (size_t k = 0; fronts->has[i] && k < fronts->list[i].n; k++) {
            for (size_t j = 0; j < m; j++)
                fprintf(script, "%.9g ", fronts->list[i].points[k * m + j]);
            fprintf(script, "%zu %d\n", fronts->runs->runs[i].group, fronts->list[i].kept[k]);
        }
    fprintf(script, "END\n");
}

static void draw_pair(FILE *script, const Fronts *fronts, size_t first, size_t second, double tics)
{
    size_t m = fronts->all.m;
    front_axis(script, &fronts->all, first, 'x', tics);
    front_axis(script, &fronts->all, second, 'y', tics);
    fprintf(script, "plot ");
    for (size_t group = 0; group < fronts->runs->group_count; group++)
        for (int kept = 0; kept < 2; kept++)
            fprintf(script,
                    "%s$points using %zu:($%zu == %zu && $%zu == %d ? $%zu : NaN) with points pointtype %d pointsize %.1f "
                    "linewidth 1.2 linecolor '%s'",
                    group || kept ? ", " : "", first + 1, m + 1, group, m + 2, kept, second + 1, plot_group_shape(group, kept),
                    tics > 6 ? 0.8 : 0.55, plot_group_colour(group));
    fprintf(script, "\n");
}

static bool draw(const Fronts *fronts, const char *picture)
{
    size_t m = fronts->all.m, pairs = m * (m - 1) / 2;
    int columns = pairs == 1  ? 1
                  : pairs > 6 ? 4
                              : 3,
        side = pairs == 1 ? SINGLE : PAIR, width = columns * side + (pairs == 1) * 120;
    int rows = ((int)pairs + columns - 1) / columns;
    int head = TITLE_HEIGHT + plot_legend(NULL, fronts->runs, true, width, 1, TITLE_HEIGHT) + 6, height = head + rows * side;
    FILE *script = plot_begin(picture, width, height);
    if (!script)
        return false;
    char title[256];
    snprintf(title, sizeof title, "%.60s on %.100s: %zu runs (hollow: dominated)", fronts->all.sweep->title, fronts->all.split,
             fronts->count);
    write_points(script, fronts);
    fprintf(script, "unset key\nset multiplot\nset label %d ", PLOT_HEADING);
    plot_text(script, title);
    fprintf(script, " at screen %.5f,%.5f left font ',15'\n", 20.0 / width, 1 - 17.0 / height);
    plot_legend(script, fronts->runs, true, width, height, TITLE_HEIGHT);
    fprintf(script, "set lmargin 9\nset rmargin 3.5\nset tmargin 1\nset bmargin 3.5\nset size %.5f,%.5f\n", 1.0 / columns,
            (double)side / height);
    int number = 0;
    for (size_t i = 0; i < m; i++)
        for (size_t j = i + 1; j < m; j++, number++) {
            fprintf(script, "set origin %.5f,%.5f\n", (double)(number % columns) / columns,
                    1 - (double)(head + (number / columns + 1) * side) / height);
            draw_pair(script, fronts, i, j, pairs == 1 ? 8 : 5);
            if (number == 0)
                fprintf(script, "unset label\nunset arrow\n");
        }
    fprintf(script, "unset multiplot\n");
    return plot_render(script, picture);
}

bool plot_fronts(const SweepInfo *sweep, const PlotRuns *runs, const char *picture)
{
    Fronts fronts = {
        .runs = runs, .list = calloc(runs->count + 1, sizeof *fronts.list), .has = calloc(runs->count + 1, sizeof *fronts.has)};
    bool fine = fronts.list && fronts.has ? true : report_error("out of memory");
    for (size_t i = 0; fine && i < runs->count; i++)
        fine = read_one(&fronts, sweep, i);
    if (fine && fronts.count && fronts.all.m > MOST_PAIRED)
        report_note("%zu %s are too many for a picture of pairs (%d)", fronts.all.m, fronts.all.objectives_key, MOST_PAIRED);
    else if (fine && fronts.count && (fine = draw(&fronts, picture)))
        printf("%s: runs: %zu, %s: %zu\n", picture, fronts.count, fronts.all.objectives_key, fronts.all.m);
    for (size_t i = 0; fronts.list && i < runs->count; i++)
        front_close(&fronts.list[i]);
    free(fronts.list);
    free(fronts.has);
    return fine;
}
