/* Shape rules: one infer_<rule> per name in the `infer` column of ops.def. A rule gets operands that exist, in the right number,
 * and leaves the result's type in op->type; docs/ir.md states each rule in words. Those of movement are in infer_movement.c. */
#include <math.h>
#include <string.h>

#include "ir/rules.h"
#include "ir/scan.h"
#include "pareto/externs.h"
#include "pareto/pareto.h"

static bool need_float(const Rule *r, Type type)
{
    return dtype_is_float(type.dtype) || rule_fail(r, "needs a float operand, not %s", type_text(type));
}

static bool need_equal(const Rule *r, Type a, Type b)
{
    return type_equal(a, b) || rule_fail(r, "operand types differ: %s and %s", type_text(a), type_text(b));
}

static bool need_entry(const Rule *r, const char *table, uint32_t len)
{
    return r->op->symbol < len || rule_fail(r, "the module has no %s %u", table, r->op->symbol);
}

/* ---- sources ---- */

static bool infer_declared(const Rule *r)
{
    (void)r;
    return true; /* the declaration gives the type; infer_type checks that it is valid */
}

static bool infer_constant(const Rule *r)
{
    double x = r->op->number;
    bool whole = x == trunc(x), fits = true;
    switch (r->op->type.dtype) {
    case DTYPE_I32:
        fits = whole && x >= INT32_MIN && x <= INT32_MAX;
        break;
    case DTYPE_U8:
        fits = whole && x >= 0 && x <= UINT8_MAX;
        break;
    case DTYPE_BOOL:
        fits = x == 0 || x == 1;
        break;
    default:
        break;
    }
    return fits || rule_fail(r, "%g is not a value of %s", x, dtype_name(r->op->type.dtype));
}

static bool infer_iota(const Rule *r)
{
    return rule_needs_count(r, "axes", r->op->axis.n, 1) && rule_needs_axis(r, r->op->axis.v[0], r->op->type) &&
           rule_needs_number(r, r->op->type);
}

static bool infer_random(const Rule *r)
{
    Type seed = rule_operand(r, 0), step = rule_operand(r, 1);
    if (!type_equal(seed, type_of(DTYPE_I32, 1, (int64_t[]){2})))
        return rule_fail(r, "the seed must be i32[2], not %s", type_text(seed));
    if (!type_equal(step, type_scalar(DTYPE_I32)))
        return rule_fail(r, "the step must be i32[], not %s", type_text(step));
    if (!dtype_is_float(r->op->type.dtype))
        return rule_fail(r, "the result must be a float, not %s", type_text(r->op->type));
    return true;
}

static bool infer_state(const Rule *r)
{
    return need_entry(r, "state", r->module->states.len) && rule_result(r, r->module->states.data[r->op->symbol].type);
}

static bool infer_write(const Rule *r)
{
    if (!need_entry(r, "state", r->module->states.len))
        return false;
    const State *state = &r->module->states.data[r->op->symbol];
    if (!type_equal(state->type, rule_operand(r, 0)))
        return rule_fail(r, "state '%.60s' is %s, the value %s", state->name, type_text(state->type),
                         type_text(rule_operand(r, 0)));
    return rule_result(r, state->type);
}

static bool infer_fetch(const Rule *r)
{
    if (!need_entry(r, "field", r->module->fields.len))
        return false;
    Type index = rule_operand(r, 0), field = r->module->fields.data[r->op->symbol].type, type = {.dtype = field.dtype};
    if (index.dtype != DTYPE_I32 || index.rank != 1)
        return rule_fail(r, "the index must be i32[n], not %s", type_text(index));
    bool fits = rule_add_axis(r, &type, index.dims[0]);
    for (unsigned i = 0; fits && i < field.rank; i++)
        fits = rule_add_axis(r, &type, field.dims[i]);
    return fits && rule_result(r, type);
}

