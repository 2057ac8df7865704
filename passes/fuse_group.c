/* Members and the groups they join: costs, dependencies, the choice of a group. */
#include <string.h>

#include "passes/fuse.h"

enum {
    CHEAP = 8,         /* an inline value of at most this cost is computed again for each use */
    DEEP = 200,        /* an expression of this depth or ... */
    EXPENSIVE = 1000,  /* ... of this cost is cut: its value is stored */
    MOST_MEMBERS = 96, /* of a group */
    MOST_CANDIDATES = 16,
};

/* ---- cost ---- */

static uint32_t own_cost(const Fuser *f, Value v)
{
    switch (op_of(f, v)->code) {
    case OP_CONST:
    case OP_IOTA:
    case OP_STOP:
        return 0;
    case OP_EXP:
    case OP_EXPM1:
    case OP_LOG:
    case OP_LOG1P:
    case OP_TANH:
    case OP_SIN:
    case OP_COS:
    case OP_ERF:
        return 16;
    case OP_POW:
        return 40;
    case OP_DIV:
    case OP_SQRT:
        return 4;
    default:
        return is_view_op(f, v) ? 0 : 1;
    }
}

bool is_leaf(const Fuser *f, Value v)
{
    return f->info[v].in_memory || f->info[v].anchor;
}

void weigh(Fuser *f, Value v)
{
    Info *info = &f->info[v];
    const Op *op = op_of(f, v);
    if (op->code == OP_STATE_WRITE || op->code == OP_FETCH || op->code == OP_GATHER || op->code == OP_SCAN ||
        op->code == OP_RESULT)
        return;
    uint32_t cost = own_cost(f, v), depth = 0;
    for (uint32_t i = 0; i < op->nargs; i++) {
        const Info *arg = &f->info[op->args[i]];
        bool leaf = is_leaf(f, op->args[i]);
        cost += leaf ? 1 : arg->cost;
        depth = !leaf && arg->depth > depth ? arg->depth : depth;
    }
    info->cost = cost;
    info->depth = depth + 1;
    if (info->in_memory)
        return;
    if (info->depth >= DEEP || cost >= EXPENSIVE)
        store(f, v);
    else
        info->anchor = is_computed(f, v) && info->uses > 1 && cost > CHEAP;
}

/* ---- groups that were merged into others ---- */

/* The group that has the members of `group` now. Paths to it become shorter as they are followed. */
static uint32_t merged_group(Fuser *f, uint32_t group)
{
    Group *groups = f->groups.data;
    while (groups[group].merged != NO_GROUP) {
        uint32_t next = groups[group].merged;
        if (groups[next].merged != NO_GROUP)
            groups[group].merged = groups[next].merged;
        group = next;
    }
    return group;
}

/* Each group of the list as it is now, once. */
static void settle_list(Fuser *f, uint32_t *list, uint32_t *len)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < *len; i++) {
        uint32_t group = merged_group(f, list[i]), seen = 0;
        while (seen < kept && list[seen] != group)
            seen++;
        if (seen == kept)
            list[kept++] = group;
    }
    *len = kept;
}

static void settle_info(Fuser *f, Info *info)
{
    if (info->group != NO_GROUP)
        info->group = merged_group(f, info->group);
    settle_list(f, info->producers.data, &info->producers.len);
    settle_list(f, info->readers.data, &info->readers.len);
}

void settle_groups(Fuser *f)
{
    for (Value v = 0; v < f->function->ops.len; v++)
        settle_info(f, &f->info[v]);
    for (uint32_t i = 0; i < f->copies.len; i++)
        f->copies.data[i].producer = merged_group(f, f->copies.data[i].producer);
    for (uint32_t i = 0; i < f->groups.len; i++) {
        Group *group = &f->groups.data[i];
        uint32_t kept = 0;
        settle_list(f, group->needs.data, &group->needs.len);
        for (uint32_t k = 0; k < group->needs.len; k++)
            if (group->needs.data[k] != i)
                group->needs.data[kept++] = group->needs.data[k];
        group->needs.len = kept;
    }
}

/* ---- leaves of an expression ---- */

