/* Gradients as outputs: what `hnc check --gradients` and the tests compare with finite differences. */
#include "passes/methods/methods.h"

static bool wanted(StateRole role, bool upper)
{
    return role == STATE_WEIGHT || (upper && (role == STATE_HYPER || role == STATE_SCALE));
}

uint32_t method_losses(const Train *train)
{
    uint32_t losses = 0;
    for (uint32_t i = 0; i < train->phases.len; i++)
        losses += train->phases.data[i].objective && !train->phases.data[i].consolidates;
    return train->pareto ? train->pareto->m : losses;
}

const Phase *method_phase(const Train *train, uint32_t number)
{
    return &train->phases.data[train->pareto ? 0 : number];
}

static bool is_upper(const Train *train, uint32_t number)
{
    return !train->pareto && train->phases.data[number].upper;
}

/* The loss of that number over a batch, as the function's only output; derivatives are still to be taken. `plain`: nothing is
 * done for speed. */
static Function *batched_loss(Assembly *assembly, uint32_t number, const char *suffix, int64_t batch, bool plain)
{
    Module *module = assembly->module;
    const Train *train = assembly->train;
    uint32_t output = train->pareto ? number : 0;
    const Phase *of = method_phase(train, number);
    bool upper = is_upper(train, number);
    bool sampled = method_of(train)->samples && (!upper || train->sigma_learned);
    const char *loss_name = train->pareto ? train->pareto->objectives[number] : of->name;
    const char *name = arena_printf(&module->arena, "%s.%s.%s", train->name, loss_name, suffix);
    View view = {.sampled = sampled, .phase = upper, .response = RESPONSE_FULL};
    Function *function = objective_copy(assembly, name, of->objective, view);
    if (plain)
        pass_batch(module, function, batch, false);
    else
        objective_batch(assembly, function, batch, false);
    carry(assembly, function, NULL, STATE_COUNTER);
    Builder b = {.module = module, .function = function, .line = of->line};
    Value loss = function->outputs.data[output].value;
    function->outputs.len = 0;
    build_output(&b, "loss", loss);
    return function;
}

Function *method_loss(Model *model, Train *train, uint32_t number, int64_t batch, bool plain)
{
    Assembly assembly = method_assembly(model, train, NULL);
    return batched_loss(&assembly, number, plain ? "definition" : "loss", batch, plain);
}

Function *method_gradients(Model *model, Train *train, uint32_t number)
{
    Module *module = model->module;
    Assembly assembly = method_assembly(model, train, NULL);
    Function *function = batched_loss(&assembly, number, "gradients", method_phase(train, number)->batch, false);
    Builder b = {.module = module, .function = function, .line = method_phase(train, number)->line};
    Value loss = function->outputs.data[0].value;
    for (uint32_t state = 0; state < module->states.len; state++) {
        bool trained = wanted(module->states.data[state].role, train->implicit || is_upper(train, number));
        Value read = trained ? find_read(function, state) : NO_VALUE;
        if (read != NO_VALUE)
            build_output(&b, module->states.data[state].name, build_grad(&b, loss, read));
    }
    step_finish(&assembly, function);
    return function;
}
