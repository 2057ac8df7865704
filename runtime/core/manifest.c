#include "runtime/core/manifest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *tensor_text(const TensorInfo *tensor, char text[TENSOR_TEXT_SIZE])
{
    size_t length = (size_t)snprintf(text, TENSOR_TEXT_SIZE, "%s", dtype_names[tensor->dtype]);
    for (unsigned i = 0; i < tensor->rank; i++)
        length += (size_t)snprintf(text + length, TENSOR_TEXT_SIZE - length, "%s%" PRId64 "%s", i ? ", " : "[", tensor->dims[i],
                                   i + 1 == tensor->rank ? "]" : "");
    return text;
}

const StateInfo *manifest_state(const Manifest *manifest, const char *name)
{
    for (size_t i = 0; i < manifest->state_count; i++)
        if (!strcmp(manifest->states[i].tensor.name, name))
            return &manifest->states[i];
    return NULL;
}

const StateInfo *manifest_encoder(const Manifest *manifest, const FieldInfo *field, const char *what)
{
    size_t length = strlen(field->tensor.name);
    for (size_t i = 0; i < manifest->state_count; i++) {
        const StateInfo *state = &manifest->states[i];
        const char *name = state->tensor.name;
        if (state->role == STATE_ENCODER && !strncmp(name, field->tensor.name, length) && name[length] == '/' &&
            !strcmp(name + length + 1, what))
            return state;
    }
    return NULL;
}

size_t own_members(const DatasetInfo *dataset)
{
    if (!dataset->family)
        return 1;
    return dataset->family->base == NONE ? (size_t)dataset->family->count : 0;
}

/* The field of a table that a field is: itself or, of a family, the one of its base that has the same classes. */
static size_t base_field(const Manifest *manifest, const DatasetInfo *dataset, size_t k)
{
    size_t field = dataset->fields[k];
    if (own_members(dataset))
        return field;
    size_t base = manifest->datasets[dataset->family->base].fields[k];
    return manifest->fields[base].classes == manifest->fields[field].classes ? base : field;
}

/* The column of a table whose categories are the field's classes, or NULL. */
static const SchemaColumn *class_column(const Manifest *manifest, size_t field)
{
    for (size_t i = 0; i < manifest->dataset_count; i++)
        for (size_t k = 0; k < manifest->datasets[i].field_count; k++)
            if (manifest->datasets[i].fields[k] == field)
                field = base_field(manifest, &manifest->datasets[i], k);
    for (size_t i = 0; i < manifest->dataset_count; i++) {
        const DatasetInfo *dataset = &manifest->datasets[i];
        for (size_t k = 0; dataset->schema && k < dataset->field_count; k++)
            if (dataset->fields[k] == field && dataset->schema->fields[k].kind == SCHEMA_CLASS)
                return &dataset->schema->columns[dataset->schema->fields[k].column];
    }
    return NULL;
}

const char *manifest_class(const Manifest *manifest, size_t field, int64_t k, char text[CLASS_TEXT_SIZE])
{
    const FieldInfo *info = &manifest->fields[field];
    const SchemaColumn *column = class_column(manifest, field);
    if (k >= 0 && k < (int64_t)info->name_count)
        return info->names[k];
    if (column && k >= 0 && k < column->category_count)
        return column->categories[k];
    snprintf(text, CLASS_TEXT_SIZE, "%" PRId64, k + info->first);
    return text;
}

const char *member_name(const DatasetInfo *dataset, size_t member, char text[MEMBER_NAME_SIZE])
{
    snprintf(text, MEMBER_NAME_SIZE, dataset->family ? "%.200s[%zu]" : "%.200s", dataset->name, member);
    return text;
}

const TensorInfo *function_input(const FunctionInfo *function, const char *name)
{
    for (size_t i = 0; i < function->input_count; i++)
        if (!strcmp(function->inputs[i].name, name))
            return &function->inputs[i];
    return NULL;
}

const SweepInfo *manifest_sweep(const Manifest *manifest)
{
    return manifest->train ? manifest->train->sweep : NULL;
}

int64_t manifest_elements(const Manifest *manifest, StateRole role)
{
    int64_t elements = 0;
    for (size_t i = 0; i < manifest->state_count; i++)
        if (manifest->states[i].role == role)
            elements += manifest->states[i].tensor.elements;
    return elements;
}

void manifest_figure(const TrainInfo *train, size_t phase, const char *output, char *key, size_t size)
{
    const PhaseInfo *own = &train->phases[phase];
    const char *dot = strrchr(output, '.');
    if (own->reads_next && dot && !strcmp(dot + 1, own[1].name))
        snprintf(key, size, "%s", output);
    else
        snprintf(key, size, "%.120s.%.120s", output, own->name);
}

size_t hyper_elements(const HyperInfo *hyper)
{
    size_t elements = 1;
    for (unsigned i = 0; i < hyper->rank; i++)
        elements *= (size_t)hyper->dims[i];
    return elements;
}
