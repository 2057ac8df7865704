/* Hyperparameters: each group is one condition, a vector of unconstrained numbers; each entry is squashed into its range. */
#include <float.h>
#include <string.h>

#include "frontend/conditions/conditions.h"
#include "runtime/abi/hyper_kinds.h"

static const Construct kind_rows[] = {
    ALONE("real"),
    ALONE("positive"),
    CALLED("rate", "rate(0, 0.9)", {"low", TAKES_NUMBER, WITHIN(0, 1), 0}, {"high", TAKES_NUMBER, WITHIN(0, 1), 1}),
    CALLED("range", "range(0, 1)", {"low", TAKES_NUMBER, ANY_NUMBER, NAN}, {"high", TAKES_NUMBER, ANY_NUMBER, NAN}),
    CALLED("log", "log(1e-4, 1)", {"low", TAKES_NUMBER, ABOVE(0), 0}, {"high", TAKES_NUMBER, ABOVE(0), 1}),
    CALLED("integer", "integer(0, 10)", {"low", TAKES_NUMBER, ANY_NUMBER, NAN}, {"high", TAKES_NUMBER, ANY_NUMBER, NAN}),
};

typedef struct KindRule {
    HyperKind plain, ranged; /* without and with (low, high) */
    bool ends_included;      /* the first value may equal a bound; bounds and first value are whole numbers */
} KindRule;

/* ORDER kind_rows */
static const KindRule kind_rules[] = {
    {HYPER_REAL, HYPER_REAL, false},   {HYPER_POSITIVE, HYPER_POSITIVE, false}, {HYPER_RANGE, HYPER_RANGE, false},
    {HYPER_RANGE, HYPER_RANGE, false}, {HYPER_LOG, HYPER_LOG_RANGE, false},     {HYPER_INTEGER, HYPER_INTEGER, true},
};

/* kind, kind(low, high), either followed by [extent, ...] */
static bool read_kind(Session *s, const Expr *expr, Hyper *hyper, const KindRule **rule)
{
    Dims dims = {0};
    hyper->shape = type_scalar(s->module->real);
    if (expr->kind == EXPR_INDEX) {
        if (!make_dims(s, expr->args, &dims))
            return false;
        for (unsigned i = 0; i < dims.n; i++)
            if (dims.v[i] < 1) {
                fail(s, expr->span, "an extent must be at least 1");
                return false;
            }
        hyper->shape = type_of(s->module->real, dims.n, dims.v);
        if (!check_type(s, hyper->shape, expr->span))
            return false;
        expr = expr->left;
    }
    Argument bounds[MOST_PARAMETERS];
    int row = read_construct(s, expr, CONSTRUCTS(kind_rows), "a kind of hyperparameter", bounds);
    if (row < 0)
        return false;
    *rule = &kind_rules[row];
    hyper->kind = bounds[0].expr ? (*rule)->ranged : (*rule)->plain;
    hyper->low = hyper_kind_is_bounded(hyper->kind) ? bounds[0].number : 0;
    hyper->high = hyper_kind_is_bounded(hyper->kind) ? bounds[1].number : 0;
    if (!bounds[0].expr != !bounds[1].expr) {
        fail(s, expr->span, "'%s' takes two bounds, as in %s", kind_rows[row].name, kind_rows[row].example);
        return false;
    }
    bool wide = hyper->kind == HYPER_LOG_RANGE && (hyper->low < FLT_MIN || hyper->high > FLT_MAX);
    if (wide) {
        fail(s, expr->span, "'log' takes bounds from 1e-37 to 1e38: beyond them are numbers that f32 does not have");
        return false;
    }
    if (!bounds[0].expr || hyper->low < hyper->high)
        return true;
    fail(s, expr->span, "the range from %.6g to %.6g is empty", hyper->low, hyper->high);
    if (hyper->low > hyper->high)
        add_help(s, "the smaller bound stands first");
    return false;
}

