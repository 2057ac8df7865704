/* Where states lie in the arena: states that a concat joins lie side by side, so that the concat is a view of them. */
#include <string.h>

#include "passes/schedule.h"

#define NO_STATE UINT32_MAX

static int64_t aligned(int64_t bytes)
{
    return (bytes + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
}

/* Chains of states that lie side by side. */
typedef struct Layout {
    const Module *module;
    uint32_t *next, *previous;
} Layout;

static bool joins_states(const Function *function, const Op *op)
{
    if (op->code != OP_CONCAT || op->axis.v[0] != 0)
        return false;
    for (uint32_t i = 0; i < op->nargs; i++)
        if (OP_AT(function, op->args[i])->code != OP_STATE_READ)
            return false;
    return true;
}

static uint32_t state_of(const Function *function, const Op *concat, uint32_t i)
{
    return OP_AT(function, concat->args[i])->symbol;
}

/* Whether b may lie right behind a: a's size keeps b aligned, neither has another neighbour on that side, and no ring closes. */
static bool can_follow(const Layout *layout, uint32_t a, uint32_t b)
{
    if (layout->next[a] == b)
        return true;
    if (layout->next[a] != NO_STATE || layout->previous[b] != NO_STATE)
        return false;
    for (uint32_t s = b; s != NO_STATE; s = layout->next[s])
        if (s == a)
            return false;
    return type_bytes(layout->module->states.data[a].type) % ARENA_ALIGNMENT == 0;
}

static void wish(Layout *layout, const Function *function, const Op *concat)
{
    uint32_t joined = 1;
    while (joined < concat->nargs &&
           can_follow(layout, state_of(function, concat, joined - 1), state_of(function, concat, joined))) {
        uint32_t a = state_of(function, concat, joined - 1), b = state_of(function, concat, joined);
        layout->next[a] = b;
        layout->previous[b] = a;
        joined++;
    }
}

/* For each state, whether some function reads or writes it. */
static bool *used_states(const Module *module)
{
    bool *used = support_malloc(module->states.len + 1);
    memset(used, 0, module->states.len + 1);
    for (uint32_t i = 0; i < module->functions.len; i++)
        for (Value v = 0; v < module->functions.data[i]->ops.len; v++) {
            const Op *op = OP_AT(module->functions.data[i], v);
            if (op->code == OP_STATE_READ || op->code == OP_STATE_WRITE)
                used[op->symbol] = true;
        }
    return used;
}

bool plan_has_state(const Plan *plan, uint32_t state)
{
    return !plan->state_used || plan->state_used[state];
}

void layout_states(Plan *plan, bool all)
{
    plan->state_used = all ? NULL : used_states(plan->module);
    const Module *module = plan->module;
    uint32_t n = module->states.len;
    Layout layout = {module, support_malloc((n + 1) * sizeof(uint32_t)), support_malloc((n + 1) * sizeof(uint32_t))};
    memset(layout.next, 0xff, (n + 1) * sizeof(uint32_t));
    memset(layout.previous, 0xff, (n + 1) * sizeof(uint32_t));
    for (uint32_t i = 0; i < module->functions.len; i++) {
        const Function *function = module->functions.data[i];
        for (Value v = 0; v < function->ops.len; v++)
            if (joins_states(function, OP_AT(function, v)))
                wish(&layout, function, OP_AT(function, v));
    }
    plan->state_offsets = support_malloc((n + 1) * sizeof *plan->state_offsets);
    plan->state_bytes = 0;
    for (uint32_t first = 0; first < n; first++) {
        if (layout.previous[first] != NO_STATE)
            continue;
        for (uint32_t s = first; s != NO_STATE; s = layout.next[s]) {
            plan->state_offsets[s] = plan->state_bytes;
            if (plan_has_state(plan, s))
                plan->state_bytes += aligned(type_bytes(module->states.data[s].type));
        }
    }
    support_free(layout.next);
    support_free(layout.previous);
}

bool concat_is_view(const Plan *plan, const Function *function, const Op *concat)
{
    if (!joins_states(function, concat))
        return false;
    for (uint32_t i = 1; i < concat->nargs; i++) {
        uint32_t a = state_of(function, concat, i - 1), b = state_of(function, concat, i);
        if (plan->state_offsets[a] + type_bytes(plan->module->states.data[a].type) != plan->state_offsets[b])
            return false;
    }
    return true;
}
