/* Tables of cells: headers, files one after the other, missing values, numbers and categories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tabular/table.h"
#include "tests/runtime/run_command.h"

static void write_text(const char *path, const char *text)
{
    write_file(path, text, strlen(text));
}

static const char *const markers[] = {"?", "NA"};
static const char *const both[] = {"a.csv", "b.csv"};

/* The files a.csv and, if `count` is 2, b.csv. */
static bool read_files(Table *table, uint32_t count, const char *const *columns, uint32_t column_count,
                       char error[static TABULAR_ERROR])
{
    TableSource source = {&default_dialect, ".", both, count, markers, 2, columns, column_count};
    return table_read(table, &source, NULL, error);
}

static void check_error(uint32_t count, const char *const *columns, uint32_t column_count, const char *expected)
{
    Table table;
    char error[TABULAR_ERROR] = "";
    assert_false(read_files(&table, count, columns, column_count, error));
    assert_string_equal(error, expected);
    table_free(&table);
}

static void test_columns_and_rows(void **state)
{
    (void)state;
    Table table;
    char error[TABULAR_ERROR] = "";
    write_text("a.csv", "x, ,y,z\n1,2,3,?\n\n4,5,,6\n");
    write_text("b.csv", "# other order, another column\nz,w,x,y\n7,8,9,NA\n");
    assert_true(read_files(&table, 2, NULL, 0, error));
    assert_int_equal(table.column_count, 3); /* one has no name */
    assert_int_equal(table.rows, 3);
    assert_int_equal(table_column(&table, "x"), 0);
    assert_int_equal(table_column(&table, "z"), 2);
    assert_int_equal(table_column(&table, "w"), -1);
    static const char *const cells[3][3] = {{"1", "3", ""}, {"4", "", "6"}, {"9", "", "7"}};
    for (uint32_t row = 0; row < 3; row++)
        for (uint32_t column = 0; column < 3; column++)
            assert_string_equal(table_cell(&table, row, column), cells[row][column]);
    assert_string_equal(table_path(&table, 1), "a.csv");
    assert_int_equal(table_line(&table, 1), 4);
    assert_string_equal(table_path(&table, 2), "b.csv");
    assert_int_equal(table_line(&table, 2), 3);
    table_free(&table);

    const char *wanted[] = {"z", "x"};
    assert_true(read_files(&table, 2, wanted, 2, error));
    assert_int_equal(table.column_count, 2);
    assert_string_equal(table_cell(&table, 1, 0), "6");
    assert_string_equal(table_cell(&table, 1, 1), "4");
    table_free(&table);
}

static void test_refused_tables(void **state)
{
    (void)state;
    const char *wanted[] = {"x", "y"};
    write_text("a.csv", "x,y\n1,2\n3,4,5\n");
    check_error(1, NULL, 0,
                "a.csv:3: the row has 3 fields, but the header has 2; a text that holds the separator must be quoted");
    write_text("a.csv", "x,z\n1,2\n");
    check_error(1, wanted, 2, "a.csv:1: there is no column 'y' in the header");
    write_text("a.csv", "y,x,y\n1,2,3\n");
    check_error(1, wanted, 2, "a.csv:1: two columns are named 'y'");
    write_text("a.csv", ",\n1,2\n");
    check_error(1, NULL, 0, "a.csv:1: the header names no column");
    write_text("a.csv", "x,y\n");
    check_error(1, NULL, 0, "a.csv: holds no rows but its header");
    write_text("a.csv", "# x\n");
    check_error(1, NULL, 0, "a.csv: is empty: its first row must be the header, the names of the columns");
    write_text("a.csv", "x,y\n1,2\n");
    write_text("b.csv", "x,Y\n1,2\n");
    check_error(2, NULL, 0, "b.csv:1: there is no column 'y' in the header");
}

