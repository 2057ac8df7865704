/* GFLOP/s of matrix products by OpenBLAS and by code of the compiler's own (tiles or blocks), side by side: the fastest of many
 * short spans, which alternate between the two. bench_products [THREADS [M K N]...]; without extents, the shapes of a small network
 * and some large ones. Code for AVX-512 where the machine has it, unless HNC_CPU=x86-64-v3 is in the environment (and
 * OPENBLAS_CORETYPE=Haswell, to compare with). */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "backend/jit.h"
#include "runtime/core/parallel.h"
#include "runtime/core/program.h"
#ifdef _OPENMP
#include <omp.h>
#endif

enum { SPANS = 60 };

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* How rhs and lhs are stored: as they are, or transposed as in gradients. */
typedef enum { PLAIN, RHS_TRANSPOSED, LHS_TRANSPOSED, FORMS } Form;
static const char *const form_names[] = {"a b", "a b'", "a' b"};

typedef struct Shape {
    int64_t m, k, n;
} Shape;

static Module *product_module(Shape s, Form form, DType real)
{
    Module *module = module_new("product", real);
    Builder b = {.module = module, .function = function_new(module, "f")};
    int64_t lhs[] = {s.m, s.k}, lhs_transposed[] = {s.k, s.m}, rhs[] = {s.k, s.n}, rhs_transposed[] = {s.n, s.k};
    Value x = build_input(&b, "x", type_of(real, 2, form == LHS_TRANSPOSED ? lhs_transposed : lhs));
    Value y = build_input(&b, "y", type_of(real, 2, form == RHS_TRANSPOSED ? rhs_transposed : rhs));
    Dims along_x = dims_of(1, form == LHS_TRANSPOSED ? 0 : 1), along_y = dims_of(1, form == RHS_TRANSPOSED ? 1 : 0);
    build_output(&b, "z", build_dot(&b, x, y, along_x, along_y, (Dims){0}, (Dims){0}));
    return module;
}

static Jit *compiled(const Plan *plan, Blas blas)
{
    char why[256];
    __builtin_cpu_init();
    bool wide = __builtin_cpu_supports("avx512vl") && !getenv("HNC_CPU");
    BackendOptions options = {.target = target_for(wide ? WIDE_CPU : DEFAULT_CPU), .opt_level = 2};
    options.target.blas = blas;
    if (blas == BLAS_OPENBLAS) /* every product, also those that a program would make itself */
        options.target.small_product = options.target.skinny_product = options.target.short_product = 0;
    Jit *jit = jit_new(plan, &options, hn_parallel, why);
    if (!jit) {
        fprintf(stderr, "%s\n", why);
        exit(1);
    }
    return jit;
}

static void *memory(int64_t bytes)
{
    void *place = aligned_memory((size_t)bytes, "the operands"); /* with large pages, like a program's */
    if (!place)
        exit(1);
    for (int64_t i = 0; i < bytes / 4; i++)
        ((float *)place)[i] = 1; /* and of doubles some number that is not tiny */
    return place;
}

static void measure(Shape s, Form form, DType real, int threads)
{
    Module *module = product_module(s, form, real);
    Plan *plan = plan_module(module);
    int64_t size = (int64_t)dtype_size(real);
    void *outputs[] = {memory(s.m * s.n * size)}, *scratch = memory(plan_scratch_bytes(plan));
    const void *inputs[] = {memory(s.m * s.k * size), memory(s.k * s.n * size)};
    hn_frame frame = {NULL, scratch, NULL, inputs, outputs};
    double work = 2e-9 * (double)s.m * (double)s.n * (double)s.k, best[BLAS_COUNT] = {0};
    int rounds = work < 0.02 ? (int)(0.02 / work) + 1 : 1;
    Jit *jits[BLAS_COUNT];
    for (unsigned blas = 0; blas < BLAS_COUNT; blas++)
        jits[blas] = compiled(plan, (Blas)blas);
    parallel_set_threads(threads);
#ifdef _OPENMP
    omp_set_num_threads(threads); /* OpenBLAS's own, which built programs do not use */
#endif
    for (int span = 0; span < SPANS; span++)
        for (unsigned blas = 0; blas < BLAS_COUNT; blas++) {
            double start = now();
            for (int i = 0; i < rounds; i++)
                jit_functions(jits[blas])[0](&frame);
            double rate = work * rounds / (now() - start);
            best[blas] = rate > best[blas] ? rate : best[blas];
        }
    printf("%5lld x %5lld x %5lld  %-5s %s  %d  %9.1f %9.1f  %5.2f\n", (long long)s.m, (long long)s.k, (long long)s.n,
           form_names[form], dtype_name(real), threads, best[BLAS_OPENBLAS], best[BLAS_BUILTIN],
           best[BLAS_BUILTIN] / best[BLAS_OPENBLAS]);
    fflush(stdout);
    for (unsigned blas = 0; blas < BLAS_COUNT; blas++)
        jit_free(jits[blas]);
    free(outputs[0]);
    free(scratch);
    free((void *)inputs[0]);
    free((void *)inputs[1]);
    plan_free(plan);
    module_free(module);
}

int main(int argc, char **argv)
{
    static const Shape usual[] = {{128, 784, 300}, {512, 512, 512}, {1024, 1024, 1024}, {128, 300, 10}};
    int threads = argc > 1 ? atoi(argv[1]) : 1;
    if (threads < 1 || (argc > 2 && (argc - 2) % 3)) {
        fprintf(stderr, "bench_products [THREADS [M K N]...]\n");
        return 2;
    }
    printf("    m x     k x     n  form type threads  openblas   builtin  ratio  (GFLOP/s)\n");
    for (int i = 0; i < (argc > 2 ? (argc - 2) / 3 : (int)COUNT_OF(usual)); i++) {
        Shape given = {0};
        if (argc > 2)
            given = (Shape){atoll(argv[2 + 3 * i]), atoll(argv[3 + 3 * i]), atoll(argv[4 + 3 * i])};
        for (unsigned form = 0; form < FORMS; form++)
            for (unsigned real = 0; real < 2; real++)
                measure(argc > 2 ? given : usual[i], (Form)form, real ? DTYPE_F64 : DTYPE_F32, threads);
    }
    return 0;
}
