/* The NPY reader, of files and of members of NPZ archives: good files, and every way in which a file can be wrong. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "runtime/data/arrays.h"
#include "runtime/data/dataset.h"
#include "tests/runtime/array_files.h"
#include "tests/runtime/run_command.h"

static const FieldInfo image = {
    .tensor = {.name = "d.image", .dtype = DTYPE_U8, .rank = 2, .dims = {2, 3}, .elements = 6, .bytes = 6}};
static const FieldInfo label = {.tensor = {.name = "d.label", .dtype = DTYPE_I32, .elements = 1, .bytes = 4}, .classes = 10};

static const unsigned char pixels[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255}, labels[2] = {9, 4};
#define IMAGES "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2, 3), }                        \n"
#define LABELS "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }\n"

/* Opens and reads `name`; what was reported is in command_output(). `rows` must have room for `capacity` examples. */
static bool read_npy(const char *name, const FieldInfo *field, void *rows, int64_t capacity)
{
    ArrayFile file;
    capture_begin();
    bool fine = array_open(&file, formats[FORMAT_NPY], ".", name, field) && file.rows <= capacity && array_read(&file, rows);
    array_close(&file);
    capture_end();
    return fine;
}

static void must_read(const char *name, const FieldInfo *field, void *rows)
{
    if (!read_npy(name, field, rows, 2))
        fail_msg("%s: %s", name, command_output());
}

static void expect_images(const char *name)
{
    unsigned char rows[12] = {0};
    must_read(name, &image, rows);
    assert_memory_equal(rows, pixels, sizeof rows);
}

static void expect_refusal(const char *name, const FieldInfo *field, const char *text)
{
    double rows[64];
    assert_false(read_npy(name, field, rows, 8));
    if (!output_has(text))
        fail_msg("no '%s' in: %s", text, command_output());
}

/* ---- good files ---- */

static void test_versions_and_gzip(void **state)
{
    (void)state;
    for (int major = 1; major <= 3; major++) {
        write_blob("images.npy", npy_blob(major, IMAGES, pixels, 12));
        expect_images("images.npy");
    }
    Blob blob = npy_blob(1, "{\"shape\":(2L,2L,3L),\"fortran_order\":False,\"descr\":\"|u1\"}", pixels, 12);
    gzFile stream = gzopen("zipped.npy.gz", "wb");
    assert_int_equal(gzwrite(stream, blob.bytes, (unsigned)blob.size), blob.size);
    assert_int_equal(gzclose(stream), Z_OK);
    free(blob.bytes);
    expect_images("zipped.npy.gz");
    expect_images("zipped.npy");
}

