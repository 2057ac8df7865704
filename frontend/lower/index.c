/* x[i], x[a:b], x[:, none], table[label], x[:, computed]. */
#include "frontend/lower/positions.h"
#include "frontend/lower/rows_taken.h"

#include <string.h>

/* The plan of an index: a slice of the source; then what stands at computed positions along neighbouring axes; then a reshape
 * that drops chosen axes and adds new ones. */
typedef struct IndexPlan {
    Type source, slice, result;
    Dims start;
    unsigned axis; /* next axis of the source */
    Positions positions;
    unsigned positions_at; /* the axis of the result before which those of the positions go */
} IndexPlan;

static bool add_axis(Session *s, IndexPlan *plan, int64_t extent, Span span)
{
    if (plan->result.rank == MAX_RANK) {
        fail(s, span, "too many axes (limit is %d)", MAX_RANK);
        return false;
    }
    plan->result.dims[plan->result.rank++] = extent;
    return true;
}

static void take(IndexPlan *plan, int64_t start, int64_t extent)
{
    plan->start.v[plan->axis] = start;
    plan->slice.dims[plan->axis++] = extent;
}

/* A position on an axis; negative ones count from the end. */
static bool position_of(Session *s, Val value, Span span, int64_t extent, bool limit, int64_t *result)
{
    if (!as_integer(s, value, span, "an index", -MAX_ELEMENTS, MAX_ELEMENTS, result))
        return false;
    int64_t given = *result;
    if (*result < 0)
        *result += extent;
    if (*result >= 0 && *result < extent + limit)
        return true;
    fail(s, span, "index %lld lies outside an axis of %lld", (long long)given, (long long)extent);
    return false;
}

static bool bound_of_slice(Session *s, const Expr *expr, int64_t extent, int64_t *result)
{
    Val value = evaluate(s, expr);
    if (value.kind != VAL_TENSOR)
        return position_of(s, value, expr->span, extent, true, result);
    fail(s, expr->span, "the bounds of a slice are known at compile time, but this is %s", describe(s, value));
    add_help(s, "'slice(x, start, n, axis: 0)' takes n entries from a computed start on");
    return false;
}

static bool plan_slice(Session *s, IndexPlan *plan, const Arg *arg, int64_t extent)
{
    int64_t begin = 0, end = extent;
    if ((arg->value && !bound_of_slice(s, arg->value, extent, &begin)) ||
        (arg->limit && !bound_of_slice(s, arg->limit, extent, &end)))
        return false;
    if (begin >= end) {
        fail(s, arg->span, "the slice from %lld to %lld is empty", (long long)begin, (long long)end);
        return false;
    }
    take(plan, begin, end - begin);
    return add_axis(s, plan, end - begin, arg->span);
}

static bool is_new_axis(Session *s, const Arg *arg)
{
    return arg->kind == ARG_VALUE && arg->value->kind == EXPR_NAME && strcmp(arg->value->name.text, "none") == 0 &&
           !find_local(s->frame, "none");
}

/* A computed position: the axis stays whole until its elements are taken. */
static bool plan_position(Session *s, IndexPlan *plan, Val index, Span span)
{
    Positions *positions = &plan->positions;
    if (positions->count == 0) {
        positions->first = plan->axis;
        plan->positions_at = plan->result.rank;
    } else if (positions->first + positions->count != plan->axis || plan->positions_at != plan->result.rank) {
        fail(s, span, "computed positions must stand side by side");
        add_help(s, "take one after the other: with computed i and j, 'x[:, :, j][i]' instead of 'x[i, :, j]'");
        return false;
    }
    if (!add_position(s, positions, index, plan->source.dims[plan->axis], span))
        return false;
    take(plan, 0, plan->source.dims[plan->axis]);
    return true;
}

static bool plan_entry(Session *s, IndexPlan *plan, const Arg *arg)
{
    if (is_new_axis(s, arg))
        return add_axis(s, plan, 1, arg->span);
    int64_t extent = plan->source.dims[plan->axis], at;
    if (arg->kind == ARG_SLICE)
        return plan_slice(s, plan, arg, extent);
    Val index = evaluate(s, arg->value);
    if (index.kind == VAL_CONDITION && is_index(index.symbol))
        index = condition_number(s, index, arg->span);
    if (is_poison(index))
        return false;
    if (index.kind == VAL_TENSOR)
        return plan_position(s, plan, index, arg->span);
    if (!position_of(s, index, arg->value->span, extent, false, &at))
        return false;
    take(plan, at, 1);
    return true;
}

