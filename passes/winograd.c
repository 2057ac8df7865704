/* Convolutions with kernels of 3 x 3 by fewer multiplications. 4 x 4 sums over windows are made of 6 x 6 elements of an image by
 * 36 multiplications per pair of channels instead of 144, by three linear maps along each of the two axes:
 *
 *     y = A' ((G w G') . (B' x B)) A          w: 3 x 3, x: 6 x 6, y: 4 x 4; `.` is the product element by element
 *
 * The elements at one place of all tiles and channels are matrices, so that the sums over channels are 36 products of matrices.
 * The gradient with respect to an image is a convolution, too; that with respect to the kernel is
 *
 *     w* = G' ((A y* A') . (B' x B)) G
 *
 * summed over all tiles within the products; it reads the image as the convolution itself has transformed it.
 * After A. Lavin and S. Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016: F(4 x 4, 3 x 3).
 *
 * Run when products with windows have the windows second (windows.c). Channels are the innermost axis of all that is made. */
#include "passes/passes.h"
#include "passes/rewrite.h"

enum {
    KERNEL = 3,
    SUMS = 4, /* of a tile, along an axis */
    TILE = SUMS + KERNEL - 1,
    FEWEST_CHANNELS =
        32, /* the harmonic mean of both numbers of channels is at least that: else the maps take longer than products */
    FEWEST_TILES = 64, /* the maps of a kernel are worth so many */
};

/* A matrix of at most TILE rows and columns. */
typedef struct LinearMap {
    unsigned rows, columns;
    double at[TILE][TILE];
} LinearMap;

/* Where the polynomials of the method of Toom and Cook are evaluated, beside infinity. With these points errors in f32 are a
 * quarter of those with the whole numbers up to 2 (measured: 3e-6 of the largest sum, over 256 channels). */
static const double points[TILE - 1] = {0, 0.75, -0.75, 1.5, -1.5};

/* A': row j has the j-th powers of the points. */
static LinearMap map_of_sums(void)
{
    LinearMap map = {.rows = SUMS, .columns = TILE};
    for (unsigned i = 0; i + 1 < TILE; i++) {
        map.at[0][i] = 1;
        for (unsigned j = 1; j < SUMS; j++)
            map.at[j][i] = map.at[j - 1][i] * points[i];
    }
    map.at[SUMS - 1][TILE - 1] = 1;
    return map;
}

/* G: powers of each point, over the product of its distances from all others. */
static LinearMap map_of_kernel(void)
{
    LinearMap map = {.rows = TILE, .columns = KERNEL};
    for (unsigned i = 0; i + 1 < TILE; i++) {
        double scale = 1, power = 1;
        for (unsigned k = 0; k + 1 < TILE; k++)
            scale *= k == i ? 1 : points[i] - points[k];
        for (unsigned j = 0; j < KERNEL; j++, power *= points[i])
            map.at[i][j] = power / scale;
    }
    map.at[TILE - 1][KERNEL - 1] = 1;
    return map;
}

/* B': coefficients of the polynomial that is zero at all other points. */
static LinearMap map_of_image(void)
{
    LinearMap map = {.rows = TILE, .columns = TILE};
    for (unsigned i = 0; i < TILE; i++) {
        double *row = map.at[i];
        row[0] = 1;
        for (unsigned k = 0; k + 1 < TILE; k++)
            for (unsigned j = TILE; j-- > 0 && k != i;)
                row[j] = (j ? row[j - 1] : 0) - points[k] * row[j];
    }
    return map;
}

static LinearMap transposed(const LinearMap *map)
{
    LinearMap other = {.rows = map->columns, .columns = map->rows};
    for (unsigned i = 0; i < map->rows; i++)
        for (unsigned j = 0; j < map->columns; j++)
            other.at[j][i] = map->at[i][j];
    return other;
}

/* What is at each place of a tile: tensors of one type. */
typedef struct Places {
    Value at[TILE][TILE];
} Places;

/* The sum of row[k] x[k * step]. */
static Value combine(Builder *b, const double *row, unsigned n, const Value *x, unsigned step)
{
    Value sum = NO_VALUE;
    for (unsigned k = 0; k < n; k++) {
        if (row[k] == 0)
            continue;
        Value term = row[k] == 1 || row[k] == -1 ? x[k * step] : build_with_const(b, OP_MUL, x[k * step], row[k]);
        if (sum == NO_VALUE)
            sum = row[k] == -1 ? build_unary(b, OP_NEG, term) : term;
        else
            sum = build_binary(b, row[k] == -1 ? OP_SUB : OP_ADD, sum, term);
    }
    return sum;
}

