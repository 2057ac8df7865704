/* Partition of a function into kernels.
 *
 * Elementwise values are *inline* where that is cheap: each kernel that uses one computes it again from what is in memory.
 * Expensive values with several uses are *anchors*: computed in one loop kernel, which stores them if other kernels need them.
 * Anchors, stored values and reductions are the *members* of loop groups. In program order each member joins the group with its
 * iteration space that shares most loads with it, provided that the dependencies between groups form no cycle. Products and the
 * special kernels are groups of their own. */
#include <string.h>

#include "pareto/externs.h"
#include "passes/fuse.h"
#include "passes/point.h"

enum { FEWEST_PARTIALS = 8 };

/* ---- reductions ---- */

/* A reduction of everything is done row by row first: threads can share the rows, whose number does not depend on the number of
 * threads. */
static bool takes_stages(const Fuser *f, const Member *member)
{
    Type space = without_units(member->space);
    return space.rank > 1 && reduced_axes(member) == (1u << space.rank) - 1 &&
           type_elements(space) > f->module->target.stage_elements && space.dims[0] >= FEWEST_PARTIALS;
}

static unsigned first_axis(Type space)
{
    unsigned axis = 0;
    while (space.dims[axis] == 1)
        axis++;
    return axis;
}

/* `first` with partial results of this type, and their reduction along axis 0. */
static uint32_t place_two_stages(Fuser *f, Member first, Type partials)
{
    Member second = {
        .kind = MEMBER_REDUCE, .value = first.value, .space = partials, .axes = dims_of(1, 0), .target = first.target};
    uint32_t buffer = new_buffer(f, BUFFER_SCRATCH, 0, partials.dtype, type_elements(partials), NO_VALUE);
    first.target = view_contiguous(buffer, partials);
    second.staged = true;
    second.partial = first.target;
    uint32_t parts = place_member(f, first), index = place_member(f, second);
    need_group(f, index, parts);
    return index;
}

static uint32_t place_staged(Fuser *f, Member member)
{
    Type space = member.space;
    unsigned first = first_axis(space);
    member.axes = (Dims){0};
    for (unsigned axis = 0; axis < space.rank; axis++)
        if (axis != first)
            member.axes.v[member.axes.n++] = axis;
    return place_two_stages(f, member, type_of(space.dtype, 1, &space.dims[first]));
}

/* Rows per chunk, where the member removes the first axis and keeps another. */
static int64_t chunk_of(const Fuser *f, const Member *member)
{
    Type space = without_units(member->space);
    if (space.rank < 2 || reduced_axes(member) != 1)
        return 0;
    return target_rows_of_chunk(&f->module->target, space.dims[0], type_elements(space) / space.dims[0]);
}

static uint32_t place_chunks(Fuser *f, Member member)
{
    Type space = member.space, partials = {.dtype = space.dtype, .rank = 1};
    member.chunk = chunk_of(f, &member);
    partials.dims[0] = (space.dims[first_axis(space)] + member.chunk - 1) / member.chunk;
    for (unsigned axis = 0; axis < space.rank; axis++)
        if (!dims_contain(member.axes, axis))
            partials.dims[partials.rank++] = space.dims[axis];
    return place_two_stages(f, member, partials);
}

static void place_reduction(Fuser *f, Value v)
{
    const Op *op = op_of(f, v);
    Member member = {
        .kind = MEMBER_REDUCE, .value = v, .space = type_at(f, op->args[0]), .axes = op->axes, .target = f->info[v].view};
    uint32_t group = f->plan->unfused           ? place_member(f, member)
                     : takes_stages(f, &member) ? place_staged(f, member)
                     : chunk_of(f, &member)     ? place_chunks(f, member)
                                                : place_member(f, member);
    f->info[v].group = group;
    vec_add_once(&f->info[v].producers, group);
}

/* ---- concat, pad, tables ---- */

static View view_at(View view, const int64_t *start, unsigned rank)
{
    for (unsigned axis = 0; axis < rank; axis++)
        view.offset += start[axis] * view.stride[axis];
    return view;
}

