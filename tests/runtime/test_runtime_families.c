/* Families of data sets: the rows of every member, against rows worked out by hand. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "runtime/data/family.h"
#include "runtime/data/permute.h"
#include "tests/runtime/run_command.h"

enum { WIDTH = 3, ELEMENTS = 2 * WIDTH, PAD = 1, PADDED = (2 + 2 * PAD) * (WIDTH + 2 * PAD), MOST_ROWS = 16 };

/* ---- files ---- */

/* Images of 2 x 3: element k of row number i is 10 (first + i) + k; and labels. */
static void write_rows(const char *images, const char *labels, int first, int count, const int *classes)
{
    unsigned char bytes[16 + ELEMENTS * MOST_ROWS] = {0, 0, 8, 3, 0, 0, 0, (unsigned char)count, 0, 0, 0, 2, 0, 0, 0, WIDTH};
    unsigned char numbers[8 + MOST_ROWS] = {0, 0, 8, 1, 0, 0, 0, (unsigned char)count};
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < ELEMENTS; k++)
            bytes[16 + ELEMENTS * i + k] = (unsigned char)(10 * (first + i) + k);
        numbers[8 + i] = (unsigned char)classes[i];
    }
    write_file(images, bytes, 16 + ELEMENTS * (size_t)count);
    write_file(labels, numbers, 8 + (size_t)count);
}

/* ---- a manifest of one data set and, perhaps, a family of it ---- */

enum { IMAGE, LABEL, ID, FIELDS };

typedef struct Model {
    FieldInfo fields[2 * FIELDS];
    size_t indices[2][FIELDS];
    DatasetInfo datasets[2];
    FamilyInfo family;
    Manifest manifest;
    Data data;
} Model;

static TensorInfo matrix(const char *name, int64_t rows, int64_t columns)
{
    return (TensorInfo){.name = name,
                        .dtype = DTYPE_U8,
                        .rank = 2,
                        .dims = {rows, columns},
                        .elements = rows * columns,
                        .bytes = (size_t)(rows * columns)};
}

static TensorInfo number(const char *name)
{
    return (TensorInfo){.name = name, .dtype = DTYPE_I32, .elements = 1, .bytes = 4};
}

/* The data set "d" with those splits; number `k` of the manifest's. */
static void add_dataset(Model *m, size_t k, const SplitInfo *splits, size_t split_count)
{
    FieldInfo *fields = &m->fields[k * FIELDS];
    fields[IMAGE] = (FieldInfo){.tensor = matrix("d.image", 2, WIDTH)};
    fields[LABEL] = (FieldInfo){.tensor = number("d.label"), .classes = 4};
    fields[ID] = (FieldInfo){.tensor = number("d.id"), .index = true};
    for (size_t i = 0; i < FIELDS; i++)
        m->indices[k][i] = k * FIELDS + i;
    m->datasets[k] = (DatasetInfo){.name = k ? "family" : "d",
                                   .format = FORMAT_IDX,
                                   .fields = m->indices[k],
                                   .field_count = FIELDS,
                                   .splits = (SplitInfo *)splits,
                                   .split_count = split_count};
    m->manifest =
        (Manifest){.fields = m->fields, .field_count = (k + 1) * FIELDS, .datasets = m->datasets, .dataset_count = k + 1};
}

static void check_row(Model *m, size_t dataset, int64_t member, size_t split, int32_t place, const int *image, int label, int id)
{
    unsigned char pixels[2][PADDED] = {{0}};
    int32_t labels[2] = {-1, -1}, ids[2] = {-1, -1};
    void *const tables[] = {pixels, labels, ids};
    RowRange range = member_range(&m->data, dataset, member, split);
    int32_t at = (int32_t)range.first + place;
    size_t elements = m->fields[dataset * FIELDS].tensor.bytes;
    assert_in_range(place, 0, range.count - 1);
    member_rows(&m->data, dataset, member, &at, 1, tables, 1); /* as the second row of the tables */
    const unsigned char *row = (unsigned char *)pixels + elements;
    for (size_t k = 0; k < elements; k++)
        assert_int_equal(row[k], image[k]);
    assert_int_equal(labels[1], label);
    assert_int_equal(ids[1], id);
    assert_true(labels[0] == -1 && ids[0] == -1);
}

