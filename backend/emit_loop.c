/* A loop kernel: a loop nest with explicit vectors along one axis.
 *
 * Order of the loops: axes that reductions keep, then the reduced ones; the vector axis is the last of its kind. So each
 * reduction accumulates in registers: along the vector axis in the lanes (and a fixed tree at the end), along other axes lane by
 * lane for a block of columns. Each node is computed at the outermost loop where its value is known, once for all lanes if it
 * does not vary along the vector axis. The order of every sum depends on the kernel alone, never on the processor, the -O level
 * or the number of threads. */
#include <string.h>

#include "backend/emit.h"

enum {
    LANES_F32 = 16,
    LANES_F64 = 8,
    MOST_UNROLL = 4,
    SMALL_BODY = 16, /* nodes of a kernel with reductions that is worth unrolling */
};

/* The memory of a node or sink, and where the loops stand in it. */
typedef struct Cursor {
    const View *access; /* NULL: none */
    DType dtype;
    LLVMValueRef pointer, index_pointer;
    int index_level;   /* loop at which the row's index is known; -1: before all */
    bool index_varies; /* along the vector axis */
} Cursor;

typedef struct NodeState {
    int level;                       /* of the loop in whose body it is computed; -1: before all loops */
    bool varies;                     /* along the vector axis */
    bool absorbed;                   /* a product that is only added to something: part of that node's multiply-add */
    LLVMValueRef value[MOST_UNROLL]; /* registers of all lanes if it varies, else [0] is a scalar */
    LLVMValueRef spread;             /* the scalar in all lanes, once a user asked for it */
} NodeState;

typedef struct Nest {
    Emitter *e;
    const Loop *loop;
    unsigned lanes;
    int levels, axis_at[MAX_RANK], level_of[MAX_RANK], vector_level, first_reduced; /* levels: none if equal to `levels` */
    int vector_axis;                                                                /* -1: the kernel computes single numbers */
    unsigned unroll;
    unsigned width;               /* vectors in the body being emitted: 1 or unroll */
    LLVMValueRef mask;            /* of its lanes, NULL: all */
    LLVMValueRef index[MAX_RANK]; /* of each axis */
    NodeState *nodes;
    Cursor *node_cursors, *sink_cursors;
    LLVMValueRef *accumulators; /* MOST_UNROLL variables a sink */
} Nest;

static DType buffer_dtype(const Nest *n, const View *access)
{
    return n->e->schedule->buffers.data[access->buffer].dtype;
}

/* ---- shape of the nest ---- */

static void *zeroed(size_t count, size_t size)
{
    void *memory = support_malloc(count * size + 1);
    memset(memory, 0, count * size);
    return memory;
}

static unsigned count_lanes(const Loop *loop)
{
    for (uint32_t i = 0; i < loop->nodes.len; i++)
        if (loop->nodes.data[i].dtype == DTYPE_F64)
            return LANES_F64;
    return LANES_F32;
}

static int64_t access_cost(const View *access, unsigned axis)
{
    enum { CONTIGUOUS = 1, STRIDED = 12 };
    if (access->indirect && access->index_stride[axis])
        return 2 * STRIDED;
    return access->stride[axis] == 0 ? 0 : access->stride[axis] == 1 ? CONTIGUOUS : STRIDED;
}

/* Estimated work if the kernel is vectorised along `axis`: vectors times what one costs. */
static int64_t axis_cost(const Loop *loop, unsigned axis, unsigned lanes)
{
    int64_t cost = 1, vectors = 1;
    for (uint32_t i = 0; i < loop->nodes.len; i++) {
        const Node *node = &loop->nodes.data[i];
        cost += node->kind == NODE_LOAD ? access_cost(&node->access, axis) : node->kind == NODE_OP;
    }
    for (uint32_t i = 0; i < loop->sinks.len; i++)
        cost += loop->sinks.data[i].kind == SINK_STORE ? access_cost(&loop->sinks.data[i].access, axis) : 1;
    for (unsigned i = 0; i < loop->rank; i++)
        vectors *= i == axis ? (loop->dims[i] + lanes - 1) / lanes : loop->dims[i];
    return vectors * cost;
}

