/* `OUT plot` draws the curves of metrics.jsonl and a picture of the sweep from its file, as far as they are there, and prints
 * what it wrote: of one run into its folder, of several runs into the current folder, unless --out names another one. Exit
 * status: 1 (reported) if there is nothing to draw, or if a file is damaged or cannot be drawn; the other picture is drawn all
 * the same. */
#include "runtime/cli/plot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/cli/commands.h"
#include "runtime/cli/plot_events.h"
#include "runtime/core/report.h"
#include "runtime/data/files.h"
#include "runtime/run/folder.h"

static const SweepPicture *picture_of(const SweepInfo *sweep)
{
    static const SweepPicture *const pictures[SWEEP_KIND_COUNT] = {
#define SWEEP(KIND, name, ...) &picture_##name,
#include "runtime/abi/sweeps.def"
#undef SWEEP
    };
    static const SweepPicture none;
    return sweep ? pictures[sweep->kind] : &none;
}

/* FOLDER/STEM.ENDING, for free(). NULL (reported) without memory. */
static char *name_file(const char *folder, const char *stem, const char *ending)
{
    char name[288];
    snprintf(name, sizeof name, "%.200s.%s", stem, ending);
    return path_join(folder, name);
}

/* ---- one run ---- */

/* *events: those of the run, for json_decref; NULL: it has no log, or a damaged one. */
static bool draw_curves(const Manifest *manifest, const char *folder, const char *picture, json_t **events)
{
    char *data = name_file(folder, "metrics", "jsonl");
    bool found = data && path_exists(data);
    *events = found ? plot_events(data) : NULL;
    bool fine = data && picture && (!found || (*events && plot_curves(manifest, data, *events, picture)));
    free(data);
    return fine;
}

static bool draw_sweep(const SweepInfo *sweep, const char *folder, const char *picture, const json_t *events, bool *found)
{
    *found = false;
    if (!picture_of(sweep)->one)
        return true;
    char *data = name_file(folder, sweep->name, "json");
    *found = data && path_exists(data);
    bool fine = data && picture && (!*found || picture_of(sweep)->one(sweep, data, events, picture));
    free(data);
    return fine;
}

/* The other picture of a sweep; `into`: the folder of pictures. */
static bool draw_more(const SweepInfo *sweep, const char *folder, const char *into, const char *ending)
{
    const SweepPicture *rule = picture_of(sweep);
    char *data = rule->more ? name_file(folder, rule->more, "json") : NULL;
    char *picture = rule->more ? name_file(into, rule->more, ending) : NULL;
    bool fine = !rule->more || (data && picture && (!path_exists(data) || rule->draw_more(sweep, data, picture)));
    free(data);
    free(picture);
    return fine;
}

static bool draw_run(const Manifest *manifest, const char *folder, const char *curves, const char *front)
{
    struct stat status;
    const SweepInfo *sweep = manifest_sweep(manifest);
    if (stat(folder, &status) != 0 || !S_ISDIR(status.st_mode))
        return report_error("%s is not a folder", folder);
    bool has_sweep;
    json_t *events;
    bool fine = draw_curves(manifest, folder, curves, &events);
    fine = draw_sweep(sweep, folder, front, events, &has_sweep) && fine;
    if (fine && !events && !has_sweep && sweep)
        fine = report_error("%s holds no run to draw: neither metrics.jsonl nor %.200s.json", folder, sweep->name);
    else if (fine && !events && !has_sweep)
        fine = report_error("%s holds no run to draw: it lacks metrics.jsonl", folder);
    json_decref(events);
    return fine;
}

/* ---- all ---- */

static bool draw_runs(const Manifest *manifest, const Options *options, const char *curves, const char *front)
{
    const SweepInfo *sweep = manifest_sweep(manifest);
    PlotRuns *runs = malloc(sizeof *runs);
    if (!runs)
        return report_error("out of memory");
    bool fine = plot_runs_read(runs, options->files, options->file_count) && plot_compare(manifest, runs, curves);
    if (fine && picture_of(sweep)->several)
        fine = picture_of(sweep)->several(sweep, runs, front);
    plot_runs_close(runs);
    free(runs);
    return fine;
}

/* The run that is drawn if none is named; for free(). */
static char *newest_run(const Manifest *manifest)
{
    char *folder = manifest->train ? folder_newest(manifest) : NULL;
    if (folder)
        report_note("the newest run: %s", folder);
    else
        report_error("plot needs the folder of a run: in runs/ there is no run of this model");
    return folder;
}

int command_plot(const Manifest *manifest, const Options *options)
{
    const SweepInfo *sweep = manifest_sweep(manifest);
    bool several = options->file_count > 1;
    char *folder = options->file_count ? strdup(options->files[0]) : newest_run(manifest);
    const char *into = options->run.out ? options->run.out : several ? "." : folder, *ending = options->png ? "png" : "svg";
    if (!folder || (options->run.out && !folder_create(into))) {
        free(folder);
        return EXIT_FAILURE;
    }
    char *curves = name_file(into, "curves", ending), *front = name_file(into, sweep ? sweep->name : "front", ending);
    bool fine =
        curves && front && (several ? draw_runs(manifest, options, curves, front) : draw_run(manifest, folder, curves, front));
    fine = (several || draw_more(sweep, folder, into, ending)) && fine;
    free(curves);
    free(front);
    free(folder);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
