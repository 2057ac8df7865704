/* What tasks and members share: the index at hand is a state, which acts of the procedure and the runtime's sweeps write. */
#include "passes/methods/methods.h"

void index_states(Assembly *assembly, TrainCondition *own)
{
    Module *module = assembly->module;
    Condition condition = module->conditions.data[own->condition];
    const char *name = arena_printf(&module->arena, "%s/index", condition.name);
    own->state = named_state(module, name, condition.type, STATE_COUNTER, 0);
}

Value index_value(Assembly *assembly, Builder *b, const TrainCondition *own, View view)
{
    (void)assembly;
    (void)view;
    return build_read(b, own->state);
}

/* All values, as often as they fit, or some of them, evenly apart. */
Value index_typical(Assembly *assembly, Builder *b, uint32_t condition, int64_t count)
{
    int64_t values = assembly->module->conditions.data[condition].count, one = 1;
    Type row = type_of(DTYPE_I32, 1, &one);
    VEC(Value) numbers = {0};
    for (int64_t i = 0; i < count; i++)
        vec_push(&numbers, build_const(b, row, (double)(values < count ? i % values : i * values / count)));
    Value all = build_concat(b, numbers.len, numbers.data, 0);
    vec_free(&numbers);
    return all;
}
