/* Which values lie in memory, and where: leaves, results of kernels, pieces of a concat. */
#include <string.h>

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

/* A concat of states that lie side by side: no kernel, only a view. */
static bool joins_neighbours(const Fuser *f, Value v)
{
    return !f->plan->unfused && op_of(f, v)->code == OP_CONCAT && concat_is_view(f->plan, f->function, op_of(f, v));
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
    for (unsigned i = 0; i < op->a.n; i++)
        if (type_at(f, op->args[0]).dims[op->a.v[i]] != 1)
            return false;
    return true;
}

static bool is_table_access(OpCode code)
{
    return code == OP_FETCH || code == OP_GATHER;
}

bool is_computed(const Fuser *f, Value v)
{
    OpCode code = op_of(f, v)->code;
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

/* Uniform numbers have 24 bits: f32 holds them, whatever the type that is asked for. */
static DType memory_dtype(const Op *op)
{
    return op->code == OP_RANDOM ? DTYPE_F32 : op->type.dtype;
}

static void set_view(Fuser *f, Value v, View view)
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

/* ---- before grouping ---- */

static bool commutes(const Fuser *f, Value v, Type shape, unsigned *budget)
{
    const Op *op = op_of(f, v);
    if ((*budget)-- == 0)
        return false;
    switch (op->code) {
    case OP_INPUT:
    case OP_STATE_READ:
    case OP_CONST:
        return true;
    case OP_FETCH: {
        View rows = view_contiguous(0, op->type);
        rows.stride[0] = 0;
        rows.index_stride[0] = 1;
        return view_reshape(&rows, op->type, shape);
    }
    case OP_RESHAPE:
        return commutes(f, op->args[0], shape, budget);
    default:
        break;
    }
    bool all = op_info[op->code].lowering == LOWER_ELEMENTWISE;
    for (uint32_t i = 0; all && i < op->nargs; i++)
        all = commutes(f, op->args[i], shape, budget);
    return all;
}

bool reshape_commutes(const Fuser *f, Value v, Type shape)
{
    unsigned budget = 32; /* ops looked at */
    return commutes(f, v, shape, &budget) && budget <= 32;
}

/* A consumer reads `v` from memory: stores what it is a view of. Behind a broadcast that would not pay: then v itself is stored,
 * if the consumer cannot do with strides of 0. */
static void want_memory(Fuser *f, Value v)
{
    while (is_view_op(f, v) && op_of(f, v)->code != OP_BROADCAST)
        v = op_of(f, v)->args[0];
    if (is_computed(f, v) && !joins_neighbours(f, v))
        store(f, v);
}

/* The piece of a concat or pad at `start`, or what it is a reshape of, is computed in place, if it is computed and not bound to
 * another place. */
static void claim_piece(Fuser *f, Value whole, Value piece, const int64_t *start)
{
    View view = f->info[whole].view;
    for (unsigned axis = 0; axis < type_at(f, piece).rank; axis++)
        view.offset += start[axis] * view.stride[axis];
    while (op_of(f, piece)->code == OP_RESHAPE) {
        Value operand = op_of(f, piece)->args[0];
        if (!view_reshape(&view, type_at(f, piece), type_at(f, operand)))
            return;
        piece = operand;
    }
    bool bound = f->info[piece].in_memory || op_of(f, piece)->code == OP_RANDOM || joins_neighbours(f, piece);
    if (!bound && is_computed(f, piece))
        set_view(f, piece, view);
}

static void claim_pieces(Fuser *f, Value whole)
{
    const Op *op = op_of(f, whole);
    if (f->plan->unfused)
        return;
    if (op->code == OP_PAD) {
        claim_piece(f, whole, op->args[0], op->a.v);
        return;
    }
    int64_t start[MAX_RANK] = {0};
    for (uint32_t i = 0; i < op->nargs; i++) {
        claim_piece(f, whole, op->args[i], start);
        start[op->a.v[0]] += type_at(f, op->args[i]).dims[op->a.v[0]];
    }
}

static uint32_t state_buffer(Fuser *f, uint32_t state)
{
    if (f->state_buffers[state] == NO_BUFFER) {
        Type type = f->module->states.data[state].type;
        f->state_buffers[state] = new_buffer(f, BUFFER_STATE, state, type.dtype, type_elements(type), NO_VALUE);
    }
    return f->state_buffers[state];
}

static void place_value(Fuser *f, Value v)
{
    const Op *op = op_of(f, v);
    switch (op->code) {
    case OP_INPUT:
        set_view(f, v,
                 view_contiguous(new_buffer(f, BUFFER_INPUT, op->symbol, op->type.dtype, type_elements(op->type), v), op->type));
        break;
    case OP_STATE_READ:
        set_view(f, v, view_contiguous(state_buffer(f, op->symbol), op->type));
        break;
    case OP_STATE_WRITE:
        if (is_computed(f, op->args[0]))
            store(f, op->args[0]);
        break;
    case OP_RESHAPE:
        if (!reshape_is_inline(type_at(f, op->args[0]), op->type) && !reshape_commutes(f, op->args[0], op->type))
            want_memory(f, op->args[0]);
        break;
    case OP_CONCAT:
        if (!f->info[v].in_memory && joins_neighbours(f, v)) {
            set_view(f, v, view_contiguous(state_buffer(f, op_of(f, op->args[0])->symbol), op->type));
            for (uint32_t i = 1; i < op->nargs; i++)
                state_buffer(f, op_of(f, op->args[i])->symbol);
            break;
        }
        store(f, v);
        claim_pieces(f, v);
        break;
    case OP_PAD:
        store(f, v);
        claim_pieces(f, v);
        break;
    default:
        if (is_always_stored(f, v) || (f->plan->unfused && op_info[op->code].lowering == LOWER_ELEMENTWISE))
            store(f, v);
        if (is_table_access(op->code) || is_always_stored(f, v))
            for (uint32_t i = 0; i < op->nargs && op_info[op->code].lowering != LOWER_REDUCE; i++)
                want_memory(f, op->args[i]);
        break;
    }
}

/* A value used through an expanding broadcast counts twice: computing it inline would repeat its work. */
static void count_uses(Fuser *f, Value v)
{
    const Op *op = op_of(f, v);
    bool expands = op->code == OP_BROADCAST && type_elements(op->type) > type_elements(type_at(f, op->args[0]));
    uint64_t uses = is_view_op(f, v) ? (uint64_t)f->info[v].uses * (expands ? 2 : 1) : is_outer_product(f, v) ? 2 : 1;
    for (uint32_t i = 0; i < op->nargs; i++) {
        Info *info = &f->info[op->args[i]];
        info->live = true;
        info->uses = (uint32_t)(info->uses + uses < UINT16_MAX ? info->uses + uses : UINT16_MAX);
    }
}

void place_values(Fuser *f)
{
    const Function *function = f->function;
    for (Value v = 0; v < function->ops.len; v++)
        f->info[v].group = NO_GROUP;
    for (uint32_t i = 0; i < function->outputs.len; i++) {
        Value v = function->outputs.data[i].value;
        f->info[v].live = true;
        f->info[v].uses++;
        if (is_computed(f, v))
            store(f, v);
    }
    for (Value v = function->ops.len; v-- > 0;) {
        f->info[v].live |= op_of(f, v)->code == OP_STATE_WRITE;
        if (!f->info[v].live)
            continue;
        place_value(f, v);
        count_uses(f, v);
    }
}

/* ---- while grouping ---- */

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

void note_read(Fuser *f, uint32_t group_index, Value base, const View *view)
{
    Group *group = &f->groups.data[group_index];
    const Op *op = op_of(f, base);
    vec_add_once(&group->kernel.reads, view->buffer);
    if (view->indirect)
        vec_add_once(&group->kernel.reads, view->index_buffer);
    if (op->code == OP_CONCAT && f->schedule->buffers.data[view->buffer].kind == BUFFER_STATE)
        for (uint32_t i = 0; i < op->nargs; i++) {
            uint32_t buffer = f->state_buffers[op_of(f, op->args[i])->symbol];
            vec_add_once(&group->kernel.reads, buffer);
            vec_add_once(&group->joined_reads, buffer);
        }
    for (uint32_t i = 0; i < f->info[base].producers.len; i++)
        need_group(f, group_index, f->info[base].producers.data[i]);
}

View need_view(Fuser *f, Value v, uint32_t group)
{
    View view;
    Value base;
    if (!find_view(f, v, &view, &base)) {
        store(f, v);
        if (f->info[v].group == NO_GROUP)
            place_member(f, (Member){.kind = MEMBER_VALUE, .value = v, .space = type_at(f, v)});
        find_view(f, v, &view, &base);
    }
    if (group != NO_GROUP)
        note_read(f, group, base, &view);
    return view;
}

static const Copy *find_copy(const Fuser *f, Value v, const View *view)
{
    for (uint32_t i = 0; i < f->copies.len; i++)
        if (f->copies.data[i].value == v && !memcmp(f->copies.data[i].view.stride, view->stride, sizeof view->stride))
            return &f->copies.data[i];
    return NULL;
}

View need_copy(Fuser *f, Value v, Dims order, uint32_t group)
{
    Type type = type_at(f, v);
    View view = {0};
    int64_t stride = 1;
    for (unsigned i = order.n; i-- > 0;) {
        view.stride[order.v[i]] = stride;
        stride *= type.dims[order.v[i]];
    }
    const Copy *copy = find_copy(f, v, &view);
    if (!copy) {
        view.buffer = new_buffer(f, BUFFER_SCRATCH, 0, type.dtype, type_elements(type), v);
        uint32_t producer = place_member(f, (Member){.kind = MEMBER_COPY, .value = v, .space = type, .target = view});
        vec_push(&f->copies, (Copy){v, view, producer});
        copy = &vec_last(&f->copies);
    }
    vec_add_once(&f->groups.data[group].kernel.reads, copy->view.buffer);
    need_group(f, group, copy->producer);
    return copy->view;
}

View need_plain(Fuser *f, Value v, uint32_t group)
{
    View view = need_view(f, v, group);
    if (!view.indirect && f->schedule->buffers.data[view.buffer].dtype == type_at(f, v).dtype)
        return view;
    return need_copy(f, v, all_axes(type_at(f, v).rank), group);
}
