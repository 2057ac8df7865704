#include "runtime/sampler.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/philox.h"
#include "runtime/report.h"

/* The last word of the counter. Compiled code draws with 0 there, so the shuffles are independent of all its numbers. */
enum { SHUFFLE_COUNTER = 1 };

bool sampler_open(Sampler *sampler, uint64_t seed, uint32_t stream, RowRange rows, int64_t batch)
{
    *sampler =
        (Sampler){.key = {(uint32_t)seed, (uint32_t)(seed >> 32)}, .stream = stream, .rows = rows, .batch = batch, .epoch = -1};
    sampler->order = malloc((size_t)rows.count * sizeof *sampler->order);
    return sampler->order || report_error("out of memory");
}

void sampler_close(Sampler *sampler)
{
    free(sampler->order);
    *sampler = (Sampler){0};
}

int64_t sampler_epoch_steps(const Sampler *sampler)
{
    return sampler->rows.count / sampler->batch;
}

/* Fisher and Yates: each row is exchanged with one at or before it. The 64-bit multiplication maps a draw to a place with a bias
 * below 2^-32, far under what any number of epochs could show. */
static void shuffle(Sampler *sampler, int64_t epoch)
{
    int32_t *order = sampler->order;
    for (int64_t i = 0; i < sampler->rows.count; i++)
        order[i] = (int32_t)(sampler->rows.first + i);
    uint32_t words[4] = {0};
    for (int64_t i = sampler->rows.count - 1; i > 0; i--) {
        if ((i & 1) == 1 || i == sampler->rows.count - 1) { /* one block serves two rows */
            uint32_t counter[4] = {(uint32_t)(i >> 1), (uint32_t)epoch, sampler->stream, SHUFFLE_COUNTER};
            philox_block(counter, sampler->key, words);
        }
        const uint32_t *draw = words + 2 * (i & 1);
        uint64_t random = (uint64_t)draw[1] << 32 | draw[0];
        int64_t j = (int64_t)((unsigned __int128)random * (uint64_t)(i + 1) >> 64);
        int32_t row = order[i];
        order[i] = order[j];
        order[j] = row;
    }
    sampler->epoch = epoch;
}

void sampler_batch(Sampler *sampler, int64_t step, int32_t *index)
{
    int64_t epoch_steps = sampler_epoch_steps(sampler);
    if (sampler->epoch != step / epoch_steps)
        shuffle(sampler, step / epoch_steps);
    memcpy(index, sampler->order + step % epoch_steps * sampler->batch, (size_t)sampler->batch * sizeof *index);
}
