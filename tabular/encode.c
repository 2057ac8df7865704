#include "tabular/encode.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const missing_policy_names[MISSING_POLICIES] = {"error", "mean", "drop"};
const char *const unknown_policy_names[UNKNOWN_POLICIES] = {"error", "missing", "frequent"};
const char *const part_kind_names[PART_KINDS] = {"numbers", "standardize", "normalize", "onehot"};
const char *const test_kind_names[TEST_KINDS] = {"==", "!=", "<", "<=", ">", ">=", "!", "&&", "||"};
const char *const schema_field_kind_names[SCHEMA_FIELD_KINDS] = {"vector", "number", "class", "condition", "index"};

/* ---- sizes ---- */

int64_t schema_width(const Schema *schema, const SchemaField *field)
{
    int64_t width = 0;
    for (uint32_t p = 0; p < field->part_count; p++)
        for (uint32_t k = 0; k < field->parts[p].column_count; k++)
            width += field->parts[p].kind == PART_ONEHOT ? schema->columns[field->parts[p].columns[k]].category_count : 1;
    return width;
}

uint32_t schema_numbers(const SchemaField *field, bool *scaled)
{
    uint32_t count = 0;
    *scaled = false;
    for (uint32_t p = 0; p < field->part_count; p++) {
        const SchemaPart *part = &field->parts[p];
        count += part->kind == PART_ONEHOT ? 0 : part->column_count;
        *scaled |= part->kind == PART_STANDARDIZE || part->kind == PART_NORMALIZE;
    }
    return count;
}

static bool compares_number(const SchemaTest *test)
{
    return test->kind <= TEST_GE && !test->text;
}

uint32_t schema_comparisons(const SchemaField *field)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < field->test_count; i++)
        count += compares_number(&field->tests[i]);
    return count;
}

uint32_t schema_fills(const Schema *schema, const SchemaField *field)
{
    bool scaled;
    if (schema->missing != MISSING_MEAN)
        return 0;
    return field->kind == SCHEMA_CONDITION ? schema_comparisons(field) : schema_numbers(field, &scaled);
}

/* ---- codes ---- */

static int32_t code_of_markers(const Schema *schema, const SchemaColumn *column)
{
    return table_category(column->categories, column->category_count, schema->marker_count ? schema->markers[0] : "");
}

int32_t schema_missing_code(const Schema *schema, const SchemaColumn *column)
{
    return column->label || schema->missing == MISSING_DROP ? NO_CODE : code_of_markers(schema, column);
}

int32_t schema_unknown_code(const Schema *schema, const SchemaColumn *column)
{
    if (column->label || schema->unknown == UNKNOWN_ERROR)
        return NO_CODE;
    return schema->unknown == UNKNOWN_FREQUENT ? (int32_t)column->frequent : code_of_markers(schema, column);
}

/* ---- reading columns ---- */

static bool no_memory(char error[static TABULAR_ERROR])
{
    return tabular_error(error, "out of memory");
}

static bool decode_column(Decoded *d, const Schema *schema, uint32_t index, char error[static TABULAR_ERROR])
{
    const SchemaColumn *column = &schema->columns[index];
    const Table *table = d->table;
    int64_t place = table_column(table, column->name), missing, first;
    char name[EXCERPT];
    if (place < 0)
        return tabular_error(error, "there is no column '%s'", excerpt(column->name, name));
    d->places[index] = (uint32_t)place;
    if (column->number) {
        d->numbers[index] = malloc((size_t)table->rows * sizeof(double));
        if (!d->numbers[index])
            return no_memory(error);
        if (!table_numbers(table, (uint32_t)place, column->time, d->numbers[index], &missing, &first, NULL, error))
            return false;
        if (missing && schema->missing != MISSING_MEAN)
            return table_missing_error(table, (uint32_t)place, missing, first, error);
    }
    if (column->label && (missing = table_missing(table, (uint32_t)place, &first)) > 0)
        return table_missing_error(table, (uint32_t)place, missing, first, error);
    if (!column->categories)
        return true;
    d->codes[index] = malloc((size_t)table->rows * sizeof(int32_t));
    return (d->codes[index] || no_memory(error)) &&
           table_codes(table, (uint32_t)place, column->categories, column->category_count, schema_unknown_code(schema, column),
                       d->codes[index], &d->others[index], error);
}

