/* Smooth Tchebycheff scalarisation with ideal point 0: mu ln sum_i exp(r_i l_i / mu), which tends to max_i r_i l_i as mu goes to
 * 0 (Lin et al., "Smooth Tchebycheff scalarization for multi-objective optimization", ICML 2024, eq. 8). */
#include "passes/methods/methods.h"

static Value scalarise(const Objectives *objectives)
{
    Builder *b = objectives->b;
    double mu = objectives->pareto->strength;
    Value scaled[PARETO_MOST_OBJECTIVES], sum = NO_VALUE, zero = build_const(b, type_scalar(b->module->real), 0);
    for (uint32_t i = 0; i < objectives->m; i++) {
        Value weighted = build_binary(b, OP_MUL, objectives->entry[i], objectives->loss[i]);
        scaled[i] = build_with_const(b, OP_DIV, weighted, mu);
    }
    /* the largest is subtracted before the exponentials and added after them: nothing overflows */
    Value largest = build_unary(b, OP_STOP, largest_of(b, objectives->m, scaled));
    for (uint32_t i = 0; i < objectives->m; i++) {
        Value term = build_unary(b, OP_EXP, build_binary(b, OP_SUB, scaled[i], largest));
        term = build_select(b, objectives->defined[i], term, zero);
        sum = i == 0 ? term : build_binary(b, OP_ADD, sum, term);
    }
    Value least = build_const(b, value_type(b, sum), 1e-30); /* matters only where no objective is defined */
    Value log = build_unary(b, OP_LOG, build_binary(b, OP_MAX, sum, least));
    return build_with_const(b, OP_MUL, build_binary(b, OP_ADD, log, largest), mu);
}

const Solver solver_smooth_tchebycheff = {.scalarise = scalarise, .nonnegative = true};
