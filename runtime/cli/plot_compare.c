/* curves.svg of several runs: one panel per figure, in each of them one colour per group. A group of several runs is the mean
 * over its runs and a band from the least to the largest value. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cli/plot.h"
#include "runtime/cli/plot_events.h"
#include "runtime/cli/plot_script.h"
#include "runtime/core/report.h"

enum { MOST_PANELS = 30, VECTOR_PANELS = 4, PANEL_WIDTH = 420, PANEL_HEIGHT = 270, TITLE_HEIGHT = 34 };
enum { LETTERS = 42 }; /* of a panel's title */

typedef struct Panel {
    char title[128];
    const char *key; /* of the events */
    int64_t element; /* -1: the value is a number */
} Panel;

typedef struct Comparison {
    const Manifest *manifest;
    const PlotRuns *runs;
    Panel panels[MOST_PANELS];
    size_t count, left_out;
    double last; /* step */
} Comparison;

/* ---- panels ---- */

/* Whether the figure has a finite value; *varies: two that differ. */
static bool has_values(const Comparison *c, const char *key, int64_t element, bool *varies)
{
    double first = NAN;
    *varies = false;
    for (size_t r = 0; r < c->runs->count; r++) {
        size_t i;
        json_t *event;
        json_array_foreach(c->runs->runs[r].events, i, event)
        {
            double value = plot_value(event, key, element);
            if (!isfinite(value))
                continue;
            if (isnan(first))
                first = value;
            *varies |= value != first;
        }
    }
    return isfinite(first);
}

static bool is_known(const Comparison *c, const char *key, int64_t element)
{
    for (size_t i = 0; i < c->count; i++)
        if (!strcmp(c->panels[i].key, key) && c->panels[i].element == element)
            return true;
    return false;
}

static void add_panel(Comparison *c, const char *key, int64_t element)
{
    bool varies;
    if (is_known(c, key, element) || !has_values(c, key, element, &varies) || (!varies && plot_is_rate(key)))
        return;
    if (c->count == MOST_PANELS) {
        c->left_out++;
        return;
    }
    Panel *panel = &c->panels[c->count++];
    *panel = (Panel){.key = key, .element = element};
    snprintf(panel->title, sizeof panel->title, element < 0 ? "%.100s" : "%.100s[%lld]", key, (long long)element);
    plot_clip(panel->title, LETTERS);
}

/* All keys of all events, in the order in which they appear first. */
static void find_panels(Comparison *c)
{
    for (size_t r = 0; r < c->runs->count; r++) {
        size_t i;
        json_t *event, *value;
        const char *key;
        json_array_foreach(c->runs->runs[r].events, i, event)
        {
            c->last = fmax(c->last, plot_value(event, "step", -1));
            json_object_foreach(event, key, value)
            {
                if (plot_is_position(c->manifest, key) || plot_is_spread(event, key))
                    continue;
                if (json_is_number(value))
                    add_panel(c, key, -1);
                for (size_t k = 0; k < json_array_size(value) && k < VECTOR_PANELS; k++)
                    add_panel(c, key, (int64_t)k);
            }
        }
    }
}

/* ---- data ---- */

typedef struct Point {
    double step, value;
} Point;

static int by_step(const void *left, const void *right)
{
    const Point *a = left, *b = right;
    return (a->step > b->step) - (a->step < b->step);
}

/* Every value of a group, in the order of its steps; for free(). */
static Point *gather(const Comparison *c, const Panel *panel, size_t group, size_t *count)
{
    size_t room = 1;
    for (size_t r = 0; r < c->runs->count; r++)
        room += json_array_size(c->runs->runs[r].events);
    Point *points = malloc(room * sizeof *points);
    *count = 0;
    for (size_t r = 0; points && r < c->runs->count; r++) {
        size_t i;
        json_t *event;
        if (c->runs->runs[r].group == group)
            json_array_foreach(c->runs->runs[r].events, i, event)
            {
                double value = plot_value(event, panel->key, panel->element);
                if (isfinite(value))
                    points[(*count)++] = (Point){plot_value(event, "step", -1), value};
            }
    }
    if (points)
        qsort(points, *count, sizeof *points, by_step);
    return points;
}

/* $groupG_N: step, mean, least and largest value, at steps where at least half of the group's runs have one. Returns the number
 * of rows. */
