/* Products of several vectors with one matrix become one product with the vectors as rows: the matrix is read once. Such products
 * arise for every weight of a hypernetwork where the gradients of several objectives are taken one by one.
 *
 *     a W, b W, c W    =    rows of [a; b; c] W
 *
 * The vectors may be made far apart, but no vector from another's product: ops between the products are moved behind the last
 * vector. Run after differentiation. Groups are found one at a time, so that each is found in the order that the group before it
 * has made. */
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

/* How many products there are with each matrix along each of its two axes: element 2 m + a counts matrix m along axis a. The
 * caller frees the list. */
static uint32_t *count_products(const Function *f)
{
    size_t bytes = 2 * (f->ops.len + 1) * sizeof(uint32_t);
    uint32_t *products = support_malloc(bytes);
    memset(products, 0, bytes);
    StateProduct product;
    for (Value v = 0; v < f->ops.len; v++)
        if (is_state_product(f, v, &product))
            products[2 * product.matrix + product.axis]++;
    return products;
}

/* The group of the product `first`, if it is not alone. */
static bool find_group(const Function *f, const uint32_t *products, Value first, bool *depends, Group *group)
{
    *group = (Group){.n = 1, .product = {first}};
    StateProduct product;
    if (!is_state_product(f, first, &product) || products[2 * product.matrix + product.axis] < 2)
        return false;
    group->vector[0] = product.vector;
    group->matrix = product.matrix;
    group->axis = product.axis;
    bool *blocked = support_malloc(f->ops.len); /* depends on a member */
    mark_dependents(f, first, blocked);
    for (Value v = first + 1; v < f->ops.len && group->n < MOST_STACKED; v++) {
        if (!is_state_product(f, v, &product) || product.matrix != group->matrix || product.axis != group->axis ||
            blocked[product.vector])
            continue;
        group->product[group->n] = v;
        group->vector[group->n++] = product.vector;
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
    uint32_t groups = 0, *products = count_products(function);
    for (Value v = 0; v < function->ops.len && groups < MOST_GROUPS; v++) {
        Group group;
        if (!find_group(function, products, v, depends, &group))
            continue;
        stack_group(module, function, &group);
        support_free(depends);
        support_free(products);
        depends = support_malloc(function->ops.len + 1);
        products = count_products(function);
        groups++;
        v = NO_VALUE; /* from the start, in the new order */
    }
    support_free(depends);
    support_free(products);
}
