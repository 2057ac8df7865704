#include "runtime/run/examples.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/core/report.h"
#include "runtime/data/encode.h"
#include "runtime/data/files.h"

/* ---- what an export reads ---- */

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
static const TensorInfo *find_foreign(const Manifest *manifest, const DatasetInfo *dataset, const ExportInfo *export)
{
    for (size_t i = 0; i < export->argument_count; i++) {
        const TensorInfo *argument = &export->arguments[i].tensor;
        int64_t field = find_field(manifest, dataset, argument);
        if (export->arguments[i].condition == NONE &&
            (field < 0 || !same_type(argument, &manifest->fields[dataset->fields[field]].tensor)))
            return argument;
    }
    return NULL;
}

bool examples_needed(const ExportInfo *export)
{
    for (size_t i = 0; i < export->argument_count; i++)
        if (export->arguments[i].condition == NONE)
            return true;
    return false;
}

const DatasetInfo *examples_dataset(const Manifest *manifest, const ExportInfo *export)
{
    const TensorInfo *foreign = NULL;
    bool any = examples_needed(export);
    for (int derived = 0; any && derived < 2; derived++) /* families of another data set come last */
        for (size_t i = 0; i < manifest->dataset_count; i++) {
            const DatasetInfo *dataset = &manifest->datasets[i];
            if ((own_members(dataset) == 0) != derived)
                continue;
            const TensorInfo *other = find_foreign(manifest, dataset, export);
            if (!other)
                return dataset;
            foreign = other;
        }
    char type[TENSOR_TEXT_SIZE];
    if (foreign)
        report_error("the argument '%s' of '%s' is %s, and no data set has a field of that name and type: predict cannot read it",
                     foreign->name, export->name, tensor_text(foreign, type));
    else
        report_error("no argument of '%s' is read from files: leave them out, and predict evaluates it once", export->name);
    return NULL;
}

/* ---- loading ---- */

static void need_column(Schema *schema, uint32_t column)
{
    schema->columns[column].skipped = false;
}

/* Copies from the model's schema the fields at these positions and the columns that they need. False: no memory. */
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

/* The fields that the export's arguments are, into examples->dataset. */
static bool select_fields(Examples *examples, const Manifest *manifest, const DatasetInfo *all, const ExportInfo *export)
{
    size_t *positions = calloc(export->argument_count + 1, sizeof *positions), count = 0;
    /* the rows of the data set may be computed, or be made of those of a table */
    bool files = format_traits[all->format].files == FILES_FIELDS || all->schema;
    examples->dataset = (DatasetInfo){
        .name = all->name, .format = files ? all->format : FORMAT_NPY, .splits = &examples->split, .split_count = 1};
    examples->dataset.fields = calloc(export->argument_count + 1, sizeof *examples->dataset.fields);
    bool fine = (positions && examples->dataset.fields) || report_error("out of memory");
    for (size_t i = 0; fine && i < export->argument_count; i++) {
        if (export->arguments[i].condition != NONE)
            continue;
        positions[count] = (size_t)find_field(manifest, all, &export->arguments[i].tensor);
        examples->dataset.fields[count] = all->fields[positions[count]];
        count++;
    }
    examples->dataset.field_count = count;
    if (fine && all->schema) {
        examples->dataset.schema = &examples->schema;
        fine = select_columns(&examples->schema, all->schema, count, positions);
    }
    free(positions);
    return fine;
}

static bool check_files(const Examples *examples, const char *const *files, size_t file_count)
{
    NameList fields = {""};
    size_t held = 0;
    for (size_t i = 0; i < examples->dataset.field_count; i++) {
        const FieldInfo *field = &examples->manifest.fields[examples->dataset.fields[i]];
        if (field->index)
            continue;
        name_list_add(&fields, field->tensor.name);
        held++;
    }
    size_t expected = examples->dataset.schema ? 1 : held;
    for (size_t i = 0; i < file_count; i++)
        if (path_exists(files[i]) && !path_is_file(files[i]))
            return false;
    if (file_count == expected)
        return true;
    return examples->dataset.schema
               ? report_error(file_count
                                  ? "predict expects one table, with the columns of %s, but got %zu: call it once per table"
                                  : "predict expects one table, with the columns of %s",
                              fields.text, file_count)
               : report_error("predict expects one %s file per field (%s), %zu in all, but got %zu",
                              format_names[examples->dataset.format], fields.text, expected, file_count);
}

static bool keep_lines(Examples *examples)
{
    const DataSource *source = &examples->data.sources[0];
    if (!source->format || !source->format->line)
        return true;
    examples->lines = calloc((size_t)examples->count + 1, sizeof *examples->lines);
    if (!examples->lines)
        return report_error("out of memory");
    for (int64_t i = 0; i < examples->count; i++)
        examples->lines[i] = (uint32_t)source->format->line(source, i);
    return true;
}

bool examples_load(Examples *examples, const Program *program, const DatasetInfo *dataset, const ExportInfo *export,
                   const char *const *files, size_t file_count)
{
    examples->manifest = *program->manifest;
    examples->manifest.datasets = &examples->dataset;
    examples->manifest.dataset_count = 1;
    examples->split = (SplitInfo){.name = "rows", .fraction = 1};
    if (!select_fields(examples, program->manifest, dataset, export) || !check_files(examples, files, file_count))
        return false;
    examples->dataset.files = (const char **)files;
    examples->dataset.file_count = file_count;
    if (!data_load(&examples->data, &examples->manifest, NULL, 0))
        return false;
    examples->count = examples->data.splits[0][0].count;
    return keep_lines(examples) && data_encode(&examples->data, program, false);
}

void examples_free(Examples *examples)
{
    data_free(&examples->data);
    free(examples->dataset.fields);
    free(examples->schema.fields);
    free(examples->schema.columns);
    free(examples->lines);
}

void examples_give(const Examples *examples, const Exported *exported, int64_t row, int64_t place)
{
    for (size_t i = 0, field = 0; i < exported->info->argument_count; i++) {
        if (exported->info->arguments[i].condition != NONE)
            continue;
        const TensorInfo *tensor = &exported->info->arguments[i].tensor;
        const unsigned char *table = examples->data.tables[examples->dataset.fields[field++]];
        memcpy(exported_argument(exported, i, place), table + (size_t)row * tensor->bytes, tensor->bytes);
    }
}

int64_t examples_place(const Examples *examples, int64_t row)
{
    return examples->lines ? (int64_t)examples->lines[row] : row + 1;
}