static int choose_vector_axis(const Loop *loop, unsigned lanes)
{
    int best = (int)loop->rank - 1;
    for (int axis = best - 1; axis >= 0; axis--)
        if (axis_cost(loop, (unsigned)axis, lanes) < axis_cost(loop, (unsigned)best, lanes))
            best = axis;
    return best;
}

static void add_level(Nest *n, int axis)
{
    n->level_of[axis] = n->levels;
    n->axis_at[n->levels++] = axis;
}

static void order_axes(Nest *n)
{
    int rank = (int)n->loop->rank;
    for (int pass = 0; pass < 2; pass++) {
        bool reduced = pass == 1;
        if (reduced)
            n->first_reduced = n->levels;
        for (int axis = 0; axis < rank; axis++)
            if (axis != n->vector_axis && n->loop->reduced[axis] == reduced)
                add_level(n, axis);
        if (n->vector_axis >= 0 && n->loop->reduced[n->vector_axis] == reduced)
            add_level(n, n->vector_axis);
    }
    n->vector_level = n->vector_axis < 0 ? -1 : n->level_of[n->vector_axis];
}

static unsigned choose_unroll(const Nest *n)
{
    if (n->vector_axis < 0 || n->first_reduced == n->levels)
        return 1;
    int64_t vectors = n->loop->dims[n->vector_axis] / n->lanes;
    if (n->loop->nodes.len > SMALL_BODY)
        return n->vector_level < n->first_reduced && vectors >= 2 ? 2 : 1;
    return vectors >= MOST_UNROLL ? MOST_UNROLL : vectors >= 2 ? 2 : 1;
}

/* ---- cursors ---- */

static Cursor make_cursor(const Nest *n, const View *access)
{
    Cursor cursor = {.access = access, .dtype = buffer_dtype(n, access), .index_level = -1};
    cursor.pointer = advance_const(n->e, cursor.dtype, n->e->bases[access->buffer], access->offset);
    if (!access->indirect)
        return cursor;
    cursor.index_pointer = advance_const(n->e, DTYPE_I32, n->e->bases[access->index_buffer], access->index_offset);
    for (int level = 0; level < n->levels; level++)
        if (access->index_stride[n->axis_at[level]])
            cursor.index_level = level;
    cursor.index_varies = n->vector_axis >= 0 && access->index_stride[n->vector_axis];
    return cursor;
}

static LLVMValueRef row_offset(Nest *n, const Cursor *cursor, LLVMValueRef index)
{
    LLVMValueRef wide = LLVMBuildSExt(n->e->builder, index, n->e->i64, "");
    return LLVMBuildMul(n->e->builder, wide, const_i64(n->e, cursor->access->row), "");
}

/* Rows of a data set lie anywhere in memory: those that a later round of the loop at `level` reads are asked for now. Before the
 * cursor moves. */
static void prefetch_row(Nest *n, const Cursor *cursor, int level)
{
    enum { ROUNDS_AHEAD = 8, LINE = 64, MOST_LINES = 32 };
    Emitter *e = n->e;
    const Buffer *rows = &e->schedule->buffers.data[cursor->access->buffer];
    int axis = n->axis_at[level];
    if (rows->kind != BUFFER_ROWS || n->loop->dims[axis] <= ROUNDS_AHEAD)
        return;
    LLVMValueRef last = const_i64(e, n->loop->dims[axis] - 1);
    LLVMValueRef ahead = LLVMBuildAdd(e->builder, n->index[axis], const_i64(e, ROUNDS_AHEAD), "");
    ahead = LLVMBuildSelect(e->builder, LLVMBuildICmp(e->builder, LLVMIntSLT, ahead, last, ""), ahead, last, "");
    LLVMValueRef place = advance_by(e, DTYPE_I32, cursor->index_pointer, ahead, cursor->access->index_stride[axis]);
    LLVMValueRef row = emit_advance(e, cursor->dtype, cursor->pointer, row_offset(n, cursor, load_scalar(e, DTYPE_I32, place)));
    int64_t bytes = cursor->access->row * (int64_t)dtype_size(cursor->dtype);
    for (int64_t line = 0; line * LINE < bytes && line < MOST_LINES; line++) {
        LLVMValueRef offset = const_i64(e, line * LINE);
        LLVMValueRef args[] = {LLVMBuildGEP2(e->builder, e->i8, row, &offset, 1, ""), const_i32(e, 0), const_i32(e, 3),
                               const_i32(e, 1)};
        call_intrinsic(e, "llvm.prefetch", 1, &e->pointer, 4, args); /* a read, into all caches, of data */
    }
}

