/* The bytes of an image file, and the size that the image must have. */
#ifndef HN_DATA_IMAGE_FILE_H
#define HN_DATA_IMAGE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ImageFile {
    const char *path; /* as messages call it */
    const unsigned char *bytes;
    size_t size;
    const char *field, *type; /* "flowers.image", "u8[3, 64, 64]" */
    int64_t height, width;    /* pixels that the field has room for */
} ImageFile;

/* Whether the image has the size of the field; a decoder asks before it allocates memory by the file's word. Reported. */
bool image_has_size(const ImageFile *file, int64_t height, int64_t width);

/* Decoders: fill pixels[height][width][4] with red, green, blue and alpha of 8 bits. A damaged file, another size than the
 * field's and what 8 bits or these colours cannot hold is reported with the reason; nothing is printed, and nothing aborts. */
bool png_decode(const ImageFile *file, unsigned char *pixels);
bool jpeg_decode(const ImageFile *file, unsigned char *pixels);

#endif
