/* curves.svg: one panel per quantity of metrics.jsonl, over the steps. Losses and metrics of one name, on whatever split or in
 * whatever phase, share a panel; each hyperparameter has its own panel, with the spread of its samples as a band. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cli/plot.h"
#include "runtime/cli/plot_events.h"
#include "runtime/cli/plot_script.h"
#include "runtime/core/report.h"

enum { PANEL_WIDTH = 460, PANEL_HEIGHT = 300, TITLE_HEIGHT = 40, FEW_EVENTS = 40 };
enum { LARGE_LETTERS = 32, LETTERS = 44 };               /* of a panel's title: in large letters, and in small ones */
enum { LARGE_BESIDE_KEY = 22, LETTERS_BESIDE_KEY = 30 }; /* where "± sigma" stands beside it */

typedef struct Series {
    const char *key; /* of the events */
    int64_t element; /* -1: the value is a number */
    char *label;     /* owned */
} Series;

typedef struct Panel {
    char *title, *spread; /* owned; spread: the key of the band, or NULL */
    Series series[PLOT_COLOURS];
    int count;
    int64_t left_out; /* how many more series there are */
} Panel;

typedef struct Curves {
    const Manifest *manifest;
    json_t *events; /* array of objects */
    Panel *panels;
    size_t panel_count;
} Curves;

static bool has_values(const Curves *curves, const char *key, int64_t element)
{
    size_t i;
    json_t *event;
    json_array_foreach(curves->events, i, event) if (isfinite(plot_value(event, key, element))) return true;
    return false;
}

/* ---- panels ---- */

static Panel *find_panel(Curves *curves, const char *title, size_t length)
{
    for (size_t i = 0; i < curves->panel_count; i++)
        if (strlen(curves->panels[i].title) == length && !strncmp(curves->panels[i].title, title, length))
            return &curves->panels[i];
    Panel *panels = realloc(curves->panels, (curves->panel_count + 1) * sizeof *panels);
    if (!panels)
        return NULL;
    curves->panels = panels;
    panels[curves->panel_count] = (Panel){.title = strndup(title, length)};
    return panels[curves->panel_count].title ? &panels[curves->panel_count++] : NULL;
}

/* A learning rate that never changes is no picture. */
static bool is_constant_rate(const Curves *curves, const char *key)
{
    double first = NAN;
    size_t i;
    json_t *event;
    if (!plot_is_rate(key))
        return false;
    json_array_foreach(curves->events, i, event)
    {
        double value = plot_value(event, key, -1);
        if (isfinite(first) && isfinite(value) && value != first)
            return false;
        first = isfinite(value) ? value : first;
    }
    return true;
}

static bool add_series(const Curves *curves, Panel *panel, const char *key, int64_t element, char *label)
{
    if (!label || !has_values(curves, key, element) || is_constant_rate(curves, key) || panel->count == PLOT_COLOURS) {
        bool labelled = label != NULL;
        panel->left_out += labelled && panel->count == PLOT_COLOURS;
        free(label);
        return labelled;
    }
    panel->series[panel->count++] = (Series){.key = key, .element = element, .label = label};
    return true;
}

static bool is_phase(const Manifest *manifest, const char *name)
{
    for (size_t i = 0; i < manifest->train->phase_count; i++)
        if (!strcmp(manifest->train->phases[i].name, name))
            return true;
    return false;
}

/* "fit.least" and "fit.largest" are the ends of what the rays reach. */
static bool is_range(const char *name)
{
    return !strcmp(name, "least") || !strcmp(name, "largest");
}

/* The dot behind the figure of an optimizer, which may be that of a part of the weights: "rate.trunk.linear1.minimise". */
static const char *behind_figure(const char *key)
{
    static const char *const figures[] = {"rate", "grad_norm"};
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        if (!strncmp(key, figures[i], strlen(figures[i])) && key[strlen(figures[i])] == '.')
            return key + strlen(figures[i]);
    return NULL;
}

/* "fit(fashion.valid)" belongs to panel fit as fashion.valid, "OUTPUT.PHASE" to panel OUTPUT as PHASE, "rate.PART.PHASE" to panel
 * rate as PART.PHASE; any other key has a panel of its own. */
static bool place_scalar(Curves *curves, const char *key)
{
    const char *open = strchr(key, '('), *dot = strrchr(key, '.');
    size_t length = strlen(key);
    bool is_metric = open && key[length - 1] == ')';
    bool is_output = !is_metric && dot && (is_phase(curves->manifest, dot + 1) || is_range(dot + 1));
    if (is_output && behind_figure(key))
        dot = behind_figure(key);
    Panel *panel = find_panel(curves, key, is_metric ? (size_t)(open - key) : is_output ? (size_t)(dot - key) : length);
    char *label = is_metric ? strndup(open + 1, length - (size_t)(open - key) - 2) : strdup(is_output ? dot + 1 : key);
    if (panel)
        return add_series(curves, panel, key, -1, label);
    free(label);
    return false;
}