/* Steps into the body of the loop at `level` (-1: before all loops). */
static void move_cursor(Nest *n, Cursor *cursor, int level)
{
    if (!cursor->access)
        return;
    if (level >= 0) {
        int axis = n->axis_at[level];
        if (cursor->access->indirect && !cursor->index_varies && level == cursor->index_level)
            prefetch_row(n, cursor, level);
        cursor->pointer = advance_by(n->e, cursor->dtype, cursor->pointer, n->index[axis], cursor->access->stride[axis]);
        if (cursor->access->indirect)
            cursor->index_pointer =
                advance_by(n->e, DTYPE_I32, cursor->index_pointer, n->index[axis], cursor->access->index_stride[axis]);
    }
    if (cursor->access->indirect && !cursor->index_varies && level == cursor->index_level) {
        LLVMValueRef index = load_scalar(n->e, DTYPE_I32, cursor->index_pointer);
        cursor->pointer = emit_advance(n->e, cursor->dtype, cursor->pointer, row_offset(n, cursor, index));
    }
}

/* ---- vector memory ---- */

static LLVMValueRef all_or_mask(const Nest *n)
{
    return n->mask ? n->mask : tail_mask(n->e, n->lanes, n->lanes);
}

static LLVMValueRef lane_offsets(const Nest *n, int64_t stride)
{
    LLVMValueRef offsets[LANES_F32];
    for (unsigned i = 0; i < n->lanes; i++)
        offsets[i] = const_i64(n->e, stride * i);
    return LLVMConstVector(offsets, n->lanes);
}

static LLVMValueRef gather(Nest *n, DType dtype, LLVMValueRef pointers)
{
    LLVMTypeRef types[] = {LLVMVectorType(element_type(n->e, dtype), n->lanes), LLVMTypeOf(pointers)};
    LLVMValueRef args[] = {pointers, const_i32(n->e, (int64_t)dtype_size(dtype)), all_or_mask(n), LLVMConstNull(types[0])};
    return call_intrinsic(n->e, "llvm.masked.gather", 2, types, 4, args);
}

static LLVMValueRef load_contiguous(Nest *n, DType dtype, LLVMValueRef pointer)
{
    LLVMTypeRef types[] = {LLVMVectorType(element_type(n->e, dtype), n->lanes), n->e->pointer};
    if (!n->mask) {
        LLVMValueRef value = LLVMBuildLoad2(n->e->builder, types[0], pointer, "");
        LLVMSetAlignment(value, (unsigned)dtype_size(dtype));
        return value;
    }
    LLVMValueRef args[] = {pointer, const_i32(n->e, (int64_t)dtype_size(dtype)), n->mask, LLVMConstNull(types[0])};
    return call_intrinsic(n->e, "llvm.masked.load", 2, types, 4, args);
}

/* Lanes that are masked off hold 0. */
static LLVMValueRef load_strided(Nest *n, DType dtype, LLVMValueRef pointer, int64_t stride)
{
    return stride == 1 ? load_contiguous(n, dtype, pointer)
                       : gather(n, dtype, emit_advance(n->e, dtype, pointer, lane_offsets(n, stride)));
}

/* Vector `u` of the body, or the scalar if the access does not vary along the vector axis. */
static LLVMValueRef load_node(Nest *n, const Cursor *cursor, bool varies, unsigned u)
{
    Emitter *e = n->e;
    if (!varies)
        return load_scalar(e, cursor->dtype, cursor->pointer);
    int64_t stride = cursor->access->stride[n->vector_axis], first = (int64_t)u * n->lanes;
    LLVMValueRef pointer = advance_const(e, cursor->dtype, cursor->pointer, first * stride), value;
    if (cursor->index_varies) {
        int64_t index_stride = cursor->access->index_stride[n->vector_axis];
        LLVMValueRef place = advance_const(e, DTYPE_I32, cursor->index_pointer, first * index_stride);
        LLVMValueRef index = load_strided(n, DTYPE_I32, place, index_stride);
        LLVMTypeRef wide = LLVMVectorType(e->i64, n->lanes);
        LLVMValueRef row = splat(e, const_i64(e, cursor->access->row), n->lanes);
        LLVMValueRef rows = LLVMBuildMul(e->builder, LLVMBuildSExt(e->builder, index, wide, ""), row, "");
        LLVMValueRef offsets = LLVMBuildAdd(e->builder, rows, lane_offsets(n, stride), "");
        value = gather(n, cursor->dtype, emit_advance(e, cursor->dtype, pointer, offsets));
    } else {
        value = load_strided(n, cursor->dtype, pointer, stride);
    }
    if (cursor->dtype == DTYPE_BOOL)
        value = LLVMBuildICmp(e->builder, LLVMIntNE, value, LLVMConstNull(LLVMTypeOf(value)), "");
    return value;
}

