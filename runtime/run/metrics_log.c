#include "runtime/run/metrics_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/core/report.h"
#include "runtime/data/files.h"

/* Bytes of the first `lines` complete lines, or of all lines if there are fewer; *missing (may be NULL): how many are missing. */
static int64_t measure_lines(int descriptor, int64_t lines, int64_t *missing)
{
    char buffer[1 << 14];
    int64_t offset = 0, end = 0;
    while (lines > 0) {
        ssize_t got = pread(descriptor, buffer, sizeof buffer, offset);
        if (got <= 0)
            break;
        for (ssize_t i = 0; i < got && lines > 0; i++) {
            if (buffer[i] == '\n') {
                end = offset + i + 1;
                lines--;
            }
        }
        offset += got;
    }
    if (missing)
        *missing = lines;
    return end;
}

bool metrics_log_open(MetricsLog *log, char *path, int64_t keep, int precision)
{
    *log = (MetricsLog){
        .path = path, .precision = precision, .descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666)};
    if (log->descriptor >= 0) {
        int64_t missing;
        log->size = measure_lines(log->descriptor, keep, &missing);
        if (missing > 0)
            report_warning("%s: %" PRId64 " of the %" PRId64 " events before the checkpoint are gone", path, missing, keep);
        if (ftruncate(log->descriptor, log->size) == 0)
            return true;
    }
    report_error("%s: cannot be opened for writing: %s", path, strerror(errno));
    metrics_log_close(log);
    return false;
}

void metrics_log_close(MetricsLog *log)
{
    if (log->path && log->descriptor >= 0)
        close(log->descriptor);
    free(log->path);
    *log = (MetricsLog){.descriptor = -1};
}

static bool write_line(MetricsLog *log, const char *text, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t written = pwrite(log->descriptor, text + done, length - done, log->size + (int64_t)done);
        if (written < 0 && errno != EINTR)
            return false;
        done += written > 0 ? (size_t)written : 0;
    }
    return fsync(log->descriptor) == 0;
}

bool metrics_log_append(MetricsLog *log, const json_t *event)
{
    char *text = json_dumps(event, JSON_REAL_PRECISION((size_t)log->precision));
    if (!text)
        return report_error("%s: out of memory", log->path);
    size_t length = strlen(text);
    text[length] = '\n'; /* in place of the NUL: the line is written by length */
    bool fine = write_line(log, text, length + 1);
    free(text);
    if (fine) {
        log->size += (int64_t)length + 1;
        return true;
    }
    report_error("%s: cannot be written: %s", log->path, strerror(errno));
    if (ftruncate(log->descriptor, log->size) != 0)
        report_warning("%s: ends in an incomplete line; --resume removes it", log->path);
    return false;
}

json_t *metrics_log_event(const MetricsLog *log, int64_t number)
{
    int64_t begin = measure_lines(log->descriptor, number, NULL), end = measure_lines(log->descriptor, number + 1, NULL);
    if (number < 0 || end <= begin)
        return NULL;
    char *text = malloc((size_t)(end - begin));
    ssize_t got = text ? pread(log->descriptor, text, (size_t)(end - begin), begin) : -1;
    json_t *event = got > 0 ? json_loadb(text, (size_t)got, 0, NULL) : NULL;
    free(text);
    return event;
}

bool json_file_write(const char *path, const json_t *json, int precision)
{
    char *text = json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION((size_t)precision));
    if (!text)
        return report_error("%s: out of memory", path);
    ReplacedFile file;
    bool fine = replace_begin(&file, path) && replace_write(&file, text, strlen(text)) && replace_write(&file, "\n", 1) &&
                replace_finish(&file);
    free(text);
    return fine;
}

json_t *json_finite(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}
