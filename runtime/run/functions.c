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

/* Whether the export makes one number of an example. */
static bool has_number(const Manifest *manifest, const ExportInfo *export)
{
    const TensorInfo *output = &manifest->functions[export->function].outputs[0];
    return output->dtype == manifest->real && output->rank == (export->rows ? 1u : 0u);
}

/* Whether the export is such a function; then describes it. */
static bool describe(Functions *functions, const Manifest *manifest, const ExportInfo *export)
{
    const TrainInfo *train = manifest->train;
    const PhaseInfo *phase = &train->phases[0];
    const DatasetInfo *dataset = &manifest->datasets[phase->dataset];
    const ArgumentInfo *arguments = export->arguments;
    if (export->argument_count != 2)
        return false;
    size_t at = arguments[0].condition == (int)train->sweep->condition ? 1 : 0;
    if (arguments[1 - at].condition != (int)train->sweep->condition || arguments[at].condition != NONE)
        return false;
    bool numbers = is_number(manifest, &arguments[at].tensor) && has_number(manifest, export);
    int x = numbers ? find_field(manifest, dataset, arguments[at].tensor.name, NONE) : NONE;
    if (x == NONE)
        return false;
    int y = find_field(manifest, dataset, NULL, x);
    *functions = (Functions){.export = export,
                             .input = at,
                             .x = (size_t)x,
                             .y = (size_t)(y == NONE ? x : y),
                             .phase = phase,
                             .count = train->sweep->count,
                             .own_nets = sweep_keeps_nets(train)};
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
        const PhaseInfo *phase = functions->phase;
        return reading_open(&functions->reading, program, data, (int)phase->dataset, phase->split, phase->member,
                            phase->member_condition, MOST_EXAMPLES) &&
               exported_open(&functions->call, program, &manifest->exports[i]);
    }
    return true;
}

void functions_close(Functions *functions)
{
    if (functions->export)
        reading_close(&functions->reading);
    exported_close(&functions->call);
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

static const char *input_name(const Functions *functions)
{
    return functions->export->arguments[functions->input].tensor.name;
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
    Exported call = functions->call;
    bool is_f64 = functions->call.info->arguments[functions->input].tensor.dtype == DTYPE_F64;
    *(int32_t *)exported_condition(&call, functions->reading.data->manifest->train->sweep->condition) = (int32_t)point;
    exported_generate(&call);
    for (int64_t first = 0; first < GRID; first += call.rows) {
        int64_t count = first + call.rows < GRID ? call.rows : GRID - first;
        for (int64_t i = 0; i < count; i++) {
            void *x = exported_argument(&call, functions->input, i);
            if (is_f64)
                *(double *)x = grid[first + i];
            else
                *(float *)x = (float)grid[first + i];
        }
        exported_compute(&call, first);
        for (int64_t i = 0; i < count; i++)
            values[first + i] = exported_result(&call, i, 0);
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
    json_object_set_new(json, input_name(functions), list(GRID, grid));
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
    json_object_set_new(json, "input", json_string(input_name(functions)));
    json_object_set_new(
        json, "output",
        json_string(functions->x == functions->y ? functions->export->name : field_name(functions, functions->y)));
    json_object_set_new(json, "points", points);
    bool fine = json_file_write(path, json, precision);
    json_decref(before);
    json_decref(json);
    return fine;
}
