/* The table of conditions. */
#include "frontend/conditions/conditions.h"

#define CONDITION(KIND, name, ...) extern const ConditionReader reader_##name;
#include "ir/conditions.def"
#undef CONDITION

const ConditionReader *const condition_readers[CONDITION_COUNT] = {
#define CONDITION(KIND, name, ...) &reader_##name,
#include "ir/conditions.def"
#undef CONDITION
};

/* `number` conditions are declared before it. */
static void lower_condition(Session *s, Symbol *symbol, const ConditionReader *reader, uint32_t number)
{
    Module *module = s->module;
    const Name name = symbol->decl->name;
    ConditionKind kind = condition_kind(symbol->decl->kind);
    symbol->condition = number < MAX_CONDITIONS ? number : 0;
    symbol->embedding = NO_EMBEDDING;
    symbol->extent = reader->read(s, symbol);
    if (number == MAX_CONDITIONS)
        fail(s, name.span, "a model has at most %d conditions, %s declarations together", MAX_CONDITIONS,
             condition_words(s, condition_declarations()));
    if (number >= MAX_CONDITIONS) {
        symbol->extent = 0;
        return;
    }
    int64_t extent = symbol->extent ? symbol->extent : 1;
    Dims shape = symbol->extent && symbol->shape.n ? symbol->shape : (Dims){1, {extent}};
    bool index = domain_is_index[condition_domains[kind]];
    Condition condition = {.name = arena_copy(&module->arena, name.text),
                           .type = index ? type_scalar(DTYPE_I32) : type_of(module->real, shape.n, shape.v),
                           .kind = kind,
                           .count = index ? extent : 0};
    vec_push(&module->conditions, condition);
}

void lower_conditions(Session *s)
{
    uint32_t number = 0;
    for (int kind = 0; kind < CONDITION_COUNT; kind++)
        for (uint32_t i = 0; i < s->file->symbols.len; i++)
            if (condition_kind(s->file->symbols.data[i]->decl->kind) == (ConditionKind)kind)
                lower_condition(s, s->file->symbols.data[i], condition_readers[kind], number++);
}
