#include "frontend/lower/positions.h"

bool is_one_position(const Expr *index)
{
    const Arg *arg = index->args.first;
    return index->args.count == 1 && arg->kind == ARG_VALUE && arg->value->kind != EXPR_SPREAD && arg->value->kind != EXPR_ELLIPSIS;
}

bool add_position(Session *s, Positions *positions, Val index, int64_t extent, Span span)
{
    DType dtype = val_type(s, index).dtype;
    if (dtype == DTYPE_U8) {
        index.ir = build_cast(&s->builder, index.ir, DTYPE_I32);
    } else if (dtype != DTYPE_I32) {
        fail(s, span, "an index must be a label, an i32 or a u8 value, but this is %s", describe(s, index));
        if (dtype_is_float(dtype))
            add_help(s, "'i32(x)' makes whole numbers of real ones");
        if (dtype == DTYPE_BOOL)
            add_help(s, "elements are chosen by 'where(c, x, 0)', or in a reduction: 'mean(x where c)'");
        return false;
    }
    if (index.classes > 0 && index.classes != extent) {
        fail(s, span, "a table of %lld rows cannot be indexed by %s", (long long)extent, describe(s, index));
        return false;
    }
    positions->at[positions->count++] = index.ir;
    return true;
}

/* The shape to which all positions broadcast. */
static bool common_shape(Session *s, const Positions *positions, Span span, Dims *shape)
{
    *shape = (Dims){0};
    for (unsigned i = 0; i < positions->count; i++) {
        Dims dims = type_dims(value_type(&s->builder, positions->at[i])), before = *shape;
        if (broadcast_dims(before, dims, shape))
            continue;
        fail(s, span, "positions of the shapes %s and %s do not fit together", describe_dims(s, before), describe_dims(s, dims));
        return false;
    }
    return true;
}

Value take_positions(Session *s, const Positions *positions, Value x, Span span, Dims *shape)
{
    Builder *b = &s->builder;
    Type from = value_type(b, x), result = {.dtype = from.dtype};
    if (!common_shape(s, positions, span, shape))
        return NO_VALUE;
    unsigned left = from.rank - positions->count;
    if (left + shape->n > MAX_RANK) {
        fail(s, span, "too many axes (limit is %d)", MAX_RANK);
        return NO_VALUE;
    }
    result.rank = (uint8_t)(left + shape->n);
    for (unsigned i = 0; i < result.rank; i++)
        result.dims[i] = i < positions->first              ? from.dims[i]
                         : i < positions->first + shape->n ? shape->v[i - positions->first]
                                                           : from.dims[i - shape->n + positions->count];
    if (!check_type(s, result, span))
        return NO_VALUE;
    Value at[MAX_RANK];
    for (unsigned i = 0; i < positions->count; i++)
        at[i] = broadcast_to(s, positions->at[i], *shape);
    return build_take(b, x, positions->first, positions->count, at);
}
