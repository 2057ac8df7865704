#include "runtime/run/schedule.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/abi/hyper_kinds.h"
#include "runtime/abi/schedule_rows.h"
#include "runtime/core/report.h"
#include "runtime/run/hyper_values.h"

static const double never = 1e30;          /* the step of a row that is not needed */

typedef struct Table {
    const Manifest *manifest;
    const ScheduleInfo *info;
    const char *path;
    int64_t line, rows;
    size_t width; /* of a row: the step, and the numbers */
    double *numbers;
} Table;

static double *row_of(const Table *table, int64_t row)
{
    return table->numbers + (size_t)row * table->width;
}

static bool read_event(Table *table, const json_t *event, int64_t epoch_steps)
{
    const json_t *epoch = json_object_get(event, "epoch");
    double step = json_number_value(epoch) * (double)epoch_steps;
    if (!json_is_number(epoch) || !(step >= 0))
        return report_error("%s:%" PRId64 ": the event has no epoch", table->path, table->line);
    if (step == 0)
        table->rows = 0; /* instead of the first values */
    else if (step <= row_of(table, table->rows - 1)[0])
        return report_error("%s:%" PRId64 ": epochs do not increase; this may be the log of several trainings", table->path,
                            table->line);
    if (table->rows == SCHEDULE_ROWS - 1)
        return report_error("%s has more than %d evaluations", table->path, SCHEDULE_ROWS - 2);
    double *row = row_of(table, table->rows++);
    *row++ = step;
    HyperLine at = {table->path, table->line};
    return hyper_values_read(table->manifest, at, table->info->hypers, table->info->hyper_count, event, row);
}

static bool read_lines(Table *table, FILE *file, int64_t epoch_steps)
{
    char *line = NULL;
    size_t size = 0;
    bool fine = true;
    int64_t events = 0;
    while (fine && getline(&line, &size, file) >= 0) {
        json_error_t error;
        table->line++;
        json_t *json = json_loads(line, 0, &error);
        const char *event = json_string_value(json_object_get(json, "event"));
        if (!json)
            fine = report_error("%s:%" PRId64 ": %s", table->path, table->line, error.text);
        else if (event && strcmp(event, "epoch") == 0)
            fine = ++events && read_event(table, json, epoch_steps);
        json_decref(json);
    }
    free(line);
    return fine && (events > 0 || report_error("%s has no evaluation: no line whose \"event\" is \"epoch\"", table->path));
}

static void begin_with_first_values(Table *table)
{
    double *row = row_of(table, table->rows++);
    *row++ = 0;
    for (size_t i = 0; i < table->info->hyper_count; i++) {
        const HyperInfo *hyper = &table->manifest->hypers[table->info->hypers[i]];
        for (size_t k = hyper_elements(hyper); k-- > 0;)
            *row++ = hyper_kind_raw(hyper->kind, hyper->low, hyper->high, hyper->init, hyper->init);
    }
}

static void fill_up(Table *table)
{
    for (; table->rows < SCHEDULE_ROWS; table->rows++) {
        memcpy(row_of(table, table->rows), row_of(table, table->rows - 1), table->width * sizeof(double));
        row_of(table, table->rows)[0] = never;
    }
}

bool schedule_read(const Program *program, const char *path, int64_t epoch_steps)
{
    const Manifest *manifest = program->manifest;
    Table table = {.manifest = manifest, .info = manifest->train->schedule, .path = path, .width = 1};
    for (size_t i = 0; i < table.info->hyper_count; i++)
        table.width += hyper_elements(&manifest->hypers[table.info->hypers[i]]);
    table.numbers = calloc(SCHEDULE_ROWS * table.width, sizeof *table.numbers);
    FILE *file = table.numbers ? fopen(path, "r") : NULL;
    bool fine = file != NULL;
    if (!table.numbers)
        report_error("out of memory");
    else if (!file)
        report_error("%s: %s", path, strerror(errno));
    if (fine) {
        begin_with_first_values(&table);
        fine = read_lines(&table, file, epoch_steps);
        fclose(file);
    }
    if (fine) {
        fill_up(&table);
        program_write_reals(program, &manifest->states[table.info->state], 0, table.numbers, SCHEDULE_ROWS * table.width);
    }
    free(table.numbers);
    return fine;
}
