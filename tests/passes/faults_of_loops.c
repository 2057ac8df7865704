/* Faults in the order of kernels and inside loops. */
#include "tests/passes/schedule_faults.h"

/* ---- order ---- */

static bool kernel_left_out(Schedule *s, unsigned place)
{
    if (place >= s->kernels.len)
        return false;
    Kernel out = s->kernels.data[place];
    memmove(&s->kernels.data[place], &s->kernels.data[place + 1], (--s->kernels.len - place) * sizeof(Kernel));
    vec_free(&out.loop.nodes);
    vec_free(&out.loop.sinks);
    vec_free(&out.reads);
    vec_free(&out.writes);
    return true;
}

static void swap_kernels(Schedule *s, uint32_t k)
{
    Kernel kernel = s->kernels.data[k];
    s->kernels.data[k] = s->kernels.data[k + 1];
    s->kernels.data[k + 1] = kernel;
}

/* A kernel stands before the kernel whose results it reads. */
static bool kernels_swapped(Schedule *s, unsigned place)
{
    for (uint32_t k = 0; k + 1 < s->kernels.len; k++)
        for (uint32_t i = 0; i < kernel_at(s, k)->writes.len; i++)
            if (reads(kernel_at(s, k + 1), kernel_at(s, k)->writes.data[i]) && is_place(&place)) {
                swap_kernels(s, k);
                return true;
            }
    return false;
}

/* The kernel that overwrites a state stands before a kernel that reads the state's value at entry. */
static bool state_overwritten_early(Schedule *s, unsigned place)
{
    for (uint32_t w = s->kernels.len; w-- > 1;)
        for (uint32_t i = 0; i < kernel_at(s, w)->writes.len; i++) {
            const Buffer *target = buffer_at(s, kernel_at(s, w)->writes.data[i]);
            for (uint32_t r = 0; target->kind == BUFFER_STATE && r < w; r++)
                for (uint32_t b = 0; b < kernel_at(s, r)->reads.len; b++) {
                    const Buffer *old = buffer_at(s, kernel_at(s, r)->reads.data[b]);
                    if (old->kind != BUFFER_STATE || old->symbol != target->symbol || !is_place(&place))
                        continue;
                    for (uint32_t k = w; k-- > r;)
                        swap_kernels(s, k);
                    return true;
                }
        }
    return false;
}

/* ---- sinks ---- */

FAULT_IN(sink_left_out, KERNEL_LOOP)
{
    (void)s;
    for (uint32_t i = 0; i < kernel->loop.sinks.len; i++)
        if (is_place(place)) {
            kernel->loop.sinks.data[i] = vec_last(&kernel->loop.sinks);
            kernel->loop.sinks.len--;
            return true;
        }
    return false;
}

FAULT_IN(sink_twice, KERNEL_LOOP)
{
    (void)s;
    for (uint32_t i = 0; i < kernel->loop.sinks.len; i++)
        if (is_place(place)) {
            Sink sink = kernel->loop.sinks.data[i];
            vec_push(&kernel->loop.sinks, sink);
            return true;
        }
    return false;
}

FAULT_IN(sink_moved, KERNEL_LOOP)
{
    (void)s;
    for (uint32_t i = 0; i < kernel->loop.sinks.len; i++)
        if (is_place(place)) {
            kernel->loop.sinks.data[i].access.offset++;
            return true;
        }
    return false;
}

FAULT_IN(sink_steps_too_far, KERNEL_LOOP)
{
    (void)s;
    for (uint32_t i = 0; i < kernel->loop.sinks.len; i++)
        for (unsigned axis = 0; axis < kernel->loop.rank; axis++)
            if (is_place(place)) {
                kernel->loop.sinks.data[i].access.stride[axis]++;
                return true;
            }
    return false;
}

/* One element gets all results along an axis. */
FAULT_IN(sink_stays, KERNEL_LOOP)
{
    (void)s;
    for (uint32_t i = 0; i < kernel->loop.sinks.len; i++)
        for (unsigned axis = 0; axis < kernel->loop.rank; axis++)
            if (kernel->loop.sinks.data[i].access.stride[axis] && is_place(place)) {
                kernel->loop.sinks.data[i].access.stride[axis] = 0;
                return true;
            }
    return false;
}

