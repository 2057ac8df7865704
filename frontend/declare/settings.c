/* The lines of a train declaration. */
#include <string.h>

#include "frontend/declare/train_plan.h"
#include "indicators/indicators.h"

typedef struct SettingRule {
    const char *name;
    unsigned methods;
    uint32_t least, most; /* values */
    bool by;              /* may have `by OPTIMIZER` */
    unsigned on;          /* methods where it may have `on SPLIT` */
} SettingRule;

static const SettingRule rules[] = {
#define SETTING(...) {__VA_ARGS__},
#include "frontend/declare/settings.def"
#undef SETTING
};

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

/* The name of the first method in the set. */
static const char *method_text(unsigned methods)
{
    int kind = 0;
    while (!(methods >> kind & 1))
        kind++;
    return method_traits[kind].name;
}

/* "'bilevel' and 'implicit'" */
static const char *methods_text(Session *s, unsigned methods)
{
    const char *text = "";
    for (unsigned kind = 0, left = methods; kind < METHOD_COUNT; kind++) {
        if (!(methods >> kind & 1))
            continue;
        left &= ~(1U << kind);
        text = arena_printf(&s->file->arena, "%s%s'%s'", text, !*text ? "" : left ? ", " : " and ", method_traits[kind].name);
    }
    return text;
}

/* What the plan's method says of the setting; NULL: it has none of that name. */
static const SettingRule *own_rule(const TrainPlan *plan, const char *name)
{
    for (size_t i = 0; i < COUNT_OF(rules); i++)
        if (strcmp(rules[i].name, name) == 0 && rules[i].methods & plan->method)
            return &rules[i];
    return NULL;
}

/* The same, or an error. */
static const SettingRule *find_rule(TrainPlan *plan, const Setting *setting)
{
    Session *s = plan->s;
    const char *name = setting->head.text;
    Candidates candidates = {0};
    const SettingRule *own = own_rule(plan, name), *foreign = NULL;
    if (own)
        return own;
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        foreign = strcmp(rules[i].name, name) == 0 ? &rules[i] : foreign;
        if (rules[i].methods & plan->method)
            vec_push(&candidates.names, rules[i].name);
    }
    if (foreign) {
        vec_free(&candidates.names);
        if (!plan->misplaced)
            fail(s, setting->head.span, "'%s' is a setting of %s, not of '%s'", name, methods_text(s, foreign->methods),
                 method_text(plan->method));
        plan->misspelt = plan->misplaced = true;
        return NULL;
    }
    fail(s, setting->head.span, "'%s' has no setting '%s'", method_text(plan->method), name);
    plan->misspelt = true;
    if (answer_foreign(s, FOREIGN_SETTING, name))
        vec_free(&candidates.names);
    else
        choose_name(s, name, &candidates, "its settings");
    return NULL;
}

static void refuse_values(Session *s, const Setting *setting, const SettingRule *rule)
{
    const Expr *second = setting->values.first ? setting->values.first->next : NULL;
    const char *what = rule->most == 0 ? "no value" : rule->most == 1 ? "one value" : NULL;
    what = what ? what : arena_printf(&s->file->arena, "at most %u values", rule->most);
    fail(s, setting->span, "'%s' takes %s%s", rule->name, what,
         rule->most == 0 && rule->by ? ", but an optimizer behind 'by'" : "");
    if (second && second->kind == EXPR_NUMBER && s->file->source->text[second->span.begin - 1] == ',')
        add_help(s, "digits are not grouped, and the decimal point is '.': 1000, 0.5");
}

void check_setting(TrainPlan *plan, const Setting *setting)
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
        refuse_values(s, setting, rule);
    if (setting->by.count && !rule->by)
        fail(s, setting->by.first->span, "'%s' takes no optimizer", rule->name);
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
    if (!find_setting(plan, name) && !plan->misspelt && plan->missing < COUNT_OF(plan->missing_names)) {
        plan->missing_names[plan->missing] = name;
        plan->missing_examples[plan->missing++] = example;
    }
}

int needed_construct(TrainPlan *plan, const char *name, const char *example, Constructs constructs, const char *what,
                     Argument arguments[static MOST_PARAMETERS])
{
    const Setting *setting = find_setting(plan, name);
    need_setting(plan, name, example);
    if (!setting || !setting->values.first)
        return -1;
    return read_construct(plan->s, setting->values.first, constructs, what, arguments);
}

void report_missing(TrainPlan *plan)
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
    const SettingRule *rule = own_rule(plan, "batch");
    const Expr *upper = rule && rule->most > 1 && setting && setting->values.first ? setting->values.first->next : NULL;
    int64_t asked = s->file->options->batch;
    setting_integer(plan, "batch", 1, &plan->train.batch);
    plan->upper_batch = plan->train.batch;
    if (upper)
        as_integer(s, evaluate(s, upper), upper->span, "the upper phase's batch", 1, MAX_COUNT, &plan->upper_batch);
    if (asked > 0)
        plan->train.batch = plan->upper_batch = asked;
}

