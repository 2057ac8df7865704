/* Elements at computed positions along neighbouring axes of a tensor: x[i, :], x[:, i, j], slice(x, start, n). */
#ifndef HNC_FRONTEND_POSITIONS_H
#define HNC_FRONTEND_POSITIONS_H

#include "frontend/lower/lower.h"

typedef struct Positions {
    unsigned first, count; /* axes of the tensor */
    Value at[MAX_RANK];    /* an i32 for each of the axes, of shapes that broadcast */
} Positions;

/* Whether an index has one entry, which says a position. */
bool is_one_position(const Expr *index);

/* Adds the positions along the axis behind those that are there, which has this extent: a label, an i32 or a u8. Reports what
 * cannot be a position. */
bool add_position(Session *s, Positions *positions, Val index, int64_t extent, Span span);

/* The elements of x: in the place of the axes stand those of the positions, *shape, their common shape. NO_VALUE (reported) where
 * the positions have none, or the result is too large. */
Value take_positions(Session *s, const Positions *positions, Value x, Span span, Dims *shape);

#endif
