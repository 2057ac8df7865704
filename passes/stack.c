/* Products of several vectors with one matrix become one product with the vectors as rows: the matrix is read once. Objectives
 * whose gradients are taken one by one meet every weight of a hypernetwork like this.
 *
 *     a W, b W, c W    =    rows of [a; b; c] W
 *
 * The vectors may be made far apart, but none from another's product: what stands between the products is moved behind the last
 * vector. Run after differentiation; groups are found one at a time, so that each sees the order that the one before has made. */
#include <string.h>

#include "passes/passes.h"
#include "passes/rewrite.h"

enum { MOST_STACKED = 16, MOST_GROUPS = 64 };

/* The products of one group, in program order. */
typedef struct Group {
    Value matrix;
    int64_t axis; /* of the matrix, contracted */
    uint32_t n;
    Value product[MOST_STACKED], vector[MOST_STACKED];
} Group;

/* Whether `v` is the product of a vector with a matrix that is a state. */
static bool is_candidate(const Function *f, Value v, Value *vector, Value *matrix, int64_t *axis)
{
    const Op *op = OP_AT(f, v);
    if (op->code != OP_DOT || op->c.n || op->a.n != 1)
        return false;
    for (unsigned side = 0; side < 2; side++) {
        const Op *x = OP_AT(f, op->args[side]), *w = OP_AT(f, op->args[1 - side]);
        if (x->type.rank != 1 || w->type.rank != 2 || w->code != OP_STATE_READ)
            continue;
        *vector = op->args[side];
        *matrix = op->args[1 - side];
        *axis = side ? op->a.v[0] : op->b.v[0];
        return true;
    }
    return false;
}

/* Marks what depends on `from`, which lies before all of it. */
static void mark_dependents(const Function *f, Value from, bool *depends)
{
    memset(depends, 0, f->ops.len);
    depends[from] = true;
    for (Value v = from + 1; v < f->ops.len; v++)
        for (uint32_t i = 0; i < OP_AT(f, v)->nargs && !depends[v]; i++)
            depends[v] = depends[OP_AT(f, v)->args[i]];
}

/* The group of the product `first`, if it is not alone. */
static bool find_group(const Function *f, Value first, bool *depends, Group *group)
{
    *group = (Group){.n = 1, .product = {first}};
    if (!is_candidate(f, first, &group->vector[0], &group->matrix, &group->axis))
        return false;
    bool *blocked = support_malloc(f->ops.len); /* depends on a member */
    mark_dependents(f, first, blocked);
    for (Value v = first + 1; v < f->ops.len && group->n < MOST_STACKED; v++) {
        Value vector, matrix;
        int64_t axis;
        if (!is_candidate(f, v, &vector, &matrix, &axis) || matrix != group->matrix || axis != group->axis || blocked[vector])
            continue;
        group->product[group->n] = v;
        group->vector[group->n++] = vector;
        mark_dependents(f, v, depends);
        for (Value w = v; w < f->ops.len; w++)
            blocked[w] |= depends[w];
    }
    support_free(blocked);
    return group->n > 1;
}

/* ---- rebuilding in an order of needs ---- */

typedef struct Stack {
    Rewrite rewrite;
    const Group *group;
    VEC(Value) waiting;
} Stack;

static bool is_member(const Group *group, Value v)
{
    for (uint32_t i = 0; i < group->n; i++)
        if (group->product[i] == v)
            return true;
    return false;
}

static void build_group(Stack *stack)
{
    Builder *b = &stack->rewrite.b;
    const Group *group = stack->group;
    const Value *map = stack->rewrite.map;
    Value rows[MOST_STACKED];
    for (uint32_t i = 0; i < group->n; i++) {
        Type type = value_type(b, map[group->vector[i]]);
        rows[i] = build_reshape(b, map[group->vector[i]], type_of(type.dtype, 2, (int64_t[]){1, type.dims[0]}));
    }
    Value all = build_concat(b, group->n, rows, 0);
    Value product = build_dot(b, all, map[group->matrix], dims_of(1, 1), dims_of(1, (int)group->axis), (Dims){0}, (Dims){0});
    for (uint32_t i = 0; i < group->n; i++) {
        Type type = OP_AT(stack->rewrite.old, group->product[i])->type,
             row = type_of(type.dtype, 2, (int64_t[]){1, type.dims[0]});
        stack->rewrite.map[group->product[i]] = build_reshape(b, build_slice(b, product, dims_of(2, (int)i, 0), row), type);
    }
}

/* Asks for a value first; true if it is there. */
static bool has(Stack *stack, Value v)
{
    if (stack->rewrite.map[v] != NO_VALUE)
        return true;
    vec_push(&stack->waiting, v);
    return false;
}

/* Emits v after all that it needs; a member of the group needs what every member needs. */
static void emit(Stack *stack, Value v)
{
    const Group *group = stack->group;
    has(stack, v);
    while (stack->waiting.len) {
        Value top = vec_last(&stack->waiting);
        const Op *op = OP_AT(stack->rewrite.old, top);
        bool member = is_member(group, top), ready = true;
        if (stack->rewrite.map[top] != NO_VALUE) {
            stack->waiting.len--;
            continue;
        }
        for (uint32_t i = 0; member && i < group->n && ready; i++)
            ready = has(stack, group->vector[i]);
        for (uint32_t i = 0; i < op->nargs && ready; i++)
            ready = has(stack, op->args[i]);
        if (!ready)
            continue;
        stack->waiting.len--;
        if (member)
            build_group(stack);
        else
            rewrite_copy(&stack->rewrite, top);
    }
}

static void stack_group(Module *module, Function *function, const Group *group)
{
    Stack stack = {.group = group};
    rewrite_begin(&stack.rewrite, module, function);
    for (uint32_t i = 0; i < function->inputs.len; i++) /* they keep their positions */
        rewrite_copy(&stack.rewrite, function->inputs.data[i]);
    for (Value v = 0; v < function->ops.len; v++)
        if (stack.rewrite.map[v] == NO_VALUE)
            emit(&stack, v);
    rewrite_end(&stack.rewrite);
    vec_free(&stack.waiting);
}

void pass_stack(Module *module, Function *function)
{
    bool *depends = support_malloc(function->ops.len + 1);
    uint32_t groups = 0;
    for (Value v = 0; v < function->ops.len && groups < MOST_GROUPS; v++) {
        Group group;
        if (!find_group(function, v, depends, &group))
            continue;
        stack_group(module, function, &group);
        support_free(depends);
        depends = support_malloc(function->ops.len + 1);
        groups++;
        v = NO_VALUE; /* from the start, in the new order */
    }
    support_free(depends);
}
