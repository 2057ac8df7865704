/* Members of declared things: dataset.SPLIT, split.FIELD, lam.HYPERPARAMETER. */
#include <string.h>

#include "frontend/lower/kit.h"

/* A loss that reads no field is trained on the split that its expression names. */
static void note_split(Session *s, Symbol *dataset, uint32_t split)
{
    s->several_named |= s->named && (s->named != dataset || s->named_split != split);
    if (s->named)
        return;
    s->named = dataset;
    s->named_split = split;
}

Val dataset_member(Session *s, Val dataset, Name name)
{
    const Dataset *data = &s->model->datasets.data[dataset.symbol->index];
    Words splits = {data->splits.data, data->splits.len, sizeof *data->splits.data};
    int split = find_word(splits, name.text);
    if (split >= 0) {
        note_split(s, dataset.symbol, (uint32_t)split);
        return (Val){.kind = VAL_SPLIT, .symbol = dataset.symbol, .split = (uint32_t)split};
    }
    if (dataset.symbol->broken)
        return val_poison();
    choose_word(s, splits, name.text, name.span, "the data set '%s' has no split '%s'", data->name, name.text);
    add_note(s, dataset.symbol->decl->name.span, "the data set is here");
    return val_poison();
}

/* The part of a train's or an export's own expression in which this is evaluated. */
static Span outermost_call(const Session *s, Span span)
{
    for (const Frame *frame = s->frame; frame && frame->caller; frame = frame->caller)
        span = frame->call;
    return span;
}

/* One function reads the examples of one split. */
static bool claim_split(Session *s, Val split, Span span)
{
    span = outermost_call(s, span);
    if (!s->dataset) {
        s->dataset = split.symbol;
        s->split = split.split;
        s->split_span = span;
        return true;
    }
    if (s->dataset == split.symbol && s->split == split.split)
        return true;
    if (s->two_splits)
        return false;
    s->two_splits = true;
    const Dataset *here = &s->model->datasets.data[split.symbol->index], *there = &s->model->datasets.data[s->dataset->index];
    fail(s, span, "this reads '%s.%s', but the expression already reads '%s.%s'", here->name, here->splits.data[split.split].name,
         there->name, there->splits.data[s->split].name);
    add_note(s, s->split_span, "it is read here");
    return false;
}

Val split_member(Session *s, Val split, Name name)
{
    const Module *module = s->module;
    const char *wanted = arena_printf(&s->file->arena, "%s.%s", split.symbol->decl->name.text, name.text);
    if (!can_build(s, name.span) || !claim_split(s, split, name.span))
        return val_poison();
    for (uint32_t i = 0; i < module->fields.len; i++) {
        const Field *field = &module->fields.data[i];
        if (strcmp(field->name, wanted) != 0)
            continue;
        Val value = val_tensor(build_source(&s->builder, OP_EXAMPLE, i));
        value.classes = field->classes;
        return value;
    }
    if (split.symbol->broken)
        return val_poison();
    fail(s, name.span, "examples of '%s' have no field '%s'", split.symbol->decl->name.text, name.text);
    add_note(s, split.symbol->decl->name.span, "the data set is here");
    Candidates candidates = {0};
    for (const DataItem *item = split.symbol->decl->items.first; item; item = item->next)
        if (item->kind == DATA_FIELD || item->kind == DATA_COMPUTED_FIELD)
            vec_push(&candidates.names, item->name.text);
    suggest(s, name.text, &candidates);
    return val_poison();
}

Val condition_vector(Session *s, const Symbol *symbol)
{
    if (!symbol->extent)
        return val_poison();
    return val_tensor(build_source(&s->builder, OP_CONDITION, symbol->condition));
}

Val condition_member(Session *s, Val group, Name name)
{
    const Decl *decl = group.symbol->decl;
    const char *wanted = arena_printf(&s->file->arena, "%s.%s", decl->name.text, name.text);
    Candidates candidates = {0};
    if (!can_build(s, name.span))
        return val_poison();
    if (!decl->hypers.first) { /* a vector whose numbers have no names */
        fail(s, name.span, "the %s '%s' is a vector and has no member '%s'", decl_text[decl->kind], decl->name.text, name.text);
        add_note(s, decl->name.span, "declared here");
        return val_poison();
    }
    for (uint32_t i = 0; i < s->model->hypers.len; i++) {
        const Hyper *hyper = &s->model->hypers.data[i];
        if (strcmp(hyper->name, wanted) != 0)
            continue;
        Builder *b = &s->builder;
        int64_t count = type_elements(hyper->shape);
        Value vector = build_source(b, OP_CONDITION, group.symbol->condition);
        Value slice = build_slice(b, vector, (Dims){.n = 1, .v = {hyper->offset}}, type_of(s->module->real, 1, &count));
        return val_tensor(build_natural(b, hyper, build_reshape(b, slice, hyper->shape)));
    }
    for (const HyperEntry *entry = decl->hypers.first; entry; entry = entry->next) {
        if (strcmp(entry->name.text, name.text) == 0) { /* its declaration has an error */
            vec_free(&candidates.names);
            return val_poison();
        }
        vec_push(&candidates.names, entry->name.text);
    }
    fail(s, name.span, "'%s' has no hyperparameter '%s'", decl->name.text, name.text);
    add_note(s, decl->name.span, "the group is here");
    suggest(s, name.text, &candidates);
    return val_poison();
}
