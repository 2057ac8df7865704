#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "support/diagnostics.h"

static const char text[] = "first line\n  second\tline\nthird";
static const Source source = {"models/a.hn", text, sizeof text - 1};

static Span span(uint32_t begin, uint32_t end)
{
    return (Span){&source, begin, end};
}

static void expect(Diagnostics *diags, const char *expected)
{
    char *printed = NULL;
    size_t size;
    FILE *out = open_memstream(&printed, &size);
    diag_print(diags, out);
    fclose(out);
    assert_string_equal(printed, expected);
    free(printed);
    diag_free(diags);
}

static void excerpt_and_caret(void **unused)
{
    (void)unused;
    Diagnostics diags = {0};
    diag_error(&diags, span(13, 19), "'%s' is wrong", "second");
    diag_help(&diags, "did you mean '%s'?", "seconds");
    diag_note(&diags, span(0, 5), "declared here");
    assert_int_equal(diags.errors, 1);
    expect(&diags, "models/a.hn:2:3: error: 'second' is wrong\n"
                   "     2 |   second line\n"
                   "       |   ^~~~~~\n"
                   "        help: did you mean 'seconds'?\n"
                   "models/a.hn:1:1: note: declared here\n"
                   "     1 | first line\n"
                   "       | ^~~~~\n");
}

static void ordered_by_place_without_duplicates(void **unused)
{
    (void)unused;
    Diagnostics diags = {0};
    diag_error(&diags, span(25, 30), "later");
    diag_warning(&diags, span(0, 1), "earlier");
    diag_error(&diags, span(25, 30), "later");
    assert_int_equal(diags.errors, 2);
    assert_int_equal(diags.warnings, 1);
    expect(&diags, "models/a.hn:1:1: warning: earlier\n"
                   "     1 | first line\n"
                   "       | ^\n"
                   "models/a.hn:3:1: error: later\n"
                   "     3 | third\n"
                   "       | ^~~~~\n");
}

static void without_a_place(void **unused)
{
    (void)unused;
    Diagnostics diags = {0};
    diag_error(&diags, (Span){0}, "no file");
    expect(&diags, "hnc: error: no file\n");
}

static void errors_beyond_the_limit_are_counted(void **unused)
{
    (void)unused;
    Diagnostics diags = {0};
    for (int i = 0; i < DIAG_LIMIT + 3; i++)
        diag_error(&diags, (Span){0}, "error %d", i);
    diag_note(&diags, (Span){0}, "a note to an error that is not shown");
    assert_int_equal(diags.errors, DIAG_LIMIT + 3);
    assert_int_equal(diags.list.len, DIAG_LIMIT);
    char *printed = NULL;
    size_t size;
    FILE *out = open_memstream(&printed, &size);
    diag_print(&diags, out);
    fclose(out);
    assert_non_null(strstr(printed, "3 more errors are not shown"));
    assert_null(strstr(printed, "a note to"));
    free(printed);
    diag_free(&diags);
}

/* A long line is cut around the place, and the caret stays under it. */
static void long_lines_are_cut(void **unused)
{
    (void)unused;
    char line[1001];
    memset(line, 'x', 1000);
    line[700] = '!';
    line[1000] = 0;
    Source wide = {"wide", line, 1000};
    Diagnostics diags = {0};
    diag_error(&diags, (Span){&wide, 700, 701}, "here");
    char *printed = NULL;
    size_t size;
    FILE *out = open_memstream(&printed, &size);
    diag_print(&diags, out);
    fclose(out);
    const char *excerpt = strstr(printed, "     1 | "), *carets = strstr(printed, "       | ");
    assert_non_null(excerpt);
    assert_non_null(carets);
    assert_int_equal(strchr(excerpt, '!') - excerpt, strchr(carets, '^') - carets);
    assert_true(strchr(excerpt, '\n') - excerpt < 140);
    free(printed);
    diag_free(&diags);
}

static void places(void **unused)
{
    (void)unused;
    unsigned line, column;
    span_place(span(0, 0), &line, &column);
    assert_int_equal(line, 1);
    assert_int_equal(column, 1);
    span_place(span(13, 14), &line, &column);
    assert_int_equal(line, 2);
    assert_int_equal(column, 3);
    span_place(span(9999, 10000), &line, &column); /* past the end: the end */
    assert_int_equal(line, 3);
    assert_int_equal(column, 6);
    Span joined = span_join(span(5, 9), span(2, 7));
    assert_int_equal(joined.begin, 2);
    assert_int_equal(joined.end, 9);
    assert_int_equal(span_join((Span){0}, span(2, 7)).begin, 2);
}

static void close_names(void **unused)
{
    (void)unused;
    static const char *const names[] = {"linear", "dropout", "relu", "gelu", "layernorm"};
    assert_string_equal(closest_name("linaer", names, 5), "linear");
    assert_string_equal(closest_name("drop", names, 5), "dropout");
    assert_string_equal(closest_name("rely", names, 5), "relu");
    assert_null(closest_name("convolution", names, 5));
    assert_null(closest_name("", names, 5));
}

static void write_file(const char *path, const char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void reading_files(void **unused)
{
    (void)unused;
    char path[] = "/tmp/hnc_test_XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    close(descriptor);
    Arena arena = {0};
    Source file;
    const char *reason = NULL;

    write_file(path, "two\nlines", 9);
    assert_true(source_read(&arena, path, &file, &reason));
    assert_string_equal(file.text, "two\nlines");
    assert_int_equal(file.size, 9);
    assert_string_equal(file.name, path);

    write_file(path, "\xEF\xBB\xBFmarked \xEF\xBB\xBF", 13); /* only the first one marks anything */
    assert_true(source_read(&arena, path, &file, &reason));
    assert_string_equal(file.text, "marked \xEF\xBB\xBF");
    assert_int_equal(file.size, 10);

    write_file(path, "\xEF\xBB\xBF", 3);
    assert_true(source_read(&arena, path, &file, &reason));
    assert_int_equal(file.size, 0);

    write_file(path, "", 0);
    assert_true(source_read(&arena, path, &file, &reason));
    assert_int_equal(file.size, 0);

    write_file(path, "a\0b", 3);
    assert_false(source_read(&arena, path, &file, &reason));
    assert_string_equal(reason, "file holds a NUL byte: this is not a text file");

    assert_int_equal(truncate(path, SOURCE_LIMIT + 1), 0);
    assert_false(source_read(&arena, path, &file, &reason));
    assert_string_equal(reason, "file is larger than 16 MiB");

    assert_int_equal(unlink(path), 0);
    assert_false(source_read(&arena, path, &file, &reason));
    assert_string_equal(reason, "No such file or directory");
    assert_false(source_read(&arena, "/tmp", &file, &reason));
    assert_string_equal(reason, "is a directory");
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(excerpt_and_caret),  cmocka_unit_test(ordered_by_place_without_duplicates),
        cmocka_unit_test(without_a_place),    cmocka_unit_test(errors_beyond_the_limit_are_counted),
        cmocka_unit_test(long_lines_are_cut), cmocka_unit_test(places),
        cmocka_unit_test(close_names),        cmocka_unit_test(reading_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
