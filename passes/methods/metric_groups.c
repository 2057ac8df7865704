/* Metrics that read the same rows are computed together: the net that two of them evaluate is evaluated once. */
#include <string.h>

#include "passes/methods/methods.h"

/* ---- one function beside another ---- */

static Value input_named(const Function *function, const char *name)
{
    for (uint32_t i = 0; i < function->inputs.len; i++)
        if (strcmp(function->input_names.data[i], name) == 0)
            return function->inputs.data[i];
    return NO_VALUE;
}

/* The value of `into` that is that of `op`, an op of another function whose operands have the values map[] in `into`. NO_VALUE:
 * there is none, or an operand has none. */
static Value find_equal(const Function *into, const Op *op, const Value *map)
{
    Value *args = support_malloc((op->nargs + 1) * sizeof *args), found = NO_VALUE;
    Op mapped = *op;
    bool known = true;
    for (uint32_t i = 0; i < op->nargs; i++) {
        args[i] = map[op->args[i]];
        known = known && args[i] != NO_VALUE;
    }
    mapped.args = args;
    for (Value v = 0; known && found == NO_VALUE && v < into->ops.len; v++)
        if (op_equal(OP_AT(into, v), &mapped))
            found = v;
    support_free(args);
    return found;
}

/* Finds for each op of `from` its equal in `into` or, where there is none and a builder is given, appends it. The result has one
 * value per op; the caller frees it. */
static Value *find_or_append(const Function *into, const Function *from, Builder *b)
{
    Value *map = support_malloc((from->ops.len + 1) * sizeof *map);
    uint32_t input = 0;
    for (Value v = 0; v < from->ops.len; v++) {
        const Op *op = OP_AT(from, v);
        map[v] = op->code == OP_INPUT ? input_named(into, from->input_names.data[input++]) : find_equal(into, op, map);
        if (map[v] == NO_VALUE && b)
            map[v] = build_copy(b, from, v, map);
    }
    return map;
}

static void append(Module *module, Function *into, const Function *from)
{
    Builder b = {.module = module, .function = into};
    Value *map = find_or_append(into, from, &b);
    for (uint32_t i = 0; i < from->outputs.len; i++)
        if (!is_carried(from->outputs.data[i].name)) /* what is carried from window to window is the same in both */
            build_output(&b, arena_printf(&module->arena, "value%u", into->outputs.len), map[from->outputs.data[i].value]);
    support_free(map);
}

/* ---- groups ---- */

/* How many of the outputs are figures, not what is carried. */
static uint32_t figures(const Function *objective)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < objective->outputs.len; i++)
        count += !is_carried(objective->outputs.data[i].name);
    return count;
}

/* Whether the function carries from window to window what `together` carries by these names. */
static bool carries_alike(const Function *together, const Function *objective)
{
    bool alike = carries(together) == carries(objective);
    if (!alike || figures(objective) == objective->outputs.len)
        return alike;
    Value *map = find_or_append(together, objective, NULL);
    for (uint32_t i = 0; i < objective->outputs.len; i++) {
        const Output *output = &objective->outputs.data[i];
        bool found = !is_carried(output->name);
        for (uint32_t k = 0; k < together->outputs.len; k++)
            found = found || (strcmp(together->outputs.data[k].name, output->name) == 0 &&
                              together->outputs.data[k].value == map[output->value]);
        alike = alike && found;
    }
    support_free(map);
    return alike;
}

static bool reads_same_rows(const Metric *a, const Metric *b)
{
    return a->dataset == b->dataset && a->split == b->split && same_member(a->member, b->member);
}

/* A function of its own, in which the others of the group find room. */
static Function *begin_group(Module *module, const Metric *first)
{
    Function *together = function_detached(module, "metrics");
    Builder b = {.module = module, .function = together};
    Value *map = find_or_append(together, first->objective, &b);
    for (uint32_t i = 0; i < first->objective->outputs.len; i++)
        build_output(&b, first->objective->outputs.data[i].name, map[first->objective->outputs.data[i].value]);
    support_free(map);
    return together;
}

Function **group_metrics(Assembly *assembly)
{
    uint32_t count = assembly->train->metrics.len;
    Metric *metrics = assembly->train->metrics.data;
    Function **together = support_malloc((count + 1) * sizeof *together);
    memset(together, 0, (count + 1) * sizeof *together);
    for (uint32_t i = 0; i < count; i++) {
        if (together[i])
            continue;
        together[i] = metrics[i].objective;
        for (uint32_t k = i + 1; k < count && figures(metrics[i].objective) == 1; k++) {
            if (together[k] || !reads_same_rows(&metrics[i], &metrics[k]) || figures(metrics[k].objective) != 1 ||
                !carries_alike(together[i], metrics[k].objective))
                continue;
            if (together[i] == metrics[i].objective)
                together[i] = begin_group(assembly->module, &metrics[i]);
            metrics[k].output = figures(together[i]);
            append(assembly->module, together[i], metrics[k].objective);
            together[k] = together[i];
        }
    }
    return together;
}

void groups_free(Assembly *assembly, Function **together)
{
    const Metric *metrics = assembly->train->metrics.data;
    for (uint32_t i = 0; i < assembly->train->metrics.len; i++)
        if (together[i] != metrics[i].objective && metrics[i].output == 0)
            function_remove(assembly->module, together[i]);
    support_free(together);
}
