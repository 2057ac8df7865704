/* The init function of a train: the first value of each state. Most are drawn, or constants. Those of generated weights are also
 * measured (Measure of ir/ir.h): the function that makes what is to begin at a wanted scale is computed of the first values of
 * all states that it reads, for typical values of the conditions, and the numbers at hand are multiplied accordingly. So the
 * scale holds whatever nets and functions lie between the conditions and what they make (layer-sequential unit-variance
 * initialisation, Mishkin and Matas, ICLR 2016, at the end of a hypernetwork instead of at each layer). */
#include <string.h>

#include "passes/methods/methods.h"

typedef struct First {
    Assembly *assembly;
    Builder b;
    Value seed;
    VEC(Value) drawn, values; /* state -> what it is before its measure, and its first value; NO_VALUE until they are made */
} First;

/* States before this one, but for the encoders of tables and the constants of the run: first weights do not depend on how the
 * columns of a table are read, nor on whether a constant is in the code. */
static uint32_t state_number(const Module *module, uint32_t state)
{
    uint32_t number = 0;
    for (uint32_t i = 0; i < state; i++)
        number += module->states.data[i].role != STATE_ENCODER && module->states.data[i].role != STATE_CONSTANT;
    return number;
}

static Value initial_value(Builder *b, Value seed, uint32_t state)
{
    const State *s = &b->module->states.data[state];
    Value step = build_const(b, type_scalar(DTYPE_I32), 0);
    uint32_t stream = (uint32_t)RANDOM_STREAM_INIT + 2 * state_number(b->module, state);
    switch (s->init.kind) {
    case INIT_UNIFORM: { /* (2u - 1) a */
        Value u = build_random(b, seed, step, s->type, stream, 0);
        return build_with_const(b, OP_SUB, build_with_const(b, OP_MUL, u, 2 * s->init.value), s->init.value);
    }
    case INIT_NORMAL:
        return build_with_const(b, OP_MUL, build_normal(b, seed, step, s->type, stream, 0), s->init.value);
    case INIT_SIGNS: {
        Value u = build_random(b, seed, step, s->type, stream, 0), half = build_const(b, s->type, 0.5);
        Value plus = build_const(b, s->type, s->init.value), minus = build_const(b, s->type, -s->init.value);
        return build_select(b, build_binary(b, OP_LT, u, half), minus, plus);
    }
    case INIT_CONSTANT:
        break;
    }
    return build_const(b, s->type, s->init.value);
}

/* The first values of the condition whose value is this state. */
static Value first_hypers(Assembly *assembly, Builder *b, uint32_t state)
{
    const TrainCondition *own = assembly->train->conditions.data;
    while (own->state != state)
        own++;
    return first_value(assembly, b, own->condition);
}

/* ---- measures ---- */

/* Room for all states, of which a measure may add some. */
static void grow(First *first)
{
    while (first->values.len < first->assembly->module->states.len) {
        vec_push(&first->values, NO_VALUE);
        vec_push(&first->drawn, NO_VALUE);
    }
}

static Value drawn_of(First *first, uint32_t state)
{
    bool hyper = first->assembly->module->states.data[state].role == STATE_HYPER;
    if (first->drawn.data[state] == NO_VALUE)
        first->drawn.data[state] =
            hyper ? first_hypers(first->assembly, &first->b, state) : initial_value(&first->b, first->seed, state);
    return first->drawn.data[state];
}

static Value first_of(First *first, uint32_t state);

/* What is measured, as a function of states and conditions. */
static Function *measured_copy(First *first, const char *measure)
{
    Module *module = first->assembly->module;
    Function *copy = function_new(module, arena_printf(&module->arena, "%s.%s", first->assembly->train->name, measure));
    Builder b = {.module = module, .function = copy};
    const Function *from = module_function(module, measure);
    Value *map = support_malloc((from->ops.len + 1) * sizeof *map);
    build_inline(&b, from, map);
    build_output(&b, "measured", map[from->outputs.data[0].value]);
    support_free(map);
    pass_weights(first->assembly->model, copy);
    pass_run(first->assembly->trace, "dce", module, copy);
    return copy;
}

