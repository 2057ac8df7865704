/* A vector that the model gives a value where it is used (the operands of `param`), or that is an argument of an export. No train
 * moves or draws one. */
#include "passes/methods/methods.h"

static void states(Assembly *assembly, TrainCondition *own)
{
    (void)assembly;
    (void)own;
}

static Value value(Assembly *assembly, Builder *b, const TrainCondition *own, View view)
{
    (void)assembly;
    (void)view;
    return build_const(b, b->module->conditions.data[own->condition].type, 0);
}

const ConditionRule condition_given = {states, value, NULL};
