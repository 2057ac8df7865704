/* Values that a group reads from memory: stored or copied where they are not there yet. */
#include <string.h>

#include "passes/fuse.h"

void note_read(Fuser *f, uint32_t group_index, Value base, const View *view)
{
    Group *group = &f->groups.data[group_index];
    const Op *op = op_of(f, base);
    vec_add_once(&group->kernel.reads, view->buffer);
    if (view->indirect)
        vec_add_once(&group->kernel.reads, view->index_buffer);
    if (op->code == OP_CONCAT && f->schedule->buffers.data[view->buffer].kind == BUFFER_STATE)
        for (uint32_t i = 0; i < op->nargs; i++) {
            uint32_t buffer = f->state_buffers[op_of(f, op->args[i])->symbol];
            vec_add_once(&group->kernel.reads, buffer);
            vec_add_once(&group->joined_reads, buffer);
        }
    for (uint32_t i = 0; i < f->info[base].producers.len; i++)
        need_group(f, group_index, f->info[base].producers.data[i]);
}

View need_view(Fuser *f, Value v, uint32_t group)
{
    View view;
    Value base;
    if (!find_view(f, v, &view, &base)) {
        store(f, v);
        if (f->info[v].group == NO_GROUP)
            place_member(f, (Member){.kind = MEMBER_VALUE, .value = v, .space = type_at(f, v)});
        find_view(f, v, &view, &base);
    }
    if (group != NO_GROUP)
        note_read(f, group, base, &view);
    return view;
}

static const Copy *find_copy(const Fuser *f, Value v, const View *view)
{
    for (uint32_t i = 0; i < f->copies.len; i++)
        if (f->copies.data[i].value == v && !memcmp(f->copies.data[i].view.stride, view->stride, sizeof view->stride))
            return &f->copies.data[i];
    return NULL;
}

View need_copy(Fuser *f, Value v, Dims order, uint32_t group)
{
    Type type = type_at(f, v);
    View view = view_in_order((View){0}, type, order);
    const Copy *copy = find_copy(f, v, &view);
    if (!copy) {
        view.buffer = new_buffer(f, BUFFER_SCRATCH, 0, type.dtype, type_elements(type), v);
        uint32_t producer = place_member(f, (Member){.kind = MEMBER_COPY, .value = v, .space = type, .target = view});
        vec_push(&f->copies, (Copy){v, view, producer});
        copy = &vec_last(&f->copies);
    }
    vec_add_once(&f->groups.data[group].kernel.reads, copy->view.buffer);
    need_group(f, group, copy->producer);
    return copy->view;
}

/* What v views, directly or at some remove, that has the fewest elements: windows and broadcasts repeat elements. */
static Value least_viewed(const Fuser *f, Value v)
{
    Value least = v;
    for (; is_view_op(f, v); v = op_of(f, v)->args[0])
        if (type_elements(type_at(f, op_of(f, v)->args[0])) < type_elements(type_at(f, least)))
            least = op_of(f, v)->args[0];
    return least;
}

/* *view, which is of `viewed`, becomes that of v. */
static bool view_up_to(const Fuser *f, Value v, Value viewed, View *view)
{
    if (v == viewed)
        return true;
    Value operand = op_of(f, v)->args[0];
    return view_up_to(f, operand, viewed, view) && view_through(view, op_of(f, v), type_at(f, operand));
}

View need_copied(Fuser *f, Value v, Dims order, uint32_t group)
{
    Value copied = least_viewed(f, v);
    View view = view_contiguous(0, type_at(f, copied));
    if (copied == v || !view_up_to(f, v, copied, &view))
        return need_copy(f, v, order, group);
    view = need_copy(f, copied, all_axes(type_at(f, copied).rank), group);
    view_up_to(f, v, copied, &view);
    return view;
}

View need_plain(Fuser *f, Value v, uint32_t group)
{
    View view = need_view(f, v, group);
    if (!view.indirect && f->schedule->buffers.data[view.buffer].dtype == type_at(f, v).dtype)
        return view;
    return need_copied(f, v, all_axes(type_at(f, v).rank), group);
}

View need_row_major(Fuser *f, Value v, uint32_t group)
{
    View view = need_plain(f, v, group), plain = view_contiguous(view.buffer, type_at(f, v));
    plain.offset = view.offset;
    return same_view(&view, &plain, type_at(f, v)) ? view : need_copy(f, v, all_axes(type_at(f, v).rank), group);
}
