/* Names: the declarations of the file and of std.hn, and the locals of a call. */
#include "frontend/lower/lower.h"

#include <string.h>

/* Declarations with the same number must differ in name: nets, layers, data, constants, hypers and objectives share one. */
static int name_space(DeclKind kind)
{
    switch (kind) {
    case DECL_TRAIN:
        return 1;
    case DECL_EXPORT:
        return 2;
    case DECL_WEIGHTS:
        return 3; /* may repeat a net's name; checked with the forms */
    default:
        return 0;
    }
}

/* A declaration by such a name would never be found: lookup_name takes the value of the language. */
static void refuse_name_of_the_language(Session *s, const Decl *decl)
{
    static const char *const values[] = {"training", "none", "pi", "true", "false"};
    bool is_value = decl->kind == DECL_CONST || decl->kind == DECL_DATA || decl->kind == DECL_HYPER ||
                    decl->kind == DECL_PREFERENCE || decl->kind == DECL_GIVEN;
    for (size_t i = 0; is_value && i < COUNT_OF(values); i++)
        if (strcmp(decl->name.text, values[i]) == 0) {
            fail(s, decl->name.span, "'%s' is a value of the language and cannot be declared", values[i]);
            if (strcmp(values[i], "pi") == 0)
                add_help(s, "it is 3.14159265358979 already");
        }
}

static void declare(Session *s, const DeclList *decls, bool standard)
{
    ModelFile *file = s->file;
    uint32_t counts[DECL_COUNT] = {0};
    for (const Decl *decl = decls->first; decl; decl = decl->next) {
        Symbol *symbol = ARENA_NEW(&file->arena, Symbol);
        bool twice = false;
        symbol->decl = decl;
        refuse_name_of_the_language(s, decl);
        for (uint32_t i = 0; !standard && i < file->symbols.len && name_space(decl->kind) != 3; i++) {
            const Decl *other = file->symbols.data[i]->decl;
            if (name_space(other->kind) != name_space(decl->kind) || strcmp(other->name.text, decl->name.text) != 0)
                continue;
            fail(s, decl->name.span, "'%s' is declared twice", decl->name.text);
            add_note(s, other->name.span, "the %s of that name is here", decl_text[other->kind]);
            twice = name_space(decl->kind) == 0;
            break;
        }
        if (twice) /* the name means the first one: what follows from the second is no news */
            continue;
        symbol->index = counts[decl->kind]++;
        if (standard)
            vec_push(&file->std_symbols, symbol);
        else
            vec_push(&file->symbols, symbol);
    }
}

void declare_symbols(Session *s)
{
    declare(s, &s->file->std_decls, true);
    declare(s, &s->file->decls, false);
}

static Symbol *find_std(const ModelFile *file, const char *name)
{
    for (uint32_t i = 0; i < file->std_symbols.len; i++)
        if (strcmp(file->std_symbols.data[i]->decl->name.text, name) == 0)
            return file->std_symbols.data[i];
    return NULL;
}

Symbol *find_symbol(const ModelFile *file, bool standard, const char *name)
{
    for (uint32_t i = 0; !standard && i < file->symbols.len; i++) {
        const Decl *decl = file->symbols.data[i]->decl;
        if (name_space(decl->kind) == 0 && strcmp(decl->name.text, name) == 0)
            return file->symbols.data[i];
    }
    return find_std(file, name);
}

Symbol *find_symbol_of(const ModelFile *file, const char *name, DeclKind kind)
{
    for (uint32_t i = 0; i < file->symbols.len; i++) {
        const Decl *decl = file->symbols.data[i]->decl;
        if (decl->kind == kind && strcmp(decl->name.text, name) == 0)
            return file->symbols.data[i];
    }
    return NULL;
}

uint32_t count_declared(const ModelFile *file, DeclKind kind)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < file->symbols.len; i++)
        count += file->symbols.data[i]->decl->kind == kind;
    return count;
}

Val *find_local(Frame *frame, const char *name)
{
    for (uint32_t i = 0; frame && i < frame->locals.len; i++)
        if (strcmp(frame->locals.data[i].name, name) == 0)
            return &frame->locals.data[i].value;
    return NULL;
}

void set_local(Frame *frame, Name name, Val value)
{
    Val *old = find_local(frame, name.text);
    value.constant = NULL; /* a name may stand in many places */
    if (old)
        *old = value;
    else
        vec_push(&frame->locals, (Local){name.text, value, name.span});
}

void frame_free(Frame *frame)
{
    vec_free(&frame->locals);
    vec_free(&frame->counts);
}

bool constant_number(Session *s, Symbol *symbol, double *number)
{
    const Decl *decl = symbol->decl;
    if (symbol->state == CONST_EVALUATING) {
        fail(s, decl->name.span, "the constant '%s' depends on itself", decl->name.text);
        symbol->state = CONST_KNOWN;
    }
    if (symbol->state == CONST_UNKNOWN) {
        symbol->state = CONST_EVALUATING;
        Frame frame = {.caller = NULL}, *outer = s->frame;
        Function *function = s->builder.function;
        s->frame = &frame;
        s->builder.function = NULL;
        Val value = evaluate(s, decl->value);
        symbol->number_known = as_number(s, value, decl->value->span, "a constant", &symbol->number);
        s->frame = outer;
        s->builder.function = function;
        symbol->state = CONST_KNOWN;
    }
    *number = symbol->number;
    return symbol->number_known;
}