/* The axes that the operand of a `param` has before those of its condition, appended to *type. */
static bool leading_axes(const Rule *r, uint32_t i, Type *type)
{
    Type given = rule_operand(r, i), condition = r->module->conditions.data[r->op->conditions.v[i]].type;
    unsigned leading = given.rank - condition.rank;
    bool fits = given.rank >= condition.rank && given.dtype == condition.dtype &&
                !memcmp(given.dims + leading, condition.dims, condition.rank * sizeof *given.dims);
    if (!fits)
        return rule_fail(r, "the condition '%.60s' is %s, its value %s", r->module->conditions.data[r->op->conditions.v[i]].name,
                         type_text(condition), type_text(given));
    for (unsigned k = 0; k < leading; k++)
        if (!rule_add_axis(r, type, given.dims[k]))
            return false;
    return true;
}

static bool infer_param(const Rule *r)
{
    const Op *op = r->op;
    if (!need_entry(r, "weight", r->module->weights.len) ||
        !rule_needs_count(r, "values of conditions", op->nargs, op->conditions.n))
        return false;
    Type weight = r->module->weights.data[op->symbol].type, type = {.dtype = weight.dtype};
    for (uint32_t i = 0; i < op->nargs; i++) {
        Type leading = {.dtype = weight.dtype};
        if (op->conditions.v[i] < 0 || op->conditions.v[i] >= r->module->conditions.len)
            return rule_fail(r, "the module has no condition %lld", (long long)op->conditions.v[i]);
        if (i && op->conditions.v[i] <= op->conditions.v[i - 1])
            return rule_fail(r, "conditions must increase");
        if (!leading_axes(r, i, &leading))
            return false;
        if (i && !type_equal(leading, type))
            return rule_fail(r, "the values of its conditions have different leading axes");
        type = leading;
    }
    for (unsigned i = 0; i < weight.rank; i++)
        if (!rule_add_axis(r, &type, weight.dims[i]))
            return false;
    return rule_result(r, type);
}

static bool infer_condition(const Rule *r)
{
    return need_entry(r, "condition", r->module->conditions.len) &&
           rule_result(r, r->module->conditions.data[r->op->symbol].type);
}

static bool infer_example(const Rule *r)
{
    return need_entry(r, "field", r->module->fields.len) && rule_result(r, r->module->fields.data[r->op->symbol].type);
}

/* ---- replaced by passes ---- */

static bool infer_same(const Rule *r)
{
    return rule_needs_number(r, rule_operand(r, 0)) && rule_result(r, rule_operand(r, 0));
}

static bool need_float_scalar(const Rule *r, Type type)
{
    return (type.rank == 0 && dtype_is_float(type.dtype)) || rule_fail(r, "needs a float scalar, not %s", type_text(type));
}

static bool infer_grad(const Rule *r)
{
    return need_float_scalar(r, rule_operand(r, 0)) && need_float(r, rule_operand(r, 1)) && rule_result(r, rule_operand(r, 1));
}

static bool infer_tangent(const Rule *r)
{
    uint32_t leaves = r->op->nargs / 2;
    if (r->op->nargs % 2 == 0)
        return rule_fail(r, "needs a value, then as many leaves as tangents");
    if (!need_float(r, rule_operand(r, 0)))
        return false;
    for (uint32_t i = 1; i <= leaves; i++)
        if (!need_float(r, rule_operand(r, i)) || !need_equal(r, rule_operand(r, i), rule_operand(r, leaves + i)))
            return false;
    return rule_result(r, rule_operand(r, 0));
}

/* ---- elementwise ---- */

static bool infer_unary(const Rule *r)
{
    return need_float(r, rule_operand(r, 0)) && rule_result(r, rule_operand(r, 0));
}

static bool infer_binary(const Rule *r)
{
    OpCode code = r->op->code;
    Type x = rule_operand(r, 0);
    if (!need_equal(r, x, rule_operand(r, 1)))
        return false;
    return (code == OP_DIV || code == OP_POW ? need_float(r, x) : rule_needs_number(r, x)) && rule_result(r, x);
}

