/* Factoring of row scales out of products, on per-example functions.
 *
 * A product of a matrix that differs between examples is expensive: a batch of B examples would need B matrices. The matrices of
 * best-response weights differ only by sums and scales of invariant ones, W_b = E + a_b U with a_b one number per output unit,
 * and
 *
 *     (E + a U) @ x = E @ x + a (U @ x)                       scales on free axes leave the product
 *     (a U)' @ x = U' @ (a x)                                 or move to an operand that varies anyway
 *     sum_ij (a_i U_ij) V_ij = sum_i a_i (sum_j U_ij V_ij)    or wait for the other contracted axes
 *     (A B) @ x = A @ (B @ x)                                 a product of thin matrices is never formed
 *     W * (E + a U) = W * E + a (W * U)                       elementwise products reach the invariant matrices first
 *     (E + a U)[i] = E[i] + a U[i]                            rows of tables are read before they are scaled
 *
 * so the large products are with E and U, once for the whole batch. This knows nothing of layers: it is distributivity and
 * associativity. */
#include "ir/scan.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

typedef struct Factor {
    Rewrite rewrite;
    VEC(bool) varies;    /* of the new function */
    VEC(uint32_t) terms; /* the value is a sum of this many scaled invariant tensors and thin products; 0: it is no such sum */
    const bool *inputs;  /* of the body of a loop: which inputs vary. NULL: of a function, all */
} Factor;

/* A product with a sum of terms becomes one product per term. A sum of more terms than this stays a matrix per example. */
enum { MOST_TERMS = 16 };

static bool is_scale(const Function *f, Value v)
{
    return OP_AT(f, v)->code == OP_BROADCAST && OP_AT(f, v)->axes.n < OP_AT(f, v)->type.rank;
}

/* A product of two matrices whose common extent is small: it has more elements than both matrices together. */
static bool is_thin_product(const Function *f, Value v)
{
    const Op *op = OP_AT(f, v);
    if (op->code != OP_DOT || op->type.rank != 2 || op->contract_x.n != 1 || op->batch_x.n != 0)
        return false;
    int64_t apart = type_elements(OP_AT(f, op->args[0])->type) + type_elements(OP_AT(f, op->args[1])->type);
    return apart < type_elements(op->type);
}

static bool is_factorable(const Factor *factor, Value v)
{
    return factor->terms.data[v] > 0;
}

/* Whether a factorable matrix is a thin product, a sum with one, or one scaled. */
static bool contains_thin(const Factor *factor, Value v)
{
    const Op *op = OP_AT(factor->rewrite.b.function, v);
    if (!factor->varies.data[v] || !is_factorable(factor, v))
        return false;
    if (op->code == OP_DOT)
        return true;
    for (uint32_t i = 0; i < op->nargs; i++)
        if (contains_thin(factor, op->args[i]))
            return true;
    return false;
}

/* Which operand of a product scales the other one, where that is factorable; -1: none. */
static int scale_of(const Factor *factor, const Op *product)
{
    for (int i = 0; i < 2; i++)
        if (is_scale(factor->rewrite.b.function, product->args[i]) && is_factorable(factor, product->args[1 - i]))
            return i;
    return -1;
}

static uint32_t terms_of_product(const Factor *factor, const Op *op)
{
    const uint32_t *terms = factor->terms.data;
    int scale = scale_of(factor, op);
    if (scale >= 0)
        return terms[op->args[1 - scale]];
    bool thin = contains_thin(factor, op->args[0]) || contains_thin(factor, op->args[1]);
    return thin ? 0 : terms[op->args[0]] * terms[op->args[1]];
}

