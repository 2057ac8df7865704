#include "tabular/table.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tabular/reader.h"

/* One reading of one file into the table. */
typedef struct Filling {
    Table *table;
    const TableSource *source;
    double *marker_numbers; /* of each marker that is a number; NAN for the others */
    bool numbers;           /* some marker is one */
    uint32_t *places;       /* of each of the header's fields: the table's column + 1, or 0 */
    size_t fields;          /* of the header; 0: the header is still to come */
    size_t named;           /* fewest fields of a row: those up to the header's last name */
} Filling;

static bool no_memory(char error[static TABULAR_ERROR], const char *path)
{
    return tabular_error(error, "%s: out of memory", path);
}

/* Room for `wanted` elements of `size` bytes. */
static bool reserve(void *array, size_t *capacity, size_t wanted, size_t size)
{
    void *old, *grown;
    if (wanted <= *capacity)
        return true;
    memcpy(&old, array, sizeof old);
    size_t more = *capacity + *capacity / 2 > wanted ? *capacity + *capacity / 2 : wanted + 256;
    if (!(grown = realloc(old, more * size)))
        return false;
    memcpy(array, &grown, sizeof grown);
    *capacity = more;
    return true;
}

/* ---- columns ---- */

static int compare_names(const void *left, const void *right, void *table)
{
    const TableColumn *columns = ((const Table *)table)->columns;
    return strcmp(columns[*(const uint32_t *)left].name, columns[*(const uint32_t *)right].name);
}

int64_t table_column(const Table *table, const char *name)
{
    uint32_t low = 0, high = table->column_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2, column = table->by_name[middle];
        int order = strcmp(table->columns[column].name, name);
        if (order == 0)
            return column;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

bool table_lacks_header(const Table *table, const char **number)
{
    double value;
    if (table->dialect.name_count)
        return false;
    for (uint32_t i = 0; i < table->column_count; i++)
        if (parse_number(&table->dialect, *number = table->columns[i].name, &value))
            return true;
    return false;
}

/* Makes the columns of these names, copied. */
static bool make_columns(Table *table, const char *const *names, size_t count, const char *path, char error[static TABULAR_ERROR])
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += strlen(names[i]) + 1;
    table->columns = calloc(count + 1, sizeof *table->columns);
    table->by_name = calloc(count + 1, sizeof *table->by_name);
    char *next = table->names = malloc(size + 1);
    if (!table->columns || !table->by_name || !next)
        return no_memory(error, path);
    for (size_t i = 0; i < count; i++) {
        table->columns[i].name = strcpy(next, names[i]);
        table->by_name[i] = (uint32_t)i;
        next += strlen(next) + 1;
    }
    table->column_count = (uint32_t)count;
    qsort_r(table->by_name, count, sizeof *table->by_name, compare_names, table);
    for (size_t i = 1; i < count; i++) {
        TableColumn *column = &table->columns[table->by_name[i]], *before = &table->columns[table->by_name[i - 1]];
        if (!strcmp(column->name, before->name))
            column->twice = before->twice = true;
    }
    return true;
}

/* Without names given, the table's columns are those of the first header that have a name. */
static bool take_names(Table *table, const ReaderRow *row, char error[static TABULAR_ERROR])
{
    const char **names = calloc(row->count + 1, sizeof *names);
    if (!names)
        return no_memory(error, row->path);
    size_t count = 0;
    for (size_t i = 0; i < row->count; i++)
        if (row->text[row->offsets[i]])
            names[count++] = row->text + row->offsets[i];
    bool fine = make_columns(table, names, count, row->path, error);
    free(names);
    return fine && (count > 0 || tabular_error(error, "%s:%" PRId64 ": the header names no column", row->path, row->line));
}

/* A column whose name stands twice in a header matters only if it is asked for. */
static bool take_second(Filling *f, const ReaderRow *row, const char *text, int64_t column, char error[static TABULAR_ERROR])
{
    char name[EXCERPT];
    if (f->source->columns)
        return tabular_error(error, "%s:%" PRId64 ": two columns are named '%s'", row->path, row->line, excerpt(text, name));
    f->table->columns[column].twice = true;
    return true;
}

