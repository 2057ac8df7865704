/* Batching: a function of one example becomes a function of a batch. Values that differ between examples get a leading axis
 * (ir/map.c); the others are computed once. */
#include "ir/map.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

void pass_batch(Module *module, Function *function, int64_t batch_size, bool masked)
{
    bool *varies = varying_values(function);
    Rewrite rewrite;
    rewrite_begin(&rewrite, module, function);
    Mapping examples = {.b = &rewrite.b,
                        .from = function,
                        .map = rewrite.map,
                        .varies = varies,
                        .size = batch_size,
                        .examples = true,
                        .index = NO_VALUE,
                        .mask = NO_VALUE};
    for (uint32_t i = 0; i < function->inputs.len; i++) {
        Value input = function->inputs.data[i];
        Type type = mapped_type(&examples, OP_AT(function, input)->type);
        rewrite.map[input] = build_input(&rewrite.b, function->input_names.data[i], type);
    }
    if (masked || function_has(function, OP_EXAMPLE))
        examples.index = build_input(&rewrite.b, "index", type_of(DTYPE_I32, 1, &batch_size));
    if (masked)
        examples.mask = build_input(&rewrite.b, "mask", type_of(DTYPE_BOOL, 1, &batch_size));

    for (Value v = 0; v < function->ops.len; v++) {
        const Op *op = OP_AT(function, v);
        if (op->code == OP_INPUT)
            continue;
        bool rule = varies[v] || is_across(op->code);
        rewrite.map[v] = rule ? map_op(&examples, v) : rewrite_copy(&rewrite, v);
    }
    rewrite_end(&rewrite);
    support_free(varies);
}
