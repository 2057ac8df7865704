/* Products of large matrices as generated code, where sums are short or the target has no BLAS. Both operands are copied (packed)
 * in the order in which they are read: a block of lhs, which stays in the far cache, as tiles of a few rows, and then a few
 * columns of rhs, which stay in the near cache. A tile of rows by columns keeps its sums in registers while k runs over the block.
 *
 * Each element is the sum over k = 0, 1, ... by fused multiply-adds, as in emit_tile.c, whatever the processor, the sizes of
 * blocks and the number of threads: a tile that is not full is computed with filler numbers whose results are not stored.
 *
 * These are functions with strides and extents as arguments, emitted once per module and type, and used by all products:
 *     hn_product_*   out[rows, columns] = lhs rhs, the loops over blocks
 *     hn_gather_*    the copy of one tile of lhs, or of some columns of rhs
 *     hn_tile_*      one tile, for one block of k
 * After K. Goto and R. van de Geijn, Anatomy of High-Performance Matrix Multiplication, ACM TOMS 34 (3), 2008. */
#include <stdio.h>

#include "backend/emit.h"

enum {
    STEPS = 4, /* of k in the inner loop */
    SIDE = 8,  /* of the largest square that is transposed in registers */
    MOST_ROWS = 12,
    MOST_VECTORS = 2,
};

/* Extents of a tile and of blocks. All sums of a tile, one row of rhs and one number of lhs together fill the registers. */
typedef struct Sizes {
    unsigned rows, vectors, lanes, columns;
    int64_t block_k, block_rows; /* block_rows: a multiple of rows */
} Sizes;

static Sizes sizes_for(const Emitter *e, DType dtype)
{
    bool wide = e->target.registers >= WIDE_REGISTERS;
    Sizes s = {.rows = wide ? 12 : 6, .vectors = wide ? 2 : 1, .lanes = target_lanes(&e->target, dtype)};
    int64_t size = (int64_t)dtype_size(dtype);
    s.columns = s.vectors * s.lanes;
    s.block_k = e->target.near_cache / 2 / (e->target.lanes_f32 * (int64_t)sizeof(float));
    s.block_rows = e->target.far_cache / 4 / (s.block_k * size) / s.rows * s.rows;
    return s;
}

static LLVMValueRef add(Emitter *e, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildAdd(e->builder, a, b, "");
}

/* The lesser of `most` and the rest of [at, end). */
static LLVMValueRef rest_of(Emitter *e, LLVMValueRef at, LLVMValueRef end, int64_t most)
{
    return emit_less(e, LLVMBuildSub(e->builder, end, at, ""), const_i64(e, most));
}

/* pointer + index * stride elements, where the stride is known only when the program runs. */
static LLVMValueRef advance_along(Emitter *e, DType dtype, LLVMValueRef pointer, LLVMValueRef index, LLVMValueRef stride)
{
    return emit_advance(e, dtype, pointer, LLVMBuildMul(e->builder, index, stride, ""));
}

/* ---- one tile ---- */

enum { TILE_LHS, TILE_RHS, TILE_OUT, TILE_OUT_ROW, TILE_K, TILE_ROWS, TILE_COLUMNS, TILE_FIRST, TILE_PARAMETERS };

typedef struct Tile {
    Emitter *e;
    DType dtype;
    Sizes s;
    LLVMValueRef arg[TILE_PARAMETERS], full, sums[MOST_ROWS][MOST_VECTORS];
} Tile;

static void tile_step(Tile *t, LLVMValueRef k)
{
    Emitter *e = t->e;
    LLVMTypeRef type = register_type(e, t->dtype, t->s.lanes);
    LLVMValueRef lhs = advance_by(e, t->dtype, t->arg[TILE_LHS], k, t->s.rows), right[MOST_VECTORS];
    LLVMValueRef rhs = advance_by(e, t->dtype, t->arg[TILE_RHS], k, t->s.columns);
    for (unsigned v = 0; v < t->s.vectors; v++)
        right[v] = read_vector(e, t->dtype, advance_const(e, t->dtype, rhs, (int64_t)v * t->s.lanes), t->s.lanes, NULL);
    for (unsigned r = 0; r < t->s.rows; r++) {
        LLVMValueRef left = splat(e, load_scalar(e, t->dtype, advance_const(e, t->dtype, lhs, r)), t->s.lanes);
        for (unsigned v = 0; v < t->s.vectors; v++) {
            LLVMValueRef sum = LLVMBuildLoad2(e->builder, type, t->sums[r][v], "");
            LLVMBuildStore(e->builder, fused_multiply_add(e, left, right[v], sum), t->sums[r][v]);
        }
    }
}

