#include "runtime/cli/predict.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/parallel.h"
#include "runtime/core/report.h"
#include "runtime/data/dataset.h"
#include "runtime/data/files.h"
#include "runtime/run/checkpoint.h"

/* ---- what is asked for ---- */

/* "a, b, c" for a message, cut where it grows too long. */
typedef struct Names {
    char text[512];
} Names;

static void add_name(Names *names, const char *name)
{
    size_t length = strlen(names->text);
    snprintf(names->text + length, sizeof names->text - length, "%s%s", length ? ", " : "", name);
}

static const ExportInfo *find_export(const Manifest *manifest, const char *name)
{
    const ExportInfo *found = NULL;
    Names names = {""};
    for (size_t i = 0; i < manifest->export_count; i++) {
        const ExportInfo *export = &manifest->exports[i];
        add_name(&names, export->name);
        if (name ? !strcmp(name, export->name) : manifest->export_count == 1)
            found = export;
    }
    if (manifest->export_count == 0)
        report_error("this model exports nothing: predict has nothing to evaluate");
    else if (!found && name)
        report_error("'%s' is no export of this model, which has %s", name, names.text);
    else if (!found)
        report_error("say with --export NAME which of %s", names.text);
    return found;
}

static bool is_preference(const Manifest *manifest, const TensorInfo *argument)
{
    return manifest->train && manifest->train->sweep && !strcmp(argument->name, manifest->train->sweep->axis);
}

/* Whether the argument comes from the rows: it is neither the preference nor the row's number, which the compiler adds where
 * random numbers are drawn. */
static bool is_of_the_row(const Manifest *manifest, const TensorInfo *argument)
{
    return !is_preference(manifest, argument) && strcmp(argument->name, "row.number");
}

static bool same_type(const TensorInfo *a, const TensorInfo *b)
{
    return a->dtype == b->dtype && a->rank == b->rank && !memcmp(a->dims, b->dims, a->rank * sizeof a->dims[0]);
}

/* The position in the data set of the field that has the argument's name, or -1. */
static int64_t find_field(const Manifest *manifest, const DatasetInfo *dataset, const TensorInfo *argument)
{
    for (size_t i = 0; i < dataset->field_count; i++) {
        const char *dot = strrchr(manifest->fields[dataset->fields[i]].tensor.name, '.');
        if (dot && !strcmp(dot + 1, argument->name))
            return (int64_t)i;
    }
    return -1;
}

/* The first argument that the data set has no field for, or NULL. */
static const TensorInfo *find_foreign(const Manifest *manifest, const DatasetInfo *dataset, const FunctionInfo *function)
{
    for (size_t i = 0; i < function->input_count; i++) {
        const TensorInfo *argument = &function->inputs[i];
        int64_t field = find_field(manifest, dataset, argument);
        if (is_of_the_row(manifest, argument) &&
            (field < 0 || !same_type(argument, &manifest->fields[dataset->fields[field]].tensor)))
            return argument;
    }
    return NULL;
}

static bool reads_rows(const Manifest *manifest, const FunctionInfo *function)
{
    for (size_t i = 0; i < function->input_count; i++)
        if (is_of_the_row(manifest, &function->inputs[i]))
            return true;
    return false;
}

/* The data set whose fields are the export's arguments. */
static const DatasetInfo *find_dataset(const Manifest *manifest, const ExportInfo *export)
{
    const FunctionInfo *function = &manifest->functions[export->function];
    const TensorInfo *foreign = NULL;
    bool any = reads_rows(manifest, function);
    for (size_t i = 0; any && i < manifest->dataset_count; i++) {
        foreign = find_foreign(manifest, &manifest->datasets[i], function);
        if (!foreign)
            return &manifest->datasets[i];
    }
    char type[TENSOR_TEXT_SIZE];
    if (foreign)
        report_error("the argument '%s' of '%s' is %s, and no data set has a field of that name and type: predict cannot read it",
                     foreign->name, export->name, tensor_text(foreign, type));
    else
        report_error("no argument of '%s' is read from files: predict has no rows to evaluate it on", export->name);
    return NULL;
}

/* ---- rows ---- */

/* The examples of the user's files: a data set of the model's, cut down to the fields that are needed. Must not move. */
typedef struct Rows {
    Manifest manifest; /* the model's, with this data set alone; owns nothing */
    DatasetInfo dataset;
    SplitInfo split;
    Schema schema;
    Data data;
    int64_t count;
    uint32_t *lines; /* of a table: where each row stands in its file; owned */
} Rows;

static void need_column(Schema *schema, uint32_t column)
{
    schema->columns[column].skipped = false;
}

