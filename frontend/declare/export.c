/* Exports: the functions that a built program offers. */
#include <string.h>

#include "frontend/conditions/conditions.h"
#include "frontend/declare/declare.h"

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

/* The field of that name, whose type an argument has that does not say one: `predict` reads it from the rows of the field's data
 * set. NULL: there is none, or several of several types. */
static const Field *field_of_name(const Session *s, const char *name)
{
    const Field *found = NULL;
    for (uint32_t i = 0; i < s->module->fields.len; i++) {
        const Field *field = &s->module->fields.data[i];
        const char *dot = strchr(field->name, '.');
        if (!dot || strcmp(dot + 1, name) != 0)
            continue;
        if (found && (!type_equal(found->type, field->type) || found->classes != field->classes))
            return NULL;
        found = field;
    }
    return found;
}

/* Whether the declaration is a condition without a first value. */
static bool is_drawn(const Decl *decl)
{
    ConditionKind kind = condition_kind(decl->kind);
    return kind != CONDITION_NOTHING && !condition_standing[kind];
}

static void refuse_twice(Session *s, const Param *param)
{
    fail(s, param->name.span, "the argument '%s' is declared twice", param->name.text);
}

/* The condition of that name, or NULL. */
static const Symbol *find_condition(const Session *s, const char *name)
{
    for (uint32_t i = 0; i < s->file->symbols.len; i++) {
        const Symbol *symbol = s->file->symbols.data[i];
        if (condition_kind(symbol->decl->kind) != CONDITION_NOTHING && strcmp(symbol->decl->name.text, name) == 0)
            return symbol;
    }
    return NULL;
}

/* An argument that stands for the condition; a type of its own must be the condition's. The condition itself is what the name
 * means in the export, so its members and the weights that respond to it follow the argument (passes/conditions/conditions.c). */
static void bind_condition(Session *s, Frame *frame, const Param *param, const Symbol *condition)
{
    const char *name = param->name.text;
    const Function *function = s->builder.function;
    Type written, type = s->module->conditions.data[condition->condition].type;
    int64_t classes;
    for (uint32_t i = 0; i < function->inputs.len; i++)
        if (strcmp(function->input_names.data[i], name) == 0) {
            refuse_twice(s, param);
            return;
        }
    bool fine = condition->extent && (!param->type || make_type(s, param->type, &written, &classes));
    if (fine && param->type && !type_equal(written, type)) {
        const char *noun = condition_readers[condition_kind(condition->decl->kind)]->noun + strlen("a ");
        fail(s, param->name.span, "the argument '%s' is the %s of that name, which is %s, not %s", name, noun,
             describe_type(s, type), describe_type(s, written));
        fine = false;
    }
    if (fine)
        build_input(&s->builder, name, type);
    else
        set_local(frame, param->name, val_poison());
}

/* An argument that is a field of the example. Nobody has checked a class that comes from outside: it is an index of a table. */
static Val field_argument(Session *s, const Param *param, Type type, int64_t classes)
{
    Value input = build_input(&s->builder, param->name.text, type);
    Val value = val_tensor(classes > 0 ? build_within(&s->builder, input, classes) : input);
    value.classes = classes;
    return value;
}

static void bind_argument(Session *s, Frame *frame, const Param *param)
{
    Type type;
    int64_t classes;
    Val value = {.kind = VAL_ARGUMENT, .param = param};
    if (find_local(frame, param->name.text)) {
        refuse_twice(s, param);
        return;
    }
    if (param->init)
        fail(s, param->init->span, "an argument of an export has no default");
    const Symbol *condition = find_condition(s, param->name.text);
    if (condition) {
        bind_condition(s, frame, param, condition);
        return;
    }
    /* Behind a broken data set, the field of that name may be another one's. */
    const Field *field = param->type || data_is_broken(s) ? NULL : field_of_name(s, param->name.text);
    if (field) {
        value = field_argument(s, param, field->type, field->classes);
    } else if (param->type ? make_type(s, param->type, &type, &classes) : known_argument(s->file, param, &type, &classes)) {
        value = field_argument(s, param, type, classes);
    } else if (param->type || !s->learning) {
        value = val_poison();
    }
    set_local(frame, param->name, value);
}

static void check_arguments(Session *s, const Frame *frame)
{
    for (uint32_t i = 0; i < frame->locals.len; i++) {
        Val value = frame->locals.data[i].value;
        if (value.kind != VAL_ARGUMENT || data_is_broken(s))
            continue;
        fail(s, value.param->span, "the type of the argument '%s' is not known", value.param->name.text);
        add_help(s, "write it, as in '%s: f32[10]', or pass the argument to a net that says it", value.param->name.text);
    }
}

