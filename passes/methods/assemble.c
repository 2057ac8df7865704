/* The table of methods and the pipeline they share. */
#include "passes/methods/methods.h"

static const Method *const methods[METHOD_COUNT] = {
#define METHOD(KIND, name, ...) &method_##name,
#include "ir/methods.def"
#undef METHOD
};

const Method *method_of(const Train *train)
{
    return methods[train->method];
}

/* Steps on a loss make the vector of numbers of which weights of nets are pieces. It holds gradients of one example, which are taken
 * before any method sees them. */
static void expand_steps(Module *module)
{
    for (uint32_t i = 0; i < module->weights.len; i++) {
        Function *value = module->weights.data[i].net == NO_NET ? weight_value_function(module, i) : NULL;
        if (value && function_has(value, OP_GRAD))
            pass_differentiate(module, value);
    }
}

Assembly method_assembly(Model *model, Train *train, const PassTrace *trace)
{
    Module *module = model->module;
    int64_t two = 2;
    expand_steps(module);
    Assembly assembly = {.model = model, .module = module, .train = train, .trace = trace};
    assembly.seed = named_state(module, "seed", type_of(DTYPE_I32, 1, &two), STATE_COUNTER, 0);
    assembly.step_lower = named_state(module, "step/lower", type_scalar(DTYPE_I32), STATE_COUNTER, 0);
    if (has_upper_phase(train))
        assembly.step_upper = named_state(module, "step/upper", type_scalar(DTYPE_I32), STATE_COUNTER, 0);
    condition_states(&assembly);
    if (method_of(train)->states)
        method_of(train)->states(&assembly);
    return assembly;
}

void method_assemble(Model *model, Train *train, PassTrace *trace)
{
    Assembly assembly = method_assembly(model, train, trace);
    method_of(train)->assemble(&assembly);
    averages_exchange(&assembly);
    assemble_plateau(&assembly);
    assemble_metrics(&assembly);
    for (uint32_t i = 0; i < model->exports.len; i++)
        assemble_export(&assembly, &model->exports.data[i]);
    assemble_init(&assembly);
}

void method_explain(const Train *train, Text *out)
{
    if (method_of(train)->explain)
        method_of(train)->explain(train, out);
}
