#include "runtime/data/members.h"

#include <stdlib.h>

#include "runtime/core/report.h"

/* The member that the row of the base belongs to, or -1. */
static int64_t member_of(const Data *data, const Family *family, int64_t classes, int64_t row)
{
    const int32_t *labels = data->tables[family->info->field];
    int64_t member = labels[row] / classes;
    return labels[row] >= 0 && member < family->info->count ? member : -1;
}

/* Numbers the rows of each member as the base's files have them: numbers[r] for row r of the files. */
static bool number_in_members(const Data *data, const Family *family, int64_t classes, int32_t *numbers)
{
    const int32_t *order = data->orders[family->source]; /* NULL: that of the files */
    int64_t rows = data->rows[family->source];
    int32_t *next = calloc((size_t)family->info->count, sizeof *next), *members = malloc(((size_t)rows + 1) * sizeof *members);
    bool fine = (next && members) || report_error("out of memory");
    for (int64_t row = 0; fine && row < rows; row++)
        members[order ? order[row] : row] = (int32_t)member_of(data, family, classes, row);
    for (int64_t row = 0; fine && row < rows; row++)
        numbers[row] = members[row] < 0 ? -1 : next[members[row]]++;
    free(next);
    free(members);
    return fine;
}

/* Appends to family->rows the rows of each member in one split of the base, from place *at on. */
static void gather_split(const Data *data, Family *family, int64_t classes, size_t split, int64_t *at)
{
    size_t splits = data->manifest->datasets[family->dataset].split_count;
    RowRange from = data->splits[family->source][split], *ranges = data->splits[family->dataset];
    for (int64_t row = from.first; row < from.first + from.count; row++) {
        int64_t member = member_of(data, family, classes, row);
        if (member >= 0)
            ranges[(size_t)member * splits + split].count++;
    }
    for (int64_t member = 0; member < family->info->count; member++) {
        RowRange *range = &ranges[(size_t)member * splits + split];
        range->first = *at;
        *at += range->count;
        range->count = 0;
    }
    for (int64_t row = from.first; row < from.first + from.count; row++) {
        int64_t member = member_of(data, family, classes, row);
        RowRange *range = member < 0 ? NULL : &ranges[(size_t)member * splits + split];
        if (range)
            family->rows[range->first + range->count++] = (int32_t)row;
    }
}

bool members_by_class(Data *data, Family *family, int64_t classes)
{
    const DatasetInfo *base = &data->manifest->datasets[family->source];
    const TensorInfo *label = &data->manifest->fields[family->info->field].tensor;
    bool own = false;
    for (size_t i = 0; i < base->field_count; i++)
        own |= base->fields[i] == (size_t)family->info->field;
    if (!own || label->dtype != DTYPE_I32 || label->rank || classes < 1)
        return report_internal("no class of %s says which member a row belongs to", base->name);
    int64_t rows = data->rows[family->source], at = 0;
    const int32_t *order = data->orders[family->source];
    family->rows = malloc(((size_t)rows + 1) * sizeof *family->rows);
    family->numbers = malloc(((size_t)rows + 1) * sizeof *family->numbers);
    int32_t *numbers = malloc(((size_t)rows + 1) * sizeof *numbers);
    bool fine = (family->rows && family->numbers && numbers) || report_error("out of memory");
    fine = fine && number_in_members(data, family, classes, numbers);
    for (size_t split = 0; fine && split < data->manifest->datasets[family->dataset].split_count; split++)
        gather_split(data, family, classes, split, &at);
    for (int64_t i = 0; fine && i < at; i++)
        family->numbers[i] = numbers[order ? order[family->rows[i]] : family->rows[i]];
    free(numbers);
    return fine;
}
