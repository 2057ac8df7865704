/* What each kind of kernel touches, and whether it is well-formed. */
#include <inttypes.h>
#include <string.h>

#include "passes/verify.h"

/* ---- loops ---- */

static Access loop_access(const Loop *loop, const View *view, DType dtype, const char *what)
{
    Access access = {.buffer = view->buffer, .dtype = dtype, .elements = {.offset = view->offset}, .what = what};
    for (unsigned axis = 0; axis < loop->rank; axis++)
        footprint_axis(&access.elements, loop->dims[axis], view->stride[axis]);
    return access;
}

/* Rows of a table that an index says: all that are read, of any row. */
static void check_rows(Checker *c, const Kernel *kernel, const Access *read, const View *view)
{
    Access rows = *read;
    if (read->buffer >= c->schedule->buffers.len || buffer_at(c, read->buffer)->kind != BUFFER_ROWS) {
        footprint_axis(&rows.elements, view->rows, view->row);
        check_read(c, kernel, &rows);
        return;
    }
    int64_t first, last;
    footprint_bounds(&rows.elements, &first, &last);
    check_touch(c, rows.buffer);
    if (first < 0 || last >= view->row * view->read || !lists_buffer(kernel->reads.data, kernel->reads.len, rows.buffer))
        complain(c, "%s leaves the rows of the table in buffer %u", rows.what, rows.buffer);
    if (buffer_at(c, rows.buffer)->dtype != rows.dtype)
        complain(c, "%s reads a table of another type", rows.what);
}

/* The numbers of the index that select a table's rows, and every row that they may select. */
static void check_indirect(Checker *c, const Kernel *kernel, const Node *node, const char *what)
{
    const Loop *loop = &kernel->loop;
    View index = {.buffer = node->access.index_buffer, .offset = node->access.index_offset};
    memcpy(index.stride, node->access.index_stride, sizeof index.stride);
    Access by = loop_access(loop, &index, DTYPE_I32, what), row = loop_access(loop, &node->access, node->dtype, what);
    check_read(c, kernel, &by);
    check_rows(c, kernel, &row, &node->access);
}

static bool operands_fit(const Loop *loop, const Node *node)
{
    const DType *types[3] = {NULL};
    for (uint32_t i = 0; i < node->nargs; i++)
        types[i] = &loop->nodes.data[node->args[i]].dtype;
    switch (node->code) {
    case OP_EQ:
    case OP_NE:
    case OP_LT:
    case OP_LE:
        return node->dtype == DTYPE_BOOL && *types[0] == *types[1];
    case OP_SELECT:
        return *types[0] == DTYPE_BOOL && *types[1] == node->dtype && *types[2] == node->dtype;
    case OP_CAST:
        return true;
    default:
        for (uint32_t i = 0; i < node->nargs; i++)
            if (*types[i] != node->dtype)
                return false;
        return true;
    }
}

static void check_node(Checker *c, const Kernel *kernel, uint32_t index)
{
    const Node *node = &kernel->loop.nodes.data[index];
    char what[32];
    snprintf(what, sizeof what, "node %u", index);
    switch (node->kind) {
    case NODE_LOAD: {
        Access access = loop_access(&kernel->loop, &node->access, node->dtype, what);
        if (node->access.indirect)
            check_indirect(c, kernel, node, what);
        else
            check_read(c, kernel, &access);
        break;
    }
    case NODE_OP:
        if (op_info[node->code].lowering != LOWER_ELEMENTWISE || (int)node->nargs != op_info[node->code].arity) {
            complain(c, "%s is no elementwise op of its operands", what);
            return;
        }
        for (uint32_t i = 0; i < node->nargs; i++)
            if (node->args[i] >= index) {
                complain(c, "%s uses a node that is computed later", what);
                return;
            }
        if (!operands_fit(&kernel->loop, node))
            complain(c, "%s has operands of other types", what);
        break;
    default:
        break;
    }
}

static int64_t chunk_count(const Loop *loop)
{
    return (loop->dims[0] + loop->chunk - 1) / loop->chunk;
}

