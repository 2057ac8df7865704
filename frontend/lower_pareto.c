/* Trains by pareto: preferences, several objectives, the solver, the report. */
#include "frontend/train_plan.h"

#include <math.h>
#include <string.h>

/* ---- preference r[3] ---- */

void lower_preference(Session *s, Symbol *symbol)
{
    const Decl *decl = symbol->decl;
    symbol->condition = s->module->conditions.len;
    symbol->extent = 0;
    if (!decl->extent)
        fail(s, decl->name.span, "the preference '%s' needs a length, one entry an objective, as in '%s[3]'", decl->name.text,
             decl->name.text);
    else
        as_integer(s, evaluate(s, decl->extent), decl->extent->span, "the length of a preference", 1, PARETO_MOST_OBJECTIVES,
                   &symbol->extent);
    int64_t extent = symbol->extent ? symbol->extent : 1;
    const char *name = arena_text(&s->module->arena, decl->name.text, strlen(decl->name.text));
    vec_push(&s->module->conditions, (Condition){name, type_of(s->module->real, 1, &extent)});
}

Val preference_value(Session *s, const Symbol *symbol, Span span)
{
    if (!symbol->extent || !can_build(s, span))
        return val_poison();
    return val_tensor(build_source(&s->builder, OP_CONDITION, symbol->condition));
}

/* pareto(r) */
static const Symbol *read_preference(TrainPlan *plan)
{
    Session *s = plan->s;
    const Expr *method = plan->decl->value;
    const Arg *arg = method->kind == EXPR_CALL ? method->args.first : NULL;
    if (!arg || method->args.count != 1 || arg->kind != ARG_VALUE) {
        fail(s, method->span, "pareto takes the preference, as in pareto(r)");
        return NULL;
    }
    const char *name = arg->value->kind == EXPR_NAME ? arg->value->name.text : "";
    const Symbol *symbol = find_symbol_of(s->program, name, DECL_PREFERENCE);
    if (symbol) {
        plan->train.condition = symbol->condition;
        return symbol;
    }
    fail(s, arg->span, "pareto takes the name of a preference");
    Candidates candidates = {0};
    add_declared(s, DECL_PREFERENCE, &candidates);
    if (!suggest(s, name, &candidates))
        add_help(s, "declare one: 'preference r[3]'");
    return NULL;
}

/* ---- the parts of a call: name(label: value, ...) ---- */

const char *head_name(const Expr *expr)
{
    const Expr *head = expr->kind == EXPR_CALL ? expr->left : expr;
    return head->kind == EXPR_NAME ? head->name.text : "";
}

bool read_arguments(Session *s, const Expr *expr, uint32_t n, const char *const *labels, const char *usage, const Expr **values)
{
    uint32_t place = 0;
    for (uint32_t i = 0; i < n; i++)
        values[i] = NULL;
    for (const Arg *arg = expr->kind == EXPR_CALL ? expr->args.first : NULL; arg; arg = arg->next, place++) {
        uint32_t i = arg->label.text ? 0 : place;
        while (arg->label.text && i < n && strcmp(arg->label.text, labels[i]) != 0)
            i++;
        if (arg->kind != ARG_VALUE || arg->condition || i >= n || values[i]) {
            fail(s, arg->span, "'%s' is written %s", head_name(expr), usage);
            return false;
        }
        values[i] = arg->value;
    }
    return true;
}

bool read_numbers(Session *s, const Expr *expr, const char *what, uint32_t m, Sign sign, double *numbers)
{
    if (expr->kind != EXPR_LIST) {
        double number;
        if (!as_number(s, evaluate(s, expr), expr->span, what, &number))
            return false;
        for (uint32_t i = 0; i < m; i++)
            numbers[i] = number;
    } else {
        if (expr->args.count != m) {
            fail(s, expr->span, "%s has %u entries, but there are %u objectives", what, expr->args.count, m);
            return false;
        }
        uint32_t i = 0;
        for (const Arg *arg = expr->args.first; arg; arg = arg->next, i++)
            if (arg->kind != ARG_VALUE || !as_number(s, evaluate(s, arg->value), arg->span, what, &numbers[i]))
                return false;
    }
    for (uint32_t i = 0; i < m; i++)
        if (sign == SIGN_POSITIVE ? !(numbers[i] > 0) : sign == SIGN_NOT_NEGATIVE && !(numbers[i] >= 0)) {
            fail(s, expr->span, "%s must be %s 0, but this is %.6g", what, sign == SIGN_POSITIVE ? "above" : "at least", numbers[i]);
            return false;
        }
    return true;
}

