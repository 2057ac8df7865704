/* Optimizers and their schedules: adam(1e-3, cosine, clip: 0.25). */
#include "frontend/lower.h"

#include <string.h>

/* Arguments of an option call are numbers under names, each with the range it must lie in. */
typedef struct NumberOption {
    const char *name;
    double *value;
    double low, high; /* low <= value, value < high; high may be infinite */
} NumberOption;

static bool read_number(Session *s, const Arg *arg, const NumberOption *option)
{
    double value;
    if (!as_number(s, evaluate(s, arg->value), arg->value->span, option->name, &value))
        return false;
    if (value >= option->low && value < option->high) {
        *option->value = value;
        return true;
    }
    if (option->high < 1e300)
        fail(s, arg->value->span, "%s must be at least %.6g and below %.6g, but this is %.6g", option->name, option->low,
             option->high, value);
    else
        fail(s, arg->value->span, "%s must be at least %.6g, but this is %.6g", option->name, option->low, value);
    return false;
}

/* Reads one argument into the options: by label, or the `positional`-th of them. */
static bool read_option(Session *s, const Arg *arg, const char *owner, const NumberOption *options, size_t count,
                        size_t positional)
{
    Candidates candidates = {0};
    for (size_t i = 0; i < count; i++) {
        if (arg->label.text ? strcmp(options[i].name, arg->label.text) == 0 : i == positional) {
            vec_free(&candidates.names);
            return read_number(s, arg, &options[i]);
        }
        vec_push(&candidates.names, options[i].name);
    }
    if (arg->label.text) {
        fail(s, arg->label.span, "'%s' has no option '%s'", owner, arg->label.text);
        suggest(s, arg->label.text, &candidates);
        return false;
    }
    vec_free(&candidates.names);
    fail(s, arg->span, "'%s' takes %zu argument%s by position; the others need their names", owner, count, count == 1 ? "" : "s");
    return false;
}

static bool read_calls_options(Session *s, const Expr *expr, const NumberOption *options, size_t count)
{
    size_t place = 0;
    const char *owner = expr->kind == EXPR_CALL ? expr->left->name.text : "";
    for (const Arg *arg = expr->kind == EXPR_CALL ? expr->args.first : NULL; arg; arg = arg->next) {
        if (arg->kind != ARG_VALUE || arg->condition) {
            fail(s, arg->span, "an option is a number");
            return false;
        }
        if (!read_option(s, arg, owner, options, count, place++))
            return false;
    }
    return true;
}

static const char *head_name(const Expr *expr)
{
    const Expr *head = expr->kind == EXPR_CALL ? expr->left : expr;
    return head->kind == EXPR_NAME ? head->name.text : "";
}

static const double unbounded = 1.0 / 0.0;

/* Returns whether the expression is a schedule; *fine is false after an error in it. */
static bool read_schedule(Session *s, const Expr *expr, RateSchedule *schedule, bool *fine)
{
    const char *name = head_name(expr);
    RateSchedule result = {.factor = 0.1};
    NumberOption options[] = {{NULL, &result.every, 1, unbounded}, {"factor", &result.factor, 0, 1}};
    if (strcmp(name, "constant") == 0 || strcmp(name, "cosine") == 0) {
        result.kind = strcmp(name, "cosine") == 0 ? SCHEDULE_COSINE : SCHEDULE_CONSTANT;
        if (expr->kind == EXPR_CALL && expr->args.count) {
            fail(s, expr->span, "the schedule '%s' takes no options", name);
            *fine = false;
        }
    } else if (strcmp(name, "step") == 0) {
        result.kind = SCHEDULE_STEP;
        options[0].name = "every";
        *fine = read_calls_options(s, expr, options, COUNT_OF(options));
        if (*fine && result.every == 0) {
            fail(s, expr->span, "'step' needs the epochs between cuts, as in step(every: 60)");
            *fine = false;
        }
    } else if (strcmp(name, "plateau") == 0) {
        result.kind = SCHEDULE_PLATEAU;
        result.every = 10;
        options[0].name = "patience";
        *fine = read_calls_options(s, expr, options, COUNT_OF(options));
    } else {
        return false;
    }
    *schedule = result;
    return true;
}

typedef struct Defaults {
    const char *name;
    Optimizer optimizer;
} Defaults;

