/* What the columns of a table hold. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/fnv.h"
#include "tabular/table.h"

bool table_is_numeric(Table *table, uint32_t column)
{
    TableColumn *c = &table->columns[column];
    if (c->numeric != NUMERIC_UNKNOWN)
        return c->numeric == NUMERIC_YES;
    c->numeric = NUMERIC_NO;
    double number;
    for (int64_t row = 0; row < table->rows; row++) {
        const char *cell = table_cell(table, row, column);
        if (!*cell)
            continue;
        if (!parse_number(&table->dialect, cell, &number)) {
            c->numeric = NUMERIC_NO;
            break;
        }
        c->numeric = NUMERIC_YES;
    }
    return c->numeric == NUMERIC_YES;
}

bool table_is_nearly_numeric(const Table *table, uint32_t column, int64_t *row)
{
    int64_t values = 0, numbers = 0, others = 0; /* others: numbers as another dialect writes them, dates and times */
    double number;
    for (int64_t r = 0; r < table->rows; r++) {
        const char *cell = table_cell(table, r, column);
        if (!*cell)
            continue;
        bool is_number = parse_number(&table->dialect, cell, &number);
        if (!is_number && values == numbers)
            *row = r;
        values++;
        numbers += is_number;
        others += !is_number && number_hint(&table->dialect, cell).text;
    }
    return values > numbers && (2 * numbers > values || numbers + others == values);
}

static bool is_first_of_file(const Table *table, int64_t row)
{
    for (uint32_t i = 0; i < table->file_count; i++)
        if (table->first_rows[i] == row)
            return true;
    return false;
}

/* What to do if the only row without a number, the first one, is a row of units, or a header although columns are named. */
static const char *advice_for_header(const Table *table, int64_t row)
{
    static _Thread_local char advice[200];
    bool named = table->dialect.name_count > 0;
    snprintf(advice, sizeof advice,
             "if this row is %s, leave it out by 'skip %" PRId64 "'%s; a text for a missing value is said by 'missing \"?\"'",
             named ? "the header" : "one of units or a second header", table_line(table, row),
             named ? "" : " and name the columns, 'columns a, b, c'");
    return advice;
}

/* How to read a column of which `wrong` rows hold no number or no time, the first one in row `first`. */
static Hint hint_of(const Table *table, uint32_t column, const char *time, int64_t wrong, int64_t first)
{
    static _Thread_local char of_time[TIME_HINT];
    const char *cell = table_cell(table, first, column);
    Hint hint = time ? (Hint){time_hint(cell, of_time) ? of_time : NULL, false} : number_hint(&table->dialect, cell);
    if (!hint.text && wrong == 1 && table->rows > 1 && is_first_of_file(table, first))
        hint = (Hint){advice_for_header(table, first), true};
    if (!hint.text && !time)
        hint.text = 2 * wrong < table->rows ? "what stands for a missing value is declared, as in 'missing \"?\"'"
                                            : "a column of texts is encoded by onehot(column) or class(column)";
    return hint;
}

/* Explains that `wrong` rows hold no number, the first one in row `first`. */
static bool refuse_texts(const Table *table, uint32_t column, const char *time, int64_t wrong, int64_t first, Hint *hint,
                         char error[static TABULAR_ERROR])
{
    char name[EXCERPT], value[EXCERPT], format[EXCERPT];
    const char *cell = table_cell(table, first, column);
    if (hint)
        *hint = hint_of(table, column, time, wrong, first);
    tabular_error(error, "%s:%" PRId64 ": the column '%s' holds '%s', which is not a ", table_path(table, first),
                  table_line(table, first), excerpt(table->columns[column].name, name), excerpt(cell, value));
    size_t length = strlen(error);
    const char *what = time ? "time" : "number", *by = time ? " as " : "";
    snprintf(error + length, TABULAR_ERROR - length, "%s%s%s (%" PRId64 " row%s hold%s no %s)", what, by,
             !time   ? ""
             : *time ? excerpt(time, format)
                     : "ISO 8601 writes it",
             wrong, wrong == 1 ? "" : "s", wrong == 1 ? "s" : "", what);
    return false;
}

