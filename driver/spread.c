/* How generated weights begin, for `hnc explain`: the first train's init function runs in the interpreter, and what the nets make
 * of its numbers is measured, for other draws of the conditions than those by which first values are scaled. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "driver/driver.h"

enum { LONGEST_LIST = 10 }; /* lines on the first page */

/* How often so many numbers are made: for enough values of the conditions in all, if that does not take long. */
static int count_runs(int64_t numbers)
{
    enum { VALUES = 64, MOST = 16, FEWEST = 4, LONG = 1 << 25 };
    int64_t count = typical_count(numbers), wanted = (VALUES + count - 1) / count, fitting = LONG / (count * numbers);
    int64_t most = fitting > MOST ? MOST : fitting < FEWEST ? FEWEST : fitting;
    return (int)(wanted < most ? wanted : most);
}

static void set_seed(const Module *module, World *world, int number)
{
    int64_t seed = find_state(module, "seed");
    for (int64_t i = 0; i < 2; i++)
        tensor_set(&world->states[seed], i, (double)(2 * number + i + 1));
}

/* Runs the init function under one seed and the spread under others, and fills in the root of the mean square of each output. */
static bool measure(const Module *module, const Train *train, const Function *spread, int64_t numbers, World *world,
                    double *deviations)
{
    int runs = count_runs(numbers);
    char why[256];
    Tensor *outputs;
    set_seed(module, world, 0);
    if (!interpret(module, train->init, world, NULL, &outputs, why))
        return false;
    interpret_free_outputs(train->init, outputs);
    for (int run = 1; run <= runs; run++) {
        set_seed(module, world, run);
        if (!interpret(module, spread, world, NULL, &outputs, why))
            return false;
        for (uint32_t i = 0; i < spread->outputs.len; i++)
            deviations[i] += tensor_get(&outputs[i], 0) * tensor_get(&outputs[i], 0) / runs;
        interpret_free_outputs(spread, outputs);
    }
    for (uint32_t i = 0; i < spread->outputs.len; i++)
        deviations[i] = sqrt(deviations[i]);
    return true;
}

/* ---- how many numbers are behind them ---- */

static void mark_behind(const Module *module, uint32_t weight, bool *marks)
{
    const Function *value = weight_value_function(module, weight);
    if (marks[weight])
        return;
    marks[weight] = true;
    for (Value v = 0; value && v < value->ops.len; v++)
        if (OP_AT(value, v)->code == OP_PARAM)
            mark_behind(module, OP_AT(value, v)->symbol, marks);
}

/* Trained numbers that make the weights of the form, and how many these are. */
static int64_t numbers_behind(const Module *module, uint32_t form, int64_t *weights)
{
    bool *marks = support_malloc(module->weights.len + 1);
    int64_t numbers = 0;
    memset(marks, 0, module->weights.len + 1);
    *weights = 0;
    for (uint32_t i = 0; i < module->weights.len; i++)
        if (module->weights.data[i].form == form && module->weights.data[i].net != NO_NET) {
            mark_behind(module, i, marks);
            *weights += type_elements(module->weights.data[i].type);
        }
    for (uint32_t i = 0; i < module->weights.len; i++) {
        const Weight *w = &module->weights.data[i];
        if (marks[i] && !w->value && !w->file && !w->fixed)
            numbers += type_elements(w->type);
    }
    support_free(marks);
    return numbers;
}

/* "2,036,010" */
static const char *grouped(Arena *arena, int64_t number)
{
    return number < 1000 ? arena_printf(arena, "%" PRId64, number)
                         : arena_printf(arena, "%s,%03d", grouped(arena, number / 1000), (int)(number % 1000));
}

static void explain_ratios(const Model *model, Arena *arena, Text *out)
{
    for (uint32_t form = 0; form < model->forms.len; form++) {
        const Form *f = &model->forms.data[form];
        if (!f->note)
            continue;
        int64_t weights, numbers = numbers_behind(model->module, form, &weights);
        text_printf(out, "  %s: %s; trained / made %s / %s = %.3f\n", f->target, f->note, grouped(arena, numbers),
                    grouped(arena, weights), (double)numbers / (double)weights);
    }
}

/* ---- how they begin ---- */

static void explain_one(const Weight *weight, double deviation, Text *out)
{
    double own = init_deviation(weight->init);
    text_printf(out, "  %-42s %12.4g", weight->name, deviation);
    if (own > 0)
        text_printf(out, "  %.3f of the layer's own %.4g\n", deviation / own, own);
    else
        text_printf(out, "  around the layer's own %g\n", weight->init.value);
}

void explain_spread(Model *model, Arena *arena, const PassTrace *trace, Text *out)
{
    const Module *module = model->module;
    uint32_t count = 0;
    explain_ratios(model, arena, out);
    int64_t numbers = 1;
    for (uint32_t i = 0; i < module->weights.len; i++)
        if (method_spreads(model, i)) {
            count++;
            numbers += type_elements(module->weights.data[i].type);
        }
    if (count == 0 || model->trains.len == 0)
        return;
    Function *spread = method_spread(model, &model->trains.data[0], trace);
    World world = {.states = world_states_new(module)};
    double *deviations = support_malloc((count + 1) * sizeof *deviations);
    memset(deviations, 0, (count + 1) * sizeof *deviations);
    bool measured = measure(module, &model->trains.data[0], spread, numbers, &world, deviations);
    text_printf(out, "\nweights that are made begin with             deviation\n");
    for (uint32_t i = 0, k = 0; measured && i < module->weights.len; i++) {
        if (!method_spreads(model, i))
            continue;
        if (k < LONGEST_LIST)
            explain_one(&module->weights.data[i], deviations[k], out);
        k++;
    }
    if (count > LONGEST_LIST)
        text_printf(out, "  and others: %u in all\n", count);
    support_free(deviations);
    world_states_free(module, world.states);
    function_remove(model->module, spread);
}
