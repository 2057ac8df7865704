#include "runtime/data/image_resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/report.h"

enum { CHANNELS = 4, WEIGHT_BITS = 22 /* behind the point: a sum of weighted bytes fits into an i32 */ };

/* What each pixel of a line is made of. */
typedef struct Weights {
    int64_t most;   /* pixels that make one */
    int64_t *first; /* per pixel of the result: the first of them, and how many */
    int64_t *count;
    int32_t *weight; /* `most` per pixel of the result */
} Weights;

static void free_weights(Weights *w)
{
    free(w->first);
    free(w->count);
    free(w->weight);
}

/* The weights of `to` pixels made of those in [begin, end) of `from`. Begin and end are f32, as Pillow has them. */
static bool make_weights(Weights *w, int64_t from, float begin, float end, int64_t to)
{
    double scale = (double)(end - begin) / (double)to, reach = scale < 1 ? 1 : scale, *exact;
    *w = (Weights){.most = (int64_t)ceil(reach) * 2 + 1};
    w->first = malloc((size_t)to * sizeof *w->first);
    w->count = malloc((size_t)to * sizeof *w->count);
    w->weight = calloc((size_t)(to * w->most), sizeof *w->weight);
    exact = malloc((size_t)w->most * sizeof *exact);
    for (int64_t i = 0; i < to && w->first && w->count && w->weight && exact; i++) {
        double centre = begin + ((double)i + 0.5) * scale, sum = 0;
        int64_t low = (int64_t)(centre - reach + 0.5), high = (int64_t)(centre + reach + 0.5);
        w->first[i] = low < 0 ? 0 : low;
        w->count[i] = (high > from ? from : high) - w->first[i];
        for (int64_t k = 0; k < w->count[i]; k++) {
            double distance = fabs(((double)(k + w->first[i]) - centre + 0.5) * (1 / reach));
            exact[k] = distance < 1 ? 1 - distance : 0;
            sum += exact[k];
        }
        for (int64_t k = 0; k < w->count[i]; k++)
            w->weight[i * w->most + k] = (int32_t)(0.5 + (sum != 0 ? exact[k] / sum : exact[k]) * (1 << WEIGHT_BITS));
    }
    free(exact);
    return w->first && w->count && w->weight && exact;
}

/* A pixel of the result, of pixels `step` bytes apart. */
static void add_up(const Weights *w, int64_t i, const unsigned char *line, int64_t step, unsigned char *to)
{
    for (int c = 0; c < CHANNELS; c++) {
        const unsigned char *from = line + w->first[i] * step + c;
        int64_t sum = 1 << (WEIGHT_BITS - 1);
        for (int64_t k = 0; k < w->count[i]; k++)
            sum += (int64_t)from[k * step] * w->weight[i * w->most + k];
        sum >>= WEIGHT_BITS;
        to[c] = (unsigned char)(sum < 0 ? 0 : sum > UINT8_MAX ? UINT8_MAX : sum);
    }
}

/* The part of an image that is scaled. */
typedef struct Part {
    float left, top, right, bottom;
} Part;

static Part part_of(int64_t height, int64_t width, ResizeKind kind, int64_t to_height, int64_t to_width)
{
    double own = (double)width / (double)height, wanted = (double)to_width / (double)to_height;
    double across = (double)width, down = (double)height;
    if (kind == RESIZE_CROP && own > wanted)
        across = wanted * (double)height;
    else if (kind == RESIZE_CROP && own < wanted)
        down = (double)width / wanted;
    double left = ((double)width - across) * 0.5, top = ((double)height - down) * 0.5;
    return (Part){(float)left, (float)top, (float)(left + across), (float)(top + down)};
}

bool image_resize(const unsigned char *from, int64_t height, int64_t width, ResizeKind kind, unsigned char *to, int64_t to_height,
                  int64_t to_width)
{
    Part part = part_of(height, width, kind, to_height, to_width);
    Weights across, down = {0};
    unsigned char *lines = malloc((size_t)height * (size_t)to_width * CHANNELS);
    bool fine = make_weights(&across, width, part.left, part.right, to_width) &&
                make_weights(&down, height, part.top, part.bottom, to_height) && lines;
    for (int64_t y = 0; fine && y < height; y++)
        for (int64_t x = 0; x < to_width; x++)
            add_up(&across, x, from + y * width * CHANNELS, CHANNELS, lines + (y * to_width + x) * CHANNELS);
    for (int64_t y = 0; fine && y < to_height; y++)
        for (int64_t x = 0; x < to_width; x++)
            add_up(&down, y, lines + x * CHANNELS, to_width * CHANNELS, to + (y * to_width + x) * CHANNELS);
    free(lines);
    free_weights(&across);
    free_weights(&down);
    return fine || report_error("out of memory");
}
