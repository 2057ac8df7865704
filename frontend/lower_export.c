/* What the outside world may call. */
#include "frontend/lower.h"

#include <string.h>

static bool known_argument(const Program *program, const Param *param, Type *type, int64_t *classes)
{
    for (uint32_t i = 0; i < program->arguments.len; i++)
        if (program->arguments.data[i].param == param) {
            *type = program->arguments.data[i].type;
            *classes = program->arguments.data[i].classes;
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
    if (param->type ? make_type(s, param->type, &type, &classes) : known_argument(s->program, param, &type, &classes)) {
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
    Function *function = open_function(s, arena_printf(&s->program->arena, "export.%s", decl->name.text), &frame, false, false);
    for (const Param *param = decl->params.first; param; param = param->next)
        bind_argument(s, &frame, param);
    unsigned errors = s->program->diags->errors;
    run_block(s, &decl->body);
    if (!frame.returned && !s->exhausted)
        fail(s, decl->name.span, "'%s' does not return a value", decl->name.text);
    const Statement *last = decl->body.last;
    Span span = last && last->kind == STATEMENT_RETURN ? last->values.first->span : decl->name.span;
    Val result = frame.returned ? as_tensor(s, frame.result, span) : val_poison();
    if (s->learning && s->program->diags->errors == errors)
        check_arguments(s, &frame);
    if (s->dataset)
        fail(s, s->split_span, "an export cannot read a data set: pass the example as an argument");
    if (!is_poison(result))
        build_output(&s->builder, decl->name.text, result.ir);
    const char *name = arena_text(&s->module->arena, decl->name.text, strlen(decl->name.text));
    vec_push(&s->model->exports, (Export){name, function});
    close_function(s);
}