static void tile_sums(Tile *t)
{
    Emitter *e = t->e;
    LLVMValueRef whole = LLVMBuildAnd(e->builder, t->arg[TILE_K], const_i64(e, -STEPS), "");
    Counter blocks = loop_begin(e, const_i64(e, 0), whole, STEPS);
    for (int64_t step = 0; step < STEPS; step++)
        tile_step(t, add(e, blocks.index, const_i64(e, step)));
    loop_end(e, &blocks);
    Counter rest = loop_begin(e, whole, t->arg[TILE_K], 1);
    tile_step(t, rest.index);
    loop_end(e, &rest);
}

static LLVMValueRef place_of(Tile *t, unsigned row, unsigned vector)
{
    LLVMValueRef out = advance_by(t->e, t->dtype, t->arg[TILE_OUT], t->arg[TILE_OUT_ROW], row);
    return advance_const(t->e, t->dtype, out, (int64_t)vector * t->s.lanes);
}

static void load_sum(Tile *t, unsigned row, unsigned vector, LLVMValueRef mask)
{
    LLVMValueRef sum = read_vector(t->e, t->dtype, place_of(t, row, vector), t->s.lanes, mask);
    LLVMBuildStore(t->e->builder, sum, t->sums[row][vector]);
}

static void store_sum(Tile *t, unsigned row, unsigned vector, LLVMValueRef count)
{
    LLVMTypeRef type = register_type(t->e, t->dtype, t->s.lanes);
    LLVMValueRef sum = LLVMBuildLoad2(t->e->builder, type, t->sums[row][vector], "");
    if (count)
        write_lanes(t->e, t->dtype, sum, place_of(t, row, vector), t->s.lanes, count);
    else
        write_vector(t->e, t->dtype, sum, place_of(t, row, vector), NULL);
}

/* The rows and columns of out that count, of a tile that is not full. */
static void some_rows(Tile *t, bool store)
{
    Emitter *e = t->e;
    LLVMBasicBlockRef done = LLVMAppendBasicBlockInContext(e->context, e->function, "rows_done");
    for (unsigned r = 0; r < t->s.rows; r++) {
        LLVMBasicBlockRef row = LLVMAppendBasicBlockInContext(e->context, e->function, "row");
        LLVMValueRef counts = LLVMBuildICmp(e->builder, LLVMIntSLT, const_i64(e, r), t->arg[TILE_ROWS], "");
        LLVMBuildCondBr(e->builder, counts, row, done);
        LLVMPositionBuilderAtEnd(e->builder, row);
        for (unsigned v = 0; v < t->s.vectors; v++) {
            LLVMValueRef left = LLVMBuildSub(e->builder, t->arg[TILE_COLUMNS], const_i64(e, (int64_t)v * t->s.lanes), "");
            if (store)
                store_sum(t, r, v, left);
            else
                load_sum(t, r, v, lanes_below(e, t->s.lanes, left));
        }
    }
    LLVMBuildBr(e->builder, done);
    LLVMPositionBuilderAtEnd(e->builder, done);
}

/* The sums of a block are read from out, or written to it: without any masks if the tile is full, as most are. */
static void tile_rows(Tile *t, bool store)
{
    Emitter *e = t->e;
    LLVMBasicBlockRef full = LLVMAppendBasicBlockInContext(e->context, e->function, "full");
    LLVMBasicBlockRef some = LLVMAppendBasicBlockInContext(e->context, e->function, "some");
    LLVMBasicBlockRef done = LLVMAppendBasicBlockInContext(e->context, e->function, "tile_done");
    LLVMBuildCondBr(e->builder, t->full, full, some);
    LLVMPositionBuilderAtEnd(e->builder, full);
    for (unsigned r = 0; r < t->s.rows; r++)
        for (unsigned v = 0; v < t->s.vectors; v++)
            store ? store_sum(t, r, v, NULL) : load_sum(t, r, v, NULL);
    LLVMBuildBr(e->builder, done);
    LLVMPositionBuilderAtEnd(e->builder, some);
    some_rows(t, store);
    LLVMBuildBr(e->builder, done);
    LLVMPositionBuilderAtEnd(e->builder, done);
}