/* M x M'. */
static Places map_places(Builder *b, const LinearMap *map, const Places *x)
{
    Places half, all;
    for (unsigned j = 0; j < map->columns; j++)
        for (unsigned i = 0; i < map->rows; i++)
            half.at[i][j] = combine(b, map->at[i], map->columns, &x->at[0][j], TILE);
    for (unsigned i = 0; i < map->rows; i++)
        for (unsigned j = 0; j < map->rows; j++)
            all.at[i][j] = combine(b, map->at[j], map->columns, half.at[i], 1);
    return all;
}

/* ---- between tensors and places ---- */

/* Element [.., i, j] of a tensor whose last two axes are those of places. */
static Value at_place(Builder *b, Value x, int64_t i, int64_t j)
{
    Type type = value_type(b, x);
    Dims start = {.n = type.rank};
    start.v[type.rank - 2] = i;
    start.v[type.rank - 1] = j;
    type.dims[type.rank - 2] = type.dims[type.rank - 1] = 1;
    Value place = build_slice(b, x, start, type);
    type.rank -= 2;
    return build_reshape(b, place, type);
}

/* `n` places along both axes; `flip`: from the last one on, per axis. */
static Places split_places(Builder *b, Value x, unsigned n, const bool *flip)
{
    Places places;
    for (unsigned i = 0; i < n; i++)
        for (unsigned j = 0; j < n; j++)
            places.at[i][j] = at_place(b, x, flip[0] ? n - 1 - i : i, flip[1] ? n - 1 - j : j);
    return places;
}

static const bool straight[2] = {false, false};

/* Places of tensors [rows..., channels] as matrices: [place, rows, channels]. */
static Value stack_places(Builder *b, const Places *places)
{
    Value rows[TILE * TILE];
    Type type = value_type(b, places->at[0][0]);
    int64_t channels = type.dims[type.rank - 1], dims[] = {1, type_elements(type) / channels, channels};
    for (unsigned i = 0; i < TILE; i++)
        for (unsigned j = 0; j < TILE; j++)
            rows[i * TILE + j] = build_reshape(b, places->at[i][j], type_of(type.dtype, 3, dims));
    return build_concat(b, TILE * TILE, rows, 0);
}

/* The places of matrices, each of type `type`. */
static Places unstack_places(Builder *b, Value matrices, Type type)
{
    Places places;
    Type one = value_type(b, matrices);
    one.dims[0] = 1;
    for (unsigned i = 0; i < TILE; i++)
        for (unsigned j = 0; j < TILE; j++)
            places.at[i][j] = build_reshape(b, build_slice(b, matrices, dims_of(3, i * TILE + j, 0, 0), one), type);
    return places;
}

/* n x n places side by side along two axes: [a, b, c, d] becomes [a, b n, c n, d] if the axes are 2 and 4 of [a, b, 1, c, 1, d].
 */
static Value join_places(Builder *b, const Places *places, unsigned n, const bool *flip, Type apart, const int *axes)
{
    Value rows[TILE];
    for (unsigned i = 0; i < n; i++) {
        Value row[TILE];
        for (unsigned j = 0; j < n; j++)
            row[j] = build_reshape(b, places->at[flip[0] ? n - 1 - i : i][flip[1] ? n - 1 - j : j], apart);
        rows[i] = build_concat(b, n, row, axes[1]);
    }
    return build_concat(b, n, rows, axes[0]);
}

/* With zeros behind the elements of each axis that are too few. */
static Value extend(Builder *b, Value x, Type type)
{
    Dims before = {.n = type.rank};
    return type_equal(value_type(b, x), type) ? x : build_pad(b, x, before, type);
}

/* ---- convolutions ---- */

/* dot(kernel, windows), or, if `gradient`, dot(sums' cotangent, windows), a kernel's. Axes of operands. */
typedef struct Convolution {
    bool gradient, flip[2];
    Value image, other;       /* in the old function */
    int batch, channel, y, x; /* of the image */
    int other_free;           /* of the other operand */
    int other_axes[3];        /* contracted: a kernel's channel, y, x; or a cotangent's batch, y, x */
    int64_t height, width;    /* sums */
} Convolution;

