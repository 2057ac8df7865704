/* A function in two parts: what can be computed before some of its inputs are known, and the rest. */
#ifndef HNC_PASSES_SPLIT_H
#define HNC_PASSES_SPLIT_H

#include "ir/ir.h"

/* Whether the input of that number waits; `context` is the caller's. */
typedef bool LateInput(const Function *function, uint32_t input, const void *context);

/* Moves all that does not depend on late inputs into a new function of that name. It has the other inputs, and leaves what the
 * rest needs in new states of that role, "NAME/0", "NAME/1" and so on, which `function` now reads: it keeps its outputs and its
 * late inputs. Constants, and views of values that are kept anyway, cost nothing and stay with their users. The module's step
 * stage, without writes. NULL, and no change, where no input is early and nothing is computed early. */
Function *split_function(Module *module, Function *function, LateInput *is_late, const void *context, const char *name,
                         StateRole role);

#endif
