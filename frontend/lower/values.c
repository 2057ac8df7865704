/* Conversions between what expressions evaluate to. */
#include "frontend/lower/lower.h"

#include <math.h>
#include <string.h>

Type val_type(const Session *s, Val value)
{
    return value_type(&s->builder, value.ir);
}

bool is_real(const Session *s, Val value)
{
    return value.kind == VAL_TENSOR && dtype_is_float(val_type(s, value).dtype);
}

Dims type_dims(Type type)
{
    Dims dims = {.n = type.rank};
    memcpy(dims.v, type.dims, sizeof dims.v);
    return dims;
}

int64_t dims_elements(Dims dims)
{
    return type_elements(type_of(DTYPE_F32, dims.n, dims.v));
}

bool can_build(Session *s, Span span)
{
    if (s->exhausted)
        return false;
    if (!s->builder.function) {
        fail(s, span, "this must be known at compile time");
        return false;
    }
    if (s->builder.function->ops.len < LIMIT_OPS)
        return true;
    s->exhausted = true;
    fail(s, span, "more than %d operations in one function", LIMIT_OPS);
    return false;
}

bool check_type(Session *s, Type type, Span span)
{
    int64_t elements = type_elements(type);
    if (elements <= MAX_ELEMENTS && elements > 0)
        return true;
    if (elements == INT64_MAX)
        fail(s, span, "%s is too large (limit is %lld elements)", describe_type(s, type), (long long)MAX_ELEMENTS);
    else
        fail(s, span, "%s has %lld elements (limit is %lld)", describe_type(s, type), (long long)elements,
             (long long)MAX_ELEMENTS);
    return false;
}

Val val_results(Session *s, uint32_t count, const Val *values)
{
    Results *results = arena_alloc(&s->file->arena, sizeof *results + count * sizeof *values);
    results->count = count;
    memcpy(results->values, values, count * sizeof *values);
    return (Val){.kind = VAL_RESULTS, .results = results};
}

Val as_tensor(Session *s, Val value, Span span)
{
    if (is_poison(value))
        return value;
    if (!can_build(s, span))
        return val_poison();
    switch (value.kind) {
    case VAL_TENSOR:
        return value;
    case VAL_NUMBER:
        if (value.boolean)
            return val_tensor(build_const(&s->builder, type_scalar(DTYPE_BOOL), value.number != 0));
        if (!isfinite(value.number))
            return fail(s, span, "this is not a finite number");
        return val_tensor(build_const(&s->builder, type_scalar(s->module->real), value.number));
    case VAL_DIMS:
    case VAL_NUMBERS:
        return list_tensor(s, value, span);
    case VAL_WEIGHTS:
        return weight_value(s, value, span);
    case VAL_CONDITION:
        return condition_vector(s, value, span);
    case VAL_ARGUMENT:
        fail(s, span, "the type of the argument '%s' is not known here", value.param->name.text);
        add_note(s, value.param->span, "write its type here, as in '%s: f32[10]'", value.param->name.text);
        return val_poison();
    case VAL_DATASET:
    case VAL_SPLIT:
        fail(s, span, "%s is not a tensor", describe(s, value));
        add_help(s, "name a field of its examples, as in 'd.%s'",
                 value.symbol->decl->items.first ? value.symbol->decl->items.first->name.text : "x");
        return val_poison();
    case VAL_FIELD:
        return refuse_field(s, value, span);
    case VAL_COLUMN:
        fail(s, span, "this is %s, of which a row takes one or some", describe(s, value));
        add_help(s, "name the place of the example in the split: '%s[k]', where k is an i32", span_text(&s->file->arena, span));
        return val_poison();
    case VAL_RESULTS:
        fail(s, span, "one tensor is needed here, but these are %u results", value.results->count);
        add_help(s, "give each a name, as in 'a, b = f(x)'");
        return val_poison();
    default:
        return fail(s, span, "a tensor is needed here, but this is %s", describe(s, value));
    }
}

Val as_real(Session *s, Val value, Span span)
{
    value = as_tensor(s, value, span);
    if (is_poison(value))
        return value;
    return val_tensor(build_cast(&s->builder, value.ir, s->module->real));
}

Val as_bool(Session *s, Val value, Span span)
{
    if (value.kind == VAL_NUMBER && !value.boolean)
        return fail(s, span, "a condition is needed here, but this is %s", describe(s, value));
    value = as_tensor(s, value, span);
    if (!is_poison(value) && val_type(s, value).dtype != DTYPE_BOOL) {
        fail(s, span, "a condition is needed here, but this is %s", describe(s, value));
        add_help(s, "compare it with something, as in 'x > 0'");
        return val_poison();
    }
    return value;
}

