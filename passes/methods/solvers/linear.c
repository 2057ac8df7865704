/* Linear scalarisation: the losses weighted by the ray. It finds every point of a convex front, but only the ends of a concave
 * one. */
#include "passes/methods/methods.h"

const Solver solver_linear = {.scalarise = weighted_sum};
