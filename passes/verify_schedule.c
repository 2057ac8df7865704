/* Whether a schedule may run: from the kernels' accesses alone, so that it catches what fusion and planning did wrong whatever
 * the reason. Kernels are walked in order; for each buffer, state and output the verifier keeps which elements have been written.
 *
 *   loops      nodes use earlier ones and have the types their ops give; a store steps along every axis of the space, a reduction
 *              along every axis but the reduced ones; chunks are of axis 0, and a partial result is read once for each that is
 * made memory     accesses stay inside their buffers; what a kernel reads is written, all of it, by earlier ones; no element is
 * written twice; a state's value at entry is not read once it is overwritten, except by the kernel that does it, point by point
 *   plan       lifetimes are those of the kernels; two scratch buffers that live at the same time share no bytes
 *   results    at the end every output and every state that the function writes is complete, and nothing else was written */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "passes/footprint.h"
#include "passes/schedule.h"

enum { MOST_MESSAGES = 12 };

typedef struct Checker {
    const Program *program;
    const Schedule *schedule;
    Text *why;
    uint32_t kernel, messages;
    ElementSet *buffers, *states, *outputs; /* written; of scratch buffers, of module states, of outputs. Empty: nothing */
    ElementSet *partials;                   /* read; of scratch buffers that hold partial results */
    bool *is_target;                        /* of each buffer: some kernel writes it */
    uint32_t *next_state;                   /* that lies right behind in the state arena, or NO_STATE */
    uint32_t *first, *last;                 /* kernels that touch a buffer */
} Checker;

#define NO_STATE UINT32_MAX

/* One access of a kernel to a buffer. */
typedef struct Access {
    uint32_t buffer;
    DType dtype; /* in which the kernel uses the elements */
    Footprint elements;
    const char *what; /* for messages: "node 3", "sink 0", "lhs" */
} Access;