static size_t write_group(FILE *script, const Comparison *c, size_t number, size_t group, double range[2])
{
    size_t count, rows = 0, size = plot_group_size(c->runs, group);
    Point *points = gather(c, &c->panels[number], group, &count);
    fprintf(script, "$group%zu_%zu << END\n", group, number);
    for (size_t i = 0; points && i < count;) {
        double sum = 0, least = INFINITY, most = -INFINITY;
        size_t here = 0;
        for (; i + here < count && points[i + here].step == points[i].step; here++) {
            sum += points[i + here].value;
            least = fmin(least, points[i + here].value);
            most = fmax(most, points[i + here].value);
        }
        if (2 * here >= size) {
            fprintf(script, "%.17g %.9g %.9g %.9g\n", points[i].step, sum / (double)here, least, most);
            range[0] = fmin(range[0], least);
            range[1] = fmax(range[1], most);
            rows++;
        }
        i += here;
    }
    fprintf(script, "%sEND\n", rows ? "" : "NaN NaN NaN NaN\n");
    free(points);
    return rows;
}

/* ---- drawing ---- */

static void draw_panel(FILE *script, const Comparison *c, size_t number)
{
    double range[2] = {INFINITY, -INFINITY};
    size_t rows[PLOT_MOST_RUNS];
    for (size_t group = 0; group < c->runs->group_count; group++)
        rows[group] = write_group(script, c, number, group, range);
    bool logarithmic = plot_is_logarithmic(c->manifest, c->panels[number].key, range[0], range[1]);
    fprintf(script, logarithmic ? "set logscale y\nset format y '%%.0e'\n" : "unset logscale y\nset format y '%%g'\n");
    fprintf(script, "set label 1 ");
    plot_text(script, c->panels[number].title);
    fprintf(script, " at graph 0, graph 1.07 left\nplot ");
    const char *between = "";
    for (int layer = 0; layer < 2; layer++) /* all bands under all lines */
        for (size_t group = 0; group < c->runs->group_count; group++) {
            const char *colour = plot_group_colour(group);
            if (layer == 0 && plot_group_size(c->runs, group) > 1)
                fprintf(script, "%s$group%zu_%zu using 1:3:4 with filledcurves fillcolor '%s' fillstyle solid 0.18 noborder",
                        between, group, number, colour);
            else if (layer == 1)
                fprintf(script, "%s$group%zu_%zu using 1:2 with %s linecolor '%s' dashtype %d linewidth 1.8", between, group,
                        number, rows[group] <= 40 ? "linespoints pointtype 7 pointsize 0.3" : "lines", colour,
                        plot_group_dash(group));
            else
                continue;
            between = ", ";
        }
    fprintf(script, "\n");
}

static bool draw(const Comparison *c, const char *picture)
{
    int panels = (int)c->count, columns = panels > 8 ? 4 : panels > 4 ? 3 : panels > 1 ? 2 : 1;
    int rows = (panels + columns - 1) / columns, width = columns * PANEL_WIDTH;
    int head = TITLE_HEIGHT + plot_legend(NULL, c->runs, false, width, 1, TITLE_HEIGHT) + 6, height = head + rows * PANEL_HEIGHT;
    FILE *script = plot_begin(picture, width, height);
    if (!script)
        return false;
    bool bands = c->runs->group_count < c->runs->count;
    char title[160], more[64] = "";
    if (c->left_out)
        snprintf(more, sizeof more, " (%zu more figures are left out)", c->left_out);
    snprintf(title, sizeof title, "%zu runs%s%s", c->runs->count, bands ? ": mean and range over seeds" : "", more);
    fprintf(script, "set xrange [0:%.17g]\nset xtics %.17g\nset xlabel 'step'\nunset key\nset multiplot\nset label %d ", c->last,
            plot_step(c->last, 5), PLOT_HEADING);
    plot_text(script, title);
    fprintf(script, " at screen %.5f,%.5f left font ',15'\n", 20.0 / width, 1 - 17.0 / height);
    plot_legend(script, c->runs, false, width, height, TITLE_HEIGHT);
    fprintf(script, "set lmargin 9\nset rmargin 3.5\nset tmargin 2.2\nset bmargin 3.2\nset size %.5f,%.5f\n", 1.0 / columns,
            (double)PANEL_HEIGHT / height);
    for (int i = 0; i < panels; i++) {
        fprintf(script, "set origin %.5f,%.5f\n", (double)(i % columns) / columns,
                1 - (double)(head + (i / columns + 1) * PANEL_HEIGHT) / height);
        draw_panel(script, c, (size_t)i);
        if (i == 0)
            fprintf(script, "unset label\nunset arrow\n");
    }
    fprintf(script, "unset multiplot\n");
    return plot_render(script, picture);
}

bool plot_compare(const Manifest *manifest, const PlotRuns *runs, const char *picture)
{
    Comparison c = {.manifest = manifest, .runs = runs, .last = 1};
    find_panels(&c);
    if (c.count == 0)
        return report_error("these runs have no metrics to draw");
    if (!draw(&c, picture))
        return false;
    printf("%s: runs: %zu, groups: %zu, panels: %zu\n", picture, runs->count, runs->group_count, c.count);
    return true;
}
