#include "frontend/declare/image_fields.h"

#include <string.h>

#include "frontend/lower/kit.h"

/* The declaration of the field. */
static Span field_span(const Symbol *symbol, const Field *field)
{
    for (const DataItem *item = symbol->decl->items.first; item; item = item->next)
        if (item->kind == DATA_FIELD && strcmp(item->name.text, strchr(field->name, '.') + 1) == 0)
            return item->span;
    return symbol->decl->name.span;
}

static bool is_image(const Field *field)
{
    Type type = field->type;
    return type.dtype == DTYPE_U8 && (type.rank == 2 || (type.rank == 3 && (type.dims[0] == 1 || type.dims[0] == 3)));
}

/* Examples stand in the order of their classes, so splits that take them in this order hold some classes and not others. */
static void check_image_splits(Session *s, const Symbol *symbol, const Dataset *data)
{
    bool all = data->splits.len == 0 || (data->splits.len == 1 && data->splits.data[0].fraction == 1);
    if (all || data->shuffled)
        return;
    Span span = symbol->decl->name.span;
    for (const DataItem *item = symbol->decl->items.first; item; item = item->next)
        if (item->kind == DATA_SPLIT)
            span = item->span;
    fail(s, span, "the images of '%s' stand in the order of their classes, so this split would hold some classes only",
         data->name);
    add_help(s, "write 'shuffled' behind the splits: 'split train 0.9, valid 0.1 shuffled'");
}

void read_resize(Session *s, Dataset *data, const Expr *source)
{
    static const char *const names[] = {"resize"};
    for (const Arg *arg = source->args.first; arg; arg = arg->next) {
        if (!arg->label.text ||
            choose_word(s, WORDS(names), arg->label.text, arg->label.span, "images have no setting '%s'", arg->label.text) < 0)
            continue;
        int kind = named_word(WORDS(resize_names), arg->value);
        if (kind >= 0)
            data->resize = (ResizeKind)kind;
        else
            fail(
                s, arg->value->span,
                "images are brought to the size of their field by 'crop', which cuts off what goes beyond its proportions, or by "
                "'stretch': resize: crop");
    }
}

void check_image_fields(Session *s, const Symbol *symbol, const Dataset *data, const Field *fields, uint32_t count)
{
    static const char types[] = "u8[3, height, width], u8[1, height, width] or u8[height, width]";
    uint32_t images = 0, classes = 0;
    for (uint32_t i = 0; i < count; i++) {
        const Field *field = &fields[i];
        Span span = field_span(symbol, field);
        if (field->index)
            continue;
        if (field->classes && field->first != 0)
            fail(s, span, "classes of images are named by their folders, not numbered: write 'class[_]'");
        else if (!field->classes && !is_image(field))
            fail(s, span, "a field of images is %s, or the class that the folders say", types);
        else if (field->classes && classes)
            fail(s, span, "the folder of an image says one class, and '%s' has another field that is a class", data->name);
        else if (!field->classes && images)
            fail(s, span, "an example of '%s' is one image, and another field is one", data->name);
        *(field->classes ? &classes : &images) += 1;
    }
    if (!images)
        fail(s, symbol->decl->name.span, "the data set '%s' has no field for its images, as 'image: u8[3, 64, 64]'", data->name);
    else if (classes)
        check_image_splits(s, symbol, data);
}

bool check_folder_count(Session *s, const Symbol *symbol, const Field *field, int64_t classes, const char *const *names)
{
    const char *list = "";
    if (field->classes == ANY_CLASSES || field->classes == classes)
        return true;
    for (int64_t k = 0; k < classes && k < 12; k++)
        list = arena_printf(&s->file->arena, "%s%s%s", list, k ? ", " : "", names[k]);
    fail(s, field_span(symbol, field), "'%s' is class[%lld], but there are folders of %lld class%s: %s%s",
         strchr(field->name, '.') + 1, (long long)field->classes, (long long)classes, classes == 1 ? "" : "es", list,
         classes > 12 ? ", ..." : "");
    return false;
}
