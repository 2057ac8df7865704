/* Together: all points are learned at the same time. Each measure gives every metric that depends on the condition at each point,
 * and every other metric once; what is judged of the former is the mean over the points. */
#include <math.h>
#include <stdio.h>

#include "runtime/run/metrics_log.h"
#include "runtime/run/sweeps/sweeps.h"

static size_t points_of(const Sweep *sweep, size_t metric)
{
    return sweep->metrics[metric].pointless ? 1 : sweep->count;
}

/* The results of a metric, one per point or one in all. */
static double *results(const Sweep *sweep, size_t metric)
{
    return sweep->memory + metric * sweep->info->count;
}

static size_t remembers(const SweepInfo *info, size_t metrics)
{
    return info->count * metrics;
}

static void measure(Sweep *sweep, Evaluation *evaluations, const Program *program, size_t nets)
{
    (void)nets;
    sweep->count = sweep->info->count;
    for (size_t i = 0; i < sweep->count; i++) {
        sweep_set_point(sweep, program, i);
        for (size_t k = 0; k < sweep->metric_count; k++)
            if (i < points_of(sweep, k))
                results(sweep, k)[i] = evaluation_run(&evaluations[k], program);
    }
    sweep_set_point(sweep, program, 0);
}

static double mean(const Sweep *sweep, size_t metric)
{
    double sum = 0;
    size_t points = points_of(sweep, metric);
    for (size_t i = 0; i < points; i++)
        sum += results(sweep, metric)[i];
    return sum / (double)points;
}

/* "mean error(d.test)" */
enum { KEY_SIZE = 256 };
static const char *mean_key(const MetricInfo *metric, char key[static KEY_SIZE])
{
    snprintf(key, KEY_SIZE, "mean %.240s", metric->name);
    return key;
}

static void add_event(const Sweep *sweep, json_t *event)
{
    char key[KEY_SIZE];
    for (size_t k = 0; k < sweep->metric_count; k++) {
        const MetricInfo *metric = &sweep->metrics[k];
        json_object_set_new(event, metric->name,
                            metric->pointless ? json_finite(mean(sweep, k)) : vector_json(sweep->count, results(sweep, k)));
        if (!metric->pointless)
            json_object_set_new(event, mean_key(metric, key), json_finite(mean(sweep, k)));
    }
}

static json_t *together_json(const Sweep *sweep, const Program *program)
{
    json_t *json = json_object(), *metrics = json_object();
    char key[SWEEP_KEY];
    for (size_t k = 0; k < sweep->metric_count; k++) {
        const MetricInfo *metric = &sweep->metrics[k];
        json_t *entry = json_object();
        json_object_set_new(entry, "better", json_string(metric->larger ? "more" : "less"));
        if (!metric->pointless)
            json_object_set_new(entry, "each", vector_json(sweep->count, results(sweep, k)));
        json_object_set_new(entry, metric->pointless ? "value" : "mean", json_finite(mean(sweep, k)));
        json_object_set_new(metrics, metric->name, entry);
    }
    json_object_set_new(json, sweep_key(sweep->info->point_word, key), json_integer((json_int_t)sweep->info->count));
    json_object_set_new(json, "metrics", metrics);
    events_add(program, json);
    return json;
}

static size_t columns(const TrainInfo *train, SweepAdd *add, void *to)
{
    size_t lists = 0;
    char key[KEY_SIZE];
    for (size_t k = 0; k < train->metric_count; k++) {
        const MetricInfo *metric = &train->metrics[k];
        add(to, SWEEP_COLUMN_METRIC, metric->pointless ? metric->name : mean_key(metric, key));
        lists += !metric->pointless;
    }
    return lists;
}

static bool evaluate(Sweep *sweep, Evaluation *evaluations, const Program *program, const char *checkpoint, int point,
                     bool as_json)
{
    (void)checkpoint;
    measure(sweep, evaluations, program, 0);
    if (program_failed())
        return false;
    json_t *json = together_json(sweep, program), *event = json_object();
    add_event(sweep, event);
    if (as_json)
        print_json_line(program, json);
    for (size_t k = 0; !as_json && k < sweep->metric_count; k++) {
        const MetricInfo *metric = &sweep->metrics[k];
        const json_t *value = json_object_get(event, metric->name);
        char key[KEY_SIZE];
        if (point == NONE || metric->pointless)
            print_figure(metric->name, value);
        else
            print_figure(metric->name, json_array_get(value, (size_t)point));
        if (point == NONE && !metric->pointless) {
            mean_key(metric, key);
            print_figure(key, json_object_get(event, key));
        }
    }
    json_decref(json);
    json_decref(event);
    return true;
}

const SweepRule sweep_together = {.remembers = remembers,
                                  .measure = measure,
                                  .recall = measure,
                                  .selected = mean,
                                  .add_event = add_event,
                                  .json = together_json,
                                  .columns = columns,
                                  .evaluate = evaluate};
