/* Plain training: one phase, every weight by gradient descent on one objective. Also the lower phase of bilevel. */

#include "passes/methods/methods.h"

WeightStep weight_step_begin(Assembly *assembly, Phase *phase, View view)
{
    return weight_step_of(assembly, phase, phase_copy(assembly, phase, phase->objective, view));
}

/* A table of a row per value of a condition, with another row at the value at hand. */
static Value with_row_at_hand(const Assembly *assembly, Builder *b, uint32_t table, Value row)
{
    Type type = b->module->states.data[table].type, numbers = type_with_dtype(type, DTYPE_I32);
    Dims axes = {.n = (uint8_t)(type.rank - 1)};
    for (unsigned axis = 0; axis < axes.n; axis++)
        axes.v[axis] = axis + 1;
    Value at_hand = build_read(b, condition_state(assembly->train, b->module->states.data[table].index));
    Value places = build_iota(b, numbers, 0), chosen = build_binary(b, OP_EQ, places, build_splat(b, at_hand, numbers));
    Value everywhere = build_broadcast(b, row, type, axes);
    return build_select(b, chosen, everywhere, build_read(b, table));
}

/* Running statistics become what the loss has found of the batch, or, where the phase does not train the weights whose statistics
 * they are, stay. */
static void write_running(const Assembly *assembly, const Phase *phase, Builder *b)
{
    Function *function = b->function;
    uint32_t kept = 0, count = function->outputs.len;
    for (uint32_t i = 0; i < count; i++) {
        Output output = function->outputs.data[i];
        const char *running = running_statistic(output.name);
        int64_t state = running ? find_state(b->module, running) : -1;
        if (state >= 0 && b->module->states.data[state].grows)
            output.value = with_row_at_hand(assembly, b, (uint32_t)state, output.value);
        if (state >= 0 && !phase->responds)
            build_write(b, (uint32_t)state, output.value);
        if (!running)
            function->outputs.data[kept++] = output;
    }
    function->outputs.len = kept;
}

WeightStep weight_step_of(Assembly *assembly, Phase *phase, Function *function)
{
    Module *module = assembly->module;
    WeightStep step = {.function = function, .b = {.module = module, .function = function, .line = phase->line}};
    step.trained = support_malloc((module->states.len + 1) * sizeof *step.trained);
    step.values = support_malloc((module->states.len + 1) * sizeof *step.values);
    Value loss = function->outputs.data[0].value;
    for (uint32_t state = 0; state < module->states.len; state++) {
        bool trains =
            module->states.data[state].role == STATE_WEIGHT && (!phase->responds || module->states.data[state].responds);
        Value read = trains ? find_read(function, state) : NO_VALUE;
        if (read != NO_VALUE)
            step.trained[step.n++] = (Trained){state, read, build_grad(&step.b, loss, read)};
    }
    write_running(assembly, phase, &step.b);
    micro_batch_end(assembly, phase, &step.b, step.n, step.trained);
    step.function = step.b.function;
    return step;
}

void weight_step_update(Assembly *assembly, const Phase *phase, WeightStep *step)
{
    optimizers_append(assembly, &step->b, phase, step->n, step->trained, step->values);
}

void weight_phase_end(Assembly *assembly, Phase *phase, Builder *b)
{
    average_append(assembly, phase, b);
    count_step(b, assembly->step_lower);
    step_finish(assembly, b->function);
    phase->step = b->function;
}

void weight_step_end(Assembly *assembly, Phase *phase, WeightStep *step)
{
    weight_phase_end(assembly, phase, &step->b);
    support_free(step->trained);
    support_free(step->values);
}

void assemble_weight_step(Assembly *assembly, Phase *phase, View view)
{
    WeightStep step = weight_step_begin(assembly, phase, view);
    weight_step_update(assembly, phase, &step);
    weight_step_end(assembly, phase, &step);
}

static void assemble(Assembly *assembly)
{
    size_t budget = act_budget(assembly->train);
    act_leaf(assembly->train, (Act){.kind = ACT_STEP});
    act_measure(assembly->train);
    act_end(assembly->train, budget);
    assemble_weight_step(assembly, &assembly->train->phases.data[0], AT_HAND);
}

const Method method_fit = {.assemble = assemble};
