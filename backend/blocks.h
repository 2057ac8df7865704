/* Products by blocks: what emit_blocks.c, emit_gather.c, emit_runs.c, emit_tables.c and emit_offsets.c share. */
#ifndef HNC_BACKEND_BLOCKS_H
#define HNC_BACKEND_BLOCKS_H

#include "backend/emit.h"

enum { SIDE = 8 /* of the largest square that is transposed in registers */ };

/* Where the rows, the columns or the steps of k of a matrix lie, as code knows it. Either so many elements apart: `along` is an
 * i64. Or where a *table* says: `along` is a pointer to two i32 per entry, its offset in elements, and how many entries from it
 * on lie side by side (in 16 bits); and the longest run of the table, so that code can choose its way. */

/* The entry's offset in elements. */
LLVMValueRef offset_along(Emitter *e, bool tables, LLVMValueRef along, LLVMValueRef index);
/* Makes the entry of that index the first one: moves the pointer, or in tables `along`. */
void begin_along(Emitter *e, DType dtype, bool tables, LLVMValueRef *pointer, LLVMValueRef *along, LLVMValueRef index);
/* Of a table: how many entries from that one on lie side by side; whether so many do; the longest run of all its entries. */
LLVMValueRef run_along(Emitter *e, LLVMValueRef along, LLVMValueRef index);
LLVMValueRef longest_run(Emitter *e, LLVMValueRef along);
LLVMValueRef runs_along(Emitter *e, LLVMValueRef along, LLVMValueRef index, LLVMValueRef count);
/* The constant table of a list's strides in one of its two tensors; lists of equal strides share one. */
LLVMValueRef make_table(Emitter *e, const AxisList *list, bool second);

/* The offset of an entry of a list's table. */
int64_t table_offset(const AxisList *list, const int64_t *stride, int64_t entry);

/* ---- columns that are read where they lie: emit_runs.c ---- */

enum { MOST_VECTOR_RUNS = 4 };

/* The runs of memory in which a vector of columns lies: where lane 0 would be if each went on from there, and its lanes. */
typedef struct VectorRuns {
    unsigned n;
    LLVMValueRef begin[MOST_VECTOR_RUNS], mask[MOST_VECTOR_RUNS];
} VectorRuns;

/* The most runs that any vector of a table of rhs's columns has. */
unsigned runs_of_vectors(const AxisList *columns, unsigned lanes);
/* Those of the columns from `first` on, of `count` that exist; `columns` is their table, and no vector may have more than `runs`.
 */
VectorRuns find_runs(Emitter *e, DType dtype, LLVMValueRef from, LLVMValueRef columns, unsigned runs, unsigned lanes,
                     LLVMValueRef first, LLVMValueRef count);
/* The vector so many elements on. Columns that do not exist are 0. */
LLVMValueRef read_runs(Emitter *e, DType dtype, const VectorRuns *runs, LLVMValueRef offset, unsigned lanes);

/* hn_gather_*(from, along the lines, along k, to, steps of k, count): `width` lines (rows of lhs, or columns of rhs), of which
 * `count` exist, become to[k][width]. Beyond the last line, the last line is copied again: such sums are never stored, but must
 * not be slow (denormals). */
enum { FROM, FROM_LINE, FROM_K, TO, GATHER_K, GATHER_COUNT, GATHER_PARAMETERS };
LLVMValueRef gather_function(Emitter *e, DType dtype, unsigned width, bool tables);

/* hn_product_*: out[rows, columns] = lhs rhs, or with BLOCKS_ADD (an i1) more than 0 out += lhs rhs. Rows and columns are ranges;
 * each matrix has two alongs. */
enum {
    BLOCKS_LHS,
    BLOCKS_LHS_ROW,
    BLOCKS_LHS_COLUMN,
    BLOCKS_RHS,
    BLOCKS_RHS_ROW,
    BLOCKS_RHS_COLUMN,
    BLOCKS_OUT,
    BLOCKS_OUT_ROW,
    BLOCKS_OUT_COLUMN, /* without tables: columns of out lie side by side */
    BLOCKS_FIRST_ROW,
    BLOCKS_END_ROW,
    BLOCKS_FIRST_COLUMN,
    BLOCKS_END_COLUMN,
    BLOCKS_INNER,
    BLOCKS_ADD,
    BLOCKS_PACKED_LHS, /* memory for packed operands: call_blocks gives them */
    BLOCKS_PACKED_RHS,
    BLOCKS_PARAMETERS
};
/* Calls it, with memory for packed operands that is as large as products of these extents need. `columns`: the table of rhs's
 * columns, which are read where they lie if that is as fast; NULL: there is none. */
void call_blocks(Emitter *e, DType dtype, const AxisList *columns, int64_t rows, int64_t inner, LLVMValueRef *args);
/* Rows and columns of a tile of a product with so many rows. */
void blocks_tile(const Emitter *e, DType dtype, int64_t rows, int64_t *tile_rows, int64_t *columns);

#endif
