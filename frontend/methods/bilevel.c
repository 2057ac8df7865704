/* Trains by bilevel: hyperparameters that a lower phase samples and an upper phase tunes. */
#include <math.h>
#include <string.h>

#include "frontend/declare/train_plan.h"
#include "frontend/lower/form_use.h"

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

/* response by OPTIMIZER */
static void read_response(TrainPlan *plan)
{
    Session *s = plan->s;
    const Setting *response = find_setting(plan, "response"), *everywhere = find_setting(plan, "everywhere");
    bool centred = has_centred_responses(s);
    if (everywhere && centred) {
        fail(s, everywhere->span,
             "'everywhere' samples around the first values, and delta_stn responds to how far a sample is from the "
             "values at hand");
        add_help(s, "stn responds to values that are sampled everywhere");
    }
    if (!response)
        return;
    if (!centred) {
        fail(s, response->span, "no weights have a response that is trained apart");
        add_help(s, "those of delta_stn have one, as in 'weights NET = delta_stn(lam)'");
    } else if (!response->by.count) {
        fail(s, response->span, "'response' takes an optimizer, as in 'response by adam(1e-3)'");
    } else {
        plan->train.response_learned_apart = read_only_optimizer(plan, response, &plan->train.response_optimizer);
    }
}

static void lower(TrainPlan *plan)
{
    read_common(plan);
    read_sample(plan);
    read_sampling_options(plan);
    read_response(plan);
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

/* The first weight that depends on a condition of the train itself, not on how far it is from where it stands; NULL: none. */
static const char *other_response(const Module *module, const Train *train)
{
    for (uint32_t i = 0; i < module->weights.len; i++) {
        const Function *value = weight_value_function(module, i);
        for (Value v = 0; value && v < value->ops.len; v++)
            if (OP_AT(value, v)->code == OP_CONDITION && find_train_condition(train, OP_AT(value, v)->symbol))
                return module->weights.data[i].name;
    }
    return NULL;
}

/* The lower step of centred weights draws no samples, without which other forms learn no response. */
static void check_forms_agree(Session *s, const Decl *decl, const Train *train)
{
    const char *other = has_responses(s->module) ? other_response(s->module, train) : NULL;
    if (!other)
        return;
    fail(s, decl->value->span,
         "some weights respond by delta_stn, whose lower step draws no samples, and '%s' responds in another way, which needs "
         "them",
         other);
    add_help(s, "give them one form, as in 'weights NET = delta_stn(%s)', or no response, as in 'free'",
             s->module->conditions.data[train->conditions.data[0].condition].name);
}

static void check(Session *s, const Decl *decl, const Train *train)
{
    check_forms_agree(s, decl, train);
    warn_of_fixed_response(s, decl, train);
    warn_of_unused_hypers(s, decl, train);
    warn_of_same_split(s, decl, train);
}

const MethodReader reader_bilevel = {.lower = lower, .check_response = report_no_response, .check = check};
