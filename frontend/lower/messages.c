/* Errors of the walk over the tree, and the words in them. */
#include "frontend/lower/lower.h"

#include <string.h>

/* The user's call through which the walk entered std.hn. */
static Span users_call(const Session *s)
{
    Span call = {0};
    for (const Frame *frame = s->frame; frame; frame = frame->caller)
        if (frame->standard)
            call = frame->call;
    return call;
}

static bool already_reported(ModelFile *file, Span span, Span call)
{
    for (uint32_t i = 0; i < file->reported.len; i++) {
        const Reported *r = &file->reported.data[i];
        if (r->span.source == span.source && r->span.begin == span.begin && r->span.end == span.end &&
            r->call.begin == call.begin && r->call.end == call.end)
            return true;
    }
    bool full = file->diags->errors > 2 * DIAG_LIMIT; /* none of the further messages would be printed */
    if (!full)
        vec_push(&file->reported, (Reported){span, call});
    return full;
}

/* Whether the arguments of a call shape the callee: only such a call can be at fault. */
static bool is_generic(const ModelFile *file, const Decl *decl)
{
    if (decl->kind != DECL_LAYER && decl->kind != DECL_NET)
        return false;
    for (const Param *param = decl->params.first; param; param = param->next)
        if (!is_closed(file, param->type))
            return true;
    return false;
}

static bool within(Span inner, Span outer)
{
    return inner.source == outer.source && inner.begin >= outer.begin && inner.end <= outer.end;
}

/* Whether the last message already shows this place, or one within it. */
static bool is_shown(const ModelFile *file, Span span)
{
    for (uint32_t i = 0; i < file->noted.len; i++)
        if (within(file->noted.data[i], span))
            return true;
    return false;
}

static void keep_calls(Session *s)
{
    enum { SHOWN = 3 };
    for (const Frame *frame = s->frame; frame && s->file->calls.len < SHOWN; frame = frame->caller)
        if (!frame->standard && frame->decl && frame->call.source && is_generic(s->file, frame->decl))
            vec_push(&s->file->calls, (CallNote){frame->call, frame->decl->name.text});
}

void finish_message(ModelFile *file)
{
    for (uint32_t i = 0; i < file->calls.len; i++)
        if (!is_shown(file, file->calls.data[i].span))
            diag_note(file->diags, file->calls.data[i].span, "in this call of '%s'", file->calls.data[i].callee);
    file->calls.len = 0;
    file->noted.len = 0;
}

Val fail(Session *s, Span span, const char *format, ...)
{
    ModelFile *file = s->file;
    bool standard = span.source == &std_source;
    Span call = standard ? users_call(s) : (Span){0};
    file->attach = !already_reported(file, span, call);
    if (!file->attach)
        return val_poison();
    finish_message(file);
    va_list args;
    va_start(args, format);
    const char *message = arena_vprintf(&file->arena, format, args);
    va_end(args);
    bool redirected = standard && call.source;
    diag_error(file->diags, redirected ? call : span, "%s", message);
    vec_push(&file->noted, redirected ? call : span);
    if (redirected)
        diag_note(file->diags, span, "in the standard library, here");
    else
        keep_calls(s);
    return val_poison();
}

const WarningInfo warning_table[WARNING_COUNT] = {
#define WARNING(number, KIND, name, summary) {number, name, summary},
#include "frontend/lower/warnings.def"
#undef WARNING
};

void warn(Session *s, WarningKind kind, Span span, const char *format, ...)
{
    ModelFile *file = s->file;
    const FrontendOptions *options = file->options;
    bool standard = span.source == &std_source;
    Span call = standard ? users_call(s) : (Span){0};
    file->attach = !(options->silenced >> kind & 1) && !already_reported(file, span, call);
    if (!file->attach)
        return;
    finish_message(file);
    va_list args;
    va_start(args, format);
    const char *message = arena_vprintf(&file->arena, format, args);
    va_end(args);
    Span place = standard && call.source ? call : span;
    const WarningInfo *info = &warning_table[kind];
    (options->warnings_are_errors ? diag_error : diag_warning)(file->diags, place, "%s [W%u %s]", message, info->number,
                                                               info->name);
    vec_push(&file->noted, place);
}

void add_note(Session *s, Span span, const char *format, ...)
{
    if (!s->file->attach || !span.source || is_shown(s->file, span))
        return;
    vec_push(&s->file->noted, span);
    va_list args;
    va_start(args, format);
    diag_note(s->file->diags, span, "%s", arena_vprintf(&s->file->arena, format, args));
    va_end(args);
}

void add_help(Session *s, const char *format, ...)
{
    if (!s->file->attach)
        return;
    va_list args;
    va_start(args, format);
    diag_help(s->file->diags, "%s", arena_vprintf(&s->file->arena, format, args));
    va_end(args);
}

