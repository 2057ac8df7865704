/* COSMOS: linear scalarisation less lambda times the cosine between losses and ray (Ruchte & Grabocka, "Scalable Pareto front
 * approximation for deep multi-objective learning", ICDM 2021, eq. 6). */
#include "passes/methods/methods.h"

static Value norm(Builder *b, uint32_t m, const Value *x)
{
    Value sum = NO_VALUE;
    for (uint32_t i = 0; i < m; i++) {
        Value square = build_binary(b, OP_MUL, x[i], x[i]);
        sum = i == 0 ? square : build_binary(b, OP_ADD, sum, square);
    }
    return build_unary(b, OP_SQRT, build_with_const(b, OP_ADD, sum, 1e-24)); /* has a derivative at 0, too */
}

static Value scalarise(const Objectives *objectives)
{
    Builder *b = objectives->b;
    Value along = weighted_sum(objectives);
    Value lengths = build_binary(b, OP_MUL, norm(b, objectives->m, objectives->loss), norm(b, objectives->m, objectives->entry));
    Value cosine = build_binary(b, OP_DIV, along, lengths);
    return build_binary(b, OP_SUB, along, build_with_const(b, OP_MUL, cosine, objectives->pareto->strength));
}

const Solver solver_cosmos = {.scalarise = scalarise};
