/* A loop group as a kernel: the members' expressions become nodes, each value at a *point*: its index on each axis as a linear
 * function of the loop's indices. View ops change the point and cost nothing. At the end, axes that every access steps through
 * alike merge. */
#include <string.h>

#include "passes/fuse.h"
#include "passes/point.h"

typedef struct Memo {
    Value value;
    Type shape;
    Point point;
    uint32_t node, next; /* next: 1 + an earlier memo of the value */
} Memo;

typedef struct Lowering {
    Fuser *fuser;
    uint32_t group;
    Loop *loop;
    VEC(Memo) memos;
    uint32_t epoch;
} Lowering;

/* ---- nodes ---- */

static uint32_t node_at(Lowering *l, Value v, const Point *point);
static uint32_t node_as(Lowering *l, Value v, Type shape, const Point *point);

static uint32_t add_node(Lowering *l, Node node)
{
    vec_push(&l->loop->nodes, node);
    return l->loop->nodes.len - 1;
}

static uint32_t load_at(Lowering *l, Value base, const View *view, Type type, const Point *point)
{
    DType stored = l->fuser->schedule->buffers.data[view->buffer].dtype;
    note_read(l->fuser, l->group, base, view);
    uint32_t node = add_node(l, (Node){.kind = NODE_LOAD, .dtype = stored, .access = access_at(view, type.rank, point)});
    if (stored != type.dtype)
        node = add_node(l, (Node){.kind = NODE_OP, .code = OP_CAST, .dtype = type.dtype, .nargs = 1, .args = {node}});
    return node;
}

/* lhs[b, i] * rhs[b, j] at [b, i, j]. */
static uint32_t outer_product_at(Lowering *l, const Op *op, const Point *point)
{
    uint32_t args[2];
    unsigned next_free = op->batch_x.n;
    for (unsigned side = 0; side < 2; side++) {
        const Dims *contracted = side ? &op->contract_y : &op->contract_x, *batch = side ? &op->batch_y : &op->batch_x;
        Point inner = {0};
        for (unsigned i = 0; i < batch->n; i++)
            point_add(&inner, (unsigned)batch->v[i], point, i, 1);
        unsigned rank = type_at(l->fuser, op->args[side]).rank;
        for (unsigned axis = 0; axis < rank; axis++)
            if (!dims_contain(*contracted, axis) && !dims_contain(*batch, axis))
                point_add(&inner, axis, point, next_free++, 1);
        args[side] = node_at(l, op->args[side], &inner);
    }
    return add_node(l, (Node){.kind = NODE_OP, .code = OP_MUL, .dtype = op->type.dtype, .nargs = 2, .args = {args[0], args[1]}});
}

/* `shape` is v's own, or one that reshape_commutes(f, v, shape). */
static uint32_t compute_as(Lowering *l, Value v, Type shape, const Point *point)
{
    Fuser *f = l->fuser;
    const Op *op = op_of(f, v);
    bool own_shape = type_equal(type_with_dtype(shape, op->type.dtype), op->type);
    if (op->code == OP_RESHAPE && !(own_shape && reshape_is_inline(type_at(f, op->args[0]), op->type)))
        return node_as(l, op->args[0], shape, point);
    if (is_view_op(f, v)) {
        Point inner = point_through(point, op, type_at(f, op->args[0]));
        return node_at(l, op->args[0], &inner);
    }
    if (op->code == OP_CONST)
        return add_node(l, (Node){.kind = NODE_CONST, .dtype = op->type.dtype, .number = op->number});
    if (op->code == OP_IOTA) {
        View unit = {.stride = {[0] = 0}};
        unit.stride[op->axis.v[0]] = 1;
        return add_node(l, (Node){.kind = NODE_INDEX, .dtype = op->type.dtype, .access = access_at(&unit, op->type.rank, point)});
    }
    if (op->code == OP_DOT)
        return outer_product_at(l, op, point);
    if (op->code == OP_STOP)
        return node_as(l, op->args[0], shape, point);
    Node node = {.kind = NODE_OP, .code = op->code, .dtype = op->type.dtype, .nargs = op->nargs};
    for (uint32_t i = 0; i < op->nargs; i++)
        node.args[i] = node_as(l, op->args[i], shape, point);
    return add_node(l, node);
}