/* The piece lies in place once its own producers have run; otherwise it is copied there. */
static void place_piece(Fuser *f, Value whole, Value piece, const int64_t *start)
{
    View target = view_at(f->info[whole].view, start, type_at(f, piece).rank), view;
    Value base;
    if (find_view(f, piece, &view, &base) && same_view(&view, &target, type_at(f, piece))) {
        const Info *info = &f->info[base];
        for (uint32_t i = 0; i < info->producers.len; i++)
            vec_add_once(&f->info[whole].producers, info->producers.data[i]);
        return;
    }
    Member copy = {.kind = MEMBER_COPY, .value = piece, .space = type_at(f, piece), .target = target};
    uint32_t group = place_member(f, copy);
    vec_add_once(&f->info[whole].producers, group);
}

static void place_concat(Fuser *f, Value v)
{
    const Op *op = op_of(f, v);
    if (f->schedule->buffers.data[f->info[v].view.buffer].kind == BUFFER_STATE)
        return; /* the states lie side by side */
    int64_t start[MAX_RANK] = {0}, axis = op->axis.v[0];
    for (uint32_t i = 0; i < op->nargs; i++) {
        place_piece(f, v, op->args[i], start);
        start[axis] += type_at(f, op->args[i]).dims[axis];
    }
}

static void place_zeros(Fuser *f, Value v, Type block, const int64_t *start)
{
    for (unsigned axis = 0; axis < block.rank; axis++)
        if (block.dims[axis] == 0)
            return;
    Member zero = {.kind = MEMBER_ZERO, .value = v, .space = block, .target = view_at(f->info[v].view, start, block.rank)};
    uint32_t group = place_member(f, zero);
    vec_add_once(&f->info[v].producers, group);
}

/* Zeros before and after the operand on each axis; on earlier axes only beside it, on later ones everywhere. */
static void place_pad(Fuser *f, Value v)
{
    const Op *op = op_of(f, v);
    Type inner = type_at(f, op->args[0]), block = op->type;
    int64_t start[MAX_RANK] = {0};
    place_piece(f, v, op->args[0], op->before.v);
    for (unsigned axis = 0; axis < op->type.rank; axis++) {
        int64_t before = op->before.v[axis], after = op->type.dims[axis] - before - inner.dims[axis];
        block.dims[axis] = before;
        place_zeros(f, v, block, start);
        block.dims[axis] = after;
        start[axis] = before + inner.dims[axis];
        place_zeros(f, v, block, start);
        block.dims[axis] = inner.dims[axis];
        start[axis] = before;
    }
}

/* A plain view of one buffer. If a view joined several states, the order of kernels could not tell which state is read. */
static View need_row_access(Fuser *f, Value v, uint32_t group)
{
    View view = need_plain(f, v, group);
    return f->groups.data[group].joined_reads.len ? need_copy(f, v, all_axes(type_at(f, v).rank), group) : view;
}

/* One row of a table per index: the table's memory, addressed through the index. */
static void place_table_access(Fuser *f, Value v)
{
    const Op *op = op_of(f, v);
    Value index = op->args[op->nargs - 1];
    Type index_type = type_at(f, index);
    /* The views' producers are collected on a group of their own, which is never run. */
    uint32_t probe = new_group(f, KERNEL_LOOP, NO_VALUE);
    View index_view = need_row_access(f, index, probe), view = {0}, table = {0};
    if (op->code == OP_GATHER) {
        table = need_row_access(f, op->args[0], probe);
        view.row = table.stride[0];
        view.rows = type_at(f, op->args[0]).dims[0];
    } else {
        Type field = f->module->fields.data[op->symbol].type;
        view.row = type_elements(field);
        View row = view_contiguous(0, field);
        memcpy(&table.stride[1], row.stride, sizeof row.stride - sizeof row.stride[0]);
        table.buffer = new_buffer(f, BUFFER_ROWS, op->symbol, field.dtype, 0, v);
    }
    bool neighbours = op->flags & OP_NEIGHBOURS;
    view.read = neighbours ? index_type.dims[0] : 1;
    view.buffer = table.buffer;
    view.offset = table.offset;
    view.indirect = true;
    view.index_buffer = index_view.buffer;
    view.index_offset = index_view.offset;
    for (unsigned axis = 0; axis < op->type.rank; axis++) {
        view.index_stride[axis] = axis < index_type.rank && !neighbours ? index_view.stride[axis] : 0;
        view.stride[axis] = axis >= index_type.rank ? table.stride[1 + axis - index_type.rank] : neighbours ? view.row : 0;
    }
    Info *info = &f->info[v];
    info->in_memory = true;
    info->view = view;
    const Group *group = &f->groups.data[probe];
    for (uint32_t i = 0; i < group->needs.len; i++)
        vec_add_once(&info->producers, group->needs.data[i]);
}

