/* Optimizers and their schedules: adam(1e-3, cosine, clip: 0.25). */
#include <math.h>
#include <string.h>

#include "frontend/declare/train_plan.h"

static const Construct schedule_rows[SCHEDULE_COUNT] = {
#define SCHEDULE(KIND, name, watches, shown, ...) CALLED(#name, shown, __VA_ARGS__),
#include "ir/schedules.def"
#undef SCHEDULE
};

/* What all optimizers take comes first, in this order. Defaults are torch's. */
enum { OF_RATE, OF_SCHEDULE, OF_CLIP, OF_CLIP_VALUE, OF_WARMUP, OF_ITS_OWN };
#define COMMON(standard_rate)                                                                                                    \
    {"rate", TAKES_CHANGEABLE, ABOVE(0), (standard_rate)}, {"schedule", TAKES_CONSTRUCT, ANY_NUMBER, 0},                         \
        {"clip", TAKES_CHANGEABLE, ABOVE(0), 0}, {"clip_value", TAKES_NUMBER, ABOVE(0), 0},                                      \
    {                                                                                                                            \
        "warmup", TAKES_NUMBER, AT_LEAST(1), 0                                                                                   \
    }
#define SHARE(label, standard) {label, TAKES_TUNABLE, FROM_BELOW(0, 1), (standard)}
#define EPSILON {"eps", TAKES_NUMBER, AT_LEAST(0), 1e-8}

/* ORDER OptimizerKind, then those that are a kind with another setting. */
enum { ROW_ADAMW = OPTIMIZER_RMSPROP + 1 };
static const Construct optimizer_rows[] = {
    {"sgd", "sgd(1e-3)", {COMMON(1e-3), SHARE("momentum", 0), {"nesterov", TAKES_WHOLE, EITHER("off", "on"), 0}}, 1},
    {"adam", "adam(1e-3)", {COMMON(1e-3), SHARE("beta1", 0.9), SHARE("beta2", 0.999), EPSILON}, 1},
    {"rmsprop", "rmsprop(1e-2)", {COMMON(1e-2), SHARE("alpha", 0.99), EPSILON}, 1},
    {"adamw",
     "adamw(1e-3)",
     {COMMON(1e-3), SHARE("beta1", 0.9), SHARE("beta2", 0.999), EPSILON, {"decay", TAKES_TUNABLE, AT_LEAST(0), 0.01}},
     1},
};

/* The epochs of `multistep([60, 120])`, which increase. */
static bool read_cuts(Session *s, const Expr *expr, RateSchedule *schedule)
{
    if (!expr || expr->kind != EXPR_LIST || expr->args.count < 1 || expr->args.count > MOST_CUTS) {
        if (expr)
            fail(s, expr->span, "multistep takes a list of 1 to %d epochs, as in multistep([60, 120])", MOST_CUTS);
        return false;
    }
    schedule->cuts = expr->args.count;
    if (!read_numbers(s, expr, "an epoch of multistep", (Range)AT_LEAST(1), schedule->cuts, schedule->at))
        return false;
    for (uint32_t i = 1; i < schedule->cuts; i++)
        if (schedule->at[i] <= schedule->at[i - 1]) {
            fail(s, expr->span, "the epochs of multistep must increase");
            return false;
        }
    return true;
}

/* A best response answers to what the loss reads, and no loss reads how its optimizer is set. A minimum is the same, however it was
 * reached. */
static bool refuse_hyper(TrainPlan *plan, const Expr *hyper)
{
    Session *s = plan->s;
    const char *why = plan->method & IN_UNROLLED   ? "only those of the steps of 'lower' are differentiated"
                      : plan->method & IN_IMPLICIT ? "implicit cannot tune it, since the minimum of the loss does not depend on it"
                      : plan->method & IN_BILEVEL  ? "a best response cannot tune it, since no loss reads it"
                                                   : "this train does not tune it";
    fail(s, hyper->span, "'%s' cannot be a setting of %s optimizer: %s", span_text(&s->file->arena, hyper->span),
         plan->method & IN_UNROLLED ? "this" : "an", why);
    if (plan->method & IN_BILEVEL)
        add_help(s, "bilevel tunes only what the losses read (MacKay et al. 2019 say so of optimizer settings)");
    if (!(plan->method & IN_UNROLLED))
        add_help(s, "'unrolled(lam)' tunes it, by the derivative of the steps themselves, and 'search(lam)', by trials");
    add_help(s, "write a number, or a constant: 'const rate = 1e-3', to which 'train --set rate=1e-2' gives another value");
    return false;
}

