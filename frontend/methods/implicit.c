/* Trains by implicit: weights are trained on a lower loss, hyperparameters descend an upper one, whose derivative through the
 * weights a linear solver finds. */
#include "frontend/declare/train_plan.h"

static const Construct solver_rows[LINEAR_SOLVER_COUNT] = {
#define LINEAR_SOLVER(KIND, name, shown, ...) CALLED(#name, shown, __VA_ARGS__),
#include "ir/linear_solvers.def"
#undef LINEAR_SOLVER
};

static void read_solver(TrainPlan *plan)
{
    Implicit *implicit = plan->train.implicit;
    Argument arguments[MOST_PARAMETERS];
    int kind = needed_construct(plan, "solver", "solver cg(32)", CONSTRUCTS(solver_rows), "a solver", arguments);
    if (kind < 0)
        return;
    const Construct *row = &solver_rows[kind];
    implicit->solver = (LinearSolverKind)kind;
    implicit->solver_text = construct_text(&plan->s->module->arena, row, arguments);
    for (int i = 0; i < MOST_SOLVER_ARGUMENTS && row->parameters[i].takes != TAKES_NOTHING; i++)
        implicit->arguments[implicit->argument_count++] = (NamedNumber){row->parameters[i].label, arguments[i].number};
}

static void lower(TrainPlan *plan)
{
    plan->train.implicit = ARENA_NEW(&plan->s->module->arena, Implicit);
    read_common(plan);
    read_solver(plan);
    read_alternation(plan);
    lower_phase(plan, "lower", false);
    lower_phase(plan, "upper", true);
    lower_metrics(plan, "upper");
}

static void check(Session *s, const Decl *decl, const Train *train)
{
    warn_of_unused_hypers(s, decl, train);
    warn_of_same_split(s, decl, train);
}

const MethodReader reader_implicit = {.lower = lower, .check = check};