bool as_number(Session *s, Val value, Span span, const char *what, double *result)
{
    if (value.kind == VAL_NUMBER && isfinite(value.number)) {
        *result = value.number;
        return true;
    }
    if (value.kind == VAL_NUMBER)
        fail(s, span, "%s must be a finite number", what);
    else if (!is_poison(value))
        fail(s, span, "%s must be a number known at compile time, but this is %s", what, describe(s, value));
    return false;
}

bool as_integer(Session *s, Val value, Span span, const char *what, int64_t low, int64_t high, int64_t *result)
{
    double number;
    if (!as_number(s, value, span, what, &number))
        return false;
    if (number != floor(number)) {
        fail(s, span, "%s must be a whole number, but this is %.15g", what, number);
        return false;
    }
    if (number < (double)low || number > (double)high) {
        fail(s, span, "%s must be between %lld and %lld, but this is %.15g", what, (long long)low, (long long)high, number);
        return false;
    }
    *result = (int64_t)number;
    return true;
}

bool broadcast_dims(Dims x, Dims y, Dims *result)
{
    Dims longer = x.n >= y.n ? x : y, shorter = x.n >= y.n ? y : x;
    unsigned offset = (unsigned)(longer.n - shorter.n);
    for (unsigned i = 0; i < shorter.n; i++) {
        int64_t a = longer.v[offset + i], b = shorter.v[i];
        if (a != b && a != 1 && b != 1)
            return false;
        longer.v[offset + i] = a == 1 ? b : a;
    }
    *result = longer;
    return true;
}

Value broadcast_to(Session *s, Value x, Dims dims)
{
    Builder *b = &s->builder;
    Type from = value_type(b, x), kept = {.dtype = from.dtype}, to = type_of(from.dtype, dims.n, dims.v);
    if (type_equal(from, to))
        return x;
    /* axes of extent 1 that grow are dropped first, as broadcast repeats along new axes only */
    Dims axes = {0};
    unsigned offset = dims.n - from.rank;
    for (unsigned i = 0; i < from.rank; i++) {
        if (from.dims[i] != to.dims[offset + i])
            continue;
        kept.dims[kept.rank++] = from.dims[i];
        axes.v[axes.n++] = offset + i;
    }
    x = build_reshape(b, x, kept);
    return type_equal(kept, to) ? x : build_broadcast(b, x, to, axes);
}

/* The common dtype of two operands: their own if equal, real otherwise. u8 is data, never a number to compute with. */
static DType common_dtype(const Session *s, Type x, Type y)
{
    return x.dtype == y.dtype && x.dtype != DTYPE_U8 ? x.dtype : s->module->real;
}

/* A compile-time number takes the dtype of the tensor beside it: `label == 3` compares integers. */
static Val number_beside(Session *s, Val number, Type other, Span span)
{
    double x = number.number;
    if (!number.boolean && other.dtype == DTYPE_I32 && x == floor(x) && fabs(x) <= INT32_MAX && can_build(s, span))
        return val_tensor(build_const(&s->builder, type_scalar(DTYPE_I32), x));
    return as_tensor(s, number, span);
}

void unify(Session *s, Val *x, Val *y, Span span)
{
    bool x_number = x->kind == VAL_NUMBER, y_number = y->kind == VAL_NUMBER;
    if (!x_number)
        *x = as_tensor(s, *x, span);
    if (!y_number)
        *y = as_tensor(s, *y, span);
    if (x_number && !is_poison(*y))
        *x = y_number ? as_tensor(s, *x, span) : number_beside(s, *x, val_type(s, *y), span);
    if (y_number && !is_poison(*x))
        *y = number_beside(s, *y, val_type(s, *x), span);
    if (is_poison(*x) || is_poison(*y)) {
        *x = *y = val_poison();
        return;
    }
    Type x_type = val_type(s, *x), y_type = val_type(s, *y);
    Dims dims;
    if (!broadcast_dims(type_dims(x_type), type_dims(y_type), &dims)) {
        fail(s, span, "the shapes of %s and %s do not fit together", describe(s, *x), describe(s, *y));
        add_help(s, "axes are matched from the last one back; two extents fit when they are equal or one of them is 1");
        *x = *y = val_poison();
        return;
    }
    DType dtype = common_dtype(s, x_type, y_type);
    if (!check_type(s, type_of(dtype, dims.n, dims.v), span)) {
        *x = *y = val_poison();
        return;
    }
    *x = val_tensor(broadcast_to(s, build_cast(&s->builder, x->ir, dtype), dims));
    *y = val_tensor(broadcast_to(s, build_cast(&s->builder, y->ir, dtype), dims));
}
