/* Backwards through all steps at once: the cost does not depend on the number of hyperparameters, and what the steps made is kept or
 * computed again (D. Maclaurin, D. Duvenaud and R. Adams, Gradient-based Hyperparameter Optimization through Reversible Learning, ICML
 * 2015; L. Franceschi et al., Forward and Reverse Gradient-Based Hyperparameter Optimization, ICML 2017, algorithm 1). */
#include "passes/methods/unrolls/unrolls.h"

static Value derivative(Builder *b, Value loss, Value of)
{
    return build_grad(b, loss, of);
}

const Unroll unroll_reverse = {derivative};
