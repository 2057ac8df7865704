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

/* All values, in turn, or some of them, evenly apart, from one that is drawn. */
Value index_typical(Assembly *assembly, Builder *b, uint32_t condition, int64_t count)
{
    double values = (double)assembly->module->conditions.data[condition].count;
    double apart = values > (double)count ? values / (double)count : 1;
    Type type = type_of(b->module->real, 1, &count), one = type_scalar(b->module->real);
    uint32_t stream = (uint32_t)RANDOM_STREAM_TYPICAL + 2 * PARETO_MOST_OBJECTIVES * condition;
    Value seed = build_read(b, assembly->seed), zero = build_const(b, type_scalar(DTYPE_I32), 0);
    Value first = build_unary(b, OP_FLOOR, build_with_const(b, OP_MUL, build_random(b, seed, zero, one, stream, 0), values));
    Value place = build_cast(b, build_iota(b, type_with_dtype(type, DTYPE_I32), 0), type.dtype);
    place = build_unary(b, OP_FLOOR, build_with_const(b, OP_MUL, build_with_const(b, OP_ADD, place, 0.25), apart));
    place = build_binary(b, OP_ADD, place, build_splat(b, first, type));
    Value turns = build_unary(b, OP_FLOOR, build_with_const(b, OP_MUL, build_with_const(b, OP_ADD, place, 0.5), 1 / values));
    Value value = build_binary(b, OP_SUB, place, build_with_const(b, OP_MUL, turns, values));
    return build_cast(b, build_with_const(b, OP_ADD, value, 0.25), DTYPE_I32); /* rounded towards 0 */
}
