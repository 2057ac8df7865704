/* Rehearsal: examples of earlier tasks are stored, and what a net makes of them stays what it made of them as the task at hand
 * began,
 *
 *     beta / n  sum over n earlier tasks j   mean over stored x  |f(x, W_j(theta*)) - f(x, W_j(theta))|^2
 *
 * (von Oswald et al., ICLR 2020, section 2, whose regulariser of weights takes the place of this one of outputs). The first
 * `examples` of each task are stored; outputs at theta* are computed again in every step from a copy of theta. */
#include "ir/map.h"
#include "passes/methods/methods.h"
#include "passes/methods/protections/snapshot.h"

static void begin(Assembly *assembly, Builder *b, uint32_t n, const uint32_t *shared)
{
    snapshot_write(assembly, b, n, shared);
}

/* The outputs of a batch of stored examples of one task, with its index as an input. */
static Function *outputs_function(Assembly *assembly)
{
    const Continual *continual = assembly->train->continual;
    const char *name = arena_printf(&assembly->module->arena, "%s.stored", assembly->train->name);
    Function *function = function_new(assembly->module, name);
    Builder b = {.module = assembly->module, .function = function};
    Value *map = support_malloc((continual->outputs->ops.len + 1) * sizeof *map);
    build_inline(&b, continual->outputs, map);
    build_output(&b, "outputs", map[continual->outputs->outputs.data[0].value]);
    support_free(map);
    pass_weights(assembly->model, function);
    pass_batch(assembly->module, function, (int64_t)protection_argument(assembly->train, "examples"), false);
    return function;
}

static void before(Assembly *assembly, const Phase *phase, WeightStep *step)
{
    Builder *b = &step->b;
    const Continual *continual = assembly->train->continual;
    int64_t rows = continual->tasks - 1, examples = (int64_t)protection_argument(assembly->train, "examples"),
            all = rows * examples;
    (void)phase;
    if (rows < 1 || protection_argument(assembly->train, "strength") == 0)
        return;
    assembly->train->phases.data[0].rehearsed = examples;
    Function *outputs = outputs_function(assembly);
    Value counts, tasks = earlier_tasks(assembly, b, rows, &counts);
    Value memory = build_reshape(b, build_input(b, "memory", type_of(DTYPE_I32, 1, &all)),
                                 type_of(DTYPE_I32, 2, (int64_t[]){rows, examples}));
    Value first = b->function->ops.len, task = build_const(b, type_scalar(DTYPE_I32), 0);
    Value index = build_const(b, type_of(DTYPE_I32, 1, &examples), 0);
    Placeholder placeholders[] = {{task, tasks}, {index, memory}};
    Value *numbers = own_numbers(step), now = NO_VALUE, then = NO_VALUE;
    inline_at(assembly, b, outputs, (Numbers){numbers, task, index}, &now);
    Value *snapshot = snapshot_numbers(assembly, b, outputs, numbers);
    inline_at(assembly, b, outputs, (Numbers){snapshot, task, index}, &then);
    Value moved = build_binary(b, OP_SUB, now, then);
    Value distance = build_with_const(b, OP_DIV, build_sum_of_product(b, moved, moved), (double)examples);
    build_mapped(b, first, rows, 2, placeholders, 1, &distance);
    Value sum = build_sum_of_product(b, distance, counts);
    add_regulariser(assembly, step, (Regulariser){sum, sum}, numbers);
    support_free(numbers);
    support_free(snapshot);
    function_remove(assembly->module, outputs);
}

const Protection protection_rehearsal = {.begin = begin, .before = before};
