#include "runtime/data/permute.h"

#include "runtime/data/philox.h"

/* Fisher and Yates: each number is exchanged with one at or before it. The 64-bit multiplication maps a draw to a place with a
 * bias below 2^-32, far under what any number of permutations could show. */
void permute(int32_t *order, int64_t count, const uint32_t key[2], uint32_t second, uint32_t third, uint32_t purpose)
{
    uint32_t words[4] = {0};
    for (int64_t i = count - 1; i > 0; i--) {
        if ((i & 1) == 1 || i == count - 1) { /* one block serves two exchanges */
            uint32_t counter[4] = {(uint32_t)(i >> 1), second, third, purpose};
            philox_block(counter, key, words);
        }
        const uint32_t *draw = words + 2 * (i & 1);
        uint64_t random = (uint64_t)draw[1] << 32 | draw[0];
        int64_t j = (int64_t)((unsigned __int128)random * (uint64_t)(i + 1) >> 64);
        int32_t number = order[i];
        order[i] = order[j];
        order[j] = number;
    }
}
