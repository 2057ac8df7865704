/* A loop kernel: a loop nest with explicit vectors along one axis.
 *
 * Order of the loops: chunks of the reduced axis, if it has any, then axes that reductions keep, then reduced axes; the vector
 * axis is the last of its kind. So each reduction accumulates in registers: along the vector axis in the lanes (and a fixed tree
 * at the end), along other axes lane by lane for a block of columns. Each node is computed at the outermost loop where its value
 * is known, once for all lanes if it does not vary along the vector axis. The order of every sum depends on the kernel alone,
 * never on the processor, the -O level or the number of threads. */
#include <string.h>

#include "backend/emit_loop.h"

enum { SMALL_BODY = 16 }; /* a kernel with reductions is unrolled up to this many nodes */

/* ---- shape of the nest ---- */

void *zeroed(size_t count, size_t size)
{
    void *memory = support_malloc(count * size + 1);
    memset(memory, 0, count * size);
    return memory;
}

static unsigned count_lanes(const Emitter *e, const Loop *loop)
{
    for (uint32_t i = 0; i < loop->nodes.len; i++)
        if (loop->nodes.data[i].dtype == DTYPE_F64)
            return e->target.lanes_f64;
    return e->target.lanes_f32;
}

/* What a vector costs, in quarters of a simple operation: as a whole, and per lane that counts. */
typedef struct VectorCost {
    int64_t whole, lane;
} VectorCost;

static void add_access_cost(VectorCost *cost, const View *access, unsigned axis)
{
    enum { CONTIGUOUS = 4, NEAR = 3, FAR = 6, NEAREST = 8 };
    int64_t stride = access->stride[axis], distance = stride < 0 ? -stride : stride;
    if (access->indirect && access->index_stride[axis])
        cost->lane += 2 * FAR;
    else if (distance == 1)
        cost->whole += CONTIGUOUS;
    else if (distance > 1)
        cost->lane += distance <= NEAREST ? NEAR : FAR; /* several lanes in a cache line, or each in one of its own */
}

