/* member k[8] embed 16: the members of an ensemble. */
#include "frontend/conditions/conditions.h"

static int64_t read_member(Session *s, Symbol *symbol)
{
    return read_index(s, symbol, "member");
}

const ConditionReader reader_member = {"a member", "member k[8] embed 16", read_member};
