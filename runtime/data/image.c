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

size_t image_pixels_size(const FieldInfo *field)
{
    return 4 * (size_t)height_of(field) * (size_t)width_of(field);
}

/* From pixels of red, green, blue and alpha to planes. */
static bool store(const ImageFile *file, int64_t channels, const unsigned char *pixels, unsigned char *row)
{
    size_t plane = (size_t)file->height * (size_t)file->width;
    for (size_t i = 0; i < plane; i++) {
        const unsigned char *pixel = pixels + 4 * i;
        if (pixel[3] != UINT8_MAX)
            return report_error("%s: has transparent pixels, which the field %s has no place for: lay the image on a background "
                                "first",
                                file->path, file->field);
        if (channels == 1 && (pixel[0] != pixel[1] || pixel[0] != pixel[2]))
            return report_error("%s: has colours, but the field %s is %s: declare it as u8[3, %" PRId64 ", %" PRId64 "]",
                                file->path, file->field, file->type, file->height, file->width);
        for (size_t c = 0; c < (size_t)channels; c++)
            row[c * plane + i] = pixel[c];
    }
    return true;
}

bool image_decode(const char *path, const unsigned char *bytes, size_t size, const FieldInfo *field, unsigned char *pixels,
                  unsigned char *row)
{
    static const unsigned char png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}, jpeg[] = {0xff, 0xd8, 0xff};
    const TensorInfo *tensor = &field->tensor;
    char type[TENSOR_TEXT_SIZE];
    const ImageFile file = {path, bytes, size, tensor->name, tensor_text(tensor, type), height_of(field), width_of(field)};
    bool is_png = size >= sizeof png && !memcmp(bytes, png, sizeof png);
    bool is_jpeg = size >= sizeof jpeg && !memcmp(bytes, jpeg, sizeof jpeg);
    if (!is_png && !is_jpeg)
        return report_error("%s: is neither a PNG nor a JPEG file", path);
    return (is_png ? png_decode(&file, pixels) : jpeg_decode(&file, pixels)) &&
           store(&file, tensor->rank == 3 ? tensor->dims[0] : 1, pixels, row);
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

bool image_read(const char *path, const FieldInfo *field, unsigned char *pixels, unsigned char *row)
{
    size_t size = 0;
    unsigned char *bytes = read_bytes(path, &size);
    bool fine = bytes && image_decode(path, bytes, size, field, pixels, row);
    free(bytes);
    return fine;
}
