/* The verifier of schedules accepts what fusion and planning make, and refuses it once something is wrong. Each row of `faults`
 * spoils one thing, at every place of the schedule where it can be spoilt, and every time the verifier must say so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "passes/schedule.h"
#include "support/diagnostics.h"

/* Every kind of kernel and of access: tables, states that lie side by side, one that is updated in place and read elsewhere,
 * stages, chunks, pieces of a concat and of a pad, two reductions of one space. */
static const char text[] =
    "module m f32\n"
    "field @d.image : u8[6] dataset 0\n"
    "state @low : f32[32, 8] weight\n"
    "state @high : f32[32, 8] weight\n"
    "state @table : f32[10, 64] weight\n"
    "state @tall : f32[1024, 96] weight\n"
    "state @free : f32[4] weight\n"
    "state @seed : i32[2] counter\n"
    "state @count : i32[] counter\n"
    "func @step(%index: i32[300], %places: i32[300]) -> (loss: f32[], best: i32[300], columns: f32[96], pair: f32[160]) {\n"
    "  %seed = state_read @seed : i32[2]\n"
    "  %count = state_read @count : i32[]\n"
    "  %bytes = fetch @d.image, %index : u8[300, 6]\n"
    "  %image = cast %bytes : f32[300, 6]\n"
    "  %wide = pad %image before [0, 1] : f32[300, 8]\n"
    "  %low = state_read @low : f32[32, 8]\n"
    "  %high = state_read @high : f32[32, 8]\n"
    "  %both = concat %low, %high axis 0 : f32[64, 8]\n"
    "  %product = dot %wide, %both contract [1] [1] : f32[300, 64]\n"
    "  %noise = random %seed, %count stream 3 : f32[300, 64]\n"
    "  %table = state_read @table : f32[10, 64]\n"
    "  %rows = gather %table, %places : f32[300, 64]\n"
    "  %noisy = mul %product, %noise : f32[300, 64]\n"
    "  %sum = add %noisy, %rows : f32[300, 64]\n"
    "  %hidden = tanh %sum : f32[300, 64]\n"
    "  %squares = mul %hidden, %hidden : f32[300, 64]\n"
    "  %loss = reduce_sum %squares axes [0, 1] : f32[]\n"
    "  %best = argmax %hidden axis 1 : i32[300]\n"
    "  %means = reduce_sum %hidden axes [0] : f32[64]\n"
    "  %largest = reduce_max %squares axes [1] : f32[300]\n"
    "  %scaled = broadcast %largest axes [0] : f32[300, 64]\n"
    "  %update = mul %hidden, %scaled : f32[300, 64]\n"
    "  %scatter = scatter_add %places, %update rows 10 : f32[10, 64]\n"
    "  %next = sub %table, %scatter : f32[10, 64]\n"
    "  state_write @table, %next\n"
    "  %gradient = dot %update, %wide contract [0] [0] : f32[64, 8]\n"
    "  %low_gradient = slice %gradient from [0, 0] : f32[32, 8]\n"
    "  %next_low = sub %low, %low_gradient : f32[32, 8]\n"
    "  state_write @low, %next_low\n"
    "  %tall = state_read @tall : f32[1024, 96]\n"
    "  %columns = reduce_sum %tall axes [0] : f32[96]\n"
    "  %pair = concat %means, %columns axis 0 : f32[160]\n"
    "  %halves = slice %pair from [64] : f32[96]\n"
    "  %turned = broadcast %halves axes [1] : f32[1024, 96]\n"
    "  %next_tall = sub %tall, %turned : f32[1024, 96]\n"
    "  state_write @tall, %next_tall\n"
    "  return loss = %loss, best = %best, columns = %halves, pair = %pair\n"
    "}\n";

typedef struct Bench {
    Module *module;
    Program *program;
    Schedule *schedule;
} Bench;

static Bench bench_new(void)
{
    Diagnostics diags = {0};
    Source source = {"m.ir", text, strlen(text)};
    Bench bench = {.module = parse_module(&source, &diags)};
    diag_print(&diags, stderr);
    assert_non_null(bench.module);
    diag_free(&diags);
    bench.program = program_plan(bench.module);
    bench.schedule = &bench.program->schedules.data[0];
    return bench;
}

static void bench_free(Bench *bench)
{
    program_free(bench->program);
    module_free(bench->module);
}

static Kernel *kernel_at(Schedule *s, uint32_t k)
{
    return &s->kernels.data[k];
}

static Buffer *buffer_at(Schedule *s, uint32_t b)
{
    return &s->buffers.data[b];
}

static bool lists(const uint32_t *list, uint32_t n, uint32_t item)
{
    for (uint32_t i = 0; i < n; i++)
        if (list[i] == item)
            return true;
    return false;
}

static bool reads(const Kernel *kernel, uint32_t buffer)
{
    return lists(kernel->reads.data, kernel->reads.len, buffer);
}

static bool writes(const Kernel *kernel, uint32_t buffer)
{
    return lists(kernel->writes.data, kernel->writes.len, buffer);
}

/* Counts down to the place that is asked for. */
static bool is_place(unsigned *place)
{
    return (*place)-- == 0;
}