/* Row number `row` as write_rows() writes it. */
static void check_plain(Model *m, size_t dataset, int64_t member, size_t split, int32_t place, int row, int label, int id)
{
    int image[ELEMENTS];
    for (int k = 0; k < ELEMENTS; k++)
        image[k] = 10 * row + k;
    check_row(m, dataset, member, split, place, image, label, id);
}

/* ---- files of their own ---- */

static const SplitInfo numbered_splits[] = {
    {.name = "train", .fraction = 0.6}, {.name = "rest", .fraction = 0.4}, {.name = "test", .from_test = true, .fraction = 1}};

static bool load_numbered(Model *m, bool shuffled, uint64_t seed)
{
    static const char *const files[] = {"images-0", "labels-0", "images-1", "labels-1"}, *const test_files[] = {
                                                                                             "test-0", "tests-0", "test-1",
                                                                                             "tests-1"};
    *m = (Model){.family = {.kind = FAMILY_NUMBERED, .text = "", .count = 2, .base = NONE, .field = NONE}};
    add_dataset(m, 0, numbered_splits, 3);
    DatasetInfo *dataset = &m->datasets[0];
    dataset->family = &m->family;
    dataset->files = (const char **)files;
    dataset->test_files = (const char **)test_files;
    dataset->file_count = dataset->test_file_count = 4;
    dataset->shuffled = shuffled;
    capture_begin();
    bool fine = data_load(&m->data, &m->manifest, ".", seed);
    capture_end();
    return fine;
}

static void write_numbered(void)
{
    static const int classes[] = {0, 1, 2, 3, 0};
    write_rows("images-0", "labels-0", 0, 5, classes);
    write_rows("images-1", "labels-1", 5, 3, classes);
    write_rows("test-0", "tests-0", 8, 1, classes);
    write_rows("test-1", "tests-1", 9, 2, classes);
}

static void test_numbered_files(void **state)
{
    (void)state;
    Model m;
    write_numbered();
    assert_true(load_numbered(&m, false, 0));
    assert_int_equal(data_members(&m.data, 0), 2);
    static const int64_t counts[2][3] = {{3, 2, 1}, {2, 1, 2}};
    for (int64_t member = 0; member < 2; member++)
        for (size_t split = 0; split < 3; split++)
            assert_int_equal(member_range(&m.data, 0, member, split).count, counts[member][split]);
    check_plain(&m, 0, 0, 0, 1, 1, 1, 1);
    check_plain(&m, 0, 0, 1, 1, 4, 0, 4);
    check_plain(&m, 0, 0, 2, 0, 8, 0, 5); /* test rows are numbered behind the main ones of their member */
    check_plain(&m, 0, 1, 0, 0, 5, 0, 0);
    check_plain(&m, 0, 1, 1, 0, 7, 2, 2);
    check_plain(&m, 0, 1, 2, 1, 10, 1, 4);
    data_free(&m.data);
}

/* Each member's main rows are permuted among themselves, and differently from those of the other. */
static void test_numbered_shuffled(void **state)
{
    (void)state;
    Model m;
    write_numbered();
    int moved = 0;
    for (uint64_t seed = 0; seed < 8; seed++) {
        assert_true(load_numbered(&m, true, seed));
        bool seen[8] = {false};
        const int32_t *ids = m.data.tables[ID], *labels = m.data.tables[LABEL];
        const unsigned char *images = m.data.tables[IMAGE];
        for (int row = 0; row < 8; row++) {
            int first = row < 5 ? 0 : 5, file_row = images[row * ELEMENTS] / 10;
            assert_in_range(file_row, first, first ? 7 : 4);
            assert_int_equal(ids[row], file_row - first);
            assert_int_equal(labels[row], (file_row - first) % 4);
            seen[file_row] = true;
            moved += file_row != row;
        }
        for (int row = 0; row < 8; row++)
            assert_true(seen[row]);
        data_free(&m.data);
    }
    assert_in_range(moved, 24, 64);
}

