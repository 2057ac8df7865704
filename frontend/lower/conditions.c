/* Which declarations are conditions, by ir/conditions.def. */
#include <string.h>

#include "frontend/lower/kit.h"

static const DeclKind declarations[CONDITION_COUNT] = {
#define CONDITION(KIND, ...) DECL_##KIND,
#include "ir/conditions.def"
#undef CONDITION
};

ConditionKind condition_kind(DeclKind decl)
{
    int kind = 0;
    while (kind < CONDITION_COUNT && declarations[kind] != decl)
        kind++;
    return (ConditionKind)kind;
}

DeclKind condition_declaration(ConditionKind kind)
{
    return declarations[kind];
}

unsigned condition_declarations(void)
{
    unsigned set = 0;
    for (int kind = 0; kind < CONDITION_COUNT; kind++)
        set |= 1u << declarations[kind];
    return set;
}

unsigned index_declarations(void)
{
    unsigned set = 0;
    for (int kind = 0; kind < CONDITION_COUNT; kind++)
        if (domain_is_index[condition_domains[kind]])
            set |= 1u << declarations[kind];
    return set;
}

const char *condition_words(Session *s, unsigned set)
{
    const char *text = "";
    size_t i = 0, count = (size_t)__builtin_popcount(set);
    for (int kind = 0; kind < CONDITION_COUNT; kind++)
        if (set >> declarations[kind] & 1)
            text = arena_printf(&s->file->arena, "%s%s%s", text, before_alternative(i++, count), decl_text[declarations[kind]]);
    return text;
}

bool is_index(const Symbol *symbol)
{
    ConditionKind kind = condition_kind(symbol->decl->kind);
    return kind != CONDITION_NOTHING && domain_is_index[condition_domains[kind]];
}

const Symbol *condition_symbol(const Session *s, uint32_t condition)
{
    for (uint32_t i = 0; i < s->file->symbols.len; i++) {
        const Symbol *symbol = s->file->symbols.data[i];
        if (condition_kind(symbol->decl->kind) != CONDITION_NOTHING && symbol->condition == condition)
            return symbol;
    }
    return NULL;
}

bool takes_condition(const Decl *train, ConditionKind condition)
{
    for (int kind = 0; train && kind < METHOD_COUNT; kind++)
        if (strcmp(head_name(train->value), method_traits[kind].name) == 0)
            return method_traits[kind].takes >> condition & 1;
    return false;
}
