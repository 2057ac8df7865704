/* Names that no file, layer or primitive has: what to write instead, or which names there are. */
#include <ctype.h>
#include <string.h>

#include "frontend/lower/lower.h"

bool answer_foreign(Session *s, ForeignKind kind, const char *word)
{
    const char *answer = foreign_answer(kind, word, strlen(word));
    if (answer && *answer)
        add_help(s, "%s", answer);
    return answer != NULL;
}

Val refuse(Session *s, Span span, const char *feature)
{
    fail(s, span, "%s: not supported yet", feature);
    const char *quote = strchr(feature, '\'');
    for (const char *word = quote ? quote : feature; *word;) {
        size_t length = strspn(word, "+");
        while (isalnum((unsigned char)word[length]) || word[length] == '_')
            length++;
        const char *answer = length ? foreign_answer(FOREIGN_LATER, word, length) : NULL;
        if (answer) {
            add_help(s, "meanwhile: %s", answer);
            break;
        }
        word += length ? length : 1;
    }
    return val_poison();
}

void choose_name(Session *s, const char *name, Candidates *candidates, const char *what)
{
    enum { SHOWN = 16 };
    Text all = {0};
    uint32_t count = candidates->names.len;
    for (uint32_t i = 0; i < count && i < SHOWN; i++)
        text_printf(&all, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " and ", candidates->names.data[i]);
    if (!suggest(s, name, candidates) && count)
        add_help(s, "%s: %s%s", what, all.data, count > SHOWN ? ", ..." : "");
    text_free(&all);
}

const char weights_given[] =
    "declare 'given z[8]' and make them from it, 'weights f = dense(e(z))'; it gets its value where they are "
    "used: 'f(d.x) given z = codes(d.k)'. Of a class, declare 'member k[3]': 'f(d.x) given k = d.k'";

/* ---- functions ---- */

static bool is_function(const Session *s, const char *name)
{
    const Symbol *symbol = find_symbol(s->file, false, name);
    return (symbol && is_callable(symbol)) || is_builtin(name);
}

bool suggest_function(Session *s, const char *name)
{
    Candidates candidates = {0};
    const ModelFile *file = s->file;
    for (uint32_t i = 0; i < file->symbols.len + file->std_symbols.len; i++) {
        const Symbol *symbol = i < file->symbols.len ? file->symbols.data[i] : file->std_symbols.data[i - file->symbols.len];
        if (is_callable(symbol))
            vec_push(&candidates.names, symbol->decl->name.text);
    }
    builtin_names(&candidates);
    if (!answer_foreign(s, FOREIGN_CALL, name))
        return suggest(s, name, &candidates);
    vec_free(&candidates.names);
    return true;
}

/* Whether the function is of a value such as this. */
static bool takes_value(const Session *s, const char *name, Val value)
{
    bool of_data = value.kind == VAL_DATASET || value.kind == VAL_SPLIT || value.kind == VAL_FIELD;
    return is_function(s, name) && (of_data || !is_builtin_of_data(name));
}

static const char *short_text(Session *s, const Expr *expr)
{
    enum { LONGEST = 40 };
    const char *text = span_text(&s->file->arena, expr->span);
    return strlen(text) <= LONGEST ? text : "x";
}

/* A name that belongs to a module elsewhere, with the module before it: nn, np, torch.nn.functional. */
static bool is_of_a_module(const Session *s, const Expr *member)
{
    const Expr *root = member->left;
    while (root->kind == EXPR_MEMBER)
        root = root->left;
    return root->kind == EXPR_NAME && !find_local(s->frame, root->name.text) && !find_symbol(s->file, false, root->name.text) &&
           foreign_answer(FOREIGN_MODULE, root->name.text, strlen(root->name.text));
}

static void help_with_function(Session *s, const char *name)
{
    if (is_function(s, name))
        add_help(s, "it is called by its name alone: '%s(...)'", name);
    else
        suggest_function(s, name);
}

static void help_with_call(Session *s, const char *name, const Expr *of, const Expr *call)
{
    add_help(s, "write '%s(%s%s)'", name, short_text(s, of), call->args.count ? ", ..." : "");
    if (call->args.count)
        answer_foreign(s, FOREIGN_USAGE, name);
}

