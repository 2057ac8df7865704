/* The numerics of several objectives: weights that make one descent direction of many gradients, preferences (rays) and how they
 * are drawn, and the indicators by which a front is judged. Double precision, libc and libm only. Nothing here keeps a state, so
 * equal arguments give equal bits, and all of it may be called from many threads at once.
 *
 * Conventions. m: objectives, 1 to PARETO_MOST_OBJECTIVES; all are minimised. A matrix is row-major: `points` is n x m, one row
 * per solution; `rays` is n x m, one row per preference with entries >= 0, of which only the direction counts where functions
 * take one and which sums to 1 where they make one. `gram` is the m x m matrix of the gradients' products,
 * gram[i * m + j] = g_i . g_j, symmetric; any positive multiple of it gives the same weights. Outputs may not overlap inputs.
 *
 * The solvers allocate nothing and never fail: where a programme has no solution they answer by the ray and say so, for the
 * caller to count. */
#ifndef HN_PARETO_PARETO_H
#define HN_PARETO_PARETO_H

#include <stdbool.h>
#include <stdint.h>

enum {
    PARETO_MOST_OBJECTIVES = 16,
    PARETO_MOST_RAYS = 256,           /* of pmtl_weights */
    PARETO_MOST_SOLUTIONS = 64,       /* of hypervolume_gradient */
    PARETO_MOST_TRUE_POINTS = 100000, /* of a known front: a limit of models, which no function here needs */
};

/* Losses and entries of rays below this number count as this number: the logarithm of zero has no use. */
#define PARETO_LEAST 1e-12

/* ---- weights of the objectives for one step ---- */

typedef enum {
    SOLVE_FINE,
    SOLVE_FALLBACK, /* no solution, a number that is not finite, a Gram matrix of zeros, or a limit above exceeded */
} SolveStatus;

/* Exact Pareto optimal search (Mahapatra & Rajan, "Multi-task learning with user preferences", ICML 2020, its linear programme in
 * "restricted" mode, which is also that of Navon et al., "Learning the Pareto front with hypernetworks", ICLR 2021). Steers to
 * the point of the front where ray_1 loss_1 = ... = ray_m loss_m: a *large* entry of the ray asks for a *small* loss.
 *
 * With u = ray * loss / sum, mu = sum u_j ln(m u_j), a_j = ray_j (ln(m u_j) - mu) and C the Gram matrix, over alpha >= 0, sum 1:
 *
 *   mu > EPO_BALANCED:  maximise alpha . Ca    such that (C alpha)_j >= 0 where ray * loss is largest, else >= (Ca)_j where
 *                                              (Ca)_j <= 0; but (C alpha)_j >= 0 for all j if no (Ca)_j is positive
 *   otherwise:          maximise sum(C alpha)  such that C alpha >= 0 and alpha . Ca >= min(0, max (Ca)_j)
 *
 * solved exactly: alpha[m] is a corner of the feasible set. losses[m] and ray[m] below PARETO_LEAST count as that. On
 * SOLVE_FALLBACK alpha is ray / sum(ray), the linear scalarisation, or 1/m if the ray is not finite either.
 * mu is 1 - uniformity(m, losses, ray). */
#define EPO_BALANCED 1e-4
SolveStatus epo_weights(unsigned m, const double *losses, const double *ray, const double *gram, double *alpha);

/* MGDA: the point of least norm in the convex hull of the gradients, the steepest common descent direction (Desideri, "Multiple-
 * gradient descent algorithm", C. R. Math. 2012; Sener & Koltun, NeurIPS 2018), by the finite method of Wolfe ("Finding
 * the nearest point in a polytope", Math. Programming 1976). alpha[m] >= 0, sum 1, exact to rounding of the Gram matrix: alpha .
 * C alpha is least, hence (C alpha)_j >= alpha . C alpha for all j. On SOLVE_FALLBACK alpha is 1/m. */
SolveStatus min_norm_weights(unsigned m, const double *gram, double *alpha);

/* Pareto multi-task learning (Lin et al., NeurIPS 2019). `all_rays` is rays x m, `own` the one to follow; they cut
 * the loss space into sectors, and the solution is to stay where its loss vector has a smaller angle to its own ray than to any
 * other: here a *large* entry asks for a *large* loss (unlike epo_weights). With w the rays scaled to length 1, constraint k is
 * active where (w_k - w_own) . losses > 0; the direction is the point of least norm in the convex hull of the losses' gradients
 * and the active constraints', written as weights of the losses, alpha_j = lambda_j + sum_k beta_k (w_k - w_own)_j. These may be
 * negative; the sum of |alpha_j| is 1. On SOLVE_FALLBACK alpha is 1/m. */
SolveStatus pmtl_weights(unsigned m, const double *losses, unsigned rays, const double *all_rays, unsigned own,
                         const double *gram, double *alpha);
/* Its first phase, which only moves into the own sector: least norm over the active constraints alone. Where none is
 * active *inside is true and alpha is 0: that phase is over. */
SolveStatus pmtl_initial_weights(unsigned m, const double *losses, unsigned rays, const double *all_rays, unsigned own,
                                 const double *gram, double *alpha, bool *inside);

