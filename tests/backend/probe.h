/* For tests of code generation: compiles a module to a shared object in a temporary folder and loads it. */
#ifndef HNC_TESTS_BACKEND_PROBE_H
#define HNC_TESTS_BACKEND_PROBE_H

#include "backend/math.h"

/* A new module, prepared for the default processor. Free with probe_free. */
MathContext probe_new(const char *name);
void probe_free(MathContext *m);

/* Starts `void NAME(ptr, ptr, ..., i64 n)` with that many pointers, all noalias; the builder stands in its entry. */
LLVMValueRef probe_function(MathContext *m, const char *name, unsigned pointers);
/* Adds `void map_NAME(const T *x, [const T *y,] T *out, i64 n)` that applies an op to n elements, `lanes` at a time (0: scalars);
 * n is a multiple of lanes. T is double or float. */
void probe_map(MathContext *m, const char *name, OpCode code, unsigned arity, unsigned lanes, bool wide);
/* Compiles and loads; fails the test with the reason if it cannot. The handle is dlopen's. */
void *probe_load(MathContext *m, const char *cpu, int opt_level);

#endif
