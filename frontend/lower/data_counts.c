/* Sizes that a model takes from its data. */
#include "frontend/lower/builtins.h"
#include "frontend/lower/kit.h"

static const DataCounts *known_counts(const ModelFile *file, const Decl *decl)
{
    for (uint32_t i = 0; i < file->counts.len; i++)
        if (file->counts.data[i].decl == decl)
            return file->counts.data[i].counts;
    return NULL;
}

Symbol *data_symbol(const Session *s, uint32_t dataset)
{
    for (uint32_t i = 0; i < s->file->symbols.len; i++)
        if (s->file->symbols.data[i]->decl->kind == DECL_DATA && s->file->symbols.data[i]->index == dataset)
            return s->file->symbols.data[i];
    return NULL;
}

const DataCounts *data_counts(Session *s, const Symbol *symbol, const Dataset *data, Span span)
{
    const Decl *decl = symbol->decl;
    const FrontendOptions *options = s->file->options;
    const DataCounts *known = known_counts(s->file, decl);
    if (known)
        return known;
    const Field *fields = s->module->fields.data;
    uint32_t first = 0, field_count = 0, members = data->family ? (uint32_t)data->family->count : 1;
    while (first < s->module->fields.len && fields[first].dataset != symbol->index)
        first++;
    while (first + field_count < s->module->fields.len && fields[first + field_count].dataset == symbol->index)
        field_count++;
    char reason[512] = "there is no folder of data";
    DataCounts *counts = ARENA_NEW(&s->file->arena, DataCounts);
    counts->members = ARENA_ARRAY(&s->file->arena, int64_t, members);
    counts->splits = ARENA_ARRAY(&s->file->arena, int64_t, members * data->splits.len + 1);
    counts->firsts = ARENA_ARRAY(&s->file->arena, int64_t, members * data->splits.len + 1);
    counts->labels = ARENA_ARRAY(&s->file->arena, int64_t, field_count + 1);
    counts->names = ARENA_ARRAY(&s->file->arena, const char **, field_count + 1);
    counts->arena = &s->file->arena;
    if (!options->count || !options->data ||
        !options->count(data, fields ? fields + first : NULL, field_count, options->data, counts, reason, sizeof reason)) {
        fail(s, span, "this is counted in the files of '%s', but %s", data->name, reason);
        return NULL;
    }
    vec_push(&s->file->counts, (KnownCounts){decl, counts});
    return counts;
}

/* The rows of a data set, of a split of it, or of such a split of a member. */
static Val count_rows(Session *s, Val of, Span span)
{
    const Dataset *data = &s->model->datasets.data[of.symbol->index];
    const DataCounts *counts = data_counts(s, of.symbol, data, span);
    uint32_t member = of.member.kind == MEMBER_NUMBER ? of.member.index : 0;
    if (!counts)
        return val_poison();
    return val_number(
        (double)(of.kind == VAL_SPLIT ? counts->splits[member * data->splits.len + of.split] : counts->members[member]));
}

/* rows(fashion.train): the examples of a split, or rows(fashion): of the main and of the test files. */
Val builtin_rows(Session *s, Call *call)
{
    Val of = call->args[0];
    if (of.symbol && of.symbol->broken)
        return val_poison();
    if (of.kind != VAL_SPLIT && of.kind != VAL_DATASET)
        return fail(s, call->spans[0], "rows takes a data set or one of its splits, as in rows(fashion.train)");
    const Family *family = s->model->datasets.data[of.symbol->index].family;
    if (family && of.member.kind != MEMBER_NUMBER) {
        fail(s, call->spans[0], "rows takes a member of a family, as in rows(%s[0].%s)", of.symbol->decl->name.text,
             s->model->datasets.data[of.symbol->index].splits.data[0].name);
        return val_poison();
    }
    if (family && family_picks_rows[family->kind])
        return fail(s, call->spans[0], "how many examples a member of '%s' has is known when the program runs, not here",
                    of.symbol->decl->name.text);
    if (family && family->base >= 0) { /* each member has all of them */
        of.symbol = data_symbol(s, (uint32_t)family->base);
        of.member = (MemberChoice){0};
    }
    return count_rows(s, of, call->spans[0]);
}

/* width(adult.x): the numbers of a field that is a vector. */
Val builtin_width(Session *s, Call *call)
{
    Val of = call->args[0];
    if (of.kind != VAL_FIELD)
        return fail(s, call->spans[0], "width takes a field of a data set, as in width(adult.x)");
    return val_number((double)type_elements(s->module->fields.data[of.field].type));
}
