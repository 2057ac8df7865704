#include "runtime/cli/plot_runs.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/cli/plot_events.h"
#include "runtime/cli/plot_script.h"
#include "runtime/core/report.h"
#include "runtime/data/files.h"

/* ---- reading ---- */

static void read_text(const json_t *config, const char *key, char text[static 64])
{
    const char *value = json_string_value(json_object_get(config, key));
    snprintf(text, 64, "%.63s", value ? value : "");
}

static bool read_run(PlotRun *run, const char *folder)
{
    struct stat status;
    *run = (PlotRun){.folder = folder, .seed = -1};
    if (stat(folder, &status) != 0 || !S_ISDIR(status.st_mode))
        return report_error("%s is not a folder", folder);
    char *log = path_join(folder, "metrics.jsonl"), *file = path_join(folder, "config.json");
    json_t *config = file ? json_load_file(file, 0, NULL) : NULL;
    read_text(config, "model", run->model);
    read_text(config, "train", run->train);
    if (json_is_integer(json_object_get(config, "seed")))
        run->seed = json_integer_value(json_object_get(config, "seed"));
    if (log && path_exists(log))
        run->events = plot_events(log);
    else if (log)
        report_error("%s holds no run to draw: it lacks metrics.jsonl", folder);
    json_decref(config);
    free(log);
    free(file);
    return run->events;
}

/* ---- groups ---- */

static bool same_kind(const PlotRun *a, const PlotRun *b)
{
    return *a->model && !strcmp(a->model, b->model) && !strcmp(a->train, b->train);
}

/* Whether another run of the same model and train has the same seed: then they differ in something else. */
static bool stands_alone(const PlotRuns *runs, size_t i)
{
    const PlotRun *run = &runs->runs[i];
    for (size_t j = 0; j < runs->count; j++)
        for (size_t k = 0; k < j; k++)
            if (same_kind(run, &runs->runs[j]) && same_kind(run, &runs->runs[k]) && runs->runs[j].seed == runs->runs[k].seed)
                return true;
    return !*run->model || run->seed < 0;
}

/* The last two parts of a path, without a slash at its end. */
static const char *short_path(const char *path, char text[static 256])
{
    snprintf(text, 256, "%.255s", path);
    for (size_t length = strlen(text); length > 1 && text[length - 1] == '/'; length--)
        text[length - 1] = '\0';
    char *last = strrchr(text, '/');
    if (!last || last == text)
        return text;
    *last = '\0';
    char *before = strrchr(text, '/');
    *last = '/';
    return before ? before + 1 : text;
}

static void name_group(PlotRuns *runs, size_t group, const PlotRun *run, bool alone)
{
    bool models = false, trains = false; /* whether they differ */
    char path[256], name[2 * PLOT_LABEL];
    size_t size = plot_group_size(runs, group);
    for (size_t i = 0; i < runs->count; i++) {
        models |= strcmp(runs->runs[i].model, run->model) != 0;
        trains |= strcmp(runs->runs[i].train, run->train) != 0;
    }
    if (alone)
        snprintf(name, sizeof name, "%s", short_path(run->folder, path));
    else
        snprintf(name, sizeof name, "%s%s%s", models || !trains ? run->model : "", models && trains ? " " : "",
                 trains ? run->train : "");
    plot_clip(name, 44);
    if (size > 1)
        snprintf(runs->labels[group], PLOT_LABEL, "%.44s (%zu runs)", name, size);
    else
        snprintf(runs->labels[group], PLOT_LABEL, "%.44s", name);
}

static void group_runs(PlotRuns *runs)
{
    const PlotRun *first[PLOT_MOST_RUNS];
    bool alone[PLOT_MOST_RUNS];
    for (size_t i = 0; i < runs->count; i++) {
        PlotRun *run = &runs->runs[i];
        bool by_itself = stands_alone(runs, i);
        size_t group = 0;
        while (group < runs->group_count && (by_itself || alone[group] || !same_kind(first[group], run)))
            group++;
        if (group == runs->group_count) {
            first[group] = run;
            alone[group] = by_itself;
            runs->group_count++;
        }
        run->group = group;
    }
    for (size_t group = 0; group < runs->group_count; group++)
        name_group(runs, group, first[group], alone[group]);
}

bool plot_runs_read(PlotRuns *runs, const char *const *folders, size_t count)
{
    *runs = (PlotRuns){0};
    for (size_t i = 0; i < count; i++)
        if (!read_run(&runs->runs[runs->count++], folders[i]))
            return false;
    group_runs(runs);
    return true;
}

void plot_runs_close(PlotRuns *runs)
{
    for (size_t i = 0; i < runs->count; i++)
        json_decref(runs->runs[i].events);
}

size_t plot_group_size(const PlotRuns *runs, size_t group)
{
    size_t size = 0;
    for (size_t i = 0; i < runs->count; i++)
        size += runs->runs[i].group == group;
    return size;
}

/* ---- the legend ---- */

const char *plot_group_colour(size_t group)
{
    return plot_colours[group % PLOT_COLOURS];
}

int plot_group_dash(size_t group)
{
    static const int dashes[] = {1, 2, 4};
    return dashes[group / PLOT_COLOURS % 3];
}

int plot_group_shape(size_t group, bool filled)
{
    static const int shapes[] = {7, 5, 9, 11, 13}; /* circle, square, triangles, diamond */
    return shapes[group % 5] - !filled;
}

int plot_legend(FILE *script, const PlotRuns *runs, bool points, int width, int height, int top)
{
    enum { MARGIN = 20, SAMPLE = 30, LETTER = 8, SPACE = 24, ROW = 22 };
    int x = MARGIN, row = 0;
    for (size_t group = 0; group < runs->group_count; group++) {
        int wide = SAMPLE + 8 + LETTER * (int)strlen(runs->labels[group]) + SPACE;
        if (x > MARGIN && x + wide > width - MARGIN) {
            x = MARGIN;
            row++;
        }
        double y = 1 - (double)(top + row * ROW + ROW / 2) / height;
        if (script && !points)
            fprintf(script,
                    "set arrow %zu from screen %.5f,%.5f to screen %.5f,%.5f nohead linewidth 2.4 dashtype %d linecolor '%s'\n",
                    group + PLOT_HEADING, (double)x / width, y, (double)(x + SAMPLE) / width, y, plot_group_dash(group),
                    plot_group_colour(group));
        if (script && points)
            fprintf(script, "set label %zu '' at screen %.5f,%.5f point pointtype %d pointsize 1 linecolor '%s'\n",
                    2 * group + PLOT_HEADING + 2, (x + 0.7 * SAMPLE) / width, y, plot_group_shape(group, true),
                    plot_group_colour(group));
        if (script) {
            fprintf(script, "set label %zu ", 2 * group + PLOT_HEADING + 1);
            plot_text(script, runs->labels[group]);
            fprintf(script, " at screen %.5f,%.5f left\n", (double)(x + SAMPLE + 8) / width, y);
        }
        x += wide;
    }
    return (row + 1) * ROW;
}
