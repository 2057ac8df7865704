#include "runtime/data/image.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "runtime/core/report.h"
#include "runtime/data/files.h"
#include "runtime/data/image_file.h"
#include "runtime/data/image_resize.h"

bool image_is_field(const FieldInfo *field)
{
    const TensorInfo *tensor = &field->tensor;
    return tensor->dtype == DTYPE_U8 && !field->classes &&
           (tensor->rank == 2 || (tensor->rank == 3 && (tensor->dims[0] == 1 || tensor->dims[0] == 3)));
}

bool image_has_name(const char *name)
{
    const char *end = strrchr(name, '.');
    return end && (!strcasecmp(end, ".png") || !strcasecmp(end, ".jpg") || !strcasecmp(end, ".jpeg"));
}

static int64_t height_of(const FieldInfo *field)
{
    return field->tensor.dims[field->tensor.rank - 2];
}

static int64_t width_of(const FieldInfo *field)
{
    return field->tensor.dims[field->tensor.rank - 1];
}

/* Whether a field of so many planes has a place for the pixels. */
static bool check_pixels(const ImageFile *file, int64_t channels)
{
    for (size_t i = 0, count = (size_t)file->height * (size_t)file->width; i < count; i++) {
        const unsigned char *pixel = file->pixels + 4 * i;
        if (pixel[3] != UINT8_MAX)
            return report_error("%s: has transparent pixels, which the field %s has no place for: lay the image on a background "
                                "first",
                                file->path, file->field);
        if (channels == 1 && (pixel[0] != pixel[1] || pixel[0] != pixel[2]))
            return report_error("%s: has colours, but the field %s is %s: declare it with three planes, as u8[3, height, width]",
                                file->path, file->field, file->type);
    }
    return true;
}

/* Brings the pixels to the size of the field. */
static bool resize_pixels(ImageFile *file, ResizeKind resize, int64_t height, int64_t width)
{
    if (resize == RESIZE_NO)
        return true;
    unsigned char *pixels = malloc(4 * (size_t)height * (size_t)width);
    bool fine = pixels ? image_resize(file->pixels, file->height, file->width, resize, pixels, height, width)
                       : report_error("out of memory");
    free(file->pixels);
    file->pixels = pixels;
    return fine;
}

/* From pixels of red, green, blue and alpha to planes. */
static void store(const unsigned char *pixels, int64_t channels, size_t plane, unsigned char *row)
{
    for (size_t i = 0; i < plane; i++)
        for (size_t c = 0; c < (size_t)channels; c++)
            row[c * plane + i] = pixels[4 * i + c];
}

bool image_decode(const char *path, const unsigned char *bytes, size_t size, const FieldInfo *field, ResizeKind resize,
                  unsigned char *row)
{
    static const unsigned char png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}, jpeg[] = {0xff, 0xd8, 0xff};
    const TensorInfo *tensor = &field->tensor;
    char type[TENSOR_TEXT_SIZE];
    int64_t channels = tensor->rank == 3 ? tensor->dims[0] : 1, height = height_of(field), width = width_of(field);
    ImageFile file = {.path = path,
                      .bytes = bytes,
                      .size = size,
                      .field = tensor->name,
                      .type = tensor_text(tensor, type),
                      .height = height,
                      .width = width,
                      .any_size = resize != RESIZE_NO};
    bool is_png = size >= sizeof png && !memcmp(bytes, png, sizeof png);
    bool is_jpeg = size >= sizeof jpeg && !memcmp(bytes, jpeg, sizeof jpeg);
    if (!is_png && !is_jpeg)
        return report_error("%s: is neither a PNG nor a JPEG file", path);
    bool fine = (is_png ? png_decode(&file) : jpeg_decode(&file)) && check_pixels(&file, channels) &&
                resize_pixels(&file, resize, height, width);
    if (fine)
        store(file.pixels, channels, (size_t)height * (size_t)width, row);
    free(file.pixels);
    return fine;
}

/* All bytes of a regular file, for free(); NULL: they cannot be read (reported). */
static unsigned char *read_bytes(const char *path, size_t *size)
{
    struct stat status;
    if (!path_is_file(path))
        return NULL;
    FILE *file = fopen(path, "rbe");
    if (!file || fstat(fileno(file), &status) != 0) {
        report_error("%s: cannot be opened: %s", path, strerror(errno));
        if (file)
            fclose(file);
        return NULL;
    }
    *size = (size_t)status.st_size;
    unsigned char *bytes = malloc(*size + 1);
    bool fine =
        bytes ? fread(bytes, 1, *size, file) == *size || report_error("%s: cannot be read", path) : report_error("out of memory");
    fclose(file);
    if (fine)
        return bytes;
    free(bytes);
    return NULL;
}

bool image_read(const char *path, const FieldInfo *field, ResizeKind resize, unsigned char *row)
{
    size_t size = 0;
    unsigned char *bytes = read_bytes(path, &size);
    bool fine = bytes && image_decode(path, bytes, size, field, resize, row);
    free(bytes);
    return fine;
}
