/* What follows the conditions of a train, and what follows others. */
#include <string.h>

#include "frontend/declare/train_plan.h"

/* Whether weights of the model, as far as they are used, follow the condition. */
bool responds(const Model *model, uint32_t condition)
{
    for (uint32_t i = 0; i < model->module->weights.len; i++)
        if (model->module->weights.data[i].sources.conditions >> condition & 1)
            return true;
    return false;
}

static bool is_export(const Session *s, const Function *function)
{
    for (uint32_t i = 0; i < s->model->exports.len; i++)
        if (s->model->exports.data[i].function == function)
            return true;
    return false;
}

/* Whether anything that is computed follows the condition, but for exports, which take it as an argument. */
static bool uses_condition(const Session *s, uint32_t condition)
{
    for (uint32_t i = 0; i < s->module->functions.len; i++) {
        const Function *function = s->module->functions.data[i];
        if (sources_of(s->module, function).conditions >> condition & 1 && !is_export(s, function))
            return true;
    }
    return false;
}

/* A condition without a first value has none at all where the train does not draw it. */
bool check_drawn(Session *s, const Decl *decl, const Train *train)
{
    for (uint32_t c = 0; c < s->module->conditions.len; c++) {
        const Symbol *symbol = condition_symbol(s, c);
        ConditionKind kind = condition_kind(symbol->decl->kind);
        if (condition_standing[kind] || find_train_condition(train, c) || !uses_condition(s, c))
            continue;
        const char *name = symbol->decl->name.text;
        fail(s, decl->value->span, "'%s' uses the %s '%s', which it does not draw", decl->name.text,
             decl_text[symbol->decl->kind], name);
        const char *method = method_taking(kind);
        if (method)
            add_help(s, "train it by %s(%s), or give the weights another form", method, name);
        return false;
    }
    return true;
}

const char *method_taking(ConditionKind kind)
{
    int method = 0;
    while (method < METHOD_COUNT && method_traits[method].takes != kind)
        method++;
    return method < METHOD_COUNT ? method_traits[method].name : NULL;
}

/* "bilevel(lam, mu) tunes it; ": the method that takes the condition, beside those that the train takes by the same method. Empty
 * where there is none. */
static const char *way_to_tune(Session *s, const Train *train, uint32_t condition)
{
    const char *method = method_taking(condition_kind(condition_symbol(s, condition)->decl->kind));
    const char *others = "";
    if (!method)
        return "";
    bool same = strcmp(method, method_traits[train->method].name) == 0;
    for (uint32_t i = 0; same && i < train->conditions.len; i++)
        others =
            arena_printf(&s->file->arena, "%s%s, ", others, s->module->conditions.data[train->conditions.data[i].condition].name);
    return arena_printf(&s->file->arena, "%s(%s%s) tunes it; ", method, others, s->module->conditions.data[condition].name);
}

void warn_of_fixed_response(Session *s, const Decl *decl, const Train *train)
{
    for (uint32_t i = 0; i < s->module->weights.len; i++) {
        const Weight *weight = &s->module->weights.data[i];
        const Form *form = &s->model->forms.data[weight->form];
        for (uint32_t c = 0; c < s->module->conditions.len; c++) {
            bool follows = weight->sources.conditions >> c & 1;
            if (!follows || find_train_condition(train, c))
                continue;
            warn(s, WARNING_FIXED_RESPONSE, decl->value->span,
                 "the weights of '%s' respond to '%s', which '%s' keeps where it is: the response is trained at one point",
                 form->target, s->module->conditions.data[c].name, method_traits[train->method].name);
            add_help(s, "%s'weights %s = free' in the train needs half of the memory", way_to_tune(s, train, c), form->target);
            return;
        }
    }
}
