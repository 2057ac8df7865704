#include "runtime/run/evaluation.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/core/report.h"

static bool open_pass(Call *call, const Program *program, int function, const void *const *rows)
{
    static const char *const inputs[] = {"index", "mask", "row.number", "begins", NULL};
    if (!call_open(call, program, function, rows, inputs))
        return false;
    const TensorInfo *index = call_input_type(call, "index"), *mask = call_input_type(call, "mask");
    if (!index || index->dtype != DTYPE_I32 || !mask || mask->dtype != DTYPE_BOOL || mask->elements != index->elements)
        return report_internal("the function %s lacks the inputs index and mask", call->info->name);
    return true;
}

/* The rows that the function takes at once. */
static int64_t batch_of(const FunctionInfo *function)
{
    const TensorInfo *index = function_input(function, "index");
    return index ? index->elements : 0;
}

static bool open_reading(Evaluation *evaluation, const Program *program, const Data *data, const MetricInfo *metric)
{
    int64_t batch = 0;
    for (size_t pass = 0; pass < metric->accumulate_count; pass++) {
        int64_t own = batch_of(&program->manifest->functions[metric->accumulate[pass]]);
        batch = own > batch ? own : batch;
    }
    return reading_open(&evaluation->reading, program, data, metric->dataset, metric->split, metric->member,
                        metric->member_condition, batch);
}

static bool evaluation_open(Evaluation *evaluation, const Program *program, const Data *data, const MetricInfo *metric)
{
    static const char *const finish_inputs[] = {NULL};
    evaluation->metric = metric;
    if (!open_reading(evaluation, program, data, metric))
        return false;
    const void *const *rows = evaluation->reading.tables;
    evaluation->accumulate = calloc(metric->accumulate_count + 1, sizeof *evaluation->accumulate);
    if (!evaluation->accumulate)
        return report_error("out of memory");
    for (size_t pass = 0; pass < metric->accumulate_count; pass++) {
        evaluation->passes++;
        if (!open_pass(&evaluation->accumulate[pass], program, (int)metric->accumulate[pass], rows))
            return false;
    }
    if (!call_open(&evaluation->finish, program, metric->finish, rows, finish_inputs))
        return false;
    const TrainInfo *train = program->manifest->train;
    bool is_swept = train->sweep && metric == &train->metrics[train->sweep->metric];
    size_t last = metric->output + (is_swept ? train->sweep->output_count - 1 : 0);
    if (evaluation->finish.info->output_count <= last)
        return report_internal("the function %s does not have %zu outputs", evaluation->finish.info->name, last + 1);
    return true;
}

/* Whether both are outputs of the same functions over the same rows, whenever one of them is measured. */
static bool is_same_pass(const MetricInfo *a, const MetricInfo *b)
{
    bool same = a->finish == b->finish && a->accumulate_count == b->accumulate_count && a->dataset == b->dataset &&
                a->split == b->split && a->member == b->member && a->member_condition == b->member_condition &&
                a->pointless == b->pointless;
    return same && !memcmp(a->accumulate, b->accumulate, a->accumulate_count * sizeof *a->accumulate);
}

static const Evaluation *computed_with(const Evaluation *evaluations, const MetricInfo *metric)
{
    for (const Evaluation *earlier = evaluations; earlier->metric; earlier++)
        if (!earlier->with && is_same_pass(earlier->metric, metric))
            return earlier;
    return NULL;
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
        const Evaluation *with = computed_with(evaluations, &train->metrics[i]);
        if (with) {
            evaluations[i] = (Evaluation){.metric = &train->metrics[i], .with = with};
            continue;
        }
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
        for (size_t pass = 0; pass < evaluations[i].passes; pass++)
            call_close(&evaluations[i].accumulate[pass]);
        free(evaluations[i].accumulate);
        call_close(&evaluations[i].finish);
        reading_close(&evaluations[i].reading);
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

static void run_pass(Call *accumulate, const Reading *reading, int64_t member)
{
    RowRange rows = reading_range(reading, member);
    int32_t *index = call_input(accumulate, "index");
    unsigned char *mask = call_input(accumulate, "mask");
    int64_t batch = call_input_type(accumulate, "index")->elements;
    for (int64_t done = 0; done < rows.count; done += batch) {
        for (int64_t i = 0; i < batch; i++) {
            mask[i] = done + i < rows.count;
            index[i] = (int32_t)(rows.first + (mask[i] ? done + i : done));
        }
        reading_take(reading, member, index, batch, 0);
        call_set(accumulate, "row.number", (double)done);
        call_set(accumulate, "begins", done == 0);
        call_run(accumulate);
    }
}

double evaluation_run(Evaluation *evaluation, const Program *program)
{
    size_t output = evaluation->metric->output;
    if (evaluation->with)
        return call_result(&evaluation->with->finish, output, 0);
    zero_scratch_states(program);
    int64_t member = reading_member(&evaluation->reading);
    for (size_t pass = 0; pass < evaluation->passes; pass++)
        run_pass(&evaluation->accumulate[pass], &evaluation->reading, member);
    call_run(&evaluation->finish);
    return call_result(&evaluation->finish, output, 0);
}

void evaluation_run_all(Evaluation *evaluation, const Program *program, double *values)
{
    evaluation_run(evaluation, program);
    for (size_t i = 0; i < evaluation->finish.info->output_count; i++)
        values[i] = call_result(&evaluation->finish, i, 0);
}
