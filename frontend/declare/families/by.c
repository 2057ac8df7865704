/* data site[4] = by(adult, country) */
#include "frontend/declare/families.h"

static void read(FamilyLowering *l, const Arg *arguments)
{
    Session *s = l->s;
    const Decl *decl = l->symbol->decl;
    Family *family = l->data->family;
    if (!arguments || arguments->kind != ARG_VALUE || arguments->label.text || arguments->condition || arguments->next) {
        fail(s, decl->value->span,
             "by takes a data set and the field that says which member a row belongs to, as in "
             "'by(adult, country)'");
        return;
    }
    int64_t index = class_field(l, arguments->value);
    if (index < 0)
        return;
    int64_t classes = s->module->fields.data[index].classes;
    if (l->counts_by_itself)
        family->count = classes;
    if (family->count > MOST_MEMBERS)
        fail(s, arguments->span, "the field '%s' has %lld classes, but a family has at most %d members",
             arguments->value->name.text, (long long)classes, MOST_MEMBERS);
    else if (family->count != classes) {
        fail(s, decl->extent->span, "the family has %lld member%s, but '%s' has %lld classes, one per member",
             (long long)family->count, family->count == 1 ? "" : "s", arguments->value->name.text, (long long)classes);
        add_help(s, "'data %s[_] = ...' has as many members as the field has classes", decl->name.text);
    }
    family->field = index;
}

const FamilyReader by_reader = {"by(adult, country)", read};
