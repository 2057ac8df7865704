#include "runtime/data/family.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/core/report.h"

#define FAMILY(KIND, word, ...) extern const FamilyRules word##_family;
#include "runtime/abi/families.def"
#undef FAMILY

const FamilyRules *const family_rules[FAMILY_COUNT] = {
#define FAMILY(KIND, word, ...) &word##_family,
#include "runtime/abi/families.def"
#undef FAMILY
};

static bool open_family(Data *data, size_t dataset, uint64_t seed)
{
    const FamilyInfo *info = data->manifest->datasets[dataset].family;
    Family *family = data->families[dataset] = calloc(1, sizeof *family);
    if (!family)
        return report_error("out of memory");
    *family = (Family){.rules = family_rules[info->kind],
                       .info = info,
                       .dataset = dataset,
                       .source = info->base == NONE ? dataset : (size_t)info->base};
    return family->rules->open(data, family, seed);
}

bool families_open(Data *data, uint64_t seed)
{
    for (size_t i = 0; i < data->manifest->dataset_count; i++)
        if (data->manifest->datasets[i].family && !open_family(data, i, seed))
            return false;
    return true;
}

void families_close(Data *data)
{
    for (size_t i = 0; data->families && i < data->manifest->dataset_count; i++) {
        Family *family = data->families[i];
        if (!family)
            continue;
        free(family->rows);
        free(family->numbers);
        free(family->places);
        free(family);
        data->families[i] = NULL;
    }
}

int64_t data_members(const Data *data, size_t dataset)
{
    const FamilyInfo *family = data->manifest->datasets[dataset].family;
    return family ? family->count : 1;
}

RowRange member_range(const Data *data, size_t dataset, int64_t member, size_t split)
{
    return data->splits[dataset][(size_t)member * data->manifest->datasets[dataset].split_count + split];
}

/* Field number `field` in `count` rows. */
static void make_field(const Data *data, const Family *family, int64_t member, size_t field, const int32_t *places, int64_t count,
                       unsigned char *to)
{
    const Manifest *manifest = data->manifest;
    size_t from = manifest->datasets[family->source].fields[field], own = manifest->datasets[family->dataset].fields[field];
    size_t from_bytes = manifest->fields[from].tensor.bytes, bytes = manifest->fields[own].tensor.bytes;
    const unsigned char *table = data->tables[from];
    bool numbered = manifest->fields[own].index && family->numbers;
    for (int64_t i = 0; i < count; i++, to += bytes) {
        int32_t row = family->rows ? family->rows[places[i]] : places[i];
        if (numbered)
            memcpy(to, &family->numbers[places[i]], bytes);
        else if (family->rules->field)
            family->rules->field(data, family, member, field, table + (size_t)row * from_bytes, to);
        else
            memcpy(to, table + (size_t)row * from_bytes, bytes);
    }
}

void member_rows(const Data *data, size_t dataset, int64_t member, const int32_t *places, int64_t count, void *const *tables,
                 int64_t to)
{
    const DatasetInfo *info = &data->manifest->datasets[dataset];
    for (size_t i = 0; i < info->field_count; i++)
        make_field(data, data->families[dataset], member, i, places, count,
                   (unsigned char *)tables[i] + (size_t)to * data->manifest->fields[info->fields[i]].tensor.bytes);
}
