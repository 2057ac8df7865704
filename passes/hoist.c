/* What need not run step by step leaves the loop. A product that depends on no carry, such as that of a recurrent layer's input
 * with its weights, is one product for all steps before the loop. A product that no carry depends on, such as the gradient of a
 * weight, is one after it: what it reads is yielded. A carry that only adds up such products is their sum over all steps. What is
 * the same in all steps is computed once. Of an OP_REMAT scan no product moves: its steps are segments, each with products of its
 * own, and memory for all steps is what such a scan spares.
 *
 * Elementwise work stays inside, where it is fused with its neighbours and small enough for the near caches. */
#include "ir/map.h"
#include "ir/scan.h"
#include "passes/rewrite.h"
#include "passes/scans.h"

/* Where a value of the body is computed: once; for all steps before the loop; in the loop; for all steps behind it; nowhere, as
 * it is a carry that only adds up. */
typedef enum { ONCE, BEFORE, INSIDE, BEHIND, NOWHERE } Where;

typedef struct Hoist {
    Builder *b;
    Op scan; /* a copy, with operands where the builder builds */
    const Function *body;
    Where *where;
    bool *of_carries, *varies; /* depends on a carry; differs between steps */
    bool *carried;             /* a carry depends on it, other than by adding up */
    Value *all;                /* its value outside, with a leading axis if it varies; NO_VALUE: not known */
    Value *added;              /* per carry: what is added to it, NO_VALUE: it does more than to add up */
    Value *within;             /* its value in the new body */
    Builder inside;
    VEC(Value) yielded; /* values that the new body yields */
    VEC(Value) operands;
} Hoist;

static bool is_view(OpCode code)
{
    return op_info[code].lowering == LOWER_VIEW;
}

/* What carry i is increased by in each step, if this is all that happens to it. */
static Value find_added(const Function *body, const uint32_t *uses, uint32_t i)
{
    const Op *next = OP_AT(body, body->outputs.data[i].value);
    Value before = body->inputs.data[i];
    if (next->code != OP_ADD || uses[before] != 1 || uses[body->outputs.data[i].value] != 1)
        return NO_VALUE;
    return next->args[0] == before ? next->args[1] : next->args[1] == before ? next->args[0] : NO_VALUE;
}

/* Whether a carry stays what it is in all steps. */
static bool stays(const Hoist *h, uint32_t i)
{
    return i < scan_carries(&h->scan) && h->body->outputs.data[i].value == h->body->inputs.data[i];
}

/* Whether a carry changes in some way other than by adding up: it remains one. */
static bool remains(const Hoist *h, uint32_t i)
{
    return h->added[i] == NO_VALUE && !stays(h, i);
}

static void mark_dependence(Hoist *h)
{
    for (Value v = 0; v < h->body->ops.len; v++) {
        const Op *op = OP_AT(h->body, v);
        bool varying_input = op->code == OP_INPUT && !stays(h, op->symbol);
        h->of_carries[v] = varying_input && op->symbol < scan_carries(&h->scan);
        h->varies[v] = varying_input && op->symbol < scan_first_invariant(&h->scan);
        for (uint32_t i = 0; i < op->nargs; i++) {
            h->of_carries[v] |= h->of_carries[op->args[i]];
            h->varies[v] |= h->varies[op->args[i]];
        }
        h->carried[v] = false;
    }
    for (uint32_t i = 0; i < scan_carries(&h->scan); i++)
        h->carried[h->body->outputs.data[i].value] |= remains(h, i);
    for (Value v = h->body->ops.len; v-- > 0;)
        for (uint32_t i = 0; i < OP_AT(h->body, v)->nargs && h->carried[v]; i++)
            h->carried[OP_AT(h->body, v)->args[i]] = true;
}

static bool moves_before(const Hoist *h, Value v)
{
    OpCode code = OP_AT(h->body, v)->code;
    return !(h->scan.flags & OP_REMAT) && !h->of_carries[v] && h->varies[v] && (code == OP_DOT || code == OP_GATHER || code == OP_SCAN || code == OP_RESULT);
}

/* A product behind the loop, or what follows from one. */
static bool moves_behind(const Hoist *h, Value v)
{
    const Op *op = OP_AT(h->body, v);
    bool moves = op->code == OP_DOT && h->of_carries[v] && !(h->scan.flags & OP_REMAT);
    for (uint32_t i = 0; i < op->nargs; i++)
        moves |= h->where[op->args[i]] == BEHIND;
    return moves && !h->carried[v];
}