/* The same table in five dialects; what divides the rows is found. */
static void test_separators(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        char separator;
    } files[] = {
        {"name,size of it,n\n\"a, b\",1;5,2\nc,2;5,3\n", ','},
        {"\"name\";\"size of it\";\"n\"\n\"a, b\";1;2\nc;\"2\";3\n", ';'},
        {"name\tsize of it\tn\r\na, b\t1\t2\r\nc\t2\t3\r\n", '\t'},
        {"# a comment, with commas\nname|size of it|n\n\na, b|1|2\nc|2|3", '|'},
        {"  name   \"size of it\"  n\n \"a, b\"\t1    2  \nc 2\t3  ", ' '},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        Table table;
        char error[TABULAR_ERROR] = "";
        write_text("a.csv", files[i].text);
        if (!read_files(&table, 1, NULL, 0, error))
            fail_msg("file %zu: %s", i, error);
        assert_int_equal(table.separator, files[i].separator);
        assert_int_equal(table.column_count, 3);
        assert_int_equal(table.rows, 2);
        assert_int_equal(table_column(&table, "size of it"), 1);
        assert_string_equal(table_cell(&table, 0, 0), "a, b");
        assert_string_equal(table_cell(&table, 1, 0), "c");
        assert_string_equal(table_cell(&table, 1, 2), "3");
        table_free(&table);
    }
}

/* Where nothing divides all rows alike, commas do, and the row that does not fit is the error. */
static void test_rows_that_nothing_divides(void **state)
{
    (void)state;
    const char *wanted[] = {"x"};
    write_text("a.csv", "x;y\n1;2\n3\n");
    check_error(1, wanted, 1, "a.csv:3: the row has 1 field, but the header has 2");
    write_text("a.csv", "x,y\n1,2\n3 4,5 6,7\n");
    check_error(1, NULL, 0,
                "a.csv:3: the row has 3 fields, but the header has 2; a text that holds the separator must be quoted");
    write_text("a.csv", "y;z\n1;2\n");
    check_error(1, wanted, 1, "a.csv:1: there is no column 'x' in the header, divided by ';'");
}

/* Two columns of one name matter to nobody who asks for neither. */
static void test_columns_of_one_name(void **state)
{
    (void)state;
    Table table;
    char error[TABULAR_ERROR] = "";
    const char *wanted[] = {"x"};
    write_text("a.csv", "y,x,y\n1,2,3\n");
    write_text("b.csv", "x,y\n4,5\n");
    assert_true(read_files(&table, 2, NULL, 0, error));
    assert_true(table.columns[table_column(&table, "y")].twice);
    for (uint32_t column = 0; column < table.column_count; column++) /* of which there are two that are "y" */
        if (table.columns[column].twice)
            assert_string_equal(table_cell(&table, 1, column), "");
    assert_false(table.columns[table_column(&table, "x")].twice);
    assert_string_equal(table_cell(&table, 0, (uint32_t)table_column(&table, "x")), "2");
    assert_string_equal(table_cell(&table, 1, (uint32_t)table_column(&table, "x")), "4");
    table_free(&table);
    assert_true(read_files(&table, 2, wanted, 1, error));
    assert_string_equal(table_cell(&table, 0, 0), "2");
    table_free(&table);
    write_text("a.csv", "x,y\n4,5\n");
    write_text("b.csv", "y,x,y\n1,2,3\n");
    assert_true(read_files(&table, 2, NULL, 0, error));
    assert_true(table.columns[table_column(&table, "y")].twice);
    table_free(&table);
}

/* Every row, but not the header, ends with the separator. */
static void test_separators_at_line_ends(void **state)
{
    (void)state;
    Table table;
    char error[TABULAR_ERROR] = "";
    write_text("a.csv", "x,y\n1,2,\n3,4,\n5,6\n");
    assert_true(read_files(&table, 1, NULL, 0, error));
    assert_int_equal(table.rows, 3);
    assert_int_equal(table.column_count, 2);
    assert_string_equal(table_cell(&table, 1, 1), "4");
    table_free(&table);
    write_text("a.csv", "x,y\n1,2,,\n");
    check_error(1, NULL, 0,
                "a.csv:2: the row has 4 fields, but the header has 2; numbers with a decimal comma must be quoted where commas "
                "divide the fields");
}

