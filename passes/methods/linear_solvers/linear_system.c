/* Products with second derivatives by forward over reverse differentiation: H p is the directional derivative of the gradient
 * along p (B. Pearlmutter, Fast Exact Multiplication by the Hessian, 1994). What does not depend on p, the loss and its gradient,
 * is computed once; what does is a part of the function, which each product copies. */
#include "passes/methods/linear_solvers/linear_system.h"

#include <assert.h>
#include <string.h>

#include "passes/rewrite.h"

/* ---- products ---- */

/* Adds inputs p and outputs H p to the function. */
static void add_product(LinearSystem *s, const uint32_t *states)
{
    Builder *b = s->b;
    Function *function = b->function;
    Value loss = function->outputs.data[0].value;
    Value *at = support_malloc(s->n * sizeof *at), *gradients = support_malloc(s->n * sizeof *gradients);
    function->outputs.len = 1;
    for (uint32_t i = 0; i < s->n; i++) {
        at[i] = find_read(function, states[i]);
        gradients[i] = build_grad(b, loss, at[i]);
    }
    for (uint32_t i = 0; i < s->n; i++)
        s->p[i] = build_input(b, arena_printf(&b->module->arena, "p/%u", i), value_type(b, at[i]));
    for (uint32_t i = 0; i < s->n; i++)
        build_output(b, arena_printf(&b->module->arena, "product/%u", i), build_tangent(b, gradients[i], s->n, at, s->p));
    support_free(at);
    support_free(gradients);
}

/* The passes have rebuilt the function: finds the inputs and outputs again. */
static void find_product(LinearSystem *s)
{
    const Function *function = s->b->function;
    for (uint32_t i = 0; i < s->n; i++) {
        s->p[i] = function->inputs.data[function->inputs.len - s->n + i];
        s->products[i] = function->outputs.data[1 + i].value;
    }
}

/* Keeps the function as the part, and drops of the function what depends on p. */
static void take_part(LinearSystem *s)
{
    Function *function = s->b->function;
    uint32_t count = function->ops.len;
    s->part = *function;
    s->part.ops.data = support_malloc((count + 1) * sizeof *s->part.ops.data);
    memcpy(s->part.ops.data, function->ops.data, count * sizeof *s->part.ops.data);
    s->inside = support_malloc(count + 1);
    memset(s->inside, 0, count + 1);
    for (uint32_t i = 0; i < s->n; i++)
        s->inside[s->p[i]] = true;
    for (Value v = 0; v < count; v++)
        for (uint32_t i = 0; i < OP_AT(function, v)->nargs; i++)
            s->inside[v] |= s->inside[OP_AT(function, v)->args[i]];
    function->outputs.len = 1;
    Rewrite rewrite;
    rewrite_begin(&rewrite, s->b->module, function);
    for (Value v = 0; v < count; v++)
        if (!s->inside[v])
            rewrite_copy(&rewrite, v);
    s->outside = support_malloc((count + 1) * sizeof *s->outside);
    memcpy(s->outside, rewrite.map, count * sizeof *s->outside);
    rewrite_end(&rewrite);
}

void system_begin(LinearSystem *s, Assembly *assembly, Builder *b, uint32_t n, const uint32_t *states)
{
    static const char *const passes[] = {"differentiate", "simplify", "cse", "dce"};
    *s = (LinearSystem){.assembly = assembly, .b = b, .n = n};
    s->p = support_malloc((n + 1) * sizeof *s->p);
    s->products = support_malloc((n + 1) * sizeof *s->products);
    add_product(s, states);
    for (size_t i = 0; i < COUNT_OF(passes); i++)
        pass_run(assembly->trace, passes[i], b->module, b->function);
    find_product(s);
    take_part(s);
}

void system_end(LinearSystem *s)
{
    support_free(s->part.ops.data);
    support_free(s->inside);
    support_free(s->outside);
    support_free(s->p);
    support_free(s->products);
}

void system_apply(LinearSystem *s, const Value *p, Value *products)
{
    uint32_t count = s->part.ops.len;
    Value *map = support_malloc((count + 1) * sizeof *map);
    memcpy(map, s->outside, count * sizeof *map);
    for (uint32_t i = 0; i < s->n; i++)
        map[s->p[i]] = p[i];
    for (Value v = 0; v < count; v++)
        if (s->inside[v] && map[v] == NO_VALUE)
            map[v] = build_copy(s->b, &s->part, v, map);
    for (uint32_t i = 0; i < s->n; i++)
        products[i] = map[s->products[i]];
    support_free(map);
}

