/* Algebraic simplification: one forward sweep of local rules. Each rule looks at an op and at the ops that made its operands, and
 * either gives an equal value that costs less or gives up. Ops that become unused are left for dce.
 *
 * x * 0 becomes 0 even though it is NaN for infinite x: such products only arise from gradients of branches not taken. */
#include <math.h>
#include <string.h>

#include "passes/passes.h"
#include "passes/rewrite.h"

typedef struct Simplifier {
    Builder *b;
    const Op *op;      /* the op of the old function: attributes and result type */
    const Value *args; /* its operands in the new function */
} Simplifier;

static const Op *maker(const Simplifier *s, Value v)
{
    return OP_AT(s->b->function, v);
}

static bool is_const(const Simplifier *s, Value v, double *number)
{
    const Op *op = maker(s, v);
    if (op->code != OP_CONST)
        return false;
    *number = op->number;
    return true;
}

static bool is_number(const Simplifier *s, Value v, double number)
{
    double n;
    return is_const(s, v, &n) && n == number;
}

/* The number as the op's own dtype would hold it. */
static double rounded(DType dtype, double number)
{
    switch (dtype) {
    case DTYPE_F32:
        return (double)(float)number;
    case DTYPE_BOOL:
        return number != 0;
    default:
        return number;
    }
}

static Value constant(Simplifier *s, Type type, double number)
{
    return build_const(s->b, type, rounded(type.dtype, number));
}

static bool fold_binary(OpCode code, double x, double y, double *result)
{
    switch (code) {
    case OP_ADD:
        *result = x + y;
        return true;
    case OP_SUB:
        *result = x - y;
        return true;
    case OP_MUL:
        *result = x * y;
        return true;
    case OP_DIV:
        *result = x / y;
        return true;
    case OP_EQ:
        *result = x == y;
        return true;
    case OP_NE:
        *result = x != y;
        return true;
    case OP_LT:
        *result = x < y;
        return true;
    case OP_LE:
        *result = x <= y;
        return true;
    case OP_AND:
        *result = x != 0 && y != 0;
        return true;
    case OP_OR:
        *result = x != 0 || y != 0;
        return true;
    case OP_MAX:
        *result = x > y ? x : y;
        return !isnan(x) && !isnan(y);
    case OP_MIN:
        *result = x < y ? x : y;
        return !isnan(x) && !isnan(y);
    default:
        return false;
    }
}

/* Sums, products and quotients of f32 are exact in double before the one rounding, so folding gives what the target would. */
static Value simplify_binary(Simplifier *s)
{
    Value x = s->args[0], y = s->args[1];
    double a, b, folded;
    Type type = s->op->type;
    bool real = dtype_is_float(value_type(s->b, x).dtype);
    if (is_const(s, x, &a) && is_const(s, y, &b) && real && fold_binary(s->op->code, a, b, &folded))
        return constant(s, type, folded);
    switch (s->op->code) {
    case OP_ADD:
        return is_number(s, x, 0) ? y : is_number(s, y, 0) ? x : NO_VALUE;
    case OP_SUB:
        if (is_number(s, x, 0) && real)
            return build_unary(s->b, OP_NEG, y);
        return is_number(s, y, 0) ? x : NO_VALUE;
    case OP_MUL:
        if (is_number(s, x, 0) || is_number(s, y, 0))
            return constant(s, type, 0);
        if (is_number(s, x, -1) && real)
            return build_unary(s->b, OP_NEG, y);
        if (is_number(s, y, -1) && real)
            return build_unary(s->b, OP_NEG, x);
        return is_number(s, x, 1) ? y : is_number(s, y, 1) ? x : NO_VALUE;
    case OP_DIV:
        if (is_number(s, x, 0))
            return constant(s, type, 0);
        return is_number(s, y, 1) ? x : NO_VALUE;
    case OP_POW:
        if (is_number(s, y, 1))
            return x;
        return is_number(s, y, 2) ? build_binary(s->b, OP_MUL, x, x) : NO_VALUE;
    case OP_AND:
        if (is_number(s, x, 0) || is_number(s, y, 0))
            return constant(s, type, 0);
        return is_number(s, x, 1) ? y : is_number(s, y, 1) ? x : NO_VALUE;
    case OP_OR:
        if (is_number(s, x, 1) || is_number(s, y, 1))
            return constant(s, type, 1);
        return is_number(s, x, 0) ? y : is_number(s, y, 0) ? x : NO_VALUE;
    default:
        return NO_VALUE;
    }
}

