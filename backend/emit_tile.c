/* Matrix products as generated code. A tile of a few rows by a few vectors of columns keeps its sums in registers while the
 * contracted index runs over a block; the columns of rhs that a tile reads are first copied side by side (packed) when many tiles
 * will read them. Each element is the sum over k = 0, 1, ... by fused multiply-adds, whatever the tile, the block and the number
 * of threads.
 *
 * The inner parts are functions with strides and extents as arguments, emitted once per module and used by all its products:
 *     hn_panel_*  tiles below one another, for one set of columns and one block of k
 *     hn_pack_*   the copy of columns
 * Only the loops around them are emitted per product. */
#include <stdio.h>

#include "backend/emit.h"

enum {
    NARROW_ROWS = 6,  /* of a tile: with one vector of sums per row, as many as the sixteen registers of AVX2 hold */
    WIDE_ROWS = 12,   /* the same for the thirty-two registers of AVX-512 */
    MOST_VECTORS = 8, /* of a tile */
    STEPS = 4,        /* of k in the inner loop */
    FEWEST_ROWS = 4,  /* for which packing rhs pays */
};

/* Steps of k in a block: packed columns of a tile take half of the near cache. */
static int64_t steps_of_block(const Emitter *e)
{
    return target_near_elements(&e->target) / 2 / e->target.lanes_f32;
}

/* Rows of lhs in a block: a quarter of the far cache, in whole tiles of any processor. */
static int64_t rows_of_block(const Emitter *e)
{
    return target_large_matrix(&e->target) / steps_of_block(e) / WIDE_ROWS * WIDE_ROWS;
}

/* A column of sums is a row of the transposed product. */
static Product oriented(const Product *p)
{
    Product q = *p;
    if (p->n != 1 || p->m == 1 || p->out.row != 1)
        return q;
    q.m = 1;
    q.n = p->m;
    q.lhs.row = p->rhs.column;
    q.lhs.column = p->rhs.row;
    q.rhs.row = p->lhs.column;
    q.rhs.column = p->lhs.row;
    q.out.row = p->out.column;
    q.out.column = p->out.row;
    return q;
}

/* As many vectors of columns as leave registers for one row of rhs and one number of lhs. */
static unsigned tile_vectors(const Emitter *e, int64_t m)
{
    if (e->target.registers >= WIDE_REGISTERS && m <= 6)
        return m == 1 ? 8 : 4; /* eight sums hide the latency of a multiply-add */
    return m == 1 ? 4 : m == 2 ? 3 : m == 3 ? 2 : 1;
}

/* Whether columns of rhs are packed, for tiles of one vector: if they are not contiguous, or if many rows read them. */
static bool packs(const Emitter *e, const Product *p)
{
    return p->rhs.column != 1 || p->m >= e->target.packing_rows;
}

/* Whether a loop kernel can have an axis for each of the product's. */
static bool loop_has_room(const Product *p)
{
    return p->batch_rank + p->rows.n + p->columns.n + p->inner.n + 3 <= MAX_RANK;
}

/* The fastest way for matrices that BLAS cannot read. */
static ProductWay offsets_way(const Product *p)
{
    int64_t rows = p->m * axes_elements(&p->rows), columns = p->n * axes_elements(&p->columns);
    bool few = (rows < columns ? rows : columns) < FEWEST_ROWS;
    return few && loop_has_room(p) ? PRODUCT_LOOP : PRODUCT_OFFSETS;
}

/* Measured against OpenBLAS 0.3.21 on an AVX2 processor (Zen 3); tiles with an extent of at most 16 on an AVX-512 processor, too. */
ProductWay product_way(const Emitter *e, const Product *product)
{
    Product p = oriented(product);
    const Target *target = &e->target;
    if (!product_is_plain(product))
        return product_has_panels(product, target_lanes(target, p.dtype)) ? PRODUCT_TILES : offsets_way(product);
    if (p.out.column != 1 || p.n < target_lanes(target, p.dtype) / 4 || p.k < 2 || (p.rhs.column != 1 && p.m < FEWEST_ROWS))
        return loop_has_room(product) ? PRODUCT_LOOP : PRODUCT_OFFSETS; /* packing rhs for so few rows costs more than the product */
    int64_t least = p.m < p.n ? p.m : p.n;
    least = p.k < least ? p.k : least;
    if (least <= target->skinny_product || p.m * p.n * p.k <= target->small_product)
        return PRODUCT_TILES;
    return p.k <= target->short_product || target->blas == BLAS_BUILTIN ? PRODUCT_BLOCKS : PRODUCT_OPENBLAS;
}

