#include "runtime/abi/record.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t record_integer(const void *member, size_t size)
{
    int32_t narrow;
    int64_t wide;
    if (size == sizeof narrow) {
        memcpy(&narrow, member, size);
        return narrow;
    }
    memcpy(&wide, member, sizeof wide);
    return wide;
}

void record_set_integer(void *member, size_t size, int64_t value)
{
    int32_t narrow = (int32_t)value;
    memcpy(member, size == sizeof narrow ? (const void *)&narrow : &value, size);
}

static bool is_list(const RecordField *field)
{
    return field->kind == FIELD_TEXTS || field->kind == FIELD_NUMBERS || field->kind == FIELD_INDICES ||
           field->kind == FIELD_LIST;
}

/* Bytes of one element of a list. */
static size_t element_size(const RecordField *field)
{
    switch (field->kind) {
    case FIELD_TEXTS:
        return sizeof(char *);
    case FIELD_NUMBERS:
        return sizeof(double);
    case FIELD_INDICES:
        return field->size;
    default:
        return field->record()->size;
    }
}

static const void *member_of(const void *object, const RecordField *field)
{
    return (const char *)object + field->offset;
}

static void *pointer_in(const void *object, const RecordField *field)
{
    void *pointer;
    memcpy(&pointer, member_of(object, field), sizeof pointer);
    return pointer;
}

static const char *text_in(const void *member)
{
    const char *text;
    memcpy(&text, member, sizeof text);
    return text;
}

static double number_in(const void *member)
{
    double number;
    memcpy(&number, member, sizeof number);
    return number;
}

static size_t count_in(const void *object, const RecordField *field)
{
    return (size_t)record_integer((const char *)object + field->count_offset, field->count_size);
}

/* ---- writing ---- */

/* Whole numbers without a fraction. */
static json_t *write_number(double value)
{
    if (!isfinite(value))
        return json_null();
    bool whole = value == floor(value) && fabs(value) < 0x1p53 && !(value == 0 && signbit(value));
    return whole ? json_integer((json_int_t)value) : json_real(value);
}

static json_t *write_element(const RecordField *field, const void *element)
{
    switch (field->kind) {
    case FIELD_TEXTS:
        return json_string(text_in(element));
    case FIELD_NUMBERS:
        return write_number(number_in(element));
    case FIELD_INDICES:
        return json_integer(record_integer(element, field->size));
    default:
        return record_write(field->record(), element);
    }
}

static json_t *write_list(const RecordField *field, const void *object)
{
    json_t *list = json_array();
    const char *elements = pointer_in(object, field);
    for (size_t i = 0; i < count_in(object, field); i++)
        if (json_array_append_new(list, write_element(field, elements + i * element_size(field))) < 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *write_shape(const RecordField *field, const void *object)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count_in(object, field); i++)
        json_array_append_new(
            list, json_integer(record_integer((const char *)member_of(object, field) + i * sizeof(int64_t), sizeof(int64_t))));
    return list;
}

static json_t *write_field(const RecordField *field, const void *object)
{
    const void *member = member_of(object, field);
    switch (field->kind) {
    case FIELD_TEXT:
        return json_string(text_in(member));
    case FIELD_OPTIONAL_TEXT:
        return text_in(member) ? json_string(text_in(member)) : json_null();
    case FIELD_FLAG:
        return json_boolean(*(const bool *)member);
    case FIELD_INTEGER:
    case FIELD_INDEX:
        return json_integer(record_integer(member, field->size));
    case FIELD_NUMBER:
        return write_number(number_in(member));
    case FIELD_CHOICE:
        return json_string(field->names[record_integer(member, field->size)]);
    case FIELD_SHAPE:
        return write_shape(field, object);
    case FIELD_OPTIONAL:
        return pointer_in(object, field) ? record_write(field->record(), pointer_in(object, field)) : json_null();
    default:
        return write_list(field, object);
    }
}

static bool write_fields(const Record *record, const void *object, json_t *json)
{
    bool fine = true;
    for (const RecordField *field = record->fields; field->kind != FIELD_END && fine; field++)
        fine = field->kind == FIELD_EMBEDDED ? write_fields(field->record(), member_of(object, field), json)
                                             : json_object_set_new(json, field->key, write_field(field, object)) == 0;
    return fine;
}

json_t *record_write(const Record *record, const void *object)
{
    json_t *json = json_object();
    if (write_fields(record, object, json))
        return json;
    json_decref(json);
    return NULL;
}

/* ---- reading ---- */

typedef struct Reading {
    const Record *root;
    const void *object; /* the root's */
    char *why;          /* [160]; empty as long as all is well */
} Reading;

