/* Lists: of numbers known at compile time, which may be extents, and of tensors, which are stacked. A list of numbers becomes a
 * tensor only where one is needed. */
#include "frontend/lower/lower.h"

#include <math.h>
#include <string.h>

/* ---- lists of numbers ---- */

static bool is_constant(Val value)
{
    return value.kind == VAL_NUMBER || is_list(value);
}

static Dims shape_of(Val value)
{
    if (value.kind == VAL_DIMS)
        return dims_of(1, value.dims.n);
    return value.kind == VAL_NUMBERS ? value.dims : (Dims){0};
}

static double number_at(Val value, int64_t i)
{
    return value.kind == VAL_DIMS ? (double)value.dims.v[i] : value.kind == VAL_NUMBERS ? value.numbers[i] : value.number;
}

static bool is_extent(double number)
{
    return number >= 0 && number <= MAX_ELEMENTS && number == floor(number) && !signbit(number);
}

/* Whether the entries are numbers known at compile time, or lists of them. */
static bool are_constant(const Val *entries, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (!is_constant(entries[i]))
            return false;
    return true;
}

static bool is_list_of_extents(const Val *entries, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (entries[i].kind != VAL_NUMBER || !is_extent(entries[i].number))
            return false;
    return n <= MAX_RANK;
}

/* A list of numbers, or of lists of one shape. */
static Val list_of_constants(Session *s, const Val *entries, const Span *spans, uint32_t n, Span span)
{
    Val list = {.kind = VAL_NUMBERS};
    Dims inner = shape_of(entries[0]);
    for (uint32_t i = 1; i < n; i++)
        if (!dims_equal(shape_of(entries[i]), inner))
            return fail(s, spans[i], "the entries of a list have one shape, but this is %s and the first is %s",
                        describe(s, entries[i]), describe(s, entries[0]));
    if (inner.n == MAX_RANK)
        return fail(s, span, "too many axes (limit is %d)", MAX_RANK);
    int64_t each = dims_elements(inner), all = each * n;
    list.dims.v[list.dims.n++] = n;
    for (unsigned i = 0; i < inner.n; i++)
        list.dims.v[list.dims.n++] = inner.v[i];
    if (!check_type(s, type_of(s->module->real, list.dims.n, list.dims.v), span) || !count_evaluations(s, span, (uint32_t)all))
        return val_poison();
    double *numbers = ARENA_ARRAY(&s->file->arena, double, (size_t)all);
    for (int64_t i = 0; i < all; i++)
        numbers[i] = number_at(entries[i / each], i % each);
    list.numbers = numbers;
    return list;
}

bool as_dims(Session *s, Val list, Span span, Dims *dims)
{
    *dims = list.dims;
    if (list.kind == VAL_DIMS)
        return true;
    for (int64_t i = 0; list.dims.n == 1 && i < list.dims.v[0]; i++) {
        int64_t extent;
        if (list.numbers[i] == -1)
            return refuse_inference(s, span);
        if (!as_integer(s, val_number(list.numbers[i]), span, "an extent", 0, MAX_ELEMENTS, &extent))
            return false;
    }
    if (list.dims.n == 1)
        fail(s, span, "too many axes (limit is %d)", MAX_RANK);
    else
        fail(s, span, "a shape such as [3, 4] is needed here, but this is %s", describe(s, list));
    return false;
}

Val list_entry(Val list, int64_t at)
{
    if (list.kind == VAL_DIMS || list.dims.n == 1)
        return val_number(number_at(list, at));
    Val entry = {.kind = VAL_NUMBERS, .dims = {.n = (uint8_t)(list.dims.n - 1)}};
    memcpy(entry.dims.v, list.dims.v + 1, entry.dims.n * sizeof *entry.dims.v);
    entry.numbers = list.numbers + at * dims_elements(entry.dims);
    return entry;
}

