/* Averages of weights along a train, which metrics and exports read while training goes on with the weights w themselves. They
 * are averaged after steps; until the first time, the average a is w.
 *
 *     ema(d)         after every step                       a <- d a + (1 - d) w
 *     swa            after the steps from, from + every, ...    a <- a + (w - a) / k at the k-th time (Izmailov et al. 2018,
 *                                                           algorithm 1)
 *     nonmonotonic   the same after every step, once the metric was above its least value before the last `window` evaluations
 *                    (Merity et al. 2018, algorithm 1)
 *
 * In the finished program the state NAME holds a, so that whatever takes weights by their names takes the average, and
 * "raw/NAME" holds w. While steps are made it is the other way round: methods and protections know of no average, they read and
 * write NAME. averages_exchange() ends that. */
#include <string.h>

#include "passes/methods/methods.h"

#define RAW_PREFIX "raw/"

/* What a step adds to the averages. */
typedef struct Averaging {
    Value none;  /* bool: no weights have been averaged before */
    Value share; /* of these weights in the average: 0 where they are not averaged */
} Averaging;

/* A count of the phase that begins anew with every task. */
static uint32_t counter(Assembly *assembly, const Phase *phase, const char *what, int64_t first)
{
    Module *module = assembly->module;
    const char *name = arena_printf(&module->arena, "average/%s%s", phase && phase->responds ? "response/" : "", what);
    uint32_t state = named_state(module, name, type_scalar(DTYPE_I32), STATE_COUNTER, (double)first);
    module->states.data[state].lifetime = LIFETIME_ROUND;
    return state;
}

/* Whether swa averages after this step, as 0 or 1: the state counts down to the step. */
static Value is_due(Assembly *assembly, const Phase *phase, Builder *b)
{
    const Average *average = &assembly->train->average;
    Type whole = type_scalar(DTYPE_I32);
    uint32_t wait = counter(assembly, phase, "wait", average->from);
    Value left = build_with_const(b, OP_SUB, build_read(b, wait), 1);
    Value due = build_binary(b, OP_EQ, left, build_const(b, whole, 0));
    build_write(b, wait, build_select(b, due, build_const(b, whole, (double)average->every), left));
    return build_cast(b, due, DTYPE_I32);
}

uint32_t average_begun(Assembly *assembly)
{
    return counter(assembly, NULL, "begun", 0);
}

static Averaging this_step(Assembly *assembly, const Phase *phase, Builder *b)
{
    const Average *average = &assembly->train->average;
    Type whole = type_scalar(DTYPE_I32);
    uint32_t counted = counter(assembly, phase, "count", 0);
    Value before = build_read(b, counted), added = build_const(b, whole, 1);
    if (average->kind == AVERAGE_SWA)
        added = is_due(assembly, phase, b);
    if (average->kind == AVERAGE_NONMONOTONIC)
        added = build_read(b, average_begun(assembly));
    Value count = build_binary(b, OP_ADD, before, added);
    build_write(b, counted, count);
    Averaging averaging = {.none = build_binary(b, OP_EQ, before, build_const(b, whole, 0))};
    if (average->kind == AVERAGE_EMA) {
        averaging.share = build_const(b, type_scalar(b->module->real), 1 - average->decay);
        return averaging;
    }
    Value terms = build_with_const(b, OP_MAX, build_cast(b, count, b->module->real), 1);
    averaging.share = build_binary(b, OP_DIV, build_cast(b, added, b->module->real), terms);
    return averaging;
}

/* The state beside one that is averaged. */
static uint32_t companion(Module *module, uint32_t of)
{
    State own = module->states.data[of];
    uint32_t state = named_state(module, arena_printf(&module->arena, RAW_PREFIX "%s", own.name), own.type, STATE_OPTIMIZER, 0);
    State *made = &module->states.data[state];
    made->lifetime = own.lifetime;
    made->grows = own.grows;
    made->index = own.index;
    made->begins_as = own.name;
    return state;
}

static void average_state(Builder *b, Averaging averaging, uint32_t of, Value w)
{
    uint32_t state = companion(b->module, of);
    Type type = value_type(b, w);
    Value a = build_read(b, state), none = build_splat(b, averaging.none, type_with_dtype(type, DTYPE_BOOL));
    Value share = build_splat(b, averaging.share, type), moved = build_binary(b, OP_MUL, share, build_binary(b, OP_SUB, w, a));
    build_write(b, state, build_select(b, none, w, build_binary(b, OP_ADD, a, moved)));
}

/* The weights and running statistics that the function writes, with what they become. */
static void find_writes(const Module *module, const Function *function, TrainedStates *found)
{
    for (Value v = 0; function && v < function->ops.len; v++) {
        const Op *op = OP_AT(function, v);
        StateRole role = op->code == OP_STATE_WRITE ? module->states.data[op->symbol].role : STATE_SCRATCH;
        if (role == STATE_WEIGHT || role == STATE_FROZEN)
            vec_push(found, (Trained){op->symbol, op->args[0], NO_VALUE});
    }
}

void average_append(Assembly *assembly, const Phase *phase, Builder *b)
{
    TrainedStates written = {0};
    if (assembly->train->average.kind == AVERAGE_NONE)
        return;
    Averaging averaging = this_step(assembly, phase, b);
    find_writes(b->module, b->function, &written);
    uint32_t here = written.len;
    find_writes(b->module, phase->micro_step, &written);
    for (uint32_t i = 0; i < written.len; i++) {
        const Trained *w = &written.data[i];
        average_state(b, averaging, w->state, i < here ? w->current : build_read(b, w->state));
    }
    vec_free(&written);
}

/* ---- the exchange ---- */

static bool is_companion(const State *state)
{
    return state->begins_as && strncmp(state->name, RAW_PREFIX, strlen(RAW_PREFIX)) == 0;
}

static void exchange_in(Function *function, const uint32_t *other)
{
    for (Value v = 0; function && v < function->ops.len; v++) {
        Op *op = &function->ops.data[v];
        if (op->code == OP_STATE_READ || op->code == OP_STATE_WRITE)
            op->symbol = other[op->symbol];
    }
}

void averages_exchange(Assembly *assembly)
{
    const Module *module = assembly->module;
    Train *train = assembly->train;
    if (train->average.kind == AVERAGE_NONE)
        return;
    uint32_t *other = support_malloc((module->states.len + 1) * sizeof *other);
    for (uint32_t i = 0; i < module->states.len; i++)
        other[i] = i;
    for (uint32_t i = 0; i < module->states.len; i++)
        if (is_companion(&module->states.data[i])) {
            uint32_t of = (uint32_t)find_state(module, module->states.data[i].begins_as);
            other[i] = of;
            other[of] = i;
        }
    for (uint32_t i = 0; i < train->phases.len; i++) {
        exchange_in(train->phases.data[i].step, other);
        exchange_in(train->phases.data[i].micro_step, other);
    }
    for (uint32_t i = 0; i < train->acts.len; i++)
        exchange_in(train->acts.data[i].function, other);
    support_free(other);
}
