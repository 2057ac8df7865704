/* How constant matrices lie in memory where vectors are multiplied by them. */
#ifndef HNC_PASSES_LAYOUT_H
#define HNC_PASSES_LAYOUT_H

#include "ir/ir.h"

/* Rewrites products of a vector that depends on inputs and a matrix that does not, so that the matrix is read from its first element
 * to its last and no sums across a vector's lanes remain: the matrix has the contracted axis first, and where the vector depends on
 * no example, PANEL columns of it lie together. What makes the new matrix ends in a `stop`, at which split_function keeps it.
 * `of_example`: whether the input of that number belongs to examples. */
enum { PANEL = 64 };
void lay_out_products(Module *module, Function *function, bool (*of_example)(const Function *, uint32_t, const void *),
                      const void *context);

#endif
