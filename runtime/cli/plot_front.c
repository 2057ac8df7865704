/* front.svg, of a sweep named "front": one point per ray, read from front.json. Two objectives: a scatter with the rays; three
 * and more: parallel coordinates, and one panel per pair. "ray" and "objective" are words of the manifest. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cli/plot.h"
#include "runtime/cli/plot_script.h"
#include "runtime/core/report.h"
#include "runtime/run/sweep.h"

enum { MOST_OBJECTIVES = 16, PAIRED_OBJECTIVES = 7 };

typedef struct Front {
    const SweepInfo *sweep;
    char rays_key[SWEEP_KEY], objectives_key[SWEEP_KEY];
    size_t m, n;
    const char *names[MOST_OBJECTIVES]; /* of the JSON text */
    const char *split, *solver;         /* solver may be NULL */
    bool has_reference;
    double reference[MOST_OBJECTIVES], low[MOST_OBJECTIVES], high[MOST_OBJECTIVES];
    double *rays, *points;              /* n x m, one allocation */
    bool *kept;                         /* not dominated; never a point with a number that is not finite */
    double indicators[INDICATOR_COUNT]; /* NaN where the model reports none */
} Front;

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

/* ---- parts of pictures ---- */

static void write_title(FILE *script, const Front *front, bool over_panels)
{
    char title[1024];
    size_t kept = 0, length = 0;
    for (size_t k = 0; k < front->n; k++)
        kept += front->kept[k];
#define ADD(...) length += (size_t)snprintf(title + length, sizeof title - length, __VA_ARGS__)
    ADD("%.60s on %.100s", front->sweep->title, front->split);
    if (front->solver)
        ADD(" by %.100s", front->solver);
    ADD(": %zu %.60s, %zu not dominated", front->n, front->n == 1 ? front->sweep->point_word : front->rays_key, kept);
    for (size_t i = 0; i < INDICATOR_COUNT; i++) {
        bool referred = front->has_reference && indicator_arguments[i] == ARGUMENT_POINT;
        if (isfinite(front->indicators[i]))
            ADD(", %s %.*g", indicator_names[i], referred ? 4 : 3, front->indicators[i]);
        for (size_t j = 0; referred && j < front->m; j++)
            ADD("%s%g%s", j ? ", " : " (reference ", front->reference[j], j + 1 == front->m ? ")" : "");
    }
#undef ADD
    fprintf(script, over_panels ? "set multiplot title " : "set title ");
    plot_text(script, title);
    fprintf(script, " font ',14'\n");
}

/* The range of objective j with a margin; from 0 if that is not far. */
static void find_range(const Front *front, size_t j, double range[2])
{
    double low = front->low[j], high = front->high[j], width = high - low;
    if (!(width > 0))
        width = high != 0 ? 0.1 * fabs(high) : 1;
    range[0] = low >= 0 && low <= 0.4 * high ? 0 : low - 0.08 * width;
    range[1] = high + 0.08 * width;
}

static void set_axis(FILE *script, const Front *front, size_t j, char axis, double tics)
{
    double range[2];
    find_range(front, j, range);
    fprintf(script, "set %crange [%.9g:%.9g]\nset %ctics nomirror scale 0.5 autofreq %.9g\nset %clabel ", axis, range[0],
            range[1], axis, plot_step(range[1] - range[0], tics), axis);
    plot_text(script, front->names[j]);
    fprintf(script, "\n");
}

/* The objective that the ray favours most. */
static size_t favourite(const Front *front, size_t k)
{
    size_t best = 0;
    for (size_t j = 1; j < front->m; j++)
        if (front->rays[k * front->m + j] > front->rays[k * front->m + best])
            best = j;
    return best;
}

/* ---- two objectives ---- */

/* Where r_1 l_1 = r_2 l_2 within the picture. */
static void write_ray(FILE *script, const double *ray, const double x[2], const double y[2])
{
    double first = fmax(ray[0], 1e-12), second = fmax(ray[1], 1e-12);
    double from = fmax(0, fmax(x[0] * first, y[0] * second)), to = fmin(x[1] * first, y[1] * second);
    if (from < to)
        fprintf(script, "%.9g %.9g %.9g\n%.9g %.9g %.9g\n\n\n", from / first, from / second, ray[0] / (ray[0] + ray[1]),
                to / first, to / second, ray[0] / (ray[0] + ray[1]));
}

static int by_first_loss(const void *a, const void *b)
{
    const double *left = a, *right = b;
    return (left[0] > right[0]) - (left[0] < right[0]);
}

