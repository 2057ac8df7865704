/* Families: how many members there are, and what they are made of. */
#include "frontend/declare/families.h"

#include <string.h>

const FamilyReader *const family_readers[FAMILY_COUNT] = {
#define FAMILY(KIND, word, ...) &word##_reader,
#include "runtime/abi/families.def"
#undef FAMILY
};

static int family_of(const Decl *decl)
{
    int kind = decl->value->kind == EXPR_CALL ? find_word(WORDS(family_names), head_name(decl->value)) : -1;
    return kind >= 0 && family_has_base[kind] ? kind : -1;
}

bool is_derived(const Decl *decl)
{
    return family_of(decl) >= 0;
}

/* The number of members; *by_itself: it is written `_`. */
static bool read_count(Session *s, const Decl *decl, int64_t *count, bool *by_itself)
{
    *by_itself = decl->extent && decl->extent->kind == EXPR_NAME && strcmp(decl->extent->name.text, "_") == 0;
    *count = 1;
    return *by_itself ||
           as_integer(s, evaluate(s, decl->extent), decl->extent->span, "the number of members", 1, MOST_MEMBERS, count);
}

static Family *new_family(Session *s, FamilyKind kind, int64_t count)
{
    Family *family = ARENA_NEW(&s->module->arena, Family);
    *family = (Family){.kind = kind, .text = "", .count = count, .base = -1, .field = -1};
    return family;
}

/* ---- families of another data set ---- */

/* The base that the first argument names; NULL: there is none, or it has an error (reported). */
static Symbol *find_base(Session *s, const Expr *call, const char *example)
{
    const Arg *first = call->args.first;
    if (!first || first->kind != ARG_VALUE || first->label.text || first->condition) {
        fail(s, call->span, "%s takes a data set first, as in '%s'", head_name(call), example);
        return NULL;
    }
    Symbol *base =
        choose_declared(s, 1 << DECL_DATA, first->value, "%s takes a data set first, as in '%s'", head_name(call), example);
    if (!base || base->broken)
        return NULL;
    if (s->model->datasets.data[base->index].family || is_derived(base->decl)) {
        fail(s, first->span, "'%s' is a family of data sets, and there are no families of families", base->decl->name.text);
        add_note(s, base->decl->name.span, "declared here");
        return NULL;
    }
    return base;
}

/* The family's fields and splits are those of the base. */
static void copy_base(FamilyLowering *l, const Symbol *base)
{
    Session *s = l->s;
    Module *module = s->module;
    l->base_fields = l->fields = module->fields.len;
    for (uint32_t i = 0; i < l->fields; i++) {
        Field field = module->fields.data[i];
        if (field.dataset != base->index)
            continue;
        if (l->field_count++ == 0)
            l->base_fields = i;
        field.name = arena_printf(&module->arena, "%s%s", l->symbol->decl->name.text, strchr(field.name, '.'));
        field.dataset = l->symbol->index;
        vec_push(&module->fields, field);
    }
    l->data->format = l->base->format;
    for (uint32_t i = 0; i < l->base->splits.len; i++)
        vec_push(&l->data->splits, l->base->splits.data[i]);
}

void lower_derived(Session *s, Symbol *symbol, Dataset *data)
{
    const Decl *decl = symbol->decl;
    FamilyKind kind = (FamilyKind)family_of(decl);
    const FamilyReader *reader = family_readers[kind];
    unsigned errors = s->file->diags->errors;
    symbol->broken = true;
    if (decl->items.first) {
        fail(s, decl->items.first->span, "the fields and the splits of '%s' are those of the data set that it is made of",
             decl->name.text);
        return;
    }
    if (!decl->extent) {
        fail(s, decl->name.span, "%s makes a family of data sets, and this does not say how many", family_names[kind]);
        add_help(s, "as in 'data %s[10] = %s'", decl->name.text, reader->example);
        return;
    }
    FamilyLowering l = {.s = s, .symbol = symbol, .data = data};
    Symbol *base = find_base(s, decl->value, reader->example);
    int64_t count;
    if (!base || !read_count(s, decl, &count, &l.counts_by_itself))
        return;
    data->family = new_family(s, kind, count);
    data->family->base = (int)base->index;
    data->family->text = span_text(&s->module->arena, decl->value->span);
    l.base = &s->model->datasets.data[base->index];
    copy_base(&l, base);
    reader->read(&l, decl->value->args.first->next);
    symbol->broken = s->file->diags->errors != errors;
}

/* ---- families with rows of their own ---- */

void read_members(Session *s, const Symbol *symbol, Dataset *data)
{
    const Decl *decl = symbol->decl;
    FamilyLowering l = {.s = s, .symbol = symbol, .data = data};
    int64_t count;
    if (!read_count(s, decl, &count, &l.counts_by_itself))
        return;
    if (l.counts_by_itself) {
        fail(s, decl->extent->span, "the number of members must be written here");
        return;
    }
    data->family = new_family(s, FAMILY_NUMBERED, count);
    numbered_reader.read(&l, decl->value->args.first);
}

static void refuse_sign(Session *s, const Decl *decl, const Expr *source)
{
    for (const Arg *arg = source->args.first; arg; arg = arg->next)
        if (arg->value->kind == EXPR_STRING && strstr(arg->value->name.text, MEMBER_SIGN)) {
            fail(s, arg->span, "%s stands for the number of a member, but '%s' is no family of data sets", MEMBER_SIGN,
                 decl->name.text);
            add_help(s, "a family says how many members it has, as in 'data %s[4] = ...'", decl->name.text);
        }
}

void check_no_members(Session *s, const Symbol *symbol)
{
    const Decl *decl = symbol->decl;
    refuse_sign(s, decl, decl->value);
    for (const DataItem *item = decl->items.first; item; item = item->next)
        if (item->kind == DATA_TEST)
            refuse_sign(s, decl, item->value);
}
