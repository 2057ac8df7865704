/* A whole model: the IR module and what is known about it beside its functions. The frontend fills it, passes/methods turn each
 * `train` into step functions, the manifest tells the runtime (docs/runtime.md). All text and arrays live in module->arena. */
#ifndef HNC_IR_MODEL_H
#define HNC_IR_MODEL_H

#include "ir/ir.h"
#include "runtime/abi/families.h"
#include "runtime/abi/formats.h"
#include "runtime/abi/hyper_kinds.h"
#include "tabular/schema.h"

typedef struct Split {
    const char *name;   /* "train" */
    bool from_test;     /* rows of the test files; otherwise of the main ones */
    int64_t count;      /* rows; 0: `fraction` says how many */
    double fraction;    /* of the rows of its files; 1 with count 0: all of them (the test split) */
    uint32_t own_files; /* so many of the test files, behind those of earlier splits, are the split; 0: it is a part of its kind's
                           rows */
    int64_t streams; /* its rows are so many texts side by side: a step takes one row of each, in order; 0: rows in any order */
} Split;

/* A data set of several members, which have its fields and its splits (runtime/abi/families.def). */
typedef struct Family {
    FamilyKind kind;
    const char *text; /* how the members are made, as written: "permute(mnist, image)"; of members with rows of their own, "" */
    int64_t count;
    int base;       /* Model.datasets: whose rows they are; -1: they have rows of their own */
    int64_t field;  /* of the module, one of the base's: which is permuted, or whose class says of which member a row is; or -1 */
    int64_t number; /* permute: zeros on each side of the last two axes; classes: how many per member */
} Family;

/* Which member of a family something reads. */
typedef struct MemberChoice {
    enum { MEMBER_NONE, MEMBER_NUMBER, MEMBER_OF_CONDITION } kind; /* none: it reads a data set that is no family */
    uint32_t index; /* the member; of the module's conditions: the one whose value at hand, an i32, is the member */
} MemberChoice;
static inline bool same_member(MemberChoice a, MemberChoice b)
{
    return a.kind == b.kind && a.index == b.index;
}

/* How texts become rows (runtime/data/text.c). */
typedef struct TextWindows {
    TextUnit unit;
    int64_t length;            /* tokens of a window */
    const char *end, *unknown; /* tokens: what the end of a line is, what stands for those outside the vocabulary; NULL: none */
} TextWindows;

typedef VEC(const char *) FileNames;

/* Rows [first, first + count) of the tables of a data set: a split, from which computed rows of another data set take examples.
 */
typedef struct TakenSplit {
    uint32_t dataset, split;
    int64_t first, count;
} TakenSplit;

/* Fields of a data set are those of module->fields whose `dataset` is its index, in order. */
typedef struct Dataset {
    const char *name;
    FormatKind format;
    Family *family;       /* NULL: it is one data set */
    FileNames files;      /* how they go with fields: format_traits. Of a family, those of member 0, then of member 1, ... */
    FileNames test_files; /* the same, or none */
    TextWindows *text;    /* FILES_TEXTS: how they are cut; NULL otherwise */
    ResizeKind resize;    /* FILES_FOLDERS: how images come to the size of their field */
    Schema *schema;       /* FILES_COLUMNS: what becomes of the columns; NULL otherwise */
    int64_t rows;         /* FILES_NONE: how many examples, of each member */
    int64_t main_rows, test_rows; /* FILES_COLUMNS: rows of the main and of the test files, as the compiler found them, of all
                                     members. FILES_NONE: rows of the split test, of each member */
    const int64_t *member_rows;   /* FILES_COLUMNS, a family: main rows of each member, then test rows of each; NULL otherwise */
    VEC(Function *)
    makers;                /* per member, what computes the fields of a row, and where there are test rows, of a test row:
                              inputs "row", i32, and "seed", i32[2]. None: files hold the fields, or there are none */
    VEC(TakenSplit) taken; /* by the makers, from data sets of files */
    bool shuffled;         /* main rows are permuted by the seed before the splits take them */
    VEC(Split) splits;     /* main splits take rows in order from the start; never overlapping */
    uint32_t line;
} Dataset;

typedef struct Net {
    const char *name;
    uint32_t line;
} Net;