static bool sink_to_another_buffer_at(Schedule *s, Kernel *kernel, unsigned *place, bool listed)
{
    for (uint32_t i = 0; i < kernel->loop.sinks.len; i++)
        for (uint32_t b = 0; b < s->buffers.len; b++) {
            Sink *sink = &kernel->loop.sinks.data[i];
            if (b == sink->access.buffer || buffer_at(s, b)->dtype != buffer_at(s, sink->access.buffer)->dtype ||
                !is_place(place))
                continue;
            sink->access.buffer = b;
            if (listed)
                vec_push(&kernel->writes, b);
            return true;
        }
    return false;
}

FAULT_IN(sink_to_a_buffer_that_is_not_listed, KERNEL_LOOP)
{
    return sink_to_another_buffer_at(s, kernel, place, false);
}

FAULT_IN(sink_to_another_buffer, KERNEL_LOOP)
{
    return sink_to_another_buffer_at(s, kernel, place, true);
}

FAULT_IN(sink_of_another_kind, KERNEL_LOOP)
{
    (void)s;
    static const SinkKind others[][2] = {
        [SINK_STORE] = {SINK_SUM, SINK_MAX}, [SINK_SUM] = {SINK_STORE, SINK_MAX}, [SINK_MAX] = {SINK_STORE, SINK_SUM}};
    for (uint32_t i = 0; i < kernel->loop.sinks.len; i++)
        for (unsigned other = 0; other < 2; other++)
            if (is_place(place)) {
                kernel->loop.sinks.data[i].kind = others[kernel->loop.sinks.data[i].kind][other];
                return true;
            }
    return false;
}

FAULT_IN(sink_of_another_type, KERNEL_LOOP)
{
    (void)s;
    for (uint32_t i = 0; i < kernel->loop.sinks.len; i++)
        if (is_place(place)) {
            DType *dtype = &kernel->loop.nodes.data[kernel->loop.sinks.data[i].node].dtype;
            *dtype = *dtype == DTYPE_F64 ? DTYPE_F32 : DTYPE_F64;
            return true;
        }
    return false;
}

/* ---- the space of a loop ---- */

FAULT_IN(loop_shorter, KERNEL_LOOP)
{
    (void)s;
    for (unsigned axis = 0; axis < kernel->loop.rank; axis++)
        if (is_place(place)) {
            kernel->loop.dims[axis]--;
            return true;
        }
    return false;
}

FAULT_IN(loop_longer, KERNEL_LOOP)
{
    (void)s;
    for (unsigned axis = 0; axis < kernel->loop.rank; axis++)
        if (is_place(place)) {
            kernel->loop.dims[axis]++;
            return true;
        }
    return false;
}

FAULT_IN(axis_reduced_or_not, KERNEL_LOOP)
{
    (void)s;
    bool reduces = false;
    for (uint32_t i = 0; i < kernel->loop.sinks.len; i++)
        reduces |= kernel->loop.sinks.data[i].kind != SINK_STORE;
    for (unsigned axis = 0; reduces && axis < kernel->loop.rank; axis++)
        if (is_place(place)) {
            kernel->loop.reduced[axis] = !kernel->loop.reduced[axis];
            return true;
        }
    return false;
}

static bool is_of_rows(const Schedule *s, const View *access)
{
    return s->buffers.data[access->buffer].kind == BUFFER_ROWS;
}

/* An earlier error of fusion: a loop that reduces some axes gets the sinks of a loop over the same space that reduces others. */
static bool reductions_of_other_axes_merged(Schedule *s, unsigned place)
{
    for (uint32_t a = 0; a < s->kernels.len; a++)
        for (uint32_t b = 0; b < s->kernels.len; b++) {
            Kernel *into = kernel_at(s, a), *from = kernel_at(s, b);
            bool loops = into->kind == KERNEL_LOOP && from->kind == KERNEL_LOOP && a != b && into->loop.rank == from->loop.rank;
            if (!loops || memcmp(into->loop.dims, from->loop.dims, sizeof into->loop.dims) ||
                !memcmp(into->loop.reduced, from->loop.reduced, sizeof into->loop.reduced) || into->loop.chunk ||
                from->loop.chunk || !is_place(&place))
                continue;
            uint32_t base = into->loop.nodes.len;
            for (uint32_t i = 0; i < from->loop.nodes.len; i++) {
                Node node = from->loop.nodes.data[i];
                for (uint32_t arg = 0; arg < node.nargs; arg++)
                    node.args[arg] += base;
                vec_push(&into->loop.nodes, node);
            }
            for (uint32_t i = 0; i < from->loop.sinks.len; i++) {
                Sink sink = from->loop.sinks.data[i];
                sink.node += base;
                vec_push(&into->loop.sinks, sink);
            }
            for (unsigned axis = 0; axis < into->loop.rank; axis++)
                into->loop.reduced[axis] |= from->loop.reduced[axis];
            for (uint32_t i = 0; i < from->reads.len; i++)
                vec_push(&into->reads, from->reads.data[i]);
            for (uint32_t i = 0; i < from->writes.len; i++)
                vec_push(&into->writes, from->writes.data[i]);
            return kernel_left_out(s, b);
        }
    return false;
}

