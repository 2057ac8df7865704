/* Online elastic weight consolidation (Kirkpatrick et al., PNAS 2017; Schwarz et al., "Progress and compress", ICML 2018, section
 * 3.2): after a task, the diagonal of its empirical Fisher information F_t, the mean of squared gradients of single examples, is
 * added to gamma times the importances so far; then lambda / 2 sum F (theta - theta*)^2 pulls the weights to where they were. */
#include "passes/methods/methods.h"

static void before(Assembly *assembly, const Phase *phase, WeightStep *step)
{
    (void)phase;
    pull_to_anchor(assembly, step, protection_argument(assembly->train, "strength") / 2);
}

/* The sum of squares over the examples of the task, so far. */
static uint32_t squares_of(Module *module, uint32_t state)
{
    return task_memory_state(module, "fisher", state);
}

static void consolidate(Assembly *assembly, WeightStep *step)
{
    Builder *b = &step->b;
    for (uint32_t i = 0; i < step->n; i++) {
        const Trained *t = &step->trained[i];
        if (has_row_per_task(assembly->train, &assembly->module->states.data[t->state]))
            continue;
        uint32_t squares = squares_of(assembly->module, t->state);
        Value square = build_binary(b, OP_MUL, t->gradient, t->gradient);
        build_write(b, squares, build_binary(b, OP_ADD, build_read(b, squares), square));
    }
}

static void end(Assembly *assembly, Builder *b, uint32_t n, const uint32_t *shared)
{
    double examples = protection_argument(assembly->train, "examples"), decay = protection_argument(assembly->train, "decay");
    for (uint32_t i = 0; i < n; i++) {
        uint32_t importance = memory_state(assembly->module, "importance", shared[i]);
        Value mean = build_with_const(b, OP_DIV, build_read(b, squares_of(assembly->module, shared[i])), examples);
        Value older = build_with_const(b, OP_MUL, build_read(b, importance), decay);
        build_write(b, importance, build_binary(b, OP_ADD, older, mean));
        keep_in_memory(b, "anchor", shared[i]);
    }
}

const Protection protection_ewc = {.before = before, .consolidate = consolidate, .end = end};
