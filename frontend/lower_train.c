/* A train declaration: its settings, the functions of its phases, and its metrics. */
#include "frontend/train_plan.h"

#include <string.h>

typedef struct SettingRule {
    const char *name;
    unsigned methods;
    uint32_t least, most; /* values */
    bool by;              /* may have `by OPTIMIZER` */
    unsigned on;          /* methods where it may have `on SPLIT` */
} SettingRule;

static const SettingRule rules[] = {
#define SETTING(...) {__VA_ARGS__},
#include "frontend/settings.def"
#undef SETTING
};

static const char *const later_settings[] = {"solve", "steps", "method",   "trials",  "lookahead",
                                             "tasks", "joint", "rehearse", "remember"};

static const char *const later_methods[] = {"continual", "implicit", "unrolled", "search"};

/* ---- settings ---- */

const Setting *setting_of(const Decl *train, const char *name)
{
    for (const Setting *setting = train->settings.first; setting; setting = setting->next)
        if (strcmp(setting->head.text, name) == 0)
            return setting;
    return NULL;
}

const Setting *find_setting(const TrainPlan *plan, const char *name)
{
    return setting_of(plan->decl, name);
}

/* The first of them. */
static const char *method_text(unsigned methods)
{
    int kind = 0;
    while (!(methods >> kind & 1))
        kind++;
    return method_traits[kind].name;
}

static const SettingRule *find_rule(TrainPlan *plan, const Setting *setting)
{
    Session *s = plan->s;
    const char *name = setting->head.text;
    Candidates candidates = {0};
    if (find_word(WORDS(later_settings), name) >= 0) {
        refuse(s, setting->span, arena_printf(&s->file->arena, "the setting '%s'", name));
        return NULL;
    }
    const SettingRule *foreign = NULL;
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        bool same = strcmp(rules[i].name, name) == 0, own = rules[i].methods & plan->method;
        if (same && own) {
            vec_free(&candidates.names);
            return &rules[i];
        }
        foreign = same ? &rules[i] : foreign;
        if (own)
            vec_push(&candidates.names, rules[i].name);
    }
    if (foreign) {
        vec_free(&candidates.names);
        fail(s, setting->head.span, "'%s' is a setting of '%s', not of '%s'", name, method_text(foreign->methods),
             method_text(plan->method));
        return NULL;
    }
    fail(s, setting->head.span, "'%s' has no setting '%s'", method_text(plan->method), name);
    suggest(s, name, &candidates);
    return NULL;
}

static void check_setting(TrainPlan *plan, const Setting *setting)
{
    Session *s = plan->s;
    if (setting->weights) /* forms.c reads and checks them */
        return;
    const SettingRule *rule = find_rule(plan, setting);
    if (!rule)
        return;
    const Setting *first = find_setting(plan, rule->name);
    if (first != setting) {
        fail(s, setting->head.span, "'%s' is set twice", rule->name);
        add_note(s, first->head.span, "first set here");
    }
    if (setting->on && !(rule->on & plan->method))
        fail(s, setting->on->span, "'%s' of '%s' takes no 'on': its expressions name the data themselves", rule->name,
             method_text(plan->method));
    if (setting->values.count < rule->least || setting->values.count > rule->most)
        fail(s, setting->span, rule->most == 1 ? "'%s' takes one value" : "'%s' takes at most %u values", rule->name, rule->most);
    if (setting->by && !rule->by)
        fail(s, setting->by->span, "'%s' takes no optimizer", rule->name);
}

bool setting_integer(TrainPlan *plan, const char *name, int64_t low, int64_t *result)
{
    const Setting *setting = find_setting(plan, name);
    if (!setting || !setting->values.first)
        return false;
    const Expr *value = setting->values.first;
    const char *what = arena_printf(&plan->s->file->arena, "'%s'", name);
    return as_integer(plan->s, evaluate(plan->s, value), value->span, what, low, MAX_COUNT, result);
}

void need_setting(TrainPlan *plan, const char *name, const char *example)
{
    if (!find_setting(plan, name) && plan->missing < COUNT_OF(plan->missing_names)) {
        plan->missing_names[plan->missing] = name;
        plan->missing_examples[plan->missing++] = example;
    }
}

