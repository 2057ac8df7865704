/* Random numbers, and the weights of whole nets. */
#include "frontend/lower/at_hypers.h"
#include "frontend/lower/builtins.h"
#include "runtime/abi/random_space.h"

/* ---- random numbers ---- */

typedef struct Draw {
    Value seed, step;
    Type type;
    uint32_t stream;
    unsigned flags; /* OP_SHARED: one draw for the batch */
} Draw;

/* In a row of a data set, which is the same in every run of the seed, whatever else the model draws. */
static bool draw_in_row(Session *s, const Call *call, Type type, uint32_t streams, Draw *result)
{
    if (s->row->stream + streams > s->row->end) {
        if (!s->row->full)
            fail(s, call->expr->span, "a row of a data set draws more than %d random numbers or tensors", ROW_STREAMS / 2);
        s->row->full = true;
        return false;
    }
    *result = (Draw){.seed = s->row->seed, .step = s->row->number, .type = type, .stream = s->row->stream};
    s->row->stream += streams;
    return true;
}

/* Opens a draw of the shape of argument i. Each call in the source takes streams of its own wherever it is inlined. */
static bool draw(Session *s, const Call *call, unsigned i, uint32_t streams, Draw *result)
{
    Dims dims = {0};
    result->flags = s->shared == call->expr ? OP_SHARED : 0;
    if (call->n > i && !shape_argument(s, call, i, &dims))
        return false;
    if (!can_build(s, call->expr->span))
        return false;
    if (s->row)
        return draw_in_row(s, call, type_of(s->module->real, dims.n, dims.v), streams, result);
    Module *module = s->module;
    int64_t seed = find_state(module, "seed"), step = find_state(module, s->upper ? "step/upper" : "step/lower");
    result->seed = build_read(&s->builder, (uint32_t)seed);
    result->step = build_read(&s->builder, (uint32_t)step);
    result->type = type_of(module->real, dims.n, dims.v);
    result->stream = s->next_stream;
    s->next_stream += streams;
    return true;
}

Val builtin_uniform(Session *s, Call *call)
{
    Draw d;
    if (!draw(s, call, 0, 1, &d))
        return val_poison();
    return val_tensor(build_random(&s->builder, d.seed, d.step, d.type, d.stream, d.flags));
}

Val builtin_normal(Session *s, Call *call)
{
    Draw d;
    if (!draw(s, call, 0, 2, &d))
        return val_poison();
    return val_tensor(build_normal(&s->builder, d.seed, d.step, d.type, d.stream, d.flags));
}

Val builtin_bernoulli(Session *s, Call *call)
{
    Draw d;
    if (call->args[0].kind == VAL_NUMBER && !(call->args[0].number >= 0 && call->args[0].number <= 1))
        return fail(s, call->spans[0], "a probability lies between 0 and 1, but this is %.6g", call->args[0].number);
    if (!s->frame->standard && !check_rate(s, call->args[0], call->spans[0], "a probability"))
        return val_poison();
    Val p = as_real(s, call->args[0], call->spans[0]);
    if (is_poison(p) || !draw(s, call, 1, 1, &d))
        return val_poison();
    Builder *b = &s->builder;
    Dims dims, wanted = type_dims(d.type);
    if (!broadcast_dims(type_dims(val_type(s, p)), wanted, &dims) || dims_elements(dims) != dims_elements(wanted))
        return fail(s, call->expr->span, "a probability of %s does not fit the shape %s", describe(s, p),
                    describe_type(s, d.type));
    Value u = build_random(b, d.seed, d.step, d.type, d.stream, d.flags);
    return val_tensor(build_cast(b, build_binary(b, OP_LT, u, broadcast_to(s, p.ir, wanted)), s->module->real));
}

/* ---- whole sets of weights ---- */

static Val dot_all(Session *s, Value w)
{
    Val both[] = {val_tensor(w), val_tensor(w)};
    Span nowhere[2] = {{0}, {0}};
    Call call = {.n = 2, .args = both, .spans = nowhere};
    return builtin_dot(s, &call);
}

static Val refuse_part(Session *s, const Call *call)
{
    Val weights = call->args[0];
    fail(s, call->spans[0], "'%s' has no weights", weights.path);
    suggest_part(s, weights.symbol, weights.path);
    return val_poison();
}

Val builtin_sumsq(Session *s, Call *call)
{
    if (call->args[0].kind != VAL_WEIGHTS) {
        Val x = as_real(s, call->args[0], call->spans[0]);
        return is_poison(x) ? x : dot_all(s, x.ir);
    }
    if (!can_build(s, call->expr->span))
        return val_poison();
    uint32_t *indices, n = weights_of(s, call->args[0], &indices);
    if (s->learning)
        return val_tensor(build_const(&s->builder, type_scalar(s->module->real), 0));
    Val total = n ? val_poison() : refuse_part(s, call);
    for (uint32_t i = 0; i < n; i++) {
        Val term = dot_all(s, weight_given(s, indices[i], call->args[0].given));
        total = i == 0 ? term : val_tensor(build_binary(&s->builder, OP_ADD, total.ir, term.ir));
    }
    support_free(indices);
    return total;
}

Val builtin_flat(Session *s, Call *call)
{
    if (call->args[0].kind != VAL_WEIGHTS)
        return fail(s, call->spans[0], "flat takes a net or a part of one, but this is %s", describe(s, call->args[0]));
    if (s->learning || !can_build(s, call->expr->span))
        return val_poison(); /* in the first walk the length is not known yet */
    uint32_t *indices, n = weights_of(s, call->args[0], &indices);
    if (n == 0)
        return refuse_part(s, call);
    int64_t total = 0;
    VEC(Value) parts = {0};
    for (uint32_t i = 0; i < n; i++) {
        int64_t count = type_elements(s->module->weights.data[indices[i]].type);
        Value w = weight_given(s, indices[i], call->args[0].given);
        vec_push(&parts, build_reshape(&s->builder, w, type_of(s->module->real, 1, &count)));
        total += count;
    }
    Val result = val_poison();
    if (check_type(s, type_of(s->module->real, 1, &total), call->expr->span))
        result = val_tensor(build_concat(&s->builder, n, parts.data, 0));
    vec_free(&parts);
    support_free(indices);
    return result;
}
