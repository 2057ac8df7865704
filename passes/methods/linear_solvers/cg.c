/* Conjugate gradients for (H + ridge) v = g (M. Hestenes and E. Stiefel 1952), with at most so many products. It stops where the
 * residual is small enough, and where a direction p has no positive curvature, p' (H + ridge) p <= 0: then H + ridge has
 * eigenvalues that are not positive, and v is what was found before. */
#include "passes/methods/linear_solvers/linear_system.h"

typedef struct Descent {
    LinearSystem *s;
    Value *r, *p, *product, *next; /* vectors: the residual, the direction, (H + ridge) p */
    Value ridge, enough;           /* scalars: enough: the square of a residual that is small enough */
} Descent;

static void apply(const Descent *c, const Value *p, Value *product)
{
    system_apply(c->s, p, product);
    system_add(c->s, product, c->ridge, p, product);
}

/* One step from v with the residual r, whose square is `square`. */
static void step(const Descent *c, SolverLoop *loop, const Value *v, Value square, Value steps)
{
    LinearSystem *s = c->s;
    Builder *b = s->b;
    Value zero = build_const(b, value_type(b, square), 0), one = build_const(b, value_type(b, square), 1);
    apply(c, c->p, c->product);
    Value curvature = system_dot(s, c->p, c->product), works = build_binary(b, OP_LT, zero, curvature);
    works = build_binary(b, OP_AND, works, build_binary(b, OP_LT, c->enough, square));
    Value length = quotient_where(b, works, square, curvature);
    system_add(s, v, length, c->p, c->next);
    loop_set_vector(loop, v, c->next);
    system_add(s, c->r, build_unary(b, OP_NEG, length), c->product, c->next);
    loop_set_vector(loop, c->r, c->next);
    Value after = system_dot(s, c->next, c->next), share = quotient_where(b, works, after, square);
    system_add(s, c->next, share, c->p, c->next);
    system_choose(s, works, c->next, c->p, c->next); /* once it has stopped, it stays so */
    loop_set_vector(loop, c->p, c->next);
    loop_set(loop, square, after);
    loop_set(loop, steps, build_binary(b, OP_ADD, steps, build_select(b, works, one, zero)));
}

static Solution solve(LinearSystem *s, Value *v)
{
    Builder *b = s->b;
    const Train *train = s->assembly->train;
    Type real = type_scalar(b->module->real);
    Value *vectors = support_malloc(5 * s->n * sizeof *vectors), *first = vectors + 4 * s->n;
    Descent c = {s, vectors, vectors + s->n, vectors + 2 * s->n, vectors + 3 * s->n, NO_VALUE, NO_VALUE};
    double tolerance = solver_argument(train, "tolerance");
    c.ridge = build_const(b, real, solver_argument(train, "ridge"));
    c.enough = build_with_const(b, OP_MUL, system_dot(s, s->right, s->right), tolerance * tolerance);
    for (uint32_t i = 0; i < s->n; i++) {
        v[i] = s->start ? s->start[i] : build_const(b, value_type(b, s->right[i]), 0);
        first[i] = s->right[i];
    }
    if (s->start) {
        apply(&c, v, c.product);
        system_add(s, s->right, build_const(b, real, -1), c.product, first);
    }
    Value none = build_const(b, real, 0), squared = system_dot(s, first, first);
    SolverLoop loop = solver_loop_begin(s);
    loop_carry_vector(&loop, v, v);
    loop_carry_vector(&loop, first, c.r);
    loop_carry_vector(&loop, first, c.p);
    Value square = loop_carry(&loop, squared), steps = loop_carry(&loop, none);
    step(&c, &loop, v, square, steps);
    solver_loop_end(&loop, (int64_t)solver_argument(train, "most"));
    loop_last_vector(&loop, v, v);
    apply(&c, v, c.product); /* what the steps have carried along as the residual has rounding errors of its own */
    system_add(s, s->right, build_const(b, real, -1), c.product, first);
    Solution solution = {system_relative(s, first, s->right), loop_last(&loop, steps)};
    solver_loop_free(&loop);
    support_free(vectors);
    return solution;
}

const LinearSolver linear_solver_cg = {solve};