/* Two numbers per type, little-endian. */
static const struct {
    char name[3];
    unsigned size;
    double numbers[2];
    unsigned char bytes[16];
} types[] = {
    {"b1", 1, {1, 0}, {1, 0}},
    {"u1", 1, {3, 250}, {3, 250}},
    {"i1", 1, {3, -6}, {3, 250}},
    {"u2", 2, {513, 65534}, {1, 2, 0xfe, 0xff}},
    {"i2", 2, {513, -2}, {1, 2, 0xfe, 0xff}},
    {"u4", 4, {67305985, 4294967294}, {1, 2, 3, 4, 0xfe, 0xff, 0xff, 0xff}},
    {"i4", 4, {67305985, -2}, {1, 2, 3, 4, 0xfe, 0xff, 0xff, 0xff}},
    {"u8", 8, {513, 18446744073709551615.0}, {1, 2, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
    {"i8", 8, {513, -2}, {1, 2, 0, 0, 0, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
    {"f2", 2, {1.5, -0.00006103515625}, {0x00, 0x3e, 0x00, 0x84}},
    {"f2", 2, {65504, 0.000000059604644775390625}, {0xff, 0x7b, 0x01, 0x00}},
    {"f4", 4, {1, -0.15625}, {0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xbe}},
    {"f8", 8, {1, -0.15625}, {0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0xc4, 0xbf}},
};

static bool can_hold(DType dtype, double number)
{
    bool whole = number == floor(number);
    return dtype == DTYPE_U8    ? whole && number >= 0 && number < 256
           : dtype == DTYPE_I32 ? whole && number >= INT32_MIN && number <= INT32_MAX
                                : true;
}

static double element_of(const void *rows, DType dtype, int at)
{
    return dtype == DTYPE_U8    ? ((const unsigned char *)rows)[at]
           : dtype == DTYPE_I32 ? ((const int32_t *)rows)[at]
           : dtype == DTYPE_F32 ? (double)((const float *)rows)[at]
                                : ((const double *)rows)[at];
}

static void check_type(size_t type, const char *order, DType dtype)
{
    char dictionary[128];
    unsigned char bytes[16];
    double rows[2];
    unsigned size = types[type].size;
    for (unsigned i = 0; i < 2 * size; i++)
        bytes[i] = types[type].bytes[*order == '>' ? i / size * size + size - 1 - i % size : i];
    snprintf(dictionary, sizeof dictionary, "{'descr': '%s%s', 'fortran_order': False, 'shape': (2,), }", order,
             types[type].name);
    write_blob("typed.npy", npy_blob(1, dictionary, bytes, 2 * (size_t)size));
    FieldInfo field = {.tensor = {.name = "d.x", .dtype = dtype, .elements = 1, .bytes = dtype_sizes[dtype]}};
    bool fits = can_hold(dtype, types[type].numbers[0]) && can_hold(dtype, types[type].numbers[1]);
    if (read_npy("typed.npy", &field, rows, 2) != fits)
        fail_msg("%s into %s: %s", dictionary, dtype_names[dtype], command_output());
    assert_true(fits || output_has("declare it as f32"));
    for (int e = 0; fits && e < 2; e++) {
        double number = types[type].numbers[e];
        assert_true(element_of(rows, dtype, e) == (dtype == DTYPE_F32 ? (double)(float)number : number));
    }
}

/* Every type of element, in both orders of bytes, into a field of every type: the same numbers, or a refusal where the field
 * cannot hold them. */
static void test_types_of_elements(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        for (DType dtype = DTYPE_F32; dtype < DTYPE_BOOL; dtype++) {
            check_type(i, "<", dtype);
            check_type(i, ">", dtype);
            if (types[i].size == 1)
                check_type(i, "|", dtype);
        }
}

static void test_numbers_that_do_not_fit(void **state)
{
    (void)state;
    FieldInfo real = {.tensor = {.name = "d.x", .dtype = DTYPE_F32, .elements = 1, .bytes = 4}};
    static const unsigned char not_finite[4] = {0, 0x3c, 0, 0x7e}, infinite[4] = {0, 0x3c, 0, 0xfc}, high[2] = {9, 10};
    static const unsigned char huge[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xe0, 0x7f};
    write_blob("x.npy", npy_blob(1, "{'descr': '<f2', 'fortran_order': False, 'shape': (2,)}", not_finite, 4));
    expect_refusal("x.npy", &real, "x.npy: example 1 holds a value that is not finite");
    write_blob("x.npy", npy_blob(1, "{'descr': '<f2', 'fortran_order': False, 'shape': (2,)}", infinite, 4));
    expect_refusal("x.npy", &real, "x.npy: example 1 holds a value that is not finite");
    write_blob("x.npy", npy_blob(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}", huge, 16));
    expect_refusal("x.npy", &real, "which is beyond f32");
    write_blob("x.npy", npy_blob(1, LABELS, high, 2));
    expect_refusal("x.npy", &label, "the label of example 1 is 10, but d.label has only the classes 0 to 9");
}

/* The first axis the fastest: the rows are the same. */
static void test_order_of_fortran(void **state)
{
    (void)state;
    unsigned char columns[12];
    for (int row = 0; row < 2; row++)
        for (int y = 0; y < 2; y++)
            for (int x = 0; x < 3; x++)
                columns[row + 2 * (y + 2 * x)] = pixels[(row * 2 + y) * 3 + x];
    write_blob("images.npy", npy_blob(1, "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2, 3), }", columns, 12));
    expect_images("images.npy");
    write_blob("labels.npy", npy_blob(1, "{'descr': '|u1', 'fortran_order': True, 'shape': (2,), }", labels, 2));
    int32_t classes[2];
    must_read("labels.npy", &label, classes);
    assert_int_equal(classes[0], 9);
    assert_int_equal(classes[1], 4);
}

/* ---- wrong files ---- */

static const struct {
    const char *dictionary, *message;
} wrong_headers[] = {
    {"{'descr': [('x', '<f4'), ('y', '<i4')], 'fortran_order': False, 'shape': (2,), }", "its elements are records"},
    {"{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", "holds a pickle of Python objects"},
    {"{'descr': '<U5', 'fortran_order': False, 'shape': (2,), }", "its elements are of NumPy's type '<U5'"},
    {"{'descr': '|S3', 'fortran_order': False, 'shape': (2,), }", "its elements are of NumPy's type '|S3'"},
    {"{'descr': '<c8', 'fortran_order': False, 'shape': (2,), }", "its elements are of NumPy's type '<c8'"},
    {"{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (2,), }", "its elements are of NumPy's type '<M8[ns]'"},
    {"{'descr': '|f4', 'fortran_order': False, 'shape': (2,), }", "its elements are of NumPy's type '|f4'"},
    {"{'descr': '<f16', 'fortran_order': False, 'shape': (2,), }", "its elements are of NumPy's type '<f16'"},
    {"{'descr': '', 'fortran_order': False, 'shape': (2,), }", "its elements are of NumPy's type ''"},
    {"{'descr': 4, 'fortran_order': False, 'shape': (2,), }", "a type is expected at '4, 'fortran"},
    {"{'descr': '|u1', 'fortran_order': 0, 'shape': (2,), }", "True or False is expected"},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': 2, }", "a shape is expected"},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (2, -1), }", "an extent is expected"},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (2 3), }", "a comma is expected"},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (2", "a comma is expected"},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (9223372036854775808,), }", "an extent beyond 2^63"},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (9223372036854775807,), }",
     "truncated: the header promises 9223372036854775807"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (2305843009213693952,), }",
     "truncated: the header promises 2305843009213693952"},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (0,), }", "holds no examples"},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (), }",
     "holds u8[], but examples of the field d.label are single labels"},
    {"{'descr': '<i8', 'fortran_order': False, 'shape': (2, 1), }",
     "holds i64[2, 1], but examples of the field d.label are single labels"},
    {"{'descr': '|u1', 'fortran_order': False, }", "its NPY header has no 'shape'"},
    {"{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (2,)}", "once each at ''descr': '|u1', 'fortran"},
    {"{'descr': '|u1', 'order': False, 'shape': (2,)}", "the keys descr, fortran_order and shape are expected"},
    {"{'descr': '|u1' 'fortran_order': False, 'shape': (2,)}", "a comma is expected"},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (2,)", "a comma is expected at ''"},
    {"{'descr': '|u1", "a type is expected"},
    {"{'descr", "a key is expected"},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (2,)} import os", "the end is expected at 'import os'"},
    {"['descr']", "a dictionary is expected"},
    {"", "a dictionary is expected"},
};

