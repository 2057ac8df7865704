/* The CSV reader: what a row is, and everything it must refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <cmocka.h>
#include <zlib.h>

#include "tabular/reader.h"
#include "tests/runtime/run_command.h"

/* "LINE:field|field;" for each row, until `most` bytes are full. */
typedef struct Seen {
    char text[4096];
    size_t rows;
} Seen;

static bool note_row(void *context, const ReaderRow *row, char error[static TABULAR_ERROR])
{
    (void)error;
    Seen *seen = context;
    size_t length = strlen(seen->text);
    seen->rows++;
    length += (size_t)snprintf(seen->text + length, sizeof seen->text - length, "%d:", (int)row->line);
    for (size_t i = 0; i < row->count && length < sizeof seen->text - 1; i++)
        length +=
            (size_t)snprintf(seen->text + length, sizeof seen->text - length, "%s%s", i ? "|" : "", row->text + row->offsets[i]);
    if (length < sizeof seen->text - 1)
        snprintf(seen->text + length, sizeof seen->text - length, ";");
    return true;
}

static void check_rows(const void *bytes, size_t size, const char *expected)
{
    Seen seen = {0};
    char error[TABULAR_ERROR] = "";
    write_file("a.csv", bytes, size);
    assert_true(reader_read("a.csv", &default_dialect, note_row, &seen, NULL, error) || (print_error("%s\n", error), false));
    assert_string_equal(seen.text, expected);
}

#define ROWS(text, expected) check_rows(text, sizeof text - 1, expected)

static void test_rows(void **state)
{
    (void)state;
    ROWS("a,b\n1,2\n", "1:a|b;2:1|2;");
    ROWS("a,b\r\n1,2\r\n", "1:a|b;2:1|2;");
    ROWS("a,b\n1,2", "1:a|b;2:1|2;"); /* no end of line at the end */
    ROWS("\xEF\xBB\xBF"
         "a,b\n1,2\n",
         "1:a|b;2:1|2;");                                         /* a byte order mark */
    ROWS("a, b ,\t c\n 1 , ,3 \n", "1:a|b|c;2:1||3;");            /* blanks around fields */
    ROWS("# x\n\n  \na,b\n#1,2\n  # 3\n1,#2\n", "4:a|b;7:1|#2;"); /* comments only where a row could begin */
    ROWS("\"a, \"\"b\"\"\", \"c\nd\"\n1,2\n", "1:a, \"b\"|c\nd;3:1|2;");
    ROWS("a,\"x\n# no comment\n\ny\"\nb,\n", "1:a|x\n# no comment\n\ny;5:b|;");
    ROWS("\"\",a\n,\n", "1:|a;2:|;");
    ROWS("", "");
    ROWS("\n\n", "");
    ROWS("\xC3\xA4,\xE2\x82\xAC,\xF0\x9F\x98\x80\n", "1:\xC3\xA4|\xE2\x82\xAC|\xF0\x9F\x98\x80;");
}

static void check_error(const void *bytes, size_t size, const char *expected)
{
    Seen seen = {0};
    char error[TABULAR_ERROR] = "";
    write_file("a.csv", bytes, size);
    assert_false(reader_read("a.csv", &default_dialect, note_row, &seen, NULL, error));
    if (!strstr(error, expected))
        fail_msg("expected '%s', saw '%s'", expected, error);
}

#define ERROR(text, expected) check_error(text, sizeof text - 1, expected)

static void test_malformed_text(void **state)
{
    (void)state;
    ERROR("a,b\n1,\"2\n3,4\n", "a.csv:2: a quoted field is not closed");
    ERROR("a,b\n1,2\"3\"\n", "a.csv:2: a quote");
    ERROR("a,b\n1,\"2\"3\n", "a.csv:2: a quote");
    ERROR("a,b\n1,2\0\n", "a.csv:2: holds a NUL byte");
    ERROR("a,b\n\n1,caf\xE9\n", "a.csv:3: the byte 0xe9 is not UTF-8");
    ERROR("a\xC0\x80\n", "a.csv:1: the byte 0xc0");     /* an overlong NUL */
    ERROR("a\xED\xA0\x80\n", "a.csv:1: the byte 0xed"); /* a surrogate */
    ERROR("a\xF4\x90\x80\x80\n", "a.csv:1: the byte 0xf4");
    ERROR("a\xE2\x82", "a.csv:1: the byte 0xe2");
    ERROR("\xFF\xFE"
          "a\0,\0b\0\n\0",
          "a.csv:1: holds UTF-16 text;");
}

