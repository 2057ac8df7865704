/* Between the files that make random IR functions: generate_ops.c adds ops, generate_ir.c makes functions of them. */
#ifndef HNC_TESTS_RANDOM_GENERATOR_H
#define HNC_TESTS_RANDOM_GENERATOR_H

#include "passes/passes.h"
#include "tests/random/generate.h"

enum { MOST_VALUES = 400, STATES = 3, MOST_RANK = 5 };

typedef struct Generator {
    Dice dice;
    Module *module;
    Builder b;
    DType real;
    uint32_t states[STATES];
    bool written[STATES];
    bool smooth; /* to be differentiated: kinks need exact operands */
    int64_t most_elements;
    int64_t extents[3]; /* that most axes have: few, so that many values have one shape and meet in one loop */
    unsigned n;
    Value values[MOST_VALUES];
    bool exact[MOST_VALUES];
    bool product[MOST_VALUES]; /* exact, but a sum with it may be rounded once (fma) or twice */
    Value index, seed, step;
    unsigned number; /* of the op being added */
} Generator;

/* A random number below n. */
unsigned below(Generator *g, unsigned n);
/* Keeps a value for later ops. */
void keep(Generator *g, Value v, bool exact);
int64_t any_extent(Generator *g);
int64_t random_extent(Generator *g);
Type random_shape(Generator *g);
/* Adds some op or construct, whose random numbers have a stream of that number. */
void add_op(Generator *g, unsigned number);

#endif
