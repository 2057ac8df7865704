/* data permuted[10] = permute(mnist, image, pad: 2) */
#include <string.h>

#include "frontend/declare/families.h"

/* Zeros on each side of the last two axes, or of the only one. */
static bool pad_field(FamilyLowering *l, Field *field, const Arg *arg)
{
    Session *s = l->s;
    int64_t pad;
    if (!as_integer(s, evaluate(s, arg->value), arg->value->span, "the number of zeros on each side", 0, INT16_MAX, &pad))
        return false;
    for (unsigned axis = 0; axis < field->type.rank; axis++)
        if (axis + 2 >= field->type.rank)
            field->type.dims[axis] += 2 * pad;
    l->data->family->number = pad;
    return check_type(s, field->type, arg->span);
}

static void read(FamilyLowering *l, const Arg *arguments)
{
    Session *s = l->s;
    const Arg *pad = arguments ? arguments->next : NULL;
    bool named = arguments && arguments->kind == ARG_VALUE && !arguments->label.text && !arguments->condition;
    bool padded = pad && pad->kind == ARG_VALUE && pad->label.text && strcmp(pad->label.text, "pad") == 0 && !pad->condition;
    if (!named || (pad && (!padded || pad->next))) {
        fail(s, l->symbol->decl->value->span,
             "permute takes a data set, one of its fields and, if zeros stand around the field "
             "first, their number on each side, as in 'permute(mnist, image, pad: 2)'");
        return;
    }
    int64_t index = family_field(l, arguments->value);
    if (index < 0)
        return;
    Field *field = own_field(l, index);
    if (field->type.rank == 0) {
        fail(s, arguments->span, "the field '%s' is a single value, which has no elements to permute",
             strchr(field->name, '.') + 1);
        return;
    }
    if (!l->counts_by_itself) {
        l->data->family->field = index;
        if (pad)
            pad_field(l, field, pad);
        return;
    }
    fail(s, l->symbol->decl->extent->span, "the number of members must be written here");
}

const FamilyReader permute_reader = {"permute(mnist, image)", read};
