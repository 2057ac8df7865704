/* Linear scalarisation: the losses weighted by the ray. It finds every point of a convex front, and of a concave one the ends
 * only. */
#include "passes/methods/methods.h"

const Solver solver_linear = {.scalarise = weighted_sum};
