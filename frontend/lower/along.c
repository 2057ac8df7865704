#include "frontend/lower/along.h"

#include <string.h>

void along_free(Along *along)
{
    vec_free(&along->placeholders);
    vec_free(&along->entries);
}

Value add_placeholder(Session *s, Along *along, Value all)
{
    Type type = value_type(&s->builder, all), element = {.dtype = type.dtype, .rank = (uint8_t)(type.rank - 1)};
    memcpy(element.dims, type.dims + 1, element.rank * sizeof *element.dims);
    Placeholder placeholder = {build_const(&s->builder, element, 0), all};
    vec_push(&along->placeholders, placeholder);
    return placeholder.element;
}

bool check_no_update(Session *s, const Along *along, Span span)
{
    for (uint32_t i = 0; i < s->updates.len; i++)
        if (s->updates.data[i].value >= along->first) {
            fail(s, span, "a running statistic is updated once in a step, but here for each entry of a block");
            add_note(s, s->updates.data[i].span, "the update is here");
            s->updates.len = i;
            return false;
        }
    for (uint32_t i = 0; i < s->carried.len; i++)
        if (s->carried.data[i].before >= along->first && s->carried.data[i].before != NO_VALUE) {
            fail(s, span, "'%s' is carried from window to window, but here each entry of a block would have one", s->carried.data[i].name);
            add_note(s, s->carried.data[i].span, "it is declared here");
            return false;
        }
    return true;
}

/* The whole numbers of `i in a..b`; poison after an error. */
static Val read_range(Session *s, const Binding *binding)
{
    int64_t from, to;
    bool known = as_integer(s, evaluate(s, binding->init), binding->init->span, "the begin of a range", -MAX_ELEMENTS,
                            MAX_ELEMENTS, &from);
    known &=
        as_integer(s, evaluate(s, binding->limit), binding->limit->span, "the end of a range", -MAX_ELEMENTS, MAX_ELEMENTS, &to);
    if (!known)
        return val_poison();
    int64_t count = to - from;
    if (count < 1 || count > MAX_ELEMENTS) {
        fail(s, span_join(binding->init->span, binding->limit->span), "the range %lld..%lld has no number", (long long)from,
             (long long)to);
        return val_poison();
    }
    Value numbers = build_iota(&s->builder, type_of(DTYPE_I32, 1, &count), 0);
    return val_tensor(from ? build_with_const(&s->builder, OP_ADD, numbers, (double)from) : numbers);
}

/* The tensor of one binding; poison after an error. */
static Val read_along(Session *s, const Binding *binding, const Binding *first, const char *construct, Along *along)
{
    Val all = binding->limit ? read_range(s, binding) : as_tensor(s, evaluate(s, binding->init), binding->init->span);
    if (is_poison(all))
        return all;
    Type type = val_type(s, all);
    if (type.rank == 0) {
        fail(s, binding->init->span, "'%s' runs along the first axis of a tensor, but this is %s", construct, describe(s, all));
        return val_poison();
    }
    if (binding != first && along->size && type.dims[0] != along->size) {
        fail(s, binding->init->span, "this has %lld entries along its first axis, but '%s' has %lld", (long long)type.dims[0],
             first->name.text, (long long)along->size);
        add_note(s, first->span, "'%s' is here", first->name.text);
        return val_poison();
    }
    along->size = type.dims[0];
    return all;
}

static bool is_named_before(const Binding *first, const Binding *binding)
{
    for (; first != binding; first = first->next)
        if (strcmp(first->name.text, binding->name.text) == 0)
            return true;
    return false;
}

bool read_alongs(Session *s, const BindingList *alongs, const char *construct, Along *along)
{
    const Binding *first = alongs->first;
    bool fine = can_build(s, first->span);
    for (const Binding *binding = first; binding && can_build(s, first->span); binding = binding->next) {
        if (is_named_before(first, binding))
            fail(s, binding->name.span, "'%s' stands for two things in this '%s'", binding->name.text, construct);
        Val all = read_along(s, binding, first, construct, along);
        vec_push(&along->entries, all);
        fine &= !is_poison(all);
    }
    return fine;
}

BlockRun begin_run(Session *s, Along *along)
{
    BlockRun run = {.result = s->frame->result};
    for (uint32_t i = 0; i < s->frame->locals.len; i++)
        vec_push(&run.locals, s->frame->locals.data[i]);
    along->first = s->builder.function->ops.len;
    for (uint32_t i = 0; i < along->entries.len; i++)
        if (!is_poison(along->entries.data[i]))
            along->entries.data[i].ir = add_placeholder(s, along, along->entries.data[i].ir);
    return run;
}

void name_entries(Session *s, const BindingList *alongs, const Along *along)
{
    uint32_t i = 0;
    for (const Binding *binding = alongs->first; binding; binding = binding->next)
        set_local(s->frame, binding->name, along->entries.data[i++]);
}

void end_run(Session *s, BlockRun *run)
{
    Frame *frame = s->frame;
    frame->locals.len = 0;
    for (uint32_t i = 0; i < run->locals.len; i++)
        vec_push(&frame->locals, run->locals.data[i]);
    vec_free(&run->locals);
    frame->returned = false;
    frame->result = run->result;
}
