/* H by some of its columns, C, and where these cross, W: H is taken for C W^-1 C', of which (H + ridge) v = g has the solution
 *
 *     v = (g - C (ridge W + C' C)^-1 C' g) / ridge
 *
 * (R. Hataya and M. Yamada, Nystroem Method for Accurate and Scalable Implicit Differentiation, AISTATS 2023). The columns are
 * evenly spread from a random one on. */
#include "passes/methods/linear_solvers/linear_system.h"

/* `columns` of `count` numbers. */
static Value spread(LinearSystem *s, int64_t columns, int64_t count)
{
    Builder *b = s->b;
    Type real = type_scalar(b->module->real), all = type_of(b->module->real, 1, &columns);
    Value seed = build_read(b, s->assembly->seed), step = build_read(b, s->assembly->step_upper);
    Value first =
        build_with_const(b, OP_MUL, build_random(b, seed, step, real, (uint32_t)RANDOM_STREAM_COLUMN_CHOICE, 0), (double)count);
    Value even = build_with_const(b, OP_MUL, build_iota(b, all, 0), (double)count / (double)columns);
    Value places = build_cast(b, build_binary(b, OP_ADD, even, build_splat(b, first, all)), DTYPE_I32); /* below 2 count */
    Type whole = type_with_dtype(all, DTYPE_I32);
    Value back = build_with_const(b, OP_SUB, places, (double)count),
          fits = build_binary(b, OP_LT, back, build_const(b, whole, 0));
    return build_select(b, fits, places, back);
}

/* The entries of each row at these positions. */
static Value crossings(Builder *b, Value rows, Value positions)
{
    Value across = build_transpose(b, rows, dims_of(2, 1, 0));
    return build_gather(b, across, positions); /* entry (i, j) lies in row j and column i; W is symmetric */
}

static Solution solve(LinearSystem *s, Value *v)
{
    Builder *b = s->b;
    const Train *train = s->assembly->train;
    int64_t count = system_numbers(s), columns = (int64_t)solver_argument(train, "columns");
    double ridge = solver_argument(train, "ridge");
    if (columns > count)
        limit_error(b, b->line, "the solver nystroem takes %lld columns of a matrix that has %lld", (long long)columns,
                    (long long)count);
    Value positions = spread(s, columns, count), rows = system_rows(s, positions), right = system_flat(s, s->right);
    Value within = build_with_const(b, OP_MUL, crossings(b, rows, positions), ridge);
    Value gram = build_dot(b, rows, rows, dims_of(1, 1), dims_of(1, 1), (Dims){0}, (Dims){0});
    Value seen = build_dot(b, rows, right, dims_of(1, 1), dims_of(1, 0), (Dims){0}, (Dims){0});
    Value share = solve_dense(b, build_binary(b, OP_ADD, within, gram), seen);
    Value known = build_dot(b, rows, share, dims_of(1, 0), dims_of(1, 0), (Dims){0}, (Dims){0});
    Value solution = build_with_const(b, OP_DIV, build_binary(b, OP_SUB, right, known), ridge);
    Value *rest = support_malloc(s->n * sizeof *rest), back = build_const(b, type_scalar(b->module->real), -1);
    system_tensors(s, solution, v);
    system_apply(s, v, rest);
    system_add(s, s->right, back, rest, rest);
    system_add(s, rest, build_const(b, type_scalar(b->module->real), -ridge), v, rest);
    Solution found = {system_relative(s, rest, s->right), NO_VALUE};
    support_free(rest);
    return found;
}

const LinearSolver linear_solver_nystroem = {solve};