/* Whether the loop goes over every element of what the sink stores or reduces, and keeps every element of the result. */
static void check_space(Checker *c, const Loop *loop, const Sink *sink, const char *what)
{
    const Function *function = c->schedule->function;
    int64_t points = 1, kept = 1;
    for (unsigned axis = 0; axis < loop->rank; axis++) {
        points *= loop->dims[axis];
        kept *= loop->reduced[axis] ? 1 : loop->dims[axis];
    }
    if (sink->value == NO_VALUE)
        return;
    if (sink->value >= function->ops.len) {
        complain(c, "%s is of no value", what);
        return;
    }
    const Op *op = OP_AT(function, sink->value);
    const Node *node = &loop->nodes.data[sink->node];
    bool staged = node->kind == NODE_LOAD && is_partial(buffer_at(c, node->access.buffer));
    int64_t expected = sink->kind == SINK_STORE ? type_elements(op->type)
                       : staged                 ? buffer_at(c, node->access.buffer)->elements
                                                : type_elements(OP_AT(function, op->args[0])->type);
    bool code_fits = sink->kind == SINK_STORE || op->code == (sink->kind == SINK_SUM ? OP_REDUCE_SUM : OP_REDUCE_MAX);
    if (points != expected || !code_fits ||
        (sink->kind != SINK_STORE && (staged || loop->chunk) && kept != type_elements(op->type)))
        complain(c, "%s goes over %" PRId64 " points and keeps %" PRId64 ", which is not what %%%u takes", what, points, kept,
                 sink->value);
}

/* The elements that the sink writes; false after a complaint. */
static bool sink_access(Checker *c, const Loop *loop, uint32_t index, char what[static 32], Access *access)
{
    const Sink *sink = &loop->sinks.data[index];
    snprintf(what, 32, "sink %u", index);
    *access = (Access){.buffer = sink->access.buffer, .elements = {.offset = sink->access.offset}, .what = what};
    if (sink->node >= loop->nodes.len || sink->access.indirect) {
        complain(c, "%s writes no node, or through an index", what);
        return false;
    }
    access->dtype = loop->nodes.data[sink->node].dtype;
    bool reduces = sink->kind != SINK_STORE, removes = false;
    for (unsigned axis = 0; axis < loop->rank; axis++) {
        bool stays = sink->access.stride[axis] == 0;
        removes |= loop->reduced[axis];
        if (loop->dims[axis] > 1 && stays != (reduces && loop->reduced[axis])) {
            complain(c, reduces ? "%s reduces other axes than its loop (axis %u)" : "%s does not step along axis %u", what, axis);
            return false;
        }
        footprint_axis(&access->elements, stays ? 1 : loop->dims[axis], sink->access.stride[axis]);
    }
    if (reduces && !removes)
        complain(c, "%s reduces nothing", what);
    if ((loop->chunk && reduces) != (sink->chunk_stride != 0))
        complain(c, "%s has results of chunks, and its loop has none, or the other way round", what);
    if (loop->chunk && reduces)
        footprint_axis(&access->elements, chunk_count(loop), sink->chunk_stride);
    check_space(c, loop, sink, what);
    return true;
}

/* Checks that every load of a state's value at entry that this sink overwrites reads the element that the sink writes at that
 * point. (In other memory, a state's next value included, elements read were written earlier and elements written were not, so
 * they cannot be the same.) */
static void check_overwriting(Checker *c, const Loop *loop, const Sink *sink, const char *what)
{
    const Buffer *target = buffer_at(c, sink->access.buffer);
    for (uint32_t i = 0; target->kind == BUFFER_STATE && i < loop->nodes.len; i++) {
        const Node *node = &loop->nodes.data[i];
        if (node->kind != NODE_LOAD)
            continue;
        const Buffer *from = buffer_at(c, node->access.buffer);
        bool same_state = is_entry_value(c, node->access.buffer) && from->symbol == target->symbol;
        bool same_elements = !node->access.indirect && node->access.offset == sink->access.offset &&
                             !memcmp(node->access.stride, sink->access.stride, sizeof sink->access.stride);
        if (same_state && (!same_elements || sink->kind != SINK_STORE))
            complain(c, "node %u reads elements of state %s that %s overwrites at other points", i,
                     c->plan->module->states.data[target->symbol].name, what);
    }
}

static void check_loop_shape(Checker *c, const Loop *loop)
{
    for (unsigned axis = 0; axis < loop->rank; axis++)
        if (loop->dims[axis] < 1)
            complain(c, "axis %u of the loop has no extent", axis);
    if (!loop->chunk)
        return;
    bool first_alone = loop->rank > 1 && loop->reduced[0];
    for (unsigned axis = 1; axis < loop->rank; axis++)
        first_alone &= !loop->reduced[axis];
    if (!first_alone || loop->chunk < 0 || loop->chunk % target_chunk_step(&c->plan->module->target) ||
        loop->chunk >= loop->dims[0])
        complain(c, "the loop has chunks, but does not reduce axis 0 alone in several whole ones");
}

