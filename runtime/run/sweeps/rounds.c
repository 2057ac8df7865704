/* Rounds: the points are learned one after the other, in round r point r. Each measure gives every metric at each point learned
 * so far (or at all points, where indicators ask for it, and then also once before the first round) and belongs to the round at
 * hand, whose latest results are one row of a matrix. A state holds the matrix, so that a run that is resumed has all of it.
 * Where each round begins with first weights, a point that is learned keeps the results of its own net. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runtime/core/report.h"
#include "runtime/run/checkpoint.h"
#include "runtime/run/metrics_log.h"
#include "runtime/run/screen.h"
#include "runtime/run/sweeps/sweeps.h"

/* Numbers of one round. */
static size_t row_size(const Sweep *sweep)
{
    return sweep->info->count * sweep->metric_count;
}

static size_t remembers(const SweepInfo *info, size_t metrics)
{
    return info->count * info->count * metrics;
}

/* The result of a round; of round -1: before the first. */
static double result(const Sweep *sweep, ptrdiff_t round, size_t point, size_t metric)
{
    const double *row = round < 0 ? sweep->first : sweep->memory + (size_t)round * row_size(sweep);
    return row[point * sweep->metric_count + metric];
}

static const StateInfo *state_of(const Program *program, int state)
{
    return &program->manifest->states[state];
}

static void forget(const Program *program, int state)
{
    const double nothing = NAN;
    for (int64_t i = 0; i < state_of(program, state)->tensor.elements; i++)
        program_write_reals(program, state_of(program, state), (size_t)i, &nothing, 1);
}

static void begin(const Sweep *sweep, const Program *program)
{
    forget(program, sweep->info->memory);
    if (sweep->info->first != NONE)
        forget(program, sweep->info->first);
}

/* ---- measures ---- */

static Swept swept(const Sweep *sweep, size_t metric)
{
    return (Swept){.count = (unsigned)sweep->info->count,
                   .width = (unsigned)sweep->info->width,
                   .outputs = 1,
                   .points = sweep->info->points,
                   .learned = (unsigned)sweep->count,
                   .matrix = sweep->memory + metric,
                   .first = sweep->first + metric,
                   .stride = (unsigned)sweep->metric_count,
                   .larger = sweep->metrics[metric].larger};
}

static double judge(const Sweep *sweep, size_t indicator, size_t metric)
{
    Swept what = swept(sweep, metric);
    return sweep->count ? indicator_of(sweep->info->indicators[indicator].kind)->value(&what) : NAN;
}

/* From the states, whose numbers are rounded to the precision of the model: a run that is resumed has equal ones. */
static void recall(Sweep *sweep, Evaluation *evaluations, const Program *program, size_t nets)
{
    const SweepInfo *info = sweep->info;
    (void)evaluations;
    sweep->count = nets < info->count ? nets : info->count;
    program_read_reals(program, state_of(program, info->memory), sweep->memory);
    if (info->first != NONE)
        program_read_reals(program, state_of(program, info->first), sweep->first);
    for (size_t i = 0; i < info->indicator_count; i++)
        sweep->indicators[i] = judge(sweep, i, info->metric);
}

/* Every metric at that point. */
static void measure_point(const Sweep *sweep, Evaluation *evaluations, const Program *program, size_t point, double *results)
{
    sweep_set_point(sweep, program, point);
    for (size_t k = 0; k < sweep->metric_count; k++)
        results[k] = evaluation_run(&evaluations[k], program);
}

/* Weights are forgotten between rounds: the net at hand is that of the latest point alone. */
static bool keeps_nets(const TrainInfo *train)
{
    bool own = false;
    for (size_t i = 0; i < train->act_count; i++)
        own |= train->acts[i].kind == ACT_RESET && train->acts[i].lifetime >= LIFETIME_NET;
    return own;
}