FAULT_IN(chunk_of_another_size, KERNEL_LOOP)
{
    (void)s;
    if (!kernel->loop.chunk || *place > 2)
        return false;
    Target target = target_usual();
    int64_t step = target_chunk_step(&target);
    const int64_t change[] = {-step, step, 1};
    kernel->loop.chunk += change[*place];
    return true;
}

FAULT_IN(chunk_forgotten, KERNEL_LOOP)
{
    (void)s;
    if (!kernel->loop.chunk || !is_place(place))
        return false;
    kernel->loop.chunk = 0;
    return true;
}

FAULT_IN(chunk_results_elsewhere, KERNEL_LOOP)
{
    (void)s;
    for (uint32_t i = 0; i < kernel->loop.sinks.len; i++)
        if (kernel->loop.sinks.data[i].chunk_stride && *place < 2) {
            kernel->loop.sinks.data[i].chunk_stride += is_place(place) ? 1 : -kernel->loop.sinks.data[i].chunk_stride;
            return true;
        }
    return false;
}

/* ---- nodes ---- */

FAULT_IN(load_behind_the_buffer, KERNEL_LOOP)
{
    for (uint32_t i = 0; i < kernel->loop.nodes.len; i++) {
        Node *node = &kernel->loop.nodes.data[i];
        if (node->kind == NODE_LOAD && is_place(place)) {
            node->access.offset += is_of_rows(s, &node->access) ? node->access.row : buffer_at(s, node->access.buffer)->elements;
            return true;
        }
    }
    return false;
}

FAULT_IN(load_before_the_buffer, KERNEL_LOOP)
{
    (void)s;
    for (uint32_t i = 0; i < kernel->loop.nodes.len; i++) {
        Node *node = &kernel->loop.nodes.data[i];
        if (node->kind == NODE_LOAD && node->access.offset == 0 && is_place(place)) {
            node->access.offset--;
            return true;
        }
    }
    return false;
}

/* Reads a buffer that is written later only. */
FAULT_IN(load_of_what_is_not_there_yet, KERNEL_LOOP)
{
    for (uint32_t i = 0; i < kernel->loop.nodes.len; i++)
        for (uint32_t b = 0; b < s->buffers.len; b++) {
            Node *node = &kernel->loop.nodes.data[i];
            if (node->kind != NODE_LOAD || buffer_at(s, b)->kind != BUFFER_SCRATCH || b == node->access.buffer)
                continue;
            bool later = true;
            for (Kernel *k = s->kernels.data; k < kernel; k++)
                later &= !writes(k, b);
            if (!later || !is_place(place))
                continue;
            node->access = (View){.buffer = b};
            vec_push(&kernel->reads, b);
            return true;
        }
    return false;
}

FAULT_IN(index_of_another_row, KERNEL_LOOP)
{
    (void)s;
    for (uint32_t i = 0; i < kernel->loop.nodes.len; i++) {
        Node *node = &kernel->loop.nodes.data[i];
        if (node->kind == NODE_LOAD && node->access.indirect && is_place(place)) {
            node->access.index_offset++;
            return true;
        }
    }
    return false;
}

FAULT_IN(index_of_another_type, KERNEL_LOOP)
{
    for (uint32_t i = 0; i < kernel->loop.nodes.len; i++) {
        Node *node = &kernel->loop.nodes.data[i];
        for (uint32_t b = 0; node->kind == NODE_LOAD && node->access.indirect && b < s->buffers.len; b++)
            if (buffer_at(s, b)->dtype != DTYPE_I32 && is_place(place)) {
                node->access.index_buffer = b;
                vec_push(&kernel->reads, b);
                return true;
            }
    }
    return false;
}