bool decode(Decoded *decoded, const Table *table, const Schema *schema, char error[static TABULAR_ERROR])
{
    *decoded = (Decoded){.table = table, .column_count = schema->column_count};
    decoded->places = calloc(schema->column_count + 1, sizeof *decoded->places);
    decoded->numbers = calloc(schema->column_count + 1, sizeof *decoded->numbers);
    decoded->codes = calloc(schema->column_count + 1, sizeof *decoded->codes);
    decoded->others = calloc(schema->column_count + 1, sizeof *decoded->others);
    bool fine = (decoded->places && decoded->numbers && decoded->codes && decoded->others) || no_memory(error);
    for (uint32_t i = 0; fine && i < schema->column_count; i++)
        fine = schema->columns[i].skipped || decode_column(decoded, schema, i, error);
    return fine;
}

void decoded_free(Decoded *decoded)
{
    for (uint32_t i = 0; i < decoded->column_count; i++) {
        if (decoded->numbers)
            free(decoded->numbers[i]);
        if (decoded->codes)
            free(decoded->codes[i]);
    }
    free(decoded->places);
    free(decoded->numbers);
    free(decoded->codes);
    free(decoded->others);
    *decoded = (Decoded){0};
}

int64_t decode_drop(Table *table, const Schema *schema)
{
    if (schema->missing != MISSING_DROP)
        return 0;
    uint32_t *columns = malloc((schema->column_count + 1) * sizeof *columns), count = 0;
    if (!columns)
        return -1;
    for (uint32_t i = 0; i < schema->column_count; i++) {
        int64_t place = table_column(table, schema->columns[i].name);
        if (place >= 0 && !schema->columns[i].skipped)
            columns[count++] = (uint32_t)place;
    }
    int64_t dropped = table_drop(table, columns, count);
    free(columns);
    return dropped;
}

/* ---- encoders ---- */

/* Into the rows; false if the value is beyond their type. */
static bool put(const Encoder *encoder, void *rows, int64_t i, double value)
{
    if (encoder->is_f64)
        ((double *)rows)[i] = value;
    else
        ((float *)rows)[i] = (float)value;
    return isfinite(encoder->is_f64 ? value : (double)(float)value);
}

typedef struct Moments {
    int64_t count;
    double mean, deviation, least, most;
} Moments;

/* In two passes, so that the deviation loses no digits where the mean is far from 0. */
static Moments measure(const double *values, const int32_t *order, int64_t count)
{
    Moments m = {.least = INFINITY, .most = -INFINITY};
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < count; i++) {
        double value = values[order[i]];
        if (isnan(value))
            continue;
        sum += value;
        m.least = value < m.least ? value : m.least;
        m.most = value > m.most ? value : m.most;
        m.count++;
    }
    m.mean = m.count ? sum / (double)m.count : 0;
    for (int64_t i = 0; i < count; i++) {
        double away = values[order[i]] - m.mean;
        squares += isnan(away) ? 0 : away * away;
    }
    m.deviation = m.count ? sqrt(squares / (double)m.count) : 0;
    return m;
}

/* The encoder's entry number `i`, which is one of the column's. */
static bool fit_number(const Decoded *d, const Schema *schema, PartKind kind, uint32_t column, const int32_t *order,
                       int64_t count, uint32_t i, Encoder *encoder, char error[static TABULAR_ERROR])
{
    Moments m = measure(d->numbers[column], order, count);
    char name[EXCERPT];
    if (m.count == 0)
        return tabular_error(error, "the column '%s' has no value in any row that encoders are fitted on",
                             excerpt(schema->columns[column].name, name));
    bool constant = m.least == m.most; /* whose mean and deviation, computed, are only nearly this number and 0 */
    double mean = constant ? m.least : m.mean;
    bool fine = isfinite(mean);
    if (encoder->fill)
        encoder->fill[i] = mean;
    if (encoder->mean) {
        bool scaled = kind == PART_STANDARDIZE || kind == PART_NORMALIZE;
        encoder->mean[i] = kind == PART_STANDARDIZE ? mean : kind == PART_NORMALIZE ? m.least : 0;
        encoder->scale[i] = !scaled || constant ? 1 : kind == PART_STANDARDIZE ? m.deviation : m.most - m.least;
        fine = fine && isfinite(encoder->scale[i]);
        if (encoder->scale[i] == 0) /* the squares of tiny differences */
            encoder->scale[i] = 1;
    }
    return fine || tabular_error(error, "the numbers of the column '%s' are too large to be encoded",
                                 excerpt(schema->columns[column].name, name));
}

bool encoder_fit(const Decoded *decoded, const Schema *schema, uint32_t field, const int32_t *order, int64_t count,
                 Encoder *encoder, char error[static TABULAR_ERROR])
{
    const SchemaField *f = &schema->fields[field];
    uint32_t done = 0;
    if (!encoder->mean && !encoder->fill)
        return true;
    for (uint32_t i = 0; i < f->test_count; i++)
        if (compares_number(&f->tests[i]) &&
            !fit_number(decoded, schema, PART_NUMBERS, f->tests[i].column, order, count, done++, encoder, error))
            return false;
    for (uint32_t p = 0; p < f->part_count; p++)
        for (uint32_t k = 0; f->parts[p].kind != PART_ONEHOT && k < f->parts[p].column_count; k++)
            if (!fit_number(decoded, schema, f->parts[p].kind, f->parts[p].columns[k], order, count, done++, encoder, error))
                return false;
    return true;
}