/* ---- objectives ---- */

/* The expression of one objective on a split: `loss` alone stands for loss(SPLIT). */
static const Expr *objective_expression(TrainPlan *plan, const Expr *expr, const Expr *on)
{
    Session *s = plan->s;
    if (!on || expr->kind != EXPR_NAME)
        return expr;
    Expr *call = ARENA_NEW(&s->program->arena, Expr);
    Arg *arg = ARENA_NEW(&s->program->arena, Arg);
    *arg = (Arg){.kind = ARG_VALUE, .value = (Expr *)on, .span = on->span};
    *call = (Expr){.kind = EXPR_CALL, .span = expr->span, .line = expr->line, .depth = expr->depth + 1, .left = (Expr *)expr};
    call->args.first = call->args.last = arg;
    call->args.count = 1;
    return call;
}

/* The split that `on` names. */
static bool read_split_on(Session *s, const Expr *on, uint32_t *dataset, uint32_t *split)
{
    Val value = evaluate(s, on);
    if (value.kind == VAL_SPLIT) {
        *dataset = value.symbol->index;
        *split = value.split;
        return true;
    }
    if (!is_poison(value))
        fail(s, on->span, "'on' takes a split of a data set, as in 'on adult.train', but this is %s", describe(s, value));
    return false;
}

/* The function that computes every objective of the list, one output each. False after an error. */
static Function *lower_objectives(TrainPlan *plan, const char *name, const ExprList *values, const Expr *on, bool training,
                                  uint32_t *dataset, uint32_t *split)
{
    Session *s = plan->s;
    Frame frame = {0};
    Function *function = open_function(s, arena_printf(&s->program->arena, "%s.%s.objective", plan->decl->name.text, name),
                                       &frame, training, true);
    bool complete = !on || read_split_on(s, on, dataset, split);
    for (const Expr *expr = complete ? values->first : NULL; expr; expr = expr->next) {
        Val value = objective_value(s, objective_expression(plan, expr, on));
        complete &= !is_poison(value);
        if (is_poison(value))
            continue;
        bool mean = training || differs_between_examples(function, value.ir);
        build_output(&s->builder, span_text(&s->module->arena, expr->span),
                     mean ? build_unary(&s->builder, OP_ACROSS_MEAN, value.ir) : value.ir);
    }
    complete = complete && (on || read_split_of(s, values->first, dataset, split));
    close_function(s);
    return complete ? function : NULL;
}

/* minimise loss, fp, fn on adult.train by adam(1e-3) */
static void read_minimise(TrainPlan *plan, const Symbol *preference)
{
    Session *s = plan->s;
    const Setting *setting = find_setting(plan, "minimise");
    need_setting(plan, "minimise", "minimise loss, fp, fn on adult.train by adam(1e-3)");
    if (!setting || !setting->values.first)
        return;
    Pareto *pareto = plan->train.pareto;
    pareto->m = setting->values.count;
    if (preference && preference->extent && preference->extent != pareto->m) {
        fail(s, setting->span, "the preference '%s' has %lld entries, one an objective, but %s minimised",
             preference->decl->name.text, (long long)preference->extent,
             pareto->m == 1 ? "one objective is" : arena_printf(&s->program->arena, "%u are", pareto->m));
        add_note(s, preference->decl->name.span, "the preference is here");
    }
    const char **names = arena_alloc(&s->module->arena, pareto->m * sizeof *names);
    uint32_t count = 0;
    for (const Expr *expr = setting->values.first; expr; expr = expr->next) {
        names[count] = span_text(&s->module->arena, expr->span);
        for (uint32_t i = 0; i < count; i++)
            if (strcmp(names[i], names[count]) == 0)
                fail(s, expr->span, "the objective '%s' is minimised twice", names[i]);
        count++;
    }
    pareto->objectives = names;
    Phase phase = {.name = "minimise", .batch = plan->train.batch};
    unsigned column;
    span_place(setting->span, &phase.line, &column);
    bool complete = setting->by && read_optimizer(s, setting->by, &phase.optimizer);
    if (!setting->by) {
        fail(s, setting->span, "'minimise' does not say by which optimizer");
        add_help(s, "end it with 'by adam(1e-3)'");
    }
    phase.objective = lower_objectives(plan, "minimise", &setting->values, setting->on, true, &phase.dataset, &phase.split);
    if (complete && phase.objective)
        check_batch(plan, &phase, setting->values.first);
    vec_push(&plan->train.phases, phase);
}

