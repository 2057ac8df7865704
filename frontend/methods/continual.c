/* Trains by continual: the tasks one after the other, and what keeps the net from forgetting the earlier ones. */
#include <string.h>

#include "frontend/declare/train_plan.h"

/* ---- remember ---- */

static const Construct protection_rows[PROTECTION_COUNT] = {
#define PROTECTION(KIND, name, shown, ...) CALLED(#name, shown, __VA_ARGS__),
#include "ir/protections.def"
#undef PROTECTION
};

typedef struct Choice {
    const char *name;
} Choice;

/* Which of two words the argument is; `standard` where it is not given. */
static bool read_choice(Session *s, const Argument *argument, const char *what, const Choice choices[2], bool standard)
{
    Words words = {choices, 2, sizeof *choices};
    if (!argument->expr)
        return standard;
    return choose_word(s, words, head_name(argument->expr), argument->expr->span, "%s is '%s' or '%s'", what, choices[0].name,
                       choices[1].name) == 1;
}

/* tasks: all, or how many of them. */
static uint32_t read_subset(TrainPlan *plan, const Argument *argument)
{
    Session *s = plan->s;
    int64_t subset = 0;
    if (!argument->expr || strcmp(head_name(argument->expr), "all") == 0)
        return 0;
    as_integer(s, evaluate(s, argument->expr), argument->expr->span, "the number of earlier tasks per step", 1, MAX_INDEX_VALUES,
               &subset);
    return (uint32_t)subset;
}

/* outputs(curves[t].train): what a net makes of an example of the data that are trained on. */
static void lower_outputs(TrainPlan *plan, const Expr *use, const Expr *expr)
{
    Session *s = plan->s;
    const Phase *phase = plan->train.phases.len ? &plan->train.phases.data[0] : NULL;
    if (!expr) {
        fail(s, use->span, "rehearsal takes what a net makes of an example, as in %s",
             protection_rows[PROTECTION_REHEARSAL].example);
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
    static const Choice on_off[] = {{"off"}, {"on"}}, targets[] = {{"computed"}, {"stored"}},
                        embeddings[] = {{"frozen"}, {"plastic"}};
    Session *s = plan->s;
    Continual *continual = plan->train.continual;
    const Setting *setting = find_setting(plan, "remember");
    const Expr *expr = setting ? setting->values.first : NULL;
    need_setting(plan, "remember", "remember outputs(0.01)");
    if (!expr)
        return;
    Argument arguments[MOST_PARAMETERS];
    int row = read_construct(s, expr, CONSTRUCTS(protection_rows), "a way to remember earlier tasks", arguments);
    if (row < 0)
        return;
    continual->protection = (ProtectionKind)row;
    continual->protection_text = span_text(&s->module->arena, expr->span);
    continual->strength = arguments[0].number;
    if (row == PROTECTION_OUTPUTS) {
        continual->lookahead = read_choice(s, &arguments[1], "'lookahead'", on_off, true);
        continual->subset = read_subset(plan, &arguments[2]);
        continual->stored = read_choice(s, &arguments[3], "'targets'", targets, false);
        continual->plastic = read_choice(s, &arguments[4], "'embeddings'", embeddings, false);
    } else if (row == PROTECTION_EWC) {
        continual->examples = (uint32_t)arguments[1].number;
        continual->second = arguments[2].number;
    } else if (row == PROTECTION_SI) {
        continual->second = arguments[1].number;
    } else if (row == PROTECTION_REHEARSAL) {
        continual->strength = arguments[1].number;
        continual->examples = (uint32_t)arguments[2].number;
        lower_outputs(plan, expr, arguments[0].expr);
    }
}

/* The importances of weights are measured example by example, on the examples and the loss of `minimise`. */
static void add_consolidation(TrainPlan *plan)
{
    if (plan->train.continual->protection != PROTECTION_EWC || plan->train.phases.len == 0)
        return;
    Phase phase = plan->train.phases.data[0];
    phase.name = "consolidate";
    phase.batch = 1;
    phase.consolidates = true;
    memset(&phase.parts, 0, sizeof phase.parts);
    vec_push(&plan->train.phases, phase);
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
        if (plan->train.metrics.len > number && score)
            sweep->larger |= UINT64_C(1) << number;
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
    add_consolidation(plan);
    read_report(plan);
}

/* `outputs` keeps weights that are made for each task; there must be some, and they must be the same for all examples. */
static void check_kept(Session *s, const Decl *decl, const Train *train)
{
    const Continual *continual = train->continual;
    const Function *loss = train->phases.len ? train->phases.data[0].objective : NULL;
    const Setting *setting = setting_of(decl, "remember");
    if (continual->protection != PROTECTION_OUTPUTS || !loss || !setting)
        return;
    uint64_t *depends = conditions_of_values(s->module, loss);
    bool *varies = varying_values(loss), any = false;
    const Weight *varying = NULL;
    for (Value v = 0; v < loss->ops.len; v++) {
        const Op *op = OP_AT(loss, v);
        if (op->code != OP_PARAM || s->module->weights.data[op->symbol].net == NO_NET ||
            !(depends[v] >> continual->condition & 1))
            continue;
        any = true;
        if (varies[v] && !varying)
            varying = &s->module->weights.data[op->symbol];
    }
    support_free(depends);
    support_free(varies);
    const char *task = s->module->conditions.data[continual->condition].name;
    if (varying) {
        fail(s, setting->span,
             "'outputs' keeps the weights that are made for earlier tasks, but '%s' is made for each example, too",
             varying->name);
        add_help(s, "keep what a net makes of examples, as in 'remember %s'", protection_rows[PROTECTION_REHEARSAL].example);
    } else if (!any) {
        fail(s, setting->span,
             "'outputs' keeps the weights that are made for earlier tasks, but no weights depend on the task '%s'", task);
        add_help(s,
                 "make them from it, as in 'weights NET = dense(trunk(%s))', or protect what the tasks share by 'remember "
                 "ewc(100)' or "
                 "'remember si(0.1)'",
                 task);
    }
}

static void check(Session *s, const Decl *decl, const Train *train)
{
    check_kept(s, decl, train);
    warn_of_fixed_response(s, decl, train);
}

const MethodReader reader_continual = {.lower = lower, .check = check};