/* Whether the batch can be computed in such micro-batches; 0, all at once, where hnc was asked for another batch that cannot. */
static void check_micro_batch(TrainPlan *plan, const Expr *expr, int64_t batch, int64_t *micro_batch)
{
    Session *s = plan->s;
    if (*micro_batch == 0 || batch == 0 || batch % *micro_batch == 0)
        return;
    if (s->file->options->batch == 0)
        fail(s, expr->span, "a batch of %lld cannot be computed in micro-batches of %lld: it must be a multiple",
             (long long)batch, (long long)*micro_batch);
    *micro_batch = 0;
}

/* micro_batch 32: examples computed at a time; micro_batch 32, 100: in the lower and in the upper phase. */
static void read_micro_batch(TrainPlan *plan)
{
    Session *s = plan->s;
    const Setting *setting = find_setting(plan, "micro_batch");
    const Expr *first = setting ? setting->values.first : NULL;
    if (!first)
        return;
    if (plan->method & IN_UNROLLED) {
        fail(s, setting->span, "unrolled has no micro-batches: all batches of its steps are differentiated together");
        return;
    }
    if (plan->method & IN_PARETO) {
        fail(s, setting->span,
             "pareto has no micro-batches: its solver weighs the gradients of several losses by what they are in the "
             "whole batch");
        return;
    }
    setting_integer(plan, "micro_batch", 1, &plan->micro_batch);
    plan->upper_micro_batch = plan->micro_batch;
    if (first->next && plan->method & IN_TWO_LEVELS)
        as_integer(s, evaluate(s, first->next), first->next->span, "the upper phase's micro-batch", 1, MAX_COUNT,
                   &plan->upper_micro_batch);
    check_micro_batch(plan, first, plan->train.batch, &plan->micro_batch);
    if (plan->method & IN_TWO_LEVELS)
        check_micro_batch(plan, first->next ? first->next : first, plan->upper_batch, &plan->upper_micro_batch);
}

/* shuffle batches, or as each train does without the line, shuffle examples */
static void read_shuffle(TrainPlan *plan)
{
    static const char *const words[] = {"examples", "batches"};
    const Setting *setting = find_setting(plan, "shuffle");
    const Expr *value = setting ? setting->values.first : NULL;
    if (!value)
        return;
    int word = named_word(WORDS(words), value);
    plan->train.shuffles_batches = word == 1;
    if (word >= 0)
        return;
    fail(plan->s, value->span, "what an epoch shuffles is 'examples' or 'batches'");
    add_help(plan->s, "'shuffle batches' takes examples that lie side by side in the data, in batches whose order is drawn anew");
}

/* evaluate 2: epochs between evaluations; evaluate 0.25: a part of an epoch; evaluate steps(500) */
static void read_evaluate(TrainPlan *plan)
{
    static const Construct rows[] = {
        CALLED("steps", "steps(500)", {"count", TAKES_WHOLE, WITHIN(1, MAX_COUNT), NAN}),
    };
    const Setting *setting = find_setting(plan, "evaluate");
    const Expr *value = setting ? setting->values.first : NULL;
    Argument arguments[MOST_PARAMETERS];
    Train *train = &plan->train;
    train->evaluate = 1;
    train->evaluate_in_steps = value && strcmp(head_name(value), "steps") == 0;
    if (value && !train->evaluate_in_steps)
        read_number(plan->s, value, "'evaluate'", (Range){.high = MAX_COUNT, .above = true}, &train->evaluate);
    else if (value && read_construct(plan->s, value, CONSTRUCTS(rows), "a number of steps", arguments) >= 0)
        train->evaluate = arguments[0].number;
}

/* Each task or member is measured for itself. */
static void check_counts(TrainPlan *plan)
{
    Session *s = plan->s;
    for (uint32_t i = 0; i < plan->train.conditions.len; i++) {
        const Condition *condition = &s->module->conditions.data[plan->train.conditions.data[i].condition];
        if (condition->count > SWEEP_MOST_INDEX_POINTS)
            fail(s, plan->decl->value->span, "the %s '%s' has %lld values, but a train measures each, and at most %d",
                 condition_names[condition->kind], condition->name, (long long)condition->count, SWEEP_MOST_INDEX_POINTS);
    }
}

void read_common(TrainPlan *plan)
{
    check_counts(plan);
    Train *train = &plan->train;
    need_setting(plan, "batch", "batch 128");
    const Setting *steps = find_setting(plan, "steps");
    if (!steps)
        need_setting(plan, "epochs", "epochs 60");
    else if (find_setting(plan, "epochs"))
        fail(plan->s, steps->span, "a train is so many epochs or so many steps long, not both");
    read_batch(plan);
    read_micro_batch(plan);
    read_shuffle(plan);
    setting_integer(plan, "epochs", 1, &train->epochs);
    setting_integer(plan, "steps", 1, &train->steps);
    setting_integer(plan, "patience", 1, &train->patience);
    const Setting *seconds = find_setting(plan, "seconds");
    if (seconds && seconds->values.first)
        read_number(plan->s, seconds->values.first, "'seconds'", (Range)ABOVE(0), &train->seconds);
    read_evaluate(plan);
}