/* Views that only values behind the loop read go there, too. */
static void move_views(Hoist *h)
{
    for (Value v = h->body->ops.len; v-- > 0;) {
        bool behind = is_view(OP_AT(h->body, v)->code) && h->where[v] == INSIDE && !h->carried[v];
        for (uint32_t i = 0; i < h->body->outputs.len; i++)
            behind &= h->body->outputs.data[i].value != v;
        for (Value u = v + 1; u < h->body->ops.len && behind; u++)
            for (uint32_t i = 0; i < OP_AT(h->body, u)->nargs; i++)
                behind &= OP_AT(h->body, u)->args[i] != v || h->where[u] == BEHIND;
        h->where[v] = behind ? BEHIND : h->where[v];
    }
}

static void find_places(Hoist *h)
{
    for (Value v = 0; v < h->body->ops.len; v++) {
        const Op *op = OP_AT(h->body, v);
        bool input = op->code == OP_INPUT && !h->of_carries[v], computed = op->nargs && !is_view(op->code);
        h->where[v] = !h->varies[v] && (input || computed) ? ONCE
                      : input || moves_before(h, v)        ? BEFORE
                      : moves_behind(h, v)                 ? BEHIND
                                                           : INSIDE;
    }
    for (Value v = h->body->ops.len; v-- > 0;) /* with all that they follow from */
        for (uint32_t i = 0; i < OP_AT(h->body, v)->nargs && (h->where[v] == BEFORE || h->where[v] == ONCE); i++) {
            Value arg = OP_AT(h->body, v)->args[i];
            h->where[arg] = h->varies[arg] ? BEFORE : ONCE;
        }
    for (uint32_t i = 0; i < scan_carries(&h->scan); i++)
        if (h->added[i] != NO_VALUE && h->where[h->added[i]] == INSIDE)
            h->added[i] = NO_VALUE; /* adding up in the loop is cheaper than to keep what is added */
    for (uint32_t i = 0; i < scan_carries(&h->scan); i++)
        if (h->added[i] != NO_VALUE)
            h->where[h->body->outputs.data[i].value] = h->where[h->body->inputs.data[i]] = NOWHERE;
    move_views(h);
}

/* ---- outside ---- */

static Mapping mapping_of(Hoist *h)
{
    return (Mapping){.b = h->b,
                     .from = h->body,
                     .map = h->all,
                     .varies = h->varies,
                     .size = scan_steps(&h->scan),
                     .index = NO_VALUE,
                     .mask = NO_VALUE};
}

static void compute_outside(Hoist *h, Value v)
{
    Mapping m = mapping_of(h);
    h->b->line = OP_AT(h->body, v)->line;
    h->all[v] = h->varies[v] ? map_op(&m, v) : build_copy(h->b, h->body, v, h->all);
}

static void compute_before(Hoist *h)
{
    for (Value v = 0; v < h->body->ops.len; v++) {
        const Op *op = OP_AT(h->body, v);
        h->all[v] = NO_VALUE;
        if (op->code == OP_INPUT && !h->of_carries[v])
            h->all[v] = h->scan.args[op->symbol];
        else if (h->where[v] == BEFORE || h->where[v] == ONCE || is_shaped_constant(h->body, v))
            compute_outside(h, v);
    }
}

/* ---- the new body ---- */

static void add_operand(Hoist *h, Value v, Value operand)
{
    h->within[v] = body_input(&h->inside, OP_AT(h->body, v)->type);
    vec_push(&h->operands, operand);
}

/* Whether an op that stays, or a carry, reads it. */
static bool read_inside(const Hoist *h, Value v)
{
    for (Value u = v + 1; u < h->body->ops.len; u++)
        for (uint32_t i = 0; i < OP_AT(h->body, u)->nargs; i++)
            if (OP_AT(h->body, u)->args[i] == v && h->where[u] == INSIDE)
                return true;
    for (uint32_t i = 0; i < scan_carries(&h->scan); i++)
        if (remains(h, i) && h->body->outputs.data[i].value == v)
            return true;
    return false;
}

/* Yields a value of the loop, once. */
static void yield_value(Hoist *h, Value v)
{
    for (uint32_t i = 0; i < h->yielded.len; i++)
        if (h->yielded.data[i] == v)
            return;
    if (h->where[v] == INSIDE && !is_shaped_constant(h->body, v))
        vec_push(&h->yielded, v);
}

static void find_yielded(Hoist *h)
{
    uint32_t carries = scan_carries(&h->scan);
    for (uint32_t i = 0; i < h->body->outputs.len; i++)
        if (i >= carries || h->added[i] != NO_VALUE)
            yield_value(h, i < carries ? h->added[i] : h->body->outputs.data[i].value);
    for (Value v = 0; v < h->body->ops.len; v++)
        for (uint32_t i = 0; i < OP_AT(h->body, v)->nargs && h->where[v] == BEHIND; i++)
            yield_value(h, OP_AT(h->body, v)->args[i]);
}

