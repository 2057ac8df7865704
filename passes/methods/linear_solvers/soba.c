/* One step of gradient descent for H v = g on the batch that moves the weights, too: all of w, v and the hyperparameters take a
 * step at once, each from where the others were (SOBA of M. Dagreou, P. Ablin, S. Vaiter and T. Moreau, A Framework for Bilevel
 * Optimization that Enables Stochastic and Global Variance Reduction Algorithms, NeurIPS 2022). */
#include "passes/methods/linear_solvers/linear_system.h"

static Solution solve(LinearSystem *s, Value *v)
{
    Value *r = support_malloc((s->n + 1) * sizeof *r);
    descent_step(s, s->start, r, v);
    Solution solution = {system_relative(s, r, s->right), NO_VALUE}; /* before the step: behind it takes another product */
    support_free(r);
    return solution;
}

const LinearSolver linear_solver_soba = {solve};
