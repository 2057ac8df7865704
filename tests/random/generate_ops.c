/* The ops of random functions. Values are kept in a list from which later ops pick, recent ones more often, so that chains grow
 * and values are used several times. Ops that jump (floor, comparisons, argmax) take *exact* operands only: values that every
 * right implementation computes bit for bit alike. In functions that are differentiated this holds for ops with kinks too. */
#include <stdlib.h>

#include "ir/scan.h"
#include "tests/random/generator.h"

unsigned below(Generator *g, unsigned n)
{
    return dice_below(&g->dice, n);
}

static void keep_as(Generator *g, Value v, bool exact, bool product)
{
    if (g->n == MOST_VALUES)
        return;
    g->values[g->n] = v;
    g->exact[g->n] = exact;
    g->product[g->n++] = product;
}

/* A rearrangement of value i. */
static void keep_moved(Generator *g, Value v, unsigned i)
{
    keep_as(g, v, g->exact[i], g->product[i]);
}

void keep(Generator *g, Value v, bool exact)
{
    keep_as(g, v, exact, false);
}

static Type type_now(const Generator *g, unsigned i)
{
    return value_type(&g->b, g->values[i]);
}

int64_t any_extent(Generator *g)
{
    static const int64_t extents[] = {1, 2, 3, 5, 7, 8, 16, 17, 20, 33};
    if (g->most_elements > 10000 && below(g, 3) == 0)
        return 120 + below(g, 500);
    return extents[below(g, COUNT_OF(extents))];
}

int64_t random_extent(Generator *g)
{
    return below(g, 8) ? g->extents[below(g, COUNT_OF(g->extents))] : any_extent(g);
}

Type random_shape(Generator *g)
{
    Type type = {.dtype = g->real};
    unsigned rank = below(g, 4) ? 1 + below(g, 3) : below(g, 5);
    while (type.rank < rank) {
        int64_t extent = random_extent(g);
        if (type_elements(type) * extent > g->most_elements)
            break;
        type.dims[type.rank++] = extent;
    }
    return type;
}

/* A value; recent ones are likelier. */
static unsigned pick(Generator *g, bool exact)
{
    for (unsigned tries = 0; tries < 60; tries++) {
        unsigned i = below(g, 2) ? g->n - 1 - below(g, g->n < 8 ? g->n : 8) : below(g, g->n);
        if (!exact || g->exact[i])
            return i;
    }
    return 0; /* the first input is exact */
}

/* A value with at least one axis of extent above 1, or any value. */
static unsigned pick_wide(Generator *g)
{
    unsigned i = 0;
    for (unsigned tries = 0; tries < 6; tries++) {
        i = pick(g, false);
        if (type_elements(type_now(g, i)) > 1)
            break;
    }
    return i;
}

static bool pick_like(Generator *g, Type type, bool exact, unsigned *found)
{
    unsigned start = below(g, g->n);
    for (unsigned i = 0; i < g->n; i++) {
        *found = (start + i) % g->n;
        if (type_equal(type_now(g, *found), type) && (!exact || g->exact[*found]))
            return true;
    }
    return false;
}

static Dims random_axes(Generator *g, unsigned rank)
{
    Dims axes = {0};
    for (unsigned axis = 0; axis < rank; axis++)
        if (below(g, 2))
            axes.v[axes.n++] = axis;
    return axes;
}

/* A reduction of value v, spread over v's shape again. */
static Value reduced_and_spread(Generator *g, OpCode code, Value v, Dims axes)
{
    Type type = value_type(&g->b, v);
    Dims kept = other_axes(type.rank, axes, (Dims){0});
    return build_broadcast(&g->b, build_reduce(&g->b, code, v, axes), type, kept);
}

static Value square(Generator *g, Value x)
{
    return build_binary(&g->b, OP_MUL, x, x);
}

/* x^2 + 1/4, or |x| + 1/4 where kinks are harmless */
static Value positive(Generator *g, unsigned i)
{
    Value x = g->values[i];
    bool kink = !g->smooth || g->exact[i];
    return build_with_const(&g->b, OP_ADD, kink && below(g, 2) ? build_unary(&g->b, OP_ABS, x) : square(g, x), 0.25);
}

/* ---- ops ---- */

