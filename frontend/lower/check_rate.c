/* Rates that depend on hyperparameters: their first values, and their values at the ends of what tuning can reach. */
#include <math.h>
#include <string.h>

#include "frontend/lower/kit.h"

/* Hyperparameters are made of unconstrained numbers. At -FAR and FAR a range has come as close to its bounds as matters. */
enum { FAR = 30 };

/* The unconstrained number of element i of a condition, NaN where the condition is no hyperparameter. */
static double raw_element(const Session *s, uint32_t condition, int64_t i, double far)
{
    for (uint32_t h = 0; h < s->model->hypers.len; h++) {
        const Hyper *hyper = &s->model->hypers.data[h];
        if (hyper->condition == condition && i >= hyper->offset && i < hyper->offset + type_elements(hyper->shape))
            return far != 0 ? far : hyper_raw(hyper, hyper->init);
    }
    return NAN;
}

static Value condition_at(Session *s, Builder *b, const Op *op, double far)
{
    Value parts[256];
    int64_t n = op->type.dims[0], one = 1;
    for (int64_t i = 0; i < n && n <= (int64_t)COUNT_OF(parts); i++)
        parts[i] = build_const(b, type_of(op->type.dtype, 1, &one), raw_element(s, op->symbol, i, far));
    return n <= (int64_t)COUNT_OF(parts) ? build_concat(b, (uint32_t)n, parts, 0) : NO_VALUE;
}

static bool *mark_needed(const Function *f, Value value)
{
    bool *needed = support_malloc(value + 1);
    memset(needed, 0, value + 1);
    needed[value] = true;
    for (Value v = value + 1; v-- > 0;)
        for (uint32_t i = 0; i < OP_AT(f, v)->nargs && needed[v]; i++)
            needed[OP_AT(f, v)->args[i]] = true;
    return needed;
}

/* Copies the value into a function of its own, with numbers for conditions. False: it depends on more than hyperparameters. */
static bool copy_value(Session *s, Function *alone, Value value, double far)
{
    const Function *f = s->builder.function;
    Builder b = {.module = s->module, .function = alone};
    bool *needed = mark_needed(f, value), fine = true;
    Value *map = support_malloc((value + 1) * sizeof *map);
    for (Value v = 0; v <= value && fine; v++) {
        const Op *op = OP_AT(f, v);
        bool pure = op_info[op->code].effect == EFFECT_PURE && op->code != OP_RANDOM;
        if (!needed[v])
            continue;
        map[v] = op->code == OP_CONDITION ? condition_at(s, &b, op, far) : pure ? build_copy(&b, f, v, map) : NO_VALUE;
        fine = map[v] != NO_VALUE;
    }
    if (fine)
        build_output(&b, "rate", map[value]);
    support_free(needed);
    support_free(map);
    return fine;
}

/* The element of the value that is farthest from [0, 1]; NaN: not known. */
static double worst_rate(Session *s, Value value, double far)
{
    Function *alone = function_new(s->module, "/rate"); /* no name of an export has a slash */
    double worst = NAN;
    char why[256];
    Tensor *outputs;
    World world = {0};
    if (copy_value(s, alone, value, far) && interpret(s->module, alone, &world, NULL, &outputs, why)) {
        for (int64_t i = 0; i < type_elements(outputs[0].type); i++) {
            double x = tensor_get(&outputs[0], i);
            worst = isnan(worst) || fabs(x - 0.5) > fabs(worst - 0.5) ? x : worst;
        }
        interpret_free_outputs(alone, outputs);
    }
    function_remove(s->module, alone);
    return worst;
}

static bool is_rate(double x)
{
    return isnan(x) || (x >= 0 && x <= 1);
}

bool check_rate(Session *s, Val value, Span span, const char *what)
{
    if (value.kind != VAL_TENSOR || !s->builder.function || !is_real(s, value))
        return true;
    double first = worst_rate(s, value.ir, 0);
    if (isnan(first))
        return true;
    if (!is_rate(first)) {
        fail(s, span, "%s lies between 0 and 1, but with the first hyperparameters this is %.6g", what, first);
        return false;
    }
    bool tuned = takes_condition(s->train, CONDITION_HYPER);
    if (!tuned)
        return true;
    double low = worst_rate(s, value.ir, -FAR), high = worst_rate(s, value.ir, FAR);
    if (!is_rate(low) || !is_rate(high)) {
        warn(s, WARNING_RATE_RANGE, span, "%s lies between 0 and 1, but tuning can make this %.3g", what,
             is_rate(high) ? low : high);
        add_help(s, "declare a hyperparameter that cannot leave the range, as in 'p: rate(0, 0.9) = 0.1'");
    }
    return true;
}
