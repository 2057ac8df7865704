/* The elements of files, as they lie there, and as the fields of a data set hold them. */
#ifndef HN_DATA_ELEMENTS_H
#define HN_DATA_ELEMENTS_H

#include "runtime/core/manifest.h"

typedef enum {
    ELEMENT_BOOL,
    ELEMENT_U8,
    ELEMENT_I8,
    ELEMENT_U16,
    ELEMENT_I16,
    ELEMENT_U32,
    ELEMENT_I32,
    ELEMENT_U64,
    ELEMENT_I64,
    ELEMENT_F16,
    ELEMENT_F32,
    ELEMENT_F64,
    ELEMENT_COUNT
} ElementKind;

typedef struct ElementType {
    const char *name; /* "u8" */
    size_t size;      /* bytes */
    /* The number; whole ones beyond 2^53 are rounded to the nearest that a double holds. */
    double (*decode)(uint64_t bits);
} ElementType;

extern const ElementType element_types[ELEMENT_COUNT];

/* The number that `bytes` hold. */
double element_read(const ElementType *type, bool big_endian, const unsigned char *bytes);

/* Puts a number, less that of the field's first class, into rows of the field as element `at` (of all rows, row-major). u8, i32
 * and classes take whole numbers in their range, reals take all that is finite; any other is reported, with the number of its
 * example and the file. */
bool element_store(const FieldInfo *field, void *rows, int64_t at, double number, const char *path);

#endif
