#include "runtime/core/blas.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
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

/* OpenBLAS maps its buffers when it is loaded. Where a limit of the address space denies them, it tries again forever, at full
 * load, before main. Functions in .preinit_array run before any library's. This one reports the missing address space and
 * exits. */
static void check_address_space(void)
{
    enum { NEEDED_MIB = 288 }; /* measured: two buffers of 128 MiB, and what is loaded after them */
    static const char message[] = "error: too little address space: OpenBLAS needs about 300 MiB more than the limit allows; "
                                  "see 'ulimit -v'\n";
    struct rlimit limit;
    if (!openblas_set_num_threads || getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return;
    size_t size = (size_t)NEEDED_MIB << 20;
    void *room = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED)
        _exit(write(STDERR_FILENO, message, sizeof message - 1) < 0 ? 2 : 1);
    munmap(room, size);
}
__attribute__((section(".preinit_array"), used)) static void (*const first_of_all)(void) = check_address_space;

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
