#include "runtime/run/sweep.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "indicators/indicators.h"
#include "runtime/core/report.h"
#include "runtime/run/checkpoint.h"
#include "runtime/run/metrics_log.h"

_Static_assert(MAX_OUTPUTS == (int)SWEEP_MOST_OUTPUTS && MAX_POINTS == (int)SWEEP_MOST_POINTS &&
                   MAX_ROWS == (int)INDICATOR_MOST_ROWS,
               "limits of indicators/indicators.h");

/* How many numbers are measured at a point. */
static size_t figures(const Sweep *sweep)
{
    return sweep->info->output_count + sweep->metric_count - 1;
}

bool sweep_open(Sweep *sweep, const Program *program)
{
    const TrainInfo *train = program->manifest->train;
    const SweepInfo *info = train->sweep;
    *sweep = (Sweep){.info = info, .metrics = train->metrics, .metric_count = train->metric_count};
    if (!info)
        return true;
    sweep->values = calloc(info->count * info->output_count, sizeof *sweep->values);
    sweep->others = calloc(info->count * train->metric_count, sizeof *sweep->others);
    sweep->memory = calloc(info->count * figures(sweep), sizeof *sweep->memory);
    sweep->indicators = calloc(info->indicator_count + 1, sizeof *sweep->indicators);
    return (sweep->values && sweep->others && sweep->memory && sweep->indicators) || report_error("out of memory");
}

void sweep_close(Sweep *sweep)
{
    free(sweep->values);
    free(sweep->others);
    free(sweep->memory);
    free(sweep->indicators);
    *sweep = (Sweep){0};
}

void sweep_set_point(const Sweep *sweep, const Program *program, size_t point)
{
    const SweepInfo *info = sweep->info;
    const StateInfo *states = program->manifest->states;
    program_write_reals(program, &states[info->state], 0, info->points + point * info->width, info->width);
    if (info->all != NONE)
        program_write_reals(program, &states[info->all], 0, info->points, info->point_numbers);
}

/* ---- indicators ---- */

/* The argument for the indicator at that place of the manifest. */
static Swept swept(const Sweep *sweep, size_t indicator)
{
    const SweepInfo *info = sweep->info;
    const IndicatorInfo *of = &info->indicators[indicator];
    return (Swept){.count = (unsigned)sweep->count,
                   .width = (unsigned)info->width,
                   .outputs = (unsigned)info->output_count,
                   .points = info->points,
                   .values = sweep->values,
                   .names = info->outputs,
                   .numbers = of->numbers,
                   .rows = (unsigned)(of->number_count / info->output_count)};
}

/* For the first output that is not finite at some point: at how many points it is not. 0: all are finite everywhere. */
static size_t undefined_points(const Sweep *sweep, size_t *output)
{
    size_t m = sweep->info->output_count, undefined = 0;
    for (*output = 0; *output < m; ++*output) {
        for (size_t i = 0; i < sweep->count; i++)
            undefined += !isfinite(sweep->values[i * m + *output]);
        if (undefined)
            break;
    }
    return undefined;
}

void sweep_note_limits(const Sweep *sweep)
{
    const SweepInfo *info = sweep->info;
    size_t output = 0, undefined = undefined_points(sweep, &output);
    if (undefined) {
        report_warning("no indicators of the %s: the %s '%s' is not a finite number at %zu of %zu points", info->name,
                       info->output_word, info->outputs[output], undefined, sweep->count);
        return;
    }
    for (size_t i = 0; i < info->indicator_count; i++) {
        const Indicator *indicator = indicator_of(info->indicators[i].kind);
        char text[INDICATOR_NOTE] = "";
        Swept what = swept(sweep, i);
        if (indicator->note)
            indicator->note(&what, sweep->indicators[i], text);
        if (*text)
            report_warning("%s", text);
    }
}

static void judge(Sweep *sweep)
{
    size_t which, undefined = undefined_points(sweep, &which);
    for (size_t i = 0; i < sweep->info->indicator_count; i++) {
        Swept what = swept(sweep, i);
        sweep->indicators[i] = undefined ? NAN : indicator_of(sweep->info->indicators[i].kind)->value(&what);
    }
}

/* ---- measures ---- */

/* Measures the point at hand, as results number `at`. */
static void measure(Sweep *sweep, Evaluation *evaluations, const Program *program, size_t at)
{
    double *other = sweep->others + at * (sweep->metric_count - 1);
    for (size_t i = 0; i < sweep->metric_count; i++) {
        if (i == sweep->info->metric)
            evaluation_run_all(&evaluations[i], program, sweep->values + at * sweep->info->output_count);
        else
            *other++ = evaluation_run(&evaluations[i], program);
    }
}

