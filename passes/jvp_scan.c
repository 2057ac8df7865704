/* Forward mode through loops: a scan whose carries and yields have tangents beside them. */
#include "ir/scan.h"
#include "passes/scans.h"

/* How many of the body's outputs [begin, end) are real. */
static uint32_t count_real(const Function *body, uint32_t begin, uint32_t end)
{
    uint32_t count = 0;
    for (uint32_t i = begin; i < end; i++)
        count += dtype_is_float(body_output_type(body, i).dtype);
    return count;
}

/* Whether input i has a tangent in the body: every real carry has one, other inputs where their operands do. */
static bool input_moves(const Op *scan, uint32_t i, const Value *tangents)
{
    return dtype_is_float(body_input_type(scan->body, i).dtype) && (i < scan_carries(scan) || tangents[i] != NO_VALUE);
}

/* Declares inputs [begin, end), and then the tangents of those that move. */
static void declare_inputs(Builder *b, const Op *scan, uint32_t begin, uint32_t end, const Value *tangents, Value *inputs,
                           Value *moves)
{
    const Function *body = scan->body;
    for (uint32_t i = begin; i < end; i++)
        inputs[i] = body_input(b, body_input_type(body, i));
    for (uint32_t i = begin; i < end; i++)
        moves[i] = input_moves(scan, i, tangents) ? body_input(b, body_input_type(body, i)) : NO_VALUE;
}

/* Outputs [begin, end) of the body, and then the tangents of those that are real. */
static void declare_outputs(Builder *b, const Op *scan, uint32_t begin, uint32_t end, const Value *map, uint32_t n,
                            const Value *leaves, const Value *moves, JvpAppend *append)
{
    const Function *body = scan->body;
    for (uint32_t i = begin; i < end; i++)
        body_output(b, map[body->outputs.data[i].value]);
    for (uint32_t i = begin; i < end; i++)
        if (dtype_is_float(body_output_type(body, i).dtype))
            body_output(b, append(b, map[body->outputs.data[i].value], n, leaves, moves));
}

static Function *tangent_body(Module *module, const Op *scan, const Value *tangents, JvpAppend *append)
{
    const Function *body = scan->body;
    uint32_t carries = scan_carries(scan), invariants = scan_first_invariant(scan), n = 0;
    Builder b = {module, body_new(module), scan->line};
    Value *inputs = support_malloc(3 * (body->inputs.len + 1) * sizeof *inputs), *moves = inputs + body->inputs.len + 1,
          *leaves = moves + body->inputs.len + 1, *map = support_malloc((body->ops.len + 1) * sizeof *map);
    declare_inputs(&b, scan, 0, carries, tangents, inputs, moves);
    declare_inputs(&b, scan, carries, invariants, tangents, inputs, moves);
    declare_inputs(&b, scan, invariants, body->inputs.len, tangents, inputs, moves);
    body_inline(&b, body, inputs, map);
    for (uint32_t i = 0; i < body->inputs.len; i++)
        if (moves[i] != NO_VALUE) {
            leaves[n] = inputs[i];
            moves[n++] = moves[i];
        }
    declare_outputs(&b, scan, 0, carries, map, n, leaves, moves, append);
    declare_outputs(&b, scan, carries, body->outputs.len, map, n, leaves, moves, append);
    support_free(inputs);
    support_free(map);
    return b.function;
}

Value jvp_scan_append(Builder *b, const Op *scan, const Value *tangents, JvpAppend *of_body)
{
    const Function *body = scan->body;
    uint32_t carries = scan_carries(scan), invariants = scan_first_invariant(scan), n = 0, scanned = scan_scanned(scan);
    const uint32_t ends[] = {carries, invariants, body->inputs.len};
    Value *operands = support_malloc(2 * (scan->nargs + 1) * sizeof *operands);
    for (uint32_t kind = 0, begin = 0; kind < COUNT_OF(ends); begin = ends[kind++]) {
        for (uint32_t i = begin; i < ends[kind]; i++)
            operands[n++] = scan->args[i];
        for (uint32_t i = begin; i < ends[kind]; i++) {
            if (!input_moves(scan, i, tangents))
                continue;
            operands[n++] = tangents[i] != NO_VALUE ? tangents[i] : build_const(b, value_type(b, scan->args[i]), 0);
            scanned += kind == 1;
        }
    }
    Value joint = build_scan(b, tangent_body(b->module, scan, tangents, of_body), scan_steps(scan),
                             carries + count_real(body, 0, carries), scanned, scan->flags, operands);
    support_free(operands);
    return joint;
}

Value jvp_result_append(Builder *b, const Op *scan, Value joint, uint32_t place)
{
    const Function *body = scan->body;
    uint32_t carries = scan_carries(scan), count = body->outputs.len;
    if (!dtype_is_float(body_output_type(body, place).dtype))
        return NO_VALUE;
    uint32_t at = place < carries ? carries + count_real(body, 0, place)
                                  : carries + count_real(body, 0, carries) + (count - carries) + count_real(body, carries, place);
    return build_result(b, joint, at);
}
