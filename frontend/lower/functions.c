/* Functions of IR, as declarations open and close them. */
#include "frontend/lower/lower.h"

Function *open_function(Session *s, const char *name, Frame *frame, bool training, bool objective)
{
    const char *unique = name; /* a repeated declaration, which is reported elsewhere, makes the same name */
    for (unsigned i = 2; module_function(s->module, unique); i++)
        unique = arena_printf(&s->file->arena, "%s.%u", name, i);
    Function *function = function_new(s->module, unique);
    s->builder = (Builder){s->module, function, 0};
    s->training = training;
    s->upper = false;
    s->dataset = NULL;
    s->member = s->named_member = (MemberChoice){0};
    s->two_splits = s->several_named = false;
    s->named = NULL;
    s->spanned = 0;
    s->updates.len = 0;
    s->carried.len = 0;
    frame->objective = objective;
    s->frame = frame;
    return function;
}

void close_function(Session *s)
{
    frame_free(s->frame);
    s->frame = NULL;
    s->builder.function = NULL;
}
