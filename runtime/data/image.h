/* Images of files, as fields of a data set hold them. */
#ifndef HN_DATA_IMAGE_H
#define HN_DATA_IMAGE_H

#include "runtime/core/manifest.h"

/* Whether the field is an image: u8[height, width], u8[1, height, width] or u8[3, height, width]. */
bool image_is_field(const FieldInfo *field);
/* Whether the name is that of a PNG or JPEG file: it ends in .png, .jpg or .jpeg, however these are written. */
bool image_has_name(const char *name);
/* Reads a file, PNG or JPEG whatever its name says, into `row`: one plane, of an image whose pixels are all grey, or planes of
 * red, green and blue. Reported are files of neither kind, damaged ones, images of another size than the field's with RESIZE_NO,
 * with 16 bits per channel, the colours of printers, transparent pixels, or colours in a field of one plane. */
bool image_read(const char *path, const FieldInfo *field, ResizeKind resize, unsigned char *row);
/* The same of bytes in memory; `path` is what messages call them. */
bool image_decode(const char *path, const unsigned char *bytes, size_t size, const FieldInfo *field, ResizeKind resize,
                  unsigned char *row);

#endif
