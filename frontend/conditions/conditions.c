/* The table of conditions. */
#include "frontend/conditions/conditions.h"

#include <string.h>

#define CONDITION(KIND, name, ...) extern const ConditionReader reader_##name;
#include "ir/conditions.def"
#undef CONDITION

const ConditionReader *const condition_readers[CONDITION_COUNT] = {
#define CONDITION(KIND, name, ...) &reader_##name,
#include "ir/conditions.def"
#undef CONDITION
};

ConditionKind condition_kind(DeclKind decl)
{
    int kind = 0;
    while (kind < CONDITION_COUNT && condition_readers[kind]->decl != decl)
        kind++;
    return (ConditionKind)kind;
}

unsigned condition_declarations(void)
{
    unsigned set = 0;
    for (int kind = 0; kind < CONDITION_COUNT; kind++)
        set |= 1u << condition_readers[kind]->decl;
    return set;
}

const char *condition_nouns(Session *s)
{
    const char *text = "";
    for (int kind = 0; kind < CONDITION_COUNT; kind++) {
        const char *between = kind == 0 ? "" : kind + 1 < CONDITION_COUNT ? ", " : " or ";
        text = arena_printf(&s->file->arena, "%s%s%s", text, between, condition_readers[kind]->noun);
    }
    return text;
}

static void lower_condition(Session *s, Symbol *symbol, const ConditionReader *reader)
{
    Module *module = s->module;
    const Name name = symbol->decl->name;
    symbol->condition = module->conditions.len;
    symbol->extent = reader->read(s, symbol);
    int64_t extent = symbol->extent ? symbol->extent : 1;
    if (module->conditions.len >= MAX_CONDITIONS)
        fail(s, name.span, "a model has at most %d conditions, hyper declarations and preferences together", MAX_CONDITIONS);
    Type type = type_of(module->real, 1, &extent);
    vec_push(&module->conditions, (Condition){arena_text(&module->arena, name.text, strlen(name.text)), type});
}

void lower_conditions(Session *s)
{
    for (int kind = 0; kind < CONDITION_COUNT; kind++)
        for (uint32_t i = 0; i < s->file->symbols.len; i++)
            if (s->file->symbols.data[i]->decl->kind == condition_readers[kind]->decl)
                lower_condition(s, s->file->symbols.data[i], condition_readers[kind]);
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