/* The border of what the front dominates, as the corners of a staircase. */
static bool write_staircase(FILE *script, const Front *front, const double x[2], const double y[2])
{
    double(*corners)[2] = malloc(front->n * sizeof *corners), height = y[1];
    size_t count = 0;
    if (!corners)
        return report_error("out of memory");
    for (size_t k = 0; k < front->n; k++)
        if (front->kept[k])
            memcpy(corners[count++], front->points + 2 * k, sizeof *corners);
    qsort(corners, count, sizeof *corners, by_first_loss);
    for (size_t k = 0; k < count; k++) {
        fprintf(script, "%.9g %.9g\n%.9g %.9g\n", corners[k][0], height, corners[k][0], corners[k][1]);
        height = corners[k][1];
    }
    if (count)
        fprintf(script, "%.9g %.9g\n", x[1], height);
    else
        fprintf(script, "NaN NaN\n");
    free(corners);
    return true;
}

static bool draw_scatter(FILE *script, const Front *front)
{
    double x[2], y[2];
    find_range(front, 0, x);
    find_range(front, 1, y);
    set_axis(script, front, 0, 'x', 8);
    set_axis(script, front, 1, 'y', 8);
    write_title(script, front, false);
    fprintf(script, "$rays << END\n");
    for (size_t k = 0; k < front->n; k++)
        write_ray(script, front->rays + 2 * k, x, y);
    fprintf(script, "NaN NaN NaN\nEND\n$border << END\n");
    if (!write_staircase(script, front, x, y))
        return false;
    fprintf(script, "END\n$points << END\n");
    for (size_t k = 0; k < front->n; k++)
        fprintf(script, "%.9g %.9g %.9g %d\n", front->points[2 * k], front->points[2 * k + 1],
                front->rays[2 * k] / (front->rays[2 * k] + front->rays[2 * k + 1]), front->kept[k]);
    fprintf(script, "END\n"
                    "set palette defined (0 '#440154', 0.25 '#3b528b', 0.5 '#21918c', 0.75 '#4fb06a', 1 '#b8a500')\n"
                    "set cbrange [0:1]\nset cbtics 0.25\nset cblabel ");
    char label[256];
    snprintf(label, sizeof label, "share of '%.150s' in the %.60s", front->names[0], front->sweep->point_word);
    plot_text(script, label);
    fprintf(script,
            "\nset key outside bottom center horizontal\n"
            "plot $rays using 1:2:3 with lines linewidth 1 dashtype 3 linecolor palette notitle, "
            "NaN with lines linewidth 1 dashtype 3 linecolor '#606060' title '%s: r₁ l₁ = r₂ l₂', "
            "$border using 1:2 with lines linewidth 1.2 linecolor '#a0a0a0' title 'border of what is dominated', "
            "$points using 1:($4 == 1 ? $2 : NaN):3 with points pointtype 7 pointsize 0.8 linecolor palette notitle, "
            "NaN with points pointtype 7 pointsize 0.8 linecolor '#404040' title 'not dominated', "
            "$points using 1:($4 == 0 ? $2 : NaN):3 with points pointtype 6 pointsize 0.8 linewidth 1.3 "
            "linecolor palette notitle, "
            "NaN with points pointtype 6 pointsize 0.8 linewidth 1.3 linecolor '#404040' title 'dominated'\n",
            front->rays_key);
    return true;
}

/* ---- three and more ---- */

/* Whether names side by side would run into each other. */
static bool crowded(const Front *front)
{
    enum { WIDTH = 760, LETTER = 8 };
    size_t longest = 0;
    for (size_t j = 0; j < front->m; j++)
        if (strlen(front->names[j]) > longest)
            longest = strlen(front->names[j]);
    return (longest + 1) * LETTER * front->m > WIDTH;
}

/* Each objective's axis runs from its least value, at the bottom, to its largest. */
static void draw_parallel(FILE *script, const Front *front, double bottom, double height)
{
    size_t m = front->m;
    fprintf(script, "$lines << END\n");
    for (size_t k = 0; k < front->n; k++) {
        for (size_t j = 0; j < m; j++) {
            double width = front->high[j] - front->low[j], value = front->points[k * m + j] - front->low[j];
            fprintf(script, "%zu %.9g %zu %d\n", j + 1, width > 0 ? value / width : 0.5 + value, favourite(front, k),
                    front->kept[k]);
        }
        fprintf(script, "\n");
    }
    fprintf(script,
            "END\nset origin 0,%.4f\nset size 1,%.4f\nset tmargin 1\nset bmargin %d\nset xrange [0.8:%zu.2]\nset yrange "
            "[-0.12:1.12]\n",
            bottom, height, crowded(front) ? 7 : 3, m);
    fprintf(script, "unset border\nunset ytics\nunset grid\nunset xlabel\nunset ylabel\nset xtics scale 0 %s (",
            crowded(front) ? "rotate by -25" : "norotate");
    for (size_t j = 0; j < m; j++) {
        fprintf(script, j ? ", " : "");
        plot_text(script, front->names[j]);
        fprintf(script, " %zu", j + 1);
    }
    fprintf(script, ")\n");
    for (size_t j = 0; j < m; j++)
        fprintf(
            script,
            "set arrow from %zu,0 to %zu,1 nohead linecolor '#808080'\nset label '%.3g' at %zu,-0.06 center textcolor '#404040'\n"
            "set label '%.3g' at %zu,1.06 center textcolor '#404040'\n",
            j + 1, j + 1, front->low[j], j + 1, front->high[j], j + 1);
    fprintf(script, "set key outside right center vertical samplen 2 title 'the %s favours'\nplot ", front->sweep->point_word);
    for (size_t j = 0; j < m; j++) {
        const char *colour = plot_colours[j % PLOT_COLOURS];
        fprintf(script,
                "$lines using 1:($3 == %zu && $4 == 0 ? $2 : NaN) with lines linewidth 0.8 dashtype 2 linecolor '%s' notitle, "
                "$lines using 1:($3 == %zu && $4 == 1 ? $2 : NaN) with lines linewidth 1.4 linecolor '%s' notitle, "
                "NaN with lines linewidth 3 linecolor '%s' title ",
                j, colour, j, colour, colour);
        plot_text(script, front->names[j]);
        fprintf(script, ", ");
    }
    fprintf(script, "NaN with lines linewidth 0.8 dashtype 2 linecolor '#404040' title '(dashed: dominated)'\n"
                    "unset arrow\nunset label\nunset key\n"
                    "set border 3\nset grid\nset xtics norotate\nset tmargin 1.5\nset bmargin 3.5\n");
}

