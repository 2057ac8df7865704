/* Trains by implicit: weights are trained on a lower loss, hyperparameters descend an upper one, whose derivative through the
 * weights a linear solver finds. */
#include "frontend/declare/train_plan.h"

static const Construct solver_rows[LINEAR_SOLVER_COUNT] = {
#define LINEAR_SOLVER(KIND, name, loop, shown, ...) CALLED(#name, shown, __VA_ARGS__),
#include "ir/linear_solvers.def"
#undef LINEAR_SOLVER
};

static const SolverLoopKind solver_loops[LINEAR_SOLVER_COUNT] = {
#define LINEAR_SOLVER(KIND, name, loop, ...) loop,
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
    implicit->loop = solver_loops[kind];
    implicit->solver_text = construct_text(&plan->s->module->arena, row, arguments);
    for (int i = 0; i < MOST_SOLVER_ARGUMENTS && row->parameters[i].takes != TAKES_NOTHING; i++)
        implicit->arguments[implicit->argument_count++] = (NamedNumber){row->parameters[i].label, arguments[i].number};
}

/* Where weights, v and hyperparameters move at once, what the train says of their order must be that. */
static void check_at_once(Session *s, const Decl *decl, const Train *train)
{
    const Setting *every = setting_of(decl, "every"), *after = setting_of(decl, "after"),
                  *parts = setting_of(decl, "micro_batch"), *solver = setting_of(decl, "solver");
    const Function *loss = train->phases.len ? train->phases.data[0].objective : NULL;
    if (train->implicit->loop != AT_ONCE || !solver)
        return;
    const char *what = train->implicit->solver_text;
    if (every && (train->every_lower != 1 || train->every_upper != 1))
        fail(s, every->span,
             "%s moves weights and hyperparameters in the same step: 'every 1 lower, 1 upper', or leave the line out", what);
    if (after)
        fail(s, after->span, "%s moves hyperparameters from the first step on: leave 'after' out", what);
    if (parts)
        fail(s, parts->span, "%s has no micro-batches: a batch is differentiated twice, as a whole", what);
    for (uint32_t i = 0; i < (loss ? loss->outputs.len : 0); i++) {
        const char *statistic = running_statistic(loss->outputs.data[i].name);
        if (statistic)
            fail(s, solver->span, "%s cannot train nets with running statistics, such as '%s'", what, statistic);
    }
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
    check_at_once(s, decl, train);
}

const MethodReader reader_implicit = {.lower = lower, .check = check};