static void test_numbered_misfits(void **state)
{
    (void)state;
    Model m;
    static const int classes[] = {0, 1, 2, 3, 0};
    write_numbered();
    write_rows("images-1", "labels-1", 5, 1, classes);
    assert_false(load_numbered(&m, false, 0));
    assert_true(output_has("the split d[1].rest is empty: its files hold 1 examples"));
    write_file("images-1", (unsigned char[]){0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 7, 7}, 18);
    assert_false(load_numbered(&m, false, 0));
    assert_true(output_has("images-1: holds u8[1, 1, 2], but examples of the field d.image are u8[2, 3]"));
    assert_int_equal(remove("images-1"), 0);
    assert_false(load_numbered(&m, false, 0));
    assert_true(output_has("images-1: No such file or directory"));
}

/* ---- families of another data set ---- */

static const SplitInfo base_splits[] = {
    {.name = "train", .count = 6}, {.name = "valid", .count = 4}, {.name = "test", .from_test = true, .fraction = 1}};

/* Labels of the ten main and the two test rows. */
static const int base_classes[] = {3, 0, 1, 2, 0, 3, 2, 2, 1, 0}, classes_of_tests[] = {1, 3};

static void load_family(Model *m, FamilyInfo family, int64_t pad, uint64_t seed)
{
    static const char *const files[] = {"images", "labels"}, *const test_files[] = {"test", "tests"};
    write_rows("images", "labels", 0, 10, base_classes);
    write_rows("test", "tests", 10, 2, classes_of_tests);
    *m = (Model){.family = family};
    add_dataset(m, 0, base_splits, 3);
    m->datasets[0].files = (const char **)files;
    m->datasets[0].test_files = (const char **)test_files;
    m->datasets[0].file_count = m->datasets[0].test_file_count = 2;
    add_dataset(m, 1, base_splits, 3);
    m->fields[FIELDS + IMAGE].tensor = matrix("family.image", 2 + 2 * pad, WIDTH + 2 * pad);
    m->datasets[1].family = &m->family;
    m->family.text = "";
    m->family.base = 0;
    m->family.number = family.kind == FAMILY_PERMUTE ? pad : family.number;
    assert_true(data_load(&m->data, &m->manifest, ".", seed));
}

static void test_permute(void **state)
{
    (void)state;
    enum { MEMBERS = 4, SEED = 5 };
    static const uint32_t key[2] = {SEED, 0};
    Model m;
    load_family(&m, (FamilyInfo){.kind = FAMILY_PERMUTE, .count = MEMBERS, .field = IMAGE}, 0, SEED);
    for (uint32_t member = 0; member < MEMBERS; member++) {
        int32_t order[ELEMENTS];
        for (int k = 0; k < ELEMENTS; k++)
            order[k] = k;
        if (member > 0)
            permute(order, ELEMENTS, key, member, 1, RANDOM_PURPOSE_PERMUTATION);
        for (int row = 0; row < 10; row++) {
            int image[ELEMENTS];
            for (int k = 0; k < ELEMENTS; k++)
                image[k] = 10 * row + order[k];
            check_row(&m, 1, member, row >= 6, row < 6 ? row : row - 6, image, base_classes[row], row);
        }
        assert_int_equal(member_range(&m.data, 1, member, 2).count, 2);
    }
    data_free(&m.data);
}

/* Zeros stand around the image before its elements are permuted. */
static void test_padded(void **state)
{
    (void)state;
    Model m;
    load_family(&m, (FamilyInfo){.kind = FAMILY_PERMUTE, .count = 2, .field = IMAGE}, PAD, 1);
    static const int padded[PADDED] = {0, 0,   0,   0,   0, /**/ 0, 110, 111, 112, 0, /**/
                                       0, 113, 114, 115, 0, /**/ 0, 0,   0,   0,   0};
    check_row(&m, 1, 0, 2, 1, padded, 3, 11);
    unsigned char image[PADDED];
    int32_t label, id, place = (int32_t)member_range(&m.data, 1, 1, 2).first + 1;
    int zeros = 0, sum = 0, moved = 0;
    member_rows(&m.data, 1, 1, &place, 1, (void *[]){image, &label, &id}, 0);
    for (int k = 0; k < PADDED; k++) {
        zeros += image[k] == 0;
        sum += image[k];
        moved += image[k] != padded[k];
    }
    assert_int_equal(zeros, PADDED - ELEMENTS);
    assert_int_equal(sum, 110 + 111 + 112 + 113 + 114 + 115);
    assert_in_range(moved, 4, PADDED);
    data_free(&m.data);
}