/* One `weights` declaration in use, or a net without any. What its weights are made of is said by each weight's `value`. */
typedef struct Form {
    const char *target; /* "classifier": the net, or a dotted part of it */
    const char *text;   /* "free * semibinary(dense(masks(r)))", as written */
    const char *note;   /* how nets make them, "27 chunks of 78000 numbers"; NULL: no net adds to what it makes */
    uint32_t line;
} Form;

/* What the outputs of a loss begin with that running statistics become, each the name of its state behind it. */
static const char running_output[] = "running/";
/* That name; NULL: the output is none. */
const char *running_statistic(const char *output);

/* What the inputs and outputs of an objective begin with that are carried from one window of a stream to the next, each the name
 * of the state behind it. */
static const char carried_name[] = "carried/";

/* A hyperparameter in natural units; its kind: runtime/abi/hyper_kinds.def. */
typedef struct Hyper {
    const char *name; /* "lam.drop_in" */
    uint32_t condition;
    int64_t offset; /* first element in the condition's vector; it has type_elements(shape) of them */
    Type shape;
    HyperKind kind;
    double low, high, init; /* natural units */
    bool shared;            /* one draw per batch */
} Hyper;

typedef enum {
#define SCHEDULE(KIND, ...) SCHEDULE_##KIND,
#include "ir/schedules.def"
#undef SCHEDULE
    SCHEDULE_COUNT
} ScheduleKind;
typedef struct ScheduleTraits {
    const char *name; /* as models write it */
    bool watches;     /* it follows the metric that selects the best evaluation */
} ScheduleTraits;
extern const ScheduleTraits schedule_traits[SCHEDULE_COUNT];
enum { MOST_CUTS = 16 };
typedef struct RateSchedule {
    ScheduleKind kind;
    double every;  /* step: epochs between cuts; plateau: evaluations without improvement before one; nonmonotonic: its window */
    double factor; /* of a cut; exponential: of every epoch; power: the exponent */
    double at[MOST_CUTS]; /* multistep: the epochs before which there are cuts, increasing; `cuts` of them */
    uint32_t cuts;
} RateSchedule;

/* Which average of its weights a train hands on. */
typedef enum {
    AVERAGE_NONE, /* the weights themselves */
#define AVERAGE(KIND, ...) AVERAGE_##KIND,
#include "ir/averages.def"
#undef AVERAGE
    AVERAGE_COUNT
} AverageKind;
typedef struct AverageTraits {
    const char *name; /* as models write it; of AVERAGE_NONE "" */
    bool watches;     /* it begins when the metric that selects the best evaluation says so */
} AverageTraits;
extern const AverageTraits average_traits[AVERAGE_COUNT];
typedef struct Average {
    AverageKind kind;
    const char *text;    /* with its arguments; NULL: there is none */
    double decay;        /* ema */
    int64_t from, every; /* swa: steps */
    int64_t window;      /* nonmonotonic: evaluations */
} Average;

typedef enum { OPTIMIZER_SGD, OPTIMIZER_ADAM, OPTIMIZER_RMSPROP } OptimizerKind;
typedef struct Optimizer {
    OptimizerKind kind;
    /* A number for which conditions stand is NAN: see `tuned`. */
    double rate;
    double momentum;     /* sgd */
    bool nesterov;       /* sgd: the gradient is taken as if the momentum had moved the weights */
    double beta1, beta2; /* adam; beta2 is rmsprop's alpha */
    double epsilon;
    double decay;      /* adam, apart from the gradient: the share of each weight, times the rate, that is taken off (AdamW) */
    double clip;       /* global norm of the gradient; 0: none */
    double clip_value; /* of each number of the gradient; 0: none */
    double warmup;     /* steps over which the rate grows from 0 on; 0: none */
    /* The constants of the model file that stand for them, and that a run may change; NULL: there is none. */
    const char *rate_constant, *clip_constant;
    RateSchedule schedule;
    /* Of conditions alone: its outputs are what stands for the numbers that they are named after, such as "rate". One with an
     * axis has an entry for each step that is unrolled. NULL: no condition stands for a number. */
    Function *tuned;
} Optimizer;

extern const char *const condition_names[CONDITION_COUNT];
/* Whether a condition of the kind has a first value. */
extern const bool condition_standing[CONDITION_COUNT];
extern const ConditionDomain condition_domains[CONDITION_COUNT];

