/* What is said of a value that does not have the type that is written for it. */
#include <string.h>

#include "frontend/lower/lower.h"

/* The number that an extent is, or -1: it is a variable that stands for nothing yet. */
static int64_t known_extent(Session *s, const Expr *extent)
{
    double number;
    if (extent->kind == EXPR_NUMBER)
        return (int64_t)extent->number;
    if (extent->kind != EXPR_NAME)
        return -1;
    const Val *bound = find_local(s->frame, extent->name.text);
    if (bound || s->frame->standard)
        return bound && bound->kind == VAL_NUMBER ? (int64_t)bound->number : -1;
    Symbol *constant = find_symbol_of(s->file, extent->name.text, DECL_CONST);
    return constant && constant_number(s, constant, &number) ? (int64_t)number : -1;
}

/* What the names in a type stand for: variables, and constants where the message does not show their numbers. */
static void note_bound(Session *s, const TypeExpr *expr)
{
    bool constants = !s->frame->standard && !is_closed(s->file, expr);
    for (const Arg *arg = expr->dims.first; arg; arg = arg->next) {
        const Expr *extent = arg->value;
        if (extent->kind != EXPR_NAME && extent->kind != EXPR_SPREAD)
            continue;
        const Val *bound = find_local(s->frame, extent->name.text);
        if (bound && bound->kind == VAL_NUMBER)
            add_note(s, extent->span, "'%s' is %.15g here", extent->name.text, bound->number);
        else if (bound && bound->kind == VAL_DIMS)
            add_note(s, extent->span, "'..%s' is %s here", extent->name.text, describe_dims(s, bound->dims));
        else if (!bound && constants && known_extent(s, extent) >= 0)
            add_note(s, extent->span, "'%s' is the constant %lld", extent->name.text, (long long)known_extent(s, extent));
    }
}

/* The extents of the type, -1 for variables. False: it has a shape variable. */
static bool known_extents(Session *s, const TypeExpr *expr, Dims *dims)
{
    *dims = (Dims){0};
    for (const Arg *arg = expr->dims.first; arg; arg = arg->next) {
        if (arg->value->kind == EXPR_SPREAD || arg->value->kind == EXPR_ELLIPSIS || dims->n == MAX_RANK)
            return false;
        dims->v[dims->n++] = known_extent(s, arg->value);
    }
    return true;
}

/* The type as it is written, with the numbers that constants stand for. */
static const char *expected_text(Session *s, const TypeExpr *expr)
{
    Dims dims;
    const char *written = type_expr_text(s, expr);
    if (expr->span.source != s->file->source || !is_closed(s->file, expr) || !expr->dims.count || !known_extents(s, expr, &dims))
        return written;
    const char *text = arena_printf(&s->file->arena, "%s%s", expr->base.text, describe_dims(s, dims));
    return strcmp(text, written) == 0 ? written : arena_printf(&s->file->arena, "%s (%s)", text, written);
}

/* Whether `longer` without its axis `axis` is `shorter`; an extent of -1 fits any. */
static bool fits_without(Dims longer, Dims shorter, unsigned axis)
{
    if (longer.n != shorter.n + 1)
        return false;
    for (unsigned i = 0; i < shorter.n; i++) {
        int64_t extent = longer.v[i + (i >= axis)];
        if (extent != shorter.v[i] && extent != -1 && shorter.v[i] != -1)
            return false;
    }
    return true;
}

static void help_with_axes(Session *s, const TypeExpr *expr, Dims wanted, Dims given, Span span)
{
    enum { LONGEST = 40 };
    const Expr *first = expr->dims.first ? expr->dims.first->value : NULL;
    const char *text = span.end - span.begin <= LONGEST ? span_text(&s->file->arena, span) : "x";
    bool variable = first && first->kind == EXPR_NAME && wanted.n && (wanted.v[0] == -1 || first->name.text[0] == 'b');
    if (variable && given.n > 0 && fits_without(wanted, given, 0)) {
        add_help(s, "a net and a layer are written for one example: the batch is no axis of a tensor");
        return;
    }
    static const char *const before[] = {"", ":, ", ":, :, "};
    for (unsigned axis = 0; axis < COUNT_OF(before); axis++) {
        if (axis < wanted.n && wanted.v[axis] == 1 && fits_without(wanted, given, axis)) {
            add_help(s, "an axis of extent 1 is added by '%s[%snone]'", text, before[axis]);
            return;
        }
        if (axis < given.n && given.v[axis] == 1 && fits_without(given, wanted, axis)) {
            add_help(s, "an axis of extent 1 is left out by '%s[%s0]'", text, before[axis]);
            return;
        }
    }
    if (expr->dims.count == 1 && given.n > 1)
        add_help(s, "'flatten' makes one axis of all");
}

