/* COSMOS: linear scalarisation less lambda times the cosine between losses and ray (Ruchte & Grabocka, "Scalable Pareto front
 * approximation for deep multi-objective learning", ICDM 2021, eq. 6). */
#include "passes/methods/methods.h"

static Value scalarise(const Objectives *objectives)
{
    Builder *b = objectives->b;
    Value aligned = build_with_const(b, OP_MUL, cosine_of(objectives, objectives->entry), objectives->pareto->strength);
    return build_binary(b, OP_SUB, weighted_sum(objectives), aligned);
}

const Solver solver_cosmos = {.scalarise = scalarise, .nonnegative = true};