/* A marker that is a number stands for that number, however it is written. */
static void test_markers_as_numbers(void **state)
{
    (void)state;
    static const char *const numbers[] = {"-999"};
    Table table;
    char error[TABULAR_ERROR] = "";
    write_text("a.csv", "x,y\n-999.0,-9.99e2\n-999,999\n-999.5,x-999\n");
    TableSource source = {&default_dialect, ".", both, 1, numbers, 1, NULL, 0};
    assert_true(table_read(&table, &source, NULL, error));
    static const char *const cells[3][2] = {{"", ""}, {"", "999"}, {"-999.5", "x-999"}};
    for (uint32_t row = 0; row < 3; row++)
        for (uint32_t column = 0; column < 2; column++)
            assert_string_equal(table_cell(&table, row, column), cells[row][column]);
    table_free(&table);
}

static void test_dropped_rows(void **state)
{
    (void)state;
    Table table;
    char error[TABULAR_ERROR] = "";
    write_text("a.csv", "x,y,z\n1,2,\n,2,3\n4,5,6\n");
    write_text("b.csv", "x,y,z\n?,2,3\n7,,3\n8,9,\n");
    assert_true(read_files(&table, 2, NULL, 0, error));
    const uint32_t columns[] = {0, 1};
    assert_int_equal(table_drop(&table, columns, 2), 3);
    assert_int_equal(table.rows, 3);
    assert_int_equal(table.first_rows[1], 2);
    assert_int_equal(table.first_rows[2], 3);
    assert_string_equal(table_cell(&table, 1, 0), "4");
    assert_string_equal(table_cell(&table, 2, 0), "8");
    assert_int_equal(table_line(&table, 2), 4);
    assert_string_equal(table_path(&table, 2), "b.csv");
    assert_int_equal(table_drop(&table, columns, 2), 0);
    table_free(&table);

    write_text("b.csv", "x,y,z\n?,,NA\n");
    assert_true(read_files(&table, 2, NULL, 0, error));
    assert_int_equal(table_drop(&table, columns, 2), 2); /* the last file has no row left */
    assert_int_equal(table.first_rows[1], 2);
    table_free(&table);
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is;
        double number;
    } cases[] = {{"0", true, 0},      {"-12", true, -12},  {"+1.5", true, 1.5}, {".5", true, 0.5}, {"5.", true, 5},
                 {"1e3", true, 1000}, {"1E-2", true, .01}, {"", false, 0},      {"-", false, 0},   {".", false, 0},
                 {"1e", false, 0},    {"1e+", false, 0},   {"nan", false, 0},   {"inf", false, 0}, {"0x10", false, 0},
                 {"1 2", false, 0},   {"1,5", false, 0},   {"1e999", false, 0}, {"--1", false, 0}, {"1.2.3", false, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double number;
        if (parse_number(&default_dialect, cases[i].text, &number) != cases[i].is || (cases[i].is && number != cases[i].number))
            fail_msg("'%s'", cases[i].text);
    }

    Table table;
    char error[TABULAR_ERROR] = "";
    double values[4];
    int64_t missing, first;
    write_text("a.csv", "n,t,e\n1,a,\n?,b,\n-2e1,c,\n,4,\n");
    assert_true(read_files(&table, 1, NULL, 0, error));
    assert_true(table_is_numeric(&table, 0));
    assert_false(table_is_numeric(&table, 1));
    assert_false(table_is_numeric(&table, 2)); /* holds nothing */
    assert_true(table_numbers(&table, 0, NULL, values, &missing, &first, NULL, error));
    assert_true(values[0] == 1 && isnan(values[1]) && values[2] == -20 && isnan(values[3]));
    assert_int_equal(missing, 2);
    assert_int_equal(first, 1);
    assert_false(table_missing_error(&table, 0, missing, first, error));
    assert_string_equal(error, "a.csv:3: the column 'n' has no value here (2 rows have none)");
    assert_false(table_numbers(&table, 1, NULL, values, &missing, &first, NULL, error));
    assert_string_equal(error, "a.csv:2: the column 't' holds 'a', which is not a number (3 rows hold no number)");
    table_free(&table);
}

