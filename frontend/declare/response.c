/* Which weights and losses depend on the conditions of a train, and which on other conditions. */
#include <string.h>

#include "frontend/conditions/conditions.h"
#include "frontend/declare/train_plan.h"

/* Whether some weight of the model that is used responds to the condition. */
bool responds(const Model *model, uint32_t condition)
{
    for (uint32_t i = 0; i < model->module->weights.len; i++)
        if (model->module->weights.data[i].sources.conditions >> condition & 1)
            return true;
    return false;
}

/* The condition, as a set, whose value at hand says which member of a family is read. */
static uint64_t member_condition(MemberChoice member)
{
    return member.kind == MEMBER_OF_CONDITION ? UINT64_C(1) << member.index : 0;
}

/* Those that the numbers of the phase's optimizers depend on. */
static uint64_t tuned_conditions(const Session *s, const Phase *phase)
{
    uint64_t used = 0;
    for (uint32_t k = 0; k <= phase->parts.len; k++)
        if (phase_optimizer(phase, k)->tuned)
            used |= sources_of(s->module, phase_optimizer(phase, k)->tuned).conditions;
    return used;
}

bool losses_use(const Session *s, const Train *train, uint32_t condition)
{
    uint64_t used = 0;
    for (uint32_t i = 0; i < train->phases.len; i++) {
        const Phase *phase = &train->phases.data[i];
        used |= tuned_conditions(s, phase);
        if (phase->objective)
            used |= sources_of(s->module, phase->objective).conditions | member_condition(phase->member);
    }
    return used >> condition & 1;
}

/* Whether a loss, a metric or what the train rehearses depends on the condition. (An export takes it as an argument.) */
static bool uses_condition(const Session *s, const Train *train, uint32_t condition)
{
    uint64_t used = losses_use(s, train, condition) ? UINT64_C(1) << condition : 0;
    for (uint32_t i = 0; i < train->metrics.len; i++)
        if (train->metrics.data[i].objective)
            used |= sources_of(s->module, train->metrics.data[i].objective).conditions |
                    member_condition(train->metrics.data[i].member);
    if (train->continual && train->continual->outputs)
        used |= sources_of(s->module, train->continual->outputs).conditions;
    return used >> condition & 1;
}

/* A condition without a first value has no value where the train does not draw it. */
bool check_drawn(Session *s, const Decl *decl, const Train *train)
{
    for (uint32_t c = 0; c < s->module->conditions.len; c++) {
        const Symbol *symbol = condition_symbol(s, c);
        ConditionKind kind = condition_kind(symbol->decl->kind);
        if (condition_standing[kind] || find_train_condition(train, c) || !uses_condition(s, train, c))
            continue;
        const char *name = symbol->decl->name.text;
        const char *noun = condition_readers[kind]->noun + strlen("a "), *method = method_taking(kind);
        fail(s, decl->value->span, "'%s' uses the %s '%s', which %s", decl->name.text, noun, name,
             method ? "it does not draw" : "has no value there");
        if (method)
            add_help(s, "train it by %s(%s), or give the weights another form", method, name);
        else
            add_help(s, "give it one where it is used, as in 'f(d.x) given %s = %s'", name,
                     is_index(symbol) ? "d.k" : "codes(d.k)");
        return false;
    }
    return true;
}

const char *method_taking(ConditionKind kind)
{
    int method = 0;
    while (method < METHOD_COUNT && !(method_traits[method].takes >> kind & 1))
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
            bool standing = condition_standing[condition_kind(condition_symbol(s, c)->decl->kind)];
            if (!follows || !standing || find_train_condition(train, c) || s->file->fixed >> c & 1)
                continue;
            s->file->fixed |= UINT64_C(1) << c;
            warn(s, WARNING_FIXED_RESPONSE, decl->value->span,
                 "the weights of '%s' respond to '%s', which '%s' keeps where it is: the response is trained at one point",
                 form->target, s->module->conditions.data[c].name, method_traits[train->method].name);
            add_help(s, "%s'weights %s = free' in the train needs half of the memory", way_to_tune(s, train, c), form->target);
            return;
        }
    }
}
