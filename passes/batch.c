/* Batching: a function of one example becomes a function of a batch. Values that differ between examples get a leading axis; the
 * others are computed once. Every rule below is called only where some operand varies, except for the sources of variation. */
#include "passes/passes.h"
#include "passes/rewrite.h"

typedef struct Batch {
    Rewrite rewrite;
    const bool *varies; /* of the old function's values */
    int64_t size;
    Value index, mask; /* mask: NO_VALUE if every example counts */
} Batch;

static Builder *builder(Batch *batch)
{
    return &batch->rewrite.b;
}

/* The batch takes an axis as well. */
static void check_rank(const Batch *batch, Type type)
{
    if (type.rank == MAX_RANK)
        limit_error(&batch->rewrite.b, batch->rewrite.b.line, "%s has no axis left for the batch (limit is %d axes)",
                    type_text(type), MAX_RANK);
}

static Type batched(const Batch *batch, Type type)
{
    check_rank(batch, type);
    Type result = {.dtype = type.dtype, .rank = (uint8_t)(type.rank + 1), .dims = {batch->size}};
    for (unsigned i = 0; i < type.rank; i++)
        result.dims[i + 1] = type.dims[i];
    return result;
}

/* The axes with each number increased by 1. */
static Dims shifted(Dims axes)
{
    for (unsigned i = 0; i < axes.n; i++)
        axes.v[i]++;
    return axes;
}

static Dims prepended(int64_t first, Dims rest)
{
    Dims result = {.n = (uint8_t)(rest.n + 1), .v = {first}};
    for (unsigned i = 0; i < rest.n; i++)
        result.v[i + 1] = rest.v[i];
    return result;
}

static Dims consecutive(unsigned first, unsigned n)
{
    Dims axes = {.n = (uint8_t)n};
    for (unsigned i = 0; i < n; i++)
        axes.v[i] = first + i;
    return axes;
}

/* Operand i of the old op with a batch axis; an invariant operand gets the axis by broadcasting. */
static Value varying_arg(Batch *batch, const Op *op, unsigned i)
{
    Value old = op->args[i], fresh = batch->rewrite.map[old];
    if (batch->varies[old])
        return fresh;
    Type type = OP_AT(batch->rewrite.old, old)->type;
    return build_broadcast(builder(batch), fresh, batched(batch, type), consecutive(1, type.rank));
}

/* Never called: inputs are made before the walk, and the other ops of this rule do not occur before batching. */
static Value batch_none(Batch *batch, Value v)
{
    return rewrite_copy(&batch->rewrite, v);
}

/* Never called: the value of such an op cannot vary. */
static Value batch_invariant(Batch *batch, Value v)
{
    return rewrite_copy(&batch->rewrite, v);
}

static Value batch_random(Batch *batch, Value v)
{
    const Op *op = OP_AT(batch->rewrite.old, v);
    const Value *args = rewrite_args(&batch->rewrite, v);
    Type type = op->flags & OP_SHARED ? op->type : batched(batch, op->type);
    return build_random(builder(batch), args[0], args[1], type, op->symbol, op->flags);
}

static Value batch_example(Batch *batch, Value v)
{
    return build_fetch(builder(batch), OP_AT(batch->rewrite.old, v)->symbol, batch->index);
}

static Value batch_elementwise(Batch *batch, Value v)
{
    const Op *op = OP_AT(batch->rewrite.old, v);
    Value args[3];
    for (uint32_t i = 0; i < op->nargs; i++)
        args[i] = varying_arg(batch, op, i);
    Op copy = *op;
    copy.type = batched(batch, op->type);
    return build_op(builder(batch), copy, op->nargs, args);
}

static Value batch_broadcast(Batch *batch, Value v)
{
    const Op *op = OP_AT(batch->rewrite.old, v);
    Value x = varying_arg(batch, op, 0);
    return build_broadcast(builder(batch), x, batched(batch, op->type), prepended(0, shifted(op->a)));
}

static Value batch_reshape(Batch *batch, Value v)
{
    const Op *op = OP_AT(batch->rewrite.old, v);
    return build_reshape(builder(batch), varying_arg(batch, op, 0), batched(batch, op->type));
}

