#include "runtime/data/dataset.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/program.h"
#include "runtime/core/report.h"
#include "runtime/data/family.h"
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

/* The rows that a split takes, of which `left` are left: all of its own files, or as many as it asks for, of streams in whole
 * steps. */
static int64_t rows_of_split(const DatasetInfo *dataset, const SplitInfo *split, int64_t own, int64_t rows, int64_t left, double *whole)
{
    if (split->own_files)
        return own;
    int64_t count = split->count ? split->count : fraction_rows(dataset, split, rows, left, whole);
    return split->streams ? count - count % split->streams : count;
}

bool split_rows(const DatasetInfo *dataset, MemberRows in, const int64_t *own_rows, RowRange *ranges)
{
    int64_t taken[2] = {0, 0};
    double whole[2] = {0, 0};
    for (size_t i = 0; i < dataset->split_count; i++) {
        const SplitInfo *split = &dataset->splits[i];
        int64_t rows = split->from_test ? in.test : in.main, own = own_rows ? own_rows[i] : 0;
        int64_t *used = &taken[split->from_test];
        int64_t count = rows_of_split(dataset, split, own, rows, rows - *used, &whole[split->from_test]);
        if (count > rows - *used)
            return report_error("the split %s.%s asks for %" PRId64 " examples, but of the %" PRId64
                                " in the data set's %sfiles only "
                                "%" PRId64 " are left",
                                dataset->name, split->name, count, rows, split->from_test ? "test " : "", rows - *used);
        if (count == 0)
            return report_error("the split %s.%s is empty: its files hold %" PRId64 " examples", dataset->name, split->name,
                                rows);
        ranges[i] = (RowRange){.first = (split->from_test ? in.main : 0) + *used, .count = count};
        *used += count;
    }
    return true;
}

