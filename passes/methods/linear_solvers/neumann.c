/* v = a (g + (1 - a H) g + ... + (1 - a H)^K g), which becomes the solution for more and more terms K if all eigenvalues of a H
 * lie between 0 and 2 (J. Lorraine, P. Vicol and D. Duvenaud, Optimizing Millions of Hyperparameters by Implicit Differentiation,
 * AISTATS 2020, algorithm 3). In steps v <- v + a r, r <- r - a H r from v = 0, r = g, so that r is g - H v. */
#include "passes/methods/linear_solvers/linear_system.h"

static Solution solve(LinearSystem *s, Value *v)
{
    Builder *b = s->b;
    const Train *train = s->assembly->train;
    Type real = type_scalar(b->module->real);
    Value *zero = support_malloc(s->n * sizeof *zero), *r = support_malloc(s->n * sizeof *r),
          *next = support_malloc(s->n * sizeof *next);
    for (uint32_t i = 0; i < s->n; i++)
        zero[i] = build_const(b, value_type(b, s->right[i]), 0);
    SolverLoop loop = solver_loop_begin(s);
    loop_carry_vector(&loop, zero, v);
    loop_carry_vector(&loop, s->right, r);
    Value rate = build_const(b, real, solver_argument(train, "rate")),
          back = build_const(b, real, -solver_argument(train, "rate"));
    system_add(s, v, rate, r, next);
    loop_set_vector(&loop, v, next);
    system_apply(s, r, next);
    system_add(s, r, back, next, next);
    loop_set_vector(&loop, r, next);
    solver_loop_end(&loop, (int64_t)solver_argument(train, "terms") + 1);
    loop_last_vector(&loop, v, v);
    loop_last_vector(&loop, r, r);
    Solution solution = {system_relative(s, r, s->right), NO_VALUE};
    solver_loop_free(&loop);
    support_free(zero);
    support_free(r);
    support_free(next);
    return solution;
}

const LinearSolver linear_solver_neumann = {solve};
