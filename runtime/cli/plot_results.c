#include "runtime/cli/plot_results.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cli/plot_script.h"
#include "runtime/core/report.h"

/* ---- reading ---- */

static double real_of(const json_t *value)
{
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* A row of m numbers; unless `strict`, NaN for an element that is no number. */
static bool read_row(const json_t *list, size_t m, bool strict, double *row)
{
    if (!json_is_array(list) || json_array_size(list) != m)
        return false;
    for (size_t j = 0; j < m; j++) {
        row[j] = real_of(json_array_get(list, j));
        if (strict && !isfinite(row[j]))
            return false;
    }
    return true;
}

static bool read_names(const json_t *json, Front *front, const char *path)
{
    const json_t *names = json_object_get(json, front->objectives_key);
    front->m = json_array_size(names);
    if (front->m < 2 || front->m > MOST_OBJECTIVES)
        return report_error("%s: '%s' should be a list of 2 to %d names", path, front->objectives_key, MOST_OBJECTIVES);
    for (size_t j = 0; j < front->m; j++) {
        front->names[j] = json_string_value(json_array_get(names, j));
        if (!front->names[j])
            return report_error("%s: '%s' should be a list of names", path, front->objectives_key);
    }
    front->has_reference = json_object_get(json, "reference");
    if (front->has_reference && !read_row(json_object_get(json, "reference"), front->m, true, front->reference))
        return report_error("%s: 'reference' should be a list of %zu numbers", path, front->m);
    front->solver = json_string_value(json_object_get(json, "solver"));
    front->split = json_string_value(json_object_get(json, "split"));
    for (size_t i = 0; i < INDICATOR_COUNT; i++)
        front->indicators[i] = real_of(json_object_get(json, indicator_names[i]));
    return front->split || report_error("%s: 'split' should be a name", path);
}

static void measure(Front *front)
{
    for (size_t j = 0; j < front->m; j++) {
        front->low[j] = front->high[j] = NAN;
        for (size_t k = 0; k < front->n; k++) {
            double value = front->points[k * front->m + j];
            if (isfinite(value)) {
                front->low[j] = fmin(front->low[j], value);
                front->high[j] = fmax(front->high[j], value);
            }
        }
    }
}

static bool read_points(const json_t *json, Front *front, const char *path)
{
    const json_t *rays = json_object_get(json, front->rays_key), *points = json_object_get(json, "points");
    const json_t *kept = json_object_get(json, "non_dominated");
    size_t m = front->m, n = front->n = json_array_size(points);
    if (n == 0 || json_array_size(rays) != n || json_array_size(kept) != n)
        return report_error("%s: '%s', 'points' and 'non_dominated' should be lists of one length, not empty", path,
                            front->rays_key);
    front->rays = malloc(2 * n * m * sizeof *front->rays);
    front->kept = malloc(n * sizeof *front->kept);
    if (!front->rays || !front->kept)
        return report_error("out of memory");
    front->points = front->rays + n * m;
    for (size_t k = 0; k < n; k++) {
        if (!read_row(json_array_get(rays, k), m, true, front->rays + k * m) ||
            !read_row(json_array_get(points, k), m, false, front->points + k * m))
            return report_error("%s: %s and point %zu should be lists of %zu numbers", path, front->sweep->point_word, k, m);
        front->kept[k] = json_is_true(json_array_get(kept, k));
    }
    measure(front);
    for (size_t j = 0; j < m; j++)
        if (isnan(front->low[j]))
            return report_error("%s: no point has a finite value of '%s'", path, front->names[j]);
    return true;
}

bool front_read(Front *front, const SweepInfo *sweep, const char *path)
{
    json_error_t error;
    *front = (Front){.sweep = sweep};
    sweep_key(sweep->point_word, front->rays_key);
    sweep_key(sweep->output_word, front->objectives_key);
    front->json = json_load_file(path, 0, &error);
    if (!front->json)
        return report_error("%s: line %d: %s", path, error.line, error.text);
    return read_names(front->json, front, path) && read_points(front->json, front, path);
}

void front_close(Front *front)
{
    for (size_t i = 0; i < front->earlier_count; i++)
        free(front->earlier[i]);
    free(front->rays);
    free(front->kept);
    json_decref(front->json);
}

/* ---- evaluations before ---- */

static double *read_earlier(const json_t *points, size_t m)
{
    size_t n = json_array_size(points);
    double *values = malloc((n * m + 1) * sizeof *values);
    for (size_t k = 0; values && k < n; k++)
        if (!read_row(json_array_get(points, k), m, false, values + k * m))
            for (size_t j = 0; j < m; j++)
                values[k * m + j] = NAN;
    return values;
}

bool front_read_earlier(Front *front, const json_t *events)
{
    size_t count = json_array_size(events), usable = count ? count - 1 : 0;
    size_t wanted = usable < MOST_EARLIER ? usable : MOST_EARLIER;
    for (size_t i = 0; i < wanted; i++) {
        const json_t *points = json_object_get(json_array_get(events, i * usable / wanted), front->sweep->name);
        size_t n = json_array_size(points);
        if (n == 0)
            continue;
        front->earlier_points[front->earlier_count] = n;
        front->earlier[front->earlier_count] = read_earlier(points, front->m);
        if (!front->earlier[front->earlier_count])
            return report_error("out of memory");
        front->earlier_count++;
    }
    return true;
}

/* ---- axes ---- */

void front_range(const Front *front, size_t j, double range[2])
{
    double low = front->low[j], high = front->high[j], width = high - low;
    if (!(width > 0))
        width = high != 0 ? 0.1 * fabs(high) : 1;
    range[0] = low >= 0 && low <= 0.4 * high ? 0 : low - 0.08 * width;
    range[1] = high + 0.08 * width;
    for (size_t i = 0; i < front->earlier_count; i++) /* evaluations before, where they are not far away */
        for (size_t k = 0; k < front->earlier_points[i]; k++) {
            double value = front->earlier[i][k * front->m + j];
            if (value > high && value < high + 0.6 * width)
                range[1] = fmax(range[1], value + 0.04 * width);
            if (value < low && value > low - 0.6 * width)
                range[0] = fmin(range[0], value - 0.04 * width);
        }
}

void front_axis(FILE *script, const Front *front, size_t j, char axis, double tics)
{
    double range[2];
    front_range(front, j, range);
    fprintf(script, "set %crange [%.9g:%.9g]\nset %ctics nomirror scale 0.5 autofreq %.9g\nset %clabel ", axis, range[0],
            range[1], axis, plot_step(range[1] - range[0], tics), axis);
    plot_text(script, front->names[j]);
    fprintf(script, "\n");
}