/* A condition that a train moves or draws. Every other one keeps its first value. */
typedef struct TrainCondition {
    ConditionKind kind;
    uint32_t condition;
    uint32_t state;       /* its value at hand; set by passes/conditions, as is scale_state */
    uint32_t scale_state; /* where its spread is learned */
} TrainCondition;

typedef enum {
#define METHOD(KIND, ...) METHOD_##KIND,
#include "ir/methods.def"
#undef METHOD
    METHOD_COUNT
} MethodKind;
typedef struct MethodTraits {
    const char *name, *example; /* "bilevel", "bilevel(lam)" */
    unsigned takes;             /* conditions of these kinds, as a set of 1 << ConditionKind; 0: none */
    uint32_t most;
} MethodTraits;
extern const MethodTraits method_traits[METHOD_COUNT];

/* An argument of a construct. A word is its place in the row's range. */
typedef struct NamedNumber {
    const char *label;
    double number;
} NamedNumber;
/* The one of that label, or NULL. */
const NamedNumber *find_number(const NamedNumber *numbers, uint32_t count, const char *label);

typedef enum {
#define SOLVER(KIND, ...) SOLVER_##KIND,
#include "ir/solvers.def"
#undef SOLVER
    SOLVER_COUNT
} SolverKind;
extern const char *const solver_names[SOLVER_COUNT]; /* as models call them */

typedef enum {
#define LINEAR_SOLVER(KIND, ...) LINEAR_SOLVER_##KIND,
#include "ir/linear_solvers.def"
#undef LINEAR_SOLVER
    LINEAR_SOLVER_COUNT
} LinearSolverKind;
enum { MOST_SOLVER_ARGUMENTS = 4, MOST_SOLVER_STEPS = 100000 };
typedef enum { ALTERNATES, AT_ONCE } SolverLoopKind; /* of linear_solvers.def */

/* What a train by `implicit` says: how it solves for the derivative of the upper loss through the weights. */
typedef struct Implicit {
    LinearSolverKind solver;
    SolverLoopKind loop;
    const char *solver_text; /* with its arguments */
    uint32_t argument_count;
    NamedNumber arguments[MOST_SOLVER_ARGUMENTS]; /* numbers and words of the row, given or not */
} Implicit;

typedef enum {
#define UNROLL(KIND, ...) UNROLL_##KIND,
#include "ir/unrolls.def"
#undef UNROLL
    UNROLL_COUNT
} UnrollKind;
enum { MOST_UNROLLED_STEPS = 100000, MOST_TUNED = 8 }; /* MOST_TUNED: numbers of one optimizer */

/* What a train by `unrolled` says: through how many steps of the lower loss it differentiates, and how. */
typedef struct Unrolled {
    UnrollKind kind;
    const char *text; /* with its arguments */
    int64_t steps;
    int64_t segment; /* reverse: so many steps are computed again from the weights they began with; 0: what they made is kept */
    bool restart;    /* the weights begin anew before each step of the hyperparameters */
} Unrolled;

/* What a train by `search` says: what it tries, and which trials it ends early. */
typedef struct Search {
    ProposalKind kind;
    const char *text; /* with its arguments */
    int64_t trials, initial;
    int64_t values; /* grid: of each number */
    PrunerKind pruner;
    const char *pruner_text;
    int64_t pruner_arguments[2]; /* in the order of the row */
} Search;

/* What a train by `pareto` says: how a preference (a ray, entries >= 0 with sum 1) is drawn for each batch, and which direction
 * the solver takes for it. How the front is judged is a Sweep. */
typedef struct Pareto {
    uint32_t m;                    /* objectives */
    const char *const *objectives; /* as written */
    SolverKind solver;
    const char *solver_text;     /* with its arguments */
    double strength;             /* smooth_tchebycheff: mu; cosmos, hvi: lambda; pmtl: epochs of its first phase */
    uint32_t rays_per_step;      /* each with weights of its own: hvi; 1 otherwise */
    bool each;                   /* one net per point of the sweep, instead of one for all */
    bool fixed;                  /* rays are drawn from the points of the sweep */
    const double *concentration; /* m numbers: of the Dirichlet distribution of rays */
    const double *reference;     /* m numbers, of the hypervolume that the solver lets grow: hvi */
    uint32_t rays_state;         /* set by the method: all rays, where a step reads them */
} Pareto;