/* ---- panels ---- */

/* AHEAD: what is read after these columns, asked for while the first tile reads them. */
enum { LHS, LHS_ROW, LHS_COLUMN, RHS, RHS_ROW, AHEAD, OUT, OUT_ROW, INNER, TILES, FIRST, PANEL_PARAMETERS };

typedef struct Panel {
    Emitter *e;
    DType dtype;
    unsigned lanes, rows, vectors;
    LLVMValueRef arg[PANEL_PARAMETERS]; /* some strides are constants: then addresses need fewer registers and instructions */
    unsigned in_last;                   /* lanes of the last vector of out that count */
    bool packed;                        /* rhs is: its last vector is whole */
    bool panels;                        /* rhs lies in panels, of which there is another one at AHEAD */
    LLVMValueRef ahead;                 /* for the tile at work: at AHEAD or, if it has been asked for, at rhs */
    LLVMValueRef lhs[WIDE_ROWS], out[WIDE_ROWS], sums[WIDE_ROWS * MOST_VECTORS];
} Panel;

static LLVMValueRef *sum_of(Panel *p, unsigned row, unsigned vector)
{
    return &p->sums[row * MOST_VECTORS + vector];
}

/* Of a vector of out, how many lanes count. */
static unsigned lanes_of(const Panel *p, unsigned vector)
{
    return vector + 1 == p->vectors ? p->in_last : p->lanes;
}

/* Of a vector that is read in place; NULL: all lanes count. */
static LLVMValueRef mask_of(const Panel *p, unsigned vector)
{
    return lanes_of(p, vector) < p->lanes ? tail_mask(p->e, p->lanes, lanes_of(p, vector)) : NULL;
}

/* sums += lhs[rows, k] * rhs[k, columns] */
static void emit_step(Panel *p, LLVMValueRef k)
{
    Emitter *e = p->e;
    LLVMTypeRef type = register_type(e, p->dtype, p->lanes);
    LLVMValueRef right[MOST_VECTORS];
    LLVMValueRef rhs = emit_advance(e, p->dtype, p->arg[RHS], LLVMBuildMul(e->builder, k, p->arg[RHS_ROW], ""));
    LLVMValueRef column = LLVMBuildMul(e->builder, k, p->arg[LHS_COLUMN], "");
    for (unsigned v = 0; v < p->vectors; v++)
        right[v] = read_vector(e, p->dtype, advance_const(e, p->dtype, rhs, (int64_t)v * p->lanes), p->lanes,
                               p->packed ? NULL : mask_of(p, v));
    if (p->panels) /* a line of the cache per step */
        prefetch(e, advance_by(e, p->dtype, p->ahead, k, p->lanes), false);
    for (unsigned r = 0; r < p->rows; r++) {
        LLVMValueRef left = splat(e, load_scalar(e, p->dtype, emit_advance(e, p->dtype, p->lhs[r], column)), p->lanes);
        for (unsigned v = 0; v < p->vectors; v++) {
            LLVMValueRef place = *sum_of(p, r, v), sum = LLVMBuildLoad2(e->builder, type, place, "");
            LLVMBuildStore(e->builder, fused_multiply_add(e, left, right[v], sum), place);
        }
    }
}

static void emit_inner_loop(Panel *p)
{
    Emitter *e = p->e;
    LLVMValueRef whole = LLVMBuildAnd(e->builder, p->arg[INNER], const_i64(e, -STEPS), "");
    Counter blocks = loop_begin(e, const_i64(e, 0), whole, STEPS);
    for (int64_t step = 0; step < STEPS; step++)
        emit_step(p, LLVMBuildAdd(e->builder, blocks.index, const_i64(e, step), ""));
    loop_end(e, &blocks);
    Counter rest = loop_begin(e, whole, p->arg[INNER], 1);
    emit_step(p, rest.index);
    loop_end(e, &rest);
}

