#include "runtime/run/result.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "runtime/core/blas.h"
#include "runtime/core/cpu.h"
#include "runtime/core/parallel.h"
#include "runtime/data/files.h"
#include "runtime/run/events.h"

int result_precision(const Run *run)
{
    return run->manifest->real == DTYPE_F64 ? 17 : 9;
}

static bool write_json(const Run *run, const char *name, json_t *json)
{
    char *path = path_join(run->folder, name);
    bool fine = path && json_file_write(path, json, result_precision(run));
    free(path);
    json_decref(json);
    return fine;
}

double result_epochs(const Run *run, int64_t steps)
{
    return (double)steps / (double)run->plan.epoch_steps;
}

static json_t *describe_run(const Run *run)
{
    const Manifest *manifest = run->manifest;
    json_t *json = json_object();
    json_object_set_new(json, "model", json_string(manifest->model));
    json_object_set_new(json, "train", json_string(manifest->train->name));
    json_object_set_new(json, "method", json_string(manifest->train->method));
    json_object_set_new(json, "seed", json_integer((json_int_t)run->identity.seed));
    json_object_set_new(json, "threads", json_integer(parallel_threads()));
    return json;
}

bool result_write_config(const Run *run)
{
    const Manifest *manifest = run->manifest;
    json_t *json = describe_run(run), *splits = json_object(), *constants = json_object();
    json_object_set_new(json, "batch", json_integer(manifest->train->batch));
    if (!run->plan.in_steps) {
        json_object_set_new(json, "epochs", json_finite(result_epochs(run, run->plan.total_steps)));
        json_object_set_new(json, "epoch_steps", json_integer(run->plan.epoch_steps));
    }
    json_object_set_new(json, "total_steps", json_integer(run->plan.total_steps));
    json_object_set_new(json, "patience", json_integer(manifest->train->acts[walk_budget(manifest->train)].patience));
    json_object_set_new(json, "data", json_string(run->settings->data));
    json_object_set_new(json, "float", json_string(manifest->real == DTYPE_F64 ? "f64" : "f32"));
    json_object_set_new(json, "cpu", json_string(cpu_of_functions(manifest->cpu)));
    json_object_set_new(json, "blas", json_string(blas_names[manifest->blas]));
    for (size_t i = 0; i < manifest->dataset_count; i++) {
        for (size_t j = 0; j < manifest->datasets[i].split_count; j++) {
            char key[256];
            snprintf(key, sizeof key, "%s.%s", manifest->datasets[i].name, manifest->datasets[i].splits[j].name);
            json_t *members = json_array();
            for (int64_t m = 0; m < data_members(&run->data, i); m++)
                json_array_append_new(members, json_integer(member_range(&run->data, i, m, j).count));
            json_object_set(splits, key, manifest->datasets[i].family ? members : json_array_get(members, 0));
            json_decref(members);
        }
    }
    json_object_set_new(json, "splits", splits);
    for (size_t i = 0; i < manifest->constant_count; i++)
        json_object_set_new(constants, manifest->constants[i].name, json_finite(run->program.constants[i]));
    json_object_set_new(json, "constants", constants);
    return write_json(run, "config.json", json);
}

/* The part of an event that has those names: metrics, or hyperparameters and their spreads. */
static json_t *pick_metrics(const Manifest *manifest, const json_t *event)
{
    json_t *picked = json_object();
    for (size_t i = 0; i < manifest->train->metric_count; i++) {
        const char *name = manifest->train->metrics[i].name;
        json_object_set(picked, name, json_object_get(event, name));
    }
    return picked;
}

static json_t *pick_hypers(const Manifest *manifest, const json_t *event)
{
    json_t *picked = json_object();
    for (size_t i = 0; i < manifest->hyper_count; i++) {
        char spread[256];
        snprintf(spread, sizeof spread, "%s.sigma", manifest->hypers[i].name);
        json_object_set(picked, manifest->hypers[i].name, json_object_get(event, manifest->hypers[i].name));
        json_object_set(picked, spread, json_object_get(event, spread));
    }
    return picked;
}

static json_t *describe_event(const Manifest *manifest, const json_t *event)
{
    return json_pack("{s:O*, s:O?, s:o, s:o}", "epoch", json_object_get(event, "epoch"), "step", json_object_get(event, "step"),
                     "metrics", pick_metrics(manifest, event), "hypers", pick_hypers(manifest, event));
}

bool result_write(const Run *run, const char *reason)
{
    const Manifest *manifest = run->manifest;
    const Position *position = &run->position;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    json_t *json = describe_run(run);
    json_object_set_new(json, "stopped_by", json_string(reason));
    if (!run->plan.in_steps)
        json_object_set_new(json, "epochs", json_finite(result_epochs(run, position->steps[0])));
    json_object_set_new(json, "steps", json_integer(position->steps[0]));
    for (size_t phase = 1; phase < run->plan.phases; phase++) {
        char key[256];
        snprintf(key, sizeof key, "steps.%.200s", manifest->train->phases[phase].name);
        json_object_set_new(json, key, json_integer(position->steps[phase]));
    }
    json_object_set_new(json, "seconds", json_finite(position->seconds));
    json_object_set_new(json, "steps_per_second", json_finite((double)position->steps[0] / position->seconds));
    json_object_set_new(json, "peak_rss_bytes", json_integer((json_int_t)usage.ru_maxrss * 1024));
    if (blas_core())
        json_object_set_new(json, "openblas", json_string(blas_core()));
    json_t *last = metrics_log_event(&run->log, position->evaluations - 1), *best = metrics_log_event(&run->log, position->best);
    json_object_set_new(json, "last", describe_event(manifest, last));
    json_t *described = describe_event(manifest, best);
    if (manifest->train->select >= 0) {
        json_object_set_new(described, "select", json_string(manifest->train->metrics[manifest->train->select].name));
        json_object_set_new(described, "value", json_finite(position->best_value));
    }
    json_object_set_new(json, "best", described);
    json_decref(last);
    json_decref(best);
    json_t *trials = trials_result(&run->trials);
    if (trials)
        json_object_set_new(json, "trials", trials);
    if (run->sweep.info)
        json_object_set_new(json, run->sweep.info->name, sweep_json(&run->sweep, &run->program));
    else
        events_add(&run->program, json);
    return write_json(run, "result.json", json);
}