/* One error for all settings that were needed in vain. */
static void report_missing(TrainPlan *plan)
{
    Text names = {0};
    for (uint32_t i = 0; i < plan->missing; i++)
        text_printf(&names, "%s'%s'", i == 0 ? "" : i + 1 < plan->missing ? ", " : " and ", plan->missing_names[i]);
    if (plan->missing)
        fail(plan->s, plan->decl->name.span, "the train '%s' does not say %s", plan->decl->name.text, names.data);
    for (uint32_t i = 0; i < plan->missing; i++)
        add_help(plan->s, "add a line such as '%s'", plan->missing_examples[i]);
    text_free(&names);
}

/* batch 128: every phase's; batch 10, 1000: the lower and the upper phase's. */
static void read_batch(TrainPlan *plan)
{
    Session *s = plan->s;
    const Setting *setting = find_setting(plan, "batch");
    const Expr *upper = setting && setting->values.first ? setting->values.first->next : NULL;
    int64_t asked = s->file->options->batch;
    setting_integer(plan, "batch", 1, &plan->train.batch);
    plan->upper_batch = plan->train.batch;
    if (upper)
        as_integer(s, evaluate(s, upper), upper->span, "the upper phase's batch", 1, MAX_COUNT, &plan->upper_batch);
    if (asked > 0)
        plan->train.batch = plan->upper_batch = asked;
}

void read_common(TrainPlan *plan)
{
    Train *train = &plan->train;
    need_setting(plan, "batch", "batch 128");
    need_setting(plan, "epochs", "epochs 60");
    read_batch(plan);
    setting_integer(plan, "epochs", 1, &train->epochs);
    setting_integer(plan, "patience", 1, &train->patience);
    train->evaluate = 1;
    setting_integer(plan, "evaluate", 1, &train->evaluate);
}

/* ---- phases and metrics ---- */

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

/* Which split the function read, or an error. */
bool read_split_of(Session *s, const Expr *expr, uint32_t *dataset, uint32_t *split)
{
    if (!s->dataset) {
        fail(s, expr->span, "this reads no data: it must use one split of a data set, as in 'fit(mnist.train)'");
        return false;
    }
    *dataset = s->dataset->index;
    *split = s->split;
    return true;
}

void check_batch(TrainPlan *plan, const Phase *phase, const Expr *expr)
{
    const Dataset *data = &plan->s->model->datasets.data[phase->dataset];
    const Split *split = &data->splits.data[phase->split];
    if (split->count == 0 || phase->batch <= split->count)
        return;
    fail(plan->s, expr->span, "a batch of %lld is larger than the split '%s.%s' of %lld examples", (long long)phase->batch,
         data->name, split->name, (long long)split->count);
}

void lower_phase(TrainPlan *plan, const char *name, bool upper)
{
    Session *s = plan->s;
    const Setting *setting = find_setting(plan, name);
    need_setting(plan, name, arena_printf(&s->file->arena, "%s fit(mnist.%s) by adam(1e-3)", name, upper ? "valid" : "train"));
    if (!setting || !setting->values.first)
        return;
    const Expr *expr = setting->values.first;
    Phase phase = {.name = name, .batch = upper ? plan->upper_batch : plan->train.batch};
    unsigned column;
    span_place(setting->span, &phase.line, &column);
    bool complete = setting->by && read_optimizer(s, setting->by, &phase.optimizer);
    if (!setting->by) {
        fail(s, setting->span, "'%s' does not say by which optimizer", name);
        add_help(s, "end it with 'by adam(1e-3)'");
    }
    Frame frame = {0};
    const char *function = arena_printf(&s->file->arena, "%s.%s.objective", plan->decl->name.text, name);
    phase.objective = open_function(s, function, &frame, !upper, true);
    s->upper = upper;
    Val value = objective_value(s, expr);
    complete &= !is_poison(value) && read_split_of(s, expr, &phase.dataset, &phase.split);
    if (complete) {
        build_output(&s->builder, "loss", build_unary(&s->builder, OP_ACROSS_MEAN, value.ir));
        check_batch(plan, &phase, expr);
    }
    close_function(s);
    vec_push(&plan->train.phases, phase);
}