bool table_numbers(const Table *table, uint32_t column, const char *time, double *values, int64_t *missing,
                   int64_t *first_missing, Hint *hint, char error[static TABULAR_ERROR])
{
    int64_t wrong = 0, first_wrong = 0;
    *missing = *first_missing = 0;
    for (int64_t row = 0; row < table->rows; row++) {
        const char *cell = table_cell(table, row, column);
        double number = NAN;
        if (!*cell) {
            if ((*missing)++ == 0)
                *first_missing = row;
        } else if (!(time ? parse_time(time, cell, &number) : parse_number(&table->dialect, cell, &number)) && wrong++ == 0) {
            first_wrong = row;
        }
        if (values)
            values[row] = number;
    }
    return wrong == 0 || refuse_texts(table, column, time, wrong, first_wrong, hint, error);
}

int64_t table_missing(const Table *table, uint32_t column, int64_t *first)
{
    int64_t missing = 0;
    for (int64_t row = 0; row < table->rows; row++)
        if (!*table_cell(table, row, column) && missing++ == 0)
            *first = row;
    return missing;
}

bool table_missing_error(const Table *table, uint32_t column, int64_t missing, int64_t first, char error[static TABULAR_ERROR])
{
    char name[EXCERPT];
    return tabular_error(error, "%s:%" PRId64 ": the column '%s' has no value here (%" PRId64 " row%s ha%s none)",
                         table_path(table, first), table_line(table, first), excerpt(table->columns[column].name, name), missing,
                         missing == 1 ? "" : "s", missing == 1 ? "s" : "ve");
}

/* ---- categories ---- */

/* A set of texts: open addressing, grown at half full. */
typedef struct TextSet {
    const char **slots;
    size_t capacity, count;
} TextSet;

static uint64_t hash_text(const char *text)
{
    uint64_t hash = fnv_bytes(FNV_EMPTY, text, strlen(text));
    return hash ^ hash >> 29;
}

static const char **find_slot(const TextSet *set, const char *text)
{
    size_t i = hash_text(text) & (set->capacity - 1);
    while (set->slots[i] && strcmp(set->slots[i], text) != 0)
        i = (i + 1) & (set->capacity - 1);
    return &set->slots[i];
}

static bool set_add(TextSet *set, const char *text)
{
    if (2 * set->count >= set->capacity) {
        TextSet grown = {.capacity = set->capacity ? 4 * set->capacity : 256, .count = set->count};
        grown.slots = calloc(grown.capacity, sizeof *grown.slots);
        if (!grown.slots)
            return false;
        for (size_t i = 0; i < set->capacity; i++)
            if (set->slots[i])
                *find_slot(&grown, set->slots[i]) = set->slots[i];
        free(set->slots);
        *set = grown;
    }
    const char **slot = find_slot(set, text);
    set->count += !*slot;
    if (!*slot)
        *slot = text;
    return true;
}

