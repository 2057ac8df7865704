/* Random permutations that are a pure function of a key and three numbers. */
#ifndef HN_RUNTIME_PERMUTE_H
#define HN_RUNTIME_PERMUTE_H

#include <stdint.h>

#include "runtime/abi/random_space.h"

/* Permutes the `count` numbers of `order`; block i of the draws has the counter (i, second, third, purpose), of random_space.h.
 */
void permute(int32_t *order, int64_t count, const uint32_t key[2], uint32_t second, uint32_t third, uint32_t purpose);

#endif
