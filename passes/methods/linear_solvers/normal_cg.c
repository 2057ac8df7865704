/* Conjugate gradients for the least squares of H v - g, plus ridge |v|^2: (H H + ridge) v = H g, with the residual g - H v
 * carried along (CGLS of A. Bjorck, Numerical Methods for Least Squares Problems, 1996, section 7.4). For H of any sign, at two
 * products a step. It stops where the gradient of the least squares has become small enough, relative to what it was at v = 0. */
#include "passes/methods/linear_solvers/linear_system.h"

typedef struct Descent {
    LinearSystem *s;
    Value *r, *p, *product, *next; /* vectors: g - H v, the direction, H p */
    Value ridge, enough;           /* scalars: enough: the square of a gradient that is small enough */
} Descent;

/* H r - ridge v: minus half the gradient. */
static void descent(const Descent *c, const Value *r, const Value *v, Value *result)
{
    system_apply(c->s, r, result);
    system_add(c->s, result, build_unary(c->s->b, OP_NEG, c->ridge), v, result);
}

static void step(const Descent *c, SolverLoop *loop, const Value *v, Value square, Value steps)
{
    LinearSystem *s = c->s;
    Builder *b = s->b;
    Value zero = build_const(b, value_type(b, square), 0), one = build_const(b, value_type(b, square), 1);
    system_apply(s, c->p, c->product);
    Value curvature = build_binary(b, OP_MUL, c->ridge, system_dot(s, c->p, c->p));
    curvature = build_binary(b, OP_ADD, system_dot(s, c->product, c->product), curvature);
    Value works = build_binary(b, OP_LT, zero, curvature);
    works = build_binary(b, OP_AND, works, build_binary(b, OP_LT, c->enough, square));
    Value length = quotient_where(b, works, square, curvature), *found = support_malloc(s->n * sizeof *found);
    system_add(s, v, length, c->p, found);
    loop_set_vector(loop, v, found);
    system_add(s, c->r, build_unary(b, OP_NEG, length), c->product, c->product);
    loop_set_vector(loop, c->r, c->product);
    descent(c, c->product, found, c->next);
    Value after = system_dot(s, c->next, c->next), share = quotient_where(b, works, after, square);
    system_add(s, c->next, share, c->p, c->next);
    system_choose(s, works, c->next, c->p, c->next); /* once it has stopped, it stays so */
    loop_set_vector(loop, c->p, c->next);
    loop_set(loop, square, build_select(b, works, after, square));
    loop_set(loop, steps, build_binary(b, OP_ADD, steps, build_select(b, works, one, zero)));
    support_free(found);
}

static Solution solve(LinearSystem *s, Value *v)
{
    Builder *b = s->b;
    const Train *train = s->assembly->train;
    Type real = type_scalar(b->module->real);
    Value *vectors = support_malloc(6 * s->n * sizeof *vectors), *first = vectors + 4 * s->n, *downhill = vectors + 5 * s->n;
    Descent c = {s, vectors, vectors + s->n, vectors + 2 * s->n, vectors + 3 * s->n, NO_VALUE, NO_VALUE};
    double tolerance = solver_argument(train, "tolerance");
    c.ridge = build_const(b, real, solver_argument(train, "ridge"));
    for (uint32_t i = 0; i < s->n; i++) {
        v[i] = s->start ? s->start[i] : build_const(b, value_type(b, s->right[i]), 0);
        first[i] = s->right[i];
    }
    system_apply(s, s->right, c.product);
    c.enough = build_with_const(b, OP_MUL, system_dot(s, c.product, c.product), tolerance * tolerance);
    if (s->start) {
        system_apply(s, v, c.product);
        system_add(s, s->right, build_const(b, real, -1), c.product, first);
    }
    descent(&c, first, v, downhill);
    Value none = build_const(b, real, 0), squared = system_dot(s, downhill, downhill);
    SolverLoop loop = solver_loop_begin(s);
    loop_carry_vector(&loop, v, v);
    loop_carry_vector(&loop, first, c.r);
    loop_carry_vector(&loop, downhill, c.p);
    Value square = loop_carry(&loop, squared), steps = loop_carry(&loop, none);
    step(&c, &loop, v, square, steps);
    solver_loop_end(&loop, (int64_t)solver_argument(train, "most"));
    loop_last_vector(&loop, v, v);
    Value *rest = c.product, *slope = c.next;
    system_apply(s, v, rest);
    system_add(s, s->right, build_const(b, real, -1), rest, rest);
    descent(&c, rest, v, slope);
    system_apply(s, s->right, first);
    Solution solution = {system_relative(s, slope, first), loop_last(&loop, steps)};
    solver_loop_free(&loop);
    support_free(vectors);
    return solution;
}

const LinearSolver linear_solver_normal_cg = {solve};