static Value batch_transpose(Batch *batch, Value v)
{
    const Op *op = OP_AT(batch->rewrite.old, v);
    return build_transpose(builder(batch), varying_arg(batch, op, 0), prepended(0, shifted(op->a)));
}

static Value batch_slice(Batch *batch, Value v)
{
    const Op *op = OP_AT(batch->rewrite.old, v);
    return build_slice(builder(batch), varying_arg(batch, op, 0), prepended(0, op->a), batched(batch, op->type));
}

static Value batch_pad(Batch *batch, Value v)
{
    const Op *op = OP_AT(batch->rewrite.old, v);
    return build_pad(builder(batch), varying_arg(batch, op, 0), prepended(0, op->a), batched(batch, op->type));
}

static Value batch_concat(Batch *batch, Value v)
{
    const Op *op = OP_AT(batch->rewrite.old, v);
    Value *args = support_malloc(op->nargs * sizeof *args);
    for (uint32_t i = 0; i < op->nargs; i++)
        args[i] = varying_arg(batch, op, i);
    Value result = build_concat(builder(batch), op->nargs, args, (int)op->a.v[0] + 1);
    support_free(args);
    return result;
}

static Value batch_reduce(Batch *batch, Value v)
{
    const Op *op = OP_AT(batch->rewrite.old, v);
    return build_reduce(builder(batch), op->code, varying_arg(batch, op, 0), shifted(op->a));
}

static Value batch_argmax(Batch *batch, Value v)
{
    const Op *op = OP_AT(batch->rewrite.old, v);
    return build_argmax(builder(batch), varying_arg(batch, op, 0), (int)op->a.v[0] + 1);
}

/* One varying operand: the batch axis is a free axis of it, and that operand goes first so that the axis leads. Two: a batched
 * product. */
static Value batch_dot(Batch *batch, Value v)
{
    const Op *op = OP_AT(batch->rewrite.old, v);
    Builder *b = builder(batch);
    Value x = batch->rewrite.map[op->args[0]], y = batch->rewrite.map[op->args[1]];
    bool x_varies = batch->varies[op->args[0]], y_varies = batch->varies[op->args[1]];
    if (op->c.n > 0) { /* the op's own batch axes come first in the result: the new axis becomes the first of them */
        x = varying_arg(batch, op, 0), y = varying_arg(batch, op, 1);
        x_varies = y_varies = true;
    }
    if (x_varies && y_varies)
        return build_dot(b, x, y, shifted(op->a), shifted(op->b), prepended(0, shifted(op->c)), prepended(0, shifted(op->d)));
    if (x_varies)
        return build_dot(b, x, y, shifted(op->a), op->b, op->c, op->d);
    Value product = build_dot(b, y, x, shifted(op->b), op->a, op->d, op->c);
    /* is [batch, y's free, x's free]; wanted [batch, x's free, y's free] */
    unsigned free_x = OP_AT(batch->rewrite.old, op->args[0])->type.rank - op->a.n;
    unsigned free_y = OP_AT(batch->rewrite.old, op->args[1])->type.rank - op->b.n;
    if (free_x == 0 || free_y == 0)
        return product;
    Dims order = {.n = 1};
    for (unsigned i = 0; i < free_x; i++)
        order.v[order.n++] = 1 + free_y + i;
    for (unsigned i = 0; i < free_y; i++)
        order.v[order.n++] = 1 + i;
    return build_transpose(b, product, order);
}

/* index + rows * (number of the example): positions in a batch of tables laid end to end */
static Value example_rows(Batch *batch, Value index, int64_t rows)
{
    Builder *b = builder(batch);
    Type type = value_type(b, index);
    return build_binary(b, OP_ADD, index, build_with_const(b, OP_MUL, build_iota(b, type, 0), (double)rows));
}

static Type merged_leading(Type type)
{
    Type merged = {.dtype = type.dtype, .rank = (uint8_t)(type.rank - 1), .dims = {type.dims[0] * type.dims[1]}};
    for (unsigned i = 2; i < type.rank; i++)
        merged.dims[i - 1] = type.dims[i];
    return merged;
}

