/* The functions of a train: what its phases minimise, and its metrics. */
#include <string.h>

#include "frontend/declare/train_plan.h"

bool differs_between_examples(const Function *function, Value value)
{
    bool *varies = varying_values(function), result = varies[value];
    support_free(varies);
    return result;
}

/* Evaluates the expression of a phase or a metric as a real scalar. */
Val objective_value(Session *s, const Expr *expr)
{
    Val value = as_real(s, evaluate(s, expr), expr->span);
    if (is_poison(value) || val_type(s, value).rank == 0)
        return value;
    fail(s, expr->span, "what is minimised or reported must be one number, but this is %s", describe(s, value));
    add_help(s, "reduce it, as in 'mean(...)'");
    return val_poison();
}

/* The split whose fields the function reads or, if it reads none, the only one that its expression names. */
static bool find_split_of(const Session *s, SplitUse *use)
{
    bool named = !s->dataset && s->named && !s->several_named;
    if (!s->dataset && !named)
        return false;
    *use =
        named ? (SplitUse){s->named->index, s->named_split, s->named_member} : (SplitUse){s->dataset->index, s->split, s->member};
    return true;
}

/* The split of whose examples the function's steps are made, or an error. */
bool read_split_of(Session *s, const Expr *expr, SplitUse *use)
{
    if (find_split_of(s, use))
        return true;
    if (s->several_named)
        fail(s, expr->span, "this names several splits and reads none of them, so no split says how long an epoch is");
    else
        fail(s, expr->span, "this names no split of a data set, so nothing says how long an epoch is");
    add_help(s, s->several_named ? "name one split" : "let an objective take the split, as in 'fit(mnist.train)'");
    if (!s->several_named)
        add_help(s, "a loss that reads no data takes one of a data set without fields: 'data nothing = rows(1000)'");
    return false;
}

void check_batch(TrainPlan *plan, const Phase *phase, const Expr *expr)
{
    const Dataset *data = &plan->s->model->datasets.data[phase->dataset];
    const Split *split = &data->splits.data[phase->split];
    if (split->count == 0 || phase->batch <= split->count)
        return;
    fail(plan->s, expr->span, "a batch of %lld is larger than the split '%s%s.%s' of %lld examples", (long long)phase->batch,
         data->name, member_text(plan->s->module, phase->member, &plan->s->file->arena), split->name, (long long)split->count);
    int64_t sum = 0;
    for (uint32_t i = 0; i < data->splits.len; i++)
        sum += data->splits.data[i].count;
    if (sum == 100)
        add_help(plan->s, "a share of %lld %% is written '%s %g'", (long long)split->count, split->name,
                 (double)split->count / 100);
}

void lower_updates(TrainPlan *plan, Span span)
{
    Session *s = plan->s;
    if (s->updates.len && !(plan->method & (IN_PLAIN | IN_TWO_LEVELS | IN_CONTINUAL))) {
        const char *statistic = s->updates.data[0].weight;
        fail(s, span, "'%s' is a running statistic of one net, but %s trains a net for each of several values", statistic,
             method_traits[plan->train.method].name);
        add_help(s, "a norm of each example has none: layernorm, groupnorm, rmsnorm");
        return;
    }
    if (s->updates.len)
        check_average_of_statistic(plan, s->updates.data[0].weight);
    if ((plan->method & IN_CONTINUAL) && plan->train.conditions.len &&
        !s->learning) /* the first walk has all trains in one module */
        keep_rows_of_updates(s, plan->train.conditions.data[0].condition);
    output_updates(s);
    output_carried(s);
}

void check_streams(TrainPlan *plan, SplitUse use, int64_t batch, const Expr *expr)
{
    Session *s = plan->s;
    const Dataset *data = &s->model->datasets.data[use.dataset];
    const Split *split = &data->splits.data[use.split];
    if (s->carried.len && !(plan->method & (IN_PLAIN | IN_TWO_LEVELS))) {
        fail(s, expr->span, "'%s' is carried from window to window, which %s cannot do yet", s->carried.data[0].name,
             method_traits[plan->train.method].name);
    } else if (s->carried.len && !split->streams) {
        fail(s, expr->span, "'%s' is carried from window to window, but '%s.%s' has no streams of windows",
             s->carried.data[0].name, data->name, split->name);
        add_note(s, s->carried.data[0].span, "it is declared here");
        add_help(s, "a text has streams: text(\"train.txt\", unit: word, length: 70, streams: 40)");
    } else if (batch && !s->file->options->trial && split->streams && batch != split->streams) {
        fail(s, expr->span, "a step takes one window of each stream of '%s.%s', so its batch is %lld, not %lld", data->name,
             split->name, (long long)split->streams, (long long)batch);
    } else if (batch && split->streams && plan->train.shuffles_batches) {
        fail(s, find_setting(plan, "shuffle")->span,
             "the windows of the streams of '%s.%s' are read in order, so there is nothing to shuffle", data->name, split->name);
    }
}

