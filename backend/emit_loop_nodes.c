/* Nodes of a loop kernel: when each is computed, and its value in scalars or vectors. */
#include "backend/emit_loop.h"

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

void classify_nodes(Nest *n)
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

LLVMValueRef vector_of(Nest *n, uint32_t node, unsigned u)
{
    NodeState *state = &n->nodes[node];
    if (state->varies)
        return state->value[u];
    if (!state->spread)
        state->spread = splat(n->e, state->value[0], n->lanes);
    if (LLVMGetVectorSize(LLVMTypeOf(state->spread)) != n->lanes) /* made in an outer loop, with the lanes of whole vectors */
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
        LLVMValueRef lanes[MOST_LANES];
        for (unsigned i = 0; i < n->lanes; i++)
            lanes[i] = const_i32(e, node->access.stride[n->vector_axis] * (int64_t)(u * n->lanes + i));
        sum = LLVMBuildAdd(e->builder, splat(e, sum, n->lanes), LLVMConstVector(lanes, n->lanes), "");
    }
    return emit_op(e, OP_CAST, DTYPE_I32, node->dtype, &sum, varies ? n->lanes : 0);
}

/* The value of a node in vector `u`, or as a scalar where its user is a scalar. */
static LLVMValueRef operand(Nest *n, uint32_t node, bool vector, unsigned u)
{
    return vector ? vector_of(n, node, u) : n->nodes[node].value[0];
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

/* The divisor with 1 in lanes that are masked off. Loads leave 0 there, and LLVM's code generator (19, where it splits vectors)
 * takes 0 / 0 in such lanes to be 0: it then drops the select that would keep the NaN from a sum. */
static LLVMValueRef divisor_of_lanes(Nest *n, const Node *node, LLVMValueRef divisor)
{
    if (!n->mask || !n->nodes[node->args[1]].varies)
        return divisor;
    return LLVMBuildSelect(n->e->builder, n->mask, divisor, emit_number(n->e, node->dtype, 1, n->lanes), "");
}

static LLVMValueRef emit_node_op(Nest *n, const Node *node, bool varies, unsigned u)
{
    LLVMValueRef args[3], quotient = NULL;
    for (uint32_t a = 0; a < node->nargs; a++)
        args[a] = operand(n, node->args[a], varies, u);
    if (node->code == OP_DIV && varies) {
        args[1] = divisor_of_lanes(n, node, args[1]);
        quotient = emit_byte_quotient(n, node, args[0]);
    }
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

void enter_level(Nest *n, int level)
{
    const Loop *loop = n->loop;
    for (uint32_t i = 0; i < loop->nodes.len; i++) {
        move_cursor(n, &n->node_cursors[i], level);
        if (n->nodes[i].level != level)
            continue;
        n->nodes[i].spread = NULL;
        for (unsigned u = 0; u < (n->nodes[i].varies ? n->width : 1); u++)
            n->nodes[i].value[u] = emit_node(n, i, u);
    }
    for (uint32_t i = 0; i < loop->sinks.len; i++)
        move_cursor(n, &n->sink_cursors[i], level);
    /* Spreads scalars to all lanes here instead of in the inner loops that use them. */
    for (uint32_t i = 0; i < loop->nodes.len && n->vector_axis >= 0; i++)
        if (n->nodes[i].level == level && !n->nodes[i].varies)
            vector_of(n, i, 0);
}
