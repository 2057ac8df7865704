/* The schema of a data set of CSV files, from the manifest. */
#include <stdlib.h>

#include "runtime/manifest_reader.h"

static void read_column(Reader *reader, const json_t *json, void *element)
{
    SchemaColumn *column = element;
    size_t count = 0;
    column->name = read_text(reader, json, "name");
    column->number = read_flag(json, "number");
    column->label = read_flag(json, "label");
    if (!json_is_null(json_object_get(json, "categories")))
        column->categories = read_array(reader, json, "categories", sizeof(char *), read_string_element, &count);
    column->category_count = (uint32_t)count;
}

static void read_position(Reader *reader, const json_t *json, void *element)
{
    json_int_t index = json_is_integer(json) ? json_integer_value(json) : -1;
    if (index < 0 || index > INT32_MAX)
        reader_fail(reader, "columns", "holds something else than indices");
    *(uint32_t *)element = index < 0 || index > INT32_MAX ? 0 : (uint32_t)index;
}

static void read_part(Reader *reader, const json_t *json, void *element)
{
    SchemaPart *part = element;
    size_t count;
    part->kind = (PartKind)read_choice(reader, json, "kind", part_kind_names, PART_KINDS);
    part->columns = read_array(reader, json, "columns", sizeof(uint32_t), read_position, &count);
    part->column_count = (uint32_t)count;
}

static void read_test(Reader *reader, const json_t *json, void *element)
{
    SchemaTest *test = element;
    test->kind = (TestKind)read_choice(reader, json, "test", test_kind_names, TEST_KINDS);
    if (test->kind > TEST_GE)
        return;
    const json_t *with = json_object_get(json, "with");
    test->column = (uint32_t)read_integer(reader, json, "column", 0, INT32_MAX);
    test->text = json_string_value(with);
    test->number = json_number_value(with);
    if (!json_is_number(with) && (!test->text || test->kind > TEST_NE))
        reader_fail(reader, "with", "is nothing to compare with");
}

static void read_schema_field(Reader *reader, const json_t *json, void *element)
{
    SchemaField *field = element;
    size_t count = 0;
    field->kind = (SchemaFieldKind)read_choice(reader, json, "kind", schema_field_kind_names, SCHEMA_FIELD_KINDS);
    switch (field->kind) {
    case SCHEMA_CLASS:
        field->column = (uint32_t)read_integer(reader, json, "column", 0, INT32_MAX);
        break;
    case SCHEMA_CONDITION:
        field->tests = read_array(reader, json, "tests", sizeof(SchemaTest), read_test, &count);
        field->test_count = (uint32_t)count;
        break;
    case SCHEMA_VECTOR:
    case SCHEMA_NUMBER:
        field->parts = read_array(reader, json, "parts", sizeof(SchemaPart), read_part, &count);
        field->part_count = (uint32_t)count;
        break;
    }
}

/* ---- what must fit together ---- */

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
        if (test->kind <= TEST_GE &&
            (test->column >= schema->column_count || (!test->text && !schema->columns[test->column].number)))
            return false;
    }
    return depth == 1;
}

static bool state_fits(const Manifest *manifest, const Field *field, const char *what, int64_t elements)
{
    const State *state = manifest_encoder(manifest, field, what);
    Element real = manifest->is_f64 ? ELEMENT_F64 : ELEMENT_F32;
    return elements ? state && state->tensor.element == real && state->tensor.elements == elements : !state;
}

/* The states that hold the field's encoder. */
static bool states_fit(const Manifest *manifest, const Schema *schema, const SchemaField *schema_field, const Field *field)
{
    bool scaled;
    int64_t numbers = schema_numbers(schema_field, &scaled);
    numbers = scaled ? numbers : 0;
    return state_fits(manifest, field, "mean", numbers) && state_fits(manifest, field, "scale", numbers) &&
           state_fits(manifest, field, "fill", schema_fills(schema, schema_field));
}

static bool field_fits(const Manifest *manifest, const Schema *schema, const SchemaField *field, const Tensor *tensor)
{
    Element real = manifest->is_f64 ? ELEMENT_F64 : ELEMENT_F32;
    switch (field->kind) {
    case SCHEMA_CLASS:
        return tensor->element == ELEMENT_I32 && tensor->rank == 0 && field->column < schema->column_count &&
               schema->columns[field->column].categories;
    case SCHEMA_CONDITION:
        return tensor->element == ELEMENT_BOOL && tensor->rank == 0 && tests_fit(schema, field);
    default:
        return tensor->element == real && parts_fit(schema, field) && schema_width(schema, field) == tensor->elements;
    }
}

Schema *read_schema(Reader *reader, const json_t *json, const DatasetInfo *dataset)
{
    Schema *schema = calloc(1, sizeof *schema);
    size_t markers = 0, columns = 0, fields = 0;
    if (!schema) {
        reader_fail(reader, "table", "is too large for the memory");
        return NULL;
    }
    schema->markers = read_array(reader, json, "markers", sizeof(char *), read_string_element, &markers);
    schema->missing = (MissingPolicy)read_choice(reader, json, "missing", missing_policy_names, MISSING_POLICIES);
    schema->columns = read_array(reader, json, "columns", sizeof(SchemaColumn), read_column, &columns);
    schema->fields = read_array(reader, json, "fields", sizeof(SchemaField), read_schema_field, &fields);
    schema->marker_count = (uint32_t)markers;
    schema->column_count = (uint32_t)columns;
    schema->field_count = (uint32_t)fields;
    bool fits = fields == dataset->field_count;
    for (size_t i = 0; fits && i < fields && !reader->broken; i++) {
        const Field *field = &reader->manifest->fields[dataset->fields[i]];
        fits = field_fits(reader->manifest, schema, &schema->fields[i], &field->tensor) &&
               states_fit(reader->manifest, schema, &schema->fields[i], field);
    }
    if (!fits)
        reader_fail(reader, "table", "does not make the data set's fields");
    return schema;
}

void schema_free(Schema *schema)
{
    if (!schema)
        return;
    for (uint32_t i = 0; i < schema->column_count; i++)
        free((void *)schema->columns[i].categories);
    for (uint32_t i = 0; i < schema->field_count; i++) {
        for (uint32_t p = 0; p < schema->fields[i].part_count; p++)
            free(schema->fields[i].parts[p].columns);
        free(schema->fields[i].parts);
        free(schema->fields[i].tests);
    }
    free((void *)schema->markers);
    free(schema->columns);
    free(schema->fields);
    free(schema);
}