/* Whether an output of the function reduces over the data what depends on such a reduction already. */
static bool reduces_twice(const Function *function)
{
    enum { NEEDED = 1, REDUCED = 2 };
    unsigned char *marks = support_malloc(function->ops.len + 1);
    bool twice = false;
    memset(marks, 0, function->ops.len);
    for (uint32_t i = 0; i < function->outputs.len; i++)
        marks[function->outputs.data[i].value] = NEEDED;
    for (Value v = (Value)function->ops.len; v-- > 0;)
        for (uint32_t i = 0; i < OP_AT(function, v)->nargs && marks[v]; i++)
            marks[OP_AT(function, v)->args[i]] = NEEDED;
    for (Value v = 0; v < function->ops.len; v++) {
        unsigned below = 0;
        for (uint32_t i = 0; i < OP_AT(function, v)->nargs; i++)
            below |= marks[OP_AT(function, v)->args[i]] & REDUCED;
        bool across = is_across(OP_AT(function, v)->code);
        twice |= marks[v] && across && below;
        marks[v] |= across ? REDUCED : below;
    }
    support_free(marks);
    return twice;
}

static void lower_metric(TrainPlan *plan, const Expr *expr)
{
    Session *s = plan->s;
    Metric metric = {.name = span_text(&s->module->arena, expr->span)};
    Frame frame = {0};
    const char *function = arena_printf(&s->file->arena, "%s.eval%u.objective", plan->decl->name.text, plan->train.metrics.len);
    metric.objective = open_function(s, function, &frame, false, true);
    Val value = objective_value(s, expr);
    if (!is_poison(value) && read_split_of(s, expr, &metric.dataset, &metric.split)) {
        bool per_example = differs_between_examples(metric.objective, value.ir);
        build_output(&s->builder, "value", per_example ? build_unary(&s->builder, OP_ACROSS_MEAN, value.ir) : value.ir);
        if (reduces_twice(metric.objective))
            fail(s, expr->span,
                 "the metric '%s' reduces over the data inside another reduction, which needs two passes: not supported",
                 metric.name);
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
        lower_metric(plan, selected->values.first);
    }
    for (const Expr *expr = report ? report->values.first : NULL; expr; expr = expr->next)
        lower_metric(plan, expr);
    const Setting *patience = find_setting(plan, "patience");
    if (patience && plan->train.select < 0) {
        fail(plan->s, patience->span, "'patience' needs something to watch");
        add_help(plan->s, "add a line such as '%s fit(mnist.valid)'", select);
    }
}

/* ---- the declaration ---- */

#define METHOD(KIND, name, ...) extern const MethodReader reader_##name;
#include "ir/methods.def"
#undef METHOD

static const MethodReader *const readers[METHOD_COUNT] = {
#define METHOD(KIND, name, ...) &reader_##name,
#include "ir/methods.def"
#undef METHOD
};

/* How a model writes it: METHOD(CONDITION, ...). */
static Construct method_construct(const MethodTraits *method)
{
    Construct construct = {.name = method->name, .example = method->example};
    for (uint32_t i = 0; i < method->most; i++)
        construct.parameters[i] = (Parameter){"condition", TAKES_EXPRESSION, ANY_NUMBER, 0};
    return construct;
}

static void read_conditions(TrainPlan *plan, const MethodTraits *method, const Argument *arguments)
{
    Session *s = plan->s;
    if (method->takes == CONDITION_NOTHING)
        return;
    const ConditionReader *reader = condition_readers[method->takes];
    if (!arguments[0].expr)
        fail(s, plan->decl->value->span, "%s takes the name of %s, as in %s", method->name, reader->noun, method->example);
    for (uint32_t i = 0; i < method->most && arguments[i].expr; i++) {
        const Expr *expr = arguments[i].expr;
        const Symbol *symbol =
            choose_declared(s, 1u << reader->decl, expr, "%s takes the name of %s", method->name, reader->noun);
        if (!symbol)
            add_help(s, "declare one, as in '%s'", reader->example);
        else if (find_train_condition(&plan->train, symbol->condition))
            fail(s, expr->span, "%s names '%s' twice", method->name, symbol->decl->name.text);
        else
            vec_push(&plan->train.conditions, (TrainCondition){.kind = method->takes, .condition = symbol->condition});
    }
}

