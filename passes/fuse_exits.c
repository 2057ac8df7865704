/* Writes to state and outputs, and the order of kernels. A kernel writes a state in place if every other reader of the state's
 * value at entry can run before it, and it reads that value itself only at the element it writes; otherwise the new value goes to
 * scratch memory and is copied last. */
#include <string.h>

#include "passes/fuse.h"

static bool contains(const uint32_t *list, uint32_t n, uint32_t item)
{
    for (uint32_t i = 0; i < n; i++)
        if (list[i] == item)
            return true;
    return false;
}

/* The groups that read and write a buffer, in order. */
typedef struct Users {
    VEC(uint32_t) readers, writers;
} Users;

typedef struct Exits {
    Fuser *fuser;
    Users *users; /* per buffer that there was before the exits */
} Exits;

static Users *find_users(const Fuser *f)
{
    Users *users = support_malloc((f->schedule->buffers.len + 1) * sizeof *users);
    memset(users, 0, (f->schedule->buffers.len + 1) * sizeof *users);
    for (uint32_t i = 0; i < f->groups.len; i++) {
        const Kernel *kernel = &f->groups.data[i].kernel;
        for (uint32_t k = 0; k < kernel->reads.len; k++)
            vec_push(&users[kernel->reads.data[k]].readers, i);
        for (uint32_t k = 0; k < kernel->writes.len; k++)
            vec_push(&users[kernel->writes.data[k]].writers, i);
    }
    return users;
}

static bool reads_buffer(const Group *group, uint32_t buffer)
{
    return contains(group->kernel.reads.data, group->kernel.reads.len, buffer);
}

static bool same_elements(const View *a, const View *b)
{
    return !a->indirect && a->offset == b->offset && !memcmp(a->stride, b->stride, sizeof a->stride);
}

/* Whether this kernel may write `target` over the memory of `old`: it reads `old` only at the elements that it writes at that
 * point. */
static bool overwrites_in_step(const Group *group, uint32_t target, uint32_t old)
{
    if (!reads_buffer(group, old))
        return true;
    if (group->kind != KERNEL_LOOP || contains(group->joined_reads.data, group->joined_reads.len, old))
        return false;
    const Loop *loop = &group->kernel.loop;
    for (uint32_t s = 0; s < loop->sinks.len; s++) {
        const Sink *sink = &loop->sinks.data[s];
        if (sink->access.buffer != target)
            continue;
        if (sink->kind != SINK_STORE)
            return false;
        for (uint32_t i = 0; i < loop->nodes.len; i++) {
            const Node *node = &loop->nodes.data[i];
            bool loads = node->kind == NODE_LOAD;
            if (loads && node->access.indirect && node->access.index_buffer == old)
                return false;
            if (loads && node->access.buffer == old && !same_elements(&node->access, &sink->access))
                return false;
        }
    }
    return true;
}

/* Redirects writes to `buffer` into the state, whose value at entry is in `old` (NO_BUFFER: no group reads it). */
static bool write_in_place(const Exits *exits, uint32_t buffer, uint32_t old)
{
    if (old == NO_BUFFER)
        return true;
    Fuser *f = exits->fuser;
    const Users *written = &exits->users[buffer], *read = &exits->users[old];
    for (uint32_t i = 0; i < written->writers.len; i++) {
        uint32_t writer = written->writers.data[i];
        if (!overwrites_in_step(&f->groups.data[writer], buffer, old))
            return false;
        for (uint32_t k = 0; k < read->readers.len; k++)
            if (read->readers.data[k] != writer && group_depends_on(f, read->readers.data[k], writer))
                return false;
    }
    for (uint32_t i = 0; i < written->writers.len; i++)
        for (uint32_t k = 0; k < read->readers.len; k++)
            if (read->readers.data[k] != written->writers.data[i])
                need_group(f, written->writers.data[i], read->readers.data[k]);
    return true;
}