/* Of what is computed, not read. */
static int64_t largest(const Function *copy)
{
    int64_t elements = 1;
    for (Value v = 0; v < copy->ops.len; v++) {
        const Op *op = OP_AT(copy, v);
        bool read = op->code == OP_STATE_READ || (op->nargs == 1 && OP_AT(copy, op->args[0])->code == OP_STATE_READ);
        if (!read && type_elements(op->type) > elements)
            elements = type_elements(op->type);
    }
    return elements;
}

/* What the state begins as in a measure. Parts that share the measure are multiplied together, by what is measured of none. */
static Value value_in(First *first, uint32_t state, const char *measure)
{
    const char *own = first->assembly->module->states.data[state].measure.function;
    return own && strcmp(own, measure) == 0 ? drawn_of(first, state) : first_of(first, state);
}

/* The measured value for all typical values of the conditions, with a leading axis if there are any. */
static Value measured_values(First *first, const Function *copy, const char *measure)
{
    Value *map = support_malloc((copy->ops.len + 1) * sizeof *map), value;
    grow(first);
    for (Value v = 0; v < copy->ops.len; v++)
        if (OP_AT(copy, v)->code == OP_STATE_READ)
            map[v] = value_in(first, OP_AT(copy, v)->symbol, measure);
    build_typical(first->assembly, &first->b, copy, map, typical_count(largest(copy)), &value);
    support_free(map);
    return value;
}

/* (wanted / r)^power, and 1 where r is 0. */
static Value factor_of(First *first, Measure measure)
{
    Builder *b = &first->b;
    Function *copy = measured_copy(first, measure.function);
    Value value = measured_values(first, copy, measure.function);
    function_remove(first->assembly->module, copy);
    Type type = value_type(b, value), real = type_scalar(type.dtype);
    Value square = build_with_const(b, OP_MUL, build_sum_of_product(b, value, value), 1.0 / (double)type_elements(type));
    Value zero = build_const(b, real, 0), one = build_const(b, real, 1), some = build_binary(b, OP_LT, zero, square);
    Value root = build_unary(b, OP_SQRT, build_select(b, some, square, one));
    Value ratio = build_binary(b, OP_DIV, build_const(b, real, measure.wanted), root);
    if (measure.power != 1)
        ratio = build_binary(b, OP_POW, ratio, build_const(b, real, measure.power));
    return build_select(b, some, ratio, one);
}

static Value first_of(First *first, uint32_t state)
{
    if (first->values.data[state] != NO_VALUE)
        return first->values.data[state];
    const State *s = &first->assembly->module->states.data[state];
    Measure measure = s->measure;
    Type type = s->type;
    if (s->begins_as)
        return first->values.data[state] = first_of(first, (uint32_t)find_state(first->assembly->module, s->begins_as));
    Value value = drawn_of(first, state);
    if (measure.function)
        value = build_binary(&first->b, OP_MUL, value, build_splat(&first->b, factor_of(first, measure), type));
    return first->values.data[state] = value;
}

void assemble_init(Assembly *assembly)
{
    Module *module = assembly->module;
    Function *function = function_new(module, arena_printf(&module->arena, "%s.init", assembly->train->name));
    First first = {.assembly = assembly, .b = {.module = module, .function = function, .line = assembly->train->line}};
    first.seed = build_read(&first.b, assembly->seed);
    for (uint32_t i = 0; i < module->states.len; i++) {
        grow(&first);
        const State *state = &module->states.data[i];
        bool read = state->role == STATE_ENCODER || (state->role == STATE_FROZEN && state->file);
        if (i != assembly->seed && state->role != STATE_SCRATCH && !read)
            build_write(&first.b, i, first_of(&first, i));
    }
    vec_free(&first.values);
    vec_free(&first.drawn);
    step_finish(assembly, function);
    assembly->train->init = function;
}
