#include "ir/target.h"

enum { FEWEST_ROWS = 512 }; /* of a matrix whose rows are summed in chunks */

Target target_usual(void)
{
    return (Target){
        .triple = "x86_64-unknown-linux-gnu",
        .cpu = DEFAULT_CPU,
        .name = DEFAULT_CPU,
        .features = "",
        .registers = 16,
        .same_bits = true,
        .has_fma = true,
        .lanes_f32 = 16,
        .lanes_f64 = 8,
        .near_cache = 32 << 10,
        .far_cache = 1 << 20,
        .cache_line = 64,
        .threads = true,
        .stage_elements = 16384,
        .small_product = 40 * 40 * 40,
        .skinny_product = 52,
        .short_product = 192,
        .packing_rows = 24,
        .thread_work = 50000,
        .blas = BLAS_OPENBLAS,
    };
}

unsigned target_lanes(const Target *target, DType real)
{
    return real == DTYPE_F32 ? target->lanes_f32 : target->lanes_f64;
}

int64_t target_large_matrix(const Target *target)
{
    return target->far_cache / (4 * (int64_t)sizeof(float));
}

int64_t target_near_elements(const Target *target)
{
    return target->near_cache / (int64_t)sizeof(float);
}

int64_t target_chunk_step(const Target *target)
{
    unsigned lanes = target->lanes_f32 > target->lanes_f64 ? target->lanes_f32 : target->lanes_f64;
    return (int64_t)lanes * MOST_UNROLL;
}

int64_t target_rows_of_chunk(const Target *target, int64_t rows, int64_t columns)
{
    if (rows < FEWEST_ROWS || rows * columns < target_large_matrix(target))
        return 0;
    int64_t step = target_chunk_step(target), steps = target_near_elements(target) / columns / step;
    return step * (steps ? steps : 1);
}

Target target_alone(Target target)
{
    target.threads = false;
    target.blas = BLAS_BUILTIN;
    target.same_bits = false;
    return target;
}
