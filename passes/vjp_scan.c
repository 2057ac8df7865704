/* Reverse mode through loops. The gradient of a scan is a scan in the other direction. Its carries are the cotangents of the
 * first one's carries and the sums of the gradients of invariants; it reads what the first one read, the carries that each step
 * began with, and the results of the products that each step made (unless the scan is OP_REMAT): these the first scan yields in
 * addition. All else of a step is computed again. What nothing uses of all this is dropped later (passes/dce.c), and products of all steps leave the loop
 * (passes/hoist.c). */
#include "ir/scan.h"
#include "passes/scans.h"

/* What the backward scan is made of, per input and output of the first scan's body. */
typedef struct Backward {
    Builder *b;
    Value scan;
    Op op; /* a copy, with its body as it was before it got more outputs */
    const Function *body;
    const Value *cotangents;
    const bool *needed;
    Builder inside;      /* the new body */
    Value *inputs, *map; /* of the first body: per input, per op, their values in the new one */
    Value *carry_cotangents, *yield_cotangents, *sums, *kept; /* inputs of the new body: per carry, output, input, op */
    VjpAppend *of_body;
    VEC(Value) operands;
} Backward;

static bool wants_sum(const Backward *w, uint32_t i)
{
    return i >= scan_first_invariant(&w->op) && w->needed[i];
}

static Value add_operand(Backward *w, Type entry, Value operand)
{
    vec_push(&w->operands, operand);
    return body_input(&w->inside, entry);
}

/* What the first scan yields of an op of its body, from now on. */
static Value history_of(Backward *w, Value v)
{
    Op *scan = OP_AT(w->b->function, w->scan);
    for (uint32_t i = scan_carries(scan); i < scan_results(scan); i++)
        if (scan->body->outputs.data[i].value == v)
            return build_result(w->b, w->scan, i);
    Builder body = {w->b->module, scan->body, 0};
    body_output(&body, v);
    return build_result(w->b, w->scan, scan_results(scan) - 1);
}

static void declare_carries(Backward *w)
{
    for (uint32_t i = 0; i < scan_carries(&w->op); i++) {
        Type type = body_output_type(w->body, i);
        Value first = w->cotangents[i] != NO_VALUE || !dtype_is_float(type.dtype) ? w->cotangents[i] : build_const(w->b, type, 0);
        w->carry_cotangents[i] = dtype_is_float(type.dtype) ? add_operand(w, type, first) : NO_VALUE;
    }
    for (uint32_t i = 0; i < w->op.nargs; i++) {
        Type type = value_type(w->b, w->op.args[i]);
        w->sums[i] = wants_sum(w, i) ? add_operand(w, type, build_const(w->b, type, 0)) : NO_VALUE;
    }
}

static void declare_scanned(Backward *w)
{
    for (uint32_t i = 0; i < scan_first_invariant(&w->op); i++) {
        Value input = w->body->inputs.data[i];
        bool carry = i < scan_carries(&w->op);
        w->inputs[i] = add_operand(w, OP_AT(w->body, input)->type, carry ? history_of(w, input) : w->op.args[i]);
    }
    for (uint32_t i = scan_carries(&w->op); i < w->body->outputs.len; i++)
        w->yield_cotangents[i] =
            w->cotangents[i] != NO_VALUE ? add_operand(w, body_output_type(w->body, i), w->cotangents[i]) : NO_VALUE;
    for (Value v = 0; v < w->body->ops.len; v++)
        w->kept[v] = OP_AT(w->body, v)->code == OP_DOT && !(w->op.flags & OP_REMAT) ? add_operand(w, OP_AT(w->body, v)->type, history_of(w, v)) : NO_VALUE;
}

static void declare_invariants(Backward *w)
{
    for (uint32_t i = scan_first_invariant(&w->op); i < w->op.nargs; i++)
        w->inputs[i] = add_operand(w, value_type(w->b, w->op.args[i]), w->op.args[i]);
}

/* The number whose gradient is the gradient of the step: each output times its cotangent, summed. */
static Value step_scalar(Backward *w)
{
    Value sum = NO_VALUE;
    for (uint32_t i = 0; i < w->body->outputs.len; i++) {
        Value cotangent = i < scan_carries(&w->op) ? w->carry_cotangents[i] : w->yield_cotangents[i];
        if (cotangent == NO_VALUE)
            continue;
        Value part = build_sum_of_product(&w->inside, w->map[w->body->outputs.data[i].value], cotangent);
        DType real = w->b->module->real;
        part = build_cast(&w->inside, part, real);
        sum = sum == NO_VALUE ? part : build_binary(&w->inside, OP_ADD, sum, part);
    }
    return sum;
}

