/* classes(mnist, 2): member number k has the rows of the classes 2k and 2k + 1, which it calls 0 and 1. */
#include <string.h>

#include "runtime/data/members.h"

static bool open_classes(Data *data, Family *family, uint64_t seed)
{
    (void)seed;
    return members_by_class(data, family, family->info->number);
}

static void shift_class(const Data *data, const Family *family, int64_t member, size_t field, const void *from, void *to)
{
    const Manifest *manifest = data->manifest;
    size_t own = manifest->datasets[family->dataset].fields[field];
    memcpy(to, from, manifest->fields[own].tensor.bytes);
    if (manifest->datasets[family->source].fields[field] == (size_t)family->info->field)
        *(int32_t *)to -= (int32_t)(member * family->info->number);
}

const FamilyRules classes_family = {.open = open_classes, .field = shift_class};
