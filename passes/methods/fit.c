/* Plain training: one phase, every weight by gradient descent on one objective. Also the lower phase of bilevel. */
#include "passes/methods/methods.h"

void assemble_weight_step(Assembly *assembly, Phase *phase, View view)
{
    Module *module = assembly->module;
    const char *name = arena_printf(&module->arena, "%s.%s", assembly->train->name, phase->name);
    Function *function = objective_copy(assembly, name, phase->objective, view);
    objective_batch(assembly, function, phase->batch, false);

    Builder b = {.module = module, .function = function, .line = phase->line};
    Value loss = function->outputs.data[0].value;
    VEC(Trained) trained = {0};
    for (uint32_t state = 0; state < module->states.len; state++) {
        Value read = module->states.data[state].role == STATE_WEIGHT ? find_read(function, state) : NO_VALUE;
        if (read != NO_VALUE)
            vec_push(&trained, (Trained){state, read, build_grad(&b, loss, read)});
    }
    optimizers_append(assembly, &b, phase, trained.len, trained.data);
    count_step(&b, assembly->step_lower);
    vec_free(&trained);
    step_finish(assembly, function);
    phase->step = function;
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
