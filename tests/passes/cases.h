/* One small use of every primitive that computes something from floats: what derivatives and batching are tested on. */
#ifndef HNC_TESTS_PASSES_CASES_H
#define HNC_TESTS_PASSES_CASES_H

#include "tests/passes/kit.h"

typedef struct Case {
    OpCode code;
    double low, high; /* of the inputs: inside the domain, away from kinks where one is at the end of it */
    Value (*build)(Bench *bench);
} Case;

extern const Case cases[];
extern const size_t case_count;

#endif