/* The axis of lhs that meets `axis` of rhs, or -1. */
static int partner(const Op *dot, int64_t axis)
{
    for (unsigned i = 0; i < dot->contract_y.n; i++)
        if (dot->contract_y.v[i] == axis)
            return (int)dot->contract_x.v[i];
    return -1;
}

static bool is_narrow(const Op *windows)
{
    bool fits = windows->type.rank == 6 && windows->axes.n == 2;
    for (unsigned i = 0; i < windows->axes.n && fits; i++)
        fits = windows->extents.v[i] == KERNEL && windows->steps.v[i] == 1 &&
               (windows->dilations.v[i] == 1 || windows->dilations.v[i] == -1);
    return fits;
}

static int64_t tiles_along(int64_t sums)
{
    return (sums + SUMS - 1) / SUMS;
}

/* Whether the maps cost less than what they save. */
static bool pays(const Convolution *c, int64_t batch, int64_t channels, int64_t others)
{
    int64_t tiles = tiles_along(c->height) * tiles_along(c->width);
    bool full = 2 * tiles * TILE * TILE <= KERNEL * KERNEL * c->height * c->width;
    return full && batch * tiles >= FEWEST_TILES && 2 * channels * others >= FEWEST_CHANNELS * (channels + others);
}

static bool find_convolution(const Function *f, const Op *dot, Convolution *c)
{
    const Op *windows = OP_AT(f, dot->args[1]);
    if (dot->batch_x.n || dot->contract_x.n != 3 || OP_AT(f, dot->args[0])->type.rank != 4 || windows->code != OP_WINDOW ||
        !is_narrow(windows))
        return false;
    Dims around = other_axes(4, windows->axes, (Dims){0});
    bool first = partner(dot, around.v[0]) >= 0;
    int summed = (int)around.v[first ? 0 : 1], kept = (int)around.v[first ? 1 : 0];
    *c = (Convolution){.image = windows->args[0],
                       .other = dot->args[0],
                       .gradient = partner(dot, 4) < 0,
                       .y = (int)windows->axes.v[0],
                       .x = (int)windows->axes.v[1]};
    c->batch = c->gradient ? summed : kept;
    c->channel = c->gradient ? kept : summed;
    int along[] = {summed, c->gradient ? c->y : 4, c->gradient ? c->x : 5};
    for (unsigned i = 0; i < 3; i++) {
        c->other_axes[i] = partner(dot, along[i]);
        if (c->other_axes[i] < 0)
            return false;
    }
    c->other_free = (int)other_axes(4, dot->contract_x, (Dims){0}).v[0];
    for (unsigned i = 0; i < 2; i++)
        c->flip[i] = windows->dilations.v[i] < 0;
    c->height = windows->type.dims[c->y];
    c->width = windows->type.dims[c->x];
    return pays(c, windows->type.dims[c->batch], windows->type.dims[c->channel], dot->type.dims[0]);
}

/* [place, tiles, channels] of an image. */
static Value transform_image(Builder *b, const Convolution *c, Value image)
{
    Value x = build_transpose(b, image, dims_of(4, c->batch, c->y, c->x, c->channel));
    Type type = value_type(b, x);
    type.dims[1] = tiles_along(c->height) * SUMS + KERNEL - 1;
    type.dims[2] = tiles_along(c->width) * SUMS + KERNEL - 1;
    Windows windows = {dims_of(2, 1, 2), dims_of(2, TILE, TILE), dims_of(2, SUMS, SUMS), dims_of(2, 1, 1)};
    Places places = split_places(b, build_window(b, extend(b, x, type), windows), TILE, straight);
    LinearMap map = map_of_image();
    places = map_places(b, &map, &places);
    return stack_places(b, &places);
}

/* [place, channels of the image, the others]: the other operand is a kernel. */
static Value transform_kernel(Builder *b, const Convolution *c, Value kernel)
{
    Value w = build_transpose(b, kernel, dims_of(4, c->other_axes[0], c->other_free, c->other_axes[1], c->other_axes[2]));
    Places places = split_places(b, w, KERNEL, c->flip);
    LinearMap map = map_of_kernel();
    places = map_places(b, &map, &places);
    return stack_places(b, &places);
}