static void store_vector(Nest *n, const Cursor *cursor, LLVMValueRef value, unsigned u)
{
    Emitter *e = n->e;
    int64_t stride = cursor->access->stride[n->vector_axis];
    LLVMValueRef pointer = advance_const(e, cursor->dtype, cursor->pointer, (int64_t)u * n->lanes * stride);
    LLVMTypeRef type = LLVMVectorType(element_type(e, cursor->dtype), n->lanes);
    LLVMValueRef alignment = const_i32(e, (int64_t)dtype_size(cursor->dtype));
    if (cursor->dtype == DTYPE_BOOL)
        value = LLVMBuildZExt(e->builder, value, type, "");
    if (stride == 1 && !n->mask) {
        LLVMSetAlignment(LLVMBuildStore(e->builder, value, pointer), (unsigned)dtype_size(cursor->dtype));
        return;
    }
    LLVMValueRef place = stride == 1 ? pointer : emit_advance(e, cursor->dtype, pointer, lane_offsets(n, stride));
    LLVMTypeRef types[] = {type, LLVMTypeOf(place)};
    LLVMValueRef args[] = {value, place, alignment, all_or_mask(n)};
    call_intrinsic(e, stride == 1 ? "llvm.masked.store" : "llvm.masked.scatter", 2, types, 4, args);
}

/* ---- nodes ---- */

static int deepest_level(const Nest *n, const View *access)
{
    int deepest = -1;
    for (int level = 0; level < n->levels; level++) {
        int axis = n->axis_at[level];
        if (access->stride[axis] || (access->indirect && access->index_stride[axis]))
            deepest = level;
    }
    return deepest;
}

static void classify_nodes(Nest *n)
{
    for (uint32_t i = 0; i < n->loop->nodes.len; i++) {
        const Node *node = &n->loop->nodes.data[i];
        NodeState *state = &n->nodes[i];
        state->level = -1;
        if (node->kind == NODE_LOAD || node->kind == NODE_INDEX) {
            const View *access = &node->access;
            state->level = deepest_level(n, access);
            state->varies = n->vector_axis >= 0 &&
                            (access->stride[n->vector_axis] || (access->indirect && access->index_stride[n->vector_axis]));
        }
        for (uint32_t a = 0; a < node->nargs; a++) {
            const NodeState *arg = &n->nodes[node->args[a]];
            state->level = arg->level > state->level ? arg->level : state->level;
            state->varies |= arg->varies;
        }
    }
}

/* Sums and differences absorb a product of which they are the only user. It saves an op and a rounding, and as it is done here
 * rather than by LLVM, it is done alike at every optimisation level. */
static void absorb_products(Nest *n)
{
    const Loop *loop = n->loop;
    uint32_t *uses = zeroed(loop->nodes.len, sizeof *uses);
    for (uint32_t i = 0; i < loop->nodes.len; i++)
        for (uint32_t a = 0; a < loop->nodes.data[i].nargs; a++)
            uses[loop->nodes.data[i].args[a]]++;
    for (uint32_t i = 0; i < loop->sinks.len; i++)
        uses[loop->sinks.data[i].node]++;
    for (uint32_t i = 0; i < loop->nodes.len; i++) {
        const Node *node = &loop->nodes.data[i];
        if (node->kind != NODE_OP || (node->code != OP_ADD && node->code != OP_SUB) || !dtype_is_float(node->dtype))
            continue;
        for (uint32_t a = 0; a < 2; a++) {
            const Node *product = &loop->nodes.data[node->args[a]];
            NodeState *state = &n->nodes[node->args[a]];
            bool alike = state->level == n->nodes[i].level && state->varies == n->nodes[i].varies;
            if (product->kind != NODE_OP || product->code != OP_MUL || uses[node->args[a]] != 1 || !alike)
                continue;
            state->absorbed = true;
            break;
        }
    }
    support_free(uses);
}

