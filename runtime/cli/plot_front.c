/* front.svg, of a sweep named "front": one point per ray, read from front.json. Two objectives: a scatter with the rays; three
 * and more: parallel coordinates, and one panel per pair. "ray" and "objective" are words of the manifest. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cli/plot.h"
#include "runtime/cli/plot_results.h"
#include "runtime/cli/plot_script.h"
#include "runtime/core/report.h"

enum { PAIRED_OBJECTIVES = 7 };

/* ---- parts of pictures ---- */

enum { TITLE_LETTERS = 80, TITLE_SIZE = 1024 };

static void title_text(const Front *front, char title[static TITLE_SIZE])
{
    size_t kept = 0, length = 0;
    for (size_t k = 0; k < front->n; k++)
        kept += front->kept[k];
#define ADD(...) length += (size_t)snprintf(title + length, TITLE_SIZE - length, __VA_ARGS__)
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
}

/* Without a script: only counts its lines. */
static int write_title(FILE *script, const Front *front, bool over_panels)
{
    char title[TITLE_SIZE];
    title_text(front, title);
    if (script)
        fprintf(script, over_panels ? "set multiplot title " : "set title ");
    int lines = plot_title(script, title, TITLE_LETTERS);
    if (script)
        fprintf(script, " font ',14'\n");
    return lines;
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

/* Lighter the longer ago. */
static void earlier_colour(const Front *front, size_t i, char colour[static 8])
{
    unsigned grey = front->earlier_count > 1 ? 0xe4 - (unsigned)(0x3c * i / (front->earlier_count - 1)) : 0xc8;
    snprintf(colour, 8, "#%02x%02x%02x", grey, grey, grey);
}

/* $earlierN: the points of an evaluation before, in the order of their rays. */
static void write_earlier(FILE *script, const Front *front)
{
    for (size_t i = 0; i < front->earlier_count; i++) {
        fprintf(script, "$earlier%zu << END\n", i);
        for (size_t k = 0; k < front->earlier_points[i]; k++) {
            for (size_t j = 0; j < front->m; j++)
                fprintf(script, "%.9g ", front->earlier[i][k * front->m + j]);
            fprintf(script, "\n");
        }
        fprintf(script, "END\n");
    }
}

/* What `plot` begins with: the earlier points of two objectives, under all else. */
static void plot_earlier(FILE *script, const Front *front, size_t first, size_t second, const char *style)
{
    for (size_t i = 0; i < front->earlier_count; i++) {
        char colour[8];
        earlier_colour(front, i, colour);
        fprintf(script, "$earlier%zu using %zu:%zu with %s linecolor '%s' notitle, ", i, first + 1, second + 1, style, colour);
    }
}

static bool draw_scatter(FILE *script, const Front *front)
{
    double x[2], y[2];
    front_range(front, 0, x);
    front_range(front, 1, y);
    front_axis(script, front, 0, 'x', 8);
    front_axis(script, front, 1, 'y', 8);
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
    fprintf(script, "END\n");
    write_earlier(script, front);
    fprintf(script, "set palette defined (0 '#440154', 0.25 '#3b528b', 0.5 '#21918c', 0.75 '#4fb06a', 1 '#b8a500')\n"
                    "set cbrange [0:1]\nset cbtics 0.25\nset cblabel ");
    char label[256];
    snprintf(label, sizeof label, "share of '%.150s' in the %.60s", front->names[0], front->sweep->point_word);
    plot_text(script, label);
    fprintf(script, "\nset key outside bottom center horizontal\nplot ");
    plot_earlier(script, front, 0, 1, "linespoints pointtype 7 pointsize 0.5 linewidth 0.8");
    if (front->earlier_count)
        fprintf(script, "NaN with linespoints pointtype 7 pointsize 0.5 linecolor '#b0b0b0' title 'evaluations before', ");
    fprintf(script,
            "$rays using 1:2:3 with lines linewidth 1 dashtype 3 linecolor palette notitle, "
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
    fprintf(script, "NaN with lines linewidth 0.8 dashtype 2 linecolor '#404040' title '(dashed: dominated)'");
    if (front->earlier_count)
        fprintf(script, ", NaN with points pointtype 7 pointsize 0.35 linecolor '#b0b0b0' title 'evaluations before'");
    fprintf(script, "\n"
                    "unset arrow\nunset label\nunset key\n"
                    "set border 3\nset grid\nset xtics norotate\nset tmargin 1.5\nset bmargin 3.5\n");
}

static void draw_pair(FILE *script, const Front *front, size_t first, size_t second)
{
    front_axis(script, front, first, 'x', 5);
    front_axis(script, front, second, 'y', 5);
    fprintf(script, "plot ");
    plot_earlier(script, front, first, second, "points pointtype 7 pointsize 0.35");
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
    fprintf(script, "END\n");
    write_earlier(script, front);
    fprintf(script, "set size %.4f,%.4f\nset lmargin 8\nset rmargin 2\n", width, height);
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
    enum { WIDTH = 1020, PARALLEL = 380, PAIR = 270, SCATTER = 760 };
    int title = 18 + 18 * write_title(NULL, front, true);
    size_t pairs = front->m > 2 && front->m <= PAIRED_OBJECTIVES ? front->m * (front->m - 1) / 2 : 0;
    size_t columns = pairs > 6 ? 4 : 3, rows = (pairs + columns - 1) / columns;
    double height = front->m == 2 ? SCATTER : PARALLEL + title + (double)(rows * PAIR);
    FILE *script = plot_begin(picture, WIDTH, (int)height);
    if (!script)
        return false;
    if (front->m == 2) {
        if (draw_scatter(script, front))
            return plot_render(script, picture);
        fclose(script);
        return false;
    }
    write_title(script, front, true);
    draw_parallel(script, front, (height - PARALLEL - title) / height, PARALLEL / height);
    if (pairs)
        draw_pairs(script, front, columns, 1.0 / (double)columns, PAIR / height, (height - PARALLEL - title) / height);
    fprintf(script, "unset multiplot\n");
    return plot_render(script, picture);
}

static bool plot_front(const SweepInfo *sweep, const char *data, const json_t *events, const char *picture)
{
    Front front;
    bool fine = front_read(&front, sweep, data) && front_read_earlier(&front, events) && draw(&front, picture);
    if (fine)
        printf("%s: %zu %s, %zu %s\n", picture, front.m, front.objectives_key, front.n, front.rays_key);
    front_close(&front);
    return fine;
}

const SweepPicture picture_front = {.one = plot_front, .several = plot_fronts};
