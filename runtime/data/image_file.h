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
    int64_t height, width;    /* pixels: those that the field has room for; of an image of any size, its own, by image_begin */
    bool any_size;
    unsigned char *pixels; /* [height][width][4]: red, green, blue and alpha; for free() */
} ImageFile;

/* Whether the image may have that size; a decoder asks before it does anything by the file's word. Then there is memory for its
 * pixels. Reported. */
bool image_begin(ImageFile *file, int64_t height, int64_t width);

/* Decoders: fill the pixels, with 8 bits for each number. A damaged file, a size that may not be and what 8 bits or these colours
 * cannot hold is reported with the reason; nothing is printed, and nothing aborts. */
bool png_decode(ImageFile *file);
bool jpeg_decode(ImageFile *file);

#endif