static void test_classes(void **state)
{
    (void)state;
    Model m;
    load_family(&m, (FamilyInfo){.kind = FAMILY_CLASSES, .count = 2, .field = LABEL, .number = 2}, 0, 0);
    /* labels 3 0 1 2 0 3 | 2 2 1 0 | 1 3: member 0 has the rows 1 2 4 | 8 9 | 10, member 1 the rows 0 3 5 | 6 7 | 11 */
    static const int rows[2][3][3] = {{{1, 2, 4}, {8, 9}, {10}}, {{0, 3, 5}, {6, 7}, {11}}},
                     labels[2][3][3] = {{{0, 1, 0}, {1, 0}, {1}}, {{1, 0, 1}, {0, 0}, {1}}}, counts[3] = {3, 2, 1};
    for (int member = 0; member < 2; member++)
        for (size_t split = 0, id = 0; split < 3; split++) {
            assert_int_equal(member_range(&m.data, 1, member, split).count, counts[split]);
            for (int place = 0; place < counts[split]; place++)
                check_plain(&m, 1, member, split, place, rows[member][split][place], labels[member][split][place], (int)id++);
        }
    data_free(&m.data);
}

static void test_by(void **state)
{
    (void)state;
    Model m;
    load_family(&m, (FamilyInfo){.kind = FAMILY_BY, .count = 4, .field = LABEL}, 0, 0);
    static const int64_t counts[4][3] = {{2, 1, 0}, {1, 1, 1}, {1, 2, 0}, {2, 0, 1}};
    for (int64_t member = 0; member < 4; member++)
        for (size_t split = 0; split < 3; split++)
            assert_int_equal(member_range(&m.data, 1, member, split).count, counts[member][split]);
    check_plain(&m, 1, 3, 0, 0, 0, 3, 0);
    check_plain(&m, 1, 3, 0, 1, 5, 3, 1);
    check_plain(&m, 1, 3, 2, 0, 11, 3, 2);
    check_plain(&m, 1, 2, 1, 1, 7, 2, 2);
    check_plain(&m, 1, 1, 0, 0, 2, 1, 0);
    data_free(&m.data);
}

/* Rows of several members stand in one table, as a step on all of them reads it. */
static void test_rows_of_all_members(void **state)
{
    (void)state;
    enum { BATCH = 2 };
    Model m;
    load_family(&m, (FamilyInfo){.kind = FAMILY_CLASSES, .count = 2, .field = LABEL, .number = 2}, 0, 0);
    unsigned char images[2 * BATCH][ELEMENTS];
    int32_t labels[2 * BATCH], ids[2 * BATCH];
    void *const tables[] = {images, labels, ids};
    for (int member = 0; member < 2; member++) {
        int32_t first = (int32_t)member_range(&m.data, 1, member, 0).first, places[BATCH] = {first + 2, first};
        member_rows(&m.data, 1, member, places, BATCH, tables, member * BATCH);
    }
    static const int32_t expected[] = {4, 1, 5, 0}, own[] = {2, 0, 2, 0}, classes[] = {0, 0, 1, 1};
    for (int i = 0; i < 2 * BATCH; i++) {
        assert_int_equal(images[i][0], 10 * expected[i]);
        assert_int_equal(ids[i], own[i]);
        assert_int_equal(labels[i], classes[i]);
    }
    data_free(&m.data);
}

/* The rows of the base are hashed once; those of a member with files of its own for themselves. */
static void test_fingerprints(void **state)
{
    (void)state;
    Model m;
    static const int classes[] = {0, 1, 2, 3, 0};
    uint64_t before[2];
    write_numbered();
    assert_true(load_numbered(&m, false, 0));
    data_fingerprint(&m.data);
    memcpy(before, m.data.fingerprints, sizeof before);
    data_free(&m.data);
    write_rows("images-1", "labels-1", 6, 3, classes);
    assert_true(load_numbered(&m, false, 0));
    data_fingerprint(&m.data);
    assert_true(m.data.fingerprints[0] == before[0] && m.data.fingerprints[1] != before[1] && before[0] != before[1]);
    data_free(&m.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_numbered_files, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_numbered_shuffled, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_numbered_misfits, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_permute, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_padded, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_classes, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_by, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_rows_of_all_members, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_fingerprints, folder_set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
