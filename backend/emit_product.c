/* Matrix products, in loops over their batch axes. Small and skinny ones are generated tiles; a matrix times a vector is a loop
 * kernel that multiplies and sums; large ones are calls of CBLAS, whose kernels fit the processor that runs them, or, if sums are
 * short or the target has no BLAS, blocks of generated code (emit_blocks.c). Matrices that lie as BLAS cannot read them are
 * blocks with tables of offsets (emit_offsets.c). */
#include <string.h>

#include "backend/emit.h"

/* ---- loops ---- */

/* A product as a loop kernel, while its axes are added: the accesses of lhs, rhs and out. */
typedef struct LoopForm {
    Loop *loop;
    View lhs, rhs, out;
} LoopForm;

static void add_loop_axis(LoopForm *form, int64_t extent, int64_t lhs, int64_t rhs, int64_t out, bool reduced)
{
    Loop *loop = form->loop;
    form->lhs.stride[loop->rank] = lhs;
    form->rhs.stride[loop->rank] = rhs;
    form->out.stride[loop->rank] = out;
    loop->reduced[loop->rank] = reduced;
    loop->dims[loop->rank++] = extent;
}

static void add_loop_axes(LoopForm *form, const Product *p)
{
    for (unsigned i = 0; i < p->batch_rank; i++)
        add_loop_axis(form, p->batch[i], p->lhs.batch[i], p->rhs.batch[i], p->out.batch[i], false);
    for (unsigned i = 0; i < p->rows.n; i++)
        add_loop_axis(form, p->rows.extent[i], p->rows.first[i], 0, p->rows.second[i], false);
    if (p->m > 1)
        add_loop_axis(form, p->m, p->lhs.row, 0, p->out.row, false);
    for (unsigned i = 0; i < p->columns.n; i++)
        add_loop_axis(form, p->columns.extent[i], 0, p->columns.first[i], p->columns.second[i], false);
    if (p->n > 1)
        add_loop_axis(form, p->n, 0, p->rhs.column, p->out.column, false);
    for (unsigned i = 0; i < p->inner.n; i++)
        add_loop_axis(form, p->inner.extent[i], p->inner.first[i], p->inner.second[i], 0, true);
    if (p->k > 1)
        add_loop_axis(form, p->k, p->lhs.column, p->rhs.row, 0, true);
}

static KernelSplit emit_as_loop(Emitter *e, const Product *p)
{
    Kernel kernel = {.kind = KERNEL_LOOP};
    Loop *loop = &kernel.loop;
    LoopForm form = {.loop = loop};
    const Matrix *matrices[] = {&p->lhs, &p->rhs, &p->out};
    View *views[] = {&form.lhs, &form.rhs, &form.out};
    for (unsigned i = 0; i < 3; i++) {
        *views[i] = matrices[i]->view;
        memset(views[i]->stride, 0, sizeof views[i]->stride);
    }
    add_loop_axes(&form, p);
    vec_push(&loop->nodes, (Node){.kind = NODE_LOAD, .dtype = p->dtype, .access = form.lhs});
    vec_push(&loop->nodes, (Node){.kind = NODE_LOAD, .dtype = p->dtype, .access = form.rhs});
    vec_push(&loop->nodes, (Node){.kind = NODE_OP, .code = OP_MUL, .dtype = p->dtype, .nargs = 2, .args = {0, 1}});
    bool sums = loop->rank && loop->reduced[loop->rank - 1];
    vec_push(&loop->sinks, (Sink){.kind = sums ? SINK_SUM : SINK_STORE, .node = 2, .access = form.out});
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
    const View *view = &matrix->view;
    LLVMValueRef pointer = advance_const(e, p->dtype, e->bases[view->buffer], view->offset);
    if (view->indirect) {
        LLVMValueRef place = advance_const(e, DTYPE_I32, e->bases[view->index_buffer], view->index_offset);
        LLVMValueRef row = LLVMBuildSExt(e->builder, load_scalar(e, DTYPE_I32, place), e->i64, "");
        pointer = advance_by(e, p->dtype, pointer, row, view->row);
    }
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
    if (way == PRODUCT_LOOP)
        return emit_as_loop(e, p);
    for (unsigned i = 0; i < p->batch_rank; i++) {
        bool shared = way != PRODUCT_OPENBLAS && i == 0;
        counters[i] = loop_begin(e, shared ? e->begin : const_i64(e, 0), shared ? e->end : const_i64(e, p->batch[i]), 1);
        batch[i] = counters[i].index;
    }
    Operands o = {matrix_start(e, p, &p->lhs, batch), matrix_start(e, p, &p->rhs, batch), matrix_start(e, p, &p->out, batch)};
    KernelSplit split = {0}; /* BLAS has its own threads */
    if (way == PRODUCT_OPENBLAS)
        emit_gemm(e, p, o);
    else if (way == PRODUCT_OFFSETS)
        split = emit_offsets(e, p, o.lhs, o.rhs, o.out, p->batch_rank == 0);
    else if (way == PRODUCT_BLOCKS)
        emit_blocks(e, p, o.lhs, o.rhs, o.out, p->batch_rank == 0);
    else
        emit_tiles(e, p, o.lhs, o.rhs, o.out, p->batch_rank == 0);
    for (unsigned i = p->batch_rank; i-- > 0;)
        loop_end(e, &counters[i]);
    if (way == PRODUCT_OPENBLAS || (way == PRODUCT_OFFSETS && p->batch_rank == 0))
        return split;
    if (p->batch_rank)
        return (KernelSplit){p->batch[0], 1};
    return way == PRODUCT_BLOCKS ? blocks_split(e, p) : tiles_split(e, p);
}
