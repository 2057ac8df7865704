/* tasks.svg, of a sweep named "tasks" whose points are learned one after the other: the matrix of each metric as a heat map with
 * its numbers, read from tasks.json. A row per round, a column per point. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cli/plot.h"
#include "runtime/cli/plot_script.h"
#include "runtime/core/report.h"

enum { MOST_MATRICES = 4, MOST_NUMBERED = 16, TITLE_LETTERS = 40, TITLE = 84, MARGIN = 90, LEAST_SIDE = 300, MOST_SIDE = 720 };

typedef struct Matrix {
    const char *name; /* of the metric */
    const json_t *json;
    bool larger, has_first;
    size_t rounds;
    double least, most;
} Matrix;

/* The result of a round, from 0 on; round -1: before the first. NaN where there is none. */
static double result(const Matrix *matrix, int round, size_t point)
{
    const json_t *row = round < 0 ? json_object_get(matrix->json, "first")
                                  : json_array_get(json_object_get(matrix->json, "matrix"), (size_t)round);
    const json_t *value = json_array_get(row, point);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static bool read_matrix(Matrix *matrix, const char *name, const json_t *json, size_t points, const char *path)
{
    const json_t *rows = json_object_get(json, "matrix");
    const char *better = json_string_value(json_object_get(json, "better"));
    if (!json_is_array(rows) || json_array_size(rows) > points)
        return report_error("%s: the metric '%s' has no matrix of at most %zu rows", path, name, points);
    *matrix = (Matrix){.name = name,
                       .json = json,
                       .larger = better && !strcmp(better, "more"),
                       .has_first = json_object_get(json, "first") != NULL,
                       .rounds = json_array_size(rows),
                       .least = INFINITY,
                       .most = -INFINITY};
    for (int round = matrix->has_first ? -1 : 0; round < (int)matrix->rounds; round++)
        for (size_t i = 0; i < points; i++) {
            matrix->least = fmin(matrix->least, result(matrix, round, i));
            matrix->most = fmax(matrix->most, result(matrix, round, i));
        }
    return true;
}

/* "error(d.test): average 0.023, forgetting 0.001" */
static void write_title(FILE *script, const Matrix *matrix)
{
    char title[512];
    size_t length = (size_t)snprintf(title, sizeof title, "%.120s", matrix->name);
    const char *between = ":";
    for (size_t i = 0; i < INDICATOR_COUNT && length < sizeof title; i++) {
        const json_t *value = json_object_get(matrix->json, indicator_names[i]);
        if (!json_is_number(value))
            continue;
        length += (size_t)snprintf(title + length, sizeof title - length, "%s %s %.3g", between, indicator_names[i],
                                   json_number_value(value));
        between = ",";
    }
    fprintf(script, "set title ");
    plot_title(script, title, TITLE_LETTERS);
    fprintf(script, " font ',13'\n");
}

/* Dark is good; as many labels on the axes as find room. */
static void set_axes(FILE *script, const SweepInfo *sweep, const Matrix *matrix, size_t points)
{
    bool logarithmic = matrix->least > 0 && matrix->most > 100 * matrix->least;
    double least = matrix->least, most = matrix->most > least ? matrix->most : least + (least != 0 ? 0.1 * fabs(least) : 1);
    fprintf(script, logarithmic ? "set logscale cb\nset format cb '%%.0e'\n" : "unset logscale cb\nset format cb '%%g'\n");
    fprintf(script, "set palette defined (0 '%s', 0.5 '#a6cfe3', 1 '%s')\n", matrix->larger ? "#f7fbff" : "#4a98c9",
            matrix->larger ? "#4a98c9" : "#f7fbff");
    if (isfinite(least))
        fprintf(script, "set cbrange [%.9g:%.9g]\n", least, most);
    fprintf(script, "set xrange [-0.5:%zu.5]\nset yrange [%zu.5:%s]\nset xtics 0,%.9g\nset ytics 0,%.9g\n", points - 1,
            matrix->rounds ? matrix->rounds - 1 : 0, matrix->has_first ? "-1.5" : "-0.5", fmax(1, plot_step((double)points, 12)),
            fmax(1, plot_step((double)points, 12)));
    if (matrix->has_first)
        fprintf(script, "set ytics add ('before' -1)\n");
    fprintf(script, "set xlabel '%s'\nset ylabel 'after %s'\n", sweep->point_word, sweep->point_word);
}

static void draw_matrix(FILE *script, const SweepInfo *sweep, const Matrix *matrix, size_t points, size_t number)
{
    write_title(script, matrix);
    set_axes(script, sweep, matrix, points);
    fprintf(script, "$matrix%zu << END\n", number);
    for (int round = matrix->has_first ? -1 : 0; round < (int)matrix->rounds; round++)
        for (size_t i = 0; i < points; i++)
            if (isfinite(result(matrix, round, i)))
                fprintf(script, "%zu %d %.9g %.3g\n", i, round, result(matrix, round, i), result(matrix, round, i));
    fprintf(script,
            "NaN NaN NaN -\nEND\nplot $matrix%zu using 1:2:(0.5):(0.5):3 with boxxyerror fillstyle solid 1 noborder "
            "linecolor palette notitle",
            number);
    if (points <= MOST_NUMBERED)
        fprintf(script, ", $matrix%zu using 1:2:4 with labels font ',%d' notitle", number, points > 10 ? 7 : 9);
    fprintf(script, "\n");
}

static bool draw(const SweepInfo *sweep, const Matrix *matrices, size_t count, size_t points, const char *picture)
{
    int side = (int)(points * 48);
    side = MARGIN + (side < LEAST_SIDE ? LEAST_SIDE : side > MOST_SIDE ? MOST_SIDE : side);
    FILE *script = plot_begin(picture, (int)count * (side + MARGIN), side + TITLE);
    if (!script)
        return false;
    fprintf(script,
            "set multiplot layout 1,%zu\nset tmargin 4\nset border 0\nset tics scale 0\nunset key\nset grid\nunset grid\n",
            count);
    for (size_t i = 0; i < count; i++)
        draw_matrix(script, sweep, &matrices[i], points, i);
    fprintf(script, "unset multiplot\n");
    return plot_render(script, picture);
}

static bool plot_rounds(const SweepInfo *sweep, const char *data, const json_t *events, const char *picture)
{
    json_error_t error;
    json_t *json = json_load_file(data, 0, &error);
    Matrix matrices[MOST_MATRICES];
    size_t count = 0;
    char points_key[SWEEP_KEY];
    const char *name;
    json_t *value;
    int64_t points = json_integer_value(json_object_get(json, sweep_key(sweep->point_word, points_key)));
    (void)events;
    bool fine = json || report_error("%s: cannot be read: %s", data, error.text);
    fine = fine && ((points > 0 && points <= MAX_INDEX_POINTS) || report_error("%s: '%s' should be a count", data, points_key));
    json_object_foreach(json_object_get(json, "metrics"), name, value) if (fine && count < MOST_MATRICES) fine =
        read_matrix(&matrices[count++], name, value, (size_t)points, data);
    fine = fine && (count > 0 || report_error("%s: no metrics to draw", data)) &&
           draw(sweep, matrices, count, (size_t)points, picture);
    if (fine)
        printf("%s: %zu matri%s of %lld %s\n", picture, count, count == 1 ? "x" : "ces", (long long)points,
               points == 1 ? sweep->point_word : points_key);
    json_decref(json);
    return fine;
}

const SweepPicture picture_rounds = {.one = plot_rounds, .more = "functions", .draw_more = plot_functions};