/* ---- loops over places: each fault spoils place number `place`, or returns false where there are not as many ---- */

/* Spoils one of all (kernel, thing) pairs: `spoil` returns whether it took the place. */
typedef bool Spoil(Schedule *s, Kernel *kernel, unsigned *place);

static bool in_kernels(Schedule *s, unsigned place, int kind, Spoil *spoil)
{
    for (uint32_t k = 0; k < s->kernels.len; k++)
        if ((kind < 0 || kernel_at(s, k)->kind == (KernelKind)kind) && spoil(s, kernel_at(s, k), &place))
            return true;
    return false;
}

#define FAULT_IN(name, kind)                                                                                                     \
    static Spoil spoil_##name;                                                                                                   \
    static bool name(Schedule *s, unsigned place)                                                                                \
    {                                                                                                                            \
        return in_kernels(s, place, kind, spoil_##name);                                                                         \
    }                                                                                                                            \
    static bool spoil_##name(Schedule *s, Kernel *kernel, unsigned *place)

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

/* A kernel before the one whose results it reads. */
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

/* The kernel that overwrites a state, before one that reads what it held at entry. */
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

/* What was once compiled: a loop that reduces some axes gets the sinks of one over the same space that reduces others. */
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
    static const int64_t change[] = {-CHUNK_STEP, CHUNK_STEP, 1};
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

/* ---- products and special kernels ---- */

FAULT_IN(product_of_another_size, KERNEL_PRODUCT)
{
    (void)s;
    int64_t *sizes[] = {&kernel->product.m, &kernel->product.n, &kernel->product.k};
    if (*place >= 6) {
        *place -= 6;
        return false;
    }
    *sizes[*place / 2] += *place % 2 ? 1 : -1;
    return true;
}

FAULT_IN(product_steps_too_far, KERNEL_PRODUCT)
{
    (void)s;
    Product *p = &kernel->product;
    int64_t *steps[] = {&p->lhs.row, &p->lhs.column, &p->rhs.row, &p->rhs.column, &p->out.row, &p->out.column};
    if (*place >= COUNT_OF(steps)) {
        *place -= COUNT_OF(steps);
        return false;
    }
    *steps[*place] += 1;
    return true;
}

FAULT_IN(product_elsewhere, KERNEL_PRODUCT)
{
    (void)s;
    Matrix *matrices[] = {&kernel->product.lhs, &kernel->product.rhs, &kernel->product.out};
    if (*place >= 3) {
        *place -= 3;
        return false;
    }
    matrices[*place]->view.offset = -1;
    return true;
}

static bool change_special(Schedule *s, Kernel *kernel, unsigned *place)
{
    (void)s;
    Special *special = &kernel->special;
    Type *types[] = {&special->out_type, &special->in_type[0], &special->in_type[1]};
    for (uint32_t t = 0; t <= special->inputs && t < 3; t++)
        for (unsigned axis = 0; axis < types[t]->rank; axis++)
            if (is_place(place)) {
                types[t]->dims[axis]++;
                return true;
            }
    return false;
}

FAULT_IN(random_numbers_of_another_size, KERNEL_RANDOM)
{
    return change_special(s, kernel, place);
}

FAULT_IN(argmax_of_another_shape, KERNEL_ARGMAX)
{
    return change_special(s, kernel, place);
}

FAULT_IN(argmax_along_another_axis, KERNEL_ARGMAX)
{
    (void)s;
    if (!is_place(place))
        return false;
    kernel->special.axis--;
    return true;
}

FAULT_IN(scatter_of_another_shape, KERNEL_SCATTER)
{
    return change_special(s, kernel, place);
}

/* ---- lists, memory ---- */

FAULT_IN(read_not_listed, -1)
{
    (void)s;
    for (uint32_t i = 0; i < kernel->reads.len; i++)
        if (buffer_at(s, kernel->reads.data[i])->kind != BUFFER_STATE && is_place(place)) {
            kernel->reads.data[i] = vec_last(&kernel->reads);
            kernel->reads.len--;
            return true;
        }
    return false;
}

FAULT_IN(write_not_listed, -1)
{
    (void)s;
    for (uint32_t i = 0; i < kernel->writes.len; i++)
        if (is_place(place)) {
            kernel->writes.data[i] = vec_last(&kernel->writes);
            kernel->writes.len--;
            return true;
        }
    return false;
}

static bool live_together(const Buffer *a, const Buffer *b)
{
    return a->kind == BUFFER_SCRATCH && b->kind == BUFFER_SCRATCH && a->first != UINT32_MAX && b->first != UINT32_MAX &&
           a->first <= b->last && b->first <= a->last;
}

static bool memory_shared(Schedule *s, unsigned place)
{
    for (uint32_t a = 0; a < s->buffers.len; a++)
        for (uint32_t b = 0; b < s->buffers.len; b++)
            if (a != b && live_together(buffer_at(s, a), buffer_at(s, b)) && is_place(&place)) {
                buffer_at(s, a)->offset = buffer_at(s, b)->offset;
                return true;
            }
    return false;
}

static bool buffer_moved(Schedule *s, unsigned place)
{
    for (uint32_t b = 0; b < s->buffers.len; b++) {
        Buffer *buffer = buffer_at(s, b);
        bool planned = buffer->kind == BUFFER_STATE || (buffer->kind == BUFFER_SCRATCH && buffer->first != UINT32_MAX);
        if (planned && is_place(&place)) {
            buffer->offset += 4;
            return true;
        }
    }
    return false;
}

static bool life_too_short(Schedule *s, unsigned place)
{
    for (uint32_t b = 0; b < s->buffers.len; b++) {
        Buffer *buffer = buffer_at(s, b);
        if (buffer->kind == BUFFER_SCRATCH && buffer->first != UINT32_MAX && buffer->first < buffer->last && is_place(&place)) {
            buffer->last--;
            return true;
        }
    }
    return false;
}

static bool arena_too_small(Schedule *s, unsigned place)
{
    if (place)
        return false;
    s->scratch_bytes -= 64;
    return true;
}

static bool buffer_too_small(Schedule *s, unsigned place)
{
    for (uint32_t b = 0; b < s->buffers.len; b++) {
        Buffer *buffer = buffer_at(s, b);
        if ((buffer->kind != BUFFER_SCRATCH || buffer->first != UINT32_MAX) && buffer->kind != BUFFER_ROWS && is_place(&place)) {
            buffer->elements--;
            return true;
        }
    }
    return false;
}

static bool buffer_of_another_state(Schedule *s, unsigned place)
{
    for (uint32_t b = 0; b < s->buffers.len; b++)
        if (buffer_at(s, b)->kind == BUFFER_STATE && is_place(&place)) {
            buffer_at(s, b)->symbol = 4; /* @free */
            return true;
        }
    return false;
}

static const struct {
    const char *name;
    bool (*spoil)(Schedule *s, unsigned place);
} faults[] = {
#define FAULT(name) {#name, name}
    FAULT(kernel_left_out),
    FAULT(kernels_swapped),
    FAULT(state_overwritten_early),
    FAULT(sink_left_out),
    FAULT(sink_twice),
    FAULT(sink_moved),
    FAULT(sink_steps_too_far),
    FAULT(sink_stays),
    FAULT(sink_to_a_buffer_that_is_not_listed),
    FAULT(sink_to_another_buffer),
    FAULT(sink_of_another_kind),
    FAULT(sink_of_another_type),
    FAULT(loop_shorter),
    FAULT(loop_longer),
    FAULT(axis_reduced_or_not),
    FAULT(reductions_of_other_axes_merged),
    FAULT(chunk_of_another_size),
    FAULT(chunk_forgotten),
    FAULT(chunk_results_elsewhere),
    FAULT(load_behind_the_buffer),
    FAULT(load_before_the_buffer),
    FAULT(load_of_what_is_not_there_yet),
    FAULT(index_of_another_row),
    FAULT(index_of_another_type),
    FAULT(more_rows_than_the_table),
    FAULT(operand_computed_later),
    FAULT(operand_missing),
    FAULT(node_of_no_elementwise_op),
    FAULT(state_read_beside_its_update),
    FAULT(product_of_another_size),
    FAULT(product_steps_too_far),
    FAULT(product_elsewhere),
    FAULT(random_numbers_of_another_size),
    FAULT(argmax_of_another_shape),
    FAULT(argmax_along_another_axis),
    FAULT(scatter_of_another_shape),
    FAULT(read_not_listed),
    FAULT(write_not_listed),
    FAULT(memory_shared),
    FAULT(buffer_moved),
    FAULT(life_too_short),
    FAULT(arena_too_small),
    FAULT(buffer_too_small),
    FAULT(buffer_of_another_state),
#undef FAULT
};

static void sound(void **state)
{
    (void)state;
    Bench bench = bench_new();
    Text why = {0};
    unsigned kinds = 0;
    if (!program_verify(bench.program, &why))
        fail_msg("%s", why.data);
    for (uint32_t k = 0; k < bench.schedule->kernels.len; k++)
        kinds |= 1u << kernel_at(bench.schedule, k)->kind;
    assert_int_equal(kinds,
                     1u << KERNEL_LOOP | 1u << KERNEL_PRODUCT | 1u << KERNEL_RANDOM | 1u << KERNEL_ARGMAX | 1u << KERNEL_SCATTER);
    bench_free(&bench);
}

static void spoilt(void **state)
{
    (void)state;
    unsigned missed = 0;
    for (size_t f = 0; f < COUNT_OF(faults); f++) {
        unsigned places = 0;
        for (bool found = true; found; places += found) {
            Bench bench = bench_new();
            Text why = {0};
            found = faults[f].spoil(bench.schedule, places);
            if (found && program_verify(bench.program, &why)) {
                print_error("%s, place %u: not found\n", faults[f].name, places);
                missed++;
            }
            text_free(&why);
            bench_free(&bench);
        }
        if (!places)
            fail_msg("%s: the schedule has no such place", faults[f].name);
    }
    assert_int_equal(missed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sound), cmocka_unit_test(spoilt)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