static bool refuse(Reading *reading, const Record *record, const RecordField *field, const char *problem)
{
    if (!*reading->why)
        snprintf(reading->why, 160, "'%s' of a %s %s", field->key, record->name, problem);
    return false;
}

/* The number of elements in the root's list of that key; 0: there is none. A list stands before the indices that refer to it. */
static int64_t list_count(const Reading *reading, const char *key)
{
    for (const RecordField *field = reading->root->fields; field->kind != FIELD_END; field++)
        if (is_list(field) && strcmp(field->key, key) == 0)
            return (int64_t)count_in(reading->object, field);
    return 0;
}

static bool read_integer(const json_t *json, int64_t low, int64_t high, void *member, size_t size)
{
    if (!json_is_integer(json) || json_integer_value(json) < low || json_integer_value(json) > high)
        return false;
    record_set_integer(member, size, json_integer_value(json));
    return true;
}

static bool read_fields(Reading *reading, const Record *record, const json_t *json, void *object);

static bool read_element(Reading *reading, const RecordField *field, const json_t *json, void *element)
{
    const char *text = json_string_value(json);
    double number = json_is_null(json) ? NAN : json_number_value(json);
    switch (field->kind) {
    case FIELD_TEXTS:
        memcpy(element, &text, sizeof text);
        return text != NULL;
    case FIELD_NUMBERS:
        memcpy(element, &number, sizeof number);
        return json_is_number(json) || json_is_null(json);
    case FIELD_INDICES:
        return read_integer(json, 0, field->of ? list_count(reading, field->of) - 1 : INT32_MAX, element, field->size);
    default:
        return read_fields(reading, field->record(), json, element);
    }
}

static bool read_list(Reading *reading, const Record *record, const RecordField *field, const json_t *json, void *object)
{
    size_t count = json_array_size(json), size = element_size(field);
    if (!json_is_array(json) || count > INT32_MAX)
        return refuse(reading, record, field, "is not a list");
    if (count == 0)
        return true;
    char *elements = calloc(count, size);
    if (!elements)
        return refuse(reading, record, field, "is too long for the memory");
    memcpy((char *)object + field->offset, &elements, sizeof elements);
    record_set_integer((char *)object + field->count_offset, field->count_size, (int64_t)count);
    for (size_t i = 0; i < count; i++)
        if (!read_element(reading, field, json_array_get(json, i), elements + i * size))
            return refuse(reading, record, field, "holds something else than it should");
    return true;
}

/* Extents; their product must be a possible number of elements. */
static bool read_shape(const RecordField *field, const json_t *json, void *object)
{
    size_t count = json_array_size(json);
    int64_t elements = 1;
    if (!json_is_array(json) || count > RECORD_MAX_RANK)
        return false;
    for (size_t i = 0; i < count; i++) {
        char *extent = (char *)object + field->offset + i * sizeof(int64_t);
        if (!read_integer(json_array_get(json, i), 1, INT32_MAX / elements, extent, sizeof(int64_t)))
            return false;
        elements *= record_integer(extent, sizeof(int64_t));
    }
    record_set_integer((char *)object + field->count_offset, field->count_size, (int64_t)count);
    return true;
}

static bool read_choice(const RecordField *field, const json_t *json, void *member)
{
    const char *text = json_string_value(json);
    for (int64_t i = 0; text && i <= field->high; i++)
        if (strcmp(field->names[i], text) == 0) {
            record_set_integer(member, field->size, i);
            return true;
        }
    return false;
}

static bool read_optional(Reading *reading, const Record *record, const RecordField *field, const json_t *json, void *object)
{
    if (json_is_null(json))
        return true;
    void *inner = calloc(1, field->record()->size);
    if (!inner)
        return refuse(reading, record, field, "is too long for the memory");
    memcpy((char *)object + field->offset, &inner, sizeof inner);
    return read_fields(reading, field->record(), json, inner);
}

static bool read_scalar(Reading *reading, const Record *record, const RecordField *field, const json_t *json, void *member)
{
    const char *text = json_string_value(json);
    double number = json_is_null(json) ? NAN : json_number_value(json);
    bool flag = json_is_true(json);
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_OPTIONAL_TEXT:
        memcpy(member, &text, sizeof text);
        return text || (field->kind == FIELD_OPTIONAL_TEXT && json_is_null(json)) ||
               refuse(reading, record, field, "is not a text");
    case FIELD_FLAG:
        memcpy(member, &flag, sizeof flag);
        return json_is_boolean(json) || refuse(reading, record, field, "is neither true nor false");
    case FIELD_INTEGER:
        return read_integer(json, field->low, field->high, member, field->size) ||
               refuse(reading, record, field, "is not an integer in its range");
    case FIELD_INDEX:
        return read_integer(json, field->low, list_count(reading, field->of) - 1, member, field->size) ||
               refuse(reading, record, field, "names nothing that exists");
    case FIELD_CHOICE:
        return read_choice(field, json, member) || refuse(reading, record, field, "has an unknown value");
    default:
        memcpy(member, &number, sizeof number);
        return json_is_number(json) || json_is_null(json) || refuse(reading, record, field, "is not a number");
    }
}