static void test_wrong_headers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong_headers / sizeof wrong_headers[0]; i++) {
        write_blob("wrong.npy", npy_blob(1 + (int)(i % 3), wrong_headers[i].dictionary, labels, 2));
        expect_refusal("wrong.npy", &label, wrong_headers[i].message);
        assert_true(output_has("./wrong.npy: "));
    }
    write_blob("wrong.npy", npy_blob(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, 2), }", pixels, 12));
    expect_refusal("wrong.npy", &image, "holds f32[2, 3, 2], but examples of the field d.image are u8[2, 3]");
    Blob many = {0};
    blob_add(&many, "{'descr': '|u1', 'fortran_order': False, 'shape': (", 51);
    for (int i = 0; i < 300; i++)
        blob_add(&many, "1,", 2);
    blob_add(&many, ")}", 3);
    write_blob("wrong.npy", npy_blob(1, (const char *)many.bytes, labels, 2));
    expect_refusal("wrong.npy", &label, "an extent is expected");
    free(many.bytes);
}

#define WRITE(path, literal) write_file(path, literal, sizeof literal - 1)

static void test_wrong_beginnings(void **state)
{
    (void)state;
    Blob blob = npy_blob(1, IMAGES, pixels, 12);
    for (size_t size = 0; size < blob.size; size++) {
        write_file("cut.npy", blob.bytes, size);
        expect_refusal("cut.npy", &image, "truncated");
    }
    blob_add(&blob, "", 1);
    write_blob("long.npy", blob);
    expect_refusal("long.npy", &image, "goes on after the 2 examples that its header promises");
    WRITE("wrong.npy", "\x80\x04\x95 a pickle of something");
    expect_refusal("wrong.npy", &image, "not an NPY file: it begins with the bytes 80 04 95 20 instead of 93 'NUMPY'");
    WRITE("wrong.npz", "PK\3\4 an archive");
    expect_refusal("wrong.npz", &image, "say which of its arrays is meant");
    WRITE("wrong.npy", "\x93NUMPY\4\0\x10\0");
    expect_refusal("wrong.npy", &image, "is of version 4.0 of NPY");
    WRITE("wrong.npy", "\x93NUMPY\2\0\xff\xff\xff\xff");
    expect_refusal("wrong.npy", &image, "its NPY header is said to have 4294967295 bytes");
    WRITE("wrong.npy", "\x93NUMPY\1\0\3\0{\0}");
    expect_refusal("wrong.npy", &image, "holds a NUL byte");
    expect_refusal("none.npy", &image, "./none.npy: No such file or directory; the field d.image is read from it");
}