/* The hyperparameter that the expression names; NULL: it is none, or more than its name. */
static const Hyper *named_hyper(const Session *s, const Expr *expr)
{
    for (uint32_t i = 0; expr->kind == EXPR_MEMBER && i < s->model->hypers.len; i++) {
        const Hyper *hyper = &s->model->hypers.data[i];
        if (strcmp(hyper->name, arena_printf(&s->file->arena, "%s.%s", expr->left->name.text, expr->name.text)) == 0)
            return hyper;
    }
    return NULL;
}

/* What a hyperparameter may be is what the number may be: a rate is above 0. A sum or product with it is not checked. */
static bool check_tuned_range(Session *s, const Expr *expr, const Parameter *parameter)
{
    const Hyper *hyper = named_hyper(s, expr);
    if (!hyper)
        return true;
    bool bounded = hyper_kind_is_bounded(hyper->kind), fine = hyper->kind != HYPER_REAL;
    fine &= (bounded ? hyper->low : 0) >= parameter->range.low && (bounded ? hyper->high : INFINITY) <= parameter->range.high;
    if (fine)
        return true;
    fail(s, expr->span, "'%s' may be a number that '%s' cannot be", hyper->name, parameter->label);
    if (parameter->range.high == INFINITY && parameter->range.low > 0)
        add_help(s, "declare it 'integer(%g, 100)', or 'range(%g, 100)'", parameter->range.low, parameter->range.low);
    else if (parameter->range.high == INFINITY)
        add_help(s, "declare it 'positive', or 'log'");
    else
        add_help(s, "declare it 'rate(%g, %g)'", parameter->range.low, parameter->range.high);
    return false;
}

/* One number, or one for each unrolled step. */
static bool lower_tuned(TrainPlan *plan, const Expr *expr, const Parameter *parameter)
{
    Session *s = plan->s;
    Val value = as_real(s, evaluate(s, expr), expr->span);
    if (is_poison(value) || !check_tuned_range(s, expr, parameter))
        return false;
    Type type = val_type(s, value);
    const Unrolled *unrolled = plan->train.unrolled;
    if (type.rank == 0 || (unrolled && type.rank == 1 && type.dims[0] == unrolled->steps)) {
        build_output(&s->builder, parameter->label, value.ir);
        return true;
    }
    const char *steps = unrolled ? arena_printf(&s->file->arena, ", or one for each of the %lld unrolled steps", (long long)unrolled->steps) : "";
    fail(s, expr->span, "'%s' is one number%s, but this is %s", parameter->label, steps, describe(s, value));
    return false;
}

/* A construct of the table and what a model gives it. */
typedef struct Applied {
    const Construct *construct;
    Argument arguments[MOST_PARAMETERS];
} Applied;

/* What hyperparameters stand for in an optimizer and its schedule, as the outputs of a function. */
static bool read_tuned(TrainPlan *plan, const Applied applied[2], Optimizer *optimizer)
{
    Session *s = plan->s;
    Frame frame = {0};
    bool fine = true, any = false;
    for (int i = 0; i < 2 * MOST_PARAMETERS; i++)
        any |= applied[i / MOST_PARAMETERS].arguments[i % MOST_PARAMETERS].tuned;
    if (!any)
        return true;
    optimizer->tuned = open_function(s, arena_printf(&s->file->arena, "%s.lower.tuned", plan->decl->name.text), &frame, false, false);
    for (int i = 0; i < 2 * MOST_PARAMETERS && fine; i++) {
        const Applied *of = &applied[i / MOST_PARAMETERS];
        const Argument *argument = &of->arguments[i % MOST_PARAMETERS];
        if (argument->tuned)
            fine = lower_tuned(plan, argument->expr, &of->construct->parameters[i % MOST_PARAMETERS]);
    }
    close_function(s);
    return fine;
}