static void add_unary(Generator *g)
{
    static const OpCode codes[] = {OP_NEG, OP_ABS,   OP_TANH, OP_SIN, OP_COS,   OP_ERF,  OP_SQRT,
                                   OP_LOG, OP_LOG1P, OP_EXP,  OP_POW, OP_FLOOR, OP_SIGN, OP_STOP};
    OpCode code = codes[below(g, COUNT_OF(codes))];
    bool jumps = code == OP_FLOOR || code == OP_SIGN;
    unsigned i = pick(g, jumps || (g->smooth && code == OP_ABS));
    Value x = g->values[i];
    bool exact = g->exact[i] && (code == OP_NEG || code == OP_ABS || code == OP_STOP || jumps);
    switch (code) {
    case OP_SQRT:
    case OP_LOG:
    case OP_LOG1P:
        keep(g, build_unary(&g->b, code, positive(g, i)), false);
        break;
    case OP_EXP:
        keep(g, build_unary(&g->b, OP_EXP, build_unary(&g->b, OP_NEG, positive(g, i))), false);
        break;
    case OP_POW:
        keep(g, build_binary(&g->b, OP_POW, positive(g, i), build_unary(&g->b, OP_TANH, x)), false);
        break;
    default:
        keep_as(g, build_unary(&g->b, code, x), exact, exact && !jumps && g->product[i]);
        break;
    }
}

static void add_binary(Generator *g)
{
    static const OpCode codes[] = {OP_ADD, OP_SUB, OP_MUL, OP_MUL, OP_MAX, OP_MIN, OP_DIV};
    OpCode code = codes[below(g, COUNT_OF(codes))];
    bool kink = code == OP_MAX || code == OP_MIN, sum = code == OP_ADD || code == OP_SUB;
    unsigned i = pick(g, g->smooth && kink), j;
    if (!pick_like(g, type_now(g, i), g->smooth && kink, &j))
        return;
    Value y = code == OP_DIV ? build_with_const(&g->b, OP_ADD, positive(g, j), 0.75) : g->values[j];
    bool exact = g->exact[i] && g->exact[j] && code != OP_DIV && !(sum && (g->product[i] || g->product[j]));
    keep_as(g, build_binary(&g->b, code, g->values[i], y), exact, exact && (code == OP_MUL || g->product[i] || g->product[j]));
}

/* The operand with new axes, and another one with those of the first: both are broadcast, `x[:, none] * y[none, :]`. */
static void add_pairs(Generator *g)
{
    unsigned i = pick_wide(g), j = pick_wide(g);
    Type x = type_now(g, i), y = type_now(g, j);
    if (x.rank + y.rank > MOST_RANK || type_elements(x) * type_elements(y) > g->most_elements)
        return;
    Type type = {.dtype = x.dtype};
    Dims left = {0}, right = {0};
    unsigned a = 0, c = 0;
    while (a < x.rank || c < y.rank) {
        bool first = c == y.rank || (a < x.rank && below(g, 2));
        Dims *axes = first ? &left : &right;
        axes->v[axes->n++] = type.rank;
        type.dims[type.rank++] = first ? x.dims[a++] : y.dims[c++];
    }
    static const OpCode codes[] = {OP_MUL, OP_MUL, OP_SUB, OP_ADD};
    OpCode code = codes[below(g, COUNT_OF(codes))];
    bool exact = g->exact[i] && g->exact[j] && (code == OP_MUL || !(g->product[i] || g->product[j]));
    Value spread_x = build_broadcast(&g->b, g->values[i], type, left),
          spread_y = build_broadcast(&g->b, g->values[j], type, right);
    keep_as(g, build_binary(&g->b, code, spread_x, spread_y), exact, exact && code == OP_MUL);
}

static void add_choice(Generator *g)
{
    unsigned i = pick(g, true), j = i, yes = i, no = i;
    if (!pick_like(g, type_now(g, i), true, &j))
        j = i;
    static const OpCode codes[] = {OP_LT, OP_LE, OP_EQ, OP_NE};
    Value truth = build_binary(&g->b, codes[below(g, COUNT_OF(codes))], g->values[i], g->values[j]);
    pick_like(g, type_now(g, i), false, &yes);
    pick_like(g, type_now(g, i), false, &no);
    if (below(g, 3) == 0)
        truth = build_unary(&g->b, OP_NOT, truth);
    if (below(g, 4) == 0)
        truth = build_binary(&g->b, below(g, 2) ? OP_AND : OP_OR, truth, build_binary(&g->b, OP_LT, g->values[j], g->values[i]));
    bool exact = g->exact[yes] && g->exact[no];
    keep_as(g, build_select(&g->b, truth, g->values[yes], g->values[no]), exact, exact && (g->product[yes] || g->product[no]));
    if (below(g, 4) == 0)
        keep(g, build_cast(&g->b, truth, g->real), true);
}