static LLVMValueRef vector_of(Nest *n, uint32_t node, unsigned u)
{
    NodeState *state = &n->nodes[node];
    if (state->varies)
        return state->value[u];
    if (!state->spread)
        state->spread = splat(n->e, state->value[0], n->lanes);
    if (LLVMGetVectorSize(LLVMTypeOf(state->spread)) != n->lanes) /* made in an outer loop, for the whole vectors */
        return splat(n->e, state->value[0], n->lanes);
    return state->spread;
}

/* offset + sum(stride * index) of vector u, as the node's dtype. */
static LLVMValueRef emit_index(Nest *n, const Node *node, bool varies, unsigned u)
{
    Emitter *e = n->e;
    LLVMValueRef sum = const_i64(e, node->access.offset);
    for (int level = 0; level < n->levels; level++) {
        int axis = n->axis_at[level];
        int64_t stride = node->access.stride[axis];
        if (!stride)
            continue;
        LLVMValueRef scaled = LLVMBuildMul(e->builder, n->index[axis], const_i64(e, stride), "");
        sum = LLVMBuildAdd(e->builder, sum, scaled, "");
    }
    sum = LLVMBuildTrunc(e->builder, sum, e->i32, "");
    if (varies) {
        LLVMValueRef lanes[LANES_F32];
        for (unsigned i = 0; i < n->lanes; i++)
            lanes[i] = const_i32(e, node->access.stride[n->vector_axis] * (int64_t)(u * n->lanes + i));
        sum = LLVMBuildAdd(e->builder, splat(e, sum, n->lanes), LLVMConstVector(lanes, n->lanes), "");
    }
    return emit_op(e, OP_CAST, DTYPE_I32, node->dtype, &sum, varies ? n->lanes : 0);
}

/* The value of a node in vector `u`, or the scalar where the user is one. */
static LLVMValueRef operand(Nest *n, uint32_t node, bool vector, unsigned u)
{
    return vector ? vector_of(n, node, u) : n->nodes[node].value[0];
}

/* x y + z, x y - z or z - x y, where the product was absorbed. */
static LLVMValueRef emit_multiply_add(Nest *n, const Node *node, uint32_t product_at, bool vector, unsigned u)
{
    const Node *product = &n->loop->nodes.data[node->args[product_at]];
    LLVMValueRef x = operand(n, product->args[0], vector, u), y = operand(n, product->args[1], vector, u),
                 z = operand(n, node->args[1 - product_at], vector, u);
    if (node->code == OP_SUB && product_at == 0)
        z = LLVMBuildFNeg(n->e->builder, z, "");
    if (node->code == OP_SUB && product_at == 1)
        x = LLVMBuildFNeg(n->e->builder, x, "");
    return fused_multiply_add(n->e, x, y, z);
}

/* A byte over a constant, or NULL. */
static LLVMValueRef emit_byte_quotient(Nest *n, const Node *node, LLVMValueRef x)
{
    const Node *dividend = &n->loop->nodes.data[node->args[0]], *divisor = &n->loop->nodes.data[node->args[1]];
    bool byte =
        dividend->kind == NODE_OP && dividend->code == OP_CAST && dtype_size(n->loop->nodes.data[dividend->args[0]].dtype) == 1;
    bool constant = node->dtype == DTYPE_F32 && divisor->kind == NODE_CONST;
    return byte && constant ? math_byte_quotient(&n->e->math, x, (float)divisor->number) : NULL;
}

static LLVMValueRef emit_node_op(Nest *n, const Node *node, bool varies, unsigned u)
{
    LLVMValueRef args[3], quotient = NULL;
    for (uint32_t a = 0; a < node->nargs; a++)
        if (n->nodes[node->args[a]].absorbed)
            return emit_multiply_add(n, node, a, varies, u);
    for (uint32_t a = 0; a < node->nargs; a++)
        args[a] = operand(n, node->args[a], varies, u);
    if (node->code == OP_DIV && varies)
        quotient = emit_byte_quotient(n, node, args[0]);
    uint32_t typed = node->code == OP_SELECT ? 1 : 0;
    DType from = n->loop->nodes.data[node->args[typed]].dtype;
    return quotient ? quotient : emit_op(n->e, node->code, from, node->dtype, args, varies ? n->lanes : 0);
}

