/* The output regulariser of von Oswald et al. (ICLR 2020, equation 2): the weights that the net makes for earlier tasks stay what
 * they were as the task at hand began,
 *
 *     beta / n  sum over n earlier tasks j  |W_j(theta*) - W_j(theta + dtheta)|^2        (a sum over all elements of the weights)
 *
 * theta* is a copy of all shared trained numbers; W_j(theta*) is made from it in every step, or once per task and stored. dtheta
 * (`lookahead`) is the step that the optimizer would take by the gradients of the loss alone; it counts as a constant, so that
 * the gradient with respect to theta is that at theta + dtheta. All earlier tasks are the rows of one batch (ir/map.h), whose
 * size does not depend on how many there are yet: a row of a later task counts 0. */
#include <string.h>

#include "ir/map.h"
#include "passes/methods/methods.h"
#include "passes/methods/protections/snapshot.h"

/* ---- the weights that tasks make ---- */

/* Whether the function reads the weight only as its row of the task at hand. */
static bool only_row_of_task(const Function *objective, uint32_t weight, uint32_t task)
{
    for (Value v = 0; v < objective->ops.len; v++) {
        const Op *op = OP_AT(objective, v);
        for (uint32_t i = 0; i < op->nargs; i++) {
            const Op *arg = OP_AT(objective, op->args[i]);
            if (arg->code != OP_PARAM || arg->symbol != weight)
                continue;
            const Op *index = op->code == OP_GATHER && i == 0 ? OP_AT(objective, op->args[1]) : NULL;
            if (!index || index->code != OP_CONDITION || index->symbol != task)
                return false;
        }
    }
    return true;
}

/* Outputs that are one value become one; the others get names of their own, since a weight may be made at several values. */
static void merge_outputs(Assembly *assembly, Function *function)
{
    uint32_t kept = 0;
    pass_run(assembly->trace, "cse", assembly->module, function);
    for (uint32_t i = 0; i < function->outputs.len; i++) {
        Output output = function->outputs.data[i];
        uint32_t same = 0, others = 0;
        for (uint32_t k = 0; k < kept; k++) {
            same += function->outputs.data[k].value == output.value;
            others += OP_AT(function, function->outputs.data[k].value)->symbol == OP_AT(function, output.value)->symbol &&
                      OP_AT(function, function->outputs.data[k].value)->code == OP_PARAM;
        }
        if (others)
            output.name = arena_printf(&assembly->module->arena, "%s/%u", output.name, others + 1);
        if (!same)
            function->outputs.data[kept++] = output;
    }
    function->outputs.len = kept;
    pass_run(assembly->trace, "dce", assembly->module, function);
}

/* A function of the task whose outputs are the weights that the objective reads, where they depend on the task, also by the
 * values of conditions that they are made at: whole, or the row of the task, where no other is read (a head per task). */
static Function *weights_function(Assembly *assembly, const Function *objective)
{
    Module *module = assembly->module;
    uint32_t task = assembly->train->continual->condition;
    Function *function = function_new(module, arena_printf(&module->arena, "%s.weights", assembly->train->name));
    Builder b = {.module = module, .function = function};
    Value *map = support_malloc((objective->ops.len + 1) * sizeof *map);
    uint64_t *depends = conditions_of_values(module, objective);
    build_inline(&b, objective, map);
    for (Value v = 0; v < objective->ops.len; v++) {
        const Op *op = OP_AT(objective, v);
        if (op->code != OP_PARAM || module->weights.data[op->symbol].net == NO_NET || !(depends[v] >> task & 1))
            continue;
        Value weight = map[v];
        if (!op->nargs && only_row_of_task(objective, op->symbol, task))
            weight = build_gather(&b, weight, build_source(&b, OP_CONDITION, task));
        build_output(&b, module->weights.data[op->symbol].name, weight);
    }
    support_free(map);
    support_free(depends);
    merge_outputs(assembly, function);
    pass_weights(assembly->model, function);
    return function;
}

/* ---- what is remembered ---- */

