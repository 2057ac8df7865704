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
