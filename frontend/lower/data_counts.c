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

const DataCounts *data_counts(Session *s, const Symbol *symbol, const Dataset *data, Span span)
{
    const Decl *decl = symbol->decl;
    const FrontendOptions *options = s->file->options;
    const DataCounts *known = known_counts(s->file, decl);
    if (known)
        return known;
    const Field *fields = s->module->fields.data;
    uint32_t first = 0, field_count = 0;
    while (first < s->module->fields.len && fields[first].dataset != symbol->index)
        first++;
    while (first + field_count < s->module->fields.len && fields[first + field_count].dataset == symbol->index)
        field_count++;
    char reason[512] = "there is no folder of data";
    DataCounts *counts = ARENA_NEW(&s->file->arena, DataCounts);
    *counts = (DataCounts){.main_rows = data->main_rows, .test_rows = data->test_rows};
    counts->splits = ARENA_ARRAY(&s->file->arena, int64_t, data->splits.len + 1);
    counts->labels = ARENA_ARRAY(&s->file->arena, int64_t, field_count + 1);
    if (!options->count || !options->data ||
        !options->count(data, fields ? fields + first : NULL, field_count, options->data, counts, reason, sizeof reason)) {
        fail(s, span, "this is counted in the files of '%s', but %s", data->name, reason);
        return NULL;
    }
    vec_push(&s->file->counts, (KnownCounts){decl, counts});
    return counts;
}

/* rows(fashion.train): the examples of a split, or rows(fashion): of the main and of the test files. */
Val builtin_rows(Session *s, Call *call)
{
    Val of = call->args[0];
    if (of.symbol && of.symbol->broken)
        return val_poison();
    if (of.kind != VAL_SPLIT && of.kind != VAL_DATASET)
        return fail(s, call->spans[0], "rows takes a data set or one of its splits, as in rows(fashion.train)");
    const Dataset *data = &s->model->datasets.data[of.symbol->index];
    const DataCounts *counts = data_counts(s, of.symbol, data, call->spans[0]);
    if (!counts)
        return val_poison();
    return val_number((double)(of.kind == VAL_SPLIT ? counts->splits[of.split] : counts->main_rows + counts->test_rows));
}

/* width(adult.x): the numbers of a field that is a vector. */
Val builtin_width(Session *s, Call *call)
{
    Val of = call->args[0];
    if (of.kind != VAL_FIELD)
        return fail(s, call->spans[0], "width takes a field of a data set, as in width(adult.x)");
    return val_number((double)type_elements(s->module->fields.data[of.field].type));
}
