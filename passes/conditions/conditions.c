/* The table of conditions, and what steps see of them. */
#include <string.h>

#include "passes/methods/methods.h"

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

/* The argument of an export that stands for the condition; NO_VALUE: there is none. */
static Value find_argument(const Builder *b, uint32_t condition)
{
    const char *name = b->module->conditions.data[condition].name;
    for (uint32_t i = 0; i < b->function->inputs.len; i++)
        if (strcmp(b->function->input_names.data[i], name) == 0)
            return b->function->inputs.data[i];
    return NO_VALUE;
}

/* What the train makes of it, whatever an export takes. */
static Value train_value(Assembly *assembly, Builder *b, uint32_t condition, View view)
{
    const TrainCondition *own = find_train_condition(assembly->train, condition);
    return own ? condition_rules[own->kind]->value(assembly, b, own, view) : first_value(assembly, b, condition);
}

Value condition_value(Assembly *assembly, Builder *b, uint32_t condition, View view)
{
    Value argument = find_argument(b, condition);
    return argument != NO_VALUE ? argument : train_value(assembly, b, condition, view);
}

bool is_argument(const Builder *b, uint32_t condition)
{
    return find_argument(b, condition) != NO_VALUE;
}

Value standing_value(Assembly *assembly, Builder *b, uint32_t condition)
{
    return train_value(assembly, b, condition, AT_HAND);
}

Value typical_values(Assembly *assembly, Builder *b, uint32_t condition, int64_t count)
{
    const Condition *c = &assembly->module->conditions.data[condition];
    if (condition_rules[c->kind]->typical)
        return condition_rules[c->kind]->typical(assembly, b, condition, count);
    Type all = type_of_many(count, c->type);
    Value seed = build_read(b, assembly->seed), zero = build_const(b, type_scalar(DTYPE_I32), 0);
    return build_normal(b, seed, zero, all, (uint32_t)RANDOM_STREAM_TYPICAL + 2 * PARETO_MOST_OBJECTIVES * condition, 0);
}
