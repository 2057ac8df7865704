/* A member of an ensemble: the one at hand. */
#include "passes/methods/methods.h"

const ConditionRule condition_member = {index_states, index_value, index_typical};
