/* given z[16]: a vector whose value the model supplies where it is used, as in `siren(p) given z = codes(d.id)`. */
#include "frontend/conditions/conditions.h"

static int64_t read_given(Session *s, Symbol *symbol)
{
    const Decl *decl = symbol->decl;
    int64_t extent = 0;
    if (!decl->extent)
        fail(s, decl->name.span, "'%s' needs a length, as in 'given %s[16]'", decl->name.text, decl->name.text);
    else
        as_integer(s, evaluate(s, decl->extent), decl->extent->span, "the length of a vector", 1, MAX_ELEMENTS, &extent);
    return extent;
}

const ConditionReader reader_given = {"a vector", "given z[16]", read_given};
