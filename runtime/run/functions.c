#include "runtime/run/functions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/report.h"
#include "runtime/run/metrics_log.h"
#include "runtime/run/sweep.h"

enum { MOST_FUNCTIONS = 16, GRID = 200, MOST_EXAMPLES = 200 };
static const double margin = 0.1; /* of the range of the data, on both sides */

/* ---- whether there are any ---- */

static bool is_number(const Manifest *manifest, const TensorInfo *tensor)
{
    return tensor->rank == 0 && tensor->dtype == manifest->real;
}

/* The field of that name in the data set, a number; NONE: it has none. NULL: the first number that is not `other`, "y" if it is
 * one. */
static int find_field(const Manifest *manifest, const DatasetInfo *dataset, const char *name, int other)
{
    int found = NONE;
    for (size_t i = 0; i < dataset->field_count; i++) {
        const TensorInfo *field = &manifest->fields[dataset->fields[i]].tensor;
        const char *dot = strrchr(field->name, '.');
        if (!is_number(manifest, field) || (int)dataset->fields[i] == other)
            continue;
        bool named = dot && !strcmp(dot + 1, name ? name : "y");
        if (named || (!name && found == NONE))
            found = (int)dataset->fields[i];
        if (named)
            break;
    }
    return found;
}

/* Whether the export is such a function; then describes it. */
static bool describe(Functions *functions, const Manifest *manifest, const ExportInfo *export)
{
    const FunctionInfo *function = &manifest->functions[export->function];
    const PhaseInfo *phase = &manifest->train->phases[0];
    const DatasetInfo *dataset = &manifest->datasets[phase->dataset];
    const char *point = manifest->conditions[manifest->train->sweep->condition].name;
    if (function->input_count != 2 || function->output_count != 1 || !is_number(manifest, &function->outputs[0]))
        return false;
    size_t at = !strcmp(function->inputs[0].name, point) ? 1 : 0;
    int x = is_number(manifest, &function->inputs[at]) ? find_field(manifest, dataset, function->inputs[at].name, NONE) : NONE;
    if (x == NONE || strcmp(function->inputs[1 - at].name, point))
        return false;
    int y = find_field(manifest, dataset, NULL, x);
    *functions = (Functions){.export = export,
                             .input = function->inputs[at].name,
                             .point = point,
                             .x = (size_t)x,
                             .y = (size_t)(y == NONE ? x : y),
                             .phase = phase,
                             .count = manifest->train->sweep->count,
                             .own_nets = sweep_keeps_nets(manifest->train)};
    return true;
}

bool functions_open(Functions *functions, const Program *program, const Data *data)
{
    const Manifest *manifest = program->manifest;
    const SweepInfo *sweep = manifest->train->sweep;
    *functions = (Functions){0};
    for (size_t i = 0; sweep_in_rounds(sweep) && sweep->count <= MOST_FUNCTIONS && i < manifest->export_count; i++) {
        if (!describe(functions, manifest, &manifest->exports[i]))
            continue;
        const char *const inputs[] = {functions->input, functions->point, NULL};
        const PhaseInfo *phase = functions->phase;
        return reading_open(&functions->reading, program, data, (int)phase->dataset, phase->split, phase->member,
                            phase->member_condition, MOST_EXAMPLES) &&
               call_open(&functions->call, program, manifest->exports[i].function, NULL, inputs);
    }
    return true;
}

void functions_close(Functions *functions)
{
    if (functions->export)
        reading_close(&functions->reading);
    call_close(&functions->call);
}

/* ---- what they are ---- */

static double value_of(const Functions *functions, size_t field, int32_t row)
{
    const TensorInfo *tensor = &functions->reading.data->manifest->fields[field].tensor;
    const void *table = functions->reading.tables[field];
    return tensor->dtype == DTYPE_F64 ? ((const double *)table)[row] : (double)((const float *)table)[row];
}

typedef struct Pairs {
    double x[MOST_EXAMPLES], y[MOST_EXAMPLES];
    size_t count;
} Pairs;

