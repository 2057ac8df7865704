/* Expressions other than calls, operators and indices. */
#include "frontend/lower/lower.h"

static Val evaluate_member(Session *s, const Expr *expr)
{
    if (refuse_module(s, expr))
        return val_poison();
    Val value = evaluate(s, expr->left);
    switch (value.kind) {
    case VAL_POISON:
        return value;
    case VAL_DATASET:
        return dataset_member(s, value, expr->name);
    case VAL_SPLIT:
        return split_member(s, value, expr->name);
    case VAL_CONDITION:
        return condition_entry(s, value, expr->name);
    case VAL_WEIGHTS:
        value.path = arena_printf(&s->file->arena, "%s.%s", value.path, expr->name.text);
        return value;
    default:
        return refuse_member(s, expr, value);
    }
}

static Val evaluate_label(Session *s, const Expr *expr)
{
    if (expr->left->kind == EXPR_CALL)
        return evaluate_call(s, expr->left, &expr->name, 0);
    if (expr->left->kind == EXPR_ERROR)
        return val_poison();
    fail(s, expr->span, "'as' names the weights of a layer's call, and this is no call");
    return val_poison();
}

static Val evaluate_kind(Session *s, const Expr *expr)
{
    if (s->making && is_form(s, expr))
        return evaluate_form(s, expr);
    switch (expr->kind) {
    case EXPR_NUMBER:
        return val_number(expr->number);
    case EXPR_STRING:
        return (Val){.kind = VAL_TEXT};
    case EXPR_NAME:
        return lookup_name(s, expr->name);
    case EXPR_MEMBER:
        return evaluate_member(s, expr);
    case EXPR_CALL:
        return evaluate_call(s, expr, NULL, 0);
    case EXPR_INDEX:
        return evaluate_index(s, expr);
    case EXPR_UNARY:
        return evaluate_unary(s, expr->operator, evaluate(s, expr->left), expr->span);
    case EXPR_BINARY: {
        Val left = evaluate(s, expr->left), right = evaluate(s, expr->right);
        return evaluate_binary(s, expr->operator, left, right, expr->span);
    }
    case EXPR_LIST:
        return evaluate_list(s, expr);
    case EXPR_LABEL:
        return evaluate_label(s, expr);
    case EXPR_ACROSS:
        return evaluate_across(s, expr);
    case EXPR_GIVEN:
        return evaluate_given(s, expr);
    case EXPR_EACH:
        return evaluate_each(s, expr);
    case EXPR_SPREAD:
    case EXPR_ELLIPSIS:
    case EXPR_ERROR:
        break;
    }
    return val_poison();
}

Val evaluate(Session *s, const Expr *expr)
{
    if (s->exhausted)
        return val_poison();
    bool own = expr->span.source == s->file->source;
    if (own)
        s->builder.line = expr->line;
    Val value = evaluate_kind(s, expr);
    if (own) /* a call has left the line of what it evaluated last, such as the type of a parameter */
        s->builder.line = expr->line;
    return value;
}
