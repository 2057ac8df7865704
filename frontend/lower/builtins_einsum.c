/* einsum("ij,jk->ik", x, y): products of two tensors, summed over the letters that the result does not have. */
#include <ctype.h>
#include <string.h>

#include "frontend/lower/builtins.h"

/* The letters of a tensor's axes. */
typedef struct Letters {
    unsigned n;
    char v[MAX_RANK];
} Letters;

typedef struct Einsum {
    Session *s;
    const Call *call;
    Letters operands[2], result;
    unsigned count; /* of operands */
} Einsum;

static int find_letter(const Letters *letters, char letter)
{
    for (unsigned i = 0; i < letters->n; i++)
        if (letters->v[i] == letter)
            return (int)i;
    return -1;
}

/* Letters up to one of `ends`, to which *at is moved. */
static bool read_letters(const Einsum *e, const char **at, const char *ends, Letters *letters)
{
    Span span = e->call->text_span;
    for (; **at && !strchr(ends, **at); ++*at) {
        if (**at == ' ')
            continue;
        if (!isalpha((unsigned char)**at))
            return fail(e->s, span, "'%c' is no letter: einsum(\"ij,jk->ik\", x, y) names each axis by one", **at), false;
        if (find_letter(letters, **at) >= 0)
            return fail(e->s, span, "the axis '%c' comes twice in one tensor", **at), false;
        if (letters->n == MAX_RANK)
            return fail(e->s, span, "more than %d axes", MAX_RANK), false;
        letters->v[letters->n++] = **at;
    }
    return true;
}

static bool read_text(Einsum *e, const char *text)
{
    const char *at = text;
    for (e->count = 0; e->count < 2; at++) {
        if (!read_letters(e, &at, ",-", &e->operands[e->count++]))
            return false;
        if (*at != ',')
            break;
    }
    if (at[0] != '-' || at[1] != '>' || e->count != e->call->n)
        return fail(e->s, e->call->text_span, "expected the axes of %s and of the result, as in \"%s\"",
                    e->call->n == 1 ? "the tensor" : "both tensors", e->call->n == 1 ? "ij->ji" : "ij,jk->ik"),
               false;
    at += 2;
    return read_letters(e, &at, "", &e->result);
}

/* Whether the tensors have these axes, and equal letters equal extents. */
static bool check_axes(const Einsum *e, const Val *x)
{
    for (unsigned k = 0; k < e->count; k++) {
        Type type = val_type(e->s, x[k]), first = val_type(e->s, x[0]);
        if (type.rank != e->operands[k].n)
            return fail(e->s, e->call->spans[k], "%s has %u axes, not the %u that are named", describe(e->s, x[k]), type.rank,
                        e->operands[k].n),
                   false;
        for (unsigned i = 0; k == 1 && i < type.rank; i++) {
            int other = find_letter(&e->operands[0], e->operands[1].v[i]);
            if (other >= 0 && first.dims[other] != type.dims[i])
                return fail(e->s, e->call->expr->span, "the axis '%c' has %lld entries in %s and %lld in %s", e->operands[1].v[i],
                            (long long)first.dims[other], describe(e->s, x[0]), (long long)type.dims[i], describe(e->s, x[1])),
                       false;
        }
    }
    for (unsigned i = 0; i < e->result.n; i++)
        if (find_letter(&e->operands[0], e->result.v[i]) < 0 &&
            (e->count < 2 || find_letter(&e->operands[1], e->result.v[i]) < 0))
            return fail(e->s, e->call->text_span, "the result has the axis '%c', which no tensor has", e->result.v[i]), false;
    return true;
}

/* Sums over the axes that neither the result nor the other tensor has. */
static Value reduce_own(Einsum *e, unsigned k, Value x)
{
    Letters *own = &e->operands[k], kept = {0};
    Dims summed = {0};
    for (unsigned i = 0; i < own->n; i++)
        if (find_letter(&e->result, own->v[i]) < 0 && (e->count < 2 || find_letter(&e->operands[1 - k], own->v[i]) < 0))
            summed.v[summed.n++] = i;
        else
            kept.v[kept.n++] = own->v[i];
    *own = kept;
    return build_reduce(&e->s->builder, OP_REDUCE_SUM, x, summed);
}

/* The axes of x, in order of `from`, as the result has them. */
static Value in_order(const Einsum *e, Value x, const Letters *from)
{
    Dims order = {.n = (uint8_t)e->result.n};
    bool same = true;
    for (unsigned i = 0; i < e->result.n; i++) {
        order.v[i] = find_letter(from, e->result.v[i]);
        same &= order.v[i] == i;
    }
    return same ? x : build_transpose(&e->s->builder, x, order);
}

static Value multiply(const Einsum *e, Value x, Value y)
{
    const Letters *own = &e->operands[0], *other = &e->operands[1];
    Dims contract_x = {0}, contract_y = {0}, batch_x = {0}, batch_y = {0};
    Letters made = {0};
    for (unsigned i = 0; i < own->n; i++) {
        int k = find_letter(other, own->v[i]);
        if (k < 0)
            continue;
        bool kept = find_letter(&e->result, own->v[i]) >= 0;
        Dims *mine = kept ? &batch_x : &contract_x, *yours = kept ? &batch_y : &contract_y;
        mine->v[mine->n++] = i;
        yours->v[yours->n++] = k;
        if (kept)
            made.v[made.n++] = own->v[i];
    }
    for (unsigned i = 0; i < own->n; i++)
        if (find_letter(other, own->v[i]) < 0)
            made.v[made.n++] = own->v[i];
    for (unsigned i = 0; i < other->n; i++)
        if (find_letter(own, other->v[i]) < 0)
            made.v[made.n++] = other->v[i];
    return in_order(e, build_dot(&e->s->builder, x, y, contract_x, contract_y, batch_x, batch_y), &made);
}

Val builtin_einsum(Session *s, Call *call)
{
    Einsum e = {.s = s, .call = call};
    Val x[2];
    for (unsigned i = 0; i < call->n; i++) {
        x[i] = as_real(s, call->args[i], call->spans[i]);
        if (is_poison(x[i]))
            return x[i];
    }
    if (!read_text(&e, call->text) || !check_axes(&e, x))
        return val_poison();
    Value left = reduce_own(&e, 0, x[0].ir);
    if (call->n == 1)
        return val_tensor(in_order(&e, left, &e.operands[0]));
    Value right = reduce_own(&e, 1, x[1].ir);
    return val_tensor(multiply(&e, left, right));
}