static LLVMValueRef emit_node(Nest *n, uint32_t i, unsigned u)
{
    const Node *node = &n->loop->nodes.data[i];
    bool varies = n->nodes[i].varies;
    switch (node->kind) {
    case NODE_CONST:
        return emit_number(n->e, node->dtype, node->number, 0);
    case NODE_LOAD:
        return load_node(n, &n->node_cursors[i], varies, u);
    case NODE_INDEX:
        return emit_index(n, node, varies, u);
    default:
        return emit_node_op(n, node, varies, u);
    }
}

/* Everything that becomes known in the body of the loop at `level`. */
static void enter_level(Nest *n, int level)
{
    const Loop *loop = n->loop;
    for (uint32_t i = 0; i < loop->nodes.len; i++) {
        move_cursor(n, &n->node_cursors[i], level);
        if (n->nodes[i].level != level || n->nodes[i].absorbed)
            continue;
        n->nodes[i].spread = NULL;
        for (unsigned u = 0; u < (n->nodes[i].varies ? n->width : 1); u++)
            n->nodes[i].value[u] = emit_node(n, i, u);
    }
    for (uint32_t i = 0; i < loop->sinks.len; i++)
        move_cursor(n, &n->sink_cursors[i], level);
    /* Scalars in all lanes, here rather than in the inner loops that use them. */
    for (uint32_t i = 0; i < loop->nodes.len && n->vector_axis >= 0; i++)
        if (n->nodes[i].level == level && !n->nodes[i].varies && !n->nodes[i].absorbed)
            vector_of(n, i, 0);
}

/* ---- sinks ---- */

static void init_accumulators(Nest *n)
{
    for (uint32_t i = 0; i < n->loop->sinks.len; i++) {
        const Sink *sink = &n->loop->sinks.data[i];
        DType dtype = n->loop->nodes.data[sink->node].dtype;
        bool in_lanes = n->vector_level >= n->first_reduced; /* every accumulator of the nest is used; else those of this body */
        for (unsigned u = 0; sink->kind != SINK_STORE && u < (in_lanes ? n->unroll : n->width); u++)
            LLVMBuildStore(n->e->builder, reduction_identity(n->e, sink->kind, dtype, n->lanes),
                           n->accumulators[i * MOST_UNROLL + u]);
    }
}

static void accumulate(Nest *n, uint32_t i, unsigned u)
{
    Emitter *e = n->e;
    const Sink *sink = &n->loop->sinks.data[i];
    DType dtype = n->loop->nodes.data[sink->node].dtype;
    LLVMValueRef variable = n->accumulators[i * MOST_UNROLL + u], value = vector_of(n, sink->node, u);
    if (n->mask)
        value = LLVMBuildSelect(e->builder, n->mask, value, reduction_identity(e, sink->kind, dtype, n->lanes), "");
    LLVMValueRef old = LLVMBuildLoad2(e->builder, register_type(e, dtype, n->lanes), variable, "");
    LLVMBuildStore(e->builder, emit_combine(e, sink->kind, dtype, old, value), variable);
}

/* Halves joined until one lane is left. */
static LLVMValueRef join_lanes(Nest *n, SinkKind kind, DType dtype, LLVMValueRef vector)
{
    Emitter *e = n->e;
    for (unsigned lanes = n->lanes; lanes > 1; lanes /= 2) {
        LLVMValueRef low[LANES_F32], high[LANES_F32], poison = LLVMGetPoison(LLVMTypeOf(vector));
        for (unsigned i = 0; i < lanes / 2; i++) {
            low[i] = const_i32(e, i);
            high[i] = const_i32(e, lanes / 2 + i);
        }
        LLVMValueRef a = LLVMBuildShuffleVector(e->builder, vector, poison, LLVMConstVector(low, lanes / 2), "");
        LLVMValueRef b = LLVMBuildShuffleVector(e->builder, vector, poison, LLVMConstVector(high, lanes / 2), "");
        vector = emit_combine(e, kind, dtype, a, b);
    }
    return LLVMBuildExtractElement(e->builder, vector, const_i32(e, 0), "");
}