/* The method's row, or -1 after an error. */
static int read_method(TrainPlan *plan)
{
    Session *s = plan->s;
    const Expr *expr = plan->decl->value;
    Construct constructs[METHOD_COUNT];
    Argument arguments[MOST_PARAMETERS];
    if (find_word(WORDS(later_methods), head_name(expr)) >= 0) {
        refuse(s, expr->span, arena_printf(&s->file->arena, "the method '%s'", head_name(expr)));
        return -1;
    }
    for (int i = 0; i < METHOD_COUNT; i++)
        constructs[i] = method_construct(&method_traits[i]);
    int row = read_construct(s, expr, CONSTRUCTS(constructs), "a method to train by", arguments);
    plan->method = row < 0 ? 0 : 1u << row;
    plan->train.method = (MethodKind)(row < 0 ? 0 : row);
    if (row >= 0)
        read_conditions(plan, &method_traits[row], arguments);
    return row;
}

void lower_train(Session *s, const Decl *decl)
{
    TrainPlan plan = {.s = s, .decl = decl};
    unsigned column;
    if (read_method(&plan) < 0)
        return;
    plan.train.name = arena_text(&s->module->arena, decl->name.text, strlen(decl->name.text));
    span_place(decl->span, &plan.train.line, &column);
    for (const Setting *setting = decl->settings.first; setting; setting = setting->next)
        check_setting(&plan, setting);
    readers[plan.train.method]->lower(&plan);
    report_missing(&plan);
    vec_push(&s->model->trains, plan.train);
}

/* Whether weights of the model, as far as they are used, follow the condition. */
bool responds(const Model *model, uint32_t condition)
{
    for (uint32_t i = 0; i < model->module->weights.len; i++)
        if (model->module->weights.data[i].sources.conditions >> condition & 1)
            return true;
    return false;
}

/* Whether anything that is computed follows the condition. */
static bool uses_condition(const Session *s, uint32_t condition)
{
    for (uint32_t i = 0; i < s->module->functions.len; i++)
        if (sources_of(s->module, s->module->functions.data[i]).conditions >> condition & 1)
            return true;
    return false;
}

/* A condition without a first value has none at all where the train does not draw it. */
static bool check_drawn(Session *s, const Decl *decl, const Train *train)
{
    for (uint32_t c = 0; c < s->module->conditions.len; c++) {
        const Symbol *symbol = condition_symbol(s, c);
        ConditionKind kind = condition_kind(symbol->decl->kind);
        if (condition_standing[kind] || find_train_condition(train, c) || !uses_condition(s, c))
            continue;
        const char *name = symbol->decl->name.text;
        fail(s, decl->value->span, "'%s' uses the %s '%s', which it does not draw", decl->name.text,
             decl_text[symbol->decl->kind], name);
        add_help(s, "train it by %s(%s), or give the weights another form", method_taking(kind), name);
        return false;
    }
    return true;
}

void check_response(Session *s, const Decl *decl)
{
    const Train *train = &vec_last(&s->model->trains);
    const MethodReader *reader = readers[train->method];
    if (!check_drawn(s, decl, train) || !reader->check_response)
        return;
    for (uint32_t i = 0; i < train->conditions.len; i++) {
        uint32_t condition = train->conditions.data[i].condition;
        if (responds(s->model, condition))
            continue;
        reader->check_response(s, decl, train, s->module->conditions.data[condition].name);
        return;
    }
}

const char *method_taking(ConditionKind kind)
{
    int method = 0;
    while (method_traits[method].takes != kind)
        method++;
    return method_traits[method].name;
}

const MethodReader *reader_of(const Train *train)
{
    return readers[train->method];
}
