/* Along the steps, once for each hyperparameter: what the steps made is not kept, however many there are (L. Franceschi et al.,
 * Forward and Reverse Gradient-Based Hyperparameter Optimization, ICML 2017, algorithm 2). */
#include "passes/methods/unrolls/unrolls.h"

static Value derivative(Builder *b, Value loss, Value of)
{
    Type type = value_type(b, of);
    Value positions = build_iota(b, type_with_dtype(type, DTYPE_I32), 0), first = b->function->ops.len;
    Placeholder position = {build_const(b, type_scalar(DTYPE_I32), 0), positions};
    Value direction = build_unit(b, position.element, type.dims[0]), along = jvp_append(b, loss, 1, &of, &direction);
    build_scan_of_part(b, first, type.dims[0], 0, 0, NULL, 1, &position, 1, &along, NULL);
    return along;
}

const Unroll unroll_forward = {derivative};