/* Whether a view op leaves the iteration space as it is: only axes of extent 1 come, go or move. */
static bool keeps_points(const Fuser *f, const Op *op)
{
    Type operand = type_at(f, op->args[0]);
    if (type_elements(operand) != type_elements(op->type) || !type_equal(without_units(operand), without_units(op->type)))
        return false;
    int64_t last = -1;
    for (unsigned axis = 0; op->code == OP_TRANSPOSE && axis < operand.rank; axis++) {
        if (op->type.dims[axis] == 1)
            continue;
        if (op->axes.v[axis] < last)
            return false;
        last = op->axes.v[axis];
    }
    return true;
}

static void visit_operands(Fuser *f, Value v, bool pointwise);

static void visit(Fuser *f, Value v, bool pointwise)
{
    Info *info = &f->info[v];
    if (info->seen[pointwise] == f->epoch)
        return;
    info->seen[pointwise] = f->epoch;
    if (is_leaf(f, v)) {
        settle_info(f, info);
        vec_push(&f->leaves, (Leaf){v, pointwise});
    } else
        visit_operands(f, v, pointwise);
}

static void visit_operands(Fuser *f, Value v, bool pointwise)
{
    const Op *op = op_of(f, v);
    if (is_view_op(f, v))
        pointwise = pointwise && keeps_points(f, op);
    else if (op->code == OP_DOT)
        pointwise = false;
    for (uint32_t i = 0; i < op->nargs; i++)
        visit(f, op->args[i], pointwise);
}

static void find_leaves(Fuser *f, const Member *member)
{
    f->leaves.len = 0;
    f->epoch++;
    switch (member->kind) {
    case MEMBER_VALUE:
        visit_operands(f, member->value, true);
        break;
    case MEMBER_COPY:
        visit(f, member->value, true);
        break;
    case MEMBER_REDUCE:
        if (!member->staged)
            visit(f, op_of(f, member->value)->args[0], true);
        break;
    case MEMBER_ZERO:
        break;
    }
}

/* ---- dependencies between groups ---- */

/* `group` waits for a group with the index `latest`, and so do all groups that wait for `group`. */
static void raise_latest(Fuser *f, uint32_t group, uint32_t latest)
{
    VEC(uint32_t) stack = {0};
    vec_push(&stack, group);
    while (stack.len) {
        Group *at = &f->groups.data[merged_group(f, stack.data[--stack.len])];
        if (at->latest >= latest)
            continue;
        at->latest = latest;
        for (uint32_t i = 0; i < at->dependents.len; i++)
            vec_push(&stack, at->dependents.data[i]);
    }
    vec_free(&stack);
}

void need_group(Fuser *f, uint32_t group, uint32_t needed)
{
    needed = merged_group(f, needed);
    if (needed == group)
        return;
    vec_add_once(&f->groups.data[group].needs, needed);
    vec_add_once(&f->groups.data[needed].dependents, group);
    raise_latest(f, group, f->groups.data[needed].latest);
}

/* Whether group `from`, or one that must run before it, is `to`. The caller opened an epoch. */
static bool depends_on(Fuser *f, uint32_t from, uint32_t to)
{
    VEC(uint32_t) stack = {0};
    vec_push(&stack, from);
    bool found = false;
    while (stack.len && !found) {
        uint32_t at = stack.data[--stack.len];
        Group *group = &f->groups.data[at];
        if (group->seen == f->epoch || group->latest < to)
            continue;
        group->seen = f->epoch;
        found = at == to;
        for (uint32_t i = 0; i < group->needs.len; i++) {
            uint32_t needed = merged_group(f, group->needs.data[i]);
            if (f->groups.data[needed].seen != f->epoch)
                vec_push(&stack, needed);
        }
    }
    vec_free(&stack);
    return found;
}

bool group_depends_on(Fuser *f, uint32_t from, uint32_t to)
{
    f->epoch++;
    return depends_on(f, from, to);
}

/* `group` needs the groups that compute the leaf's value. */
static void add_needs(Fuser *f, uint32_t group, Value leaf)
{
    const Info *info = &f->info[leaf];
    if (info->group != NO_GROUP)
        need_group(f, group, info->group);
    for (uint32_t i = 0; i < info->producers.len; i++)
        need_group(f, group, info->producers.data[i]);
}

/* Whether the leaf can be used by a member of `group`: computed there at the same point, or before the group and anything it
 * needs. */
