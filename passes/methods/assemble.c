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

/* Steps on a loss make the vector of numbers of which weights of nets are pieces. It holds gradients of one example, which are
 * taken before any method sees them. */
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

/* A step reads batches of rows side by side as they lie in memory. */
static void mark_neighbours(Function *function)
{
    for (Value v = 0; function && v < function->ops.len; v++) {
        Op *op = OP_AT(function, v);
        if (op->code == OP_FETCH && OP_AT(function, op->args[0])->code == OP_INPUT)
            op->flags |= OP_NEIGHBOURS;
    }
}

static void mark_batches(Train *train)
{
    for (uint32_t i = 0; i < train->phases.len && train->shuffles_batches; i++) {
        Phase *phase = &train->phases.data[i];
        if (phase->all_members || phase->batches > 1 || phase->rehearsed) /* then a step reads several, one behind the other */
            continue;
        mark_neighbours(phase->step);
        mark_neighbours(phase->micro_step);
    }
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
    mark_batches(train);
}

void method_explain(const Train *train, Text *out)
{
    if (method_of(train)->explain)
        method_of(train)->explain(train, out);
}
