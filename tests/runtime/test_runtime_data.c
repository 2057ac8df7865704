/* The IDX reader and data sets of IDX files: good files, and every way in which a file can be wrong. */
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "runtime/data/arrays.h"
#include "runtime/data/dataset.h"
#include "tests/runtime/run_command.h"

static const FieldInfo image = {
    .tensor = {.name = "d.image", .dtype = DTYPE_U8, .rank = 2, .dims = {2, 3}, .elements = 6, .bytes = 6}};
static const FieldInfo label = {.tensor = {.name = "d.label", .dtype = DTYPE_I32, .elements = 1, .bytes = 4}, .classes = 10};

static const unsigned char images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255};
static const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 9, 4};

static void write_gzip(const char *path, const void *bytes, unsigned size)
{
    gzFile stream = gzopen(path, "wb");
    assert_int_equal(gzwrite(stream, bytes, size), size);
    assert_int_equal(gzclose(stream), Z_OK);
}

/* Opens and reads `name`; what was reported is in command_output(). */
static bool read_idx(const char *name, const FieldInfo *field, void *rows, int64_t capacity)
{
    ArrayFile file;
    capture_begin();
    bool fine = array_open(&file, formats[FORMAT_IDX], ".", name, field) && file.rows <= capacity && array_read(&file, rows);
    array_close(&file);
    capture_end();
    return fine;
}

static void test_reads_plain_and_gzip(void **state)
{
    (void)state;
    unsigned char rows[12];
    int32_t classes[2];
    write_file("plain.gz", images, sizeof images); /* the extension says nothing */
    write_gzip("zipped", images, sizeof images);
    write_gzip("labels.gz", labels, sizeof labels);
    write_file("others", labels, sizeof labels);
    static const char *const names[] = {"plain.gz", "zipped", "plain", "zipped.gz"};
    for (size_t i = 0; i < 4; i++) {
        memset(rows, 0, sizeof rows);
        assert_true(read_idx(names[i], &image, rows, 2));
        assert_memory_equal(rows, images + 16, sizeof rows);
    }
    assert_true(read_idx("labels", &label, classes, 2));
    assert_int_equal(classes[0], 9);
    assert_int_equal(classes[1], 4);
    assert_true(read_idx("others.gz", &label, classes, 2));
}

/* The file `bytes`, plain and zipped, must be refused with a message that has `text` and the file's name. */
static void expect_refusal(const FieldInfo *field, const void *bytes, unsigned size, const char *text)
{
    int32_t rows[64];
    write_file("refused", bytes, size);
    assert_false(read_idx("refused", field, rows, 8));
    assert_true(output_has(text));
    assert_true(output_has("refused"));
    unlink("refused");
    write_gzip("refused.gz", bytes, size);
    assert_false(read_idx("refused.gz", field, rows, 8));
    assert_true(output_has(text) || output_has("truncated"));
    unlink("refused.gz");
}

static void test_refuses_foreign_files(void **state)
{
    (void)state;
    unsigned char bytes[sizeof images + 1];
    for (unsigned size = 0; size < sizeof images; size++)
        expect_refusal(&image, images, size, "truncated");
    memcpy(bytes, images, sizeof images);
    bytes[sizeof images] = 0;
    expect_refusal(&image, bytes, sizeof bytes, "goes on after the 2 examples");
    bytes[2] = 0x0a;
    expect_refusal(&image, bytes, sizeof images, "type 0x0a");
    bytes[2] = 8;
    bytes[11] = 3;
    expect_refusal(&image, bytes, sizeof images, "holds u8[2, 3, 3]");
    bytes[11] = 2;
    bytes[3] = 255; /* a rank whose extents are beyond the file */
    expect_refusal(&image, bytes, sizeof images, "truncated");
    memcpy(bytes, "\x89PNG\r\n", 6);
    expect_refusal(&image, bytes, sizeof images, "not an IDX file");
    memcpy(bytes, images, sizeof images);
    memset(bytes + 4, 0xff, 4); /* 2^32 - 1 examples: refused before memory is asked for */
    expect_refusal(&image, bytes, sizeof images, "4294967295 examples");
    memset(bytes + 4, 0, 4);
    expect_refusal(&image, bytes, sizeof images, "holds no examples");
    expect_refusal(&image, labels, sizeof labels, "holds u8[2], but examples of the field d.image are u8[2, 3]");
    expect_refusal(&label, images, sizeof images, "single labels");
    static const unsigned char bad_label[] = {0, 0, 8, 1, 0, 0, 0, 2, 9, 10};
    expect_refusal(&label, bad_label, sizeof bad_label, "the label of example 1 is 10");
}

