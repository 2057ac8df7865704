/* Encoding by a schema, against numbers worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "tabular/encode.h"
#include "tests/runtime/run_command.h"

enum { AGE, SIZE, JOB, COLUMNS };
static const char *jobs[] = {"?", "clerk", "cook"};
static const char *const marker[] = {"?"};
static const char *const files[] = {"a.csv"};
static const char *const names[] = {"age", "size", "job"};
static SchemaColumn columns[COLUMNS] = {
    {.name = "age", .number = true}, {.name = "size", .number = true}, {.name = "job", .categories = jobs, .category_count = 3}};
static uint32_t age[] = {AGE}, age_and_size[] = {AGE, SIZE}, job[] = {JOB};
static SchemaPart parts[] = {{PART_STANDARDIZE, age, 1}, {PART_ONEHOT, job, 1}, {PART_NORMALIZE, age_and_size, 2}};
static SchemaPart plain[] = {{PART_NUMBERS, age, 1}};
/* !(job == "cook") && age >= 3 || job != "?" && 0 */
static SchemaTest tests[] = {{TEST_EQ, JOB, "cook", 0}, {.kind = TEST_NOT},          {TEST_GE, AGE, NULL, 3}, {.kind = TEST_AND},
                             {TEST_NE, JOB, "?", 0},    {TEST_LT, SIZE, NULL, -1e9}, {.kind = TEST_AND},      {.kind = TEST_OR}};
static SchemaField fields[] = {{.kind = SCHEMA_VECTOR, .parts = parts, .part_count = 3},
                               {.kind = SCHEMA_NUMBER, .parts = plain, .part_count = 1},
                               {.kind = SCHEMA_CLASS, .column = JOB},
                               {.kind = SCHEMA_CONDITION, .tests = tests, .test_count = 8}};

static Schema schema_with(MissingPolicy missing)
{
    return (Schema){.markers = marker,
                    .marker_count = 1,
                    .missing = missing,
                    .dialect = default_dialect,
                    .columns = columns,
                    .fields = fields,
                    .column_count = COLUMNS,
                    .field_count = 4};
}

static void read_table(Table *table, const char *text)
{
    char error[TABULAR_ERROR];
    TableSource source = {&default_dialect, ".", files, 1, marker, 1, names, COLUMNS};
    write_file("a.csv", text, strlen(text));
    assert_true(table_read(table, &source, NULL, error) || (print_error("%s\n", error), false));
}

static void test_sizes(void **state)
{
    (void)state;
    Schema schema = schema_with(MISSING_MEAN);
    bool scaled;
    assert_int_equal(schema_width(&schema, &fields[0]), 6);
    assert_int_equal(schema_numbers(&fields[0], &scaled), 3);
    assert_true(scaled);
    assert_int_equal(schema_numbers(&fields[1], &scaled), 1);
    assert_false(scaled);
    assert_int_equal(schema_comparisons(&fields[3]), 2);
    assert_int_equal(schema_fills(&schema, &fields[3]), 2);
    schema.missing = MISSING_DROP;
    assert_int_equal(schema_fills(&schema, &fields[3]), 0);
}

/* Rows 0 to 2 are the training rows: ages 1, 3 and 8 have mean 4 and variance 26 / 3; sizes 10, -, 30. */
static void test_encoded_rows(void **state)
{
    (void)state;
    Schema schema = schema_with(MISSING_MEAN);
    Table table;
    Decoded decoded;
    char error[TABULAR_ERROR];
    const int32_t order[] = {0, 1, 2, 4, 3};
    read_table(&table, "age,size,job\n1,10,cook\n3,?,clerk\n8,30,\n100,20,clerk\n?,50,cook\n");
    assert_true(decode(&decoded, &table, &schema, error));
    double mean[3], scale[3], fill[3];
    float rows[5][6];
    Encoder encoder = {false, mean, scale, fill};
    assert_true(encoder_fit(&decoded, &schema, 0, order, 3, &encoder, error));
    const double deviation = sqrt(26.0 / 3);
    const double means[] = {4, 1, 10}, scales[] = {deviation, 7, 20}, fills[] = {4, 4, 20};
    assert_memory_equal(mean, means, sizeof mean);
    assert_memory_equal(scale, scales, sizeof scale);
    assert_memory_equal(fill, fills, sizeof fill);
    assert_true(encode_field(&decoded, &schema, 0, order, 5, &encoder, rows, error));
    const double expected[5][6] = {{-3 / deviation, 0, 0, 1, 0, 0},
                                   {-1 / deviation, 0, 1, 0, 2.0 / 7, 0.5},
                                   {4 / deviation, 1, 0, 0, 1, 1},
                                   {0, 0, 0, 1, 3.0 / 7, 2}, /* a missing age is the mean */
                                   {96 / deviation, 0, 1, 0, 99.0 / 7, 0.5}};
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < 6; k++)
            assert_true(fabs(rows[i][k] - expected[i][k]) <= 1e-6 * (1 + fabs(expected[i][k])));

    double plain_fill[1], plain_rows[5];
    Encoder wide = {true, NULL, NULL, plain_fill};
    assert_true(encoder_fit(&decoded, &schema, 1, order, 3, &wide, error));
    assert_true(encode_field(&decoded, &schema, 1, order, 5, &wide, plain_rows, error));
    assert_true(plain_rows[0] == 1 && plain_rows[3] == 4 && plain_rows[4] == 100);

    int32_t classes[5];
    assert_true(encode_field(&decoded, &schema, 2, order, 5, &wide, classes, error));
    assert_memory_equal(classes, ((int32_t[]){2, 1, 0, 2, 1}), sizeof classes);

    unsigned char truths[5];
    Encoder condition = {false, NULL, NULL, fill};
    assert_true(encoder_fit(&decoded, &schema, 3, order, 3, &condition, error));
    assert_true(encode_field(&decoded, &schema, 3, order, 5, &condition, truths, error));
    assert_memory_equal(truths, ((unsigned char[]){0, 1, 1, 0, 1}), sizeof truths);
    decoded_free(&decoded);
    table_free(&table);
}

