/* The fields of the data set that a family is made of. */
#include <string.h>

#include "frontend/declare/families.h"

int64_t family_field(FamilyLowering *l, const Expr *expr)
{
    Session *s = l->s;
    Candidates candidates = {0};
    for (uint32_t i = l->base_fields; i < l->base_fields + l->field_count; i++) {
        const char *name = strchr(s->module->fields.data[i].name, '.') + 1;
        if (expr->kind == EXPR_NAME && strcmp(name, expr->name.text) == 0) {
            vec_free(&candidates.names);
            return i;
        }
        vec_push(&candidates.names, name);
    }
    if (expr->kind == EXPR_NAME)
        fail(s, expr->span, "the data set '%s' has no field '%s'", l->base->name, expr->name.text);
    else
        fail(s, expr->span, "the name of a field of '%s' is needed here", l->base->name);
    choose_name(s, expr->kind == EXPR_NAME ? expr->name.text : "", &candidates, "its fields");
    return -1;
}

bool has_known_classes(FamilyLowering *l, Span span)
{
    if (!l->base->makers.len)
        return true;
    fail(l->s, span, "the rows of '%s' are computed, so their classes are not known yet where members are made of them",
         l->base->name);
    add_help(l->s, "a family of computed rows is declared as in 'data %s[4] = rows(100) {...}'", l->symbol->decl->name.text);
    return false;
}

int64_t class_field(FamilyLowering *l, const Expr *expr)
{
    Session *s = l->s;
    int64_t index = family_field(l, expr);
    if (index < 0 || !has_known_classes(l, expr->span))
        return -1;
    const Field *field = &s->module->fields.data[index];
    if (field->index || field->classes == 0) {
        fail(s, expr->span, "the field '%s' is no class, so it does not say which member a row belongs to", expr->name.text);
        return -1;
    }
    return index;
}

Field *own_field(FamilyLowering *l, int64_t field)
{
    return &l->s->module->fields.data[l->fields + (uint32_t)field - l->base_fields];
}