bool split_members(const DataSource *source, RowRange *ranges)
{
    const DatasetInfo *dataset = source->dataset;
    int64_t main_rows = 0, test_rows = source->main_rows; /* of the members before, in the tables */
    for (size_t m = 0; m < source->member_count; m++, ranges += dataset->split_count) {
        char name[MEMBER_NAME_SIZE];
        MemberRows rows = source->members[m];
        DatasetInfo named = *dataset;
        named.name = member_name(dataset, m, name);
        if (!split_rows(&named, rows, source->own_rows, ranges))
            return false;
        for (size_t i = 0; i < dataset->split_count; i++)
            ranges[i].first += dataset->splits[i].from_test ? test_rows - rows.main : main_rows;
        main_rows += rows.main;
        test_rows += rows.test;
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

/* The order of all rows: of each member, the main rows are permuted, if the data set is shuffled. */
static bool make_order(Data *data, size_t index, uint64_t seed)
{
    const DataSource *source = &data->sources[index];
    int64_t rows = data->rows[index], first = 0;
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    int32_t *order = data->orders[index] = malloc((size_t)rows * sizeof *order);
    if (!order)
        return no_memory();
    for (int64_t i = 0; i < rows; i++)
        order[i] = (int32_t)i;
    for (size_t m = 0; data->manifest->datasets[index].shuffled && m < source->member_count; m++) {
        permute(order + first, source->members[m].main, key, (uint32_t)m, (uint32_t)index, RANDOM_PURPOSE_SPLIT);
        first += source->members[m].main;
    }
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
 * Of a family, it numbers those of the largest member. */
static bool check_row_numbers(const Data *data, const DatasetInfo *dataset, const DataSource *source)
{
    int64_t rows = 0;
    for (size_t m = 0; m < source->member_count; m++) {
        int64_t own = source->members[m].main + source->members[m].test;
        rows = own > rows ? own : rows;
    }
    for (size_t i = 0; i < dataset->field_count; i++) {
        const FieldInfo *field = &data->manifest->fields[dataset->fields[i]];
        if (field->index && field->classes && rows > field->classes)
            return report_error("the data set %s has %" PRId64 " rows here, but %s numbers the %" PRId64
                                " rows of the files that the program was built with; build it again with --data",
                                dataset->name, rows, field->tensor.name, field->classes);
    }
    return true;
}

/* Numbers `count` rows of a member, from row `first` of the files on: the first of them is number `from`. */
static void number_range(int32_t *numbers, const int32_t *order, int64_t first, int64_t count, int64_t from)
{
    for (int64_t row = first; row < first + count; row++)
        numbers[row] = (int32_t)((order ? order[row] : row) - first + from);
}

/* Fills the fields that are the numbers of rows in the files of a member, whatever the format. */
static void number_rows(const Data *data, size_t index)
{
    const DatasetInfo *dataset = &data->manifest->datasets[index];
    const DataSource *source = &data->sources[index];
    for (size_t i = 0; i < dataset->field_count; i++) {
        int32_t *numbers = data->tables[dataset->fields[i]];
        int64_t main_rows = 0, test_rows = source->main_rows;
        for (size_t m = 0; data->manifest->fields[dataset->fields[i]].index && m < source->member_count; m++) {
            MemberRows rows = source->members[m];
            number_range(numbers, data->orders[index], main_rows, rows.main, 0);
            number_range(numbers, data->orders[index], test_rows, rows.test, rows.main);
            main_rows += rows.main;
            test_rows += rows.test;
        }
    }
}

/* Whether the tables are filled by data_encode. */
static bool is_encoded(const DatasetInfo *dataset)
{
    return dataset->maker_count || (formats[dataset->format]->encode && dataset->field_count);
}

bool data_source_open(DataSource *source)
{
    if (!source->format->open(source))
        return false;
    for (size_t m = 0; m < source->member_count; m++) {
        source->main_rows += source->members[m].main;
        source->test_rows += source->members[m].test;
    }
    return true;
}

/* Opens the data set, and fills its tables unless that needs encoders. */
static bool load_rows(Data *data, size_t index, const char *folder, uint64_t seed)
{
    const DatasetInfo *dataset = &data->manifest->datasets[index];
    const Format *format = formats[dataset->format];
    DataSource *source = &data->sources[index];
    *source = (DataSource){.format = format,
                           .dataset = dataset,
                           .fields = data->manifest->fields,
                           .folder = folder,
                           .seed = seed,
                           .member_count = own_members(dataset)};
    source->members = calloc(source->member_count, sizeof *source->members);
    if (!source->members)
        return no_memory();
    if (!data_source_open(source) || !split_members(source, data->splits[index]))
        return false;
    int64_t rows = source->main_rows + source->test_rows;
    if (!check_row_numbers(data, dataset, source) || !make_tables(data, dataset, rows) ||
        (format->read && !format->read(source, data->tables)))
        return false;
    bool ordered = is_encoded(dataset) || (dataset->shuffled && dataset->field_count);
    if (ordered && (!make_order(data, index, seed) || (!is_encoded(dataset) && !order_tables(data, index, rows))))
        return false;
    number_rows(data, index);
    return !format->classes || format->classes(source, data->orders[index], data->tables);
}

void data_source_close(DataSource *source)
{
    if (source->format && source->format->close)
        source->format->close(source);
    free(source->members);
    *source = (DataSource){0};
}

/* ---- all of them ---- */

static bool load_dataset(Data *data, size_t index, const char *folder, uint64_t seed)
{
    const DatasetInfo *dataset = &data->manifest->datasets[index];
    data->splits[index] = calloc((size_t)data_members(data, index) * dataset->split_count + 1, sizeof **data->splits);
    if (!data->splits[index])
        return no_memory();
    if (own_members(dataset) == 0)
        return true;
    if (!load_rows(data, index, folder, seed))
        return false;
    if (!is_encoded(dataset))
        data_source_close(&data->sources[index]);
    return true;
}

static size_t count_own_members(const Manifest *manifest)
{
    size_t members = 0;
    for (size_t i = 0; i < manifest->dataset_count; i++)
        members += own_members(&manifest->datasets[i]);
    return members;
}

bool data_load(Data *data, const Manifest *manifest, const char *folder, uint64_t seed)
{
    *data = (Data){.manifest = manifest};
    data->tables = calloc(manifest->field_count + 1, sizeof *data->tables);
    data->splits = calloc(manifest->dataset_count + 1, sizeof *data->splits);
    data->orders = calloc(manifest->dataset_count + 1, sizeof *data->orders);
    data->sources = calloc(manifest->dataset_count + 1, sizeof *data->sources);
    data->rows = calloc(manifest->dataset_count + 1, sizeof *data->rows);
    data->fingerprints = calloc(count_own_members(manifest) + 1, sizeof *data->fingerprints);
    data->families = calloc(manifest->dataset_count + 1, sizeof(Family *));
    bool fine =
        (data->tables && data->splits && data->orders && data->sources && data->rows && data->fingerprints && data->families) ||
        no_memory();
    for (size_t i = 0; fine && i < manifest->dataset_count; i++)
        fine = load_dataset(data, i, folder, seed);
    fine = fine && families_open(data, seed);
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

static uint64_t hash_rows(const Data *data, size_t index, RowRange range, uint64_t hash)
{
    const DatasetInfo *dataset = &data->manifest->datasets[index];
    for (size_t k = 0; k < dataset->field_count; k++) {
        size_t bytes = data->manifest->fields[dataset->fields[k]].tensor.bytes;
        const unsigned char *table = data->tables[dataset->fields[k]];
        hash = hash_table(hash, table + (size_t)range.first * bytes, (size_t)range.count * bytes);
    }
    return hash;
}

/* Of the rows in the splits of a member. */
static uint64_t hash_member(const Data *data, size_t index, size_t member)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < data->manifest->datasets[index].split_count; i++)
        hash = hash_rows(data, index, member_range(data, index, (int64_t)member, i), hash);
    return hash;
}

void data_fingerprint(Data *data)
{
    uint64_t *next = data->fingerprints;
    for (size_t i = 0; i < data->manifest->dataset_count; i++)
        for (size_t m = 0; m < own_members(&data->manifest->datasets[i]); m++)
            *next++ = data->manifest->datasets[i].family ? hash_member(data, i, m)
                                                         : hash_rows(data, i, (RowRange){.count = data->rows[i]}, 0);
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
            data_source_close(&data->sources[i]);
    }
    families_close(data);
    free(data->families);
    free(data->tables);
    free(data->splits);
    free(data->orders);
    free(data->sources);
    free(data->rows);
    free(data->fingerprints);
    *data = (Data){0};
}
