/* Gradients as outputs: what `hnc check --gradients` and the tests compare with finite differences. */
#include "passes/methods/methods.h"

static bool wanted(StateRole role, bool upper)
{
    return role == STATE_WEIGHT || (upper && (role == STATE_HYPER || role == STATE_SCALE));
}

Function *method_gradients(Model *model, Train *train, uint32_t phase)
{
    Module *module = model->module;
    Assembly assembly = method_assembly(model, train, NULL);
    const Phase *of = &train->phases.data[phase];
    bool upper = phase > 0;
    ConditionView view = train->method == METHOD_FIT || (upper && !train->sigma_learned) ? CONDITION_CURRENT : CONDITION_PERTURBED;
    const char *name = arena_printf(&module->arena, "%s.%s.gradients", train->name, of->name);
    Function *function = objective_copy(&assembly, name, of->objective, view, phase);
    objective_batch(&assembly, function, of->batch, false);
    Builder b = {.module = module, .function = function, .line = of->line};
    Value loss = function->outputs.data[0].value;
    for (uint32_t state = 0; state < module->states.len; state++) {
        Value read = wanted(module->states.data[state].role, upper) ? find_read(function, state) : NO_VALUE;
        if (read != NO_VALUE)
            build_output(&b, module->states.data[state].name, build_grad(&b, loss, read));
    }
    step_finish(&assembly, function);
    return function;
}