static bool leaf_allows(Fuser *f, const Leaf *leaf, uint32_t group)
{
    const Info *info = &f->info[leaf->value];
    if (info->group == group)
        return leaf->pointwise && !is_always_stored(f, leaf->value);
    if (info->group != NO_GROUP && depends_on(f, info->group, group))
        return false;
    for (uint32_t i = 0; i < info->producers.len; i++)
        if (info->producers.data[i] == group || depends_on(f, info->producers.data[i], group))
            return false;
    return true;
}

/* ---- choice of a group ---- */

uint32_t reduced_axes(const Member *member)
{
    uint32_t bits = 0;
    unsigned kept = 0;
    for (unsigned axis = 0; axis < member->space.rank; axis++) {
        if (member->space.dims[axis] == 1)
            continue;
        bits |= (uint32_t)dims_contain(member->axes, axis) << kept;
        kept++;
    }
    return bits;
}

static bool is_early(const Fuser *f, uint32_t group)
{
    return group == NO_GROUP || f->groups.data[group].early;
}

/* Member.early of the member whose leaves are at hand. Early numbers are kept apart from later ones: otherwise a learning rate
 * would wait for the loss, and values that need the rate could not join values that the loss needs. */
static bool comes_early(const Fuser *f, const Member *member)
{
    bool early = type_elements(member->space) == 1 && !member->staged;
    for (uint32_t i = 0; i < f->leaves.len && early; i++) {
        const Info *info = &f->info[f->leaves.data[i].value];
        early = is_early(f, info->group);
        for (uint32_t k = 0; k < info->producers.len && early; k++)
            early = is_early(f, info->producers.data[k]);
    }
    return early;
}

/* Whether two reductions with these axes and chunks can be one loop: both are the same, or one of the two reduces no axes. */
static bool reduce_alike(uint32_t axes, int64_t chunk, uint32_t other_axes, int64_t other_chunk)
{
    return !axes || !other_axes || (axes == other_axes && chunk == other_chunk);
}

static bool accepts(Fuser *f, uint32_t index, const Member *member, uint32_t cost)
{
    const Group *group = &f->groups.data[index];
    uint32_t reduced = reduced_axes(member);
    Type space = without_units(member->space);
    if (group->kind != KERNEL_LOOP || group->members.len >= MOST_MEMBERS || group->cost + cost > 2 * EXPENSIVE)
        return false;
    if (group->space.rank != space.rank || memcmp(group->space.dims, space.dims, sizeof space.dims) != 0)
        return false;
    if (!reduce_alike(reduced, member->chunk, group->reduced, group->chunk) || group->early != member->early)
        return false;
    f->epoch++;
    for (uint32_t i = 0; i < f->leaves.len; i++)
        if (!leaf_allows(f, &f->leaves.data[i], index))
            return false;
    return true;
}

typedef struct Candidates {
    unsigned n;
    uint32_t group[MOST_CANDIDATES], score[MOST_CANDIDATES];
} Candidates;

static void propose(Candidates *c, uint32_t group, uint32_t score)
{
    for (unsigned i = 0; i < c->n; i++)
        if (c->group[i] == group) {
            c->score[i] += score;
            return;
        }
    if (c->n == MOST_CANDIDATES)
        return;
    c->group[c->n] = group;
    c->score[c->n++] = score;
}

/* Where the member is stored, or NO_BUFFER. */
static uint32_t buffer_of(const Fuser *f, const Member *member)
{
    if (member->kind != MEMBER_VALUE)
        return member->target.buffer;
    return f->info[member->value].in_memory ? f->info[member->value].view.buffer : NO_BUFFER;
}

/* The group of the piece before this one, of a tensor that is made of pieces. */
static uint32_t group_of_pieces(Fuser *f, const Member *member)
{
    uint32_t buffer = buffer_of(f, member);
    bool known = buffer < f->writers.len && f->writers.data[buffer] != NO_GROUP;
    return known ? merged_group(f, f->writers.data[buffer]) : NO_GROUP;
}

static void note_writer(Fuser *f, const Member *member, uint32_t group)
{
    uint32_t buffer = buffer_of(f, member);
    if (buffer == NO_BUFFER)
        return;
    while (f->writers.len <= buffer)
        vec_push(&f->writers, NO_GROUP);
    f->writers.data[buffer] = group;
}

