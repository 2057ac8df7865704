#include "passes/layout.h"

#include <string.h>

#include "passes/passes.h"
#include "passes/rewrite.h"

enum { NO_INPUT, OF_CONDITIONS, OF_EXAMPLES }; /* what a value depends on */

/* A product of a vector of `k` numbers and a constant matrix. */
typedef struct Layout {
    Value vector, matrix;
    int64_t k, n, contracted; /* contracted: the matrix's axis of k numbers */
} Layout;

static unsigned char *find_kinds(const Function *function, bool (*of_example)(const Function *, uint32_t, const void *),
                                 const void *context)
{
    unsigned char *kinds = support_malloc(function->ops.len + 1);
    for (Value v = 0; v < function->ops.len; v++) {
        const Op *op = OP_AT(function, v);
        kinds[v] = op->code != OP_INPUT ? NO_INPUT : of_example(function, op->symbol, context) ? OF_EXAMPLES : OF_CONDITIONS;
        for (uint32_t i = 0; i < op->nargs; i++)
            kinds[v] = kinds[op->args[i]] > kinds[v] ? kinds[op->args[i]] : kinds[v];
    }
    return kinds;
}

static bool is_layout(const Function *function, const unsigned char *kinds, const Op *op, Layout *layout)
{
    if (op->code != OP_DOT || op->batch_x.n || op->contract_x.n != 1)
        return false;
    for (unsigned side = 0; side < 2; side++) {
        Value matrix = op->args[side], vector = op->args[1 - side];
        Type m = OP_AT(function, matrix)->type;
        int64_t axis = side ? op->contract_y.v[0] : op->contract_x.v[0];
        if (m.rank != 2 || OP_AT(function, vector)->type.rank != 1 || kinds[matrix] != NO_INPUT || kinds[vector] == NO_INPUT)
            continue;
        *layout = (Layout){vector, matrix, m.dims[axis], m.dims[1 - axis], axis};
        return true;
    }
    return false;
}

/* The matrix as [k, n]. */
static Value rows_of_k(Builder *b, const Layout *layout, Value matrix)
{
    return layout->contracted == 0 ? matrix : build_transpose(b, matrix, dims_of(2, 1, 0));
}

static Value build_rows(Builder *b, const Layout *layout, Value vector, Value matrix)
{
    Value rows = build_unary(b, OP_STOP, rows_of_k(b, layout, matrix));
    return build_dot(b, vector, rows, dims_of(1, 0), dims_of(1, 0), (Dims){0}, (Dims){0});
}

/* As [panels, k, PANEL], the last panel filled up with zeros; each is multiplied by the same vector. */
static Value build_panels(Builder *b, const Layout *layout, Value vector, Value matrix)
{
    DType dtype = value_type(b, matrix).dtype;
    Value laid = build_unary(b, OP_STOP, build_panels_of(b, matrix, layout->contracted, PANEL));
    int64_t panels = value_type(b, laid).dims[0], k = layout->k;
    Value each = build_broadcast(b, vector, type_of(dtype, 2, (int64_t[]){panels, k}), dims_of(1, 1));
    Value product = build_dot(b, each, laid, dims_of(1, 1), dims_of(1, 1), dims_of(1, 0), dims_of(1, 0));
    Value flat = build_reshape(b, product, type_of(dtype, 1, (int64_t[]){panels * PANEL}));
    return build_slice(b, flat, dims_of(1, 0), type_of(dtype, 1, &layout->n));
}

void lay_out_products(Module *module, Function *function, bool (*of_example)(const Function *, uint32_t, const void *),
                      const void *context)
{
    unsigned char *kinds = find_kinds(function, of_example, context);
    Rewrite rewrite;
    rewrite_begin(&rewrite, module, function);
    for (Value v = 0; v < rewrite.old->ops.len; v++) {
        Layout layout;
        if (!is_layout(rewrite.old, kinds, OP_AT(rewrite.old, v), &layout)) {
            rewrite_copy(&rewrite, v);
            continue;
        }
        Value vector = rewrite.map[layout.vector], matrix = rewrite.map[layout.matrix];
        rewrite.b.line = OP_AT(rewrite.old, v)->line;
        bool panels = kinds[layout.vector] == OF_CONDITIONS && layout.n >= 2 * PANEL;
        rewrite.map[v] = (panels ? build_panels : build_rows)(&rewrite.b, &layout, vector, matrix);
    }
    rewrite_end(&rewrite);
    support_free(kinds);
}
