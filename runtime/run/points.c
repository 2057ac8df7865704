#include "runtime/run/points.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/report.h"
#include "runtime/run/hyper_values.h"

static double *add_point(Points *points)
{
    double *grown = realloc(points->numbers, (points->count + 1) * points->d * sizeof *grown);
    if (!grown) {
        report_error("out of memory");
        return NULL;
    }
    points->numbers = grown;
    return points->numbers + points->count++ * points->d;
}

/* Whether the object has a value of any of the hyperparameters. */
static bool has_values(const Manifest *manifest, const json_t *object)
{
    const TrialsInfo *info = manifest->train->trials;
    bool some = false;
    for (size_t i = 0; i < info->hyper_count; i++)
        some |= json_object_get(object, manifest->hypers[info->hypers[i]].name) != NULL;
    return some;
}

static bool read_line(const Manifest *manifest, HyperLine at, const char *text, Points *points)
{
    json_error_t error;
    json_t *json = json_loads(text, 0, &error), *inside = json_object_get(json, "hypers"), *values = inside ? inside : json;
    bool fine = json || report_error("%s:%" PRId64 ": %s", at.path, at.line, error.text);
    if (fine && has_values(manifest, values)) {
        double *point = add_point(points);
        fine = point && hyper_values_read(manifest, at, manifest->train->trials->hypers, manifest->train->trials->hyper_count,
                                          values, point);
        for (size_t i = 0; fine && i < points->d; i++)
            point[i] = 1 / (1 + exp(-point[i])); /* every bounded kind is a sigmoid of its unconstrained number */
    }
    json_decref(json);
    return fine;
}

bool points_read(const Manifest *manifest, const char *path, Points *points)
{
    const TrialsInfo *info = manifest->train->trials;
    FILE *file = fopen(path, "r");
    HyperLine at = {path, 0};
    char *line = NULL;
    size_t size = 0;
    *points = (Points){0};
    for (size_t i = 0; i < info->hyper_count; i++)
        points->d += hyper_elements(&manifest->hypers[info->hypers[i]]);
    bool fine = file || report_error("%s: %s", path, strerror(errno));
    while (fine && getline(&line, &size, file) >= 0) {
        at.line++;
        if (line[strspn(line, " \t\r\n")])
            fine = read_line(manifest, at, line, points);
    }
    if (fine && ferror(file))
        fine = report_error("%s: %s", path, strerror(errno));
    if (file)
        fclose(file);
    free(line);
    return fine &&
           (points->count || report_error("%s has no line with a value of %s", path, manifest->hypers[info->hypers[0]].name));
}

void points_free(Points *points)
{
    free(points->numbers);
}
