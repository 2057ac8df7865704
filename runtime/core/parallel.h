/* Threads of compiled code: hn_parallel (runtime/abi/frame.h) and their number. */
#ifndef HN_RUNTIME_PARALLEL_H
#define HN_RUNTIME_PARALLEL_H

/* Threads for hn_parallel, for OpenMP regions and, where it is linked, for OpenBLAS. Before the first call: one. */
void parallel_set_threads(int threads);
int parallel_threads(void);

#endif
