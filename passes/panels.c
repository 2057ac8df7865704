/* A matrix that a loop multiplies with in every step lies, as long as the loop runs, as its products read it: a few columns side
 * by side, a panel, for every k. Else each step would copy its columns anew, which takes half as long as to multiply forty rows
 * with them.
 *
 *     dot(h, w)    =    dot(h, panels of w) as [rows, panels, PANEL], its last columns dropped
 *
 * The panels are one more invariant of the loop, made before it. Each sum is over the same numbers in the same order. After all
 * passes that look for products with states. */
#include "ir/scan.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

/* Rows of a product that read panels: with fewer, a product is bound by memory; with more, columns are copied for many rows. */
enum { FEWEST_ROWS = 4, MOST_ROWS = 128, FEWEST_STEPS = 4 };

/* Panels of an invariant, by the axis that products contract, as an input of the new body. */
typedef struct Laid {
    uint32_t input;
    int64_t axis;
    Value panels;
} Laid;

typedef struct Panels {
    Rewrite rewrite; /* of the body */
    Builder *around;
    const Op *scan; /* with operands where `around` builds */
    VEC(Laid) laid;
    VEC(Value) operands; /* that the loop gets in addition */
} Panels;

/* The matrix as [panels, k, width], the last panel filled up with zeros; its axis `axis` is that of k. */
Value build_panels_of(Builder *b, Value matrix, int64_t axis, int64_t width)
{
    Type type = value_type(b, matrix);
    int64_t k = type.dims[axis], panels = (type.dims[1 - axis] + width - 1) / width;
    type.dims[1 - axis] = panels * width;
    Value whole = build_pad(b, matrix, dims_of(2, 0, 0), type);
    int64_t plain[] = {k, panels, width}, transposed[] = {panels, width, k};
    Value apart = build_reshape(b, whole, type_of(type.dtype, 3, axis ? transposed : plain));
    return build_transpose(b, apart, axis ? dims_of(3, 0, 2, 1) : dims_of(3, 1, 0, 2));
}

static int64_t panel_width(const Panels *p, Type type)
{
    return target_lanes(&p->rewrite.b.module->target, type.dtype);
}

/* A product of the body, of rows that differ between steps with a large invariant matrix. */
static bool reads_panels(const Panels *p, const Op *op)
{
    const Function *body = p->rewrite.old;
    if (op->code != OP_DOT || op->batch_x.n || op->contract_x.n != 1)
        return false;
    const Op *x = OP_AT(body, op->args[0]), *y = OP_AT(body, op->args[1]);
    if (x->type.rank != 2 || y->type.rank != 2 || y->code != OP_INPUT || y->symbol < scan_first_invariant(p->scan))
        return false;
    int64_t axis = op->contract_y.v[0], rows = x->type.dims[1 - op->contract_x.v[0]], columns = y->type.dims[1 - axis];
    bool large = rows * columns * y->type.dims[axis] > p->rewrite.b.module->target.small_product;
    return rows >= FEWEST_ROWS && rows <= MOST_ROWS && columns >= 2 * panel_width(p, y->type) && large;
}

/* The panels of the matrix in the new body. */
static Value panels_within(Panels *p, uint32_t input, int64_t axis)
{
    for (uint32_t i = 0; i < p->laid.len; i++)
        if (p->laid.data[i].input == input && p->laid.data[i].axis == axis)
            return p->laid.data[i].panels;
    Value matrix = p->scan->args[input];
    Value panels = build_panels_of(p->around, matrix, axis, panel_width(p, value_type(p->around, matrix)));
    vec_push(&p->operands, panels);
    vec_push(&p->laid, (Laid){input, axis, body_input(&p->rewrite.b, value_type(p->around, panels))});
    return vec_last(&p->laid).panels;
}

static Value multiply(Panels *p, const Op *op)
{
    Builder *b = &p->rewrite.b;
    Value panels = panels_within(p, OP_AT(p->rewrite.old, op->args[1])->symbol, op->contract_y.v[0]);
    Value product = build_dot(b, p->rewrite.map[op->args[0]], panels, op->contract_x, dims_of(1, 1), (Dims){0}, (Dims){0});
    Type type = value_type(b, product);
    int64_t flat[] = {type.dims[0], type.dims[1] * type.dims[2]};
    return build_slice(b, build_reshape(b, product, type_of(type.dtype, 2, flat)), dims_of(2, 0, 0), op->type);
}

/* The loop, if it is long enough, with panels where its products read some; in the builder's function. */
static Value lay_out_loop(Builder *around, Value v)
{
    Op scan = *OP_AT(around->function, v);
    Panels p = {.around = around, .scan = &scan};
    Function *body = body_copy(around->module, scan.body);
    rewrite_begin(&p.rewrite, around->module, body);
    for (Value inner = 0; inner < p.rewrite.old->ops.len; inner++) {
        const Op *op = OP_AT(p.rewrite.old, inner);
        p.rewrite.b.line = op->line;
        if (scan_steps(&scan) >= FEWEST_STEPS && reads_panels(&p, op))
            p.rewrite.map[inner] = multiply(&p, op);
        else
            rewrite_copy(&p.rewrite, inner);
    }
    rewrite_end(&p.rewrite);
    if (p.operands.len) {
        VEC(Value) operands = {0};
        for (uint32_t i = 0; i < scan.nargs; i++)
            vec_push(&operands, scan.args[i]);
        for (uint32_t i = 0; i < p.operands.len; i++)
            vec_push(&operands, p.operands.data[i]);
        v = build_scan(around, body, scan_steps(&scan), scan_carries(&scan), scan_scanned(&scan), scan.flags, operands.data);
        vec_free(&operands);
    }
    vec_free(&p.operands);
    vec_free(&p.laid);
    return v;
}

void pass_panels(Module *module, Function *function)
{
    Rewrite rewrite;
    rewrite_begin(&rewrite, module, function);
    for (Value v = 0; v < rewrite.old->ops.len; v++) {
        Value copy = rewrite_copy(&rewrite, v);
        if (OP_AT(rewrite.old, v)->code == OP_SCAN)
            rewrite.map[v] = lay_out_loop(&rewrite.b, copy);
    }
    rewrite_end(&rewrite);
}
