/* Mapping over an axis: what a block computes of one entry is built once, with a placeholder for the entry, and then mapped over
 * all entries (ir/map.h). */
#include "frontend/lower/along.h"

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
    fine = fine && check_no_update(s, along, span) && map_values(s, along, count, values, span);
    for (uint32_t i = 0; i < count && fine; i++)
        tensors[i].ir = values[i];
    Val mapped = !fine ? val_poison() : several ? val_results(s, count, tensors) : tensors[0];
    support_free(tensors);
    support_free(values);
    return mapped;
}

/* ---- each ---- */

Val evaluate_each(Session *s, const Expr *expr)
{
    Along along = {0};
    Val result = val_poison();
    bool fine = read_alongs(s, &expr->bindings, "each", &along);
    if (along.entries.len == expr->bindings.count && s->builder.function) {
        BlockRun run = begin_run(s, &along);
        name_entries(s, &expr->bindings, &along);
        run_block(s, &expr->body);
        result = s->frame->returned ? s->frame->result : val_poison();
        if (!s->frame->returned && !s->exhausted)
            fail(s, expr->span, "this block has no result: its last line is a value, as in '{ f(p) }'");
        end_run(s, &run);
        result = fine && !s->exhausted ? map_result(s, &along, result, expr->span) : val_poison();
    }
    along_free(&along);
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
    along_free(&along);
    return result;
}