static uint32_t count_terms(const Factor *factor, Value v)
{
    const Function *f = factor->rewrite.b.function;
    const Op *op = OP_AT(f, v);
    const uint32_t *terms = factor->terms.data;
    if (!factor->varies.data[v])
        return 1;
    switch (op->code) {
    case OP_ADD:
    case OP_SUB:
        return terms[op->args[0]] && terms[op->args[1]] ? terms[op->args[0]] + terms[op->args[1]] : 0;
    case OP_NEG:
        return terms[op->args[0]];
    case OP_MUL:
        return terms_of_product(factor, op);
    case OP_DIV:
        return is_scale(f, op->args[1]) ? terms[op->args[0]] : 0;
    case OP_TRANSPOSE:
        return op->type.rank == 2 ? terms[op->args[0]] : 0;
    case OP_DOT:
        return is_thin_product(f, v);
    default:
        return 0;
    }
}

/* Brings varies and terms up to date with the ops appended since. */
static void refresh(Factor *factor)
{
    const Function *f = factor->rewrite.b.function;
    while (factor->varies.len < f->ops.len) {
        Value v = factor->varies.len;
        const Op *op = OP_AT(f, v);
        bool varies = op->code == OP_INPUT && factor->inputs ? factor->inputs[op->symbol] : op_varies(op, factor->varies.data);
        vec_push(&factor->varies, varies);
        uint32_t terms = count_terms(factor, v);
        vec_push(&factor->terms, terms <= MOST_TERMS ? terms : 0);
    }
}

/* x * y, both factorable and without thin products, with the elementwise product in the terms. */
static Value multiply(Factor *factor, Value x, Value y)
{
    refresh(factor);
    Builder *b = &factor->rewrite.b;
    Value open = factor->varies.data[x] ? x : y, other = open == x ? y : x;
    Op op = *OP_AT(b->function, open);
    if (!factor->varies.data[open])
        return build_binary(b, OP_MUL, x, y);
    if (op.code == OP_NEG)
        return build_unary(b, OP_NEG, multiply(factor, op.args[0], other));
    if (op.code == OP_TRANSPOSE) /* the transposition of a matrix is its own inverse */
        return build_transpose(b, multiply(factor, op.args[0], build_transpose(b, other, op.axes)), op.axes);
    if (op.code == OP_DIV)
        return build_binary(b, OP_DIV, multiply(factor, op.args[0], other), op.args[1]);
    if (op.code == OP_MUL) {
        int scale = scale_of(factor, &op);
        return scale >= 0 ? build_binary(b, OP_MUL, op.args[scale], multiply(factor, op.args[1 - scale], other))
                          : multiply(factor, multiply(factor, op.args[0], op.args[1]), other);
    }
    Value first = multiply(factor, op.args[0], other);
    return build_binary(b, op.code, first, multiply(factor, op.args[1], other));
}

typedef struct Product {
    Value x, y;
    Dims contract_x, contract_y, batch_x, batch_y;
} Product;

static Value build_product(Factor *factor, Product p)
{
    return build_dot(&factor->rewrite.b, p.x, p.y, p.contract_x, p.contract_y, p.batch_x, p.batch_y);
}

static Value expand(Factor *factor, Product p, bool second);

/* Position of x's axis (not contracted) in the product's result; `second`: of y's. */
static int64_t result_axis(Factor *factor, Product p, bool second, int64_t axis)
{
    Dims contract = second ? p.contract_y : p.contract_x, batch = second ? p.batch_y : p.batch_x;
    for (unsigned i = 0; i < batch.n; i++)
        if (batch.v[i] == axis)
            return i;
    int64_t position = batch.n;
    if (second)
        position += value_type(&factor->rewrite.b, p.x).rank - p.contract_x.n - p.batch_x.n;
    for (int64_t k = 0; k < axis; k++)
        position += !dims_contain(contract, k) && !dims_contain(batch, k);
    return position;
}

