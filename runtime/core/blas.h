/* OpenBLAS, where a model is linked with it; otherwise these functions do nothing. */
#ifndef HN_RUNTIME_BLAS_H
#define HN_RUNTIME_BLAS_H

/* OpenBLAS takes processors younger than itself for a Prescott of 2004 and multiplies five times slower than it could. If that
 * has happened, starts this program anew with OPENBLAS_CORETYPE set to kernels that the processor can run: OpenBLAS reads the
 * variable before main. Returns if there is nothing to repair, or if the user has set the variable. */
void blas_repair_detection(char **argv);
void blas_set_threads(int threads);
/* The kernels in use ("Haswell"), or NULL without OpenBLAS. */
const char *blas_core(void);

#endif