static void check_number(const char *decimal, const char *thousands, const char *text, double expected)
{
    const Dialect dialect = {.separator = "", .decimal = decimal, .thousands = thousands, .comment = ""};
    double number = NAN;
    bool is = parse_number(&dialect, text, &number);
    if (is != !isnan(expected) || (is && number != expected))
        fail_msg("'%s' with the point '%s' and groups divided by '%s' is %.17g", text, decimal, thousands, number);
}

static void test_numbers_of_dialects(void **state)
{
    (void)state;
    check_number(",", "", "3,5", 3.5);
    check_number(",", "", "-,5e2", -50);
    check_number(",", "", "3.5", NAN); /* a point is none */
    check_number(",", "", "3,5,5", NAN);
    check_number(",", "", "35", 35);
    check_number(",", ".", "1.234.567,25", 1234567.25);
    check_number(",", ".", "1.234", 1234);
    check_number(",", ".", "1.23", NAN);
    check_number(",", ".", "1.2345", NAN);
    check_number(",", ".", "1234.567", NAN); /* a first group of more than three digits */
    check_number(".", ",", "+12,345.5e-1", 1234.55);
    check_number(".", ",", "1,234,56", NAN);
    check_number(".", ",", ",123", NAN);
    check_number(".", "'", "1'000'000", 1e6);
    check_number(".", "\xC2\xA0",
                 "1\xC2\xA0"
                 "000",
                 1000); /* a no-break space */
    check_number(",", ".", "", NAN);
    check_number(",", ".", "-", NAN);
}

static void check_time(const char *format, const char *text, double expected)
{
    double seconds = NAN;
    bool is = parse_time(format, text, &seconds);
    if (is != !isnan(expected) || (is && seconds != expected))
        fail_msg("'%s' by '%s' is %.17g", text, format, seconds);
}

/* Expected numbers are those of `date -u -d TEXT +%s`. */
/* Formats that strptime takes, though it forgets what they read. */
static void test_formats_of_times(void **state)
{
    (void)state;
    static const char *const fine[] = {"",   "%d/%m/%Y", "%-d.%m.%y %H:%M", "%I %p", "%Y-%j", "%Y-%W-%u", "%A, %d %B %Y",
                                       "%s", "%T"};
    static const char *const wrong[] = {"abc",   "%A",       "%H:%M %p", "%Y-%m-%d %H:%M %Z", "%G-W%V-%u", "%Y-%W",
                                        "%S.%f", "%Y-%m-%Q", "%Y%",      "%Y-%\xC3\xA9",      "%%Y"};
    char fault[TIME_HINT], hint[TIME_HINT];
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++)
        if (time_format_fault(fine[i], fault))
            fail_msg("%s: %s", fine[i], fault);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (!time_format_fault(wrong[i], fault))
            fail_msg("%s is taken", wrong[i]);
    assert_true(time_hint("3/10/04 6:30 PM", hint) && strstr(hint, "\"%d/%m/%y %I:%M %p\")', or \"%m/%d/%y %I"));
    assert_true(time_hint("25.12.2004", hint) && strstr(hint, "%d.%m.%Y\")' or") == NULL && strstr(hint, "%d.%m.%Y\")'"));
    assert_true(time_hint("2004-03-10T18:00:00Z", hint) && strstr(hint, "'time(column)'"));
    assert_false(time_hint("12 apples", hint));
}