/* Two numbers per type of the format, as they lie in a file. */
static const struct {
    unsigned char code;
    unsigned size;
    double numbers[2];
    unsigned char bytes[16];
} idx_types[] = {
    {0x08, 1, {3, 250}, {3, 250}},
    {0x09, 1, {3, -6}, {3, 250}},
    {0x0b, 2, {258, -2}, {1, 2, 0xff, 0xfe}},
    {0x0c, 4, {16909060, -2}, {1, 2, 3, 4, 0xff, 0xff, 0xff, 0xfe}},
    {0x0d, 4, {1, -0.15625}, {0x3f, 0x80, 0, 0, 0xbe, 0x20, 0, 0}},
    {0x0e, 8, {1, -0.15625}, {0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xbf, 0xc4, 0, 0, 0, 0, 0, 0}},
};

static unsigned write_elements(unsigned char *file, unsigned char code, const void *bytes, unsigned size)
{
    const unsigned char header[] = {0, 0, code, 1, 0, 0, 0, 2};
    memcpy(file, header, sizeof header);
    memcpy(file + sizeof header, bytes, size);
    return (unsigned)sizeof header + size;
}

static bool can_hold(DType dtype, double number)
{
    bool whole = number == floor(number);
    return dtype == DTYPE_U8 ? whole && number >= 0 && number < 256 : dtype != DTYPE_I32 || whole;
}

static double element_of(const void *rows, DType dtype, int at)
{
    return dtype == DTYPE_U8    ? ((const unsigned char *)rows)[at]
           : dtype == DTYPE_I32 ? ((const int32_t *)rows)[at]
           : dtype == DTYPE_F32 ? (double)((const float *)rows)[at]
                                : ((const double *)rows)[at];
}

/* Every type of element into a field of every type: the same numbers, or a refusal where the field cannot hold them. */
static void test_types_of_elements(void **state)
{
    (void)state;
    unsigned char file[64];
    double rows[2];
    for (size_t i = 0; i < sizeof idx_types / sizeof idx_types[0]; i++) {
        const double *numbers = idx_types[i].numbers;
        write_file("typed", file, write_elements(file, idx_types[i].code, idx_types[i].bytes, 2 * idx_types[i].size));
        for (DType dtype = DTYPE_F32; dtype < DTYPE_BOOL; dtype++) {
            FieldInfo field = {.tensor = {.name = "d.x", .dtype = dtype, .elements = 1, .bytes = dtype_sizes[dtype]}};
            bool fits = can_hold(dtype, numbers[0]) && can_hold(dtype, numbers[1]);
            assert_int_equal(read_idx("typed", &field, rows, 2), fits);
            assert_true(fits || output_has("declare it as f32"));
            for (int e = 0; fits && e < 2; e++)
                assert_true(element_of(rows, dtype, e) == numbers[e]);
        }
    }
    FieldInfo real = {.tensor = {.name = "d.x", .dtype = DTYPE_F32, .elements = 1, .bytes = 4}};
    static const unsigned char nan_bytes[] = {0x3f, 0x80, 0, 0, 0x7f, 0xc0, 0, 0}, huge[16] = {0x7f, 0xe0},
                               negative[] = {4, 0xff};
    expect_refusal(&real, file, write_elements(file, 0x0d, nan_bytes, 8), "example 1 holds a value that is not finite");
    expect_refusal(&real, file, write_elements(file, 0x0e, huge, 16), "which is beyond f32");
    expect_refusal(&label, file, write_elements(file, 0x09, negative, 2), "the label of example 1 is -1");
}

static void test_refuses_damaged_gzip(void **state)
{
    (void)state;
    size_t size;
    unsigned char rows[12];
    write_gzip("good.gz", images, sizeof images);
    unsigned char *bytes = (unsigned char *)read_file("good.gz", &size);
    for (size_t cut = 3; cut < size; cut++) { /* below 3 bytes the magic is incomplete: a plain, truncated file */
        write_file("cut.gz", bytes, cut);
        assert_false(read_idx("cut.gz", &image, rows, 2));
        assert_true(output_has("cut.gz"));
    }
    for (size_t i = 10; i < size; i++) { /* behind the gzip header every byte counts */
        bytes[i] ^= 0x5a;
        write_file("bad.gz", bytes, size);
        assert_false(read_idx("bad.gz", &image, rows, 2));
        assert_true(output_has("bad.gz"));
        bytes[i] ^= 0x5a;
    }
    free(bytes);
}

static void test_missing_files_and_folders(void **state)
{
    (void)state;
    unsigned char rows[12];
    assert_false(read_idx("nothing.gz", &image, rows, 2));
    assert_true(output_has("nothing.gz: No such file"));
    assert_true(output_has("--data"));
    mkdir("folder", 0777);
    assert_false(read_idx("folder", &image, rows, 2));
    assert_true(output_has("./folder: is a folder, but must be a file"));
    assert_int_equal(mkfifo("pipe", 0666), 0); /* nobody ever writes to it */
    assert_false(read_idx("pipe", &image, rows, 2));
    assert_true(output_has("./pipe: is a pipe, but must be a file"));
    assert_false(read_idx("/dev/zero", &image, rows, 2));
    assert_true(output_has("/dev/zero: is a device, but must be a file"));
}

