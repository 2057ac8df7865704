/* Transforms of IR functions. Each pass is one file with one exported function; each leaves a function that verifies.
 *
 * A pass rebuilds a function op by op (passes/rewrite.h) and replaces it in place, so values of the old function are invalid
 * afterwards; outputs, inputs and state writes keep their names and meaning. No pass depends on addresses or hash order. */
#ifndef HNC_PASSES_PASSES_H
#define HNC_PASSES_PASSES_H

#include "ir/model.h"
#include "support/diagnostics.h"

/* ---- per example ---- */

/* Replaces every `param` by what its form makes of it; creates the form's states (with their initialisers) on first use. */
void pass_weights(Model *model, Function *function);
/* Pulls invariant matrices out of products whose operand varies only by row scales and sums:
 * (E + a U) @ x = E @ x + a (U @ x); also scales on contracted axes: sum_ij (a_i U_ij)^2 = sum_i a_i^2 sum_j U_ij^2. */
void pass_factor(Module *module, Function *function);

/* sum over i of |x_i - y_i|^2, over all elements of n pairs of tensors of equal types (gram.c): `rest`, a scalar, and for tensors
 * that are pieces of wide products, without the tensors, tr(G C'C) per pair of a small matrix G and a head C, rows of it in most cases. Between begin and
 * end, what differs may be mapped (ir/map.h) and summed again: `rest` and the small matrices, but not the heads. `repeats`: how
 * often a mapping will repeat them, which says whether they pay. The end gives the sum, and in *slope what has the sum's first
 * derivatives, but another value; it frees the lists. */
typedef struct HeadRange {
    Value difference;  /* rows of C = [H, H - H*, b - b*] */
    Value own, other;  /* of [H, b] and [H*, b*]; without biases, of H and H* */
} HeadRange;

typedef struct SquareDistance {
    Value rest;
    VEC(Value) grams;
    VEC(HeadRange) heads;
} SquareDistance;
void square_distance_begin(Builder *b, uint32_t n, const Value *x, const Value *y, int64_t repeats, SquareDistance *distance);
Value square_distance_end(Builder *b, SquareDistance *distance, Value *slope);

/* ---- batching ---- */

/* Gives varying values a leading axis of `batch` examples, replaces `example` by a fetch through the new input "index"
 * (i32[batch]), and `across_*` by reductions over the batch axis. With `masked`, a new input "mask" (bool[batch]) says which
 * examples count. An output that varies keeps its batch axis. */
void pass_batch(Module *module, Function *function, int64_t batch, bool masked);

/* ---- differentiation ---- */

/* Expands every `grad` and `tangent` op, in program order: reverse mode (vjp.c) and forward mode
 * (jvp.c). Both compose, so a tangent of a grad is a Hessian-vector product. */
void pass_differentiate(Module *module, Function *function);
/* Sums over windows that overlap, and products that read windows, as ops that have a kernel: windows.c. */
void pass_windows(Module *module, Function *function);
/* Convolutions with kernels of 3 x 3 by fewer multiplications, where this pays: winograd.c. After pass_windows. */
void pass_winograd(Module *module, Function *function);
/* Once all derivatives are taken, every `stop` is its operand. */
void pass_stops(Module *module, Function *function);
/* Appends gradients of the scalar `y` with respect to xs[0..n) and gives them in grads[]; used by pass_differentiate. */
void vjp_append(Builder *b, Value y, uint32_t n, const Value *xs, Value *grads);
/* Appends the directional derivative of `y` along tangents of leaves. What becomes the body of a scan is made by this: `tangent` is not
 * expanded in bodies. */
Value jvp_append(Builder *b, Value y, uint32_t n, const Value *leaves, const Value *tangents);
/* The sum of n tensors of one type that are pads along one axis, as their pieces side by side with zeros between them. NO_VALUE:
 * they are not, or two pieces overlap. */
Value join_pads(Builder *b, uint32_t n, const Value *pads);
/* dy/dx of the unary elementwise op that made `y` from `x`, to be multiplied by `along`, a cotangent or tangent: where that is 0
 * and the derivative infinite although y is not (a root at 0), the derivative counts as 0. */
Value unary_derivative(Builder *b, OpCode code, Value x, Value y, Value along);
/* The derivatives of y = x^p with respect to x (as above) and to p. */
Value pow_base_derivative(Builder *b, Value x, Value p, Value along);
Value pow_exponent_derivative(Builder *b, Value x, Value p, Value y);

/* ---- clean-up and optimisation, at any stage ---- */

void pass_simplify(Module *module, Function *function); /* algebraic identities, constant folding */
/* The slice of a concat as a slice of one of its pieces; NO_VALUE: it is of more than one. */
Value slice_of_concat(Builder *b, const Op *slice, const Op *concat);
void pass_outer(Module *module, Function *function);    /* sums and products of outer products by their factors */
void pass_cse(Module *module, Function *function);      /* equal pure ops become one */
void pass_dce(Module *module, Function *function);      /* drops what no output or write needs */
void pass_hoist(Module *module, Function *function);    /* what need not run step by step leaves loops. After differentiation */
/* A matrix that a loop multiplies with in every step is laid out once, before the loop. After the passes that look for products
 * with states. */