/* hn_tile_*(lhs, rhs, out, its row stride, k, rows, columns, first block of k): both operands are packed. */
static LLVMValueRef tile_function(Emitter *e, DType dtype)
{
    char name[32];
    snprintf(name, sizeof name, "hn_tile_%s", dtype_name(dtype));
    LLVMValueRef function = LLVMGetNamedFunction(e->module, name);
    if (function)
        return function;
    LLVMTypeRef types[TILE_PARAMETERS] = {e->pointer, e->pointer, e->pointer, e->i64, e->i64, e->i64, e->i64, e->i1};
    function = inner_function(e, name, TILE_PARAMETERS, types);
    Aside aside = inner_begin(e, function);
    Tile t = {.e = e, .dtype = dtype, .s = sizes_for(e, dtype)};
    for (unsigned i = 0; i < TILE_PARAMETERS; i++)
        t.arg[i] = LLVMGetParam(function, i);
    LLVMValueRef rows = LLVMBuildICmp(e->builder, LLVMIntEQ, t.arg[TILE_ROWS], const_i64(e, t.s.rows), "");
    LLVMValueRef columns = LLVMBuildICmp(e->builder, LLVMIntEQ, t.arg[TILE_COLUMNS], const_i64(e, t.s.columns), "");
    t.full = LLVMBuildAnd(e->builder, rows, columns, "");
    for (unsigned r = 0; r < t.s.rows; r++) /* the next columns: far apart, so that no processor guesses them */
        prefetch(e, advance_const(e, dtype, place_of(&t, r, 0), t.s.columns), true);
    for (unsigned r = 0; r < t.s.rows; r++)
        for (unsigned v = 0; v < t.s.vectors; v++) {
            t.sums[r][v] = make_variable(e, register_type(e, dtype, t.s.lanes));
            LLVMBuildStore(e->builder, emit_number(e, dtype, 0, t.s.lanes), t.sums[r][v]);
        }
    LLVMBasicBlockRef load = LLVMAppendBasicBlockInContext(e->context, function, "load");
    LLVMBasicBlockRef started = LLVMAppendBasicBlockInContext(e->context, function, "started");
    LLVMBuildCondBr(e->builder, t.arg[TILE_FIRST], started, load);
    LLVMPositionBuilderAtEnd(e->builder, load);
    tile_rows(&t, false);
    LLVMBuildBr(e->builder, started);
    LLVMPositionBuilderAtEnd(e->builder, started);
    tile_sums(&t);
    tile_rows(&t, true);
    inner_end(e, aside);
    return function;
}

/* ---- packing ---- */

enum { FROM, FROM_LINE, FROM_K, TO, GATHER_K, GATHER_COUNT, GATHER_PARAMETERS };

/* `width` lines (rows of lhs, or columns of rhs), of which `count` exist, become to[k][width]. Beyond the last line, the last
 * line is copied again: such sums are never stored, but must not be slow (denormals). */
typedef struct Gather {
    Emitter *e;
    DType dtype;
    unsigned width;
    LLVMValueRef arg[GATHER_PARAMETERS], lines[MOST_LANES];
} Gather;

/* The largest square of lines from `first` on. */
static unsigned square_at(const Gather *g, unsigned first)
{
    unsigned side = SIDE;
    while (first + side > g->width)
        side /= 2;
    return side;
}

/* All lines exist and lie side by side: to[k] is a run of memory. */
static void gather_runs(Gather *g)
{
    Emitter *e = g->e;
    Counter k = loop_begin(e, const_i64(e, 0), g->arg[GATHER_K], 1);
    LLVMValueRef from = advance_along(e, g->dtype, g->arg[FROM], k.index, g->arg[FROM_K]);
    LLVMValueRef to = advance_by(e, g->dtype, g->arg[TO], k.index, g->width);
    for (unsigned first = 0, side; first < g->width; first += side) {
        side = square_at(g, first);
        LLVMValueRef run = read_vector(e, g->dtype, advance_const(e, g->dtype, from, first), side, NULL);
        write_vector(e, g->dtype, run, advance_const(e, g->dtype, to, first), NULL);
    }
    prefetch(e, advance_const(e, g->dtype, from, g->width), false);
    loop_end(e, &k);
}