static bool infer_within(const Rule *r)
{
    Type x = rule_operand(r, 0);
    if (x.dtype != DTYPE_I32)
        return rule_fail(r, "the index must be i32, not %s", type_text(x));
    return need_equal(r, x, rule_operand(r, 1)) && rule_result(r, x);
}

static bool infer_comparison(const Rule *r)
{
    OpCode code = r->op->code;
    Type x = rule_operand(r, 0);
    if (!need_equal(r, x, rule_operand(r, 1)))
        return false;
    if ((code == OP_LT || code == OP_LE) && x.dtype == DTYPE_BOOL)
        return rule_fail(r, "bool has no order (cast it first)");
    return rule_result(r, type_with_dtype(x, DTYPE_BOOL));
}

static bool infer_logic(const Rule *r)
{
    for (uint32_t i = 0; i < r->op->nargs; i++)
        if (rule_operand(r, i).dtype != DTYPE_BOOL)
            return rule_fail(r, "needs bool operands, not %s", type_text(rule_operand(r, i)));
        else if (!need_equal(r, rule_operand(r, 0), rule_operand(r, i)))
            return false;
    return rule_result(r, rule_operand(r, 0));
}

/* x y + z, rounded once. */
static bool infer_fma(const Rule *r)
{
    Type x = rule_operand(r, 0);
    if (!dtype_is_float(x.dtype))
        return rule_fail(r, "operands must be f32 or f64, not %s", type_text(x));
    return need_equal(r, x, rule_operand(r, 1)) && need_equal(r, x, rule_operand(r, 2)) && rule_result(r, x);
}

static bool infer_select(const Rule *r)
{
    Type condition = rule_operand(r, 0), yes = rule_operand(r, 1);
    if (condition.dtype != DTYPE_BOOL)
        return rule_fail(r, "the condition must be bool, not %s", type_text(condition));
    return need_equal(r, yes, rule_operand(r, 2)) && need_equal(r, condition, type_with_dtype(yes, DTYPE_BOOL)) &&
           rule_result(r, yes);
}

static bool infer_cast(const Rule *r)
{
    return rule_result(r, type_with_dtype(rule_operand(r, 0), r->op->type.dtype));
}

/* ---- reductions, products, indexing ---- */

static Type without_axes(Type x, Dims axes)
{
    Type type = {.dtype = x.dtype};
    for (unsigned i = 0; i < x.rank; i++)
        if (!dims_contain(axes, i))
            type.dims[type.rank++] = x.dims[i];
    return type;
}

static bool infer_reduce(const Rule *r)
{
    Type x = rule_operand(r, 0);
    return rule_needs_number(r, x) && rule_needs_increasing_axes(r, r->op->axes, x) &&
           rule_result(r, without_axes(x, r->op->axes));
}

static bool infer_argmax(const Rule *r)
{
    Type x = rule_operand(r, 0);
    if (!rule_needs_number(r, x) || !rule_needs_count(r, "axes", r->op->axis.n, 1) || !rule_needs_axis(r, r->op->axis.v[0], x))
        return false;
    return rule_result(r, type_with_dtype(without_axes(x, r->op->axis), DTYPE_I32));
}

static bool infer_sort(const Rule *r)
{
    Type x = rule_operand(r, 0);
    if (!rule_needs_number(r, x) || !rule_needs_count(r, "axes", r->op->axis.n, 1) || !rule_needs_axis(r, r->op->axis.v[0], x))
        return false;
    return rule_result(r, type_with_dtype(x, DTYPE_I32));
}

/* Checks that pairs of axes, contracted or batch axes, agree. */
static bool need_paired_axes(const Rule *r, const char *what, Type x, Dims x_axes, Type y, Dims y_axes)
{
    if (x_axes.n != y_axes.n)
        return rule_fail(r, "%u %s axes on the left, %u on the right", x_axes.n, what, y_axes.n);
    for (unsigned i = 0; i < x_axes.n; i++) {
        if (!rule_needs_axis(r, x_axes.v[i], x) || !rule_needs_axis(r, y_axes.v[i], y))
            return false;
        if (x.dims[x_axes.v[i]] != y.dims[y_axes.v[i]])
            return rule_fail(r, "%s axes %lld of %s and %lld of %s differ", what, (long long)x_axes.v[i], type_text(x),
                             (long long)y_axes.v[i], type_text(y));
    }
    return true;
}

