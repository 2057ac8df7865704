/* Members of declared things: dataset.SPLIT, split.FIELD, lam.HYPERPARAMETER. */
#include <string.h>

#include "frontend/lower/kit.h"
#include "frontend/lower/positions.h"
#include "frontend/lower/rows_taken.h"

/* A loss that reads no field is trained on the split that its expression names. */
static void note_split(Session *s, Val split)
{
    s->several_named |=
        s->named && (s->named != split.symbol || s->named_split != split.split || !same_member(s->named_member, split.member));
    if (s->named)
        return;
    s->named = split.symbol;
    s->named_split = split.split;
    s->named_member = split.member;
}

/* The module's field of that name of the data set, or -1. */
static int64_t find_field(Session *s, const Symbol *dataset, Name name)
{
    const Module *module = s->module;
    const char *wanted = arena_printf(&s->file->arena, "%s.%s", dataset->decl->name.text, name.text);
    for (uint32_t i = 0; i < module->fields.len; i++)
        if (strcmp(module->fields.data[i].name, wanted) == 0)
            return i;
    return -1;
}

/* In the arguments of a net that makes weights. */
static Val refuse_example(Session *s, Span span)
{
    fail(s, span, "what makes weights does not see the example");
    add_help(s, "%s", weights_given);
    return val_poison();
}

/* The call of the declaration in whose text the place is; NULL: it is in a train's or an export's own expression. */
static const Frame *frame_around(const Session *s, Span span)
{
    for (const Frame *frame = s->frame; frame; frame = frame->caller) {
        const Decl *decl = frame->decl;
        if (decl && decl->span.source == span.source && span.begin >= decl->span.begin && span.end <= decl->span.end)
            return frame;
    }
    return NULL;
}

Val refuse_field(Session *s, Val field, Span span)
{
    const char *data = field.symbol->decl->name.text, *name = strchr(s->module->fields.data[field.field].name, '.') + 1;
    const Frame *frame = frame_around(s, span);
    const Decl *decl = frame ? frame->decl : NULL;
    const Param *param = decl ? decl->params.first : NULL;
    if (s->generating)
        return refuse_example(s, span);
    if (field.symbol->misread)
        return val_poison();
    field.symbol->misread = true;
    fail(s, span, "%s has a value in each example, not here", describe(s, field));
    const Dataset *dataset = &s->model->datasets.data[field.symbol->index];
    const char *split = dataset->splits.data[0].name, *index = dataset->family ? "[0]" : "";
    if (s->row) {
        add_help(s, "name a split and the place of an example: '%s.%s.%s[k]'", data, split, name);
        return val_poison();
    }
    const Val *passed = param ? find_local((Frame *)frame, param->name.text) : NULL;
    if (passed && passed->kind == VAL_DATASET) {
        add_note(s, frame->call, "the whole data set is passed here");
        add_help(s, "name a split of it: '%s(%s%s.%s)'", decl->name.text, data, index, split);
    } else if (decl && decl->kind == DECL_OBJECTIVE && param) {
        add_help(s, "in the objective '%s', write '%s.%s'; a train says which split that is: '%s(%s%s.%s)'", decl->name.text,
                 param->name.text, name, decl->name.text, data, index, split);
    } else if (decl && decl->kind != DECL_OBJECTIVE) {
        add_help(s, "a %s sees what its call passes: make '%s' a parameter of '%s'", decl_text[decl->kind], name,
                 decl->name.text);
    }
    return val_poison();
}

/* The condition whose value at hand is the member: a number, as a task is. */
static bool is_number_condition(const Session *s, Val value)
{
    if (value.kind != VAL_CONDITION || value.symbol->condition >= s->module->conditions.len)
        return false;
    Type type = s->module->conditions.data[value.symbol->condition].type;
    return type.dtype == DTYPE_I32 && type.rank == 0;
}

/* A function reads the examples of one member: that of the condition's value at hand, whatever value it has in a part. */
static Val refuse_member_of_given(Session *s, Val family, Val index, Span span)
{
    const char *data = family.symbol->decl->name.text, *name = index.symbol->decl->name.text;
    fail(s, span, "'%s[%s]' is the data of the %s at hand, and '%s' has another value here: an expression reads one data set", data,
         name, decl_text[index.symbol->decl->kind], name);
    add_help(s, "pass the data from outside, where '%s' is at hand, or name one member, as in '%s[1]'; a train by 'joint(%s)' takes "
                "the mean over all of them by itself",
             name, data, name);
    return val_poison();
}