/* Sums start from zero in the first block of k, and from the sums so far in later blocks. */
static void emit_starts(Panel *p)
{
    Emitter *e = p->e;
    LLVMBasicBlockRef zero = LLVMAppendBasicBlockInContext(e->context, e->function, "zero");
    LLVMBasicBlockRef load = LLVMAppendBasicBlockInContext(e->context, e->function, "load");
    LLVMBasicBlockRef started = LLVMAppendBasicBlockInContext(e->context, e->function, "started");
    LLVMBuildCondBr(e->builder, p->arg[FIRST], zero, load);
    for (unsigned again = 0; again < 2; again++) {
        LLVMPositionBuilderAtEnd(e->builder, again ? load : zero);
        for (unsigned r = 0; r < p->rows; r++)
            for (unsigned v = 0; v < p->vectors; v++) {
                LLVMValueRef place = advance_const(e, p->dtype, p->out[r], (int64_t)v * p->lanes);
                LLVMValueRef start =
                    again ? read_vector(e, p->dtype, place, p->lanes, mask_of(p, v)) : emit_number(e, p->dtype, 0, p->lanes);
                LLVMBuildStore(e->builder, start, *sum_of(p, r, v));
            }
        LLVMBuildBr(e->builder, started);
    }
    LLVMPositionBuilderAtEnd(e->builder, started);
}

static void emit_panel(Panel *p)
{
    Emitter *e = p->e;
    Counter tiles = loop_begin(e, const_i64(e, 0), p->arg[TILES], 1);
    LLVMValueRef row = LLVMBuildMul(e->builder, tiles.index, const_i64(e, p->rows), "");
    for (unsigned r = 0; r < p->rows; r++) {
        LLVMValueRef at = LLVMBuildAdd(e->builder, row, const_i64(e, r), "");
        p->lhs[r] = emit_advance(e, p->dtype, p->arg[LHS], LLVMBuildMul(e->builder, at, p->arg[LHS_ROW], ""));
        p->out[r] = emit_advance(e, p->dtype, p->arg[OUT], LLVMBuildMul(e->builder, at, p->arg[OUT_ROW], ""));
        prefetch(e, advance_const(e, p->dtype, p->out[r], (int64_t)p->vectors * p->lanes), true); /* the next columns */
    }
    LLVMValueRef first = LLVMBuildICmp(e->builder, LLVMIntEQ, tiles.index, const_i64(e, 0), "");
    p->ahead = LLVMBuildSelect(e->builder, first, p->arg[AHEAD], p->arg[RHS], "");
    emit_starts(p);
    emit_inner_loop(p);
    for (unsigned r = 0; r < p->rows; r++)
        for (unsigned v = 0; v < p->vectors; v++) {
            LLVMValueRef sum = LLVMBuildLoad2(e->builder, register_type(e, p->dtype, p->lanes), *sum_of(p, r, v), "");
            LLVMValueRef place = advance_const(e, p->dtype, p->out[r], (int64_t)v * p->lanes);
            write_first_lanes(e, p->dtype, sum, place, p->lanes, lanes_of(p, v));
        }
    loop_end(e, &tiles);
}

/* hn_panel_<dtype>_<rows>x<vectors>(lhs, its strides, rhs, its row stride, out, its row stride, k, tiles, first block):
 * out[rows * tiles, columns] = or += lhs rhs. The name ends with `n` if the numbers of a row of lhs lie side by side, `t` if those of
 * a column do, as in `of`; `p` if rhs is packed, `s` if it lies in panels; and, where the columns are no whole number of vectors,
 * what is in the last one. */