static LLVMValueRef accumulated(Nest *n, uint32_t i, DType dtype, unsigned u)
{
    return LLVMBuildLoad2(n->e->builder, register_type(n->e, dtype, n->lanes), n->accumulators[i * MOST_UNROLL + u], "");
}

/* After the reduced loops, where the cursors `places` stood before them. */
static void store_reductions(Nest *n, const Cursor *places)
{
    for (uint32_t i = 0; i < n->loop->sinks.len; i++) {
        const Sink *sink = &n->loop->sinks.data[i];
        DType dtype = n->loop->nodes.data[sink->node].dtype;
        if (sink->kind == SINK_STORE)
            continue;
        if (n->vector_level < n->first_reduced) {
            for (unsigned u = 0; u < n->width; u++)
                store_vector(n, &places[i], accumulated(n, i, dtype, u), u);
            continue;
        }
        LLVMValueRef parts[MOST_UNROLL];
        for (unsigned u = 0; u < n->unroll; u++)
            parts[u] = accumulated(n, i, dtype, u);
        for (unsigned count = n->unroll; count > 1; count /= 2)
            for (unsigned u = 0; u < count / 2; u++)
                parts[u] = emit_combine(n->e, sink->kind, dtype, parts[u], parts[u + count / 2]);
        store_scalar(n->e, dtype, join_lanes(n, sink->kind, dtype, parts[0]), places[i].pointer);
    }
}

static void emit_sinks(Nest *n)
{
    for (uint32_t i = 0; i < n->loop->sinks.len; i++) {
        const Sink *sink = &n->loop->sinks.data[i];
        for (unsigned u = 0; u < n->width; u++)
            if (sink->kind != SINK_STORE)
                accumulate(n, i, u);
            else if (n->vector_axis < 0)
                store_scalar(n->e, n->sink_cursors[i].dtype, n->nodes[sink->node].value[0], n->sink_cursors[i].pointer);
            else
                store_vector(n, &n->sink_cursors[i], vector_of(n, sink->node, u), u);
    }
}

/* ---- loops ---- */

static void emit_level(Nest *n, int level);

/* What a body changes and its surroundings want back. */
typedef struct Saved {
    Cursor *nodes, *sinks;
} Saved;

static Saved save_cursors(const Nest *n)
{
    size_t nodes = n->loop->nodes.len * sizeof(Cursor), sinks = n->loop->sinks.len * sizeof(Cursor);
    Saved saved = {support_malloc(nodes + 1), support_malloc(sinks + 1)};
    memcpy(saved.nodes, n->node_cursors, nodes);
    memcpy(saved.sinks, n->sink_cursors, sinks);
    return saved;
}

static void restore_cursors(Nest *n, Saved saved)
{
    memcpy(n->node_cursors, saved.nodes, n->loop->nodes.len * sizeof(Cursor));
    memcpy(n->sink_cursors, saved.sinks, n->loop->sinks.len * sizeof(Cursor));
    support_free(saved.nodes);
    support_free(saved.sinks);
}

static void emit_body(Nest *n, int level, LLVMValueRef index)
{
    Saved saved = save_cursors(n);
    n->index[n->axis_at[level]] = index;
    enter_level(n, level);
    emit_level(n, level + 1);
    restore_cursors(n, saved);
}

/* Vectors along the vector axis over [first, end): blocks of `unroll`, then single ones, then a masked one. `end` is the extent,
 * or a multiple of a block before it. */