/* Whether this kernel can run after `group`: it must do so anyway, or `group` does not wait for this kernel. */
static bool can_follow(const Lowering *l, uint32_t group)
{
    const Group *own = &l->fuser->groups.data[l->group];
    for (uint32_t i = 0; i < own->needs.len; i++)
        if (own->needs.data[i] == group)
            return true;
    return !group_depends_on(l->fuser, group, l->group);
}

/* Whether `base` can be in memory when this kernel runs. It can if it was in memory when the members were placed: then the kernel
 * follows its producers. An inline value that a later product or export put into memory may wait for this kernel, which then
 * computes the value again. */
static bool can_be_ready(const Lowering *l, Value base)
{
    const Info *info = &l->fuser->info[base];
    bool ready = true;
    for (uint32_t i = 0; i < info->producers.len && ready; i++)
        ready = can_follow(l, info->producers.data[i]);
    return ready;
}

/* The node of value v, reshaped to `shape` (its dtype is ignored), at a point. */
static uint32_t node_as(Lowering *l, Value v, Type shape, const Point *point)
{
    Fuser *f = l->fuser;
    Info *info = &f->info[v];
    Type type = type_at(f, v);
    if (info->memo_epoch != l->epoch) {
        info->memo_epoch = l->epoch;
        info->memo = 0;
    }
    shape.dtype = type.dtype;
    for (uint32_t i = info->memo; i; i = l->memos.data[i - 1].next) {
        const Memo *memo = &l->memos.data[i - 1];
        if (type_equal(memo->shape, shape) && point_equal(&memo->point, point, shape.rank))
            return memo->node;
    }
    View view;
    Value base;
    /* values that this kernel makes are not read from memory, where they may not be yet: neither v nor what v is a view of */
    bool loads = info->group != l->group && find_view(f, v, &view, &base) && f->info[base].group != l->group &&
                 view_reshape(&view, type, shape) && can_be_ready(l, base);
    uint32_t node = loads ? load_at(l, base, &view, shape, point) : compute_as(l, v, shape, point);
    vec_push(&l->memos, (Memo){v, shape, *point, node, info->memo});
    info->memo = l->memos.len;
    return node;
}

static uint32_t node_at(Lowering *l, Value v, const Point *point)
{
    return node_as(l, v, type_at(l->fuser, v), point);
}

/* ---- members ---- */

static void lower_member(Lowering *l, const Member *member)
{
    Fuser *f = l->fuser;
    Point point = point_identity(member->space);
    Sink sink = {.kind = SINK_STORE, .value = member->kind == MEMBER_ZERO ? NO_VALUE : member->value};
    if (member->kind == MEMBER_REDUCE) {
        const Op *op = op_of(f, member->value);
        if (member->staged)
            sink.node = add_node(l, (Node){.kind = NODE_LOAD,
                                           .dtype = op->type.dtype,
                                           .access = access_at(&member->partial, member->space.rank, &point)});
        else
            sink.node = node_at(l, op->args[0], &point);
        sink.kind = op->code == OP_REDUCE_SUM ? SINK_SUM : SINK_MAX;
        View spread = {.buffer = member->target.buffer, .offset = member->target.offset};
        for (unsigned axis = 0, kept = member->chunk != 0; axis < member->space.rank; axis++)
            if (!dims_contain(member->axes, axis))
                spread.stride[axis] = member->target.stride[kept++];
        sink.chunk_stride = member->chunk ? member->target.stride[0] : 0;
        sink.access = access_at(&spread, member->space.rank, &point);
    } else if (member->kind == MEMBER_ZERO) {
        DType dtype = f->schedule->buffers.data[member->target.buffer].dtype;
        sink.node = add_node(l, (Node){.kind = NODE_CONST, .dtype = dtype});
        sink.access = access_at(&member->target, member->space.rank, &point);
    } else {
        sink.node = node_at(l, member->value, &point);
        if (member->kind == MEMBER_VALUE && !f->info[member->value].in_memory)
            return; /* an anchor that only this kernel uses */
        View target = member->kind == MEMBER_VALUE ? f->info[member->value].view : member->target;
        sink.access = access_at(&target, member->space.rank, &point);
    }
    if (member->staged)
        vec_add_once(&f->groups.data[l->group].kernel.reads, member->partial.buffer);
    vec_push(&l->loop->sinks, sink);
    vec_add_once(&f->groups.data[l->group].kernel.writes, sink.access.buffer);
}

/* ---- merging axes ---- */

static bool steps_alike(const View *access, unsigned axis, int64_t extent)
{
    return access->stride[axis] == access->stride[axis + 1] * extent &&
           (!access->indirect || access->index_stride[axis] == access->index_stride[axis + 1] * extent);
}

