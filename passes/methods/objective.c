/* From a per-example objective to a batched function ready for gradients. */
#include <string.h>

#include "passes/methods/methods.h"
#include "passes/rewrite.h"

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

static const ConditionRule *const condition_rules[CONDITION_COUNT] = {
#define CONDITION(KIND, name, ...) &condition_##name,
#include "ir/conditions.def"
#undef CONDITION
};

void condition_states(Assembly *assembly)
{
    for (uint32_t i = 0; i < assembly->train->conditions.len; i++) {
        TrainCondition *own = &assembly->train->conditions.data[i];
        condition_rules[own->kind]->states(assembly, own);
    }
}

Value condition_value(Assembly *assembly, Builder *b, uint32_t condition, View view)
{
    const TrainCondition *own = find_train_condition(assembly->train, condition);
    if (!own)
        return first_value(assembly, b, condition);
    const char *name = b->module->conditions.data[condition].name;
    for (uint32_t i = 0; i < b->function->inputs.len && !condition_standing[own->kind]; i++)
        if (strcmp(b->function->input_names.data[i], name) == 0)
            return b->function->inputs.data[i];
    return condition_rules[own->kind]->value(assembly, b, own, view);
}

void resolve_conditions(Assembly *assembly, Function *function, View view)
{
    Rewrite rewrite;
    uint32_t count = assembly->module->conditions.len;
    Value *values = support_malloc(count * sizeof *values);
    for (uint32_t i = 0; i < count; i++)
        values[i] = NO_VALUE;
    rewrite_begin(&rewrite, assembly->module, function);
    for (Value v = 0; v < function->ops.len; v++) {
        if (OP_AT(function, v)->code != OP_CONDITION) {
            rewrite_copy(&rewrite, v);
            continue;
        }
        uint32_t condition = OP_AT(function, v)->symbol;
        if (values[condition] == NO_VALUE)
            values[condition] = condition_value(assembly, &rewrite.b, condition, view);
        rewrite.map[v] = values[condition];
    }
    rewrite_end(&rewrite);
    support_free(values);
}

Function *objective_copy(Assembly *assembly, const char *name, const Function *objective, View view)
{
    Module *module = assembly->module;
    Function *function = function_new(module, name);
    Builder b = {.module = module, .function = function};
    Value *map = support_malloc(objective->ops.len * sizeof *map);
    build_inline(&b, objective, map);
    for (uint32_t i = 0; i < objective->outputs.len; i++)
        build_output(&b, objective->outputs.data[i].name, map[objective->outputs.data[i].value]);
    support_free(map);
    pass_traced(assembly->trace, "lower", module, function);
    pass_weights(assembly->model, function);
    pass_traced(assembly->trace, "weights", module, function);
    resolve_conditions(assembly, function, view);
    pass_traced(assembly->trace, "conditions", module, function);
    return function;
}

Function *objective_copies(Assembly *assembly, const char *name, const Function *objective, View view, unsigned count)
{
    if (count == 1)
        return objective_copy(assembly, name, objective, view);
    Module *module = assembly->module;
    Function *function = function_new(module, name);
    Builder b = {.module = module, .function = function};
    for (view.sample = 0; view.sample < count; view.sample++) {
        Function *copy = objective_copy(assembly, arena_printf(&module->arena, "%s.%u", name, view.sample), objective, view);
        Value *map = support_malloc(copy->ops.len * sizeof *map);
        build_inline(&b, copy, map);
        for (uint32_t i = 0; i < copy->outputs.len; i++)
            build_output(&b, arena_printf(&module->arena, "%s.%u", copy->outputs.data[i].name, view.sample),
                         map[copy->outputs.data[i].value]);
        support_free(map);
        function_remove(module, copy);
    }
    return function;
}

void objective_batch(Assembly *assembly, Function *function, int64_t batch, bool masked)
{
    Module *module = assembly->module;
    pass_run(assembly->trace, "cse", module, function);
    pass_run(assembly->trace, "factor", module, function);
    pass_batch(module, function, batch, masked);
    pass_traced(assembly->trace, "batch", module, function);
    pass_run(assembly->trace, "simplify", module, function);
    pass_run(assembly->trace, "cse", module, function);
    pass_run(assembly->trace, "dce", module, function);
    pass_run(assembly->trace, "merge", module, function);
    pass_run(assembly->trace, "cse", module, function);
}

void draw_by_row(Assembly *assembly, Function *function)
{
    enum { SPREAD = 1000003 }; /* odd: rows, too, reach all of the 2^32 numbers of steps */
    Rewrite rewrite;
    Value offset = NO_VALUE;
    rewrite_begin(&rewrite, assembly->module, function);
    for (uint32_t i = 0; i < function->inputs.len; i++) /* they keep their positions */
        rewrite_copy(&rewrite, function->inputs.data[i]);
    for (Value v = 0; v < function->ops.len; v++) {
        const Op *op = OP_AT(function, v);
        if (rewrite.map[v] != NO_VALUE)
            continue;
        if (op->code != OP_RANDOM) {
            rewrite_copy(&rewrite, v);
            continue;
        }
        Builder *b = &rewrite.b;
        if (offset == NO_VALUE)
            offset = build_with_const(b, OP_MUL, build_input(b, "row.number", type_scalar(DTYPE_I32)), SPREAD);
        Value args[] = {rewrite.map[op->args[0]], build_binary(b, OP_ADD, rewrite.map[op->args[1]], offset)};
        rewrite.map[v] = build_op(b, *op, 2, args);
    }
    rewrite_end(&rewrite);
}

void step_finish(Assembly *assembly, Function *function)
{
    pass_finish(assembly->trace, assembly->module, function);
    pass_run(assembly->trace, "bounds", assembly->module, function);
}

Value find_read(const Function *function, uint32_t state)
{
    for (Value v = 0; v < function->ops.len; v++)
        if (OP_AT(function, v)->code == OP_STATE_READ && OP_AT(function, v)->symbol == state)
            return v;
    return NO_VALUE;
}
