/* The table of methods and the pipeline they share. */
#include <math.h>

#include "passes/methods/methods.h"

static uint32_t named_state(Module *module, const char *name, Type type, StateRole role, double init)
{
    return find_or_add_state(module, name, type, role, (Init){INIT_CONSTANT, init});
}

/* value and, where sigma is learned, inverse softplus of sigma */
static void condition_states(Assembly *assembly)
{
    Module *module = assembly->module;
    const Train *train = assembly->train;
    Condition condition = module->conditions.data[train->condition];
    const char *value = arena_printf(&module->arena, "%s/value", condition.name);
    assembly->hyper_state = named_state(module, value, condition.type, STATE_HYPER, 0);
    if (!train->sigma_learned)
        return;
    const char *scale = arena_printf(&module->arena, "%s/scale", condition.name);
    double raw = train->sigma > 30 ? train->sigma : log(expm1(train->sigma));
    assembly->scale_state = named_state(module, scale, condition.type, STATE_SCALE, raw);
}

/* The ray at hand, where it is not drawn: on evaluation, and for a net of its own. The runtime writes it, and all rays. */
static void ray_states(Assembly *assembly)
{
    Module *module = assembly->module;
    Pareto *pareto = assembly->train->pareto;
    Sweep *sweep = assembly->train->sweep;
    Condition condition = module->conditions.data[assembly->train->condition];
    const char *ray = arena_printf(&module->arena, "%s/ray", condition.name);
    pareto->ray_state = named_state(module, ray, condition.type, STATE_COUNTER, 1.0 / (double)pareto->m);
    sweep->state = (int)pareto->ray_state;
    Type all = type_of(module->real, 2, (int64_t[]){sweep->count, sweep->width});
    if (pareto->each) {
        const char *points = arena_printf(&module->arena, "%s/points", assembly->train->name);
        sweep->memory = (int)named_state(module, points, all, STATE_COUNTER, 0);
        module->states.data[sweep->memory].kept = true;
    }
    if (!pareto->fixed && !solver_of(pareto->solver)->all_rays)
        return;
    const char *rays = arena_printf(&module->arena, "%s/rays", condition.name);
    pareto->rays_state = named_state(module, rays, all, STATE_COUNTER, 1.0 / (double)pareto->m);
    sweep->all = (int)pareto->rays_state;
}

Assembly method_assembly(Model *model, Train *train, const PassTrace *trace)
{
    Module *module = model->module;
    int64_t two = 2;
    Assembly assembly = {.model = model, .module = module, .train = train, .trace = trace};
    assembly.seed = named_state(module, "seed", type_of(DTYPE_I32, 1, &two), STATE_COUNTER, 0);
    assembly.step_lower = named_state(module, "step/lower", type_scalar(DTYPE_I32), STATE_COUNTER, 0);
    if (train->method == METHOD_BILEVEL) {
        assembly.step_upper = named_state(module, "step/upper", type_scalar(DTYPE_I32), STATE_COUNTER, 0);
        condition_states(&assembly);
    }
    if (train->method == METHOD_PARETO)
        ray_states(&assembly);
    return assembly;
}

/* An export sees the trained condition, or the preference that it is given; its arguments are one example's. */
static void assemble_export(Assembly *assembly, Export *export)
{
    Function *function = export->function;
    pass_weights(assembly->model, function);
    pass_traced(assembly->trace, "weights", assembly->module, function);
    resolve_conditions(assembly, function, CONDITION_CURRENT, 0);
    pass_traced(assembly->trace, "conditions", assembly->module, function);
    draw_by_row(assembly, function);
    step_finish(assembly, function);
}

bool method_assemble(Model *model, Train *train, PassTrace *trace, char why[static 256])
{
    Assembly assembly = method_assembly(model, train, trace);
    switch (train->method) {
    case METHOD_FIT:
        assemble_fit(&assembly);
        break;
    case METHOD_BILEVEL:
        assemble_bilevel(&assembly);
        assemble_hypers(&assembly);
        break;
    case METHOD_PARETO:
        assemble_pareto(&assembly);
        break;
    }
    assemble_plateau(&assembly);
    if (!assemble_metrics(&assembly, why))
        return false;
    for (uint32_t i = 0; i < model->exports.len; i++)
        assemble_export(&assembly, &model->exports.data[i]);
    assemble_init(&assembly);
    return true;
}