/* Remembers the results of the net that was just trained, and recalls those of the nets before it. */
static void remember(Sweep *sweep, const Program *program, size_t net)
{
    const StateInfo *state = &program->manifest->states[sweep->info->memory];
    size_t m = sweep->info->output_count, others = sweep->metric_count - 1, width = figures(sweep);
    program_write_reals(program, state, net * width, sweep->values + net * m, m);
    program_write_reals(program, state, net * width + m, sweep->others + net * others, others);
    program_read_reals(program, state, sweep->memory);
    for (size_t i = 0; i <= net; i++) {
        memcpy(sweep->values + i * m, sweep->memory + i * width, m * sizeof *sweep->values);
        memcpy(sweep->others + i * others, sweep->memory + i * width + m, others * sizeof *sweep->others);
    }
}

void sweep_measure(Sweep *sweep, Evaluation *evaluations, const Program *program, size_t trained)
{
    const SweepInfo *info = sweep->info;
    bool each = info->memory != NONE && !info->rounds;
    if (info->rounds) {
        sweep->count = trained ? trained : info->count;
        for (size_t i = 0; i < sweep->count; i++) {
            sweep_set_point(sweep, program, i);
            measure(sweep, evaluations, program, i);
        }
        sweep_set_point(sweep, program, sweep->count - 1);
        judge(sweep);
        return;
    }
    sweep->count = each ? trained : info->count;
    if (each && trained > 0) {
        sweep_set_point(sweep, program, trained - 1);
        measure(sweep, evaluations, program, trained - 1);
        remember(sweep, program, trained - 1);
    }
    for (size_t i = 0; !each && i < info->count; i++) {
        sweep_set_point(sweep, program, i);
        measure(sweep, evaluations, program, i);
    }
    judge(sweep);
}

void sweep_measure_net(Sweep *sweep, Evaluation *evaluations, const Program *program, double *point)
{
    program_read_reals(program, &program->manifest->states[sweep->info->state], point);
    sweep->count = 1;
    measure(sweep, evaluations, program, 0);
}

bool sweep_load(const Sweep *sweep, const Program *program, const char *checkpoint)
{
    const Manifest *manifest = program->manifest;
    const StateInfo *point = &manifest->states[sweep->info->state];
    bool found;
    for (size_t i = 0; i < manifest->train->event_count; i++)
        if (!checkpoint_load_state(checkpoint, program, &manifest->states[manifest->train->events[i]], &found))
            return false;
    if (sweep->info->memory == NONE)
        return true;
    return checkpoint_load_state(checkpoint, program, point, &found) &&
           (found || report_error("%s: lacks %s, the %s that its net was trained for", checkpoint, point->tensor.name,
                                  sweep->info->point_word));
}

/* ---- as JSON ---- */

void sweep_add_indicators(const Sweep *sweep, json_t *object)
{
    const SweepInfo *info = sweep->info;
    double low[MAX_OUTPUTS], high[MAX_OUTPUTS];
    for (size_t i = 0; i < info->indicator_count; i++)
        json_object_set_new(object, indicator_names[info->indicators[i].kind], json_finite(sweep->indicators[i]));
    objective_ranges((unsigned)info->output_count, (unsigned)sweep->count, sweep->values, low, high);
    for (size_t i = 0; i < info->output_count; i++) {
        char key[256];
        snprintf(key, sizeof key, "%.240s.least", info->outputs[i]);
        json_object_set_new(object, key, json_finite(low[i]));
        snprintf(key, sizeof key, "%.240s.largest", info->outputs[i]);
        json_object_set_new(object, key, json_finite(high[i]));
    }
}

static json_t *vector_json(size_t count, const double *values)
{
    json_t *vector = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(vector, json_finite(values[i]));
    return vector;
}

static json_t *matrix_json(size_t rows, size_t columns, const double *values)
{
    json_t *matrix = json_array();
    for (size_t i = 0; i < rows; i++)
        json_array_append_new(matrix, vector_json(columns, values + i * columns));
    return matrix;
}

void sweep_add_metrics(const Sweep *sweep, json_t *object)
{
    size_t others = sweep->metric_count - 1, place = 0;
    for (size_t i = 0; i < sweep->metric_count; i++) {
        if (i == sweep->info->metric)
            continue;
        json_t *list = json_array();
        for (size_t k = 0; k < sweep->count; k++)
            json_array_append_new(list, json_finite(sweep->others[k * others + place]));
        json_object_set_new(object, sweep->metrics[i].name, list);
        place++;
    }
}