/* Whether it is a metric with one number per point of a sweep. */
static bool is_swept(const Manifest *manifest, const char *key)
{
    bool swept = false;
    for (size_t i = 0; manifest_sweep(manifest) && i < manifest->train->metric_count; i++)
        swept |= !strcmp(manifest->train->metrics[i].name, key);
    return swept;
}

static bool place_vector(Curves *curves, const char *key, size_t elements)
{
    Panel *panel = find_panel(curves, key, strlen(key));
    for (size_t i = 0; panel && i < elements; i++) {
        char *label = NULL;
        if (is_swept(curves->manifest, key) ? asprintf(&label, "%s %zu", curves->manifest->train->sweep->point_word, i) < 0
                                            : asprintf(&label, "%s[%zu]", key, i) < 0)
            label = NULL;
        if (!add_series(curves, panel, key, (int64_t)i, label))
            return false;
    }
    return panel != NULL;
}

static bool place_key(Curves *curves, const json_t *event, const char *key, const json_t *value)
{
    if (plot_is_position(curves->manifest, key) || plot_is_spread(event, key))
        return true;
    if (json_is_array(value))
        return place_vector(curves, key, json_array_size(value));
    return !json_is_number(value) || place_scalar(curves, key);
}

static bool is_placed(const Curves *curves, const char *key)
{
    for (size_t i = 0; i < curves->panel_count; i++)
        for (int j = 0; j < curves->panels[i].count; j++)
            if (!strcmp(curves->panels[i].series[j].key, key))
                return true;
    return false;
}

/* All keys of all events, in the order in which they appear first. */
static bool place_keys(Curves *curves)
{
    size_t i;
    json_t *event, *value;
    const char *key;
    json_array_foreach(curves->events, i, event)
        json_object_foreach(event, key, value) if (!is_placed(curves, key) &&
                                                   !place_key(curves, event, key, value)) return report_error("out of memory");
    for (i = 0; i < curves->panel_count; i++) {
        Panel *panel = &curves->panels[i];
        if (panel->count != 1 || panel->series[0].element >= 0)
            continue;
        if (asprintf(&panel->spread, "%s.sigma", panel->series[0].key) < 0) {
            panel->spread = NULL;
            return report_error("out of memory");
        }
        if (!has_values(curves, panel->spread, -1)) {
            free(panel->spread);
            panel->spread = NULL;
        }
    }
    return true;
}

static size_t drop_empty_panels(Curves *curves)
{
    size_t kept = 0;
    for (size_t i = 0; i < curves->panel_count; i++) {
        if (curves->panels[i].count)
            curves->panels[kept++] = curves->panels[i];
        else
            free(curves->panels[i].title);
    }
    return curves->panel_count = kept;
}

static void close_curves(Curves *curves)
{
    for (size_t i = 0; i < curves->panel_count; i++) {
        Panel *panel = &curves->panels[i];
        for (int j = 0; j < panel->count; j++)
            free(panel->series[j].label);
        free(panel->title);
        free(panel->spread);
    }
    free(curves->panels);
}

/* ---- drawing ---- */

static bool is_logarithmic(const Curves *curves, const Panel *panel)
{
    double least = INFINITY, most = -INFINITY;
    for (int j = 0; j < panel->count; j++) {
        size_t i;
        json_t *event;
        json_array_foreach(curves->events, i, event)
        {
            double value = plot_value(event, panel->series[j].key, panel->series[j].element);
            least = fmin(least, value);
            most = fmax(most, value);
        }
    }
    return plot_is_logarithmic(curves->manifest, panel->title, least, most);
}

/* $N: the step, one column per series, and both ends of the band. */
static void write_data(FILE *script, const Curves *curves, const Panel *panel, size_t number, bool logarithmic)
{
    size_t i;
    json_t *event;
    fprintf(script, "$panel%zu << END\n", number);
    json_array_foreach(curves->events, i, event)
    {
        fprintf(script, "%.17g", plot_value(event, "step", -1));
        for (int j = 0; j < panel->count; j++)
            fprintf(script, " %.9g", plot_value(event, panel->series[j].key, panel->series[j].element));
        if (panel->spread) {
            double value = plot_value(event, panel->series[0].key, -1), sigma = plot_value(event, panel->spread, -1);
            double low = logarithmic ? fmax(value - sigma, 0.1 * value) : value - sigma; /* 0 is infinitely far down there */
            fprintf(script, " %.9g %.9g", low, value + sigma);
        }
        fprintf(script, "\n");
    }
    fprintf(script, "END\n");
}

