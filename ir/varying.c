/* Which values of a per-example function differ between the examples of a batch. */
#include "ir/ir.h"

bool op_varies(const Op *op, const bool *varies)
{
    switch (op->code) {
    case OP_EXAMPLE:
    case OP_INPUT:
        return true;
    case OP_RANDOM:
        return !(op->flags & OP_SHARED);
    default:
        for (uint32_t i = 0; i < op->nargs && !is_across(op->code); i++)
            if (varies[op->args[i]])
                return true;
        return false;
    }
}

bool *varying_values(const Function *function)
{
    bool *varies = support_malloc(function->ops.len);
    for (Value v = 0; v < function->ops.len; v++)
        varies[v] = op_varies(OP_AT(function, v), varies);
    return varies;
}