/* Products that the first scan made are read instead of made again. */
static void use_kept(Backward *w)
{
    Function *f = w->inside.function;
    for (Value v = 0; v < w->body->ops.len; v++)
        for (Value user = w->map[v] + 1; w->kept[v] != NO_VALUE && user < f->ops.len; user++)
            for (uint32_t i = 0; i < OP_AT(f, user)->nargs; i++)
                if (OP_AT(f, user)->args[i] == w->map[v])
                    OP_AT(f, user)->args[i] = w->kept[v];
}

/* Whether input i gets a gradient in each step. */
static bool wants_gradient(const Backward *w, uint32_t i)
{
    return i < scan_carries(&w->op) ? w->carry_cotangents[i] != NO_VALUE : w->needed[i];
}

static void finish_body(Backward *w)
{
    uint32_t count = w->op.nargs, n = 0, carries = scan_carries(&w->op);
    Value *xs = support_malloc(2 * (count + 1) * sizeof *xs), *grads = xs + count + 1;
    for (uint32_t i = 0; i < count; i++)
        if (wants_gradient(w, i))
            xs[n++] = w->inputs[i];
    w->of_body(&w->inside, step_scalar(w), n, xs, grads);
    use_kept(w);
    n = 0;
    for (uint32_t i = 0; i < carries; i++)
        if (wants_gradient(w, i))
            body_output(&w->inside, grads[n++]);
    uint32_t scanned = n;
    for (uint32_t i = carries; i < scan_first_invariant(&w->op); i++)
        n += wants_gradient(w, i);
    for (uint32_t i = scan_first_invariant(&w->op); i < count; i++)
        if (wants_gradient(w, i))
            body_output(&w->inside, build_binary(&w->inside, OP_ADD, w->sums[i], grads[n++]));
    for (uint32_t i = carries; i < scan_first_invariant(&w->op); i++)
        if (wants_gradient(w, i))
            body_output(&w->inside, grads[scanned++]);
    support_free(xs);
}

/* Results of the backward scan are in the order of its outputs: carries, sums, scanned. */
static void take_gradients(Backward *w, Value backward, Value *grads)
{
    uint32_t n = 0, carries = scan_carries(&w->op), invariants = scan_first_invariant(&w->op);
    const uint32_t begins[] = {0, invariants, carries}, ends[] = {carries, w->op.nargs, invariants};
    for (uint32_t kind = 0; kind < COUNT_OF(begins); kind++)
        for (uint32_t i = begins[kind]; i < ends[kind]; i++) {
            grads[i] = NO_VALUE;
            if (!wants_gradient(w, i))
                continue;
            Value grad = build_result(w->b, backward, n++);
            grads[i] = w->needed[i] ? grad : NO_VALUE;
        }
}

/* The cotangent of each result of the scan: the sum of those in the list; NO_VALUE: there is none. */
static Value *sum_cotangents(Builder *b, Value scan, const ResultCotangents *list)
{
    uint32_t results = scan_results(OP_AT(b->function, scan));
    Value *sums = support_malloc((results + 1) * sizeof *sums);
    for (uint32_t i = 0; i < results; i++)
        sums[i] = NO_VALUE;
    for (uint32_t i = 0; i < list->len; i++) {
        const ResultCotangent *of = &list->data[i];
        Value *sum = &sums[of->result];
        if (of->scan == scan)
            *sum = *sum == NO_VALUE ? of->value : build_binary(b, OP_ADD, *sum, of->value);
    }
    return sums;
}

void vjp_scan_append(Builder *b, Value v, const ResultCotangents *cotangents, const bool *needed, VjpAppend *of_body,
                     Value *grads)
{
    Value *sums = sum_cotangents(b, v, cotangents);
    Op *scan = OP_AT(b->function, v);
    Function *before = scan->body;
    scan->body = body_copy(b->module, before); /* values keep their numbers */
    uint32_t most = before->ops.len + before->outputs.len + scan->nargs + 1;
    Value *lists = support_malloc(6 * most * sizeof *lists);
    Backward w = {.b = b,
                  .scan = v,
                  .op = *scan,
                  .body = before,
                  .cotangents = sums,
                  .needed = needed,
                  .of_body = of_body,
                  .inside = {b->module, body_new(b->module), scan->line},
                  .inputs = lists,
                  .map = lists + most,
                  .carry_cotangents = lists + 2 * most,
                  .yield_cotangents = lists + 3 * most,
                  .sums = lists + 4 * most,
                  .kept = lists + 5 * most};
    declare_carries(&w);
    uint32_t carries = w.operands.len;
    declare_scanned(&w);
    uint32_t scanned = w.operands.len - carries;
    declare_invariants(&w);
    body_inline(&w.inside, before, w.inputs, w.map);
    finish_body(&w);
    Value backward =
        build_scan(b, w.inside.function, scan_steps(&w.op), carries, scanned, w.op.flags ^ OP_REVERSED, w.operands.data);
    take_gradients(&w, backward, grads);
    vec_free(&w.operands);
    support_free(sums);
    support_free(lists);
}