static bool read_schedule(Session *s, const Expr *expr, Applied *applied, RateSchedule *schedule)
{
    int row = read_construct(s, expr, (Constructs){schedule_rows, SCHEDULE_COUNT, FOREIGN_SCHEDULE}, "a schedule", applied->arguments);
    const Argument *own = applied->arguments;
    bool alone = row == SCHEDULE_EXPONENTIAL || row == SCHEDULE_POWER;
    if (row < 0)
        return false;
    applied->construct = &schedule_rows[row];
    *schedule = (RateSchedule){.kind = (ScheduleKind)row, .every = own[0].number, .factor = own[alone ? 0 : 1].number};
    return row != SCHEDULE_MULTISTEP || read_cuts(s, own[0].expr, schedule);
}

/* Trials may choose the numbers of a schedule. Derivatives find a whole schedule, a rate for each step. */
static bool check_scheduled(TrainPlan *plan, const Expr *schedule)
{
    Session *s = plan->s;
    const Expr *hyper = find_hyper_in(s, schedule);
    if (!hyper || !(plan->method & IN_UNROLLED))
        return true;
    fail(s, hyper->span, "'%s' cannot be a number of a schedule here: unrolled tunes the rate of each step itself",
         span_text(&s->file->arena, hyper->span));
    add_help(s, "write 'rate: log(1e-4, 1)[STEPS]', as many as are unrolled, or tune it by 'search(lam)'");
    return false;
}

bool read_optimizer(TrainPlan *plan, const Expr *expr, bool trains_weights, Optimizer *optimizer)
{
    Session *s = plan->s;
    const Expr *hyper = find_hyper_in(s, expr);
    Applied applied[2] = {0};
    Argument *arguments = applied[0].arguments;
    s->tuning = trains_weights && plan->method & (IN_UNROLLED | IN_PLAIN);
    if (hyper && !s->tuning)
        return refuse_hyper(plan, hyper);
    int row = read_construct(s, expr, (Constructs){optimizer_rows, COUNT_OF(optimizer_rows), FOREIGN_OPTIMIZER}, "an optimizer",
                             arguments);
    RateSchedule schedule = {0};
    bool fine = row >= 0 && (!arguments[OF_SCHEDULE].expr || (check_scheduled(plan, arguments[OF_SCHEDULE].expr) &&
                                                              read_schedule(s, arguments[OF_SCHEDULE].expr, &applied[1], &schedule)));
    s->tuning = false;
    if (!fine)
        return false;
    applied[0].construct = &optimizer_rows[row];
    const Argument *own = arguments + OF_ITS_OWN, *rate = &arguments[OF_RATE], *clip = &arguments[OF_CLIP];
    *optimizer = (Optimizer){.kind = row == ROW_ADAMW ? OPTIMIZER_ADAM : (OptimizerKind)row,
                             .rate = rate->number,
                             .clip = clip->number,
                             .clip_value = arguments[OF_CLIP_VALUE].number,
                             .warmup = arguments[OF_WARMUP].number,
                             .schedule = schedule};
    optimizer->rate_constant = rate->constant ? rate->constant->decl->name.text : NULL;
    optimizer->clip_constant = clip->constant ? clip->constant->decl->name.text : NULL;
    switch (optimizer->kind) {
    case OPTIMIZER_SGD:
        optimizer->momentum = own[0].number;
        optimizer->nesterov = own[1].number != 0;
        break;
    case OPTIMIZER_ADAM:
        optimizer->beta1 = own[0].number;
        optimizer->beta2 = own[1].number;
        optimizer->epsilon = own[2].number;
        optimizer->decay = row == ROW_ADAMW ? own[3].number : 0;
        break;
    case OPTIMIZER_RMSPROP:
        optimizer->beta2 = own[0].number;
        optimizer->epsilon = own[1].number;
        break;
    }
    return read_tuned(plan, applied, optimizer);
}
