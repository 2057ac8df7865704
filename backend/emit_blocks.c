/* Products of large matrices as generated code, where sums are short, the target has no BLAS, or the entries of a matrix do not
 * lie as BLAS reads them. Both operands are copied (packed) in the order in which they are read: a block of lhs, which stays in
 * the far cache, as tiles of a few rows, and then a few columns of rhs, which stay in the near cache. A tile of rows by columns
 * keeps its sums in registers while k runs over the block.
 *
 * Each element is the sum over k = 0, 1, ... by fused multiply-adds, as in emit_tile.c, whatever the processor, the sizes of
 * blocks and the number of threads: a tile that is not full is computed with filler numbers whose results are not stored.
 *
 * These are functions of places and extents, emitted once per module and type, and used by all products:
 *     hn_product_*   the loops over blocks
 *     hn_gather_*    the copy of one tile of lhs, or of some columns of rhs (emit_gather.c)
 *     hn_tile_*      one tile, for one block of k
 * Each is there twice: for matrices with strides, and for matrices whose entries lie where tables say, as the windows of an image
 * do (emit_offsets.c). Where rows are few, as the channels of a small convolution, there are also tiles of fewer rows, which
 * leave no row idle. After K. Goto and R. van de Geijn, Anatomy of High-Performance Matrix Multiplication, ACM TOMS 34 (3), 2008.
 */
#include <stdio.h>

#include "backend/blocks.h"

enum {
    STEPS = 4, /* of k in the inner loop */
    MOST_ROWS = 12,
    MOST_VECTORS = 2,
    FEW_TILES = 6,     /* of rows: with more, idle rows of the last one cost little */
    READ_IN_PLACE = 2, /* so many tiles of rows read rhs where it lies */
};

/* Extents of a tile and of blocks. All sums of a tile, one row of rhs and one number of lhs together fill the registers. */
typedef struct Sizes {
    unsigned rows, vectors, lanes, columns;
    unsigned runs;               /* of a vector of rhs, which is read where it lies; 0: rhs is packed */
    int64_t block_k, block_rows; /* block_rows: a multiple of rows */
} Sizes;

/* For `rows` rows of lhs: few of them are divided into as few tiles as possible, of equal height. */
static Sizes sizes_for(const Emitter *e, DType dtype, int64_t rows)
{
    bool wide = e->target.registers >= WIDE_REGISTERS;
    Sizes s = {.rows = wide ? 12 : 6, .vectors = wide ? 2 : 1, .lanes = target_lanes(&e->target, dtype)};
    int64_t tiles = (rows + s.rows - 1) / s.rows;
    if (tiles > 0 && tiles <= FEW_TILES)
        s.rows = (unsigned)((rows + tiles - 1) / tiles);
    int64_t size = (int64_t)dtype_size(dtype);
    s.columns = s.vectors * s.lanes;
    s.block_k = e->target.near_cache / 2 / (e->target.lanes_f32 * (int64_t)sizeof(float));
    s.block_rows = e->target.far_cache / 4 / (s.block_k * size) / s.rows * s.rows;
    return s;
}

/* How many runs a vector of columns has at most, if they are read where they lie: for so few rows, packing them takes as long as
 * the product. Processors without AVX-512 have too few registers for the masks. */