/* Estimated work if the kernel is vectorised along `axis`. */
static int64_t axis_cost(const Loop *loop, unsigned axis, unsigned lanes)
{
    enum { OPERATION = 4 };
    VectorCost cost = {.whole = OPERATION};
    int64_t rows = 1, extent = loop->dims[axis];
    for (uint32_t i = 0; i < loop->nodes.len; i++) {
        const Node *node = &loop->nodes.data[i];
        if (node->kind == NODE_LOAD)
            add_access_cost(&cost, &node->access, axis);
        cost.whole += node->kind == NODE_OP ? OPERATION : 0;
    }
    for (uint32_t i = 0; i < loop->sinks.len; i++) {
        if (loop->sinks.data[i].kind == SINK_STORE)
            add_access_cost(&cost, &loop->sinks.data[i].access, axis);
        cost.whole += loop->sinks.data[i].kind == SINK_STORE ? 0 : OPERATION;
    }
    for (unsigned i = 0; i < loop->rank; i++)
        rows *= i == axis ? 1 : loop->dims[i];
    return rows * ((extent + lanes - 1) / lanes * cost.whole + extent * cost.lane);
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

/* The number of nodes; a multiply-add counts as two, a change of sign as none. */
static unsigned body_size(const Loop *loop)
{
    unsigned size = 0;
    for (uint32_t i = 0; i < loop->nodes.len; i++) {
        const Node *node = &loop->nodes.data[i];
        size += node->kind != NODE_OP ? 1 : node->code == OP_FMA ? 2 : node->code != OP_NEG;
    }
    return size;
}

static unsigned choose_unroll(const Nest *n)
{
    if (n->vector_axis < 0 || n->first_reduced == n->levels)
        return 1;
    int64_t vectors = n->loop->dims[n->vector_axis] / n->lanes;
    if (body_size(n->loop) > SMALL_BODY)
        return n->vector_level < n->first_reduced && vectors >= 2 ? 2 : 1;
    return vectors >= MOST_UNROLL ? MOST_UNROLL : vectors >= 2 ? 2 : 1;
}

/* ---- sinks ---- */

static void init_accumulators(Nest *n)
{
    for (uint32_t i = 0; i < n->loop->sinks.len; i++) {
        const Sink *sink = &n->loop->sinks.data[i];
        DType dtype = n->loop->nodes.data[sink->node].dtype;
        bool in_lanes = n->vector_level >= n->first_reduced; /* then all accumulators are used */
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

/* Joins halves until one lane is left. */
static LLVMValueRef join_lanes(Nest *n, SinkKind kind, DType dtype, LLVMValueRef vector)
{
    Emitter *e = n->e;
    for (unsigned lanes = n->lanes; lanes > 1; lanes /= 2) {
        LLVMValueRef low[MOST_LANES], high[MOST_LANES], poison = LLVMGetPoison(LLVMTypeOf(vector));
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

/* Stores the results after the reduced loops, at the places where the cursors `places` stood before these loops. */
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

/* Values that a body changes and that are restored after it. */
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

/* Vectors along the vector axis over [first, end): blocks of `unroll` vectors, then single vectors, then a masked one. `end` is
 * the extent, or a multiple of a block before it. */
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
        /* A sum along this axis needs all lanes of its accumulator; any other body need not compute lanes that are not stored. */
        while (level < n->first_reduced && n->lanes / 2 >= count)
            n->lanes /= 2;
        n->mask = count < n->lanes ? tail_mask(e, n->lanes, count) : NULL;
        n->lanes_in_tail = count;
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
    bool outermost = level == 0 && n->first_reduced > 0 && !n->chunk_end;
    LLVMValueRef first = outermost ? e->begin : const_i64(e, 0);
    LLVMValueRef end = outermost ? e->end : const_i64(e, n->loop->dims[n->axis_at[level]]);
    if (n->chunk_end && level == n->first_reduced) {
        first = n->chunk_first;
        end = n->chunk_end;
    }
    if (level == n->vector_level) {
        emit_vector_loop(n, level, first, end);
        return;
    }
    if (level == 0)
        prefetch_first_rows(n, first, end);
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

/* A loop over chunks around all other loops: each chunk has results of its own. */
static KernelSplit emit_chunks(Nest *n)
{
    Emitter *e = n->e;
    int64_t chunk = n->loop->chunk, rows = n->loop->dims[0];
    Counter counter = loop_begin(e, e->begin, e->end, 1);
    n->chunk_first = LLVMBuildMul(e->builder, counter.index, const_i64(e, chunk), "");
    LLVMValueRef next = LLVMBuildAdd(e->builder, n->chunk_first, const_i64(e, chunk), "");
    n->chunk_end = emit_less(e, next, const_i64(e, rows));
    Saved saved = save_cursors(n);
    for (uint32_t i = 0; i < n->loop->sinks.len; i++) {
        Cursor *cursor = &n->sink_cursors[i];
        cursor->pointer = advance_by(e, cursor->dtype, cursor->pointer, counter.index, n->loop->sinks.data[i].chunk_stride);
    }
    emit_level(n, 0);
    restore_cursors(n, saved);
    loop_end(e, &counter);
    return (KernelSplit){.extent = (rows + chunk - 1) / chunk, .grain = 1};
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

KernelSplit emit_loop(Emitter *e, const Kernel *kernel)
{
    const Loop *loop = &kernel->loop;
    Nest n = {.e = e, .loop = loop, .lanes = count_lanes(e, loop), .vector_axis = -1, .width = 1};
    if (loop->rank)
        n.vector_axis = choose_vector_axis(loop, n.lanes);
    order_axes(&n);
    n.unroll = choose_unroll(&n);
    n.nodes = zeroed(loop->nodes.len, sizeof *n.nodes);
    n.node_cursors = zeroed(loop->nodes.len, sizeof *n.node_cursors);
    n.sink_cursors = zeroed(loop->sinks.len, sizeof *n.sink_cursors);
    n.accumulators = zeroed((size_t)loop->sinks.len * MOST_UNROLL, sizeof *n.accumulators);
    classify_nodes(&n);
    make_accumulators(&n);
    for (uint32_t i = 0; i < loop->nodes.len; i++)
        if (loop->nodes.data[i].kind == NODE_LOAD)
            n.node_cursors[i] = make_cursor(&n, &loop->nodes.data[i].access);
    for (uint32_t i = 0; i < loop->sinks.len; i++)
        n.sink_cursors[i] = make_cursor(&n, &loop->sinks.data[i].access);
    enter_level(&n, -1);
    KernelSplit split = {0};
    if (loop->chunk) {
        split = emit_chunks(&n);
    } else {
        emit_level(&n, 0);
        if (n.first_reduced > 0)
            split = (KernelSplit){loop->dims[n.axis_at[0]], n.vector_level == 0 ? (int64_t)n.lanes * n.unroll : 1};
    }
    support_free(n.nodes);
    support_free(n.node_cursors);
    support_free(n.sink_cursors);
    support_free(n.accumulators);
    return split;
}
