/* Which weights training can move at all. A product whose other factor is 0 passes no gradient on: weights that begin at 0 and
 * are only multiplied with each other stay there for ever. A weight that moves can make others move, so rounds are repeated until
 * no weight is added. Only factors that are 0 count: other values that may be 0, such as the slope of a relu, are taken to be
 * other than 0. */
#include "frontend/declare/movement.h"

#include <string.h>

#include "frontend/lower/lower.h"

/* By the column `vjp` of the table of ops. Reductions across the batch have a derivative once there is a batch, responses, marks and
 * gradients within weights once they are replaced, and a weight has one with respect to the values of conditions that it is made of. */
static bool has_derivative(OpCode code)
{
    static const char *const rules[OP_COUNT] = {
#define OP(NAME, name, arity, effect, infer, batch, vjp, ...) [OP_##NAME] = #vjp,
#include "ir/ops.def"
#undef OP
    };
    if (is_across(code) || code == OP_RESPOND || code == OP_MARK || code == OP_PARAM || code == OP_GRAD)
        return true;
    return strcmp(rules[code], "zero") != 0 && strcmp(rules[code], "none") != 0;
}

bool passes_on(const Function *f, const Op *op, uint32_t operand)
{
    bool chooses = op->code == OP_SELECT && operand == 0, indexes = op->code == OP_GATHER && operand == 1;
    return has_derivative(op->code) && !chooses && !indexes && dtype_is_float(op->type.dtype) &&
           dtype_is_float(OP_AT(f, op->args[operand])->type.dtype);
}

typedef struct Movement {
    const Model *model;
    bool *moves;        /* weights of the module: some step moves it, as far as is known */
    bool *touched;      /* weights: some gradient reaches it where no factor stops one */
    bool *zero_value;   /* weights: made of zeros only */
    bool *zero_factors; /* weights: made of two generated factors that both begin at 0 */
    bool *visited;      /* weights: a gradient reached its function in this round */
    bool ignore_zeros;  /* nothing stops a gradient */
    uint64_t reached;   /* conditions, as a set */
} Movement;

static bool *new_flags(uint32_t count)
{
    bool *flags = support_malloc(count + 1);
    memset(flags, 0, count + 1);
    return flags;
}

/* ---- what is 0 ---- */

static bool weight_is_zero(const Movement *m, uint32_t index)
{
    const Weight *weight = &m->model->module->weights.data[index];
    if (weight->value)
        return m->zero_value[index];
    return !weight->file && weight->init.value == 0 && !m->moves[index];
}

static bool is_zero(const Movement *m, const Function *f, const bool *zero, Value v)
{
    const Op *op = OP_AT(f, v);
    bool every = op->nargs > 0, some = false;
    for (uint32_t i = 0; i < op->nargs; i++) {
        every &= zero[op->args[i]];
        some |= zero[op->args[i]];
    }
    switch (op->code) {
    case OP_CONST:
        return op->number == 0;
    case OP_PARAM:
        return weight_is_zero(m, op->symbol);
    case OP_MUL:
    case OP_DOT:
        return some;
    case OP_DIV:
    case OP_GATHER:
        return zero[op->args[0]];
    case OP_SELECT:
        return zero[op->args[1]] && zero[op->args[2]];
    case OP_NEG:
    case OP_ABS:
    case OP_SQRT:
    case OP_TANH:
    case OP_SIN:
    case OP_ERF:
    case OP_LOG1P:
    case OP_EXPM1:
    case OP_STOP:
    case OP_MARK:
    case OP_CAST:
    case OP_RESPOND:
    case OP_ADD:
    case OP_SUB:
    case OP_MAX:
    case OP_MIN:
    case OP_BROADCAST:
    case OP_RESHAPE:
    case OP_TRANSPOSE:
    case OP_SLICE:
    case OP_WINDOW:
    case OP_PAD:
    case OP_CONCAT:
    case OP_REDUCE_SUM:
    case OP_REDUCE_MAX:
    case OP_ACROSS_SUM:
    case OP_ACROSS_MEAN:
    case OP_ACROSS_MAX:
        return every;
    default:
        return false;
    }
}

static bool *mark_zeros(const Movement *m, const Function *f)
{
    bool *zero = new_flags(f->ops.len);
    for (Value v = 0; v < f->ops.len; v++)
        zero[v] = is_zero(m, f, zero, v);
    return zero;
}

/* Brings zero_value up to date. Weights may be made from weights before or behind them, so this takes some rounds. */
static void find_zero_values(Movement *m)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t i = m->model->module->weights.len; i-- > 0;) {
            const Function *value = weight_value_function(m->model->module, i);
            if (!value || !value->outputs.len || !m->zero_value[i])
                continue;
            bool *zero = mark_zeros(m, value);
            m->zero_value[i] = zero[value->outputs.data[0].value];
            changed |= !m->zero_value[i];
            support_free(zero);
        }
    }
}

/* ---- where gradients go ---- */

static void reach(Movement *m, const Function *f, Value from);

static void reach_weight(Movement *m, uint32_t index)
{
    const Weight *weight = &m->model->module->weights.data[index];
    const Function *value = weight_value_function(m->model->module, index);
    if (!value && !weight->file && !weight->fixed)
        (m->ignore_zeros ? m->touched : m->moves)[index] = true;
    if (!value || !value->outputs.len || m->visited[index])
        return;
    m->visited[index] = true;
    reach(m, value, value->outputs.data[0].value);
}