/* A table whose rows are encoded as the vector of fields[0], in floats. */
enum { MOST_ROWS = 60 };
typedef struct Encoding {
    Schema schema;
    Table table;
    Decoded decoded;
    int32_t order[MOST_ROWS];
    double mean[3], scale[3];
    float rows[MOST_ROWS][6];
    char error[TABULAR_ERROR];
} Encoding;

/* Reads the table; returns whether its columns can be decoded. */
static bool open_encoding(Encoding *e, UnknownPolicy unknown, const char *text)
{
    *e = (Encoding){.schema = schema_with(MISSING_ERROR)};
    e->schema.unknown = unknown;
    for (int32_t i = 0; i < MOST_ROWS; i++)
        e->order[i] = i;
    read_table(&e->table, text);
    return decode(&e->decoded, &e->table, &e->schema, e->error);
}

static bool fit(Encoding *e, int64_t count)
{
    Encoder encoder = {false, e->mean, e->scale, NULL};
    return encoder_fit(&e->decoded, &e->schema, 0, e->order, count, &encoder, e->error);
}

static bool encode(Encoding *e, int64_t count)
{
    Encoder encoder = {false, e->mean, e->scale, NULL};
    return encode_field(&e->decoded, &e->schema, 0, e->order, count, &encoder, e->rows, e->error);
}

static void close_encoding(Encoding *e)
{
    decoded_free(&e->decoded);
    table_free(&e->table);
}

static void test_constant_columns(void **state)
{
    (void)state;
    Encoding e;
    assert_true(open_encoding(&e, UNKNOWN_ERROR, "age,size,job\n5,1e-60,cook\n5,2e-60,cook\n7,1e300,cook\n"));
    assert_true(fit(&e, 2));
    assert_true(e.scale[0] == 1 && e.scale[1] == 1 && e.scale[2] == 1e-60); /* the ages are 5, 5 */
    assert_true(encode(&e, 2));
    assert_true(e.rows[0][0] == 0 && e.rows[1][4] == 0 && e.rows[0][5] == 0 && e.rows[1][5] == 1);
    assert_false(encode(&e, 3));
    assert_string_equal(e.error, "a.csv:4: the column 'size' holds 1e300, which is too large to be encoded");
    close_encoding(&e);

    assert_true(open_encoding(&e, UNKNOWN_ERROR, "age,size,job\n5,-1e308,cook\n5,1e308,cook\n"));
    assert_false(fit(&e, 2)); /* their difference is infinite */
    assert_string_equal(e.error, "the numbers of the column 'size' are too large to be encoded");
    close_encoding(&e);
}

/* A mean that is computed of equal numbers may not be the number, nor the deviation 0: .1 added up sixty times. */
static void test_equal_numbers(void **state)
{
    (void)state;
    Encoding e;
    char text[2048] = "age,size,job\n";
    for (int i = 0; i < MOST_ROWS; i++)
        strcat(text, "0.1,1,cook\n");
    assert_true(open_encoding(&e, UNKNOWN_ERROR, text));
    assert_true(fit(&e, MOST_ROWS));
    assert_true(e.mean[0] == 0.1 && e.scale[0] == 1);
    assert_true(encode(&e, MOST_ROWS));
    for (int i = 0; i < MOST_ROWS; i++)
        assert_true(e.rows[i][0] == 0);
    close_encoding(&e);
}

