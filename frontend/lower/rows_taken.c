/* Examples of another data set in a computed row: mnist.train.image[k]. */
#include <string.h>

#include "frontend/lower/positions.h"
#include "frontend/lower/rows_taken.h"

bool may_take_rows(Session *s, Val dataset, Span span)
{
    const Dataset *of = &s->model->datasets.data[dataset.symbol->index];
    const Decl *decl = dataset.symbol->decl;
    if (dataset.symbol->broken) {
        s->row->broken = true;
        return false;
    }
    if (decl == s->frame->decl)
        fail(s, span, "a row of '%s' cannot depend on its other rows", decl->name.text);
    else if (of->family || decl->extent)
        fail(s, span, "a row takes examples of a data set, and '%s' is a family of them", decl->name.text);
    else if (of->splits.len == 0 || of->makers.len)
        fail(s, span, "a row takes examples that files hold, and those of '%s' are computed", decl->name.text);
    else
        return true;
    add_note(s, decl->name.span, "declared here");
    return false;
}

/* The split's rows in the tables, noted as taken by the row; NULL: they cannot be counted (reported). */
static const TakenSplit *take_split(Session *s, Val column, Span span)
{
    Dataset *data = s->row->data;
    for (uint32_t i = 0; i < data->taken.len; i++)
        if (data->taken.data[i].dataset == column.symbol->index && data->taken.data[i].split == column.split)
            return &data->taken.data[i];
    const DataCounts *counts = data_counts(s, column.symbol, &s->model->datasets.data[column.symbol->index], span);
    if (!counts)
        return NULL;
    vec_push(&data->taken,
             (TakenSplit){column.symbol->index, column.split, counts->firsts[column.split], counts->splits[column.split]});
    return &data->taken.data[data->taken.len - 1];
}

/* The places of the examples in the split, an i32 of any shape. */
static Value places(Session *s, Val index, const TakenSplit *taken, Span span)
{
    int64_t at;
    if (index.kind == VAL_TENSOR) {
        Positions positions = {0};
        return add_position(s, &positions, index, taken->count, span) ? positions.at[0] : NO_VALUE;
    }
    if (!as_integer(s, index, span, "the place of an example", 0, taken->count - 1, &at))
        return NO_VALUE;
    return build_const(&s->builder, type_scalar(DTYPE_I32), (double)at);
}

Val column_rows(Session *s, Val column, const Expr *expr)
{
    const Arg *arg = expr->args.first;
    const char *text = span_text(&s->file->arena, expr->left->span);
    if (!is_one_position(expr)) {
        fail(s, expr->span, "one place is needed here: which examples of the split a row takes");
        add_help(s, "'%s[k]' is an example, and '%s[k][0]' its first entry", text, text);
        return val_poison();
    }
    Val index = evaluate(s, arg->value);
    const TakenSplit *taken = is_poison(index) ? NULL : take_split(s, column, expr->span);
    Value at = taken ? places(s, index, taken, arg->span) : NO_VALUE;
    if (at == NO_VALUE)
        return val_poison();
    Builder *b = &s->builder;
    const Field *field = &s->module->fields.data[column.field];
    Type shape = value_type(b, at), result = {.dtype = field->type.dtype, .rank = (uint8_t)(shape.rank + field->type.rank)};
    if (shape.rank + field->type.rank > MAX_RANK)
        return fail(s, expr->span, "too many axes (limit is %d)", MAX_RANK);
    memcpy(result.dims, shape.dims, shape.rank * sizeof *result.dims);
    memcpy(result.dims + shape.rank, field->type.dims, field->type.rank * sizeof *result.dims);
    if (!check_type(s, result, expr->span))
        return val_poison();
    int64_t all = type_elements(shape);
    Value row = build_with_const(b, OP_ADD, build_within(b, at, taken->count), (double)taken->first);
    Value rows = build_fetch(b, column.field, build_reshape(b, row, type_of(DTYPE_I32, 1, &all)));
    Val value = val_tensor(build_reshape(b, rows, result));
    value.classes = field->classes;
    return value;
}