/* Steps of k from `first` on, number by number. */
static void gather_numbers(Gather *g, LLVMValueRef first)
{
    Emitter *e = g->e;
    Counter k = loop_begin(e, first, g->arg[GATHER_K], 1);
    LLVMValueRef offset = LLVMBuildMul(e->builder, k.index, g->arg[FROM_K], "");
    LLVMValueRef to = advance_by(e, g->dtype, g->arg[TO], k.index, g->width);
    for (unsigned i = 0; i < g->width; i++) {
        LLVMValueRef number = load_scalar(e, g->dtype, emit_advance(e, g->dtype, g->lines[i], offset));
        store_scalar(e, g->dtype, number, advance_const(e, g->dtype, to, i));
    }
    loop_end(e, &k);
}

/* Lines whose numbers lie side by side: squares are transposed. Returns the k up to which this was done. */
static LLVMValueRef gather_squares(Gather *g)
{
    Emitter *e = g->e;
    LLVMValueRef whole = LLVMBuildAnd(e->builder, g->arg[GATHER_K], const_i64(e, -SIDE), "");
    Counter k = loop_begin(e, const_i64(e, 0), whole, SIDE);
    LLVMValueRef to = advance_by(e, g->dtype, g->arg[TO], k.index, g->width);
    for (unsigned first = 0, side; first < g->width; first += side) {
        side = square_at(g, first);
        for (unsigned step = 0; step < SIDE; step += side) {
            LLVMValueRef square[SIDE], at = add(e, k.index, const_i64(e, step));
            for (unsigned i = 0; i < side; i++)
                square[i] = read_vector(e, g->dtype, emit_advance(e, g->dtype, g->lines[first + i], at), side, NULL);
            transpose_square(e, square, side);
            for (unsigned i = 0; i < side; i++)
                write_vector(e, g->dtype, square[i], advance_const(e, g->dtype, to, (int64_t)(step + i) * g->width + first),
                             NULL);
        }
    }
    loop_end(e, &k);
    return whole;
}

static void gather_body(Gather *g)
{
    Emitter *e = g->e;
    LLVMBasicBlockRef blocks[5];
    static const char *const names[] = {"runs", "not_runs", "squares", "numbers", "gathered"};
    for (unsigned i = 0; i < 5; i++)
        blocks[i] = LLVMAppendBasicBlockInContext(e->context, e->function, names[i]);
    LLVMValueRef one = const_i64(e, 1), last = LLVMBuildSub(e->builder, g->arg[GATHER_COUNT], one, "");
    LLVMValueRef full = LLVMBuildICmp(e->builder, LLVMIntEQ, g->arg[GATHER_COUNT], const_i64(e, g->width), "");
    LLVMValueRef side_by_side = LLVMBuildICmp(e->builder, LLVMIntEQ, g->arg[FROM_LINE], one, "");
    LLVMBuildCondBr(e->builder, LLVMBuildAnd(e->builder, full, side_by_side, ""), blocks[0], blocks[1]);

    LLVMPositionBuilderAtEnd(e->builder, blocks[0]);
    gather_runs(g);
    LLVMBuildBr(e->builder, blocks[4]);

    LLVMPositionBuilderAtEnd(e->builder, blocks[1]);
    for (unsigned i = 0; i < g->width; i++)
        g->lines[i] = advance_along(e, g->dtype, g->arg[FROM], emit_less(e, const_i64(e, i), last), g->arg[FROM_LINE]);
    LLVMValueRef along = LLVMBuildICmp(e->builder, LLVMIntEQ, g->arg[FROM_K], one, "");
    LLVMBuildCondBr(e->builder, along, blocks[2], blocks[3]);

    LLVMPositionBuilderAtEnd(e->builder, blocks[2]);
    gather_numbers(g, gather_squares(g));
    LLVMBuildBr(e->builder, blocks[4]);

    LLVMPositionBuilderAtEnd(e->builder, blocks[3]);
    gather_numbers(g, const_i64(e, 0));
    LLVMBuildBr(e->builder, blocks[4]);
    LLVMPositionBuilderAtEnd(e->builder, blocks[4]);
}