static void complain(Checker *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void complain(Checker *c, const char *format, ...)
{
    if (c->messages++ >= MOST_MESSAGES)
        return;
    char message[256];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    text_printf(c->why, "%s: ", c->schedule->function->name);
    if (c->kernel < c->schedule->kernels.len)
        text_printf(c->why, "kernel %u: ", c->kernel);
    text_printf(c->why, "%s\n", message);
}

static void *zeroed(size_t count, size_t size)
{
    void *memory = support_malloc(count * size + 1);
    memset(memory, 0, count * size);
    return memory;
}

static const Buffer *buffer_at(const Checker *c, uint32_t index)
{
    return &c->schedule->buffers.data[index];
}

static int64_t buffer_bytes(const Buffer *buffer)
{
    return buffer->elements * (int64_t)dtype_size(buffer->dtype);
}

/* ---- sets of written elements ---- */

/* The set of what is written to this buffer's memory. */
static ElementSet *written_set(Checker *c, uint32_t index)
{
    const Buffer *buffer = buffer_at(c, index);
    ElementSet *set = buffer->kind == BUFFER_SCRATCH  ? &c->buffers[index]
                      : buffer->kind == BUFFER_STATE  ? &c->states[buffer->symbol]
                      : buffer->kind == BUFFER_OUTPUT ? &c->outputs[buffer->symbol]
                                                      : NULL;
    if (set && !set->words)
        *set = set_new(buffer->elements);
    return set;
}

static bool is_partial(const Buffer *buffer)
{
    return buffer->kind == BUFFER_SCRATCH && buffer->value == NO_VALUE;
}

/* ---- accesses ---- */

typedef struct Visit {
    Checker *checker;
    const Kernel *kernel;
    const Access *access;
    ElementSet *set;
} Visit;

static bool visit_write(void *context, int64_t begin, int64_t end)
{
    Visit *visit = context;
    if (set_has_any(visit->set, begin, end)) {
        complain(visit->checker, "%s writes elements %" PRId64 " to %" PRId64 " of buffer %u again", visit->access->what, begin,
                 end - 1, visit->access->buffer);
        return false;
    }
    set_add(visit->set, begin, end);
    return true;
}

static bool visit_read(void *context, int64_t begin, int64_t end)
{
    Visit *visit = context;
    if (set_has_all(visit->set, begin, end))
        return true;
    complain(visit->checker, "%s reads elements %" PRId64 " to %" PRId64 " of buffer %u, which are not all written",
             visit->access->what, begin, end - 1, visit->access->buffer);
    return false;
}

static bool visit_partial(void *context, int64_t begin, int64_t end)
{
    Visit *visit = context;
    if (!set_has_any(visit->set, begin, end)) {
        set_add(visit->set, begin, end);
        return true;
    }
    complain(visit->checker, "%s reads partial results of buffer %u a second time", visit->access->what, visit->access->buffer);
    return false;
}

static bool lists_state(const Checker *c, const Kernel *kernel, uint32_t state)
{
    for (uint32_t i = 0; i < kernel->reads.len; i++) {
        const Buffer *buffer = buffer_at(c, kernel->reads.data[i]);
        if (buffer->kind == BUFFER_STATE && buffer->symbol == state)
            return true;
    }
    return false;
}

/* A run of a state's value at entry, which may go on in the states that lie right behind it: the kernel lists them all, and
 * nothing of the run is overwritten yet. */
static bool visit_entry(void *context, int64_t begin, int64_t end)
{
    Visit *visit = context;
    Checker *c = visit->checker;
    const Module *module = c->program->module;
    uint32_t state = buffer_at(c, visit->access->buffer)->symbol;
    DType dtype = module->states.data[state].type.dtype;
    for (;;) {
        int64_t elements = type_elements(module->states.data[state].type), stop = end < elements ? end : elements;
        if (begin < stop && c->states[state].words && set_has_any(&c->states[state], begin, stop)) {
            complain(c, "%s reads the entry value of state %s, which is overwritten", visit->access->what,
                     module->states.data[state].name);
            return false;
        }
        if (end <= elements)
            return true;
        begin = begin > elements ? begin - elements : 0;
        end -= elements;
        state = c->next_state[state];
        if (state == NO_STATE || module->states.data[state].type.dtype != dtype || !lists_state(c, visit->kernel, state)) {
            complain(c, "%s reads behind the state of buffer %u", visit->access->what, visit->access->buffer);
            return false;
        }
    }
}

static bool is_entry_value(const Checker *c, uint32_t buffer)
{
    return buffer_at(c, buffer)->kind == BUFFER_STATE && !c->is_target[buffer];
}

/* Bounds and types. With `may_go_on` the access may reach behind the buffer: visit_entry looks at what lies there. */
static bool check_place(Checker *c, const Access *access, bool may_go_on)
{
    if (access->buffer >= c->schedule->buffers.len) {
        complain(c, "%s has no buffer", access->what);
        return false;
    }
    const Buffer *buffer = buffer_at(c, access->buffer);
    int64_t first, last;
    footprint_bounds(&access->elements, &first, &last);
    if (buffer->dtype != access->dtype) {
        complain(c, "%s is %s, but buffer %u holds %s", access->what, dtype_name(access->dtype), access->buffer,
                 dtype_name(buffer->dtype));
        return false;
    }
    if (first < 0 || (!may_go_on && last >= buffer->elements)) {
        complain(c, "%s reaches elements %" PRId64 " to %" PRId64 " of buffer %u, which has %" PRId64, access->what, first, last,
                 access->buffer, buffer->elements);
        return false;
    }
    return true;
}

static void touch(Checker *c, uint32_t buffer)
{
    if (c->first[buffer] == UINT32_MAX)
        c->first[buffer] = c->kernel;
    c->last[buffer] = c->kernel;
}

static bool lists(const uint32_t *list, uint32_t n, uint32_t item)
{
    for (uint32_t i = 0; i < n; i++)
        if (list[i] == item)
            return true;
    return false;
}

static void check_read(Checker *c, const Kernel *kernel, const Access *access)
{
    if (!check_place(c, access, access->buffer < c->schedule->buffers.len && is_entry_value(c, access->buffer)))
        return;
    touch(c, access->buffer);
    if (!lists(kernel->reads.data, kernel->reads.len, access->buffer))
        complain(c, "%s reads buffer %u, which the kernel does not list", access->what, access->buffer);
    Visit visit = {c, kernel, access, NULL};
    if (is_entry_value(c, access->buffer)) {
        footprint_runs(&access->elements, false, visit_entry, &visit);
        return;
    }
    visit.set = written_set(c, access->buffer);
    if (visit.set && footprint_runs(&access->elements, false, visit_read, &visit) && is_partial(buffer_at(c, access->buffer))) {
        visit.set = &c->partials[access->buffer];
        if (!visit.set->words)
            *visit.set = set_new(buffer_at(c, access->buffer)->elements);
        footprint_runs(&access->elements, true, visit_partial, &visit);
    }
}

static void check_write(Checker *c, const Kernel *kernel, const Access *access)
{
    if (!check_place(c, access, false))
        return;
    touch(c, access->buffer);
    if (!lists(kernel->writes.data, kernel->writes.len, access->buffer))
        complain(c, "%s writes buffer %u, which the kernel does not list", access->what, access->buffer);
    Visit visit = {c, kernel, access, written_set(c, access->buffer)};
    if (visit.set)
        footprint_runs(&access->elements, true, visit_write, &visit);
    else
        complain(c, "%s writes buffer %u, which is not the function's to write", access->what, access->buffer);
}

/* ---- loops ---- */

static Access loop_access(const Loop *loop, const View *view, DType dtype, const char *what)
{
    Access access = {.buffer = view->buffer, .dtype = dtype, .elements = {.offset = view->offset}, .what = what};
    for (unsigned axis = 0; axis < loop->rank; axis++)
        footprint_axis(&access.elements, loop->dims[axis], view->stride[axis]);
    return access;
}

/* The numbers of the index that select a table's rows, and every row that they may select. */
static void check_indirect(Checker *c, const Kernel *kernel, const Node *node, const char *what)
{
    const Loop *loop = &kernel->loop;
    View index = {.buffer = node->access.index_buffer, .offset = node->access.index_offset};
    memcpy(index.stride, node->access.index_stride, sizeof index.stride);
    Access by = loop_access(loop, &index, DTYPE_I32, what), row = loop_access(loop, &node->access, node->dtype, what);
    check_read(c, kernel, &by);
    if (row.buffer >= c->schedule->buffers.len || buffer_at(c, row.buffer)->kind != BUFFER_ROWS) {
        footprint_axis(&row.elements, node->access.rows, node->access.row);
        check_read(c, kernel, &row);
        return;
    }
    int64_t first, last;
    footprint_bounds(&row.elements, &first, &last);
    touch(c, row.buffer);
    if (first < 0 || last >= node->access.row || !lists(kernel->reads.data, kernel->reads.len, row.buffer))
        complain(c, "%s leaves the row of the table in buffer %u", what, row.buffer);
    if (buffer_at(c, row.buffer)->dtype != node->dtype)
        complain(c, "%s reads a table of another type", what);
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

/* Every load of a state's value at entry that this sink overwrites is of the element that it writes at that point. (Of other
 * memory, what is read was written earlier, and what is written was not: the two cannot meet.) */
static void check_overwriting(Checker *c, const Loop *loop, const Sink *sink, const char *what)
{
    const Buffer *target = buffer_at(c, sink->access.buffer);
    for (uint32_t i = 0; target->kind == BUFFER_STATE && i < loop->nodes.len; i++) {
        const Node *node = &loop->nodes.data[i];
        if (node->kind != NODE_LOAD)
            continue;
        const Buffer *from = buffer_at(c, node->access.buffer);
        bool same_state = from->kind == BUFFER_STATE && from->symbol == target->symbol;
        bool same_elements = !node->access.indirect && node->access.offset == sink->access.offset &&
                             !memcmp(node->access.stride, sink->access.stride, sizeof sink->access.stride);
        if (same_state && (!same_elements || sink->kind != SINK_STORE))
            complain(c, "node %u reads elements of state %s that %s overwrites at other points", i,
                     c->program->module->states.data[target->symbol].name, what);
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
    if (!first_alone || loop->chunk < 0 || loop->chunk % CHUNK_STEP || loop->chunk >= loop->dims[0])
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
    /* what is read at entry, by way of a neighbour too, is not overwritten at another point */
    for (uint32_t i = 0; i < loop->nodes.len; i++) {
        const Node *node = &loop->nodes.data[i];
        if (node->kind != NODE_LOAD || !is_entry_value(c, node->access.buffer) || node->access.indirect)
            continue;
        Access access = loop_access(loop, &node->access, node->dtype, "a node of the loop");
        int64_t first, last;
        footprint_bounds(&access.elements, &first, &last);
        Visit visit = {c, kernel, &access, NULL};
        if (last >= buffer_at(c, node->access.buffer)->elements)
            footprint_runs(&access.elements, false, visit_entry, &visit);
    }
}

/* ---- products and special kernels ---- */

static Access matrix_access(const Product *p, const Matrix *matrix, int64_t rows, int64_t columns, const char *what)
{
    Access access = {.buffer = matrix->view.buffer, .dtype = p->dtype, .elements = {.offset = matrix->view.offset}, .what = what};
    footprint_axis(&access.elements, rows, matrix->row);
    footprint_axis(&access.elements, columns, matrix->column);
    for (unsigned i = 0; i < p->batch_rank; i++)
        footprint_axis(&access.elements, p->batch[i], matrix->batch[i]);
    return access;
}

static void check_not_own(Checker *c, uint32_t read, uint32_t written)
{
    const Buffer *a = buffer_at(c, read), *b = buffer_at(c, written);
    if (a->kind == BUFFER_STATE && b->kind == BUFFER_STATE && a->symbol == b->symbol)
        complain(c, "the kernel reads state %s, which it writes", c->program->module->states.data[a->symbol].name);
}

static void check_product(Checker *c, const Kernel *kernel)
{
    const Product *p = &kernel->product;
    if (p->lhs.view.indirect || p->rhs.view.indirect || p->out.view.indirect || p->m < 1 || p->n < 1 || p->k < 1) {
        complain(c, "the product has no extent, or reads through an index");
        return;
    }
    Access lhs = matrix_access(p, &p->lhs, p->m, p->k, "lhs"), rhs = matrix_access(p, &p->rhs, p->k, p->n, "rhs"),
           out = matrix_access(p, &p->out, p->m, p->n, "out");
    check_read(c, kernel, &lhs);
    check_read(c, kernel, &rhs);
    check_write(c, kernel, &out);
    check_not_own(c, lhs.buffer, out.buffer);
    check_not_own(c, rhs.buffer, out.buffer);
    int64_t work = p->m * p->n * p->k;
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

static void check_special(Checker *c, const Kernel *kernel)
{
    const Special *s = &kernel->special;
    Type out = s->out_type;
    if (kernel->kind == KERNEL_RANDOM)
        out.dtype = DTYPE_F32;
    if (kernel->kind == KERNEL_ARGMAX && (s->axis < 0 || s->axis >= s->in_type[0].rank || out.rank + 1 != s->in_type[0].rank)) {
        complain(c, "argmax along an axis that its operand lacks");
        return;
    }
    for (int axis = 0; kernel->kind == KERNEL_ARGMAX && axis < out.rank; axis++)
        if (out.dims[axis] != s->in_type[0].dims[axis + (axis >= s->axis)])
            complain(c, "argmax has another shape than its operand without the axis");
    for (unsigned axis = 1; kernel->kind == KERNEL_SCATTER && axis < out.rank; axis++)
        if (out.dims[axis] != s->in_type[1].dims[axis + s->in_type[0].rank - 1])
            complain(c, "scatter_add has rows of another shape than its updates");
    bool row_major = kernel->kind == KERNEL_EXTERN || kernel->kind == KERNEL_RANDOM;
    for (uint32_t i = 0; i < s->inputs; i++) {
        char what[32];
        snprintf(what, sizeof what, "operand %u", i);
        Access in = tensor_access(&s->in[i], s->in_type[i], what);
        check_read(c, kernel, &in);
        check_not_own(c, s->in[i].buffer, s->out.buffer);
        if (kernel->kind == KERNEL_EXTERN && !is_row_major(&s->in[i], s->in_type[i]))
            complain(c, "%s is not row-major", what);
    }
    if (row_major && !is_row_major(&s->out, out))
        complain(c, "the result is not row-major");
    Access result = tensor_access(&s->out, out, "out");
    check_write(c, kernel, &result);
}

/* ---- the whole ---- */

static void check_kernel(Checker *c, const Kernel *kernel)
{
    switch (kernel->kind) {
    case KERNEL_LOOP:
        check_loop(c, kernel);
        break;
    case KERNEL_PRODUCT:
        check_product(c, kernel);
        break;
    default:
        check_special(c, kernel);
        break;
    }
}

static int64_t symbols_of(const Checker *c, BufferKind kind)
{
    const Function *function = c->schedule->function;
    const Module *module = c->program->module;
    return kind == BUFFER_STATE    ? module->states.len
           : kind == BUFFER_INPUT  ? function->inputs.len
           : kind == BUFFER_OUTPUT ? function->outputs.len
           : kind == BUFFER_ROWS   ? module->fields.len
                                   : INT64_MAX;
}

/* What the function says of the memory. */
static void check_buffer(Checker *c, uint32_t index)
{
    const Buffer *buffer = buffer_at(c, index);
    const Function *function = c->schedule->function;
    const Module *module = c->program->module;
    Type type;
    if (buffer->symbol >= symbols_of(c, buffer->kind)) {
        complain(c, "buffer %u is of nothing", index);
        return;
    }
    switch (buffer->kind) {
    case BUFFER_STATE:
        type = module->states.data[buffer->symbol].type;
        if (buffer->offset != c->program->state_offsets[buffer->symbol])
            complain(c, "buffer %u is not where its state lies", index);
        break;
    case BUFFER_INPUT:
        type = OP_AT(function, function->inputs.data[buffer->symbol])->type;
        break;
    case BUFFER_OUTPUT:
        type = OP_AT(function, function->outputs.data[buffer->symbol].value)->type;
        break;
    default:
        return;
    }
    if (type.dtype != buffer->dtype || type_elements(type) != buffer->elements)
        complain(c, "buffer %u has not the size and type of what it holds", index);
}

static void check_lifetime(Checker *c, uint32_t index)
{
    const Buffer *buffer = buffer_at(c, index);
    if (buffer->first > c->first[index] || buffer->last < c->last[index])
        complain(c, "buffer %u lives longer than planned", index);
    if (buffer->kind != BUFFER_SCRATCH)
        return;
    int64_t end = buffer->offset + buffer_bytes(buffer);
    if (buffer->offset < 0 || buffer->offset % ARENA_ALIGNMENT || end > c->schedule->scratch_bytes ||
        c->schedule->scratch_bytes > c->program->scratch_bytes)
        complain(c, "buffer %u lies outside the scratch arena, or is not aligned", index);
}

/* Adds a scratch buffer to those that live when it begins, in order of offset: it lies between two of them. */
static void begin_life(Checker *c, uint32_t *live, uint32_t *count, uint32_t index)
{
    uint32_t kept = 0, at;
    for (uint32_t i = 0; i < *count; i++)
        if (c->last[live[i]] >= c->first[index])
            live[kept++] = live[i];
    const Buffer *buffer = buffer_at(c, index);
    for (at = kept; at > 0 && buffer_at(c, live[at - 1])->offset > buffer->offset; at--)
        live[at] = live[at - 1];
    live[at] = index;
    *count = kept + 1;
    for (uint32_t i = at > 0 ? at - 1 : 0; i < at + 1 && i + 1 < *count; i++) {
        const Buffer *low = buffer_at(c, live[i]), *high = buffer_at(c, live[i + 1]);
        if (low->offset + buffer_bytes(low) > high->offset)
            complain(c, "buffers %u and %u live at the same time in the same bytes", live[i], live[i + 1]);
    }
}

static void check_plan(Checker *c)
{
    uint32_t n = c->schedule->buffers.len, count = 0, *live = support_malloc((n + 1) * sizeof *live);
    VEC(uint32_t) *begins = zeroed(c->schedule->kernels.len, sizeof *begins);
    for (uint32_t i = 0; i < n; i++) {
        if (c->first[i] == UINT32_MAX)
            continue;
        check_lifetime(c, i);
        if (buffer_at(c, i)->kind == BUFFER_SCRATCH)
            vec_push(&begins[c->first[i]], i);
    }
    for (uint32_t k = 0; k < c->schedule->kernels.len; k++) {
        for (uint32_t i = 0; i < begins[k].len; i++)
            begin_life(c, live, &count, begins[k].data[i]);
        vec_free(&begins[k]);
    }
    support_free(begins);
    support_free(live);
}

static void check_complete(Checker *c, const ElementSet *set, int64_t elements, const char *kind, const char *name)
{
    if (!set->words || !set_has_all(set, 0, elements))
        complain(c, "%s %s is not written in full", kind, name);
}

static void check_results(Checker *c)
{
    const Function *function = c->schedule->function;
    const Module *module = c->program->module;
    bool *owed = support_malloc(module->states.len + 1);
    memset(owed, 0, module->states.len + 1);
    for (Value v = 0; v < function->ops.len; v++)
        if (OP_AT(function, v)->code == OP_STATE_WRITE)
            owed[OP_AT(function, v)->symbol] = true;
    for (uint32_t s = 0; s < module->states.len; s++) {
        const State *state = &module->states.data[s];
        if (owed[s])
            check_complete(c, &c->states[s], type_elements(state->type), "state", state->name);
        else if (c->states[s].words && set_has_any(&c->states[s], 0, type_elements(state->type)))
            complain(c, "state %s is written, which the function leaves as it is", state->name);
    }
    for (uint32_t i = 0; i < function->outputs.len; i++)
        check_complete(c, &c->outputs[i], type_elements(OP_AT(function, function->outputs.data[i].value)->type), "output",
                       function->outputs.data[i].name);
    for (uint32_t i = 0; i < c->schedule->buffers.len; i++)
        if (c->partials[i].words && !set_has_all(&c->partials[i], 0, c->partials[i].elements))
            complain(c, "partial results of buffer %u are left out", i);
    support_free(owed);
}

static void free_sets(ElementSet *sets, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        set_free(&sets[i]);
    support_free(sets);
}

static void find_neighbours(Checker *c)
{
    const Module *module = c->program->module;
    uint32_t n = module->states.len, *at = zeroed((size_t)(c->program->state_bytes / ARENA_ALIGNMENT) + 1, sizeof *at);
    for (uint32_t s = 0; s < n; s++)
        at[c->program->state_offsets[s] / ARENA_ALIGNMENT] = s + 1;
    for (uint32_t s = 0; s < n; s++) {
        int64_t end = c->program->state_offsets[s] + type_bytes(module->states.data[s].type);
        bool whole = end % ARENA_ALIGNMENT == 0 && end < c->program->state_bytes;
        uint32_t next = whole ? at[end / ARENA_ALIGNMENT] : 0;
        c->next_state[s] = next ? next - 1 : NO_STATE;
    }
    support_free(at);
}

static bool verify_schedule(const Program *program, const Schedule *schedule, Text *why)
{
    uint32_t states = program->module->states.len, outputs = schedule->function->outputs.len, n = schedule->buffers.len;
    Checker c = {.program = program, .schedule = schedule, .why = why, .kernel = schedule->kernels.len};
    c.buffers = zeroed(n, sizeof(ElementSet));
    c.partials = zeroed(n, sizeof(ElementSet));
    c.states = zeroed(states, sizeof(ElementSet));
    c.outputs = zeroed(outputs, sizeof(ElementSet));
    c.is_target = zeroed(n, sizeof(bool));
    c.next_state = zeroed(states, sizeof(uint32_t));
    c.first = zeroed(n, sizeof(uint32_t));
    c.last = zeroed(n, sizeof(uint32_t));
    memset(c.first, 0xff, n * sizeof(uint32_t));
    find_neighbours(&c);
    for (uint32_t i = 0; i < n; i++)
        check_buffer(&c, i);
    for (uint32_t k = 0; k < schedule->kernels.len; k++)
        for (uint32_t i = 0; i < schedule->kernels.data[k].writes.len; i++)
            c.is_target[schedule->kernels.data[k].writes.data[i]] = true;
    for (c.kernel = 0; c.kernel < schedule->kernels.len && !c.messages; c.kernel++)
        check_kernel(&c, &schedule->kernels.data[c.kernel]);
    c.kernel = schedule->kernels.len;
    if (!c.messages) {
        check_plan(&c);
        check_results(&c);
    }
    free_sets(c.buffers, n);
    free_sets(c.partials, n);
    free_sets(c.states, states);
    free_sets(c.outputs, outputs);
    support_free(c.is_target);
    support_free(c.next_state);
    support_free(c.first);
    support_free(c.last);
    return c.messages == 0;
}

bool program_verify(const Program *program, Text *why)
{
    bool fine = true;
    for (uint32_t i = 0; i < program->schedules.len; i++)
        fine &= verify_schedule(program, &program->schedules.data[i], why);
    return fine;
}
