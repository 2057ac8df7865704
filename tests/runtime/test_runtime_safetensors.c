/* The safetensors format: what is written is read back, and no damaged or hostile file is accepted or crashes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/data/safetensors.h"
#include "tests/runtime/run_command.h"

static const TensorInfo byte_pair = {.name = "bytes", .dtype = DTYPE_U8, .rank = 1, .dims = {3}, .elements = 3, .bytes = 3};
static const TensorInfo matrix = {.name = "w", .dtype = DTYPE_F32, .rank = 2, .dims = {2, 2}, .elements = 4, .bytes = 16};
static const TensorInfo scalar = {.name = "s", .dtype = DTYPE_F64, .elements = 1, .bytes = 8};

static const unsigned char bytes_data[3] = {1, 2, 3};
static const float matrix_data[4] = {1, -2, 0.5f, 1e30f};
static const double scalar_data = 0.1;

static void write_sample(const char *path)
{
    const TensorInfo tensors[] = {byte_pair, matrix, scalar};
    const void *data[] = {bytes_data, matrix_data, &scalar_data};
    json_t *metadata = json_pack("{s:s}", "key", "value \"quoted\" \xc3\xa4");
    assert_true(safetensors_write(path, tensors, data, 3, metadata));
    json_decref(metadata);
}

static void test_round_trip(void **state)
{
    (void)state;
    SafeFile file;
    unsigned char bytes[3];
    float values[4];
    double value = 0;
    write_sample("f");
    assert_true(safetensors_open(&file, "f"));
    assert_true(safetensors_read(&file, &byte_pair, bytes) && safetensors_read(&file, &matrix, values) &&
                safetensors_read(&file, &scalar, &value));
    assert_memory_equal(bytes, bytes_data, sizeof bytes);
    assert_memory_equal(values, matrix_data, sizeof values);
    assert_true(value == scalar_data);
    assert_string_equal(json_string_value(json_object_get(safetensors_metadata(&file), "key")), "value \"quoted\" \xc3\xa4");
    assert_int_equal(file.data_begin % 8, 0);
    safetensors_close(&file);
    assert_int_not_equal(access("f.tmp", F_OK), 0);
}

static void test_other_types_and_shapes_are_named(void **state)
{
    (void)state;
    SafeFile file;
    float values[4];
    TensorInfo wide = matrix, missing = matrix, integers = matrix;
    wide.dims[0] = 4;
    wide.dims[1] = 1;
    missing.name = "missing";
    integers.dtype = DTYPE_I32;
    write_sample("f");
    assert_true(safetensors_open(&file, "f"));
    capture_begin();
    bool read = safetensors_read(&file, &wide, values) || safetensors_read(&file, &missing, values) ||
                safetensors_read(&file, &integers, values);
    capture_end();
    assert_false(read);
    assert_true(output_has("the tensor w is F32[2,2] there, but f32[4, 1] in this model"));
    assert_true(output_has("the tensor missing is missing"));
    assert_true(output_has("but i32[2, 2] in this model"));
    safetensors_close(&file);
}

/* A file of `header`, its length (or `announced`, if that is not 0) and `data_size` zero bytes. */
static bool open_made(const char *header, uint64_t announced, size_t data_size)
{
    size_t length = strlen(header);
    uint64_t first = announced ? announced : length;
    unsigned char *bytes = calloc(1, 8 + length + data_size);
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(first >> 8 * i);
    memcpy(bytes + 8, header, length);
    write_file("made", bytes, 8 + length + data_size);
    free(bytes);
    SafeFile file;
    capture_begin();
    bool fine = safetensors_open(&file, "made");
    if (fine)
        safetensors_close(&file);
    capture_end();
    return fine;
}

#define ENTRY(NAME, DTYPE, SHAPE, OFFSETS)                                                                                       \
    "\"" NAME "\":{\"dtype\":\"" DTYPE "\",\"shape\":" SHAPE ",\"data_offsets\":" OFFSETS "}"

static void test_headers_of_others(void **state)
{
    (void)state;
    assert_true(open_made("{}", 0, 0));
    assert_true(open_made("{" ENTRY("a", "BF16", "[2,2]", "[0,8]") "}   ", 0, 8));
    assert_true(open_made("{" ENTRY("b", "F32", "[1]", "[4,8]") "," ENTRY("a", "I64", "[0]", "[4,4]") "," ENTRY(
                              "c", "F32", "[]", "[0,4]") ",\"__metadata__\":{\"format\":\"pt\"}}",
                          0, 8));
}

