/* functions.svg: one panel per point of a sweep that learns them one after the other, with the function that an export is there:
 * when the point was learned, and at the end of the run; and the data. Read from functions.json (runtime/run/functions.h). */
#include <math.h>
#include <string.h>

#include "runtime/cli/plot.h"
#include "runtime/cli/plot_script.h"
#include "runtime/core/report.h"

enum { PANEL_WIDTH = 420, PANEL_HEIGHT = 340, FOOT = 40, MOST_PANELS = 16 };

static double number_at(const json_t *list, size_t i)
{
    const json_t *value = json_array_get(list, i);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* $NAME: two lists as two columns, of which the first says how long it is. */
static void write_pairs(FILE *script, const char *name, size_t number, const json_t *x, const json_t *y)
{
    fprintf(script, "$%s%zu << END\n", name, number);
    for (size_t i = 0; i < json_array_size(x); i++)
        fprintf(script, "%.9g %.9g\n", number_at(x, i), number_at(y, i));
    fprintf(script, "NaN NaN\nEND\n");
}

static void draw_panel(FILE *script, const SweepInfo *sweep, const json_t *json, size_t number)
{
    const json_t *point = json_array_get(json_object_get(json, "points"), number), *data = json_object_get(point, "data");
    const char *input = json_string_value(json_object_get(json, "input")),
               *output = json_string_value(json_object_get(json, "output"));
    char title[128];
    const json_t *grid = json_object_get(point, input);
    write_pairs(script, "data", number, json_object_get(data, "x"), json_object_get(data, "y"));
    write_pairs(script, "learned", number, grid, json_object_get(point, "learned"));
    write_pairs(script, "now", number, grid, json_object_get(point, "now"));
    snprintf(title, sizeof title, "%.60s %zu", sweep->point_word, number);
    fprintf(script, "set title ");
    plot_text(script, title);
    fprintf(script, " font ',14'\nset xlabel ");
    plot_text(script, input);
    fprintf(script, "\nset ylabel ");
    plot_text(script, output);
    fprintf(script,
            "\nplot $data%zu using 1:2 with points pointtype 7 pointsize 0.35 linecolor '#b0b0b0' title 'data', "
            "$learned%zu using 1:2 with lines linewidth 2.2 linecolor '%s' title 'when learned', "
            "$now%zu using 1:2 with lines linewidth 1.8 dashtype 2 linecolor '%s' title 'now'\n",
            number, number, plot_colours[0], number, plot_colours[1]);
}

bool plot_functions(const SweepInfo *sweep, const char *data, const char *picture)
{
    json_error_t error;
    json_t *json = json_load_file(data, 0, &error);
    size_t count = json_array_size(json_object_get(json, "points"));
    size_t columns = count < 4 ? count : 4, rows = columns ? (count + columns - 1) / columns : 0;
    if (!json)
        return report_error("%s: cannot be read: %s", data, error.text);
    FILE *script = NULL;
    bool fine = (count > 0 && count <= MOST_PANELS && json_is_string(json_object_get(json, "input")) &&
                 json_is_string(json_object_get(json, "output"))) ||
                report_error("%s: holds no functions", data);
    fine = fine && (script = plot_begin(picture, (int)columns * PANEL_WIDTH, (int)rows * PANEL_HEIGHT + FOOT));
    if (fine) {
        fprintf(script, "set multiplot layout %zu,%zu\nset key bottom center outside horizontal samplen 1.5 maxrows 1\n", rows,
                columns);
        for (size_t i = 0; i < count; i++)
            draw_panel(script, sweep, json, i);
        fprintf(script, "unset multiplot\n");
        fine = plot_render(script, picture);
    }
    if (fine)
        printf("%s: %zu function%s\n", picture, count, count == 1 ? "" : "s");
    json_decref(json);
    return fine;
}
