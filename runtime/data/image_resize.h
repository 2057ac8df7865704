/* Images of any size brought to that of a field. */
#ifndef HN_DATA_IMAGE_RESIZE_H
#define HN_DATA_IMAGE_RESIZE_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/abi/types.h"

/* Scales the part of from[height][width][4] that RESIZE_CROP or RESIZE_STRETCH takes to to[to_height][to_width][4], each byte of
 * a pixel for itself: across, then down, by weights that fall evenly from the middle of a pixel to that of its neighbours, of the
 * larger pixels of the two sizes, so that nothing is skipped where an image becomes smaller (bilinear, with antialiasing). So do
 * Pillow's Image.resize(size, BILINEAR) and, of a part, ImageOps.fit, whose bytes differ by 1 at most, where they go down first.
 * False: out of memory (reported). */
bool image_resize(const unsigned char *from, int64_t height, int64_t width, ResizeKind kind, unsigned char *to, int64_t to_height,
                  int64_t to_width);

#endif
