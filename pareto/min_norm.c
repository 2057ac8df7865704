/* Wolfe's method. It keeps a corral: affinely independent points whose affine hull has its point of least norm inside their
 * convex hull. As long as some point of the polytope lies nearer to the origin's side than this least point, it joins the corral,
 * and other points leave. The method needs only the products between points. */
#include <math.h>
#include <string.h>

#include "pareto/internal.h"

enum { M = PARETO_MOST_OBJECTIVES, MOST_CORRAL = M + 2, MOST_POINTS = M + PARETO_MOST_RAYS };

typedef struct Corral {
    unsigned m;
    const double *gram, *combination;
    unsigned size, member[MOST_CORRAL];
    double weight[MOST_CORRAL];               /* of the current point; > 0, sum 1 */
    double product[MOST_CORRAL][MOST_CORRAL]; /* between members */
} Corral;

static double dot(unsigned m, const double *a, const double *b)
{
    double sum = 0;
    for (unsigned j = 0; j < m; j++)
        sum += a[j] * b[j];
    return sum;
}

/* gram * vector, by which the products of a point with all others are dot products of m numbers. */
static void spread(const Corral *corral, const double *vector, double *image)
{
    for (unsigned i = 0; i < corral->m; i++)
        image[i] = dot(corral->m, corral->gram + i * corral->m, vector);
}

static void join(Corral *corral, unsigned point, double weight)
{
    double image[M];
    unsigned s = corral->size++;
    corral->member[s] = point;
    corral->weight[s] = weight;
    spread(corral, corral->combination + point * corral->m, image);
    for (unsigned t = 0; t <= s; t++)
        corral->product[s][t] = corral->product[t][s] =
            dot(corral->m, corral->combination + corral->member[t] * corral->m, image);
}

static void leave(Corral *corral, unsigned s)
{
    unsigned last = --corral->size;
    corral->member[s] = corral->member[last];
    corral->weight[s] = corral->weight[last];
    for (unsigned t = 0; t <= last; t++)
        corral->product[s][t] = corral->product[last][t];
    for (unsigned t = 0; t < last; t++)
        corral->product[t][s] = corral->product[s][t];
    corral->product[s][s] = corral->product[last][last];
}

/* Weights, of any sign, of the least norm in the affine hull: y = v / sum(v) where (Q + t 1 1') v = 1, any t > 0. That matrix is
 * positive definite exactly if the members are affinely independent. t has the size of the shortest member, so that long members
 * do not drown this member. */
static bool affine_minimum(const Corral *corral, double *y)
{
    unsigned n = corral->size;
    double factor[MOST_CORRAL][MOST_CORRAL], scale = corral->product[0][0], sum = 0;
    for (unsigned s = 1; s < n; s++)
        scale = fmin(scale, corral->product[s][s]);
    for (unsigned s = 0; s < n; s++) {
        for (unsigned t = 0; t <= s; t++) {
            double entry = corral->product[s][t] + scale;
            for (unsigned k = 0; k < t; k++)
                entry -= factor[s][k] * factor[t][k];
            if (t < s)
                factor[s][t] = entry / factor[t][t];
            else if (entry > 1e-15 * (corral->product[s][s] + scale))
                factor[s][s] = sqrt(entry);
            else
                return false;
        }
    }
    for (unsigned s = 0; s < n; s++) {
        y[s] = 1;
        for (unsigned k = 0; k < s; k++)
            y[s] -= factor[s][k] * y[k];
        y[s] /= factor[s][s];
    }
    for (unsigned s = n; s-- > 0;) {
        for (unsigned k = s + 1; k < n; k++)
            y[s] -= factor[k][s] * y[k];
        y[s] /= factor[s][s];
        sum += y[s];
    }
    for (unsigned s = 0; s < n; s++)
        y[s] /= sum;
    return all_finite(n, y);
}

