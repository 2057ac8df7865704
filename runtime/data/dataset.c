#include "runtime/data/dataset.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/program.h"
#include "runtime/core/report.h"
#include "runtime/data/permute.h"

/* By how much the sum of fractions that are meant to add up to 1 may differ from 1. */
#define FRACTION_SLACK 1e-9

/* Whether all splits of one kind are fractions: then the split that completes the whole takes the rows that rounding leaves. */
static bool only_fractions(const DatasetInfo *dataset, bool from_test)
{
    for (size_t i = 0; i < dataset->split_count; i++)
        if (dataset->splits[i].from_test == from_test && dataset->splits[i].count)
            return false;
    return true;
}

/* Rows of a split that is a fraction; `whole`: the sum of the fractions of its kind up to this one. */
static int64_t fraction_rows(const DatasetInfo *dataset, const SplitInfo *split, int64_t rows, int64_t left, double *whole)
{
    double part = split->fraction > 0 ? split->fraction < 1 ? split->fraction : 1 : 0;
    int64_t count = llround(part * (double)rows);
    *whole += part;
    if (!only_fractions(dataset, split->from_test))
        return count;
    return *whole > 1 - FRACTION_SLACK || count > left ? left : count;
}

bool split_rows(const DatasetInfo *dataset, int64_t main_rows, int64_t test_rows, RowRange *ranges)
{
    int64_t taken[2] = {0, 0};
    double whole[2] = {0, 0};
    for (size_t i = 0; i < dataset->split_count; i++) {
        const SplitInfo *split = &dataset->splits[i];
        int64_t rows = split->from_test ? test_rows : main_rows;
        int64_t *used = &taken[split->from_test];
        int64_t count = split->count ? split->count : fraction_rows(dataset, split, rows, rows - *used, &whole[split->from_test]);
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

static bool no_memory(void)
{
    return report_error("out of memory");
}

/* Checks the number of rows, and allocates the table of a field. */
static unsigned char *make_table(Data *data, const DatasetInfo *dataset, size_t field, int64_t rows)
{
    const TensorInfo *tensor = &data->manifest->fields[dataset->fields[field]].tensor;
    if (rows > INT32_MAX) {
        report_error("the data set %s has %" PRId64 " examples (limit is 2^31 - 1)", dataset->name, rows);
        return NULL;
    }
    data->rows[dataset - data->manifest->datasets] = rows;
    data->bytes += (size_t)rows * tensor->bytes;
    return data->tables[dataset->fields[field]] = aligned_memory((size_t)rows * tensor->bytes, tensor->name);
}

/* ---- order ---- */

/* The order of `rows` rows of which the first `main_rows` are permuted, if the data set is shuffled. */
static bool make_order(Data *data, size_t index, int64_t main_rows, int64_t rows, uint64_t seed)
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    int32_t *order = data->orders[index] = malloc((size_t)rows * sizeof *order);
    if (!order)
        return no_memory();
    for (int64_t i = 0; i < rows; i++)
        order[i] = (int32_t)i;
    if (data->manifest->datasets[index].shuffled)
        permute(order, main_rows, key, 0, (uint32_t)index, RANDOM_PURPOSE_SPLIT);
    return true;
}

/* Brings the rows of every table of the data set into its order. */
static bool order_tables(Data *data, size_t index, int64_t rows)
{
    const DatasetInfo *dataset = &data->manifest->datasets[index];
    for (size_t i = 0; i < dataset->field_count; i++) {
        const TensorInfo *tensor = &data->manifest->fields[dataset->fields[i]].tensor;
        if (data->manifest->fields[dataset->fields[i]].index) /* numbered by the order */
            continue;
        unsigned char *table = data->tables[dataset->fields[i]],
                      *ordered = aligned_memory((size_t)rows * tensor->bytes, tensor->name);
        if (!ordered)
            return false;
        for (int64_t row = 0; row < rows; row++)
            memcpy(ordered + row * (int64_t)tensor->bytes, table + data->orders[index][row] * (int64_t)tensor->bytes,
                   tensor->bytes);
        free(table);
        data->tables[dataset->fields[i]] = ordered;
    }
    return true;
}

/* ---- rows ---- */

static bool make_tables(Data *data, const DatasetInfo *dataset, int64_t rows)
{
    for (size_t i = 0; i < dataset->field_count; i++)
        if (!make_table(data, dataset, i, rows))
            return false;
    return true;
}

/* A field that numbers rows has as many classes as the compiler's files have rows, and tables of the model have as many entries.
 */
static bool check_row_numbers(const Data *data, const DatasetInfo *dataset, int64_t rows)
{
    for (size_t i = 0; i < dataset->field_count; i++) {
        const FieldInfo *field = &data->manifest->fields[dataset->fields[i]];
        if (field->index && field->classes && rows > field->classes)
            return report_error("the data set %s has %" PRId64 " rows here, but %s numbers the %" PRId64
                                " rows of the files that the program was built with; build it again with --data",
                                dataset->name, rows, field->tensor.name, field->classes);
    }
    return true;
}

/* Fills the fields that are the numbers of rows in the files, whatever the format. */
static void number_rows(const Data *data, size_t index, int64_t rows)
{
    const DatasetInfo *dataset = &data->manifest->datasets[index];
    const int32_t *order = data->orders[index]; /* NULL: that of the files */
    for (size_t i = 0; i < dataset->field_count; i++) {
        int32_t *numbers = data->tables[dataset->fields[i]];
        for (int64_t row = 0; data->manifest->fields[dataset->fields[i]].index && row < rows; row++)
            numbers[row] = order ? order[row] : (int32_t)row;
    }
}

/* Opens the data set, and fills its tables unless that needs encoders. */
static bool load_rows(Data *data, size_t index, const char *folder, uint64_t seed)
{
    const DatasetInfo *dataset = &data->manifest->datasets[index];
    const Format *format = formats[dataset->format];
    DataSource *source = &data->sources[index];
    *source = (DataSource){.format = format, .dataset = dataset, .fields = data->manifest->fields, .folder = folder};
    if (!format->open(source) || !split_rows(dataset, source->main_rows, source->test_rows, data->splits[index]))
        return false;
    int64_t rows = source->main_rows + source->test_rows;
    if (!check_row_numbers(data, dataset, rows) || !make_tables(data, dataset, rows) ||
        (format->read && !format->read(source, data->tables)))
        return false;
    bool ordered = format->encode || (dataset->shuffled && dataset->field_count);
    if (ordered &&
        (!make_order(data, index, source->main_rows, rows, seed) || (!format->encode && !order_tables(data, index, rows))))
        return false;
    number_rows(data, index, rows);
    return true;
}

static void close_source(DataSource *source)
{
    if (source->format && source->format->close)
        source->format->close(source);
    *source = (DataSource){0};
}

/* The split that encoders are fitted on. */
static size_t fitted_split(const DatasetInfo *dataset)
{
    for (size_t i = 0; i < dataset->split_count; i++)
        if (!strcmp(dataset->splits[i].name, "train"))
            return i;
    return 0;
}

bool data_encode(Data *data, const Program *program, bool fit)
{
    for (size_t i = 0; i < data->manifest->dataset_count; i++) {
        const DatasetInfo *dataset = &data->manifest->datasets[i];
        const int32_t *order = data->orders[i];
        DataSource *source = &data->sources[i];
        const Format *format = source->format;
        if (!format)
            continue;
        RowRange rows = data->splits[i][fitted_split(dataset)];
        if ((fit && format->fit && !format->fit(source, program, order + rows.first, rows.count)) ||
            !format->encode(source, program, order, data->tables))
            return false;
        close_source(source);
    }
    return true;
}

/* ---- all of them ---- */

static bool load_dataset(Data *data, size_t index, const char *folder, uint64_t seed)
{
    const DatasetInfo *dataset = &data->manifest->datasets[index];
    data->splits[index] = calloc(dataset->split_count + 1, sizeof **data->splits);
    if (!data->splits[index])
        return no_memory();
    if (!load_rows(data, index, folder, seed))
        return false;
    if (!data->sources[index].format->encode)
        close_source(&data->sources[index]);
    return true;
}

bool data_load(Data *data, const Manifest *manifest, const char *folder, uint64_t seed)
{
    *data = (Data){.manifest = manifest};
    data->tables = calloc(manifest->field_count + 1, sizeof *data->tables);
    data->splits = calloc(manifest->dataset_count + 1, sizeof *data->splits);
    data->orders = calloc(manifest->dataset_count + 1, sizeof *data->orders);
    data->sources = calloc(manifest->dataset_count + 1, sizeof *data->sources);
    data->rows = calloc(manifest->dataset_count + 1, sizeof *data->rows);
    data->fingerprints = calloc(manifest->dataset_count + 1, sizeof *data->fingerprints);
    bool fine =
        (data->tables && data->splits && data->orders && data->sources && data->rows && data->fingerprints) || no_memory();
    for (size_t i = 0; fine && i < manifest->dataset_count; i++)
        fine = load_dataset(data, i, folder, seed);
    if (!fine)
        data_free(data);
    return fine;
}

/* ---- fingerprints ---- */

enum { LANES = 8 };

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash ^= word;
    return (hash << 29 | hash >> 35) * 0x9E3779B97F4A7C15u;
}