static void measure(Sweep *sweep, Evaluation *evaluations, const Program *program, size_t nets)
{
    const SweepInfo *info = sweep->info;
    bool all = info->first != NONE, own = keeps_nets(program->manifest->train);
    size_t learned = nets < info->count ? nets : info->count, points = all ? info->count : learned;
    const StateInfo *state = learned ? state_of(program, info->memory) : all ? state_of(program, info->first) : NULL;
    size_t row = learned ? (learned - 1) * row_size(sweep) : 0;
    program_read_reals(program, state_of(program, info->memory), sweep->memory);
    for (size_t i = 0; state && i < points; i++) {
        double *results = sweep->others; /* [count][metrics - 1] and more: room for one point */
        if (own && i + 1 < learned)
            memcpy(results, sweep->memory + row - row_size(sweep) + i * sweep->metric_count,
                   sweep->metric_count * sizeof *results);
        else
            measure_point(sweep, evaluations, program, i, results);
        program_write_reals(program, state, row + i * sweep->metric_count, results, sweep->metric_count);
    }
    sweep_set_point(sweep, program, learned ? learned - 1 : 0);
    recall(sweep, evaluations, program, nets);
}

static void note_limits(const Sweep *sweep)
{
    for (size_t k = 0; k < sweep->metric_count; k++)
        for (size_t i = 0; i < sweep->count; i++)
            if (!isfinite(result(sweep, (ptrdiff_t)sweep->count - 1, i, k))) {
                report_warning("%s is not a finite number at %s %zu", sweep->metrics[k].name, sweep->info->point_word, i);
                break;
            }
}

/* ---- as JSON ---- */

/* One number per point: of all points where all are measured, otherwise of those learned. */
static json_t *row_json(const Sweep *sweep, ptrdiff_t round, size_t metric)
{
    json_t *row = json_array();
    for (size_t i = 0; i < sweep->info->count; i++)
        json_array_append_new(row, json_finite(result(sweep, round, i, metric)));
    return row;
}

static json_t *metric_json(const Sweep *sweep, size_t metric)
{
    json_t *json = json_object(), *matrix = json_array();
    for (size_t round = 0; round < sweep->count; round++)
        json_array_append_new(matrix, row_json(sweep, (ptrdiff_t)round, metric));
    json_object_set_new(json, "better", json_string(sweep->metrics[metric].larger ? "more" : "less"));
    if (sweep->info->first != NONE)
        json_object_set_new(json, "first", row_json(sweep, -1, metric));
    json_object_set_new(json, "matrix", matrix);
    if (sweep->count)
        json_object_set_new(json, "final", row_json(sweep, (ptrdiff_t)sweep->count - 1, metric));
    for (size_t i = 0; i < sweep->info->indicator_count; i++)
        json_object_set_new(json, indicator_names[sweep->info->indicators[i].kind], json_finite(judge(sweep, i, metric)));
    return json;
}

static json_t *rounds_json(const Sweep *sweep, const Program *program)
{
    json_t *json = json_object(), *metrics = json_object();
    char key[SWEEP_KEY];
    json_object_set_new(json, sweep_key(sweep->info->point_word, key), json_integer((json_int_t)sweep->info->count));
    json_object_set_new(json, "learned", json_integer((json_int_t)sweep->count));
    for (size_t k = 0; k < sweep->metric_count; k++)
        json_object_set_new(metrics, sweep->metrics[k].name, metric_json(sweep, k));
    json_object_set_new(json, "metrics", metrics);
    events_add(program, json);
    return json;
}

/* The point at hand, the results of this measure, and the indicators of the first metric. */
static void add_event(const Sweep *sweep, json_t *event)
{
    const SweepInfo *info = sweep->info;
    if (sweep->count)
        json_object_set_new(event, info->point_word, json_integer((json_int_t)sweep->count - 1));
    for (size_t k = 0; k < sweep->metric_count; k++)
        json_object_set_new(event, sweep->metrics[k].name, row_json(sweep, (ptrdiff_t)sweep->count - 1, k));
    for (size_t i = 0; i < info->indicator_count; i++) /* some are defined from the second point on */
        if (sweep->count > 1 || isfinite(sweep->indicators[i]))
            json_object_set_new(event, indicator_names[info->indicators[i].kind], json_finite(sweep->indicators[i]));
}

