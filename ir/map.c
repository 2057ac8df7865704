#include "ir/map.h"
#include "ir/scan.h"

#include <string.h>

/* One rule per op of ir/ops.def, called where some operand varies, or where the op varies by itself (an example, a random
 * number). */

static Type batched(const Mapping *m, Type type)
{
    if (type.rank == MAX_RANK)
        limit_error(m->b, m->b->line, "%s has no axis left for the %s (limit is %d axes)", type_text(type),
                    m->examples ? "batch" : "mapping", MAX_RANK);
    return type_of_many(m->size, type);
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

Value mapped_value(const Mapping *m, Value v)
{
    Type type = OP_AT(m->from, v)->type;
    return m->varies[v] ? m->map[v] : build_broadcast(m->b, m->map[v], batched(m, type), consecutive(1, type.rank));
}

/* Operand i of the old op with a batch axis. */
static Value varying_arg(Mapping *m, const Op *op, unsigned i)
{
    return mapped_value(m, op->args[i]);
}

/* Never called: such an op never varies, or does not occur before mapping. */
static Value batch_none(Mapping *m, Value v)
{
    return build_copy(m->b, m->from, v, m->map);
}

static Value batch_invariant(Mapping *m, Value v)
{
    return build_copy(m->b, m->from, v, m->map);
}

/* A weight at values of conditions that vary: all of them get the axis. */
static Value batch_param(Mapping *m, Value v)
{
    const Op *op = OP_AT(m->from, v);
    Value values[MAX_RANK];
    for (uint32_t i = 0; i < op->nargs; i++)
        values[i] = varying_arg(m, op, i);
    return build_param(m->b, op->symbol, op->conditions, values);
}

static Value batch_random(Mapping *m, Value v)
{
    const Op *op = OP_AT(m->from, v);
    return build_random(m->b, m->map[op->args[0]], m->map[op->args[1]], batched(m, op->type), op->symbol, op->flags);
}

static Value batch_example(Mapping *m, Value v)
{
    return build_fetch(m->b, OP_AT(m->from, v)->symbol, m->index);
}

/* Rows of all elements, read in one go. */
static Value batch_fetch(Mapping *m, Value v)
{
    const Op *op = OP_AT(m->from, v);
    Value index = varying_arg(m, op, 0);
    int64_t all = type_elements(value_type(m->b, index));
    Value rows = build_fetch(m->b, op->symbol, build_reshape(m->b, index, type_of(DTYPE_I32, 1, &all)));
    return build_reshape(m->b, rows, batched(m, op->type));
}

static Value batch_elementwise(Mapping *m, Value v)
{
    const Op *op = OP_AT(m->from, v);
    Value args[3];
    for (uint32_t i = 0; i < op->nargs; i++)
        args[i] = varying_arg(m, op, i);
    Op copy = *op;
    copy.type = batched(m, op->type);
    return build_op(m->b, copy, op->nargs, args);
}

static Value batch_broadcast(Mapping *m, Value v)
{
    const Op *op = OP_AT(m->from, v);
    Value x = varying_arg(m, op, 0);
    return build_broadcast(m->b, x, batched(m, op->type), prepended(0, shifted(op->axes)));
}

static Value batch_reshape(Mapping *m, Value v)
{
    const Op *op = OP_AT(m->from, v);
    return build_reshape(m->b, varying_arg(m, op, 0), batched(m, op->type));
}

static Value batch_transpose(Mapping *m, Value v)
{
    const Op *op = OP_AT(m->from, v);
    return build_transpose(m->b, varying_arg(m, op, 0), prepended(0, shifted(op->axes)));
}

static Value batch_slice(Mapping *m, Value v)
{
    const Op *op = OP_AT(m->from, v);
    return build_slice(m->b, varying_arg(m, op, 0), prepended(0, op->start), batched(m, op->type));
}

static Windows shifted_windows(const Op *op)
{
    Windows windows = windows_of(op);
    windows.axes = shifted(windows.axes);
    return windows;
}

static Value batch_window(Mapping *m, Value v)
{
    return build_window(m->b, varying_arg(m, OP_AT(m->from, v), 0), shifted_windows(OP_AT(m->from, v)));
}

static Value batch_overlap(Mapping *m, Value v)
{
    const Op *op = OP_AT(m->from, v);
    return build_overlap(m->b, varying_arg(m, op, 0), batched(m, op->type), shifted_windows(op));
}

static Value batch_pad(Mapping *m, Value v)
{
    const Op *op = OP_AT(m->from, v);
    return build_pad(m->b, varying_arg(m, op, 0), prepended(0, op->before), batched(m, op->type));
}

static Value batch_concat(Mapping *m, Value v)
{
    const Op *op = OP_AT(m->from, v);
    Value *args = support_malloc(op->nargs * sizeof *args);
    for (uint32_t i = 0; i < op->nargs; i++)
        args[i] = varying_arg(m, op, i);
    Value result = build_concat(m->b, op->nargs, args, (int)op->axis.v[0] + 1);
    support_free(args);
    return result;
}

static Value batch_reduce(Mapping *m, Value v)
{
    const Op *op = OP_AT(m->from, v);
    return build_reduce(m->b, op->code, varying_arg(m, op, 0), shifted(op->axes));
}

static Value batch_argmax(Mapping *m, Value v)
{
    const Op *op = OP_AT(m->from, v);
    return build_argmax(m->b, varying_arg(m, op, 0), (int)op->axis.v[0] + 1);
}

static Value batch_sort(Mapping *m, Value v)
{
    const Op *op = OP_AT(m->from, v);
    return build_sort(m->b, varying_arg(m, op, 0), (int)op->axis.v[0] + 1);
}

/* The axis at that place becomes the first. */
static Value to_front(Builder *b, Value x, unsigned place)
{
    Dims order = {.n = value_type(b, x).rank, .v = {place}};
    for (unsigned i = 1; i < order.n; i++)
        order.v[i] = i <= place ? i - 1 : i;
    return place == 0 ? x : build_transpose(b, x, order);
}

/* A product that has batch axes of its own, one operand of which varies: the new axis is a free axis of this operand. */
static Value batch_dot_of_one(Mapping *m, const Op *op, bool x_varies)
{
    Value x = m->map[op->args[0]], y = m->map[op->args[1]];
    if (x_varies)
        return to_front(m->b, build_dot(m->b, x, y, shifted(op->contract_x), op->contract_y, shifted(op->batch_x), op->batch_y),
                        op->batch_x.n);
    unsigned before = OP_AT(m->from, op->args[0])->type.rank - op->contract_x.n; /* batch axes and free axes of x */
    return to_front(m->b, build_dot(m->b, x, y, op->contract_x, shifted(op->contract_y), op->batch_x, shifted(op->batch_y)),
                    before);
}

/* One varying operand: the new axis is a free axis of it, and that operand goes first so that the axis leads. Two: a batched
 * product. */
static Value batch_dot(Mapping *m, Value v)
{
    const Op *op = OP_AT(m->from, v);
    Builder *b = m->b;
    Value x = m->map[op->args[0]], y = m->map[op->args[1]];
    bool x_varies = m->varies[op->args[0]], y_varies = m->varies[op->args[1]];
    if (x_varies && y_varies)
        return build_dot(b, x, y, shifted(op->contract_x), shifted(op->contract_y), prepended(0, shifted(op->batch_x)),
                         prepended(0, shifted(op->batch_y)));
    if (op->batch_x.n > 0)
        return batch_dot_of_one(m, op, x_varies);
    if (x_varies)
        return build_dot(b, x, y, shifted(op->contract_x), op->contract_y, op->batch_x, op->batch_y);
    Value product = build_dot(b, y, x, shifted(op->contract_y), op->contract_x, op->batch_y, op->batch_x);
    /* is [new, y's free, x's free]; wanted [new, x's free, y's free] */
    unsigned free_x = OP_AT(m->from, op->args[0])->type.rank - op->contract_x.n;
    unsigned free_y = OP_AT(m->from, op->args[1])->type.rank - op->contract_y.n;
    if (free_x == 0 || free_y == 0)
        return product;
    Dims order = {.n = 1};
    for (unsigned i = 0; i < free_x; i++)
        order.v[order.n++] = 1 + free_y + i;
    for (unsigned i = 0; i < free_y; i++)
        order.v[order.n++] = 1 + i;
    return build_transpose(b, product, order);
}

/* index + rows * (number of the element): positions in tables laid end to end. An index outside its own table must not become one
 * inside its neighbour's. */
static Value rows_of_all(Mapping *m, Value index, int64_t rows)
{
    Builder *b = m->b;
    Type type = value_type(b, index);
    Value inside = build_within(b, index, rows);
    return build_binary(b, OP_ADD, inside, build_with_const(b, OP_MUL, build_iota(b, type, 0), (double)rows));
}

static Type merged_leading(Type type)
{
    Type merged = {.dtype = type.dtype, .rank = (uint8_t)(type.rank - 1), .dims = {type.dims[0] * type.dims[1]}};
    for (unsigned i = 2; i < type.rank; i++)
        merged.dims[i - 1] = type.dims[i];
    return merged;
}

static Value batch_gather(Mapping *m, Value v)
{
    const Op *op = OP_AT(m->from, v);
    Builder *b = m->b;
    if (!m->varies[op->args[0]])
        return build_gather(b, m->map[op->args[0]], m->map[op->args[1]]);
    Value tables = varying_arg(m, op, 0), index = varying_arg(m, op, 1);
    Type type = value_type(b, tables);
    Value table = build_reshape(b, tables, merged_leading(type)), rows = rows_of_all(m, index, type.dims[1]);
    return build_gather(b, table, rows);
}

static Value batch_scatter(Mapping *m, Value v)
{
    const Op *op = OP_AT(m->from, v);
    Builder *b = m->b;
    int64_t rows = op->rows.v[0];
    Value index = varying_arg(m, op, 0), updates = varying_arg(m, op, 1);
    Value sums = build_scatter_add(b, rows_of_all(m, index, rows), updates, rows * m->size);
    return build_reshape(b, sums, batched(m, op->type));
}

/* How many examples count, as a real. */
static Value example_count(Mapping *m)
{
    Builder *b = m->b;
    DType real = b->module->real;
    if (m->mask == NO_VALUE)
        return build_const(b, type_scalar(real), (double)m->size);
    return build_reduce(b, OP_REDUCE_SUM, build_cast(b, m->mask, real), dims_of(1, 0));
}

static Value batch_across(Mapping *m, Value v)
{
    const Op *op = OP_AT(m->from, v);
    Builder *b = m->b;
    Value x = m->map[op->args[0]];
    if (!m->examples)
        return build_unary(b, op->code, x);
    bool mean = op->code == OP_ACROSS_MEAN, max = op->code == OP_ACROSS_MAX;
    if (!m->varies[op->args[0]])
        return mean || max ? x : build_binary(b, OP_MUL, x, build_splat(b, example_count(m), op->type));
    if (m->mask != NO_VALUE) {
        Type type = value_type(b, x);
        Value counts = build_broadcast(b, m->mask, type, dims_of(1, 0));
        x = build_select(b, counts, x, build_const(b, type, max ? -__builtin_inf() : 0));
    }
    x = build_reduce(b, max ? OP_REDUCE_MAX : OP_REDUCE_SUM, x, dims_of(1, 0));
    return mean ? build_binary(b, OP_DIV, x, build_splat(b, example_count(m), op->type)) : x;
}

/* ---- loops ---- */

/* From [elements, steps, ...] to [steps, elements, ...], and back. */
static Value steps_first(Builder *b, Value all)
{
    Dims order = all_axes(value_type(b, all).rank);
    order.v[0] = 1;
    order.v[1] = 0;
    return build_transpose(b, all, order);
}

/* Which values of the body differ between the elements: what follows from inputs that do, and all carries, which are mapped
 * together. */
static bool *varying_in_body(const Mapping *m, const Op *scan)
{
    const Function *body = scan->body;
    bool *varies = support_malloc(body->ops.len + 1);
    for (Value v = 0; v < body->ops.len; v++) {
        const Op *op = OP_AT(body, v);
        varies[v] = op->code == OP_INPUT && (op->symbol < scan_carries(scan) || m->varies[scan->args[op->symbol]]);
        for (uint32_t i = 0; i < op->nargs; i++)
            varies[v] |= varies[op->args[i]];
    }
    return varies;
}

/* The body of many elements, all of whose outputs have the axis. */
static Function *map_body(Mapping *m, const Op *scan)
{
    const Function *body = scan->body;
    bool *varies = varying_in_body(m, scan);
    Value *map = support_malloc((body->ops.len + 1) * sizeof *map);
    Builder b = {m->b->module, body_new(m->b->module), m->b->line};
    Mapping inside = *m;
    inside.b = &b;
    inside.from = body;
    inside.map = map;
    inside.varies = varies;
    inside.index = inside.mask = NO_VALUE;
    for (Value v = 0; v < body->ops.len; v++) {
        const Op *op = OP_AT(body, v);
        if (op->code == OP_INPUT)
            map[v] = body_input(&b, varies[v] ? batched(m, op->type) : op->type);
        else
            map[v] = varies[v] ? map_op(&inside, v) : build_copy(&b, body, v, map);
    }
    for (uint32_t i = 0; i < body->outputs.len; i++)
        body_output(&b, mapped_value(&inside, body->outputs.data[i].value));
    support_free(map);
    support_free(varies);
    return b.function;
}

static Value batch_scan(Mapping *m, Value v)
{
    const Op *op = OP_AT(m->from, v);
    Value *operands = support_malloc(op->nargs * sizeof *operands + 1);
    for (uint32_t i = 0; i < op->nargs; i++) {
        bool scanned = scan_takes_entries(op, i), varies = m->varies[op->args[i]];
        Value operand = i < scan_carries(op) ? varying_arg(m, op, i) : m->map[op->args[i]];
        operands[i] = scanned && varies ? steps_first(m->b, operand) : operand;
    }
    Value scan = build_scan(m->b, map_body(m, op), scan_steps(op), scan_carries(op), scan_scanned(op), op->flags, operands);
    support_free(operands);
    return scan;
}

static Value batch_result(Mapping *m, Value v)
{
    const Op *op = OP_AT(m->from, v), *scan = OP_AT(m->from, op->args[0]);
    uint32_t place = (uint32_t)op->place.v[0];
    Value result = build_result(m->b, m->map[op->args[0]], place);
    return place < scan_carries(scan) ? result : steps_first(m->b, result);
}

typedef Value MapRule(Mapping *m, Value v);
static MapRule *const rules[OP_COUNT] = {
#define OP(NAME, mnemonic, arity, effect, infer, batch, vjp, jvp, lowering) [OP_##NAME] = batch_##batch,
#include "ir/ops.def"
#undef OP
};

Value map_op(Mapping *m, Value v)
{
    m->b->line = OP_AT(m->from, v)->line;
    return rules[OP_AT(m->from, v)->code](m, v);
}

Type mapped_type(const Mapping *m, Type type)
{
    return batched(m, type);
}

/* ---- a part of a function ---- */

/* Whether the op differs between the elements, given the answers for its operands. */
static bool differs(const Op *op, const bool *varies)
{
    if (op->code == OP_RANDOM)
        return !(op->flags & OP_SHARED);
    for (uint32_t i = 0; i < op->nargs; i++)
        if (varies[op->args[i]])
            return true;
    return false;
}

/* What is mapped: the ops of a part that its results need and that differ between the elements. */
static bool *mark_mapped(const Function *f, Value first, uint32_t n, const Placeholder *placeholders, uint32_t results,
                         const Value *values)
{
    uint32_t count = f->ops.len;
    bool *needed = support_malloc(count + 1), *varies = support_malloc(count + 1);
    memset(needed, 0, count);
    memset(varies, 0, count);
    for (uint32_t i = 0; i < results; i++)
        needed[values[i]] = true;
    for (uint32_t i = 0; i < n; i++)
        varies[placeholders[i].element] = true;
    for (Value v = count; v-- > first;)
        for (uint32_t i = 0; i < OP_AT(f, v)->nargs && needed[v]; i++)
            needed[OP_AT(f, v)->args[i]] = true;
    for (Value v = first; v < count; v++)
        varies[v] = needed[v] && (varies[v] || differs(OP_AT(f, v), varies));
    support_free(needed);
    return varies;
}

bool can_map(const Builder *b, Value first, int64_t size, uint32_t n, const Placeholder *placeholders, uint32_t results,
             const Value *values, uint32_t *ops)
{
    bool *varies = mark_mapped(b->function, first, n, placeholders, results, values), fits = true;
    *ops = 0;
    for (Value v = first; v < b->function->ops.len; v++) {
        Type type = OP_AT(b->function, v)->type;
        *ops += varies[v];
        fits &= !varies[v] || (type.rank < MAX_RANK && type_elements(type) <= MAX_ELEMENTS / size);
    }
    for (uint32_t i = 0; i < results; i++) {
        Type type = value_type(b, values[i]);
        fits &= type.rank < MAX_RANK && type_elements(type) <= MAX_ELEMENTS / size;
    }
    support_free(varies);
    return fits;
}

void build_mapped(Builder *b, Value first, int64_t size, uint32_t n, const Placeholder *placeholders, uint32_t results,
                  Value *values)
{
    Function body = *b->function; /* the ops as they are: the list of the function itself moves while it grows */
    uint32_t count = body.ops.len, line = b->line;
    body.ops.data = support_malloc(count * sizeof *body.ops.data);
    memcpy(body.ops.data, b->function->ops.data, count * sizeof *body.ops.data);
    bool *varies = mark_mapped(&body, first, n, placeholders, results, values);
    Value *map = support_malloc(count * sizeof *map);
    Mapping m = {.b = b, .from = &body, .map = map, .varies = varies, .size = size, .index = NO_VALUE, .mask = NO_VALUE};
    for (Value v = 0; v < count; v++)
        map[v] = v;
    for (uint32_t i = 0; i < n; i++)
        map[placeholders[i].element] = placeholders[i].all;
    for (Value v = first; v < count; v++)
        if (varies[v] && map[v] == v)
            map[v] = map_op(&m, v);
    for (uint32_t i = 0; i < results; i++)
        values[i] = mapped_value(&m, values[i]);
    b->line = line;
    support_free(body.ops.data);
    support_free(varies);
    support_free(map);
}
