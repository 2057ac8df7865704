/* The reader of images, and folders of them: good files of every kind, and every way in which a file can be wrong. The files are
 * the seeds of tests/fuzz/corpus_images; their pixels are those that Pillow reads. */
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

#include "runtime/data/dataset.h"
#include "runtime/data/image.h"
#include "runtime/data/image_resize.h"
#include "tests/runtime/run_command.h"

enum { HEIGHT = 4, WIDTH = 5, PLANE = HEIGHT * WIDTH };

/* Planes of red, green and blue, or one of grey. */
static const unsigned char colours[] = {207, 60,  222, 24,  159, 40,  8,   100, 107, 150, 193, 72,  166, 74,  19,
                                        76,  11,  149, 48,  7,   21,  46,  149, 85,  122, 177, 29,  227, 110, 44,
                                        244, 81,  178, 240, 249, 35,  228, 62,  197, 65,  45,  205, 10,  110, 67,
                                        188, 115, 132, 170, 188, 201, 166, 222, 0,   241, 80,  169, 120, 121, 180};
static const unsigned char grey[] = {207, 60, 222, 24, 159, 40, 8, 100, 107, 150, 193, 72, 166, 74, 19, 76, 11, 149, 48, 7};
static const unsigned char bits[] = {255, 0, 255, 0, 255, 0, 0, 0, 0, 255, 255, 0, 255, 0, 0, 0, 0, 255, 0, 0};
static const unsigned char palette[] = {131, 25,  139, 25,  139, 74,  25,  74,  139, 131, 139, 25,  139, 74,  74,
                                        131, 74,  131, 74,  25,  49,  56,  147, 56,  147, 231, 56,  231, 147, 49,
                                        147, 56,  147, 231, 231, 49,  231, 49,  231, 56,  120, 153, 131, 153, 131,
                                        144, 153, 144, 131, 120, 131, 153, 131, 144, 144, 120, 144, 120, 144, 153};
static const unsigned char jpeg[] = {96,  94,  192, 95,  152, 157, 27,  148, 97,  92,  167, 68,  129, 144, 111,
                                     0,   72,  0,   29,  0,   49,  52,  163, 66,  113, 145, 21,  156, 110, 94,
                                     226, 135, 214, 235, 200, 83,  177, 122, 162, 113, 93,  72,  133, 50,  170,
                                     181, 33,  117, 84,  143, 244, 128, 159, 192, 230, 93,  162, 59,  109, 133};
static const unsigned char full[] = {215, 49,  226, 26,  155, 42,  11,  104, 99,  151, 189, 64,  165, 76,  28,
                                     70,  18,  150, 59,  4,   14,  50,  147, 83,  123, 175, 31,  231, 104, 45,
                                     249, 86,  165, 245, 255, 31,  227, 69,  197, 54,  48,  190, 29,  100, 84,
                                     190, 118, 128, 160, 197, 223, 162, 215, 0,   239, 75,  159, 125, 137, 165};
static const unsigned char progressive[] = {138, 78,  230, 101, 126, 172, 75,  165, 108, 103, 150, 89,  114, 135, 113,
                                            26,  66,  23,  44,  0,   54,  4,   177, 59,  87,  128, 43,  153, 107, 105,
                                            186, 138, 183, 217, 198, 104, 155, 134, 168, 102, 114, 39,  159, 45,  132,
                                            179, 67,  127, 86,  143, 220, 145, 139, 177, 219, 127, 153, 81,  118, 116};
static const unsigned char restart[] = {138, 78,  230, 101, 126, 172, 75,  165, 108, 103, 150, 89,  114, 135, 113,
                                        26,  66,  23,  44,  0,   54,  4,   177, 59,  87,  128, 43,  153, 107, 105,
                                        186, 138, 183, 217, 198, 104, 155, 134, 168, 102, 114, 39,  159, 45,  132,
                                        179, 67,  127, 86,  143, 220, 145, 139, 177, 219, 127, 153, 81,  118, 116};
static const unsigned char grey_jpeg[] = {207, 55, 229, 21, 150, 45, 7, 96, 106, 150, 185, 93, 152, 78, 30, 84, 0, 178, 39, 20};

static const FieldInfo colour = {
    .tensor = {
        .name = "d.image", .dtype = DTYPE_U8, .rank = 3, .dims = {3, HEIGHT, WIDTH}, .elements = 3 * PLANE, .bytes = 3 * PLANE}};
static const FieldInfo plane = {
    .tensor = {.name = "d.grey", .dtype = DTYPE_U8, .rank = 2, .dims = {HEIGHT, WIDTH}, .elements = PLANE, .bytes = PLANE}};