static void test_hostile_headers(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        uint64_t announced;
        size_t data;
    } cases[] = {
        {"", 0, 0},
        {"{}", UINT64_C(1) << 40, 0},
        {"{}", UINT64_MAX, 0},
        {"{}", 100, 0},
        {"{}", 1, 0},
        {"[]", 0, 0},
        {"{\"a\":1}", 0, 0},
        {"{\"a\":{}}", 0, 0},
        {"{" ENTRY("a", "F32", "[1]", "[0,4]"), 0, 4},                                             /* cut off */
        {"{" ENTRY("a", "F32", "[1]", "[0,4]") "}x", 0, 4},                                        /* and more */
        {"{" ENTRY("a", "F99", "[1]", "[0,4]") "}", 0, 4},                                         /* no such type */
        {"{" ENTRY("a", "F32", "[-1]", "[0,4]") "}", 0, 4},                                        /* negative extent */
        {"{" ENTRY("a", "F32", "[1.0]", "[0,4]") "}", 0, 4},                                       /* not an integer */
        {"{" ENTRY("a", "F32", "3", "[0,12]") "}", 0, 12},                                         /* not a list */
        {"{" ENTRY("a", "F32", "[4611686018427387904,4]", "[0,0]") "}", 0, 0},                     /* 2^64 elements wrap to 0 */
        {"{" ENTRY("a", "F32", "[4611686018427387905]", "[0,4]") "}", 0, 4},                       /* bytes wrap to 4 */
        {"{" ENTRY("a", "F32", "[99999999999999999999]", "[0,4]") "}", 0, 4},                      /* beyond 64 bits */
        {"{" ENTRY("a", "F32", "[1]", "[0,8]") "}", 0, 8},                                         /* too many bytes */
        {"{" ENTRY("a", "F32", "[1]", "[4,0]") "}", 0, 4},                                         /* backwards */
        {"{" ENTRY("a", "F32", "[1]", "[-4,0]") "}", 0, 4},                                        /* before the data */
        {"{" ENTRY("a", "F32", "[1]", "[0]") "}", 0, 4},                                           /* one offset */
        {"{" ENTRY("a", "F32", "[1]", "[0,4,8]") "}", 0, 8},                                       /* three */
        {"{" ENTRY("a", "F32", "[1]", "[4,8]") "}", 0, 8},                                         /* a hole before */
        {"{" ENTRY("a", "F32", "[1]", "[0,4]") "}", 0, 8},                                         /* bytes behind */
        {"{" ENTRY("a", "F32", "[1]", "[0,4]") "}", 0, 3},                                         /* truncated */
        {"{" ENTRY("a", "F32", "[1]", "[0,4]") "," ENTRY("b", "F32", "[1]", "[0,4]") "}", 0, 4},   /* the same bytes twice */
        {"{" ENTRY("a", "F32", "[2]", "[0,8]") "," ENTRY("b", "F32", "[2]", "[4,12]") "}", 0, 12}, /* overlap */
        {"{" ENTRY("a", "F32", "[1]", "[0,4]") "," ENTRY("a", "F32", "[1]", "[4,8]") "}", 0, 8},   /* one name twice */
        {"{\"__metadata__\":[]}", 0, 0},
        {"{\"__metadata__\":{\"a\":1}}", 0, 0},
        {"{\"\xff\":{}}", 0, 0}, /* not UTF-8 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (open_made(cases[i].header, cases[i].announced, cases[i].data))
            fail_msg("accepted: %s", cases[i].header);
        assert_true(output_has("made: "));
    }
    enum { DEPTH = 100000 };
    char *deep = malloc(DEPTH + 1);
    memset(deep, '[', DEPTH);
    deep[DEPTH] = '\0';
    assert_false(open_made(deep, 0, 0));
    free(deep);
}

static void test_every_truncation_and_bit(void **state)
{
    (void)state;
    size_t size;
    write_sample("f");
    char *bytes = read_file("f", &size);
    SafeFile file;
    for (size_t cut = 0; cut < size; cut++) {
        write_file("cut", bytes, cut);
        capture_begin();
        bool fine = safetensors_open(&file, "cut");
        capture_end();
        assert_false(fine);
    }
    size_t header_end = size - sizeof bytes_data - sizeof matrix_data - sizeof scalar_data;
    for (size_t i = 0; i < header_end; i++) { /* some flips leave a valid file (a name's letter); none may crash */
        float values[4];
        bytes[i] ^= (char)(1 << i % 8);
        write_file("flipped", bytes, size);
        capture_begin();
        if (safetensors_open(&file, "flipped")) {
            safetensors_read(&file, &matrix, values);
            safetensors_close(&file);
        }
        capture_end();
        bytes[i] ^= (char)(1 << i % 8);
    }
    free(bytes);
}

static void test_failed_write_keeps_the_previous_file(void **state)
{
    (void)state;
    size_t size;
    write_sample("f");
    char *before = read_file("f", &size);
    assert_int_equal(run_command("mkdir f.tmp"), 0); /* the temporary file cannot be created */
    const void *data[] = {&scalar_data};
    json_t *metadata = json_object();
    capture_begin();
    bool fine = safetensors_write("f", &scalar, data, 1, metadata);
    capture_end();
    assert_false(fine);
    assert_true(output_has("the previous file is kept"));
    json_decref(metadata);
    size_t size_after;
    char *after = read_file("f", &size_after);
    assert_int_equal(size, size_after);
    assert_memory_equal(before, after, size);
    free(before);
    free(after);
}

static void test_only_files_are_opened(void **state)
{
    (void)state;
    SafeFile file;
    static const char *const kinds[][2] = {{"pipe", "pipe: is a pipe, but must be a file"},
                                           {".", ".: is a folder, but must be a file"},
                                           {"/dev/zero", "/dev/zero: is a device, but must be a file"},
                                           {"none", "none: cannot be opened: No such file"}};
    assert_int_equal(mkfifo("pipe", 0666), 0); /* nobody ever writes to it */
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        capture_begin();
        bool opened = safetensors_open(&file, kinds[i][0]);
        capture_end();
        assert_false(opened);
        assert_true(output_has(kinds[i][1]));
    }
}

/* A reader of the format's authors agrees, where one is installed. */
static void test_python_reads_it(void **state)
{
    (void)state;
    write_sample("f");
    if (run_command("python3 -c 'import safetensors.numpy'") != 0) {
        print_message("skipped: Python with safetensors and numpy is not installed\n");
        skip();
    }
    assert_int_equal(
        run_command("python3 -c 'from safetensors.numpy import load_file as l; t = l(\"f\"); "
                    "assert t[\"w\"].tolist()[0] == [1, -2] and t[\"s\"] == 0.1 and list(t[\"bytes\"]) == [1, 2, 3]'"),
        0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_other_types_and_shapes_are_named, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_headers_of_others, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_hostile_headers, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_every_truncation_and_bit, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_failed_write_keeps_the_previous_file, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_only_files_are_opened, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_python_reads_it, folder_set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