/* A function behind a dot: nn.Linear(...), image.view(...). */
static Val refuse_method(Session *s, const Expr *member, const Expr *call)
{
    const char *name = member->name.text;
    if (is_of_a_module(s, member)) {
        fail(s, member->span, "there are no modules: '%s' is no function here", span_text(&s->file->arena, member->span));
        help_with_function(s, name);
        return val_poison();
    }
    Val value = evaluate(s, member->left);
    if (is_poison(value))
        return value;
    const char *owner =
        value.kind == VAL_WEIGHTS ? arena_printf(&s->file->arena, "the net '%s'", value.path) : describe(s, value);
    fail(s, member->span, "%s has no function '%s' of its own", owner, name);
    if (takes_value(s, name, value))
        help_with_call(s, name, member->left, call);
    else if (value.kind == VAL_WEIGHTS && !foreign_answer(FOREIGN_CALL, name, strlen(name)))
        add_help(s, "a net is called by its name: '%s(...)'", value.symbol->decl->name.text);
    else
        suggest_function(s, name);
    return val_poison();
}

Val refuse_callee(Session *s, const Expr *call)
{
    const Expr *callee = call->left, *head = callee;
    while (head->kind == EXPR_CALL)
        head = head->left;
    if (head->kind == EXPR_MEMBER)
        return refuse_method(s, head, head == callee ? call : callee);
    if (head->kind == EXPR_NAME && head != callee) {
        fail(s, callee->span, "a layer is called once, with what it works on as its first argument");
        if (is_function(s, head->name.text))
            add_help(s, "as in '%s(x, ...)'", head->name.text);
        else
            answer_foreign(s, FOREIGN_CALL, head->name.text);
        return val_poison();
    }
    return fail(s, callee->span, "only a layer, a net, an objective or a function can be called, by its name");
}

/* ---- members and values ---- */

bool refuse_module(Session *s, const Expr *member)
{
    if (!is_of_a_module(s, member))
        return false;
    const char *name = member->name.text;
    fail(s, member->span, "there are no modules: '%s' is not known here", span_text(&s->file->arena, member->span));
    if (!answer_foreign(s, FOREIGN_VALUE, name))
        help_with_function(s, name);
    return true;
}

/* An objective that is given a field, and reads fields of it. Reported once. */
static Val refuse_member_of_field(Session *s, const Expr *member, Val field)
{
    const char *data = field.symbol->decl->name.text;
    if (field.symbol->misread)
        return val_poison();
    field.symbol->misread = true;
    fail(s, member->name.span, "%s has no member '%s'", describe(s, field), member->name.text);
    if (s->frame->decl && s->frame->decl->kind == DECL_OBJECTIVE) {
        add_note(s, s->frame->call, "it is passed here");
        add_help(s, "an objective takes a split: '%s(%s.%s)'", s->frame->decl->name.text, data,
                 s->model->datasets.data[field.symbol->index].splits.data[0].name);
    }
    return val_poison();
}

Val refuse_member(Session *s, const Expr *member, Val value)
{
    const char *name = member->name.text;
    if (value.kind == VAL_ARGUMENT) {
        fail(s, member->span, "an argument of an export is one field of an example, not the example");
        add_help(s, "write 'export %s(%s) = ...', and '%s' instead of '%s'",
                 s->frame->decl ? s->frame->decl->name.text : "predict", name, name, span_text(&s->file->arena, member->span));
        return val_poison();
    }
    if (value.kind == VAL_FIELD)
        return refuse_member_of_field(s, member, value);
    fail(s, member->name.span, "%s has no member '%s'", describe(s, value), name);
    if (takes_value(s, name, value))
        add_help(s, "write '%s(%s)'", name, short_text(s, member->left));
    else
        answer_foreign(s, FOREIGN_CALL, name);
    return val_poison();
}

/* The net whose result has this name for its size, which only a form gives: in its body, called as any other net. */
static const Decl *net_of_size(const Session *s, const char *name)
{
    const Decl *decl = s->frame ? s->frame->decl : NULL;
    const TypeExpr *result = decl && decl->kind == DECL_NET ? decl->results.first : NULL;
    for (const Arg *arg = result ? result->dims.first : NULL; arg; arg = arg->next)
        if (arg->value->kind == EXPR_NAME && strcmp(arg->value->name.text, name) == 0)
            return decl;
    return NULL;
}

