/* The interpreter: scans. */
#include <string.h>

#include "ir/interpret.h"
#include "ir/scan.h"

/* All results of a scan lie one behind the other in the memory of its value. */
static size_t result_offset(const Op *scan, uint32_t result)
{
    size_t offset = 0;
    for (uint32_t i = 0; i < result; i++)
        offset += (size_t)type_bytes(scan_result_type(scan, i));
    return offset;
}

/* One entry of what has a leading axis. */
static void *entry_of(void *all, Type entry, int64_t step)
{
    return (char *)all + (size_t)(step * type_bytes(entry));
}

/* Runs the body on inputs that stand ready, and keeps what it gives: carries among the inputs, yields in their places. */
static bool run_step(const Run *run, const Op *op, int64_t step, Tensor *inputs, char *results)
{
    Tensor *outputs;
    char why[256];
    if (!run->run_body(run->module, op->body, run->world, inputs, &outputs, why))
        return run_error(run, "step %lld: %.200s", (long long)step, why);
    for (uint32_t i = 0; i < scan_results(op); i++) {
        size_t bytes = (size_t)type_bytes(outputs[i].type);
        bool carry = i < scan_carries(op);
        void *place = results + result_offset(op, i);
        memcpy(carry ? inputs[i].data : entry_of(place, outputs[i].type, step), outputs[i].data, bytes);
        if (carry)
            memcpy(place, outputs[i].data, bytes);
    }
    for (uint32_t i = 0; i < scan_results(op); i++)
        support_free(outputs[i].data);
    support_free(outputs);
    return true;
}

static bool eval_scan(const Run *run, const Op *op, Tensor *out)
{
    Tensor *inputs = support_malloc(op->nargs * sizeof *inputs + 1);
    uint32_t carries = scan_carries(op), invariants = scan_first_invariant(op);
    support_free(out->data);
    out->data = support_malloc(result_offset(op, scan_results(op)) + 1);
    for (uint32_t i = 0; i < op->nargs; i++) {
        Type type = body_input_type(op->body, i);
        inputs[i] = (Tensor){type, operand_tensor(run, op, i)->data};
        if (i < carries) {
            inputs[i].data = support_malloc((size_t)type_bytes(type));
            memcpy(inputs[i].data, operand_tensor(run, op, i)->data, (size_t)type_bytes(type));
        }
    }
    bool fine = true;
    for (int64_t k = 0; k < scan_steps(op) && fine; k++) {
        int64_t step = op->flags & OP_REVERSED ? scan_steps(op) - 1 - k : k;
        for (uint32_t i = carries; i < invariants; i++)
            inputs[i].data = entry_of(operand_tensor(run, op, i)->data, inputs[i].type, step);
        fine = run_step(run, op, step, inputs, out->data);
    }
    for (uint32_t i = 0; i < carries; i++)
        support_free(inputs[i].data);
    support_free(inputs);
    return fine;
}

static bool eval_result(const Run *run, const Op *op, Tensor *out)
{
    const Op *scan = OP_AT(run->function, op->args[0]);
    const char *results = operand_tensor(run, op, 0)->data;
    memcpy(out->data, results + result_offset(scan, (uint32_t)op->place.v[0]), (size_t)type_bytes(op->type));
    return true;
}

Eval *const scan_evals[OP_COUNT] = {[OP_SCAN] = eval_scan, [OP_RESULT] = eval_result};