static void emit_vector_loop(Nest *n, int level, LLVMValueRef first, LLVMValueRef end)
{
    Emitter *e = n->e;
    int64_t extent = n->loop->dims[n->vector_axis], block = (int64_t)n->lanes * n->unroll, rest = extent / block * block;
    if (rest) {
        LLVMValueRef within = LLVMBuildSub(e->builder, end, const_i64(e, block - 1), "");
        Counter counter = loop_begin(e, first, within, block);
        n->width = n->unroll;
        emit_body(n, level, counter.index);
        loop_end(e, &counter);
    }
    if (rest == extent)
        return;
    LLVMBasicBlockRef tail = LLVMAppendBasicBlockInContext(e->context, e->function, "tail");
    LLVMBasicBlockRef done = LLVMAppendBasicBlockInContext(e->context, e->function, "done");
    LLVMValueRef last = LLVMBuildICmp(e->builder, LLVMIntEQ, end, const_i64(e, extent), "");
    LLVMBuildCondBr(e->builder, last, tail, done);
    LLVMPositionBuilderAtEnd(e->builder, tail);
    n->width = 1;
    if (extent - rest >= n->lanes) {
        int64_t singles = (extent - rest) / n->lanes * n->lanes;
        Counter counter = loop_begin(e, const_i64(e, rest), const_i64(e, rest + singles), n->lanes);
        emit_body(n, level, counter.index);
        loop_end(e, &counter);
        rest += singles;
    }
    if (rest < extent) {
        unsigned whole_lanes = n->lanes, count = (unsigned)(extent - rest);
        /* Lanes of a sum along this axis stay the accumulator's; others need not compute what nobody keeps. */
        while (level < n->first_reduced && n->lanes / 2 >= count)
            n->lanes /= 2;
        n->mask = count < n->lanes ? tail_mask(e, n->lanes, count) : NULL;
        emit_body(n, level, const_i64(e, rest));
        n->mask = NULL;
        n->lanes = whole_lanes;
    }
    LLVMBuildBr(e->builder, done);
    LLVMPositionBuilderAtEnd(e->builder, done);
}

static void emit_loop_at(Nest *n, int level)
{
    Emitter *e = n->e;
    bool outermost = level == 0 && n->first_reduced > 0;
    LLVMValueRef first = outermost ? e->begin : const_i64(e, 0);
    LLVMValueRef end = outermost ? e->end : const_i64(e, n->loop->dims[n->axis_at[level]]);
    if (level == n->vector_level) {
        emit_vector_loop(n, level, first, end);
        return;
    }
    Counter counter = loop_begin(e, first, end, 1);
    emit_body(n, level, counter.index);
    loop_end(e, &counter);
}

static void emit_level(Nest *n, int level)
{
    if (level == n->levels) {
        emit_sinks(n);
        return;
    }
    if (level != n->first_reduced) {
        emit_loop_at(n, level);
        return;
    }
    init_accumulators(n);
    unsigned width = n->width;
    emit_loop_at(n, level);
    n->width = width;
    store_reductions(n, n->sink_cursors);
}

static void make_accumulators(Nest *n)
{
    for (uint32_t i = 0; i < n->loop->sinks.len; i++) {
        const Sink *sink = &n->loop->sinks.data[i];
        DType dtype = n->loop->nodes.data[sink->node].dtype;
        for (unsigned u = 0; sink->kind != SINK_STORE && u < n->unroll; u++)
            n->accumulators[i * MOST_UNROLL + u] = make_variable(n->e, register_type(n->e, dtype, n->lanes));
    }
}

Split emit_loop(Emitter *e, const Kernel *kernel)
{
    const Loop *loop = &kernel->loop;
    Nest n = {.e = e, .loop = loop, .lanes = count_lanes(loop), .vector_axis = -1, .width = 1};
    if (loop->rank)
        n.vector_axis = choose_vector_axis(loop, n.lanes);
    order_axes(&n);
    n.unroll = choose_unroll(&n);
    n.nodes = zeroed(loop->nodes.len, sizeof *n.nodes);
    n.node_cursors = zeroed(loop->nodes.len, sizeof *n.node_cursors);
    n.sink_cursors = zeroed(loop->sinks.len, sizeof *n.sink_cursors);
    n.accumulators = zeroed((size_t)loop->sinks.len * MOST_UNROLL, sizeof *n.accumulators);
    classify_nodes(&n);
    absorb_products(&n);
    make_accumulators(&n);
    for (uint32_t i = 0; i < loop->nodes.len; i++)
        if (loop->nodes.data[i].kind == NODE_LOAD)
            n.node_cursors[i] = make_cursor(&n, &loop->nodes.data[i].access);
    for (uint32_t i = 0; i < loop->sinks.len; i++)
        n.sink_cursors[i] = make_cursor(&n, &loop->sinks.data[i].access);
    enter_level(&n, -1);
    emit_level(&n, 0);
    Split split = {0};
    if (n.first_reduced > 0) {
        split.extent = loop->dims[n.axis_at[0]];
        split.grain = n.vector_level == 0 ? (int64_t)n.lanes * n.unroll : 1;
    }
    support_free(n.nodes);
    support_free(n.node_cursors);
    support_free(n.sink_cursors);
    support_free(n.accumulators);
    return split;
}