static size_t columns(const TrainInfo *train, SweepAdd *add, void *to)
{
    for (size_t k = 0; k < train->metric_count; k++)
        add(to, SWEEP_COLUMN_METRIC, train->metrics[k].name);
    sweep_indicator_columns(train->sweep, add, to);
    return 0;
}

/* ---- the table at the end ---- */

enum { INDENT = 2, ROW_HEAD = 9, WIDEST = 10, NARROWEST = 7, MOST_CELLS = 12, NUMBER_SIZE = 32 };

/* How the matrix is shown: all of it, or without points in its middle. */
typedef struct Shape {
    size_t shown;
    int width; /* of a cell, with the blank before it */
} Shape;

static Shape shape_of(const Sweep *sweep)
{
    size_t count = sweep->info->count;
    int room = screen_columns() - INDENT - ROW_HEAD, width = room / (int)count, fits = room / NARROWEST;
    if (count <= MOST_CELLS && width >= NARROWEST)
        return (Shape){count, width > WIDEST ? WIDEST : width};
    return (Shape){fits < MOST_CELLS ? (size_t)fits : MOST_CELLS, NARROWEST};
}

/* The point in that place of a row; the place in which ".." stands for the points that are left out: *skipped. */
static size_t point_at(const Sweep *sweep, Shape shape, size_t place, bool *skipped)
{
    size_t count = sweep->info->count, half = (shape.shown - 1) / 2;
    *skipped = shape.shown < count && place == half;
    return shape.shown == count || place <= half ? place : count - shape.shown + place;
}

/* As many digits, up to four, as a cell has room for. */
static void print_cell(double value, bool measured, int width)
{
    char text[NUMBER_SIZE] = "-";
    for (int digits = 4; measured && digits > 0; digits--)
        if (snprintf(text, sizeof text, "%.*g", digits, value) < width)
            break;
    printf("%*s", width, text);
}

static void print_row(const Sweep *sweep, Shape shape, const char *head, ptrdiff_t round)
{
    printf("%*s%-*s", INDENT, "", ROW_HEAD, head);
    for (size_t place = 0; place < shape.shown; place++) {
        bool skipped;
        size_t point = point_at(sweep, shape, place, &skipped);
        bool measured = round < 0 || (size_t)round >= point || sweep->info->first != NONE;
        if (skipped)
            printf("%*s", shape.width, "..");
        else
            print_cell(result(sweep, round, point, sweep->info->metric), measured, shape.width);
    }
    putchar('\n');
}

/* The matrix of the first metric: a row per round, a column per point. */
static void print(const Sweep *sweep)
{
    const SweepInfo *info = sweep->info;
    const MetricInfo *metric = &sweep->metrics[info->metric];
    Shape shape = shape_of(sweep);
    bool skipped;
    if (!sweep->count)
        return;
    screen_field("results", "%s of each %s (column) after each %s (row); %s is better", metric->name, info->point_word,
                 info->point_word, metric->larger ? "more" : "less");
    printf("%*s%-*s", INDENT, "", ROW_HEAD, info->point_word);
    for (size_t place = 0; place < shape.shown; place++) {
        char number[NUMBER_SIZE];
        size_t point = point_at(sweep, shape, place, &skipped);
        snprintf(number, sizeof number, "%zu", point);
        printf("%*s", shape.width, skipped ? ".." : number);
    }
    putchar('\n');
    if (info->first != NONE)
        print_row(sweep, shape, "before", -1);
    for (size_t place = 0; place < shape.shown; place++) {
        char head[NUMBER_SIZE];
        size_t round = point_at(sweep, shape, place, &skipped);
        snprintf(head, sizeof head, "after %zu", round);
        if (skipped)
            printf("%*s..\n", INDENT, "");
        else if (round < sweep->count)
            print_row(sweep, shape, head, (ptrdiff_t)round);
    }
}

