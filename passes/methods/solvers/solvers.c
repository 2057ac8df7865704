/* The table of solvers. */
#include "passes/methods/methods.h"

const Solver *solver_of(SolverKind kind)
{
    static const Solver *const solvers[SOLVER_COUNT] = {
#define SOLVER(KIND, name, ...) &solver_##name,
#include "ir/solvers.def"
#undef SOLVER
    };
    return solvers[kind];
}