static void draw_pair(FILE *script, const Front *front, size_t first, size_t second)
{
    set_axis(script, front, first, 'x', 5);
    set_axis(script, front, second, 'y', 5);
    fprintf(script, "plot ");
    for (size_t j = 0; j < front->m; j++)
        for (int kept = 0; kept < 2; kept++)
            fprintf(script,
                    "%s$points using %zu:($%zu == %zu && $%zu == %d ? $%zu : NaN) with points pointtype %d pointsize 0.6 "
                    "linecolor '%s' notitle",
                    j || kept ? ", " : "", first + 1, front->m + 1, j, front->m + 2, kept, second + 1, kept ? 7 : 6,
                    plot_colours[j % PLOT_COLOURS]);
    fprintf(script, "\n");
}

static void draw_pairs(FILE *script, const Front *front, size_t columns, double width, double height, double top)
{
    size_t m = front->m, number = 0;
    fprintf(script, "$points << END\n");
    for (size_t k = 0; k < front->n; k++) {
        for (size_t j = 0; j < m; j++)
            fprintf(script, "%.9g ", front->points[k * m + j]);
        fprintf(script, "%zu %d\n", favourite(front, k), front->kept[k]);
    }
    fprintf(script, "END\nset size %.4f,%.4f\nset lmargin 8\nset rmargin 2\n", width, height);
    for (size_t i = 0; i < m; i++) {
        for (size_t j = i + 1; j < m; j++, number++) {
            fprintf(script, "set origin %.4f,%.4f\n", (double)(number % columns) * width,
                    top - height * (double)(number / columns + 1));
            draw_pair(script, front, i, j);
        }
    }
}

/* ---- the picture ---- */

static bool draw(const Front *front, const char *picture)
{
    enum { WIDTH = 1020, PARALLEL = 380, PAIR = 270, TITLE = 36, SCATTER = 760 };
    size_t pairs = front->m > 2 && front->m <= PAIRED_OBJECTIVES ? front->m * (front->m - 1) / 2 : 0;
    size_t columns = pairs > 6 ? 4 : 3, rows = (pairs + columns - 1) / columns;
    double height = front->m == 2 ? SCATTER : PARALLEL + TITLE + (double)(rows * PAIR);
    FILE *script = plot_begin(WIDTH, (int)height);
    if (!script)
        return false;
    if (front->m == 2) {
        if (draw_scatter(script, front))
            return plot_render(script, picture);
        fclose(script);
        return false;
    }
    write_title(script, front, true);
    draw_parallel(script, front, (height - PARALLEL - TITLE) / height, PARALLEL / height);
    if (pairs)
        draw_pairs(script, front, columns, 1.0 / (double)columns, PAIR / height, (height - PARALLEL - TITLE) / height);
    fprintf(script, "unset multiplot\n");
    return plot_render(script, picture);
}

bool plot_front(const SweepInfo *sweep, const char *data, const char *picture)
{
    json_error_t error;
    Front front = {.sweep = sweep};
    sweep_key(sweep->point_word, front.rays_key);
    sweep_key(sweep->output_word, front.objectives_key);
    json_t *json = json_load_file(data, 0, &error);
    bool fine = json || report_error("%s: line %d: %s", data, error.line, error.text);
    fine = fine && read_names(json, &front, data) && read_points(json, &front, data) && draw(&front, picture);
    if (fine)
        printf("%s: %zu %s, %zu %s\n", picture, front.m, front.objectives_key, front.n, front.rays_key);
    free(front.rays);
    free(front.kept);
    json_decref(json);
    return fine;
}
