/* Trains by pareto: several objectives, the solver, the report. */
#include "frontend/declare/train_plan.h"

#include <string.h>

/* ---- objectives ---- */

/* The expression of one objective on a split: `loss` alone stands for loss(SPLIT). */
static const Expr *objective_expression(TrainPlan *plan, const Expr *expr, const Expr *on)
{
    Session *s = plan->s;
    if (!on || expr->kind != EXPR_NAME)
        return expr;
    Expr *call = ARENA_NEW(&s->file->arena, Expr);
    Arg *arg = ARENA_NEW(&s->file->arena, Arg);
    *arg = (Arg){.kind = ARG_VALUE, .value = (Expr *)on, .span = on->span};
    *call = (Expr){.kind = EXPR_CALL, .span = expr->span, .line = expr->line, .depth = expr->depth + 1, .left = (Expr *)expr};
    call->args.first = call->args.last = arg;
    call->args.count = 1;
    return call;
}

/* The split that `on` names. */
static bool read_split_on(Session *s, const Expr *on, SplitUse *use)
{
    Val value = evaluate(s, on);
    if (value.kind == VAL_SPLIT) {
        *use = (SplitUse){value.symbol->index, value.split, value.member};
        return true;
    }
    if (!is_poison(value))
        fail(s, on->span, "'on' takes a split of a data set, as in 'on adult.train', but this is %s", describe(s, value));
    return false;
}

/* Objectives that are expressions name their data themselves. A front may be of another split of these data. */
static bool check_split_on(Session *s, const Expr *on, bool training, const SplitUse *use)
{
    bool same = s->dataset && s->dataset->index == use->dataset && same_member(s->member, use->member);
    if (!s->dataset || (same && (!training || s->split == use->split)))
        return true;
    const Dataset *read = &s->model->datasets.data[s->dataset->index];
    fail(s, s->split_span, "this reads '%s.%s', but 'on' names '%s'", read->name, read->splits.data[s->split].name,
         span_text(&s->file->arena, on->span));
    add_note(s, on->span, "'on' is here");
    return false;
}

/* The function that computes every objective of the list, one output per objective. NULL after an error. */
static Function *lower_objectives(TrainPlan *plan, const char *name, const ExprList *values, const Expr *on, bool training,
                                  SplitUse *use)
{
    Session *s = plan->s;
    Frame frame = {0};
    Function *function =
        open_function(s, arena_printf(&s->file->arena, "%s.%s.objective", plan->decl->name.text, name), &frame, training, true);
    bool complete = !on || read_split_on(s, on, use);
    for (const Expr *expr = complete ? values->first : NULL; expr; expr = expr->next) {
        Val value = objective_value(s, objective_expression(plan, expr, on));
        complete &= !is_poison(value);
        if (is_poison(value))
            continue;
        bool mean = training || differs_between_examples(function, value.ir);
        build_output(&s->builder, span_text(&s->module->arena, expr->span),
                     mean ? build_unary(&s->builder, OP_ACROSS_MEAN, value.ir) : value.ir);
    }
    lower_updates(plan, values->first->span);
    complete = complete && (on ? check_split_on(s, on, training, use) : read_split_of(s, values->first, use));
    if (complete)
        check_streams(plan, *use, training ? plan->train.batch : 0, values->first);
    close_function(s);
    return complete ? function : NULL;
}

static bool names_objective(const Session *s, const Expr *expr)
{
    return expr->kind == EXPR_NAME && find_symbol_of(s->file, expr->name.text, DECL_OBJECTIVE);
}

