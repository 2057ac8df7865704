/* Minimisation of smooth functions of few numbers. */
#ifndef HNC_PROPOSALS_MINIMISE_H
#define HNC_PROPOSALS_MINIMISE_H

#include <stdbool.h>
#include <stddef.h>

/* The value of a function at x, with its derivatives; INFINITY where it has none. */
typedef double Smooth(void *context, const double *x, double *slope);

enum { MINIMISE_MOST = 66 }; /* numbers of x */

/* Goes down from x[0..n), within [low, high] for each number, by at most so many steps of the limited-memory BFGS method (J. Nocedal and
 * S. Wright, Numerical Optimization, algorithm 7.4) with backtracking; numbers that leave the interval are held to it. Returns the
 * value. */
double minimise(size_t n, double *x, double low, double high, int steps, Smooth *function, void *context);

#endif
