/* The cells of CSV files in memory, as text: some columns or all, the rows of all files one after the other. */
#ifndef HN_TABULAR_TABLE_H
#define HN_TABULAR_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "tabular/error.h"
#include "tabular/reader.h"
#include "tabular/schema.h"

/* What a table may hold; each is named by the message that refuses more. */
#define TABLE_MAX_TEXT ((size_t)UINT32_MAX) /* bytes of text */
enum { TABLE_MAX_CATEGORIES = 1 << 16 };    /* distinct values of a column that is encoded by them */

typedef struct TableColumn {
    const char *name;
    bool twice; /* some header has two columns of the name: its cells are unknown, all of them missing */
    enum { NUMERIC_UNKNOWN, NUMERIC_YES, NUMERIC_NO } numeric;
    const char **categories; /* once asked for; owned, its texts are the table's */
    uint32_t category_count;
    uint32_t frequent; /* of the categories: the one that most rows hold, the first of several */
} TableColumn;

typedef struct Table {
    TableColumn *columns;
    uint32_t *by_name; /* the columns in order of their names */
    uint32_t column_count;
    char **paths;        /* of the files, in order */
    int64_t *first_rows; /* of each file, and the number of all rows */
    uint32_t file_count;
    Dialect dialect;
    char separator;     /* of the file that was read last */
    Comments comments;  /* that were left out */
    int64_t empty_rows; /* the same */
    int64_t rows;
    uint32_t *cells; /* row by row: where in `text` each begins; 0: missing */
    uint32_t *lines; /* of each row in its file */
    char *text;      /* begins with the empty text */
    size_t text_size;
    size_t text_capacity, cell_capacity, line_capacity;
    char *names;        /* the text of the columns' names */
    char *missing_text; /* what a missing value is called as a category: the first marker, or the empty text */
} Table;

/* Which files to read, and which columns of them. */
typedef struct TableSource {
    const Dialect *dialect; /* its texts live as long as the table */
    const char *folder;
    const char *const *files;
    uint32_t file_count;
    const char *const *markers; /* cells that are missing, as empty ones are; a marker that is a number stands for that number */
    uint32_t marker_count;
    const char *const *columns; /* their names; NULL: all that the first file's header names */
    uint32_t column_count;
} TableSource;

/* Reads the files. The first row of each is its header, unless the dialect has names (then a first row is a header only if it
 * holds nothing but names of the dialect); every file must have all columns that are read, in any order. Columns without a name
 * cannot be read and are passed over, and so are rows of several fields that are all empty. Refuses (the error written): files
 * that cannot be read, that are empty or hold a header only, rows with another number of fields than the header (but for one
 * empty field behind them), columns that are missing, columns among `columns` that are named twice, and what exceeds a limit.
 * `failed_file` (may be NULL): the index of the file at fault. table_free in any case. */
bool table_read(Table *table, const TableSource *source, uint32_t *failed_file, char error[static TABULAR_ERROR]);
void table_free(Table *table);

/* The index of a column, or -1. */
int64_t table_column(const Table *table, const char *name);
/* "" where it is missing. */
static inline const char *table_cell(const Table *table, int64_t row, uint32_t column)
{
    return table->text + table->cells[row * table->column_count + column];
}
/* Where a row stands in which file. */
const char *table_path(const Table *table, int64_t row);
int64_t table_line(const Table *table, int64_t row);

/* Removes the rows in which one of these columns is missing; returns how many. Categories asked for before are forgotten. */
int64_t table_drop(Table *table, const uint32_t *columns, uint32_t count);

/* Whether the first header is likely a row: some column is named by a number. Then *number is its name. */
bool table_lacks_header(const Table *table, const char **number);

/* ---- columns (column.c) ---- */

/* Whether the column holds something, and nothing but numbers. Found once: rows that are dropped later do not change it. */
bool table_is_numeric(Table *table, uint32_t column);
/* Whether most of the column's values are numbers, though not all of them, or all are in another dialect: it is likely meant as
 * numbers. *row: the first row that holds none. */
bool table_is_nearly_numeric(const Table *table, uint32_t column, int64_t *row);
/* The column's numbers, NAN where one is missing, into `values` (NULL: only checks); with `time`, the format of parse_time, its
 * times. Refuses other text: then *hint (may be NULL) is what to do about it. Writes how many are missing and in which
 * row the first of them. */
bool table_numbers(const Table *table, uint32_t column, const char *time, double *values, int64_t *missing,
                   int64_t *first_missing, Hint *hint, char error[static TABULAR_ERROR]);
/* Whether two of the column's categories, which are known, are one number: their texts, of which *other stands further behind,
 * first in row *row. */
bool table_number_twice(const Table *table, uint32_t column, const char **one, const char **other, int64_t *row);
/* Finds the distinct values of the column (into its `categories`, in order of their bytes). */
bool table_categories(Table *table, uint32_t column, char error[static TABULAR_ERROR]);
/* The position of each row's value among the sorted categories, into `codes`. Another value becomes `other`, or NO_CODE: nothing
 * stands for it, and the first of them is refused. *others: how many rows hold another value. */
bool table_codes(const Table *table, uint32_t column, const char *const *categories, uint32_t count, int32_t other,
                 int32_t *codes, int64_t *others, char error[static TABULAR_ERROR]);
/* The position of a text among sorted categories, or -1. */
int32_t table_category(const char *const *categories, uint32_t count, const char *text);
/* How many rows miss a value in the column; *first: the first of them, if there are any. */
int64_t table_missing(const Table *table, uint32_t column, int64_t *first);
/* "... has no value in N rows": a column in which none may be missing. Returns false. */
bool table_missing_error(const Table *table, uint32_t column, int64_t missing, int64_t first, char error[static TABULAR_ERROR]);

#endif
