/* Products whose rows, columns or sums run over several axes that do not lie as one, such as those with the windows of images: a
 * convolution is one. Its windows are read where they are, overlapping, while they are packed for tiles (emit_blocks.c): no copy
 * of all of them is in memory. After M. Cho and D. Brand, MEC: Memory-efficient Convolution for Deep Neural Network, 2017, and
 * cuDNN (Chetlur et al., 2014), which packs so.
 *
 * Tables of constants say where a part of the rows, columns and steps of k lie. Loops run over what is outside of this part;
 * those over k add to out. The order of each sum is that of k. */
#include "backend/blocks.h"

enum {
    MOST_ENTRIES = 4096, /* of a table */
    FEWEST_ENTRIES = 64, /* fewer make poor blocks: then the table is as long as its axis */
};

/* An axis list in two parts: the inner axes, in a table, and those outside. */
typedef struct Parts {
    AxisList table, loops;
    int64_t entries; /* of the table */
} Parts;

static void prepend(AxisList *list, int64_t extent, int64_t first, int64_t second)
{
    for (unsigned i = list->n++; i > 0; i--) {
        list->extent[i] = list->extent[i - 1];
        list->first[i] = list->first[i - 1];
        list->second[i] = list->second[i - 1];
    }
    list->extent[0] = extent;
    list->first[0] = first;
    list->second[0] = second;
}

/* The largest divisor of `extent` that is at most `most`, or 1. */
static int64_t divisor_of(int64_t extent, int64_t most)
{
    int64_t divisor = most < extent ? most : extent;
    while (divisor > 1 && extent % divisor)
        divisor--;
    return divisor > 1 ? divisor : 1;
}

/* Whether offsets along the axis fit into an i32, with room for those along other axes. */
static bool is_near(int64_t extent, int64_t stride)
{
    int64_t most = INT32_MAX / MAX_RANK / extent;
    return -most < stride && stride < most;
}

/* How much of an axis goes into a table that has `entries` along the axes inside. */
static int64_t part_of_axis(const AxisList *list, unsigned axis, int64_t entries)
{
    int64_t extent = list->extent[axis], part = divisor_of(extent, MOST_ENTRIES / entries);
    if (!is_near(extent, list->first[axis]) || !is_near(extent, list->second[axis]))
        return 1;
    return entries * part < FEWEST_ENTRIES ? extent : part;
}

/* `extent` and the strides: of the innermost axis. */
static Parts divide(const AxisList *outer, int64_t extent, int64_t first, int64_t second)
{
    AxisList list = *outer;
    list.extent[list.n] = extent;
    list.first[list.n] = first;
    list.second[list.n++] = second;
    Parts parts = {.entries = 1};
    for (unsigned axis = list.n; axis-- > 0;) {
        int64_t part = parts.loops.n ? 1 : part_of_axis(&list, axis, parts.entries), rest = list.extent[axis] / part;
        if (part > 1 || !parts.table.n)
            prepend(&parts.table, part, list.first[axis], list.second[axis]);
        if (rest > 1)
            prepend(&parts.loops, rest, list.first[axis] * part, list.second[axis] * part);
        parts.entries *= part;
    }
    return parts;
}

typedef enum { LHS, RHS, OUT } Operand;

/* The loops around the blocks. */
typedef struct Nest {
    Emitter *e;
    DType dtype;
    LLVMValueRef places[3]; /* per Operand */
    LLVMValueRef add;       /* whether the sums have begun */
    Counter counters[3 * (MAX_RANK + 1)];
    unsigned n;
    int64_t shared; /* extent of the loop that threads share, 0: none yet, -1: none may be */
} Nest;

static LLVMValueRef open_loop(Nest *nest, int64_t extent, bool share)
{
    Emitter *e = nest->e;
    if (share)
        nest->shared = extent;
    Counter *counter = &nest->counters[nest->n++];
    *counter = loop_begin(e, share ? e->begin : const_i64(e, 0), share ? e->end : const_i64(e, extent), 1);
    return counter->index;
}

