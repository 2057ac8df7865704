#include "runtime/data/sampler.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/core/report.h"
#include "runtime/data/permute.h"
#include "runtime/data/philox.h"

bool sampler_open(Sampler *sampler, uint64_t seed, uint32_t stream, RowRange rows, int64_t batch, SampleOrder how)
{
    *sampler = (Sampler){
        .key = {(uint32_t)seed, (uint32_t)(seed >> 32)}, .stream = stream, .rows = rows, .batch = batch, .how = how, .epoch = -1};
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

/* Rows before the first batch of an epoch: uniform among all numbers of rows that batches leave over. */
static int64_t rows_before(const Sampler *sampler, int64_t epoch)
{
    uint32_t counter[4] = {0, (uint32_t)epoch, sampler->stream, RANDOM_PURPOSE_FIRST_ROW}, words[4];
    int64_t left = sampler->rows.count % sampler->batch;
    philox_block(counter, sampler->key, words);
    return (int64_t)((uint64_t)words[0] * (uint64_t)(left + 1) >> 32);
}

static void begin_epoch(Sampler *sampler, int64_t epoch)
{
    bool batches = sampler->how == SAMPLE_BATCHES;
    int64_t count = batches ? sampler_epoch_steps(sampler) : sampler->rows.count, apart = batches ? sampler->batch : 1;
    int64_t first = sampler->rows.first + (batches ? rows_before(sampler, epoch) : 0);
    for (int64_t i = 0; i < count; i++)
        sampler->order[i] = (int32_t)(first + i * apart);
    if (sampler->how != SAMPLE_IN_ORDER)
        permute(sampler->order, count, sampler->key, (uint32_t)epoch, sampler->stream, RANDOM_PURPOSE_SHUFFLE);
    sampler->epoch = epoch;
}

void sampler_batch(Sampler *sampler, int64_t step, int32_t *index)
{
    int64_t epoch_steps = sampler_epoch_steps(sampler);
    if (sampler->epoch != step / epoch_steps)
        begin_epoch(sampler, step / epoch_steps);
    int64_t number = step % epoch_steps;
    if (sampler->how != SAMPLE_BATCHES) {
        memcpy(index, sampler->order + number * sampler->batch, (size_t)sampler->batch * sizeof *index);
        return;
    }
    for (int64_t i = 0; i < sampler->batch; i++)
        index[i] = sampler->order[number] + (int32_t)i;
}
