#include "runtime/data/image_file.h"

#include <inttypes.h>

#include "runtime/core/report.h"

bool image_has_size(const ImageFile *file, int64_t height, int64_t width)
{
    return (height == file->height && width == file->width) ||
           report_error("%s: has %" PRId64 " x %" PRId64 " pixels (width x height), but the field %s is %s, of %" PRId64
                        " x %" PRId64
                        ": all images of a data set have one size; bring them to it first, as 'mogrify -resize %" PRId64
                        "x%" PRId64 "! FILE...' of ImageMagick does",
                        file->path, width, height, file->field, file->type, file->width, file->height, file->width, file->height);
}
