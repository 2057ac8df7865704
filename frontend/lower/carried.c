/* What a net carries from one window of a stream to the next. */
#include <string.h>

#include "frontend/lower/kit.h"

Carried *find_carried(Session *s, const char *name)
{
    for (uint32_t i = 0; i < s->carried.len; i++)
        if (strcmp(s->carried.data[i].name, name) == 0)
            return &s->carried.data[i];
    return NULL;
}

/* Whether the function being built is called on one window of a stream after the other: it is the objective of a step or a
 * metric. */
static bool is_called_in_order(const Session *s)
{
    const Frame *outermost = s->frame;
    while (outermost->caller)
        outermost = outermost->caller;
    return outermost->objective && !s->making && !s->row && !s->generating;
}

static Val declare(Session *s, const Binding *binding)
{
    Frame *frame = s->frame;
    Carried carried = {.before = NO_VALUE, .behind = NO_VALUE, .span = binding->name.span};
    int64_t classes;
    if (find_local(frame, binding->name.text))
        return fail(s, binding->name.span, "'%s' is already a variable here", binding->name.text);
    if (!frame->prefix)
        return fail(s, binding->span, "only what a layer or a net computes is carried from window to window");
    if (!make_type(s, binding->type, &carried.type, &classes) || !can_build(s, binding->span))
        return val_poison();
    if (!dtype_is_float(carried.type.dtype) || classes)
        return fail(s, binding->type->span, "what is carried from window to window is real, as in '%s: f32[650]'",
                    binding->name.text);
    carried.name = arena_printf(&s->file->arena, "%s.%s", frame->prefix, binding->name.text);
    const Carried *known = find_carried(s, carried.name);
    if (known) /* the net is called twice in a step: both calls begin with the same */
        carried = *known;
    else if (is_called_in_order(s))
        carried.before =
            build_input(&s->builder, arena_printf(&s->file->arena, "%s%s", carried_name, carried.name), carried.type);
    if (!known)
        vec_push(&s->carried, carried);
    return val_tensor(carried.before != NO_VALUE ? carried.before : build_const(&s->builder, carried.type, 0));
}

void declare_carried(Session *s, const BindingList *bindings)
{
    for (const Binding *binding = bindings->first; binding; binding = binding->next)
        set_local(s->frame, binding->name, declare(s, binding));
}

void update_carried(Session *s, Carried *carried, Val value, Span span)
{
    if (is_poison(value))
        return;
    if (!type_equal(val_type(s, value), carried->type)) {
        fail(s, span, "'%s' is %s, but this is %s", carried->name, describe_type(s, carried->type), describe(s, value));
        return;
    }
    carried->behind = value.ir;
}

void output_carried(Session *s)
{
    for (uint32_t i = 0; i < s->carried.len; i++) {
        const Carried *carried = &s->carried.data[i];
        if (carried->before == NO_VALUE)
            continue;
        Value behind = carried->behind == NO_VALUE ? carried->before : carried->behind;
        build_output(&s->builder, arena_printf(&s->file->arena, "%s%s", carried_name, carried->name),
                     build_unary(&s->builder, OP_STOP, behind));
    }
}
