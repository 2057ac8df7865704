/* Tables of CSV files: their cells are read and checked when a run begins, and become rows of numbers once the encoders, which
 * are states of the model, are fitted or restored. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/report.h"
#include "runtime/data/files.h"
#include "runtime/data/format.h"
#include "tabular/encode.h"
#include "tabular/separator.h"

typedef struct CsvRows {
    Table table;
    Decoded decoded;
} CsvRows;

static bool read_files(CsvRows *rows, const DatasetInfo *dataset, const char *folder, char error[static TABULAR_ERROR])
{
    const Schema *schema = dataset->schema;
    uint32_t files = (uint32_t)(dataset->file_count + dataset->test_file_count), failed = 0;
    const char **names = calloc(files, sizeof *names), **columns = calloc(schema->column_count + 1, sizeof *columns);
    bool fine = (names && columns) || tabular_error(error, "out of memory");
    for (size_t i = 0; fine && i < files; i++)
        names[i] = i < dataset->file_count ? dataset->files[i] : dataset->test_files[i - dataset->file_count];
    uint32_t column_count = 0;
    for (uint32_t i = 0; fine && i < schema->column_count; i++)
        if (!schema->columns[i].skipped)
            columns[column_count++] = schema->columns[i].name;
    TableSource source = {&schema->dialect, folder ? folder : ".", names,   files,
                          schema->markers,  schema->marker_count,  columns, column_count};
    fine = fine && table_read(&rows->table, &source, &failed, error);
    if (!fine && folder && rows->table.paths && rows->table.paths[failed] && !path_exists(rows->table.paths[failed])) {
        char missing[TABULAR_ERROR];
        memcpy(missing, error, sizeof missing);
        tabular_error(
            error,
            "%.320s; the data set %.64s is read from it (or from the same name with or without .gz). Say with --data DIR or "
            "the environment variable HNC_DATA in which folder the data is",
            missing, dataset->name);
    }
    free(names);
    free(columns);
    return fine;
}

/* Leaves out rows of missing values, if the schema says so. */
static bool drop_rows(CsvRows *rows, const DatasetInfo *dataset, char error[static TABULAR_ERROR])
{
    int64_t dropped = decode_drop(&rows->table, dataset->schema);
    if (dropped < 0)
        return tabular_error(error, "out of memory");
    if (dropped > 0)
        report_note("%" PRId64 " row%s of the data set %s miss%s a value and %s left out", dropped, dropped == 1 ? "" : "s",
                    dataset->name, dropped == 1 ? "es" : "", dropped == 1 ? "is" : "are");
    return true;
}

/* Says what was found out about the files, and what of them was left out or replaced. */
static void note_findings(const CsvRows *rows, const DatasetInfo *dataset)
{
    const Table *table = &rows->table;
    const Schema *schema = dataset->schema;
    const char *name = dataset->name;
    if (table->separator != SEPARATOR_COMMA && !*schema->dialect.separator)
        report_note("the fields of the data set %s are divided by %s", name, separator_name(table->separator));
    if (table->comments.skipped)
        report_note(
            "%" PRId64 " line%s of the data set %s begin%s with '%s' and %s left out; 'comment none' in the data set reads %s",
            table->comments.skipped, table->comments.skipped == 1 ? "" : "s", name, table->comments.skipped == 1 ? "s" : "",
            schema->dialect.comment, table->comments.skipped == 1 ? "is" : "are", table->comments.skipped == 1 ? "it" : "them");
    if (table->empty_rows)
        report_note("%" PRId64 " row%s of the data set %s without any value %s left out", table->empty_rows,
                    table->empty_rows == 1 ? "" : "s", name, table->empty_rows == 1 ? "is" : "are");
    for (uint32_t i = 0; i < schema->column_count; i++)
        if (rows->decoded.others[i])
            report_note(
                "%" PRId64 " row%s of the data set %s hold%s in the column '%s' a value that the compiler did not see: it is "
                "taken as %s",
                rows->decoded.others[i], rows->decoded.others[i] == 1 ? "" : "s", name, rows->decoded.others[i] == 1 ? "s" : "",
                schema->columns[i].name,
                schema->unknown == UNKNOWN_FREQUENT ? schema->columns[i].categories[schema->columns[i].frequent] : "missing");
}