/* permuted[t]: there must be a member for every value of the condition. */
static Val member_of_condition(Session *s, Val family, Val index, Span span)
{
    const Dataset *data = &s->model->datasets.data[family.symbol->index];
    int64_t count = s->module->conditions.data[index.symbol->condition].count;
    if (given_value(s->given, index.symbol) != NO_VALUE)
        return refuse_member_of_given(s, family, index, span);
    family.member = (MemberChoice){MEMBER_OF_CONDITION, index.symbol->condition};
    if (!index.symbol->extent || count <= data->family->count)
        return family;
    fail(s, span, "the %s '%s' has %lld values, but the family '%s' has %lld member%s", decl_text[index.symbol->decl->kind],
         index.symbol->decl->name.text, (long long)count, data->name, (long long)data->family->count,
         data->family->count == 1 ? "" : "s");
    add_note(s, family.symbol->decl->name.span, "the family is here");
    return val_poison();
}

static Val refuse_index(Session *s, Val dataset, Span span)
{
    const char *name = dataset.symbol->decl->name.text;
    if (dataset.member.kind == MEMBER_NONE)
        fail(s, span, "the data set '%s' is no family, so it has no members", name);
    else
        fail(s, span, "this is a member of a member, but '%s' is a family of data sets", name);
    add_note(s, dataset.symbol->decl->name.span, "the data set is here");
    return val_poison();
}

Val dataset_index(Session *s, Val dataset, const Expr *expr)
{
    const Dataset *data = &s->model->datasets.data[dataset.symbol->index];
    const Arg *arg = expr->args.first;
    int64_t member;
    if (s->row && !may_take_rows(s, dataset, expr->span))
        return val_poison();
    if (dataset.symbol->broken)
        return val_poison();
    if (!data->family || dataset.member.kind != MEMBER_NONE)
        return refuse_index(s, dataset, expr->span);
    if (!is_one_position(expr)) {
        fail(s, expr->span, "one member of the family '%s' is needed here", data->name);
        add_help(s, "as in '%s[0].%s'", data->name, data->splits.data[0].name);
        return val_poison();
    }
    Val index = evaluate(s, arg->value);
    if (is_poison(index))
        return index;
    if (is_number_condition(s, index))
        return member_of_condition(s, dataset, index, arg->span);
    if (index.kind != VAL_NUMBER)
        return fail(s, arg->span, "the member of a family is a number known at compile time or a task, but this is %s",
                    describe(s, index));
    const char *what = arena_printf(&s->file->arena, "a member of '%s'", data->name);
    if (!as_integer(s, index, arg->span, what, 0, data->family->count - 1, &member))
        return val_poison();
    dataset.member = (MemberChoice){MEMBER_NUMBER, (uint32_t)member};
    return dataset;
}

static Val refuse_whole_family(Session *s, Val family, Name split)
{
    const char *name = family.symbol->decl->name.text;
    fail(s, split.span, "'%s' is a family of %lld data sets, and this does not say which member", name,
         (long long)s->model->datasets.data[family.symbol->index].family->count);
    add_help(s, "choose one, as in '%s[0].%s'", name, split.text);
    add_note(s, family.symbol->decl->name.span, "the family is here");
    return val_poison();
}