static int compare_texts(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* The category that most rows hold, the first of several. */
static bool find_frequent(const Table *table, uint32_t column, TableColumn *c, char error[static TABULAR_ERROR])
{
    int64_t *counts = calloc(c->category_count + 1, sizeof *counts);
    if (!counts)
        return tabular_error(error, "out of memory");
    for (int64_t row = 0; row < table->rows; row++) {
        const char *cell = table_cell(table, row, column);
        counts[table_category(c->categories, c->category_count, *cell ? cell : table->missing_text)]++;
    }
    c->frequent = 0;
    for (uint32_t i = 1; i < c->category_count; i++)
        if (counts[i] > counts[c->frequent])
            c->frequent = i;
    free(counts);
    return true;
}

bool table_categories(Table *table, uint32_t column, char error[static TABULAR_ERROR])
{
    TableColumn *c = &table->columns[column];
    TextSet set = {0};
    bool fine = true;
    char name[EXCERPT];
    if (c->categories)
        return true;
    for (int64_t row = 0; fine && row < table->rows; row++) {
        const char *cell = table_cell(table, row, column);
        fine = set_add(&set, *cell ? cell : table->missing_text) || tabular_error(error, "out of memory");
        if (fine && set.count > TABLE_MAX_CATEGORIES)
            fine = tabular_error(error, "%s:%" PRId64 ": the column '%s' has more than %d categories", table_path(table, row),
                                 table_line(table, row), excerpt(c->name, name), TABLE_MAX_CATEGORIES);
    }
    if (fine) {
        size_t count = 0;
        for (size_t i = 0; i < set.capacity; i++)
            if (set.slots[i])
                set.slots[count++] = set.slots[i];
        qsort(set.slots, count, sizeof *set.slots, compare_texts);
        c->categories = set.slots;
        c->category_count = (uint32_t)count;
        fine = find_frequent(table, column, c, error);
    } else {
        free(set.slots);
    }
    return fine;
}

typedef struct NumberText {
    double number;
    const char *text;
} NumberText;

static int compare_numbers(const void *left, const void *right)
{
    const NumberText *a = left, *b = right;
    return a->number != b->number ? (a->number > b->number) - (a->number < b->number) : strcmp(a->text, b->text);
}

static int64_t first_row_of(const Table *table, uint32_t column, const char *text)
{
    for (int64_t row = 0; row < table->rows; row++)
        if (!strcmp(table_cell(table, row, column), text))
            return row;
    return table->rows; /* the text that stands for missing values may be in no row */
}

bool table_number_twice(const Table *table, uint32_t column, const char **one, const char **other, int64_t *row)
{
    const TableColumn *c = &table->columns[column];
    NumberText *numbers = malloc((c->category_count + 1) * sizeof *numbers);
    size_t count = 0, twice = 0;
    for (uint32_t i = 0; numbers && i < c->category_count; i++)
        if (parse_number(&table->dialect, c->categories[i], &numbers[count].number))
            numbers[count++].text = c->categories[i];
    if (count > 1)
        qsort(numbers, count, sizeof *numbers, compare_numbers);
    for (size_t i = 1; i < count && !twice; i++)
        twice = numbers[i].number == numbers[i - 1].number ? i : 0;
    if (twice) {
        const char *pair[] = {numbers[twice - 1].text, numbers[twice].text};
        int64_t rows[] = {first_row_of(table, column, pair[0]), first_row_of(table, column, pair[1])};
        bool second = rows[1] > rows[0];
        *one = pair[!second];
        *other = pair[second];
        *row = rows[second];
    }
    free(numbers);
    return twice && *row < table->rows;
}

int32_t table_category(const char *const *categories, uint32_t count, const char *text)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp(categories[middle], text);
        if (order == 0)
            return (int32_t)middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

bool table_codes(const Table *table, uint32_t column, const char *const *categories, uint32_t count, int32_t other,
                 int32_t *codes, int64_t *others, char error[static TABULAR_ERROR])
{
    int64_t unknown = 0, first = 0;
    for (int64_t row = 0; row < table->rows; row++) {
        const char *cell = table_cell(table, row, column);
        codes[row] = table_category(categories, count, *cell ? cell : table->missing_text);
        if (codes[row] >= 0)
            continue;
        if (unknown++ == 0)
            first = row;
        codes[row] = other;
    }
    *others = unknown;
    if (unknown == 0 || other != NO_CODE)
        return true;
    const char *cell = table_cell(table, first, column);
    char name[EXCERPT], value[EXCERPT];
    return tabular_error(
        error,
        "%s:%" PRId64 ": the column '%s' holds '%s', which is none of the %u categories that this program was compiled "
        "for (%" PRId64 " row%s hold%s such a value)",
        table_path(table, first), table_line(table, first), excerpt(table->columns[column].name, name),
        excerpt(*cell ? cell : table->missing_text, value), count, unknown, unknown == 1 ? "" : "s", unknown == 1 ? "s" : "");
}
