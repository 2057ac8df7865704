/* What several solvers need. */
#include "pareto/externs.h"
#include "passes/methods/methods.h"

static Value sum_of_products(Builder *b, uint32_t m, const Value *x, const Value *y)
{
    Value sum = NO_VALUE;
    for (uint32_t i = 0; i < m; i++) {
        Value term = build_binary(b, OP_MUL, x[i], y[i]);
        sum = i == 0 ? term : build_binary(b, OP_ADD, sum, term);
    }
    return sum;
}

Value weighted_sum(const Objectives *objectives)
{
    return sum_of_products(objectives->b, objectives->m, objectives->entry, objectives->loss);
}

static Value norm(Builder *b, uint32_t m, const Value *x)
{
    Value square = sum_of_products(b, m, x, x);
    return build_unary(b, OP_SQRT, build_with_const(b, OP_ADD, square, 1e-24)); /* has a derivative at 0, too */
}

Value cosine_of(const Objectives *objectives, const Value *direction)
{
    Builder *b = objectives->b;
    uint32_t m = objectives->m;
    Value length = norm(b, m, objectives->loss), other = norm(b, m, direction);
    Value lengths = build_binary(b, OP_MUL, length, other);
    return build_binary(b, OP_DIV, sum_of_products(b, m, direction, objectives->loss), lengths);
}

Value entry_of(Builder *b, Value vector, uint32_t i)
{
    Type real = type_scalar(value_type(b, vector).dtype), one = type_of(real.dtype, 1, (int64_t[]){1});
    return build_reshape(b, build_slice(b, vector, dims_of(1, (int)i), one), real);
}

Value largest_of(Builder *b, uint32_t n, const Value *scalars)
{
    Value largest = scalars[0];
    for (uint32_t i = 1; i < n; i++)
        largest = build_binary(b, OP_MAX, largest, scalars[i]);
    return largest;
}

Value build_vector(Builder *b, uint32_t n, const Value *scalars)
{
    Value parts[PARETO_MOST_OBJECTIVES * PARETO_MOST_SOLUTIONS];
    for (uint32_t i = 0; i < n; i++)
        parts[i] = build_reshape(b, scalars[i], type_of(value_type(b, scalars[i]).dtype, 1, (int64_t[]){1}));
    return build_concat(b, n, parts, 0);
}

Value weigh_by_extern(const Objectives *objectives, Value gram, uint32_t code, uint32_t extras, const Value *extra)
{
    Builder *b = objectives->b;
    uint32_t m = objectives->m;
    Value losses = build_vector(b, m, objectives->raw);
    Type type = type_of(b->module->real, 1, (int64_t[]){m + 1});
    Value args[EXTERN_MOST_OPERANDS] = {losses, objectives->ray, gram};
    for (uint32_t i = 0; i < extras; i++)
        args[3 + i] = extra[i];
    return build_extern(b, code, type, 3 + extras, args);
}
