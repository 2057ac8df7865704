#include "runtime/cli/best.h"

#include <math.h>

#include "runtime/cli/plot_events.h"
#include "runtime/cli/plot_script.h"
#include "runtime/core/numbers.h"
#include "runtime/core/report.h"

const json_t *best_until(const Best *best, const PlotRun *run, double seconds)
{
    const json_t *event, *found = NULL;
    double least = INFINITY;
    size_t i;
    json_array_foreach(run->events, i, event)
    {
        double value = plot_value(event, best->key, -1);
        if (plot_value(event, "seconds", -1) <= seconds && value < least) {
            least = value;
            found = event;
        }
    }
    return found;
}

double best_of_group(const Best *best, size_t group, const char *key, double seconds, double range[2])
{
    double values[PLOT_MOST_RUNS];
    size_t count = 0;
    for (size_t i = 0; i < best->runs->count; i++) {
        const PlotRun *run = &best->runs->runs[i];
        const json_t *event = run->group == group ? best_until(best, run, seconds) : NULL;
        double value = event ? plot_value(event, key, -1) : NAN;
        if (isfinite(value))
            values[count++] = value;
    }
    if (count == 0 || count < plot_group_size(best->runs, group))
        return NAN;
    numbers_sort(values, count);
    if (range) {
        range[0] = values[0];
        range[1] = values[count - 1];
    }
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

/* ---- the picture ---- */

enum { WIDTH = 720, HEIGHT = 460, TITLE_HEIGHT = 34, STEPS = 200, LETTERS = 60 };

/* $groupG: seconds, median, least and largest; false: the group has nothing to draw. */
static bool write_group(FILE *script, const Best *best, size_t group)
{
    bool any = false;
    fprintf(script, "$group%zu << END\n", group);
    for (int i = 1; i <= STEPS; i++) {
        double seconds = best->seconds * i / STEPS, range[2], median = best_of_group(best, group, best->key, seconds, range);
        if (isfinite(median))
            fprintf(script, "%.9g %.9g %.9g %.9g\n", seconds, median, range[0], range[1]);
        any |= isfinite(median);
    }
    fprintf(script, "%sEND\n", any ? "" : "NaN NaN NaN NaN\n");
    return any;
}

/* What is found first is far from what is found last: the axis ends at what the worst group has at a tenth of the time. */
static void choose_range(FILE *script, const Best *best)
{
    double least = INFINITY, most = -INFINITY;
    for (size_t group = 0; group < best->runs->group_count; group++) {
        double range[2], last = best_of_group(best, group, best->key, best->seconds, range);
        least = isfinite(last) ? fmin(least, range[0]) : least;
        double early = best_of_group(best, group, best->key, best->seconds / 10, NULL);
        most = fmax(most, isfinite(early) ? early : isfinite(last) ? range[1] : most);
    }
    if (most > least)
        fprintf(script, "set yrange [%.9g:%.9g]\n", least - 0.05 * (most - least), most + 0.05 * (most - least));
}

bool best_draw(const Best *best, const char *picture)
{
    int head = TITLE_HEIGHT + plot_legend(NULL, best->runs, false, WIDTH, 1, TITLE_HEIGHT) + 6, height = HEIGHT + head;
    FILE *script = plot_begin(picture, WIDTH, height);
    if (!script)
        return false;
    char title[160];
    snprintf(title, sizeof title, "%.120s: the least so far", best->key);
    plot_clip(title, LETTERS);
    fprintf(script, "set xrange [0:%.9g]\nset xlabel 'seconds of training'\nunset key\nset label %d ", best->seconds, PLOT_HEADING);
    plot_text(script, title);
    fprintf(script, " at screen %.5f,%.5f left font ',15'\n", 20.0 / WIDTH, 1 - 17.0 / height);
    plot_legend(script, best->runs, false, WIDTH, height, TITLE_HEIGHT);
    fprintf(script, "set lmargin 9\nset rmargin 3.5\nset bmargin 3.2\nset tmargin at screen %.5f\n", 1 - (double)head / height);
    choose_range(script, best);
    bool any = false;
    for (size_t group = 0; group < best->runs->group_count; group++)
        any |= write_group(script, best, group);
    if (!any) {
        fclose(script);
        return report_error("there is nothing to draw: of no group all runs have an evaluation of %s", best->key);
    }
    const char *between = "plot ";
    for (int layer = 0; layer < 2; layer++) /* all bands under all lines */
        for (size_t group = 0; group < best->runs->group_count; group++) {
            const char *colour = plot_group_colour(group);
            if (layer == 0 && plot_group_size(best->runs, group) > 1)
                fprintf(script, "%s$group%zu using 1:3:4 with filledcurves fillcolor '%s' fillstyle solid 0.18 noborder", between, group,
                        colour);
            else if (layer == 1)
                fprintf(script, "%s$group%zu using 1:2 with lines linecolor '%s' dashtype %d linewidth 1.8", between, group, colour,
                        plot_group_dash(group));
            else
                continue;
            between = ", ";
        }
    fprintf(script, "\n");
    return plot_render(script, picture);
}
