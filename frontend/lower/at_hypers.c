/* Rates and conditions that depend on hyperparameters alone: what they are at the first values, and at the ends of what tuning
 * can reach. */
#include "frontend/lower/at_hypers.h"

#include <math.h>
#include <string.h>

#include "frontend/lower/kit.h"
#include "runtime/abi/hyper_kinds.h"

/* Hyperparameters are made of unconstrained numbers. At -FAR and FAR a range has come as close to its bounds as matters. */
enum { FAR = 30 };

/* Where hyperparameters are looked at. */
typedef struct Place {
    double far;        /* the unconstrained number of all; 0: the first values */
    bool bounded_only; /* those without bounds are at their first values */
} Place;

/* The unconstrained number of element i of a condition, NaN where the condition is no hyperparameter. */
static double raw_element(const Session *s, uint32_t condition, int64_t i, Place at)
{
    for (uint32_t h = 0; h < s->model->hypers.len; h++) {
        const Hyper *hyper = &s->model->hypers.data[h];
        bool moved = at.far != 0 && (!at.bounded_only || hyper_kind_is_bounded(hyper->kind));
        if (hyper->condition == condition && i >= hyper->offset && i < hyper->offset + type_elements(hyper->shape))
            return moved ? at.far : hyper_raw(hyper, hyper->init);
    }
    return NAN;
}

static Value condition_at(Session *s, Builder *b, const Op *op, Place at)
{
    Value parts[256];
    int64_t n = op->type.dims[0], one = 1;
    for (int64_t i = 0; i < n && n <= (int64_t)COUNT_OF(parts); i++)
        parts[i] = build_const(b, type_of(op->type.dtype, 1, &one), raw_element(s, op->symbol, i, at));
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
static bool copy_value(Session *s, Function *alone, Value value, Place at)
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
        map[v] = op->code == OP_CONDITION ? condition_at(s, &b, op, at) : pure ? build_copy(&b, f, v, map) : NO_VALUE;
        fine = map[v] != NO_VALUE;
    }
    if (fine)
        build_output(&b, "value", map[value]);
    support_free(needed);
    support_free(map);
    return fine;
}

/* The element of the value that is farthest from `middle`; NaN: not known. */
static double farthest_element(Session *s, Value value, double middle, Place at)
{
    Function *alone = function_new(s->module, "/at"); /* no name of an export has a slash */
    double farthest = NAN;
    char why[256];
    Tensor *outputs;
    World world = {0};
    if (copy_value(s, alone, value, at) && interpret(s->module, alone, &world, NULL, &outputs, why)) {
        for (int64_t i = 0; i < type_elements(outputs[0].type); i++) {
            double x = tensor_get(&outputs[0], i);
            farthest = isnan(farthest) || fabs(x - middle) > fabs(farthest - middle) ? x : farthest;
        }
        interpret_free_outputs(alone, outputs);
    }
    function_remove(s->module, alone);
    return farthest;
}

static double worst_rate(Session *s, Value value, double far)
{
    return farthest_element(s, value, 0.5, (Place){far, false});
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

Truth truth_at_hypers(Session *s, Val condition)
{
    static const Place places[] = {{0, true}, {-FAR, true}, {FAR, true}};
    if (condition.kind != VAL_TENSOR || !s->builder.function)
        return TRUTH_UNKNOWN;
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        double least = farthest_element(s, condition.ir, 1, places[i]);
        if (isnan(least))
            return TRUTH_UNKNOWN;
        if (least == 0)
            return i ? TRUTH_FAILS_IN_REACH : TRUTH_FAILS_FIRST;
        if (!takes_condition(s->train, CONDITION_HYPER))
            break; /* the first values stay */
    }
    return TRUTH_HOLDS;
}