/* ---- archives ---- */

static Blob make_archive(bool deflated, bool zip64)
{
    Member members[] = {{"labels.npy", npy_blob(1, LABELS, labels, 2)}, {"deep/images.npy", npy_blob(2, IMAGES, pixels, 12)}};
    Blob zip = zip_blob(members, 2, deflated, zip64);
    free(members[0].content.bytes);
    free(members[1].content.bytes);
    return zip;
}

static void test_archives(void **state)
{
    (void)state;
    int32_t classes[2];
    for (int kind = 0; kind < 4; kind++) {
        write_blob("digits.npz", make_archive(kind & 1, kind & 2));
        expect_images("digits.npz/deep/images");
        must_read("digits.npz/labels", &label, classes);
        assert_int_equal(classes[0], 9);
        expect_refusal("digits.npz/image", &image,
                       "./digits.npz: the archive has no member 'image.npy'; it has labels, deep/images");
        expect_refusal("digits.npz/labels", &image,
                       "./digits.npz/labels: holds u8[2], but examples of the field d.image are u8[2, 3]");
        expect_refusal("digits.npz/", &image, "the archive has no member '.npy'");
    }
    expect_refusal("none.npz/images", &image, "./none.npz: No such file or directory; the field d.image is read from it");
    assert_int_equal(mkdir("folder.npz", 0777), 0);
    expect_refusal("folder.npz/images", &image, "./folder.npz/images: No such file or directory");
    write_blob("folder.npz/images", npy_blob(1, IMAGES, pixels, 12));
    expect_images("folder.npz/images");
    write_blob("folder.npz/more.npz", make_archive(true, false));
    expect_images("folder.npz/more.npz/deep/images");
    assert_int_equal(mkfifo("pipe.npz", 0666), 0);
    expect_refusal("pipe.npz/images", &image, "./pipe.npz: is a pipe, but must be a file");
    write_file("empty.npz", "", 0);
    expect_refusal("empty.npz/images", &image, "./empty.npz: not a zip archive");
}

