/* Any bytes, read as a CSV file, plain or compressed: refused with a message, or a table whose columns can be encoded. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tabular/error.h"
#include "tabular/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_column(Table *table, uint32_t column)
{
    char error[TABULAR_ERROR] = "";
    int64_t missing, first, others;
    Hint hint = {0};
    double seconds;
    bool numeric = table_is_numeric(table, column);
    bool numbers = table_numbers(table, column, NULL, NULL, &missing, &first, &hint, error);
    bool found = table_column(table, table->columns[column].name) == column || table->columns[column].twice;
    if (numbers != (numeric || missing == table->rows) || !found)
        abort();
    if (numbers != !hint.text || (table_is_nearly_numeric(table, column, &first) && numeric))
        abort();
    if (!table_categories(table, column, error))
        abort(); /* a fuzzer's file is too short for too many categories */
    const TableColumn *c = &table->columns[column];
    for (uint32_t i = 0; i + 1 < c->category_count; i++)
        if (strcmp(c->categories[i], c->categories[i + 1]) >= 0)
            abort();
    int32_t *codes = malloc((size_t)table->rows * sizeof *codes + 1);
    if (!table_codes(table, column, c->categories, c->category_count, NO_CODE, codes, &others, error) || others)
        abort();
    for (int64_t row = 0; row < table->rows; row++) {
        const char *cell = table_cell(table, row, column);
        if (strcmp(c->categories[codes[row]], *cell ? cell : table->missing_text) != 0)
            abort();
        char how[TIME_HINT], shown[EXCERPT];
        if ((parse_time("", cell, &seconds) && !isfinite(seconds)) ||
            (parse_time("%d/%m/%Y", cell, &seconds) && !time_hint(cell, how)))
            abort();
        if (time_format_fault(cell, how) && !*how)
            abort();
        excerpt(cell, shown);
    }
    free(codes);
}

static const char *const names[] = {"a", "", "b"};
static const Dialect dialects[] = {
    {.separator = "", .decimal = ".", .thousands = "", .comment = "#"},
    {.separator = ";", .decimal = ",", .thousands = ".", .comment = ""},
    {.separator = "", .decimal = ".", .thousands = ",", .comment = "//", .skip = 1},
    {.separator = "", .decimal = ",", .thousands = " ", .comment = "#", .names = names, .name_count = 3},
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char *const markers[] = {"?", "NA"};
    char path[64], error[TABULAR_ERROR] = "";
    int file = memfd_create("fuzz.csv", 0);
    if (file < 0 || write(file, bytes, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    const char *files[] = {path, path};
    TableSource source = {&dialects[size / 2 % 4], ".", files, 1 + size % 2, markers, 2, NULL, 0};
    Table table;
    bool fine = table_read(&table, &source, NULL, error);
    if (fine == (error[0] != 0))
        abort();
    for (uint32_t i = 0; fine && i < table.column_count && i < 8; i++)
        check_column(&table, i);
    if (fine && table_drop(&table, (const uint32_t[]){0}, 1) < 0)
        abort();
    table_free(&table);
    close(file);
    return 0;
}
