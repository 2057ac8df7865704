/* Dead code elimination: keeps what an output or a state write needs, and every input. */
#include "passes/passes.h"
#include "passes/rewrite.h"
#include "passes/scans.h"

static void mark_live(const Function *function, bool *live)
{
    uint32_t n = function->ops.len;
    for (Value v = 0; v < n; v++) {
        const Op *op = OP_AT(function, v);
        live[v] = op->code == OP_INPUT || op_info[op->code].effect == EFFECT_WRITE;
    }
    for (uint32_t i = 0; i < function->outputs.len; i++)
        live[function->outputs.data[i].value] = true;
    for (Value v = n; v-- > 0;)
        if (live[v])
            for (uint32_t i = 0; i < OP_AT(function, v)->nargs; i++)
                live[OP_AT(function, v)->args[i]] = true;
}

void pass_dce(Module *module, Function *function)
{
    uint32_t n = function->ops.len;
    bool *live = support_malloc(n);
    mark_live(function, live);
    shrink_scans(module, function, live);
    mark_live(function, live);
    Rewrite rewrite;
    rewrite_begin(&rewrite, module, function);
    for (Value v = 0; v < n; v++)
        if (live[v])
            rewrite_copy(&rewrite, v);
    rewrite_end(&rewrite);
    support_free(live);
}
