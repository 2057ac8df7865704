/* The list of solvers, and what several of them need. */
#include "pareto/externs.h"
#include "passes/methods/methods.h"

const Solver *solver_of(SolverKind kind)
{
    static const Solver *const solvers[SOLVER_COUNT] = {
        [SOLVER_LINEAR] = &solver_linear,
        [SOLVER_TCHEBYCHEFF] = &solver_tchebycheff,
        [SOLVER_SMOOTH_TCHEBYCHEFF] = &solver_smooth_tchebycheff,
        [SOLVER_COSMOS] = &solver_cosmos,
        [SOLVER_EPO] = &solver_epo,
        [SOLVER_MGDA] = &solver_mgda,
        [SOLVER_PMTL] = &solver_pmtl,
    };
    return solvers[kind];
}

Value weighted_sum(const Objectives *objectives)
{
    Builder *b = objectives->b;
    Value sum = NO_VALUE;
    for (uint32_t i = 0; i < objectives->m; i++) {
        Value term = build_binary(b, OP_MUL, objectives->entry[i], objectives->loss[i]);
        sum = i == 0 ? term : build_binary(b, OP_ADD, sum, term);
    }
    return sum;
}

Value largest_of(Builder *b, uint32_t n, const Value *scalars)
{
    Value largest = scalars[0];
    for (uint32_t i = 1; i < n; i++)
        largest = build_binary(b, OP_MAX, largest, scalars[i]);
    return largest;
}

Value build_vector(Builder *b, uint32_t n, const Value *scalars)
{
    Value parts[PARETO_MOST_OBJECTIVES * PARETO_MOST_OBJECTIVES];
    for (uint32_t i = 0; i < n; i++)
        parts[i] = build_reshape(b, scalars[i], type_of(value_type(b, scalars[i]).dtype, 1, (int64_t[]){1}));
    return build_concat(b, n, parts, 0);
}

Value weigh_by_extern(const Objectives *objectives, Value gram, uint32_t code)
{
    Builder *b = objectives->b;
    uint32_t m = objectives->m, operands = extern_info[code].operands;
    Value losses = build_vector(b, m, objectives->raw);
    Type type = type_of(b->module->real, 1, (int64_t[]){m + 1});
    Value args[EXTERN_MOST_OPERANDS] = {losses, objectives->ray, gram};
    if (operands > 3)
        args[3] = build_read(b, objectives->pareto->rays_state);
    return build_extern(b, code, type, operands, args);
}
