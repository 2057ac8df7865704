/* The families of data sets (families.def), as compiler and runtime know them. */
#ifndef HN_ABI_FAMILIES_H
#define HN_ABI_FAMILIES_H

#include <stdbool.h>

typedef enum {
#define FAMILY(KIND, ...) FAMILY_##KIND,
#include "runtime/abi/families.def"
#undef FAMILY
} FamilyKind;

enum {
    FAMILY_COUNT = 0
#define FAMILY(KIND, ...) +1
#include "runtime/abi/families.def"
#undef FAMILY
};

enum { MOST_MEMBERS = 1000 }; /* of a family */

extern const char *const family_names[FAMILY_COUNT]; /* the words: "permute" ... */
extern const bool family_has_base[FAMILY_COUNT], family_picks_rows[FAMILY_COUNT], family_grows_field[FAMILY_COUNT];

#endif