/* Whether it is what objectives call their examples, or a field of a data set. */
static bool names_an_example(const Session *s, const char *name)
{
    bool found = false;
    for (uint32_t i = 0; i < s->file->symbols.len; i++) {
        const Decl *decl = s->file->symbols.data[i]->decl;
        for (const Param *param = decl->kind == DECL_OBJECTIVE ? decl->params.first : NULL; param; param = param->next)
            found |= strcmp(param->name.text, name) == 0;
        for (const DataItem *item = decl->kind == DECL_DATA ? decl->items.first : NULL; item; item = item->next)
            found |= item->name.text && strcmp(item->name.text, name) == 0;
    }
    return found;
}

/* In an objective: a field or a split without what it is a member of. Reported once per data set. False: it is neither. */
static bool refuse_part_of_data(Session *s, Name name)
{
    const Decl *objective = s->frame ? s->frame->decl : NULL;
    const Param *param = objective && objective->kind == DECL_OBJECTIVE ? objective->params.first : NULL;
    for (uint32_t i = 0; i < s->file->symbols.len && param; i++) {
        Symbol *symbol = s->file->symbols.data[i];
        for (const DataItem *item = symbol->decl->kind == DECL_DATA ? symbol->decl->items.first : NULL; item; item = item->next) {
            bool split = item->kind == DATA_SPLIT, field = item->kind == DATA_FIELD || item->kind == DATA_COMPUTED_FIELD;
            if (!(split || field) || strcmp(item->name.text, name.text) != 0)
                continue;
            if (!symbol->misread)
                fail(s, name.span, "'%s' is not defined", name.text);
            if (!symbol->misread && field)
                add_help(s, "a field is a member of the objective's argument: '%s.%s'", param->name.text, name.text);
            else if (!symbol->misread)
                add_help(s, "fields are members of the objective's argument '%s'; a train says that it is a split: '%s(%s.%s)'",
                         param->name.text, objective->name.text, symbol->decl->name.text, name.text);
            return symbol->misread = true;
        }
    }
    return false;
}

/* A hyperparameter without the name of its declaration, or the field that an export computes from without having it as a
 * parameter. */
static bool refuse_part_of_declaration(Session *s, Name name)
{
    const Decl *export = s->frame && s->frame->decl && s->frame->decl->kind == DECL_EXPORT ? s->frame->decl : NULL;
    for (uint32_t i = 0; i < s->file->symbols.len; i++) {
        const Decl *decl = s->file->symbols.data[i]->decl;
        for (const HyperEntry *entry = decl->kind == DECL_HYPER ? decl->hypers.first : NULL; entry; entry = entry->next)
            if (strcmp(entry->name.text, name.text) == 0) {
                fail(s, name.span, "'%s' is not defined", name.text);
                add_help(s, "a hyperparameter is written with the name of its declaration: '%s.%s'", decl->name.text, name.text);
                return true;
            }
    }
    if (!export || !names_an_example(s, name.text))
        return false;
    fail(s, name.span, "'%s' is not defined", name.text);
    const char *parameters = "";
    for (const Param *param = export->params.first; param; param = param->next)
        parameters = arena_printf(&s->file->arena, "%s%s, ", parameters, param->name.text);
    add_help(s, "what an export computes from is its parameter: 'export %s(%s%s) = ...'", export->name.text, parameters,
             name.text);
    return true;
}

Val refuse_name(Session *s, Name name, Candidates *candidates)
{
    const Decl *net = net_of_size(s, name.text);
    if (net) {
        fail(s, name.span, "the size '%s' is known only where '%s' makes weights", name.text, net->name.text);
        add_help(s, "as in 'weights NET = dense(%s(...))'; a net that is called has a result of known size", net->name.text);
    } else if (s->generating && s->frame && !s->frame->caller && names_an_example(s, name.text)) {
        fail(s, name.span, "'%s' is not defined: what makes weights does not see the example", name.text);
        add_help(s, "%s", weights_given);
    } else if (refuse_part_of_data(s, name) || refuse_part_of_declaration(s, name)) {
        /* said */
    } else if (is_function(s, name.text)) {
        fail(s, name.span, "'%s' is a function: it can be called, but is no value", name.text);
    } else {
        fail(s, name.span, "'%s' is not defined", name.text);
        if (!answer_foreign(s, FOREIGN_VALUE, name.text)) {
            suggest(s, name.text, candidates);
            return val_poison();
        }
    }
    vec_free(&candidates->names);
    return val_poison();
}
