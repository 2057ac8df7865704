/* The squared distance of two sets of tensors that are pieces of wide products, without making the tensors. A net whose last
 * layer is a linear head makes them as D = R H' + 1 b', rows R by a head H; weights are pieces of D, laid out row by row, each
 * times a number of its own. Of two such products,
 *
 *     R H' + 1 b' - R* H*' - 1 b*'  =  (R - R*) H'  +  R* (H - H*)'  +  1 (b - b*)'  =  A C'
 *
 * with A = [R - R*, R*, 1] of few columns, and C = [H, H - H*, b - b*]. Then |A C'|^2 = tr(A'A C'C): two small Gram matrices, of
 * which that of C, the one with as many rows as the head, is made once for all rows of A. The differences are explicit, so that
 * nothing cancels in f32 that did not cancel before. Where pieces begin and end within a row, the columns are cut: each range of
 * columns has a Gram matrix of C of its own, and the rows that lie in a piece over that whole range have one of A. */
#include <stdlib.h>
#include <string.h>

#include "passes/passes.h"

/* A tensor as a piece of a product. */
typedef struct Piece {
    Value factor;           /* a scalar; NO_VALUE: 1 */
    Value product;          /* with its bias: [rows, columns], or [columns], of one row */
    Value left, head, bias; /* [rows, h] or [h]; [columns, h]; [columns], or NO_VALUE */
    int64_t first, count;   /* elements of the product, row by row */
    int64_t rows, columns;
} Piece;

/* ---- what a tensor is made of ---- */

/* The scalar that is spread over the whole tensor, or NO_VALUE. */
static Value splat_of(const Function *f, Value v)
{
    const Op *op = OP_AT(f, v);
    return op->code == OP_BROADCAST && OP_AT(f, op->args[0])->type.rank == 0 ? op->args[0] : NO_VALUE;
}

/* Takes a factor off; the tensor without it. */
static Value strip_factor(const Function *f, Value v, Piece *piece)
{
    const Op *op = OP_AT(f, v);
    for (unsigned side = 0; side < 2 && op->code == OP_MUL && piece->factor == NO_VALUE; side++) {
        piece->factor = splat_of(f, op->args[side]);
        if (piece->factor != NO_VALUE)
            return op->args[1 - side];
    }
    return v;
}

/* Takes reshapes and slices of vectors off: what is left holds the piece from `first` on. */
static Value strip_slices(const Function *f, Value v, int64_t *first)
{
    for (;;) {
        const Op *op = OP_AT(f, v);
        bool slice = op->code == OP_SLICE && op->type.rank == 1;
        if (!slice && op->code != OP_RESHAPE)
            return v;
        *first += slice ? op->start.v[0] : 0;
        v = op->args[0];
    }
}

static bool contracts_last_of_head(const Op *dot, unsigned head_side, Type head)
{
    Dims axes = head_side == 0 ? dot->contract_x : dot->contract_y;
    return head.rank == 2 && axes.n == 1 && axes.v[0] == 1;
}

/* Which operand of the product is the head: the other one is a vector, or a matrix of rows. */
static bool read_dot(const Function *f, const Op *dot, Piece *piece)
{
    if (dot->code != OP_DOT || dot->batch_x.n || dot->contract_x.n != 1)
        return false;
    for (unsigned side = 2; side-- > 0;) {
        const Op *head = OP_AT(f, dot->args[side]), *left = OP_AT(f, dot->args[1 - side]);
        Dims axes = side == 0 ? dot->contract_y : dot->contract_x; /* of the rows */
        bool vector = left->type.rank == 1, matrix = left->type.rank == 2 && axes.v[0] == 1 && side == 1;
        if (!contracts_last_of_head(dot, side, head->type) || (!vector && !matrix))
            continue;
        piece->left = dot->args[1 - side];
        piece->head = dot->args[side];
        piece->rows = vector ? 1 : left->type.dims[0];
        piece->columns = head->type.dims[0];
        return true;
    }
    return false;
}

