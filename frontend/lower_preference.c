/* preference r[3] */
#include "frontend/train_plan.h"

#include <string.h>

void lower_preference(Session *s, Symbol *symbol)
{
    const Decl *decl = symbol->decl;
    symbol->condition = s->module->conditions.len;
    symbol->extent = 0;
    if (!decl->extent)
        fail(s, decl->name.span, "the preference '%s' needs a length, one entry an objective, as in '%s[3]'", decl->name.text,
             decl->name.text);
    else
        as_integer(s, evaluate(s, decl->extent), decl->extent->span, "the length of a preference", 1, PARETO_MOST_OBJECTIVES,
                   &symbol->extent);
    int64_t extent = symbol->extent ? symbol->extent : 1;
    const char *name = arena_text(&s->module->arena, decl->name.text, strlen(decl->name.text));
    add_condition(s, decl->name.span, (Condition){name, type_of(s->module->real, 1, &extent)});
}

Val preference_value(Session *s, const Symbol *symbol, Span span)
{
    if (!symbol->extent || !can_build(s, span))
        return val_poison();
    return val_tensor(build_source(&s->builder, OP_CONDITION, symbol->condition));
}