/* The line of a data declaration that the value comes from. */
static const DataItem *field_of(const Session *s, Val value)
{
    const Op *op = OP_AT(s->builder.function, value.ir);
    if (op->code != OP_EXAMPLE)
        return NULL;
    const Field *field = &s->module->fields.data[op->symbol];
    for (uint32_t i = 0; i < s->file->symbols.len; i++) {
        const Symbol *symbol = s->file->symbols.data[i];
        if (symbol->decl->kind != DECL_DATA || symbol->index != field->dataset)
            continue;
        for (const DataItem *item = symbol->decl->items.first; item; item = item->next)
            if (item->kind == DATA_FIELD && strcmp(item->name.text, strchr(field->name, '.') + 1) == 0)
                return item;
    }
    return NULL;
}

static bool is_reported(Session *s, const TypeExpr *expr, const char *given)
{
    for (uint32_t i = 0; i < s->file->mismatches.len; i++)
        if (s->file->mismatches.data[i].expected == expr && strcmp(s->file->mismatches.data[i].given, given) == 0)
            return true;
    vec_push(&s->file->mismatches, (Mismatch){expr, given});
    return false;
}

static Val refuse_label(Session *s, const TypeExpr *expr, Val value, Span span, const char *what)
{
    long long classes = (long long)value.classes;
    fail(s, span, "%s must be %s, but this is a label, %s", what, expected_text(s, expr), describe(s, value));
    if (strstr(what, "of 'cross_entropy'"))
        add_help(s, "the logits stand first, before any 'argmax': 'cross_entropy(logits, label)'");
    else
        add_help(
            s,
            "a label is no number: 'cross_entropy(logits, label)' takes it as it is, 'onehot(label, %lld)' makes f32[%lld] of it",
            classes, classes);
    return val_poison();
}

Val refuse_type(Session *s, const TypeExpr *expr, Val value, Span span, const char *what)
{
    const char *given = describe(s, value);
    Dims wanted;
    /* the type of a net's parameter is wrong once, however often the net is called */
    if (expr->span.source == s->file->source && value.kind == VAL_TENSOR && is_reported(s, expr, given))
        return val_poison();
    if (value.kind == VAL_TENSOR && value.classes > 0 && strcmp(expr->base.text, "f32") == 0)
        return refuse_label(s, expr, value, span, what);
    fail(s, span, "%s must be %s, but this is %s", what, expected_text(s, expr), given);
    note_bound(s, expr);
    add_note(s, expr->span, "the type is declared here");
    if (value.kind != VAL_TENSOR)
        return val_poison();
    const DataItem *field = field_of(s, value);
    Dims dims = type_dims(val_type(s, value));
    if (dims.n == 0 && OP_AT(s->builder.function, value.ir)->code == OP_CONST && strncmp(what, "argument", 8) == 0)
        add_help(s, "a layer is called on its input, which stands first, as in 'linear(x, 100)'");
    if (field)
        add_note(s, field->span, "the field is declared here");
    if (!known_extents(s, expr, &wanted))
        return val_poison();
    if (strcmp(expr->base.text, "class") == 0 && (is_real(s, value) || (field && !dims.n && !value.classes)))
        add_help(s, field && !dims.n ? "the field's type says how many classes there are: 'label: class[10]'"
                                     : "a label is a whole number: a field that is 'class[10]', without 'onehot'");
    else
        help_with_axes(s, expr, wanted, dims, span);
    if (field && dims.n == wanted.n && memcmp(dims.v, wanted.v, dims.n * sizeof dims.v[0]) == 0 &&
        strcmp(expr->base.text, "u8") == 0)
        add_help(s, "files of bytes, as those of MNIST, hold u8; a parameter that is f32 takes u8 as well");
    return val_poison();
}
