/* Trains by continual: the tasks one after the other, and what keeps the net from forgetting the earlier ones. */
#include <string.h>

#include "frontend/declare/train_plan.h"

/* ---- remember ---- */

static const Construct protection_rows[PROTECTION_COUNT] = {
#define PROTECTION(KIND, name, keeps, shown, ...) CALLED(#name, shown, __VA_ARGS__),
#include "ir/protections.def"
#undef PROTECTION
};
_Static_assert((int)MOST_PROTECTION_ARGUMENTS >= (int)MOST_PARAMETERS, "the arguments of every row have room");

typedef enum { KEEPS_NOTHING, KEEPS_NUMBERS, KEEPS_WEIGHTS, KEEPS_RESULTS } ProtectionKeeps;
static const ProtectionKeeps protection_keeps[PROTECTION_COUNT] = {
#define PROTECTION(KIND, name, keeps, ...) KEEPS_##keeps,
#include "ir/protections.def"
#undef PROTECTION
};

/* outputs(curves[t].train): what a net makes of an example of the data that are trained on. */
static void lower_outputs(TrainPlan *plan, const Construct *row, const Expr *use, const Expr *expr)
{
    Session *s = plan->s;
    const Phase *phase = plan->train.phases.len ? &plan->train.phases.data[0] : NULL;
    if (!expr) {
        fail(s, use->span, "%s takes what a net makes of an example, as in %s", row->name, row->example);
        add_help(s, "with 'objective outputs(d) = classifier(d.image)'");
        return;
    }
    Frame frame = {0};
    SplitUse split = {0};
    const char *name = arena_printf(&s->file->arena, "%s.outputs.objective", plan->decl->name.text);
    Function *function = open_function(s, name, &frame, false, true);
    Val value = as_real(s, evaluate(s, expr), expr->span);
    if (!is_poison(value) && read_split_of(s, expr, &split)) {
        bool same = !phase ||
                    (split.dataset == phase->dataset && split.split == phase->split && same_member(split.member, phase->member));
        if (!same)
            fail(s, expr->span, "earlier examples are those of the data that 'minimise' trains on, and these are others");
        else if (!differs_between_examples(function, value.ir))
            fail(s, expr->span, "this is the same for every example: it is to be what a net makes of one");
        build_output(&s->builder, "outputs", value.ir);
        plan->train.continual->outputs = function;
    }
    close_function(s);
}

static void read_protection(TrainPlan *plan)
{
    Session *s = plan->s;
    Continual *continual = plan->train.continual;
    Argument arguments[MOST_PARAMETERS];
    int kind = needed_construct(plan, "remember", "remember outputs(0.01)", CONSTRUCTS(protection_rows),
                                "a way to remember earlier tasks", arguments);
    if (kind < 0)
        return;
    const Expr *expr = find_setting(plan, "remember")->values.first;
    const Construct *row = &protection_rows[kind];
    continual->protection = (ProtectionKind)kind;
    continual->protection_text = span_text(&s->module->arena, expr->span);
    continual->protection_full = construct_text(&s->module->arena, row, arguments);
    for (int i = 0; i < MOST_PARAMETERS && row->parameters[i].takes != TAKES_NOTHING; i++)
        if (row->parameters[i].takes == TAKES_EXPRESSION)
            lower_outputs(plan, row, expr, arguments[i].expr);
        else
            continual->arguments[continual->argument_count++] =
                (NamedNumber){row->parameters[i].label, arguments[i].number};
}

/* ---- report ---- */

/* METRIC as score: more of it is better. */
static bool is_score(Session *s, const Expr *expr)
{
    if (expr->kind != EXPR_LABEL)
        return false;
    if (strcmp(expr->name.text, "score") != 0)
        fail(s, expr->name.span, "a metric is reported plainly, where less is better, or 'as score'");
    return true;
}

/* Where each task has a net of its own, the net at hand knows nothing of the other tasks. */
static void check_own_nets(TrainPlan *plan, const Expr *metric)
{
    Session *s = plan->s;
    const Continual *continual = plan->train.continual;
    if (continual->protection != PROTECTION_SEPARATE || !(s->spanned >> continual->condition & 1))
        return;
    const char *task = s->module->conditions.data[continual->condition].name;
    fail(s, metric->span, "this runs over all values of '%s', but 'remember separate' trains a net for each, and only one is at hand",
         task);
    add_help(s, "report it in trains that have one net for all tasks");
}

static void read_report(TrainPlan *plan)
{
    Session *s = plan->s;
    Sweep *sweep = plan->train.sweep;
    const Setting *setting = find_setting(plan, "report");
    need_setting(plan, "report", "report error(permuted[t].test), average, forgetting");
    for (const Expr *expr = setting ? setting->values.first : NULL; expr; expr = expr->next)
        read_indicator(plan, expr);
    uint32_t indicators = 0;
    for (const Expr *expr = setting ? setting->values.first : NULL; expr; expr = expr->next) {
        indicators += is_indicator(expr);
        if (is_indicator(expr))
            continue;
        bool score = is_score(s, expr);
        const Expr *metric = score ? expr->left : expr;
        uint32_t number = plan->train.metrics.len;
        lower_metric(plan, metric, span_text(&s->module->arena, metric->span));
        if (plan->train.metrics.len == number)
            fail(s, metric->span, "'%s' is reported already", span_text(&s->file->arena, metric->span));
        else if (score)
            sweep->larger |= UINT64_C(1) << number;
        check_own_nets(plan, metric);
    }
    if (plan->train.metrics.len == 0) {
        if (setting && indicators == setting->values.count) {
            fail(s, setting->span, "'report' names no metric that the indicators judge");
            add_help(s, "begin it with one, as in 'report error(permuted[t].test), average, forgetting'");
        }
        return;
    }
    const char **names = arena_alloc(&s->module->arena, sizeof *names);
    names[0] = sweep->on = plan->train.metrics.data[0].name;
    sweep->names = names;
    sweep->outputs = 1;
}

