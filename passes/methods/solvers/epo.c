/* Exact Pareto optimal search (Mahapatra & Rajan, ICML 2020): a linear programme on the Gram matrix of the gradients, exact; see
 * pareto/pareto.h. */
#include "pareto/externs.h"
#include "passes/methods/methods.h"

static Value weigh(const Objectives *objectives, Value gram)
{
    return weigh_by_extern(objectives, gram, EXTERN_EPO, 0, NULL);
}

const Solver solver_epo = {.weigh = weigh, .nonnegative = true};