/* Examples of that point, evenly from the whole split. */
static void take_examples(const Functions *functions, size_t point, Pairs *examples)
{
    int32_t index[MOST_EXAMPLES];
    bool of_the_point = reads_family(&functions->reading) && functions->phase->member_condition != NONE;
    int64_t member = of_the_point ? (int64_t)point : reading_member(&functions->reading);
    RowRange rows = reading_range(&functions->reading, member);
    examples->count = rows.count < MOST_EXAMPLES ? (size_t)rows.count : MOST_EXAMPLES;
    for (size_t i = 0; i < examples->count; i++)
        index[i] = (int32_t)(rows.first + (int64_t)i * rows.count / (int64_t)examples->count);
    reading_take(&functions->reading, member, index, (int64_t)examples->count, 0);
    for (size_t i = 0; i < examples->count; i++) {
        examples->x[i] = value_of(functions, functions->x, index[i]);
        examples->y[i] = value_of(functions, functions->y, index[i]);
    }
}

static void make_grid(const Pairs *examples, double grid[static GRID])
{
    double least = INFINITY, most = -INFINITY;
    for (size_t i = 0; i < examples->count; i++) {
        least = fmin(least, examples->x[i]);
        most = fmax(most, examples->x[i]);
    }
    double width = most > least ? most - least : 1;
    for (size_t i = 0; i < GRID; i++)
        grid[i] = least - margin * width + (1 + 2 * margin) * width * (double)i / (GRID - 1);
}

static json_t *list(size_t count, const double *values)
{
    json_t *json = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(json, json_finite(values[i]));
    return json;
}

static json_t *evaluate(const Functions *functions, size_t point, const double grid[static GRID])
{
    double values[GRID];
    Call call = functions->call;
    call_set(&call, functions->point, (double)point);
    for (size_t i = 0; i < GRID; i++) {
        call_set(&call, functions->input, grid[i]);
        call_run(&call);
        values[i] = call_result(&call, 0, 0);
    }
    return list(GRID, values);
}

/* The point's entry: `before` as the file has it, NULL if it has none. */
static json_t *entry(const Functions *functions, size_t point, const json_t *before, bool just_learned)
{
    Pairs examples;
    double grid[GRID];
    take_examples(functions, point, &examples);
    make_grid(&examples, grid);
    json_t *json = json_object(), *learned = json_object_get(before, "learned");
    bool stays = functions->own_nets && learned && !just_learned;
    json_t *now = stays ? json_incref(learned) : evaluate(functions, point, grid);
    json_object_set_new(json, functions->input, list(GRID, grid));
    json_object_set(json, "learned", just_learned ? now : learned ? learned : json_null());
    json_object_set_new(json, "now", now);
    if (functions->x != functions->y) {
        json_t *data = json_object();
        json_object_set_new(data, "x", list(examples.count, examples.x));
        json_object_set_new(data, "y", list(examples.count, examples.y));
        json_object_set_new(json, "data", data);
    }
    return json;
}

/* "y" of "curves.y" */
static const char *field_name(const Functions *functions, size_t field)
{
    const char *name = functions->reading.data->manifest->fields[field].tensor.name, *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

bool functions_write(const Functions *functions, const char *path, size_t learned, int precision)
{
    json_t *before = json_load_file(path, 0, NULL), *json = json_object(), *points = json_array();
    for (size_t i = 0; i < learned && i < functions->count; i++)
        json_array_append_new(points,
                              entry(functions, i, json_array_get(json_object_get(before, "points"), i), i + 1 == learned));
    json_object_set_new(json, "export", json_string(functions->export->name));
    json_object_set_new(json, "input", json_string(functions->input));
    json_object_set_new(
        json, "output",
        json_string(functions->x == functions->y ? functions->export->name : field_name(functions, functions->y)));
    json_object_set_new(json, "points", points);
    bool fine = json_file_write(path, json, precision);
    json_decref(before);
    json_decref(json);
    return fine;
}