static bool need_distinct_axes(const Rule *r, Dims contracted, Dims batch)
{
    Dims seen = {0};
    for (unsigned i = 0; i < (unsigned)contracted.n + batch.n; i++) {
        int64_t axis = i < contracted.n ? contracted.v[i] : batch.v[i - contracted.n];
        if (dims_contain(seen, axis))
            return rule_fail(r, "axis %lld is named twice", (long long)axis);
        seen.v[seen.n++] = axis;
    }
    return true;
}

static bool add_free_axes(const Rule *r, Type *type, Type x, Dims contracted, Dims batch)
{
    for (unsigned i = 0; i < x.rank; i++)
        if (!dims_contain(contracted, i) && !dims_contain(batch, i) && !rule_add_axis(r, type, x.dims[i]))
            return false;
    return true;
}

static bool infer_dot(const Rule *r)
{
    const Op *op = r->op;
    Type x = rule_operand(r, 0), y = rule_operand(r, 1), type = {.dtype = x.dtype};
    if (!need_float(r, x) || !need_equal(r, type_scalar(x.dtype), type_scalar(y.dtype)))
        return false;
    if (!need_paired_axes(r, "contracted", x, op->contract_x, y, op->contract_y) ||
        !need_paired_axes(r, "batch", x, op->batch_x, y, op->batch_y) || !need_distinct_axes(r, op->contract_x, op->batch_x) ||
        !need_distinct_axes(r, op->contract_y, op->batch_y))
        return false;
    for (unsigned i = 0; i < op->batch_x.n; i++)
        type.dims[type.rank++] = x.dims[op->batch_x.v[i]];
    return add_free_axes(r, &type, x, op->contract_x, op->batch_x) && add_free_axes(r, &type, y, op->contract_y, op->batch_y) &&
           rule_result(r, type);
}

static bool infer_gather(const Rule *r)
{
    Type table = rule_operand(r, 0), index = rule_operand(r, 1), type = type_with_dtype(index, table.dtype);
    if (table.rank == 0)
        return rule_fail(r, "the table needs an axis");
    if (index.dtype != DTYPE_I32)
        return rule_fail(r, "the index must be i32, not %s", type_text(index));
    for (unsigned i = 1; i < table.rank; i++)
        if (!rule_add_axis(r, &type, table.dims[i]))
            return false;
    return rule_result(r, type);
}

static bool infer_scatter(const Rule *r)
{
    Type index = rule_operand(r, 0), updates = rule_operand(r, 1), type = {.dtype = updates.dtype};
    if (index.dtype != DTYPE_I32)
        return rule_fail(r, "the index must be i32, not %s", type_text(index));
    if (!need_float(r, updates) || !rule_needs_count(r, "numbers of rows", r->op->rows.n, 1))
        return false;
    if (updates.rank < index.rank || memcmp(index.dims, updates.dims, index.rank * sizeof index.dims[0]) != 0)
        return rule_fail(r, "updates %s must start with the axes of the index %s", type_text(updates), type_text(index));
    bool fits = rule_add_axis(r, &type, r->op->rows.v[0]);
    for (unsigned i = index.rank; fits && i < updates.rank; i++)
        fits = rule_add_axis(r, &type, updates.dims[i]);
    return fits && rule_result(r, type);
}

/* The m of a real[m], or 0. */
static int64_t need_vector(const Rule *r, uint32_t i)
{
    Type type = rule_operand(r, i);
    if (dtype_is_float(type.dtype) && type.rank == 1 && type.dims[0] <= PARETO_MOST_OBJECTIVES)
        return type.dims[0];
    rule_fail(r, "operand %u must be a vector of at most %d floats, not %s", i, PARETO_MOST_OBJECTIVES, type_text(type));
    return 0;
}