/* Broadcast needs increasing axes: transposes `t`, whose axes belong at `places`, accordingly. */
static Value broadcast_to(Builder *b, Value t, Dims places, Type type)
{
    Dims order = all_axes(places.n);
    for (unsigned i = 0; i < places.n; i++)
        for (unsigned k = i + 1; k < places.n; k++)
            if (places.v[k] < places.v[i]) {
                int64_t place = places.v[i], axis = order.v[i];
                places.v[i] = places.v[k], places.v[k] = place;
                order.v[i] = order.v[k], order.v[k] = axis;
            }
    return build_broadcast(b, places.n > 1 ? build_transpose(b, t, order) : t, type, places);
}

/* (a U)' @ x = U' @ (a x), where every scaled axis is contracted and the other operand differs between examples anyway: scales
 * that operand in *p and returns true. */
static bool move_scale(Factor *factor, Product *p, bool second, Value t, Dims axes)
{
    Builder *b = &factor->rewrite.b;
    Value *other = second ? &p->x : &p->y;
    Dims contract = second ? p->contract_y : p->contract_x, paired = second ? p->contract_x : p->contract_y;
    Dims places = {.n = axes.n};
    if (axes.n == 0 || is_factorable(factor, *other))
        return false;
    for (unsigned i = 0; i < axes.n; i++) {
        if (!dims_contain(contract, axes.v[i]))
            return false;
        for (unsigned k = 0; k < contract.n; k++)
            if (contract.v[k] == axes.v[i])
                places.v[i] = paired.v[k];
    }
    *other = build_binary(b, OP_MUL, *other, broadcast_to(b, t, places, value_type(b, *other)));
    return true;
}

/* The product of broadcast(t, axes) * u with the other operand, u and t apart; p holds u in the scaled operand's place. */
static Value expand_scaled(Factor *factor, Product p, bool second, Value t, Dims axes)
{
    Builder *b = &factor->rewrite.b;
    if (move_scale(factor, &p, second, t, axes))
        return expand(factor, p, second);
    Product inner = p;
    Dims waiting = {0}; /* axes that p contracts: their positions in the result of `inner` */
    inner.contract_x = inner.contract_y = (Dims){0};
    Dims contract = second ? p.contract_y : p.contract_x;
    for (unsigned i = 0; i < contract.n; i++) {
        if (dims_contain(axes, contract.v[i])) {
            waiting.v[waiting.n++] = inner.batch_x.n;
            inner.batch_x.v[inner.batch_x.n++] = p.contract_x.v[i];
            inner.batch_y.v[inner.batch_y.n++] = p.contract_y.v[i];
        } else {
            inner.contract_x.v[inner.contract_x.n++] = p.contract_x.v[i];
            inner.contract_y.v[inner.contract_y.n++] = p.contract_y.v[i];
        }
    }
    Value product = expand(factor, inner, second);
    Type type = value_type(b, product);
    Dims places = {.n = axes.n};
    for (unsigned i = 0; i < axes.n; i++)
        places.v[i] = result_axis(factor, inner, second, axes.v[i]);
    if (waiting.n == axes.n && type.rank > waiting.n) /* the matrix is contracted with the scales, never scaled */
        return expand(factor, (Product){t, product, all_axes(axes.n), places, {0}, {0}}, false);
    Value scale = broadcast_to(b, t, places, type);
    return build_reduce(b, OP_REDUCE_SUM, build_binary(b, OP_MUL, product, scale), waiting);
}

static int position(Dims dims, int64_t axis)
{
    for (unsigned i = 0; i < dims.n; i++)
        if (dims.v[i] == axis)
            return (int)i;
    return -1;
}

/* The product of a thin product A B (op) with the other operand: first with the factor that has the contracted axis, then with
 * the other factor. p holds A B, of which an axis is contracted, and has no batch axes. Results keep the order of axes of a
 * product: what is free in x, then what is free in y. */