/* A data set of images and labels with those files. */
static bool load(const char *image_file, const char *label_file, int64_t train_rows)
{
    FieldInfo fields[] = {image, label};
    size_t indices[] = {0, 1};
    const char *files[] = {image_file, label_file};
    SplitInfo splits[] = {{.name = "train", .count = train_rows}};
    DatasetInfo dataset = {.name = "d",
                           .format = FORMAT_IDX,
                           .fields = indices,
                           .files = files,
                           .splits = splits,
                           .field_count = 2,
                           .file_count = 2,
                           .split_count = 1};
    Manifest manifest = {.fields = fields, .field_count = 2, .datasets = &dataset, .dataset_count = 1};
    Data data;
    capture_begin();
    bool fine = data_load(&data, &manifest, ".", 0);
    if (fine) {
        assert_int_equal((uintptr_t)data.tables[0] % 64, 0);
        assert_int_equal(((const int32_t *)data.tables[1])[0], 9);
        data_free(&data);
    }
    capture_end();
    return fine;
}

static void test_data_sets(void **state)
{
    (void)state;
    static const unsigned char three_labels[] = {0, 0, 8, 1, 0, 0, 0, 3, 9, 4, 1};
    write_file("images", images, sizeof images);
    write_file("labels", labels, sizeof labels);
    write_file("three", three_labels, sizeof three_labels);
    assert_true(load("images", "labels", 2));
    assert_false(load("images", "labels", 3));
    assert_true(output_has("d.train asks for 3 examples"));
    assert_false(load("images", "three", 2));
    assert_true(output_has("images holds 2 examples, but ./three holds 3"));
    assert_false(load("images", "missing", 2));
}

/* Of 40 + 10 labelled rows, the main ones permuted by a seed into `rows`, images and labels alike. */
static void load_shuffled(uint64_t seed, int32_t rows[50])
{
    FieldInfo fields[] = {image, label};
    fields[1].classes = 0;
    size_t indices[] = {0, 1};
    const char *files[] = {"images40", "labels40"}, *test_files[] = {"images10", "labels10"};
    SplitInfo splits[] = {{.name = "train", .fraction = 0.5}, {.name = "test", .from_test = true, .fraction = 1}};
    DatasetInfo dataset = {.name = "d",
                           .format = FORMAT_IDX,
                           .fields = indices,
                           .field_count = 2,
                           .files = files,
                           .file_count = 2,
                           .test_files = test_files,
                           .test_file_count = 2,
                           .splits = splits,
                           .split_count = 2,
                           .shuffled = true};
    Manifest manifest = {.fields = fields, .field_count = 2, .datasets = &dataset, .dataset_count = 1};
    Data data;
    assert_true(data_load(&data, &manifest, ".", seed));
    memcpy(rows, data.tables[1], 50 * sizeof *rows);
    for (int i = 0; i < 50; i++)
        for (int k = 0; k < 6; k++)
            assert_int_equal(((unsigned char *)data.tables[0])[6 * i + k], rows[i]);
    assert_int_equal(data.splits[0][0].count, 20);
    assert_int_equal(data.splits[0][1].first, 40);
    data_free(&data);
}

static void write_numbered(const char *image_path, const char *label_path, unsigned char first, unsigned char count)
{
    unsigned char bytes[16 + 6 * 40] = {0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 2, 0, 0, 0, 3};
    for (int i = 0; i < 6 * count; i++)
        bytes[16 + i] = (unsigned char)(first + i / 6);
    write_file(image_path, bytes, 16 + 6 * (size_t)count);
    unsigned char numbers[8 + 40] = {0, 0, 8, 1, 0, 0, 0, count};
    for (int i = 0; i < count; i++)
        numbers[8 + i] = (unsigned char)(first + i);
    write_file(label_path, numbers, 8 + (size_t)count);
}

static void test_shuffled_data_sets(void **state)
{
    (void)state;
    int32_t one[50], again[50], other[50];
    int moved = 0, seen[50] = {0};
    write_numbered("images40", "labels40", 0, 40);
    write_numbered("images10", "labels10", 40, 10);
    load_shuffled(1, one);
    load_shuffled(1, again);
    load_shuffled(2, other);
    assert_memory_equal(one, again, sizeof one);
    assert_memory_not_equal(one, other, sizeof one);
    for (int i = 0; i < 50; i++) {
        seen[one[i]]++;
        moved += one[i] != i;
        assert_true(i < 40 || one[i] == i); /* test files stay as they are */
    }
    for (int i = 0; i < 50; i++)
        assert_int_equal(seen[i], 1);
    assert_in_range(moved, 30, 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reads_plain_and_gzip, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_refuses_foreign_files, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_types_of_elements, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_refuses_damaged_gzip, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_missing_files_and_folders, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_data_sets, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_shuffled_data_sets, folder_set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
