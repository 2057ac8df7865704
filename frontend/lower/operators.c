/* Operators, on compile-time numbers and on tensors. */
#include "frontend/lower/lower.h"

#include <math.h>

static double fold(Operator operator, double x, double y)
{
    switch (operator) {
    case OPERATOR_ADD:
        return x + y;
    case OPERATOR_SUB:
        return x - y;
    case OPERATOR_MUL:
        return x * y;
    case OPERATOR_DIV:
        return x / y;
    case OPERATOR_EQ:
        return x == y;
    case OPERATOR_NE:
        return x != y;
    case OPERATOR_LT:
        return x < y;
    case OPERATOR_LE:
        return x <= y;
    case OPERATOR_GT:
        return x > y;
    case OPERATOR_GE:
        return x >= y;
    case OPERATOR_AND:
        return x != 0 && y != 0;
    case OPERATOR_OR:
        return x != 0 || y != 0;
    default:
        return NAN;
    }
}

static bool gives_truth(Operator operator)
{
    return operator>= OPERATOR_OR && operator<= OPERATOR_GE;
}

static Val divided_by_zero(Session *s, Span span)
{
    fail(s, span, "division by zero");
    add_help(s, "'where' computes both of its values; a branch that is not taken stands in an 'if'");
    return val_poison();
}

static Val fold_binary(Session *s, Operator operator, Val x, Val y, Span span)
{
    if ((operator== OPERATOR_AND || operator== OPERATOR_OR) && !(x.boolean && y.boolean))
        return fail(s, span, "'%s' combines conditions, but this is %s", operator_text[operator], describe(s, x.boolean ? y : x));
    if (operator== OPERATOR_DIV && y.number == 0)
        return divided_by_zero(s, span);
    double result = fold(operator, x.number, y.number);
    if (gives_truth(operator))
        return val_bool(result != 0);
    Val value = val_number(result);
    if (!x.constant || !y.constant)
        value.constant = x.constant ? x.constant : y.constant;
    return value;
}

/* A constant that meets a tensor here is needed by the step only, not by the compiler. */
static void count_at_run(const Session *s, Val value)
{
    if (s->learning && value.kind == VAL_NUMBER && value.constant)
        value.constant->run_uses++;
}

static Val arithmetic(Session *s, Operator operator, Val x, Val y, Span span)
{
    static const OpCode codes[] = {
        [OPERATOR_ADD] = OP_ADD, [OPERATOR_SUB] = OP_SUB, [OPERATOR_MUL] = OP_MUL, [OPERATOR_DIV] = OP_DIV};
    if (operator== OPERATOR_DIV && y.kind == VAL_NUMBER && y.number == 0)
        return divided_by_zero(s, span);
    unify(s, &x, &y, span);
    if (is_poison(x))
        return x;
    DType dtype = val_type(s, x).dtype;
    if (dtype == DTYPE_BOOL || operator== OPERATOR_DIV)
        dtype = s->module->real;
    Value left = build_cast(&s->builder, x.ir, dtype), right = build_cast(&s->builder, y.ir, dtype);
    return val_tensor(build_binary(&s->builder, codes[operator], left, right));
}

static Val comparison(Session *s, Operator operator, Val x, Val y, Span span)
{
    bool swapped = operator== OPERATOR_GT || operator== OPERATOR_GE;
    OpCode code = operator== OPERATOR_EQ                             ? OP_EQ
                  : operator== OPERATOR_NE                           ? OP_NE
                  : operator== OPERATOR_LT || operator== OPERATOR_GT ? OP_LT
                                                                     : OP_LE;
    unify(s, &x, &y, span);
    if (is_poison(x))
        return x;
    if ((code == OP_LT || code == OP_LE) && val_type(s, x).dtype == DTYPE_BOOL)
        return fail(s, span, "conditions have no order: '%s' compares numbers", operator_text[operator]);
    return val_tensor(build_binary(&s->builder, code, swapped ? y.ir : x.ir, swapped ? x.ir : y.ir));
}

static Val logic(Session *s, Operator operator, Val x, Val y, Span span)
{
    x = as_bool(s, x, span);
    y = as_bool(s, y, span);
    if (is_poison(x) || is_poison(y))
        return val_poison();
    unify(s, &x, &y, span);
    if (is_poison(x))
        return x;
    return val_tensor(build_binary(&s->builder, operator== OPERATOR_AND ? OP_AND : OP_OR, x.ir, y.ir));
}

