#include "tabular/table.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tabular/reader.h"
#include "tabular/separator.h"

/* One reading of one file into the table. */
typedef struct Filling {
    Table *table;
    const TableSource *source;
    double *marker_numbers; /* of each marker that is a number; NAN for the others */
    bool numbers;           /* some marker is one */
    uint32_t *places;       /* of each of the header's fields: the table's column + 1, or 0 */
    size_t fields;          /* of the header; 0: the header is still to come */
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
    table->separator = row->separator;
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
                                 excerpt(table->columns[i].name, name), row->separator == ',' ? "" : ", divided by ",
                                 row->separator == ',' ? "" : separator_name(row->separator));
    for (size_t i = 0; fine && i < row->count; i++)
        if (f->places[i] && table->columns[f->places[i] - 1].twice)
            f->places[i] = 0;
    free(found);
    f->fields = row->count;
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
    if (!f->numbers || !parse_number(cell, &number))
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

static bool take_row(void *context, const ReaderRow *row, char error[static TABULAR_ERROR])
{
    Filling *f = context;
    Table *table = f->table;
    if (!f->fields)
        return take_header(f, row, error);
    bool trailing = row->count == f->fields + 1 && !row->text[row->offsets[f->fields]]; /* the separator also ends the row */
    if (row->count != f->fields && !trailing)
        return tabular_error(error, "%s:%" PRId64 ": the row has %zu field%s, but the header has %zu", row->path, row->line,
                             row->count, row->count == 1 ? "" : "s", f->fields);
    size_t text = row->offsets[row->count - 1] + strlen(row->text + row->offsets[row->count - 1]) + 1;
    if (table->rows == INT32_MAX || row->line > UINT32_MAX)
        return tabular_error(error, "%s:%" PRId64 ": the data set has more than 2^31 - 1 rows", row->path, row->line);
    if (text > TABLE_MAX_TEXT - table->text_size)
        return tabular_error(error, "%s:%" PRId64 ": the columns hold more than 4 GiB of text", row->path, row->line);
    size_t cells = (size_t)table->rows * table->column_count;
    if (!reserve(&table->cells, &table->cell_capacity, cells + table->column_count, sizeof *table->cells) ||
        !reserve(&table->lines, &table->line_capacity, (size_t)table->rows + 1, sizeof *table->lines))
        return no_memory(error, row->path);
    memset(table->cells + cells, 0, table->column_count * sizeof *table->cells); /* columns of one name have no cells */
    for (size_t i = 0; i < f->fields; i++)
        if (f->places[i] && !take_cell(f, row->text + row->offsets[i], &table->cells[cells + f->places[i] - 1]))
            return no_memory(error, row->path);
    table->lines[table->rows++] = (uint32_t)row->line;
    return true;
}

/* ---- files ---- */

static bool find_marker_numbers(Filling *f)
{
    f->marker_numbers = calloc(f->source->marker_count + 1, sizeof *f->marker_numbers);
    for (uint32_t i = 0; f->marker_numbers && i < f->source->marker_count; i++) {
        bool is_number = parse_number(f->source->markers[i], &f->marker_numbers[i]);
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
    bool fine = reader_read(path, take_row, &filling, error);
    free(filling.places);
    free(filling.marker_numbers);
    if (fine && !filling.fields)
        return tabular_error(error, "%s: is empty: its first row must be the header, the names of the columns", path);
    if (fine && table->rows == table->first_rows[file])
        return tabular_error(error, "%s: holds no rows but its header", path);
    return fine;
}

bool table_read(Table *table, const TableSource *source, uint32_t *failed_file, char error[static TABULAR_ERROR])
{
    *table = (Table){.file_count = source->file_count};
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
