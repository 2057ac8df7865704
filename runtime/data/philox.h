/* Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a block of four random words that is a
 * pure function of a counter and a key, so that nothing of a generator needs to be stored to continue a run. */
#ifndef HN_RUNTIME_PHILOX_H
#define HN_RUNTIME_PHILOX_H

#include <stdint.h>

void philox_block(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

#endif
