/* What the compiler tells a built program of its model: the structs of manifest.def. */
#ifndef HN_ABI_MANIFEST_H
#define HN_ABI_MANIFEST_H

#include "runtime/abi/families.h"
#include "runtime/abi/formats.h"
#include "runtime/abi/record.h"
#include "runtime/abi/types.h"
#include "tabular/schema.h"

#define RECORD(T) typedef struct T {
#define END(T)                                                                                                                   \
    }                                                                                                                            \
    T;
#define TEXT(name) const char *name;
#define OPTIONAL_TEXT(name) const char *name;
#define FLAG(name) bool name;
#define INTEGER(type, name, low, high) type name;
#define NUMBER(name) double name;
#define CHOICE(type, name, names, count) type name;
#define INDEX(type, name, of) type name;
#define OPTIONAL_INDEX(type, name, of) type name;
#define SHAPE(extents, rank)                                                                                                     \
    unsigned rank;                                                                                                               \
    int64_t extents[RECORD_MAX_RANK];
#define TEXTS(name, count)                                                                                                       \
    const char **name;                                                                                                           \
    size_t count;
#define NUMBERS(name, count)                                                                                                     \
    double *name;                                                                                                                \
    size_t count;
#define INDICES(type, name, count, of)                                                                                           \
    type *name;                                                                                                                  \
    size_t count;
#define LIST(T, name, count)                                                                                                     \
    T *name;                                                                                                                     \
    size_t count;
#define EMBEDDED(T, name) T name;
#define OPTIONAL(T, name) T *name;
#define DERIVED(type, name) type name;
#include "runtime/abi/manifest.def"
#include "runtime/abi/undefine.def"

/* An index of nothing. */
enum { NONE = -1 };

const Record *manifest_record(void);

/* The text of hn_manifest, for free(): keys in the order of manifest.def, numbers in full precision, no spaces. NULL if a text is
 * not UTF-8. */
char *manifest_write(const Manifest *manifest);

#endif