static const char *seed(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/tests/fuzz/corpus_images/%s", SOURCE_DIR, name);
    return path;
}

/* What was reported is in command_output(). */
static bool read_image(const char *path, const FieldInfo *field, unsigned char *row)
{
    capture_begin();
    bool fine = image_read(path, field, RESIZE_NO, row);
    capture_end();
    return fine;
}

static void expect_image(const char *name, const FieldInfo *field, const unsigned char *expected)
{
    unsigned char row[3 * PLANE] = {0};
    if (!read_image(seed(name), field, row))
        fail_msg("%s: %s", name, command_output());
    assert_memory_equal(row, expected, field->tensor.bytes);
    if (*command_output())
        fail_msg("%s: something is printed: %s", name, command_output());
}

static void expect_refusal(const char *path, const FieldInfo *field, const char *text)
{
    unsigned char row[3 * PLANE];
    assert_false(read_image(path, field, row));
    if (!output_has(text))
        fail_msg("no '%s' in: %s", text, command_output());
}

/* A grey image in a field of colours. */
static void expect_three(const char *name, const unsigned char *expected)
{
    unsigned char planes[3 * PLANE];
    for (int c = 0; c < 3; c++)
        memcpy(planes + c * PLANE, expected, PLANE);
    expect_image(name, &colour, planes);
    expect_image(name, &plane, expected);
}

static void good_images(void **state)
{
    (void)state;
    expect_image("colours.png", &colour, colours);
    expect_image("interlaced.png", &colour, colours);
    expect_image("opaque.png", &colour, colours);
    expect_image("palette.png", &colour, palette);
    expect_three("grey.png", grey);
    expect_three("bits.png", bits);
    expect_image("colours.jpg", &colour, jpeg);
    expect_image("full.jpg", &colour, full);
    expect_image("progressive.jpg", &colour, progressive);
    expect_image("restart.jpg", &colour, restart);
    expect_three("grey.jpg", grey_jpeg);
}

static void refused_images(void **state)
{
    (void)state;
    FieldInfo square = colour;
    unsigned char row[3 * PLANE];
    square.tensor.dims[1] = WIDTH;
    square.tensor.dims[2] = HEIGHT;
    expect_refusal(seed("clear.png"), &colour,
                   "clear.png: has transparent pixels, which the field d.image has no place for: lay");
    expect_refusal(seed("palette_clear.png"), &colour, "palette_clear.png: has transparent pixels");
    expect_refusal(seed("sixteen.png"), &colour, "sixteen.png: has 16 bits per channel, but the field d.image is u8");
    expect_refusal(
        seed("colours.png"), &plane,
        "colours.png: has colours, but the field d.grey is u8[4, 5]: declare it with three planes, as u8[3, height, width]");
    expect_refusal(seed("cmyk.jpg"), &colour, "cmyk.jpg: has the four colours of printers (CMYK)");
    expect_refusal(seed("huge.png"), &colour,
                   "huge.png: has 2147483647 x 2147483647 pixels (width x height), but the field d.image is");
    for (int i = 0; i < 2; i++) {
        capture_begin();
        assert_false(image_read(seed(i ? "colours.jpg" : "colours.png"), &square, RESIZE_NO, row));
        capture_end();
        assert_true(output_has(": has 5 x 4 pixels (width x height), but the field d.image is u8[3, 5, 4], of 4 x 5: "
                               "'images(..., resize: crop)' or 'resize: stretch' brings images to one size"));
    }
    expect_refusal("missing.png", &colour, "missing.png: No such file or directory");
    write_file("text.png", "no image", 8);
    expect_refusal("text.png", &colour, "text.png: is neither a PNG nor a JPEG file");
    write_file("empty.jpg", "", 0);
    expect_refusal("empty.jpg", &colour, "empty.jpg: is neither a PNG nor a JPEG file");
    assert_int_equal(mkdir("folder.png", 0777), 0);
    expect_refusal("folder.png", &colour, "folder.png: is a folder, but must be a file");
    assert_int_equal(mkfifo("pipe.png", 0666), 0);
    expect_refusal("pipe.png", &colour, "pipe.png: is a pipe, but must be a file");
}

/* A grey image of lines of the digits' value times 20, at most 16 x 16, as pixels. */
static void digits(const char *lines, int64_t *height, int64_t *width, unsigned char *pixels)
{
    *width = (int64_t)strcspn(lines, " ");
    *height = ((int64_t)strlen(lines) + 1) / (*width + 1);
    for (int64_t i = 0; i < *height * *width; i++)
        for (int c = 0; c < 4; c++)
            pixels[4 * i + c] = (unsigned char)(c == 3 ? 255 : 20 * (lines[i / *width * (*width + 1) + i % *width] - '0'));
}

