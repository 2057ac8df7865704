/* Rebuilding a function: walk the old ops in order, emit into a fresh function, remember where each value went. */
#ifndef HNC_PASSES_REWRITE_H
#define HNC_PASSES_REWRITE_H

#include "ir/ir.h"

typedef struct Rewrite {
    Builder b; /* appends to the new function */
    Function *old;
    Value *map;  /* old value -> new value; NO_VALUE until set */
    Value *args; /* operands of the current op in the new function; room for the widest op */
} Rewrite;

void rewrite_begin(Rewrite *rewrite, Module *module, Function *function);
/* Copies op `v` with its operands mapped and sets map[v]. */
Value rewrite_copy(Rewrite *rewrite, Value v);
/* The op's operands in the new function, valid until the next call. */
const Value *rewrite_args(Rewrite *rewrite, Value v);
/* Maps the outputs, puts the new function in place of the old one, frees the map. */
void rewrite_end(Rewrite *rewrite);

/* ---- questions about a function ---- */

/* The product of a vector and a matrix that is a state. */
typedef struct StateProduct {
    Value vector, matrix;
    int64_t axis; /* of the matrix, contracted */
} StateProduct;
bool is_state_product(const Function *function, Value v, StateProduct *product);
/* How often each value is used, by outputs too. The caller frees it. */
uint32_t *count_uses(const Function *function);
/* Marks `from` and all that depends on it in depends[], which has one entry per value of the function. */
void mark_dependents(const Function *function, Value from, bool *depends);

#endif