/* ---- kernels of their own ---- */

_Static_assert((int)MOST_SPECIAL_INPUTS >= (int)EXTERN_MOST_OPERANDS, "a special kernel holds the operands of any extern");

const KernelInfo kernel_info[KERNEL_COUNT] = {
#define KERNEL(KIND, word, op, operands, result) {#word, op, operands, result},
#include "passes/kernels.def"
#undef KERNEL
};

/* What an op of that kind is, one by one; KERNEL_COUNT: no such kernel. */
static KernelKind kernel_of_op(OpCode code)
{
    KernelKind kind = 0;
    while (kind < KERNEL_COUNT && kernel_info[kind].op != code)
        kind++;
    return kind;
}

static void place_special(Fuser *f, Value v, KernelKind kind)
{
    const Op *op = op_of(f, v);
    uint32_t index = new_group(f, kind, v);
    Special special = {
        .out = f->info[v].view, .out_type = op->type, .inputs = op->nargs, .symbol = op->symbol, .axis = op->axis.v[0]};
    for (uint32_t i = 0; i < op->nargs; i++) {
        special.in[i] = kernel_info[kind].operands == ROWS_IN_ORDER ? need_row_major(f, op->args[i], index)
                                                                    : need_plain(f, op->args[i], index);
        special.in_type[i] = type_at(f, op->args[i]);
    }
    Kernel *kernel = &f->groups.data[index].kernel;
    kernel->kind = kind;
    kernel->special = special;
    vec_add_once(&kernel->writes, special.out.buffer);
    kernel->flops = type_elements(kind == KERNEL_RANDOM ? special.out_type : special.in_type[op->nargs - 1]);
    kernel->bytes = type_bytes(special.out_type);
    for (uint32_t i = 0; i < op->nargs; i++)
        kernel->bytes += type_bytes(special.in_type[i]);
    f->info[v].group = index;
    vec_add_once(&f->info[v].producers, index);
}

static void place_product(Fuser *f, Value v)
{
    uint32_t index = new_group(f, KERNEL_PRODUCT, v);
    lower_product(f, index);
    f->info[v].group = index;
    vec_add_once(&f->info[v].producers, index);
}

/* ---- results ---- */

/* The buffer that holds exactly this value, row-major, or NO_BUFFER. */
static uint32_t own_buffer(const Fuser *f, Value v)
{
    while (op_of(f, v)->code == OP_RESHAPE && !f->info[v].in_memory) /* the same numbers in the same order */
        v = op_of(f, v)->args[0];
    const Info *info = &f->info[v];
    bool made = is_computed(f, v) || op_of(f, v)->code == OP_RESULT;
    if (!info->in_memory || info->view.indirect || !made)
        return NO_BUFFER;
    const Buffer *buffer = &f->schedule->buffers.data[info->view.buffer];
    bool whole = buffer->kind == BUFFER_SCRATCH && buffer->elements == type_elements(type_at(f, v)) && !info->view.offset;
    return whole && buffer->dtype == type_at(f, v).dtype ? info->view.buffer : NO_BUFFER;
}

static void place_exit(Fuser *f, BufferKind kind, uint32_t symbol, Value v)
{
    uint32_t buffer = own_buffer(f, v);
    Type type = type_at(f, v);
    if (buffer == NO_BUFFER) {
        buffer = new_buffer(f, BUFFER_SCRATCH, 0, type.dtype, type_elements(type), v);
        place_member(f, (Member){.kind = MEMBER_COPY, .value = v, .space = type, .target = view_contiguous(buffer, type)});
    }
    vec_push(&f->exits, (Exit){kind, symbol, buffer});
}

/* ---- the function ---- */