/* One indicator of a sweep's report (indicators/indicators.def). */
typedef struct Report {
    bool reported;
    const double *numbers; /* [rows][outputs]: its argument */
    uint32_t rows;
    const char *file; /* the file of its numbers, as written; NULL: none */
} Report;

/* A metric of several outputs that is measured at each of some points of a condition, as are all other metrics of the train. The
 * frontend says which points and which indicators, the method which states they are written to. */
typedef struct Sweep {
    uint32_t condition;
    const char *name, *title;             /* "front", "Pareto front" */
    const char *point_word, *output_word; /* "ray", "objective" */
    const char *on;                       /* the split, as written */
    const char *solver;                   /* what steers the results to their points; NULL: nothing */
    uint32_t metric;                      /* which of the train's metrics */
    uint32_t outputs;
    const char *const *names; /* of the outputs */
    uint32_t count, width;
    const double *points; /* [count][width] */
    Report reports[INDICATOR_COUNT];
    SweepKind kind;
    uint64_t larger;        /* metrics, as a set, of which more is better */
    uint64_t pointless;     /* the same: which are the same at all points */
    int state;              /* set by the method: the point at hand */
    int all, memory, first; /* the same: SweepInfo of runtime/abi/manifest.def; -1: no such state */
} Sweep;

typedef enum {
#define PROTECTION(KIND, ...) PROTECTION_##KIND,
#include "ir/protections.def"
#undef PROTECTION
    PROTECTION_COUNT
} ProtectionKind;

enum { MOST_PROTECTION_ARGUMENTS = 10 };

/* What a train by `continual` says: tasks are learned one after the other, and earlier ones are protected. */
typedef struct Continual {
    uint32_t condition; /* the task */
    uint32_t tasks;
    ProtectionKind protection;
    const char *protection_text; /* with its arguments, as written */
    const char *protection_full; /* the same with all arguments, given or not */
    Function *outputs;           /* of one example, what a net makes of it: its only output. NULL: the row takes none */
    uint32_t argument_count;     /* numbers and words of the row, given or not */
    NamedNumber arguments[MOST_PROTECTION_ARGUMENTS];
} Continual;

enum { MOST_OPTIMIZED_PARTS = 8 }; /* of the weights, with an optimizer each */

/* What trains the weights of a net, or of a part of one. */
typedef struct PartOptimizer {
    const char *part; /* "classifier.linear1" */
    Optimizer optimizer;
} PartOptimizer;

typedef struct Phase {
    const char *name;    /* "lower", "upper"; "minimise" for fit */
    Function *objective; /* per example, output "loss"; of pareto one per objective. NULL: the method has added the phase */
    uint32_t dataset, split;
    MemberChoice member;
    bool all_members;         /* each step reads a batch of every member that the condition may be; set by the method */
    int64_t batch;            /* examples per step, of a member */
    int64_t micro_batch;      /* how many of them are computed at a time; it divides the batch. 0: all */
    Optimizer optimizer;      /* of what is in none of the parts */
    bool parts_only;          /* there is no such optimizer */
    VEC(PartOptimizer) parts; /* of the most specific part a state takes its optimizer */
    Function *step;           /* set by the method; NULL: the phase takes no steps, the one before reads its batches */
    int64_t batches;          /* that a step reads, one behind the other; 0: one; set by the method */
    bool reads_next;          /* a step reads a batch of the next phase, too, by its input "index.next"; set by the method */
    Function *micro_step; /* what computes a micro-batch, before the step; NULL: the step computes the batch; set by the method */
    bool upper;           /* it moves conditions, by a counter of steps of its own; otherwise it trains weights */
    int64_t rehearsed;    /* examples of each earlier task that its steps read, too; set by the method */
    bool responds;        /* it trains the responses of weights, and nothing else (State.responds); set by the method */
    bool consolidates;    /* it takes no step of the loss: it measures what earlier tasks need; set by the method */
    const char *nonnegative; /* what is not defined for negative outputs after the loss; NULL: nothing; set by the method */
    uint32_t line;
} Phase;

/* Optimizer k of a phase: 0 is that of what is in none of its parts, k that of part k - 1; k is at most the number of parts. */
static inline const Optimizer *phase_optimizer(const Phase *phase, uint32_t k)
{
    return k == 0 ? &phase->optimizer : &phase->parts.data[k - 1].optimizer;
}

enum { MOST_PASSES = 8 }; /* of a metric over the data */

