/* preference r[3] */
#include "frontend/conditions/conditions.h"
#include "pareto/pareto.h"

static int64_t read_preference(Session *s, Symbol *symbol)
{
    const Decl *decl = symbol->decl;
    int64_t extent = 0;
    if (!decl->extent)
        fail(s, decl->name.span, "the preference '%s' needs a length, one entry per objective, as in '%s[3]'", decl->name.text,
             decl->name.text);
    else
        as_integer(s, evaluate(s, decl->extent), decl->extent->span, "the length of a preference", 1, PARETO_MOST_OBJECTIVES,
                   &extent);
    return extent;
}

const ConditionReader reader_preference = {"a preference", "preference r[3]", read_preference};
