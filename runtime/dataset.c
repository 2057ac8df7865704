#include "runtime/dataset.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/idx.h"
#include "runtime/program.h"
#include "runtime/report.h"

/* So that 0.29 of 100 rows, 28.999..., are 29. */
#define FRACTION_SLACK 1e-6

bool split_rows(const DatasetInfo *dataset, int64_t main_rows, int64_t test_rows, RowRange *ranges)
{
    int64_t taken[2] = {0, 0};
    for (size_t i = 0; i < dataset->split_count; i++) {
        const Split *split = &dataset->splits[i];
        int64_t rows = split->from_test ? test_rows : main_rows;
        double part = split->fraction > 0 ? split->fraction < 1 ? split->fraction : 1 : 0;
        int64_t count = split->count ? split->count : (int64_t)(part * (double)rows + FRACTION_SLACK);
        int64_t *used = &taken[split->from_test];
        if (count > rows - *used)
            return report_error("the split %s.%s asks for %" PRId64 " examples, but of the %" PRId64
                                " in the data set's %sfiles only "
                                "%" PRId64 " are left",
                                dataset->name, split->name, count, rows, split->from_test ? "test " : "", rows - *used);
        if (count == 0)
            return report_error("the split %s.%s is empty: its files hold %" PRId64 " examples", dataset->name, split->name,
                                rows);
        ranges[i] = (RowRange){.first = (split->from_test ? main_rows : 0) + *used, .count = count};
        *used += count;
    }
    return true;
}

/* The files of one data set while they are read: one a field, twice (main and test). */
typedef struct OpenFiles {
    IdxFile *main, *test;
    int64_t main_rows, test_rows;
} OpenFiles;

/* Opens one file a field; all must hold the same number of examples, *rows. */
static bool open_group(IdxFile *files, const char *const *names, const DatasetInfo *dataset, const Field *fields,
                       const char *folder, int64_t *rows)
{
    for (size_t i = 0; i < dataset->field_count; i++) {
        if (!idx_open(&files[i], folder, names[i], &fields[dataset->fields[i]]))
            return false;
        if (files[i].count != files[0].count)
            return report_error("the data set %s is inconsistent: %s holds %" PRId64 " examples, but %s holds %" PRId64,
                                dataset->name, files[0].path, files[0].count, files[i].path, files[i].count);
    }
    *rows = files[0].count;
    return true;
}

static bool read_tables(Data *data, const DatasetInfo *dataset, OpenFiles *files)
{
    int64_t rows = files->main_rows + files->test_rows;
    if (rows > INT32_MAX)
        return report_error("the data set %s has %" PRId64 " examples (limit is 2^31 - 1)", dataset->name, rows);
    for (size_t i = 0; i < dataset->field_count; i++) {
        const Field *field = &data->manifest->fields[dataset->fields[i]];
        unsigned char *table = aligned_memory((size_t)rows * field->tensor.bytes, field->tensor.name);
        data->tables[dataset->fields[i]] = table;
        data->bytes += (size_t)rows * field->tensor.bytes;
        if (!table || !idx_read(&files->main[i], field, table))
            return false;
        unsigned char *test_rows = table + (size_t)files->main_rows * field->tensor.bytes;
        if (files->test_rows && !idx_read(&files->test[i], field, test_rows))
            return false;
    }
    return true;
}

static bool load_dataset(Data *data, size_t index, const char *folder)
{
    const DatasetInfo *dataset = &data->manifest->datasets[index];
    if (strcmp(dataset->format, "idx"))
        return report_internal("the data set %s has the unknown format '%s'", dataset->name, dataset->format);
    IdxFile *all = calloc(2 * dataset->field_count, sizeof *all);
    RowRange *ranges = calloc(dataset->split_count + 1, sizeof *ranges);
    OpenFiles files = {.main = all, .test = all + dataset->field_count};
    const Field *fields = data->manifest->fields;
    data->splits[index] = ranges;
    bool fine = all && ranges;
    if (!fine)
        report_error("out of memory");
    fine = fine && open_group(files.main, dataset->files, dataset, fields, folder, &files.main_rows);
    if (fine && dataset->test_file_count)
        fine = open_group(files.test, dataset->test_files, dataset, fields, folder, &files.test_rows);
    fine = fine && split_rows(dataset, files.main_rows, files.test_rows, ranges) && read_tables(data, dataset, &files);
    for (size_t i = 0; all && i < 2 * dataset->field_count; i++)
        idx_close(&all[i]);
    free(all);
    return fine;
}

bool data_load(Data *data, const Manifest *manifest, const char *folder)
{
    *data = (Data){.manifest = manifest};
    data->tables = calloc(manifest->field_count + 1, sizeof *data->tables);
    data->splits = calloc(manifest->dataset_count + 1, sizeof *data->splits);
    bool fine = data->tables && data->splits;
    if (!fine)
        report_error("out of memory");
    for (size_t i = 0; fine && i < manifest->dataset_count; i++)
        fine = load_dataset(data, i, folder);
    if (!fine)
        data_free(data);
    return fine;
}

void data_free(Data *data)
{
    for (size_t i = 0; data->tables && i < data->manifest->field_count; i++)
        free(data->tables[i]);
    for (size_t i = 0; data->splits && i < data->manifest->dataset_count; i++)
        free(data->splits[i]);
    free(data->tables);
    free(data->splits);
    *data = (Data){0};
}
