/* Which point to try next, where a function of a point is costly and is to be small: points of the unit cube [0, 1]^d. Every
 * proposal is a function of its arguments alone, so trials that are interrupted go on with the same points. */
#ifndef HNC_PROPOSALS_H
#define HNC_PROPOSALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MOST_PROPOSED_NUMBERS = 64, MOST_TRIALS = 100000 };

/* Uniform random number `index` of trial `trial`, in [0, 1). Trial UINT32_MAX: of all trials together. */
typedef double ProposalDraw(const void *context, uint32_t trial, uint32_t index);

typedef struct ProposalSpace {
    size_t d;
    /* Per number: into how many cells of equal width its interval is cut, each of which is one value; a proposal lies in the
     * middle of a cell. 0: every number is a value of its own. */
    int64_t cells[MOST_PROPOSED_NUMBERS];
    double first[MOST_PROPOSED_NUMBERS]; /* a point to try before others */
    int64_t values, initial;             /* of a grid, how many per number; trials that do not depend on others */
    ProposalDraw *draw;
    const void *context; /* of draw */
} ProposalSpace;

/* What is known: `count` points with values, and points whose values are still being found. Values are finite. */
typedef struct PastTrials {
    size_t count, pending;
    const double *points; /* [count + pending][d] */
    const double *values; /* [count] */
} PastTrials;

/* The point of that trial. False: it is not what it should be, but a random one (BAYES). */
typedef bool Propose(const ProposalSpace *space, const PastTrials *past, int64_t trial, double *point);
/* A function per row of runtime/abi/proposals.def, propose_NAME:
 *
 * RANDOM  independent uniform numbers
 * SOBOL   the Sobol sequence (Joe & Kuo 2008), shifted digit by digit by random digits of all trials together (Cranley &
 * Patterson 1976; L'Ecuyer & Lemieux 2002): evenly spread however many points there are, best for powers of two GRID    a grid of
 * `values` per number, ends included; the last number changes fastest BAYES   the first point, then random ones up to `initial`,
 * then the point of greatest expected improvement under a Gaussian process that is fitted to the past (J. Snoek, H. Larochelle
 * and R. Adams, Practical Bayesian Optimization of Machine Learning Algorithms, NIPS 2012), by its logarithm (S. Ament et al.,
 * Unexpected Improvements to Expected Improvement, NeurIPS 2023): gp.h. A pending point counts as if it had the largest value.
 * With less than two values, or where no process can be fitted, a random point, and false */
#define PROPOSAL(KIND, name, ...) Propose propose_##name;
#include "runtime/abi/proposals.def"
#undef PROPOSAL

/* How many points the space's grid has: a number of few cells has no more values than cells. Saturates above MOST_TRIALS. */
int64_t proposal_grid_size(const ProposalSpace *space);

/* Moves each number of few cells to the middle of its cell. */
void propose_snap(const ProposalSpace *space, double *point);

#endif