static bool take_header(Filling *f, const ReaderRow *row, char error[static TABULAR_ERROR])
{
    Table *table = f->table;
    char name[EXCERPT];
    table->separator = row->count > 1 ? row->division->separator : SEPARATOR_COMMA; /* one column is divided by nothing */
    if (!table->columns && !take_names(table, row, error))
        return false;
    f->places = calloc(row->count, sizeof *f->places);
    bool *found = calloc(table->column_count + 1, sizeof *found);
    bool fine = (f->places && found) || no_memory(error, row->path);
    for (size_t i = 0; fine && i < row->count; i++) {
        const char *text = row->text + row->offsets[i];
        int64_t column = *text ? table_column(table, text) : -1;
        if (column < 0)
            continue;
        if (found[column])
            fine = take_second(f, row, text, column, error);
        found[column] = true;
        f->places[i] = (uint32_t)column + 1;
    }
    for (uint32_t i = 0; fine && i < table->column_count; i++)
        if (!found[i] && !table->columns[i].twice)
            fine = tabular_error(error, "%s:%" PRId64 ": there is no column '%s' in the header%s%s", row->path, row->line,
                                 excerpt(table->columns[i].name, name), table->separator == ',' ? "" : ", divided by ",
                                 table->separator == ',' ? "" : separator_name(table->separator));
    for (size_t i = 0; fine && i < row->count; i++)
        if (f->places[i] && table->columns[f->places[i] - 1].twice)
            f->places[i] = 0;
    free(found);
    f->fields = f->named = row->count;
    while (f->named > 1 && !*row_field(row, f->named - 1))
        f->named--;
    return fine;
}

/* A header whose names may have several lines, as spreadsheets wrap them: a blank stands where a line ends. */
static bool take_wrapped_header(Filling *f, const ReaderRow *row, char error[static TABULAR_ERROR])
{
    size_t last = row->offsets[row->count - 1], size = last + strlen(row->text + last) + 1;
    char *text = malloc(size);
    if (!text)
        return no_memory(error, row->path);
    memcpy(text, row->text, size);
    for (size_t i = 0; i < row->count; i++) {
        char *to = text + row->offsets[i];
        for (const char *from = to; *from;) {
            size_t ends = strspn(from, "\r\n");
            *to++ = ends ? ' ' : *from;
            from += ends ? ends : 1;
        }
        *to = 0;
    }
    ReaderRow header = *row;
    header.text = text;
    bool fine = take_header(f, &header, error);
    free(text);
    return fine;
}

/* ---- rows ---- */

static bool is_missing(const Filling *f, const char *cell)
{
    if (!*cell)
        return true;
    for (uint32_t i = 0; i < f->source->marker_count; i++)
        if (!strcmp(cell, f->source->markers[i]))
            return true;
    double number;
    if (!f->numbers || !parse_number(f->source->dialect, cell, &number))
        return false;
    for (uint32_t i = 0; i < f->source->marker_count; i++)
        if (number == f->marker_numbers[i])
            return true;
    return false;
}

static bool take_cell(Filling *f, const char *cell, uint32_t *place)
{
    Table *table = f->table;
    *place = 0;
    if (is_missing(f, cell))
        return true;
    size_t size = strlen(cell) + 1;
    if (!reserve(&table->text, &table->text_capacity, table->text_size + size, 1))
        return false;
    *place = (uint32_t)table->text_size;
    memcpy(table->text + table->text_size, cell, size);
    table->text_size += size;
    return true;
}

/* Whether a row of the only column is a number with a decimal comma, which divides it. */
static bool is_divided_number(const Filling *f, const ReaderRow *row)
{
    const char *whole = row->text;
    return f->fields == 1 && row->count == 2 && row->division->separator == SEPARATOR_COMMA &&
           strspn(whole + (*whole == '-'), "0123456789") + (*whole == '-') == strlen(whole) &&
           strspn(row_field(row, 1), "0123456789") == strlen(row_field(row, 1));
}

