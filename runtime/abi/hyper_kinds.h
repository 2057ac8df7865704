/* Natural values of hyperparameters: which there are, and the unconstrained number of each (hyper_kinds.def). */
#ifndef HN_ABI_HYPER_KINDS_H
#define HN_ABI_HYPER_KINDS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/abi/types.h"

/* Whether the kind has bounds. */
bool hyper_kind_is_bounded(HyperKind kind);
/* How many values a hyperparameter of whole numbers has; 0: it is none. */
int64_t hyper_kind_values(HyperKind kind, double low, double high);
/* Whether some unconstrained number has that natural value. `low` and `high` are the bounds of a kind that has bounds. */
bool hyper_kind_holds(HyperKind kind, double low, double high, double natural);
/* The unconstrained number of a natural value that the kind holds. `init`: the first value of the hyperparameter. */
double hyper_kind_raw(HyperKind kind, double low, double high, double init, double natural);

#endif