typedef struct Metric {
    const char *name;    /* as written: "err(fashion.test)" */
    Function *objective; /* per example, not training, output "value"; of pareto one output per objective */
    int dataset;         /* -1: it reads no data, and is evaluated as of one example */
    uint32_t split;
    MemberChoice member;
    uint32_t passes;                   /* over the data: one more than reductions across the data lie inside each other */
    Function *accumulate[MOST_PASSES]; /* of a pass: inputs index, mask; set by the method, as is finish */
    Function *finish;                  /* outputs: the metrics that are computed together */
    uint32_t output;                   /* of finish: which one is this metric; of pareto's front: the first one */
} Metric;

/* One act of a train's procedure (runtime/abi/acts.def). It is due by the rounds of its parent, a repeat. */
typedef struct Act {
    ActKind kind;
    uint32_t size;  /* acts: of a repeat itself and all below it; otherwise 1 */
    int64_t rounds; /* repeat: how many rounds, or epochs of the first phase */
    bool in_epochs;
    bool budget;      /* repeat: its rounds are the length of the train; --epochs and --steps change them */
    int64_t patience; /* repeat: measures without improvement that end it; 0: none do */
    double every;     /* due once per so many rounds, or epochs */
    bool every_in_epochs;
    double after;       /* epochs before it is due */
    bool last;          /* due in the last round, too */
    bool once;          /* due in the first round alone */
    uint32_t phase;     /* step: of which phase */
    Function *function; /* call: of no inputs */
    uint32_t state;     /* set: which state becomes row number ROUND of the table */
    const double *table;
    uint32_t rows;
    Lifetime lifetime; /* reset: of which states, and all of shorter ones */
} Act;

typedef struct Train {
    const char *name;
    MethodKind method;
    VEC(TrainCondition) conditions; /* that the method takes, as it names them */
    Implicit *implicit;             /* NULL for other methods */
    Unrolled *unrolled;             /* the same */
    Search *search;                 /* the same */
    Pareto *pareto;                 /* the same */
    Continual *continual;           /* the same */
    Sweep *sweep;                   /* NULL: none */
    int64_t schedule;               /* replay: the state of the schedule that it follows, set by the method */
    VEC(Phase)
    phases; /* bilevel, unrolled: lower, upper; implicit: these, and the method adds `solve`, bilevel with
               centred weights `response`; fit: one */
    VEC(Metric) metrics;
    int select;    /* the metric whose least value marks the best checkpoint: bilevel's upper objective on its whole split, fit's
                      `validate`; -1: none, the last is the best */
    int64_t batch; /* of the first phase */
    bool shuffles_batches; /* an epoch shuffles batches of examples that lie side by side, not examples */
    int64_t epochs;
    int64_t steps;   /* instead of epochs; 0: epochs count */
    double evaluate; /* epochs between evaluations, or steps */
    bool evaluate_in_steps;
    int64_t patience; /* evaluations without improvement of `select`; 0: none */
    double seconds;   /* of training, after which it ends; 0: no limit */
    double warmup;    /* epochs of lower steps before the first upper one */
    int64_t every_lower, every_upper;
    double sigma; /* first scale of the conditions' perturbation */
    bool sigma_learned, everywhere;
    double entropy; /* weight of the entropy of p(condition | sigma) */
    Optimizer sigma_optimizer;
    bool response_learned_apart; /* centred responses have an optimizer of their own, not that of the lower phase */
    Optimizer response_optimizer;
    Average average;
    VEC(Act) acts;                     /* what a run does, in the order of a walk: set by the method */
    VEC(uint32_t) events;              /* states that count what a result should tell: set by the method */
    Function *init, *hypers, *plateau; /* set by the method; hypers and plateau may be NULL */
    uint32_t line;
} Train;

/* An argument of an export: a condition, or a field of the example. */
typedef struct ExportArgument {
    const char *name;
    Type type;     /* of one example */
    int condition; /* -1: it is none */
} ExportArgument;

/* A function that the outside world may call. As the frontend leaves it, `function` computes one example, and its inputs are the
 * arguments. exports_finish() splits it: `generate` has the conditions among the arguments as inputs, and leaves the weights at
 * their values, and whatever else depends on no example, in states; `function` reads them, and computes `rows` examples at a
 * time. */
