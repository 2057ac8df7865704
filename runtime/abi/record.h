/* Records that a table of their fields describes: written as JSON, read from it, compared and freed by one piece of code. The
 * tables come from manifest.def. */
#ifndef HN_ABI_RECORD_H
#define HN_ABI_RECORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RECORD_MAX_RANK = 8 };

typedef enum {
    FIELD_END,
    FIELD_TEXT,          /* const char *, never NULL */
    FIELD_OPTIONAL_TEXT, /* const char *, NULL: none */
    FIELD_FLAG,          /* bool */
    FIELD_INTEGER,       /* of 4 or 8 bytes, within [low, high] */
    FIELD_NUMBER,        /* double; one that is not finite is null, and read as NaN */
    FIELD_CHOICE,        /* an enum or unsigned: written as one of `names` */
    FIELD_INDEX,         /* int64_t: a place in the root's list `of`, or -1 if `low` is -1 */
    FIELD_SHAPE,         /* unsigned extent count, and int64_t extents[RECORD_MAX_RANK] in the record itself */
    FIELD_TEXTS,         /* lists: a pointer and a count. const char * */
    FIELD_NUMBERS,       /* double */
    FIELD_INDICES,       /* of 4 or 8 bytes: places in the root's list `of`; whole numbers >= 0 if `of` is NULL */
    FIELD_LIST,          /* records */
    FIELD_EMBEDDED,      /* a record in this one, whose fields stand beside its own */
    FIELD_OPTIONAL,      /* a pointer to a record, NULL: none */
} FieldKind;

struct Record;
typedef struct RecordField {
    FieldKind kind;
    const char *key;
    size_t offset, size;             /* of the member; size: of one integer, enum or index */
    size_t count_offset, count_size; /* of the count of a list or a shape */
    int64_t low, high;
    const char *const *names;             /* choice: high + 1 of them */
    const char *of;                       /* index: the key of the root's list */
    const struct Record *(*record)(void); /* of a list's elements, or of the embedded or optional record */
} RecordField;

typedef struct Record {
    const char *name;
    size_t size;
    const RecordField *fields; /* ended by FIELD_END */
} Record;

/* A new reference; keys in the order of the fields. NULL if a text is not UTF-8. */
json_t *record_write(const Record *record, const void *object);
/* Fills *object, which need not be initialised. False if anything is missing or out of its range, with a sentence in `why`;
 * either way free it with record_free. Texts belong to the JSON. */
bool record_read(const Record *record, const json_t *json, void *object, char why[static 160]);
/* Frees the lists and the optional records, and zeroes the object. */
void record_free(const Record *record, void *object);
/* Equal in every field. Numbers are compared bit for bit, but all NaNs are equal. */
bool record_equal(const Record *record, const void *x, const void *y);

/* The member that holds a count or an integer of 4 or 8 bytes. */
int64_t record_integer(const void *member, size_t size);
void record_set_integer(void *member, size_t size, int64_t value);

#endif
