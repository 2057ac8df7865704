/* The sum of tensors that are pieces with zeros around them is the pieces side by side: one pass over memory per sum instead of
 * one per piece.
 */
#include <stdlib.h>

#include "passes/passes.h"

typedef struct Piece {
    int64_t begin;
    Value value;
} Piece;

static int by_begin(const void *left, const void *right)
{
    int64_t a = ((const Piece *)left)->begin, b = ((const Piece *)right)->begin;
    return a < b ? -1 : a > b;
}

/* The only axis along which the piece is shorter than the whole; -1: there are several, or none. */
static int padded_axis(Type whole, Type piece)
{
    int axis = -1, count = 0;
    for (unsigned i = 0; i < whole.rank; i++)
        if (piece.dims[i] != whole.dims[i]) {
            axis = (int)i;
            count++;
        }
    return count == 1 ? axis : -1;
}

/* Zeros of the whole's type, but `extent` along the axis. */
static Value build_gap(Builder *b, Type whole, int axis, int64_t extent)
{
    whole.dims[axis] = extent;
    return build_const(b, whole, 0);
}

/* The pieces in their order along the axis, with zeros between them; NO_VALUE: two of them overlap. */
static Value join(Builder *b, Type whole, int axis, uint32_t n, const Piece *pieces)
{
    Value *values = support_malloc((2 * n + 1) * sizeof *values);
    int64_t end = 0;
    uint32_t count = 0;
    bool apart = true;
    for (uint32_t i = 0; i < n && apart; i++) {
        apart = pieces[i].begin >= end;
        if (pieces[i].begin > end)
            values[count++] = build_gap(b, whole, axis, pieces[i].begin - end);
        end = pieces[i].begin + value_type(b, pieces[i].value).dims[axis];
        values[count++] = pieces[i].value;
    }
    if (apart && end < whole.dims[axis])
        values[count++] = build_gap(b, whole, axis, whole.dims[axis] - end);
    Value result = apart ? build_concat(b, count, values, axis) : NO_VALUE;
    support_free(values);
    return result;
}

Value join_pads(Builder *b, uint32_t n, const Value *pads)
{
    Piece *pieces = support_malloc((n + 1) * sizeof *pieces);
    Type whole = value_type(b, pads[0]);
    int axis = -1;
    bool fits = n > 0;
    for (uint32_t i = 0; i < n && fits; i++) {
        const Op *pad = OP_AT(b->function, pads[i]);
        int own = pad->code == OP_PAD ? padded_axis(whole, value_type(b, pad->args[0])) : -1;
        fits = own >= 0 && (axis < 0 || axis == own);
        axis = own;
        if (fits)
            pieces[i] = (Piece){pad->before.v[axis], pad->args[0]};
    }
    if (fits)
        qsort(pieces, n, sizeof *pieces, by_begin);
    Value result = fits ? join(b, whole, axis, n, pieces) : NO_VALUE;
    support_free(pieces);
    return result;
}
