/* PNG files (ISO/IEC 15948), by libpng: grey, colours and palettes of up to 8 bits, with or without transparency, interlaced or
 * not. Profiles, gamma and other notes beside the pixels do not count. */
#include <png.h>
#include <stdio.h>
#include <string.h>

#include "runtime/core/report.h"
#include "runtime/data/image_file.h"

typedef struct PngReading {
    ImageFile *file;
    size_t at; /* the next byte of the file */
    png_structp png;
    png_infop info;
    char problem[160];
} PngReading;

/* libpng may not go on behind an error. */
static void stop(png_structp png, png_const_charp problem)
{
    PngReading *reading = png_get_error_ptr(png);
    snprintf(reading->problem, sizeof reading->problem, "%s", problem);
    png_longjmp(png, 1);
}

static void keep_silent(png_structp png, png_const_charp warning)
{
    (void)png, (void)warning;
}

static void read_bytes(png_structp png, png_bytep bytes, size_t size)
{
    PngReading *reading = png_get_io_ptr(png);
    if (size > reading->file->size - reading->at)
        png_error(png, "the file ends too early");
    memcpy(bytes, reading->file->bytes + reading->at, size);
    reading->at += size;
}

/* No image is refused for its size by libpng, whose message would not say which one is needed, and what is damaged is refused
 * where libpng would only warn. */
static void set_rules(PngReading *reading)
{
    png_structp png = reading->png;
    png_set_read_fn(png, reading, read_bytes);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_benign_errors(png, 0);
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
}

/* Whether the image is one that the field can hold; the header has been read. */
static bool check_header(const PngReading *reading)
{
    if (!image_begin(reading->file, png_get_image_height(reading->png, reading->info),
                     png_get_image_width(reading->png, reading->info)))
        return false;
    return png_get_bit_depth(reading->png, reading->info) <= 8 ||
           report_error("%s: has 16 bits per channel, but the field %s is u8: save it with 8 bits", reading->file->path,
                        reading->file->field);
}

static bool decode(PngReading *reading)
{
    png_structp png = reading->png;
    if (setjmp(png_jmpbuf(png)))
        return report_error("%s: is damaged, or no whole PNG file: %s", reading->file->path, reading->problem);
    set_rules(reading);
    png_read_info(png, reading->info);
    if (!check_header(reading))
        return false;
    png_set_expand(png);
    png_set_gray_to_rgb(png);
    png_set_add_alpha(png, UINT8_MAX, PNG_FILLER_AFTER);
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, reading->info);
    size_t row_size = 4 * (size_t)reading->file->width;
    if (png_get_rowbytes(png, reading->info) != row_size)
        return report_internal("%s: its rows have another size than they should", reading->file->path);
    for (int pass = 0; pass < passes; pass++)
        for (int64_t y = 0; y < reading->file->height; y++)
            png_read_row(png, reading->file->pixels + (size_t)y * row_size, NULL);
    png_read_end(png, NULL);
    return true;
}

bool png_decode(ImageFile *file)
{
    PngReading reading = {.file = file};
    reading.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reading, stop, keep_silent);
    reading.info = reading.png ? png_create_info_struct(reading.png) : NULL;
    bool fine = (reading.info || report_error("out of memory")) && decode(&reading);
    png_destroy_read_struct(&reading.png, &reading.info, NULL);
    return fine;
}