/* ---- rows ---- */

static double filled(const Encoder *encoder, double value, uint32_t i)
{
    return isnan(value) ? encoder->fill[i] : value;
}

static bool encode_vector(const Decoded *d, const Schema *schema, const SchemaField *field, int32_t row, const Encoder *encoder,
                          void *rows, int64_t at, char error[static TABULAR_ERROR])
{
    uint32_t done = 0;
    for (uint32_t p = 0; p < field->part_count; p++) {
        const SchemaPart *part = &field->parts[p];
        for (uint32_t k = 0; k < part->column_count; k++) {
            uint32_t column = part->columns[k];
            if (part->kind == PART_ONEHOT) {
                for (uint32_t c = 0; c < schema->columns[column].category_count; c++)
                    put(encoder, rows, at++, d->codes[column][row] == (int32_t)c);
                continue;
            }
            double value = filled(encoder, d->numbers[column][row], done);
            if (encoder->mean)
                value = (value - encoder->mean[done]) / encoder->scale[done];
            done++;
            char name[EXCERPT], cell[EXCERPT];
            if (!put(encoder, rows, at++, value))
                return tabular_error(error, "%s:%" PRId64 ": the column '%s' holds %s, which is too large to be encoded",
                                     table_path(d->table, row), table_line(d->table, row),
                                     excerpt(schema->columns[column].name, name),
                                     excerpt(table_cell(d->table, row, d->places[column]), cell));
        }
    }
    return true;
}

static bool is_marker(const Schema *schema, const char *text)
{
    bool is = !*text;
    for (uint32_t i = 0; i < schema->marker_count; i++)
        is |= !strcmp(schema->markers[i], text);
    return is;
}

static bool compare(const Decoded *d, const Schema *schema, const SchemaTest *test, int32_t row, const Encoder *encoder,
                    uint32_t *done)
{
    if (test->text) { /* a missing value equals every text that stands for a missing value */
        const char *cell = table_cell(d->table, row, d->places[test->column]);
        bool equal = *cell ? !strcmp(cell, test->text) : is_marker(schema, test->text);
        return equal == (test->kind == TEST_EQ);
    }
    double value = filled(encoder, d->numbers[test->column][row], (*done)++);
    switch (test->kind) {
    case TEST_EQ:
        return value == test->number;
    case TEST_NE:
        return value != test->number;
    case TEST_LT:
        return value < test->number;
    case TEST_LE:
        return value <= test->number;
    case TEST_GT:
        return value > test->number;
    default:
        return value >= test->number;
    }
}

/* The tests are well formed: every operator finds its operands, one truth value is left, TEST_MAX_DEPTH is never exceeded. */
static bool decide(const Decoded *d, const Schema *schema, const SchemaField *field, int32_t row, const Encoder *encoder)
{
    bool stack[TEST_MAX_DEPTH];
    uint32_t depth = 0, done = 0;
    for (uint32_t i = 0; i < field->test_count; i++) {
        const SchemaTest *test = &field->tests[i];
        if (test->kind == TEST_NOT) {
            stack[depth - 1] = !stack[depth - 1];
        } else if (test->kind == TEST_AND || test->kind == TEST_OR) {
            depth--;
            stack[depth - 1] = test->kind == TEST_AND ? stack[depth - 1] && stack[depth] : stack[depth - 1] || stack[depth];
        } else {
            stack[depth++] = compare(d, schema, test, row, encoder, &done);
        }
    }
    return stack[0];
}

bool encode_field(const Decoded *decoded, const Schema *schema, uint32_t field, const int32_t *order, int64_t count,
                  const Encoder *encoder, void *rows, char error[static TABULAR_ERROR])
{
    const SchemaField *f = &schema->fields[field];
    int64_t width = schema_width(schema, f);
    if (f->kind == SCHEMA_INDEX) /* the table says nothing of it */
        return true;
    for (int64_t i = 0; i < count; i++) {
        if (f->kind == SCHEMA_CLASS)
            ((int32_t *)rows)[i] = decoded->codes[f->column][order[i]];
        else if (f->kind == SCHEMA_CONDITION)
            ((unsigned char *)rows)[i] = decide(decoded, schema, f, order[i], encoder);
        else if (!encode_vector(decoded, schema, f, order[i], encoder, rows, i * width, error))
            return false;
    }
    return true;
}