static void add_broadcast(Generator *g)
{
    unsigned i = pick(g, false);
    Type x = type_now(g, i), type = {.dtype = x.dtype};
    Dims axes = {0};
    for (unsigned axis = 0; axis <= x.rank; axis++) {
        if (below(g, 3) == 0 && type.rank + x.rank - axis < MOST_RANK) {
            int64_t extent = random_extent(g);
            if (type_elements(x) * extent * type_elements(type) <= g->most_elements)
                type.dims[type.rank++] = extent;
        }
        if (axis < x.rank) {
            axes.v[axes.n++] = type.rank;
            type.dims[type.rank++] = x.dims[axis];
        }
    }
    if (type_elements(type) <= g->most_elements && type.rank > x.rank)
        keep_moved(g, build_broadcast(&g->b, g->values[i], type, axes), i);
}

static void add_reshape(Generator *g)
{
    unsigned i = pick(g, false);
    int64_t rest = type_elements(type_now(g, i));
    Type type = {.dtype = type_now(g, i).dtype};
    static const int64_t factors[] = {1, 2, 3, 5, 7, 8, 16, 17};
    while (type.rank < 4) {
        int64_t factor = factors[below(g, COUNT_OF(factors))];
        if (rest % factor == 0) {
            type.dims[type.rank++] = factor;
            rest /= factor;
        } else if (below(g, 4) == 0) {
            break;
        }
    }
    if (rest > 1 || type.rank == 0)
        type.dims[type.rank++] = rest;
    keep_moved(g, build_reshape(&g->b, g->values[i], type), i);
}

/* Axes of extent 1 come or go: the value may stay in the kernel that makes it. */
static void add_units(Generator *g)
{
    unsigned i = pick(g, false);
    Type x = type_now(g, i), type = {.dtype = x.dtype};
    for (unsigned axis = 0; axis <= x.rank; axis++) {
        if (below(g, 3) == 0 && type.rank < MOST_RANK)
            type.dims[type.rank++] = 1;
        if (axis < x.rank && x.dims[axis] != 1 && type.rank < MAX_RANK)
            type.dims[type.rank++] = x.dims[axis];
    }
    if (type.rank <= MOST_RANK && type_elements(type) == type_elements(x))
        keep_moved(g, build_reshape(&g->b, g->values[i], type), i);
}

static void add_transpose(Generator *g)
{
    unsigned i = pick_wide(g), rank = type_now(g, i).rank;
    Dims axes = {.n = (uint8_t)rank};
    for (unsigned a = 0; a < rank; a++)
        axes.v[a] = a;
    for (unsigned a = rank; a-- > 1;) {
        unsigned other = below(g, a + 1);
        int64_t swap = axes.v[a];
        axes.v[a] = axes.v[other];
        axes.v[other] = swap;
    }
    if (rank)
        keep_moved(g, build_transpose(&g->b, g->values[i], axes), i);
}

static void add_slice_or_pad(Generator *g)
{
    bool pad = below(g, 2);
    unsigned i = pick_wide(g);
    Type x = type_now(g, i), type = x;
    Dims start = {.n = x.rank};
    for (unsigned axis = 0; axis < x.rank; axis++) {
        int64_t change = below(g, 3) == 0 ? (int64_t)below(g, 4) : 0;
        type.dims[axis] = pad ? x.dims[axis] + change : x.dims[axis] - change % x.dims[axis];
        start.v[axis] = below(g, (unsigned)(llabs(type.dims[axis] - x.dims[axis]) + 1));
    }
    if (type_elements(type) > g->most_elements)
        return;
    keep_moved(g, pad ? build_pad(&g->b, g->values[i], start, type) : build_slice(&g->b, g->values[i], start, type), i);
}