/* The key stands beside the title if it finds room there, else at the right. */
static void set_key(FILE *script, const Panel *panel)
{
    enum { ROOM = 42, SAMPLE = 6 }; /* in letters */
    size_t letters = strlen(panel->title);
    for (int j = 0; j < panel->count; j++)
        letters += strlen(panel->series[j].label) + SAMPLE;
    if (panel->count < 2 && !panel->spread)
        fprintf(script, "set rmargin 3\nunset key\n");
    else if (panel->spread || letters < ROOM)
        fprintf(script, "set rmargin 3\nset key at graph 1, graph 1.15 right top horizontal samplen 1.2\n");
    else
        fprintf(script, "unset rmargin\nset key outside right center vertical samplen 1.2\n");
}

static void draw_panel(FILE *script, const Curves *curves, const Panel *panel, size_t number)
{
    bool logarithmic = is_logarithmic(curves, panel), few = json_array_size(curves->events) <= FEW_EVENTS;
    write_data(script, curves, panel, number, logarithmic);
    char title[256], more[64] = "";
    if (panel->left_out)
        snprintf(more, sizeof more, " (the first %d of %" PRId64 ")", panel->count, panel->count + panel->left_out);
    bool alone =
        panel->count == 1 && panel->series[0].element < 0; /* there is no key then that could name the split or the phase */
    snprintf(title, sizeof title, "%.180s%s", alone ? panel->series[0].key : panel->title, more);
    plot_clip(title, panel->spread ? LETTERS_BESIDE_KEY : LETTERS);
    size_t large = panel->spread ? LARGE_BESIDE_KEY : LARGE_LETTERS;
    fprintf(script, "set label 1 ");
    plot_text(script, title);
    const TrainInfo *train = curves->manifest->train;
    bool several = train->phase_count > 1;
    fprintf(script, " at graph 0, graph 1.08 left font ',%d'\nset xlabel '%s%sstep'\n", strlen(title) > large ? 11 : 14,
            several ? train->phases[0].name : "", several ? " " : "");
    fprintf(script, logarithmic ? "set logscale y\nset format y '%%.0e'\n" : "unset logscale y\nset format y '%%g'\n");
    set_key(script, panel);
    fprintf(script, "plot ");
    if (panel->spread)
        fprintf(script, "$panel%zu using 1:3:4 with filledcurves fillcolor '%s' fillstyle solid 0.2 noborder title '± sigma', ",
                number, plot_colours[0]);
    for (int j = 0; j < panel->count; j++) {
        fprintf(script, "%s$panel%zu using 1:%d with %s linecolor '%s' linewidth 1.8 title ", j ? ", " : "", number, j + 2,
                few ? "linespoints pointtype 7 pointsize 0.35" : "lines", plot_colours[j]);
        plot_text(script, panel->spread ? "" : panel->series[j].label); /* its title says it */
    }
    fprintf(script, "\n");
}

static bool draw(const Curves *curves, const char *picture)
{
    int panels = (int)curves->panel_count, columns = panels > 8 ? 3 : panels > 1 ? 2 : 1, rows = (panels + columns - 1) / columns;
    FILE *script = plot_begin(picture, columns * PANEL_WIDTH, rows * PANEL_HEIGHT + TITLE_HEIGHT);
    if (!script)
        return false;
    char title[256];
    snprintf(title, sizeof title, "%.100s, train %.100s: %zu evaluation%s", curves->manifest->model,
             curves->manifest->train ? curves->manifest->train->name : "-", json_array_size(curves->events),
             json_array_size(curves->events) == 1 ? "" : "s");
    double last = 1;
    size_t i;
    json_t *event;
    json_array_foreach(curves->events, i, event) last = fmax(last, plot_value(event, "step", -1));
    fprintf(script, "set xrange [0:%.17g]\nset xtics %.17g\n", last, plot_step(last, 6));
    fprintf(script, "set multiplot layout %d,%d title ", rows, columns);
    plot_text(script, title);
    fprintf(script, " font ',15'\nset lmargin 9\nset tmargin 3\nset bmargin 3.5\n");
    for (i = 0; i < curves->panel_count; i++)
        draw_panel(script, curves, &curves->panels[i], i);
    fprintf(script, "unset multiplot\n");
    return plot_render(script, picture);
}

bool plot_curves(const Manifest *manifest, const char *data, json_t *events, const char *picture)
{
    Curves curves = {.manifest = manifest, .events = events};
    bool fine = place_keys(&curves);
    if (fine && drop_empty_panels(&curves) == 0)
        fine = report_error("%s: no metrics to draw", data);
    fine = fine && draw(&curves, picture);
    if (fine)
        printf("%s: evaluations: %zu, panels: %zu\n", picture, json_array_size(curves.events), curves.panel_count);
    close_curves(&curves);
    return fine;
}
