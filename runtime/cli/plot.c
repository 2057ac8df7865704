/* `OUT plot RUNDIR`: pictures of a run. */
#include <stdlib.h>
#include <sys/stat.h>

#include "runtime/cli/commands.h"
#include "runtime/cli/plot.h"
#include "runtime/core/report.h"
#include "runtime/data/files.h"

int plot_command(const Manifest *manifest, const Options *options)
{
    struct stat status;
    const char *folder = options->files[0];
    if (stat(folder, &status) != 0 || !S_ISDIR(status.st_mode)) {
        report_error("%s is not a folder", folder);
        return EXIT_FAILURE;
    }
    char *metrics = path_join(folder, "metrics.jsonl"), *curves = path_join(folder, "curves.svg");
    char *front = path_join(folder, "front.json"), *scatter = path_join(folder, "front.svg");
    const char *title = manifest->train && manifest->train->sweep ? manifest->train->sweep->title : "front";
    bool fine = metrics && curves && front && scatter;
    if (fine && !path_exists(metrics) && !path_exists(front))
        fine = report_error("%s holds no run to draw: neither metrics.jsonl nor front.json", folder);
    if (fine) {
        bool drawn = !path_exists(metrics) || plot_curves(manifest, metrics, curves);
        fine = (!path_exists(front) || plot_front(title, front, scatter)) && drawn;
    }
    free(metrics);
    free(curves);
    free(front);
    free(scatter);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