/* hn_gather_*(from, from one line to the next, from one k to the next, to, k, count) */
static LLVMValueRef gather_function(Emitter *e, DType dtype, unsigned width)
{
    char name[32];
    snprintf(name, sizeof name, "hn_gather_%s_%u", dtype_name(dtype), width);
    LLVMValueRef function = LLVMGetNamedFunction(e->module, name);
    if (function)
        return function;
    LLVMTypeRef types[GATHER_PARAMETERS] = {e->pointer, e->i64, e->i64, e->pointer, e->i64, e->i64};
    function = inner_function(e, name, GATHER_PARAMETERS, types);
    Aside aside = inner_begin(e, function);
    Gather g = {.e = e, .dtype = dtype, .width = width};
    for (unsigned i = 0; i < GATHER_PARAMETERS; i++)
        g.arg[i] = LLVMGetParam(function, i);
    gather_body(&g);
    inner_end(e, aside);
    return function;
}

/* ---- blocks ---- */

enum {
    LHS,
    LHS_ROW,
    LHS_COLUMN,
    RHS,
    RHS_ROW,
    RHS_COLUMN,
    OUT,
    OUT_ROW,
    FIRST_ROW,
    END_ROW,
    FIRST_COLUMN,
    END_COLUMN,
    INNER,
    PARAMETERS
};

typedef struct Blocks {
    Emitter *e;
    DType dtype;
    Sizes s;
    LLVMValueRef arg[PARAMETERS], lhs, rhs; /* lhs, rhs: memory for packed operands */
    LLVMValueRef row, rows, k, steps;       /* the block at work: where it begins, and how much there is */
} Blocks;

static LLVMValueRef packed_tile(Blocks *b, LLVMValueRef row)
{
    return advance_along(b->e, b->dtype, b->lhs, row, b->steps);
}

static void pack_lhs(Blocks *b)
{
    Emitter *e = b->e;
    Counter tile = loop_begin(e, const_i64(e, 0), b->rows, b->s.rows);
    LLVMValueRef from = advance_along(e, b->dtype, b->arg[LHS], add(e, b->row, tile.index), b->arg[LHS_ROW]);
    from = advance_along(e, b->dtype, from, b->k, b->arg[LHS_COLUMN]);
    LLVMValueRef args[GATHER_PARAMETERS] = {from,
                                            b->arg[LHS_ROW],
                                            b->arg[LHS_COLUMN],
                                            packed_tile(b, tile.index),
                                            b->steps,
                                            rest_of(e, tile.index, b->rows, b->s.rows)};
    inner_call(e, gather_function(e, b->dtype, b->s.rows), GATHER_PARAMETERS, args);
    loop_end(e, &tile);
}

/* Some columns, packed, for all tiles of the block. */
static void block_columns(Blocks *b, LLVMValueRef column)
{
    Emitter *e = b->e;
    LLVMValueRef count = rest_of(e, column, b->arg[END_COLUMN], b->s.columns);
    LLVMValueRef from = advance_along(e, b->dtype, b->arg[RHS], b->k, b->arg[RHS_ROW]);
    from = advance_along(e, b->dtype, from, column, b->arg[RHS_COLUMN]);
    LLVMValueRef pack[GATHER_PARAMETERS] = {from, b->arg[RHS_COLUMN], b->arg[RHS_ROW], b->rhs, b->steps, count};
    inner_call(e, gather_function(e, b->dtype, b->s.columns), GATHER_PARAMETERS, pack);
    Counter tile = loop_begin(e, const_i64(e, 0), b->rows, b->s.rows);
    LLVMValueRef out = advance_along(e, b->dtype, b->arg[OUT], add(e, b->row, tile.index), b->arg[OUT_ROW]);
    LLVMValueRef args[TILE_PARAMETERS] = {
        [TILE_LHS] = packed_tile(b, tile.index),
        [TILE_RHS] = b->rhs,
        [TILE_OUT] = emit_advance(e, b->dtype, out, column),
        [TILE_OUT_ROW] = b->arg[OUT_ROW],
        [TILE_K] = b->steps,
        [TILE_ROWS] = rest_of(e, tile.index, b->rows, b->s.rows),
        [TILE_COLUMNS] = count,
        [TILE_FIRST] = LLVMBuildICmp(e->builder, LLVMIntEQ, b->k, const_i64(e, 0), ""),
    };
    inner_call(e, tile_function(e, b->dtype), TILE_PARAMETERS, args);
    loop_end(e, &tile);
}

