/* `OUT compare RUNDIR...`: what runs had found after a quarter, a half and all of the time, as a table and as best.svg. The runs may be of
 * other programs. Exit status 1 (reported): a folder holds no run, no run has the metric, or the picture cannot be drawn. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cli/best.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/plot_events.h"
#include "runtime/core/report.h"
#include "runtime/data/files.h"
#include "runtime/run/metrics_log.h"

enum { TIMES = 3, NAME_WIDTH = 44, NUMBER_WIDTH = 11 };
static const double shares[TIMES] = {0.25, 0.5, 1};

/* ---- the table ---- */

static void print_number(double number)
{
    if (isfinite(number))
        printf("%*.4g", NUMBER_WIDTH, number);
    else
        printf("%*s", NUMBER_WIDTH, "-");
}

/* The other metrics of the program's train that the group's best evaluations have. */
static void print_others(const Manifest *manifest, const Best *best, size_t group)
{
    const TrainInfo *train = manifest->train;
    for (size_t i = 0; i < train->metric_count; i++) {
        double value = best_of_group(best, group, train->metrics[i].name, best->seconds, NULL);
        if (strcmp(train->metrics[i].name, best->key) && isfinite(value))
            printf("  %s %.4g", train->metrics[i].name, value);
    }
}

static void print_table(const Manifest *manifest, const Best *best)
{
    printf("the least %s so far, the median over runs\n\n%-*s", best->key, NAME_WIDTH, "");
    for (int t = 0; t < TIMES; t++) {
        char text[32];
        snprintf(text, sizeof text, "%.3g s", best->seconds * shares[t]);
        printf("%*s", NUMBER_WIDTH, text);
    }
    printf("  then\n");
    for (size_t group = 0; group < best->runs->group_count; group++) {
        printf("%-*.*s", NAME_WIDTH, NAME_WIDTH, best->runs->labels[group]);
        for (int t = 0; t < TIMES; t++)
            print_number(best_of_group(best, group, best->key, best->seconds * shares[t], NULL));
        print_others(manifest, best, group);
        printf("\n");
    }
}

static json_t *group_json(const Manifest *manifest, const Best *best, size_t group)
{
    json_t *json = json_object(), *at = json_array(), *then = json_object();
    for (int t = 0; t < TIMES; t++)
        json_array_append_new(at, json_finite(best_of_group(best, group, best->key, best->seconds * shares[t], NULL)));
    for (size_t i = 0; i < manifest->train->metric_count; i++) {
        const char *name = manifest->train->metrics[i].name;
        json_object_set_new(then, name, json_finite(best_of_group(best, group, name, best->seconds, NULL)));
    }
    json_object_set_new(json, "group", json_string(best->runs->labels[group]));
    json_object_set_new(json, "runs", json_integer((json_int_t)plot_group_size(best->runs, group)));
    json_object_set_new(json, "least", at);
    json_object_set_new(json, "then", then);
    return json;
}

static void print_json(const Manifest *manifest, const Best *best)
{
    json_t *json = json_object(), *groups = json_array(), *times = json_array();
    for (int t = 0; t < TIMES; t++)
        json_array_append_new(times, json_real(best->seconds * shares[t]));
    for (size_t group = 0; group < best->runs->group_count; group++)
        json_array_append_new(groups, group_json(manifest, best, group));
    json_object_set_new(json, "metric", json_string(best->key));
    json_object_set_new(json, "seconds", times);
    json_object_set_new(json, "groups", groups);
    json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    printf("\n");
    json_decref(json);
}

/* ---- the command ---- */

/* The time of the longest run; false (reported): no run has the metric. */
static bool find_time(Best *best)
{
    bool found = false;
    for (size_t i = 0; i < best->runs->count; i++) {
        const json_t *event;
        size_t k;
        json_array_foreach(best->runs->runs[i].events, k, event)
        {
            double seconds = plot_value(event, "seconds", -1);
            best->seconds = fmax(best->seconds, isfinite(seconds) ? seconds : 0);
        }
        const json_t *any = best_until(best, &best->runs->runs[i], INFINITY);
        found |= any != NULL;
        if (!any)
            report_note("%s has no evaluation of %s", best->runs->runs[i].folder, best->key);
    }
    return found || report_error("no run has an evaluation of %s, which this program's train selects by", best->key);
}

static bool compare_runs(const Manifest *manifest, const Options *options, const char *picture)
{
    PlotRuns *runs = malloc(sizeof *runs);
    if (!runs)
        return report_error("out of memory");
    bool fine = plot_runs_read(runs, options->files, options->file_count);
    Best best = {.runs = runs, .key = manifest->train->metrics[manifest->train->select].name};
    fine = fine && find_time(&best);
    if (fine && options->json)
        print_json(manifest, &best);
    else if (fine)
        print_table(manifest, &best);
    fine = fine && best_draw(&best, picture);
    plot_runs_close(runs);
    free(runs);
    return fine;
}

int command_compare(const Manifest *manifest, const Options *options)
{
    const char *into = options->run.out ? options->run.out : ".";
    if (manifest->train->select < 0) {
        report_error("compare needs a train that selects its best evaluation by a metric");
        return EXIT_FAILURE;
    }
    if (options->file_count == 0) {
        report_error("compare needs the folders of runs");
        return EXIT_FAILURE;
    }
    if (options->run.out && !folder_create(into))
        return EXIT_FAILURE;
    char *picture = path_join(into, options->png ? "best.png" : "best.svg");
    bool fine = picture && compare_runs(manifest, options, picture);
    free(picture);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