/* torch's defaults */
static const Defaults optimizers[] = {
    {"sgd", {.kind = OPTIMIZER_SGD, .rate = 1e-3}},
    {"adam", {.kind = OPTIMIZER_ADAM, .rate = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8}},
    {"rmsprop", {.kind = OPTIMIZER_RMSPROP, .rate = 1e-2, .beta2 = 0.99, .epsilon = 1e-8}},
};

static const Defaults *find_optimizer(Session *s, const Expr *expr)
{
    const char *name = head_name(expr);
    Candidates candidates = {0};
    for (size_t i = 0; i < COUNT_OF(optimizers); i++) {
        if (strcmp(optimizers[i].name, name) == 0) {
            vec_free(&candidates.names);
            return &optimizers[i];
        }
        vec_push(&candidates.names, optimizers[i].name);
    }
    fail(s, expr->span, "an optimizer is needed here: sgd(rate), adam(rate) or rmsprop(rate)");
    suggest(s, name, &candidates);
    return NULL;
}

/* The options of each optimizer, the rate first; returns their number. */
static size_t optimizer_options(Optimizer *optimizer, NumberOption options[static 5])
{
    size_t n = 0;
    options[n++] = (NumberOption){"rate", &optimizer->rate, 0, unbounded};
    options[n++] = (NumberOption){"clip", &optimizer->clip, 0, unbounded};
    switch (optimizer->kind) {
    case OPTIMIZER_SGD:
        options[n++] = (NumberOption){"momentum", &optimizer->momentum, 0, 1};
        break;
    case OPTIMIZER_ADAM:
        options[n++] = (NumberOption){"beta1", &optimizer->beta1, 0, 1};
        options[n++] = (NumberOption){"beta2", &optimizer->beta2, 0, 1};
        options[n++] = (NumberOption){"eps", &optimizer->epsilon, 0, unbounded};
        break;
    case OPTIMIZER_RMSPROP:
        options[n++] = (NumberOption){"alpha", &optimizer->beta2, 0, 1};
        options[n++] = (NumberOption){"eps", &optimizer->epsilon, 0, unbounded};
        break;
    }
    return n;
}

static bool not_an_option(Session *s, const Arg *arg, bool first)
{
    static const char *const schedules[] = {"constant", "cosine", "step", "plateau"};
    const char *name = head_name(arg->value);
    Candidates candidates = {0};
    for (size_t i = 0; i < COUNT_OF(schedules); i++)
        vec_push(&candidates.names, schedules[i]);
    if (name[0])
        fail(s, arg->span, "'%s' is not a schedule", name);
    else
        fail(s, arg->span, first ? "this is neither a rate nor a schedule" : "only the rate and a schedule go without a name");
    if (!suggest(s, name, &candidates))
        add_help(s, "schedules are constant, cosine, step(every: 60) and plateau(patience: 10)");
    return false;
}

bool read_optimizer(Session *s, const Expr *expr, Optimizer *optimizer)
{
    const Defaults *defaults = find_optimizer(s, expr);
    if (!defaults)
        return false;
    *optimizer = defaults->optimizer;
    NumberOption options[5];
    size_t count = optimizer_options(optimizer, options);
    bool first = true, scheduled = false;
    for (const Arg *arg = expr->kind == EXPR_CALL ? expr->args.first : NULL; arg; arg = arg->next) {
        bool fine = true, schedule_label = arg->label.text && strcmp(arg->label.text, "schedule") == 0;
        if (arg->kind != ARG_VALUE || arg->condition) {
            fail(s, arg->span, "an option of an optimizer is a number or a schedule");
            return false;
        }
        if ((!arg->label.text || schedule_label) && read_schedule(s, arg->value, &optimizer->schedule, &fine)) {
            if (scheduled)
                fail(s, arg->span, "the optimizer has two schedules");
            if (!fine || scheduled)
                return false;
            scheduled = true;
            continue;
        }
        if (!arg->label.text && (!first || arg->value->kind == EXPR_NAME || arg->value->kind == EXPR_CALL) &&
            !find_symbol_of(s->program, head_name(arg->value), DECL_CONST)) {
            return not_an_option(s, arg, first);
        }
        if (!read_option(s, arg, defaults->name, options, count, 0))
            return false;
        first = false;
    }
    if (optimizer->rate > 0)
        return true;
    fail(s, expr->span, "the rate of an optimizer must be above 0");
    return false;
}
