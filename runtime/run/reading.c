#include "runtime/run/reading.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/report.h"

/* The state that holds the member at hand, or NULL (reported). */
static const int32_t *condition_state(const Program *program, int condition)
{
    const ConditionInfo *info = &program->manifest->conditions[condition];
    const StateInfo *state = info->state == NONE ? NULL : &program->manifest->states[info->state];
    if (state && state->tensor.dtype == DTYPE_I32 && state->tensor.elements == 1)
        return program_state(program, state);
    report_internal("no number at hand is the %s '%s'", info->word, info->name);
    return NULL;
}

/* Every member that may be read has rows. */
static bool check_members(const Reading *reading)
{
    int64_t members = data_members(reading->data, (size_t)reading->dataset);
    for (int64_t m = 0; m < members; m++) {
        char name[READING_NAME_SIZE];
        bool read = reading->member == NONE || reading->member == m;
        if (read && reading_range(reading, m).count == 0)
            return report_error("the split %s is empty: no example of the data set %s belongs to it",
                                reading_name(reading, m, name),
                                reading->data->manifest->datasets[reading->data->families[reading->dataset]->source].name);
    }
    return true;
}

/* The tables of a batch take the places of those of the family's fields. */
static bool make_tables(Reading *reading)
{
    const Manifest *manifest = reading->data->manifest;
    const DatasetInfo *info = &manifest->datasets[reading->dataset];
    reading->own = calloc(info->field_count + 1, sizeof *reading->own);
    if (!reading->own)
        return report_error("out of memory");
    for (size_t i = 0; i < info->field_count; i++) {
        size_t bytes = (size_t)reading->capacity * manifest->fields[info->fields[i]].tensor.bytes;
        reading->own[i] = aligned_memory(bytes, manifest->fields[info->fields[i]].tensor.name);
        if (!reading->own[i])
            return false;
        memset(reading->own[i], 0, bytes);
        reading->tables[info->fields[i]] = reading->own[i];
    }
    return true;
}

bool reading_open(Reading *reading, const Program *program, const Data *data, int dataset, size_t split, int64_t member,
                  int member_condition, int64_t capacity)
{
    size_t fields = data->manifest->field_count;
    *reading = (Reading){.data = data, .dataset = dataset, .split = split, .member = member, .capacity = capacity};
    reading->tables = calloc(fields + 1, sizeof *reading->tables);
    if (!reading->tables)
        return report_error("out of memory");
    for (size_t i = 0; i < fields; i++)
        reading->tables[i] = data->tables[i];
    if (dataset == NONE || !data->families[dataset])
        return true;
    reading->condition = member_condition == NONE ? NULL : condition_state(program, member_condition);
    return (reading->condition || member != NONE) && check_members(reading) && make_tables(reading);
}

void reading_close(Reading *reading)
{
    size_t fields = reading->own ? reading->data->manifest->datasets[reading->dataset].field_count : 0;
    for (size_t i = 0; i < fields; i++)
        free(reading->own[i]);
    free(reading->own);
    free(reading->tables);
    *reading = (Reading){0};
}

int64_t reading_member(const Reading *reading)
{
    if (!reads_family(reading))
        return 0;
    if (!reading->condition)
        return reading->member;
    int64_t last = data_members(reading->data, (size_t)reading->dataset) - 1, member = *reading->condition;
    return member < 0 ? 0 : member < last ? member : last;
}

RowRange reading_range(const Reading *reading, int64_t member)
{
    return reading->dataset == NONE ? (RowRange){.count = 1}
                                    : member_range(reading->data, (size_t)reading->dataset, member, reading->split);
}

void reading_take(const Reading *reading, int64_t member, int32_t *index, int64_t count, int64_t to)
{
    if (!reads_family(reading))
        return;
    member_rows(reading->data, (size_t)reading->dataset, member, index, count, reading->own, to);
    for (int64_t i = 0; i < count; i++)
        index[i] = (int32_t)(to + i);
}

const char *reading_name(const Reading *reading, int64_t member, char text[READING_NAME_SIZE])
{
    char name[MEMBER_NAME_SIZE];
    const DatasetInfo *info = &reading->data->manifest->datasets[reading->dataset];
    snprintf(text, READING_NAME_SIZE, "%s.%.200s", member_name(info, (size_t)member, name), info->splits[reading->split].name);
    return text;
}
