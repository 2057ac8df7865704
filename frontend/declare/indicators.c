/* Indicators in the line `report` of a train that has a sweep: rows of indicators/indicators.def. */
#include <string.h>

#include "frontend/declare/train_plan.h"

/* By the column of arguments. */
#define CALL_NOTHING(word) ALONE(word)
#define CALL_POINT(word) CALLED(word, word "(ref: [1, 1, 1])", {"ref", TAKES_EXPRESSION, ANY_NUMBER, 0})
#define CALL_POINTS(word) CALLED(word, word "(\"front.csv\")", {"front", TAKES_STRING, ANY_NUMBER, 0})
static const Construct indicator_rows[INDICATOR_COUNT] = {
#define INDICATOR(KIND, name, argument, ...) CALL_##argument(#name),
#include "indicators/indicators.def"
#undef INDICATOR
};

/* What the kinds of sweeps are to a user. */
static const char *const judged[SWEEP_KIND_COUNT] = {
#define SWEEP(KIND, name, what) what,
#include "runtime/abi/sweeps.def"
#undef SWEEP
};

bool is_indicator(const Expr *expr)
{
    return find_word(WORDS(indicator_names), head_name(expr)) >= 0;
}

/* Those that judge what the train reports. */
static void add_indicators(SweepKind kind, Candidates *names)
{
    for (size_t i = 0; i < INDICATOR_COUNT; i++)
        if (indicator_sweeps[i] == kind)
            vec_push(&names->names, indicator_names[i]);
}

/* "average, forgetting, backward, forward" */
static const char *list_indicators(Session *s, SweepKind kind)
{
    const char *list = "";
    for (size_t i = 0; i < INDICATOR_COUNT; i++)
        if (indicator_sweeps[i] == kind)
            list = arena_printf(&s->file->arena, "%s%s%s", list, *list ? ", " : "", indicator_names[i]);
    return list;
}

/* Nothing has the name that is reported or called. */
static void refuse_report(Session *s, const Expr *expr, SweepKind kind)
{
    const char *name = head_name(expr);
    Candidates names = {0};
    fail(s, expr->kind == EXPR_CALL ? expr->left->span : expr->span, "'%s' is neither an indicator of %s nor an objective", name,
         judged[kind]);
    add_indicators(kind, &names);
    add_declared(s, DECL_OBJECTIVE, &names);
    if (!suggest(s, name, &names))
        add_help(s, "'report' takes indicators, such as %s, and metrics, such as 'loss(adult.test)'",
                 kind == SWEEP_FRONT ? indicator_rows[0].example : list_indicators(s, kind));
}

static bool refuse_other_kind(Session *s, const Expr *expr, int row, SweepKind kind)
{
    if (indicator_sweeps[row] == kind)
        return false;
    fail(s, expr->span, "'%s' judges %s, but this train reports %s", indicator_names[row], judged[indicator_sweeps[row]],
         judged[kind]);
    add_help(s, "indicators of %s are %s", judged[kind], list_indicators(s, kind));
    return true;
}

static void read_argument(TrainPlan *plan, const Expr *expr, int row, const Expr *value)
{
    Session *s = plan->s;
    Sweep *sweep = plan->train.sweep;
    Report *report = &sweep->reports[row];
    const char *name = indicator_names[row], *example = indicator_rows[row].example;
    double *point = arena_alloc(&s->module->arena, sweep->outputs * sizeof *point);
    switch (indicator_arguments[row]) {
    case ARGUMENT_NOTHING:
        report->reported = true;
        break;
    case ARGUMENT_POINT:
        if (!value)
            fail(s, expr->span, "%s takes its reference point, as in %s", name, example);
        else if (read_numbers(s, value, "the reference point", (Range)ANY_NUMBER, sweep->outputs, point))
            *report = (Report){.reported = true, .numbers = point, .rows = 1};
        break;
    case ARGUMENT_POINTS:
        if (!value)
            fail(s, expr->span, "%s takes the file of the true front, as in %s", name, example);
        else
            read_true_front(plan, value, report);
        break;
    }
}

void read_indicator(TrainPlan *plan, const Expr *expr)
{
    Session *s = plan->s;
    SweepKind kind = plan->train.sweep->kind;
    const char *name = head_name(expr);
    Argument arguments[MOST_PARAMETERS];
    if (!is_indicator(expr)) {
        if (*name && !find_symbol(s->file, false, name) && !is_builtin(name))
            refuse_report(s, expr, kind);
        return;
    }
    if (refuse_other_kind(s, expr, find_word(WORDS(indicator_names), name), kind))
        return;
    int row = read_construct(s, expr, CONSTRUCTS(indicator_rows), "an indicator", arguments);
    if (row < 0)
        return;
    if (plan->train.sweep->reports[row].reported)
        fail(s, expr->span, "%s is reported once", indicator_names[row]);
    else
        read_argument(plan, expr, row, arguments[0].expr);
}