/* A last kernel that copies a buffer into the state or output, after every reader of what it overwrites. */
static void add_copy(const Exits *exits, const Exit *exit, uint32_t old)
{
    Fuser *f = exits->fuser;
    const Buffer source = f->schedule->buffers.data[exit->buffer];
    uint32_t target = new_buffer(f, exit->kind, exit->symbol, source.dtype, source.elements, source.value);
    uint32_t index = new_group(f, KERNEL_LOOP, NO_VALUE);
    Kernel *kernel = &f->groups.data[index].kernel;
    Loop *loop = &kernel->loop;
    kernel->kind = KERNEL_LOOP;
    loop->rank = source.elements > 1;
    loop->dims[0] = source.elements > 1 ? source.elements : 0;
    View from = {.buffer = exit->buffer, .stride = {source.elements > 1}},
         to = {.buffer = target, .stride = {source.elements > 1}};
    vec_push(&loop->nodes, (Node){.kind = NODE_LOAD, .dtype = source.dtype, .access = from});
    vec_push(&loop->sinks, (Sink){.kind = SINK_STORE, .node = 0, .value = source.value, .access = to});
    vec_push(&kernel->reads, exit->buffer);
    vec_push(&kernel->writes, target);
    kernel->bytes = 2 * source.elements * (int64_t)dtype_size(source.dtype);
    const Users *users = &exits->users[exit->buffer];
    for (uint32_t i = 0; i < users->writers.len; i++)
        need_group(f, index, users->writers.data[i]);
    for (uint32_t i = 0; old != NO_BUFFER && i < exits->users[old].readers.len; i++)
        need_group(f, index, exits->users[old].readers.data[i]);
    vec_push(&exits->users[exit->buffer].readers, index);
}

static void finish_exit(const Exits *exits, const Exit *exit)
{
    Fuser *f = exits->fuser;
    Buffer *buffer = &f->schedule->buffers.data[exit->buffer];
    uint32_t old = exit->kind == BUFFER_STATE ? f->state_buffers[exit->symbol] : NO_BUFFER;
    if (f->plan->unfused || buffer->kind != BUFFER_SCRATCH || !write_in_place(exits, exit->buffer, old)) {
        add_copy(exits, exit, old);
        return;
    }
    buffer->kind = exit->kind;
    buffer->symbol = exit->symbol;
    buffer->offset = exit->kind == BUFFER_STATE ? f->plan->state_offsets[exit->symbol] : 0;
}

/* Depth first from each group in order of creation: the groups that it needs, then itself. */
static void order_groups(Fuser *f)
{
    typedef struct Frame {
        uint32_t group, next;
    } Frame;
    VEC(Frame) stack = {0};
    f->epoch++;
    for (uint32_t i = 0; i < f->groups.len; i++) {
        if (f->groups.data[i].seen == f->epoch)
            continue;
        f->groups.data[i].seen = f->epoch;
        vec_push(&stack, (Frame){i, 0});
        while (stack.len) {
            Frame *top = &vec_last(&stack);
            Group *group = &f->groups.data[top->group];
            if (top->next < group->needs.len) {
                uint32_t needed = group->needs.data[top->next++];
                if (f->groups.data[needed].seen != f->epoch) {
                    f->groups.data[needed].seen = f->epoch;
                    vec_push(&stack, (Frame){needed, 0});
                }
                continue;
            }
            stack.len--;
            if (group->kernel.writes.len)
                vec_push(&f->schedule->kernels, group->kernel);
            else
                vec_free(&group->kernel.reads); /* no kernel: it only collected producers */
        }
    }
    vec_free(&stack);
}

void finish_exits(Fuser *f)
{
    uint32_t buffers = f->schedule->buffers.len;
    Exits exits = {f, find_users(f)};
    for (uint32_t i = 0; i < f->exits.len; i++)
        finish_exit(&exits, &f->exits.data[i]);
    for (uint32_t i = 0; i < buffers; i++) {
        vec_free(&exits.users[i].readers);
        vec_free(&exits.users[i].writers);
    }
    support_free(exits.users);
    order_groups(f);
}