static bool check_first(Session *s, const HyperEntry *entry, const KindRule *rule, const Hyper *hyper)
{
    double init = hyper->init;
    Span span = entry->init->span;
    int64_t whole;
    if ((hyper->kind == HYPER_POSITIVE || hyper->kind == HYPER_LOG) && init <= 0) {
        fail(s, span, "the first value of '%s' must be above 0, but this is %.6g", entry->name.text, init);
        return false;
    }
    if (rule->ends_included &&
        (!as_integer(s, val_number(hyper->low), entry->kind->span, "a bound", -MAX_ELEMENTS, MAX_ELEMENTS, &whole) ||
         !as_integer(s, val_number(hyper->high), entry->kind->span, "a bound", -MAX_ELEMENTS, MAX_ELEMENTS, &whole) ||
         !as_integer(s, val_number(init), span, "the first value", -MAX_ELEMENTS, MAX_ELEMENTS, &whole)))
        return false;
    bool inside = rule->ends_included ? init >= hyper->low && init <= hyper->high : init > hyper->low && init < hyper->high;
    if (!hyper_kind_is_bounded(hyper->kind) || inside)
        return true;
    fail(s, span, "the first value of '%s' must lie %s %.6g and %.6g, but this is %.6g", entry->name.text,
         rule->ends_included ? "between" : "strictly between", hyper->low, hyper->high, init);
    return false;
}

static void read_entry(Session *s, const Symbol *symbol, const HyperEntry *entry, int64_t *offset)
{
    Hyper hyper = {.condition = symbol->condition, .offset = *offset, .shared = entry->shared};
    const KindRule *rule;
    if (!read_kind(s, entry->kind, &hyper, &rule))
        return;
    if (!entry->init) {
        fail(s, entry->span, "the hyperparameter '%s' needs a first value, as in '%s: %s = 0.1'", entry->name.text,
             entry->name.text, span_text(&s->file->arena, entry->kind->span));
        return;
    }
    if (!as_number(s, evaluate(s, entry->init), entry->init->span, "the first value of a hyperparameter", &hyper.init) ||
        !check_first(s, entry, rule, &hyper))
        return;
    hyper.name = arena_printf(&s->module->arena, "%s.%s", symbol->decl->name.text, entry->name.text);
    for (uint32_t i = 0; i < s->model->hypers.len; i++)
        if (strcmp(s->model->hypers.data[i].name, hyper.name) == 0) {
            fail(s, entry->name.span, "the hyperparameter '%s' is declared twice", entry->name.text);
            return;
        }
    *offset += type_elements(hyper.shape);
    vec_push(&s->model->hypers, hyper);
}

/* Figures of every run have these names: "loss.lower" or "steps.upper" in a file of metrics could be a figure or a
 * hyperparameter. */
static bool is_figure(const char *name)
{
    static const char *const figures[] = {"loss", "grad_norm", "rate", "objective", "steps"};
    bool found = false;
    for (size_t i = 0; i < COUNT_OF(figures); i++)
        found |= strcmp(figures[i], name) == 0;
    return found;
}

static int64_t read_hyper(Session *s, Symbol *symbol)
{
    const Decl *decl = symbol->decl;
    if (is_figure(decl->name.text))
        fail(s, decl->name.span, "hyperparameters cannot have the name '%s', under which a run reports figures of its own",
             decl->name.text);
    int64_t count = 0;
    for (const HyperEntry *entry = decl->hypers.first; entry; entry = entry->next)
        read_entry(s, symbol, entry, &count);
    if (decl->hypers.count == 0)
        fail(s, decl->name.span, "'%s' declares no hyperparameters", decl->name.text);
    if (count <= MAX_ELEMENTS)
        return count;
    check_type(s, type_of(s->module->real, 1, &count), decl->name.span); /* says so */
    return 0;
}

const ConditionReader reader_hyper = {"a hyper declaration", "hyper lam { drop: range(0, 0.9) = 0.1 }", read_hyper};