static void block_loops(Blocks *b)
{
    Emitter *e = b->e;
    Counter row = loop_begin(e, b->arg[FIRST_ROW], b->arg[END_ROW], b->s.block_rows);
    b->row = row.index;
    b->rows = rest_of(e, row.index, b->arg[END_ROW], b->s.block_rows);
    Counter k = loop_begin(e, const_i64(e, 0), b->arg[INNER], b->s.block_k);
    b->k = k.index;
    b->steps = rest_of(e, k.index, b->arg[INNER], b->s.block_k);
    pack_lhs(b);
    Counter column = loop_begin(e, b->arg[FIRST_COLUMN], b->arg[END_COLUMN], b->s.columns);
    block_columns(b, column.index);
    loop_end(e, &column);
    loop_end(e, &k);
    loop_end(e, &row);
}

static LLVMValueRef packing_memory(Emitter *e, DType dtype, int64_t elements)
{
    LLVMValueRef memory = make_variable(e, LLVMArrayType2(element_type(e, dtype), (uint64_t)elements));
    LLVMSetAlignment(memory, (unsigned)e->target.cache_line);
    return memory;
}

/* hn_product_*(lhs, its strides, rhs, its strides, out, its row stride, rows, columns, k): rows and columns are ranges. */
static LLVMValueRef product_function(Emitter *e, DType dtype)
{
    char name[32];
    snprintf(name, sizeof name, "hn_product_%s", dtype_name(dtype));
    LLVMValueRef function = LLVMGetNamedFunction(e->module, name);
    if (function)
        return function;
    LLVMTypeRef types[PARAMETERS];
    for (unsigned i = 0; i < PARAMETERS; i++)
        types[i] = i == LHS || i == RHS || i == OUT ? e->pointer : e->i64;
    function = inner_function(e, name, PARAMETERS, types);
    Aside aside = inner_begin(e, function);
    Blocks b = {.e = e, .dtype = dtype, .s = sizes_for(e, dtype)};
    for (unsigned i = 0; i < PARAMETERS; i++)
        b.arg[i] = LLVMGetParam(function, i);
    b.lhs = packing_memory(e, dtype, b.s.block_rows * b.s.block_k);
    b.rhs = packing_memory(e, dtype, b.s.columns * b.s.block_k);
    block_loops(&b);
    inner_end(e, aside);
    return function;
}

/* ---- a product ---- */

static bool splits_rows(const Product *p)
{
    return p->m > p->n;
}

void emit_blocks(Emitter *e, const Product *p, LLVMValueRef lhs, LLVMValueRef rhs, LLVMValueRef out, bool split)
{
    LLVMValueRef args[PARAMETERS] = {
        [LHS] = lhs,
        [LHS_ROW] = const_i64(e, p->lhs.row),
        [LHS_COLUMN] = const_i64(e, p->lhs.column),
        [RHS] = rhs,
        [RHS_ROW] = const_i64(e, p->rhs.row),
        [RHS_COLUMN] = const_i64(e, p->rhs.column),
        [OUT] = out,
        [OUT_ROW] = const_i64(e, p->out.row),
        [FIRST_ROW] = const_i64(e, 0),
        [END_ROW] = const_i64(e, p->m),
        [FIRST_COLUMN] = const_i64(e, 0),
        [END_COLUMN] = const_i64(e, p->n),
        [INNER] = const_i64(e, p->k),
    };
    if (split) {
        args[splits_rows(p) ? FIRST_ROW : FIRST_COLUMN] = e->begin;
        args[splits_rows(p) ? END_ROW : END_COLUMN] = e->end;
    }
    inner_call(e, product_function(e, p->dtype), PARAMETERS, args);
}

KernelSplit blocks_split(const Emitter *e, const Product *p)
{
    Sizes s = sizes_for(e, p->dtype);
    return splits_rows(p) ? (KernelSplit){p->m, s.rows} : (KernelSplit){p->n, s.columns};
}
