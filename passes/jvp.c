/* Forward mode. One sweep from the leaves to y; each op's rule turns tangents of its operands into the tangent of its result. A
 * value that does not depend on a leaf has no tangent (NO_VALUE) rather than a zero one. */
#include "passes/passes.h"
#include "passes/scans.h"

typedef struct Forward {
    Builder *b;
    Value *tangents; /* of values up to y */
} Forward;

/* At least one operand has a tangent. */
typedef Value JvpRule(Forward *forward, const Op *op, Value y);

static Value tangent_of(const Forward *forward, const Op *op, unsigned i)
{
    return forward->tangents[op->args[i]];
}

static Value sum(Builder *b, Value x, Value y)
{
    return x == NO_VALUE ? y : y == NO_VALUE ? x : build_binary(b, OP_ADD, x, y);
}

static Value zero_of(Builder *b, Value x)
{
    return build_const(b, value_type(b, x), 0);
}

/* The op itself on the tangents of its float operands; the others (conditions, indices) stay. */
static Value jvp_linear(Forward *forward, const Op *op, Value y)
{
    (void)y;
    Builder *b = forward->b;
    if (!dtype_is_float(op->type.dtype))
        return NO_VALUE;
    Value *args = support_malloc(op->nargs * sizeof *args);
    for (uint32_t i = 0; i < op->nargs; i++) {
        bool real = dtype_is_float(value_type(b, op->args[i]).dtype);
        Value t = tangent_of(forward, op, i);
        args[i] = !real ? op->args[i] : t != NO_VALUE ? t : zero_of(b, op->args[i]);
    }
    Value result = build_op(b, *op, op->nargs, args);
    support_free(args);
    return result;
}

static Value jvp_scale(Forward *forward, const Op *op, Value y)
{
    Value t = tangent_of(forward, op, 0);
    return build_binary(forward->b, OP_MUL, t, unary_derivative(forward->b, op->code, op->args[0], y, t));
}

static Value jvp_mul(Forward *forward, const Op *op, Value y)
{
    (void)y;
    Builder *b = forward->b;
    Value result = NO_VALUE;
    for (unsigned i = 0; i < 2; i++)
        if (tangent_of(forward, op, i) != NO_VALUE)
            result = sum(b, result, build_binary(b, OP_MUL, tangent_of(forward, op, i), op->args[1 - i]));
    return result;
}

static Value jvp_div(Forward *forward, const Op *op, Value y)
{
    Builder *b = forward->b;
    Value top = tangent_of(forward, op, 0), bottom = tangent_of(forward, op, 1);
    if (bottom != NO_VALUE)
        top = sum(b, top, build_unary(b, OP_NEG, build_binary(b, OP_MUL, y, bottom)));
    return build_binary(b, OP_DIV, top, op->args[1]);
}

static Value jvp_pow(Forward *forward, const Op *op, Value y)
{
    Builder *b = forward->b;
    Value x = op->args[0], p = op->args[1], base = tangent_of(forward, op, 0), exponent = tangent_of(forward, op, 1);
    Value result = NO_VALUE;
    if (base != NO_VALUE)
        result = build_binary(b, OP_MUL, pow_base_derivative(b, x, p, base), base);
    if (exponent != NO_VALUE)
        result = sum(b, result, build_binary(b, OP_MUL, pow_exponent_derivative(b, x, p, y), exponent));
    return result;
}

static Value tangent_or_zero(Forward *forward, const Op *op, unsigned i)
{
    Value t = tangent_of(forward, op, i);
    return t != NO_VALUE ? t : zero_of(forward->b, op->args[i]);
}

/* The tangent of the greater (smaller) operand, the mean of both if they are equal. */
static Value jvp_extremum(Forward *forward, const Op *op, Value y)
{
    (void)y;
    Builder *b = forward->b;
    Value x0 = op->args[0], x1 = op->args[1], t0 = tangent_or_zero(forward, op, 0), t1 = tangent_or_zero(forward, op, 1);
    Value first = op->code == OP_MAX ? build_binary(b, OP_LT, x1, x0) : build_binary(b, OP_LT, x0, x1);
    Value mean = build_with_const(b, OP_MUL, build_binary(b, OP_ADD, t0, t1), 0.5);
    return build_select(b, first, t0, build_select(b, build_binary(b, OP_EQ, x0, x1), mean, t1));
}

