/* A front: a metric of several outputs, and every other metric, at each point. Where each point has a net of its own, a point is
 * measured when its net is at its end. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runtime/core/report.h"
#include "runtime/run/checkpoint.h"
#include "runtime/run/metrics_log.h"
#include "runtime/run/sweeps/sweeps.h"

/* How many numbers are measured at a point. */
static size_t figures(const Sweep *sweep)
{
    return sweep->info->output_count + sweep->metric_count - 1;
}

static size_t remembers(const SweepInfo *info, size_t metrics)
{
    return info->count * (info->output_count + metrics - 1);
}

static bool keeps_nets(const TrainInfo *train)
{
    return train->sweep->memory != NONE;
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

static void note_limits(const Sweep *sweep)
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

static void measure_front(Sweep *sweep, Evaluation *evaluations, const Program *program, size_t nets)
{
    bool each = keeps_nets(program->manifest->train);
    sweep->count = each ? nets : sweep->info->count;
    if (each && nets > 0) {
        sweep_set_point(sweep, program, nets - 1);
        measure(sweep, evaluations, program, nets - 1);
        remember(sweep, program, nets - 1);
    }
    for (size_t i = 0; !each && i < sweep->info->count; i++) {
        sweep_set_point(sweep, program, i);
        measure(sweep, evaluations, program, i);
    }
    judge(sweep);
}

/* Reads from a checkpoint what is no weight but belongs to the sweep: the counts of events, where it has them, and, where each
 * point has a net of its own, the point of this net, which it must have. Problems are reported. */
static bool load(const Sweep *sweep, const Program *program, const char *checkpoint)
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

static void add_indicators(const Sweep *sweep, json_t *object)
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

/* The other metrics, each a list of one number per point. */
static void add_metrics(const Sweep *sweep, json_t *object)
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
    add_metrics(sweep, metrics);
    json_object_set_new(json, "metrics", metrics);
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

static json_t *front_json(const Sweep *sweep, const Program *program)
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
    add_indicators(sweep, json);
    events_add(program, json);
    json_object_set_new(json, sweep_key(info->point_word, key), matrix_json(sweep->count, info->width, info->points));
    json_object_set_new(json, "points", matrix_json(sweep->count, info->output_count, sweep->values));
    json_object_set_new(json, "non_dominated", kept);
    add_other_metrics(sweep, json);
    return json;
}

static void add_event(const Sweep *sweep, json_t *event)
{
    add_indicators(sweep, event);
    add_metrics(sweep, event);
    json_object_set_new(event, sweep->info->name, matrix_json(sweep->count, sweep->info->output_count, sweep->values));
}

/* One net: outputs, split, its point and its values. */
static json_t *net_json(const Sweep *sweep, const double *point)
{
    json_t *json = describe(sweep->info);
    json_object_set_new(json, sweep->info->point_word, vector_json(sweep->info->width, point));
    json_object_set_new(json, "point", vector_json(sweep->info->output_count, sweep->values));
    add_other_metrics(sweep, json);
    return json;
}

static size_t columns(const TrainInfo *train, SweepAdd *add, void *to)
{
    const SweepInfo *info = train->sweep;
    char key[256];
    sweep_indicator_columns(info, add, to);
    for (size_t i = 0; i < info->output_count; i++) {
        snprintf(key, sizeof key, "%.120s.least", info->outputs[i]);
        add(to, SWEEP_COLUMN_RANGE, key);
        snprintf(key, sizeof key, "%.120s.largest", info->outputs[i]);
        add(to, SWEEP_COLUMN_RANGE, key);
    }
    return train->metric_count - 1;
}

/* ---- evaluation ---- */

/* The whole sweep, as the run that wrote the weights put it into its file. */
static void evaluate_all(Sweep *sweep, Evaluation *evaluations, const Program *program, bool as_json)
{
    const char *key;
    json_t *value;
    measure_front(sweep, evaluations, program, 0);
    if (program_failed())
        return;
    json_t *figures = json_object(), *json = as_json ? front_json(sweep, program) : NULL;
    add_indicators(sweep, figures);
    add_metrics(sweep, figures);
    note_limits(sweep);
    json_object_foreach(figures, key, value) if (!as_json) print_figure(key, value);
    if (json)
        print_json_line(program, json);
    json_decref(figures);
    json_decref(json);
}

/* Where each point has a net of its own: the file of weights holds one net, of the point that it was trained for. */
static void evaluate_net(Sweep *sweep, Evaluation *evaluations, const Program *program, bool as_json)
{
    const char *key;
    json_t *value;
    double point[MAX_OUTPUTS];
    program_read_reals(program, &program->manifest->states[sweep->info->state], point);
    sweep->count = 1;
    measure(sweep, evaluations, program, 0);
    if (program_failed())
        return;
    json_t *json = net_json(sweep, point), *metrics = json_object();
    add_metrics(sweep, metrics);
    if (as_json) {
        print_json_line(program, json);
    } else {
        print_figure(sweep->info->point_word, json_object_get(json, sweep->info->point_word));
        for (size_t i = 0; i < sweep->info->output_count; i++)
            print_figure(sweep->info->outputs[i], json_array_get(json_object_get(json, "point"), i));
        json_object_foreach(metrics, key, value) print_figure(key, value);
    }
    json_decref(json);
    json_decref(metrics);
}

static bool evaluate(Sweep *sweep, Evaluation *evaluations, const Program *program, const char *checkpoint, int point,
                     bool as_json)
{
    (void)point; /* a front has no flag for it */
    if (!load(sweep, program, checkpoint))
        return false;
    if (keeps_nets(program->manifest->train))
        evaluate_net(sweep, evaluations, program, as_json);
    else
        evaluate_all(sweep, evaluations, program, as_json);
    return !program_failed();
}

const SweepRule sweep_front = {.remembers = remembers,
                               .measure = measure_front,
                               .recall = measure_front,
                               .keeps_nets = keeps_nets,
                               .add_event = add_event,
                               .json = front_json,
                               .note_limits = note_limits,
                               .columns = columns,
                               .evaluate = evaluate};
