/* Elementwise ops as nodes of ONNX. Where ONNX leaves open what a node gives (casts out of range), or says something else than
 * the interpreter (the sign of NaN, extrema with NaN), several nodes stand for the op. */
#include <math.h>

#include "backend/aot/onnx.h"

static const char *operand(Graph *g, const Op *op, unsigned i)
{
    return onnx_name(g, op->args[i]);
}

/* A node with a new name. */
#define STEP(g, type, ...) onnx_node(g, NULL, type, INPUTS(__VA_ARGS__), NULL)

static const char *add_plain_cast(Graph *g, const char *name, const char *x, DType to)
{
    return onnx_node(g, name, "Cast", INPUTS(x), (Attribute[]){{"to", 0, &(int64_t){onnx_element_type(to)}}, {0}});
}

static void add_erf(Graph *g, const char *name, const Op *op)
{
    if (op->type.dtype == DTYPE_F64)
        g->problem = "an op that ONNX Runtime does not have: erf of f64";
    else
        onnx_node(g, name, "Erf", INPUTS(operand(g, op, 0)), NULL);
}

/* ---- ops of several nodes ---- */

static void add_ne(Graph *g, const char *name, const Op *op)
{
    onnx_node(g, name, "Not", INPUTS(STEP(g, "Equal", operand(g, op, 0), operand(g, op, 1))), NULL);
}

/* [0 < x] - [x < 0]; Sign gives NaN for NaN. */
static void add_sign(Graph *g, const char *name, const Op *op)
{
    const char *x = operand(g, op, 0), *zero = onnx_number(g, op->type.dtype, 0);
    const char *above = add_plain_cast(g, NULL, STEP(g, "Less", zero, x), op->type.dtype);
    const char *below = add_plain_cast(g, NULL, STEP(g, "Less", x, zero), op->type.dtype);
    onnx_node(g, name, "Sub", INPUTS(above, below), NULL);
}

/* Whether no element is -0, or none has a sign of zero. */
static bool without_negative_zero(const Graph *g, Value v)
{
    const Op *op = OP_AT(g->function, v);
    return !dtype_is_float(op->type.dtype) || (op->code == OP_CONST && !(op->number == 0 && signbit(op->number)));
}

/* p ? x : y. Where of ONNX Runtime keeps the sign of a -0 in its last operand only: it makes 0 of one in the other. So what may
 * be -0 comes last, and p is negated for it (by Xor: ONNX Runtime undoes a Not in front of Where by swapping the operands). If
 * both may be -0, each is replaced by 1 where it is not chosen, and they are multiplied. */
static void add_choice(Graph *g, const char *name, const char *p, Value x, Value y)
{
    const char *of_x = onnx_name(g, x), *of_y = onnx_name(g, y);
    if (without_negative_zero(g, x)) {
        onnx_node(g, name, "Where", INPUTS(p, of_x, of_y), NULL);
        return;
    }
    const char *otherwise = STEP(g, "Xor", p, onnx_number(g, DTYPE_BOOL, 1));
    if (without_negative_zero(g, y)) {
        onnx_node(g, name, "Where", INPUTS(otherwise, of_y, of_x), NULL);
        return;
    }
    const char *one = onnx_number(g, OP_AT(g->function, x)->type.dtype, 1);
    const char *factor = STEP(g, "Where", otherwise, one, of_x);
    onnx_node(g, name, "Mul", INPUTS(factor, STEP(g, "Where", p, one, of_y)), NULL);
}

/* x < y ? y : x, and y < x ? y : x. Max and Min give NaN where either is NaN. */
static void add_extremum(Graph *g, const char *name, const Op *op)
{
    const char *x = operand(g, op, 0), *y = operand(g, op, 1);
    const char *second = op->code == OP_MAX ? STEP(g, "Less", x, y) : STEP(g, "Less", y, x);
    add_choice(g, name, second, op->args[1], op->args[0]);
}

/* ONNX Runtime has no Where of bool. */
static void add_select(Graph *g, const char *name, const Op *op)
{
    const char *p = operand(g, op, 0);
    if (op->type.dtype != DTYPE_BOOL) {
        add_choice(g, name, p, op->args[1], op->args[2]);
        return;
    }
    const char *yes = STEP(g, "And", p, operand(g, op, 1)), *no = STEP(g, "And", STEP(g, "Not", p), operand(g, op, 2));
    onnx_node(g, name, "Or", INPUTS(yes, no), NULL);
}

/* The product is rounded, too, as by a processor that cannot fuse: x y + z in one rounding would be many nodes. */
static void add_fma(Graph *g, const char *name, const Op *op)
{
    const char *product = STEP(g, "Mul", operand(g, op, 0), operand(g, op, 1));
    onnx_node(g, name, "Add", INPUTS(product, operand(g, op, 2)), NULL);
}

/* e^x - 1 = tanh(x / 2) (e^x + 1), in which nothing cancels; x where the rest of the series is too small to count, and if it is
 * NaN. */