static uint32_t choose_group(Fuser *f, const Member *member, uint32_t cost)
{
    Candidates c = {0};
    uint32_t pieces = group_of_pieces(f, member);
    if (pieces != NO_GROUP)
        propose(&c, pieces, 1);
    for (uint32_t i = 0; i < f->leaves.len; i++) {
        const Info *info = &f->info[f->leaves.data[i].value];
        if (!f->leaves.data[i].pointwise)
            continue;
        if (info->group != NO_GROUP)
            propose(&c, info->group, 2);
        for (uint32_t r = info->readers.len; r-- > 0;)
            propose(&c, info->readers.data[r], 1);
    }
    uint32_t scalars = f->scalar_groups[member->early];
    if (type_elements(member->space) == 1 && scalars != NO_GROUP)
        propose(&c, merged_group(f, scalars), 1);
    while (c.n) {
        unsigned best = 0;
        for (unsigned i = 1; i < c.n; i++)
            if (c.score[i] > c.score[best] || (c.score[i] == c.score[best] && c.group[i] > c.group[best]))
                best = i;
        if (accepts(f, c.group[best], member, cost))
            return c.group[best];
        c.n--;
        c.group[best] = c.group[c.n];
        c.score[best] = c.score[c.n];
    }
    return NO_GROUP;
}

uint32_t new_group(Fuser *f, KernelKind kind, Value value)
{
    Group group = {.kind = kind, .value = value, .merged = NO_GROUP, .latest = f->groups.len};
    if (value != NO_VALUE)
        group.kernel.line = op_of(f, value)->line;
    vec_push(&f->groups, group);
    return f->groups.len - 1;
}

static uint32_t new_loop_group(Fuser *f, const Member *member)
{
    uint32_t index = new_group(f, KERNEL_LOOP, NO_VALUE);
    f->groups.data[index].space = without_units(member->space);
    f->groups.data[index].early = member->early;
    if (type_elements(member->space) == 1)
        f->scalar_groups[member->early] = index;
    return index;
}

/* ---- merging ---- */

/* Whether a member that uses this leaf may stand in one kernel with groups `a` and `b`: if one of them makes the leaf, the member
 * must use it at the same point; any other group that makes it must not need `a` or `b`. */
static bool leaf_allows_both(Fuser *f, const Leaf *leaf, uint32_t a, uint32_t b)
{
    const Info *info = &f->info[leaf->value];
    if (info->group == a || info->group == b)
        return leaf->pointwise && !is_always_stored(f, leaf->value);
    uint32_t count = info->producers.len;
    for (uint32_t i = 0; i <= count; i++) {
        uint32_t from = i < count ? info->producers.data[i] : info->group;
        if (from != NO_GROUP && (group_depends_on(f, from, a) || group_depends_on(f, from, b)))
            return false;
    }
    return true;
}

static bool member_allows_both(Fuser *f, const Member *member, uint32_t a, uint32_t b)
{
    find_leaves(f, member);
    for (uint32_t i = 0; i < f->leaves.len; i++)
        if (!leaf_allows_both(f, &f->leaves.data[i], a, b))
            return false;
    return !member->staged;
}

static bool members_allow_both(Fuser *f, uint32_t members_of, uint32_t a, uint32_t b)
{
    for (uint32_t m = 0; m < f->groups.data[members_of].members.len; m++)
        if (!member_allows_both(f, &f->groups.data[members_of].members.data[m], a, b))
            return false;
    return true;
}

static bool can_merge(Fuser *f, uint32_t a, uint32_t b)
{
    const Group *x = &f->groups.data[a], *y = &f->groups.data[b];
    return a != b && x->kind == KERNEL_LOOP && y->kind == KERNEL_LOOP &&
           reduce_alike(x->reduced, x->chunk, y->reduced, y->chunk) && x->early == y->early &&
           type_equal(type_with_dtype(x->space, y->space.dtype), y->space) && x->members.len + y->members.len < MOST_MEMBERS &&
           x->cost + y->cost <= 2 * EXPENSIVE && members_allow_both(f, a, a, b) && members_allow_both(f, b, a, b);
}

