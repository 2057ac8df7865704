/* Pareto multi-task learning (Lin et al., NeurIPS 2019). First phase, for some epochs at most: least norm over the gradients of
 * the constraints that keep the losses out of the sector of the ray, among those of all rays that are evaluated. Second phase:
 * least norm over these gradients and the gradients of the losses. */
#include "pareto/externs.h"
#include "passes/methods/methods.h"

/* Whether the step lies within the first phase. */
static Value build_initial(const Objectives *objectives)
{
    Builder *b = objectives->b;
    Value epoch_steps = real_input(b, "epoch_steps"), done = steps_done(objectives->assembly, b);
    return build_binary(b, OP_LT, done, build_with_const(b, OP_MUL, epoch_steps, objectives->pareto->strength));
}

static Value weigh(const Objectives *objectives, Value gram)
{
    Value initial = build_initial(objectives);
    Value extra[] = {initial, build_read(objectives->b, objectives->pareto->rays_state)};
    return weigh_by_extern(objectives, gram, EXTERN_PMTL, 2, extra);
}

const Solver solver_pmtl = {.weigh = weigh, .nonnegative = true, .all_rays = true};