void lower_phase(TrainPlan *plan, const char *name, bool upper)
{
    Session *s = plan->s;
    const Setting *setting = find_setting(plan, name);
    need_setting(plan, name, arena_printf(&s->file->arena, "%s fit(mnist.%s) by adam(1e-3)", name, upper ? "valid" : "train"));
    if (!setting || !setting->values.first)
        return;
    const Expr *expr = setting->values.first;
    Phase phase = {.name = name,
                   .upper = upper,
                   .batch = upper ? plan->upper_batch : plan->train.batch,
                   .micro_batch = upper ? plan->upper_micro_batch : plan->micro_batch};
    unsigned column;
    span_place(setting->span, &phase.line, &column);
    bool complete = upper ? read_only_optimizer(plan, setting, &phase.optimizer) : read_phase_optimizers(plan, setting, &phase);
    Frame frame = {0};
    const char *function = arena_printf(&s->file->arena, "%s.%s.objective", plan->decl->name.text, name);
    phase.objective = open_function(s, function, &frame, !upper, true);
    s->upper = upper;
    Val value = objective_value(s, expr);
    SplitUse use;
    complete &= !is_poison(value) && read_split_of(s, expr, &use);
    if (complete) {
        phase.dataset = use.dataset;
        phase.split = use.split;
        phase.member = use.member;
        build_output(&s->builder, "loss", build_unary(&s->builder, OP_ACROSS_MEAN, value.ir));
        lower_updates(plan, setting->span);
        check_batch(plan, &phase, expr);
        check_streams(plan, use, phase.batch, expr);
        if (s->carried.len && phase.micro_batch && phase.micro_batch < phase.batch)
            fail(s, setting->span, "'%s' is carried for each stream of a batch, which then cannot be computed in micro-batches",
                 s->carried.data[0].name);
    }
    close_function(s);
    vec_push(&plan->train.phases, phase);
}

static bool has_metric(const TrainPlan *plan, const char *name)
{
    for (uint32_t i = 0; i < plan->train.metrics.len; i++)
        if (strcmp(plan->train.metrics.data[i].name, name) == 0)
            return true;
    return false;
}

void lower_metric(TrainPlan *plan, const Expr *expr, const char *name)
{
    Session *s = plan->s;
    if (has_metric(plan, name)) /* what selects the best is reported anyway */
        return;
    Metric metric = {.name = name};
    Frame frame = {0};
    const char *function = arena_printf(&s->file->arena, "%s.eval%u.objective", plan->decl->name.text, plan->train.metrics.len);
    metric.objective = open_function(s, function, &frame, false, true);
    Val value = objective_value(s, expr);
    if (!is_poison(value)) {
        SplitUse use = {0};
        metric.dataset = find_split_of(s, &use) ? (int)use.dataset : -1;
        metric.split = use.split;
        metric.member = use.member;
        bool per_example = differs_between_examples(metric.objective, value.ir);
        build_output(&s->builder, "value", per_example ? build_unary(&s->builder, OP_ACROSS_MEAN, value.ir) : value.ir);
        if (passes_over_data(metric.objective, NULL) > MOST_PASSES)
            fail(s, expr->span, "the metric '%s' has more than %d reductions across the data inside each other", metric.name,
                 MOST_PASSES);
        if (metric.dataset >= 0)
            check_streams(plan, use, 0, expr);
        output_carried(s);
    }
    close_function(s);
    vec_push(&plan->train.metrics, metric);
}

void lower_metrics(TrainPlan *plan, const char *select)
{
    const Setting *selected = find_setting(plan, select), *report = find_setting(plan, "report");
    plan->train.select = -1;
    if (selected && selected->values.first) {
        plan->train.select = 0;
        lower_metric(plan, selected->values.first, span_text(&plan->s->module->arena, selected->values.first->span));
    }
    for (const Expr *expr = report ? report->values.first : NULL; expr; expr = expr->next)
        lower_metric(plan, expr, span_text(&plan->s->module->arena, expr->span));
    const Setting *patience = find_setting(plan, "patience");
    if (patience && plan->train.select < 0) {
        fail(plan->s, patience->span, "'patience' needs something to watch");
        add_help(plan->s, "add a line such as '%s fit(mnist.valid)'", select);
    }
}