static LLVMValueRef panel_function(Emitter *e, const Product *of, unsigned rows, unsigned vectors, unsigned in_last, bool packed,
                                   bool panels)
{
    char name[48], last[16] = "";
    DType dtype = of->dtype;
    unsigned lanes = target_lanes(&e->target, dtype);
    bool plain = of->lhs.column == 1, transposed = !plain && of->lhs.row == 1;
    if (in_last < lanes)
        snprintf(last, sizeof last, "_%u", in_last);
    snprintf(name, sizeof name, "hn_panel_%s_%ux%u%s%s%s", dtype_name(dtype), rows, vectors, plain ? "n" : transposed ? "t" : "",
             panels ? "s" : packed ? "p" : "", last);
    LLVMValueRef function = LLVMGetNamedFunction(e->module, name);
    if (function)
        return function;
    LLVMTypeRef types[PANEL_PARAMETERS] = {e->pointer, e->i64, e->i64, e->pointer, e->i64, e->pointer,
                                           e->pointer, e->i64, e->i64, e->i64,     e->i1};
    function = inner_function(e, name, PANEL_PARAMETERS, types);
    Aside aside = inner_begin(e, function);
    Panel p = {.e = e, .dtype = dtype, .lanes = lanes, .rows = rows, .vectors = vectors, .in_last = in_last};
    p.packed = packed;
    p.panels = panels;
    for (unsigned i = 0; i < PANEL_PARAMETERS; i++)
        p.arg[i] = LLVMGetParam(function, i);
    if (plain || transposed)
        p.arg[plain ? LHS_COLUMN : LHS_ROW] = const_i64(e, 1);
    if (packed)
        p.arg[RHS_ROW] = const_i64(e, p.lanes);
    for (unsigned r = 0; r < rows; r++)
        for (unsigned v = 0; v < vectors; v++)
            *sum_of(&p, r, v) = make_variable(e, register_type(e, dtype, p.lanes));
    emit_panel(&p);
    inner_end(e, aside);
    return function;
}

/* ---- packing ---- */

enum { FROM, FROM_ROW, FROM_COLUMN, TO, PACK_INNER, PACK_COUNT, PACK_PARAMETERS };

/* Rows of the block as they are: columns are contiguous. */
static void pack_rows(Emitter *e, DType dtype, const LLVMValueRef *arg)
{
    unsigned lanes = target_lanes(&e->target, dtype);
    LLVMValueRef mask = lanes_below(e, lanes, arg[PACK_COUNT]);
    Counter counter = loop_begin(e, const_i64(e, 0), arg[PACK_INNER], 1);
    LLVMValueRef from = emit_advance(e, dtype, arg[FROM], LLVMBuildMul(e->builder, counter.index, arg[FROM_ROW], ""));
    LLVMValueRef value = read_vector(e, dtype, from, lanes, mask);
    prefetch(e, advance_const(e, dtype, from, lanes), false);
    write_vector(e, dtype, value, advance_by(e, dtype, arg[TO], counter.index, lanes), NULL);
    loop_end(e, &counter);
}

/* Where column i starts. Past the last column, the start of the last column: such lanes are never stored, but must not be slow
 * (denormals). */
static LLVMValueRef column_start(Emitter *e, DType dtype, const LLVMValueRef *arg, unsigned i)
{
    LLVMValueRef last = LLVMBuildSub(e->builder, arg[PACK_COUNT], const_i64(e, 1), ""),
                 index = emit_less(e, const_i64(e, i), last);
    return emit_advance(e, dtype, arg[FROM], LLVMBuildMul(e->builder, index, arg[FROM_COLUMN], ""));
}

/* rhs stored column by column: squares are transposed while the block lasts, then number by number. */
static void pack_columns(Emitter *e, DType dtype, const LLVMValueRef *arg, bool contiguous)
{
    unsigned lanes = target_lanes(&e->target, dtype), side = lanes / 2;
    LLVMValueRef starts[MOST_LANES], whole = const_i64(e, 0);
    for (unsigned i = 0; i < lanes; i++)
        starts[i] = column_start(e, dtype, arg, i);
    if (contiguous) {
        whole = LLVMBuildAnd(e->builder, arg[PACK_INNER], const_i64(e, -(int64_t)side), "");
        Counter counter = loop_begin(e, const_i64(e, 0), whole, side);
        LLVMValueRef to = advance_by(e, dtype, arg[TO], counter.index, lanes);
        for (unsigned first = 0; first < lanes; first += side) {
            LLVMValueRef square[MOST_LANES];
            for (unsigned i = 0; i < side; i++)
                square[i] = read_vector(e, dtype, emit_advance(e, dtype, starts[first + i], counter.index), side, NULL);
            transpose_square(e, square, side);
            for (unsigned i = 0; i < side; i++)
                write_vector(e, dtype, square[i], advance_const(e, dtype, to, (int64_t)i * lanes + first), NULL);
        }
        loop_end(e, &counter);
    }
    Counter rest = loop_begin(e, whole, arg[PACK_INNER], 1);
    LLVMValueRef row = LLVMBuildMul(e->builder, rest.index, arg[FROM_ROW], ""),
                 to = advance_by(e, dtype, arg[TO], rest.index, lanes);
    for (unsigned i = 0; i < lanes; i++) {
        LLVMValueRef element = load_scalar(e, dtype, emit_advance(e, dtype, starts[i], row));
        store_scalar(e, dtype, element, advance_const(e, dtype, to, i));
    }
    loop_end(e, &rest);
}

