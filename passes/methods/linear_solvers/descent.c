/* Steps of gradient descent for H v = g, v <- v + a (g - H v), which go on from the last solution: few of them, often one, beside few
 * steps of the weights, so that weights, v and hyperparameters move in one loop (M. Dagreou, P. Ablin, S. Vaiter and T. Moreau, A
 * Framework for Bilevel Optimization that Enables Stochastic and Global Variance Reduction Algorithms, NeurIPS 2022: SOBA, one
 * step; M. Arbel and J. Mairal, Amortized Implicit Differentiation for Stochastic Bilevel Optimization, ICLR 2022: AmIGO,
 * several). */
#include "passes/methods/linear_solvers/linear_system.h"

static Solution solve(LinearSystem *s, Value *v)
{
    Builder *b = s->b;
    const Train *train = s->assembly->train;
    Type real = type_scalar(b->module->real);
    Value *first = support_malloc(3 * s->n * sizeof *first), *r = first + s->n, *next = r + s->n;
    for (uint32_t i = 0; i < s->n; i++)
        first[i] = s->start ? s->start[i] : build_const(b, value_type(b, s->right[i]), 0);
    SolverLoop loop = solver_loop_begin(s);
    loop_carry_vector(&loop, first, v);
    loop_carry_vector(&loop, s->right, r);
    system_apply(s, v, next);
    system_add(s, s->right, build_const(b, real, -1), next, next);
    loop_set_vector(&loop, r, next);
    system_add(s, v, build_const(b, real, solver_argument(train, "rate")), next, next);
    loop_set_vector(&loop, v, next);
    solver_loop_end(&loop, (int64_t)solver_argument(train, "steps"));
    loop_last_vector(&loop, v, v);
    loop_last_vector(&loop, r, r);
    Solution solution = {system_relative(s, r, s->right), NO_VALUE}; /* before the last step: behind it takes another product */
    solver_loop_free(&loop);
    support_free(first);
    return solution;
}

const LinearSolver linear_solver_descent = {solve};
