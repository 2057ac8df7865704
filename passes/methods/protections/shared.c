/* What protections share: their arguments, which weights are theirs, states that outlive a task, and the pull to where the
 * weights were. */
#include <assert.h>

#include "passes/methods/methods.h"

static const NamedNumber *find_argument(const Train *train, const char *label)
{
    return find_number(train->continual->arguments, train->continual->argument_count, label);
}

bool has_protection_argument(const Train *train, const char *label)
{
    return find_argument(train, label) != NULL;
}

double protection_argument(const Train *train, const char *label)
{
    const NamedNumber *argument = find_argument(train, label);
    assert(argument);
    return argument->number;
}

bool has_row_per_task(const Train *train, const State *state)
{
    return state->grows && state->index == train->continual->condition;
}

uint32_t memory_state(Module *module, const char *what, uint32_t of)
{
    State whose = module->states.data[of];
    const char *name = arena_printf(&module->arena, "%s/%s", what, whose.name);
    uint32_t state = find_or_add_state(module, name, whose.type, STATE_MEMORY, (Init){0});
    module->states.data[state].lifetime = LIFETIME_RUN;
    module->states.data[state].grows = whose.grows;
    module->states.data[state].index = whose.index;
    return state;
}

uint32_t task_memory_state(Module *module, const char *what, uint32_t of)
{
    uint32_t state = memory_state(module, what, of);
    module->states.data[state].lifetime = LIFETIME_ROUND;
    return state;
}

void keep_in_memory(Builder *b, const char *what, uint32_t of)
{
    uint32_t memory = memory_state(b->module, what, of);
    build_write(b, memory, build_read(b, of));
}

Value task_at_hand(Assembly *assembly, Builder *b)
{
    return build_read(b, condition_state(assembly->train, assembly->train->continual->condition));
}

void pull_to_anchor(Assembly *assembly, WeightStep *step, double strength)
{
    Builder *b = &step->b;
    for (uint32_t i = 0; i < step->n; i++) {
        Trained *t = &step->trained[i];
        if (has_row_per_task(assembly->train, &b->module->states.data[t->state]))
            continue;
        Value anchor = build_read(b, memory_state(b->module, "anchor", t->state));
        Value importance = build_read(b, memory_state(b->module, "importance", t->state));
        Value pull = build_binary(b, OP_MUL, importance, build_binary(b, OP_SUB, t->current, anchor));
        t->gradient = build_binary(b, OP_ADD, t->gradient, build_with_const(b, OP_MUL, pull, 2 * strength));
    }
}