/* Which product of the same operands has axes that agree. */
static void help_with_product(Session *s, Type left, Type right)
{
    if (left.rank == 2 && left.dims[0] == right.dims[0])
        add_help(s, "'transpose(x) @ y' sums over the first axis of both");
    else if (right.rank == 2 && left.dims[left.rank - 1] == right.dims[1])
        add_help(s, "'x @ transpose(y)' sums over the last axis of both");
    else if (left.rank <= 2 && right.dims[right.rank - 1] == left.dims[0])
        add_help(s, "'y @ x' sums over the last axis of the one and the first of the other");
}

/* x @ y contracts the last axis of x with the only axis of y, or with the first of its two. */
static Val matrix_product(Session *s, Val x, Val y, Span span)
{
    x = as_real(s, x, span);
    y = as_real(s, y, span);
    if (is_poison(x) || is_poison(y))
        return val_poison();
    Type left = val_type(s, x), right = val_type(s, y);
    if (left.rank == 0 || right.rank == 0 || right.rank > 2) {
        fail(s, span, "'@' multiplies matrices and vectors, not %s and %s", describe(s, x), describe(s, y));
        if (left.rank == 0 || right.rank == 0)
            add_help(s, "'*' multiplies elements");
        return val_poison();
    }
    if (left.dims[left.rank - 1] != right.dims[0]) {
        fail(s, span, "the last axis of %s and the first of %s differ: %lld and %lld", describe(s, x), describe(s, y),
             (long long)left.dims[left.rank - 1], (long long)right.dims[0]);
        help_with_product(s, left, right);
        return val_poison();
    }
    Type result = {.dtype = s->module->real};
    if (left.rank - 1 + right.rank - 1 > MAX_RANK)
        return fail(s, span, "too many axes (limit is %d)", MAX_RANK);
    for (unsigned i = 0; i + 1 < left.rank; i++)
        result.dims[result.rank++] = left.dims[i];
    if (right.rank == 2)
        result.dims[result.rank++] = right.dims[1];
    if (!check_type(s, result, span))
        return val_poison();
    return val_tensor(build_dot(&s->builder, x.ir, y.ir, dims_of(1, left.rank - 1), dims_of(1, 0), (Dims){0}, (Dims){0}));
}

/* Of a condition that is an index, the index: it is compared with numbers and labels. */
static Val as_label(Session *s, Val value, Span span)
{
    return value.kind == VAL_CONDITION && is_index(value.symbol) ? condition_number(s, value, span) : value;
}

Val evaluate_binary(Session *s, Operator operator, Val x, Val y, Span span)
{
    if (is_poison(x) || is_poison(y))
        return val_poison();
    if (operator== OPERATOR_JOIN)
        return refuse(s, span, "'++'");
    if (operator== OPERATOR_RANGE)
        return fail(s, span, "a range stands where columns are named, as in 'numbers(x0..x9)', and in 'for i in 0..3'");
    if (x.kind == VAL_NUMBER && y.kind == VAL_NUMBER && operator!= OPERATOR_MATMUL)
        return fold_binary(s, operator, x, y, span);
    switch (operator) {
    case OPERATOR_AND:
    case OPERATOR_OR:
        return logic(s, operator, x, y, span);
    case OPERATOR_MATMUL:
        return matrix_product(s, x, y, span);
    case OPERATOR_ADD:
    case OPERATOR_SUB:
    case OPERATOR_MUL:
    case OPERATOR_DIV:
        count_at_run(s, x);
        count_at_run(s, y);
        return arithmetic(s, operator, x, y, span);
    default:
        x = as_label(s, x, span);
        y = as_label(s, y, span);
        return is_poison(x) || is_poison(y) ? val_poison() : comparison(s, operator, x, y, span);
    }
}

Val evaluate_unary(Session *s, Operator operator, Val x, Span span)
{
    if (is_poison(x))
        return x;
    if (x.kind == VAL_NUMBER && operator== OPERATOR_NEGATE) {
        x.number = -x.number;
        x.boolean = false;
        return x;
    }
    if (x.kind == VAL_NUMBER && x.boolean)
        return val_bool(x.number == 0);
    if (operator== OPERATOR_NEGATE) {
        x = as_real(s, x, span);
        return is_poison(x) ? x : val_tensor(build_unary(&s->builder, OP_NEG, x.ir));
    }
    x = as_bool(s, x, span);
    return is_poison(x) ? x : val_tensor(build_unary(&s->builder, OP_NOT, x.ir));
}
