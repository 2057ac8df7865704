/* Counts and messages of the differential test, for both kinds of random program. */
#ifndef HNC_TESTS_RANDOM_DIFFERENTIAL_H
#define HNC_TESTS_RANDOM_DIFFERENTIAL_H

#include "tests/random/twin.h"

static const double tolerance_f64 = 1e-9, tolerance_f32 = 2e-4, slack_f32 = 64;

typedef struct Count {
    uint64_t programs, in_f64, at_o2, threaded, unfused, kernels, gradients, not_finite, differences;
} Count;

/* Counts a difference and says it; of the first ones also the program, `text` or the function, each may be NULL. */
void report(Count *count, uint64_t seed, DType real, const char *what, const char *why, const Module *module,
            const Function *function, const char *text);

/* Compiles the model of this seed, and compares its steps and gradients. Number `number` decides how. */
void run_model(Count *count, uint64_t seed, uint64_t number);

#endif
