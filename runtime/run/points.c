#include "runtime/run/points.h"

#include <math.h>
#include <stdlib.h>

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

/* What reading a file of points is about. */
typedef struct Reading {
    const Manifest *manifest;
    Points *points;
} Reading;

static bool read_point(void *context, HyperLine at, const json_t *object)
{
    const Reading *reading = context;
    const TrialsInfo *info = reading->manifest->train->trials;
    const json_t *inside = json_object_get(object, "hypers"), *values = inside ? inside : object;
    if (!has_values(reading->manifest, values))
        return true;
    double *point = add_point(reading->points);
    bool fine = point && hyper_values_read(reading->manifest, at, info->hypers, info->hyper_count, values, point);
    for (size_t i = 0; fine && i < reading->points->d; i++)
        point[i] = 1 / (1 + exp(-point[i])); /* every bounded kind is a sigmoid of its unconstrained number */
    return fine;
}

bool points_read(const Manifest *manifest, const char *path, Points *points)
{
    const TrialsInfo *info = manifest->train->trials;
    *points = (Points){0};
    for (size_t i = 0; i < info->hyper_count; i++)
        points->d += hyper_elements(&manifest->hypers[info->hypers[i]]);
    return hyper_lines_read(path, read_point, &(Reading){manifest, points}) &&
           (points->count || report_error("%s has no line with a value of %s", path, manifest->hypers[info->hypers[0]].name));
}

void points_free(Points *points)
{
    free(points->numbers);
}
