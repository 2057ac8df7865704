/* One model with its data in idx files, in NPY files and in NPZ archives: training and predictions are equal, bit for bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/e2e/tensor_file.h"
#include "tests/runtime/array_files.h"
#include "tests/runtime/run_command.h"

enum { ROWS = 800, TEST_ROWS = 100, SIDE = 8, PIXELS = SIDE * SIDE, CLASSES = 4 };

/* ---- the data of toy.hn ---- */

typedef struct Rows {
    unsigned count;
    unsigned char images[ROWS][PIXELS], labels[ROWS];
} Rows;

static Rows rows, test_rows;

/* Noise that is brighter in one quadrant, the image's class. */
static void make_rows(Rows *r, unsigned count, uint32_t seed)
{
    r->count = count;
    for (unsigned row = 0; row < count; row++) {
        r->labels[row] = (unsigned char)(row * 7 % CLASSES);
        for (unsigned i = 0; i < PIXELS; i++) {
            bool bright = i / SIDE / (SIDE / 2) * 2 + i % SIDE / (SIDE / 2) == r->labels[row];
            seed = seed * 1664525u + 1013904223u;
            r->images[row][i] = (unsigned char)((seed >> 24) * (bright ? 1.0 : 0.8));
        }
    }
}

static void write_idx(const char *path, const void *header, size_t header_size, const void *bytes, size_t size)
{
    Blob blob = {0};
    blob_add(&blob, header, header_size);
    blob_add(&blob, bytes, size);
    write_blob(path, blob);
}

static void write_idx_files(const char *image_path, const char *label_path, const Rows *r)
{
    const unsigned char high = (unsigned char)(r->count >> 8), low = (unsigned char)r->count;
    write_idx(image_path, (unsigned char[]){0, 0, 8, 3, 0, 0, high, low, 0, 0, 0, SIDE, 0, 0, 0, SIDE}, 16, r->images,
              (size_t)r->count * PIXELS);
    write_idx(label_path, (unsigned char[]){0, 0, 8, 1, 0, 0, high, low}, 8, r->labels, r->count);
}

/* Labels as NumPy has whole numbers: 64 bits, little-endian. */
static Blob label_blob(const Rows *r)
{
    char header[96];
    Blob bytes = {0};
    for (unsigned i = 0; i < r->count; i++)
        blob_add(&bytes, (unsigned char[8]){r->labels[i]}, 8);
    snprintf(header, sizeof header, "{'descr': '<i8', 'fortran_order': False, 'shape': (%u,), }\n", r->count);
    Blob blob = npy_blob(1, header, bytes.bytes, bytes.size);
    free(bytes.bytes);
    return blob;
}

/* Images as big-endian floats in the order of Fortran, or as the bytes that they are. */
static Blob image_blob(const Rows *r, bool transposed)
{
    char header[96];
    Blob bytes = {0};
    for (unsigned x = 0; transposed && x < SIDE; x++)
        for (unsigned y = 0; y < SIDE; y++)
            for (unsigned row = 0; row < r->count; row++) {
                float value = r->images[row][y * SIDE + x];
                uint32_t bits;
                memcpy(&bits, &value, sizeof bits);
                blob_add(&bytes, (unsigned char[4]){bits >> 24, bits >> 16 & 255, bits >> 8 & 255, bits & 255}, 4);
            }
    if (!transposed)
        blob_add(&bytes, r->images, (size_t)r->count * PIXELS);
    snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': %s, 'shape': (%u, 8, 8), }\n", transposed ? ">f4" : "|u1",
             transposed ? "True" : "False", r->count);
    Blob blob = npy_blob(1, header, bytes.bytes, bytes.size);
    free(bytes.bytes);
    return blob;
}

static int set_up(void **state)
{
    (void)state;
    enter_folder();
    make_rows(&rows, ROWS, 1);
    make_rows(&test_rows, TEST_ROWS, 2);
    write_idx_files("images", "labels", &rows);
    write_idx_files("test-images", "test-labels", &test_rows);
    Member members[] = {{"images.npy", image_blob(&rows, false)}, {"labels.npy", label_blob(&rows)}};
    write_blob("digits.npz", zip_blob(members, 2, true, false));
    free(members[0].content.bytes);
    free(members[1].content.bytes);
    write_blob("test-images.npy", image_blob(&test_rows, true));
    write_blob("test-labels.npy", label_blob(&test_rows));
    return run_command("cp '%s/tests/e2e/toy.hn' . && sed -e 's|idx(\"images.gz\", \"labels\")|npy(\"digits.npz/images\", "
                       "\"digits.npz/labels\")|' -e 's|idx(\"test-images\", \"test-labels.gz\")|npy(\"test-images.npy\", "
                       "\"test-labels.npy\")|' toy.hn > arrays.hn && ! grep -q 'idx(' arrays.hn && '%s/hnc' build toy.hn && "
                       "'%s/hnc' build arrays.hn",
                       HNC_SOURCE_DIR, HNC_BINARY_DIR, HNC_BINARY_DIR);
}

static void test_equal_weights(void **state)
{
    (void)state;
    must_run(
        "./toy train --data . --out idx-run --seed 3 --epochs 3 && ./arrays train --data . --out npy-run --seed 3 --epochs 3");
    json_t *header = read_header("idx-run/last.safetensors", NULL, NULL),
           *other = read_header("npy-run/last.safetensors", NULL, NULL);
    const char *name;
    json_t *entry;
    unsigned tensors = 0;
    assert_int_equal(json_object_size(header), json_object_size(other));
    json_object_foreach(header, name, entry)
    {
        if (!strcmp(name, "__metadata__"))
            continue;
        tensors++;
        if (!same_tensor("idx-run/last.safetensors", "npy-run/last.safetensors", name))
            fail_msg("%s differs", name);
    }
    assert_true(tensors > 10);
    const json_t *metadata = json_object_get(header, "__metadata__"), *other_metadata = json_object_get(other, "__metadata__");
    assert_non_null(json_object_get(metadata, "data.toy"));
    assert_true(json_equal(json_object_get(metadata, "data.toy"), json_object_get(other_metadata, "data.toy")));
    json_decref(header);
    json_decref(other);
}

static void test_equal_predictions(void **state)
{
    (void)state;
    must_run("./toy train --quiet --data . --out run --seed 3 --epochs 1 && ./toy predict --weights run/last.safetensors images "
             "> a.csv "
             "&& ./arrays predict --weights run/last.safetensors digits.npz/images > b.csv");
    assert_true(same_files("a.csv", "b.csv"));
    assert_int_equal(run_command("./arrays predict --weights run/last.safetensors digits.npz/pictures"), 1);
    assert_true(output_has("digits.npz: the archive has no member 'pictures.npy'; it has images, labels"));
    assert_int_equal(run_command("./arrays predict --weights run/last.safetensors"), 1);
    assert_true(output_has("predict expects one npy file per field (toy.image), 1 in all, but got 0"));
}

static void test_what_is_shown(void **state)
{
    (void)state;
    must_run("./arrays info");
    assert_true(output_has("data toy: npy"));
    assert_true(output_has("toy.image: u8[8, 8] from digits.npz/images, test test-images.npy"));
    assert_int_equal(run_command("./arrays train --data missing --out none"), 1);
    assert_true(
        output_has("missing/digits.npz: No such file or directory; the field toy.image is read from it. Say with --data"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_weights),
        cmocka_unit_test(test_equal_predictions),
        cmocka_unit_test(test_what_is_shown),
    };
    return cmocka_run_group_tests(tests, set_up, folder_tear_down);
}
