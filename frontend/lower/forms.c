/* Which `weights NET.part = EXPRESSION` holds for a weight, and whether the declaration is valid. What the expression makes:
 * weight_values.c. */
#include <string.h>

#include "frontend/lower/form_use.h"
#include "frontend/lower/kit.h"

const char *part_text(Session *s, Name net, const NameList *path)
{
    Text text = {0};
    text_printf(&text, "%s", net.text);
    for (const NameNode *part = path->first; part; part = part->next)
        text_printf(&text, ".%s", part->name.text);
    const char *target = arena_text(&s->file->arena, text.data, text.len);
    text_free(&text);
    return target;
}

/* "classifier.linear1", as in `weights classifier.linear1 = free`. */
static const char *form_target(Session *s, const Decl *decl)
{
    return part_text(s, decl->name, &decl->path);
}

/* ---- forms in use ---- */

static uint32_t use_form(Session *s, const Decl *decl, const Symbol *net)
{
    for (uint32_t i = 0; i < s->forms.len; i++)
        if (s->forms.data[i].decl == decl && s->forms.data[i].net == net)
            return i;
    const char *target = decl ? form_target(s, decl) : net->decl->name.text;
    unsigned line, column;
    span_place(decl ? decl->span : net->decl->name.span, &line, &column);
    const char *text = decl ? span_text(&s->module->arena, decl->value->span) : "free";
    Form form = {.target = arena_copy(&s->module->arena, target), .text = text, .line = line};
    vec_push(&s->model->forms, form);
    vec_push(&s->forms, (FormPlan){decl, net});
    return s->forms.len - 1;
}

/* The more specific one of `best` and a declaration for that weight; where both name the same part, the later one given counts.
 */
static void prefer(Session *s, const Decl *decl, const KnownWeight *weight, const Decl **best, size_t *length)
{
    if (decl->kind != DECL_WEIGHTS || strcmp(decl->name.text, weight->net->decl->name.text) != 0)
        return;
    const char *target = form_target(s, decl);
    if (weight_in_part(weight->name, target) && strlen(target) >= *length) {
        *best = decl;
        *length = strlen(target);
    }
}

static void note_file(Session *s, const Expr *use, void *data)
{
    (void)s;
    *(bool *)data |= form_rows[form_row_of(head_name(use))].takes == FORM_TAKES_FILE;
}

uint32_t form_of_weight(Session *s, const KnownWeight *weight)
{
    const Decl *best = NULL;
    size_t length = 0;
    for (uint32_t i = 0; i < s->file->symbols.len; i++)
        prefer(s, s->file->symbols.data[i]->decl, weight, &best, &length);
    for (const Setting *setting = s->train ? s->train->settings.first : NULL; setting; setting = setting->next)
        if (setting->weights)
            prefer(s, setting->weights, weight, &best, &length);
    if (weight->running) {
        bool frozen = false;
        for_each_use(s, best ? best->value : NULL, note_file, &frozen);
        if (frozen)
            fail(s, best->span, "'%s' is a running statistic, which no file gives to a frozen net yet", weight->name);
        best = NULL;
    }
    return use_form(s, best, weight->net);
}

static void look_for_shift(Session *s, const Expr *use, void *data)
{
    (void)s;
    *(bool *)data |= form_rows[form_row_of(head_name(use))].takes == FORM_TAKES_SHIFT;
}

bool has_centred_responses(Session *s)
{
    bool found = false;
    for (uint32_t i = 0; i < s->file->symbols.len; i++)
        if (s->file->symbols.data[i]->decl->kind == DECL_WEIGHTS)
            for_each_use(s, s->file->symbols.data[i]->decl->value, look_for_shift, &found);
    for (const Setting *setting = s->train ? s->train->settings.first : NULL; setting; setting = setting->next)
        if (setting->weights)
            for_each_use(s, setting->weights->value, look_for_shift, &found);
    return found;
}