static void check_loop(Checker *c, const Kernel *kernel)
{
    const Loop *loop = &kernel->loop;
    if (loop->rank > MAX_RANK) {
        complain(c, "the loop has too many axes");
        return;
    }
    check_loop_shape(c, loop);
    for (uint32_t i = 0; i < loop->nodes.len; i++)
        check_node(c, kernel, i);
    for (uint32_t i = 0; i < loop->sinks.len; i++) {
        char what[32];
        Access access;
        if (!sink_access(c, loop, i, what, &access))
            continue;
        check_write(c, kernel, &access);
        if (access.buffer < c->schedule->buffers.len)
            check_overwriting(c, loop, &loop->sinks.data[i], what);
    }
    for (uint32_t i = 0; i < loop->nodes.len; i++) {
        const Node *node = &loop->nodes.data[i];
        Access access = loop_access(loop, &node->access, node->dtype, "a node of the loop");
        if (node->kind == NODE_LOAD && !node->access.indirect)
            check_entry_value(c, kernel, &access);
    }
}

/* ---- products and special kernels ---- */

static void add_axes(Access *access, const AxisList *axes, const int64_t *strides)
{
    for (unsigned i = 0; i < axes->n; i++)
        footprint_axis(&access->elements, axes->extent[i], strides[i]);
}

/* Without the axes of lists. */
static Access matrix_access(const Product *p, const Matrix *matrix, int64_t rows, int64_t columns, const char *what)
{
    Access access = {.buffer = matrix->view.buffer, .dtype = p->dtype, .elements = {.offset = matrix->view.offset}, .what = what};
    footprint_axis(&access.elements, rows, matrix->row);
    footprint_axis(&access.elements, columns, matrix->column);
    for (unsigned i = 0; i < p->batch_rank; i++)
        footprint_axis(&access.elements, p->batch[i], matrix->batch[i]);
    return access;
}

/* An operand at strides from one place, or from the row that an index says. */
static void check_operand(Checker *c, const Kernel *kernel, const Access *access, const View *view)
{
    if (!view->indirect) {
        check_read(c, kernel, access);
        return;
    }
    Access by = {
        .buffer = view->index_buffer, .dtype = DTYPE_I32, .elements = {.offset = view->index_offset}, .what = access->what};
    check_read(c, kernel, &by);
    check_rows(c, kernel, access, view);
}

static void check_not_own(Checker *c, uint32_t read, uint32_t written)
{
    const Buffer *a = buffer_at(c, read), *b = buffer_at(c, written);
    if (a->kind == BUFFER_STATE && b->kind == BUFFER_STATE && a->symbol == b->symbol)
        complain(c, "the kernel reads state %s, which it writes", c->plan->module->states.data[a->symbol].name);
}

static void check_product(Checker *c, const Kernel *kernel)
{
    const Product *p = &kernel->product;
    if (!view_has_strides(&p->lhs.view) || !view_has_strides(&p->rhs.view) || p->out.view.indirect || p->m < 1 || p->n < 1 ||
        p->k < 1) {
        complain(c, "the product has no extent, or reads a row per index");
        return;
    }
    Access lhs = matrix_access(p, &p->lhs, p->m, p->k, "lhs"), rhs = matrix_access(p, &p->rhs, p->k, p->n, "rhs"),
           out = matrix_access(p, &p->out, p->m, p->n, "out");
    add_axes(&lhs, &p->rows, p->rows.first);
    add_axes(&lhs, &p->inner, p->inner.first);
    add_axes(&rhs, &p->columns, p->columns.first);
    add_axes(&rhs, &p->inner, p->inner.second);
    add_axes(&out, &p->rows, p->rows.second);
    add_axes(&out, &p->columns, p->columns.second);
    check_operand(c, kernel, &lhs, &p->lhs.view);
    check_operand(c, kernel, &rhs, &p->rhs.view);
    check_write(c, kernel, &out);
    check_not_own(c, lhs.buffer, out.buffer);
    check_not_own(c, rhs.buffer, out.buffer);
    int64_t work = p->m * p->n * p->k * axes_elements(&p->rows) * axes_elements(&p->columns) * axes_elements(&p->inner);
    for (unsigned i = 0; i < p->batch_rank; i++)
        work *= p->batch[i];
    if (kernel->flops != 2 * work)
        complain(c, "the product does not do the multiplications of its op");
}

static Access tensor_access(const View *view, Type type, const char *what)
{
    Access access = {.buffer = view->buffer, .dtype = type.dtype, .elements = {.offset = view->offset}, .what = what};
    for (unsigned axis = 0; axis < type.rank; axis++)
        footprint_axis(&access.elements, type.dims[axis], view->stride[axis]);
    return access;
}

static bool is_row_major(const View *view, Type type)
{
    View plain = view_contiguous(view->buffer, type);
    for (unsigned axis = 0; axis < type.rank; axis++)
        if (type.dims[axis] > 1 && view->stride[axis] != plain.stride[axis])
            return false;
    return true;
}

