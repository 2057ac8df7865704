/* Plain training under a schedule of hyperparameters that is known: before each step they take the values that a table has for
 * it. A row of the table is a step and the unconstrained numbers; between rows they go straight. The program fills the table when
 * a run begins (runtime/run/schedule.h), and its first row is step 0. */
#include "passes/methods/methods.h"
#include "runtime/abi/schedule_rows.h"

static int64_t numbers_of(const Assembly *assembly)
{
    int64_t numbers = 0;
    for (uint32_t i = 0; i < assembly->train->conditions.len; i++)
        numbers += type_elements(assembly->module->conditions.data[assembly->train->conditions.data[i].condition].type);
    return numbers;
}

static void states(Assembly *assembly)
{
    Module *module = assembly->module;
    Type table = type_of(module->real, 2, (int64_t[]){SCHEDULE_ROWS, 1 + numbers_of(assembly)});
    uint32_t state = named_state(module, "schedule", table, STATE_COUNTER, 0);
    module->states.data[state].lifetime = LIFETIME_RUN;
    assembly->train->schedule = (int64_t)state;
}

/* Entry `column` of a row, as a scalar. */
static Value entry(Builder *b, Value row, int64_t column)
{
    Type one = type_of(b->module->real, 1, (int64_t[]){1});
    return build_reshape(b, build_slice(b, row, dims_of(1, column), one), type_scalar(b->module->real));
}

/* The number of the last row whose step has come, but not of the last row of all. */
static Value row_at(Builder *b, Value table, Value step)
{
    Type type = value_type(b, table), column = type_of(type.dtype, 2, (int64_t[]){type.dims[0], 1});
    Type rows = type_of(type.dtype, 1, type.dims), whole = type_scalar(DTYPE_I32);
    Value steps = build_reshape(b, build_slice(b, table, dims_of(2, 0, 0), column), rows);
    Value come = build_cast(b, build_binary(b, OP_LE, steps, build_splat(b, step, rows)), DTYPE_I32);
    Value last = build_with_const(b, OP_SUB, build_reduce(b, OP_REDUCE_SUM, come, dims_of(1, 0)), 1);
    Value most = build_const(b, whole, (double)(type.dims[0] - 2)), least = build_const(b, whole, 0);
    return build_binary(b, OP_MAX, build_binary(b, OP_MIN, last, most), least);
}

static Function *take_values(Assembly *assembly)
{
    Module *module = assembly->module;
    Builder b = {.module = module, .line = assembly->train->line};
    b.function = function_new(module, arena_printf(&module->arena, "%s.values", assembly->train->name));
    Value table = build_read(&b, (uint32_t)assembly->train->schedule), step = steps_done(assembly, &b);
    Value number = row_at(&b, table, step);
    Value row = build_gather(&b, table, number), next = build_gather(&b, table, build_with_const(&b, OP_ADD, number, 1));
    Value begin = entry(&b, row, 0), length = build_binary(&b, OP_SUB, entry(&b, next, 0), begin);
    Value share = build_binary(&b, OP_DIV, build_binary(&b, OP_SUB, step, begin), length);
    int64_t first = 1;
    for (uint32_t i = 0; i < assembly->train->conditions.len; i++) {
        const TrainCondition *own = &assembly->train->conditions.data[i];
        Type type = module->conditions.data[own->condition].type;
        Value from = build_slice(&b, row, dims_of(1, first), type), to = build_slice(&b, next, dims_of(1, first), type);
        Value apart = build_binary(&b, OP_SUB, to, from), way = build_binary(&b, OP_MUL, build_splat(&b, share, type), apart);
        build_write(&b, own->state, build_binary(&b, OP_ADD, from, way));
        first += type_elements(type);
    }
    step_finish(assembly, b.function);
    return b.function;
}

static void assemble(Assembly *assembly)
{
    Train *train = assembly->train;
    size_t budget = act_budget(train);
    act_leaf(train, (Act){.kind = ACT_CALL, .function = take_values(assembly)});
    act_leaf(train, (Act){.kind = ACT_STEP});
    act_measure(train);
    act_end(train, budget);
    assemble_weight_step(assembly, &train->phases.data[0], AT_HAND);
    assemble_hypers(assembly);
}

const Method method_replay = {.states = states, .assemble = assemble};
