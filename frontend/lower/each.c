/* Mapping over an axis: what a block computes of one entry is built once, with a placeholder for the entry, and then mapped over
 * all entries (ir/map.h). */
#include <string.h>

#include "frontend/lower/kit.h"
#include "ir/map.h"

typedef struct Along {
    Value first; /* of the ops of the block */
    int64_t size;
    VEC(Placeholder) placeholders;
} Along;

/* Stands for one entry while the block is built. */
static Value add_placeholder(Session *s, Along *along, Value all)
{
    Type type = value_type(&s->builder, all), element = {.dtype = type.dtype, .rank = (uint8_t)(type.rank - 1)};
    memcpy(element.dims, type.dims + 1, element.rank * sizeof *element.dims);
    Placeholder placeholder = {build_const(&s->builder, element, 0), all};
    vec_push(&along->placeholders, placeholder);
    return placeholder.element;
}

/* ---- results ---- */

/* A mapping looks at every op of the function: each counts as so small a part of an evaluation. */
enum { OPS_PER_EVALUATION = 16 };

/* What the block gives for one entry becomes what it gives for all; false (reported) where that is too much. */
static bool map_values(Session *s, const Along *along, uint32_t count, Value *values, Span span)
{
    uint32_t ops;
    const Placeholder *placeholders = along->placeholders.data;
    uint32_t n = along->placeholders.len;
    if (!count_evaluations(s, span, s->builder.function->ops.len / OPS_PER_EVALUATION))
        return false;
    if (!can_map(&s->builder, along->first, along->size, n, placeholders, count, values, &ops)) {
        fail(s, span,
             "a tensor of this block has too many axes or elements for %lld entries (limits are %d axes and %lld elements)",
             (long long)along->size, MAX_RANK, (long long)MAX_ELEMENTS);
        return false;
    }
    if (s->builder.function->ops.len + ops > LIMIT_OPS) {
        s->exhausted = true;
        fail(s, span, "more than %d operations in one function", LIMIT_OPS);
        return false;
    }
    build_mapped(&s->builder, along->first, along->size, n, placeholders, count, values);
    return true;
}

/* One tensor, or several results. */
static Val map_result(Session *s, const Along *along, Val result, Span span)
{
    bool several = result.kind == VAL_RESULTS, fine = !is_poison(result);
    uint32_t count = several ? result.results->count : 1;
    Val *tensors = support_malloc(count * sizeof *tensors);
    Value *values = support_malloc(count * sizeof *values);
    for (uint32_t i = 0; i < count && fine; i++) {
        tensors[i] = as_tensor(s, several ? result.results->values[i] : result, span);
        fine = !is_poison(tensors[i]);
        values[i] = fine ? tensors[i].ir : NO_VALUE;
    }
    fine = fine && map_values(s, along, count, values, span);
    for (uint32_t i = 0; i < count && fine; i++)
        tensors[i].ir = values[i];
    Val mapped = !fine ? val_poison() : several ? val_results(s, count, tensors) : tensors[0];
    support_free(tensors);
    support_free(values);
    return mapped;
}

/* ---- each ---- */

/* The tensor of `p in x`, and how many entries it has; poison after an error. */
static Val read_along(Session *s, const Binding *binding, Along *along, const Binding *first)
{
    Val all = as_tensor(s, evaluate(s, binding->init), binding->init->span);
    if (is_poison(all))
        return all;
    Type type = val_type(s, all);
    if (type.rank == 0) {
        fail(s, binding->init->span, "'each' runs along the first axis of a tensor, but this is %s", describe(s, all));
        return val_poison();
    }
    if (binding != first && along->size && type.dims[0] != along->size) {
        fail(s, binding->init->span, "this has %lld entries along its first axis, but '%s' has %lld", (long long)type.dims[0],
             first->name.text, (long long)along->size);
        add_note(s, first->span, "'%s' is here", first->name.text);
        return val_poison();
    }
    along->size = type.dims[0];
    return all;
}

static bool is_named_before(const Binding *first, const Binding *binding)
{
    for (; first != binding; first = first->next)
        if (strcmp(first->name.text, binding->name.text) == 0)
            return true;
    return false;
}

/* Names of the block are its own: outside, they mean what they meant before it. */
static Val run_each(Session *s, const Expr *expr, const Val *entries)
{
    Frame *frame = s->frame;
    VEC(Local) outside = {0};
    for (uint32_t i = 0; i < frame->locals.len; i++)
        vec_push(&outside, frame->locals.data[i]);
    Val result = frame->result;
    uint32_t i = 0;
    for (const Binding *binding = expr->bindings.first; binding; binding = binding->next)
        set_local(frame, binding->name, entries[i++]);
    run_block(s, &expr->body);
    Val value = frame->returned ? frame->result : val_poison();
    if (!frame->returned && !s->exhausted)
        fail(s, expr->span, "this block has no result: its last line is a value, as in '{ f(p) }'");
    frame->locals.len = 0;
    for (uint32_t k = 0; k < outside.len; k++)
        vec_push(&frame->locals, outside.data[k]);
    vec_free(&outside);
    frame->returned = false;
    frame->result = result;
    return value;
}

Val evaluate_each(Session *s, const Expr *expr)
{
    Along along = {0};
    VEC(Val) entries = {0};
    const Binding *first = expr->bindings.first;
    bool fine = can_build(s, expr->span);
    for (const Binding *binding = first; binding && can_build(s, expr->span); binding = binding->next) {
        if (is_named_before(first, binding))
            fail(s, binding->name.span, "'%s' stands for two things in this 'each'", binding->name.text);
        Val all = read_along(s, binding, &along, first);
        vec_push(&entries, all);
        fine &= !is_poison(all);
    }
    along.first = s->builder.function ? s->builder.function->ops.len : 0;
    for (uint32_t i = 0; i < entries.len; i++)
        if (!is_poison(entries.data[i]))
            entries.data[i].ir = add_placeholder(s, &along, entries.data[i].ir);
    Val result = val_poison();
    if (entries.len == expr->bindings.count && s->builder.function) {
        result = run_each(s, expr, entries.data);
        result = fine && !s->exhausted ? map_result(s, &along, result, expr->span) : val_poison();
    }
    vec_free(&entries);
    vec_free(&along.placeholders);
    return result;
}

/* ---- all values of a task or member ---- */

Val evaluate_over(Session *s, const Expr *expr, const Symbol *condition)
{
    if (!condition->extent || !can_build(s, expr->span))
        return val_poison();
    s->spanned |= UINT64_C(1) << condition->condition;
    Along along = {.size = condition->extent};
    Value all = build_iota(&s->builder, type_of(DTYPE_I32, 1, &condition->extent), 0);
    along.first = s->builder.function->ops.len;
    Given *given = ARENA_NEW(&s->file->arena, Given);
    *given = (Given){condition, add_placeholder(s, &along, all), s->given};
    Val result = evaluate_with(s, expr, given);
    result = s->exhausted ? val_poison() : map_result(s, &along, result, expr->span);
    vec_free(&along.placeholders);
    return result;
}
