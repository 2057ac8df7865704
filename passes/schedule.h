/* From step-stage IR to kernels: what runs, in which order, on which memory. Made by fuse.c (one Schedule per function),
 * completed by plan.c (offsets), read by backend/.
 *
 * A *buffer* is memory of known size: a piece of the scratch arena, a state, an input, an output, a field's rows. A *view* says
 * where the elements of a tensor lie in a buffer. A *kernel* reads and writes buffers; a loop kernel computes a list of scalar
 * nodes at every point of its iteration space and stores or reduces some of them. Everything is fixed at compile time. */
#ifndef HNC_PASSES_SCHEDULE_H
#define HNC_PASSES_SCHEDULE_H

#include "ir/ir.h"

/* ---- memory ---- */

enum { ARENA_ALIGNMENT = 64 }; /* bytes, of states and scratch buffers; HN_ALIGNMENT of runtime/abi/frame.h */

typedef enum { BUFFER_SCRATCH, BUFFER_STATE, BUFFER_INPUT, BUFFER_OUTPUT, BUFFER_ROWS } BufferKind;

typedef struct Buffer {
    BufferKind kind;
    uint32_t symbol;      /* state, position of the input or output, field */
    DType dtype;          /* of its elements in memory */
    int64_t elements;     /* 0 for rows: the data set decides */
    int64_t offset;       /* bytes: scratch: in the scratch arena; state: in the state arena */
    uint32_t first, last; /* scratch: positions of the first and last kernel that touch it */
    Value value;          /* what it holds, for the printed plan; NO_VALUE: no single value */
} Buffer;

/* Elements of a tensor in a buffer: element i lies at offset + sum(stride[axis] * i[axis]). If indirect, the first addend is a
 * row of a table: row * index, where the index is an i32 at index_offset + sum(index_stride[axis] * i[axis]) of another buffer.
 * All in elements. As a *view* the axes are those of a tensor; as the *access* of a loop kernel, those of its iteration space. */
typedef struct View {
    uint32_t buffer;
    int64_t offset, stride[MAX_RANK];
    bool indirect;
    uint32_t index_buffer;
    int64_t index_offset, index_stride[MAX_RANK];
    int64_t row, rows; /* elements from one row to the next; how many rows there are, 0: the data set decides */
    int64_t read;      /* rows that are read from that of an index on */
} View;

/* Row-major. */
View view_contiguous(uint32_t buffer, Type type);
/* The view with the strides of a tensor without gaps, whose axes lie in this order, outermost first. */
View view_in_order(View view, Type type, Dims order);
/* The view of a view op's result (or of a reduction along axes of extent 1), given its operand's. False: no strides describe it
 * (only for reshape). */
bool view_through(View *view, const Op *op, Type operand);
bool view_reshape(View *view, Type from, Type to);
/* Whether all elements are at strides from one place: an index may say where it is, but not one index per row. */
bool view_has_strides(const View *view);

/* ---- loop kernels ---- */

typedef enum { NODE_LOAD, NODE_CONST, NODE_INDEX, NODE_OP } NodeKind;

/* A number at each point of the iteration space. */
typedef struct Node {
    NodeKind kind;
    OpCode code; /* NODE_OP: an elementwise op */
    DType dtype;
    uint32_t nargs, args[3]; /* earlier nodes */
    double number;           /* NODE_CONST */
    View access;             /* NODE_LOAD; NODE_INDEX: the number is the access's offset, strides and the loop indices combined */
} Node;

typedef enum { SINK_STORE, SINK_SUM, SINK_MAX } SinkKind;

/* Where a node's numbers go. Reductions run over the kernel's reduced axes; their access has stride 0 there. */
typedef struct Sink {
    SinkKind kind;
    uint32_t node;
    Value value; /* whose numbers are stored or reduced; NO_VALUE: none */
    View access;
    int64_t chunk_stride; /* of a reduction in a loop with chunks: from one chunk's result to the next one's, in elements */
} Sink;

typedef struct Loop {
    unsigned rank; /* adjacent axes that every access steps through alike are merged */
    int64_t dims[MAX_RANK];
    bool reduced[MAX_RANK]; /* axes removed by the kernel's reductions: all of them remove the same ones */
    int64_t chunk;          /* this many steps along axis 0, the reduced one, share one result; 0: all steps do */
    VEC(Node) nodes;        /* operands first */
    VEC(Sink) sinks;
} Loop;

/* ---- products: out[b, i, j] = sum over k of lhs[b, i, k] * rhs[b, k, j] ---- */

typedef struct Matrix {
    View view;                   /* its strides are unused; those below count */
    int64_t row, column;         /* strides of the two matrix axes */
    int64_t batch[2 * MAX_RANK]; /* strides of the batch axes */
} Matrix;

/* Axes of one kind, outermost first, with their strides in two tensors. */
typedef struct AxisList {
    unsigned n;
    int64_t extent[MAX_RANK + 1], first[MAX_RANK + 1], second[MAX_RANK + 1];
} AxisList;

/* i, j and k run over m, n and k entries; or where more axes than one make them, over those of the list outside m, n and k too.
 */
typedef struct Product {
    DType dtype;
    int64_t m, n, k;
    AxisList rows, columns, inner; /* strides in lhs and out; in rhs and out; in lhs and rhs */
    unsigned batch_rank;
    int64_t batch[2 * MAX_RANK]; /* extents of axes that run outside the product */
    Matrix lhs, rhs, out;
} Product;

