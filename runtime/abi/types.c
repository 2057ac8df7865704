#include "runtime/abi/types.h"

#include "runtime/abi/families.h"

const char *const dtype_names[DTYPE_COUNT] = {
#define DTYPE(NAME, name, bytes) name,
#include "runtime/abi/dtypes.def"
#undef DTYPE
};

const size_t dtype_sizes[DTYPE_COUNT] = {
#define DTYPE(NAME, name, bytes) bytes,
#include "runtime/abi/dtypes.def"
#undef DTYPE
};

const char *const state_role_names[STATE_ROLE_COUNT] = {
#define ROLE(NAME, name) name,
#include "runtime/abi/roles.def"
#undef ROLE
};

const char *const family_names[FAMILY_COUNT] = {
#define FAMILY(KIND, word, ...) #word,
#include "runtime/abi/families.def"
#undef FAMILY
};

const bool family_has_base[FAMILY_COUNT] = {
#define FAMILY(KIND, word, base, ...) base,
#include "runtime/abi/families.def"
#undef FAMILY
};

const bool family_picks_rows[FAMILY_COUNT] = {
#define FAMILY(KIND, word, base, picks, grows) picks,
#include "runtime/abi/families.def"
#undef FAMILY
};

const bool family_grows_field[FAMILY_COUNT] = {
#define FAMILY(KIND, word, base, picks, grows) grows,
#include "runtime/abi/families.def"
#undef FAMILY
};

const char *const act_names[ACT_COUNT] = {
#define ACT(KIND, name) name,
#include "runtime/abi/acts.def"
#undef ACT
};

const char *const indicator_names[INDICATOR_COUNT] = {
#define INDICATOR(KIND, name, ...) #name,
#include "indicators/indicators.def"
#undef INDICATOR
};

const IndicatorArgument indicator_arguments[INDICATOR_COUNT] = {
#define INDICATOR(KIND, name, argument, ...) ARGUMENT_##argument,
#include "indicators/indicators.def"
#undef INDICATOR
};

const SweepKind indicator_sweeps[INDICATOR_COUNT] = {
#define INDICATOR(KIND, name, argument, sweep, points) SWEEP_##sweep,
#include "indicators/indicators.def"
#undef INDICATOR
};

const IndicatorPoints indicator_points[INDICATOR_COUNT] = {
#define INDICATOR(KIND, name, argument, sweep, points) POINTS_##points,
#include "indicators/indicators.def"
#undef INDICATOR
};

const char *const proposal_names[PROPOSAL_COUNT] = {
#define PROPOSAL(KIND, name, ...) #name,
#include "runtime/abi/proposals.def"
#undef PROPOSAL
};

const char *const pruner_names[PRUNER_COUNT] = {
#define PRUNER(KIND, name, ...) #name,
#include "runtime/abi/pruners.def"
#undef PRUNER
};

const char *const sweep_kind_names[SWEEP_KIND_COUNT] = {
#define SWEEP(KIND, name, ...) #name,
#include "runtime/abi/sweeps.def"
#undef SWEEP
};

const char *const hyper_kind_names[HYPER_KIND_COUNT] = {
#define HYPER_KIND(KIND, name) name,
#include "runtime/abi/hyper_kinds.def"
#undef HYPER_KIND
};

const char *const blas_names[BLAS_COUNT] = {
#define BLAS(NAME, name) name,
#include "runtime/abi/blas.def"
#undef BLAS
};

const char *const domain_names[DOMAIN_COUNT] = {
#define DOMAIN(KIND, name, ...) #name,
#include "runtime/abi/domains.def"
#undef DOMAIN
};

const char *const domain_examples[DOMAIN_COUNT] = {
#define DOMAIN(KIND, name, index, example) example,
#include "runtime/abi/domains.def"
#undef DOMAIN
};

const bool domain_is_index[DOMAIN_COUNT] = {
#define DOMAIN(KIND, name, index, example) index,
#include "runtime/abi/domains.def"
#undef DOMAIN
};

const char *const lifetime_names[LIFETIME_COUNT] = {
#define LIFETIME(KIND, name) name,
#include "runtime/abi/lifetimes.def"
#undef LIFETIME
};

const char *const unit_names[UNIT_COUNT] = {
#define UNIT(KIND, name) #name,
#include "runtime/abi/units.def"
#undef UNIT
};

const char *const resize_names[RESIZE_COUNT] = {
#define RESIZE(KIND, name) #name,
#include "runtime/abi/resizes.def"
#undef RESIZE
};
