/* given z[16]: a tensor whose value the model supplies where it is used, as in `siren(p) given z = codes(d.id)`. */
#include "frontend/conditions/conditions.h"

/* The elements of `given points[5, 2]`. */
static int64_t read_shape(Session *s, const Decl *decl, Dims *shape)
{
    Type type;
    if (!as_dims(s, evaluate(s, decl->extent), decl->extent->span, shape))
        return 0;
    type = type_of(s->module->real, shape->n, shape->v);
    return check_type(s, type, decl->extent->span) ? type_elements(type) : 0;
}

static int64_t read_given(Session *s, Symbol *symbol)
{
    const Decl *decl = symbol->decl;
    int64_t extent = 0;
    if (!decl->extent)
        fail(s, decl->name.span, "'%s' needs a length, as in 'given %s[16]'", decl->name.text, decl->name.text);
    else if (decl->extent->kind == EXPR_LIST)
        return read_shape(s, decl, &symbol->shape);
    else
        as_integer(s, evaluate(s, decl->extent), decl->extent->span, "the length of a vector", 1, MAX_ELEMENTS, &extent);
    return extent;
}

const ConditionReader reader_given = {"a tensor", "given z[16]", read_given};
