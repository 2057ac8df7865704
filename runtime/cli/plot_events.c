#include "runtime/cli/plot_events.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/report.h"
#include "runtime/run/sweep.h"

json_t *plot_events(const char *path)
{
    FILE *file = fopen(path, "r");
    json_t *events = file ? json_array() : NULL;
    if (!file || !events) {
        report_error("%s: cannot be read: %s", path, strerror(errno));
        json_decref(events);
        return NULL;
    }
    char *line = NULL;
    size_t room = 0;
    int64_t number = 0, damaged = 0, first_damaged = 0;
    ssize_t length;
    while ((length = getline(&line, &room, file)) >= 0) {
        number++;
        json_t *event = json_loadb(line, (size_t)length, 0, NULL);
        if (json_is_number(json_object_get(event, "step"))) {
            json_array_append(events, event);
        } else if (damaged++ == 0) {
            first_damaged = number;
        }
        json_decref(event);
    }
    bool fine = !ferror(file) || report_error("%s: cannot be read: %s", path, strerror(errno));
    free(line);
    fclose(file);
    if (damaged)
        report_note("%s: skipped %" PRId64 " of %" PRId64 " lines, which hold no event; the first is line %" PRId64, path,
                    damaged, number, first_damaged);
    if (fine)
        return events;
    json_decref(events);
    return NULL;
}

double plot_value(const json_t *event, const char *key, int64_t element)
{
    const json_t *value = json_object_get(event, key);
    if (element >= 0)
        value = json_array_get(value, (size_t)element);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

bool plot_is_spread(const json_t *event, const char *key)
{
    static const char ending[] = ".sigma";
    size_t length = strlen(key), tail = sizeof ending - 1;
    if (length <= tail || strcmp(key + length - tail, ending))
        return false;
    char *whole = strndup(key, length - tail);
    bool found = whole && json_object_get(event, whole);
    free(whole);
    return found;
}

bool plot_is_position(const Manifest *manifest, const char *key)
{
    const SweepInfo *sweep = manifest_sweep(manifest);
    return (sweep_in_rounds(sweep) && !strcmp(key, sweep->point_word)) || !strcmp(key, "event") || !strcmp(key, "step") || !strcmp(key, "epoch") || !strcmp(key, "seconds") ||
           !strncmp(key, "steps.", 6);
}

bool plot_is_rate(const char *key)
{
    return !strncmp(key, "rate.", 5);
}

bool plot_is_logarithmic(const Manifest *manifest, const char *name, double least, double most)
{
    bool by_kind = false;
    for (size_t i = 0; i < manifest->hyper_count; i++) {
        HyperKind kind = manifest->hypers[i].kind;
        if (!strcmp(manifest->hypers[i].name, name))
            by_kind = kind == HYPER_LOG || kind == HYPER_LOG_RANGE || kind == HYPER_POSITIVE;
    }
    return least > 0 && (by_kind || most > 100 * least);
}
