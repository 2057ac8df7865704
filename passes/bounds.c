/* Indices that may lie outside their table. An index whose range is known to fit stays as it is; if an index is known not to fit,
 * the model is refused; every other index is clamped to the table's rows before it is used, and the largest index that had to be
 * clamped is left in a state that the runtime reads when the function has run (Module.bounds):
 *
 *     table[i]    =    table[min(max(i, 0), rows - 1)]        bounds.k = [any(i < 0 or i >= rows), max of such i]
 *
 * Run last: gradients have been taken, and a scatter_add of a derivative has the index of its gather. */
#include "passes/passes.h"
#include "ir/scan.h"
#include "passes/rewrite.h"

typedef struct Range {
    int64_t low, high;
    bool reached; /* some element is `low` and some is `high` */
} Range;

static const Range any_index = {INT32_MIN, INT32_MAX, false};

/* ---- ranges of whole numbers ---- */

static Range hull(Range a, Range b)
{
    return (Range){a.low < b.low ? a.low : b.low, a.high > b.high ? a.high : b.high, a.reached && b.reached};
}

/* What i32 arithmetic makes of the range: beyond the type's range it wraps. */
static Range within_type(int64_t low, int64_t high)
{
    return low < INT32_MIN || high > INT32_MAX ? any_index : (Range){low, high, false};
}

