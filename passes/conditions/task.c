/* A task: the one at hand. */
#include "passes/methods/methods.h"

const ConditionRule condition_task = {index_states, index_value, index_typical};