static Value simplify_unary(Simplifier *s)
{
    Value x = s->args[0];
    const Op *made = maker(s, x);
    double number;
    bool folds = is_const(s, x, &number);
    switch (s->op->code) {
    case OP_NEG:
        return folds ? constant(s, s->op->type, -number) : made->code == OP_NEG ? made->args[0] : NO_VALUE;
    case OP_NOT:
        return folds ? constant(s, s->op->type, number == 0) : made->code == OP_NOT ? made->args[0] : NO_VALUE;
    case OP_ABS:
        return folds ? constant(s, s->op->type, fabs(number)) : NO_VALUE;
    case OP_STOP: /* all derivatives are taken, or the operand has none */
        return folds ? x : NO_VALUE;
    case OP_SQRT:
        return folds && number >= 0 ? constant(s, s->op->type, sqrt(number)) : NO_VALUE;
    case OP_CAST:
        if (type_equal(made->type, s->op->type))
            return x;
        return folds && dtype_is_float(s->op->type.dtype) ? constant(s, s->op->type, number) : NO_VALUE;
    default:
        return NO_VALUE;
    }
}

static Value simplify_select(Simplifier *s)
{
    double number;
    if (is_const(s, s->args[0], &number))
        return number != 0 ? s->args[1] : s->args[2];
    if (s->args[1] == s->args[2])
        return s->args[1];
    const Op *condition = maker(s, s->args[0]);
    return condition->code == OP_NOT ? build_select(s->b, condition->args[0], s->args[2], s->args[1]) : NO_VALUE;
}

static bool is_identity(Dims axes)
{
    for (unsigned i = 0; i < axes.n; i++)
        if (axes.v[i] != i)
            return false;
    return true;
}

static bool is_zeros(Dims dims)
{
    for (unsigned i = 0; i < dims.n; i++)
        if (dims.v[i])
            return false;
    return true;
}

static Value simplify_broadcast(Simplifier *s)
{
    Value x = s->args[0];
    const Op *made = maker(s, x);
    if (made->code == OP_CONST)
        return constant(s, s->op->type, made->number);
    if (type_equal(made->type, s->op->type))
        return x;
    if (made->code == OP_BROADCAST) {
        Dims axes = made->axes;
        for (unsigned i = 0; i < axes.n; i++)
            axes.v[i] = s->op->axes.v[axes.v[i]];
        return build_broadcast(s->b, made->args[0], s->op->type, axes);
    }
    return NO_VALUE;
}

/* A reshape that only inserts unit axes stays: it costs nothing. */
static Value simplify_reshape(Simplifier *s)
{
    Value x = s->args[0];
    const Op *made = maker(s, x);
    if (type_equal(made->type, s->op->type))
        return x;
    if (made->code == OP_CONST)
        return constant(s, s->op->type, made->number);
    if (made->code == OP_RESHAPE)
        return build_reshape(s->b, made->args[0], s->op->type);
    return NO_VALUE;
}

static Value simplify_transpose(Simplifier *s)
{
    Value x = s->args[0];
    const Op *made = maker(s, x);
    if (is_identity(s->op->axes))
        return x;
    if (made->code == OP_CONST)
        return constant(s, s->op->type, made->number);
    if (made->code == OP_TRANSPOSE) {
        Dims axes = s->op->axes;
        for (unsigned i = 0; i < axes.n; i++)
            axes.v[i] = made->axes.v[axes.v[i]];
        return build_transpose(s->b, made->args[0], axes);
    }
    return NO_VALUE;
}

Value slice_of_concat(Builder *b, const Op *slice, const Op *concat)
{
    unsigned axis = (unsigned)concat->axis.v[0];
    int64_t begin = slice->start.v[axis], end = begin + slice->type.dims[axis], offset = 0;
    for (uint32_t i = 0; i < concat->nargs; i++) {
        int64_t extent = value_type(b, concat->args[i]).dims[axis];
        if (begin >= offset && end <= offset + extent) {
            Dims start = slice->start;
            start.v[axis] = begin - offset;
            return build_slice(b, concat->args[i], start, slice->type);
        }
        offset += extent;
    }
    return NO_VALUE;
}