/* The vector that is added to every row of the product, or NO_VALUE. */
static Value bias_of(const Function *f, Value v, Type product)
{
    const Op *op = OP_AT(f, v);
    if (product.rank == 1)
        return op->type.rank == 1 ? v : NO_VALUE;
    return op->code == OP_BROADCAST && op->axes.n == 1 && op->axes.v[0] == 1 ? op->args[0] : NO_VALUE;
}

static bool read_product(const Function *f, Value v, Piece *piece)
{
    const Op *op = OP_AT(f, v);
    piece->product = v;
    piece->bias = NO_VALUE;
    if (read_dot(f, op, piece))
        return true;
    for (unsigned side = 0; side < 2 && op->code == OP_ADD; side++) {
        piece->bias = bias_of(f, op->args[1 - side], op->type);
        if (piece->bias != NO_VALUE && read_dot(f, OP_AT(f, op->args[side]), piece))
            return true;
    }
    return false;
}

static bool read_piece(const Builder *b, Value v, Piece *piece)
{
    const Function *f = b->function;
    *piece = (Piece){.factor = NO_VALUE, .count = type_elements(value_type(b, v))};
    v = strip_slices(f, strip_factor(f, strip_slices(f, v, &piece->first), piece), &piece->first);
    return read_product(f, v, piece);
}

/* Whether both are the same number: one value, or two reads of one state. */
static bool same_factor(const Function *f, Value x, Value y)
{
    if (x == NO_VALUE || y == NO_VALUE || x == y)
        return x == y;
    return OP_AT(f, x)->code == OP_STATE_READ && op_equal(OP_AT(f, x), OP_AT(f, y));
}

static bool is_same_piece(const Function *f, const Piece *x, const Piece *y)
{
    return x->first == y->first && x->rows == y->rows && x->columns == y->columns && same_factor(f, x->factor, y->factor) &&
           (x->bias == NO_VALUE) == (y->bias == NO_VALUE) && type_equal(OP_AT(f, x->left)->type, OP_AT(f, y->left)->type) &&
           type_equal(OP_AT(f, x->head)->type, OP_AT(f, y->head)->type);
}

/* ---- the matrices ---- */

static Value as_matrix(Builder *b, Value v, int64_t rows, int64_t columns)
{
    return build_reshape(b, v, type_of(value_type(b, v).dtype, 2, (int64_t[]){rows, columns}));
}

/* A = [R - R*, R*, 1]; without biases, no ones. */
static Value left_matrix(Builder *b, const Piece *x, const Piece *y)
{
    int64_t width = type_elements(value_type(b, x->left)) / x->rows;
    Value left = as_matrix(b, x->left, x->rows, width), other = as_matrix(b, y->left, x->rows, width);
    Value parts[3] = {build_binary(b, OP_SUB, left, other), other};
    if (x->bias == NO_VALUE)
        return build_concat(b, 2, parts, 1);
    parts[2] = build_const(b, type_of(value_type(b, left).dtype, 2, (int64_t[]){x->rows, 1}), 1);
    return build_concat(b, 3, parts, 1);
}

/* C = [H, H - H*, b - b*] */
static Value difference_of_heads(Builder *b, const Piece *x, const Piece *y)
{
    Value parts[3] = {x->head, build_binary(b, OP_SUB, x->head, y->head)};
    if (x->bias == NO_VALUE)
        return build_concat(b, 2, parts, 1);
    parts[2] = as_matrix(b, build_binary(b, OP_SUB, x->bias, y->bias), x->columns, 1);
    return build_concat(b, 3, parts, 1);
}

/* [H, b] */
static Value head_and_bias(Builder *b, const Piece *x)
{
    if (x->bias == NO_VALUE)
        return x->head;
    Value parts[2] = {x->head, as_matrix(b, x->bias, x->columns, 1)};
    return build_concat(b, 2, parts, 1);
}

static Value rows_of(Builder *b, Value matrix, int64_t first, int64_t end)
{
    Type type = value_type(b, matrix);
    if (end - first == type.dims[0])
        return matrix;
    type.dims[0] = end - first;
    return build_slice(b, matrix, (Dims){2, {first, 0}}, type);
}

