/* v by elimination: H is made, column by column, and (H + ridge) v = g solved by Gauss and Jordan's method, where each step takes
 * the largest number of its column that is left. For nets of few numbers: memory grows with the square of how many there are, and
 * time with the cube. */
#include "passes/methods/linear_solvers/linear_system.h"

enum { MOST_NUMBERS = 4096 };

static int64_t numbers_of(const LinearSystem *s)
{
    int64_t count = 0;
    for (uint32_t i = 0; i < s->n; i++)
        count += type_elements(value_type(s->b, s->right[i]));
    return count;
}

/* The tensors of a vector one after the other, and back. */
static Value flat(LinearSystem *s, const Value *x)
{
    VEC(Value) parts = {0};
    for (uint32_t i = 0; i < s->n; i++) {
        int64_t count = type_elements(value_type(s->b, x[i]));
        vec_push(&parts, build_reshape(s->b, x[i], type_of(s->b->module->real, 1, &count)));
    }
    Value all = build_concat(s->b, parts.len, parts.data, 0);
    vec_free(&parts);
    return all;
}

static void in_tensors(LinearSystem *s, Value all, Value *x)
{
    Dims start = {.n = 1};
    for (uint32_t i = 0; i < s->n; i++) {
        Type type = value_type(s->b, s->right[i]);
        int64_t count = type_elements(type);
        x[i] = build_reshape(s->b, build_slice(s->b, all, start, type_of(type.dtype, 1, &count)), type);
        start.v[0] += count;
    }
}

/* 1 at that position of a vector of so many numbers, and 0 elsewhere. */
static Value unit(Builder *b, Value position, int64_t count)
{
    Type whole = type_of(DTYPE_I32, 1, &count);
    Value there = build_binary(b, OP_EQ, build_iota(b, whole, 0), build_splat(b, position, whole));
    return build_cast(b, there, b->module->real);
}

/* As many steps as the vector has numbers: `all` are these, `element` the one at hand. */
static Placeholder numbers(Builder *b, int64_t count)
{
    Value all = build_iota(b, type_of(DTYPE_I32, 1, &count), 0);
    return (Placeholder){build_const(b, type_scalar(DTYPE_I32), 0), all};
}

/* Row i: H e_i, which is also column i. */
static Value make_matrix(LinearSystem *s, int64_t count)
{
    Builder *b = s->b;
    Value *column = support_malloc(s->n * sizeof *column), begin = b->function->ops.len;
    Placeholder number = numbers(b, count);
    in_tensors(s, unit(b, number.element, count), column);
    system_apply(s, column, column);
    Value rows = flat(s, column);
    build_scan_of_part(b, begin, count, 0, 0, NULL, 1, &number, 1, &rows, NULL);
    support_free(column);
    return rows;
}

/* Sums over the axis of the matrix's entries where the vector along that axis is 1. */
static Value pick(Builder *b, Value matrix, Value vector, unsigned axis)
{
    Value everywhere = build_broadcast(b, vector, value_type(b, matrix), dims_of(1, (int)axis));
    return build_reduce(b, OP_REDUCE_SUM, build_binary(b, OP_MUL, matrix, everywhere), dims_of(1, (int)axis));
}

/* The step that leaves of column `number` a 1 in the row it returns, and 0 in the others. */
static Value eliminate(Builder *b, Carry *matrix, Carry *left, Value number, int64_t count)
{
    Type type = value_type(b, matrix->element);
    Value column = pick(b, matrix->element, unit(b, number, count + 1), 1);
    Value size = build_binary(b, OP_MUL, build_unary(b, OP_ABS, column), left->element);
    Value none = build_unary(b, OP_NEG, build_with_const(b, OP_SUB, left->element, 1)); /* rows that were taken come last */
    Value row = build_argmax(b, build_binary(b, OP_SUB, size, none), 0), chosen = unit(b, row, count);
    Value pivot = build_sum_of_product(b, column, chosen);
    Value taken = pick(b, matrix->element, chosen, 0);
    taken = build_binary(b, OP_DIV, taken, build_splat(b, pivot, value_type(b, taken)));
    Value factor = build_binary(b, OP_SUB, column, chosen); /* the chosen row becomes taken, since column - 1 of it goes */
    Value product =
        build_binary(b, OP_MUL, build_broadcast(b, factor, type, dims_of(1, 0)), build_broadcast(b, taken, type, dims_of(1, 1)));
    matrix->next = build_binary(b, OP_SUB, matrix->element, product);
    left->next = build_binary(b, OP_SUB, left->element, chosen);
    return row;
}

static Solution solve(LinearSystem *s, Value *v)
{
    Builder *b = s->b;
    int64_t count = numbers_of(s);
    if (count > MOST_NUMBERS)
        limit_error(b, b->line, "the solver exact makes a matrix of %lld x %lld (limit is %d): 'cg(32)' makes none",
                    (long long)count, (long long)count, MOST_NUMBERS);
    Type square = type_of(b->module->real, 2, (int64_t[]){count, count}), wide = square,
         whole = type_with_dtype(square, DTYPE_I32);
    Value matrix = make_matrix(s, count), right = flat(s, s->right);
    Value diagonal = build_binary(b, OP_EQ, build_iota(b, whole, 0), build_iota(b, whole, 1));
    Value ridge =
        build_with_const(b, OP_MUL, build_cast(b, diagonal, square.dtype), solver_argument(s->assembly->train, "ridge"));
    matrix = build_binary(b, OP_ADD, matrix, ridge);
    Value parts[] = {matrix, build_reshape(b, right, type_of(square.dtype, 2, (int64_t[]){count, 1}))};
    wide.dims[1]++;
    Carry carries[2] = {{.first = build_concat(b, 2, parts, 1)}, {.first = build_const(b, value_type(b, right), 1)}};
    Value begin = b->function->ops.len, lasts[2];
    Placeholder number = numbers(b, count);
    for (unsigned i = 0; i < 2; i++)
        carries[i].element = build_const(b, value_type(b, carries[i].first), 0);
    Value order = eliminate(b, &carries[0], &carries[1], number.element, count);
    build_scan_of_part(b, begin, count, 0, 2, carries, 1, &number, 1, &order, lasts);
    Dims last = {2, {0, (int)count}};
    Value solution = build_slice(b, lasts[0], last, type_of(square.dtype, 2, (int64_t[]){count, 1}));
    solution = build_gather(b, build_reshape(b, solution, value_type(b, right)), order);
    Value product = build_dot(b, matrix, solution, dims_of(1, 1), dims_of(1, 0), (Dims){0}, (Dims){0});
    Value rest = build_binary(b, OP_SUB, right, product), *tensors = support_malloc(s->n * sizeof *tensors);
    in_tensors(s, rest, tensors);
    Solution found = {system_relative(s, tensors, s->right), NO_VALUE};
    in_tensors(s, solution, v);
    support_free(tensors);
    return found;
}

const LinearSolver linear_solver_exact = {solve};
