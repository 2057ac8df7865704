/* Tchebycheff scalarisation with ideal point 0: max_i r_i l_i. It reaches every Pareto optimal point, of concave fronts too; its
 * gradient is that of the worst objective alone. (Miettinen, "Nonlinear multiobjective optimization", 1999, section 3.4) */
#include "passes/methods/methods.h"

static Value scalarise(const Objectives *objectives)
{
    Value weighted[PARETO_MOST_OBJECTIVES];
    for (uint32_t i = 0; i < objectives->m; i++)
        weighted[i] = build_binary(objectives->b, OP_MUL, objectives->entry[i], objectives->loss[i]);
    return largest_of(objectives->b, objectives->m, weighted);
}

const Solver solver_tchebycheff = {.scalarise = scalarise, .nonnegative = true};
