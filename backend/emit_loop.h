/* Inside loop kernels: the nest of loops that emit_loop.c is emitting, its memory accesses (emit_loop_access.c) and the values of
 * its nodes (emit_loop_nodes.c). */
#ifndef HNC_BACKEND_EMIT_LOOP_H
#define HNC_BACKEND_EMIT_LOOP_H

#include "backend/emit.h"

/* The memory of a node or sink, and where the loops stand in it. */
typedef struct Cursor {
    const View *access; /* NULL: none */
    DType dtype;
    LLVMValueRef pointer, index_pointer;
    int index_level;   /* loop at which the row's index is known; -1: before all */
    bool index_varies; /* along the vector axis */
} Cursor;

typedef struct NodeState {
    int level;                       /* of the loop in whose body it is computed; -1: before all loops */
    bool varies;                     /* along the vector axis */
    LLVMValueRef value[MOST_UNROLL]; /* registers of all lanes if it varies, else [0] is a scalar */
    LLVMValueRef spread;             /* the scalar in all lanes, once a user asked for it */
} NodeState;

typedef struct Nest {
    Emitter *e;
    const Loop *loop;
    unsigned lanes;
    int levels, axis_at[MAX_RANK], level_of[MAX_RANK], vector_level, first_reduced; /* last two: `levels` if none */
    int vector_axis;                                                                /* -1: the kernel computes single numbers */
    unsigned unroll;
    unsigned width;                      /* vectors in the body being emitted: 1 or unroll */
    LLVMValueRef mask;                   /* of its lanes, NULL: all */
    unsigned lanes_in_tail;              /* those of the mask, the first ones */
    LLVMValueRef index[MAX_RANK];        /* of each axis */
    LLVMValueRef chunk_first, chunk_end; /* of axis 0: the chunk at work; NULL: none */
    NodeState *nodes;
    Cursor *node_cursors, *sink_cursors;
    LLVMValueRef *accumulators; /* MOST_UNROLL variables per sink */
} Nest;

/* ---- memory: emit_loop_access.c ---- */

/* The access before all loops. */
Cursor make_cursor(const Nest *n, const View *access);
/* Steps into the body of the loop at `level` (-1: before all loops). */
void move_cursor(Nest *n, Cursor *cursor, int level);
/* Asks for the rows of a data set that the first rounds [first, end) of the outermost loop read; each round asks for a later one.
 */
void prefetch_first_rows(Nest *n, LLVMValueRef first, LLVMValueRef end);
/* Vector `u` of the body, or the scalar if the access does not vary along the vector axis. Lanes that are masked off hold 0. */
LLVMValueRef load_node(Nest *n, const Cursor *cursor, bool varies, unsigned u);
void store_vector(Nest *n, const Cursor *cursor, LLVMValueRef value, unsigned u);

/* ---- values: emit_loop_nodes.c ---- */

/* At which loop each node is computed, and whether it varies along the vector axis. */
void classify_nodes(Nest *n);
/* Computes everything that becomes known in the body of the loop at `level`. */
void enter_level(Nest *n, int level);
/* The node's value in vector `u` of the body. */
LLVMValueRef vector_of(Nest *n, uint32_t node, unsigned u);

/* Room for `count` things, all zero; the caller frees it. */
void *zeroed(size_t count, size_t size);

#endif