static void add_windows(Generator *g)
{
    unsigned i = pick_wide(g);
    Type x = type_now(g, i);
    Windows w = {0};
    for (unsigned axis = 0; axis < x.rank && x.rank + w.axes.n < MAX_RANK; axis++) {
        int64_t extent = 1 + below(g, 3), step = 1 + below(g, 3), dilation = (int64_t)(1 + below(g, 2)) * (below(g, 2) ? 1 : -1);
        if (below(g, 2) || window_count(x.dims[axis], extent, step, dilation) == 0)
            continue;
        w.axes.v[w.axes.n++] = axis;
        w.extents.v[w.extents.n++] = extent;
        w.steps.v[w.steps.n++] = step;
        w.dilations.v[w.dilations.n++] = dilation;
    }
    if (w.axes.n == 0)
        return;
    Value windows = build_window(&g->b, g->values[i], w);
    if (type_elements(value_type(&g->b, windows)) <= g->most_elements)
        keep_moved(g, windows, i);
    if (!dtype_is_float(x.dtype) || below(g, 2))
        return;
    double places = 1;
    for (unsigned k = 0; k < w.axes.n; k++)
        places *= (double)w.extents.v[k];
    keep(g, build_with_const(&g->b, OP_MUL, build_overlap(&g->b, windows, x, w), 1 / places), false);
}

/* The sum of all elements, small, in the shape of `like`. */
static Value small_sum(Generator *g, Value x, Type like)
{
    Value sum = build_reduce(&g->b, OP_REDUCE_SUM, x, all_axes(value_type(&g->b, x).rank));
    sum = build_unary(&g->b, OP_TANH, build_with_const(&g->b, OP_MUL, sum, 0.01));
    return build_splat(&g->b, sum, like);
}

/* A loop over the first axis of a value, whose carry has the type of another one, and around which there is a third. */
static void add_scan(Generator *g)
{
    unsigned i = pick_wide(g), k = pick(g, false), other;
    Type all = type_now(g, i), carried = type_now(g, k), entry = {.dtype = all.dtype, .rank = (uint8_t)(all.rank - 1)};
    if (!all.rank || !dtype_is_float(all.dtype) || !type_equal(type_scalar(all.dtype), type_scalar(carried.dtype)) ||
        carried.rank == MAX_RANK || all.dims[0] * type_elements(carried) > g->most_elements)
        return;
    for (unsigned axis = 1; axis < all.rank; axis++)
        entry.dims[axis - 1] = all.dims[axis];
    Builder *b = &g->b;
    Value first = b->function->ops.len, h = build_const(b, carried, 0), x = build_const(b, entry, 0);
    Value scale = pick_like(g, carried, false, &other) ? build_unary(b, OP_TANH, g->values[other]) : h;
    Value next = build_binary(b, OP_ADD, build_binary(b, OP_MUL, scale, h), small_sum(g, x, carried));
    next = below(g, 2) ? build_unary(b, OP_TANH, next) : build_with_const(b, OP_MUL, next, 0.5);
    Value yields[2] = {next, below(g, 2) ? build_binary(b, OP_MUL, x, small_sum(g, h, entry)) : build_unary(b, OP_SIN, next)};
    Value start = build_unary(b, OP_TANH, g->values[k]), last;
    int64_t segment = all.dims[0] % 3 ? 0 : all.dims[0] / 3;
    build_scan_of_part(b, first, all.dims[0], segment, 1, &(Carry){h, start, next}, 1, &(Placeholder){x, g->values[i]}, 2, yields, &last);
    keep(g, last, false);
    keep(g, yields[0], false);
    keep(g, yields[1], false);
}

static void add_concat(Generator *g)
{
    unsigned i = pick(g, false), j;
    Type type = type_now(g, i);
    if (!type.rank)
        return;
    Value parts[3] = {g->values[i]};
    unsigned n = 1, wanted = 2 + below(g, 2);
    bool exact = g->exact[i], product = g->product[i];
    while (n < wanted && pick_like(g, type, false, &j)) {
        exact &= g->exact[j];
        product |= g->product[j];
        parts[n++] = g->values[j];
    }
    if (type_elements(type) * n <= g->most_elements)
        keep_as(g, build_concat(&g->b, n, parts, (int)below(g, type.rank)), exact, exact && product);
}