/* hn_pack_<how>_<dtype>(from, its strides, to, k, columns) */
static LLVMValueRef pack_function(Emitter *e, const Product *p)
{
    const char *how = p->rhs.column == 1 ? "rows" : p->rhs.row == 1 ? "columns" : "strided";
    char name[32];
    snprintf(name, sizeof name, "hn_pack_%s_%s", how, dtype_name(p->dtype));
    LLVMValueRef function = LLVMGetNamedFunction(e->module, name), arg[PACK_PARAMETERS];
    if (function)
        return function;
    LLVMTypeRef types[PACK_PARAMETERS] = {e->pointer, e->i64, e->i64, e->pointer, e->i64, e->i64};
    function = inner_function(e, name, PACK_PARAMETERS, types);
    Aside aside = inner_begin(e, function);
    for (unsigned i = 0; i < PACK_PARAMETERS; i++)
        arg[i] = LLVMGetParam(function, i);
    if (p->rhs.column == 1)
        pack_rows(e, p->dtype, arg);
    else
        pack_columns(e, p->dtype, arg, p->rhs.row == 1);
    inner_end(e, aside);
    return function;
}

/* ---- a product's loops ---- */

typedef struct Range {
    LLVMValueRef first, end;
} Range;

typedef struct Tiling {
    Emitter *e;
    Product p;
    unsigned lanes, rows, vectors; /* of a full tile */
    LLVMValueRef lhs, rhs, out;    /* of the batch element at work */
    LLVMValueRef packed;           /* packed columns of rhs; NULL: they are read in place */
    int64_t panel;                 /* of rhs that lies in panels, which are such columns: elements from one to the next; else 0 */
    Range row_range, column_range;
    bool symmetric; /* a matrix times its transpose: elements far below the diagonal are copied from above it */
    LLVMValueRef first_k, block_k; /* the block of k at work */
} Tiling;

/* `tiles` tiles of `rows` rows from row `first`, for `count` columns from column `column`. */
static void call_panel(Tiling *t, LLVMValueRef first, unsigned rows, LLVMValueRef tiles, LLVMValueRef column, unsigned vectors,
                       unsigned count)
{
    Emitter *e = t->e;
    DType dtype = t->p.dtype;
    LLVMValueRef lhs = advance_by(e, dtype, t->lhs, first, t->p.lhs.row), rhs = t->packed;
    if (!rhs)
        rhs = emit_advance(e, dtype, advance_by(e, dtype, t->rhs, t->first_k, t->p.rhs.row), column);
    LLVMValueRef args[PANEL_PARAMETERS] = {
        [LHS] = advance_by(e, dtype, lhs, t->first_k, t->p.lhs.column),
        [LHS_ROW] = const_i64(e, t->p.lhs.row),
        [LHS_COLUMN] = const_i64(e, t->p.lhs.column),
        [RHS] = rhs,
        [RHS_ROW] = const_i64(e, t->packed ? t->lanes : t->p.rhs.row),
        [AHEAD] = advance_const(e, dtype, rhs, t->panel),
        [OUT] = emit_advance(e, dtype, advance_by(e, dtype, t->out, first, t->p.out.row), column),
        [OUT_ROW] = const_i64(e, t->p.out.row),
        [INNER] = t->block_k,
        [TILES] = tiles,
        [FIRST] = LLVMBuildICmp(e->builder, LLVMIntEQ, t->first_k, const_i64(e, 0), ""),
    };
    unsigned in_last = count - (vectors - 1) * t->lanes;
    inner_call(e, panel_function(e, &t->p, rows, vectors, in_last, t->packed, t->panel), PANEL_PARAMETERS, args);
}

/* Rows up to a whole number of tiles. */
static LLVMValueRef whole_tiles(Tiling *t, LLVMValueRef rows)
{
    Emitter *e = t->e;
    LLVMValueRef up = LLVMBuildAdd(e->builder, rows, const_i64(e, t->rows - 1), "");
    return LLVMBuildSub(e->builder, up, LLVMBuildURem(e->builder, up, const_i64(e, t->rows), ""), "");
}

