#include "runtime/data/encode.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/core/report.h"
#include "runtime/data/compute.h"
#include "runtime/data/family.h"

/* The split that encoders are fitted on. */
static size_t fitted_split(const DatasetInfo *dataset)
{
    for (size_t i = 0; i < dataset->split_count; i++)
        if (!strcmp(dataset->splits[i].name, "train"))
            return i;
    return 0;
}

/* Fits the encoders, on the rows of that split of all members. */
static bool fit_encoders(const Data *data, size_t index, const Program *program)
{
    const DataSource *source = &data->sources[index];
    size_t split = fitted_split(source->dataset);
    int64_t count = 0;
    int32_t *rows = malloc(((size_t)data->rows[index] + 1) * sizeof *rows);
    if (!rows)
        return report_error("out of memory");
    for (size_t m = 0; m < source->member_count; m++) {
        RowRange range = member_range(data, index, (int64_t)m, split);
        memcpy(rows + count, data->orders[index] + range.first, (size_t)range.count * sizeof *rows);
        count += range.count;
    }
    bool fine = source->format->fit(source, program, rows, count);
    free(rows);
    return fine;
}

/* Fills the tables of a data set. */
static bool encode_rows(Data *data, size_t index, const Program *program, bool fit)
{
    DataSource *source = &data->sources[index];
    const Format *format = source->format;
    if (fit && format->fit && !fit_encoders(data, index, program))
        return false;
    if (source->dataset->maker_count ? !compute_rows(data, index, program)
                                     : !format->encode(source, program, data->orders[index], data->tables))
        return false;
    data_source_close(source);
    return true;
}

bool data_encode(Data *data, const Program *program, bool fit)
{
    for (int computed = 0; computed < 2; computed++) /* these may be made of the others */
        for (size_t i = 0; i < data->manifest->dataset_count; i++)
            if (data->sources[i].format && (data->manifest->datasets[i].maker_count > 0) == computed &&
                !encode_rows(data, i, program, fit))
                return false;
    return true;
}