/* Weights by which n solutions, trained together, make the hypervolume of their front grow (Deist et al., "Multi-objective
 * learning to predict Pareto fronts using hypervolume maximization", 2021; Hoang et al., AAAI 2023). points[n * m], reference[m],
 * gradient[n * m]. The points are parted into fronts by non-dominated sorting, and
 *
 *   gradient[k * m + i] = - d HV(front of k) / d points[k * m + i] >= 0,
 *
 * scaled so that each row has Euclidean length 1: *descending* sum(gradient * points), gradient held constant, makes each front
 * grow. Where the hypervolume has a kink the derivative is the one for a falling loss; equal points get equal rows. A row is 0
 * where no objective alone can enlarge the front: at a point that is not below the reference, see hypervolume_reference. n <=
 * PARETO_MOST_SOLUTIONS. On SOLVE_FALLBACK all entries are 1 / sqrt(m). */
SolveStatus hypervolume_gradient(unsigned m, unsigned n, const double *points, const double *reference, double *gradient);
/* A reference that all points are below, so that each has a gradient: moved[m] = max(reference, 1.1 x the largest loss). Numbers
 * that are not finite are passed over. */
void hypervolume_reference(unsigned m, unsigned n, const double *points, const double *reference, double *moved);

/* ---- preferences ---- */

/* A ray from the Dirichlet distribution with the given concentrations[m], each > 0 (0.01 and less are fine: it is computed in
 * logarithms). A pure function of (seed, step, stream): Gamma variates (Marsaglia & Tsang, "A simple method for generating gamma
 * variables", ACM TOMS 2000) of words of Philox 4x32-10 under the key seed, counter {16 attempt + component, step, stream, 2}:
 * the random numbers of compiled code have 0 in the last place and the shuffles of the runtime 1, so none is drawn twice. ray[m]
 * sums to 1 and is never NaN; entries may be 0 by underflow, never all. */
void dirichlet_sample(const uint32_t seed[2], uint32_t step, uint32_t stream, unsigned m, const double *concentration,
                      double *ray);

/* Fixed rays for evaluation. Each returns how many rays there are and writes them unless `rays` is NULL; 0: they are too many for
 * an unsigned, or there are none. Circle: n rays of 2 objectives at equal angles from margin to pi/2 - margin (radians), (cos,
 * sin) scaled to sum 1; one ray is the middle one (the margin of Navon et al. is 0.1, n = 25). */
unsigned rays_circle(unsigned n, double margin, double *rays);
/* Das & Dennis (SIAM J. Optim. 1998): all rays of m multiples of 1 / partitions, in lexicographic order: (p + m - 1 over m - 1).
 * positive: those without a zero only, (p - 1 over m - 1). */
unsigned rays_das_dennis(unsigned m, unsigned partitions, bool positive, double *rays);
/* The centroids of the equal triangles that cut the simplex of 3 objectives `partitions`-fold: first the p (p + 1) / 2 upright
 * ones, then, unless `upright_only`, the p (p - 1) / 2 others; p = 5 gives 25 rays, the upright ones of p = 4 are 10. No entry is
 * 0. */
unsigned rays_centroids(unsigned partitions, bool upright_only, double *rays);

/* ---- indicators ---- */

/* Lebesgue measure of what the points dominate up to the reference (Zitzler & Thiele 1998), exact: points[n * m], reference[m]. A
 * point that is not below the reference in every objective, or not finite, counts for nothing; duplicates and dominated points
 * change nothing. m = 1 and 2: a sweep; 3: a sweep with a staircase (as Fonseca, Paquete & Lopez-Ibanez, CEC 2006); m >= 4: as
 * While, Bradstreet & Barone ("A fast way of calculating exact hypervolumes", 2012), exponential in m at worst. Allocates; NaN if
 * there is no memory. */
double hypervolume(unsigned m, unsigned n, const double *points, const double *reference);

/* 1 - KL(u || 1/m) with u = ray * losses / sum, in nats (Navon et al., sec. 5; mu of Mahapatra & Rajan): 1 if the losses lie on
 * the inverse ray, least 1 - ln m. losses and ray are clamped to PARETO_LEAST. NaN if they are not finite. For one ray: report
 * the mean. */
double uniformity(unsigned m, const double *losses, const double *ray);

/* keep[k]: no other point is nowhere worse and somewhere better than point k. Equal points are kept together; a point with a NaN
 * is never kept and dominates nothing. Returns how many are kept. */
unsigned non_dominated(unsigned m, unsigned n, const double *points, bool *keep);

/* Mean over the k points of `front` of the Euclidean distance to the nearest of the n points (Coello & Reyes Sierra, MICAI 2004).
 * Infinite if n is 0, NaN if k is 0. */
double inverted_generational_distance(unsigned m, unsigned n, const double *points, unsigned k, const double *front);

/* low[m], high[m]: least and largest value of each objective over the points; NaN is passed over, and is the answer if
 * all are. */
void objective_ranges(unsigned m, unsigned n, const double *points, double *low, double *high);

#endif
