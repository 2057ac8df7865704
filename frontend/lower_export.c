/* What the outside world may call. */
#include "frontend/lower.h"

#include <string.h>

static bool known_argument(const ModelFile *file, const Param *param, Type *type, int64_t *classes)
{
    for (uint32_t i = 0; i < file->arguments.len; i++)
        if (file->arguments.data[i].param == param) {
            *type = file->arguments.data[i].type;
            *classes = file->arguments.data[i].classes;
            return true;
        }
    return false;
}

static void bind_argument(Session *s, Frame *frame, const Param *param)
{
    Type type;
    int64_t classes;
    Val value = {.kind = VAL_ARGUMENT, .param = param};
    if (find_local(frame, param->name.text)) {
        fail(s, param->name.span, "the argument '%s' is declared twice", param->name.text);
        return;
    }
    if (param->init)
        fail(s, param->init->span, "an argument of an export has no default");
    const Symbol *preference = find_symbol_of(s->file, param->name.text, DECL_PREFERENCE);
    if (preference && !param->type) { /* it stands for the preference: its type is known */
        value = preference->extent
                    ? val_tensor(build_input(&s->builder, param->name.text, type_of(s->module->real, 1, &preference->extent)))
                    : val_poison();
    } else if (param->type ? make_type(s, param->type, &type, &classes) : known_argument(s->file, param, &type, &classes)) {
        value = val_tensor(build_input(&s->builder, param->name.text, type));
        value.classes = classes;
    } else if (param->type || !s->learning) {
        value = val_poison();
    }
    set_local(frame, param->name, value);
}

static void check_arguments(Session *s, const Frame *frame)
{
    for (uint32_t i = 0; i < frame->locals.len; i++) {
        Val value = frame->locals.data[i].value;
        if (value.kind != VAL_ARGUMENT)
            continue;
        fail(s, value.param->span, "the type of the argument '%s' is not known", value.param->name.text);
        add_help(s, "write it, as in '%s: f32[10]', or pass the argument to a net that says it", value.param->name.text);
    }
}

void lower_export(Session *s, const Decl *decl)
{
    Frame frame = {.decl = decl};
    Function *function = open_function(s, decl->name.text, &frame, false, false);
    for (const Param *param = decl->params.first; param; param = param->next)
        bind_argument(s, &frame, param);
    unsigned errors = s->file->diags->errors;
    run_block(s, &decl->body);
    if (!frame.returned && !s->exhausted)
        fail(s, decl->name.span, "'%s' does not return a value", decl->name.text);
    const Statement *last = decl->body.last;
    Span span = last && last->kind == STATEMENT_RETURN ? last->values.first->span : decl->name.span;
    Val result = frame.returned ? as_tensor(s, frame.result, span) : val_poison();
    if (s->learning && s->file->diags->errors == errors)
        check_arguments(s, &frame);
    if (s->dataset)
        fail(s, s->split_span, "an export cannot read a data set: pass the example as an argument");
    if (!is_poison(result))
        build_output(&s->builder, decl->name.text, result.ir);
    const char *name = arena_text(&s->module->arena, decl->name.text, strlen(decl->name.text));
    vec_push(&s->model->exports, (Export){name, function});
    close_function(s);
}

/* The preference that this condition is, among the symbols; or -1. */
static int64_t preference_symbol(const Session *s, uint32_t condition)
{
    for (uint32_t i = 0; i < s->file->symbols.len; i++) {
        const Symbol *symbol = s->file->symbols.data[i];
        if (symbol->decl->kind == DECL_PREFERENCE && symbol->condition == condition)
            return i;
    }
    return -1;
}

/* The preference that a weight depends on, among the symbols; or -1. */
static int64_t preference_of(const Session *s, uint32_t weight)
{
    uint64_t conditions = s->module->weights.data[weight].sources.conditions;
    int64_t found = -1;
    for (uint32_t c = 0; c < s->module->conditions.len && found < 0; c++)
        if (conditions >> c & 1)
            found = preference_symbol(s, c);
    return found;
}

void check_export(Session *s, const Decl *decl)
{
    const Function *function = module_function(s->module, decl->name.text);
    for (uint32_t v = 0; function && v < function->ops.len; v++) {
        const Op *op = OP_AT(function, v);
        int64_t found = op->code == OP_PARAM       ? preference_of(s, op->symbol)
                        : op->code == OP_CONDITION ? preference_symbol(s, op->symbol)
                                                   : -1;
        if (found < 0)
            continue;
        const char *name = s->file->symbols.data[found]->decl->name.text;
        for (const Param *param = decl->params.first; param; param = param->next)
            if (strcmp(param->name.text, name) == 0)
                return;
        fail(s, decl->name.span, "the %s on the preference '%s', which '%s' does not take",
             op->code == OP_PARAM ? "weights depend" : "result depends", name, decl->name.text);
        add_help(s, "make it an argument: 'export %s(..., %s) = ...'", decl->name.text, name);
        return;
    }
}