static void add_expm1(Graph *g, const char *name, const Op *op)
{
    DType dtype = op->type.dtype;
    const char *x = operand(g, op, 0);
    const char *tangent = STEP(g, "Tanh", STEP(g, "Mul", x, onnx_number(g, dtype, 0.5)));
    const char *power = STEP(g, "Exp", x), *total = STEP(g, "Add", power, onnx_number(g, dtype, 1));
    const char *product = STEP(g, "Mul", tangent, total), *size = STEP(g, "Abs", x);
    const char *counts = STEP(g, "LessOrEqual", onnx_number(g, dtype, dtype == DTYPE_F32 ? 0x1p-25 : 0x1p-54), size);
    onnx_node(g, name, "Where", INPUTS(counts, product, x), NULL);
}

/* With u = 1 + x as rounded and d = u - 1, which is exact: log(1 + x) = log(u) x / d, but log(u) where d is x, for both may be
 * infinite, and x where d is 0. */
static void add_log1p(Graph *g, const char *name, const Op *op)
{
    DType dtype = op->type.dtype;
    const char *x = operand(g, op, 0), *one = onnx_number(g, dtype, 1);
    const char *u = STEP(g, "Add", x, one), *d = STEP(g, "Sub", u, one), *log = STEP(g, "Log", u);
    const char *product = STEP(g, "Mul", log, STEP(g, "Div", x, d)), *exact = STEP(g, "Equal", d, x);
    const char *large = STEP(g, "Where", exact, log, product), *size = STEP(g, "Abs", d);
    const char *counts = STEP(g, "Less", onnx_number(g, dtype, 0), size);
    onnx_node(g, name, "Where", INPUTS(counts, large, x), NULL);
}

/* ---- casts ---- */

/* Beyond the range of i32 the nearest number, 0 for NaN: Cast sees those alone that fit, as it leaves open what others give. */
static void add_cast_to_i32(Graph *g, const char *name, const char *x, DType from)
{
    const char *end = onnx_number(g, from, 0x1p31), *fits = STEP(g, "Less", STEP(g, "Abs", x), end);
    const char *fitting = STEP(g, "Where", fits, x, onnx_number(g, from, 0));
    const char *whole = add_plain_cast(g, NULL, fitting, DTYPE_I32);
    const char *below = STEP(g, "LessOrEqual", x, onnx_number(g, from, -0x1p31));
    const char *held = STEP(g, "Where", below, onnx_number(g, DTYPE_I32, INT32_MIN), whole);
    const char *above = STEP(g, "LessOrEqual", end, x);
    onnx_node(g, name, "Where", INPUTS(above, onnx_number(g, DTYPE_I32, INT32_MAX), held), NULL);
}

/* The same for u8, of floats and of i32. */
static void add_cast_to_u8(Graph *g, const char *name, const char *x, DType from)
{
    const char *zero = onnx_number(g, from, 0), *most = onnx_number(g, from, UINT8_MAX);
    const char *above = STEP(g, "Where", STEP(g, "Less", zero, x), x, zero);
    const char *inside = STEP(g, "Where", STEP(g, "Less", above, most), above, most);
    add_plain_cast(g, name, inside, DTYPE_U8);
}

static void add_cast(Graph *g, const char *name, const Op *op)
{
    const char *x = operand(g, op, 0);
    DType from = OP_AT(g->function, op->args[0])->type.dtype, to = op->type.dtype;
    if (to == DTYPE_BOOL && from != DTYPE_BOOL)
        onnx_node(g, name, "Not", INPUTS(STEP(g, "Equal", x, onnx_number(g, from, 0))), NULL);
    else if (to == DTYPE_I32 && dtype_is_float(from))
        add_cast_to_i32(g, name, x, from);
    else if (to == DTYPE_U8 && (dtype_is_float(from) || from == DTYPE_I32))
        add_cast_to_u8(g, name, x, from);
    else
        add_plain_cast(g, name, x, to);
}

const OnnxOp onnx_elementwise[OP_COUNT] = {
    [OP_NEG] = {.plain = "Neg"},        [OP_ABS] = {.plain = "Abs"},      [OP_FLOOR] = {.plain = "Floor"},
    [OP_EXP] = {.plain = "Exp"},        [OP_LOG] = {.plain = "Log"},      [OP_SQRT] = {.plain = "Sqrt"},
    [OP_TANH] = {.plain = "Tanh"},      [OP_SIN] = {.plain = "Sin"},      [OP_COS] = {.plain = "Cos"},
    [OP_STOP] = {.plain = "Identity"},  [OP_NOT] = {.plain = "Not"},      [OP_ADD] = {.plain = "Add"},
    [OP_SUB] = {.plain = "Sub"},        [OP_MUL] = {.plain = "Mul"},      [OP_DIV] = {.plain = "Div"},
    [OP_POW] = {.plain = "Pow"},        [OP_EQ] = {.plain = "Equal"},     [OP_LT] = {.plain = "Less"},
    [OP_LE] = {.plain = "LessOrEqual"}, [OP_AND] = {.plain = "And"},      [OP_OR] = {.plain = "Or"},
    [OP_SIGN] = {.add = add_sign},      [OP_EXPM1] = {.add = add_expm1},  [OP_LOG1P] = {.add = add_log1p},
    [OP_ERF] = {.add = add_erf},        [OP_MAX] = {.add = add_extremum}, [OP_MIN] = {.add = add_extremum},
    [OP_NE] = {.add = add_ne},          [OP_FMA] = {.add = add_fma},      [OP_SELECT] = {.add = add_select},
    [OP_CAST] = {.add = add_cast},
};
