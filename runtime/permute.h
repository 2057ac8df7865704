/* Random permutations that are a pure function of a key and three numbers. */
#ifndef HN_RUNTIME_PERMUTE_H
#define HN_RUNTIME_PERMUTE_H

#include <stdint.h>

/* The last word of Philox's counter, which keeps the draws of one purpose apart from all others. Compiled code has 0 there. */
enum { COUNTER_SHUFFLE = 1, COUNTER_SPLIT = 2 };

/* Permutes the `count` numbers of `order`; block i of the draws has the counter (i, second, third, purpose). */
void permute(int32_t *order, int64_t count, const uint32_t key[2], uint32_t second, uint32_t third, uint32_t purpose);

#endif
