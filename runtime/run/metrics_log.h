/* The text files of a run: metrics.jsonl (one JSON object per line, appended), config.json and result.json (replaced as a
 * whole). */
#ifndef HN_RUNTIME_METRICS_LOG_H
#define HN_RUNTIME_METRICS_LOG_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct MetricsLog {
    char *path; /* owned */
    int descriptor;
    int64_t size;  /* bytes of the complete events */
    int precision; /* digits of a number */
} MetricsLog;

/* Opens or creates PATH and drops everything after its first `keep` lines. Reports errors. Takes `path` over (for free()). */
bool metrics_log_open(MetricsLog *log, char *path, int64_t keep, int precision);
void metrics_log_close(MetricsLog *log);
/* Appends one event and syncs the file. On an error (reported) no part of the event stays. */
bool metrics_log_append(MetricsLog *log, const json_t *event);
/* Event number `number`, or NULL if there is none or the line is not JSON; for json_decref. */
json_t *metrics_log_event(const MetricsLog *log, int64_t number);

/* Replaces a file by the indented text of `json` (runtime/data/files.h). Errors are reported. */
bool json_file_write(const char *path, const json_t *json, int precision);
/* JSON has no NaN and no infinities: they are null. */
json_t *json_finite(double value);

#endif
