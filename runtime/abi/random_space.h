/* Who draws which random numbers. All come from Philox 4x32-10 under the run's seed as key, with the counter
 *
 *     { block, second, stream, purpose }
 *
 * where `second` is the step, the epoch or the number of the ray. Two uses never share a purpose and a stream, so their numbers
 * are independent. The compiler, its passes, the functions in C and the runtime take their numbers from this table;
 * tests/runtime/test_random_space.c asserts that it has no overlap. */
#ifndef HN_ABI_RANDOM_SPACE_H
#define HN_ABI_RANDOM_SPACE_H

/* RANDOM_USE(name, purpose, first stream, how many streams) */
#define RANDOM_SPACE(USE)                                                                                                        \
    USE(CONDITION, 0, 0, 16)                        /* compiled: perturbed hyperparameters of a step, 4 streams per phase */     \
    USE(MODEL, 0, 16, 0x20000000 - 16)              /* compiled: what the model draws, numbered by the frontend */               \
    USE(MORE_CONDITIONS, 0, 0x20000000, 0x10000000) /* compiled: further runs of perturbed hyperparameters, 64 per phase */      \
    USE(RAY_CHOICE, 0, 0x30000000, 1)               /* compiled: which ray of a list; second: the ray's number */                \
    USE(TASK_CHOICE, 0, 0x30000001, 1)              /* compiled: which earlier tasks a step reads; second: the step */           \
    USE(COLUMN_CHOICE, 0, 0x30002000, 1)            /* compiled: of a matrix, by a solver; second: the step */                   \
    USE(ROWS, 0, 0x31000000, 0x0f000000)            /* compiled: computed rows of data sets, ROW_STREAMS per member; second: the \
                                                       row */                                                                    \
    USE(TYPICAL, 0, 0x30000002, 0x1000)             /* compiled: typical values of conditions, 2 streams each; second: the draw */ \
    USE(INIT, 0, 0x40000000, 0x40000000)            /* compiled: first values, 2 streams per state; second: 0 */                 \
    USE(SHUFFLE, 1, 0, 0x7fffffff)                  /* runtime: the order of an epoch; stream: the phase, and above it, from     \
                                                       bit 8 on, 1 + the member of a family; second: the epoch */                \
    USE(SPLIT, 2, 0, 0x7fffffff)                    /* runtime: shuffled rows; stream: the data set; second: the member, or 0 */ \
    USE(DIRICHLET, 3, 0, 1)                         /* rays of a Dirichlet distribution; second: the ray's number */             \
    USE(FIRST_ROW, 6, 0, 0x7fffffff)                /* runtime: the first row of whole batches in an epoch; as SHUFFLE */         \
    USE(TRIAL, 5, 0, 1)                             /* runtime: what is tried; second: the trial */                              \
    USE(PERMUTATION, 4, 0, 0x7fffffff)              /* runtime: permuted elements; stream: the data set; second: the member */

enum { ROW_STREAMS = 256 }; /* of each member of computed rows: main rows have one half, test rows the other */

enum {
#define USE(NAME, PURPOSE, FIRST, COUNT) RANDOM_PURPOSE_##NAME = (PURPOSE), RANDOM_STREAM_##NAME = (FIRST),
    RANDOM_SPACE(USE)
#undef USE
};

#endif
