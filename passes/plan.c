/* The static memory plan: where states and scratch buffers lie, and its printed form. */
#include <stdlib.h>
#include <string.h>

#include "passes/schedule.h"

static int64_t aligned(int64_t bytes)
{
    return (bytes + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
}

/* ---- scratch ---- */

static void set_lifetimes(Schedule *schedule)
{
    for (uint32_t i = 0; i < schedule->buffers.len; i++) {
        schedule->buffers.data[i].first = UINT32_MAX;
        schedule->buffers.data[i].last = 0;
    }
    for (uint32_t k = 0; k < schedule->kernels.len; k++) {
        const Kernel *kernel = &schedule->kernels.data[k];
        for (uint32_t i = 0; i < kernel->reads.len + kernel->writes.len; i++) {
            uint32_t index = i < kernel->reads.len ? kernel->reads.data[i] : kernel->writes.data[i - kernel->reads.len];
            Buffer *buffer = &schedule->buffers.data[index];
            buffer->first = k < buffer->first ? k : buffer->first;
            buffer->last = k > buffer->last ? k : buffer->last;
        }
    }
}

static int64_t buffer_bytes(const Buffer *buffer)
{
    return aligned(buffer->elements * (int64_t)dtype_size(buffer->dtype));
}

static int by_size(const void *a, const void *b)
{
    const Buffer *x = *(Buffer *const *)a, *y = *(Buffer *const *)b;
    int64_t difference = buffer_bytes(y) - buffer_bytes(x);
    if (difference)
        return difference > 0 ? 1 : -1;
    return x < y ? -1 : x > y;
}

static int by_offset(const void *a, const void *b)
{
    const Buffer *x = *(Buffer *const *)a, *y = *(Buffer *const *)b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* The smallest gap that holds the buffer, between placed buffers that live at the same time (in order of offset); or the end of
 * them. */
static int64_t best_gap(const Buffer *buffer, Buffer *const *placed, uint32_t n)
{
    int64_t end = 0, best = -1, best_size = INT64_MAX, size = buffer_bytes(buffer);
    for (uint32_t i = 0; i < n; i++) {
        if (placed[i]->last < buffer->first || placed[i]->first > buffer->last)
            continue;
        int64_t gap = placed[i]->offset - end;
        if (gap >= size && gap < best_size) {
            best = end;
            best_size = gap;
        }
        int64_t after = placed[i]->offset + buffer_bytes(placed[i]);
        end = after > end ? after : end;
    }
    return best >= 0 ? best : end;
}

/* Places the largest buffers first, each where it wastes least. */
void plan_scratch(Schedule *schedule, bool apart)
{
    set_lifetimes(schedule);
    VEC(Buffer *) order = {0};
    for (uint32_t i = 0; i < schedule->buffers.len; i++) {
        Buffer *buffer = &schedule->buffers.data[i];
        if (buffer->kind == BUFFER_SCRATCH && buffer->first != UINT32_MAX)
            vec_push(&order, buffer);
    }
    if (order.len)
        qsort(order.data, order.len, sizeof *order.data, by_size);
    schedule->scratch_bytes = 0;
    for (uint32_t i = 0; i < order.len; i++) {
        Buffer *buffer = order.data[i];
        buffer->offset = apart ? schedule->scratch_bytes : best_gap(buffer, order.data, i);
        int64_t end = buffer->offset + buffer_bytes(buffer);
        schedule->scratch_bytes = end > schedule->scratch_bytes ? end : schedule->scratch_bytes;
        uint32_t at = i; /* keep placed buffers in order of offset */
        for (; at > 0 && by_offset(&order.data[at - 1], &buffer) > 0; at--)
            order.data[at] = order.data[at - 1];
        order.data[at] = buffer;
    }
    vec_free(&order);
}

/* ---- programs ---- */

static void schedule_count(Schedule *schedule)
{
    for (uint32_t k = 0; k < schedule->kernels.len; k++) {
        schedule->flops += schedule->kernels.data[k].flops;
        schedule->bytes += schedule->kernels.data[k].bytes;
    }
}

static void plan_function(const Plan *plan, const Function *function, Schedule *schedule)
{
    *schedule = (Schedule){.function = function};
    fuse_function(plan, function, schedule);
    plan_scratch(schedule, plan->apart);
    schedule_count(schedule);
}

Plan *plan_module_as(const Module *module, PlanKind kind)
{
    Plan *plan = support_malloc(sizeof *plan);
    *plan = (Plan){.module = module, .unfused = kind == PLAN_UNFUSED, .apart = kind == PLAN_APART || kind == PLAN_UNFUSED};
    plan->schedule = plan_function;
    layout_states(plan, kind != PLAN_SERVED);
    for (uint32_t i = 0; i < module->functions.len; i++) {
        Schedule schedule;
        plan_function(plan, module->functions.data[i], &schedule);
        if (schedule.scratch_bytes > plan->scratch_bytes)
            plan->scratch_bytes = schedule.scratch_bytes;
        vec_push(&plan->schedules, schedule);
    }
    return plan;
}

Plan *plan_states(const Module *module)
{
    Plan *plan = support_malloc(sizeof *plan);
    *plan = (Plan){.module = module};
    layout_states(plan, true);
    return plan;
}

Plan *plan_module(const Module *module)
{
    return plan_module_as(module, PLAN_USUAL);
}

static void schedule_free(Schedule *schedule)
{
    for (uint32_t k = 0; k < schedule->kernels.len; k++) {
        Kernel *kernel = &schedule->kernels.data[k];
        if (kernel->scan) {
            schedule_free(kernel->scan->body);
            support_free(kernel->scan->body);
            support_free(kernel->scan->operands);
            support_free(kernel->scan->results);
            support_free(kernel->scan);
        }
        vec_free(&kernel->loop.nodes);
        vec_free(&kernel->loop.sinks);
        vec_free(&kernel->reads);
        vec_free(&kernel->writes);
    }
    vec_free(&schedule->kernels);
    vec_free(&schedule->buffers);
}

void plan_free(Plan *plan)
{
    if (!plan)
        return;
    for (uint32_t i = 0; i < plan->schedules.len; i++)
        schedule_free(&plan->schedules.data[i]);
    vec_free(&plan->schedules);
    support_free(plan->state_offsets);
    support_free(plan->state_used);
    support_free(plan);
}

int64_t plan_state_bytes(const Plan *plan)
{
    return plan->state_bytes;
}

int64_t plan_scratch_bytes(const Plan *plan)
{
    return plan->scratch_bytes;
}

int64_t plan_state_offset(const Plan *plan, uint32_t state)
{
    return plan->state_offsets[state];
}