/* An archive with some bytes changed is refused. */
static void expect_damage(Blob zip, size_t at, const void *bytes, size_t size, const char *message)
{
    memcpy(zip.bytes + at, bytes, size);
    write_blob("damaged.npz", zip);
    expect_refusal("damaged.npz/labels", &label, message);
}

static size_t find_bytes(Blob blob, const char *bytes, size_t size)
{
    for (size_t i = 0; i + size <= blob.size; i++)
        if (memcmp(blob.bytes + i, bytes, size) == 0)
            return i;
    fail();
    return 0;
}

static void test_damaged_archives(void **state)
{
    (void)state;
    Blob zip = make_archive(false, false);
    size_t entry = find_bytes(zip, "PK\1\2", 4), local = find_bytes(zip, "PK\3\4", 4);
    free(zip.bytes);
    static const char disagrees[] = "damaged: its directory does not agree with the archive";
    static const unsigned char encrypted[2] = {1, 0}, method[2] = {99, 0}, far[4] = {0xf0, 0xff, 0xff, 0x7f},
                               wide[2] = {0xff, 0xff};
    expect_damage(make_archive(false, false), entry + 8, encrypted, 2, "./damaged.npz/labels: is encrypted");
    expect_damage(make_archive(false, false), entry + 10, method, 2, "zip method 99");
    expect_damage(make_archive(false, false), entry + 20, far, 4, disagrees); /* packed size */
    expect_damage(make_archive(false, false), entry + 24, far, 4, disagrees); /* size */
    expect_damage(make_archive(false, false), entry + 42, far, 4, disagrees); /* where the member is */
    expect_damage(make_archive(false, false), entry + 28, wide, 2, disagrees);
    expect_damage(make_archive(false, false), local + 26, wide, 2, disagrees);
    expect_damage(make_archive(false, false), local, "QK", 2, disagrees);
    expect_damage(make_archive(false, false), entry + 16, far, 4, "damaged: its checksum is not that of the archive's directory");
    zip = make_archive(true, false);
    entry = find_bytes(zip, "PK\1\2", 4);
    const unsigned char longer = (unsigned char)(zip.bytes[entry + 20] + 4); /* as if the next record belonged to it */
    expect_damage(zip, entry + 24, far, 4, "goes on after the 2 examples");
    expect_damage(make_archive(true, false), entry + 20, &longer, 1,
                  "damaged: its compressed data is not what the archive's directory says");
}

/* Cut anywhere, an archive is refused; with any byte changed, it is refused or holds what it held. */
static void test_every_byte_of_an_archive(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        unsigned char rows[12];
        Blob zip = make_archive(kind & 1, kind & 2);
        for (size_t size = 0; size < zip.size; size++) {
            write_file("cut.npz", zip.bytes, size);
            expect_refusal("cut.npz/deep/images", &image, "./cut.npz: not a zip archive, or a truncated one");
        }
        for (size_t i = 0; i < zip.size; i++) {
            zip.bytes[i] ^= 0x5a;
            write_file("bad.npz", zip.bytes, zip.size);
            zip.bytes[i] ^= 0x5a;
            if (read_npy("bad.npz/deep/images", &image, rows, 2))
                assert_memory_equal(rows, pixels, sizeof rows);
            else
                assert_true(output_has("./bad.npz"));
        }
        free(zip.bytes);
    }
}

/* ---- data sets ---- */

static bool load(const char *image_file, const char *label_file)
{
    FieldInfo fields[] = {image, label};
    size_t indices[] = {0, 1};
    const char *files[] = {image_file, label_file};
    SplitInfo splits[] = {{.name = "train", .count = 2}, {.name = "test", .from_test = true, .fraction = 1}};
    DatasetInfo dataset = {.name = "d",
                           .format = FORMAT_NPY,
                           .fields = indices,
                           .field_count = 2,
                           .files = files,
                           .file_count = 2,
                           .test_files = files,
                           .test_file_count = 2,
                           .splits = splits,
                           .split_count = 2};
    Manifest manifest = {.fields = fields, .field_count = 2, .datasets = &dataset, .dataset_count = 1};
    Data data;
    capture_begin();
    bool fine = data_load(&data, &manifest, ".", 0);
    if (fine) {
        assert_int_equal(data.rows[0], 4);
        assert_memory_equal(data.tables[0], pixels, sizeof pixels);
        assert_memory_equal((unsigned char *)data.tables[0] + sizeof pixels, pixels, sizeof pixels);
        assert_int_equal(((const int32_t *)data.tables[1])[3], 4);
        data_free(&data);
    }
    capture_end();
    return fine;
}

