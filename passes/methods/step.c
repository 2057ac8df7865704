/* What every step is made of. */
#include "passes/methods/methods.h"

uint32_t named_state(Module *module, const char *name, Type type, StateRole role, double init)
{
    return find_or_add_state(module, name, type, role, (Init){INIT_CONSTANT, init});
}

Value first_value(Assembly *assembly, Builder *b, uint32_t condition)
{
    VEC(Value) parts = {0};
    for (uint32_t i = 0; i < assembly->model->hypers.len; i++) {
        const Hyper *hyper = &assembly->model->hypers.data[i];
        int64_t count = type_elements(hyper->shape);
        if (hyper->condition == condition)
            vec_push(&parts, build_const(b, type_of(b->module->real, 1, &count), hyper_raw(hyper, hyper->init)));
    }
    Value all = build_concat(b, parts.len, parts.data, 0);
    vec_free(&parts);
    return all;
}

void function_finish(const PassTrace *trace, Module *module, Function *function)
{
    pass_finish(trace, module, function);
    pass_run(trace, "bounds", module, function);
}

void step_finish(Assembly *assembly, Function *function)
{
    function_finish(assembly->trace, assembly->module, function);
}

Value find_read(const Function *function, uint32_t state)
{
    for (Value v = 0; v < function->ops.len; v++)
        if (OP_AT(function, v)->code == OP_STATE_READ && OP_AT(function, v)->symbol == state)
            return v;
    return NO_VALUE;
}