static unsigned runs_in_place(const Emitter *e, Sizes s, const AxisList *columns, int64_t rows)
{
    if (!columns || e->target.registers < WIDE_REGISTERS || rows > READ_IN_PLACE * s.rows)
        return 0;
    unsigned runs = runs_of_vectors(columns, s.lanes);
    return runs <= MOST_VECTOR_RUNS ? runs : 0;
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

/* ---- one tile ---- */

enum {
    TILE_LHS,
    TILE_RHS,
    TILE_OUT,
    TILE_OUT_ROW,
    TILE_OUT_COLUMN, /* of a table; without one, columns lie side by side */
    TILE_K,
    TILE_ROWS,
    TILE_COLUMNS,
    TILE_FIRST,
    TILE_RHS_COLUMN, /* where rhs is not packed */
    TILE_RHS_ROW,
    TILE_RHS_LEFT, /* columns of rhs from this tile on */
    TILE_PARAMETERS
};

typedef struct Tile {
    Emitter *e;
    DType dtype;
    Sizes s;
    bool tables;
    LLVMValueRef arg[TILE_PARAMETERS], full, sums[MOST_ROWS][MOST_VECTORS];
    LLVMValueRef out;                 /* the first column */
    LLVMValueRef side_by_side, row;   /* with tables: whether all columns lie so; memory for a row of sums */
    VectorRuns runs[MOST_VECTORS];    /* of rhs that is not packed */
    LLVMValueRef ahead[MOST_VECTORS]; /* where the vectors of the next tile begin */
} Tile;

/* A vector of rhs at k. */
static LLVMValueRef read_right(Tile *t, LLVMValueRef k, unsigned vector)
{
    Emitter *e = t->e;
    if (t->s.runs)
        return read_runs(e, t->dtype, &t->runs[vector], offset_along(e, true, t->arg[TILE_RHS_ROW], k), t->s.lanes);
    LLVMValueRef rhs = advance_by(e, t->dtype, t->arg[TILE_RHS], k, t->s.columns);
    return read_vector(e, t->dtype, advance_const(e, t->dtype, rhs, (int64_t)vector * t->s.lanes), t->s.lanes, NULL);
}

/* Asks for what the next tile will read at k, by turns for each vector, as neighbours of k mostly have the same cache lines. The
 * next columns may lie in another row or another image, so that no processor guesses them. */
static void ask_ahead(Tile *t, LLVMValueRef k, unsigned turn)
{
    LLVMValueRef offset = offset_along(t->e, true, t->arg[TILE_RHS_ROW], k);
    prefetch(t->e, emit_advance(t->e, t->dtype, t->ahead[turn % t->s.vectors], offset), false);
}

static void tile_step(Tile *t, LLVMValueRef k)
{
    Emitter *e = t->e;
    LLVMTypeRef type = register_type(e, t->dtype, t->s.lanes);
    LLVMValueRef lhs = advance_by(e, t->dtype, t->arg[TILE_LHS], k, t->s.rows), right[MOST_VECTORS];
    for (unsigned v = 0; v < t->s.vectors; v++)
        right[v] = read_right(t, k, v);
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
    for (unsigned step = 0; step < STEPS; step++) {
        LLVMValueRef k = add(e, blocks.index, const_i64(e, step));
        if (t->s.runs)
            ask_ahead(t, k, step);
        tile_step(t, k);
    }
    loop_end(e, &blocks);
    Counter rest = loop_begin(e, whole, t->arg[TILE_K], 1);
    tile_step(t, rest.index);
    loop_end(e, &rest);
}

static LLVMValueRef place_of(Tile *t, unsigned row, unsigned vector)
{
    LLVMValueRef offset = offset_along(t->e, t->tables, t->arg[TILE_OUT_ROW], const_i64(t->e, row));
    return advance_const(t->e, t->dtype, emit_advance(t->e, t->dtype, t->out, offset), (int64_t)vector * t->s.lanes);
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

/* The columns of a row that count, side by side. */
static void some_columns(Tile *t, unsigned row, bool store)
{
    Emitter *e = t->e;
    for (unsigned v = 0; v < t->s.vectors; v++) {
        LLVMValueRef left = LLVMBuildSub(e->builder, t->arg[TILE_COLUMNS], const_i64(e, (int64_t)v * t->s.lanes), "");
        if (store)
            store_sum(t, row, v, left);
        else
            load_sum(t, row, v, lanes_below(e, t->s.lanes, left));
    }
}

/* The same of columns that lie where the table says, one by one. */
static void scattered_columns(Tile *t, unsigned row, bool store)
{
    Emitter *e = t->e;
    LLVMTypeRef type = register_type(e, t->dtype, t->s.lanes);
    for (unsigned v = 0; v < t->s.vectors; v++) {
        LLVMValueRef sum =
            store ? LLVMBuildLoad2(e->builder, type, t->sums[row][v], "") : emit_number(e, t->dtype, 0, t->s.lanes);
        write_vector(e, t->dtype, sum, advance_const(e, t->dtype, t->row, (int64_t)v * t->s.lanes), NULL);
    }
    LLVMValueRef begin =
        emit_advance(e, t->dtype, t->arg[TILE_OUT], offset_along(e, true, t->arg[TILE_OUT_ROW], const_i64(e, row)));
    Counter column = loop_begin(e, const_i64(e, 0), t->arg[TILE_COLUMNS], 1);
    LLVMValueRef place = emit_advance(e, t->dtype, begin, offset_along(e, true, t->arg[TILE_OUT_COLUMN], column.index));
    LLVMValueRef kept = emit_advance(e, t->dtype, t->row, column.index);
    store_scalar(e, t->dtype, load_scalar(e, t->dtype, store ? kept : place), store ? place : kept);
    loop_end(e, &column);
    for (unsigned v = 0; v < t->s.vectors && !store; v++) {
        LLVMValueRef from = advance_const(e, t->dtype, t->row, (int64_t)v * t->s.lanes);
        LLVMBuildStore(e->builder, read_vector(e, t->dtype, from, t->s.lanes, NULL), t->sums[row][v]);
    }
}

/* The rows and columns of out that count, of a tile that is not full. */
static void some_rows(Tile *t, bool store, void (*columns)(Tile *, unsigned, bool))
{
    Emitter *e = t->e;
    LLVMBasicBlockRef done = LLVMAppendBasicBlockInContext(e->context, e->function, "rows_done");
    for (unsigned r = 0; r < t->s.rows; r++) {
        LLVMBasicBlockRef row = LLVMAppendBasicBlockInContext(e->context, e->function, "row");
        LLVMValueRef counts = LLVMBuildICmp(e->builder, LLVMIntSLT, const_i64(e, r), t->arg[TILE_ROWS], "");
        LLVMBuildCondBr(e->builder, counts, row, done);
        LLVMPositionBuilderAtEnd(e->builder, row);
        columns(t, r, store);
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
    if (t->tables) {
        LLVMBasicBlockRef beside = LLVMAppendBasicBlockInContext(e->context, e->function, "beside");
        LLVMBasicBlockRef scattered = LLVMAppendBasicBlockInContext(e->context, e->function, "scattered");
        LLVMBuildCondBr(e->builder, t->side_by_side, beside, scattered);
        LLVMPositionBuilderAtEnd(e->builder, scattered);
        some_rows(t, store, scattered_columns);
        LLVMBuildBr(e->builder, done);
        LLVMPositionBuilderAtEnd(e->builder, beside);
    }
    some_rows(t, store, some_columns);
    LLVMBuildBr(e->builder, done);
    LLVMPositionBuilderAtEnd(e->builder, done);
}

/* Where the first column is, whether the tile is full, and, with tables, whether its columns lie side by side. */
static void find_columns(Tile *t)
{
    Emitter *e = t->e;
    LLVMValueRef rows = LLVMBuildICmp(e->builder, LLVMIntEQ, t->arg[TILE_ROWS], const_i64(e, t->s.rows), "");
    LLVMValueRef columns = LLVMBuildICmp(e->builder, LLVMIntEQ, t->arg[TILE_COLUMNS], const_i64(e, t->s.columns), "");
    t->full = LLVMBuildAnd(e->builder, rows, columns, "");
    t->out = t->arg[TILE_OUT];
    if (!t->tables)
        return;
    t->out = emit_advance(e, t->dtype, t->out, offset_along(e, true, t->arg[TILE_OUT_COLUMN], const_i64(e, 0)));
    t->side_by_side = runs_along(e, t->arg[TILE_OUT_COLUMN], const_i64(e, 0), t->arg[TILE_COLUMNS]);
    t->full = LLVMBuildAnd(e->builder, t->full, t->side_by_side, "");
    t->row = make_variable(e, LLVMArrayType2(element_type(e, t->dtype), t->s.columns));
}

/* Where the vectors of the next tile begin, if rhs has one more: else at its last column. */
static void find_ahead(Tile *t)
{
    Emitter *e = t->e;
    LLVMValueRef last = LLVMBuildSub(e->builder, t->arg[TILE_RHS_LEFT], const_i64(e, 1), "");
    for (unsigned v = 0; v < t->s.vectors; v++) {
        LLVMValueRef next = emit_less(e, last, const_i64(e, t->s.columns + (int64_t)v * t->s.lanes));
        t->ahead[v] = emit_advance(e, t->dtype, t->arg[TILE_RHS], offset_along(e, true, t->arg[TILE_RHS_COLUMN], next));
    }
}

/* The name of a function for tiles of that height. */
static void name_function(char *name, size_t size, const char *what, DType dtype, Sizes s, bool tables)
{
    int length = snprintf(name, size, "hn_%s_%s_%u%s", what, dtype_name(dtype), s.rows, tables ? "_tables" : "");
    if (s.runs)
        snprintf(name + length, size - (size_t)length, "_runs%u", s.runs);
}

static unsigned tile_parameters(Sizes s)
{
    return s.runs ? TILE_PARAMETERS : TILE_RHS_COLUMN;
}

/* hn_tile_*(lhs, rhs, out, along its rows, along its columns, k, rows, columns, first block of k): both operands are packed. Or,
 * at the end, the tables of the columns and of the k of rhs, which is not. */
static LLVMValueRef tile_function(Emitter *e, DType dtype, Sizes s, bool tables)
{
    char name[48];
    name_function(name, sizeof name, "tile", dtype, s, tables);
    LLVMValueRef function = LLVMGetNamedFunction(e->module, name);
    if (function)
        return function;
    LLVMTypeRef along = tables ? e->pointer : e->i64;
    LLVMTypeRef types[TILE_PARAMETERS] = {e->pointer, e->pointer, e->pointer, along, along, e->i64,
                                          e->i64,     e->i64,     e->i1,      along, along, e->i64};
    function = inner_function(e, name, tile_parameters(s), types);
    Aside aside = inner_begin(e, function);
    Tile t = {.e = e, .dtype = dtype, .s = s, .tables = tables};
    for (unsigned i = 0; i < tile_parameters(s); i++)
        t.arg[i] = LLVMGetParam(function, i);
    find_columns(&t);
    for (unsigned v = 0; v < s.vectors && s.runs; v++)
        t.runs[v] = find_runs(e, dtype, t.arg[TILE_RHS], t.arg[TILE_RHS_COLUMN], s.runs, s.lanes,
                              const_i64(e, (int64_t)v * s.lanes), t.arg[TILE_COLUMNS]);
    if (s.runs)
        find_ahead(&t);
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

/* ---- blocks ---- */

typedef struct Blocks {
    Emitter *e;
    DType dtype;
    Sizes s;
    bool tables;
    LLVMValueRef arg[BLOCKS_PARAMETERS];
    LLVMValueRef row, rows, k, steps; /* the block at work: where it begins, and how much there is */
} Blocks;

static LLVMValueRef packed_tile(Blocks *b, LLVMValueRef row)
{
    return emit_advance(b->e, b->dtype, b->arg[BLOCKS_PACKED_LHS], LLVMBuildMul(b->e->builder, row, b->steps, ""));
}

/* One of the two matrices that are read, from that line and the block's k on. */
typedef struct Lines {
    LLVMValueRef from, line, k;
} Lines;

static Lines lines_from(Blocks *b, unsigned matrix, unsigned line, unsigned k, LLVMValueRef first)
{
    Lines lines = {b->arg[matrix], b->arg[line], b->arg[k]};
    begin_along(b->e, b->dtype, b->tables, &lines.from, &lines.line, first);
    begin_along(b->e, b->dtype, b->tables, &lines.from, &lines.k, b->k);
    return lines;
}

static void pack(Blocks *b, unsigned width, Lines lines, LLVMValueRef to, LLVMValueRef count)
{
    LLVMValueRef args[GATHER_PARAMETERS] = {lines.from, lines.line, lines.k, to, b->steps, count};
    inner_call(b->e, gather_function(b->e, b->dtype, width, b->tables), GATHER_PARAMETERS, args);
}

static void pack_lhs(Blocks *b)
{
    Emitter *e = b->e;
    Counter tile = loop_begin(e, const_i64(e, 0), b->rows, b->s.rows);
    Lines lines = lines_from(b, BLOCKS_LHS, BLOCKS_LHS_ROW, BLOCKS_LHS_COLUMN, add(e, b->row, tile.index));
    LLVMValueRef to = packed_tile(b, tile.index);
    pack(b, b->s.rows, lines, to, rest_of(e, tile.index, b->rows, b->s.rows));
    loop_end(e, &tile);
}

/* Some columns, for all tiles of the block. */
static void block_columns(Blocks *b, LLVMValueRef column)
{
    Emitter *e = b->e;
    LLVMValueRef count = rest_of(e, column, b->arg[BLOCKS_END_COLUMN], b->s.columns);
    Lines rhs = lines_from(b, BLOCKS_RHS, BLOCKS_RHS_COLUMN, BLOCKS_RHS_ROW, column);
    if (!b->s.runs)
        pack(b, b->s.columns, rhs, b->arg[BLOCKS_PACKED_RHS], count);
    LLVMValueRef begins = LLVMBuildICmp(e->builder, LLVMIntEQ, b->k, const_i64(e, 0), "");
    begins = LLVMBuildAnd(e->builder, begins, LLVMBuildNot(e->builder, b->arg[BLOCKS_ADD], ""), "");
    Counter tile = loop_begin(e, const_i64(e, 0), b->rows, b->s.rows);
    LLVMValueRef out = b->arg[BLOCKS_OUT], out_row = b->arg[BLOCKS_OUT_ROW], out_column = b->arg[BLOCKS_OUT_COLUMN];
    begin_along(e, b->dtype, b->tables, &out, &out_row, add(e, b->row, tile.index));
    begin_along(e, b->dtype, b->tables, &out, &out_column, column);
    LLVMValueRef args[TILE_PARAMETERS] = {
        [TILE_LHS] = packed_tile(b, tile.index),
        [TILE_RHS] = b->s.runs ? rhs.from : b->arg[BLOCKS_PACKED_RHS],
        [TILE_OUT] = out,
        [TILE_OUT_ROW] = out_row,
        [TILE_OUT_COLUMN] = out_column,
        [TILE_K] = b->steps,
        [TILE_ROWS] = rest_of(e, tile.index, b->rows, b->s.rows),
        [TILE_COLUMNS] = count,
        [TILE_FIRST] = begins,
        [TILE_RHS_COLUMN] = rhs.line,
        [TILE_RHS_ROW] = rhs.k,
        [TILE_RHS_LEFT] = LLVMBuildSub(e->builder, b->arg[BLOCKS_END_COLUMN], column, ""),
    };
    inner_call(e, tile_function(e, b->dtype, b->s, b->tables), tile_parameters(b->s), args);
    loop_end(e, &tile);
}

/* ceil(a / b) for a constant b, or one that is known only when the program runs. */
static LLVMValueRef quotient_up(Emitter *e, LLVMValueRef a, LLVMValueRef b)
{
    LLVMValueRef more = LLVMBuildSub(e->builder, add(e, a, b), const_i64(e, 1), "");
    return LLVMBuildUDiv(e->builder, more, b, "");
}

/* Rows of a block, so that as few blocks as possible are of equal size: each packs all columns again. */
static LLVMValueRef even_block(Blocks *b)
{
    Emitter *e = b->e;
    LLVMValueRef rows = LLVMBuildSub(e->builder, b->arg[BLOCKS_END_ROW], b->arg[BLOCKS_FIRST_ROW], "");
    LLVMValueRef tiles = quotient_up(e, rows, const_i64(e, b->s.rows));
    LLVMValueRef blocks = quotient_up(e, rows, const_i64(e, b->s.block_rows));
    blocks =
        LLVMBuildSelect(e->builder, LLVMBuildICmp(e->builder, LLVMIntEQ, rows, const_i64(e, 0), ""), const_i64(e, 1), blocks, "");
    return LLVMBuildMul(e->builder, quotient_up(e, tiles, blocks), const_i64(e, b->s.rows), "");
}

static void block_loops(Blocks *b)
{
    Emitter *e = b->e;
    LLVMValueRef most = even_block(b);
    Counter row = loop_by(e, b->arg[BLOCKS_FIRST_ROW], b->arg[BLOCKS_END_ROW], most);
    b->row = row.index;
    b->rows = emit_less(e, LLVMBuildSub(e->builder, b->arg[BLOCKS_END_ROW], row.index, ""), most);
    Counter k = loop_begin(e, const_i64(e, 0), b->arg[BLOCKS_INNER], b->s.block_k);
    b->k = k.index;
    b->steps = rest_of(e, k.index, b->arg[BLOCKS_INNER], b->s.block_k);
    pack_lhs(b);
    Counter column = loop_begin(e, b->arg[BLOCKS_FIRST_COLUMN], b->arg[BLOCKS_END_COLUMN], b->s.columns);
    block_columns(b, column.index);
    loop_end(e, &column);
    loop_end(e, &k);
    loop_end(e, &row);
}

static LLVMTypeRef parameter_type(const Emitter *e, unsigned parameter, bool tables)
{
    switch (parameter) {
    case BLOCKS_LHS:
    case BLOCKS_RHS:
    case BLOCKS_OUT:
    case BLOCKS_PACKED_LHS:
    case BLOCKS_PACKED_RHS:
        return e->pointer;
    case BLOCKS_ADD:
        return e->i1;
    default:
        return tables && parameter < BLOCKS_FIRST_ROW ? e->pointer : e->i64;
    }
}

static LLVMValueRef blocks_function(Emitter *e, DType dtype, Sizes s, bool tables)
{
    char name[48];
    name_function(name, sizeof name, "product", dtype, s, tables);
    LLVMValueRef function = LLVMGetNamedFunction(e->module, name);
    if (function)
        return function;
    LLVMTypeRef types[BLOCKS_PARAMETERS];
    for (unsigned i = 0; i < BLOCKS_PARAMETERS; i++)
        types[i] = parameter_type(e, i, tables);
    function = inner_function(e, name, BLOCKS_PARAMETERS, types);
    Aside aside = inner_begin(e, function);
    Blocks b = {.e = e, .dtype = dtype, .s = s, .tables = tables};
    for (unsigned i = 0; i < BLOCKS_PARAMETERS; i++)
        b.arg[i] = LLVMGetParam(function, i);
    block_loops(&b);
    inner_end(e, aside);
    return function;
}

static LLVMValueRef packing_memory(Emitter *e, DType dtype, int64_t elements)
{
    LLVMValueRef memory = make_variable(e, LLVMArrayType2(element_type(e, dtype), (uint64_t)elements));
    LLVMSetAlignment(memory, (unsigned)e->target.cache_line);
    return memory;
}

/* Whole tiles that hold so many rows. */
static int64_t whole_tiles(Sizes s, int64_t rows)
{
    return (rows + s.rows - 1) / s.rows * s.rows;
}

void call_blocks(Emitter *e, DType dtype, const AxisList *columns, int64_t rows, int64_t inner, LLVMValueRef *args)
{
    Sizes s = sizes_for(e, dtype, rows);
    s.runs = runs_in_place(e, s, columns, rows);
    int64_t steps = inner < s.block_k ? inner : s.block_k;
    int64_t block_rows = rows < s.block_rows ? whole_tiles(s, rows) : s.block_rows;
    args[BLOCKS_PACKED_LHS] = packing_memory(e, dtype, block_rows * steps);
    args[BLOCKS_PACKED_RHS] = packing_memory(e, dtype, s.runs ? 1 : s.columns * steps);
    inner_call(e, blocks_function(e, dtype, s, columns != NULL), BLOCKS_PARAMETERS, args);
}

void blocks_tile(const Emitter *e, DType dtype, int64_t rows, int64_t *tile_rows, int64_t *columns)
{
    Sizes s = sizes_for(e, dtype, rows);
    *tile_rows = s.rows;
    *columns = s.columns;
}

/* ---- a product ---- */

static bool splits_rows(const Product *p)
{
    return p->m > p->n;
}

void emit_blocks(Emitter *e, const Product *p, LLVMValueRef lhs, LLVMValueRef rhs, LLVMValueRef out, bool split)
{
    LLVMValueRef args[BLOCKS_PARAMETERS] = {
        [BLOCKS_LHS] = lhs,
        [BLOCKS_LHS_ROW] = const_i64(e, p->lhs.row),
        [BLOCKS_LHS_COLUMN] = const_i64(e, p->lhs.column),
        [BLOCKS_RHS] = rhs,
        [BLOCKS_RHS_ROW] = const_i64(e, p->rhs.row),
        [BLOCKS_RHS_COLUMN] = const_i64(e, p->rhs.column),
        [BLOCKS_OUT] = out,
        [BLOCKS_OUT_ROW] = const_i64(e, p->out.row),
        [BLOCKS_OUT_COLUMN] = const_i64(e, 1),
        [BLOCKS_FIRST_ROW] = const_i64(e, 0),
        [BLOCKS_END_ROW] = const_i64(e, p->m),
        [BLOCKS_FIRST_COLUMN] = const_i64(e, 0),
        [BLOCKS_END_COLUMN] = const_i64(e, p->n),
        [BLOCKS_INNER] = const_i64(e, p->k),
        [BLOCKS_ADD] = LLVMConstInt(e->i1, 0, false),
    };
    if (split) {
        args[splits_rows(p) ? BLOCKS_FIRST_ROW : BLOCKS_FIRST_COLUMN] = e->begin;
        args[splits_rows(p) ? BLOCKS_END_ROW : BLOCKS_END_COLUMN] = e->end;
    }
    call_blocks(e, p->dtype, NULL, p->m, p->k, args);
}

KernelSplit blocks_split(const Emitter *e, const Product *p)
{
    Sizes s = sizes_for(e, p->dtype, p->m);
    return splits_rows(p) ? (KernelSplit){p->m, s.rows} : (KernelSplit){p->n, s.columns};
}