static Value expand_thin(Factor *factor, Product p, bool second, const Op *op)
{
    Dims own = second ? p.contract_y : p.contract_x, paired = second ? p.contract_x : p.contract_y;
    bool last = dims_contain(own, 1); /* the columns of B are contracted, else the rows of A */
    Value near = op->args[last ? 1 : 0], far = op->args[last ? 0 : 1];
    int64_t near_thin = last ? op->contract_y.v[0] : op->contract_x.v[0],
            far_thin = last ? op->contract_x.v[0] : op->contract_y.v[0];
    int met = position(own, last ? 1 : 0), rest = position(own, last ? 0 : 1);
    Product inner = {.contract_x = dims_of(1, (int)(second ? paired.v[met] : 1 - near_thin)),
                     .contract_y = dims_of(1, (int)(second ? 1 - near_thin : paired.v[met]))};
    Value other = second ? p.x : p.y;
    inner.x = second ? other : near;
    inner.y = second ? near : other;
    int64_t other_rank = value_type(&factor->rewrite.b, other).rank;
    Value product = expand(factor, inner, false); /* x is other: [free of other, thin]; y is other: [thin, free of other] */
    int64_t thin = second ? other_rank - 1 : 0;
    Dims of_product = dims_of(1, (int)thin), of_far = dims_of(1, (int)far_thin);
    if (rest >= 0) {
        int64_t axis = paired.v[rest];
        of_product.v[of_product.n++] = axis - (axis > paired.v[met]) + (second ? 0 : 1);
        of_far.v[of_far.n++] = 1 - far_thin;
    }
    Product outer = {.x = second ? product : far, .y = second ? far : product};
    outer.contract_x = second ? of_product : of_far;
    outer.contract_y = second ? of_far : of_product;
    return expand(factor, outer, false);
}

/* The product of a matrix that divides or multiplies by a scale, or is an elementwise product. */
static Value expand_elementwise(Factor *factor, Product p, bool second, const Op *op)
{
    Builder *b = &factor->rewrite.b;
    Value *slot = second ? &p.y : &p.x;
    int scale = op->code == OP_DIV ? 1 : scale_of(factor, op);
    if (scale < 0) {
        *slot = multiply(factor, op->args[0], op->args[1]);
        return expand(factor, p, second);
    }
    Op broadcast = *OP_AT(b->function, op->args[scale]);
    Value numbers = broadcast.args[0];
    *slot = op->args[1 - scale];
    if (op->code == OP_DIV)
        numbers = build_binary(b, OP_DIV, build_const(b, value_type(b, numbers), 1), numbers);
    return expand_scaled(factor, p, second, numbers, broadcast.a);
}

/* The product of a transposed matrix with one contracted axis: the product of the matrix along its other axis. */
static Value expand_transposed(Factor *factor, Product p, bool second, const Op *op)
{
    *(second ? &p.y : &p.x) = op->args[0];
    Dims *contract = second ? &p.contract_y : &p.contract_x, *batch = second ? &p.batch_y : &p.batch_x;
    for (unsigned i = 0; i < contract->n; i++)
        contract->v[i] = op->axes.v[contract->v[i]];
    for (unsigned i = 0; i < batch->n; i++)
        batch->v[i] = op->axes.v[batch->v[i]];
    return expand(factor, p, second);
}

/* Whether the product needs this operand as a whole: no part of the operand can be multiplied first. */
static bool is_formed(const Factor *factor, Product p, bool second)
{
    OpCode code = OP_AT(factor->rewrite.b.function, second ? p.y : p.x)->code;
    return (code == OP_DOT && (p.batch_x.n || !p.contract_x.n)) || (code == OP_TRANSPOSE && !p.batch_x.n && !p.contract_x.n);
}