/* minimise loss, fp, fn on adult.train by adam(1e-3) */
static void read_minimise(TrainPlan *plan)
{
    Session *s = plan->s;
    const Symbol *preference = plan->train.conditions.len ? condition_symbol(s, plan->train.sweep->condition) : NULL;
    const Setting *setting = find_setting(plan, "minimise");
    need_setting(plan, "minimise", "minimise loss, fp, fn on adult.train by adam(1e-3)");
    if (!setting || !setting->values.first)
        return;
    Pareto *pareto = plan->train.pareto;
    if (!setting->on && names_objective(s, setting->values.first)) {
        fail(s, setting->span, "'minimise' does not say on which data");
        add_help(s, "end it with a split and the optimizer, as in 'on adult.train by adam(1e-3)'");
        return;
    }
    pareto->m = setting->values.count;
    if (preference && preference->extent && preference->extent != pareto->m) {
        fail(s, setting->span, "the preference '%s' has %lld entries, one per objective, but %s minimised",
             preference->decl->name.text, (long long)preference->extent,
             pareto->m == 1 ? "one objective is" : arena_printf(&s->file->arena, "%u are", pareto->m));
        add_note(s, preference->decl->name.span, "the preference is here");
        if (setting->values.first->kind == EXPR_LIST)
            add_help(s, "the objectives stand side by side, without brackets");
        return; /* it is not known which of the objectives are meant */
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
    plan->train.sweep->names = names;
    plan->train.sweep->outputs = plan->train.sweep->width = pareto->m;
    Phase phase = {.name = "minimise", .batch = plan->train.batch};
    unsigned column;
    span_place(setting->span, &phase.line, &column);
    bool complete = read_phase_optimizers(plan, setting, &phase);
    SplitUse use = {0};
    phase.objective = lower_objectives(plan, "minimise", &setting->values, setting->on, true, &use);
    phase.dataset = use.dataset;
    phase.split = use.split;
    phase.member = use.member;
    if (complete && phase.objective)
        check_batch(plan, &phase, setting->values.first);
    vec_push(&plan->train.phases, phase);
}

/* ---- solver ---- */

enum { FEWEST_POINTS = 2 };

static const Construct solver_rows[SOLVER_COUNT] = {
#define SOLVER(KIND, name, shown, ...) CALLED(#name, shown, __VA_ARGS__),
#include "ir/solvers.def"
#undef SOLVER
};

static void read_solver(TrainPlan *plan)
{
    Pareto *pareto = plan->train.pareto;
    Argument arguments[MOST_PARAMETERS];
    int row = needed_construct(plan, "solver", "solver epo", CONSTRUCTS(solver_rows), "a solver", arguments);
    if (row < 0)
        return;
    pareto->solver = (SolverKind)row;
    plan->train.sweep->solver = solver_names[row];
    const Parameter *parameters = solver_rows[row].parameters;
    bool several = parameters[0].label && strcmp(parameters[0].label, "points") == 0;
    pareto->rays_per_step = several ? (uint32_t)arguments[0].number : 1;
    pareto->strength = arguments[several].number;
    pareto->solver_text = construct_text(&plan->s->module->arena, &solver_rows[row], arguments);
}

/* ---- report ---- */

/* An expression, or the name of an objective of one argument, which gets the split. */
static void read_metric(TrainPlan *plan, const Expr *expr, const Expr *on)
{
    Arena *arena = &plan->s->module->arena;
    const char *name = span_text(arena, expr->span);
    if (expr->kind == EXPR_NAME)
        name = arena_printf(arena, "%s(%s)", name, span_text(arena, on->span));
    lower_metric(plan, objective_expression(plan, expr, on), name);
}

/* report hypervolume(ref: [1, 1, 1]), uniformity, igd("front.csv"), error on adult.test: indicators, and metrics that are
 * measured at every ray, as the objectives are */
static void read_front(TrainPlan *plan)
{
    Session *s = plan->s;
    Pareto *pareto = plan->train.pareto;
    const Setting *setting = find_setting(plan, "report"), *minimise = find_setting(plan, "minimise");
    need_setting(plan, "report", "report hypervolume(ref: 1), uniformity on adult.test");
    if (!setting || !minimise || !pareto->m)
        return;
    for (const Expr *expr = setting->values.first; expr; expr = expr->next)
        read_indicator(plan, expr);
    pareto->reference = plan->train.sweep->reports[INDICATOR_HYPERVOLUME].numbers;
    if (!setting->on) {
        fail(s, setting->span, "'report' does not say on which data");
        add_help(s, "end it with a split, as in 'on adult.test'");
        return;
    }
    if (plan->train.phases.len == 0) /* which objectives are meant is not known */
        return;
    Sweep *sweep = plan->train.sweep;
    sweep->on = span_text(&s->module->arena, setting->on->span);
    sweep->metric = plan->train.metrics.len;
    Metric metric = {.name = arena_printf(&s->module->arena, "%s on %s", sweep->name, sweep->on)};
    SplitUse use = {0};
    metric.objective = lower_objectives(plan, "front", &minimise->values, setting->on, false, &use);
    metric.dataset = (int)use.dataset;
    metric.split = use.split;
    metric.member = use.member;
    if (metric.objective && passes_over_data(metric.objective, NULL) > MOST_PASSES)
        fail(s, minimise->span, "an objective has more than %d reductions across the data inside each other", MOST_PASSES);
    vec_push(&plan->train.metrics, metric);
    for (const Expr *expr = setting->values.first; expr; expr = expr->next)
        if (!is_indicator(expr))
            read_metric(plan, expr, setting->on);
}

/* Solvers of several rays per step make the hypervolume of their front grow: they need a reference, and rays to choose from. */
static void check_solver(TrainPlan *plan)
{
    Session *s = plan->s;
    const Pareto *pareto = plan->train.pareto;
    const Setting *solver = find_setting(plan, "solver"), *report = find_setting(plan, "report"),
                  *sample = find_setting(plan, "sample");
    if (pareto->rays_per_step < FEWEST_POINTS || !report || !sample)
        return;
    bool referred = false;
    for (const Expr *expr = report->values.first; expr; expr = expr->next)
        referred |= strcmp(head_name(expr), indicator_names[INDICATOR_HYPERVOLUME]) == 0;
    const char *name = solver_rows[pareto->solver].name;
    if (!referred) {
        fail(s, solver->values.first->span, "'%s' makes the hypervolume grow, but 'report' does not say up to which point", name);
        add_help(s, "begin it with 'report hypervolume(ref: 1)'");
    }
    if (pareto->each)
        fail(s, sample->span, "'%s' compares nets of several rays in each step, but 'each' trains them one after the other",
             name);
}

static void lower(TrainPlan *plan)
{
    plan->train.pareto = ARENA_NEW(&plan->s->module->arena, Pareto);
    plan->train.pareto->rays_per_step = 1;
    plan->train.sweep = ARENA_NEW(&plan->s->module->arena, Sweep);
    *plan->train.sweep = (Sweep){.name = "front",
                                 .title = "Pareto front",
                                 .point_word = "ray",
                                 .output_word = "objective",
                                 .state = -1,
                                 .all = -1,
                                 .memory = -1,
                                 .first = -1};
    plan->train.select = -1;
    if (plan->train.conditions.len)
        plan->train.sweep->condition = plan->train.conditions.data[0].condition;
    read_common(plan);
    if (!find_setting(plan, "evaluate"))
        plan->train.evaluate =
            plan->train.epochs > 0 ? (double)plan->train.epochs : 1; /* a front costs one evaluation of the split per ray */
    read_minimise(plan);
    read_solver(plan);
    read_sample_of_rays(plan);
    read_rays(plan);
    read_front(plan);
    check_solver(plan);
}

/* The preference may also be an input of a net with weights of its own, as in COSMOS. */
static void report_no_response(Session *s, const Decl *decl, const Train *train, uint32_t condition)
{
    const char *name = s->module->conditions.data[condition].name;
    if (train->pareto->each || losses_use(s, train, condition))
        return;
    fail(s, decl->value->span, "neither weights nor losses depend on the preference '%s', so all rays would get the same net",
         name);
    add_help(s, "make the weights from it, as in 'weights NET = dense(trunk(%s))', or pass it to the net, as in 'NET(d.x, %s)'",
             name, name);
    add_help(s, "or train one net for each ray: 'sample each'");
}

const MethodReader reader_pareto = {.lower = lower, .check_response = report_no_response};
