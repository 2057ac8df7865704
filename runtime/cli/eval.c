/* `OUT eval` prints the metrics of the train on whole splits, with the weights of a file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cli/commands.h"
#include "runtime/cli/conditions.h"
#include "runtime/core/parallel.h"
#include "runtime/core/report.h"
#include "runtime/data/encode.h"
#include "runtime/data/family.h"
#include "runtime/run/checkpoint.h"
#include "runtime/run/folder.h"
#include "runtime/run/metrics_log.h"
#include "runtime/run/sweep.h"

static void print_json(const Program *program, const json_t *json)
{
    json_dumpf(json, stdout, JSON_REAL_PRECISION(program->manifest->real == DTYPE_F64 ? 17 : 9));
    putchar('\n');
}

static bool print_metrics(Evaluation *evaluations, const Program *program, bool as_json)
{
    const TrainInfo *train = program->manifest->train;
    json_t *values = json_object();
    for (size_t i = 0; i < train->metric_count; i++) {
        double value = evaluation_run(&evaluations[i], program);
        if (program_failed())
            break;
        json_object_set_new(values, train->metrics[i].name, json_finite(value));
        if (!as_json)
            printf("%s %.6g\n", train->metrics[i].name, value);
    }
    if (as_json && !program_failed())
        print_json(program, values);
    json_decref(values);
    return !program_failed();
}

static bool print_swept(Evaluation *evaluations, const Program *program, const char *weights, int point, bool as_json)
{
    Sweep sweep;
    bool fine = sweep_open(&sweep, program) && sweep_evaluate(&sweep, evaluations, program, weights, point, as_json);
    sweep_close(&sweep);
    return fine;
}

/* States other than weights (counters) begin as in a run with seed 0. */
static bool initialise(const Program *program, const Data *data)
{
    static const char *const inputs[] = {"epoch_steps", "total_steps", NULL};
    Call init;
    if (!call_open(&init, program, program->manifest->train->init, (const void *const *)data->tables, inputs))
        return false;
    call_set(&init, "epoch_steps", 1);
    call_set(&init, "total_steps", 1);
    call_run(&init);
    call_close(&init);
    return true;
}

/* The seed of the run: it decides which examples are in which split where they are shuffled, in which order elements stand where
 * they are permuted, and which numbers are drawn where rows are computed. */
static bool find_seed(const Manifest *manifest, const char *weights, uint64_t *seed)
{
    bool drawn = false;
    for (size_t i = 0; i < manifest->dataset_count; i++) {
        const DatasetInfo *dataset = &manifest->datasets[i];
        drawn |= dataset->shuffled || dataset->maker_count || (dataset->family && family_rules[dataset->family->kind]->drawn);
    }
    *seed = 0;
    return !drawn || checkpoint_seed(weights, seed);
}

/* Where data are missing and nothing says in which folder they are: the folder that the run of the weights read, if its
 * config.json lies beside them. */
static void note_data_folder(const char *weights)
{
    char *path = NULL;
    const char *slash = strrchr(weights, '/');
    int length = slash ? (int)(slash - weights) : 1;
    if (asprintf(&path, "%.*s/config.json", length, slash ? weights : ".") < 0)
        return;
    json_t *config = json_load_file(path, 0, NULL);
    const char *data = json_string_value(json_object_get(config, "data"));
    if (data)
        report_note("the run that wrote %s read its data from the folder %s: --data %s", weights, data, data);
    json_decref(config);
    free(path);
}

int command_eval(const Manifest *manifest, const Options *options)
{
    if (!manifest->train || manifest->train->metric_count == 0) {
        report_error("this model has no metrics to evaluate");
        return EXIT_FAILURE;
    }
    int point;
    char *weights = options->weights ? strdup(options->weights) : folder_newest_weights(manifest, "eval");
    if (!weights || !give_sweep_point(manifest, options, &point))
        return EXIT_FAILURE;
    parallel_set_threads(options->run.threads ? options->run.threads : 1);
    Program program = {0};
    Data data = {0};
    Evaluation *evaluations = NULL;
    uint64_t seed;
    bool fine = program_open(&program, manifest) && find_seed(manifest, weights, &seed);
    bool loaded = fine && data_load(&data, manifest, options->run.data, seed);
    if (fine && !loaded && options->here)
        note_data_folder(weights);
    fine = loaded && initialise(&program, &data) && sweep_load_weights(weights, &program) &&
           data_encode(&data, &program, false) && (evaluations = evaluations_open(&program, &data));
    if (fine && manifest->train->sweep)
        fine = print_swept(evaluations, &program, weights, point, options->json);
    else if (fine)
        fine = print_metrics(evaluations, &program, options->json);
    evaluations_close(evaluations, manifest->train->metric_count);
    data_free(&data);
    program_close(&program);
    free(weights);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
