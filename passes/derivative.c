/* Derivatives of elementwise primitives, which reverse and forward mode share: written with primitives, so that they can be
 * differentiated again. */
#include <math.h>

#include "passes/passes.h"

/* At 0 the derivative is infinite even where nothing depends on the root, such as in 0 times the root: there it counts as 0. */
static Value root_derivative(Builder *b, Value root, Value along)
{
    Type type = value_type(b, root);
    Value zero = build_const(b, type, 0);
    Value at_zero = build_binary(b, OP_EQ, root, zero), unmoved = build_binary(b, OP_EQ, along, zero);
    Value idle = build_binary(b, OP_AND, at_zero, unmoved);
    return build_select(b, idle, zero, build_binary(b, OP_DIV, build_const(b, type, 0.5), root));
}

/* p x^(p-1), but 0 where x = 0 and this product is 0 times an infinite power, or is infinite and `along` is 0. */
Value pow_base_derivative(Builder *b, Value x, Value p, Value along)
{
    Value zero = build_const(b, value_type(b, x), 0), one = build_const(b, value_type(b, x), 1);
    Value steep = build_binary(b, OP_LT, p, one), unmoved = build_binary(b, OP_EQ, along, zero);
    Value idle = build_binary(b, OP_AND, steep, unmoved);
    Value flat = build_binary(b, OP_OR, build_binary(b, OP_EQ, p, zero), idle);
    Value slope = build_binary(b, OP_MUL, p, build_binary(b, OP_POW, x, build_binary(b, OP_SUB, p, one)));
    return build_select(b, build_binary(b, OP_AND, build_binary(b, OP_EQ, x, zero), flat), zero, slope);
}

/* y log x, but 0 where x = 0 and p >= 0: the limit for p > 0. */
Value pow_exponent_derivative(Builder *b, Value x, Value p, Value y)
{
    Value zero = build_const(b, value_type(b, x), 0);
    Value at_zero = build_binary(b, OP_EQ, x, zero), bounded = build_binary(b, OP_LE, zero, p);
    Value flat = build_binary(b, OP_AND, at_zero, bounded);
    return build_select(b, flat, zero, build_binary(b, OP_MUL, y, build_unary(b, OP_LOG, x)));
}

Value unary_derivative(Builder *b, OpCode code, Value x, Value y, Value along)
{
    Type type = value_type(b, x);
    Value one = build_const(b, type, 1);
    switch (code) {
    case OP_ABS:
        return build_unary(b, OP_SIGN, x);
    case OP_EXP:
        return y;
    case OP_EXPM1: /* not y + 1, which rounds to 0 where e^x is small */
        return build_unary(b, OP_EXP, x);
    case OP_LOG:
        return build_binary(b, OP_DIV, one, x);
    case OP_LOG1P:
        return build_binary(b, OP_DIV, one, build_binary(b, OP_ADD, one, x));
    case OP_SQRT:
        return root_derivative(b, y, along);
    case OP_TANH:
        return build_binary(b, OP_SUB, one, build_binary(b, OP_MUL, y, y));
    case OP_SIN:
        return build_unary(b, OP_COS, x);
    case OP_COS:
        return build_unary(b, OP_NEG, build_unary(b, OP_SIN, x));
    default: { /* erf: 2/sqrt(pi) exp(-x^2) */
        Value bell = build_unary(b, OP_EXP, build_unary(b, OP_NEG, build_binary(b, OP_MUL, x, x)));
        return build_with_const(b, OP_MUL, bell, 2 / sqrt(acos(-1)));
    }
    }
}