static bool open_csv(DataSource *source)
{
    char error[TABULAR_ERROR];
    const DatasetInfo *dataset = source->dataset;
    CsvRows *rows = source->content = calloc(1, sizeof *rows);
    if (!rows)
        return report_error("out of memory");
    if (!read_files(rows, dataset, source->folder, error) || !drop_rows(rows, dataset, error) ||
        !decode(&rows->decoded, &rows->table, dataset->schema, error))
        return report_error("%s", error);
    note_findings(rows, dataset);
    const int64_t *first = rows->table.first_rows; /* dropped rows do not count */
    size_t main_files = dataset->file_count / source->member_count, test_files = dataset->test_file_count / source->member_count;
    for (size_t m = 0; m < source->member_count; m++) {
        const int64_t *test = first + dataset->file_count + m * test_files;
        source->members[m] =
            (MemberRows){first[(m + 1) * main_files] - first[m * main_files], test_files ? test[test_files] - *test : 0};
    }
    return true;
}

static void close_csv(DataSource *source)
{
    CsvRows *rows = source->content;
    if (!rows)
        return;
    decoded_free(&rows->decoded);
    table_free(&rows->table);
    free(rows);
    source->content = NULL;
}

static int64_t line_of_row(const DataSource *source, int64_t row)
{
    const CsvRows *rows = source->content;
    return table_line(&rows->table, row);
}

/* The state FIELD.what, or NULL. */
static double *field_state(const Program *program, const FieldInfo *field, const char *what)
{
    const StateInfo *state = manifest_encoder(program->manifest, field, what);
    return state ? program_state(program, state) : NULL;
}

static Encoder encoder_of(const DatasetInfo *dataset, const Program *program, size_t field)
{
    const FieldInfo *f = &program->manifest->fields[dataset->fields[field]];
    return (Encoder){program->manifest->real == DTYPE_F64, field_state(program, f, "mean"), field_state(program, f, "scale"),
                     field_state(program, f, "fill")};
}

static bool fit_csv(const DataSource *source, const Program *program, const int32_t *order, int64_t count)
{
    char error[TABULAR_ERROR];
    const CsvRows *rows = source->content;
    const DatasetInfo *dataset = source->dataset;
    for (size_t i = 0; i < dataset->field_count; i++) {
        Encoder encoder = encoder_of(dataset, program, i);
        if (!encoder_fit(&rows->decoded, dataset->schema, (uint32_t)i, order, count, &encoder, error))
            return report_error("the data set %s cannot be encoded: %s", dataset->name, error);
    }
    return true;
}

/* Fills the table of field number `field` of the data set. */
static bool encode_table(const DataSource *source, Encoder encoder, const int32_t *order, size_t field, void *const *tables)
{
    char error[TABULAR_ERROR];
    const CsvRows *rows = source->content;
    const DatasetInfo *dataset = source->dataset;
    int64_t count = source->main_rows + source->test_rows;
    return encode_field(&rows->decoded, dataset->schema, (uint32_t)field, order, count, &encoder, tables[dataset->fields[field]],
                        error) ||
           report_error("%s", error);
}

static bool encode_classes(const DataSource *source, const int32_t *order, void *const *tables)
{
    const DatasetInfo *dataset = source->dataset;
    for (size_t i = 0; i < dataset->field_count; i++)
        if (dataset->schema->fields[i].kind == SCHEMA_CLASS && !encode_table(source, (Encoder){0}, order, i, tables))
            return false;
    return true;
}

static bool encode_csv(const DataSource *source, const Program *program, const int32_t *order, void *const *tables)
{
    const DatasetInfo *dataset = source->dataset;
    for (size_t i = 0; i < dataset->field_count; i++)
        if (!encode_table(source, encoder_of(dataset, program, i), order, i, tables))
            return false;
    return true;
}

const Format csv_format = {
    .open = open_csv, .fit = fit_csv, .encode = encode_csv, .classes = encode_classes, .line = line_of_row, .close = close_csv};