/* Whether the weights of earlier tasks are stored as each task begins; otherwise every step makes them again. */
static bool stores_targets(const Assembly *assembly)
{
    return protection_argument(assembly->train, "targets") != 0;
}

/* How many earlier tasks a step compares; 0: all. */
static int64_t tasks_per_step(const Assembly *assembly)
{
    return (int64_t)protection_argument(assembly->train, "tasks");
}

/* Row j holds the weight that was made for task j. */
static uint32_t target_of(Assembly *assembly, const Output *weight, Type type)
{
    Module *module = assembly->module;
    Type table = type_of_many(assembly->train->continual->tasks, type);
    uint32_t state =
        find_or_add_state(module, arena_printf(&module->arena, "target/%s", weight->name), table, STATE_MEMORY, (Init){0});
    module->states.data[state].lifetime = LIFETIME_RUN;
    module->states.data[state].grows = true;
    return state;
}

/* The weights of all tasks, as they are now. */
static void begin_stored(Assembly *assembly, Builder *b)
{
    Function *weights = weights_function(assembly, assembly->train->phases.data[0].objective);
    int64_t tasks = assembly->train->continual->tasks;
    Value *none = no_numbers(assembly->module);
    Value *made = support_malloc((weights->outputs.len + 1) * sizeof *made);
    Value all = build_iota(b, type_of(DTYPE_I32, 1, &tasks), 0), first = b->function->ops.len;
    Value task = build_const(b, type_scalar(DTYPE_I32), 0);
    Placeholder placeholder = {task, all};
    inline_at(assembly, b, weights, (Numbers){none, task, NO_VALUE}, made);
    build_mapped(b, first, tasks, 1, &placeholder, weights->outputs.len, made);
    for (uint32_t i = 0; i < weights->outputs.len; i++) {
        Type type = OP_AT(weights, weights->outputs.data[i].value)->type;
        build_write(b, target_of(assembly, &weights->outputs.data[i], type), made[i]);
    }
    support_free(none);
    support_free(made);
    function_remove(assembly->module, weights);
}

static void begin(Assembly *assembly, Builder *b, uint32_t n, const uint32_t *shared)
{
    if (stores_targets(assembly))
        begin_stored(assembly, b);
    else
        snapshot_write(assembly, b, n, shared);
}

/* ---- the regulariser ---- */

/* The tasks of the batch, as i32[rows], and what each counts: 1 / n for an earlier task, 0 for a later one. All of them; or K
 * tasks floor((u + k) t / K) for one u uniform in [0, 1): each earlier task is equally likely, and all are different if t >= K.
 */
static Value choose_tasks(Assembly *assembly, Builder *b, int64_t rows, Value *counts)
{
    Type index = type_of(DTYPE_I32, 1, &rows), real = type_of(b->module->real, 1, &rows);
    if (tasks_per_step(assembly) == 0)
        return earlier_tasks(assembly, b, rows, counts);
    Value now = build_cast(b, task_at_hand(assembly, b), b->module->real), at_hand = build_splat(b, now, real);
    Value numbers = build_cast(b, build_iota(b, index, 0), b->module->real);
    Value some = build_binary(b, OP_LT, build_const(b, real, 0), at_hand);
    Value seed = build_read(b, assembly->seed), step = build_read(b, assembly->step_lower);
    Value u = build_random(b, seed, step, type_scalar(b->module->real), RANDOM_STREAM_TASK_CHOICE, OP_SHARED);
    Value places = build_binary(b, OP_ADD, numbers, build_splat(b, u, real));
    Value chosen = build_with_const(b, OP_DIV, build_binary(b, OP_MUL, places, at_hand), (double)rows);
    Value share = build_const(b, real, 1 / (double)rows);
    *counts = build_select(b, some, share, build_const(b, real, 0));
    chosen = build_unary(b, OP_FLOOR, chosen);
    chosen = build_binary(b, OP_MIN, chosen, build_with_const(b, OP_SUB, at_hand, 1));
    return build_cast(b, build_with_const(b, OP_MAX, chosen, 0), DTYPE_I32);
}