static void reach(Movement *m, const Function *f, Value from)
{
    bool *zero = mark_zeros(m, f), *reached = new_flags(f->ops.len);
    reached[from] = true;
    for (Value v = from + 1; v-- > 0;) {
        const Op *op = OP_AT(f, v);
        if (!reached[v])
            continue;
        if (op->code == OP_PARAM)
            reach_weight(m, op->symbol);
        if (op->code == OP_CONDITION || op->code == OP_SHIFT)
            m->reached |= UINT64_C(1) << op->symbol;
        bool product = op->code == OP_MUL || op->code == OP_DOT;
        for (uint32_t i = 0; i < op->nargs; i++) {
            bool stopped = product && zero[op->args[1 - i]] && !m->ignore_zeros;
            reached[op->args[i]] |= passes_on(f, op, i) && !stopped;
        }
    }
    support_free(zero);
    support_free(reached);
}

static void reach_all(Movement *m, const Function *losses, uint32_t first, uint32_t last)
{
    memset(m->visited, 0, m->model->module->weights.len);
    m->reached = 0;
    for (uint32_t i = first; i <= last && i < losses->outputs.len; i++)
        reach(m, losses, losses->outputs.data[i].value);
}

/* ---- generated factors ---- */

/* Whether the value is a piece of a vector that a net makes. */
static bool is_generated(const Model *model, const Function *f, Value v)
{
    const Op *op = OP_AT(f, v);
    while (op->code == OP_SLICE || op->code == OP_RESHAPE || op->code == OP_TRANSPOSE)
        op = OP_AT(f, op->args[0]);
    return op->code == OP_PARAM && model->module->weights.data[op->symbol].value;
}

/* Whether the function of a weight multiplies two generated factors that are both 0, as far as is known: neither gets a gradient.
 * Other parts of the factors' vectors may move. */
static bool has_zero_factors(const Movement *m, const Function *f)
{
    bool *zero = mark_zeros(m, f), found = false;
    for (Value v = 0; v < f->ops.len; v++) {
        const Op *op = OP_AT(f, v);
        if (op->code == OP_MUL || op->code == OP_DOT)
            found |= zero[op->args[0]] && zero[op->args[1]] && is_generated(m->model, f, op->args[0]) &&
                     is_generated(m->model, f, op->args[1]);
    }
    support_free(zero);
    return found;
}

/* Called before any weight is known to move. */
static void find_zero_factors(Movement *m)
{
    find_zero_values(m);
    for (uint32_t i = 0; i < m->model->module->weights.len; i++) {
        const Function *value = weight_value_function(m->model->module, i);
        m->zero_factors[i] = value && has_zero_factors(m, value);
    }
}

/* Counts the trained numbers of which the weight is made, at any remove, and of these the ones that move. */
static void count_behind(const Movement *m, uint32_t weight, bool *seen, uint32_t *trained, uint32_t *moving)
{
    const Weight *w = &m->model->module->weights.data[weight];
    const Function *value = weight_value_function(m->model->module, weight);
    if (seen[weight])
        return;
    seen[weight] = true;
    *trained += !value && !w->file && !w->fixed;
    *moving += !value && m->moves[weight];
    for (Value v = 0; value && v < value->ops.len; v++)
        if (OP_AT(value, v)->code == OP_PARAM)
            count_behind(m, OP_AT(value, v)->symbol, seen, trained, moving);
}

/* After a round that nothing stops: a generator that it reached and whose numbers all stay. */
static uint32_t find_dead(const Movement *m)
{
    uint32_t weights = m->model->module->weights.len, dead = NO_WEIGHT;
    for (uint32_t i = 0; i < weights && dead == NO_WEIGHT; i++) {
        const Weight *w = &m->model->module->weights.data[i];
        if (!m->visited[i] || !w->value || w->net != NO_NET)
            continue;
        uint32_t trained = 0, moving = 0;
        bool *seen = new_flags(weights);
        count_behind(m, i, seen, &trained, &moving);
        support_free(seen);
        if (trained && !moving)
            dead = i;
    }
    return dead;
}

static uint32_t count(const bool *flags, uint32_t n)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < n; i++)
        total += flags[i];
    return total;
}

MovementResult find_movement(const Model *model, const Function *lower, uint32_t first, uint32_t last, const Function *upper)
{
    uint32_t weights = model->module->weights.len;
    Movement m = {.model = model};
    m.moves = new_flags(weights), m.touched = new_flags(weights), m.zero_value = new_flags(weights);
    m.zero_factors = new_flags(weights), m.visited = new_flags(weights);
    MovementResult result = {.stuck = NO_WEIGHT, .zero_factors = NO_WEIGHT, .dead = NO_WEIGHT};
    memset(m.zero_value, true, weights);
    find_zero_factors(&m);
    for (uint32_t before = UINT32_MAX, now = 0; now != before;) {
        before = now;
        find_zero_values(&m);
        reach_all(&m, lower, first, last);
        now = count(m.moves, weights);
    }
    result.moves = count(m.moves, weights);
    if (upper) {
        reach_all(&m, upper, 0, 0);
        result.reached = m.reached;
    }
    m.ignore_zeros = true;
    reach_all(&m, lower, first, last);
    for (uint32_t i = 0; i < weights && result.stuck == NO_WEIGHT; i++)
        if (m.touched[i] && !m.moves[i])
            result.stuck = i;
    for (uint32_t i = 0; i < weights && result.zero_factors == NO_WEIGHT; i++)
        if (m.visited[i] && m.zero_factors[i])
            result.zero_factors = i;
    result.dead = find_dead(&m);
    support_free(m.moves);
    support_free(m.touched);
    support_free(m.zero_value);
    support_free(m.zero_factors);
    support_free(m.visited);
    return result;
}
