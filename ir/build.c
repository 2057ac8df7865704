#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "ir/internal.h"

Type value_type(const Builder *b, Value v)
{
    if (v >= b->function->ops.len)
        internal_error("function '%s' has no value %u", b->function->name, v);
    return b->function->ops.data[v].type;
}

_Noreturn void limit_error(const Builder *b, uint32_t line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s:%u: error: in '%s', ", b->module->path ? b->module->path : b->module->name, line, b->function->name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static bool is_too_large(Type type)
{
    int64_t elements = 1;
    for (unsigned i = 0; i < type.rank && type.rank <= MAX_RANK; i++) {
        if (type.dims[i] < 1)
            return false;
        if (type.dims[i] > MAX_ELEMENTS / elements)
            return true;
        elements *= type.dims[i];
    }
    return false;
}

/* Appends `op`, whose operands are in the module's arena already. */
static Value append(Builder *b, Op op)
{
    char why[256];
    bool fine = infer_type(b->module, b->function, &op, why);
    if (!fine && is_too_large(op.type))
        limit_error(b, op.line, "this makes %s, which is too large (limit is %lld elements)", type_text(op.type),
                    (long long)MAX_ELEMENTS);
    if (!fine)
        internal_error("building '%s' (model line %u): %s", b->function->name, op.line, why);
    vec_push(&b->function->ops, op);
    return b->function->ops.len - 1;
}

Value build_op(Builder *b, Op op, uint32_t nargs, const Value *args)
{
    op.nargs = nargs;
    op.args = nargs ? ARENA_ARRAY(&b->module->arena, Value, nargs) : NULL;
    if (nargs)
        memcpy(op.args, args, nargs * sizeof *args);
    op.line = b->line;
    return append(b, op);
}

static Value build1(Builder *b, Op op, Value x)
{
    return build_op(b, op, 1, &x);
}

static Value build2(Builder *b, Op op, Value x, Value y)
{
    return build_op(b, op, 2, (Value[]){x, y});
}

Value build_input(Builder *b, const char *name, Type type)
{
    Function *function = b->function;
    Value v = build_op(b, (Op){.code = OP_INPUT, .type = type, .symbol = function->inputs.len}, 0, NULL);
    vec_push(&function->inputs, v);
    vec_push(&function->input_names, arena_copy(&b->module->arena, name));
    return v;
}

void build_output(Builder *b, const char *name, Value value)
{
    Output output = {arena_copy(&b->module->arena, name), value};
    vec_push(&b->function->outputs, output);
}

Value build_const(Builder *b, Type type, double number)
{
    return build_op(b, (Op){.code = OP_CONST, .type = type, .number = number}, 0, NULL);
}

Value build_iota(Builder *b, Type type, int axis)
{
    return build_op(b, (Op){.code = OP_IOTA, .type = type, .axis = dims_of(1, axis)}, 0, NULL);
}

Value build_random(Builder *b, Value seed, Value step, Type type, uint32_t stream, uint32_t flags)
{
    return build2(b, (Op){.code = OP_RANDOM, .type = type, .symbol = stream, .flags = flags}, seed, step);
}

Value build_extern(Builder *b, uint32_t code, Type type, uint32_t n, const Value *args)
{
    return build_op(b, (Op){.code = OP_EXTERN, .type = type, .symbol = code}, n, args);
}

Value build_read(Builder *b, uint32_t state)
{
    return build_op(b, (Op){.code = OP_STATE_READ, .symbol = state}, 0, NULL);
}

void build_write(Builder *b, uint32_t state, Value value)
{
    build1(b, (Op){.code = OP_STATE_WRITE, .symbol = state}, value);
}

Value build_source(Builder *b, OpCode code, uint32_t symbol)
{
    return build_op(b, (Op){.code = code, .symbol = symbol}, 0, NULL);
}

Value build_param(Builder *b, uint32_t weight, Dims conditions, const Value *values)
{
    return build_op(b, (Op){.code = OP_PARAM, .symbol = weight, .conditions = conditions}, conditions.n, values);
}

Value build_fetch(Builder *b, uint32_t field, Value index)
{
    return build1(b, (Op){.code = OP_FETCH, .symbol = field}, index);
}

Value build_unary(Builder *b, OpCode code, Value x)
{
    return build1(b, (Op){.code = code}, x);
}

Value build_binary(Builder *b, OpCode code, Value x, Value y)
{
    return build2(b, (Op){.code = code}, x, y);
}

Value build_select(Builder *b, Value condition, Value yes, Value no)
{
    return build_op(b, (Op){.code = OP_SELECT}, 3, (Value[]){condition, yes, no});
}

Value build_cast(Builder *b, Value x, DType dtype)
{
    return value_type(b, x).dtype == dtype ? x : build1(b, (Op){.code = OP_CAST, .type.dtype = dtype}, x);
}

Value build_broadcast(Builder *b, Value x, Type type, Dims axes)
{
    return build1(b, (Op){.code = OP_BROADCAST, .type = type, .axes = axes}, x);
}

Value build_splat(Builder *b, Value scalar, Type shape)
{
    return shape.rank == 0 ? scalar : build_broadcast(b, scalar, shape, (Dims){0});
}

Value build_reshape(Builder *b, Value x, Type type)
{
    Type from = value_type(b, x);
    return type_equal(from, type_with_dtype(type, from.dtype)) ? x : build1(b, (Op){.code = OP_RESHAPE, .type = type}, x);
}

Value build_transpose(Builder *b, Value x, Dims permutation)
{
    return build1(b, (Op){.code = OP_TRANSPOSE, .axes = permutation}, x);
}

Value build_slice(Builder *b, Value x, Dims start, Type type)
{
    return build1(b, (Op){.code = OP_SLICE, .type = type, .start = start}, x);
}

Value build_pad(Builder *b, Value x, Dims before, Type type)
{
    return build1(b, (Op){.code = OP_PAD, .type = type, .before = before}, x);
}

Windows windows_of(const Op *op)
{
    return (Windows){op->axes, op->extents, op->steps, op->dilations};
}

static Op window_op(OpCode code, Windows w)
{
    return (Op){.code = code, .axes = w.axes, .extents = w.extents, .steps = w.steps, .dilations = w.dilations};
}

Value build_window(Builder *b, Value x, Windows windows)
{
    return build1(b, window_op(OP_WINDOW, windows), x);
}

Value build_overlap(Builder *b, Value x, Type type, Windows windows)
{
    Op op = window_op(OP_OVERLAP, windows);
    op.type = type;
    return build1(b, op, x);
}

Value build_concat(Builder *b, uint32_t n, const Value *xs, int axis)
{
    return n == 1 ? xs[0] : build_op(b, (Op){.code = OP_CONCAT, .axis = dims_of(1, axis)}, n, xs);
}

Value build_reduce(Builder *b, OpCode code, Value x, Dims axes)
{
    return axes.n == 0 ? x : build1(b, (Op){.code = code, .axes = axes}, x);
}

Value build_argmax(Builder *b, Value x, int axis)
{
    return build1(b, (Op){.code = OP_ARGMAX, .axis = dims_of(1, axis)}, x);
}

Value build_sort(Builder *b, Value x, int axis)
{
    return build1(b, (Op){.code = OP_SORT, .axis = dims_of(1, axis)}, x);
}

Value build_dot(Builder *b, Value x, Value y, Dims contract_x, Dims contract_y, Dims batch_x, Dims batch_y)
{
    return build2(
        b, (Op){.code = OP_DOT, .contract_x = contract_x, .contract_y = contract_y, .batch_x = batch_x, .batch_y = batch_y}, x,
        y);
}

Value build_within(Builder *b, Value index, int64_t rows)
{
    return build_with_const(b, OP_WITHIN, index, (double)rows);
}

Value build_gather(Builder *b, Value table, Value index)
{
    return build2(b, (Op){.code = OP_GATHER}, table, index);
}

Value build_scatter_add(Builder *b, Value index, Value updates, int64_t rows)
{
    return build2(b, (Op){.code = OP_SCATTER_ADD, .rows = {.n = 1, .v = {rows}}}, index, updates);
}

Value build_grad(Builder *b, Value scalar, Value with_respect_to)
{
    return build2(b, (Op){.code = OP_GRAD}, scalar, with_respect_to);
}

Value build_tangent(Builder *b, Value y, uint32_t n, const Value *leaves, const Value *tangents)
{
    Op op = {.code = OP_TANGENT, .nargs = 1 + 2 * n, .line = b->line};
    op.args = ARENA_ARRAY(&b->module->arena, Value, op.nargs);
    op.args[0] = y;
    for (uint32_t i = 0; i < n; i++) {
        op.args[1 + i] = leaves[i];
        op.args[1 + n + i] = tangents[i];
    }
    return append(b, op);
}

Value build_with_const(Builder *b, OpCode code, Value x, double number)
{
    return build_binary(b, code, x, build_const(b, value_type(b, x), number));
}

Value build_copy(Builder *b, const Function *from, Value v, const Value *map)
{
    Op op = from->ops.data[v];
    if (op.code == OP_INPUT)
        return build_input(b, from->input_names.data[op.symbol], op.type);
    Value *args = op.nargs ? ARENA_ARRAY(&b->module->arena, Value, op.nargs) : NULL;
    for (uint32_t i = 0; i < op.nargs; i++)
        args[i] = map[op.args[i]];
    op.args = args;
    return append(b, op);
}

void build_inline(Builder *b, const Function *from, Value *map)
{
    uint32_t count = from->ops.len;
    for (Value v = 0; v < count; v++) {
        OpCode code = from->ops.data[v].code;
        if (code == OP_INPUT || code == OP_STATE_WRITE)
            internal_error("function '%s' cannot be inlined: it holds '%s'", from->name, op_info[code].name);
        map[v] = build_copy(b, from, v, map);
    }
}
