/* Matrix products, in loops over their batch axes. Small and skinny ones are generated tiles; a matrix times a vector is a loop
 * kernel that multiplies and sums; large ones are calls of CBLAS, whose kernels fit the processor that runs them, or, if sums are
 * short or the target has no BLAS, blocks of generated code (emit_blocks.c). */
#include <string.h>

#include "backend/emit.h"

/* ---- loops ---- */

/* An access of the loop kernel [batch..., m, n, k]. */
static View loop_access(const Product *p, const Matrix *matrix, int64_t m, int64_t n, int64_t k)
{
    View access = {.buffer = matrix->view.buffer, .offset = matrix->view.offset};
    const int64_t strides[] = {m, n, k}, extents[] = {p->m, p->n, p->k};
    unsigned axis = 0;
    for (unsigned i = 0; i < p->batch_rank; i++)
        access.stride[axis++] = matrix->batch[i];
    for (unsigned i = 0; i < 3; i++)
        if (extents[i] > 1)
            access.stride[axis++] = strides[i];
    return access;
}

static KernelSplit emit_as_loop(Emitter *e, const Product *p)
{
    const int64_t extents[] = {p->m, p->n, p->k};
    Kernel kernel = {.kind = KERNEL_LOOP};
    Loop *loop = &kernel.loop;
    for (unsigned i = 0; i < p->batch_rank; i++)
        loop->dims[loop->rank++] = p->batch[i];
    for (unsigned i = 0; i < 3; i++)
        if (extents[i] > 1)
            loop->dims[loop->rank++] = extents[i];
    loop->reduced[loop->rank - 1] = true; /* the axis k; with k = 1 there are no products to sum */
    Node lhs = {.kind = NODE_LOAD, .dtype = p->dtype, .access = loop_access(p, &p->lhs, p->lhs.row, 0, p->lhs.column)};
    Node rhs = {.kind = NODE_LOAD, .dtype = p->dtype, .access = loop_access(p, &p->rhs, 0, p->rhs.column, p->rhs.row)};
    vec_push(&loop->nodes, lhs);
    vec_push(&loop->nodes, rhs);
    vec_push(&loop->nodes, (Node){.kind = NODE_OP, .code = OP_MUL, .dtype = p->dtype, .nargs = 2, .args = {0, 1}});
    vec_push(&loop->sinks, (Sink){.kind = SINK_SUM, .node = 2, .access = loop_access(p, &p->out, p->out.row, p->out.column, 0)});
    KernelSplit split = emit_loop(e, &kernel);
    vec_free(&loop->nodes);
    vec_free(&loop->sinks);
    return split;
}

/* ---- BLAS ---- */

typedef struct Operands {
    LLVMValueRef lhs, rhs, out;
} Operands;

/* The constants of cblas.h. */
enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };

/* A matrix as BLAS reads it: rows of `lead` elements, or such a matrix transposed. */
typedef struct BlasMatrix {
    int transposed;
    int64_t lead;
} BlasMatrix;