/* The same under a key of their own, if there are any. */
static void add_other_metrics(const Sweep *sweep, json_t *json)
{
    if (sweep->metric_count < 2)
        return;
    json_t *metrics = json_object();
    sweep_add_metrics(sweep, metrics);
    json_object_set_new(json, "metrics", metrics);
}

/* How often each event happened, under the last part of its state's name. */
static void add_events(const Program *program, json_t *object)
{
    const TrainInfo *train = program->manifest->train;
    for (size_t i = 0; i < train->event_count; i++) {
        const StateInfo *state = &program->manifest->states[train->events[i]];
        const char *slash = strrchr(state->tensor.name, '/');
        int32_t count;
        memcpy(&count, program_state(program, state), sizeof count);
        json_object_set_new(object, slash ? slash + 1 : state->tensor.name, json_integer(count));
    }
}

const char *sweep_key(const char *word, char text[static SWEEP_KEY])
{
    snprintf(text, SWEEP_KEY, "%.60ss", word);
    return text;
}

/* What is measured, and on which split. */
static json_t *describe(const SweepInfo *info)
{
    json_t *json = json_object(), *outputs = json_array();
    char key[SWEEP_KEY];
    for (size_t i = 0; i < info->output_count; i++)
        json_array_append_new(outputs, json_string(info->outputs[i]));
    json_object_set_new(json, sweep_key(info->output_word, key), outputs);
    if (info->solver)
        json_object_set_new(json, "solver", json_string(info->solver));
    json_object_set_new(json, "split", json_string(info->on));
    return json;
}

/* The points that indicators take as their argument. */
static void add_references(const Sweep *sweep, json_t *json)
{
    const SweepInfo *info = sweep->info;
    for (size_t i = 0; i < info->indicator_count; i++) {
        const IndicatorInfo *of = &info->indicators[i];
        const Indicator *indicator = indicator_of(of->kind);
        double better[MAX_OUTPUTS];
        Swept what = swept(sweep, i);
        if (indicator_arguments[of->kind] != ARGUMENT_POINT)
            continue;
        json_object_set_new(json, "reference", vector_json(info->output_count, of->numbers));
        if (indicator->suggest && indicator->suggest(&what, sweep->indicators[i], better)) {
            json_object_set_new(json, "beyond_reference", json_true());
            json_object_set_new(json, "suggested_reference", vector_json(info->output_count, better));
        }
    }
}

/* What the classes of each field are called, where they are more than the numbers from 0 on. */
static void add_classes(const Manifest *manifest, json_t *json)
{
    json_t *named = json_object();
    char number[CLASS_TEXT_SIZE];
    for (size_t i = 0; i < manifest->field_count; i++) {
        const FieldInfo *field = &manifest->fields[i];
        if (field->index || !field->classes || !strcmp(manifest_class(manifest, i, 0, number), "0"))
            continue;
        json_t *classes = json_array();
        for (int64_t k = 0; k < field->classes; k++)
            json_array_append_new(classes, json_string(manifest_class(manifest, i, k, number)));
        json_object_set_new(named, field->tensor.name, classes);
    }
    if (json_object_size(named))
        json_object_set(json, "classes", named);
    json_decref(named);
}

json_t *sweep_json(const Sweep *sweep, const Program *program)
{
    const SweepInfo *info = sweep->info;
    json_t *json = describe(info), *kept = json_array();
    bool keep[MAX_POINTS];
    char key[SWEEP_KEY];
    non_dominated((unsigned)info->output_count, (unsigned)sweep->count, sweep->values, keep);
    for (size_t i = 0; i < sweep->count; i++)
        json_array_append_new(kept, json_boolean(keep[i]));
    add_classes(program->manifest, json);
    add_references(sweep, json);
    sweep_add_indicators(sweep, json);
    add_events(program, json);
    json_object_set_new(json, sweep_key(info->point_word, key), matrix_json(sweep->count, info->width, info->points));
    json_object_set_new(json, "points", matrix_json(sweep->count, info->output_count, sweep->values));
    json_object_set_new(json, "non_dominated", kept);
    add_other_metrics(sweep, json);
    return json;
}

json_t *sweep_values_json(const Sweep *sweep)
{
    return matrix_json(sweep->count, sweep->info->output_count, sweep->values);
}

json_t *sweep_net_json(const Sweep *sweep, const double *point)
{
    json_t *json = describe(sweep->info);
    json_object_set_new(json, sweep->info->point_word, vector_json(sweep->info->width, point));
    json_object_set_new(json, "point", vector_json(sweep->info->output_count, sweep->values));
    add_other_metrics(sweep, json);
    return json;
}