typedef struct Export {
    const char *name;
    Function *function;
    int labels; /* the field whose classes the result is one of, or has an element for each of; -1: it is neither */
    const ExportArgument *arguments;
    uint32_t argument_count;
    int dataset;        /* whose fields the arguments are that are no conditions; -1: there are none, or no data set has them */
    int member;         /* the condition that says of which member of this data set; -1: none */
    Type result;        /* of one example */
    uint64_t spanned;   /* conditions over all of whose values some part of it runs, as a set */
    Function *generate; /* NULL: there is nothing to generate */
    int64_t rows;       /* 0: one example, without an axis */
} Export;

/* A constant of the model file. A run may change it if the state constant_state() holds it. */
typedef struct Constant {
    const char *name;
    double number;
    bool positive; /* it is a setting of an optimizer */
} Constant;
/* "const/rate" */
const char *constant_state(Arena *arena, const char *name);

typedef struct Model {
    Module *module;
    const char *name;   /* of the file, without folder and .hn */
    const char *digest; /* model_digest(); NULL: not made */
    VEC(Dataset) datasets;
    VEC(Net) nets;
    VEC(Form) forms;
    VEC(Hyper) hypers;
    VEC(Constant) constants;
    VEC(Train) trains;
    VEC(Export) exports;
} Model;

bool export_takes(const Export *export, uint32_t condition); /* whether the condition is one of its arguments */
/* The field of the data set that has the argument's name and type; NULL: it has none. *position: which of its fields. */
const Field *field_of_argument(const Model *model, uint32_t dataset, const ExportArgument *argument, uint32_t *position);
/* Sets the export's `dataset` and `member`: of several that have such fields, the data set that a phase of a train reads, and a
 * family of members made of another data set last. */
void find_examples(const Model *model, Export *export);

/* The index behind the name of a data set: "[3]", "[t]", or "" where there is none. */
const char *member_text(const Module *module, MemberChoice member, Arena *arena);
/* The condition's entry among those that the train moves or draws; NULL: it is none of them. */
TrainCondition *find_train_condition(const Train *train, uint32_t condition);
/* The state that holds the value of such a condition. */
uint32_t condition_state(const Train *train, uint32_t condition);
/* The conditions that the train moves or draws: bit c for condition c. */
uint64_t train_conditions(const Train *train);

/* Whether a phase of the train moves conditions; it is then the second one. */
bool has_upper_phase(const Train *train);

/* The natural value of a hyperparameter as IR: `raw` (a slice of its condition, of shape `shape`, or with a leading batch axis)
 * squashed elementwise. integer's floor has no derivative, so gradients reach it only through the response. */
Value build_natural(Builder *b, const Hyper *hyper, Value raw);
/* The unconstrained number whose natural value is `natural` (inside the range). */
double hyper_raw(const Hyper *hyper, double natural);

/* How many passes over the data the function's outputs need: one more than reductions across the data lie inside each other.
 * levels (NULL: not wanted) gets for every value how many passes it waits for. */
uint32_t passes_over_data(const Function *function, uint32_t *levels);

/* What stands for the optimizer of no part. */
enum { NO_PART = UINT32_MAX };
/* Which of the phase's parts a trained state of that name belongs to. */
uint32_t part_of_state(const Phase *phase, const char *state);

/* Fills in the sources of every weight. */
void find_sources(Module *module);
/* Whether some numbers make only responses to a condition (State.responds). */
bool has_responses(const Module *module);
/* What the function's values depend on; after find_sources. */
Sources sources_of(const Module *module, const Function *function);
/* What one op of a function adds to these conditions: a weight at given values of some conditions depends on the others. */
uint64_t conditions_of_op(const Module *module, const Op *op);
/* The conditions that each value of the function depends on, at any remove, as sets; for support_free(). */
uint64_t *conditions_of_values(const Module *module, const Function *function);
/* Takes from every `param` the values of conditions that its weight does not depend on. After find_sources. */
void drop_needless_values(Module *module);
/* The function that makes a weight; NULL: a state holds its numbers. */
Function *weight_value_function(const Module *module, uint32_t weight);

/* Sixteen hexadecimal digits that differ where a run of the model, as the frontend left it, would train something else: other
 * losses, weights, settings, splits or another measure of the best. What is only reported and how long a run is do not count. In
 * the module's arena. */
const char *model_digest(const Model *model);

/* Frees the module and the lists. *model itself is the caller's, or lies in the module's arena. */
void model_free(Model *model);

#endif
