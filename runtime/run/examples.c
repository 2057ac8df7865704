#include "runtime/run/examples.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/report.h"
#include "runtime/data/encode.h"
#include "runtime/data/files.h"
#include "runtime/run/checkpoint.h"

/* ---- what an export reads ---- */

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

bool examples_needed(const ExportInfo *export)
{
    for (size_t i = 0; i < export->argument_count; i++)
        if (export->arguments[i].condition == NONE)
            return true;
    return false;
}

/* "x (f32[5]), y (f32)" */
static void list_arguments(const ExportInfo *export, NameList *list)
{
    for (size_t i = 0; i < export->argument_count; i++) {
        const TensorInfo *argument = &export->arguments[i].tensor;
        char type[TENSOR_TEXT_SIZE], text[TENSOR_TEXT_SIZE + 80];
        if (export->arguments[i].condition != NONE)
            continue;
        snprintf(text, sizeof text, "%.64s (%s)", argument->name, tensor_text(argument, type));
        name_list_add(list, text);
    }
}

const DatasetInfo *examples_dataset(const Manifest *manifest, const ExportInfo *export)
{
    NameList arguments = {""};
    if (export->dataset != NONE)
        return &manifest->datasets[export->dataset];
    list_arguments(export, &arguments);
    if (!examples_needed(export))
        report_error("no argument of '%s' is read from files: leave them out, and predict evaluates it once", export->name);
    else
        report_error("no data set has fields of the names and types that '%s' takes, %s: predict cannot read them", export->name,
                     arguments.text);
    return NULL;
}

/* ---- members of families ---- */

/* The seed of the run that wrote the weights, on which members depend. */
static bool find_seed(const Program *program, const char *weights, const char *family, uint64_t *seed)
{
    const StateInfo *state = manifest_state(program->manifest, "seed");
    bool found = false;
    double words[2] = {0};
    if (!state || state->tensor.elements != 2 || !checkpoint_load_state(weights, program, state, &found))
        return false;
    program_read_reals(program, state, words);
    *seed = (uint64_t)(uint32_t)(int32_t)words[0] | (uint64_t)(uint32_t)(int32_t)words[1] << 32;
    return found ||
           report_error("%s does not say with which seed it was trained, and what the examples of '%s' are follows from it",
                        weights, family);
}

/* Room for the splits of all members, which rules fill. */
static bool open_splits(Data *whole)
{
    const Manifest *manifest = whole->manifest;
    whole->splits = calloc(manifest->dataset_count + 1, sizeof *whole->splits);
    for (size_t i = 0; whole->splits && i < manifest->dataset_count; i++) {
        const DatasetInfo *dataset = &manifest->datasets[i];
        size_t members = dataset->family ? (size_t)dataset->family->count : 1;
        whole->splits[i] = calloc(members * dataset->split_count + 1, sizeof **whole->splits);
        if (!whole->splits[i])
            return report_error("out of memory");
    }
    return whole->splits || report_error("out of memory");
}

/* Where the fields of a member are made from those of files: which member that is. */
static bool open_member(Examples *examples, const Program *program, const DatasetInfo *dataset, const Exported *exported,
                        const char *weights)
{
    const Manifest *manifest = program->manifest;
    const FamilyRules *rules = dataset->family ? family_rules[dataset->family->kind] : NULL;
    size_t number = (size_t)(dataset - manifest->datasets);
    int condition = exported->info->member_condition;
    const int32_t *member = condition == NONE ? NULL : exported_condition(exported, (size_t)condition);
    int64_t known = member ? *member : exported->info->member;
    uint64_t seed = 0;
    if (!rules || !rules->field)
        return true;
    if (known < 0)
        return report_error(
            "the examples of '%s' are others for each of its members, and '%s' does not say of which member its own "
            "are: predict cannot make them from files",
            dataset->name, exported->info->name);
    examples->whole = (Data){.manifest = manifest};
    examples->family =
        (Family){.rules = rules, .info = dataset->family, .dataset = number, .source = (size_t)dataset->family->base};
    examples->member = known;
    return !rules->drawn || (find_seed(program, weights, dataset->name, &seed) && open_splits(&examples->whole) &&
                             rules->open(&examples->whole, &examples->family, seed));
}

