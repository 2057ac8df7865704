/* A batch that is computed in micro-batches: memory is that of one of them. The step of a phase then is two functions. The first
 * one, which a run calls for each micro-batch, adds its outputs and gradients to sums. The second one, the step, reads their
 * means and does all that a step does with gradients: whatever is behind the gradients, clipping first, sees those of the whole
 * batch.
 *
 * What the loss reduces across the batch sees one micro-batch. A mean over the examples is the mean of the means of
 * micro-batches, since all are of one size; a sum counts as often as there are micro-batches, so that it stands for that of the
 * batch. */
#include "passes/methods/methods.h"
#include "passes/rewrite.h"

static bool in_parts(const Phase *phase)
{
    return phase->micro_batch > 0 && phase->micro_batch < phase->batch;
}

static double parts_of(const Phase *phase)
{
    return (double)(phase->batch / phase->micro_batch);
}

/* Sums across a micro-batch become what they stand for. */
static void scale_sums(Assembly *assembly, Function *function, double parts)
{
    Rewrite rewrite;
    rewrite_begin(&rewrite, assembly->module, function);
    for (Value v = 0; v < function->ops.len; v++) {
        Value copy = rewrite_copy(&rewrite, v);
        if (OP_AT(function, v)->code == OP_ACROSS_SUM)
            rewrite.map[v] = build_with_const(&rewrite.b, OP_MUL, copy, parts);
    }
    rewrite_end(&rewrite);
}

Function *phase_copy(Assembly *assembly, const Phase *phase, const Function *objective, View view)
{
    const char *name = arena_printf(&assembly->module->arena, "%s.%s", assembly->train->name, phase->name);
    Function *function = objective_copy(assembly, name, objective, view);
    if (in_parts(phase))
        scale_sums(assembly, function, parts_of(phase));
    objective_batch(assembly, function, in_parts(phase) ? phase->micro_batch : phase->batch, false);
    if (in_parts(phase))
        draw_by_row(assembly, function);
    carry(assembly, function, name, STATE_COUNTER);
    return function;
}

/* Adds the value to the sum of that name over the micro-batches; returns the sum's state. */
static uint32_t add_to_sum(Builder *b, const char *function, const char *name, Value first, Value value)
{
    Type type = value_type(b, value);
    const char *full = arena_printf(&b->module->arena, "%s/sum/%s", function, name);
    uint32_t state = find_or_add_state(b->module, full, type, STATE_SCRATCH, (Init){0});
    Value everywhere = build_splat(b, first, type_with_dtype(type, DTYPE_BOOL));
    Value zero = build_const(b, type, 0), before = build_select(b, everywhere, zero, build_read(b, state));
    build_write(b, state, build_binary(b, OP_ADD, before, value));
    return state;
}

static Value read_mean(Builder *b, const Phase *phase, uint32_t sum)
{
    return build_with_const(b, OP_DIV, build_read(b, sum), parts_of(phase));
}

void micro_batch_end(Assembly *assembly, Phase *phase, Builder *b, uint32_t n, Trained *trained)
{
    Module *module = assembly->module;
    Function *micro = b->function;
    if (!in_parts(phase))
        return;
    const char *name = micro->name;
    micro->name = arena_printf(&module->arena, "%s.micro", name);
    b->function = function_new(module, name);
    Builder of_micro = {.module = module, .function = micro, .line = phase->line};
    Value number = build_input(&of_micro, "micro.number", type_scalar(DTYPE_I32));
    Value first = build_binary(&of_micro, OP_EQ, number, build_const(&of_micro, type_scalar(DTYPE_I32), 0));
    for (uint32_t i = 0; i < micro->outputs.len; i++) {
        Output output = micro->outputs.data[i];
        build_output(b, output.name, read_mean(b, phase, add_to_sum(&of_micro, name, output.name, first, output.value)));
    }
    for (uint32_t i = 0; i < n; i++) {
        const char *of = module->states.data[trained[i].state].name;
        uint32_t sum = add_to_sum(&of_micro, name, of, first, trained[i].gradient);
        trained[i].current = build_read(b, trained[i].state);
        trained[i].gradient = read_mean(b, phase, sum);
    }
    micro->outputs.len = 0;
    step_finish(assembly, micro);
    phase->micro_step = micro;
}
