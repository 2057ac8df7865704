/* Between the files that read train declarations: train.c (what methods share), methods/, rays.c, indicators.c and true_front.c.
 */
#ifndef HNC_FRONTEND_TRAIN_PLAN_H
#define HNC_FRONTEND_TRAIN_PLAN_H

#include "frontend/conditions/conditions.h"
#include "pareto/pareto.h"

/* Sets of methods. */
enum {
#define METHOD(KIND, ...) IN_##KIND = 1 << METHOD_##KIND,
#include "ir/methods.def"
#undef METHOD
    IN_PLAIN = IN_FIT | IN_SEARCH | IN_REPLAY, /* one net on one objective */
    IN_ALTERNATING = IN_BILEVEL | IN_IMPLICIT,
    IN_TWO_LEVELS = IN_ALTERNATING | IN_UNROLLED,
    IN_ALL = (1 << METHOD_COUNT) - 1,
    MAX_COUNT = 1000000000
};

/* A train being read. */
typedef struct TrainPlan {
    Session *s;
    const Decl *decl;
    Train train;
    int64_t upper_batch;
    int64_t micro_batch, upper_micro_batch; /* 0: the batch is computed at once */
    unsigned method; /* IN_... */
    bool misspelt;   /* a line has a name that is no setting: it may be the one that is missing, which is then no news */
    bool misplaced;  /* a line belongs to another method: so do others then, which are no news */
    uint32_t missing;
    const char *missing_names[8], *missing_examples[8]; /* of settings that the train needs and does not have */
} TrainPlan;

/* The first line of that name, or NULL: in any train; in the train being read. */
const Setting *setting_of(const Decl *train, const char *name);
const Setting *find_setting(const TrainPlan *plan, const char *name);
/* Unless the train has that setting, report_missing will name it, with the example as help. */
void need_setting(TrainPlan *plan, const char *name, const char *example);
/* A setting that the train needs, whose value is one of these constructs (read_construct): the row. -1: an error was reported, or
 * will be. */
int needed_construct(TrainPlan *plan, const char *name, const char *example, Constructs constructs, const char *what,
                     Argument arguments[static MOST_PARAMETERS]);
/* The setting's whole number of at least `low`; false if it is absent or an error was reported. */
bool setting_integer(TrainPlan *plan, const char *name, int64_t low, int64_t *result);
/* Reports a line that does not belong to the method, or has other values than it takes. */
void check_setting(TrainPlan *plan, const Setting *setting);
/* Reports one error for all settings that are missing. */
void report_missing(TrainPlan *plan);
/* batch, epochs, patience, evaluate */
void read_common(TrainPlan *plan);

/* Evaluates what a phase minimises or a metric reports: a real scalar, or poison. */
Val objective_value(Session *s, const Expr *expr);
/* A split of a data set or, of a family, of one of its members. */
typedef struct SplitUse {
    uint32_t dataset, split;
    MemberChoice member;
} SplitUse;
/* Which split the function being built read, or an error. */
bool read_split_of(Session *s, const Expr *expr, SplitUse *use);
/* An error if the phase's batch is larger than its split. */
void check_batch(TrainPlan *plan, const Phase *phase, const Expr *expr);
/* Whether the value differs between examples (random numbers do). */
bool differs_between_examples(const Function *function, Value value);

/* The objective of the line `name`, by an optimizer, as the train's next phase; `upper`: of the problem that tunes the condition.
 */
void lower_phase(TrainPlan *plan, const char *name, bool upper);
/* What running statistics become by the loss just lowered, as further outputs of its function. A train by `continual` keeps them for
 * each task; refused where the train's method has no one net at a time whose statistics they are. */
void lower_updates(TrainPlan *plan, Span span);
/* Of the function just lowered, which reads that split: a step takes the next window of each of its streams, so its batch is as many
 * (0: it is no step), and only such windows have one before, of which something is carried on. */
