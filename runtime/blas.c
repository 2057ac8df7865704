#include "runtime/blas.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Weak: a model that multiplies with its own loops is linked without OpenBLAS. */
extern void openblas_set_num_threads(int threads) __attribute__((weak));
extern char *openblas_get_corename(void) __attribute__((weak));

static const char core_variable[] = "OPENBLAS_CORETYPE";
static const char fallback_core[] = "Prescott"; /* of OpenBLAS on x86-64 */

/* The best kernels that this processor can run and that every OpenBLAS of the last years has, or NULL. */
static const char *capable_core(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return "SkylakeX";
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return "Haswell";
#endif
    return NULL;
}

void blas_repair_detection(char **argv)
{
    const char *chosen = blas_core(), *capable = capable_core();
    if (!chosen || strcmp(chosen, fallback_core) || !capable || getenv(core_variable))
        return;
    if (setenv(core_variable, capable, 1) == 0)
        execv("/proc/self/exe", argv); /* without /proc it returns, and all works, slowly */
}

void blas_set_threads(int threads)
{
    if (openblas_set_num_threads)
        openblas_set_num_threads(threads);
}

const char *blas_core(void)
{
    return openblas_get_corename ? openblas_get_corename() : NULL;
}