static void add_reduction(Generator *g)
{
    bool argmax = below(g, 8) == 0, sum = below(g, 3) > 0;
    unsigned i = argmax || (g->smooth && !sum) ? pick(g, true) : pick_wide(g);
    Type type = type_now(g, i);
    if (!type.rank)
        return;
    if (argmax) {
        Value index = build_argmax(&g->b, g->values[i], (int)below(g, type.rank));
        keep(g, build_cast(&g->b, index, g->real), true);
        return;
    }
    Dims axes = random_axes(g, type.rank);
    if (!axes.n)
        return;
    Value x = build_reduce(&g->b, sum ? OP_REDUCE_SUM : OP_REDUCE_MAX, g->values[i], axes);
    double terms = (double)type_elements(type) / (double)type_elements(value_type(&g->b, x));
    if (sum)
        keep(g, build_with_const(&g->b, OP_MUL, x, 1 / terms), false);
    else
        keep_moved(g, x, i);
    if (below(g, 2)) { /* and beside its operands */
        Dims kept = other_axes(type.rank, axes, (Dims){0});
        keep_moved(g, build_broadcast(&g->b, g->values[g->n - 1], type, kept), g->n - 1);
    }
}

/* Layer normalisation, softmax and ratios to a mean, over any axes. */
static void add_normalization(Generator *g)
{
    unsigned kind = below(g, 3), i = pick_wide(g);
    Value x = g->values[i];
    Type type = type_now(g, i);
    Dims axes = random_axes(g, type.rank);
    if (!axes.n)
        return;
    double terms = 1;
    for (unsigned k = 0; k < axes.n; k++)
        terms *= (double)type.dims[axes.v[k]];
    if (kind == 0) {
        Value mean = build_with_const(&g->b, OP_DIV, reduced_and_spread(g, OP_REDUCE_SUM, x, axes), terms);
        Value centred = build_binary(&g->b, OP_SUB, x, mean);
        Value variance = build_with_const(&g->b, OP_DIV, reduced_and_spread(g, OP_REDUCE_SUM, square(g, centred), axes), terms);
        Value deviation = build_unary(&g->b, OP_SQRT, build_with_const(&g->b, OP_ADD, variance, 0.125));
        keep(g, build_binary(&g->b, OP_DIV, centred, deviation), false);
    } else if (kind == 1) {
        Value largest = build_unary(&g->b, OP_STOP, reduced_and_spread(g, OP_REDUCE_MAX, x, axes));
        Value e = build_unary(&g->b, OP_EXP, build_binary(&g->b, OP_SUB, x, largest));
        keep(g, build_binary(&g->b, OP_DIV, e, reduced_and_spread(g, OP_REDUCE_SUM, e, axes)), false);
    } else {
        Value e = positive(g, i),
              mean = build_with_const(&g->b, OP_MUL, reduced_and_spread(g, OP_REDUCE_SUM, e, axes), 1 / terms);
        keep(g, build_binary(&g->b, OP_DIV, e, mean), false);
    }
}

/* Compares values with their largest one. However they are rounded, some value is equal to it, provided that a value is the same
 * number wherever it is computed again. */
static void add_winners(Generator *g)
{
    unsigned i = pick_wide(g), j;
    Value x = g->values[i];
    Type type = value_type(&g->b, x);
    Dims axes = random_axes(g, type.rank);
    if (!axes.n)
        return;
    if (below(g, 2) && pick_like(g, type, false, &j)) { /* a product that is used twice, once by what is expensive */
        Value product = build_binary(&g->b, OP_MUL, x, g->values[j]), squashed = build_unary(&g->b, OP_TANH, product);
        x = build_binary(&g->b, OP_ADD, product, squashed);
        keep(g, build_binary(&g->b, OP_MUL, squashed, squashed), false);
    }
    Value winners = build_binary(&g->b, OP_EQ, x, reduced_and_spread(g, OP_REDUCE_MAX, x, axes));
    Value count = build_reduce(&g->b, OP_REDUCE_SUM, build_cast(&g->b, winners, g->real), axes);
    Value none = build_const(&g->b, value_type(&g->b, count), 0);
    keep(g, build_cast(&g->b, build_binary(&g->b, OP_LT, none, count), g->real), true);
}

