/* Loops: which is the derivative of which; loops without what nothing uses: results, carries, operands. */
#include <string.h>

#include "ir/scan.h"
#include "passes/scans.h"

/* ---- a scan and its derivative ---- */

static Value behind_views(const Function *f, Value v)
{
    while (op_info[OP_AT(f, v)->code].lowering == LOWER_VIEW)
        v = OP_AT(f, v)->args[0];
    return v;
}

/* Whether the value is a result of the scan, or one of what it reads step by step. */
static bool belongs_to(const Function *f, Value v, Value scan)
{
    const Op *op = OP_AT(f, scan);
    if (OP_AT(f, v)->code == OP_RESULT)
        return OP_AT(f, v)->args[0] == scan;
    for (uint32_t i = scan_carries(op); i < scan_first_invariant(op); i++)
        if (behind_views(f, op->args[i]) == v)
            return true;
    return false;
}

Value scan_of_derivative(const Function *function, Value v, int64_t *bytes)
{
    const Op *derivative = OP_AT(function, v);
    Value found = NO_VALUE;
    *bytes = 0;
    for (Value u = 0; u < v; u++) {
        const Op *op = OP_AT(function, u);
        int64_t shared = 0;
        if (op->code != OP_SCAN || !((op->flags ^ derivative->flags) & OP_REVERSED))
            continue;
        for (uint32_t i = scan_carries(derivative); i < scan_first_invariant(derivative); i++) {
            Type type = OP_AT(function, derivative->args[i])->type;
            if (belongs_to(function, behind_views(function, derivative->args[i]), u))
                shared += type_elements(type) * (int64_t)dtype_size(type.dtype);
        }
        if (shared > *bytes) {
            *bytes = shared;
            found = u;
        }
    }
    return found;
}

/* ---- without what nothing uses ---- */

/* What of a scan is kept. */
typedef struct Kept {
    bool *outputs, *ops; /* of its body */
} Kept;

static Kept kept_new(const Function *body)
{
    uint32_t outputs = body->outputs.len, ops = body->ops.len;
    bool *flags = support_malloc(outputs + ops + 1);
    memset(flags, 0, outputs + ops + 1);
    return (Kept){flags, flags + outputs};
}

static void keep_value(const Function *body, Value v, bool *ops)
{
    ops[v] = true;
    for (Value u = v + 1; u-- > 0;)
        for (uint32_t i = 0; i < OP_AT(body, u)->nargs && ops[u]; i++)
            ops[OP_AT(body, u)->args[i]] = true;
}

/* Which results are taken is in outputs[]; a carry is kept too where something else needs what it was. */
static void keep_needed(const Op *scan, Kept *kept)
{
    const Function *body = scan->body;
    bool *done = support_malloc(body->outputs.len + 1);
    memset(done, 0, body->outputs.len + 1);
    for (bool more = true; more;) {
        more = false;
        for (uint32_t i = 0; i < body->outputs.len; i++) {
            bool carry = i < scan_carries(scan);
            kept->outputs[i] |= carry && kept->ops[body->inputs.data[i]];
            if (!kept->outputs[i] || done[i])
                continue;
            done[i] = more = true;
            keep_value(body, body->outputs.data[i].value, kept->ops);
            if (carry)
                kept->ops[body->inputs.data[i]] = true;
        }
    }
    support_free(done);
}

static bool keeps_all(const Function *body, const Kept *kept)
{
    for (uint32_t i = 0; i < body->outputs.len; i++)
        if (!kept->outputs[i])
            return false;
    for (uint32_t i = 0; i < body->inputs.len; i++)
        if (!kept->ops[body->inputs.data[i]])
            return false;
    return true;
}

static Function *kept_body(Module *module, const Function *body, const Kept *kept)
{
    Builder b = {.module = module, .function = body_new(module)};
    Value *map = support_malloc((body->ops.len + 1) * sizeof *map);
    for (Value v = 0; v < body->ops.len; v++) {
        b.line = OP_AT(body, v)->line;
        if (kept->ops[v])
            map[v] = build_copy(&b, body, v, map);
    }
    for (uint32_t i = 0; i < body->outputs.len; i++)
        if (kept->outputs[i])
            body_output(&b, map[body->outputs.data[i].value]);
    support_free(map);
    return b.function;
}

/* The scan and those that take its results, changed in place. */
static void shrink(Module *module, Function *function, Value v, const Kept *kept)
{
    Op *scan = OP_AT(function, v);
    const Function *body = scan->body;
    uint32_t nargs = 0, counts[2] = {0}, *places = support_malloc((body->outputs.len + 1) * sizeof *places), n = 0;
    Value *args = ARENA_ARRAY(&module->arena, Value, scan->nargs + 1);
    for (uint32_t i = 0; i < scan->nargs; i++)
        if (kept->ops[body->inputs.data[i]]) {
            args[nargs++] = scan->args[i];
            counts[0] += i < scan_carries(scan);
            counts[1] += scan_takes_entries(scan, i);
        }
    for (uint32_t i = 0; i < body->outputs.len; i++)
        places[i] = kept->outputs[i] ? n++ : 0;
    scan->body = kept_body(module, body, kept);
    scan->args = args;
    scan->nargs = nargs;
    scan->loop.v[1] = counts[0];
    scan->loop.v[2] = counts[1];
    scan->type = scan_result_type(scan, 0);
    for (Value u = v + 1; u < function->ops.len; u++) {
        Op *op = OP_AT(function, u);
        if (op->code == OP_RESULT && op->args[0] == v)
            op->place.v[0] = places[op->place.v[0]];
    }
    support_free(places);
}

void shrink_scans(Module *module, Function *function, const bool *live)
{
    for (Value v = 0; v < function->ops.len; v++) {
        const Op *scan = OP_AT(function, v);
        if (scan->code != OP_SCAN || !live[v])
            continue;
        Kept kept = kept_new(scan->body);
        for (Value u = v + 1; u < function->ops.len; u++) {
            const Op *op = OP_AT(function, u);
            if (op->code == OP_RESULT && op->args[0] == v && live[u])
                kept.outputs[op->place.v[0]] = true;
        }
        keep_needed(scan, &kept);
        if (!keeps_all(scan->body, &kept))
            shrink(module, function, v, &kept);
        support_free(kept.outputs);
    }
}
