/* The table of linear solvers, and their arguments. */
#include <assert.h>
#include <string.h>

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

static const NamedNumber *find_argument(const Train *train, const char *label)
{
    const Implicit *implicit = train->implicit;
    for (uint32_t i = 0; i < implicit->argument_count; i++)
        if (strcmp(implicit->arguments[i].label, label) == 0)
            return &implicit->arguments[i];
    return NULL;
}

bool has_solver_argument(const Train *train, const char *label)
{
    return find_argument(train, label) != NULL;
}

double solver_argument(const Train *train, const char *label)
{
    const NamedNumber *argument = find_argument(train, label);
    assert(argument);
    return argument->number;
}
