#include "runtime/data/sampler.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/core/report.h"
#include "runtime/data/permute.h"

bool sampler_open(Sampler *sampler, uint64_t seed, uint32_t stream, RowRange rows, int64_t batch, bool in_order)
{
    *sampler = (Sampler){.key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
                         .stream = stream,
                         .rows = rows,
                         .batch = batch,
                         .in_order = in_order,
                         .epoch = -1};
    sampler->order = malloc((size_t)rows.count * sizeof *sampler->order);
    return sampler->order || report_error("out of memory");
}

void sampler_move(Sampler *sampler, uint32_t stream, RowRange rows)
{
    if (sampler->stream == stream && sampler->rows.first == rows.first && sampler->rows.count == rows.count)
        return;
    sampler->stream = stream;
    sampler->rows = rows;
    sampler->epoch = -1;
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

static void begin_epoch(Sampler *sampler, int64_t epoch)
{
    for (int64_t i = 0; i < sampler->rows.count; i++)
        sampler->order[i] = (int32_t)(sampler->rows.first + i);
    if (!sampler->in_order)
        permute(sampler->order, sampler->rows.count, sampler->key, (uint32_t)epoch, sampler->stream, RANDOM_PURPOSE_SHUFFLE);
    sampler->epoch = epoch;
}

void sampler_batch(Sampler *sampler, int64_t step, int32_t *index)
{
    int64_t epoch_steps = sampler_epoch_steps(sampler);
    if (sampler->epoch != step / epoch_steps)
        begin_epoch(sampler, step / epoch_steps);
    memcpy(index, sampler->order + step % epoch_steps * sampler->batch, (size_t)sampler->batch * sizeof *index);
}
