/* Building small functions and running them with the interpreter. */
#ifndef HNC_TESTS_PASSES_KIT_H
#define HNC_TESTS_PASSES_KIT_H

#include "passes/passes.h"

typedef struct Bench {
    Module *module;
    Function *function;
    Builder b;
    unsigned invariant; /* bit i: the i-th input asked for becomes a read of a state instead */
    unsigned asked;
} Bench;

Bench bench_new(void); /* an f64 module with one empty function "f" */
void bench_free(Bench *bench);
/* An f64 input of these extents (rank first: `bench_input(&b, 2, 3, 4)` is f64[3, 4]). */
Value bench_input(Bench *bench, int rank, ...);
Value bench_typed_input(Bench *bench, Type type);
Type f64_type(int rank, ...);
/* Reproducible numbers in (low, high). */
double sample(uint64_t index, double low, double high);
/* Random tensors for the function's inputs: floats in (low, high), integers in [0, limit). */
Tensor *random_inputs(const Function *function, double low, double high, int limit);
void free_inputs(const Function *function, Tensor *inputs);
/* Runs the function (fails the test on an error); outputs are freed with interpret_free_outputs. States start at zero if NULL. */
Tensor *run(const Bench *bench, const Function *function, const Tensor *inputs, Tensor *states);
/* Largest |a - b| over the largest |b|. */
double difference(const Tensor *a, const Tensor *b);
uint32_t count_ops(const Function *function, OpCode code);
/* Fails the test with the verifier's text if the function does not verify. */
void assert_verifies(const Bench *bench, const Function *function);

#endif
