/* Systems H v = g of implicit differentiation, where H is the second derivative of a loss with respect to trained states: what
 * solvers are made of. Vectors are as many tensors as there are states. */
#ifndef HNC_PASSES_LINEAR_SYSTEM_H
#define HNC_PASSES_LINEAR_SYSTEM_H

#include "ir/scan.h"
#include "passes/methods/methods.h"

typedef struct LinearSystem {
    Assembly *assembly;
    Builder *b;
    uint32_t n;          /* tensors of a vector */
    const Value *right;  /* g */
    const Value *start;  /* what a warm solver starts with */
    Function part;       /* the function with the products H p in it, whose ops are its own */
    bool *inside;        /* of the part's ops: they depend on p */
    Value *outside;      /* of the part's other ops: where they are in the function */
    Value *p, *products; /* of the part: inputs, and H p */
} LinearSystem;

/* Makes products of the builder's function: of its first output, a loss, with respect to n states. The function is rebuilt, with
 * all else that products need, so that none of its values counts any more; of its outputs the loss is left. */
void system_begin(LinearSystem *s, Assembly *assembly, Builder *b, uint32_t n, const uint32_t *states);
void system_end(LinearSystem *s);
/* Appends products[i] = (H p)_i, of the same batch with the same random numbers each time. */
void system_apply(LinearSystem *s, const Value *p, Value *products);
/* x + factor y of vectors, as sum[]; factor is a scalar. sum may be x or y. */
void system_add(LinearSystem *s, const Value *x, Value factor, const Value *y, Value *sum);
/* Of two vectors, x if the scalar `which` holds, and y otherwise. chosen may be x or y. */
void system_choose(LinearSystem *s, Value which, const Value *x, const Value *y, Value *chosen);
/* The scalar product of two vectors. */
Value system_dot(LinearSystem *s, const Value *x, const Value *y);
/* |x| / |y| of vectors, and 0 where y is. */
Value system_relative(LinearSystem *s, const Value *x, const Value *y);
/* x / y of scalars; 0 unless `defined`. */
Value quotient_where(Builder *b, Value defined, Value x, Value y);

/* ---- as matrices: dense.c ---- */

/* How many numbers a vector has; its tensors one after the other, and back. */
int64_t system_numbers(const LinearSystem *s);
Value system_flat(LinearSystem *s, const Value *x);
void system_tensors(LinearSystem *s, Value all, Value *x);
/* Rows of H: row i is number positions[i], where positions is an i32 vector. */
Value system_rows(LinearSystem *s, Value positions);
/* The solution of matrix x = right by Gauss and Jordan's elimination, where each step takes the largest number of its column that
 * is left; no numbers if the matrix is singular. */
Value solve_dense(Builder *b, Value matrix, Value right);
Value add_to_diagonal(Builder *b, Value matrix, double number);

/* ---- loops ---- */

/* A loop of a solver: its body is what is appended between begin and end. */
typedef struct SolverLoop {
    LinearSystem *s;
    Value begin;
    VEC(Carry) carries;
} SolverLoop;
SolverLoop solver_loop_begin(LinearSystem *s);
/* What stands in the body for a number that goes from step to step, and begins with `first`. */
Value loop_carry(SolverLoop *loop, Value first);
void loop_carry_vector(SolverLoop *loop, const Value *first, Value *carries);
/* What the carry is in the next step. */
void loop_set(SolverLoop *loop, Value carry, Value next);
void loop_set_vector(SolverLoop *loop, const Value *carries, const Value *next);
/* Repeats the body. */
void solver_loop_end(SolverLoop *loop, int64_t steps);
/* What the carry was after the last step. */
Value loop_last(const SolverLoop *loop, Value carry);
void loop_last_vector(const SolverLoop *loop, const Value *carries, Value *lasts);
void solver_loop_free(SolverLoop *loop);

/* What a solver found. */
typedef struct Solution {
    Value residual; /* of the equations that it solves, relative to that of v = 0; NO_VALUE: it solves none */
    Value steps;    /* that it took, a real; NO_VALUE: they are always as many */
} Solution;

/* v + rate (right - H v), as next[]; r[] becomes right - H v, which is the residual of v: descent.c. */
void descent_step(LinearSystem *s, const Value *v, Value *r, Value *next);

/* v[], which has room for a vector. One file per row of ir/linear_solvers.def. */
typedef struct LinearSolver {
    Solution (*solve)(LinearSystem *s, Value *v);
} LinearSolver;
#define LINEAR_SOLVER(KIND, name, ...) extern const LinearSolver linear_solver_##name;
#include "ir/linear_solvers.def"
#undef LINEAR_SOLVER
const LinearSolver *linear_solver_of(const Train *train);
/* The number, or the word as its place in the row's range, of an argument; whether the row has such an argument. */
double solver_argument(const Train *train, const char *label);
bool has_solver_argument(const Train *train, const char *label);

#endif