/* Whether a field is the label of a family as its base has it. */
static bool is_copy(const Session *s, const Field *field)
{
    const Family *family = s->model->datasets.data[field->dataset].family;
    for (uint32_t i = 0; family && family->base >= 0 && i < s->module->fields.len; i++) {
        const Field *other = &s->module->fields.data[i];
        if (other->dataset == (uint32_t)family->base && other->classes == field->classes && other->first == field->first &&
            strcmp(strchr(other->name, '.'), strchr(field->name, '.')) == 0)
            return true;
    }
    return false;
}

/* Whether the function runs over so many values of a condition: what looks like a class may be one of these. */
static bool spans(const Session *s, int64_t count)
{
    for (uint32_t c = 0; c < s->module->conditions.len; c++)
        if (s->spanned >> c & 1 && s->module->conditions.data[c].count == count)
            return true;
    return false;
}

/* The field whose classes the result is one of, or has a probability for each of: the only field of so many classes, or -1. */
static int labelled_field(const Session *s, Val result)
{
    Type type = val_type(s, result);
    int64_t classes = result.probabilities && type.rank == 1 ? type.dims[0] : type.rank == 0 ? result.classes : 0;
    int found = -1;
    for (uint32_t i = 0; classes > 0 && !spans(s, classes) && i < s->module->fields.len; i++) {
        const Field *field = &s->module->fields.data[i];
        if (field->index || field->classes != classes || is_copy(s, field))
            continue;
        if (found >= 0)
            return -1;
        found = (int)i;
    }
    return found;
}

/* The inputs of the function, as the arguments of the export. */
static ExportArgument *arguments_of(const Session *s, const Function *function)
{
    Module *module = s->module;
    ExportArgument *arguments = ARENA_ARRAY(&module->arena, ExportArgument, function->inputs.len);
    for (uint32_t i = 0; i < function->inputs.len; i++) {
        const char *name = function->input_names.data[i];
        arguments[i] = (ExportArgument){name, OP_AT(function, function->inputs.data[i])->type, -1};
        for (uint32_t c = 0; c < module->conditions.len; c++)
            if (strcmp(module->conditions.data[c].name, name) == 0)
                arguments[i].condition = (int)c;
    }
    return arguments;
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
    Export export = {.function = function, .labels = -1, .argument_count = function->inputs.len};
    export.name = arena_copy(&s->module->arena, decl->name.text);
    export.arguments = arguments_of(s, function);
    if (!is_poison(result)) {
        build_output(&s->builder, decl->name.text, result.ir);
        export.result = val_type(s, result);
        export.labels = labelled_field(s, result);
        export.spanned = s->spanned;
    }
    find_examples(s->model, &export);
    vec_push(&s->model->exports, export);
    close_function(s);
}

/* The first of these conditions that has no first value and is no argument of the export; NULL: there is none. */
static const Symbol *missing_argument(const Session *s, const Decl *decl, uint64_t conditions)
{
    for (uint32_t c = 0; c < s->module->conditions.len; c++) {
        const Symbol *symbol = conditions >> c & 1 ? condition_symbol(s, c) : NULL;
        if (!symbol || !is_drawn(symbol->decl))
            continue;
        const Param *param = decl->params.first;
        while (param && strcmp(param->name.text, symbol->decl->name.text) != 0)
            param = param->next;
        if (!param)
            return symbol;
    }
    return NULL;
}

void check_export(Session *s, const Decl *decl)
{
    const Function *function = module_function(s->module, decl->name.text);
    for (uint32_t v = 0; function && v < function->ops.len; v++) {
        const Op *op = OP_AT(function, v);
        bool weight = op->code == OP_PARAM;
        const Symbol *missing = missing_argument(s, decl, conditions_of_op(s->module, op));
        if (!missing)
            continue;
        const char *name = missing->decl->name.text;
        fail(s, decl->name.span, "the %s on the %s '%s', which '%s' does not take", weight ? "weights depend" : "result depends",
             condition_readers[condition_kind(missing->decl->kind)]->noun + strlen("a "), name, decl->name.text);
        if (s->train && count_declared(s->file, DECL_TRAIN) > 1)
            add_note(s, s->train->name.span, "by this train");
        add_help(s, "make it an argument: 'export %s(..., %s) = ...'", decl->name.text, name);
        return;
    }
}