static void test_data_sets(void **state)
{
    (void)state;
    static const unsigned char three[3] = {9, 4, 1};
    write_blob("images.npy", npy_blob(1, IMAGES, pixels, 12));
    write_blob("digits.npz", make_archive(true, false));
    write_blob("three.npy", npy_blob(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }", three, 3));
    assert_true(load("images.npy", "digits.npz/labels"));
    assert_true(load("digits.npz/deep/images", "digits.npz/labels"));
    assert_false(load("images.npy", "three.npy"));
    assert_true(output_has("./images.npy holds 2 examples, but ./three.npy holds 3"));
}

/* ---- NumPy itself ---- */

static void test_files_of_numpy(void **state)
{
    (void)state;
    if (run_command("python3 -c 'import numpy'") != 0) {
        print_message("NumPy is not installed: no file of its own was read\n");
        skip();
    }
    static const char script[] =
        "import numpy as n\n"
        "x = n.array([1,2,3,4,5,6,7,8,9,10,11,255], 'u1').reshape(2, 2, 3)\n"
        "for t in ['u1','<u2','>u2','<i2','>i4','<u4','<i8','>i8','<u8','<f2','>f2','<f4','>f4','<f8','>f8']:\n"
        "    n.save('c' + t[-2:] + ('b' if t[0] == '>' else 'l'), x.astype(t))\n"
        "    n.save('f' + t[-2:] + ('b' if t[0] == '>' else 'l'), n.asfortranarray(x.astype(t)))\n"
        "for v in [(1, 0), (2, 0), (3, 0)]:\n"
        "    with open('v%d.npy' % v[0], 'wb') as f: n.lib.format.write_array(f, x, v)\n"
        "n.savez('stored', images=x, other=x[:1])\n"
        "n.savez_compressed('deflated', images=x, other=x[:1])\n"
        "n.save('object', n.array([{}, 1], object))\n"
        "n.save('record', n.zeros(2, [('a', '<f4'), ('b', '<i4')]))\n"
        "n.save('text', n.array(['a', 'bc']))\n"
        "n.save('truth', x > 5)\n";
    write_file("write.py", script, strlen(script));
    if (run_command("python3 write.py && ls [cf][uif][1248][bl].npy v?.npy > list") != 0)
        fail_msg("%s", command_output());
    size_t size;
    char *list = read_file("list", &size), *rest = list;
    unsigned count = 0;
    for (char *name = strtok_r(list, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest), count++)
        expect_images(name);
    free(list);
    assert_int_equal(count, 2 * 15 + 3);
    expect_images("stored.npz/images");
    expect_images("deflated.npz/images");
    expect_refusal("object.npy", &label, "holds a pickle of Python objects");
    expect_refusal("record.npy", &label, "its elements are records, of NumPy's type [('a', '<f4'), ('b', '<i4')]");
    expect_refusal("text.npy", &label, "its elements are of NumPy's type '<U2'");
    unsigned char rows[12];
    must_read("truth.npy", &image, rows);
    for (int i = 0; i < 12; i++)
        assert_int_equal(rows[i], pixels[i] > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_versions_and_gzip, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_types_of_elements, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_numbers_that_do_not_fit, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_order_of_fortran, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_wrong_headers, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_wrong_beginnings, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_archives, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_damaged_archives, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_every_byte_of_an_archive, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_data_sets, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_files_of_numpy, folder_set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
