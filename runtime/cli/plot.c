/* `OUT plot` draws curves.svg from the folder's metrics.jsonl and a picture of the sweep from its file, as far as they are there,
 * and prints what it wrote. Exit status: 1 (reported) if there is nothing to draw, or if a file is damaged or cannot be drawn;
 * the other picture is drawn all the same. */
#include "runtime/cli/plot.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "runtime/cli/commands.h"
#include "runtime/core/report.h"
#include "runtime/data/files.h"

/* FOLDER/STEM.ENDING, for free(). NULL (reported) without memory. */
static char *name_file(const char *folder, const char *stem, const char *ending)
{
    char name[288];
    snprintf(name, sizeof name, "%.200s.%s", stem, ending);
    return path_join(folder, name);
}

/* *found: whether DATA is there. */
static bool draw_curves(const Manifest *manifest, const char *folder, bool *found)
{
    char *data = name_file(folder, "metrics", "jsonl"), *picture = name_file(folder, "curves", "svg");
    *found = data && path_exists(data);
    bool fine = data && picture && (!*found || plot_curves(manifest, data, picture));
    free(data);
    free(picture);
    return fine;
}

static bool draw_sweep(const SweepInfo *sweep, const char *folder, bool *found)
{
    *found = false;
    if (!sweep)
        return true;
    char *data = name_file(folder, sweep->name, "json"), *picture = name_file(folder, sweep->name, "svg");
    *found = data && path_exists(data);
    bool fine = data && picture && (!*found || plot_front(sweep, data, picture));
    free(data);
    free(picture);
    return fine;
}

int command_plot(const Manifest *manifest, const Options *options)
{
    struct stat status;
    const char *folder = options->files[0];
    const SweepInfo *sweep = manifest_sweep(manifest);
    if (stat(folder, &status) != 0 || !S_ISDIR(status.st_mode)) {
        report_error("%s is not a folder", folder);
        return EXIT_FAILURE;
    }
    bool has_metrics, has_sweep;
    bool fine = draw_curves(manifest, folder, &has_metrics);
    fine = draw_sweep(sweep, folder, &has_sweep) && fine;
    if (fine && !has_metrics && !has_sweep && sweep)
        fine = report_error("%s holds no run to draw: neither metrics.jsonl nor %.200s.json", folder, sweep->name);
    else if (fine && !has_metrics && !has_sweep)
        fine = report_error("%s holds no run to draw: it lacks metrics.jsonl", folder);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