/* All rows of the range, or, if symmetric, those up to the diagonal: whole tiles, then, at the end of the matrix, a smaller one. */
static void emit_columns(Tiling *t, LLVMValueRef column, unsigned vectors, unsigned count)
{
    Emitter *e = t->e;
    DType dtype = t->p.dtype;
    if (t->panel) {
        t->packed = advance_by(e, dtype, advance_by(e, dtype, t->rhs, column, t->panel / t->lanes), t->first_k, t->lanes);
    } else if (t->packed) {
        LLVMValueRef from = advance_by(e, dtype, advance_by(e, dtype, t->rhs, column, t->p.rhs.column), t->first_k, t->p.rhs.row);
        LLVMValueRef args[PACK_PARAMETERS] = {from,       const_i64(e, t->p.rhs.row), const_i64(e, t->p.rhs.column), t->packed,
                                              t->block_k, const_i64(e, count)};
        inner_call(e, pack_function(e, &t->p), PACK_PARAMETERS, args);
    }
    int64_t rest = t->p.m % t->rows;
    LLVMValueRef end = t->row_range.end;
    if (t->symmetric)
        end = emit_less(e, end, whole_tiles(t, LLVMBuildAdd(e->builder, column, const_i64(e, count), "")));
    LLVMValueRef rows = LLVMBuildSub(e->builder, end, t->row_range.first, "");
    LLVMValueRef tiles = LLVMBuildUDiv(e->builder, rows, const_i64(e, t->rows), "");
    call_panel(t, t->row_range.first, t->rows, tiles, column, vectors, count);
    if (!rest)
        return;
    LLVMValueRef at_end = LLVMBuildICmp(e->builder, LLVMIntEQ, end, const_i64(e, t->p.m), "");
    call_panel(t, const_i64(e, t->p.m - rest), (unsigned)rest, LLVMBuildZExt(e->builder, at_end, e->i64, ""), column, vectors,
               count);
}

static void over_columns(Tiling *t)
{
    Emitter *e = t->e;
    Range range = t->column_range;
    int64_t block = (int64_t)t->vectors * t->lanes, whole = t->p.n / block * block;
    if (whole) {
        Counter counter = loop_begin(e, range.first, LLVMBuildSub(e->builder, range.end, const_i64(e, block - 1), ""), block);
        emit_columns(t, counter.index, t->vectors, (unsigned)block);
        loop_end(e, &counter);
    }
    if (whole == t->p.n)
        return;
    unsigned rest = (unsigned)(t->p.n - whole);
    Counter last = loop_begin(e, const_i64(e, whole), range.end, t->p.n); /* runs once, in the last piece */
    emit_columns(t, const_i64(e, whole), (rest + t->lanes - 1) / t->lanes, rest);
    loop_end(e, &last);
}

/* Blocks of k, in each every column for the rows at hand. */
static void over_blocks(Tiling *t)
{
    Emitter *e = t->e;
    LLVMValueRef k = const_i64(e, t->p.k);
    if (t->p.k <= steps_of_block(e)) {
        t->first_k = const_i64(e, 0);
        t->block_k = k;
        over_columns(t);
        return;
    }
    Counter counter = loop_begin(e, const_i64(e, 0), k, steps_of_block(e));
    t->first_k = counter.index;
    t->block_k = emit_less(e, LLVMBuildSub(e->builder, k, counter.index, ""), const_i64(e, steps_of_block(e)));
    over_columns(t);
    loop_end(e, &counter);
}

static bool splits_rows(const Product *p)
{
    return p->m > p->n;
}

/* ---- symmetric products ---- */

/* Columns that tiles make at once. */
static int64_t columns_at_once(const Tiling *t)
{
    return (int64_t)t->vectors * t->lanes;
}

/* Whether rhs is lhs transposed: then each element is equal to its mirror image, bit by bit, since both sum the same products in the
 * same order. */
static bool is_symmetric(const Tiling *t)
{
    const Product *p = &t->p;
    bool same = p->lhs.view.buffer == p->rhs.view.buffer && p->lhs.view.offset == p->rhs.view.offset &&
                p->lhs.row == p->rhs.column && p->lhs.column == p->rhs.row && p->m == p->n;
    for (unsigned i = 0; i < p->batch_rank; i++)
        same = same && p->lhs.batch[i] == p->rhs.batch[i];
    return same && p->n > columns_at_once(t) && p->m <= rows_of_block(t->e);
}