static void expect_resized(const char *from, ResizeKind kind, const char *to)
{
    unsigned char image[4 * 256], wanted[4 * 256], found[4 * 256];
    int64_t height, width, to_height, to_width;
    digits(from, &height, &width, image);
    digits(to, &to_height, &to_width, wanted);
    assert_true(image_resize(image, height, width, kind, found, to_height, to_width));
    for (int64_t i = 0; i < 4 * to_height * to_width; i++)
        if (found[i] != wanted[i])
            fail_msg("'%s' resized: byte %d is %d, not %d", from, (int)i, found[i], wanted[i]);
}

static void resized_images(void **state)
{
    (void)state;
    expect_resized("1234 5678", RESIZE_STRETCH, "1234 5678"); /* nothing changes */
    expect_resized("1234 5678", RESIZE_CROP, "1234 5678");
    expect_resized("7", RESIZE_STRETCH, "777 777");
    expect_resized("3333 3333 3333", RESIZE_STRETCH, "33");
    expect_resized("04", RESIZE_STRETCH, "0134"); /* between the middles of both */
    expect_resized("0 4", RESIZE_STRETCH, "0 1 3 4");
    expect_resized("0070", RESIZE_STRETCH, "13"); /* weights 3/7, 3/7, 1/7 */
    expect_resized("194", RESIZE_CROP, "9");
    expect_resized("1 9 4", RESIZE_CROP, "9");
    expect_resized("02460", RESIZE_CROP, "35"); /* the middle begins and ends within pixels */
}

/* Cuts the file at every byte, and changes every byte. A cut PNG file is refused, and so is a changed one, as all its bytes are
 * under a checksum, but for what does not count. A JPEG file has no checksums. `expected` NULL: the file is refused as it is. */
static void damage(const char *name, const unsigned char *expected, bool sums)
{
    size_t size;
    unsigned char *bytes = (unsigned char *)read_file(seed(name), &size), row[3 * PLANE];
    unsigned changed = 0, cut = 0;
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++) {
        unsigned char *part = malloc(i + 1); /* no byte beyond may be read */
        memcpy(part, bytes, i);
        capture_begin();
        bool fine = image_decode("cut", part, i, &colour, RESIZE_NO, row);
        capture_end();
        cut += fine;
        if (!fine && !output_has("cut: "))
            fail_msg("%s cut at %zu: %s", name, i, command_output());
        free(part);
    }
    for (size_t i = 0; i < size; i++)
        for (int bit = 0; bit < 8; bit++) {
            bytes[i] ^= (unsigned char)(1 << bit);
            capture_begin();
            bool fine = image_decode("changed", bytes, size, &colour, RESIZE_NO, row);
            capture_end();
            changed += fine && (!expected || memcmp(row, expected, sizeof row) != 0);
            if (fine == (bool)*command_output() || (!fine && !output_has("changed: ")))
                fail_msg("%s changed at %zu: %s", name, i, command_output());
            bytes[i] ^= (unsigned char)(1 << bit);
        }
    if (cut || (sums && changed))
        fail_msg("%s: %u cut and %u changed files are read", name, cut, changed);
    free(bytes);
}

static void damaged_images(void **state)
{
    (void)state;
    damage("colours.png", colours, true);
    damage("interlaced.png", colours, true);
    damage("palette.png", palette, true);
    damage("palette_clear.png", NULL, true); /* without its transparency, it would be read */
    damage("colours.jpg", jpeg, false);
    damage("progressive.jpg", progressive, false);
}

/* ---- folders ---- */

enum { IMAGE, LABEL, ROW, FIELDS };
static const char *class_names[] = {"Aster", "rose", "zinnia"};
static const FieldInfo label = {.tensor = {.name = "d.label", .dtype = DTYPE_I32, .elements = 1, .bytes = 4},
                                .classes = 3,
                                .names = class_names,
                                .name_count = 3};
static const FieldInfo index_field = {.tensor = {.name = "d.row", .dtype = DTYPE_I32, .elements = 1, .bytes = 4}, .index = true};