/* What reads and writes of such a kernel have in common. */
static void check_accesses(Checker *c, const Kernel *kernel)
{
    const Special *s = &kernel->special;
    Type out = s->out_type;
    if (kernel->kind == KERNEL_RANDOM)
        out.dtype = DTYPE_F32;
    for (uint32_t i = 0; i < s->inputs; i++) {
        char what[32];
        snprintf(what, sizeof what, "operand %u", i);
        Access in = tensor_access(&s->in[i], s->in_type[i], what);
        check_read(c, kernel, &in);
        check_not_own(c, s->in[i].buffer, s->out.buffer);
        if (kernel_info[kernel->kind].operands == ROWS_IN_ORDER && !is_row_major(&s->in[i], s->in_type[i]))
            complain(c, "%s is not row-major", what);
    }
    if (kernel_info[kernel->kind].result == ROWS_IN_ORDER && !is_row_major(&s->out, out))
        complain(c, "the result is not row-major");
    Access result = tensor_access(&s->out, out, "out");
    check_write(c, kernel, &result);
}

static void check_random(Checker *c, const Kernel *kernel)
{
    check_accesses(c, kernel);
}

static void check_extern(Checker *c, const Kernel *kernel)
{
    check_accesses(c, kernel);
}

static void check_argmax(Checker *c, const Kernel *kernel)
{
    const Special *s = &kernel->special;
    Type out = s->out_type;
    if (s->axis < 0 || s->axis >= s->in_type[0].rank || out.rank + 1 != s->in_type[0].rank) {
        complain(c, "argmax along an axis that its operand lacks");
        return;
    }
    for (int axis = 0; axis < out.rank; axis++)
        if (out.dims[axis] != s->in_type[0].dims[axis + (axis >= s->axis)])
            complain(c, "argmax has another shape than its operand without the axis");
    check_accesses(c, kernel);
}

static void check_sort(Checker *c, const Kernel *kernel)
{
    const Special *s = &kernel->special;
    if (s->axis < 0 || s->axis >= s->out_type.rank ||
        !type_equal(s->in_type[0], type_with_dtype(s->out_type, s->in_type[0].dtype)))
        complain(c, "sort has another shape than its operand, or an axis that it lacks");
    check_accesses(c, kernel);
}

static void check_scatter(Checker *c, const Kernel *kernel)
{
    const Special *s = &kernel->special;
    for (unsigned axis = 1; axis < s->out_type.rank; axis++)
        if (s->out_type.dims[axis] != s->in_type[1].dims[axis + s->in_type[0].rank - 1])
            complain(c, "scatter_add has rows of another shape than its updates");
    check_accesses(c, kernel);
}

static void check_whole(Checker *c, const Kernel *kernel, uint32_t buffer, const char *what)
{
    Access access = {.buffer = buffer, .dtype = buffer_at(c, buffer)->dtype, .what = what};
    footprint_axis(&access.elements, buffer_at(c, buffer)->elements, 1);
    check_write(c, kernel, &access);
}

static void check_scan(Checker *c, const Kernel *kernel)
{
    const ScanKernel *scan = kernel->scan;
    const Function *body = scan->body->function;
    for (uint32_t i = 0; i < body->inputs.len; i++) {
        Type type = OP_AT(body, body->inputs.data[i])->type;
        if (i >= scan->carries && i < scan->carries + scan->scanned)
            type = type_of_many(scan->steps, type);
        Access in = tensor_access(&scan->operands[i], type, "an operand of the scan");
        if (!is_row_major(&scan->operands[i], type))
            complain(c, "operand %u of the scan is not row-major", i);
        check_read(c, kernel, &in);
    }
    for (uint32_t i = 0; i < body->outputs.len; i++)
        check_whole(c, kernel, scan->results[i], "a result of the scan");
    for (uint32_t i = 0; i < scan->carries; i++)
        check_whole(c, kernel, scan->others[i], "a carry of the scan");
    if (buffer_at(c, scan->scratch)->elements < scan->body->scratch_bytes)
        complain(c, "the body of the scan has too little scratch memory");
    check_touch(c, scan->scratch);
    if (!c->verify_body(c->plan, scan->body, c->why))
        complain(c, "the body of the scan must not run");
}

typedef void CheckKernel(Checker *c, const Kernel *kernel);
static CheckKernel *const checks[KERNEL_COUNT] = {
#define KERNEL(KIND, word, ...) check_##word,
#include "passes/kernels.def"
#undef KERNEL
};

void check_kernel(Checker *c, const Kernel *kernel)
{
    checks[kernel->kind](c, kernel);
}
