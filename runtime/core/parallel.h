/* Threads of compiled code: hn_parallel (runtime/abi/frame.h) and their number. */
#ifndef HN_RUNTIME_PARALLEL_H
#define HN_RUNTIME_PARALLEL_H

/* Threads for hn_parallel, among them this one; before the first call one. OpenBLAS, where it is linked, multiplies on one
 * thread: products.c shares its products. */
void parallel_set_threads(int threads);
int parallel_threads(void);

#endif