static void test_times(void **state)
{
    (void)state;
    check_time("", "1970-01-01", 0);
    check_time("", "2004-03-10", 1078876800);
    check_time("", "2004-03-10 18:00:00", 1078941600);
    check_time("", "2004-03-10T18:00:00Z", 1078941600);
    check_time("", "2004-03-10T18:00", 1078941600);
    check_time("", "2004-03-10 18:00:00.25", 1078941600.25);
    check_time("", "18:00", 64800);
    check_time("", "18:00:01", 64801);
    check_time("", "2003-02-29", NAN); /* no day of that year */
    check_time("", "2004-02-29", 1078012800);
    check_time("", "2004-13-01", NAN);
    check_time("", "2004-03-10 later", NAN);
    check_time("", "10/03/2004", NAN);
    check_time("", "", NAN);
    check_time("%d/%m/%Y", "10/03/2004", 1078876800);
    check_time("%d/%m/%Y", "31/04/2004", NAN);
    check_time("%H.%M.%S", "18.00.00", 64800);
    check_time("%d %b %Y", "1 Jan 1969", -31536000);
    check_time("%Y-%m-%d %H:%M:%S %z", "2004-03-10 18:00:00 +0100", 1078938000);
    check_time("%Y-%m", "2004-03", 1078099200);
    check_time("%d/%m/%Y", "10/03/04", NAN); /* not in the year 4 */
    check_time("%d/%m/%y", "10/03/04", 1078876800);
    check_time("%d/%m/%y", "10/03/2004", NAN);
    check_time("", "2004-03-10T18:00:00+01:00", 1078938000);
    check_time("", "2004-03-10T18:00:00.5-0530", 1078961400.5);
    check_time("", "2004-03-10 18:00+01", 1078938000);
    check_time("", "2004-03-10-05", NAN); /* an offset follows a time of the day */
    check_time("", "2004-03-10 18:00:00,25", 1078941600.25);
    check_time("", "2004-03-10 18:00:00.25e3", NAN);
    check_time("%I:%M %p", "12:30 AM", 1800);
    check_time("%I:%M %p", "6:30 PM", 66600);
}

