/* permute(mnist, image, pad: 2): the rows of the base, the elements of one field in an order that each member has for itself. The
 * order of member 0 is that of the base. Zeros stand around the last two axes first, or around the only one. */
#include <stdlib.h>
#include <string.h>

#include "runtime/core/report.h"
#include "runtime/data/family.h"
#include "runtime/data/permute.h"

/* The element of the base's field that an element of the padded field is, or -1. */
static int32_t padded_place(const TensorInfo *base, int64_t pad, int64_t element)
{
    int64_t place = 0, stride = 1;
    for (unsigned axis = base->rank; axis-- > 0;) {
        int64_t zeros = axis + 2 >= base->rank ? pad : 0, extent = base->dims[axis] + 2 * zeros, at = element % extent - zeros;
        if (at < 0 || at >= base->dims[axis])
            return -1;
        place += at * stride;
        stride *= base->dims[axis];
        element /= extent;
    }
    return (int32_t)place;
}

/* The field of the family's data set that is permuted. */
static const TensorInfo *permuted_field(const Data *data, const Family *family)
{
    const Manifest *manifest = data->manifest;
    const DatasetInfo *base = &manifest->datasets[family->source], *own = &manifest->datasets[family->dataset];
    for (size_t i = 0; i < base->field_count; i++)
        if (base->fields[i] == (size_t)family->info->field)
            return &manifest->fields[own->fields[i]].tensor;
    return NULL;
}

static bool open_permute(Data *data, Family *family, uint64_t seed)
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    const TensorInfo *base = &data->manifest->fields[family->info->field].tensor, *own = permuted_field(data, family);
    size_t splits = data->manifest->datasets[family->dataset].split_count;
    int64_t elements = base->rank ? 1 : 0;
    for (unsigned axis = 0; axis < base->rank; axis++)
        elements *= base->dims[axis] + (axis + 2 >= base->rank ? 2 * family->info->number : 0);
    if (!own || own->elements != elements)
        return report_internal("the field that the family %s permutes has another size",
                               data->manifest->datasets[family->dataset].name);
    family->places = malloc((size_t)(family->info->count * elements) * sizeof *family->places);
    if (!family->places)
        return report_error("out of memory");
    for (int64_t member = 0; member < family->info->count; member++) {
        int32_t *places = family->places + member * elements;
        for (int64_t i = 0; i < elements; i++)
            places[i] = padded_place(base, family->info->number, i);
        if (member > 0)
            permute(places, elements, key, (uint32_t)member, (uint32_t)family->dataset, RANDOM_PURPOSE_PERMUTATION);
        memcpy(data->splits[family->dataset] + (size_t)member * splits, data->splits[family->source],
               splits * sizeof **data->splits);
    }
    return true;
}

static void permute_field(const Data *data, const Family *family, int64_t member, size_t field, const void *from, void *to)
{
    const Manifest *manifest = data->manifest;
    const TensorInfo *tensor = &manifest->fields[manifest->datasets[family->dataset].fields[field]].tensor;
    if (manifest->datasets[family->source].fields[field] != (size_t)family->info->field) {
        memcpy(to, from, tensor->bytes);
        return;
    }
    const int32_t *places = family->places + member * tensor->elements;
    size_t size = dtype_sizes[tensor->dtype];
    if (size == 1) {
        for (int64_t i = 0; i < tensor->elements; i++)
            ((unsigned char *)to)[i] = places[i] < 0 ? 0 : ((const unsigned char *)from)[places[i]];
        return;
    }
    memset(to, 0, tensor->bytes);
    for (int64_t i = 0; i < tensor->elements; i++)
        if (places[i] >= 0)
            memcpy((unsigned char *)to + (size_t)i * size, (const unsigned char *)from + (size_t)places[i] * size, size);
}

const FamilyRules permute_family = {.drawn = true, .open = open_permute, .field = permute_field};