/* Moves the weights to the affine minimum. Where that lies outside the convex hull, moves them to the border on the way, and goes
 * on without the members that got weight 0. False if the members are dependent. */
static bool settle(Corral *corral)
{
    double y[MOST_CORRAL];
    for (;;) {
        if (!affine_minimum(corral, y))
            return false;
        double way = 1;
        unsigned first = corral->size;
        for (unsigned s = 0; s < corral->size; s++) {
            if (y[s] > 0)
                continue;
            double from = corral->weight[s], until = from > 0 ? from / (from - y[s]) : 0;
            if (first == corral->size || until < way) {
                way = until;
                first = s;
            }
        }
        for (unsigned s = 0; s < corral->size; s++)
            corral->weight[s] += way * (y[s] - corral->weight[s]);
        if (first == corral->size)
            return true;
        leave(corral, first);
    }
}

/* The point that lies farthest against the current one, if it does so by more than rounding; n: no point does, so the current one
 * is the answer. */
static unsigned farthest_against(const Corral *corral, unsigned n, const double *lengths)
{
    double current[M] = {0}, image[M], length = 0;
    for (unsigned s = 0; s < corral->size; s++) {
        length += corral->weight[s] * lengths[corral->member[s]];
        for (unsigned j = 0; j < corral->m; j++)
            current[j] += corral->weight[s] * corral->combination[corral->member[s] * corral->m + j];
    }
    spread(corral, current, image);
    double norm = dot(corral->m, current, image), most = 0;
    unsigned chosen = n;
    for (unsigned a = 0; a < n; a++) {
        double against = norm - dot(corral->m, corral->combination + a * corral->m, image);
        if (against > 1e-13 * length * (length + lengths[a]) && against > most) {
            most = against;
            chosen = a;
        }
    }
    return chosen;
}

static bool is_member(const Corral *corral, unsigned point)
{
    for (unsigned s = 0; s < corral->size; s++)
        if (corral->member[s] == point)
            return true;
    return false;
}

bool least_norm(unsigned m, const double *gram, unsigned n, const double *combination, double *weights)
{
    enum { LIMIT = 1000 };
    double lengths[MOST_POINTS];
    Corral corral = {.m = m, .gram = gram, .combination = combination};
    unsigned shortest = 0;
    for (unsigned a = 0; a < n; a++) {
        double image[M];
        spread(&corral, combination + a * m, image);
        lengths[a] = sqrt(fmax(dot(m, combination + a * m, image), 0));
        if (lengths[a] < lengths[shortest])
            shortest = a;
    }
    join(&corral, shortest, 1);
    for (unsigned round = 0; round < LIMIT; round++) {
        unsigned point = farthest_against(&corral, n, lengths);
        if (point == n || is_member(&corral, point) || corral.size == MOST_CORRAL)
            break; /* it is a member already, or one too many: only rounding is left */
        Corral before = corral;
        join(&corral, point, 0);
        if (!settle(&corral) || !is_member(&corral, point)) { /* as exact arithmetic never does */
            corral = before;
            break;
        }
    }
    memset(weights, 0, n * sizeof *weights);
    for (unsigned s = 0; s < corral.size; s++)
        weights[corral.member[s]] = corral.weight[s];
    return all_finite(n, weights);
}

SolveStatus min_norm_weights(unsigned m, const double *gram, double *alpha)
{
    double scaled[M * M], identity[M * M] = {0}, sum = 0;
    if (m > M || !normalised_gram(m, gram, scaled))
        return ray_weights(m, NULL, alpha);
    for (unsigned j = 0; j < m; j++)
        identity[j * m + j] = 1;
    if (!least_norm(m, scaled, m, identity, alpha))
        return ray_weights(m, NULL, alpha);
    for (unsigned j = 0; j < m; j++)
        sum += alpha[j];
    for (unsigned j = 0; j < m; j++)
        alpha[j] /= sum;
    return SOLVE_FINE;
}