/* `count` times the character, with text before and behind. */
static void check_long(const char *before, char c, size_t count, const char *behind, const char *expected)
{
    size_t head = strlen(before), size = head + count + strlen(behind);
    char *text = malloc(size);
    memcpy(text, before, head);
    memset(text + head, c, count);
    memcpy(text + head + count, behind, strlen(behind));
    check_error(text, size, expected);
    free(text);
}

static void test_limits(void **state)
{
    (void)state;
    check_long("a\n1\n", ',', 1000000, "\n", "a.csv:3: the row has more than 65536 fields");
    check_long("a,b\n1,", 'x', 2 << 20, ",3\n", "a.csv:2: a field is longer than 1048576 bytes");
    check_long("a,b\n1,\"", '\n', 2 << 20, "\",3\n", "a.csv:2: a field is longer than 1048576 bytes; is a quote not closed?");
    check_long("a,b\n", 'x', 20 << 20, "", "a.csv:2: the line is longer than 16777216 bytes");
}

static void write_gz(const char *path, const char *text)
{
    gzFile file = gzopen(path, "wb");
    assert_int_equal(gzwrite(file, text, (unsigned)strlen(text)), (int)strlen(text));
    assert_int_equal(gzclose(file), Z_OK);
}

static void test_compressed(void **state)
{
    (void)state;
    Seen seen = {0};
    char error[TABULAR_ERROR], rows[4000] = "a,b\n";
    for (int i = 0; i < 300; i++)
        sprintf(rows + strlen(rows), "%d,%d\n", i * 7919 % 1000, i);
    write_gz("b.csv.gz", rows);
    assert_true(reader_read("b.csv.gz", &default_dialect, note_row, &seen, NULL, error));
    assert_int_equal(seen.rows, 301);
    size_t size;
    char *bytes = read_file("b.csv.gz", &size);
    check_error(bytes, size - 6, "a.csv: the compressed data is truncated");
    check_error(bytes, size / 2, "a.csv: the compressed data is truncated");
    bytes[size / 2] ^= 0x40;
    bytes[size - 5] ^= 0x40;
    check_error(bytes, size, "a.csv: ");
    free(bytes);
}

static void test_files(void **state)
{
    (void)state;
    Seen seen = {0};
    char error[TABULAR_ERROR];
    assert_false(reader_read("none.csv", &default_dialect, note_row, &seen, NULL, error));
    assert_string_equal(error, "none.csv: No such file or directory");
    assert_int_equal(mkdir("folder", 0777), 0);
    assert_false(reader_read("folder", &default_dialect, note_row, &seen, NULL, error));
    assert_string_equal(error, "folder: is not a file");
    assert_int_equal(mkfifo("pipe", 0666), 0); /* nobody ever writes to it */
    assert_false(reader_read("pipe", &default_dialect, note_row, &seen, NULL, error));
    assert_string_equal(error, "pipe: is not a file");
    assert_false(reader_read("/dev/zero", &default_dialect, note_row, &seen, NULL, error)); /* which would never end */
    write_file("folder/x.csv.gz", "", 0);
    write_file("folder/y.csv", "", 0);
    static const char *const names[][3] = {{"folder", "x.csv", "folder/x.csv.gz"},
                                           {"folder", "y.csv.gz", "folder/y.csv"},
                                           {"folder", "z.csv", "folder/z.csv"},
                                           {".", "z.csv", "z.csv"},
                                           {"folder", "/z.csv", "/z.csv"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = reader_find(names[i][0], names[i][1]);
        assert_string_equal(path, names[i][2]);
        free(path);
    }
}

static bool refuse_second(void *context, const ReaderRow *row, char error[static TABULAR_ERROR])
{
    return ++*(int *)context < 2 || tabular_error(error, "refused in line %d", (int)row->line);
}

static void test_refused_row_ends_reading(void **state)
{
    (void)state;
    int rows = 0;
    char error[TABULAR_ERROR];
    write_file("a.csv", "1\n2\n3\n4\n", 8);
    assert_false(reader_read("a.csv", &default_dialect, refuse_second, &rows, NULL, error));
    assert_string_equal(error, "refused in line 2");
    assert_int_equal(rows, 2);
}

static void test_excerpts(void **state)
{
    (void)state;
    char out[EXCERPT];
    assert_string_equal(excerpt("a\nb\x7F", out), "a b ");
    assert_string_equal(excerpt("123456789012345678901234567890123456789012345678", out),
                        "123456789012345678901234567890123456789012345678");
    assert_string_equal(excerpt("12345678901234567890123456789012345678901234567\xC3\xA4 and more", out),
                        "12345678901234567890123456789012345678901234567..."); /* not through a character */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),       cmocka_unit_test(test_malformed_text), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_compressed), cmocka_unit_test(test_files),          cmocka_unit_test(test_refused_row_ends_reading),
        cmocka_unit_test(test_excerpts),
    };
    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
