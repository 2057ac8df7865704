/* Which op is at fault when a gradient is wrong. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "driver/trial.h"

enum { MOST_BLAMED = 3 };

static void print_op(const Trial *trial, const Function *function, Value v, const char *what)
{
    const Op *op = OP_AT(function, v);
    const char *path = trial->module->path ? trial->module->path : trial->module->name;
    if (op->line)
        printf("    %s:%u: ", path, op->line);
    else
        printf("    ");
    printf("%%%u, %s : %s, %s\n", v, op_info[op->code].name, type_text(op->type), what);
}

/* The values of all ops but writes of a function, as outputs named by their numbers. */
static Function *with_all_values(Module *module, const Function *function)
{
    Function *all = function_detached(module, arena_printf(&module->arena, "%s.values", function->name));
    Builder b = {.module = module, .function = all};
    Value *map = support_malloc((function->ops.len + 1) * sizeof *map);
    for (Value v = 0; v < function->ops.len; v++)
        if (OP_AT(function, v)->code != OP_STATE_WRITE) {
            map[v] = build_copy(&b, function, v, map);
            build_output(&b, arena_printf(&module->arena, "%u", v), map[v]);
        }
    support_free(map);
    return all;
}

static uint32_t output_of(const Function *all, Value v)
{
    char name[16];
    snprintf(name, sizeof name, "%u", v);
    for (uint32_t i = 0; i < all->outputs.len; i++)
        if (!strcmp(all->outputs.data[i].name, name))
            return i;
    return UINT32_MAX;
}

/* ---- derivatives ---- */

/* One op on inputs of its operands' types: outputs sum(op * weights), and the gradient with respect to each float operand. */
static Function *op_alone(Module *module, const Function *from, Value v)
{
    const Op *op = OP_AT(from, v);
    Function *alone = function_detached(module, arena_printf(&module->arena, "%s.%u", from->name, v));
    Builder b = {.module = module, .function = alone};
    Value *args = support_malloc((op->nargs + 1) * sizeof *args);
    for (uint32_t i = 0; i < op->nargs; i++)
        args[i] = build_input(&b, arena_printf(&module->arena, "x%u", i), OP_AT(from, op->args[i])->type);
    Value weights = build_input(&b, "weights", op->type), y = build_op(&b, *op, op->nargs, args);
    Value sum = build_sum_of_product(&b, y, weights);
    build_output(&b, "sum", sum);
    for (uint32_t i = 0; i < op->nargs; i++)
        if (dtype_is_float(value_type(&b, args[i]).dtype))
            build_output(&b, "gradient", build_grad(&b, sum, args[i]));
    support_free(args);
    pass_differentiate(module, alone);
    return alone;
}

static double sum_at(const Trial *trial, const Function *alone, const Tensor *inputs)
{
    Tensor *outputs;
    char why[256];
    World world = trial->world;
    if (!interpret(trial->module, alone, &world, inputs, &outputs, why))
        return NAN;
    double sum = tensor_get(&outputs[0], 0);
    interpret_free_outputs(alone, outputs);
    return sum;
}

static double sum_beside(const Trial *trial, const Function *alone, Tensor *inputs, uint32_t operand, const Tensor *direction,
                         double h)
{
    Tensor *x = &inputs[operand], moved = tensor_new(x->type), kept = *x;
    for (int64_t i = 0; i < type_elements(x->type); i++)
        tensor_set(&moved, i, tensor_get(x, i) + h * tensor_get(direction, i));
    inputs[operand] = moved;
    double sum = sum_at(trial, alone, inputs);
    inputs[operand] = kept;
    free(moved.data);
    return sum;
}

typedef enum { OP_AGREES, OP_AT_A_KINK, OP_CONTRADICTS } Verdict;

/* Compares the op's gradient with respect to the operand with its slopes along a random direction. */
static Verdict verdict_on(const Trial *trial, const Function *alone, Tensor *inputs, uint32_t operand, const Tensor *gradient)
{
    static const double sizes[] = {1e-4, 1e-5, 1e-6};
    Tensor direction = tensor_new(gradient->type);
    double slope = 0, size = 0, here = sum_at(trial, alone, inputs);
    for (int64_t i = 0; i < type_elements(direction.type); i++) {
        double d = trial_random(77 + operand, (uint64_t)i) - 0.5;
        tensor_set(&direction, i, d);
        slope += d * tensor_get(gradient, i);
        size += fabs(d * tensor_get(gradient, i));
    }
    bool agrees = false, kink = true;
    for (size_t k = 0; k < COUNT_OF(sizes); k++) {
        double h = sizes[k], left = (here - sum_beside(trial, alone, inputs, operand, &direction, -h)) / h,
               right = (sum_beside(trial, alone, inputs, operand, &direction, h) - here) / h;
        double slack = 1e-4 * fmax(size, 1e-6) + 256 * 2.2e-16 * fmax(1, fabs(here)) / h;
        agrees |= slope >= fmin(left, right) - slack && slope <= fmax(left, right) + slack;
        kink &= fabs(right - left) > 10 * slack; /* at every step size */
    }
    free(direction.data);
    return !agrees ? OP_CONTRADICTS : kink ? OP_AT_A_KINK : OP_AGREES;
}

/* Whether the op compares real numbers of which some are equal: its choice has a kink there. */
static bool compares_equals(const Op *op, const Function *all, const Tensor *values)
{
    bool compares = op->code == OP_LT || op->code == OP_LE || op->code == OP_EQ || op->code == OP_NE;
    if (!compares)
        return false;
    const Tensor *x = &values[output_of(all, op->args[0])], *y = &values[output_of(all, op->args[1])];
    for (int64_t i = 0; dtype_is_float(x->type.dtype) && i < type_elements(x->type); i++)
        if (tensor_get(x, i) == tensor_get(y, i))
            return true;
    return false;
}