static bool read_fields(Reading *reading, const Record *record, const json_t *json, void *object)
{
    bool fine = true;
    for (const RecordField *field = record->fields; field->kind != FIELD_END && fine; field++) {
        const json_t *value = field->key ? json_object_get(json, field->key) : json;
        void *member = (char *)object + field->offset;
        if (!value)
            fine = refuse(reading, record, field, "is missing");
        else if (field->kind == FIELD_EMBEDDED)
            fine = read_fields(reading, field->record(), json, member);
        else if (field->kind == FIELD_SHAPE)
            fine =
                read_shape(field, value, object) || refuse(reading, record, field, "is not a list of at most 8 extents in range");
        else if (field->kind == FIELD_OPTIONAL)
            fine = read_optional(reading, record, field, value, object);
        else if (is_list(field))
            fine = read_list(reading, record, field, value, object);
        else
            fine = read_scalar(reading, record, field, value, member);
    }
    return fine;
}

bool record_read(const Record *record, const json_t *json, void *object, char why[static 160])
{
    Reading reading = {record, object, why};
    memset(object, 0, record->size);
    *why = '\0';
    return read_fields(&reading, record, json, object);
}

/* ---- freeing, comparing ---- */

void record_free(const Record *record, void *object)
{
    for (const RecordField *field = record->fields; field->kind != FIELD_END; field++) {
        bool owned = is_list(field) || field->kind == FIELD_OPTIONAL;
        char *elements = owned ? pointer_in(object, field) : NULL;
        if (field->kind == FIELD_EMBEDDED)
            record_free(field->record(), (char *)object + field->offset);
        for (size_t i = 0; field->kind == FIELD_LIST && i < count_in(object, field); i++)
            record_free(field->record(), elements + i * field->record()->size);
        if (field->kind == FIELD_OPTIONAL && elements)
            record_free(field->record(), elements);
        free(elements);
    }
    memset(object, 0, record->size);
}

static bool texts_equal(const char *x, const char *y)
{
    return x && y ? strcmp(x, y) == 0 : x == y;
}

static bool numbers_equal(double x, double y)
{
    return (isnan(x) && isnan(y)) || (x == y && signbit(x) == signbit(y));
}

static bool elements_equal(const RecordField *field, const void *x, const void *y)
{
    switch (field->kind) {
    case FIELD_TEXTS:
        return texts_equal(text_in(x), text_in(y));
    case FIELD_NUMBERS:
        return numbers_equal(number_in(x), number_in(y));
    case FIELD_INDICES:
        return record_integer(x, field->size) == record_integer(y, field->size);
    default:
        return record_equal(field->record(), x, y);
    }
}

static bool lists_equal(const RecordField *field, const void *x, const void *y)
{
    size_t count = count_in(x, field), size = element_size(field);
    const char *xs = pointer_in(x, field), *ys = pointer_in(y, field);
    bool equal = count == count_in(y, field);
    for (size_t i = 0; equal && i < count; i++)
        equal = elements_equal(field, xs + i * size, ys + i * size);
    return equal;
}

static bool fields_equal(const RecordField *field, const void *x, const void *y)
{
    const void *left = member_of(x, field), *right = member_of(y, field);
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_OPTIONAL_TEXT:
        return texts_equal(text_in(left), text_in(right));
    case FIELD_FLAG:
        return *(const bool *)left == *(const bool *)right;
    case FIELD_NUMBER:
        return numbers_equal(number_in(left), number_in(right));
    case FIELD_INTEGER:
    case FIELD_INDEX:
    case FIELD_CHOICE:
        return record_integer(left, field->size) == record_integer(right, field->size);
    case FIELD_SHAPE:
        return count_in(x, field) == count_in(y, field) && memcmp(left, right, count_in(x, field) * sizeof(int64_t)) == 0;
    case FIELD_EMBEDDED:
        return record_equal(field->record(), left, right);
    case FIELD_OPTIONAL:
        return pointer_in(x, field) && pointer_in(y, field)
                   ? record_equal(field->record(), pointer_in(x, field), pointer_in(y, field))
                   : pointer_in(x, field) == pointer_in(y, field);
    default:
        return lists_equal(field, x, y);
    }
}

bool record_equal(const Record *record, const void *x, const void *y)
{
    bool equal = true;
    for (const RecordField *field = record->fields; field->kind != FIELD_END && equal; field++)
        equal = fields_equal(field, x, y);
    return equal;
}