/* Seconds since 1970 have more digits than a float. */
static void test_time_stamps(void **state)
{
    (void)state;
    Encoding e;
    assert_true(open_encoding(&e, UNKNOWN_ERROR, "age,size,job\n1700000000,1,cook\n1700000001,1,cook\n1700000005,1,cook\n"));
    assert_true(fit(&e, 3));
    assert_true(encode(&e, 3));
    const double deviation = sqrt((4 + 1 + 9) / 3.0); /* -2, -1, 3 */
    assert_true(fabs(e.rows[0][0] + 2 / deviation) < 1e-6 && fabs(e.rows[2][0] - 3 / deviation) < 1e-6);
    assert_true(e.rows[0][4] == 0 && e.rows[1][4] == 0.2f && e.rows[2][4] == 1);
    close_encoding(&e);
}

/* A category that the compiler's files do not hold. */
static void check_unknown(UnknownPolicy unknown, uint32_t frequent, const float expected[3], int64_t others)
{
    Encoding e;
    columns[JOB].frequent = frequent;
    assert_int_equal(open_encoding(&e, unknown, "age,size,job\n1,2,cook\n3,4,pilot\n"), expected != NULL);
    if (expected) {
        assert_int_equal(e.decoded.others[JOB], others);
        assert_true(fit(&e, 2));
        assert_true(encode(&e, 2));
        assert_memory_equal(&e.rows[1][1], expected, 3 * sizeof *expected);
    } else {
        assert_non_null(strstr(e.error, "'pilot', which is none of the 3 categories"));
    }
    columns[JOB].frequent = 0;
    close_encoding(&e);
}

static void test_unknown_categories(void **state)
{
    (void)state;
    static const float missing[] = {1, 0, 0}, clerk[] = {0, 1, 0}, none[] = {0, 0, 0};
    check_unknown(UNKNOWN_ERROR, 1, NULL, 0);
    check_unknown(UNKNOWN_MISSING, 1, missing, 1);
    check_unknown(UNKNOWN_FREQUENT, 1, clerk, 1);
    jobs[0] = "aviator"; /* no value is missing in the compiler's files */
    check_unknown(UNKNOWN_MISSING, 1, none, 1);
    jobs[0] = "?";
    columns[JOB].label = true;
    check_unknown(UNKNOWN_FREQUENT, 1, NULL, 0); /* a label is never replaced */
    columns[JOB].label = false;
}

static void check_decode(MissingPolicy missing, bool label, const char *text, const char *expected)
{
    Schema schema = schema_with(missing);
    Table table;
    Decoded decoded;
    char error[TABULAR_ERROR] = "";
    columns[JOB].label = label;
    read_table(&table, text);
    assert_true(decode_drop(&table, &schema) >= 0);
    assert_int_equal(decode(&decoded, &table, &schema, error), expected == NULL);
    assert_string_equal(error, expected ? expected : "");
    columns[JOB].label = false;
    decoded_free(&decoded);
    table_free(&table);
}

static void test_missing_values(void **state)
{
    (void)state;
    static const char text[] = "age,size,job\n1,2,cook\n?,3,cook\n2,2,\n";
    check_decode(MISSING_ERROR, false, text, "a.csv:3: the column 'age' has no value here (1 row has none)");
    check_decode(MISSING_MEAN, false, text, NULL);
    check_decode(MISSING_MEAN, true, text, "a.csv:4: the column 'job' has no value here (1 row has none)");
    check_decode(MISSING_DROP, true, text, NULL);
    check_decode(
        MISSING_ERROR, false, "age,size,job\n1,2,chef\n",
        "a.csv:2: the column 'job' holds 'chef', which is none of the 3 categories that this program was compiled for (1 row "
        "holds such a value)");
    check_decode(MISSING_MEAN, false, "age,size,job\n1,2,cook\n1,two,cook\n",
                 "a.csv:3: the column 'size' holds 'two', which is not a number (1 row holds no number)");
}

static void test_nothing_to_fit(void **state)
{
    (void)state;
    Schema schema = schema_with(MISSING_MEAN);
    Table table;
    Decoded decoded;
    char error[TABULAR_ERROR];
    const int32_t order[] = {0, 1};
    double mean[3], scale[3], fill[3];
    Encoder encoder = {false, mean, scale, fill};
    read_table(&table, "age,size,job\n1,?,cook\n1,2,cook\n");
    assert_true(decode(&decoded, &table, &schema, error));
    assert_true(encoder_fit(&decoded, &schema, 0, order, 2, &encoder, error));
    assert_false(encoder_fit(&decoded, &schema, 0, order, 1, &encoder, error));
    assert_string_equal(error, "the column 'size' has no value in any row that encoders are fitted on");
    decoded_free(&decoded);
    table_free(&table);
}

int main(void)
{
    const struct CMUnitTest unit_tests[] = {
        cmocka_unit_test(test_sizes),          cmocka_unit_test(test_encoded_rows),   cmocka_unit_test(test_constant_columns),
        cmocka_unit_test(test_equal_numbers),  cmocka_unit_test(test_time_stamps),    cmocka_unit_test(test_unknown_categories),
        cmocka_unit_test(test_missing_values), cmocka_unit_test(test_nothing_to_fit),
    };
    return cmocka_run_group_tests(unit_tests, folder_set_up, folder_tear_down);
}