static Value simplify_slice(Simplifier *s)
{
    Value x = s->args[0];
    const Op *made = maker(s, x);
    if (type_equal(made->type, s->op->type))
        return x;
    if (made->code == OP_CONST)
        return constant(s, s->op->type, made->number);
    if (made->code == OP_SLICE) {
        Dims start = s->op->start;
        for (unsigned i = 0; i < start.n; i++)
            start.v[i] += made->start.v[i];
        return build_slice(s->b, made->args[0], start, s->op->type);
    }
    return made->code == OP_CONCAT ? slice_of_concat(s->b, s->op, made) : NO_VALUE;
}

static Value simplify_pad(Simplifier *s)
{
    if (type_equal(value_type(s->b, s->args[0]), s->op->type) && is_zeros(s->op->before))
        return s->args[0];
    return is_number(s, s->args[0], 0) ? constant(s, s->op->type, 0) : NO_VALUE;
}

/* A sum over batch axes of a product contracts them. NO_VALUE: other axes are summed too. */
static Value simplify_sum_of_products(Simplifier *s, Value products)
{
    Op dot = *OP_AT(s->b->function, products);
    Dims batch_x = {0}, batch_y = {0};
    for (unsigned i = 0; i < s->op->axes.n; i++)
        if (s->op->axes.v[i] >= dot.batch_x.n)
            return NO_VALUE;
    for (unsigned i = 0; i < dot.batch_x.n; i++) {
        bool summed = dims_contain(s->op->axes, i);
        Dims *x = summed ? &dot.contract_x : &batch_x, *y = summed ? &dot.contract_y : &batch_y;
        x->v[x->n++] = dot.batch_x.v[i];
        y->v[y->n++] = dot.batch_y.v[i];
    }
    return build_dot(s->b, dot.args[0], dot.args[1], dot.contract_x, dot.contract_y, batch_x, batch_y);
}

/* Where these axes are once the summed ones, none of them, have gone. */
static Dims axes_left(Dims axes, Dims summed)
{
    Dims left = {0};
    for (unsigned i = 0; i < axes.n; i++) {
        int64_t removed = 0;
        for (unsigned k = 0; k < summed.n; k++)
            removed += summed.v[k] < axes.v[i];
        left.v[left.n++] = axes.v[i] - removed;
    }
    return left;
}

static bool sums_none_of(const Simplifier *s, Dims axes)
{
    for (unsigned i = 0; i < axes.n; i++)
        if (dims_contain(s->op->axes, axes.v[i]))
            return false;
    return true;
}

/* A sum over batch axes of a product, each scaled by numbers that are the same along them: the sum, scaled. NO_VALUE: it is
 * none. */
static Value simplify_sum_of_scaled(Simplifier *s, const Op *scaled)
{
    for (unsigned i = 0; i < 2; i++) {
        const Op *scale = maker(s, scaled->args[1 - i]);
        if (maker(s, scaled->args[i])->code != OP_DOT || scale->code != OP_BROADCAST || !sums_none_of(s, scale->axes))
            continue;
        Dims axes = axes_left(scale->axes, s->op->axes);
        Value numbers = scale->args[0], sum = simplify_sum_of_products(s, scaled->args[i]);
        if (sum != NO_VALUE)
            return build_binary(s->b, OP_MUL, sum, build_broadcast(s->b, numbers, s->op->type, axes));
    }
    return NO_VALUE;
}

