/* Types of elements, roles and lifetimes of states, acts, indicators, kinds of sweeps, of hyperparameters, of BLAS and of
 * conditions: the names that compiler and runtime share. */
#ifndef HN_ABI_TYPES_H
#define HN_ABI_TYPES_H

#include <stdbool.h>
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

typedef enum {
#define ACT(KIND, name) ACT_##KIND,
#include "runtime/abi/acts.def"
#undef ACT
} ActKind;

typedef enum {
#define INDICATOR(KIND, ...) INDICATOR_##KIND,
#include "indicators/indicators.def"
#undef INDICATOR
} IndicatorKind;

/* What a model writes in an indicator's parentheses, and at which points it needs results: columns of indicators.def. */
typedef enum { ARGUMENT_NOTHING, ARGUMENT_POINT, ARGUMENT_POINTS } IndicatorArgument;
typedef enum { POINTS_LEARNED, POINTS_ALL } IndicatorPoints;

typedef enum {
#define SWEEP(KIND, ...) SWEEP_##KIND,
#include "runtime/abi/sweeps.def"
#undef SWEEP
} SweepKind;

typedef enum {
#define PROPOSAL(KIND, ...) PROPOSAL_##KIND,
#include "runtime/abi/proposals.def"
#undef PROPOSAL
    PROPOSAL_COUNT
} ProposalKind;
extern const char *const proposal_names[PROPOSAL_COUNT];

typedef enum {
#define PRUNER(KIND, ...) PRUNER_##KIND,
#include "runtime/abi/pruners.def"
#undef PRUNER
    PRUNER_COUNT
} PrunerKind;
extern const char *const pruner_names[PRUNER_COUNT];

typedef enum {
#define HYPER_KIND(KIND, name) HYPER_##KIND,
#include "runtime/abi/hyper_kinds.def"
#undef HYPER_KIND
} HyperKind;

typedef enum {
#define BLAS(NAME, name) BLAS_##NAME,
#include "runtime/abi/blas.def"
#undef BLAS
} Blas;

typedef enum {
#define LIFETIME(KIND, name) LIFETIME_##KIND,
#include "runtime/abi/lifetimes.def"
#undef LIFETIME
} Lifetime;

typedef enum {
#define DOMAIN(KIND, ...) DOMAIN_##KIND,
#include "runtime/abi/domains.def"
#undef DOMAIN
} ConditionDomain;

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

enum {
    ACT_COUNT = 0
#define ACT(KIND, name) +1
#include "runtime/abi/acts.def"
#undef ACT
};

enum {
    INDICATOR_COUNT = 0
#define INDICATOR(KIND, ...) +1
#include "indicators/indicators.def"
#undef INDICATOR
};

enum {
    SWEEP_KIND_COUNT = 0
#define SWEEP(KIND, ...) +1
#include "runtime/abi/sweeps.def"
#undef SWEEP
};

enum {
    HYPER_KIND_COUNT = 0
#define HYPER_KIND(KIND, name) +1
#include "runtime/abi/hyper_kinds.def"
#undef HYPER_KIND
};

enum {
    BLAS_COUNT = 0
#define BLAS(NAME, name) +1
#include "runtime/abi/blas.def"
#undef BLAS
};

enum {
    LIFETIME_COUNT = 0
#define LIFETIME(KIND, name) +1
#include "runtime/abi/lifetimes.def"
#undef LIFETIME
};

enum {
    DOMAIN_COUNT = 0
#define DOMAIN(KIND, ...) +1
#include "runtime/abi/domains.def"
#undef DOMAIN
};

typedef enum {
#define UNIT(KIND, name) UNIT_##KIND,
#include "runtime/abi/units.def"
#undef UNIT
} TextUnit;

enum {
    UNIT_COUNT = 0
#define UNIT(KIND, name) +1
#include "runtime/abi/units.def"
#undef UNIT
};

typedef enum {
#define RESIZE(KIND, name) RESIZE_##KIND,
#include "runtime/abi/resizes.def"
#undef RESIZE
} ResizeKind;

enum {
    RESIZE_COUNT = 0
#define RESIZE(KIND, name) +1
#include "runtime/abi/resizes.def"
#undef RESIZE
};

extern const char *const dtype_names[DTYPE_COUNT]; /* "f32" ... */
extern const size_t dtype_sizes[DTYPE_COUNT];      /* bytes */
extern const char *const state_role_names[STATE_ROLE_COUNT];
extern const char *const act_names[ACT_COUNT];
extern const char *const indicator_names[INDICATOR_COUNT]; /* "hypervolume" ... */
extern const IndicatorArgument indicator_arguments[INDICATOR_COUNT];
extern const IndicatorPoints indicator_points[INDICATOR_COUNT];
extern const SweepKind indicator_sweeps[INDICATOR_COUNT]; /* whose results it judges */
extern const char *const sweep_kind_names[SWEEP_KIND_COUNT];
extern const char *const hyper_kind_names[HYPER_KIND_COUNT];
extern const char *const blas_names[BLAS_COUNT];
extern const char *const domain_names[DOMAIN_COUNT];
extern const char *const domain_examples[DOMAIN_COUNT]; /* "A,B,..." */
extern const bool domain_is_index[DOMAIN_COUNT]; /* a whole number, from 0 on, as i32 */
extern const char *const lifetime_names[LIFETIME_COUNT];
extern const char *const unit_names[UNIT_COUNT]; /* "word" ... */
extern const char *const resize_names[RESIZE_COUNT];

#endif
