#include "runtime/run/schedule.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/abi/hyper_kinds.h"
#include "runtime/abi/schedule_rows.h"
#include "runtime/core/report.h"
#include "runtime/run/hyper_values.h"

static const double never = 1e30; /* the step of a row that is not needed */

typedef struct Table {
    const Manifest *manifest;
    const ScheduleInfo *info;
    int64_t epoch_steps, events, rows;
    size_t width; /* of a row: the step, and the numbers */
    double *numbers;
} Table;

static double *row_of(const Table *table, int64_t row)
{
    return table->numbers + (size_t)row * table->width;
}

/* A line whose "event" is "epoch"; others do not count. */
static bool read_event(void *context, HyperLine at, const json_t *object)
{
    Table *table = context;
    const char *event = json_string_value(json_object_get(object, "event"));
    const json_t *epoch = json_object_get(object, "epoch");
    double step = json_number_value(epoch) * (double)table->epoch_steps;
    if (!event || strcmp(event, "epoch"))
        return true;
    table->events++;
    if (!json_is_number(epoch) || !(step >= 0))
        return report_error("%s:%" PRId64 ": the event has no epoch", at.path, at.line);
    if (step == 0)
        table->rows = 0; /* instead of the first values */
    else if (step <= row_of(table, table->rows - 1)[0])
        return report_error("%s:%" PRId64 ": epochs do not increase; this may be the log of several trainings", at.path, at.line);
    if (table->rows == SCHEDULE_ROWS - 1)
        return report_error("%s has more than %d evaluations", at.path, SCHEDULE_ROWS - 2);
    double *row = row_of(table, table->rows++);
    *row++ = step;
    return hyper_values_read(table->manifest, at, table->info->hypers, table->info->hyper_count, object, row);
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
    Table table = {.manifest = manifest, .info = manifest->train->schedule, .epoch_steps = epoch_steps, .width = 1};
    for (size_t i = 0; i < table.info->hyper_count; i++)
        table.width += hyper_elements(&manifest->hypers[table.info->hypers[i]]);
    table.numbers = calloc(SCHEDULE_ROWS * table.width, sizeof *table.numbers);
    if (!table.numbers)
        return report_error("out of memory");
    begin_with_first_values(&table);
    bool fine = hyper_lines_read(path, read_event, &table) &&
                (table.events || report_error("%s has no evaluation: no line whose \"event\" is \"epoch\"", path));
    if (fine) {
        fill_up(&table);
        program_write_reals(program, &manifest->states[table.info->state], 0, table.numbers, SCHEDULE_ROWS * table.width);
    }
    free(table.numbers);
    return fine;
}