/* Equal neighbours are one constant. */
Val list_tensor(Session *s, Val list, Span span)
{
    Dims dims = shape_of(list);
    Builder *b = &s->builder;
    int64_t count = dims_elements(dims);
    if (count == 0)
        return fail(s, span, "a tensor has at least one element, and this list has none");
    VEC(Value) runs = {0};
    for (int64_t i = 0, run = 1; i < count; i += run, run = 1) {
        double number = number_at(list, i);
        if (!isfinite(number) || !can_build(s, span)) {
            vec_free(&runs);
            return isfinite(number) ? val_poison() : fail(s, span, "this list holds a number that is not finite");
        }
        while (i + run < count && number_at(list, i + run) == number && signbit(number_at(list, i + run)) == signbit(number))
            run++;
        vec_push(&runs, build_const(b, type_of(s->module->real, 1, &run), number));
    }
    Value all = build_concat(b, runs.len, runs.data, 0);
    vec_free(&runs);
    return val_tensor(build_reshape(b, all, type_of(s->module->real, dims.n, dims.v)));
}

/* ---- stacks ---- */

Val stack_tensors(Session *s, unsigned n, const Val *entries, const Span *spans, int64_t axis, Span span)
{
    Builder *b = &s->builder;
    Value *parts = ARENA_ARRAY(&s->file->arena, Value, n);
    Type first = {0}, single = {0};
    for (unsigned i = 0; i < n; i++) {
        Val x = as_real(s, entries[i], spans[i]);
        if (is_poison(x))
            return x;
        Type type = val_type(s, x);
        if (i > 0 && !type_equal(type, first))
            return fail(s, spans[i], "what is stacked has one shape, but this is %s and the first is %s", describe_type(s, type),
                        describe_type(s, first));
        if (i == 0 && type.rank == MAX_RANK)
            return fail(s, span, "too many axes (limit is %d)", MAX_RANK);
        if (i == 0 && (axis > type.rank || axis < -(int64_t)type.rank - 1))
            return fail(s, span, "a stack of %s has no axis %lld", describe_type(s, type), (long long)axis);
        first = type;
        parts[i] = x.ir;
    }
    axis += axis < 0 ? first.rank + 1 : 0;
    single = (Type){.dtype = first.dtype, .rank = (uint8_t)(first.rank + 1)};
    for (unsigned i = 0; i < single.rank; i++)
        single.dims[i] = i == axis ? 1 : first.dims[i - (i > axis)];
    Type result = single;
    result.dims[axis] = n;
    if (!check_type(s, result, span))
        return val_poison();
    for (unsigned i = 0; i < n; i++)
        parts[i] = build_reshape(b, parts[i], single);
    return val_tensor(build_concat(b, n, parts, (int)axis));
}

/* [..s, 1]: a list of extents. */
static bool has_spread(const ArgList *list)
{
    for (const Arg *arg = list->first; arg; arg = arg->next)
        if (arg->value->kind == EXPR_SPREAD || arg->value->kind == EXPR_ELLIPSIS)
            return true;
    return false;
}

Val evaluate_list(Session *s, const Expr *expr)
{
    Val list = {.kind = VAL_DIMS};
    uint32_t n = expr->args.count;
    if (has_spread(&expr->args) || n == 0)
        return make_dims(s, expr->args, &list.dims) ? list : val_poison();
    if (!count_evaluations(s, expr->span, n))
        return val_poison();
    Val *entries = support_malloc(n * sizeof *entries);
    Span *spans = support_malloc(n * sizeof *spans);
    uint32_t i = 0;
    bool fine = true;
    for (const Arg *arg = expr->args.first; arg; arg = arg->next, i++) {
        entries[i] = evaluate(s, arg->value);
        spans[i] = arg->span;
        fine &= !is_poison(entries[i]);
    }
    if (!fine)
        list = val_poison();
    else if (is_list_of_extents(entries, n))
        for (i = 0; i < n; i++)
            list.dims.v[list.dims.n++] = (int64_t)entries[i].number;
    else if (are_constant(entries, n))
        list = list_of_constants(s, entries, spans, n, expr->span);
    else
        list = stack_tensors(s, n, entries, spans, 0, expr->span);
    support_free(entries);
    support_free(spans);
    return list;
}