static void open_loops(Nest *nest, const AxisList *loops, Operand first, Operand second, bool adds)
{
    Emitter *e = nest->e;
    for (unsigned axis = 0; axis < loops->n; axis++) {
        LLVMValueRef index = open_loop(nest, loops->extent[axis], !adds && !nest->shared);
        nest->places[first] = advance_by(e, nest->dtype, nest->places[first], index, loops->first[axis]);
        nest->places[second] = advance_by(e, nest->dtype, nest->places[second], index, loops->second[axis]);
        if (adds) {
            LLVMValueRef later = LLVMBuildICmp(e->builder, LLVMIntSGT, index, const_i64(e, 0), "");
            nest->add = LLVMBuildOr(e->builder, nest->add, later, "");
        }
    }
}

static void swap_lists(AxisList *list)
{
    AxisList from = *list;
    for (unsigned i = 0; i < list->n; i++) {
        list->first[i] = from.second[i];
        list->second[i] = from.first[i];
    }
}

/* The product transposed: out' = rhs' lhs'. */
static Product transposed(const Product *p)
{
    Product q = {.dtype = p->dtype, .m = p->n, .n = p->m, .k = p->k, .rows = p->columns, .columns = p->rows, .inner = p->inner};
    swap_lists(&q.inner);
    q.lhs = (Matrix){.row = p->rhs.column, .column = p->rhs.row};
    q.rhs = (Matrix){.row = p->lhs.column, .column = p->lhs.row};
    q.out = (Matrix){.row = p->out.column, .column = p->out.row};
    return q;
}

KernelSplit emit_offsets(Emitter *e, const Product *product, LLVMValueRef lhs, LLVMValueRef rhs, LLVMValueRef out, bool split)
{
    bool turn = product->out.column != 1 && product->out.row == 1; /* tiles write columns that lie side by side at once */
    Product p = turn ? transposed(product) : *product;
    Parts rows = divide(&p.rows, p.m, p.lhs.row, p.out.row), columns = divide(&p.columns, p.n, p.rhs.column, p.out.column),
          inner = divide(&p.inner, p.k, p.lhs.column, p.rhs.row);
    Nest nest = {.e = e, .dtype = p.dtype, .places = {turn ? rhs : lhs, turn ? lhs : rhs, out}, .shared = split ? 0 : -1};
    nest.add = LLVMConstInt(e->i1, 0, false);
    open_loops(&nest, &rows.loops, LHS, OUT, false);
    open_loops(&nest, &columns.loops, RHS, OUT, false);
    bool split_rows = rows.entries > columns.entries;
    KernelSplit shares = {nest.shared, 1};
    LLVMValueRef args[BLOCKS_PARAMETERS] = {
        [BLOCKS_FIRST_ROW] = const_i64(e, 0),
        [BLOCKS_END_ROW] = const_i64(e, rows.entries),
        [BLOCKS_FIRST_COLUMN] = const_i64(e, 0),
        [BLOCKS_END_COLUMN] = const_i64(e, columns.entries),
        [BLOCKS_INNER] = const_i64(e, inner.entries),
        [BLOCKS_LHS_ROW] = make_table(e, &rows.table, false),
        [BLOCKS_OUT_ROW] = make_table(e, &rows.table, true),
        [BLOCKS_RHS_COLUMN] = make_table(e, &columns.table, false),
        [BLOCKS_OUT_COLUMN] = make_table(e, &columns.table, true),
        [BLOCKS_LHS_COLUMN] = make_table(e, &inner.table, false),
        [BLOCKS_RHS_ROW] = make_table(e, &inner.table, true),
    };
    if (nest.shared == 0) {
        int64_t tile_rows, tile_columns;
        blocks_tile(e, p.dtype, rows.entries, &tile_rows, &tile_columns);
        shares = split_rows ? (KernelSplit){rows.entries, tile_rows} : (KernelSplit){columns.entries, tile_columns};
        args[split_rows ? BLOCKS_FIRST_ROW : BLOCKS_FIRST_COLUMN] = e->begin;
        args[split_rows ? BLOCKS_END_ROW : BLOCKS_END_COLUMN] = e->end;
    }
    open_loops(&nest, &inner.loops, LHS, RHS, true);
    args[BLOCKS_LHS] = nest.places[LHS];
    args[BLOCKS_RHS] = nest.places[RHS];
    args[BLOCKS_OUT] = nest.places[OUT];
    args[BLOCKS_ADD] = nest.add;
    call_blocks(e, p.dtype, &columns.table, rows.entries, inner.entries, args);
    while (nest.n)
        loop_end(e, &nest.counters[--nest.n]);
    return shares;
}
