/* Whether the schema of a data set of CSV files makes its fields. */
#include "runtime/core/manifest_table.h"

#include <math.h>
#include <string.h>

static bool parts_fit(const Schema *schema, const SchemaField *field)
{
    for (uint32_t p = 0; p < field->part_count; p++)
        for (uint32_t k = 0; k < field->parts[p].column_count; k++) {
            uint32_t column = field->parts[p].columns[k];
            if (column >= schema->column_count)
                return false;
            const SchemaColumn *c = &schema->columns[column];
            if (field->parts[p].kind == PART_ONEHOT ? !c->categories : !c->number)
                return false;
        }
    return true;
}

static bool tests_fit(const Schema *schema, const SchemaField *field)
{
    uint32_t depth = 0;
    for (uint32_t i = 0; i < field->test_count; i++) {
        const SchemaTest *test = &field->tests[i];
        uint32_t taken = test->kind == TEST_NOT ? 1 : test->kind > TEST_NOT ? 2 : 0;
        if (depth < taken || (depth += 1 - taken) > TEST_MAX_DEPTH)
            return false;
        if (test->kind > TEST_GE)
            continue;
        bool with_number = !test->text && !isnan(test->number), with_text = test->text && test->kind <= TEST_NE;
        if (test->column >= schema->column_count || (!with_number && !with_text) ||
            (with_number && !schema->columns[test->column].number))
            return false;
    }
    return depth == 1;
}

static bool state_fits(const Manifest *manifest, const FieldInfo *field, const char *what, int64_t elements)
{
    const StateInfo *state = manifest_encoder(manifest, field, what);
    return elements ? state && state->tensor.dtype == DTYPE_F64 && state->tensor.elements == elements : !state;
}

/* The states that hold the field's encoder. */
static bool states_fit(const Manifest *manifest, const Schema *schema, const SchemaField *schema_field, const FieldInfo *field)
{
    bool scaled;
    int64_t numbers = schema_numbers(schema_field, &scaled);
    numbers = scaled ? numbers : 0;
    return state_fits(manifest, field, "mean", numbers) && state_fits(manifest, field, "scale", numbers) &&
           state_fits(manifest, field, "fill", schema_fills(schema, schema_field));
}

static bool field_fits(const Manifest *manifest, const Schema *schema, const SchemaField *field, const TensorInfo *tensor)
{
    DType real = manifest->real;
    switch (field->kind) {
    case SCHEMA_CLASS:
        return tensor->dtype == DTYPE_I32 && tensor->rank == 0 && field->column < schema->column_count &&
               schema->columns[field->column].categories;
    case SCHEMA_INDEX:
        return tensor->dtype == DTYPE_I32 && tensor->rank == 0;
    case SCHEMA_CONDITION:
        return tensor->dtype == DTYPE_BOOL && tensor->rank == 0 && tests_fit(schema, field);
    default:
        return tensor->dtype == real && parts_fit(schema, field) && schema_width(schema, field) == tensor->elements;
    }
}

static bool dialect_fits(const Dialect *dialect)
{
    bool decimal = !strcmp(dialect->decimal, ".") || !strcmp(dialect->decimal, ",");
    return decimal && strlen(dialect->separator) <= 1;
}

static bool columns_fit(const Schema *schema)
{
    for (uint32_t i = 0; i < schema->column_count; i++) {
        const SchemaColumn *column = &schema->columns[i];
        if (column->frequent && column->frequent >= column->category_count)
            return false;
    }
    return true;
}

bool schema_fits(const Manifest *manifest, const DatasetInfo *dataset)
{
    const Schema *schema = dataset->schema;
    bool fits = schema && schema->field_count == dataset->field_count && dialect_fits(&schema->dialect) && columns_fit(schema);
    for (size_t i = 0; fits && i < dataset->field_count; i++) {
        const FieldInfo *field = &manifest->fields[dataset->fields[i]];
        fits = field_fits(manifest, schema, &schema->fields[i], &field->tensor) &&
               states_fit(manifest, schema, &schema->fields[i], field);
    }
    return fits;
}