static void add_dot(Generator *g)
{
    unsigned i = pick_wide(g), j = pick_wide(g);
    Type x = type_now(g, i), y = type_now(g, j);
    Dims contract_x = {0}, contract_y = {0}, batch_x = {0}, batch_y = {0};
    unsigned used = 0;
    int64_t terms = 1, batches = 1;
    for (unsigned a = 0; a < x.rank; a++)
        for (unsigned c = 0; c < y.rank; c++) {
            unsigned axis = y.rank - 1 - c;
            if (x.dims[a] != y.dims[axis] || used >> axis & 1 || below(g, 3) == 0)
                continue;
            used |= 1u << axis;
            bool batch = below(g, 3) == 0;
            Dims *dx = batch ? &batch_x : &contract_x, *dy = batch ? &batch_y : &contract_y;
            dx->v[dx->n++] = a;
            dy->v[dy->n++] = axis;
            terms *= batch ? 1 : x.dims[a];
            batches *= batch ? x.dims[a] : 1;
            break;
        }
    int64_t elements = type_elements(x) / terms * (type_elements(y) / terms / batches);
    if (elements > g->most_elements || elements * terms > 50 * g->most_elements ||
        x.rank + y.rank - 2 * contract_x.n - batch_x.n > MOST_RANK)
        return;
    Value z = build_dot(&g->b, g->values[i], g->values[j], contract_x, contract_y, batch_x, batch_y);
    keep(g, build_with_const(&g->b, OP_MUL, z, 1.0 / (double)terms), false);
}

static void add_table(Generator *g)
{
    unsigned i = pick_wide(g);
    Type type = type_now(g, i);
    int64_t rows = type_elements(value_type(&g->b, g->index));
    if (!type.rank || type.rank >= 4)
        return;
    if (type.dims[0] >= RANDOM_INDEX_LIMIT && type_elements(type) / type.dims[0] * rows <= g->most_elements)
        keep_moved(g, build_gather(&g->b, g->values[i], g->index), i);
    if (type.dims[0] == rows)
        keep(g, build_scatter_add(&g->b, g->index, g->values[i], RANDOM_INDEX_LIMIT + (int64_t)below(g, 4)), false);
}

/* Along any axis, in the order of an exact value: itself, or another value of its shape. */
static void add_sorted(Generator *g)
{
    unsigned i = pick(g, true), j;
    Type type = type_now(g, i);
    if (!type.rank || !pick_like(g, type, false, &j))
        return;
    unsigned axis = below(g, type.rank);
    Value order = build_sort(&g->b, g->values[i], (int)axis);
    if (below(g, 4) == 0)
        keep(g, build_cast(&g->b, order, g->real), true);
    else
        keep_moved(g, build_take_along(&g->b, g->values[j], order, axis), j);
}

static void add_state(Generator *g)
{
    uint32_t s = below(g, STATES);
    unsigned i;
    Type type = g->module->states.data[g->states[s]].type;
    if (below(g, 2) || g->written[s] || g->smooth) {
        keep(g, build_read(&g->b, g->states[s]), true);
    } else if (pick_like(g, type, false, &i)) {
        build_write(&g->b, g->states[s], g->values[i]);
        g->written[s] = true;
    }
}

static void add_source(Generator *g)
{
    Type like = type_now(g, pick(g, false));
    if (below(g, 3) == 0)
        keep(g, build_random(&g->b, g->seed, g->step, random_shape(g), g->number, 0), true);
    else if (below(g, 2) || !like.rank)
        keep(g, build_const(&g->b, like, 0.5), true);
    else
        keep(g, build_iota(&g->b, like, (int)below(g, like.rank)), true);
}

/* An op is chosen as often as it stands in this list. */
static void (*const ops[])(Generator *g) = {
    add_unary,         add_unary,         add_unary,         add_binary,    add_binary,  add_binary,    add_choice,
    add_windows,       add_sorted,        add_windows,       add_broadcast, add_reshape, add_transpose, add_slice_or_pad,
    add_concat,        add_reduction,     add_reduction,     add_dot,       add_table,   add_state,     add_units,
    add_source,        add_pairs,         add_binary,        add_binary,    add_scan,    add_winners,   add_winners,
    add_normalization, add_normalization, add_normalization,
};

void add_op(Generator *g, unsigned number)
{
    g->number = number;
    ops[below(g, COUNT_OF(ops))](g);
}