/* One product as a sum of products with invariant matrices; first along x, then along y (`second`). */
static Value expand(Factor *factor, Product p, bool second)
{
    refresh(factor);
    Builder *b = &factor->rewrite.b;
    bool scalar = p.contract_x.n == value_type(b, p.x).rank && p.contract_y.n == value_type(b, p.y).rank;
    if (!second && scalar && contains_thin(factor, p.y) &&
        !contains_thin(factor, p.x)) /* before x's scales are kept for y's axes */
        p = (Product){p.y, p.x, p.contract_y, p.contract_x, {0}, {0}};
    Value v = second ? p.y : p.x;
    if (!factor->varies.data[v] || !is_factorable(factor, v) || is_formed(factor, p, second))
        return second ? build_product(factor, p) : expand(factor, p, true);
    Op op = *OP_AT(b->function, v);
    if (op.code == OP_MUL || op.code == OP_DIV)
        return expand_elementwise(factor, p, second, &op);
    if (op.code == OP_TRANSPOSE)
        return expand_transposed(factor, p, second, &op);
    if (op.code == OP_DOT)
        return expand_thin(factor, p, second, &op);
    Product part = p;
    Value *slot = second ? &part.y : &part.x;
    *slot = op.args[0];
    Value first = expand(factor, part, second);
    if (op.code == OP_NEG)
        return build_unary(b, OP_NEG, first);
    *slot = op.args[1];
    return build_binary(b, op.code, first, expand(factor, part, second));
}

/* ---- tables ---- */

/* Rows of a table that is a sum of scaled invariant tables, as the sum of their scaled rows; of any other table, the rows. */
static Value gather_rows(Factor *factor, Value table, Value index)
{
    refresh(factor);
    Builder *b = &factor->rewrite.b;
    Op op = *OP_AT(b->function, table);
    if (!factor->varies.data[table] || !is_factorable(factor, table))
        return build_gather(b, table, index);
    if (op.code == OP_NEG)
        return build_unary(b, OP_NEG, gather_rows(factor, op.args[0], index));
    if (op.code == OP_ADD || op.code == OP_SUB) {
        Value first = gather_rows(factor, op.args[0], index);
        return build_binary(b, op.code, first, gather_rows(factor, op.args[1], index));
    }
    int scale = op.code == OP_DIV ? 1 : op.code == OP_MUL ? scale_of(factor, &op) : -1;
    Op broadcast = scale >= 0 ? *OP_AT(b->function, op.args[scale]) : op;
    if (scale < 0 || dims_contain(broadcast.axes, 0)) /* rows have scales of their own */
        return build_gather(b, table, index);
    Value rows = gather_rows(factor, op.args[1 - scale], index);
    Type type = value_type(b, rows);
    for (unsigned i = 0; i < broadcast.axes.n; i++)
        broadcast.axes.v[i] += type.rank - op.type.rank;
    return build_binary(b, op.code, rows, build_broadcast(b, broadcast.args[0], type, broadcast.axes));
}

/* ---- loops ---- */

/* The body of a loop into which what makes its matrices is moved. */
typedef struct Sink {
    Factor *factor;
    Builder body;
    Value *within;       /* value around the loop -> input of the body, NO_VALUE: none yet */
    VEC(Value) operands; /* of the loop */
    VEC(bool) varies;    /* of them */
} Sink;

static Value add_operand(Sink *sink, Value v, Type input, bool varies)
{
    vec_push(&sink->operands, v);
    vec_push(&sink->varies, varies);
    return body_input(&sink->body, input);
}

static Value add_invariant(Sink *sink, Value v, bool varies)
{
    return add_operand(sink, v, value_type(&sink->factor->rewrite.b, v), varies);
}

/* The value around the loop as the body has it: what varies and is a sum of terms is made in the body, of what does not vary and
 * of the numbers that scale, whether or not these vary. */
static Value value_within(Sink *sink, Value v)
{
    const Factor *factor = sink->factor;
    Op op = *OP_AT(factor->rewrite.b.function, v);
    bool open = is_scale(factor->rewrite.b.function, v) || (factor->varies.data[v] && is_factorable(factor, v));
    if (!open && sink->within[v] == NO_VALUE)
        sink->within[v] = add_invariant(sink, v, factor->varies.data[v]);
    if (sink->within[v] != NO_VALUE)
        return sink->within[v];
    Value args[2];
    for (uint32_t i = 0; i < op.nargs; i++)
        args[i] = op.code == OP_BROADCAST && sink->within[op.args[i]] == NO_VALUE
                      ? (sink->within[op.args[i]] = add_invariant(sink, op.args[i], factor->varies.data[op.args[i]]))
                      : value_within(sink, op.args[i]);
    return sink->within[v] = build_op(&sink->body, op, op.nargs, args);
}

