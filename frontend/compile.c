/* The walks over a file: parse, learn and check everything once, then lower each train. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/conditions/conditions.h"
#include "frontend/declare/declare.h"
#include "frontend/frontend.h"
#include "frontend/parse/parse.h"
#include "runtime/abi/random_space.h"
#include "tabular/table.h"

/* ---- sessions ---- */

static const char *model_name(Arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    size_t length = strlen(base);
    if (length > 3 && strcmp(base + length - 3, ".hn") == 0)
        length -= 3;
    return arena_text(arena, base, length);
}

static Session open_session(ModelFile *file, bool learning, const Decl *train)
{
    Session s = {.file = file, .learning = learning, .train = train, .next_stream = RANDOM_STREAM_MODEL};
    const char *name = model_name(&file->arena, file->source->name);
    s.module = module_new(name, file->options->real);
    s.module->path = file->source->name;
    s.model = ARENA_NEW(&s.module->arena, Model);
    s.model->module = s.module;
    s.model->name = s.module->name;
    s.builder.module = s.module;
    module_state(s.module, "seed", type_of(DTYPE_I32, 1, (int64_t[]){2}), STATE_COUNTER);
    module_state(s.module, "step/lower", type_scalar(DTYPE_I32), STATE_COUNTER);
    if (learning || takes_condition(train, CONDITION_HYPER))
        module_state(s.module, "step/upper", type_scalar(DTYPE_I32), STATE_COUNTER);
    return s;
}

static void close_session(Session *s)
{
    vec_free(&s->forms);
    vec_free(&s->generators);
    vec_free(&s->measures);
    vec_free(&s->updates);
    vec_free(&s->carried);
}

static void for_each(Session *s, DeclKind kind, void (*lower)(Session *, Symbol *))
{
    for (uint32_t i = 0; i < s->file->symbols.len; i++)
        if (s->file->symbols.data[i]->decl->kind == kind)
            lower(s, s->file->symbols.data[i]);
}

static void check_const(Session *s, Symbol *symbol)
{
    double number;
    constant_number(s, (Symbol *)symbol, &number);
}

static void lower_train_symbol(Session *s, Symbol *symbol)
{
    lower_train(s, symbol->decl);
}

static void lower_export_symbol(Session *s, Symbol *symbol)
{
    lower_export(s, symbol->decl);
}

static void check_export_symbol(Session *s, Symbol *symbol)
{
    check_export(s, symbol->decl);
}

static void refuse_later(Session *s, const Symbol *symbol)
{
    DeclKind kind = symbol->decl->kind;
    if (!decl_supported[kind])
        refuse(s, symbol->decl->span, arena_printf(&s->file->arena, "'%s'", decl_text[kind]));
}

/* The first walk. */
static void learn(ModelFile *file)
{
    Session s = open_session(file, true, NULL);
    declare_symbols(&s);
    for (uint32_t i = 0; i < file->symbols.len; i++)
        refuse_later(&s, file->symbols.data[i]);
    apply_defines(&s);
    lower_all_data(&s); /* constants are evaluated where they are used, and may be sizes of data */
    for_each(&s, DECL_CONST, check_const);
    lower_conditions(&s);
    for_each(&s, DECL_TRAIN, lower_train_symbol);
    for_each(&s, DECL_EXPORT, lower_export_symbol);
    check_unused(&s);
    lower_weight_values(&s);
    check_forms(&s);
    model_free(s.model);
    close_session(&s);
}

/* A later walk: one train, and the exports if they are wanted. */
static Model *lower_one(ModelFile *file, const Symbol *train, bool exports)
{
    Session s = open_session(file, false, train->decl);
    lower_all_data(&s);
    lower_conditions(&s);
    lower_train(&s, train->decl);
    if (exports)
        for_each(&s, DECL_EXPORT, lower_export_symbol);
    lower_weight_values(&s);
    if (file->diags->errors == 0)
        check_response(&s, train->decl);
    if (file->diags->errors == 0)
        check_training(&s, train->decl);
    if (file->diags->errors == 0)
        note_trained(&s);
    if (exports && file->diags->errors == 0)
        for_each(&s, DECL_EXPORT, check_export_symbol);
    find_run_constants(&s);
    close_session(&s);
    return s.model;
}

static const Symbol *select_train(ModelFile *file)
{
    const char *wanted = file->options->train;
    Candidates candidates = {0};
    Session s = {.file = file};
    const Symbol *found = NULL;
    for (uint32_t i = 0; i < file->symbols.len && !found; i++) {
        const Symbol *symbol = file->symbols.data[i];
        if (symbol->decl->kind != DECL_TRAIN)
            continue;
        vec_push(&candidates.names, symbol->decl->name.text);
        if (!wanted || strcmp(symbol->decl->name.text, wanted) == 0)
            found = symbol;
    }
    Span end = {file->source, (uint32_t)file->source->size, (uint32_t)file->source->size};
    if (!found && candidates.names.len == 0) {
        fail(&s, end, "the file declares no 'train'");
    } else if (!found) {
        fail(&s, (Span){0}, "there is no train '%s'", wanted);
        choose_name(&s, wanted, &candidates, "the trains of the file");
    }
    vec_free(&candidates.names);
    return found;
}

static Model *lower_all(ModelFile *file)
{
    Diagnostics *diags = file->diags;
    learn(file);
    const Symbol *selected = select_train(file);
    Model *kept = NULL;
    if (diags->errors == 0)
        kept = lower_one(file, selected, true); /* first: a warning that is said once is said of this train */
    for (uint32_t i = 0; i < file->symbols.len && diags->errors == 0; i++) {
        const Symbol *symbol = file->symbols.data[i];
        if (symbol->decl->kind == DECL_TRAIN && symbol != selected)
            model_free(lower_one(file, symbol, file->options->every_export));
    }
    for (uint32_t i = 0; i < file->symbols.len && diags->errors == 0; i++)
        if (file->symbols.data[i]->decl->kind == DECL_EXPORT)
            check_exported_weights(file, kept, file->symbols.data[i]->decl);
    if (kept && diags->errors) {
        model_free(kept);
        kept = NULL;
    }
    return kept;
}

static void model_file_free(ModelFile *file)
{
    vec_free(&file->symbols);
    vec_free(&file->std_symbols);
    vec_free(&file->weights);
    vec_free(&file->trained);
    vec_free(&file->arguments);
    vec_free(&file->parameters);
    vec_free(&file->reported);
    vec_free(&file->mismatches);
    vec_free(&file->calls);
    vec_free(&file->noted);
    for (uint32_t i = 0; i < file->tables.len; i++)
        table_free(file->tables.data[i].table);
    vec_free(&file->tables);
    vec_free(&file->counts);
    arena_free(&file->arena);
}

Model *frontend_compile(const Source *source, const FrontendOptions *options, Diagnostics *diags)
{
    ModelFile file = {.source = source, .options = options, .diags = diags};
    Model *model = NULL;
    if (source->size > LIMIT_BYTES) {
        diag_error(diags, (Span){0}, "%s: a model file has at most %d bytes, but this has %zu", source->name, LIMIT_BYTES,
                   source->size);
        return NULL;
    }
    file.std_decls = parse_source(&std_source, &file.arena, diags);
    file.decls = parse_source(source, &file.arena, diags);
    if (diags->errors == 0)
        model = lower_all(&file);
    finish_message(&file);
    model_file_free(&file);
    return model;
}
