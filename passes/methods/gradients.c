/* Gradients as outputs: what `hnc check --gradients` and the tests compare with finite differences. */
#include "passes/methods/methods.h"

static bool wanted(StateRole role, bool upper)
{
    return role == STATE_WEIGHT || (upper && (role == STATE_HYPER || role == STATE_SCALE));
}

uint32_t method_losses(const Train *train)
{
    return train->pareto ? train->pareto->m : train->phases.len;
}

Function *method_gradients(Model *model, Train *train, uint32_t number)
{
    Module *module = model->module;
    Assembly assembly = method_assembly(model, train, NULL);
    uint32_t output = train->pareto ? number : 0;
    const Phase *of = &train->phases.data[train->pareto ? 0 : number];
    bool upper = !train->pareto && number > 0;
    bool current = train->method != METHOD_BILEVEL || (upper && !train->sigma_learned);
    const char *loss_name = train->pareto ? train->pareto->objectives[number] : of->name;
    const char *name = arena_printf(&module->arena, "%s.%s.gradients", train->name, loss_name);
    Function *function = objective_copy(&assembly, name, of->objective, current ? CONDITION_CURRENT : CONDITION_PERTURBED, upper);
    objective_batch(&assembly, function, of->batch, false);
    Builder b = {.module = module, .function = function, .line = of->line};
    Value loss = function->outputs.data[output].value;
    function->outputs.len = 0;
    build_output(&b, "loss", loss);
    for (uint32_t state = 0; state < module->states.len; state++) {
        Value read = wanted(module->states.data[state].role, upper) ? find_read(function, state) : NO_VALUE;
        if (read != NO_VALUE)
            build_output(&b, module->states.data[state].name, build_grad(&b, loss, read));
    }
    step_finish(&assembly, function);
    return function;
}