/* ---- solver ---- */

/* What a solver takes: nothing, or a number that stands for its strength, after the number of rays a step if it takes several.
 * Defaults suit losses of about one. */
typedef struct SolverUse {
    const char *usage, *strength; /* NULL: no arguments */
    double standard;
    bool positive;
    uint32_t points; /* 0: one, always */
} SolverUse;

enum { FEWEST_POINTS = 2 };

static void read_solver_arguments(TrainPlan *plan, const Expr *expr)
{
    static const SolverUse uses[SOLVER_COUNT] = {
        [SOLVER_SMOOTH_TCHEBYCHEFF] = {"smooth_tchebycheff(mu: 0.01)", "mu", 0.01, true, 0},
        [SOLVER_COSMOS] = {"cosmos(lambda: 1)", "lambda", 1, false, 0},
        [SOLVER_PMTL] = {"pmtl(initial: 2)", "initial", 2, false, 0},
        [SOLVER_HVI] = {"hvi(points: 16, lambda: 5)", "lambda", 5, false, 16},
    };
    Session *s = plan->s;
    Pareto *pareto = plan->train.pareto;
    const SolverUse *use = &uses[pareto->solver];
    pareto->strength = use->standard;
    pareto->points = use->points ? use->points : 1;
    if (!use->usage) {
        if (expr->kind == EXPR_CALL)
            fail(s, expr->span, "'%s' takes no arguments", head_name(expr));
        return;
    }
    const char *const labels[] = {"points", use->strength};
    const Expr *values[2] = {NULL, NULL};
    uint32_t first = use->points ? 0 : 1;
    int64_t points;
    if (!read_arguments(s, expr, 2 - first, labels + first, use->usage, values + first))
        return;
    if (values[0] && as_integer(s, evaluate(s, values[0]), values[0]->span, "the number of rays a step", FEWEST_POINTS,
                                PARETO_MOST_SOLUTIONS, &points))
        pareto->points = (uint32_t)points;
    const Expr *value = values[1];
    double *strength = &pareto->strength;
    if (value && as_number(s, evaluate(s, value), value->span, use->strength, strength) && !(use->positive ? *strength > 0 : *strength >= 0))
        fail(s, value->span, "%s must be %s 0, but this is %.6g", use->strength, use->positive ? "above" : "at least", *strength);
}

static void read_solver(TrainPlan *plan)
{
    Session *s = plan->s;
    const Setting *setting = find_setting(plan, "solver");
    const Expr *expr = setting ? setting->values.first : NULL;
    need_setting(plan, "solver", "solver epo");
    if (!expr)
        return;
    const char *name = head_name(expr);
    Candidates candidates = {0};
    for (unsigned i = 0; i < SOLVER_COUNT; i++) {
        if (strcmp(solver_names[i], name) == 0) {
            plan->train.pareto->solver = (SolverKind)i;
            vec_free(&candidates.names);
            read_solver_arguments(plan, expr);
            return;
        }
        vec_push(&candidates.names, solver_names[i]);
    }
    fail(s, expr->span, "'%s' is not a solver", *name ? name : span_text(&s->program->arena, expr->span));
    if (!suggest(s, name, &candidates))
        add_help(s, "the solvers are linear, tchebycheff, smooth_tchebycheff(mu), cosmos(lambda), epo, mgda, pmtl(initial) "
                    "and hvi(points, lambda)");
}

/* ---- report ---- */

