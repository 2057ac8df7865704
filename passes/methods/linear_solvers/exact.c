/* v by elimination: H is made, row by row, and (H + ridge) v = g solved. For nets of few numbers: memory grows with the square of
 * how many there are, and time with the cube. */
#include "passes/methods/linear_solvers/linear_system.h"

enum { MOST_NUMBERS = 4096 };

static Solution solve(LinearSystem *s, Value *v)
{
    Builder *b = s->b;
    int64_t count = system_numbers(s);
    if (count > MOST_NUMBERS)
        limit_error(b, b->line, "the solver exact makes a matrix of %lld x %lld (limit is %d): 'cg(32)' makes none",
                    (long long)count, (long long)count, MOST_NUMBERS);
    Value matrix = system_rows(s, build_iota(b, type_of(DTYPE_I32, 1, &count), 0)), right = system_flat(s, s->right);
    matrix = add_to_diagonal(b, matrix, solver_argument(s->assembly->train, "ridge"));
    Value solution = solve_dense(b, matrix, right);
    Value product = build_dot(b, matrix, solution, dims_of(1, 1), dims_of(1, 0), (Dims){0}, (Dims){0});
    Value *rest = support_malloc(s->n * sizeof *rest);
    system_tensors(s, build_binary(b, OP_SUB, right, product), rest);
    system_tensors(s, solution, v);
    Solution found = {system_relative(s, rest, s->right), NO_VALUE};
    support_free(rest);
    return found;
}

const LinearSolver linear_solver_exact = {solve};
