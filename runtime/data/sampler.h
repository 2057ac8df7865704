/* Which examples a training step sees. Every epoch is a fresh permutation of its split's rows, drawn from Philox by (seed,
 * stream, epoch), or as SampleOrder says: the batch of a step is a function of the step's number alone, so a resumed run needs
 * nothing but that number. */
#ifndef HN_RUNTIME_SAMPLER_H
#define HN_RUNTIME_SAMPLER_H

#include "runtime/data/dataset.h"

/* What an epoch permutes: rows; batches of rows that lie side by side, of which the first begins at a place that is drawn, too,
 * so that no row is left out in every epoch; or nothing. */
typedef enum { SAMPLE_ROWS, SAMPLE_BATCHES, SAMPLE_IN_ORDER } SampleOrder;

typedef struct Sampler {
    uint32_t key[2]; /* the seed */
    uint32_t stream; /* the phase's number, and above it that of a member; distinct streams are independent */
    RowRange rows;
    int64_t batch;
    SampleOrder how;
    int64_t epoch;  /* whose permutation `order` holds; -1: none yet */
    int32_t *order; /* rows.count rows; of batches, their first rows; owned */
} Sampler;

/* Batches of `batch` <= rows.count rows; the last partial batch of an epoch is dropped. */
bool sampler_open(Sampler *sampler, uint64_t seed, uint32_t stream, RowRange rows, int64_t batch, SampleOrder how);
/* The sampler draws from other rows: `batch` <= rows.count <= the count that it was opened with. A batch of them is a function of
 * (seed, stream, step), whatever the sampler drew from before. */
void sampler_move(Sampler *sampler, uint32_t stream, RowRange rows);
void sampler_close(Sampler *sampler);
int64_t sampler_epoch_steps(const Sampler *sampler);
/* The rows of step number `step` (from 0), `batch` of them, into `index`. */
void sampler_batch(Sampler *sampler, int64_t step, int32_t *index);

#endif
