/* MGDA (Desideri 2012; Sener & Koltun, NeurIPS 2018): the point of least norm in the convex hull of the gradients. It descends
 * all objectives alike, so that the ray decides nothing but the weights that a hypernetwork makes of it. */
#include "pareto/externs.h"
#include "passes/methods/methods.h"

static Value weigh(const Objectives *objectives, Value gram)
{
    return weigh_by_extern(objectives, gram, EXTERN_MGDA, 0, NULL);
}

const Solver solver_mgda = {.weigh = weigh};
