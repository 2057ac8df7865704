/* Modules compiled into this process and run beside the interpreter. */
#ifndef HNC_TESTS_BACKEND_COMPILED_H
#define HNC_TESTS_BACKEND_COMPILED_H

#include "backend/jit.h"

/* What a function works on: tensors of the test's own, equal for equal modules and seeds. */
typedef struct Case {
    const Module *module;
    uint64_t seed;
    int64_t examples;    /* rows per field; 0: 5 */
    int32_t index_limit; /* i32 inputs and states lie in [0, index_limit); 0: 5 */
    Blas blas;           /* 0: OpenBLAS */
    bool blocks;         /* no product is skinny or small */
    unsigned registers;  /* tiles as for so many vector registers; 0: as for the processor */
    double tolerance;    /* of floats, relative to the largest element of the expected tensor or 1; 0: by Module.real */
} Case;

/* Compiles the module at -O<level> for `cpu`, runs every function with `threads` threads (whose pieces run one after the
 * other, the last one first) and checks outputs and states against the interpreter's. Returns a digest of all
 * bits. */
uint64_t check_compiled(const Case *c, int level, const char *cpu, int threads);
/* check_compiled at -O0 to -O3, for another processor, and with several threads: all digests must be equal. */
void check_everywhere(const Case *c);

/* check_compiled with seed 1 at -O2 with two threads; frees the module. */
void check_module(Module *module);
/* Whether this processor runs code for WIDE_CPU. */
bool runs_wide(void);
/* The same code for processors with as many registers as WIDE_CPU has, and for that one where it runs, gives the same bits; frees
 * the module. */
void check_widths(Module *module);
/* In both precisions. */
void for_each_real(void (*test)(DType real));

Type vector(DType dtype, int64_t n);
Type matrix(DType dtype, int64_t rows, int64_t columns);
Type cube(DType dtype, int64_t a, int64_t b, int64_t c);
Builder new_function(Module *module, const char *name);
/* The function "fA_B". */
Builder numbered_function(Module *module, size_t a, int b);
/* x y of inputs "x" and "y", [m, n] of k products each; bit 0 of the mode: x is stored transposed, bit 1: y is. */
Value product(Builder *b, DType real, int64_t m, int64_t n, int64_t k, int mode);

/* The program compiled into this process; fails the test on any error. jit_free it. */
Jit *load_program(const Plan *plan, int level, const char *cpu);

/* Plans the module; fails the test if a schedule does not verify. */
Plan *verified_plan(const Module *module);
/* The schedule of the module's function `name`; *program to be freed by plan_free. */
const Schedule *plan_of(const Module *module, const char *name, Plan **plan);
unsigned count_kernels(const Schedule *schedule, KernelKind kind);

#endif
