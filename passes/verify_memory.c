/* The memory of a schedule under verification: which elements are written when a kernel reads or writes them, and the plan of the
 * scratch arena. */
#include <inttypes.h>
#include <string.h>

#include "passes/verify.h"

static int64_t buffer_bytes(const Buffer *buffer)
{
    return buffer->elements * (int64_t)dtype_size(buffer->dtype);
}

/* ---- sets of written elements ---- */

/* The set of elements written to this buffer's memory. */
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
    const Module *module = c->plan->module;
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

bool is_entry_value(const Checker *c, uint32_t buffer)
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

void check_touch(Checker *c, uint32_t buffer)
{
    if (c->first[buffer] == UINT32_MAX)
        c->first[buffer] = c->kernel;
    c->last[buffer] = c->kernel;
}

bool lists_buffer(const uint32_t *list, uint32_t n, uint32_t item)
{
    for (uint32_t i = 0; i < n; i++)
        if (list[i] == item)
            return true;
    return false;
}

void check_read(Checker *c, const Kernel *kernel, const Access *access)
{
    if (!check_place(c, access, access->buffer < c->schedule->buffers.len && is_entry_value(c, access->buffer)))
        return;
    check_touch(c, access->buffer);
    if (!lists_buffer(kernel->reads.data, kernel->reads.len, access->buffer))
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

void check_write(Checker *c, const Kernel *kernel, const Access *access)
{
    if (!check_place(c, access, false))
        return;
    check_touch(c, access->buffer);
    if (!lists_buffer(kernel->writes.data, kernel->writes.len, access->buffer))
        complain(c, "%s writes buffer %u, which the kernel does not list", access->what, access->buffer);
    Visit visit = {c, kernel, access, written_set(c, access->buffer)};
    if (visit.set)
        footprint_runs(&access->elements, true, visit_write, &visit);
    else
        complain(c, "%s writes buffer %u, which is not the function's to write", access->what, access->buffer);
}

void check_entry_value(Checker *c, const Kernel *kernel, const Access *access)
{
    int64_t first, last;
    footprint_bounds(&access->elements, &first, &last);
    Visit visit = {c, kernel, access, NULL};
    if (is_entry_value(c, access->buffer) && last >= buffer_at(c, access->buffer)->elements)
        footprint_runs(&access->elements, false, visit_entry, &visit);
}

/* ---- the plan of the scratch arena ---- */

static void check_lifetime(Checker *c, uint32_t index)
{
    const Buffer *buffer = buffer_at(c, index);
    if (buffer->first > c->first[index] || buffer->last < c->last[index])
        complain(c, "buffer %u lives longer than planned", index);
    if (buffer->kind != BUFFER_SCRATCH)
        return;
    int64_t end = buffer->offset + buffer_bytes(buffer);
    if (buffer->offset < 0 || buffer->offset % ARENA_ALIGNMENT || end > c->schedule->scratch_bytes ||
        c->schedule->scratch_bytes > c->plan->scratch_bytes)
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

void check_plan(Checker *c)
{
    uint32_t n = c->schedule->buffers.len, count = 0, *live = support_malloc((n + 1) * sizeof *live);
    VEC(uint32_t) *begins = zeroed_items(c->schedule->kernels.len, sizeof *begins);
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