static bool infer_extern(const Rule *r)
{
    if (r->op->symbol >= EXTERN_COUNT)
        return rule_fail(r, "there is no function %u", r->op->symbol);
    uint32_t operands = extern_info[r->op->symbol].operands;
    if (r->op->nargs != operands)
        return rule_fail(r, "%s takes %u operands, not %u", extern_info[r->op->symbol].name, operands, r->op->nargs);
    if (r->op->symbol == EXTERN_DIRICHLET) {
        int64_t m = need_vector(r, 2);
        if (!type_equal(rule_operand(r, 0), type_of(DTYPE_I32, 1, (int64_t[]){2})) ||
            !type_equal(rule_operand(r, 1), type_scalar(DTYPE_I32)))
            return rule_fail(r, "the seed must be i32[2] and the step i32[], not %s and %s", type_text(rule_operand(r, 0)),
                             type_text(rule_operand(r, 1)));
        return m > 0 && rule_result(r, type_of(rule_operand(r, 2).dtype, 1, &m));
    }
    int64_t m = need_vector(r, 0), with_status = m + 1;
    DType real = rule_operand(r, 0).dtype;
    if (m > 0 && r->op->symbol == EXTERN_HVI) {
        Type points = rule_operand(r, 1);
        if (points.dtype != real || points.rank != 2 || points.dims[1] != m || points.dims[0] > PARETO_MOST_SOLUTIONS)
            return rule_fail(r, "the points must be at most %d rows of %lld floats, not %s", PARETO_MOST_SOLUTIONS, (long long)m,
                             type_text(points));
        with_status = points.dims[0] * m + 1;
        return rule_result(r, type_of(real, 1, &with_status));
    }
    if (m == 0 || need_vector(r, 1) == 0)
        return false;
    Type gram = type_of(real, 2, (int64_t[]){m, m});
    if (!type_equal(rule_operand(r, 1), rule_operand(r, 0)) || !type_equal(rule_operand(r, 2), gram))
        return rule_fail(r, "losses %s do not fit the ray %s and the Gram matrix %s", type_text(rule_operand(r, 0)),
                         type_text(rule_operand(r, 1)), type_text(rule_operand(r, 2)));
    if (r->op->symbol == EXTERN_PMTL) {
        if (!type_equal(rule_operand(r, 3), type_scalar(DTYPE_BOOL)))
            return rule_fail(r, "whether it is the first phase must be bool[], not %s", type_text(rule_operand(r, 3)));
        if (rule_operand(r, 4).dtype != real || rule_operand(r, 4).rank != 2 || rule_operand(r, 4).dims[1] != m)
            return rule_fail(r, "the rays must be rows of %lld floats, not %s", (long long)m, type_text(rule_operand(r, 4)));
    }
    return rule_result(r, type_of(real, 1, &with_status));
}

/* ---- loops ---- */

/* What input i of a scan's body is, given its operand: one entry of those that are scanned. */
static bool need_operand(const Rule *r, uint32_t i)
{
    const Op *op = r->op;
    Type operand = rule_operand(r, i), input = body_input_type(op->body, i);
    bool scanned = scan_takes_entries(op, i);
    if (scanned && (input.rank == MAX_RANK || !type_equal(operand, type_of_many(scan_steps(op), input))))
        return rule_fail(r, "operand %u is %s, not one %s per step", i, type_text(operand), type_text(input));
    if (!scanned && !type_equal(operand, input))
        return rule_fail(r, "operand %u is %s, the body's input %s", i, type_text(operand), type_text(input));
    return true;
}

