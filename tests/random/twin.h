/* A module run in three ways on the same numbers: by the interpreter, compiled with fusion and compiled without. */
#ifndef HNC_TESTS_RANDOM_TWIN_H
#define HNC_TESTS_RANDOM_TWIN_H

#include "backend/jit.h"

/* What a function computed: outputs in order, then every state of the module. */
typedef struct Results {
    uint32_t n;
    Tensor *tensors;
} Results;
void results_free(Results *results);
bool results_finite(const Results *results);

/* Numbers for every state of a module, the same for the same seed in either precision. */
Tensor *random_states(const Module *module, uint64_t seed);
void random_states_free(const Module *module, Tensor *states);

/* What a function works on: numbers for its inputs and the fields' rows, likewise, and states that somebody else owns. */
typedef struct Numbers {
    const Module *module;
    const Function *function;
    Tensor *inputs, *rows;
    const Tensor *states;
} Numbers;
Numbers numbers_new(const Module *module, const Function *function, uint64_t seed, const Tensor *states);
void numbers_free(Numbers *numbers);

/* False with a sentence in `why` where the interpreter refuses. */
bool run_interpreted(const Numbers *numbers, Results *results, char why[static 256]);

/* A module compiled in one way. */
typedef struct Compiled {
    const Module *module;
    Plan *plan;
    Jit *jit;
} Compiled;
typedef struct Way {
    bool unfused;
    bool blocks;  /* products of any size are made like large ones without OpenBLAS */
    bool threads; /* every kernel that can be split is split */
    int level;    /* -O */
    const char *cpu;
} Way;
/* Plans, verifies the schedules and compiles; false with the reason in `why`. */
bool compile_module(const Module *module, Way way, Compiled *compiled, Text *why);
void compiled_free(Compiled *compiled);
/* Runs function number `index` on these numbers with `threads` threads; scratch memory and outputs hold NaN before. False with a
 * sentence in `why` if memory outside what the function may write has changed. */
bool run_compiled(const Compiled *compiled, uint32_t index, const Numbers *numbers, unsigned threads, Results *results,
                  char why[static 256]);

/* How far `actual` is from `expected`: the first tensor with a difference above tolerance times its largest element (at least 1),
 * plus `slack` times how far the doubt (NULL: none) is from `expected`. -1: none. */
int64_t first_difference(const Results *expected, const Results *actual, double tolerance, const Results *doubt, double slack,
                         char why[static 256]);
bool results_equal(const Results *a, const Results *b);

#endif
