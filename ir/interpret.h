/* What the files of the interpreter share. */
#ifndef HNC_IR_INTERPRET_H
#define HNC_IR_INTERPRET_H

#include "ir/internal.h"

/* One execution of a function. */
typedef struct Run {
    const Module *module;
    const Function *function;
    World *world;
    const Tensor *inputs;
    Tensor *values; /* one per op; data NULL before it is computed and after its last use */
    Tensor *writes; /* one per state; data NULL where the function does not write it */
    char *why;
    bool (*run_body)(const Module *module, const Function *body, World *world, const Tensor *inputs, Tensor **outputs,
                     char why[static 256]); /* interpret(): of a loop */
} Run;

/* Computes `op` into `out`, which has the op's type and room for it. False with a sentence in run->why where the data is at
 * fault. */
typedef bool Eval(const Run *run, const Op *op, Tensor *out);

/* By op; NULL where the file does not hold it. */
extern Eval *const elementwise_evals[OP_COUNT]; /* interpret_elementwise.c */
extern Eval *const scan_evals[OP_COUNT];        /* interpret_scan.c */
extern Eval *const structure_evals[OP_COUNT];   /* interpret_structure.c: movement, reductions, products, indexing */

/* The value of operand i. */
const Tensor *operand_tensor(const Run *run, const Op *op, uint32_t i);
/* Always false. */
bool run_error(const Run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
