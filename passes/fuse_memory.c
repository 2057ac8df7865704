/* Before grouping: which values lie in memory, and where. Leaves, results of kernels, pieces of a concat. */
#include "passes/fuse.h"
#include "passes/point.h"

/* A concat of states that lie side by side: no kernel, only a view. */
static bool joins_neighbours(const Fuser *f, Value v)
{
    return !f->plan->unfused && op_of(f, v)->code == OP_CONCAT && concat_is_view(f->plan, f->function, op_of(f, v));
}

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
        if (!(op->flags & OP_NEIGHBOURS)) {
            rows.stride[0] = 0;
            rows.index_stride[0] = 1;
        }
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

/* A consumer reads `v` from memory: stores the value that v is a view of. Behind a broadcast this does not pay: there v itself is
 * stored, unless strides of 0 suit the consumer. */
static void want_memory(Fuser *f, Value v)
{
    while (is_view_op(f, v) && op_of(f, v)->code != OP_BROADCAST)
        v = op_of(f, v)->args[0];
    if (is_computed(f, v) && !joins_neighbours(f, v))
        store(f, v);
}

/* The piece of a concat or pad at `start`, or the value that the piece is a reshape of, is computed in place, if a kernel
 * computes it and it is not bound to another place. */
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
        claim_piece(f, whole, op->args[0], op->before.v);
        return;
    }
    int64_t start[MAX_RANK] = {0};
    for (uint32_t i = 0; i < op->nargs; i++) {
        claim_piece(f, whole, op->args[i], start);
        start[op->axis.v[0]] += type_at(f, op->args[i]).dims[op->axis.v[0]];
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
    case OP_RESULT:
        store_result(f, v);
        break;
    case OP_SCAN:
        for (uint32_t i = 0; i < op->nargs; i++)
            want_memory(f, op->args[i]);
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
static void count_operand_uses(Fuser *f, Value v)
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
        count_operand_uses(f, v);
    }
}
