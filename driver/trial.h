/* What `hnc check --gradients` tries a model on: random data of its own kind, states at a point, functions run by the interpreter
 * and compiled. */
#ifndef HNC_DRIVER_TRIAL_H
#define HNC_DRIVER_TRIAL_H

#include "backend/jit.h"
#include "driver/driver.h"

typedef struct Trial {
    const Module *module;
    World world;
    Tensor *rows;
    const Train *train;
    Plan *plan; /* compiled, and with scratch memory that keeps its values */
    Jit *jit;
} Trial;

/* A trial has rows for a batch, and at least so many, all different: the loss of one example shows nothing of a batch. */
enum { TRIAL_FEWEST_ROWS = 3 };

/* Uniform in [0, 1), by stream and position. */
double trial_random(uint32_t stream, uint64_t i);

/* Data for the train's batch: bytes, labels, truth values, and standard normal numbers where the data are real; states as the
 * train's init function makes them. False after a message. */
bool trial_new(Trial *trial, const Model *model, const Train *train);
void trial_free(Trial *trial);
/* Compiles every function of the module that runs (fused, at -O2) into this process; plan_free and jit_free are trial_free's.
 */
bool trial_compile(Trial *trial);

/* The function's outputs at the trial's states; NULL after a message. Inputs: the batch's rows, a counter of 1 for any other
 * whole number, and `more` for real ones in order. */
Tensor *trial_evaluate(const Trial *trial, const Function *function, const Tensor *more);
/* Moves the weights a little, so that no two are equal by design and none is exactly 0. */
void trial_leave_start(Trial *trial, const Model *model);

/* What compiled code makes of a function: outputs, then all states (heap; tensors_free). *scratch: the scratch memory afterwards,
 * heap. */
Tensor *trial_run_compiled(const Trial *trial, uint32_t function, unsigned char **scratch);
/* What the interpreter makes of it, likewise; NULL after a message. */
Tensor *trial_run_interpreted(const Trial *trial, const Function *function);

Tensor tensor_new(Type type);
void tensors_free(Tensor *tensors, uint32_t n);
/* The largest difference relative to the largest element, or to 1. NaN against NaN is no difference. */
double tensor_difference(const Tensor *expected, const Tensor *actual);

/* ---- which op is at fault: blame.c ---- */

/* Says which ops of the loss have a derivative of their own that central differences contradict, each with its line; if none has,
 * which ones are at a kink. */
void blame_derivatives(const Trial *trial, const Function *loss);
/* Says which value compiled code computes otherwise than the interpreter first, with its line. */
void blame_compiled(const Trial *trial, uint32_t function);

#endif