static void close_member(Examples *examples)
{
    for (size_t i = 0; examples->whole.splits && i < examples->whole.manifest->dataset_count; i++)
        free(examples->whole.splits[i]);
    free(examples->whole.splits);
    free(examples->family.rows);
    free(examples->family.numbers);
    free(examples->family.places);
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

/* The fields that the export's arguments are, into examples->dataset: of the data set in whose files they are. */
static bool select_fields(Examples *examples, const Manifest *manifest, const DatasetInfo *all, const ExportInfo *export)
{
    if (own_members(all) == 0)
        all = &manifest->datasets[all->family->base]; /* field by field */
    size_t *positions = calloc(export->argument_count + 1, sizeof *positions), count = 0;
    /* the rows of the data set may be computed, or be made of those of a table */
    FilesKind kind = format_traits[all->format].files;
    bool files = kind == FILES_FIELDS || kind == FILES_FOLDERS || kind == FILES_TEXTS || all->schema;
    examples->dataset = (DatasetInfo){.name = all->name,
                                      .format = files ? all->format : FORMAT_NPY,
                                      .splits = &examples->split,
                                      .split_count = 1,
                                      .text = all->text,
                                      .resize = all->resize};
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

static bool check_files(const Examples *examples, const ExportInfo *export, const char *const *files, size_t file_count)
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
    if (held == 0)
        return report_error("the arguments of '%s' are numbers of rows, which no file holds: predict cannot evaluate it",
                            export->name);
    if (format_traits[examples->dataset.format].files == FILES_FOLDERS)
        return file_count > 0 || report_error("predict expects images, or folders of them");
    if (examples->dataset.text && file_count == 0)
        return report_error("predict expects a text, which it reads in windows of %" PRId64 " tokens",
                            examples->dataset.text->length);
    for (size_t i = 0; i < file_count; i++)
        if (path_exists(files[i]) && !path_is_file(files[i]))
            return false;
    if (file_count == expected || examples->dataset.text)
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

bool examples_load(Examples *examples, const Program *program, const DatasetInfo *dataset, const Exported *exported,
                   const char *weights, const char *const *files, size_t file_count)
{
    const ExportInfo *export = exported->info;
    examples->manifest = *program->manifest;
    examples->manifest.datasets = &examples->dataset;
    examples->manifest.dataset_count = 1;
    examples->split = (SplitInfo){.name = "rows", .fraction = 1};
    if (!select_fields(examples, program->manifest, dataset, export) || !check_files(examples, export, files, file_count) ||
        !open_member(examples, program, dataset, exported, weights))
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
    close_member(examples);
    free(examples->dataset.fields);
    free(examples->schema.fields);
    free(examples->schema.columns);
    free(examples->lines);
}

/* The position in the family's data set of that field of its base. */
static size_t position_of(const Examples *examples, size_t field)
{
    const DatasetInfo *base = &examples->whole.manifest->datasets[examples->family.source];
    size_t position = 0;
    while (position + 1 < base->field_count && base->fields[position] != field)
        position++;
    return position;
}

void examples_give(const Examples *examples, const Exported *exported, int64_t row, int64_t place)
{
    for (size_t i = 0, number = 0; i < exported->info->argument_count; i++) {
        if (exported->info->arguments[i].condition != NONE)
            continue;
        size_t field = examples->dataset.fields[number++], bytes = examples->manifest.fields[field].tensor.bytes;
        const unsigned char *from = (const unsigned char *)examples->data.tables[field] + (size_t)row * bytes;
        void *to = exported_argument(exported, i, place);
        if (examples->family.rules)
            examples->family.rules->field(&examples->whole, &examples->family, examples->member, position_of(examples, field),
                                          from, to);
        else
            memcpy(to, from, bytes);
    }
}

int64_t examples_place(const Examples *examples, int64_t row)
{
    return examples->lines ? (int64_t)examples->lines[row] : row + 1;
}
