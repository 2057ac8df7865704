/* Pareto multi-task learning (Lin et al., NeurIPS 2019), its second phase: least norm over the gradients of the losses and of the
 * constraints that keep the losses in the sector of the ray, among those of all rays that are evaluated. */
#include "pareto/externs.h"
#include "passes/methods/methods.h"

static Value weigh(const Objectives *objectives, Value gram)
{
    return weigh_by_extern(objectives, gram, EXTERN_PMTL);
}

const Solver solver_pmtl = {.weigh = weigh};
