/* Whether a schedule may run: from the kernels' accesses alone, so that it catches any error of fusion and planning. Kernels are
 * walked in order; for each buffer, state and output the verifier keeps which elements have been written.
 *
 *   loops    nodes use earlier ones and have the types that their ops give; a store steps along every axis of the space, a
 *            reduction along every axis but the reduced ones; chunks are of axis 0, and each partial result is read once
 *   memory   accesses stay inside their buffers; what a kernel reads is written, all of it, by earlier ones; no element is
 *            written twice; a state's value at entry is not read once it is overwritten, except point by point by the kernel
 *            that overwrites it
 *   plan     lifetimes are those of the kernels; two scratch buffers that live at the same time share no bytes
 *   results  at the end every output and every state that the function writes is complete, and nothing else was written */
#include <string.h>

#include "passes/verify.h"

static int64_t symbols_of(const Checker *c, BufferKind kind)
{
    const Function *function = c->schedule->function;
    const Module *module = c->plan->module;
    return kind == BUFFER_STATE    ? module->states.len
           : kind == BUFFER_INPUT  ? function->inputs.len
           : kind == BUFFER_OUTPUT ? function->outputs.len
           : kind == BUFFER_ROWS   ? module->fields.len
                                   : INT64_MAX;
}

/* Checks the buffer against what the function says of its memory. */
static void check_buffer(Checker *c, uint32_t index)
{
    const Buffer *buffer = buffer_at(c, index);
    const Function *function = c->schedule->function;
    const Module *module = c->plan->module;
    Type type;
    if (buffer->symbol >= symbols_of(c, buffer->kind)) {
        complain(c, "buffer %u is of nothing", index);
        return;
    }
    switch (buffer->kind) {
    case BUFFER_STATE:
        type = module->states.data[buffer->symbol].type;
        if (buffer->offset != c->plan->state_offsets[buffer->symbol])
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

static void check_complete(Checker *c, const ElementSet *set, int64_t elements, const char *kind, const char *name)
{
    if (!set->words || !set_has_all(set, 0, elements))
        complain(c, "%s %s is not written in full", kind, name);
}

static void check_results(Checker *c)
{
    const Function *function = c->schedule->function;
    const Module *module = c->plan->module;
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
    const Module *module = c->plan->module;
    uint32_t n = module->states.len, *at = zeroed_items((size_t)(c->plan->state_bytes / ARENA_ALIGNMENT) + 1, sizeof *at);
    for (uint32_t s = 0; s < n; s++)
        if (plan_has_state(c->plan, s))
            at[c->plan->state_offsets[s] / ARENA_ALIGNMENT] = s + 1;
    for (uint32_t s = 0; s < n; s++) {
        int64_t end = c->plan->state_offsets[s] + type_bytes(module->states.data[s].type);
        bool whole = end % ARENA_ALIGNMENT == 0 && end < c->plan->state_bytes;
        uint32_t next = whole ? at[end / ARENA_ALIGNMENT] : 0;
        c->next_state[s] = next ? next - 1 : NO_STATE;
    }
    support_free(at);
}

static bool verify_schedule(const Plan *plan, const Schedule *schedule, Text *why)
{
    uint32_t states = plan->module->states.len, outputs = schedule->function->outputs.len, n = schedule->buffers.len;
    Checker c = {.plan = plan, .schedule = schedule, .why = why, .verify_body = verify_schedule, .kernel = schedule->kernels.len};
    c.buffers = zeroed_items(n, sizeof(ElementSet));
    c.partials = zeroed_items(n, sizeof(ElementSet));
    c.states = zeroed_items(states, sizeof(ElementSet));
    c.outputs = zeroed_items(outputs, sizeof(ElementSet));
    c.is_target = zeroed_items(n, sizeof(bool));
    c.next_state = zeroed_items(states, sizeof(uint32_t));
    c.first = zeroed_items(n, sizeof(uint32_t));
    c.last = zeroed_items(n, sizeof(uint32_t));
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

bool plan_verify(const Plan *plan, Text *why)
{
    bool fine = true;
    for (uint32_t i = 0; i < plan->schedules.len; i++)
        fine &= verify_schedule(plan, &plan->schedules.data[i], why);
    return fine;
}