static Value columns_of(Builder *b, Value matrix, int64_t first, int64_t end)
{
    Type type = value_type(b, matrix);
    type.dims[1] = end - first;
    return build_slice(b, matrix, (Dims){2, {0, first}}, type);
}

/* M'M */
static Value gram_of(Builder *b, Value matrix)
{
    return build_dot(b, matrix, matrix, dims_of(1, 0), dims_of(1, 0), (Dims){0}, (Dims){0});
}

/* tr(G C'C) of a symmetric G, with C as a constant. */
static Value trace(Builder *b, Value gram, Value head)
{
    return build_sum_of_product(b, gram, gram_of(b, build_unary(b, OP_STOP, head)));
}

/* sum of (C G) X, with C G as a constant: what has its derivative with respect to X. */
static Value slope_along(Builder *b, Value difference, Value gram, Value x)
{
    return build_sum_of_product(b, build_dot(b, difference, gram, dims_of(1, 1), dims_of(1, 0), (Dims){0}, (Dims){0}), x);
}

/* What has the derivative of that trace, which is 2 C G with respect to C. With columns G = [G1, G2, G3] like those of
 * C = [H, H - H*, b - b*], it is 2 C [G1 + G2, G3] with respect to [H, b], and -2 C [G2, G3] with respect to [H*, b*]: half the
 * columns, and one product, where the rule for products, which does not know that G is symmetric, would make two. */
static Value slope_of_trace(Builder *b, Value gram, const HeadRange *head)
{
    Value constant = build_unary(b, OP_STOP, head->difference);
    Value twice = build_with_const(b, OP_MUL, build_unary(b, OP_STOP, gram), 2);
    int64_t columns = value_type(b, twice).dims[1], width = columns / 2;
    Value second = columns_of(b, twice, width, 2 * width);
    Value first = columns_of(b, twice, 0, width), own[2] = {build_binary(b, OP_ADD, first, second)}, other[2] = {second};
    uint32_t parts = columns % 2 ? 2 : 1; /* with biases or without */
    if (parts == 2)
        own[1] = other[1] = columns_of(b, twice, 2 * width, columns);
    Value to_own = slope_along(b, constant, build_concat(b, parts, own, 1), head->own);
    Value to_other = slope_along(b, constant, build_concat(b, parts, other, 1), head->other);
    return build_binary(b, OP_SUB, to_own, to_other);
}

static int compare(const void *x, const void *y)
{
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return (a > b) - (a < b);
}

/* Where pieces begin and end within a row, increasing, from 0 to the number of columns; their number. */
static uint32_t cut_columns(const Piece *pieces, uint32_t n, int64_t *cuts)
{
    int64_t columns = pieces[0].columns;
    uint32_t count = 0, kept = 1;
    cuts[count++] = 0;
    cuts[count++] = columns;
    for (uint32_t i = 0; i < n; i++) {
        cuts[count++] = pieces[i].first % columns;
        cuts[count++] = (pieces[i].first + pieces[i].count) % columns;
    }
    qsort(cuts, count, sizeof *cuts, compare);
    for (uint32_t i = 1; i < count; i++)
        if (cuts[i] != cuts[kept - 1])
            cuts[kept++] = cuts[i];
    return kept;
}

/* A'A of the rows whose elements from column `low` to before `high` all lie in the piece, times the square of its factor;
 * NO_VALUE: there is no such row. */
static Value gram_of_piece(Builder *b, Value left, const Piece *piece, int64_t low, int64_t high)
{
    int64_t columns = piece->columns, end = piece->first + piece->count;
    int64_t first = piece->first <= low ? 0 : (piece->first - low + columns - 1) / columns;
    int64_t behind = end < high ? 0 : (end - high) / columns + 1;
    if (first >= behind)
        return NO_VALUE;
    Value gram = gram_of(b, rows_of(b, left, first, behind));
    if (piece->factor == NO_VALUE)
        return gram;
    Value square = build_binary(b, OP_MUL, piece->factor, piece->factor);
    return build_binary(b, OP_MUL, gram, build_splat(b, square, value_type(b, gram)));
}

