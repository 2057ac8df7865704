#include "runtime/run/hyper_values.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/abi/hyper_kinds.h"
#include "runtime/core/report.h"

static const double farthest = 13.8155106; /* of an unconstrained number of an interval: its share is 1e-6 from an end */

static bool bad_value(HyperLine at, const HyperInfo *hyper, const char *what)
{
    return report_error("%s:%" PRId64 ": %s %s", at.path, at.line, hyper->name, what);
}

static bool read_number(HyperLine at, const HyperInfo *hyper, const json_t *json, double *raw)
{
    if (!json_is_number(json))
        return bad_value(at, hyper, json ? "is not a number" : "has too few numbers");
    double value = json_number_value(json);
    bool bounded = hyper_kind_is_bounded(hyper->kind), at_end = bounded && (value == hyper->low || value == hyper->high);
    if (at_end) {
        *raw = value == hyper->low ? -farthest : farthest;
        return true;
    }
    if (!hyper_kind_holds(hyper->kind, hyper->low, hyper->high, value))
        return bad_value(at, hyper,
                         hyper->kind == HYPER_INTEGER && value > hyper->low && value < hyper->high ? "is no whole number"
                                                                                                  : "is out of its bounds");
    *raw = hyper_kind_raw(hyper->kind, hyper->low, hyper->high, hyper->init, value);
    return true;
}

static bool read_hyper(HyperLine at, const HyperInfo *hyper, const json_t *object, double *raw)
{
    const json_t *value = json_object_get(object, hyper->name);
    size_t count = hyper_elements(hyper);
    if (!value)
        return bad_value(at, hyper, "is missing");
    if (!json_is_array(value))
        return count == 1 ? read_number(at, hyper, value, raw) : bad_value(at, hyper, "is not a list of numbers");
    if (json_array_size(value) != count)
        return bad_value(at, hyper, "has another number of values in the model");
    for (size_t k = 0; k < count; k++)
        if (!read_number(at, hyper, json_array_get(value, k), &raw[k]))
            return false;
    return true;
}

bool hyper_values_read(const Manifest *manifest, HyperLine at, const size_t *hypers, size_t count, const json_t *object,
                       double *raw)
{
    for (size_t i = 0; i < count; i++) {
        const HyperInfo *hyper = &manifest->hypers[hypers[i]];
        if (!read_hyper(at, hyper, object, raw))
            return false;
        raw += hyper_elements(hyper);
    }
    return true;
}

static bool read_line(HyperLine at, const char *text, bool (*read)(void *context, HyperLine at, const json_t *object),
                      void *context)
{
    json_error_t error;
    json_t *json = json_loads(text, 0, &error);
    bool fine = json ? read(context, at, json) : report_error("%s:%" PRId64 ": %s", at.path, at.line, error.text);
    json_decref(json);
    return fine;
}

bool hyper_lines_read(const char *path, bool (*read)(void *context, HyperLine at, const json_t *object), void *context)
{
    FILE *file = fopen(path, "r");
    HyperLine at = {path, 0};
    char *line = NULL;
    size_t size = 0;
    bool fine = file || report_error("%s: %s", path, strerror(errno));
    while (fine && getline(&line, &size, file) >= 0) {
        at.line++;
        if (line[strspn(line, " \t\r\n")])
            fine = read_line(at, line, read, context);
    }
    if (fine && ferror(file))
        fine = report_error("%s: %s", path, strerror(errno));
    if (file)
        fclose(file);
    free(line);
    return fine;
}
