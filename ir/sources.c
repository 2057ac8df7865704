/* Which conditions and trained numbers a value depends on, at any remove. */
#include <string.h>

#include "ir/model.h"

Sources sources_of(const Module *module, const Function *function)
{
    Sources sources = {0};
    for (Value v = 0; v < function->ops.len; v++) {
        const Op *op = OP_AT(function, v);
        if (op->code == OP_CONDITION)
            sources.conditions |= UINT64_C(1) << op->symbol;
        if (op->code != OP_PARAM)
            continue;
        const Weight *weight = &module->weights.data[op->symbol];
        sources.conditions |= weight->sources.conditions;
        sources.trained |= weight->sources.trained;
    }
    return sources;
}

/* Weights may be made from weights before or behind them, so this takes some rounds. */
void find_sources(Module *module)
{
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