/* The entry of a list where its place is known at compile time; *known is false otherwise. */
static Val index_list(Session *s, Val list, const Expr *expr, bool *known)
{
    int64_t at, extent = list.kind == VAL_DIMS ? list.dims.n : list.dims.v[0];
    const Arg *arg = expr->args.first;
    *known = is_one_position(expr) && !is_new_axis(s, arg);
    if (!*known)
        return val_poison();
    Val place = evaluate(s, arg->value);
    *known = place.kind != VAL_TENSOR && !(place.kind == VAL_CONDITION && is_index(place.symbol));
    if (!*known || !position_of(s, place, arg->value->span, extent, false, &at))
        return val_poison();
    return list_entry(list, at);
}

static Val too_many_indices(Session *s, const Expr *expr, Val value, unsigned given, unsigned rank)
{
    const Arg *first = expr->args.first;
    fail(s, expr->span, "%u indices for %s, which has %u ax%s", given, describe(s, value), rank, rank == 1 ? "is" : "es");
    bool whole = first->kind == ARG_SLICE && !first->value && !first->limit;
    if (given == rank + 1 && whole && first->next)
        add_help(s, "the batch is no axis of a tensor: '%s[%s]'", span_text(&s->file->arena, expr->left->span),
                 span_text(&s->file->arena, span_join(first->next->span, expr->args.last->span)));
    else if (given == rank + 1)
        add_help(s, "the batch is no axis of a tensor");
    return val_poison();
}

/* The value of a plan that holds every axis. */
static Val planned(Session *s, const IndexPlan *plan, Val value, Span span)
{
    Builder *b = &s->builder;
    Value sliced = type_equal(plan->slice, plan->source) ? value.ir : build_slice(b, value.ir, plan->start, plan->slice);
    if (plan->positions.count == 0) {
        Val result = val_tensor(build_reshape(b, sliced, plan->result));
        result.probabilities = value.probabilities;
        return result;
    }
    Dims at;
    Value taken = take_positions(s, &plan->positions, sliced, span, &at);
    if (taken == NO_VALUE)
        return val_poison();
    if (plan->result.rank + at.n > MAX_RANK)
        return fail(s, span, "too many axes (limit is %d)", MAX_RANK);
    Type result = {.dtype = plan->result.dtype, .rank = (uint8_t)(plan->result.rank + at.n)};
    for (unsigned i = 0; i < result.rank; i++)
        result.dims[i] = i < plan->positions_at          ? plan->result.dims[i]
                         : i < plan->positions_at + at.n ? at.v[i - plan->positions_at]
                                                         : plan->result.dims[i - at.n];
    return val_tensor(build_reshape(b, taken, result));
}

Val evaluate_index(Session *s, const Expr *expr)
{
    Val value = evaluate(s, expr->left);
    if (value.kind == VAL_DATASET)
        return dataset_index(s, value, expr);
    if (value.kind == VAL_COLUMN)
        return column_rows(s, value, expr);
    if (is_list(value)) {
        bool known;
        Val entry = index_list(s, value, expr, &known);
        if (known)
            return entry;
    }
    value = as_tensor(s, value, expr->left->span);
    if (is_poison(value))
        return value;
    IndexPlan plan = {.source = val_type(s, value)};
    unsigned given = 0;
    for (const Arg *arg = expr->args.first; arg; arg = arg->next) {
        if (arg->kind == ARG_VALUE && (arg->value->kind == EXPR_ELLIPSIS || arg->value->kind == EXPR_SPREAD)) {
            fail(s, arg->span, "an index entry is a number, a slice, 'none' or a label");
            add_help(s, "an axis that is taken whole is written ':', one per axis: 'x[:, :, 0]'; the axes behind the last entry "
                        "are whole");
            return val_poison();
        }
        given += !is_new_axis(s, arg);
    }
    if (given > plan.source.rank)
        return too_many_indices(s, expr, value, given, plan.source.rank);
    plan.slice = plan.source;
    plan.result.dtype = plan.source.dtype;
    plan.start.n = plan.source.rank;
    for (const Arg *arg = expr->args.first; arg; arg = arg->next)
        if (!plan_entry(s, &plan, arg))
            return val_poison();
    while (plan.axis < plan.source.rank) {
        int64_t extent = plan.source.dims[plan.axis];
        take(&plan, 0, extent);
        if (!add_axis(s, &plan, extent, expr->span))
            return val_poison();
    }
    return planned(s, &plan, value, expr->span);
}
