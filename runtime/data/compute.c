#include "runtime/data/compute.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runtime/core/report.h"

/* The file's row `row`, of those of one member, and what computes it. */
typedef struct Place {
    size_t maker;
    int64_t row, member;
    bool test;
} Place;

static Place place_of(const DataSource *source, int64_t row)
{
    const DatasetInfo *dataset = source->dataset;
    bool test = row >= source->main_rows;
    int64_t within = test ? row - source->main_rows : row, per_member = test ? dataset->test_rows : dataset->rows;
    size_t kinds = dataset->test_rows ? 2 : 1, member = (size_t)(within / per_member);
    return (Place){member * kinds + test, within % per_member, (int64_t)member, test};
}

/* Whether a label is one of the field's classes, and a number finite. */
static bool check_number(const DataSource *source, const FieldInfo *field, const void *value, const Place *place)
{
    const TensorInfo *tensor = &field->tensor;
    bool f32 = tensor->dtype == DTYPE_F32, f64 = tensor->dtype == DTYPE_F64;
    for (int64_t i = 0; i < tensor->elements; i++) {
        double number = f32 ? ((const float *)value)[i] : f64 ? ((const double *)value)[i] : 0;
        int32_t label = field->classes ? *(const int32_t *)value : 0;
        char member[32] = "";
        if (source->dataset->family)
            snprintf(member, sizeof member, " of member %" PRId64, place->member);
        if (!isfinite(number))
            return report_error("the field %s, which is computed, is %s in %srow %" PRId64 "%s", tensor->name,
                                isnan(number) ? "not a number (nan)" : "infinite", place->test ? "test " : "", place->row,
                                member);
        if (field->classes && (label < 0 || label >= field->classes))
            return report_error("the field %s, which is computed, is %" PRId32 " in %srow %" PRId64
                                "%s, but it has the classes 0 "
                                "to %" PRId64,
                                tensor->name, label, place->test ? "test " : "", place->row, member, field->classes - 1);
    }
    return true;
}

/* Takes the outputs of the maker to a row of the tables. */
static bool take_row(const DataSource *source, const Call *call, const Place *place, void *const *tables, int64_t row)
{
    const DatasetInfo *dataset = source->dataset;
    for (size_t i = 0, output = 0; i < dataset->field_count; i++) {
        const FieldInfo *field = &source->fields[dataset->fields[i]];
        if (field->index)
            continue;
        const void *value = call->outputs[output++];
        memcpy((unsigned char *)tables[dataset->fields[i]] + (size_t)row * field->tensor.bytes, value, field->tensor.bytes);
        if (!check_number(source, field, value, place))
            return false;
    }
    return true;
}

/* Whether every split of which examples are taken has the rows that the code reads. */
static bool check_taken(const Data *data, const DatasetInfo *dataset)
{
    for (size_t i = 0; i < dataset->taken_count; i++) {
        const TakenSplitInfo *taken = &dataset->taken[i];
        const DatasetInfo *of = &data->manifest->datasets[taken->dataset];
        if (taken->split >= of->split_count || of->family || of->maker_count)
            return report_error("the rows of %s take examples of a split that %s has not", dataset->name, of->name);
        RowRange range = data->splits[taken->dataset][taken->split];
        if (range.first != taken->first || range.count != taken->count)
            return report_error("%s.%s has %" PRId64 " examples here, from row %" PRId64 " on, but the rows of %s are made of the %" PRId64
                                " from row %" PRId64 " on that the program was built with; build it again with --data",
                                of->name, of->splits[taken->split].name, range.count, range.first, dataset->name, taken->count,
                                taken->first);
    }
    return true;
}

static bool open_maker(Call *call, const Data *data, const DataSource *source, const Program *program, size_t maker)
{
    static const char *const inputs[] = {"row", "seed", NULL};
    const uint32_t seed[2] = {(uint32_t)source->seed, (uint32_t)(source->seed >> 32)};
    call_close(call);
    if (!call_open(call, program, (int)source->dataset->makers[maker], (const void *const *)data->tables, inputs))
        return false;
    const TensorInfo *type = call_input_type(call, "seed");
    if (type && type->bytes == sizeof seed)
        memcpy(call_input(call, "seed"), seed, sizeof seed);
    return true;
}

bool compute_rows(const Data *data, size_t dataset, const Program *program)
{
    const DataSource *source = &data->sources[dataset];
    Call call = {0};
    size_t open = SIZE_MAX;
    bool fine = check_taken(data, source->dataset);
    for (int64_t row = 0; fine && row < source->main_rows + source->test_rows; row++) {
        Place place = place_of(source, data->orders[dataset][row]);
        fine = place.maker == open || open_maker(&call, data, source, program, place.maker);
        open = place.maker;
        if (!fine)
            break;
        call_set(&call, "row", (double)place.row);
        call_run(&call);
        fine = !program_failed() && take_row(source, &call, &place, data->tables, row);
    }
    call_close(&call);
    return fine;
}
