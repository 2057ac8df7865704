#include "runtime/data/image_file.h"

#include <inttypes.h>
#include <stdlib.h>

#include "runtime/core/report.h"

enum { MOST_PIXELS = 1 << 27 /* of an image of any size */ };

bool image_begin(ImageFile *file, int64_t height, int64_t width)
{
    if (file->any_size && (height > MOST_PIXELS || width > MOST_PIXELS / height))
        return report_error("%s: has %" PRId64 " x %" PRId64 " pixels (width x height), and at most %d are read of an image",
                            file->path, width, height, MOST_PIXELS);
    if (!file->any_size && (height != file->height || width != file->width))
        return report_error("%s: has %" PRId64 " x %" PRId64 " pixels (width x height), but the field %s is %s, of %" PRId64
                            " x %" PRId64 ": 'images(..., resize: crop)' or 'resize: stretch' brings images to one size",
                            file->path, width, height, file->field, file->type, file->width, file->height);
    file->height = height;
    file->width = width;
    file->pixels = calloc((size_t)height * (size_t)width, 4); /* transparent: what a decoder does not fill is refused */
    return file->pixels || report_error("out of memory");
}