/* [place, tiles, channels] of the sums' cotangent. */
static Value transform_cotangent(Builder *b, const Convolution *c, Value g)
{
    Value x = build_transpose(b, g, dims_of(4, c->other_axes[0], c->other_axes[1], c->other_axes[2], c->other_free));
    Type type = value_type(b, x);
    type.dims[1] = tiles_along(c->height) * SUMS;
    type.dims[2] = tiles_along(c->width) * SUMS;
    Windows windows = {dims_of(2, 1, 2), dims_of(2, SUMS, SUMS), dims_of(2, SUMS, SUMS), dims_of(2, 1, 1)};
    Places places = split_places(b, build_window(b, extend(b, x, type), windows), SUMS, straight);
    LinearMap sums = map_of_sums(), map = transposed(&sums);
    places = map_places(b, &map, &places);
    return stack_places(b, &places);
}

/* With the axes of the image in their order. */
static Value as_windows_lie(Builder *b, const Convolution *c, Value sums)
{
    int64_t from[4];
    from[c->batch] = 0;
    from[c->y] = 1;
    from[c->x] = 2;
    Dims order = dims_of(1, 3);
    for (int64_t axis = 0; axis < 4; axis++)
        if (axis != c->channel)
            order.v[order.n++] = from[axis];
    return build_transpose(b, sums, order);
}

static Value convolve(Builder *b, const Convolution *c, Value image, Value kernel)
{
    Type type = value_type(b, image);
    Value x = transform_image(b, c, image), w = transform_kernel(b, c, kernel);
    Value product = build_dot(b, x, w, dims_of(1, 2), dims_of(1, 1), dims_of(1, 0), dims_of(1, 0));
    int64_t batch = type.dims[c->batch], down = tiles_along(c->height), across = tiles_along(c->width),
            channels = value_type(b, product).dims[2], tile[] = {batch, down, across, channels},
            apart[] = {batch, down, 1, across, 1, channels}, all[] = {batch, down * SUMS, across * SUMS, channels};
    Places places = unstack_places(b, product, type_of(type.dtype, 4, tile));
    LinearMap map = map_of_sums();
    places = map_places(b, &map, &places);
    Value sums = join_places(b, &places, SUMS, straight, type_of(type.dtype, 6, apart), (const int[]){2, 4});
    sums = build_reshape(b, sums, type_of(type.dtype, 4, all));
    Type wanted = value_type(b, sums);
    wanted.dims[1] = c->height;
    wanted.dims[2] = c->width;
    Dims start = {.n = 4};
    return as_windows_lie(b, c, type_equal(wanted, value_type(b, sums)) ? sums : build_slice(b, sums, start, wanted));
}

/* [others, channels, 3, 3]. */
static Value kernel_gradient(Builder *b, const Convolution *c, Value image, Value g)
{
    Value x = transform_image(b, c, image), y = transform_cotangent(b, c, g);
    Value product = build_dot(b, y, x, dims_of(1, 1), dims_of(1, 1), dims_of(1, 0), dims_of(1, 0));
    Type type = value_type(b, product);
    int64_t apart[] = {type.dims[1], type.dims[2], 1, 1};
    Places places = unstack_places(b, product, type_of(type.dtype, 2, &type.dims[1]));
    LinearMap of_kernel = map_of_kernel(), map = transposed(&of_kernel);
    places = map_places(b, &map, &places);
    return join_places(b, &places, KERNEL, c->flip, type_of(type.dtype, 4, apart), (const int[]){2, 3});
}

void pass_winograd(Module *module, Function *function)
{
    Rewrite rewrite;
    rewrite_begin(&rewrite, module, function);
    Builder *b = &rewrite.b;
    for (Value v = 0; v < rewrite.old->ops.len; v++) {
        const Op *op = OP_AT(rewrite.old, v);
        Convolution c;
        if (op->code != OP_DOT || !find_convolution(rewrite.old, op, &c)) {
            rewrite_copy(&rewrite, v);
            continue;
        }
        b->line = op->line;
        Value image = rewrite.map[c.image], other = rewrite.map[c.other];
        Value made = c.gradient ? kernel_gradient(b, &c, image, other) : convolve(b, &c, image, other);
        rewrite.map[v] = made;
    }
    rewrite_end(&rewrite);
}