static bool infer_scan(const Rule *r)
{
    const Op *op = r->op;
    if (!op->body)
        return rule_fail(r, "it has no body");
    if (!rule_needs_count(r, "numbers of its loop", op->loop.n, 3))
        return false;
    const Function *body = op->body;
    if (op->loop.v[0] < 1 || op->loop.v[0] > MAX_ELEMENTS || op->loop.v[1] < 0 || op->loop.v[2] < 0 ||
        op->loop.v[1] > body->outputs.len || op->loop.v[1] + op->loop.v[2] > body->inputs.len)
        return rule_fail(r, "the body has %u inputs and %u outputs, which are too few", body->inputs.len, body->outputs.len);
    if (body->outputs.len == 0 || op->nargs != body->inputs.len)
        return rule_fail(r, "%u operands given, the body has %u inputs and %u outputs", op->nargs, body->inputs.len,
                         body->outputs.len);
    for (uint32_t i = 0; i < op->nargs; i++)
        if (!need_operand(r, i))
            return false;
    for (uint32_t i = 0; i < body->outputs.len; i++) {
        Type type = body_output_type(body, i);
        if (i < scan_carries(op) && !type_equal(type, body_input_type(body, i)))
            return rule_fail(r, "carry %u becomes %s", i, type_text(type));
        if (i >= scan_carries(op) && (type.rank == MAX_RANK || !type_valid(type_of_many(scan_steps(op), type))))
            return rule_fail(r, "all values of the yielded %s are too many", type_text(type));
    }
    return rule_result(r, scan_result_type(op, 0));
}

static bool infer_result(const Rule *r)
{
    const Op *scan = OP_AT(r->function, r->op->args[0]);
    if (scan->code != OP_SCAN)
        return rule_fail(r, "its operand is no scan");
    if (!rule_needs_count(r, "results", r->op->place.n, 1))
        return false;
    if (r->op->place.v[0] < 0 || r->op->place.v[0] >= scan_results(scan))
        return rule_fail(r, "the scan has no result %lld", (long long)r->op->place.v[0]);
    return rule_result(r, scan_result_type(scan, (uint32_t)r->op->place.v[0]));
}

/* ---- dispatch ---- */

static bool (*const rules[OP_COUNT])(const Rule *) = {
#define OP(NAME, mnemonic, arity, effect, infer, ...) [OP_##NAME] = infer_##infer,
#include "ir/ops.def"
#undef OP
};

/* Attribute lists come from text and from passes: none may be longer than its array. */
static bool lists_fit(const Op *op)
{
    return op->a.n <= MAX_RANK && op->b.n <= MAX_RANK && op->c.n <= MAX_RANK && op->d.n <= MAX_RANK &&
           op->type.rank <= MAX_RANK && (unsigned)op->type.dtype < DTYPE_COUNT;
}

bool infer_type(const Module *module, const Function *function, Op *op, char why[static 256])
{
    Rule rule = {module, function, op, why};
    why[0] = 0;
    if ((unsigned)op->code >= OP_COUNT) {
        snprintf(why, WHY_BYTES, "op %u does not exist", (unsigned)op->code);
        return false;
    }
    if (!lists_fit(op))
        return rule_fail(&rule, "an attribute or the type is out of range");
    int arity = op_info[op->code].arity;
    if (arity >= 0 ? op->nargs != (uint32_t)arity : arity == -1 && op->nargs == 0)
        return rule_fail(&rule, "%u operands given, %s%d needed", op->nargs, arity >= 0 ? "" : "at least ",
                         arity >= 0 ? arity : 1);
    for (uint32_t i = 0; i < op->nargs; i++) {
        if (op->args[i] >= function->ops.len)
            return rule_fail(&rule, "operand %u is not a value", i);
        if (function->ops.data[op->args[i]].code == OP_STATE_WRITE)
            return rule_fail(&rule, "operand %u is a state_write, which has no value", i);
        if (function->ops.data[op->args[i]].code == OP_SCAN && op->code != OP_RESULT)
            return rule_fail(&rule, "operand %u is a scan: only 'result' takes its values", i);
    }
    if (!rules[op->code](&rule))
        return false;
    if (!type_valid(op->type))
        return rule_fail(&rule, "%s is no valid type (extents from 1, at most %lld elements)", type_text(op->type),
                         (long long)MAX_ELEMENTS);
    return true;
}