/* Whether no lists have axes, and BLAS could read both operands, plain or transposed. */
bool product_is_plain(const Product *product);
/* Whether columns of rhs lie in panels of `width`, side by side for every k, and those of out side by side. */
bool product_has_panels(const Product *product, int64_t width);
/* Over all axes of the list. */
int64_t axes_elements(const AxisList *list);

/* ---- kernels ---- */

typedef enum {
#define KERNEL(KIND, ...) KERNEL_##KIND,
#include "passes/kernels.def"
#undef KERNEL
    KERNEL_COUNT
} KernelKind;

typedef enum { ANY_STRIDES, ROWS_IN_ORDER } KernelLayout; /* ROWS_IN_ORDER: row-major, without gaps */

typedef struct KernelInfo {
    const char *word;
    OpCode op; /* OP_COUNT: none is such a kernel one by one */
    KernelLayout operands, result;
} KernelInfo;
extern const KernelInfo kernel_info[KERNEL_COUNT];

/* Kernels with simple code of their own. random: seed, step -> f32 out; argmax and sort: in -> i32 out; scatter: index, updates
 * -> out; extern: row-major operands -> row-major out. */
enum { MOST_SPECIAL_INPUTS = 5 };
typedef struct Special {
    View in[MOST_SPECIAL_INPUTS], out;
    Type in_type[MOST_SPECIAL_INPUTS], out_type;
    uint32_t inputs;
    uint32_t symbol; /* random: stream; extern: the function */
    int64_t axis;    /* argmax, sort */
} Special;

/* Steps of a body (ir/scan.h), each on places of its own. All tensors are row-major. */
typedef struct ScanKernel {
    int64_t steps;
    uint32_t carries, scanned;
    bool reversed;
    struct Schedule *body; /* its inputs and outputs are those of the body */
    View *operands;        /* one per input */
    uint32_t *results;     /* buffers, one per output */
    uint32_t *others;      /* buffers, one per carry: every second step writes there instead */
    uint32_t scratch;      /* a buffer of the bytes that the body's scratch memory takes */
} ScanKernel;

typedef struct Kernel {
    KernelKind kind;
    uint32_t line; /* of the model file, 0: unknown */
    Loop loop;
    Product product;
    Special special;
    ScanKernel *scan;            /* owned */
    VEC(uint32_t) reads, writes; /* buffers, each once */
    int64_t flops, bytes;        /* of one run; bytes that must move, each buffer's part once */
} Kernel;

typedef struct Schedule {
    const Function *function;
    VEC(Buffer) buffers;
    VEC(Kernel) kernels; /* in order of execution */
    int64_t scratch_bytes;
    int64_t flops, bytes;
} Schedule;

/* ---- programs ---- */

/* Schedules and memory plan of every function of a module. */
typedef struct Plan {
    const Module *module;
    bool unfused; /* PLAN_UNFUSED */
    bool apart;   /* scratch buffers share no memory */
    void (*schedule)(const struct Plan *plan, const Function *function,
                     Schedule *schedule); /* of a function or the body of a loop */
    VEC(Schedule) schedules;              /* one per function */
    int64_t *state_offsets;               /* bytes, one per state */
    bool *state_used;                     /* PLAN_SERVED: which states have memory; NULL: all */
    int64_t state_bytes, scratch_bytes;
} Plan;

/* Fuses and plans. The module (step stage, verified) must outlive the plan, and must not change. */
Plan *plan_module(const Module *module);
/* SERVED: for functions that stand alone: states that none of them uses have no memory. The others are for comparisons. APART:
 * every scratch buffer has memory of its own, which still holds its values at the end. UNFUSED: also one kernel per value, sums
 * made at once, and states written by copies at the end. */
typedef enum { PLAN_USUAL, PLAN_SERVED, PLAN_APART, PLAN_UNFUSED } PlanKind;
Plan *plan_module_as(const Module *module, PlanKind kind);
/* Where the states would lie, without schedules. */
Plan *plan_states(const Module *module);
void plan_free(Plan *plan);
int64_t plan_state_bytes(const Plan *plan);
int64_t plan_scratch_bytes(const Plan *plan);
int64_t plan_state_offset(const Plan *plan, uint32_t state);
bool plan_has_state(const Plan *plan, uint32_t state); /* whether it has memory at all */
/* Whether every schedule may run as it is: its memory, loops and results hold what verify_schedule.c lists. Appends one line per
 * violation. A violation is a fault of fusion or planning, not of the model. */
bool plan_verify(const Plan *plan, Text *why);
/* Kernels, buffers, sizes and peak of every function: for `hnc explain`. */
void plan_print(const Plan *plan, Text *out);
void schedule_print(const Plan *plan, const Schedule *schedule, Text *out);

/* ---- inside: fuse.c, lower.c, plan.c ---- */

/* Orders the states in memory: states that a function joins along axis 0 (concat of their reads) lie side by side, so that the
 * join is free. Sets offsets (multiples of 64) and state_bytes. `all`: also of states that no function uses. */
void layout_states(Plan *plan, bool all);
/* Whether the operands of this concat lie side by side in the state arena. */
bool concat_is_view(const Plan *plan, const Function *function, const Op *concat);
/* Partitions a function into kernels: fills buffers and kernels, in order of execution. */
void fuse_function(const Plan *plan, const Function *function, Schedule *schedule);
/* Gives every scratch buffer an offset: buffers whose lifetimes overlap share no memory; with `apart` no two buffers do. */
void plan_scratch(Schedule *schedule, bool apart);

#endif