/* The targets of a task, as the weights' outputs. `numbers`: what the regulariser is taken at. */
static void read_targets(Assembly *assembly, Builder *b, const Function *weights, Numbers numbers, Value *targets)
{
    if (!stores_targets(assembly)) {
        Value *snapshot = snapshot_numbers(assembly, b, weights, numbers.of_state);
        inline_at(assembly, b, weights, (Numbers){snapshot, numbers.task, NO_VALUE}, targets);
        support_free(snapshot);
        return;
    }
    for (uint32_t i = 0; i < weights->outputs.len; i++) {
        const Output *output = &weights->outputs.data[i];
        Type type = OP_AT(weights, output->value)->type;
        targets[i] = build_gather(b, build_read(b, target_of(assembly, output, type)), numbers.task);
    }
}

/* |W(theta*) - W(theta)|^2 of one task of `rows`, theta being the numbers. */
static void begin_distance(Assembly *assembly, Builder *b, const Function *weights, Numbers numbers, int64_t rows,
                           SquareDistance *distance)
{
    uint32_t n = weights->outputs.len;
    Value *targets = support_malloc((n + 1) * sizeof *targets), *made = support_malloc((n + 1) * sizeof *made);
    read_targets(assembly, b, weights, numbers, targets);
    inline_at(assembly, b, weights, numbers, made);
    square_distance_begin(b, n, made, targets, rows, distance);
    support_free(made);
    support_free(targets);
}

/* The sum over the first axis, each entry as often as the counts say. */
static Value weighted(Builder *b, Value counts, Value x)
{
    return build_dot(b, counts, x, dims_of(1, 0), dims_of(1, 0), (Dims){0}, (Dims){0});
}

/* The regulariser at the numbers, without beta. */
static Regulariser build_regulariser(Assembly *assembly, Builder *b, const Function *weights, const Value *numbers)
{
    int64_t some = tasks_per_step(assembly), rows = some ? some : assembly->train->continual->tasks - 1;
    Value counts, tasks = choose_tasks(assembly, b, rows, &counts), first = b->function->ops.len;
    Value task = build_const(b, type_scalar(DTYPE_I32), 0);
    Placeholder placeholder = {task, tasks};
    SquareDistance distance;
    begin_distance(assembly, b, weights, (Numbers){numbers, task, NO_VALUE}, rows, &distance);
    VEC(Value) results = {0};
    vec_push(&results, distance.rest);
    for (uint32_t i = 0; i < distance.grams.len; i++)
        vec_push(&results, distance.grams.data[i]);
    build_mapped(b, first, rows, 1, &placeholder, results.len, results.data);
    distance.rest = weighted(b, counts, results.data[0]);
    for (uint32_t i = 0; i < distance.grams.len; i++)
        distance.grams.data[i] = weighted(b, counts, results.data[i + 1]);
    vec_free(&results);
    Regulariser regulariser;
    regulariser.value = square_distance_end(b, &distance, &regulariser.slope);
    return regulariser;
}

static void before(Assembly *assembly, const Phase *phase, WeightStep *step)
{
    Builder *b = &step->b;
    const Train *train = assembly->train;
    if (train->continual->tasks < 2 || protection_argument(train, "strength") == 0)
        return;
    bool lookahead = protection_argument(train, "lookahead") != 0;
    Function *weights = weights_function(assembly, phase->objective);
    Value *numbers = own_numbers(step), *ahead = support_malloc((step->n + 1) * sizeof *ahead);
    if (lookahead)
        optimizers_try(assembly, b, phase, step->n, step->trained, ahead);
    for (uint32_t i = 0; i < step->n && lookahead; i++)
        if (is_regularised(train, &b->module->states.data[step->trained[i].state]))
            numbers[step->trained[i].state] = build_unary(b, OP_STOP, ahead[i]);
    add_regulariser(assembly, step, build_regulariser(assembly, b, weights, numbers), numbers);
    support_free(numbers);
    support_free(ahead);
    function_remove(assembly->module, weights);
}

const Protection protection_outputs = {.begin = begin, .before = before};
