/* Which conditions and trained numbers a value depends on, at any remove. */
#include <string.h>

#include "ir/model.h"

/* The conditions whose values the operands of a `param` are. */
static uint64_t given_conditions(const Op *op)
{
    uint64_t set = 0;
    for (unsigned i = 0; i < op->conditions.n; i++)
        set |= UINT64_C(1) << op->conditions.v[i];
    return set;
}

bool has_responses(const Module *module)
{
    bool found = false;
    for (uint32_t i = 0; i < module->weights.len; i++)
        found |= module->weights.data[i].responds;
    return found;
}

uint64_t conditions_of_op(const Module *module, const Op *op)
{
    if (op->code == OP_CONDITION || op->code == OP_SHIFT)
        return UINT64_C(1) << op->symbol;
    return op->code == OP_PARAM ? module->weights.data[op->symbol].sources.conditions & ~given_conditions(op) : 0;
}

uint64_t *conditions_of_values(const Module *module, const Function *function)
{
    uint64_t *sets = support_malloc((function->ops.len + 1) * sizeof *sets);
    for (Value v = 0; v < function->ops.len; v++) {
        const Op *op = OP_AT(function, v);
        sets[v] = conditions_of_op(module, op);
        for (uint32_t i = 0; i < op->nargs; i++)
            sets[v] |= sets[op->args[i]];
    }
    return sets;
}

Sources sources_of(const Module *module, const Function *function)
{
    Sources sources = {0};
    for (Value v = 0; v < function->ops.len; v++) {
        const Op *op = OP_AT(function, v);
        sources.conditions |= conditions_of_op(module, op);
        if (op->code == OP_PARAM)
            sources.trained |= module->weights.data[op->symbol].sources.trained;
    }
    return sources;
}

/* Weights may be made from weights before or behind them, so this takes some rounds. */
void find_sources(Module *module)
{
    for (uint32_t i = 0; i < module->weights.len; i++)
        module->weights.data[i].sources = (Sources){0};
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t i = module->weights.len; i-- > 0;) {
            Weight *weight = &module->weights.data[i];
            const Function *value = weight_value_function(module, i);
            Sources found = value ? sources_of(module, value) : (Sources){.trained = !weight->file && !weight->fixed};
            changed |= found.conditions != weight->sources.conditions || found.trained != weight->sources.trained;
            weight->sources = found;
        }
    }
}

Function *weight_value_function(const Module *module, uint32_t weight)
{
    const char *value = module->weights.data[weight].value;
    for (uint32_t i = 0; value && i < module->functions.len; i++)
        if (strcmp(module->functions.data[i]->name, value) == 0)
            return module->functions.data[i];
    return NULL;
}

/* ---- values of conditions that a weight does not depend on ---- */

static bool is_needless(const Module *module, const Op *op, uint32_t i)
{
    return !(module->weights.data[op->symbol].sources.conditions >> op->conditions.v[i] & 1);
}

static bool has_needless(const Module *module, const Function *function)
{
    for (Value v = 0; v < function->ops.len; v++)
        for (uint32_t i = 0; OP_AT(function, v)->code == OP_PARAM && i < OP_AT(function, v)->nargs; i++)
            if (is_needless(module, OP_AT(function, v), i))
                return true;
    return false;
}

/* What the outputs depend on without the needless values. */
static bool *mark_needed(const Module *module, const Function *function)
{
    bool *needed = support_malloc(function->ops.len + 1);
    memset(needed, 0, function->ops.len + 1);
    for (uint32_t i = 0; i < function->outputs.len; i++)
        needed[function->outputs.data[i].value] = true;
    for (Value v = function->ops.len; v-- > 0;) {
        const Op *op = OP_AT(function, v);
        needed[v] |= op->code == OP_INPUT;
        for (uint32_t i = 0; i < op->nargs && needed[v]; i++)
            needed[op->args[i]] |= op->code != OP_PARAM || !is_needless(module, op, i);
    }
    return needed;
}

/* The `param` without its needless operands. Where only these had leading axes, the weight is repeated along them. */
static Value copy_param(Builder *b, const Op *op, const Value *map)
{
    Dims conditions = {0};
    Value values[MAX_RANK];
    b->line = op->line;
    for (uint32_t i = 0; i < op->nargs; i++)
        if (!is_needless(b->module, op, i)) {
            values[conditions.n] = map[op->args[i]];
            conditions.v[conditions.n++] = op->conditions.v[i];
        }
    Value weight = build_param(b, op->symbol, conditions, values);
    Type type = value_type(b, weight);
    Dims axes = {.n = type.rank};
    for (unsigned i = 0; i < axes.n; i++)
        axes.v[i] = op->type.rank - type.rank + (int64_t)i;
    return type.rank == op->type.rank ? weight : build_broadcast(b, weight, op->type, axes);
}

static void drop_values(Module *module, Function *function)
{
    Builder b = {.module = module, .function = function_detached(module, function->name)};
    bool *needed = mark_needed(module, function);
    Value *map = support_malloc((function->ops.len + 1) * sizeof *map);
    for (Value v = 0; v < function->ops.len; v++)
        if (needed[v])
            map[v] =
                OP_AT(function, v)->code == OP_PARAM ? copy_param(&b, OP_AT(function, v), map) : build_copy(&b, function, v, map);
    for (uint32_t i = 0; i < function->outputs.len; i++)
        build_output(&b, function->outputs.data[i].name, map[function->outputs.data[i].value]);
    function_replace(function, b.function);
    support_free(needed);
    support_free(map);
}

/* What is dropped may have been all that made a weight depend on another condition. */
void drop_needless_values(Module *module)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t i = 0; i < module->functions.len; i++)
            if (has_needless(module, module->functions.data[i])) {
                drop_values(module, module->functions.data[i]);
                changed = true;
            }
        if (changed)
            find_sources(module);
    }
}
