/* Checks of declarations that no train or export reaches, and constants given on the command line. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/declare/declare.h"

void apply_defines(Session *s)
{
    const FrontendOptions *options = s->file->options;
    for (uint32_t i = 0; i < options->ndefines; i++) {
        const Define *define = &options->defines[i];
        char *end;
        double number = strtod(define->value, &end);
        Symbol *symbol = find_symbol_of(s->file, define->name, DECL_CONST);
        if (!symbol) {
            diag_error(s->file->diags, (Span){0}, "-D %s=%s: the file declares no constant '%s'", define->name, define->value,
                       define->name);
            s->file->attach = true;
            Candidates constants = {0};
            add_declared(s, DECL_CONST, &constants);
            choose_name(s, define->name, &constants, "the constants of the file");
            continue;
        }
        if (end == define->value || *end || !isfinite(number)) {
            diag_error(s->file->diags, (Span){0}, "-D %s=%s: the value is not a number", define->name, define->value);
            continue;
        }
        symbol->state = CONST_KNOWN;
        symbol->number = number;
        symbol->number_known = true;
    }
}

static const Symbol *only_dataset(const ModelFile *file)
{
    const Symbol *found = NULL;
    for (uint32_t i = 0; i < file->symbols.len; i++)
        if (file->symbols.data[i]->decl->kind == DECL_DATA) {
            if (found)
                return NULL;
            found = file->symbols.data[i];
        }
    return found;
}

/* An unused objective is checked with the only data set's first split for every parameter. */
static void check_objective(Session *s, const Symbol *symbol, const Symbol *dataset)
{
    Frame frame = {.decl = symbol->decl};
    open_function(s, arena_printf(&s->file->arena, "unused.%s", symbol->decl->name.text), &frame, true, true);
    for (const Param *param = symbol->decl->params.first; param; param = param->next)
        set_local(&frame, param->name, (Val){.kind = VAL_SPLIT, .symbol = (Symbol *)dataset});
    run_body(s, &frame);
    close_function(s);
}

/* An unused net is checked if its parameters and its result state their whole types: the result of a generator has an open
 * size. */
static void check_net(Session *s, const Symbol *symbol)
{
    const Decl *decl = symbol->decl;
    unsigned layers = 0;
    for (const Param *param = decl->params.first; param; param = param->next)
        if (!is_closed(s->file, param->type))
            return;
    if (decl->results.first && !is_closed(s->file, decl->results.first))
        return;
    Frame frame = {.decl = decl, .prefix = decl->name.text, .net = (Symbol *)symbol, .layers = &layers};
    open_function(s, arena_printf(&s->file->arena, "unused.%s", decl->name.text), &frame, true, false);
    for (const Param *param = decl->params.first; param; param = param->next) {
        Type type;
        int64_t classes;
        if (!make_type(s, param->type, &type, &classes)) {
            set_local(&frame, param->name, val_poison());
            continue;
        }
        Val input = val_tensor(build_input(&s->builder, param->name.text, type));
        input.classes = classes;
        set_local(&frame, param->name, input);
    }
    run_body(s, &frame);
    close_function(s);
}

void check_unused(Session *s)
{
    const Symbol *dataset = only_dataset(s->file);
    for (uint32_t i = 0; i < s->file->symbols.len; i++) {
        const Symbol *symbol = s->file->symbols.data[i];
        if (symbol->used || s->exhausted)
            continue;
        if (symbol->decl->kind == DECL_OBJECTIVE && dataset)
            check_objective(s, symbol, dataset);
        else if (symbol->decl->kind == DECL_NET)
            check_net(s, symbol);
    }
}