/* One point per task. */
static void make_points(TrainPlan *plan)
{
    Sweep *sweep = plan->train.sweep;
    Continual *continual = plan->train.continual;
    if (!plan->train.conditions.len)
        return;
    sweep->condition = continual->condition = plan->train.conditions.data[0].condition;
    sweep->count = continual->tasks = (uint32_t)plan->s->module->conditions.data[sweep->condition].count;
    sweep->width = 1;
    double *points = arena_alloc(&plan->s->module->arena, sweep->count * sizeof *points);
    for (uint32_t i = 0; i < sweep->count; i++)
        points[i] = i;
    sweep->points = points;
}

static void lower(TrainPlan *plan)
{
    Arena *arena = &plan->s->module->arena;
    plan->train.continual = ARENA_NEW(arena, Continual);
    *plan->train.continual = (Continual){0};
    plan->train.sweep = ARENA_NEW(arena, Sweep);
    *plan->train.sweep = (Sweep){.name = "tasks",
                                 .title = "results of each task",
                                 .point_word = "task",
                                 .output_word = "metric",
                                 .kind = SWEEP_ROUNDS,
                                 .state = -1,
                                 .all = -1,
                                 .memory = -1,
                                 .first = -1};
    plan->train.select = -1;
    make_points(plan);
    read_common(plan);
    if (!find_setting(plan, "evaluate")) { /* once per task, at its end */
        plan->train.evaluate_in_steps = plan->train.steps > 0;
        plan->train.evaluate = (double)(plan->train.steps > 0    ? plan->train.steps
                                        : plan->train.epochs > 0 ? plan->train.epochs
                                                                 : 1);
    }
    lower_phase(plan, "minimise", false);
    read_protection(plan);
    read_report(plan);
}

/* The example of the first row that keeps such things. */
static const char *example_that_keeps(ProtectionKeeps keeps)
{
    uint32_t row = 0;
    while (protection_keeps[row] != keeps)
        row++;
    return protection_rows[row].example;
}

/* Where weights are kept that are made for each task, there must be some, and they must be the same for all examples. */
static void check_kept(Session *s, const Decl *decl, const Train *train)
{
    const Continual *continual = train->continual;
    const Function *loss = train->phases.len ? train->phases.data[0].objective : NULL;
    const Setting *setting = setting_of(decl, "remember");
    if (protection_keeps[continual->protection] != KEEPS_WEIGHTS || !loss || !setting)
        return;
    uint64_t *depends = conditions_of_values(s->module, loss);
    bool *varies = varying_values(loss), any = false;
    const Weight *varying = NULL, *shared = NULL;
    for (Value v = 0; v < loss->ops.len; v++) {
        const Weight *weight = OP_AT(loss, v)->code == OP_PARAM ? &s->module->weights.data[OP_AT(loss, v)->symbol] : NULL;
        bool made = weight && weight->net != NO_NET && depends[v] >> continual->condition & 1;
        any |= made;
        if (made && varies[v] && !varying)
            varying = weight;
        if (weight && weight->net != NO_NET && weight->sources.trained && !made && !shared)
            shared = weight;
    }
    support_free(depends);
    support_free(varies);
    const char *task = s->module->conditions.data[continual->condition].name, *name = protection_rows[continual->protection].name;
    if (varying) {
        fail(s, setting->span, "'%s' keeps the weights that are made for earlier tasks, but '%s' is made for each example, too",
             name, varying->name);
        add_help(s, "keep what a net makes of examples, as in 'remember %s'", example_that_keeps(KEEPS_RESULTS));
    } else if (!any) {
        fail(s, setting->span, "'%s' keeps the weights that are made for earlier tasks, but no weights depend on the task '%s'",
             name, task);
        add_help(s,
                 "make them from it, as in 'weights NET = dense(trunk(%s))', or protect what the tasks share by 'remember "
                 "ewc(100)' or 'remember si(0.1)'",
                 task);
    } else if (shared) {
        warn(s, WARNING_UNPROTECTED, setting->span,
             "all tasks train '%s', and '%s' keeps only weights that are made for a task: later tasks change it", shared->name,
             name);
        add_help(s,
                 "make it from the task, too, as in 'weights %s = dense(trunk(%s))', or keep what the net makes of examples, as in "
                 "'remember %s'",
                 shared->name, task, example_that_keeps(KEEPS_RESULTS));
    }
}

/* The importance of a number is measured by the gradients of single examples, of which none has the batch that a statistic is of. */
static void check_statistics(Session *s, const Decl *decl, const Train *train)
{
    const Function *loss = train->phases.len ? train->phases.data[0].objective : NULL;
    const Setting *setting = setting_of(decl, "remember");
    for (uint32_t i = 0; i < (loss ? loss->outputs.len : 0) && train->continual->protection == PROTECTION_EWC && setting; i++) {
        const char *statistic = running_statistic(loss->outputs.data[i].name);
        if (!statistic)
            continue;
        fail(s, setting->span, "'ewc' takes the gradient of each example by itself, but '%s' is a running statistic of batches",
             statistic);
        add_help(s, "'remember si(0.1)' measures what numbers are worth in the steps themselves");
        add_help(s, "a norm of each example has none: layernorm, groupnorm, rmsnorm");
        return;
    }
}

static void check(Session *s, const Decl *decl, const Train *train)
{
    check_kept(s, decl, train);
    check_statistics(s, decl, train);
    warn_of_fixed_response(s, decl, train);
}

const MethodReader reader_continual = {.lower = lower, .check = check};