void check_streams(TrainPlan *plan, SplitUse use, int64_t batch, const Expr *expr);
/* A metric of that name, as the train's next one, unless it has one of that name. */
void lower_metric(TrainPlan *plan, const Expr *expr, const char *name);
/* The metrics of the line `select`, which marks the best checkpoint, and of the line `report`. */
void lower_metrics(TrainPlan *plan, const char *select);

/* What a method's file in frontend/methods/ is made of. */
typedef struct MethodReader {
    void (*lower)(TrainPlan *plan); /* reads the settings, lowers the objectives */
    /* Reports that no weights respond to this condition of the train, if that is an error. NULL: none need to. */
    void (*check_response)(Session *s, const Decl *decl, const Train *train, uint32_t condition);
    /* Warnings of its own on a train that would train something. NULL: none. */
    void (*check)(Session *s, const Decl *decl, const Train *train);
} MethodReader;
const MethodReader *reader_of(const Train *train);

/* An optimizer with its schedule; false after an error (train_options.c). `trains_weights`: of a phase that trains weights, where the
 * method may let conditions stand for numbers of it. */
bool read_optimizer(TrainPlan *plan, const Expr *expr, bool trains_weights, Optimizer *optimizer);
/* The optimizers behind `by` of a line that trains weights; the only one of a line that trains other numbers. False after an
 * error (optimizer_parts.c). */
bool read_phase_optimizers(TrainPlan *plan, const Setting *setting, Phase *phase);
bool read_only_optimizer(TrainPlan *plan, const Setting *setting, Optimizer *optimizer);
/* Reports weights of the phase that no optimizer trains, and optimizers that train nothing. After lowering. */
void check_optimizer_parts(Session *s, const Setting *setting, const Phase *phase);

/* ---- methods with two levels: two_levels.c ---- */

/* every 5 lower, 1 upper after 1 epochs */
void read_alternation(TrainPlan *plan);
/* Whether an op of the function reads elements of the hyperparameter: a slice of its condition, or all of it at once. */
bool reads_hyper(const Function *f, const Op *op, const Hyper *hyper);
/* Warns of each hyperparameter that the train tunes and no loss reads; where both levels learn from the same examples. */
void warn_of_unused_hypers(Session *s, const Decl *decl, const Train *train);
void warn_of_same_split(Session *s, const Decl *decl, const Train *train);

/* ---- average.c ---- */

/* average ema(0.999) | swa(from: 2000, every: 100) | nonmonotonic(window: 5) */
void read_average(TrainPlan *plan);
/* An error where the train averages weights in a way that no running statistic follows. */
void check_average_of_statistic(TrainPlan *plan, const char *statistic);

/* ---- response.c ---- */

/* False, having said so, where the train uses a condition without a first value that it does not draw. */
bool check_drawn(Session *s, const Decl *decl, const Train *train);
/* Whether some weight of the model that is used responds to the condition. */
bool responds(const Model *model, uint32_t condition);
/* Whether a loss of the train depends on the condition: it reads it, or weights that respond to it. */
bool losses_use(const Session *s, const Train *train, uint32_t condition);
/* The method that takes conditions of this kind; NULL: there is none. */
const char *method_taking(ConditionKind kind);
/* Warns of weights that respond to a condition that the train keeps where it is. */
void warn_of_fixed_response(Session *s, const Decl *decl, const Train *train);

/* ---- preferences: rays.c ---- */

/* sample dirichlet(0.2) | dirichlet([0.2, 1, 1]) | uniform | rays | each */
void read_sample_of_rays(TrainPlan *plan);
/* rays 25 | das_dennis(6) | [0.5, 0.5], ...; the default rays where the train names none. */
void read_rays(TrainPlan *plan);

/* ---- indicators.c ---- */

bool is_indicator(const Expr *expr);
/* An entry of `report`: reads an indicator into the train's sweep, and refuses one that judges other results, and a name that
 * nothing has. A metric is left to the method. */
void read_indicator(TrainPlan *plan, const Expr *expr);

/* ---- true_front.c ---- */

/* igd("front.csv"): reads the points of the file, whose name is the string `name`, into the report. */
void read_true_front(TrainPlan *plan, const Expr *name, Report *report);

#endif