static Value batch_gather(Batch *batch, Value v)
{
    const Op *op = OP_AT(batch->rewrite.old, v);
    Builder *b = builder(batch);
    if (!batch->varies[op->args[0]])
        return build_gather(b, batch->rewrite.map[op->args[0]], batch->rewrite.map[op->args[1]]);
    Value tables = varying_arg(batch, op, 0), index = varying_arg(batch, op, 1);
    Type type = value_type(b, tables);
    Value table = build_reshape(b, tables, merged_leading(type)), rows = example_rows(batch, index, type.dims[1]);
    return build_gather(b, table, rows);
}

static Value batch_scatter(Batch *batch, Value v)
{
    const Op *op = OP_AT(batch->rewrite.old, v);
    Builder *b = builder(batch);
    int64_t rows = op->a.v[0];
    Value index = varying_arg(batch, op, 0), updates = varying_arg(batch, op, 1);
    Value sums = build_scatter_add(b, example_rows(batch, index, rows), updates, rows * batch->size);
    return build_reshape(b, sums, batched(batch, op->type));
}

/* How many examples count, as a real. */
static Value example_count(Batch *batch)
{
    Builder *b = builder(batch);
    DType real = b->module->real;
    if (batch->mask == NO_VALUE)
        return build_const(b, type_scalar(real), (double)batch->size);
    return build_reduce(b, OP_REDUCE_SUM, build_cast(b, batch->mask, real), dims_of(1, 0));
}

static Value batch_across(Batch *batch, Value v)
{
    const Op *op = OP_AT(batch->rewrite.old, v);
    Builder *b = builder(batch);
    Value x = *rewrite_args(&batch->rewrite, v);
    bool mean = op->code == OP_ACROSS_MEAN, max = op->code == OP_ACROSS_MAX;
    if (!batch->varies[op->args[0]])
        return mean || max ? x : build_binary(b, OP_MUL, x, build_splat(b, example_count(batch), op->type));
    if (batch->mask != NO_VALUE) {
        Type type = value_type(b, x);
        Value counts = build_broadcast(b, batch->mask, type, dims_of(1, 0));
        x = build_select(b, counts, x, build_const(b, type, max ? -__builtin_inf() : 0));
    }
    x = build_reduce(b, max ? OP_REDUCE_MAX : OP_REDUCE_SUM, x, dims_of(1, 0));
    return mean ? build_binary(b, OP_DIV, x, build_splat(b, example_count(batch), op->type)) : x;
}

typedef Value BatchRule(Batch *batch, Value v);
static BatchRule *const batch_rules[OP_COUNT] = {
#define OP(NAME, mnemonic, arity, effect, infer, batch, vjp, jvp, lowering) [OP_##NAME] = batch_##batch,
#include "ir/ops.def"
#undef OP
};

void pass_batch(Module *module, Function *function, int64_t batch_size, bool masked)
{
    bool *varies = varying_values(function);
    Batch batch = {.varies = varies, .size = batch_size, .mask = NO_VALUE};
    rewrite_begin(&batch.rewrite, module, function);
    for (uint32_t i = 0; i < function->inputs.len; i++) {
        Value input = function->inputs.data[i];
        Type type = batched(&batch, OP_AT(function, input)->type);
        batch.rewrite.map[input] = build_input(builder(&batch), function->input_names.data[i], type);
    }
    bool fetches = false;
    for (Value v = 0; v < function->ops.len; v++)
        fetches |= OP_AT(function, v)->code == OP_EXAMPLE;
    if (fetches || masked)
        batch.index = build_input(builder(&batch), "index", type_of(DTYPE_I32, 1, &batch_size));
    if (masked)
        batch.mask = build_input(builder(&batch), "mask", type_of(DTYPE_BOOL, 1, &batch_size));

    for (Value v = 0; v < function->ops.len; v++) {
        const Op *op = OP_AT(function, v);
        batch.rewrite.b.line = op->line;
        if (op->code == OP_INPUT)
            continue;
        bool rule = varies[v] || is_across(op->code);
        if (varies[v])
            check_rank(&batch, op->type);
        batch.rewrite.map[v] = rule ? batch_rules[op->code](&batch, v) : rewrite_copy(&batch.rewrite, v);
    }
    rewrite_end(&batch.rewrite);
    support_free(varies);
}