static Verdict verdict_on_op(const Trial *trial, Module *module, const Function *loss, Value v, const Function *all,
                             const Tensor *values)
{
    const Op *op = OP_AT(loss, v);
    if (compares_equals(op, all, values))
        return OP_AT_A_KINK;
    if (op->nargs == 0 || !dtype_is_float(op->type.dtype) || op->code == OP_STOP || op->code == OP_STATE_WRITE ||
        op->code == OP_FETCH || op->code == OP_RANDOM || op->code == OP_EXTERN)
        return OP_AGREES;
    Function *alone = op_alone(module, loss, v);
    Tensor *inputs = support_malloc((op->nargs + 2) * sizeof *inputs), *outputs, weights = tensor_new(op->type);
    for (uint32_t i = 0; i < op->nargs; i++)
        inputs[i] = values[output_of(all, op->args[i])];
    for (int64_t i = 0; i < type_elements(op->type); i++)
        tensor_set(&weights, i, trial_random(90, (uint64_t)i) + 0.5);
    inputs[op->nargs] = weights;
    char why[256];
    World world = trial->world;
    Verdict worst = OP_AGREES;
    if (interpret(module, alone, &world, inputs, &outputs, why)) {
        for (uint32_t i = 0, at = 1; i < op->nargs; i++) {
            if (!dtype_is_float(inputs[i].type.dtype))
                continue;
            Verdict verdict = verdict_on(trial, alone, inputs, i, &outputs[at++]);
            worst = verdict > worst ? verdict : worst;
        }
        interpret_free_outputs(alone, outputs);
    }
    support_free(inputs);
    free(weights.data);
    return worst;
}

void blame_derivatives(const Trial *trial, const Function *loss)
{
    Module *module = (Module *)trial->module; /* gets functions that are in no list of the model */
    Function *all = with_all_values(module, loss);
    Tensor *values = trial_evaluate(trial, all, NULL);
    unsigned found[3] = {0};
    Value kinks[MOST_BLAMED];
    for (Value v = 0; values && v < loss->ops.len; v++) {
        Verdict verdict = verdict_on_op(trial, module, loss, v, all, values);
        if (verdict == OP_CONTRADICTS && found[verdict] < MOST_BLAMED)
            print_op(trial, loss, v, "has another slope than its derivative says");
        if (verdict == OP_AT_A_KINK && found[verdict] < MOST_BLAMED)
            kinks[found[verdict]] = v;
        found[verdict]++;
    }
    if (values && !found[OP_CONTRADICTS])
        for (unsigned i = 0; i < found[OP_AT_A_KINK] && i < MOST_BLAMED; i++)
            print_op(trial, loss, kinks[i],
                     "is at its kink: pieces that are smooth only as a sum have no right derivative there");
    if (values && !found[OP_CONTRADICTS] && !found[OP_AT_A_KINK])
        printf("    every op alone has the slope that its derivative says: the fault lies in how derivatives are put together\n");
    if (values)
        interpret_free_outputs(all, values);
}

/* ---- compiled code ---- */

/* Whether the buffer holds one whole value after the run, and nothing else. */
static bool holds_value(const Schedule *schedule, const Buffer *buffer, Value *v)
{
    *v = buffer->value;
    if (buffer->kind != BUFFER_SCRATCH || buffer->value == NO_VALUE || buffer->first == UINT32_MAX)
        return false;
    Type type = OP_AT(schedule->function, buffer->value)->type;
    return buffer->dtype == type.dtype && buffer->elements == type_elements(type);
}

void blame_compiled(const Trial *trial, uint32_t index)
{
    Module *module = (Module *)trial->module;
    const Schedule *schedule = &trial->plan->schedules.data[index];
    const Function *function = schedule->function;
    Function *all = with_all_values(module, function);
    Tensor *values = trial_evaluate(trial, all, NULL);
    unsigned char *scratch;
    Tensor *results = trial_run_compiled(trial, index, &scratch);
    bool found = false;
    for (uint32_t k = 0; values && k < schedule->kernels.len && !found; k++)
        for (uint32_t i = 0; i < schedule->kernels.data[k].writes.len && !found; i++) {
            const Buffer *buffer = &schedule->buffers.data[schedule->kernels.data[k].writes.data[i]];
            Value v;
            if (!holds_value(schedule, buffer, &v) || buffer->last < k)
                continue;
            Tensor actual = {OP_AT(function, v)->type, scratch + buffer->offset};
            const Tensor *expected = &values[output_of(all, v)];
            bool copy_in_another_order = false; /* copies of a value have its elements in another order */
            for (uint32_t b = 0; b < schedule->buffers.len; b++)
                copy_in_another_order |= &schedule->buffers.data[b] < buffer && schedule->buffers.data[b].value == v;
            if (copy_in_another_order || tensor_difference(expected, &actual) <= 1e-9)
                continue;
            char what[96];
            snprintf(what, sizeof what, "is the first value that kernel %u computes otherwise", k);
            print_op(trial, function, v, what);
            found = true;
        }
    if (values && !found)
        printf("    every value in memory is right: the fault lies in the last kernels, which write states and outputs\n");
    if (values)
        interpret_free_outputs(all, values);
    tensors_free(results, function->outputs.len + module->states.len);
    free(scratch);
}
