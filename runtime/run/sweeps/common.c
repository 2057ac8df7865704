/* What several kinds of sweeps need. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runtime/run/metrics_log.h"
#include "runtime/run/sweeps/sweeps.h"

void sweep_set_point(const Sweep *sweep, const Program *program, size_t point)
{
    const SweepInfo *info = sweep->info;
    const StateInfo *states = program->manifest->states;
    program_write_reals(program, &states[info->state], 0, info->points + point * info->width, info->width);
    if (info->all != NONE)
        program_write_reals(program, &states[info->all], 0, info->points, info->point_numbers);
}

void sweep_indicator_columns(const SweepInfo *info, SweepAdd *add, void *to)
{
    for (size_t i = 0; i < info->indicator_count; i++)
        add(to, SWEEP_COLUMN_INDICATOR, indicator_names[info->indicators[i].kind]);
}

const char *sweep_key(const char *word, char text[static SWEEP_KEY])
{
    snprintf(text, SWEEP_KEY, "%.60ss", word);
    return text;
}

json_t *vector_json(size_t count, const double *values)
{
    json_t *vector = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(vector, json_finite(values[i]));
    return vector;
}

json_t *matrix_json(size_t rows, size_t columns, const double *values)
{
    json_t *matrix = json_array();
    for (size_t i = 0; i < rows; i++)
        json_array_append_new(matrix, vector_json(columns, values + i * columns));
    return matrix;
}

void print_json_line(const Program *program, const json_t *json)
{
    json_dumpf(json, stdout, JSON_REAL_PRECISION(program->manifest->real == DTYPE_F64 ? 17 : 9));
    putchar('\n');
}

void print_figure(const char *name, const json_t *value)
{
    size_t count = json_is_array(value) ? json_array_size(value) : 1;
    printf("%s", name);
    for (size_t i = 0; i < count; i++) {
        const json_t *number = json_is_array(value) ? json_array_get(value, i) : value;
        printf(" %.6g", json_is_null(number) ? NAN : json_number_value(number));
    }
    putchar('\n');
}
