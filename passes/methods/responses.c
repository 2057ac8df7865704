/* What a step sees of conditions, and of weights that respond to how far a condition is from where it stands (`shift`, `respond`:
 * ir/forms/delta_stn.c).
 *
 *   none    a weight is its part at the value at hand. Steps of these parts, metrics and exports are so: the responses cost
 * nothing full    the response is added: a step of the condition, or an export that takes the condition as an argument linear  a
 * step of the responses. The result y of a net (`mark`) is linear in them, as Bae & Grosse 2020 have it: y at the value at hand,
 * plus the derivative of y along the response. Hyperparameters that the net names itself are the samples. What a loss does with
 * weights outside of nets, such as a decay, has the response itself. No derivative reaches the other parts */
#include <string.h>

#include "passes/methods/methods.h"
#include "passes/rewrite.h"

typedef struct Resolving {
    Assembly *assembly;
    View view;
    Rewrite rewrite;
    Value *values; /* per condition; NO_VALUE: not yet there */
    Value *shifts; /* the same */
    bool *still;   /* per old value: it depends on a shift that is 0 */
} Resolving;

static Value *no_values(uint32_t count)
{
    Value *values = support_malloc((count + 1) * sizeof *values);
    for (uint32_t i = 0; i < count; i++)
        values[i] = NO_VALUE;
    return values;
}

static Value seen(Resolving *r, uint32_t condition)
{
    if (r->values[condition] == NO_VALUE)
        r->values[condition] = condition_value(r->assembly, &r->rewrite.b, condition, r->view);
    return r->values[condition];
}

/* The shift moves with the condition; where that is not sampled, it is 0 with the derivative 1. */
static Value shift_of(Resolving *r, uint32_t condition)
{
    Builder *b = &r->rewrite.b;
    if (r->shifts[condition] == NO_VALUE) {
        Value standing = build_unary(b, OP_STOP, standing_value(r->assembly, b, condition));
        r->shifts[condition] = build_binary(b, OP_SUB, seen(r, condition), standing);
    }
    return r->shifts[condition];
}

/* A condition stands still in a train that does not move it. */
static bool moves(Resolving *r, uint32_t condition)
{
    bool stepped = r->view.response != RESPONSE_NONE && find_train_condition(r->assembly->train, condition);
    return stepped || is_argument(&r->rewrite.b, condition);
}

static Value resolve(Resolving *r, Value v)
{
    const Op op = *OP_AT(r->rewrite.old, v);
    const Value *args = rewrite_args(&r->rewrite, v);
    for (uint32_t i = 0; i < op.nargs; i++)
        r->still[v] |= r->still[op.args[i]];
    switch (op.code) {
    case OP_CONDITION:
        return seen(r, op.symbol);
    case OP_SHIFT:
        r->still[v] = !moves(r, op.symbol);
        return r->still[v] ? build_const(&r->rewrite.b, op.type, 0) : shift_of(r, op.symbol);
    case OP_RESPOND:
        return r->still[op.args[1]] ? args[0] : build_binary(&r->rewrite.b, OP_ADD, args[0], args[1]);
    case OP_MARK:
        return args[0];
    default:
        return rewrite_copy(&r->rewrite, v);
    }
}

Value build_copy_at_hand(Builder *b, const Function *from, Value v, const Value *map)
{
    const Op *op = OP_AT(from, v);
    if (op->code == OP_SHIFT)
        return build_const(b, op->type, 0);
    return op->code == OP_RESPOND || op->code == OP_MARK ? map[op->args[0]] : build_copy(b, from, v, map);
}

/* ---- linear in the responses ---- */

/* The weights of nets without their responses, and these. */
typedef struct Responses {
    VEC(Value) parts, along;
} Responses;

/* The net's result without the responses, plus its derivative along them. */
static Value linear_result(Builder *b, Value result, const Responses *responses)
{
    return build_binary(b, OP_ADD, result,
                        jvp_append(b, result, responses->parts.len, responses->parts.data, responses->along.data));
}

/* Copies everything once without responses, of which the marked results count, and once more with these results, and weights
 * outside of nets with their responses. */
static void linearise(Resolving *r)
{
    Function *old = r->rewrite.old;
    Builder *b = &r->rewrite.b;
    Responses responses = {0};
    Value *still = no_values(old->ops.len), *marked = no_values(old->ops.len);
    for (Value v = 0; v < old->ops.len; v++) {
        const Op op = *OP_AT(old, v);
        if (op.code == OP_RESPOND) {
            still[v] = build_unary(b, OP_STOP, still[op.args[0]]); /* a value of its own, so that nothing else has its tangent */
            vec_push(&responses.parts, still[v]);
            vec_push(&responses.along, still[op.args[1]]);
        } else if (op.code == OP_CONDITION || op.code == OP_SHIFT) {
            still[v] = op.code == OP_SHIFT ? shift_of(r, op.symbol) : seen(r, op.symbol);
        } else {
            still[v] = op.code == OP_MARK ? still[op.args[0]] : build_copy(b, old, v, still);
        }
    }
    for (Value v = 0; v < old->ops.len; v++)
        if (OP_AT(old, v)->code == OP_MARK)
            marked[v] = linear_result(b, still[v], &responses);
    for (Value v = 0; v < old->ops.len; v++) {
        const Op op = *OP_AT(old, v);
        Value *map = r->rewrite.map;
        if (op.code == OP_RESPOND)
            map[v] = build_binary(b, OP_ADD, build_unary(b, OP_STOP, map[op.args[0]]), map[op.args[1]]);
        else
            map[v] = op.code == OP_MARK ? marked[v] : op.nargs == 0 ? still[v] : build_copy(b, old, v, map);
    }
    for (uint32_t i = 1; i < old->outputs.len; i++) /* what is carried to the next window is what the net has at hand */
        if (old->outputs.data[i].value != old->outputs.data[0].value)
            r->rewrite.map[old->outputs.data[i].value] = still[old->outputs.data[i].value];
    vec_free(&responses.parts);
    vec_free(&responses.along);
    support_free(still);
    support_free(marked);
}

void resolve_conditions(Assembly *assembly, Function *function, View view)
{
    uint32_t count = assembly->module->conditions.len;
    Resolving r = {.assembly = assembly, .view = view, .values = no_values(count), .shifts = no_values(count)};
    r.still = support_malloc(function->ops.len + 1);
    memset(r.still, 0, function->ops.len + 1);
    rewrite_begin(&r.rewrite, assembly->module, function);
    if (view.response == RESPONSE_LINEAR)
        linearise(&r);
    else
        for (Value v = 0; v < r.rewrite.old->ops.len; v++)
            r.rewrite.map[v] = resolve(&r, v);
    rewrite_end(&r.rewrite);
    support_free(r.values);
    support_free(r.shifts);
    support_free(r.still);
}
