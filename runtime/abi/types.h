/* Types of elements and roles of states, as compiler and runtime name them. */
#ifndef HN_ABI_TYPES_H
#define HN_ABI_TYPES_H

#include <stddef.h>

typedef enum {
#define DTYPE(NAME, name, bytes) DTYPE_##NAME,
#include "runtime/abi/dtypes.def"
#undef DTYPE
} DType;

typedef enum {
#define ROLE(NAME, name) STATE_##NAME,
#include "runtime/abi/roles.def"
#undef ROLE
} StateRole;

enum {
    DTYPE_COUNT = 0
#define DTYPE(NAME, name, bytes) +1
#include "runtime/abi/dtypes.def"
#undef DTYPE
};

enum {
    STATE_ROLE_COUNT = 0
#define ROLE(NAME, name) +1
#include "runtime/abi/roles.def"
#undef ROLE
};

extern const char *const dtype_names[DTYPE_COUNT]; /* "f32" ... */
extern const size_t dtype_sizes[DTYPE_COUNT];      /* bytes */
extern const char *const state_role_names[STATE_ROLE_COUNT];

#endif