/* Of the model's schema, the fields at these positions and the columns that they need. False: no memory. */
static bool select_columns(Schema *schema, const Schema *all, size_t count, const size_t *positions)
{
    *schema = *all;
    schema->fields = calloc(count + 1, sizeof *schema->fields);
    schema->columns = calloc(all->column_count + 1, sizeof *schema->columns);
    if (!schema->fields || !schema->columns)
        return report_error("out of memory");
    schema->field_count = (uint32_t)count;
    memcpy(schema->columns, all->columns, all->column_count * sizeof *schema->columns);
    for (uint32_t i = 0; i < all->column_count; i++)
        schema->columns[i].skipped = true;
    for (size_t i = 0; i < count; i++) {
        const SchemaField *field = &all->fields[positions[i]];
        schema->fields[i] = *field;
        for (uint32_t p = 0; p < field->part_count; p++)
            for (uint32_t k = 0; k < field->parts[p].column_count; k++)
                need_column(schema, field->parts[p].columns[k]);
        for (uint32_t t = 0; t < field->test_count; t++)
            if (field->tests[t].kind <= TEST_GE)
                need_column(schema, field->tests[t].column);
        if (field->kind == SCHEMA_CLASS)
            need_column(schema, field->column);
    }
    return true;
}

/* The fields that the function's arguments are, into rows->dataset. */
static bool select_fields(Rows *rows, const Manifest *manifest, const DatasetInfo *all, const FunctionInfo *function)
{
    size_t *positions = calloc(function->input_count + 1, sizeof *positions), count = 0;
    rows->dataset = (DatasetInfo){.name = all->name, .format = all->format, .splits = &rows->split, .split_count = 1};
    rows->dataset.fields = calloc(function->input_count + 1, sizeof *rows->dataset.fields);
    bool fine = (positions && rows->dataset.fields) || report_error("out of memory");
    for (size_t i = 0; fine && i < function->input_count; i++) {
        if (!is_of_the_row(manifest, &function->inputs[i]))
            continue;
        positions[count] = (size_t)find_field(manifest, all, &function->inputs[i]);
        rows->dataset.fields[count] = all->fields[positions[count]];
        count++;
    }
    rows->dataset.field_count = count;
    if (fine && all->schema) {
        rows->dataset.schema = &rows->schema;
        fine = select_columns(&rows->schema, all->schema, count, positions);
    }
    free(positions);
    return fine;
}

static bool check_files(const Rows *rows, const Options *options)
{
    Names fields = {""};
    for (size_t i = 0; i < rows->dataset.field_count; i++)
        add_name(&fields, rows->manifest.fields[rows->dataset.fields[i]].tensor.name);
    size_t expected = rows->dataset.schema ? 1 : rows->dataset.field_count;
    for (size_t i = 0; i < options->file_count; i++)
        if (path_exists(options->files[i]) && !path_is_file(options->files[i]))
            return false;
    if (options->file_count == expected)
        return true;
    return rows->dataset.schema
               ? report_error("predict expects one table, with the columns of %s", fields.text)
               : report_error("predict expects one %s file per field: %s", format_names[rows->dataset.format], fields.text);
}

static bool keep_lines(Rows *rows)
{
    const DataSource *source = &rows->data.sources[0];
    if (!source->format || !source->format->line)
        return true;
    rows->lines = calloc((size_t)rows->count + 1, sizeof *rows->lines);
    if (!rows->lines)
        return report_error("out of memory");
    for (int64_t i = 0; i < rows->count; i++)
        rows->lines[i] = (uint32_t)source->format->line(source, i);
    return true;
}

/* Needs the program's weights: they hold what tables are encoded with. */
static bool rows_load(Rows *rows, const Program *program, const DatasetInfo *dataset, const FunctionInfo *function,
                      const Options *options)
{
    rows->manifest = *program->manifest;
    rows->manifest.datasets = &rows->dataset;
    rows->manifest.dataset_count = 1;
    rows->split = (SplitInfo){.name = "rows", .fraction = 1};
    if (!select_fields(rows, program->manifest, dataset, function) || !check_files(rows, options))
        return false;
    rows->dataset.files = (const char **)options->files;
    rows->dataset.file_count = options->file_count;
    if (!data_load(&rows->data, &rows->manifest, NULL, 0))
        return false;
    rows->count = rows->data.splits[0][0].count;
    return keep_lines(rows) && data_encode(&rows->data, program, false);
}

static void rows_free(Rows *rows)
{
    data_free(&rows->data);
    free(rows->dataset.fields);
    free(rows->schema.fields);
    free(rows->schema.columns);
    free(rows->lines);
}

/* ---- the preference ---- */

/* "1,2,1" as one number per entry of sum 1. */
static bool parse_preference(const char *text, const SweepInfo *sweep, double *point)
{
    double sum = 0;
    const char *at = text;
    for (size_t i = 0; i < sweep->width; i++) {
        char *end;
        point[i] = strtod(at, &end);
        bool last = i + 1 == sweep->width;
        if (end == at || !isfinite(point[i]) || *end != (last ? '\0' : ','))
            return report_error("--preference expects %zu numbers with commas between them, not '%s'", sweep->width, text);
        if (point[i] < 0)
            return report_error("--preference %s: a preference has no negative numbers", text);
        sum += point[i];
        at = end + 1;
    }
    if (!(sum > 0) || isinf(sum))
        return report_error("--preference %s: the numbers must have a sum above 0", text);
    for (size_t i = 0; i < sweep->width; i++)
        point[i] /= sum;
    return true;
}