static bool can_merge(const Loop *loop, unsigned axis)
{
    if (loop->reduced[axis] != loop->reduced[axis + 1])
        return false;
    int64_t extent = loop->dims[axis + 1];
    for (uint32_t i = 0; i < loop->nodes.len; i++) {
        const Node *node = &loop->nodes.data[i];
        if ((node->kind == NODE_LOAD || node->kind == NODE_INDEX) && !steps_alike(&node->access, axis, extent))
            return false;
    }
    for (uint32_t i = 0; i < loop->sinks.len; i++)
        if (!steps_alike(&loop->sinks.data[i].access, axis, extent))
            return false;
    return true;
}

static void drop_axis(int64_t *list, unsigned axis, unsigned rank)
{
    memmove(&list[axis], &list[axis + 1], (rank - axis - 1) * sizeof *list);
    list[rank - 1] = 0;
}

/* Axis and axis + 1 become one, with the strides of the latter. */
static void merge_axis(Loop *loop, unsigned axis)
{
    unsigned rank = loop->rank--;
    loop->dims[axis + 1] *= loop->dims[axis];
    drop_axis(loop->dims, axis, rank);
    memmove(&loop->reduced[axis], &loop->reduced[axis + 1], (rank - axis - 1) * sizeof loop->reduced[0]);
    loop->reduced[rank - 1] = false;
    for (uint32_t i = 0; i < loop->nodes.len; i++) {
        drop_axis(loop->nodes.data[i].access.stride, axis, rank);
        drop_axis(loop->nodes.data[i].access.index_stride, axis, rank);
    }
    for (uint32_t i = 0; i < loop->sinks.len; i++)
        drop_axis(loop->sinks.data[i].access.stride, axis, rank);
}

/* ---- cost ---- */

static int64_t points_touched(const Loop *loop, const View *access)
{
    int64_t points = 1;
    for (unsigned axis = 0; axis < loop->rank; axis++)
        if (access->stride[axis] || (access->indirect && access->index_stride[axis]))
            points *= loop->dims[axis];
    return points;
}

/* A multiply-add counts as two. A change of sign counts for nothing, as part of its use; so does a cast, as part of a load. */
static int64_t node_flops(const Node *node)
{
    if (node->kind != NODE_OP || node->code == OP_CAST || node->code == OP_NEG)
        return 0;
    return node->code == OP_FMA ? 2 : 1;
}

static void count_work(const Fuser *f, Kernel *kernel)
{
    const Loop *loop = &kernel->loop;
    int64_t points = 1, ops = 0;
    for (unsigned axis = 0; axis < loop->rank; axis++)
        points *= loop->dims[axis];
    for (uint32_t i = 0; i < loop->nodes.len; i++) {
        const Node *node = &loop->nodes.data[i];
        ops += node_flops(node);
        if (node->kind == NODE_LOAD)
            kernel->bytes += points_touched(loop, &node->access) * (int64_t)dtype_size(node->dtype);
    }
    for (uint32_t i = 0; i < loop->sinks.len; i++) {
        const Sink *sink = &loop->sinks.data[i];
        ops += sink->kind != SINK_STORE;
        kernel->bytes +=
            points_touched(loop, &sink->access) * (int64_t)dtype_size(f->schedule->buffers.data[sink->access.buffer].dtype);
    }
    kernel->flops = ops * points;
}

void lower_loop(Fuser *f, uint32_t index)
{
    Group *group = &f->groups.data[index];
    Kernel *kernel = &group->kernel;
    Lowering l = {.fuser = f, .group = index, .loop = &kernel->loop, .epoch = ++f->epoch};
    kernel->kind = KERNEL_LOOP;
    l.loop->rank = group->space.rank;
    memcpy(l.loop->dims, group->space.dims, sizeof l.loop->dims);
    l.loop->chunk = group->chunk;
    for (unsigned axis = 0; axis < group->space.rank; axis++)
        l.loop->reduced[axis] = group->reduced >> axis & 1;
    for (uint32_t i = 0; i < group->members.len; i++)
        lower_member(&l, &group->members.data[i]);
    vec_free(&l.memos);
    for (unsigned axis = l.loop->rank; axis-- > 1;)
        if (can_merge(l.loop, axis - 1))
            merge_axis(l.loop, axis - 1);
    count_work(f, kernel);
}