/* Eight hashes side by side, each of every eighth word. They do not wait for one another, so hashing is as fast as reading
 * memory. */
static uint64_t hash_table(uint64_t hash, const unsigned char *bytes, size_t size)
{
    uint64_t lanes[LANES], words[LANES];
    size_t done = 0;
    for (size_t i = 0; i < LANES; i++)
        lanes[i] = i + 1;
    for (; done + sizeof words <= size; done += sizeof words) {
        memcpy(words, bytes + done, sizeof words);
        for (size_t i = 0; i < LANES; i++)
            lanes[i] = mix(lanes[i], words[i]);
    }
    memset(words, 0, sizeof words);
    memcpy(words, bytes + done, size - done);
    for (size_t i = 0; i < LANES; i++)
        hash = mix(mix(hash, mix(lanes[i], words[i])), size);
    return hash;
}

void data_fingerprint(Data *data)
{
    for (size_t i = 0; i < data->manifest->dataset_count; i++) {
        const DatasetInfo *dataset = &data->manifest->datasets[i];
        for (size_t k = 0; k < dataset->field_count; k++) {
            size_t size = (size_t)data->rows[i] * data->manifest->fields[dataset->fields[k]].tensor.bytes;
            data->fingerprints[i] = hash_table(data->fingerprints[i], data->tables[dataset->fields[k]], size);
        }
    }
}

void data_free(Data *data)
{
    for (size_t i = 0; data->tables && i < data->manifest->field_count; i++)
        free(data->tables[i]);
    for (size_t i = 0; data->manifest && i < data->manifest->dataset_count; i++) {
        if (data->splits)
            free(data->splits[i]);
        if (data->orders)
            free(data->orders[i]);
        if (data->sources)
            close_source(&data->sources[i]);
    }
    free(data->tables);
    free(data->splits);
    free(data->orders);
    free(data->sources);
    free(data->rows);
    free(data->fingerprints);
    *data = (Data){0};
}