/* Explains a row that is not divided as the header is: what the file may be instead. */
static bool explain_division(const Filling *f, const ReaderRow *row, char error[static TABULAR_ERROR])
{
    const Division *division = row->division, *likely = row->likely;
    const Dialect *dialect = f->source->dialect;
    char hint[TABULAR_ERROR / 2] = "";
    bool most = likely->fields != likely->first && likely->alike + 2 >= likely->rows && likely->alike > 1;
    bool more =
        dialect->name_count && division->alike == division->rows && division->fields == row->count && row->count > f->fields;
    if (more)
        snprintf(hint, sizeof hint, "; a column that nobody reads is named '_'");
    else if (is_divided_number(f, row))
        snprintf(hint, sizeof hint, "; if the comma is the decimal point, say 'decimal \",\"'");
    else if (division->separator == SEPARATOR_COMMA && *dialect->decimal == ',' && row->count > f->fields)
        snprintf(hint, sizeof hint, "; numbers with a decimal comma must be quoted where commas divide the fields");
    else if (most && likely->first > 1 && likely->fields == likely->first + 1)
        snprintf(hint, sizeof hint,
                 "; if each row begins with its name, for which the header has none, say 'skip %" PRId64 "; columns _, a, b'",
                 row->line - 1);
    else if (most)
        snprintf(
            hint, sizeof hint,
            "; most rows hold %zu fields, divided by %s: if lines above the header are no rows, leave them out with 'skip 1'",
            likely->fields, separator_name(likely->separator));
    else if (likely->separator != division->separator)
        snprintf(hint, sizeof hint, "; %s", separator_advice(likely->separator));
    else if (division->separator == SEPARATOR_COMMA && row->count == 2 * f->fields)
        snprintf(hint, sizeof hint, "; numbers with a decimal comma must be quoted where commas divide the fields");
    else if (row->count > f->fields)
        snprintf(hint, sizeof hint, "; a text that holds the separator must be quoted");
    else if (row->count == 1 && ispunct((unsigned char)*row->text) && !strcmp(dialect->comment, default_dialect.comment))
        snprintf(hint, sizeof hint, "; lines that begin so and are no rows are left out by 'comment \"%.*s\"'",
                 (int)(row->text[1] == *row->text) + 1, row->text);
    return tabular_error(error, "%s:%" PRId64 ": the row has %zu field%s, but %s %zu%s", row->path, row->line, row->count,
                         row->count == 1 ? "" : "s", dialect->name_count ? "'columns' names" : "the header has", f->fields, hint);
}

static bool is_empty(const ReaderRow *row)
{
    for (size_t i = 0; i < row->count; i++)
        if (*row_field(row, i))
            return false;
    return true;
}

static bool add_row(Filling *f, const ReaderRow *row, char error[static TABULAR_ERROR])
{
    Table *table = f->table;
    size_t text = row->offsets[row->count - 1] + strlen(row_field(row, row->count - 1)) + 1;
    if (table->rows == INT32_MAX || row->line > UINT32_MAX)
        return tabular_error(error, "%s:%" PRId64 ": the data set has more than 2^31 - 1 rows", row->path, row->line);
    if (text > TABLE_MAX_TEXT - table->text_size)
        return tabular_error(error, "%s:%" PRId64 ": the columns hold more than 4 GiB of text", row->path, row->line);
    size_t cells = (size_t)table->rows * table->column_count;
    if (!reserve(&table->cells, &table->cell_capacity, cells + table->column_count, sizeof *table->cells) ||
        !reserve(&table->lines, &table->line_capacity, (size_t)table->rows + 1, sizeof *table->lines))
        return no_memory(error, row->path);
    memset(table->cells + cells, 0, table->column_count * sizeof *table->cells); /* columns of one name have no cells */
    for (size_t i = 0; i < f->named; i++)
        if (f->places[i] && !take_cell(f, row_field(row, i), &table->cells[cells + f->places[i] - 1]))
            return no_memory(error, row->path);
    table->lines[table->rows++] = (uint32_t)row->line;
    return true;
}

static bool is_name(const Dialect *dialect, const char *text)
{
    for (uint32_t i = 0; i < dialect->name_count && *text; i++)
        if (!strcmp(dialect->names[i], text))
            return true;
    return false;
}

/* Whether the row holds nothing but names of the dialect: a header after all, perhaps of fewer columns in another order. */
static bool holds_names(const Dialect *dialect, const ReaderRow *row)
{
    for (size_t i = 0; i < row->count; i++)
        if (!is_name(dialect, row_field(row, i)))
            return false;
    return true;
}

/* The dialect's names as the header of the file whose first row this is. */
static bool take_dialect_names(Filling *f, const ReaderRow *row, char error[static TABULAR_ERROR])
{
    const Dialect *dialect = f->source->dialect;
    size_t size = 0, *offsets = calloc(dialect->name_count, sizeof *offsets);
    for (uint32_t i = 0; i < dialect->name_count; i++)
        size += strlen(dialect->names[i]) + 1;
    char *text = malloc(size);
    bool fine = (offsets && text) || no_memory(error, row->path);
    size = 0;
    for (uint32_t i = 0; fine && i < dialect->name_count; i++) {
        offsets[i] = size;
        size += strlen(strcpy(text + size, dialect->names[i])) + 1;
    }
    ReaderRow header = {row->path, row->line, dialect->name_count, text, offsets, row->division, row->likely};
    fine = fine && take_header(f, &header, error);
    f->named = f->fields; /* '_' is a column too */
    free(offsets);
    free(text);
    return fine;
}