/* "as in 'loss(fashion.train)'": an objective of one argument, in a file with data. */
static void help_with_split(Session *s, const Decl *objective)
{
    if (objective->kind != DECL_OBJECTIVE || objective->params.count != 1)
        return;
    for (uint32_t i = 0; i < s->file->symbols.len; i++) {
        const Symbol *symbol = s->file->symbols.data[i];
        if (symbol->decl->kind != DECL_DATA || symbol->index >= s->model->datasets.len)
            continue;
        const Dataset *data = &s->model->datasets.data[symbol->index];
        if (data->splits.len) {
            add_help(s, "as in '%s(%s%s.%s)'", objective->name.text, data->name, data->family ? "[0]" : "",
                     data->splits.data[0].name);
            return;
        }
    }
}

bool changes_at_run(const Symbol *constant)
{
    const Expr *value = constant->decl->value;
    if (value->kind == EXPR_UNARY && value->operator== OPERATOR_NEGATE)
        value = value->left;
    bool is_written = value->kind == EXPR_NUMBER; /* what is computed from others follows them */
    return is_written && constant->uses > 0 && constant->uses == constant->run_uses && !constant->is_setting;
}

/* A number of the program, or a state that a run may set. */
static Val constant_value(Session *s, Symbol *symbol)
{
    double number;
    symbol->pinned = true;
    symbol->uses += s->learning;
    if (!constant_number(s, symbol, &number))
        return val_poison();
    if (s->row) /* rows are computed before a run sets constants */
        return val_number(number);
    if (s->learning || !s->builder.function || !changes_at_run(symbol)) {
        Val value = val_number(number);
        value.constant = symbol;
        return value;
    }
    Module *module = s->module;
    uint32_t state = find_or_add_state(module, constant_state(&module->arena, symbol->decl->name.text), type_scalar(module->real),
                                       STATE_CONSTANT, (Init){INIT_CONSTANT, number});
    module->states.data[state].lifetime = LIFETIME_RUN;
    return val_tensor(build_read(&s->builder, state));
}

static Val symbol_value(Session *s, Symbol *symbol, Span span)
{
    const char *name = symbol->decl->name.text;
    if (condition_kind(symbol->decl->kind) != CONDITION_NOTHING)
        return (Val){.kind = VAL_CONDITION, .symbol = symbol, .given = s->given};
    switch (symbol->decl->kind) {
    case DECL_CONST:
        return constant_value(s, symbol);
    case DECL_DATA:
        return (Val){.kind = VAL_DATASET, .symbol = symbol};
    case DECL_NET:
        return (Val){.kind = VAL_WEIGHTS, .symbol = symbol, .path = name, .given = s->given};
    default:
        fail(s, span, "'%s' is %s %s: it can be called, but is no value", name, symbol->decl->kind == DECL_OBJECTIVE ? "an" : "a",
             decl_text[symbol->decl->kind]);
        help_with_split(s, symbol->decl);
        return val_poison();
    }
}

static void candidate_values(Session *s, Candidates *candidates)
{
    for (uint32_t i = 0; s->frame && i < s->frame->locals.len; i++)
        vec_push(&candidates->names, s->frame->locals.data[i].name);
    for (uint32_t i = 0; i < s->file->symbols.len; i++) {
        const Decl *decl = s->file->symbols.data[i]->decl;
        if (decl->kind == DECL_CONST || decl->kind == DECL_DATA || decl->kind == DECL_NET ||
            condition_kind(decl->kind) != CONDITION_NOTHING)
            vec_push(&candidates->names, decl->name.text);
    }
}

/* `training` has no value inside a function that makes a weight: the same function serves steps and metrics. */
static Val training_value(Session *s, Span span)
{
    if (!s->making)
        return val_bool(s->training);
    fail(s, span, "weights are the same in training and in metrics, so nothing that makes them can depend on 'training'");
    add_help(s, "a net may change a weight that it has read, as in 'dropout(w, 0.5) @ x'");
    return val_poison();
}

Val lookup_name(Session *s, Name name)
{
    Val *local = find_local(s->frame, name.text);
    if (local)
        return *local;
    if (strcmp(name.text, "training") == 0)
        return training_value(s, name.span);
    if (strcmp(name.text, "true") == 0 || strcmp(name.text, "false") == 0)
        return val_bool(name.text[0] == 't');
    if (strcmp(name.text, "none") == 0)
        return (Val){.kind = VAL_NONE};
    if (strcmp(name.text, "pi") == 0)
        return val_number(3.14159265358979323846);
    Symbol *symbol = find_symbol(s->file, s->frame && s->frame->standard, name.text);
    if (symbol)
        return symbol_value(s, symbol, name.span);
    Candidates candidates = {0};
    candidate_values(s, &candidates);
    return refuse_name(s, name, &candidates);
}

bool is_callable(const Symbol *symbol)
{
    return symbol->decl->kind == DECL_NET || symbol->decl->kind == DECL_LAYER || symbol->decl->kind == DECL_OBJECTIVE;
}

/* What a train can minimise and report. */
static void list_objectives(Session *s)
{
    Candidates objectives = {0};
    add_declared(s, DECL_OBJECTIVE, &objectives);
    choose_name(s, "", &objectives, "objectives");
}

Symbol *lookup_callee(Session *s, Name name)
{
    ModelFile *file = s->file;
    Symbol *symbol = find_symbol(file, s->frame && s->frame->standard, name.text);
    if (symbol && is_callable(symbol))
        return symbol;
    if (symbol) {
        fail(s, name.span, "'%s' is a %s declaration and cannot be called", name.text, decl_text[symbol->decl->kind]);
        add_note(s, symbol->decl->name.span, "declared here");
        return NULL;
    }
    fail(s, name.span, "'%s' is not a layer, a net, an objective or a function", name.text);
    bool train = s->frame && !s->frame->caller && !s->frame->decl;
    bool suggested = suggest_function(s, name.text);
    if (train && (!suggested || foreign_answer(FOREIGN_CALL, name.text, strlen(name.text))))
        list_objectives(s);
    return NULL;
}
