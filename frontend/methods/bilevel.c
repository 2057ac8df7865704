/* Trains by bilevel: hyperparameters that a lower phase samples and an upper phase tunes. */
#include <math.h>
#include <string.h>

#include "frontend/declare/train_plan.h"

/* sample normal(scale: 0.5) [by OPTIMIZER] */
static void read_sample(TrainPlan *plan)
{
    static const Construct rows[] = {CALLED("normal", "normal(scale: 0.5)", {"scale", TAKES_NUMBER, ABOVE(0), NAN})};
    Argument arguments[MOST_PARAMETERS];
    if (needed_construct(plan, "sample", "sample normal(scale: 0.5)", CONSTRUCTS(rows), "a distribution of hyperparameters",
                         arguments) < 0)
        return;
    const Setting *setting = find_setting(plan, "sample");
    plan->train.sigma = arguments[0].number;
    if (setting->by.count)
        plan->train.sigma_learned = read_only_optimizer(plan, setting, &plan->train.sigma_optimizer);
}

static void read_sampling_options(TrainPlan *plan)
{
    Session *s = plan->s;
    const Setting *entropy = find_setting(plan, "entropy"), *everywhere = find_setting(plan, "everywhere");
    const Setting *sample = find_setting(plan, "sample");
    plan->train.everywhere = everywhere != NULL;
    if (everywhere && sample && sample->by.count)
        fail(s, everywhere->span,
             "'everywhere' keeps the distribution as it starts: its scale cannot be learned by an optimizer");
    if (!entropy || !entropy->values.first)
        return;
    const Expr *value = entropy->values.first;
    read_number(s, value, "'entropy'", (Range)AT_LEAST(0), &plan->train.entropy);
    if (sample && !sample->by.count) {
        fail(s, entropy->span, "'entropy' has no effect while the scale is fixed");
        add_help(s, "let an optimizer learn it: 'sample normal(scale: 0.5) by adam(3e-2)'");
    }
}

static bool unit_is(Session *s, Name unit, const char *wanted)
{
    if (strcmp(unit.text, wanted) == 0)
        return true;
    fail(s, unit.span, "'%s' expected here, but this is '%s'", wanted, unit.text);
    return false;
}

/* every 5 lower, 1 upper   after 1 epochs */
static void read_alternation(TrainPlan *plan)
{
    Session *s = plan->s;
    Train *train = &plan->train;
    const Setting *every = find_setting(plan, "every"), *after = find_setting(plan, "after");
    train->every_lower = train->every_upper = 1;
    if (every && every->units.count == 2 && unit_is(s, every->units.first->name, "lower") &&
        unit_is(s, every->units.last->name, "upper")) {
        const Expr *lower = every->values.first, *upper = every->values.last;
        as_integer(s, evaluate(s, lower), lower->span, "the number of lower steps", 1, MAX_COUNT, &train->every_lower);
        as_integer(s, evaluate(s, upper), upper->span, "the number of upper steps", 1, MAX_COUNT, &train->every_upper);
    }
    if (!after || after->units.count != 1 || !unit_is(s, after->units.first->name, "epochs"))
        return;
    read_number(s, after->values.first, "'after'", (Range)WITHIN(0, MAX_COUNT), &train->warmup);
}

static void lower(TrainPlan *plan)
{
    read_common(plan);
    read_sample(plan);
    read_sampling_options(plan);
    read_alternation(plan);
    lower_phase(plan, "lower", false);
    lower_phase(plan, "upper", true);
    lower_metrics(plan, "upper");
}

/* ---- checks ---- */

static void report_no_response(Session *s, const Decl *decl, const Train *train, uint32_t number)
{
    const char *condition = s->module->conditions.data[number].name;
    (void)train;
    fail(s, decl->value->span, "no weights respond to '%s', so '%s' cannot tune it", condition, decl->name.text);
    add_help(s, "declare where the weights come from, as in 'weights NET = stn(%s)'", condition);
}

/* Whether the function reads these elements of the condition, or all of it at once. */
static bool reads_elements(const Function *f, uint32_t condition, int64_t first, int64_t count)
{
    for (Value v = 0; v < f->ops.len; v++) {
        const Op *op = OP_AT(f, v);
        for (uint32_t i = 0; i < op->nargs; i++) {
            const Op *operand = OP_AT(f, op->args[i]);
            if (operand->code != OP_CONDITION || operand->symbol != condition)
                continue;
            if (op->code != OP_SLICE || (op->start.v[0] < first + count && first < op->start.v[0] + op->type.dims[0]))
                return true;
        }
    }
    return false;
}

/* Where the hyperparameter "lam.drop" is declared. */
static Span hyper_span(const Session *s, const Hyper *hyper)
{
    const Decl *group = condition_symbol(s, hyper->condition)->decl;
    const HyperEntry *entry = group->hypers.first;
    while (strcmp(entry->name.text, hyper->name + strlen(group->name.text) + 1) != 0)
        entry = entry->next;
    return entry->name.span;
}

static void warn_of_unused_hypers(Session *s, const Decl *decl, const Train *train)
{
    for (uint32_t h = 0; h < s->model->hypers.len; h++) {
        const Hyper *hyper = &s->model->hypers.data[h];
        bool read = !find_train_condition(train, hyper->condition);
        for (uint32_t i = 0; i < train->phases.len && !read; i++)
            read = reads_elements(train->phases.data[i].objective, hyper->condition, hyper->offset, type_elements(hyper->shape));
        if (read)
            continue;
        warn(s, WARNING_UNUSED_HYPER, hyper_span(s, hyper), "the train '%s' tunes '%s', but none of its losses reads it",
             decl->name.text, hyper->name);
        add_help(s, "its tuned value means nothing; leave it out, or read it in the loss of 'lower'");
    }
}

static bool reads_examples(const Function *f)
{
    for (Value v = 0; v < f->ops.len; v++)
        if (OP_AT(f, v)->code == OP_EXAMPLE)
            return true;
    return false;
}

static void check(Session *s, const Decl *decl, const Train *train)
{
    warn_of_fixed_response(s, decl, train);
    warn_of_unused_hypers(s, decl, train);
    const Phase *weights = &train->phases.data[0], *upper = &train->phases.data[1];
    const Setting *setting = setting_of(decl, "upper");
    if (train->phases.len == 2 && weights->dataset == upper->dataset && weights->split == upper->split &&
        same_member(weights->member, upper->member) && setting && reads_examples(weights->objective) &&
        reads_examples(upper->objective)) {
        warn(s, WARNING_SAME_SPLIT, setting->span,
             "the hyperparameters are tuned on the examples that the weights are trained on");
        add_help(s, "give 'upper' a split of its own, such as one for validation");
    }
}

const MethodReader reader_bilevel = {.lower = lower, .check_response = report_no_response, .check = check};
