/* data split[5] = classes(mnist, 2) */
#include <string.h>

#include "frontend/declare/families.h"

/* The only field of the base that is a class; -1: there are none or several (reported). */
static int64_t only_label(FamilyLowering *l, Span span)
{
    const Module *module = l->s->module;
    int64_t found = -1;
    uint32_t count = 0;
    for (uint32_t i = l->base_fields; i < l->base_fields + l->field_count; i++)
        if (module->fields.data[i].classes && !module->fields.data[i].index) {
            found = i;
            count++;
        }
    if (count == 1)
        return found;
    fail(l->s, span,
         count ? "the data set '%s' has several fields that are classes"
               : "the data set '%s' has no field that is a "
                 "class",
         l->base->name);
    if (count)
        add_help(l->s, "say which one is meant, as in 'classes(%s, 2, of: %s)'", l->base->name,
                 strchr(module->fields.data[found].name, '.') + 1);
    return -1;
}

static void read(FamilyLowering *l, const Arg *arguments)
{
    Session *s = l->s;
    const Expr *call = l->symbol->decl->value;
    const Arg *of = arguments ? arguments->next : NULL;
    bool numbered = arguments && arguments->kind == ARG_VALUE && !arguments->label.text && !arguments->condition;
    bool named = of && of->kind == ARG_VALUE && of->label.text && strcmp(of->label.text, "of") == 0 && !of->condition;
    int64_t number;
    if (!numbered || (of && (!named || of->next))) {
        fail(s, call->span, "classes takes a data set and how many classes each member has, as in 'classes(mnist, 2)'");
        return;
    }
    if (!as_integer(s, evaluate(s, arguments->value), arguments->span, "the number of classes of each member", 1, MAX_ELEMENTS,
                    &number))
        return;
    int64_t index = of ? class_field(l, of->value) : has_known_classes(l, call->span) ? only_label(l, call->span) : -1;
    if (index < 0)
        return;
    Family *family = l->data->family;
    const Field *base = &s->module->fields.data[index];
    const char *name = strchr(base->name, '.') + 1;
    if (base->classes % number) {
        fail(s, arguments->span, "the %lld classes of '%s' cannot be divided into members of %lld each", (long long)base->classes,
             name, (long long)number);
        return;
    }
    if (l->counts_by_itself)
        family->count = base->classes / number;
    if (family->count > MOST_MEMBERS || family->count * number > base->classes) {
        fail(s, l->symbol->decl->name.span, "'%s' has %lld members of %lld class%s each, but '%s' has %lld classes",
             l->symbol->decl->name.text, (long long)family->count, (long long)number, number == 1 ? "" : "es", name,
             (long long)base->classes);
        return;
    }
    family->field = index;
    family->number = number;
    own_field(l, index)->classes = number;
    own_field(l, index)->first = 0;
    own_field(l, index)->names = NULL;
}

const FamilyReader classes_reader = {"classes(mnist, 2)", read};
