#include "runtime/run/evaluation.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/parallel.h"
#include "runtime/core/report.h"
#include "runtime/run/checkpoint.h"
#include "runtime/run/metrics_log.h"
#include "runtime/run/sweep.h"

static bool evaluation_open(Evaluation *evaluation, const Program *program, const Data *data, const MetricInfo *metric)
{
    static const char *const accumulate_inputs[] = {"index", "mask", "row.number", NULL}, *const finish_inputs[] = {NULL};
    const void *const *rows = (const void *const *)data->tables;
    evaluation->metric = metric;
    evaluation->rows = data->splits[metric->dataset][metric->split];
    if (!call_open(&evaluation->accumulate, program, metric->accumulate, rows, accumulate_inputs) ||
        !call_open(&evaluation->finish, program, metric->finish, rows, finish_inputs))
        return false;
    const TensorInfo *index = call_input_type(&evaluation->accumulate, "index");
    const TensorInfo *mask = call_input_type(&evaluation->accumulate, "mask");
    if (!index || index->dtype != DTYPE_I32 || !mask || mask->dtype != DTYPE_BOOL || mask->elements != index->elements)
        return report_internal("the function %s lacks the inputs index and mask", evaluation->accumulate.info->name);
    const TrainInfo *train = program->manifest->train;
    bool is_swept = train->sweep && metric == &train->metrics[train->sweep->metric];
    size_t outputs = is_swept ? train->sweep->output_count : 1;
    if (evaluation->finish.info->output_count != outputs)
        return report_internal("the function %s does not have %zu outputs", evaluation->finish.info->name, outputs);
    return true;
}

Evaluation *evaluations_open(const Program *program, const Data *data)
{
    const TrainInfo *train = program->manifest->train;
    Evaluation *evaluations = calloc(train->metric_count + 1, sizeof *evaluations);
    if (!evaluations) {
        report_error("out of memory");
        return NULL;
    }
    for (size_t i = 0; i < train->metric_count; i++) {
        if (!evaluation_open(&evaluations[i], program, data, &train->metrics[i])) {
            evaluations_close(evaluations, train->metric_count);
            return NULL;
        }
    }
    return evaluations;
}

void evaluations_close(Evaluation *evaluations, size_t count)
{
    for (size_t i = 0; evaluations && i < count; i++) {
        call_close(&evaluations[i].accumulate);
        call_close(&evaluations[i].finish);
    }
    free(evaluations);
}

static void zero_scratch_states(const Program *program)
{
    for (size_t i = 0; i < program->manifest->state_count; i++) {
        const StateInfo *state = &program->manifest->states[i];
        if (state->role == STATE_SCRATCH)
            memset(program_state(program, state), 0, state->tensor.bytes);
    }
}

double evaluation_run(Evaluation *evaluation, const Program *program)
{
    int32_t *index = call_input(&evaluation->accumulate, "index");
    unsigned char *mask = call_input(&evaluation->accumulate, "mask");
    int64_t batch = call_input_type(&evaluation->accumulate, "index")->elements;
    zero_scratch_states(program);
    for (int64_t done = 0; done < evaluation->rows.count; done += batch) {
        for (int64_t i = 0; i < batch; i++) {
            mask[i] = done + i < evaluation->rows.count;
            index[i] = (int32_t)(evaluation->rows.first + (mask[i] ? done + i : done));
        }
        call_set(&evaluation->accumulate, "row.number", (double)done);
        call_run(&evaluation->accumulate);
    }
    call_run(&evaluation->finish);
    return call_result(&evaluation->finish, 0, 0);
}

void evaluation_run_all(Evaluation *evaluation, const Program *program, double *values)
{
    evaluation_run(evaluation, program);
    for (size_t i = 0; i < evaluation->finish.info->output_count; i++)
        values[i] = call_result(&evaluation->finish, i, 0);
}

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

/* The whole sweep: what the run that wrote the weights put into its file. */
static void print_sweep(Sweep *sweep, Evaluation *evaluations, const Program *program, bool as_json)
{
    const char *key;
    json_t *value, *indicators = json_object();
    sweep_measure(sweep, evaluations, program, 0);
    if (program_failed()) {
        json_decref(indicators);
        return;
    }
    sweep_add_indicators(sweep, indicators);
    sweep_note_limits(sweep);
    json_object_foreach(indicators, key, value) if (!as_json)
        printf("%s %.6g\n", key, json_is_null(value) ? NAN : json_real_value(value));
    json_decref(indicators);
    json_t *json = as_json ? sweep_json(sweep, program) : NULL;
    if (json)
        print_json(program, json);
    json_decref(json);
}

/* Where each point has a net of its own, weights are one of them. */
static void print_net(const Sweep *sweep, Evaluation *evaluations, const Program *program, bool as_json)
{
    double point[MAX_OUTPUTS], values[MAX_OUTPUTS];
    sweep_measure_net(sweep, evaluations, program, point, values);
    if (program_failed())
        return;
    json_t *json = as_json ? sweep_net_json(sweep, point, values) : NULL;
    if (json)
        print_json(program, json);
    json_decref(json);
    if (as_json)
        return;
    printf("%s", sweep->info->point_word);
    for (size_t i = 0; i < sweep->info->width; i++)
        printf(" %.6g", point[i]);
    putchar('\n');
    for (size_t i = 0; i < sweep->info->output_count; i++)
        printf("%s %.6g\n", sweep->info->outputs[i], values[i]);
}

static bool print_swept(Evaluation *evaluations, const Program *program, const Options *options)
{
    Sweep sweep;
    bool fine = sweep_open(&sweep, program) && sweep_load(&sweep, program, options->weights);
    if (fine && sweep.info->memory != NONE)
        print_net(&sweep, evaluations, program, options->json);
    else if (fine)
        print_sweep(&sweep, evaluations, program, options->json);
    sweep_close(&sweep);
    return fine && !program_failed();
}

/* The states that are no weights (counters) begin as for a run with seed 0. */
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

/* What decides which examples are in which split: the seed of the run, where examples are shuffled. */
static bool find_seed(const Manifest *manifest, const char *weights, uint64_t *seed)
{
    bool shuffled = false;
    for (size_t i = 0; i < manifest->dataset_count; i++)
        shuffled |= manifest->datasets[i].shuffled;
    *seed = 0;
    return !shuffled || checkpoint_seed(weights, seed);
}

int evaluate_command(const Manifest *manifest, const Options *options)
{
    if (!manifest->train || manifest->train->metric_count == 0) {
        report_error("this model has no metrics to evaluate");
        return EXIT_FAILURE;
    }
    parallel_set_threads(options->threads ? options->threads : 1);
    Program program = {0};
    Data data = {0};
    Evaluation *evaluations = NULL;
    uint64_t seed;
    bool fine = program_open(&program, manifest) && find_seed(manifest, options->weights, &seed) &&
                data_load(&data, manifest, options->data, seed) && initialise(&program, &data) &&
                checkpoint_load_weights(options->weights, &program) && data_encode(&data, &program, false) &&
                (evaluations = evaluations_open(&program, &data));
    if (fine && manifest->train->sweep)
        fine = print_swept(evaluations, &program, options);
    else if (fine)
        fine = print_metrics(evaluations, &program, options->json);
    evaluations_close(evaluations, manifest->train->metric_count);
    data_free(&data);
    program_close(&program);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