void pass_panels(Module *module, Function *function);
/* A matrix as [panels, k, width]: `width` columns side by side for every k, which is its axis `axis`; zeros fill up the last panel. */
Value build_panels_of(Builder *b, Value matrix, int64_t axis, int64_t width);
/* Products of several vectors with one matrix state become one product. After differentiation. */
void pass_stack(Module *module, Function *function);
/* Products of a vector and a large matrix state that the step also updates, without waiting for the product, become sums of
 * elementwise products: the update's kernel makes them while it reads the matrix. After clean-up. */
void pass_read_once(Module *module, Function *function);
/* Products that only one sum or difference uses become part of it: x y + z is rounded once. Last but for bounds. */
void pass_contract(Module *module, Function *function);
/* Clamps indices that may lie outside their table to its rows, and leaves in states which ones it had to clamp (Module.bounds).
 * An index that is known to lie outside ends the process with a message at its line, as limit_error. After all others. */
void pass_bounds(Module *module, Function *function);
/* Products of one operand with several states become one product with their concatenation. Before differentiation, so that the
 * gradients come out merged too. */
void pass_merge(Module *module, Function *function);

/* ---- the table behind `hnc opt --passes=` ---- */

typedef struct PassInfo {
    const char *name, *summary;
    void (*run)(Module *module, Function *function);
    bool whole; /* it knows of states, examples or bodies: it is not run on the bodies of loops, whose ops are like any others */
} PassInfo;
extern const PassInfo pass_table[];
extern const uint32_t pass_count;
const PassInfo *pass_by_name(const char *name);

/* What happens between passes: dumps and checks asked for on the command line. A parameter of this type may be NULL. */
typedef struct PassTrace {
    const char *print_after; /* a pass name, "all", or NULL */
    bool verify_each;
    FILE *out;
    Text *failure; /* gets the first violation found by verify_each */
} PassTrace;
/* Runs pass_by_name(name) on the function, then dumps and verifies as the trace asks. */
void pass_run(const PassTrace *trace, const char *name, Module *module, Function *function);
/* What every step goes through last: expands gradients, then cleans up and optimises. */
void pass_finish(const PassTrace *trace, Module *module, Function *function);
/* The dumps and checks alone, for transforms with other signatures. */
void pass_traced(const PassTrace *trace, const char *name, Module *module, Function *function);

/* From a function of one example to a batch, ready for gradients; pass_batch says what `masked` adds. */
void function_batch(const PassTrace *trace, Module *module, Function *function, int64_t batch, bool masked);
/* pass_finish, then the check of indices: the last thing done to a function. */
void function_finish(const PassTrace *trace, Module *module, Function *function);

/* ---- methods ---- */

/* Turns the model's train into its step, init, evaluation and report functions (docs/methods.md). */
void method_assemble(Model *model, Train *train, PassTrace *trace);

/* ---- exports: methods/exports.c ---- */

/* After method_assemble, for programs: splits every export into what its conditions generate and a batch of examples. */
void exports_finish(Model *model, const PassTrace *trace);
/* The two halves of it. What depends on no example becomes a function of its own, to be finished, which leaves it in new states of
 * role scratch; NULL: there is nothing. Then what is left computes `rows` examples per call, as export->rows says afterwards: 0, one example
 * without an axis, where a batch is of no use. */
Function *export_split(Module *module, Export *export);
/* Whether the function's input of that number belongs to examples: it is no condition among the arguments of the export. */
bool is_of_an_example(const Function *function, uint32_t input, const void *export);
void export_finish(Module *module, Export *export, int64_t rows, const PassTrace *trace);

/* The settings of the train's method, as lines of `hnc explain`. */
void method_explain(const Train *train, Text *out);
/* A line for an optimizer: "  lower      adam(0.001, ..., cosine) of PART"; `part` NULL: it trains what no other one does. */
void optimizer_explain(const char *what, const Optimizer *optimizer, const char *part, Text *out);

/* Whether the weight belongs to a net and is computed from other numbers, none of which come from a file. */
bool method_spreads(const Model *model, uint32_t weight);
/* After method_assemble: a function of states whose outputs are the deviations of these weights, over all elements and typical
 * values of the conditions; of a weight that begins at a constant, from this constant. */
Function *method_spread(Model *model, Train *train, const PassTrace *trace);
/* At how many values of the conditions it computes so many numbers. */
int64_t typical_count(int64_t elements);

/* How many losses the train differentiates: its phases', or pareto's objectives. */
uint32_t method_losses(const Train *train);
/* The phase that a loss belongs to. */
const Phase *method_phase(const Train *train, uint32_t number);
/* A new function with the loss of that number as output "loss" and `batch` rows as its only input; its `stop`s are still there.
 * `plain`: as the objective defines it, with no transform for speed. */
Function *method_loss(Model *model, Train *train, uint32_t number, int64_t batch, bool plain);
/* A new function with outputs "loss" and, named after each state it depends on, the gradient of loss number `number`: weights,
 * and in the upper phase the condition's value and scale. Inputs as the phase's step. */
Function *method_gradients(Model *model, Train *train, uint32_t number);

#endif
