/* Inside the emitter: one LLVM function per kernel, `void (buffers..., begin, end[, stream])`, which does the part [begin, end)
 * of the axis that may be shared among threads. emit.c drives; emit_loop.c, emit_product.c and emit_special.c fill in the
 * bodies. */
#ifndef HNC_BACKEND_EMIT_H
#define HNC_BACKEND_EMIT_H

#include <llvm-c/Core.h>

#include "backend/backend.h"
#include "backend/object.h"
#include "backend/math.h"
#include "passes/schedule.h"

enum { MOST_LANES = 64 };     /* of any vector */
enum { WIDE_REGISTERS = 32 }; /* of AVX-512: tiles have more sums */
enum { FRAME_FIELDS = 5 };    /* of hn_frame, runtime/abi/frame.h */

typedef struct Emitter {
    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMBuilderRef builder;
    MathContext math;
    LLVMTypeRef i1, i8, i32, i64, pointer, nothing, frame, part_type;
    const Plan *plan;
    const Schedule *schedule;
    Target target;                     /* the one processor that this code is for */
    LLVMValueRef fields[FRAME_FIELDS]; /* of the frame, in a function that calls kernels */
    /* of the kernel being emitted: */
    LLVMValueRef function, begin, end, stream; /* stream: of a kernel of random numbers */
    LLVMBasicBlockRef entry;                   /* holds allocas only; ends with a branch to the code */
    LLVMValueRef *bases;                       /* of the buffers it uses; one per buffer of the schedule */
    LLVMValueRef scan_body;                    /* of a scan: the code of its body, a function of a frame */
} Emitter;

/* How a kernel may be split: [0, extent) in pieces that are multiples of `grain`. Extent 0: not at all. */
typedef struct KernelSplit {
    int64_t extent, grain;
} KernelSplit;

/* What backend_emit writes, in memory; the caller disposes of it. NULL on failure, with a sentence in `why`. */
LLVMMemoryBufferRef emitted_bytes(const Plan *plan, const char *manifest, const BackendOptions *options, EmitKind kind,
                                  char why[static 256]);

/* Begins a module of the context with the plan's code for this processor; target_cpu says what may be wrong. */
bool emitter_open(Emitter *e, LLVMContextRef context, const Plan *plan, const Target *target, const char *cpu,
                  char why[static 256]);
/* Emits the function of that number, hn_fn_<index>(frame), which calls its kernels in order. */
LLVMValueRef emit_function(Emitter *e, uint32_t index);
/* Ends the module, which the caller disposes of. */
LLVMModuleRef emitter_close(Emitter *e);

/* emit_loop, emit_product, ...: each emits the kernel's code at the builder; its buffers are in e->bases. */
typedef KernelSplit EmitKernel(Emitter *e, const Kernel *kernel);
#define KERNEL(KIND, word, ...) EmitKernel emit_##word;
#include "passes/kernels.def"
#undef KERNEL

/* ---- generated products: emit_tile.c ---- */

/* The fastest way for a shape. Tiles are right for every shape that is plain; blocks and OpenBLAS, whichever the target has, for
 * matrices; offsets for everything; loops where one has room for all axes. */
typedef enum { PRODUCT_TILES, PRODUCT_LOOP, PRODUCT_BLOCKS, PRODUCT_OPENBLAS, PRODUCT_OFFSETS } ProductWay;
ProductWay product_way(const Emitter *e, const Product *product);
/* One product of the batch at these places; `split`: only the part [e->begin, e->end) of the axis that tiles_split gives. */
void emit_tiles(Emitter *e, const Product *product, LLVMValueRef lhs, LLVMValueRef rhs, LLVMValueRef out, bool split);
KernelSplit tiles_split(const Emitter *e, const Product *product);

/* The same for large matrices: emit_blocks.c. */
void emit_blocks(Emitter *e, const Product *product, LLVMValueRef lhs, LLVMValueRef rhs, LLVMValueRef out, bool split);
KernelSplit blocks_split(const Emitter *e, const Product *product);
/* The same for products with axes in lists, and matrices of any strides: emit_offsets.c. Returns how it is split. */
KernelSplit emit_offsets(Emitter *e, const Product *product, LLVMValueRef lhs, LLVMValueRef rhs, LLVMValueRef out, bool split);

/* ---- building blocks: emit_kit.c ---- */

