/* Synaptic intelligence (Zenke, Poole and Ganguli, ICML 2017, equations 3 to 5): the path integral w of -g dtheta along the steps
 * of a task, over the squared distance that the task moved a weight, is added to its importance; c sum Omega (theta - theta*)^2
 * pulls the weights to where they were. */
#include "passes/methods/methods.h"

static void before(Assembly *assembly, const Phase *phase, WeightStep *step)
{
    (void)phase;
    pull_to_anchor(assembly, step, protection_argument(assembly->train, "strength"));
}

static uint32_t path_of(Module *module, uint32_t state)
{
    return task_memory_state(module, "path", state);
}

/* By the gradients of the task's own loss. */
static void after(Assembly *assembly, WeightStep *step, const Value *gradients)
{
    Builder *b = &step->b;
    for (uint32_t i = 0; i < step->n; i++) {
        const Trained *t = &step->trained[i];
        if (has_row_per_task(assembly->train, &assembly->module->states.data[t->state]))
            continue;
        uint32_t path = path_of(assembly->module, t->state);
        Value moved = build_binary(b, OP_SUB, step->values[i], t->current);
        Value before = build_read(b, path);
        build_write(b, path, build_binary(b, OP_SUB, before, build_binary(b, OP_MUL, gradients[i], moved)));
    }
}

/* Where the weights are before their first task. */
static void begin(Assembly *assembly, Builder *b, uint32_t n, const uint32_t *shared)
{
    (void)assembly;
    for (uint32_t i = 0; i < n; i++)
        keep_in_memory(b, "anchor", shared[i]);
}

static void end(Assembly *assembly, Builder *b, uint32_t n, const uint32_t *shared)
{
    double damping = protection_argument(assembly->train, "damping");
    for (uint32_t i = 0; i < n; i++) {
        uint32_t importance = memory_state(assembly->module, "importance", shared[i]);
        Value now = build_read(b, shared[i]);
        Value moved = build_binary(b, OP_SUB, now, build_read(b, memory_state(assembly->module, "anchor", shared[i])));
        Value distance = build_with_const(b, OP_ADD, build_binary(b, OP_MUL, moved, moved), damping);
        Value added = build_binary(b, OP_DIV, build_read(b, path_of(assembly->module, shared[i])), distance);
        build_write(b, importance, build_binary(b, OP_ADD, build_read(b, importance), added));
    }
}

const Protection protection_si = {.begin = begin, .before = before, .after = after, .end = end};
