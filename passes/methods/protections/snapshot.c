#include "passes/methods/protections/snapshot.h"

#include <string.h>

static bool is_index(const Function *function, const Op *op)
{
    return op->code == OP_INPUT && !strcmp(function->input_names.data[op->symbol], "index");
}

void inline_at(Assembly *assembly, Builder *b, const Function *function, Numbers numbers, Value *results)
{
    Value *map = support_malloc((function->ops.len + 1) * sizeof *map);
    for (Value v = 0; v < function->ops.len; v++) {
        const Op *op = OP_AT(function, v);
        bool task = op->code == OP_CONDITION && op->symbol == assembly->train->continual->condition;
        if (task)
            map[v] = numbers.task;
        else if (op->code == OP_CONDITION)
            map[v] = condition_value(assembly, b, op->symbol, AT_HAND);
        else if (op->code == OP_STATE_READ && numbers.of_state[op->symbol] != NO_VALUE)
            map[v] = numbers.of_state[op->symbol];
        else
            map[v] = is_index(function, op) ? numbers.index : build_copy_at_hand(b, function, v, map);
    }
    for (uint32_t i = 0; i < function->outputs.len; i++)
        results[i] = map[function->outputs.data[i].value];
    support_free(map);
}

Value *no_numbers(const Module *module)
{
    Value *values = support_malloc((module->states.len + 1) * sizeof *values);
    for (uint32_t i = 0; i < module->states.len; i++)
        values[i] = NO_VALUE;
    return values;
}

Value *own_numbers(const WeightStep *step)
{
    Value *values = no_numbers(step->b.module);
    for (uint32_t i = 0; i < step->n; i++)
        values[step->trained[i].state] = step->trained[i].current;
    return values;
}

bool is_regularised(const Train *train, const State *state)
{
    /* a protection that does not say whether embeddings of earlier tasks are plastic freezes them */
    bool plastic = has_protection_argument(train, "embeddings") && protection_argument(train, "embeddings") != 0;
    return !has_row_per_task(train, state) || plastic;
}

/* Whether the loss reads rows of other tasks: as it gives weights another task than the one at hand. */
static bool gives_task(const Train *train)
{
    const Function *loss = train->phases.data[0].objective;
    bool gives = false;
    for (Value v = 0; v < loss->ops.len; v++)
        for (unsigned i = 0; OP_AT(loss, v)->code == OP_PARAM && i < OP_AT(loss, v)->conditions.n; i++)
            gives |= OP_AT(loss, v)->conditions.v[i] == train->continual->condition;
    return gives;
}

/* Whether a later task moves the trained numbers: those that the regulariser moves, and rows of earlier tasks that the loss
 * reads. */
static bool is_moved(const Train *train, const State *state)
{
    return state->role == STATE_WEIGHT && (is_regularised(train, state) || gives_task(train));
}

Value *snapshot_numbers(Assembly *assembly, Builder *b, const Function *function, const Value *trained)
{
    Module *module = assembly->module;
    Value *values = no_numbers(module);
    for (Value v = 0; v < function->ops.len; v++) {
        const Op *op = OP_AT(function, v);
        if (op->code == OP_STATE_READ && trained[op->symbol] != NO_VALUE && values[op->symbol] == NO_VALUE &&
            is_moved(assembly->train, &module->states.data[op->symbol]))
            values[op->symbol] = build_read(b, memory_state(module, "snapshot", op->symbol));
    }
    return values;
}

void snapshot_write(Assembly *assembly, Builder *b, uint32_t n, const uint32_t *shared)
{
    Module *module = assembly->module;
    const Train *train = assembly->train;
    uint32_t count = module->states.len; /* of states that are no snapshots */
    for (uint32_t i = 0; i < n; i++)
        keep_in_memory(b, "snapshot", shared[i]);
    for (uint32_t i = 0; i < count; i++)
        if (has_row_per_task(train, &module->states.data[i]) && is_moved(train, &module->states.data[i]))
            keep_in_memory(b, "snapshot", i);
}

Value earlier_tasks(Assembly *assembly, Builder *b, int64_t rows, Value *counts)
{
    Type index = type_of(DTYPE_I32, 1, &rows), real = type_of(b->module->real, 1, &rows);
    Value now = build_cast(b, task_at_hand(assembly, b), b->module->real), at_hand = build_splat(b, now, real);
    Value tasks = build_iota(b, index, 0), numbers = build_cast(b, tasks, b->module->real);
    Value earlier = build_binary(b, OP_LT, numbers, at_hand), n = build_with_const(b, OP_MAX, at_hand, 1);
    Value share = build_binary(b, OP_DIV, build_const(b, real, 1), n);
    *counts = build_select(b, earlier, share, build_const(b, real, 0));
    return tasks;
}

void add_regulariser(Assembly *assembly, WeightStep *step, Regulariser regulariser, const Value *numbers)
{
    Builder *b = &step->b;
    double strength = protection_argument(assembly->train, "strength");
    Value slope = build_with_const(b, OP_MUL, regulariser.slope, strength);
    for (uint32_t i = 0; i < step->n; i++) {
        Trained *t = &step->trained[i];
        if (is_regularised(assembly->train, &b->module->states.data[t->state]))
            t->gradient = build_binary(b, OP_ADD, t->gradient, build_grad(b, slope, numbers[t->state]));
    }
    build_output(b, "remember", build_with_const(b, OP_MUL, regulariser.value, strength));
}