LLVMTypeRef element_type(const Emitter *e, DType dtype);                  /* in memory: bool is i8 */
LLVMTypeRef register_type(const Emitter *e, DType dtype, unsigned lanes); /* bool is i1; lanes 0: a scalar */
LLVMValueRef const_i64(const Emitter *e, int64_t value);
LLVMValueRef const_i32(const Emitter *e, int64_t value);
/* value, in `lanes` lanes (0: itself). */
LLVMValueRef emit_number(const Emitter *e, DType dtype, double value, unsigned lanes);
LLVMValueRef splat(Emitter *e, LLVMValueRef scalar, unsigned lanes);
/* pointer + elements, of the dtype's size in memory */
LLVMValueRef emit_advance(Emitter *e, DType dtype, LLVMValueRef pointer, LLVMValueRef elements);
LLVMValueRef advance_const(Emitter *e, DType dtype, LLVMValueRef pointer, int64_t elements);
/* pointer + index * stride; stride 0: pointer */
LLVMValueRef advance_by(Emitter *e, DType dtype, LLVMValueRef pointer, LLVMValueRef index, int64_t stride);
LLVMValueRef load_scalar(Emitter *e, DType dtype, LLVMValueRef pointer); /* bool as i1 */
void store_scalar(Emitter *e, DType dtype, LLVMValueRef value, LLVMValueRef pointer);
LLVMValueRef call_intrinsic(Emitter *e, const char *name, unsigned n_types, LLVMTypeRef *types, unsigned n, LLVMValueRef *args);
LLVMValueRef emit_less(Emitter *e, LLVMValueRef a, LLVMValueRef b); /* the less of two i64 */
/* a b + c: rounded once, or where the target has no such instruction and may give other bits, twice. */
LLVMValueRef fused_multiply_add(Emitter *e, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c);
/* An attribute without a value: "noinline". */
void add_attribute(const Emitter *e, LLVMValueRef function, const char *name);
/* Begins the code of e->function, new and empty, which never unwinds; its first block, e->entry, holds allocas only. */
void begin_code(Emitter *e);
/* Memory of the kernel's own, for a value that changes. */
LLVMValueRef make_variable(Emitter *e, LLVMTypeRef type);
/* A mask of the first `count` of `lanes` lanes. */
LLVMValueRef tail_mask(const Emitter *e, unsigned lanes, unsigned count);

/* for (index = first; index < end; index += step): emit the body between the two calls. */
typedef struct Counter {
    LLVMBasicBlockRef head, exit;
    LLVMValueRef index, step;
} Counter;
Counter loop_begin(Emitter *e, LLVMValueRef first, LLVMValueRef end, int64_t step);
Counter loop_by(Emitter *e, LLVMValueRef first, LLVMValueRef end, LLVMValueRef step);
void loop_end(Emitter *e, Counter *counter);

/* Of kernels with simple code of their own (emit_special.c). Loops over axes [first, end) of the type; indices[axis] is valid
 * inside. The place of an element of a view, by its indices. */
void axes_begin(Emitter *e, const Type *type, unsigned first, unsigned end, Counter *counters, LLVMValueRef *indices);
void axes_end(Emitter *e, unsigned first, unsigned end, Counter *counters);
LLVMValueRef element_at(Emitter *e, const View *view, unsigned rank, LLVMValueRef *indices);

/* An internal function of the module, never inlined, that many kernels call; it has no body yet. */
LLVMValueRef inner_function(Emitter *e, const char *name, unsigned n, LLVMTypeRef *types);
void inner_call(Emitter *e, LLVMValueRef function, unsigned n, LLVMValueRef *args);
/* The place at which a kernel is being emitted, kept while the body of an inner function is emitted. */
typedef struct Aside {
    LLVMValueRef function;
    LLVMBasicBlockRef block, entry;
} Aside;
Aside inner_begin(Emitter *e, LLVMValueRef function);
void inner_end(Emitter *e, Aside aside); /* adds the return */

/* Floats at any address; `mask`: of the lanes that count (the others are 0, or stay), NULL: all. */
LLVMValueRef read_vector(Emitter *e, DType dtype, LLVMValueRef pointer, unsigned lanes, LLVMValueRef mask);
void write_vector(Emitter *e, DType dtype, LLVMValueRef value, LLVMValueRef pointer, LLVMValueRef mask);
/* The first `count` lanes, of which there is at least one (from `lanes` on: all); without masks where a masked store is slow, as
 * it is with AVX2 on processors of AMD. The second takes a count that is known only when the program runs, an i64. */
void write_first_lanes(Emitter *e, DType dtype, LLVMValueRef value, LLVMValueRef pointer, unsigned lanes, unsigned count);
void write_lanes(Emitter *e, DType dtype, LLVMValueRef value, LLVMValueRef pointer, unsigned lanes, LLVMValueRef count);
/* Asks for the cache line that a later load or store will need; any address will do. */
void prefetch(Emitter *e, LLVMValueRef pointer, bool to_write);
/* A mask of the lanes below `count`, an i64. */
LLVMValueRef lanes_below(Emitter *e, unsigned lanes, LLVMValueRef count);
/* Rows (as many as each has lanes, a power of two) become columns: at each round, lanes whose index has the round's bit change
 * places between rows whose indices differ in it. */
void transpose_square(Emitter *e, LLVMValueRef *rows, unsigned count);

/* ---- elementwise ops on scalars and vectors: emit_node.c ---- */

/* `from`: the dtype of the first operand (the second for select); args are registers of `lanes` lanes. */
LLVMValueRef emit_op(Emitter *e, OpCode code, DType from, DType to, LLVMValueRef *args, unsigned lanes);
/* Joins two partial results of a reduction. */
LLVMValueRef emit_combine(Emitter *e, SinkKind kind, DType dtype, LLVMValueRef a, LLVMValueRef b);
/* What a reduction starts from. */
LLVMValueRef reduction_identity(const Emitter *e, SinkKind kind, DType dtype, unsigned lanes);

#endif
