/* Systems as matrices. */
#include "passes/methods/linear_solvers/linear_system.h"

int64_t system_numbers(const LinearSystem *s)
{
    int64_t count = 0;
    for (uint32_t i = 0; i < s->n; i++)
        count += type_elements(value_type(s->b, s->right[i]));
    return count;
}

Value system_flat(LinearSystem *s, const Value *x)
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

void system_tensors(LinearSystem *s, Value all, Value *x)
{
    Dims start = {.n = 1};
    for (uint32_t i = 0; i < s->n; i++) {
        Type type = value_type(s->b, s->right[i]);
        int64_t count = type_elements(type);
        x[i] = build_reshape(s->b, build_slice(s->b, all, start, type_of(type.dtype, 1, &count)), type);
        start.v[0] += count;
    }
}

Value system_rows(LinearSystem *s, Value positions)
{
    Builder *b = s->b;
    Value *column = support_malloc(s->n * sizeof *column), begin = b->function->ops.len;
    Placeholder position = {build_const(b, type_scalar(DTYPE_I32), 0), positions};
    system_tensors(s, build_unit(b, position.element, system_numbers(s)), column);
    system_apply(s, column, column);
    Value rows = system_flat(s, column);
    build_scan_of_part(b, begin, value_type(b, positions).dims[0], 0, 0, NULL, 1, &position, 1, &rows, NULL);
    support_free(column);
    return rows;
}

/* ---- elimination ---- */

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
    Value column = pick(b, matrix->element, build_unit(b, number, count + 1), 1);
    Value size = build_binary(b, OP_MUL, build_unary(b, OP_ABS, column), left->element);
    Value none = build_unary(b, OP_NEG, build_with_const(b, OP_SUB, left->element, 1)); /* rows that were taken come last */
    Value row = build_argmax(b, build_binary(b, OP_SUB, size, none), 0), chosen = build_unit(b, row, count);
    Value pivot = build_sum_of_product(b, column, chosen);
    Value taken = pick(b, matrix->element, chosen, 0);
    taken = build_binary(b, OP_DIV, taken, build_splat(b, pivot, value_type(b, taken)));
    Value factor = build_binary(b, OP_SUB, column, chosen); /* the chosen row becomes taken, since column - 1 of it goes */
    Value down = build_broadcast(b, factor, type, dims_of(1, 0)), along = build_broadcast(b, taken, type, dims_of(1, 1));
    Value product = build_binary(b, OP_MUL, down, along);
    matrix->next = build_binary(b, OP_SUB, matrix->element, product);
    left->next = build_binary(b, OP_SUB, left->element, chosen);
    return row;
}

Value solve_dense(Builder *b, Value matrix, Value right)
{
    Type vector = value_type(b, right), column = type_of(vector.dtype, 2, (int64_t[]){vector.dims[0], 1});
    int64_t count = vector.dims[0];
    Value parts[] = {matrix, build_reshape(b, right, column)};
    Carry carries[2] = {{.first = build_concat(b, 2, parts, 1)}, {.first = build_const(b, vector, 1)}};
    Value numbers = build_iota(b, type_with_dtype(vector, DTYPE_I32), 0), begin = b->function->ops.len, lasts[2];
    Placeholder number = {build_const(b, type_scalar(DTYPE_I32), 0), numbers};
    for (unsigned i = 0; i < 2; i++)
        carries[i].element = build_const(b, value_type(b, carries[i].first), 0);
    Value order = eliminate(b, &carries[0], &carries[1], number.element, count);
    build_scan_of_part(b, begin, count, 0, 2, carries, 1, &number, 1, &order, lasts);
    Value solution = build_slice(b, lasts[0], (Dims){2, {0, (int)count}}, column);
    return build_gather(b, build_reshape(b, solution, vector), order);
}

Value add_to_diagonal(Builder *b, Value matrix, double number)
{
    Type type = value_type(b, matrix), whole = type_with_dtype(type, DTYPE_I32);
    Value row = build_iota(b, whole, 0), diagonal = build_binary(b, OP_EQ, row, build_iota(b, whole, 1));
    return build_binary(b, OP_ADD, matrix, build_with_const(b, OP_MUL, build_cast(b, diagonal, type.dtype), number));
}