Val dataset_member(Session *s, Val dataset, Name name)
{
    if (s->row && !may_take_rows(s, dataset, name.span))
        return val_poison();
    const Dataset *data = &s->model->datasets.data[dataset.symbol->index];
    Words splits = {data->splits.data, data->splits.len, sizeof *data->splits.data};
    int split = find_word(splits, name.text);
    if (split >= 0 && data->family && dataset.member.kind == MEMBER_NONE && !dataset.symbol->broken)
        return refuse_whole_family(s, dataset, name);
    if (split >= 0) {
        Val value = {.kind = VAL_SPLIT, .symbol = dataset.symbol, .split = (uint32_t)split, .member = dataset.member};
        note_split(s, value);
        return value;
    }
    if (dataset.symbol->broken)
        return val_poison();
    int64_t field = find_field(s, dataset.symbol, name);
    if (field >= 0)
        return (Val){.kind = VAL_FIELD, .symbol = dataset.symbol, .field = (uint32_t)field};
    choose_word(s, splits, name.text, name.span, "the data set '%s' has no split '%s'", data->name, name.text);
    if (strcmp(name.text, "test") == 0)
        add_help(
            s,
            "test examples are declared by 'test %s(...)', from files of their own, or by a split such as 'split train 0.8, test "
            "0.2'",
            format_names[data->format]);
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

/* "mnist.train", "permuted[3].train" */
static const char *split_name(Session *s, const Symbol *dataset, uint32_t split, MemberChoice member)
{
    const Dataset *data = &s->model->datasets.data[dataset->index];
    Arena *arena = &s->file->arena;
    return arena_printf(arena, "%s%s.%s", data->name, member_text(s->module, member, arena), data->splits.data[split].name);
}

/* One function reads the examples of one split. */
static bool claim_split(Session *s, Val split, Span span)
{
    span = outermost_call(s, span);
    if (!s->dataset) {
        s->dataset = split.symbol;
        s->split = split.split;
        s->member = split.member;
        s->split_span = span;
        return true;
    }
    if (s->dataset == split.symbol && s->split == split.split && same_member(s->member, split.member))
        return true;
    if (s->two_splits)
        return false;
    s->two_splits = true;
    fail(s, span, "this reads '%s', but the expression already reads '%s'",
         split_name(s, split.symbol, split.split, split.member), split_name(s, s->dataset, s->split, s->member));
    add_note(s, s->split_span, "it is read here");
    return false;
}

Val split_member(Session *s, Val split, Name name)
{
    if (s->generating)
        return refuse_example(s, name.span);
    bool row = s->row; /* is computed, and may read any split */
    if (!can_build(s, name.span) || (!row && !claim_split(s, split, name.span)) || split.symbol->broken)
        return val_poison();
    int64_t field = find_field(s, split.symbol, name);
    if (field >= 0 && row) {
        split.kind = VAL_COLUMN;
        split.field = (uint32_t)field;
        return split;
    }
    if (field >= 0) {
        Val value = val_tensor(build_source(&s->builder, OP_EXAMPLE, (uint32_t)field));
        value.classes = s->module->fields.data[field].classes;
        return value;
    }
    fail(s, name.span, "examples of '%s' have no field '%s'", split.symbol->decl->name.text, name.text);
    add_note(s, split.symbol->decl->name.span, "the data set is here");
    Candidates candidates = {0};
    for (uint32_t i = 0; i < s->module->fields.len; i++)
        if (s->module->fields.data[i].dataset == split.symbol->index)
            vec_push(&candidates.names, strchr(s->module->fields.data[i].name, '.') + 1);
    choose_name(s, name.text, &candidates, "its fields");
    return val_poison();
}

/* The value that was given to the condition, or the condition. */
static Value condition_source(Session *s, Val condition)
{
    Value value = given_value(condition.given, condition.symbol);
    return value != NO_VALUE ? value : build_source(&s->builder, OP_CONDITION, condition.symbol->condition);
}

Val condition_number(Session *s, Val condition, Span span)
{
    if (!condition.symbol->extent || !can_build(s, span))
        return val_poison();
    Val value = val_tensor(condition_source(s, condition));
    value.classes = condition.symbol->extent;
    return value;
}

Val condition_vector(Session *s, Val condition, Span span)
{
    const Symbol *symbol = condition.symbol;
    const Name name = symbol->decl->name;
    if (!symbol->extent)
        return val_poison();
    Value source = condition_source(s, condition);
    if (!is_index(symbol))
        return val_tensor(source);
    if (symbol->embedding != NO_EMBEDDING)
        return val_tensor(build_gather(&s->builder, build_source(&s->builder, OP_PARAM, symbol->embedding), source));
    fail(s, span, "the %s '%s' has no vector", decl_text[symbol->decl->kind], name.text);
    add_note(s, name.span, "declared here");
    add_help(s, "declare one with it: '%s %s[%lld] embed 8'", decl_text[symbol->decl->kind], name.text,
             (long long)symbol->extent);
    return val_poison();
}

Val condition_entry(Session *s, Val group, Name name)
{
    const Decl *decl = group.symbol->decl;
    const char *wanted = arena_printf(&s->file->arena, "%s.%s", decl->name.text, name.text);
    Candidates candidates = {0};
    if (is_index(group.symbol) && strcmp(name.text, "count") == 0 && group.symbol->extent)
        return val_number((double)group.symbol->extent);
    if (!can_build(s, name.span))
        return val_poison();
    if (!decl->hypers.first) { /* a vector whose numbers have no names */
        bool index = is_index(group.symbol);
        fail(s, name.span, "the %s '%s' %s no member '%s'", decl_text[decl->kind], decl->name.text,
             index ? "has" : "is a vector and has", name.text);
        if (index)
            add_help(s, "'%s.count' is the number of %ss", decl->name.text, decl_text[decl->kind]);
        add_note(s, decl->name.span, "declared here");
        return val_poison();
    }
    for (uint32_t i = 0; i < s->model->hypers.len; i++) {
        const Hyper *hyper = &s->model->hypers.data[i];
        if (strcmp(hyper->name, wanted) != 0)
            continue;
        Builder *b = &s->builder;
        int64_t count = type_elements(hyper->shape);
        Val vector = condition_vector(s, group, name.span);
        if (is_poison(vector))
            return vector;
        Value slice = build_slice(b, vector.ir, (Dims){.n = 1, .v = {hyper->offset}}, type_of(s->module->real, 1, &count));
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
    choose_name(s, name.text, &candidates, "its hyperparameters");
    return val_poison();
}
