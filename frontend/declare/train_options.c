/* Optimizers and their schedules: adam(1e-3, cosine, clip: 0.25). */
#include "frontend/declare/train_plan.h"

/* ORDER ScheduleKind */
static const Construct schedule_rows[] = {
    ALONE("constant"),
    ALONE("cosine"),
    CALLED("step", "step(every: 60)", {"every", TAKES_NUMBER, AT_LEAST(1), NAN}, {"factor", TAKES_NUMBER, FROM_BELOW(0, 1), 0.1}),
    CALLED("plateau", "plateau(patience: 10)", {"patience", TAKES_NUMBER, AT_LEAST(1), 10},
           {"factor", TAKES_NUMBER, FROM_BELOW(0, 1), 0.1}),
};

/* What all optimizers take comes first, in this order. Defaults are torch's. */
enum { OF_RATE, OF_SCHEDULE, OF_CLIP, OF_ITS_OWN };
#define COMMON(standard_rate)                                                                                                    \
    {"rate", TAKES_CHANGEABLE, ABOVE(0), (standard_rate)}, {"schedule", TAKES_CONSTRUCT, ANY_NUMBER, 0},                         \
        {"clip", TAKES_CHANGEABLE, ABOVE(0), 0}
#define SHARE(label, standard) {label, TAKES_NUMBER, FROM_BELOW(0, 1), (standard)}
#define EPSILON {"eps", TAKES_NUMBER, AT_LEAST(0), 1e-8}

/* ORDER OptimizerKind */
static const Construct optimizer_rows[] = {
    {"sgd", "sgd(1e-3)", {COMMON(1e-3), SHARE("momentum", 0)}, 1},
    {"adam", "adam(1e-3)", {COMMON(1e-3), SHARE("beta1", 0.9), SHARE("beta2", 0.999), EPSILON}, 1},
    {"rmsprop", "rmsprop(1e-2)", {COMMON(1e-2), SHARE("alpha", 0.99), EPSILON}, 1},
};

static bool read_schedule(Session *s, const Expr *expr, RateSchedule *schedule)
{
    Argument arguments[MOST_PARAMETERS];
    int row =
        read_construct(s, expr, (Constructs){schedule_rows, COUNT_OF(schedule_rows), FOREIGN_SCHEDULE}, "a schedule", arguments);
    *schedule = (RateSchedule){row < 0 ? SCHEDULE_CONSTANT : (ScheduleKind)row, arguments[0].number, arguments[1].number};
    return row >= 0;
}

bool read_optimizer(Session *s, const Expr *expr, Optimizer *optimizer)
{
    Argument arguments[MOST_PARAMETERS];
    int row = read_construct(s, expr, (Constructs){optimizer_rows, COUNT_OF(optimizer_rows), FOREIGN_OPTIMIZER}, "an optimizer",
                             arguments);
    if (row < 0)
        return false;
    const Argument *own = arguments + OF_ITS_OWN, *rate = &arguments[OF_RATE], *clip = &arguments[OF_CLIP];
    *optimizer = (Optimizer){.kind = (OptimizerKind)row, .rate = rate->number, .clip = clip->number};
    optimizer->rate_constant = rate->constant ? rate->constant->decl->name.text : NULL;
    optimizer->clip_constant = clip->constant ? clip->constant->decl->name.text : NULL;
    switch (optimizer->kind) {
    case OPTIMIZER_SGD:
        optimizer->momentum = own[0].number;
        break;
    case OPTIMIZER_ADAM:
        optimizer->beta1 = own[0].number;
        optimizer->beta2 = own[1].number;
        optimizer->epsilon = own[2].number;
        break;
    case OPTIMIZER_RMSPROP:
        optimizer->beta2 = own[0].number;
        optimizer->epsilon = own[1].number;
        break;
    }
    const Expr *schedule = arguments[OF_SCHEDULE].expr;
    return !schedule || read_schedule(s, schedule, &optimizer->schedule);
}