static void test_hints(void **state)
{
    (void)state;
    static const struct {
        const char *text, *hint;
    } cases[] = {{"N/A", "missing"},
                 {"?", "missing"},
                 {"3,5", "decimal"},
                 {"0,250", "decimal"},
                 {"7,350", "thousands"},
                 {"1,234,567", "thousands"},
                 {"1.234,5", "decimal"},
                 {"1 234", "blanks"},
                 {"1'234", "apostrophes"},
                 {"10/03/2004", "time("},
                 {"18:00", "time("},
                 {"2004-03-10T18:00", "time("},
                 {"12%", "percent"},
                 {"$12", "currency"},
                 {"abc", NULL},
                 {"a1", NULL},
                 {"\\N", "missing"},
                 {"#DIV/0!", "missing"},
                 {"\u22125", "U+002D"},
                 {"1\u00A0234", "blanks"},
                 {"1\u202F234,5", "blanks"},
                 {"1\u2019234", "apostrophes"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *hint = number_hint(&default_dialect, cases[i].text).text;
        if (!hint != !cases[i].hint || (hint && !strstr(hint, cases[i].hint)))
            fail_msg("%s: %s", cases[i].text, hint ? hint : "no hint");
    }
}

/* 0,123 is a fraction, of whatever dialect a model says that it is. Blanks and apostrophes have several characters. */
static void test_groups_of_digits(void **state)
{
    (void)state;
    check_number(".", ",", "1,234.5", 1234.5);
    check_number(".", ",", "0,123", NAN);
    check_number(".", ",", "00,123", NAN);
    check_number(".", ",", "0.123", 0.123);
    check_number(",", ".", "-0.123", NAN);
    check_number(",", " ", "1 234,5", 1234.5);
    check_number(",", " ", "1\u00A0234\u202F567,5", 1234567.5);
    check_number(",", "\u00A0", "1\u00A0234", 1234);
    check_number(",", "\u00A0", "1 234", NAN);
    check_number(".", "'", "1\u2019234.5", 1234.5);
    check_number(".", ",", "1\u2019234.5", NAN);
    Dialect comma = default_dialect;
    comma.decimal = ",";
    assert_non_null(strstr(number_hint(&comma, "1.234").text, "'thousands \".\"'"));
    assert_non_null(strstr(number_hint(&comma, "1,234.5").text, "the comma"));
    assert_non_null(strstr(number_hint(&comma, "1.5").text, "the comma"));
    char shown[EXCERPT];
    assert_string_equal(excerpt("1\u00A0234\u202F5 \u00E9\u200B", shown), "1<U+00A0>234<U+202F>5 \u00E9<U+200B>");
}

/* A marker that is a number, as models write numbers and as the files do. */
static void test_markers_of_the_dialect(void **state)
{
    (void)state;
    Dialect comma = default_dialect;
    comma.decimal = ",";
    static const char *const files[] = {"a.csv"}, *const numbers[] = {"-9,5", "-7.5"};
    write_text("a.csv", "x;y\n-9,50;1\n-7,5;2\n-95;3\n");
    TableSource source = {
        .dialect = &comma, .folder = ".", .files = files, .file_count = 1, .markers = numbers, .marker_count = 2};
    Table table;
    char error[TABULAR_ERROR];
    assert_true(table_read(&table, &source, NULL, error));
    assert_string_equal(table_cell(&table, 0, 0), "");
    assert_string_equal(table_cell(&table, 1, 0), "");
    assert_string_equal(table_cell(&table, 2, 0), "-95");
    table_free(&table);
}

/* A quoted text of several lines is one row when the separator is sought. */
static void test_separator_of_long_texts(void **state)
{
    (void)state;
    Table table;
    char error[TABULAR_ERROR] = "";
    write_text("a.csv", "x;t\n1;\"one\ntwo, three\nfour\"\n2;\"a;b\"\n");
    assert_true(read_files(&table, 1, NULL, 0, error));
    assert_int_equal(table.rows, 2);
    assert_string_equal(table_cell(&table, 0, 1), "one\ntwo, three\nfour");
    assert_string_equal(table_cell(&table, 1, 1), "a;b");
    table_free(&table);
}

static void test_categories(void **state)
{
    (void)state;
    Table table;
    char error[TABULAR_ERROR] = "";
    write_text("a.csv", "c\nb\nB\n\"\xC3\xA4\"\n?\nb\naa\na\n\"\"\n");
    assert_true(read_files(&table, 1, NULL, 0, error));
    assert_true(table_categories(&table, 0, error));
    static const char *const expected[] = {"?", "B", "a", "aa", "b", "\xC3\xA4"};
    assert_int_equal(table.columns[0].category_count, 6);
    for (uint32_t i = 0; i < 6; i++)
        assert_string_equal(table.columns[0].categories[i], expected[i]);
    int32_t codes[8];
    int64_t others;
    assert_true(table_codes(&table, 0, expected, 6, NO_CODE, codes, &others, error));
    static const int32_t expected_codes[] = {4, 1, 5, 0, 4, 3, 2, 0};
    assert_memory_equal(codes, expected_codes, sizeof codes);
    assert_false(table_codes(&table, 0, expected, 4, NO_CODE, codes, &others, error)); /* two values are not known */
    assert_string_equal(error,
                        "a.csv:2: the column 'c' holds 'b', which is none of the 4 categories that this program was compiled for "
                        "(3 rows hold such a value)");
    table_free(&table);
}

static void test_too_many_categories(void **state)
{
    (void)state;
    Table table;
    char error[TABULAR_ERROR] = "";
    FILE *file = fopen("a.csv", "w");
    fprintf(file, "c\n");
    for (int i = 0; i < 1000000; i++)
        fprintf(file, "%d\n", i);
    fclose(file);
    assert_true(read_files(&table, 1, NULL, 0, error));
    assert_false(table_categories(&table, 0, error));
    assert_string_equal(error, "a.csv:65538: the column 'c' has more than 65536 categories");
    table_free(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_and_rows),
        cmocka_unit_test(test_refused_tables),
        cmocka_unit_test(test_separators),
        cmocka_unit_test(test_rows_that_nothing_divides),
        cmocka_unit_test(test_columns_of_one_name),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_separators_at_line_ends),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_markers_as_numbers),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_dropped_rows),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_numbers_of_dialects),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_formats_of_times),
        cmocka_unit_test(test_hints),
        cmocka_unit_test(test_groups_of_digits),
        cmocka_unit_test(test_markers_of_the_dialect),
        cmocka_unit_test(test_separator_of_long_texts),
        cmocka_unit_test(test_categories),
        cmocka_unit_test(test_too_many_categories),
    };
    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
