/* The table of linear solvers. */
#include "passes/methods/linear_solvers/linear_system.h"

const LinearSolver *linear_solver_of(const Train *train)
{
    static const LinearSolver *const solvers[LINEAR_SOLVER_COUNT] = {
#define LINEAR_SOLVER(KIND, name, ...) &linear_solver_##name,
#include "ir/linear_solvers.def"
#undef LINEAR_SOLVER
    };
    return solvers[train->implicit->solver];
}
