#include "runtime/core/parallel.h"

#ifdef _OPENMP
#include <omp.h>
#endif

#include "runtime/abi/frame.h"
#include "runtime/core/blas.h"

static int thread_count = 1;

void parallel_set_threads(int threads)
{
    thread_count = threads;
#ifdef _OPENMP
    omp_set_num_threads(threads);
#endif
    blas_set_threads(threads);
}

int parallel_threads(void)
{
    return thread_count;
}

/* Ranges depend on n, grain and the number of threads asked for, never on how many the system grants: equal work, equal bits. */
void hn_parallel(hn_body *body, const hn_frame *frame, int64_t n, int64_t grain)
{
    if (n <= 0)
        return;
    if (grain < 1)
        grain = 1;
    int64_t grains = (n - 1) / grain + 1;
    int64_t parts = grains < thread_count ? grains : thread_count;
    if (parts <= 1) {
        body(frame, 0, n);
        return;
    }
#ifdef _OPENMP
#pragma omp parallel for num_threads((int)parts) schedule(static, 1)
#endif
    for (int64_t part = 0; part < parts; part++) {
        int64_t begin = grains * part / parts * grain;
        int64_t end = part + 1 == parts ? n : grains * (part + 1) / parts * grain;
        body(frame, begin, end);
    }
}