/* ---- vectors ---- */

void system_add(LinearSystem *s, const Value *x, Value factor, const Value *y, Value *sum)
{
    for (uint32_t i = 0; i < s->n; i++) {
        Value spread = build_splat(s->b, factor, value_type(s->b, y[i]));
        sum[i] = build_binary(s->b, OP_ADD, x[i], build_binary(s->b, OP_MUL, spread, y[i]));
    }
}

void system_choose(LinearSystem *s, Value which, const Value *x, const Value *y, Value *chosen)
{
    for (uint32_t i = 0; i < s->n; i++) {
        Value everywhere = build_splat(s->b, which, type_with_dtype(value_type(s->b, x[i]), DTYPE_BOOL));
        chosen[i] = build_select(s->b, everywhere, x[i], y[i]);
    }
}

Value system_dot(LinearSystem *s, const Value *x, const Value *y)
{
    Value sum = build_sum_of_product(s->b, x[0], y[0]);
    for (uint32_t i = 1; i < s->n; i++)
        sum = build_binary(s->b, OP_ADD, sum, build_sum_of_product(s->b, x[i], y[i]));
    return sum;
}

Value quotient_where(Builder *b, Value defined, Value x, Value y)
{
    Value zero = build_const(b, value_type(b, x), 0), one = build_const(b, value_type(b, x), 1);
    Value quotient = build_binary(b, OP_DIV, x, build_select(b, defined, y, one));
    return build_select(b, defined, quotient, zero);
}

Value system_relative(LinearSystem *s, const Value *x, const Value *y)
{
    Value squares = system_dot(s, y, y), zero = build_const(s->b, value_type(s->b, squares), 0);
    Value some = build_binary(s->b, OP_LT, zero, squares);
    return build_unary(s->b, OP_SQRT, quotient_where(s->b, some, system_dot(s, x, x), squares));
}

/* ---- loops ---- */

SolverLoop solver_loop_begin(LinearSystem *s)
{
    return (SolverLoop){.s = s, .begin = s->b->function->ops.len};
}

Value loop_carry(SolverLoop *loop, Value first)
{
    Builder *b = loop->s->b;
    Value carry = build_const(b, value_type(b, first), 0);
    vec_push(&loop->carries, (Carry){carry, first, NO_VALUE});
    return carry;
}

void loop_carry_vector(SolverLoop *loop, const Value *first, Value *carries)
{
    for (uint32_t i = 0; i < loop->s->n; i++)
        carries[i] = loop_carry(loop, first[i]);
}

static Carry *carry_of(const SolverLoop *loop, Value element)
{
    Carry *carry = loop->carries.data;
    while (carry->element != element)
        carry++;
    return carry;
}

void loop_set(SolverLoop *loop, Value carry, Value next)
{
    carry_of(loop, carry)->next = next;
}

void loop_set_vector(SolverLoop *loop, const Value *carries, const Value *next)
{
    for (uint32_t i = 0; i < loop->s->n; i++)
        loop_set(loop, carries[i], next[i]);
}

void solver_loop_end(SolverLoop *loop, int64_t steps)
{
    uint32_t count = loop->carries.len;
    Value *lasts = support_malloc((count + 1) * sizeof *lasts);
    build_scan_of_part(loop->s->b, loop->begin, steps, 0, count, loop->carries.data, 0, NULL, 0, NULL, lasts);
    for (uint32_t i = 0; i < count; i++)
        loop->carries.data[i].next = lasts[i];
    support_free(lasts);
}

Value loop_last(const SolverLoop *loop, Value carry)
{
    return carry_of(loop, carry)->next;
}

void loop_last_vector(const SolverLoop *loop, const Value *carries, Value *lasts)
{
    for (uint32_t i = 0; i < loop->s->n; i++)
        lasts[i] = loop_last(loop, carries[i]);
}

void solver_loop_free(SolverLoop *loop)
{
    vec_free(&loop->carries);
}

/* ---- arguments ---- */

static const NamedNumber *find_argument(const Train *train, const char *label)
{
    return find_number(train->implicit->arguments, train->implicit->argument_count, label);
}

bool has_solver_argument(const Train *train, const char *label)
{
    return find_argument(train, label) != NULL;
}

double solver_argument(const Train *train, const char *label)
{
    const NamedNumber *argument = find_argument(train, label);
    assert(argument);
    return argument->number;
}