/* `into` takes over all members of `from`. */
static void merge_groups(Fuser *f, uint32_t into, uint32_t from)
{
    Group *target = &f->groups.data[into], *source = &f->groups.data[from];
    for (uint32_t i = 0; i < source->members.len; i++)
        vec_push(&target->members, source->members.data[i]);
    source->merged = into;
    for (uint32_t i = 0; i < source->needs.len; i++)
        need_group(f, into, source->needs.data[i]);
    for (uint32_t i = 0; i < source->dependents.len; i++)
        if (merged_group(f, source->dependents.data[i]) != into)
            vec_add_once(&target->dependents, source->dependents.data[i]);
    raise_latest(f, into, source->latest);
    for (uint32_t i = 0; i < target->dependents.len; i++)
        raise_latest(f, target->dependents.data[i], target->latest);
    target->reduced |= source->reduced;
    target->chunk = source->chunk ? source->chunk : target->chunk;
    target->cost += source->cost;
    source->members.len = source->needs.len = source->dependents.len = 0;
}

static bool is_large_state(const Fuser *f, Value v)
{
    return op_of(f, v)->code == OP_STATE_READ && type_elements(type_at(f, v)) >= target_large_matrix(&f->module->target);
}

/* Merges groups whose values a member uses at the same point, so that these values stay in registers; groups that read the
 * same large state as the member, so that the state is read from memory once; and the group of the piece before this one. The
 * member's group already has the member's reduction (expect_member), so that no group with another reduction is merged. */
static void draw_together(Fuser *f, const Member *member, uint32_t index)
{
    Candidates others = {0};
    uint32_t pieces = group_of_pieces(f, member);
    if (pieces != NO_GROUP)
        propose(&others, pieces, 1);
    for (uint32_t i = 0; i < f->leaves.len; i++) {
        Leaf leaf = f->leaves.data[i];
        const Info *info = &f->info[leaf.value];
        if (leaf.pointwise && info->group != NO_GROUP)
            propose(&others, info->group, 1);
        for (uint32_t r = 0; leaf.pointwise && is_large_state(f, leaf.value) && r < info->readers.len; r++)
            propose(&others, info->readers.data[r], 1);
    }
    for (unsigned i = 0; i < others.n; i++)
        if (can_merge(f, index, others.group[i]) && member_allows_both(f, member, index, others.group[i]))
            merge_groups(f, index, others.group[i]);
    if (others.n)
        find_leaves(f, member);
}

/* Prepares the group's loop for the member: the axes and chunk of its reduction, and its cost. */
static void expect_member(Fuser *f, const Member *member, uint32_t cost, uint32_t index)
{
    Group *group = &f->groups.data[index];
    group->reduced |= reduced_axes(member);
    group->chunk = member->chunk ? member->chunk : group->chunk;
    group->cost += cost;
}

/* The group uses the leaves at hand: leaves that other groups compute are stored, and those groups run first. */
static void use_leaves(Fuser *f, uint32_t index)
{
    for (uint32_t i = 0; i < f->leaves.len; i++) {
        Leaf leaf = f->leaves.data[i];
        Info *info = &f->info[leaf.value];
        if (info->anchor && info->group != index)
            store(f, leaf.value);
        add_needs(f, index, leaf.value);
        if (leaf.pointwise)
            vec_add_once(&info->readers, index);
        if (info->readers.len > MOST_CANDIDATES)
            memmove(info->readers.data, info->readers.data + 1, --info->readers.len * sizeof *info->readers.data);
    }
}

uint32_t place_member(Fuser *f, Member member)
{
    find_leaves(f, &member);
    member.early = comes_early(f, &member);
    uint32_t cost = member.kind == MEMBER_ZERO ? 0 : f->info[member.value].cost + 1;
    uint32_t chosen = member.staged || f->plan->unfused ? NO_GROUP : choose_group(f, &member, cost);
    uint32_t index = chosen == NO_GROUP ? new_loop_group(f, &member) : chosen;
    expect_member(f, &member, cost, index);
    if (chosen != NO_GROUP)
        draw_together(f, &member, index);
    use_leaves(f, index);
    note_writer(f, &member, index);
    Group *group = &f->groups.data[index];
    if (!group->kernel.line && member.kind != MEMBER_ZERO)
        group->kernel.line = op_of(f, member.value)->line;
    vec_push(&group->members, member);
    if (member.kind == MEMBER_VALUE) {
        f->info[member.value].group = index;
        if (f->info[member.value].in_memory)
            vec_add_once(&f->info[member.value].producers, index);
    }
    return index;
}