/* Loads "main" and, if there are any, "test", without classes or with them, which the model knows or not. */
static bool load(Data *data, bool with_label, bool known, bool test)
{
    static size_t numbers[FIELDS];
    static FieldInfo fields[FIELDS];
    static const char *main_files[] = {"main"}, *test_files[] = {"test"};
    static SplitInfo splits[] = {{.name = "train", .fraction = 1}, {.name = "test", .from_test = true, .fraction = 1}};
    static DatasetInfo dataset;
    static Manifest manifest;
    size_t count = 0;
    fields[count++] = colour;
    fields[count++] = index_field;
    if (with_label)
        fields[count++] = label;
    if (!known)
        fields[2].name_count = 0, fields[2].names = NULL;
    for (size_t i = 0; i < count; i++)
        numbers[i] = i;
    dataset = (DatasetInfo){.name = "d",
                            .format = FORMAT_IMAGES,
                            .fields = numbers,
                            .field_count = count,
                            .files = main_files,
                            .file_count = 1,
                            .test_files = test_files,
                            .test_file_count = test,
                            .splits = splits,
                            .split_count = test ? 2 : 1};
    manifest = (Manifest){.fields = fields, .field_count = count, .datasets = &dataset, .dataset_count = 1};
    capture_begin();
    bool fine = data_load(data, &manifest, ".", 7);
    capture_end();
    return fine;
}

static void expect_no_data(bool with_label, bool known, bool test, const char *text)
{
    Data data;
    assert_false(load(&data, with_label, known, test));
    if (!output_has(text))
        fail_msg("no '%s' in: %s", text, command_output());
}

static void copy(const char *name, const char *to)
{
    must_run("mkdir -p \"$(dirname '%s')\" && cp '%s' '%s'", to, seed(name), to);
}

static void folders_of_classes(void **state)
{
    (void)state;
    Data data;
    copy("colours.png", "main/zinnia/10.png");
    copy("full.jpg", "main/zinnia/9.JPG");
    copy("palette.png", "main/Aster/x.jpeg"); /* what it is counts, not what it is called */
    copy("progressive.jpg", "main/rose/a b.jpg");
    copy("restart.jpg", "test/rose/z.jpg");
    copy("colours.jpg", "test/Aster/z.jpg");
    write_file("main/rose/notes.txt", "x", 1);
    write_file("main/README", "x", 1);
    write_file("main/.hidden.png", "x", 1);
    write_file("main/rose/.hidden.png", "x", 1);
    for (int known = 0; known < 2; known++) {
        const unsigned char *const images[] = {palette, progressive, colours, full, jpeg, restart};
        const int32_t labels[] = {0, 1, 2, 2, 0, 1};
        if (!load(&data, true, known, true))
            fail_msg("%s", command_output());
        assert_true(output_has("of the folders of d, 2 files, such as ./main/README, are left out"));
        assert_int_equal(data.rows[0], 6);
        assert_int_equal(data.splits[0][0].count, 4);
        for (int i = 0; i < 6; i++) {
            assert_memory_equal((unsigned char *)data.tables[0] + i * 3 * PLANE, images[i], 3 * PLANE);
            assert_int_equal(((int32_t *)data.tables[1])[i], i);
            assert_int_equal(((int32_t *)data.tables[2])[i], labels[i]);
        }
        data_free(&data);
    }
}

/* After folders_of_classes. */
static void wrong_folders(void **state)
{
    (void)state;
    copy("colours.png", "test/tulip/1.png");
    expect_no_data(true, true, true, "./test/tulip: is no class of d.label, whose classes are Aster, rose, zinnia");
    expect_no_data(true, false, true, "./test/tulip: is no class of d.label, whose classes are Aster, rose, zinnia");
    must_run("rm -r test/tulip && mkdir test/zinnia");
    expect_no_data(true, true, true, "./test/zinnia: holds no images: their names end in .png, .jpg or .jpeg");
    must_run("rmdir test/zinnia && cp main/zinnia/10.png test");
    expect_no_data(true, true, true, "./test/10.png: is an image outside of a folder that says its class");
    must_run("rm -r test && mkdir test");
    expect_no_data(true, true, true, "./test: holds no folders: one per class is needed");
    must_run("rmdir test");
    expect_no_data(true, true, true, "./test: No such file or directory; the data set d is read from it. Say with --data DIR");
    write_file("test", "x", 1);
    expect_no_data(true, true, true, "./test: is a file, but must be a folder that holds one folder per class");
    expect_no_data(false, true, false, "./main: holds no images");
    must_run("head -c 100 main/zinnia/10.png >cut && mv cut main/zinnia/10.png");
    expect_no_data(true, true, false, "./main/zinnia/10.png: is damaged, or no whole PNG file: ");
    must_run("mv main old && mkdir main && cp old/zinnia/9.JPG main/b.jpg && cp old/Aster/x.jpeg main/a.png");
    Data data;
    if (!load(&data, false, true, false))
        fail_msg("%s", command_output());
    assert_int_equal(data.rows[0], 2);
    assert_memory_equal(data.tables[0], palette, 3 * PLANE);
    data_free(&data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(good_images),        cmocka_unit_test(resized_images),
                                       cmocka_unit_test(refused_images),     cmocka_unit_test(damaged_images),
                                       cmocka_unit_test(folders_of_classes), cmocka_unit_test(wrong_folders)};
    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
