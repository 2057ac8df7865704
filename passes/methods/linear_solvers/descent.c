/* Steps of gradient descent for H v = g, v <- v + a (g - H v), which go on from the last solution: few of them beside few steps
 * of the weights (M. Arbel and J. Mairal, Amortized Implicit Differentiation for Stochastic Bilevel Optimization, ICLR 2022:
 * AmIGO). */
#include "passes/methods/linear_solvers/linear_system.h"

void descent_step(LinearSystem *s, const Value *v, Value *r, Value *next)
{
    Builder *b = s->b;
    Type real = type_scalar(b->module->real);
    system_apply(s, v, r);
    system_add(s, s->right, build_const(b, real, -1), r, r);
    system_add(s, v, build_const(b, real, solver_argument(s->assembly->train, "rate")), r, next);
}

static Solution solve(LinearSystem *s, Value *v)
{
    Builder *b = s->b;
    Value *first = support_malloc(4 * s->n * sizeof *first), *r = first + s->n, *left = r + s->n, *next = left + s->n;
    for (uint32_t i = 0; i < s->n; i++)
        first[i] = s->start ? s->start[i] : build_const(b, value_type(b, s->right[i]), 0);
    SolverLoop loop = solver_loop_begin(s);
    loop_carry_vector(&loop, first, v);
    loop_carry_vector(&loop, s->right, r);
    descent_step(s, v, left, next);
    loop_set_vector(&loop, r, left);
    loop_set_vector(&loop, v, next);
    solver_loop_end(&loop, (int64_t)solver_argument(s->assembly->train, "steps"));
    loop_last_vector(&loop, v, v);
    loop_last_vector(&loop, r, r);
    Solution solution = {system_relative(s, r, s->right), NO_VALUE}; /* before the last step: behind it takes another product */
    solver_loop_free(&loop);
    support_free(first);
    return solution;
}

const LinearSolver linear_solver_descent = {solve};
