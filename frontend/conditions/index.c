/* What declarations of indices share: how many values there are, and the embedding that stands for them. */
#include "frontend/conditions/conditions.h"

/* The weight "t/embedding", in a form of its own. */
static uint32_t add_embedding(Session *s, const Symbol *symbol, int64_t count, int64_t width)
{
    Arena *arena = &s->module->arena;
    const Name name = symbol->decl->name;
    unsigned line, column;
    span_place(name.span, &line, &column);
    const char *target = arena_copy(arena, name.text);
    vec_push(&s->model->forms, (Form){.target = target, .text = "free", .line = line});
    vec_push(&s->forms, (FormPlan){NULL, symbol});
    Weight weight = {.name = arena_printf(arena, "%s/embedding", target),
                     .type = type_of(s->module->real, 2, (int64_t[]){count, width}),
                     .net = NO_NET,
                     .form = s->model->forms.len - 1,
                     .output_axis = -1,
                     .init = {INIT_NORMAL, 1},
                     .grows = true,
                     .index = symbol->condition};
    vec_push(&s->module->weights, weight);
    return s->module->weights.len - 1;
}

int64_t read_index(Session *s, Symbol *symbol, const char *noun)
{
    const Decl *decl = symbol->decl;
    const char *name = decl->name.text;
    int64_t count, width;
    if (!decl->extent) {
        fail(s, decl->name.span, "the %s '%s' needs a number of %ss, as in '%s[10]'", noun, name, noun, name);
        return 0;
    }
    if (!as_integer(s, evaluate(s, decl->extent), decl->extent->span, arena_printf(&s->file->arena, "the number of %ss", noun), 1,
                    MAX_INDEX_VALUES, &count))
        return 0;
    if (!decl->value)
        return count;
    if (!as_integer(s, evaluate(s, decl->value), decl->value->span, "the length of an embedding", 1, MAX_ELEMENTS / count,
                    &width))
        return 0;
    symbol->embedding = add_embedding(s, symbol, count, width);
    return count;
}