static bool take_row(void *context, const ReaderRow *row, char error[static TABULAR_ERROR])
{
    Filling *f = context;
    const Dialect *dialect = f->source->dialect;
    if (!f->fields && (!dialect->name_count || holds_names(dialect, row)))
        return take_wrapped_header(f, row, error);
    if (!f->fields && !take_dialect_names(f, row, error))
        return false;
    bool trailing = row->count == f->fields + 1 && !*row_field(row, f->fields); /* the separator also ends the row */
    if ((row->count < f->named || row->count > f->fields) && !trailing)
        return explain_division(f, row, error);
    if (f->fields > 1 && is_empty(row)) {
        f->table->empty_rows++;
        return true;
    }
    return add_row(f, row, error);
}

/* ---- files ---- */

static bool find_marker_numbers(Filling *f)
{
    f->marker_numbers = calloc(f->source->marker_count + 1, sizeof *f->marker_numbers);
    for (uint32_t i = 0; f->marker_numbers && i < f->source->marker_count; i++) {
        bool is_number = marker_number(f->source->dialect, f->source->markers[i], &f->marker_numbers[i]);
        if (!is_number)
            f->marker_numbers[i] = NAN;
        f->numbers |= is_number;
    }
    return f->marker_numbers != NULL;
}

static bool read_one(Table *table, const TableSource *source, uint32_t file, char error[static TABULAR_ERROR])
{
    Filling filling = {.table = table, .source = source};
    char *path = table->paths[file] = reader_find(source->folder, source->files[file]);
    if (!path)
        return no_memory(error, source->files[file]);
    table->first_rows[file] = table->rows;
    if (!find_marker_numbers(&filling))
        return no_memory(error, path);
    bool fine = reader_read(path, source->dialect, take_row, &filling, &table->comments, error);
    free(filling.places);
    free(filling.marker_numbers);
    if (fine && !filling.fields)
        return tabular_error(error, "%s: is empty%s", path,
                             source->dialect->name_count ? "" : ": its first row must be the header, the names of the columns");
    if (fine && table->rows == table->first_rows[file])
        return tabular_error(error, "%s: holds no rows but its header%s", path,
                             table->empty_rows ? " and rows whose fields are all empty" : "");
    return fine;
}

bool table_read(Table *table, const TableSource *source, uint32_t *failed_file, char error[static TABULAR_ERROR])
{
    *table = (Table){.file_count = source->file_count, .dialect = *source->dialect};
    table->paths = calloc(source->file_count + 1, sizeof *table->paths);
    table->first_rows = calloc(source->file_count + 1, sizeof *table->first_rows);
    table->missing_text = strdup(source->marker_count ? source->markers[0] : "");
    bool fine =
        (table->paths && table->first_rows && table->missing_text && reserve(&table->text, &table->text_capacity, 1, 1)) ||
        no_memory(error, source->files[0]);
    if (fine)
        table->text[table->text_size++] = 0;
    if (fine && source->columns)
        fine = make_columns(table, source->columns, source->column_count, source->files[0], error);
    for (uint32_t i = 0; fine && i < source->file_count; i++) {
        if (failed_file)
            *failed_file = i;
        fine = read_one(table, source, i, error);
    }
    if (table->first_rows)
        table->first_rows[source->file_count] = table->rows;
    return fine;
}

void table_free(Table *table)
{
    for (uint32_t i = 0; i < table->column_count; i++)
        free(table->columns[i].categories);
    for (uint32_t i = 0; table->paths && i < table->file_count; i++)
        free(table->paths[i]);
    free(table->columns);
    free(table->by_name);
    free(table->names);
    free(table->missing_text);
    free(table->paths);
    free(table->first_rows);
    free(table->cells);
    free(table->lines);
    free(table->text);
    *table = (Table){0};
}

const char *table_path(const Table *table, int64_t row)
{
    uint32_t file = 0;
    while (file + 1 < table->file_count && row >= table->first_rows[file + 1])
        file++;
    return table->paths[file];
}

int64_t table_line(const Table *table, int64_t row)
{
    return table->lines[row];
}

int64_t table_drop(Table *table, const uint32_t *columns, uint32_t count)
{
    int64_t kept = 0, before = table->rows;
    for (uint32_t i = 0; i < table->column_count; i++) {
        free(table->columns[i].categories);
        table->columns[i].categories = NULL;
    }
    for (int64_t row = 0, file = 0; row < before; row++) {
        while (file < table->file_count && row == table->first_rows[file])
            table->first_rows[file++] = kept;
        bool whole = true;
        for (uint32_t i = 0; i < count && whole; i++)
            whole = *table_cell(table, row, columns[i]);
        if (!whole)
            continue;
        memmove(table->cells + kept * table->column_count, table->cells + row * table->column_count,
                table->column_count * sizeof *table->cells);
        table->lines[kept++] = table->lines[row];
    }
    table->first_rows[table->file_count] = table->rows = kept;
    return before - kept;
}
