/* Slow and plain computations of the same answers, and random numbers, for the tests of pareto/. */
#ifndef HN_TESTS_PARETO_ORACLE_H
#define HN_TESTS_PARETO_ORACLE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "pareto/pareto.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* Numbers in (0, 1), and normal ones; the sequence begins anew with each seed. */
void random_begin(uint64_t seed);
double random_uniform(void);
double random_normal(void);
unsigned random_below(unsigned n);
/* A random ray; sparse ones as Dir(0.2) makes them, with entries down to 1e-12 and beyond. */
void random_ray(unsigned m, bool sparse, double *ray);

/* a x = b for an n x n matrix (both are overwritten); false if it is singular. */
bool solve_linear(unsigned n, double *a, double *b);

/* The best corner of {x >= 0, sum x = 1, row . x >= bound}, by enumeration of all; `slack` is how far a row may be missed.
 * Returns its value, -INFINITY if there is none. */
double best_vertex(unsigned m, const double *cost, unsigned rows, const double *row, const double *bound, double slack);

/* The least norm in the convex hull of n points of `size` numbers, by all subsets; weights[n]. n <= 12. */
double least_norm_of_subsets(unsigned n, unsigned size, const double *points, double *weights);

/* Seconds since some moment. */
double seconds_now(void);

#endif