static Range range_of_product(Range a, Range b)
{
    int64_t products[] = {a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high}, low = products[0], high = low;
    for (int i = 1; i < 4; i++) {
        low = products[i] < low ? products[i] : low;
        high = products[i] > high ? products[i] : high;
    }
    return within_type(low, high);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static Range range_of_field(const Module *module, const Op *op)
{
    const Field *field = &module->fields.data[op->symbol];
    if (field->classes) /* the runtime has checked the labels */
        return (Range){0, field->classes - 1, false};
    return op->type.dtype == DTYPE_U8 ? (Range){0, 255, false} : any_index;
}

static Range range_of_cast(DType from, DType to, Range x)
{
    bool keeps = !dtype_is_float(from) && (to == DTYPE_I32 || (x.low >= 0 && x.high <= (to == DTYPE_BOOL ? 1 : 255)));
    if (keeps)
        return x;
    return to == DTYPE_BOOL ? (Range){0, 1, false} : to == DTYPE_U8 ? (Range){0, 255, false} : any_index;
}

/* The range of an integer or bool value, given the ranges of its operands. Float values have none. */
static Range range_of(const Module *module, const Function *f, const Range *ranges, const Op *op)
{
    if (dtype_is_float(op->type.dtype))
        return any_index;
    Range x = op->nargs ? ranges[op->args[0]] : any_index, y = op->nargs > 1 ? ranges[op->args[1]] : any_index;
    switch (op->code) {
    case OP_CONST:
        return (Range){(int64_t)op->number, (int64_t)op->number, true};
    case OP_IOTA:
        return (Range){0, op->type.dims[op->axis.v[0]] - 1, true};
    case OP_ARGMAX:
    case OP_SORT:
        return (Range){0, OP_AT(f, op->args[0])->type.dims[op->axis.v[0]] - 1, false};
    case OP_FETCH:
        return range_of_field(module, op);
    case OP_CAST:
        return range_of_cast(OP_AT(f, op->args[0])->type.dtype, op->type.dtype, x);
    case OP_ADD:
        return within_type(x.low + y.low, x.high + y.high);
    case OP_SUB:
        return within_type(x.low - y.high, x.high - y.low);
    case OP_MUL:
        return range_of_product(x, y);
    case OP_MIN:
        return (Range){least(x.low, y.low), least(x.high, y.high), false};
    case OP_MAX:
        return (Range){most(x.low, y.low), most(x.high, y.high), false};
    case OP_WITHIN:
        return (Range){most(x.low, 0), least(x.high, y.low - 1), false};
    case OP_SELECT: {
        Range both = hull(y, ranges[op->args[2]]);
        both.reached = false;
        return both;
    }
    case OP_CONCAT: {
        Range all = x;
        for (uint32_t i = 1; i < op->nargs; i++)
            all = hull(all, ranges[op->args[i]]);
        return all;
    }
    case OP_PAD:
        return hull(x, (Range){0, 0, true});
    case OP_BROADCAST:
    case OP_RESHAPE:
    case OP_TRANSPOSE:
    case OP_REDUCE_MAX:
        return x;
    case OP_SLICE:
    case OP_WINDOW:
    case OP_GATHER:
        return (Range){x.low, x.high, false};
    default:
        return op->type.dtype == DTYPE_BOOL ? (Range){0, 1, false} : any_index;
    }
}

/* ---- indices that are checked ---- */

/* An index into tables of one number of rows, used in one place or several. */
typedef struct Site {
    Value index, given,
        held; /* the old one; in the new function as it is given, and as it is used. A site of a body: given alone */
    int64_t rows;
    uint32_t line;
} Site;

typedef struct Bounds {
    Rewrite rewrite;
    VEC(Site) sites;
} Bounds;

static Value all_axes_max(Builder *b, Value x)
{
    return build_reduce(b, OP_REDUCE_MAX, x, all_axes(value_type(b, x).rank));
}

/* The index in the new function, clamped to the rows. */
static Value held_index(Bounds *bounds, Value old_index, int64_t rows, uint32_t line)
{
    for (uint32_t i = 0; i < bounds->sites.len; i++)
        if (bounds->sites.data[i].index == old_index && bounds->sites.data[i].rows == rows)
            return bounds->sites.data[i].held;
    Builder *b = &bounds->rewrite.b;
    Value index = bounds->rewrite.map[old_index];
    Type type = value_type(b, index);
    Value zero = build_const(b, type, 0), last = build_const(b, type, (double)(rows - 1));
    Value held = build_binary(b, OP_MIN, build_binary(b, OP_MAX, index, zero), last);
    vec_push(&bounds->sites, (Site){.index = old_index, .given = index, .held = held, .rows = rows, .line = line});
    return held;
}

/* The index in the new function, such that it lies inside the table. */
static Value inside(Bounds *bounds, Value old_index, Range range, int64_t rows, uint32_t line)
{
    bool low = range.low < 0, high = range.high >= rows;
    if (!low && !high)
        return bounds->rewrite.map[old_index];
    if (range.high < 0 || range.low >= rows || range.reached)
        limit_error(&bounds->rewrite.b, line, "an index is %lld, but the table has the rows 0 to %lld",
                    (long long)(low ? range.low : range.high), (long long)(rows - 1));
    return held_index(bounds, old_index, rows, line);
}

static void check_ops(Bounds *bounds, Range *ranges);

/* A body has no states: it yields the indices that it holds to their tables, and the function around it looks at all of them. */
static void check_scan(Bounds *bounds, Value v, const Range *ranges)
{
    Builder *b = &bounds->rewrite.b;
    Value scan = rewrite_copy(&bounds->rewrite, v);
    Function *body = body_copy(b->module, OP_AT(b->function, scan)->body);
    Bounds within = {0};
    Range *of_body = support_malloc((body->ops.len + 1) * sizeof *of_body);
    for (uint32_t i = 0; i < body->inputs.len; i++) {
        bool carry = i < scan_carries(OP_AT(b->function, scan));
        of_body[body->inputs.data[i]] = carry ? any_index : ranges[OP_AT(bounds->rewrite.old, v)->args[i]];
    }
    rewrite_begin(&within.rewrite, b->module, body);
    check_ops(&within, of_body);
    rewrite_end(&within.rewrite);
    for (uint32_t i = 0; i < within.sites.len; i++)
        body_output(&(Builder){b->module, body, 0}, within.sites.data[i].given);
    uint32_t first = scan_results(OP_AT(b->function, scan));
    OP_AT(b->function, scan)->body = body;
    for (uint32_t i = 0; i < within.sites.len; i++) {
        Site site = {.index = NO_VALUE, .rows = within.sites.data[i].rows, .line = within.sites.data[i].line};
        site.given = build_result(b, scan, first + i);
        vec_push(&bounds->sites, site);
    }
    vec_free(&within.sites);
    support_free(of_body);
}

static void check_op(Bounds *bounds, Value v, const Range *ranges)
{
    const Function *f = bounds->rewrite.old;
    const Op *op = OP_AT(f, v);
    Value *map = bounds->rewrite.map, args[2];
    if (op->code == OP_WITHIN) {
        map[v] = inside(bounds, op->args[0], ranges[op->args[0]], ranges[op->args[1]].low, op->line);
    } else if (op->code == OP_GATHER) {
        args[0] = map[op->args[0]];
        args[1] = inside(bounds, op->args[1], ranges[op->args[1]], OP_AT(f, op->args[0])->type.dims[0], op->line);
        map[v] = build_op(&bounds->rewrite.b, *op, 2, args);
    } else if (op->code == OP_SCATTER_ADD) {
        args[0] = inside(bounds, op->args[0], ranges[op->args[0]], op->rows.v[0], op->line);
        args[1] = map[op->args[1]];
        map[v] = build_op(&bounds->rewrite.b, *op, 2, args);
    } else if (op->code == OP_SCAN) {
        check_scan(bounds, v, ranges);
    } else
        rewrite_copy(&bounds->rewrite, v);
}

/* Ranges of a body's inputs are there already. */
static void check_ops(Bounds *bounds, Range *ranges)
{
    const Function *old = bounds->rewrite.old;
    for (Value v = 0; v < old->ops.len; v++) {
        if (OP_AT(old, v)->code != OP_INPUT)
            ranges[v] = range_of(bounds->rewrite.b.module, old, ranges, OP_AT(old, v));
        check_op(bounds, v, ranges);
    }
}

/* Whether some index lies outside, and the largest one that does. */
static void look_at(Builder *b, const Site *site, Value *any, Value *largest)
{
    Type type = value_type(b, site->given), one = type_of(DTYPE_I32, 1, (int64_t[]){1});
    Value zero = build_const(b, type, 0), last = build_const(b, type, (double)(site->rows - 1));
    Value below = build_binary(b, OP_LT, site->given, zero), above = build_binary(b, OP_LT, last, site->given);
    Value outside = build_binary(b, OP_OR, below, above);
    Value none = build_const(b, type, INT32_MIN);
    *any = build_reshape(b, all_axes_max(b, build_cast(b, outside, DTYPE_I32)), one);
    *largest = build_reshape(b, all_axes_max(b, build_select(b, outside, site->given, none)), one);
}

/* What the sites found, as the rows of one state. */
static void write_sites(Bounds *bounds, Module *module, const char *function)
{
    Builder *b = &bounds->rewrite.b;
    uint32_t n = bounds->sites.len;
    Value *numbers = support_malloc(2 * n * sizeof *numbers);
    for (uint32_t i = 0; i < n; i++)
        look_at(b, &bounds->sites.data[i], &numbers[2 * i], &numbers[2 * i + 1]);
    Value all = build_concat(b, 2 * n, numbers, 0);
    uint32_t state = module_state(module, arena_printf(&module->arena, "%s/bounds", function), value_type(b, all), STATE_SCRATCH);
    build_write(b, state, all);
    for (uint32_t i = 0; i < n; i++)
        vec_push(&module->bounds, (Bound){.function = function,
                                          .state = state,
                                          .rows = bounds->sites.data[i].rows,
                                          .line = bounds->sites.data[i].line});
    support_free(numbers);
}

void pass_bounds(Module *module, Function *function)
{
    Bounds bounds = {0};
    uint32_t n = function->ops.len;
    Range *ranges = support_malloc((n + 1) * sizeof *ranges);
    rewrite_begin(&bounds.rewrite, module, function);
    for (uint32_t i = 0; i < function->inputs.len; i++)
        ranges[function->inputs.data[i]] = range_of(module, function, ranges, OP_AT(function, function->inputs.data[i]));
    check_ops(&bounds, ranges);
    if (bounds.sites.len)
        write_sites(&bounds, module, function->name);
    rewrite_end(&bounds.rewrite);
    vec_free(&bounds.sites);
    support_free(ranges);
}