/* The mean tangent of the equal maxima. */
static Value jvp_reduce_max(Forward *forward, const Op *op, Value y)
{
    Builder *b = forward->b;
    Type type = value_type(b, op->args[0]);
    Dims kept = other_axes(type.rank, op->axes, (Dims){0});
    Value winners = build_binary(b, OP_EQ, op->args[0], build_broadcast(b, y, type, kept));
    Value tangent = tangent_of(forward, op, 0), still = zero_of(b, op->args[0]);
    Value moved = build_select(b, winners, tangent, still);
    Value count = build_reduce(b, OP_REDUCE_SUM, build_cast(b, winners, type.dtype), op->axes);
    return build_binary(b, OP_DIV, build_reduce(b, OP_REDUCE_SUM, moved, op->axes), count);
}

static Value jvp_across_max(Forward *forward, const Op *op, Value y)
{
    Builder *b = forward->b;
    Type type = value_type(b, op->args[0]);
    Value winners = build_binary(b, OP_EQ, op->args[0], y),
          count = build_unary(b, OP_ACROSS_SUM, build_cast(b, winners, type.dtype));
    Value moved = build_select(b, winners, tangent_of(forward, op, 0), zero_of(b, op->args[0]));
    return build_binary(b, OP_DIV, build_unary(b, OP_ACROSS_SUM, moved), count);
}

static Value jvp_dot(Forward *forward, const Op *op, Value y)
{
    (void)y;
    Builder *b = forward->b;
    Value x = tangent_of(forward, op, 0), w = tangent_of(forward, op, 1), result = NO_VALUE;
    if (x != NO_VALUE)
        result = build_dot(b, x, op->args[1], op->contract_x, op->contract_y, op->batch_x, op->batch_y);
    return w == NO_VALUE ? result
                         : sum(b, result, build_dot(b, op->args[0], w, op->contract_x, op->contract_y, op->batch_x, op->batch_y));
}

/* The tangent of a scan stands for a scan that has the tangents of all its results. */
static Value jvp_scan(Forward *forward, const Op *op, Value y)
{
    (void)y;
    Value *tangents = support_malloc((op->nargs + 1) * sizeof *tangents);
    for (uint32_t i = 0; i < op->nargs; i++)
        tangents[i] = tangent_of(forward, op, i);
    Value joint = jvp_scan_append(forward->b, op, tangents, jvp_append);
    support_free(tangents);
    return joint;
}

static Value jvp_result(Forward *forward, const Op *op, Value y)
{
    (void)y;
    Op scan = *OP_AT(forward->b->function, op->args[0]);
    return jvp_result_append(forward->b, &scan, tangent_of(forward, op, 0), (uint32_t)op->place.v[0]);
}

static Value jvp_zero(Forward *forward, const Op *op, Value y)
{
    (void)forward, (void)op, (void)y;
    return NO_VALUE;
}

static Value jvp_none(Forward *forward, const Op *op, Value y)
{
    return jvp_zero(forward, op, y);
}

static JvpRule *const jvp_rules[OP_COUNT] = {
#define OP(NAME, mnemonic, arity, effect, infer, batch, vjp, jvp, lowering) [OP_##NAME] = jvp_##jvp,
#include "ir/ops.def"
#undef OP
};

Value jvp_append(Builder *b, Value y, uint32_t n, const Value *leaves, const Value *tangents)
{
    Forward forward = {b, support_malloc((y + 1) * sizeof(Value))};
    for (Value v = 0; v <= y; v++)
        forward.tangents[v] = NO_VALUE;
    for (uint32_t i = 0; i < n; i++)
        if (leaves[i] <= y)
            forward.tangents[leaves[i]] = tangents[i];
    for (Value v = 0; v <= y; v++) {
        Op op = *OP_AT(b->function, v);
        bool moves = false;
        for (uint32_t i = 0; i < op.nargs; i++)
            moves |= forward.tangents[op.args[i]] != NO_VALUE;
        if (!moves || forward.tangents[v] != NO_VALUE)
            continue;
        b->line = op.line;
        forward.tangents[v] = jvp_rules[op.code](&forward, &op, v);
    }
    Value result = forward.tangents[y];
    support_free(forward.tangents);
    return result != NO_VALUE ? result : zero_of(b, y);
}