/* ---- evaluation ---- */

static bool has_results(const Sweep *sweep, size_t round)
{
    for (size_t i = 0; i < row_size(sweep); i++)
        if (!isnan(sweep->memory[round * row_size(sweep) + i]))
            return true;
    return false;
}

/* How many points the run that wrote a checkpoint had begun to learn, by the results that it holds; all where it holds none. */
static size_t count_learned(const Sweep *sweep)
{
    size_t learned = sweep->info->count;
    while (learned > 0 && !has_results(sweep, learned - 1))
        learned--;
    return learned ? learned : sweep->info->count;
}

static bool load(Sweep *sweep, const Program *program, const char *checkpoint)
{
    bool found;
    const SweepInfo *info = sweep->info;
    begin(sweep, program);
    if (!checkpoint_load_state(checkpoint, program, state_of(program, info->memory), &found) ||
        (info->first != NONE && !checkpoint_load_state(checkpoint, program, state_of(program, info->first), &found)))
        return false;
    recall(sweep, NULL, program, info->count);
    return true;
}

static void evaluate_point(Sweep *sweep, Evaluation *evaluations, const Program *program, size_t point, bool as_json)
{
    json_t *metrics = json_object();
    measure_point(sweep, evaluations, program, point, sweep->others);
    for (size_t k = 0; k < sweep->metric_count; k++) {
        json_object_set_new(metrics, sweep->metrics[k].name, json_finite(sweep->others[k]));
        if (!as_json && !program_failed())
            print_figure(sweep->metrics[k].name, json_object_get(metrics, sweep->metrics[k].name));
    }
    json_t *json = json_pack("{s:I, s:O}", sweep->info->point_word, (json_int_t)point, "metrics", metrics);
    if (as_json && !program_failed())
        print_json_line(program, json);
    json_decref(json);
    json_decref(metrics);
}

static void evaluate_all(Sweep *sweep, Evaluation *evaluations, const Program *program, bool as_json)
{
    measure(sweep, evaluations, program, count_learned(sweep));
    if (program_failed())
        return;
    json_t *json = as_json ? rounds_json(sweep, program) : NULL;
    if (json)
        print_json_line(program, json);
    json_decref(json);
    for (size_t k = 0; !as_json && k < sweep->metric_count; k++) {
        printf("%s", sweep->metrics[k].name);
        for (size_t i = 0; i < (sweep->info->first != NONE ? sweep->info->count : sweep->count); i++)
            printf(" %.6g", result(sweep, (ptrdiff_t)sweep->count - 1, i, k));
        putchar('\n');
    }
    for (size_t i = 0; !as_json && i < sweep->info->indicator_count; i++) {
        const char *name = indicator_names[sweep->info->indicators[i].kind];
        if (isfinite(sweep->indicators[i]))
            printf("%s %.6g\n", name, sweep->indicators[i]);
        else
            report_note("there is no %s: a result that it needs is not finite, or not in the weights' file", name);
    }
    note_limits(sweep);
}

static bool evaluate(Sweep *sweep, Evaluation *evaluations, const Program *program, const char *checkpoint, int point,
                     bool as_json)
{
    if (!load(sweep, program, checkpoint))
        return false;
    if (point == NONE)
        evaluate_all(sweep, evaluations, program, as_json);
    else
        evaluate_point(sweep, evaluations, program, (size_t)point, as_json);
    return !program_failed();
}

const SweepRule sweep_rounds = {.in_rounds = true,
                                .remembers = remembers,
                                .begin = begin,
                                .measure = measure,
                                .recall = recall,
                                .keeps_nets = keeps_nets,
                                .add_event = add_event,
                                .json = rounds_json,
                                .note_limits = note_limits,
                                .print = print,
                                .columns = columns,
                                .evaluate = evaluate};