/* sum over axes along which the operand is constant: times their extent */
static Value simplify_reduce_sum(Simplifier *s)
{
    Value x = s->args[0];
    const Op *made = maker(s, x);
    Type from = made->type;
    double count = 1;
    if (made->code == OP_CONST) {
        for (unsigned i = 0; i < s->op->axes.n; i++)
            count *= (double)from.dims[s->op->axes.v[i]];
        return dtype_is_float(from.dtype) ? constant(s, s->op->type, made->number * count) : NO_VALUE;
    }
    if (made->code == OP_DOT)
        return simplify_sum_of_products(s, x);
    if (made->code == OP_MUL)
        return simplify_sum_of_scaled(s, made);
    if (made->code != OP_BROADCAST || !dtype_is_float(from.dtype) || !sums_none_of(s, made->axes))
        return NO_VALUE;
    for (unsigned i = 0; i < s->op->axes.n; i++)
        count *= (double)from.dims[s->op->axes.v[i]];
    Dims axes = axes_left(made->axes, s->op->axes);
    Value kept = made->args[0];
    kept = type_equal(value_type(s->b, kept), s->op->type) ? kept : build_broadcast(s->b, kept, s->op->type, axes);
    return build_with_const(s->b, OP_MUL, kept, rounded(from.dtype, count));
}

static Value simplify_reduce_max(Simplifier *s)
{
    double number;
    return is_const(s, s->args[0], &number) ? constant(s, s->op->type, number) : NO_VALUE;
}

/* Where both operands have only batch and contracted axes a product is a sum of an elementwise product, which fuses. */
static Value simplify_dot(Simplifier *s)
{
    Value x = s->args[0], y = s->args[1];
    if (is_number(s, x, 0) || is_number(s, y, 0))
        return constant(s, s->op->type, 0);
    Type tx = value_type(s->b, x), ty = value_type(s->b, y);
    const Op *op = s->op;
    if (op->contract_x.n + op->batch_x.n != tx.rank || op->contract_y.n + op->batch_y.n != ty.rank || tx.rank == 0)
        return NO_VALUE;
    /* y's axes in the order of x's */
    Dims permutation = {.n = tx.rank}, removed = {0}, batch_order = {0};
    for (unsigned i = 0; i < op->contract_x.n; i++)
        permutation.v[op->contract_x.v[i]] = op->contract_y.v[i];
    for (unsigned i = 0; i < op->batch_x.n; i++)
        permutation.v[op->batch_x.v[i]] = op->batch_y.v[i];
    for (unsigned axis = 0; axis < tx.rank; axis++)
        if (dims_contain(op->contract_x, axis))
            removed.v[removed.n++] = axis;
    if (!is_identity(permutation))
        y = build_transpose(s->b, y, permutation);
    Value sum = build_reduce(s->b, OP_REDUCE_SUM, build_binary(s->b, OP_MUL, x, y), removed);
    /* the sum keeps batch axes in x's order, the product in the order listed */
    batch_order.n = op->batch_x.n;
    for (unsigned i = 0; i < op->batch_x.n; i++)
        for (unsigned k = 0; k < op->batch_x.n; k++)
            batch_order.v[i] += op->batch_x.v[k] < op->batch_x.v[i];
    return is_identity(batch_order) ? sum : build_transpose(s->b, sum, batch_order);
}

static Value simplify_op(Simplifier *s)
{
    switch (s->op->code) {
    case OP_SELECT:
        return simplify_select(s);
    case OP_BROADCAST:
        return simplify_broadcast(s);
    case OP_RESHAPE:
        return simplify_reshape(s);
    case OP_TRANSPOSE:
        return simplify_transpose(s);
    case OP_SLICE:
        return simplify_slice(s);
    case OP_PAD:
        return simplify_pad(s);
    case OP_REDUCE_SUM:
        return simplify_reduce_sum(s);
    case OP_REDUCE_MAX:
        return simplify_reduce_max(s);
    case OP_DOT:
        return simplify_dot(s);
    default:
        break;
    }
    if (op_info[s->op->code].lowering != LOWER_ELEMENTWISE)
        return NO_VALUE;
    return op_info[s->op->code].arity == 2 ? simplify_binary(s) : op_info[s->op->code].arity == 1 ? simplify_unary(s) : NO_VALUE;
}

void pass_simplify(Module *module, Function *function)
{
    Rewrite rewrite;
    rewrite_begin(&rewrite, module, function);
    for (Value v = 0; v < function->ops.len; v++) {
        Simplifier s = {&rewrite.b, OP_AT(function, v), rewrite_args(&rewrite, v)};
        Value simpler = simplify_op(&s);
        if (simpler == NO_VALUE)
            rewrite_copy(&rewrite, v);
        else
            rewrite.map[v] = simpler;
    }
    rewrite_end(&rewrite);
}