static int64_t at_least(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static BlasMatrix blas_matrix(int64_t rows, int64_t columns, int64_t row, int64_t column)
{
    bool plain = (column == 1 || columns == 1) && (row >= columns || rows == 1);
    return plain ? (BlasMatrix){NO_TRANS, at_least(rows == 1 ? 0 : row, columns)}
                 : (BlasMatrix){TRANS, at_least(columns == 1 ? 0 : column, rows)};
}

static LLVMValueRef blas_function(Emitter *e, const Product *p, const char *what, LLVMTypeRef result, unsigned n,
                                  LLVMTypeRef *types)
{
    char name[32] = "cblas_s";
    name[6] = p->dtype == DTYPE_F32 ? 's' : 'd';
    strcat(name, what);
    LLVMValueRef function = LLVMGetNamedFunction(e->module, name);
    return function ? function : LLVMAddFunction(e->module, name, LLVMFunctionType(result, types, n, false));
}

static LLVMValueRef blas_call(Emitter *e, const Product *p, const char *what, bool returns, unsigned n, LLVMValueRef *args)
{
    LLVMTypeRef types[16], result = returns ? element_type(e, p->dtype) : e->nothing;
    for (unsigned i = 0; i < n; i++)
        types[i] = LLVMTypeOf(args[i]);
    LLVMValueRef function = blas_function(e, p, what, result, n, types);
    return LLVMBuildCall2(e->builder, LLVMGlobalGetValueType(function), function, args, n, "");
}

static void emit_gemm(Emitter *e, const Product *p, Operands o)
{
    LLVMValueRef one = emit_number(e, p->dtype, 1, 0), zero = emit_number(e, p->dtype, 0, 0);
    BlasMatrix lhs = blas_matrix(p->m, p->k, p->lhs.row, p->lhs.column), rhs = blas_matrix(p->k, p->n, p->rhs.row, p->rhs.column);
    BlasMatrix out = blas_matrix(p->m, p->n, p->out.row, p->out.column);
    if (out.transposed == NO_TRANS) {
        LLVMValueRef args[] = {const_i32(e, ROW_MAJOR),
                               const_i32(e, lhs.transposed),
                               const_i32(e, rhs.transposed),
                               const_i32(e, p->m),
                               const_i32(e, p->n),
                               const_i32(e, p->k),
                               one,
                               o.lhs,
                               const_i32(e, lhs.lead),
                               o.rhs,
                               const_i32(e, rhs.lead),
                               zero,
                               o.out,
                               const_i32(e, out.lead)};
        blas_call(e, p, "gemm", false, 14, args);
        return;
    }
    /* out' = rhs' lhs' */
    LLVMValueRef args[] = {const_i32(e, ROW_MAJOR),
                           const_i32(e, rhs.transposed == TRANS ? NO_TRANS : TRANS),
                           const_i32(e, lhs.transposed == TRANS ? NO_TRANS : TRANS),
                           const_i32(e, p->n),
                           const_i32(e, p->m),
                           const_i32(e, p->k),
                           one,
                           o.rhs,
                           const_i32(e, rhs.lead),
                           o.lhs,
                           const_i32(e, lhs.lead),
                           zero,
                           o.out,
                           const_i32(e, out.lead)};
    blas_call(e, p, "gemm", false, 14, args);
}

/* ---- all ---- */

static LLVMValueRef matrix_start(Emitter *e, const Product *p, const Matrix *matrix, const LLVMValueRef *batch)
{
    LLVMValueRef pointer = advance_const(e, p->dtype, e->bases[matrix->view.buffer], matrix->view.offset);
    for (unsigned i = 0; i < p->batch_rank; i++)
        pointer = advance_by(e, p->dtype, pointer, batch[i], matrix->batch[i]);
    return pointer;
}

KernelSplit emit_product(Emitter *e, const Kernel *kernel)
{
    const Product *p = &kernel->product;
    ProductWay way = product_way(e, p);
    Counter counters[2 * MAX_RANK];
    LLVMValueRef batch[2 * MAX_RANK];
    if (way == PRODUCT_LOOP && p->batch_rank + 3 <= MAX_RANK)
        return emit_as_loop(e, p);
    for (unsigned i = 0; i < p->batch_rank; i++) {
        bool shared = way != PRODUCT_OPENBLAS && i == 0;
        counters[i] = loop_begin(e, shared ? e->begin : const_i64(e, 0), shared ? e->end : const_i64(e, p->batch[i]), 1);
        batch[i] = counters[i].index;
    }
    Operands o = {matrix_start(e, p, &p->lhs, batch), matrix_start(e, p, &p->rhs, batch), matrix_start(e, p, &p->out, batch)};
    if (way == PRODUCT_OPENBLAS)
        emit_gemm(e, p, o);
    else if (way == PRODUCT_BLOCKS)
        emit_blocks(e, p, o.lhs, o.rhs, o.out, p->batch_rank == 0);
    else
        emit_tiles(e, p, o.lhs, o.rhs, o.out, p->batch_rank == 0);
    for (unsigned i = p->batch_rank; i-- > 0;)
        loop_end(e, &counters[i]);
    if (way == PRODUCT_OPENBLAS)
        return (KernelSplit){0}; /* BLAS has its own threads */
    if (p->batch_rank)
        return (KernelSplit){p->batch[0], 1};
    return way == PRODUCT_BLOCKS ? blocks_split(e, p) : tiles_split(e, p);
}