/* report hypervolume(ref: [1, 1, 1]), uniformity, igd("front.csv") on adult.test */
static void read_front(TrainPlan *plan)
{
    Session *s = plan->s;
    Pareto *pareto = plan->train.pareto;
    const Setting *setting = find_setting(plan, "report"), *minimise = find_setting(plan, "minimise");
    need_setting(plan, "report", "report hypervolume(ref: 1), uniformity on adult.test");
    if (!setting || !minimise || !pareto->m)
        return;
    for (const Expr *expr = setting->values.first; expr; expr = expr->next) {
        const char *name = head_name(expr);
        if (strcmp(name, "uniformity") == 0 && expr->kind == EXPR_NAME) {
            pareto->uniformity = true;
        } else if (strcmp(name, "hypervolume") == 0) {
            static const char *const label = "ref";
            const Expr *value;
            double *reference = arena_alloc(&s->module->arena, pareto->m * sizeof *reference);
            if (!read_arguments(s, expr, 1, &label, "hypervolume(ref: [1, 1, 1])", &value))
                continue;
            if (!value)
                fail(s, expr->span, "hypervolume takes its reference point, as in hypervolume(ref: [1, 1, 1])");
            else if (read_numbers(s, value, "the reference point", pareto->m, SIGN_ANY, reference))
                pareto->reference = reference;
        } else if (strcmp(name, "igd") == 0) {
            static const char *const label = "front";
            const Expr *value;
            if (read_arguments(s, expr, 1, &label, "igd(\"front.csv\")", &value))
                read_true_front(plan, expr, value);
        } else {
            fail(s, expr->span,
                 "pareto reports hypervolume(ref: ...), uniformity and igd(\"front.csv\"); each objective's values it always "
                 "does");
            Candidates candidates = {0};
            vec_push(&candidates.names, "hypervolume");
            vec_push(&candidates.names, "uniformity");
            vec_push(&candidates.names, "igd");
            suggest(s, name, &candidates);
        }
    }
    if (!setting->on) {
        fail(s, setting->span, "'report' does not say on which data");
        add_help(s, "end it with a split, as in 'on adult.test'");
        return;
    }
    Metric metric = {.name = arena_printf(&s->module->arena, "front on %s", span_text(&s->program->arena, setting->on->span))};
    metric.objective = lower_objectives(plan, "front", &minimise->values, setting->on, false, &metric.dataset, &metric.split);
    vec_push(&plan->train.metrics, metric);
}

/* Solvers of several rays a step make the hypervolume of their front grow: it needs a reference, and rays to choose from. */
static void check_solver(TrainPlan *plan)
{
    Session *s = plan->s;
    const Pareto *pareto = plan->train.pareto;
    const Setting *solver = find_setting(plan, "solver"), *report = find_setting(plan, "report"), *sample = find_setting(plan, "sample");
    if (pareto->points < FEWEST_POINTS || !report || !sample)
        return;
    bool referred = false;
    for (const Expr *expr = report->values.first; expr; expr = expr->next)
        referred |= strcmp(head_name(expr), "hypervolume") == 0;
    const char *name = solver_names[pareto->solver];
    if (!referred) {
        fail(s, solver->values.first->span, "'%s' makes the hypervolume grow, but 'report' does not say up to which point", name);
        add_help(s, "begin it with 'report hypervolume(ref: 1)'");
    }
    if (pareto->each)
        fail(s, sample->span, "'%s' compares nets of several rays in each step, but 'each' trains them one after the other", name);
}

void lower_pareto(TrainPlan *plan)
{
    plan->train.method = METHOD_PARETO;
    plan->train.pareto = ARENA_NEW(&plan->s->module->arena, Pareto);
    plan->train.pareto->points = 1;
    plan->train.select = -1;
    const Symbol *preference = read_preference(plan);
    read_common(plan);
    if (!find_setting(plan, "evaluate"))
        plan->train.evaluate = plan->train.epochs > 0 ? plan->train.epochs : 1; /* a front costs rays x the split */
    read_minimise(plan, preference);
    read_solver(plan);
    read_sample_of_rays(plan);
    read_rays(plan);
    read_front(plan);
    check_solver(plan);
}