void add_declared(const Session *s, DeclKind kind, Candidates *candidates)
{
    for (uint32_t i = 0; i < s->file->symbols.len; i++)
        if (s->file->symbols.data[i]->decl->kind == kind)
            vec_push(&candidates->names, s->file->symbols.data[i]->decl->name.text);
}

bool suggest(Session *s, const char *name, Candidates *candidates)
{
    const char *closest = s->file->attach ? closest_name(name, candidates->names.data, candidates->names.len) : NULL;
    if (closest)
        add_help(s, "did you mean '%s'?", closest);
    vec_free(&candidates->names);
    return closest != NULL;
}

static void append_type(const Session *s, Type type, int64_t classes, Text *text)
{
    if (classes > 0)
        text_printf(text, "class[%lld]", (long long)classes);
    else
        text_printf(text, "%s", type.dtype == s->module->real ? "f32" : dtype_name(type.dtype));
    if (classes > 0 && type.rank == 0)
        return;
    for (unsigned i = 0; i < type.rank; i++)
        text_printf(text, i ? ", %lld" : "[%lld", (long long)type.dims[i]);
    if (type.rank > 0)
        text_printf(text, "]");
}

static const char *keep(Session *s, Text *text)
{
    const char *kept = arena_text(&s->file->arena, text->data ? text->data : "", text->len);
    text_free(text);
    return kept;
}

const char *describe_type(Session *s, Type type)
{
    Text text = {0};
    append_type(s, type, 0, &text);
    return keep(s, &text);
}

const char *describe_dims(Session *s, Dims dims)
{
    Text text = {0};
    text_printf(&text, "[");
    for (unsigned i = 0; i < dims.n; i++)
        text_printf(&text, i ? ", %lld" : "%lld", (long long)dims.v[i]);
    text_printf(&text, "]");
    return keep(s, &text);
}

const char *describe(Session *s, Val value)
{
    Text text = {0};
    switch (value.kind) {
    case VAL_POISON:
        text_printf(&text, "an error");
        break;
    case VAL_TENSOR:
        append_type(s, val_type(s, value), value.classes, &text);
        break;
    case VAL_NUMBER:
        if (value.boolean)
            text_printf(&text, "the truth value %s", value.number != 0 ? "true" : "false");
        else
            text_printf(&text, "the number %.15g", value.number);
        break;
    case VAL_DIMS:
        text_printf(&text, "the list %s", describe_dims(s, value.dims));
        break;
    case VAL_NUMBERS:
        text_printf(&text, "a list of numbers of the shape %s", describe_dims(s, value.dims));
        break;
    case VAL_TEXT:
        text_printf(&text, "a string");
        break;
    case VAL_NONE:
        text_printf(&text, "none");
        break;
    case VAL_DATASET:
        text_printf(&text, "the data set '%s'", value.symbol->decl->name.text);
        break;
    case VAL_SPLIT:
        text_printf(&text, "a split of the data set '%s'", value.symbol->decl->name.text);
        break;
    case VAL_COLUMN:
        text_printf(&text, "the field '%s' of all examples of a split", s->module->fields.data[value.field].name);
        break;
    case VAL_FIELD:
        text_printf(&text, "the field '%s' of a data set", s->module->fields.data[value.field].name);
        break;
    case VAL_CONDITION:
        text_printf(&text, "the %s '%s'",
                    value.symbol->decl->kind == DECL_HYPER   ? "hyperparameters"
                    : value.symbol->decl->kind == DECL_GIVEN ? "vector"
                                                             : decl_text[value.symbol->decl->kind],
                    value.symbol->decl->name.text);
        break;
    case VAL_WEIGHTS:
        text_printf(&text, "the weights of '%s'", value.path);
        break;
    case VAL_ARGUMENT:
        text_printf(&text, "an argument of unknown type");
        break;
    case VAL_RESULTS:
        text_printf(&text, "%u results", value.results->count);
        break;
    }
    return keep(s, &text);
}

const char *type_expr_text(Session *s, const TypeExpr *type)
{
    return span_text(&s->file->arena, type->span);
}

const char *span_text(Arena *arena, Span span)
{
    Text text = {0};
    bool space = false;
    for (uint32_t i = span.begin; i < span.end; i++) {
        char c = span.source->text[i];
        if (c == '#')
            while (i + 1 < span.end && span.source->text[i + 1] != '\n')
                i++;
        if (c == '#' || c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            space = true;
            continue;
        }
        if (space && text.len)
            text_append(&text, " ", 1);
        space = false;
        text_append(&text, &c, 1);
    }
    const char *result = arena_text(arena, text.data ? text.data : "", text.len);
    text_free(&text);
    return result;
}