static bool needs_preference(const char *export, const SweepInfo *sweep)
{
    Names names = {""};
    for (size_t i = 0; i < sweep->output_count; i++)
        add_name(&names, sweep->outputs[i]);
    return report_error("'%s' takes the preference '%s': say with --preference how much each of %s matters", export, sweep->axis,
                        names.text);
}

static bool set_preference(const Call *call, const Manifest *manifest, const ExportInfo *export, const char *text)
{
    const SweepInfo *sweep = manifest->train->sweep;
    const TensorInfo *argument = manifest->train && manifest->train->sweep ? call_input_type(call, sweep->axis) : NULL;
    double point[MAX_OUTPUTS];
    if (!argument && text)
        return report_error("'%s' takes no preference", export->name);
    if (!argument)
        return true;
    if (!text)
        return needs_preference(export->name, sweep);
    if (argument->elements != (int64_t)sweep->width)
        return report_internal("the argument '%s' of '%s' does not hold %zu numbers", argument->name, export->name, sweep->width);
    if (!parse_preference(text, sweep, point))
        return false;
    void *input = call_input(call, sweep->axis);
    for (size_t i = 0; i < sweep->width; i++)
        if (argument->dtype == DTYPE_F64)
            ((double *)input)[i] = point[i];
        else
            ((float *)input)[i] = (float)point[i];
    return true;
}

/* ---- results ---- */

static void print_header(const Rows *rows, const TensorInfo *output)
{
    printf(rows->lines ? "line" : "row");
    for (int64_t i = 0; i < output->elements; i++)
        if (output->rank == 0)
            printf(",%s", output->name);
        else
            printf(",%s[%" PRId64 "]", output->name, i);
    putchar('\n');
}

/* Returns whether all numbers are finite. */
static bool print_row(const Rows *rows, const Call *call, int64_t row)
{
    const TensorInfo *output = &call->info->outputs[0];
    bool finite = true;
    printf("%" PRId64, rows->lines ? (int64_t)rows->lines[row] : row + 1);
    for (int64_t i = 0; i < output->elements; i++) {
        double value = call_result(call, 0, i);
        finite &= (bool)isfinite(value);
        printf(",%.*g", output->dtype == DTYPE_F64 ? 17 : 9, value);
    }
    putchar('\n');
    return finite;
}

static bool predict_rows(const Rows *rows, Call *call)
{
    int64_t wrong = 0;
    print_header(rows, &call->info->outputs[0]);
    for (int64_t row = 0; row < rows->count; row++) {
        for (size_t i = 0; i < rows->dataset.field_count; i++) {
            const TensorInfo *tensor = &rows->manifest.fields[rows->dataset.fields[i]].tensor;
            const unsigned char *table = rows->data.tables[rows->dataset.fields[i]];
            memcpy(call_input(call, strrchr(tensor->name, '.') + 1), table + (size_t)row * tensor->bytes, tensor->bytes);
        }
        call_set(call, "row.number", (double)row);
        call_run(call);
        if (program_failed())
            return report_error("this happened at row %" PRId64 " of the file; nothing after it was predicted",
                                rows->lines ? (int64_t)rows->lines[row] : row + 1);
        wrong += !print_row(rows, call, row);
    }
    if (wrong)
        report_warning("%" PRId64 " of %" PRId64 " rows have results that are not finite", wrong, rows->count);
    return true;
}

static bool open_call(Call *call, const Program *program, const ExportInfo *export)
{
    const FunctionInfo *function = &program->manifest->functions[export->function];
    const char **names = calloc(function->input_count + 1, sizeof *names);
    if (!names)
        return report_error("out of memory");
    for (size_t i = 0; i < function->input_count; i++)
        names[i] = function->inputs[i].name;
    bool fine = call_open(call, program, export->function, NULL, names);
    free(names);
    if (fine && function->output_count != 1)
        return report_internal("the function %s does not have one output", function->name);
    return fine;
}

int predict_command(const Manifest *manifest, const Options *options)
{
    const ExportInfo *export = find_export(manifest, options->export);
    const DatasetInfo *dataset = export ? find_dataset(manifest, export) : NULL;
    if (!dataset)
        return EXIT_FAILURE;
    parallel_set_threads(options->threads ? options->threads : 1);
    Program program = {0};
    Call call = {0};
    Rows rows = {0};
    bool fine = program_open(&program, manifest) && open_call(&call, &program, export) &&
                set_preference(&call, manifest, export, options->preference) &&
                checkpoint_load_weights(options->weights, &program) && rows_load(&rows, &program, dataset, call.info, options);
    fine = fine && predict_rows(&rows, &call);
    rows_free(&rows);
    call_close(&call);
    program_close(&program);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
