/* The tables of fields that manifest.def and table.def describe, and the text that they make of a manifest. */
#include "runtime/abi/manifest.h"

/* Within a table, R is the struct that it describes. */
#define MEMBER(name) .key = #name, .offset = offsetof(R, name), .size = sizeof(((R *)0)->name)
#define ELEMENTS(name, count) .key = #name, .offset = offsetof(R, name), .size = sizeof(*((R *)0)->name), COUNT(count)
#define COUNT(count) .count_offset = offsetof(R, count), .count_size = sizeof(((R *)0)->count)

#define RECORD(T)                                                                                                                \
    static const Record *T##_record(void)                                                                                        \
    {                                                                                                                            \
        typedef T R;                                                                                                             \
        static const RecordField fields[] = {
/* clang-format off */
#define END(T)                                                                                                                   \
            {.kind = FIELD_END}};                                                                                                \
        static const Record record = {#T, sizeof(T), fields};                                                                    \
        return &record;                                                                                                          \
    }
/* clang-format on */
#define TEXT(name) {.kind = FIELD_TEXT, MEMBER(name)},
#define OPTIONAL_TEXT(name) {.kind = FIELD_OPTIONAL_TEXT, MEMBER(name)},
#define FLAG(name) {.kind = FIELD_FLAG, MEMBER(name)},
#define INTEGER(type, name, least, most) {.kind = FIELD_INTEGER, MEMBER(name), .low = (least), .high = (most)},
#define NUMBER(name) {.kind = FIELD_NUMBER, MEMBER(name)},
#define CHOICE(type, name, words, count) {.kind = FIELD_CHOICE, MEMBER(name), .names = (words), .high = (count) - 1},
#define INDEX(type, name, list) {.kind = FIELD_INDEX, MEMBER(name), .of = (list)},
#define OPTIONAL_INDEX(type, name, list) {.kind = FIELD_INDEX, MEMBER(name), .of = (list), .low = NONE},
#define SHAPE(extents, rank) {.kind = FIELD_SHAPE, .key = "shape", .offset = offsetof(R, extents), COUNT(rank)},
#define TEXTS(name, count) {.kind = FIELD_TEXTS, ELEMENTS(name, count)},
#define NUMBERS(name, count) {.kind = FIELD_NUMBERS, ELEMENTS(name, count)},
#define INDICES(type, name, count, list) {.kind = FIELD_INDICES, ELEMENTS(name, count), .of = (list)},
#define LIST(T, name, count) {.kind = FIELD_LIST, ELEMENTS(name, count), .record = T##_record},
#define EMBEDDED(T, name) {.kind = FIELD_EMBEDDED, .offset = offsetof(R, name), .record = T##_record},
#define OPTIONAL(T, name) {.kind = FIELD_OPTIONAL, MEMBER(name), .record = T##_record},
#define DERIVED(type, name)

#include "runtime/abi/table.def"

#include "runtime/abi/manifest.def"

const Record *manifest_record(void)
{
    return Manifest_record();
}

char *manifest_write(const Manifest *manifest)
{
    json_t *json = record_write(manifest_record(), manifest);
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(json);
    return text;
}