static Value build_loop(Hoist *h)
{
    uint32_t carries = 0, scanned = 0;
    for (uint32_t i = 0; i < scan_carries(&h->scan); i++)
        if (remains(h, i)) {
            add_operand(h, h->body->inputs.data[i], h->scan.args[i]);
            carries++;
        }
    for (int varying = 1; varying >= 0; varying--)
        for (Value v = 0; v < h->body->ops.len; v++)
            if (h->where[v] < INSIDE && h->varies[v] == varying && !is_shaped_constant(h->body, v) && read_inside(h, v)) {
                add_operand(h, v, h->all[v]);
                scanned += varying != 0;
            }
    for (Value v = 0; v < h->body->ops.len; v++)
        if ((h->where[v] == INSIDE && OP_AT(h->body, v)->code != OP_INPUT) || is_shaped_constant(h->body, v)) {
            h->inside.line = OP_AT(h->body, v)->line;
            h->within[v] = build_copy(&h->inside, h->body, v, h->within);
        }
    for (uint32_t i = 0; i < scan_carries(&h->scan); i++)
        if (remains(h, i))
            body_output(&h->inside, h->within[h->body->outputs.data[i].value]);
    for (uint32_t i = 0; i < h->yielded.len; i++)
        body_output(&h->inside, h->within[h->yielded.data[i]]);
    if (h->inside.function->outputs.len == 0)
        return NO_VALUE;
    h->b->line = h->scan.line;
    Value scan = build_scan(h->b, h->inside.function, scan_steps(&h->scan), carries, scanned, h->scan.flags, h->operands.data);
    for (uint32_t i = 0; i < h->yielded.len; i++) {
        h->all[h->yielded.data[i]] = build_result(h->b, scan, carries + i);
        h->varies[h->yielded.data[i]] = true;
    }
    return scan;
}

/* ---- results ---- */

static Value with_steps(Hoist *h, Value v)
{
    Mapping m = mapping_of(h);
    return mapped_value(&m, v);
}

static void take_results(Hoist *h, Value scan, Value *results)
{
    uint32_t carries = scan_carries(&h->scan), kept = 0;
    for (uint32_t i = 0; i < h->body->outputs.len; i++) {
        if (i >= carries)
            results[i] = with_steps(h, h->body->outputs.data[i].value);
        else if (stays(h, i))
            results[i] = h->scan.args[i];
        else if (h->added[i] == NO_VALUE)
            results[i] = build_result(h->b, scan, kept++);
        else
            results[i] = build_binary(h->b, OP_ADD, h->scan.args[i],
                                      build_reduce(h->b, OP_REDUCE_SUM, with_steps(h, h->added[i]), dims_of(1, 0)));
    }
}

/* The values of all results, in order, of a scan whose operands are the builder's. */
static void hoist_scan(Builder *b, const Op *scan, Value *results)
{
    const Function *body = scan->body;
    uint32_t n = body->ops.len + 1;
    Hoist h = {.b = b, .scan = *scan, .body = body, .inside = {b->module, body_new(b->module), scan->line}};
    bool *flags = support_malloc(3 * n);
    Value *values = support_malloc((2 * n + scan->nargs) * sizeof *values);
    h.where = support_malloc(n * sizeof *h.where);
    h.of_carries = flags;
    h.varies = flags + n;
    h.carried = flags + 2 * n;
    h.all = values;
    h.within = values + n;
    h.added = values + 2 * n;
    uint32_t *uses = count_uses(body);
    for (uint32_t i = 0; i < scan_carries(scan); i++)
        h.added[i] = find_added(body, uses, i);
    support_free(uses);
    for (Value v = 0; v < n; v++)
        h.within[v] = NO_VALUE;
    mark_dependence(&h);
    find_places(&h);
    compute_before(&h);
    find_yielded(&h);
    Value made = build_loop(&h);
    for (Value v = 0; v < body->ops.len; v++)
        if (h.where[v] == BEHIND)
            compute_outside(&h, v);
    take_results(&h, made, results);
    support_free(flags);
    support_free(values);
    support_free(h.where);
    vec_free(&h.yielded);
    vec_free(&h.operands);
}

void pass_hoist(Module *module, Function *function)
{
    Rewrite rewrite;
    rewrite_begin(&rewrite, module, function);
    Value **results = support_malloc((function->ops.len + 1) * sizeof *results);
    for (Value v = 0; v < function->ops.len; v++) {
        const Op *op = OP_AT(function, v);
        results[v] = NULL;
        if (op->code == OP_RESULT) {
            rewrite.map[v] = results[op->args[0]][op->place.v[0]];
        } else if (op->code != OP_SCAN) {
            rewrite_copy(&rewrite, v);
        } else {
            Op scan = *op;
            scan.args = (Value *)rewrite_args(&rewrite, v);
            results[v] = support_malloc((scan_results(op) + 1) * sizeof **results);
            hoist_scan(&rewrite.b, &scan, results[v]);
        }
    }
    for (Value v = 0; v < function->ops.len; v++)
        support_free(results[v]);
    rewrite_end(&rewrite);
    support_free(results);
}
