/* Optimizers and their schedules: adam(1e-3, cosine, clip: 0.25). */
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
#define SHARE(label, standard) {label, TAKES_NUMBER, FROM_BELOW(0, 1), (standard)}
#define EPSILON {"eps", TAKES_NUMBER, AT_LEAST(0), 1e-8}

/* ORDER OptimizerKind, then those that are a kind with another setting. */
enum { ROW_ADAMW = OPTIMIZER_RMSPROP + 1 };
static const Construct optimizer_rows[] = {
    {"sgd", "sgd(1e-3)", {COMMON(1e-3), SHARE("momentum", 0), {"nesterov", TAKES_NUMBER, EITHER("off", "on"), 0}}, 1},
    {"adam", "adam(1e-3)", {COMMON(1e-3), SHARE("beta1", 0.9), SHARE("beta2", 0.999), EPSILON}, 1},
    {"rmsprop", "rmsprop(1e-2)", {COMMON(1e-2), SHARE("alpha", 0.99), EPSILON}, 1},
    {"adamw",
     "adamw(1e-3)",
     {COMMON(1e-3), SHARE("beta1", 0.9), SHARE("beta2", 0.999), EPSILON, {"decay", TAKES_NUMBER, AT_LEAST(0), 0.01}},
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

static bool read_schedule(Session *s, const Expr *expr, RateSchedule *schedule)
{
    Argument arguments[MOST_PARAMETERS];
    int row =
        read_construct(s, expr, (Constructs){schedule_rows, SCHEDULE_COUNT, FOREIGN_SCHEDULE}, "a schedule", arguments);
    *schedule = (RateSchedule){.kind = row < 0 ? SCHEDULE_CONSTANT : (ScheduleKind)row, .every = arguments[0].number,
                               .factor = arguments[row == SCHEDULE_EXPONENTIAL ? 0 : 1].number};
    return row >= 0 && (row != SCHEDULE_MULTISTEP || read_cuts(s, arguments[0].expr, schedule));
}

static bool is_hyper(const Session *s, const Expr *expr)
{
    return expr->kind == EXPR_NAME && find_symbol_of(s->file, expr->name.text, DECL_HYPER);
}

/* A hyperparameter, "lam.rate", or a group of them in the expression; NULL: there is none. */
static const Expr *find_hyper(const Session *s, const Expr *expr)
{
    if (!expr || is_hyper(s, expr) || (expr->kind == EXPR_MEMBER && is_hyper(s, expr->left)))
        return expr;
    bool callee = expr->kind == EXPR_CALL && expr->left->kind == EXPR_NAME;
    const Expr *found = callee ? NULL : find_hyper(s, expr->left);
    for (const Arg *arg = expr->args.first; arg && !found; arg = arg->next)
        found = find_hyper(s, arg->value);
    return found ? found : find_hyper(s, expr->right);
}

/* A best response answers to what the loss reads, and no loss reads how its optimizer is set. */
static bool refuse_hyper(Session *s, const Expr *hyper)
{
    fail(s, hyper->span, "'%s' cannot be a setting of an optimizer: a best response cannot tune it, since no loss reads it",
         span_text(&s->file->arena, hyper->span));
    add_help(s, "bilevel tunes only what the losses read (MacKay et al. 2019 say so of optimizer settings)");
    add_help(s, "write a number, or a constant: 'const rate = 1e-3', to which 'train --set rate=1e-2' gives another value");
    return false;
}

bool read_optimizer(Session *s, const Expr *expr, Optimizer *optimizer)
{
    const Expr *hyper = find_hyper(s, expr);
    if (hyper)
        return refuse_hyper(s, hyper);
    Argument arguments[MOST_PARAMETERS];
    int row = read_construct(s, expr, (Constructs){optimizer_rows, COUNT_OF(optimizer_rows), FOREIGN_OPTIMIZER}, "an optimizer",
                             arguments);
    if (row < 0)
        return false;
    const Argument *own = arguments + OF_ITS_OWN, *rate = &arguments[OF_RATE], *clip = &arguments[OF_CLIP];
    *optimizer = (Optimizer){.kind = row == ROW_ADAMW ? OPTIMIZER_ADAM : (OptimizerKind)row,
                             .rate = rate->number,
                             .clip = clip->number,
                             .clip_value = arguments[OF_CLIP_VALUE].number,
                             .warmup = arguments[OF_WARMUP].number};
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
    const Expr *schedule = arguments[OF_SCHEDULE].expr;
    return !schedule || read_schedule(s, schedule, &optimizer->schedule);
}