/* Columns that are made at once reach down to the end of the tile of rows in which they cross the diagonal. What lies deeper is
 * copied from its mirror image by whoever made that. So each element has one writer; two writers could be two threads. */
static void mirror(Tiling *t)
{
    Emitter *e = t->e;
    DType dtype = t->p.dtype;
    Counter c = loop_begin(e, t->column_range.first, t->column_range.end, 1);
    LLVMValueRef tiles = LLVMBuildUDiv(e->builder, c.index, const_i64(e, t->rows), "");
    LLVMValueRef steps = LLVMBuildUDiv(e->builder, LLVMBuildMul(e->builder, tiles, const_i64(e, t->rows), ""),
                                       const_i64(e, columns_at_once(t)), "");
    Counter r = loop_begin(e, const_i64(e, 0), LLVMBuildMul(e->builder, steps, const_i64(e, columns_at_once(t)), ""), 1);
    LLVMValueRef from = emit_advance(e, dtype, advance_by(e, dtype, t->out, r.index, t->p.out.row), c.index);
    LLVMValueRef to = emit_advance(e, dtype, advance_by(e, dtype, t->out, c.index, t->p.out.row), r.index);
    store_scalar(e, dtype, load_scalar(e, dtype, from), to);
    loop_end(e, &r);
    loop_end(e, &c);
}

/* The product with all columns of its panels; *panel is the step from one to the next, or 0. */
static Product with_columns(const Emitter *e, const Product *product, int64_t *panel)
{
    Product p = oriented(product);
    *panel = 0;
    if (product_has_panels(&p, target_lanes(&e->target, p.dtype))) {
        *panel = p.columns.first[0];
        p.n *= p.columns.extent[0];
        p.columns.n = 0;
    }
    return p;
}

void emit_tiles(Emitter *e, const Product *product, LLVMValueRef lhs, LLVMValueRef rhs, LLVMValueRef out, bool split)
{
    Tiling t = {.e = e, .out = out};
    t.p = with_columns(e, product, &t.panel);
    bool swapped = t.p.m != product->m;
    int64_t most_rows = e->target.registers >= WIDE_REGISTERS ? WIDE_ROWS : NARROW_ROWS;
    t.lhs = swapped ? rhs : lhs;
    t.rhs = swapped ? lhs : rhs;
    t.lanes = target_lanes(&e->target, t.p.dtype);
    t.rows = (unsigned)(t.p.m < most_rows ? t.p.m : most_rows);
    t.vectors = t.panel || packs(e, &t.p) ? 1 : tile_vectors(e, t.p.m);
    if (!t.panel && packs(e, &t.p)) {
        int64_t block_k = t.p.k < steps_of_block(e) ? t.p.k : steps_of_block(e);
        t.packed = make_variable(e, LLVMArrayType2(element_type(e, t.p.dtype), (uint64_t)(block_k * t.lanes)));
        LLVMSetAlignment(t.packed, 64);
    }
    t.row_range = (Range){const_i64(e, 0), const_i64(e, t.p.m)};
    t.column_range = (Range){const_i64(e, 0), const_i64(e, t.p.n)};
    if (split)
        *(splits_rows(&t.p) ? &t.row_range : &t.column_range) = (Range){e->begin, e->end};
    t.symmetric = is_symmetric(&t);
    if (t.p.m <= rows_of_block(e)) {
        over_blocks(&t);
        if (t.symmetric)
            mirror(&t);
        return;
    }
    Range all = t.row_range;
    Counter counter = loop_begin(e, all.first, all.end, rows_of_block(e));
    LLVMValueRef next = LLVMBuildAdd(e->builder, counter.index, const_i64(e, rows_of_block(e)), "");
    t.row_range = (Range){counter.index, emit_less(e, next, all.end)};
    over_blocks(&t);
    loop_end(e, &counter);
}

KernelSplit tiles_split(const Emitter *e, const Product *product)
{
    int64_t panel;
    Product p = with_columns(e, product, &panel);
    if (splits_rows(&p))
        return (KernelSplit){p.m, p.m < WIDE_ROWS ? p.m : WIDE_ROWS};
    return (KernelSplit){p.n, (int64_t)target_lanes(&e->target, p.dtype) * (panel ? 1 : tile_vectors(e, p.m))};
}