static bool part_exists(const ModelFile *file, const Symbol *net, const char *target)
{
    for (uint32_t i = 0; i < file->weights.len; i++)
        if (file->weights.data[i].net == net && weight_in_part(file->weights.data[i].name, target))
            return true;
    return false;
}

/* The dotted parts of a net that a weights declaration can name. */
void suggest_part(Session *s, const Symbol *net, const char *target)
{
    Candidates candidates = {0};
    for (uint32_t i = 0; i < s->file->weights.len; i++) {
        const KnownWeight *weight = &s->file->weights.data[i];
        if (weight->net != net)
            continue;
        const char *dot = strchr(weight->name, '.'); /* behind the net */
        while (dot && (dot = strchr(dot + 1, '.'))) {
            const char *part = arena_text(&s->file->arena, weight->name, (size_t)(dot - weight->name));
            bool known = false;
            for (uint32_t k = 0; k < candidates.names.len && !known; k++)
                known = strcmp(candidates.names.data[k], part) == 0;
            if (!known)
                vec_push(&candidates.names, part);
        }
        if (strchr(weight->name, '.') == strrchr(weight->name, '.'))
            vec_push(&candidates.names, weight->name); /* of the net itself */
    }
    choose_name(s, target, &candidates, "its parts");
}

Symbol *check_net_part(Session *s, Name name, const NameList *path)
{
    Symbol *net = find_symbol_of(s->file, name.text, DECL_NET);
    if (!net) {
        fail(s, name.span, "'%s' is not a net", name.text);
        Candidates candidates = {0};
        add_declared(s, DECL_NET, &candidates);
        suggest(s, name.text, &candidates);
        return NULL;
    }
    const char *target = part_text(s, name, path);
    if (net->used && !net->broken && path->count && !part_exists(s->file, net, target)) {
        fail(s, span_join(name.span, path->last->name.span), "'%s' has no part '%s'", name.text, target);
        add_note(s, net->decl->name.span, "the net is here");
        suggest_part(s, net, target);
        return NULL;
    }
    return net;
}

/* Checks one declaration; `first`: an earlier one with the same target in the same place, or NULL. */
static void check_form(Session *s, const Decl *decl, const Decl *first)
{
    if (!find_symbol_of(s->file, decl->name.text, DECL_NET)) {
        check_net_part(s, decl->name, &decl->path);
        return;
    }
    check_form_expression(s, decl->value);
    if (first) {
        fail(s, decl->name.span, "the weights of '%s' are declared twice", form_target(s, decl));
        add_note(s, first->name.span, "first declared here");
    }
    check_net_part(s, decl->name, &decl->path);
}

static bool same_target(Session *s, const Decl *x, const Decl *y)
{
    return x->kind == DECL_WEIGHTS && y->kind == DECL_WEIGHTS && strcmp(form_target(s, x), form_target(s, y)) == 0;
}

/* Checks the declarations that a train gives instead of the file's. */
static void check_forms_of_train(Session *s, const Decl *train)
{
    for (const Setting *setting = train->settings.first; setting; setting = setting->next) {
        const Decl *first = NULL;
        for (const Setting *other = train->settings.first; other != setting && !first; other = other->next)
            if (setting->weights && other->weights && same_target(s, setting->weights, other->weights))
                first = other->weights;
        if (setting->weights)
            check_form(s, setting->weights, first);
    }
}

void check_forms(Session *s)
{
    for (uint32_t i = 0; i < s->file->symbols.len; i++) {
        const Decl *decl = s->file->symbols.data[i]->decl, *first = NULL;
        for (uint32_t k = 0; k < i && decl->kind == DECL_WEIGHTS && !first; k++)
            if (same_target(s, decl, s->file->symbols.data[k]->decl))
                first = s->file->symbols.data[k]->decl;
        if (decl->kind == DECL_WEIGHTS)
            check_form(s, decl, first);
        if (decl->kind == DECL_TRAIN)
            check_forms_of_train(s, decl);
    }
}