FAULT_IN(more_rows_than_the_table, KERNEL_LOOP)
{
    (void)s;
    for (uint32_t i = 0; i < kernel->loop.nodes.len; i++) {
        Node *node = &kernel->loop.nodes.data[i];
        if (node->kind == NODE_LOAD && node->access.indirect && node->access.rows && is_place(place)) {
            node->access.rows++;
            return true;
        }
    }
    return false;
}

FAULT_IN(operand_computed_later, KERNEL_LOOP)
{
    (void)s;
    for (uint32_t i = 0; i < kernel->loop.nodes.len; i++)
        for (uint32_t arg = 0; arg < kernel->loop.nodes.data[i].nargs; arg++)
            if (is_place(place)) {
                kernel->loop.nodes.data[i].args[arg] = i;
                return true;
            }
    return false;
}

FAULT_IN(operand_missing, KERNEL_LOOP)
{
    (void)s;
    for (uint32_t i = 0; i < kernel->loop.nodes.len; i++)
        if (kernel->loop.nodes.data[i].kind == NODE_OP && is_place(place)) {
            kernel->loop.nodes.data[i].nargs--;
            return true;
        }
    return false;
}

FAULT_IN(node_of_no_elementwise_op, KERNEL_LOOP)
{
    (void)s;
    for (uint32_t i = 0; i < kernel->loop.nodes.len; i++)
        if (kernel->loop.nodes.data[i].kind == NODE_OP && is_place(place)) {
            kernel->loop.nodes.data[i].code = OP_RESHAPE;
            return true;
        }
    return false;
}

/* An update in place that reads the state one element further on. */
FAULT_IN(state_read_beside_its_update, KERNEL_LOOP)
{
    for (uint32_t i = 0; i < kernel->loop.nodes.len; i++)
        for (uint32_t w = 0; w < kernel->writes.len; w++) {
            Node *node = &kernel->loop.nodes.data[i];
            const Buffer *target = buffer_at(s, kernel->writes.data[w]);
            if (node->kind != NODE_LOAD || target->kind != BUFFER_STATE)
                continue;
            const Buffer *from = buffer_at(s, node->access.buffer);
            if (from->kind != BUFFER_STATE || from->symbol != target->symbol || !kernel->loop.rank || !is_place(place))
                continue;
            node->access.stride[kernel->loop.rank - 1] = 0;
            return true;
        }
    return false;
}

const Fault loop_faults[] = {
    {"kernel_left_out", kernel_left_out},
    {"kernels_swapped", kernels_swapped},
    {"state_overwritten_early", state_overwritten_early},
    {"sink_left_out", sink_left_out},
    {"sink_twice", sink_twice},
    {"sink_moved", sink_moved},
    {"sink_steps_too_far", sink_steps_too_far},
    {"sink_stays", sink_stays},
    {"sink_to_a_buffer_that_is_not_listed", sink_to_a_buffer_that_is_not_listed},
    {"sink_to_another_buffer", sink_to_another_buffer},
    {"sink_of_another_kind", sink_of_another_kind},
    {"sink_of_another_type", sink_of_another_type},
    {"loop_shorter", loop_shorter},
    {"loop_longer", loop_longer},
    {"axis_reduced_or_not", axis_reduced_or_not},
    {"reductions_of_other_axes_merged", reductions_of_other_axes_merged},
    {"chunk_of_another_size", chunk_of_another_size},
    {"chunk_forgotten", chunk_forgotten},
    {"chunk_results_elsewhere", chunk_results_elsewhere},
    {"load_behind_the_buffer", load_behind_the_buffer},
    {"load_before_the_buffer", load_before_the_buffer},
    {"load_of_what_is_not_there_yet", load_of_what_is_not_there_yet},
    {"index_of_another_row", index_of_another_row},
    {"index_of_another_type", index_of_another_type},
    {"more_rows_than_the_table", more_rows_than_the_table},
    {"operand_computed_later", operand_computed_later},
    {"operand_missing", operand_missing},
    {"node_of_no_elementwise_op", node_of_no_elementwise_op},
    {"state_read_beside_its_update", state_read_beside_its_update},
};
const unsigned loop_fault_count = COUNT_OF(loop_faults);
