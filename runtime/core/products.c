/* Large products of several threads: each thread multiplies a range of rows or columns by a call of OpenBLAS of its own. OpenBLAS
 * itself would let its threads wait for one another within a product, at full load, which takes many times as long where another
 * program shares the processors. The compiler links a model so that its calls of cblas_?gemm come here. */
#include <stdint.h>

#include "runtime/abi/frame.h"
#include "runtime/core/parallel.h"

enum { ROW_MAJOR = 101, NO_TRANS = 111 }; /* of cblas.h */

/* GRAIN: ranges are multiples of it, the width of a tile in OpenBLAS's kernels. ALONE: multiply-adds that one thread does before
 * a second one would be of use. OpenBLAS has other kernels for smaller products, so a range is not smaller either. */
enum { GRAIN = 16, ALONE = 1000000 };

#define DEFINE_GEMM(REAL, letter)                                                                                                \
    void __real_cblas_##letter##gemm(int order, int trans_a, int trans_b, int m, int n, int k, REAL alpha, const REAL *a,        \
                                     int lda, const REAL *b, int ldb, REAL beta, REAL *c, int ldc);                              \
    void __wrap_cblas_##letter##gemm(int order, int trans_a, int trans_b, int m, int n, int k, REAL alpha, const REAL *a,        \
                                     int lda, const REAL *b, int ldb, REAL beta, REAL *c, int ldc);                              \
                                                                                                                                 \
    typedef struct {                                                                                                             \
        hn_frame frame; /* what hn_parallel passes on */                                                                         \
        int trans_a, trans_b, m, n, k, lda, ldb, ldc;                                                                            \
        REAL alpha, beta;                                                                                                        \
        const REAL *a, *b;                                                                                                       \
        REAL *c;                                                                                                                 \
    } Product_##letter;                                                                                                          \
                                                                                                                                 \
    static void rows_##letter(const hn_frame *frame, int64_t begin, int64_t end)                                                 \
    {                                                                                                                            \
        const Product_##letter *p = (const Product_##letter *)(const void *)frame;                                               \
        int64_t step = p->trans_a == NO_TRANS ? p->lda : 1;                                                                      \
        __real_cblas_##letter##gemm(ROW_MAJOR, p->trans_a, p->trans_b, (int)(end - begin), p->n, p->k, p->alpha,                 \
                                    p->a + begin * step, p->lda, p->b, p->ldb, p->beta, p->c + begin * p->ldc, p->ldc);          \
    }                                                                                                                            \
                                                                                                                                 \
    static void columns_##letter(const hn_frame *frame, int64_t begin, int64_t end)                                              \
    {                                                                                                                            \
        const Product_##letter *p = (const Product_##letter *)(const void *)frame;                                               \
        int64_t step = p->trans_b == NO_TRANS ? 1 : p->ldb;                                                                      \
        __real_cblas_##letter##gemm(ROW_MAJOR, p->trans_a, p->trans_b, p->m, (int)(end - begin), p->k, p->alpha, p->a, p->lda,   \
                                    p->b + begin * step, p->ldb, p->beta, p->c + begin, p->ldc);                                 \
    }                                                                                                                            \
                                                                                                                                 \
    void __wrap_cblas_##letter##gemm(int order, int trans_a, int trans_b, int m, int n, int k, REAL alpha, const REAL *a,        \
                                     int lda, const REAL *b, int ldb, REAL beta, REAL *c, int ldc)                               \
    {                                                                                                                            \
        int64_t grain = least_range(m, n, k);                                                                                    \
        if (order != ROW_MAJOR || parallel_threads() == 1 || grain >= (m > n ? m : n)) {                                         \
            __real_cblas_##letter##gemm(order, trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);                  \
            return;                                                                                                              \
        }                                                                                                                        \
        Product_##letter p = {.trans_a = trans_a,                                                                                \
                              .trans_b = trans_b,                                                                                \
                              .m = m,                                                                                            \
                              .n = n,                                                                                            \
                              .k = k,                                                                                            \
                              .lda = lda,                                                                                        \
                              .ldb = ldb,                                                                                        \
                              .ldc = ldc,                                                                                        \
                              .alpha = alpha,                                                                                    \
                              .beta = beta,                                                                                      \
                              .a = a,                                                                                            \
                              .b = b,                                                                                            \
                              .c = c};                                                                                           \
        hn_parallel(m > n ? rows_##letter : columns_##letter, &p.frame, m > n ? m : n, grain);                                   \
    }

/* How many rows or columns, whichever there are more of, a thread gets at least: a multiple of GRAIN. */
static int64_t least_range(int m, int n, int k)
{
    int64_t narrow = (int64_t)(m > n ? n : m) * k, range = ALONE / (narrow > 0 ? narrow : 1) + 1;
    return (range + GRAIN - 1) / GRAIN * GRAIN;
}

DEFINE_GEMM(float, s)
DEFINE_GEMM(double, d)