/* A reshape that cannot be part of an expression reads memory; if no strides describe it there, its operand is copied. */
static void place_reshape(Fuser *f, Value v)
{
    View view;
    Value base, operand = op_of(f, v)->args[0];
    if (reshape_is_inline(type_at(f, operand), type_at(f, v)) || reshape_commutes(f, operand, type_at(f, v)) ||
        find_view(f, v, &view, &base))
        return;
    need_view(f, operand, NO_GROUP);
    if (find_view(f, v, &view, &base))
        return;
    Type type = type_at(f, operand);
    uint32_t buffer = new_buffer(f, BUFFER_SCRATCH, 0, type.dtype, type_elements(type), v);
    Member copy = {.kind = MEMBER_COPY, .value = operand, .space = type, .target = view_contiguous(buffer, type)};
    uint32_t group = place_member(f, copy);
    f->info[v].in_memory = true;
    f->info[v].view = view_contiguous(buffer, type_at(f, v));
    vec_add_once(&f->info[v].producers, group);
}

static void place_op(Fuser *f, Value v)
{
    const Op *op = op_of(f, v);
    KernelKind own = kernel_of_op(op->code);
    if (own != KERNEL_COUNT) {
        place_special(f, v, own);
        return;
    }
    switch (op->code) {
    case OP_INPUT:
    case OP_STATE_READ:
        break;
    case OP_STATE_WRITE:
        place_exit(f, BUFFER_STATE, op->symbol, op->args[0]);
        break;
    case OP_CONCAT:
        place_concat(f, v);
        break;
    case OP_PAD:
        place_pad(f, v);
        break;
    case OP_FETCH:
    case OP_GATHER:
        place_table_access(f, v);
        break;
    case OP_SCAN:
        place_scan(f, v);
        break;
    case OP_RESULT:
        place_result(f, v);
        break;
    default:
        if (op->code == OP_RESHAPE)
            place_reshape(f, v);
        if (is_always_stored(f, v) && op->code == OP_DOT)
            place_product(f, v);
        else if (is_always_stored(f, v))
            place_reduction(f, v);
        else if (is_leaf(f, v) && (is_computed(f, v) || f->info[v].producers.len == 0))
            place_member(f, (Member){.kind = MEMBER_VALUE, .value = v, .space = op->type});
        break;
    }
}

static void free_fuser(Fuser *f)
{
    for (Value v = 0; v < f->function->ops.len; v++) {
        vec_free(&f->info[v].producers);
        vec_free(&f->info[v].readers);
    }
    for (uint32_t i = 0; i < f->groups.len; i++) {
        vec_free(&f->groups.data[i].members);
        vec_free(&f->groups.data[i].needs);
        vec_free(&f->groups.data[i].dependents);
        vec_free(&f->groups.data[i].joined_reads);
    }
    support_free(f->info);
    support_free(f->state_buffers);
    vec_free(&f->groups);
    vec_free(&f->exits);
    vec_free(&f->copies);
    vec_free(&f->leaves);
    vec_free(&f->writers);
}

void fuse_function(const Plan *plan, const Function *function, Schedule *schedule)
{
    Fuser f = {.plan = plan, .module = plan->module, .function = function, .schedule = schedule};
    f.scalar_groups[0] = f.scalar_groups[1] = NO_GROUP;
    f.info = support_malloc((function->ops.len + 1) * sizeof *f.info);
    memset(f.info, 0, (function->ops.len + 1) * sizeof *f.info);
    f.state_buffers = support_malloc((f.module->states.len + 1) * sizeof *f.state_buffers);
    memset(f.state_buffers, 0xff, (f.module->states.len + 1) * sizeof *f.state_buffers);
    place_values(&f);
    for (Value v = 0; v < function->ops.len; v++)
        if (f.info[v].live) {
            weigh(&f, v);
            place_op(&f, v);
        }
    for (uint32_t i = 0; i < function->outputs.len; i++)
        place_exit(&f, BUFFER_OUTPUT, i, function->outputs.data[i].value);
    settle_groups(&f);
    for (uint32_t i = 0; i < f.groups.len; i++)
        if (f.groups.data[i].kind == KERNEL_LOOP)
            lower_loop(&f, i);
    finish_exits(&f);
    free_fuser(&f);
}
