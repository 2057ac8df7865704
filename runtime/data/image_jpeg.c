/* JPEG files (ITU-T T.81), by libjpeg-turbo: baseline and progressive, grey or with colours. How a camera was held (Exif) does
 * not count. */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
/* after stdio.h */
#include <jerror.h>
#include <jpeglib.h>

#include "runtime/core/report.h"
#include "runtime/data/image_file.h"

enum { MOST_SCANS = 500 }; /* a scan of a few bytes takes as long as an image: cameras make ten */

typedef struct JpegReading {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    ImageFile *file;
    jmp_buf start;
    char problem[JMSG_LENGTH_MAX];
} JpegReading;

/* libjpeg may not go on behind an error. */
static void stop(j_common_ptr jpeg)
{
    JpegReading *reading = jpeg->client_data;
    jpeg->err->format_message(jpeg, reading->problem);
    longjmp(reading->start, 1);
}

/* What is damaged is a warning to libjpeg, which makes up the pixels. */
static void stop_at_warnings(j_common_ptr jpeg, int level)
{
    if (level < 0)
        stop(jpeg);
}

static void keep_silent(j_common_ptr jpeg)
{
    (void)jpeg;
}

static void count_scans(j_common_ptr jpeg)
{
    JpegReading *reading = jpeg->client_data;
    if (reading->jpeg.input_scan_number <= MOST_SCANS)
        return;
    snprintf(reading->problem, sizeof reading->problem, "it has more than %d scans", MOST_SCANS);
    longjmp(reading->start, 1);
}

/* Whether the image is one that the field can hold; the header has been read. */
static bool check_header(const JpegReading *reading)
{
    const struct jpeg_decompress_struct *jpeg = &reading->jpeg;
    const char *path = reading->file->path;
    if (!image_begin(reading->file, jpeg->image_height, jpeg->image_width))
        return false;
    switch (jpeg->jpeg_color_space) {
    case JCS_GRAYSCALE:
    case JCS_RGB:
    case JCS_YCbCr:
        return true;
    case JCS_CMYK:
    case JCS_YCCK:
        return report_error("%s: has the four colours of printers (CMYK): save it with red, green and blue", path);
    default:
        return report_error("%s: does not say what its %d channels are: save it as grey, or with red, green and blue", path,
                            jpeg->num_components);
    }
}

static bool decode(JpegReading *reading)
{
    struct jpeg_decompress_struct *jpeg = &reading->jpeg;
    if (setjmp(reading->start))
        return report_error("%s: is damaged, or no whole JPEG file: %s", reading->file->path, reading->problem);
    jpeg_create_decompress(jpeg);
    jpeg->progress = &reading->progress;
    jpeg_mem_src(jpeg, reading->file->bytes, reading->file->size);
    jpeg_read_header(jpeg, TRUE);
    if (!check_header(reading))
        return false;
    jpeg->out_color_space = JCS_EXT_RGBA;
    jpeg_start_decompress(jpeg);
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row = reading->file->pixels + 4 * (size_t)reading->file->width * jpeg->output_scanline;
        jpeg_read_scanlines(jpeg, &row, 1);
    }
    return jpeg_finish_decompress(jpeg);
}

bool jpeg_decode(ImageFile *file)
{
    JpegReading reading = {.file = file, .progress.progress_monitor = count_scans};
    reading.jpeg.err = jpeg_std_error(&reading.errors);
    reading.jpeg.client_data = &reading;
    reading.errors.error_exit = stop;
    reading.errors.emit_message = stop_at_warnings;
    reading.errors.output_message = keep_silent;
    bool fine = decode(&reading);
    jpeg_destroy_decompress(&reading.jpeg);
    return fine;
}