static void add_term(Builder *b, SquareDistance *distance, Value gram, const HeadRange *head, int64_t low, int64_t high)
{
    vec_push(&distance->grams, gram);
    HeadRange range;
    range.difference = rows_of(b, head->difference, low, high);
    range.own = rows_of(b, head->own, low, high);
    range.other = rows_of(b, head->other, low, high);
    vec_push(&distance->heads, range);
}

/* Adds the distance over n pieces of one pair of products; x[0] and y[0] have the operands. */
static void add_pieces(Builder *b, const Piece *x, const Piece *y, uint32_t n, SquareDistance *distance)
{
    Value left = left_matrix(b, x, y);
    HeadRange head;
    head.difference = difference_of_heads(b, x, y);
    head.own = head_and_bias(b, x);
    head.other = head_and_bias(b, y);
    int64_t *cuts = support_malloc((2 * n + 2) * sizeof *cuts);
    uint32_t count = cut_columns(x, n, cuts);
    for (uint32_t r = 0; r + 1 < count; r++) {
        Value grams = NO_VALUE;
        for (uint32_t i = 0; i < n; i++) {
            Value gram = gram_of_piece(b, left, &x[i], cuts[r], cuts[r + 1]);
            if (gram != NO_VALUE)
                grams = grams == NO_VALUE ? gram : build_binary(b, OP_ADD, grams, gram);
        }
        if (grams != NO_VALUE) /* otherwise it is what the last row has too much */
            add_term(b, distance, grams, &head, cuts[r], cuts[r + 1]);
    }
    support_free(cuts);
}

/* ---- a set of tensors ---- */

static Value plain_distance(Builder *b, Value x, Value y)
{
    Value moved = build_binary(b, OP_SUB, x, y);
    return build_sum_of_product(b, moved, moved);
}

/* Whether the Gram matrices are cheaper than the products, which have `repeats` times as many rows as one of them has. */
static bool pays(const Builder *b, const Piece *piece, int64_t repeats)
{
    int64_t width = 2 * (type_elements(value_type(b, piece->left)) / piece->rows) + 1;
    return piece->rows * repeats > width && piece->columns > width;
}

void square_distance_begin(Builder *b, uint32_t n, const Value *x, const Value *y, int64_t repeats, SquareDistance *distance)
{
    *distance = (SquareDistance){.rest = build_const(b, type_scalar(b->module->real), 0)};
    Piece *xs = support_malloc((n + 1) * sizeof *xs), *ys = support_malloc((n + 1) * sizeof *ys);
    bool *done = support_malloc(n + 1);
    memset(done, 0, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t count = 0;
        for (uint32_t k = i; k < n; k++) { /* pieces of the products that tensor i is a piece of */
            bool fits = !done[k] && read_piece(b, x[k], &xs[count]) && read_piece(b, y[k], &ys[count]) &&
                        is_same_piece(b->function, &xs[count], &ys[count]) && pays(b, &xs[count], repeats);
            if (fits && xs[count].product == xs[0].product && ys[count].product == ys[0].product) {
                done[k] = true;
                count++;
            } else if (k == i) {
                break;
            }
        }
        if (count)
            add_pieces(b, xs, ys, count, distance);
        else if (!done[i])
            distance->rest = build_binary(b, OP_ADD, distance->rest, plain_distance(b, x[i], y[i]));
    }
    support_free(xs);
    support_free(ys);
    support_free(done);
}

Value square_distance_end(Builder *b, SquareDistance *distance, Value *slope)
{
    Value sum = distance->rest;
    for (uint32_t i = 0; i < distance->grams.len; i++)
        sum = build_binary(b, OP_ADD, sum, trace(b, distance->grams.data[i], distance->heads.data[i].difference));
    *slope = sum;
    for (uint32_t i = 0; i < distance->grams.len; i++)
        *slope = build_binary(b, OP_ADD, *slope, slope_of_trace(b, distance->grams.data[i], &distance->heads.data[i]));
    vec_free(&distance->grams);
    vec_free(&distance->heads);
    return sum;
}
