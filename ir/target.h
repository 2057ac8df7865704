/* What code is made for: a machine as passes and the emitter may ask of it. A module carries the one that it is made for. */
#ifndef HNC_IR_TARGET_H
#define HNC_IR_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/abi/types.h"

#define DEFAULT_CPU "x86-64-v3"

enum { MOST_UNROLL = 4 }; /* vectors in the body of a loop */

/* Texts live as long as the process. Lanes, caches and BLAS decide in which order sums are made, so that two programs compute
 * equal bits only if these are equal in both; all else decides about speed alone. */
typedef struct Target {
    const char *triple;
    const char *cpu;               /* as asked for: "x86-64-v3", "native", "auto" */
    const char *name, *features;   /* the processor, and what it adds to or lacks of its kind, as LLVM has them */
    unsigned registers;            /* for vectors */
    bool same_bits;                /* every processor gives the same, at any price: what is rounded once stays so */
    bool has_fma;                  /* it multiplies and adds in one instruction, rounded once */
    unsigned lanes_f32, lanes_f64; /* of a vector in code, which several registers may hold */
    int64_t near_cache, far_cache; /* bytes, of one core: the first and the second level */
    int64_t cache_line;            /* bytes */
    bool threads;                  /* kernels are shared among threads that the runtime has */
    int64_t stage_elements;        /* a sum of more numbers is made in two stages; threads share the first */
    int64_t small_product;         /* a product of at most this many multiplications is fastest without blocks */
    int64_t skinny_product;        /* and so is a product with an extent of at most this */
    int64_t short_product;         /* with sums of at most this many products, blocks are faster than a call of OpenBLAS */
    int64_t packing_rows;          /* rows of lhs from which on columns of rhs are worth packing */
    int64_t thread_work;           /* ops, or eighths of the bytes that move, from which on threads pay for a kernel */
    Blas blas;
} Target;

/* DEFAULT_CPU with OpenBLAS: what every module is made for unless it says otherwise. */
Target target_usual(void);
/* The same for objects that stand alone: without OpenBLAS, threads of a runtime, and the promise of equal bits on every processor. */
Target target_alone(Target target);

unsigned target_lanes(const Target *target, DType real);
/* A matrix of this many elements does not stay in the far cache together with its gradient and the two moments of its optimizer.
 * Counted in elements of f32, for f64 too, so that both get the same kernels. */
int64_t target_large_matrix(const Target *target);
/* How many elements of f32 the near cache holds. */
int64_t target_near_elements(const Target *target);

/* Sums over the rows of a tall, large matrix are made per chunk of this many rows, and then over the chunks: what a chunk reads
 * stays in the near cache while the loop goes over its columns, and threads share chunks. A multiple of target_chunk_step; 0: no
 * chunks. */
int64_t target_rows_of_chunk(const Target *target, int64_t rows, int64_t columns);
/* Rows that are a whole number of unrolled vectors of every type. */
int64_t target_chunk_step(const Target *target);

#endif
