/* The part of the manifest that says what the fields of a data set make of the columns of its files. */
#include "backend/manifest_table.h"

static json_t *indices(const uint32_t *columns, uint32_t count)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(list, json_integer(columns[i]));
    return list;
}

static json_t *texts(const char *const *list, uint32_t count)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(array, json_string(list[i]));
    return array;
}

static json_t *columns(const Schema *schema)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < schema->column_count; i++) {
        const SchemaColumn *column = &schema->columns[i];
        json_t *categories = column->categories ? texts(column->categories, column->category_count) : json_null();
        json_array_append_new(list, json_pack("{s:s, s:b, s:b, s:o}", "name", column->name, "number", column->number, "label",
                                              column->label, "categories", categories));
    }
    return list;
}

static json_t *parts(const SchemaField *field)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < field->part_count; i++)
        json_array_append_new(list, json_pack("{s:s, s:o}", "kind", part_kind_names[field->parts[i].kind], "columns",
                                              indices(field->parts[i].columns, field->parts[i].column_count)));
    return list;
}

static json_t *tests(const SchemaField *field)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < field->test_count; i++) {
        const SchemaTest *test = &field->tests[i];
        json_t *entry = json_pack("{s:s}", "test", test_kind_names[test->kind]);
        if (test->kind <= TEST_GE) {
            json_object_set_new(entry, "column", json_integer(test->column));
            json_object_set_new(entry, "with", test->text ? json_string(test->text) : json_real(test->number));
        }
        json_array_append_new(list, entry);
    }
    return list;
}

json_t *manifest_table(const Schema *schema)
{
    json_t *fields = json_array();
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const SchemaField *field = &schema->fields[i];
        json_t *entry = json_pack("{s:s}", "kind", schema_field_kind_names[field->kind]);
        if (field->kind == SCHEMA_CLASS)
            json_object_set_new(entry, "column", json_integer(field->column));
        else if (field->kind == SCHEMA_CONDITION)
            json_object_set_new(entry, "tests", tests(field));
        else
            json_object_set_new(entry, "parts", parts(field));
        json_array_append_new(fields, entry);
    }
    return json_pack("{s:o, s:s, s:o, s:o}", "markers", texts(schema->markers, schema->marker_count), "missing",
                     missing_policy_names[schema->missing], "columns", columns(schema), "fields", fields);
}
