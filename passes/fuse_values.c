/* What fusion asks of single values: how they are computed, and where they lie. */
#include "passes/fuse.h"

void add_once(uint32_t **data, uint32_t *len, uint32_t *cap, uint32_t item)
{
    for (uint32_t i = 0; i < *len; i++)
        if ((*data)[i] == item)
            return;
    vec_reserve_((void **)data, cap, *len + 1, sizeof item);
    (*data)[(*len)++] = item;
}

Type without_units(Type type)
{
    Type result = {.dtype = type.dtype};
    for (unsigned axis = 0; axis < type.rank; axis++)
        if (type.dims[axis] != 1)
            result.dims[result.rank++] = type.dims[axis];
    return result;
}

static bool reduces_nothing(const Fuser *f, const Op *op)
{
    return type_elements(op->type) == type_elements(type_at(f, op->args[0]));
}

bool is_view_op(const Fuser *f, Value v)
{
    const Op *op = op_of(f, v);
    return op_info[op->code].lowering == LOWER_VIEW || (op_info[op->code].lowering == LOWER_REDUCE && reduces_nothing(f, op));
}

bool is_outer_product(const Fuser *f, Value v)
{
    const Op *op = op_of(f, v);
    if (op->code != OP_DOT)
        return false;
    for (unsigned i = 0; i < op->contract_x.n; i++)
        if (type_at(f, op->args[0]).dims[op->contract_x.v[i]] != 1)
            return false;
    return true;
}

bool is_table_access(OpCode code)
{
    return code == OP_FETCH || code == OP_GATHER;
}

bool is_computed(const Fuser *f, Value v)
{
    OpCode code = op_of(f, v)->code;
    if (code == OP_SCAN || code == OP_RESULT)
        return false;
    return code != OP_INPUT && code != OP_STATE_READ && !is_table_access(code) && !is_view_op(f, v);
}

bool is_always_stored(const Fuser *f, Value v)
{
    OpLowering lowering = op_info[op_of(f, v)->code].lowering;
    if (!is_computed(f, v) || is_outer_product(f, v))
        return false;
    return lowering == LOWER_REDUCE || lowering == LOWER_PRODUCT || lowering == LOWER_KERNEL || op_of(f, v)->code == OP_RANDOM;
}

uint32_t new_buffer(Fuser *f, BufferKind kind, uint32_t symbol, DType dtype, int64_t elements, Value labelled)
{
    Buffer buffer = {.kind = kind, .symbol = symbol, .dtype = dtype, .elements = elements, .value = labelled};
    if (kind == BUFFER_STATE)
        buffer.offset = f->plan->state_offsets[symbol];
    vec_push(&f->schedule->buffers, buffer);
    return f->schedule->buffers.len - 1;
}

/* Uniform numbers have 24 bits: f32 holds them, whatever the op's type. */
static DType memory_dtype(const Op *op)
{
    return op->code == OP_RANDOM ? DTYPE_F32 : op->type.dtype;
}

void set_view(Fuser *f, Value v, View view)
{
    f->info[v].in_memory = true;
    f->info[v].view = view;
    if (f->info[v].group != NO_GROUP)
        vec_add_once(&f->info[v].producers, f->info[v].group);
}

void store(Fuser *f, Value v)
{
    if (f->info[v].in_memory)
        return;
    const Op *op = op_of(f, v);
    uint32_t buffer = new_buffer(f, BUFFER_SCRATCH, 0, memory_dtype(op), type_elements(op->type), v);
    set_view(f, v, view_contiguous(buffer, op->type));
}

bool same_view(const View *a, const View *b, Type type)
{
    bool same = !a->indirect && a->buffer == b->buffer && a->offset == b->offset;
    for (unsigned axis = 0; axis < type.rank; axis++)
        same &= type.dims[axis] == 1 || a->stride[axis] == b->stride[axis];
    return same;
}

bool find_view(const Fuser *f, Value v, View *view, Value *base)
{
    if (f->info[v].in_memory) {
        *view = f->info[v].view;
        *base = v;
        return true;
    }
    if (!is_view_op(f, v))
        return false;
    Value operand = op_of(f, v)->args[0];
    return find_view(f, operand, view, base) && view_through(view, op_of(f, v), type_at(f, operand));
}