static void factor_function(Factor *factor, Module *module, Function *function);

/* A loop of the function being built, whose matrices are made in the body, where products are factored. */
static Value factor_scan(Factor *factor, Value old)
{
    Builder *b = &factor->rewrite.b;
    Op scan = *OP_AT(factor->rewrite.old, old);
    const Value *args = rewrite_args(&factor->rewrite, old);
    refresh(factor);
    uint32_t n = b->function->ops.len, first = scan_first_invariant(&scan);
    Sink sink = {.factor = factor, .body = {b->module, body_new(b->module), scan.line}};
    sink.within = support_malloc((n + 1) * sizeof *sink.within);
    Value *inputs = support_malloc((scan.nargs + scan.body->ops.len + 1) * sizeof *inputs), *map = inputs + scan.nargs;
    for (Value v = 0; v < n; v++)
        sink.within[v] = NO_VALUE;
    for (uint32_t i = 0; i < scan.nargs; i++)
        inputs[i] = i < first ? add_operand(&sink, args[i], OP_AT(scan.body, scan.body->inputs.data[i])->type, true)
                              : value_within(&sink, args[i]);
    body_inline(&sink.body, scan.body, inputs, map);
    for (uint32_t i = 0; i < scan.body->outputs.len; i++)
        body_output(&sink.body, map[scan.body->outputs.data[i].value]);
    Factor within = {.inputs = sink.varies.data};
    factor_function(&within, b->module, sink.body.function);
    Value made = build_scan(b, sink.body.function, scan_steps(&scan), scan_carries(&scan), scan_scanned(&scan), scan.flags,
                            sink.operands.data);
    vec_free(&sink.operands);
    vec_free(&sink.varies);
    support_free(sink.within);
    support_free(inputs);
    return made;
}

/* ---- functions ---- */

/* Maps a slice of a concat to a slice of its piece: the piece may be the same for all examples where another one differs, as a
 * hyperparameter may be beside others. False: it is no such slice. */
static bool slice_piece(Factor *factor, Value v, Value whole)
{
    Builder *b = &factor->rewrite.b;
    const Op *slice = OP_AT(factor->rewrite.old, v), *concat = OP_AT(b->function, whole);
    Value piece = concat->code == OP_CONCAT ? slice_of_concat(b, slice, concat) : NO_VALUE;
    if (piece != NO_VALUE)
        factor->rewrite.map[v] = piece;
    return piece != NO_VALUE;
}

static void factor_function(Factor *factor, Module *module, Function *function)
{
    rewrite_begin(&factor->rewrite, module, function);
    for (Value v = 0; v < function->ops.len; v++) {
        const Op *op = OP_AT(function, v);
        if (op->code == OP_SCAN) {
            factor->rewrite.map[v] = factor_scan(factor, v);
            continue;
        }
        const Value *args = rewrite_args(&factor->rewrite, v);
        if (op->code == OP_GATHER) {
            factor->rewrite.map[v] = gather_rows(factor, args[0], args[1]);
            continue;
        }
        if (op->code == OP_SLICE && slice_piece(factor, v, args[0]))
            continue;
        if (op->code != OP_DOT) {
            rewrite_copy(&factor->rewrite, v);
            continue;
        }
        factor->rewrite.map[v] =
            expand(factor, (Product){args[0], args[1], op->contract_x, op->contract_y, op->batch_x, op->batch_y}, false);
    }
    rewrite_end(&factor->rewrite);
    vec_free(&factor->varies);
    vec_free(&factor->terms);
}

void pass_factor(Module *module, Function *function)
{
    Factor factor = {0};
    factor_function(&factor, module, function);
}
