/* Between the files of passes/methods/: the parts from which a method assembles its step functions. */
#ifndef HNC_PASSES_METHODS_H
#define HNC_PASSES_METHODS_H

#include "pareto/pareto.h"
#include "runtime/abi/random_space.h"
#include "passes/passes.h"

/* What centred weights make of a condition that is not where it stands: responses.c. */
typedef enum { RESPONSE_NONE, RESPONSE_FULL, RESPONSE_LINEAR } Response;

/* How a step sees the conditions that its train moves or draws: their values at hand, or samples of them. */
typedef struct View {
    bool sampled;
    unsigned phase;    /* whose noise */
    unsigned sample;   /* of a step that takes several */
    Response response; /* of centred weights */
} View;
#define AT_HAND ((View){0})
#define SAMPLED(phase) ((View){true, (phase), 0, RESPONSE_FULL})

typedef struct Assembly {
    Model *model;
    Module *module;
    Train *train;
    const PassTrace *trace;
    uint32_t seed, step_lower, step_upper; /* counter states; step_upper only where there is an upper phase */
} Assembly;

/* The state of that name, made with this constant as first value unless it is there. */
uint32_t named_state(Module *module, const char *name, Type type, StateRole role, double init);
/* The states every method shares, and the train's own, made on first use. */
Assembly method_assembly(Model *model, Train *train, const PassTrace *trace);
/* Makes the states of the conditions that the train moves or draws. */
void condition_states(Assembly *assembly);
/* The first value of a standing condition, unconstrained, as constants. */
Value first_value(Assembly *assembly, Builder *b, uint32_t condition);
/* A new function of that name holding a copy of a per-example objective, weights in their forms and conditions as seen. */
Function *objective_copy(Assembly *assembly, const char *name, const Function *objective, View view);
/* The same several times over, for the samples 0 to count - 1: the outputs of the first copy, then those of the second, and so
 * on. */
Function *objective_copies(Assembly *assembly, const char *name, const Function *objective, View view, unsigned count);
/* Counts in a state how often something happened, a truth value: the result reports it by the name `what`. */
void count_events(Assembly *assembly, Builder *b, const char *what, Value happened);
/* As reals: the lower steps taken; the i32 input of that name (epoch_steps, total_steps: the runtime gives them). */
Value steps_done(Assembly *assembly, Builder *b);
Value real_input(Builder *b, const char *name);
/* The function's input of that name, made with that type on first use. */
Value named_input(Builder *b, const char *name, Type type);
/* A condition as a view shows it: the argument of an export that stands for it, what its kind makes of it, or its first value. */
Value condition_value(Assembly *assembly, Builder *b, uint32_t condition, View view);
/* build_copy() of a function whose conditions are not resolved, at a value where centred weights have no response. */
Value build_copy_at_hand(Builder *b, const Function *from, Value v, const Value *map);
/* The value of a standing condition from which centred weights measure. */
Value standing_value(Assembly *assembly, Builder *b, uint32_t condition);
/* Whether the function is an export that takes the condition as an argument. */
bool is_argument(const Builder *b, uint32_t condition);
/* `count` values of the condition that are typical of training, as the rows of one tensor. They are drawn when a run begins. */
Value typical_values(Assembly *assembly, Builder *b, uint32_t condition, int64_t count);
/* Appends what `from`, a function of states and conditions, makes at `count` typical values of the conditions: values[i], for its
 * output i, has a leading axis if there are conditions. map[] has the value of each state_read; it has room for every op. */
void build_typical(Assembly *assembly, Builder *b, const Function *from, Value *map, int64_t count, Value *values);
/* Replaces conditions, centred responses and marks by what the view shows (objective_copy does this): responses.c. */
void resolve_conditions(Assembly *assembly, Function *function, View view);
/* Whether an input or an output of that name is carried from one window of a stream to the next. */
bool is_carried(const char *name);
/* Whether the objective carries values from one window of a stream to the next. */
bool carries(const Function *objective);
/* In a batched objective, which is called on the windows of streams in their order: what is carried becomes states
 * "OWNER/carried/NAME" of that role, one row per stream, which are 0 where the runtime sets the input "begins". A function
 * without an owner begins with each call. Outputs of what is carried are gone. */
void carry(Assembly *assembly, Function *function, const char *owner, StateRole role);
/* Factors, batches and merges it; afterwards only clean-up and differentiation are left. */
void objective_batch(Assembly *assembly, Function *function, int64_t batch, bool masked);
/* The same for a copy of what a phase minimises, "TRAIN.PHASE": for its batch or, where that is computed in micro-batches, for one
 * of them (micro_batches.c). What is carried is carried from one batch of the phase to the next. */
Function *phase_copy(Assembly *assembly, const Phase *phase, const Function *objective, View view);
/* Lets a function that is called row by row, or batch by batch, draw other numbers in each call: adds the new input "row.number"
 * (i32[], of the first row), spread over all steps, to the step under which the function draws. Adds no input where nothing is
 * drawn. */
void draw_by_row(Assembly *assembly, Function *function);
/* Expands gradients and cleans up: the last thing done to a step. */
void step_finish(Assembly *assembly, Function *function);

/* The value of state_read of that state in the function; NO_VALUE if it is not read. */
Value find_read(const Function *function, uint32_t state);

/* One state to be trained. */
typedef struct Trained {
    uint32_t state;
    Value current, gradient;
} Trained;
typedef VEC(Trained) TrainedStates;
/* The gradients stay where the condition, a truth value, holds; otherwise they become 0. */
void keep_gradients(Builder *b, Value condition, uint32_t n, Trained *trained);
/* Where the phase's batch is computed in micro-batches, ends the builder's function, which becomes phase->micro_step, and begins
 * the step in its place: it has the same outputs, and current[i] and gradient[i] are values of it. All else that is done with
 * gradients comes behind. */
void micro_batch_end(Assembly *assembly, Phase *phase, Builder *b, uint32_t n, Trained *trained);
/* How the states and the figures of an optimizer are named. */
typedef struct OptimizerNames {
    const char *states;  /* prefixes the optimizer's own states */
    const char *label;   /* ends the names of its figures, "rate.LABEL"; NULL: they need no label */
    bool one_of_several; /* its rate is shown even where it does not change */
} OptimizerNames;
/* Appends clipping, the schedule and the update of each state, the writes, and the figures of the log as outputs. */
void optimizer_append(Assembly *assembly, Builder *b, OptimizerNames names, const Optimizer *optimizer, uint32_t n,
                      Trained *trained);
/* The same for what a phase trains: each state by the optimizer of its part. values[0..n) gets what the states become. */
void optimizers_append(Assembly *assembly, Builder *b, const Phase *phase, uint32_t n, const Trained *trained, Value *values);
/* What the states would become, without a step: nothing is written, and there are no figures. */
void optimizers_try(Assembly *assembly, Builder *b, const Phase *phase, uint32_t n, const Trained *trained, Value *values);
/* Begins the names of inputs that are numbers of optimizers which differ between unrolled steps: each is an entry of the output
 * of its name, which has one for each step. */
#define ENTRY_PREFIX "entry/"
/* The prefix of the states of that optimizer of the phase: number `part`, or NO_PART. */
const char *optimizer_name(Module *module, const Phase *phase, uint32_t part);
/* Ends the step of a phase that trains weights: averages them, counts, finishes the builder's function, which becomes
 * phase->step. */
void weight_phase_end(Assembly *assembly, Phase *phase, Builder *b);

/* ---- averages of weights: average.c ---- */

/* Appends to a step of the phase what the averages of the weights and running statistics become that it writes. */
void average_append(Assembly *assembly, const Phase *phase, Builder *b);
/* The state (i32) that is 1 once the metric has said that averaging begins, and 0 before. */
uint32_t average_begun(Assembly *assembly);
/* After all steps and calls of the train, and before what reads the weights otherwise: from here on a weight's name is that of
 * its average. */
void averages_exchange(Assembly *assembly);

/* ---- metrics of the same rows: metric_groups.c ---- */

/* Per metric the per-example function that computes it: of metrics that read the same rows the same one, which has an output for
 * each of them, Metric.output. For groups_free, which removes those that are not the objective of a metric. */
Function **group_metrics(Assembly *assembly);
void groups_free(Assembly *assembly, Function **together);

/* step <- step + 1 */
void count_step(Builder *b, uint32_t counter);

/* A kind of condition, where a train moves or draws it. One file per row of ir/conditions.def, in passes/conditions/. */
typedef struct ConditionRule {
    void (*states)(Assembly *assembly, TrainCondition *own); /* makes its states; before those of the method */
    Value (*value)(Assembly *assembly, Builder *b, const TrainCondition *own, View view);
    Value (*typical)(Assembly *assembly, Builder *b, uint32_t condition,
                     int64_t count); /* typical_values(); NULL: standard normal */
} ConditionRule;
/* The parts of conditions that are an index (conditions/index.c). */
void index_states(Assembly *assembly, TrainCondition *own);
Value index_value(Assembly *assembly, Builder *b, const TrainCondition *own, View view);
Value index_typical(Assembly *assembly, Builder *b, uint32_t condition, int64_t count);
#define CONDITION(KIND, name, ...) extern const ConditionRule condition_##name;
#include "ir/conditions.def"
#undef CONDITION

/* What a method consists of. One file per row of ir/methods.def. */
typedef struct Method {
    void (*states)(Assembly *assembly);             /* makes its own states; before all steps. NULL: it has none */
    void (*assemble)(Assembly *assembly);           /* makes the steps of its phases, and the procedure */
    bool samples;                                   /* gradients of the first phase are checked at samples of the conditions */
    void (*explain)(const Train *train, Text *out); /* its settings, as lines of `hnc explain`. NULL: it has none */
} Method;
#define METHOD(KIND, name, ...) extern const Method method_##name;
#include "ir/methods.def"
#undef METHOD
const Method *method_of(const Train *train);

/* The functions every method has; each is named after the train. */
void assemble_init(Assembly *assembly);
void assemble_plateau(Assembly *assembly);
void assemble_metrics(Assembly *assembly);
/* Gives an export its weights and the conditions that it does not take; exports_finish() does the rest. */
void assemble_export(Assembly *assembly, Export *export);

/* The acts of a train's procedure, appended in the order of a walk (procedure.c): a repeat, which act_end closes; another act;
 * the repeat that has the train's epochs and patience; a measure as often as the train says and at the end. */
size_t act_repeat(Train *train, Act act);
void act_end(Train *train, size_t repeat);
size_t act_leaf(Train *train, Act act);
size_t act_budget(Train *train);
void act_measure(Train *train);
/* Prints how lower and upper steps take turns. */
void alternation_explain(const Train *train, Text *out);

/* The hyperparameters that the train moves, in natural units, with their sigmas (conditions/hyper.c). */
void assemble_hypers(Assembly *assembly);

/* The step that trains every weight the phase's objective reads. */
void assemble_weight_step(Assembly *assembly, Phase *phase, View view);
/* The same in parts, for methods that add to it: the loss (the function's first output) with its gradients; the optimizers'
 * updates by the gradients as they are now; the end. */
typedef struct WeightStep {
    Function *function;
    Builder b;
    uint32_t n;
    Trained *trained; /* what the loss reads; owned by the step until its end, as is `values` */
    Value *values;    /* what the states become, once they are updated */
} WeightStep;
WeightStep weight_step_begin(Assembly *assembly, Phase *phase, View view);
/* The first part of a batched function that has the loss as its first output. */
WeightStep weight_step_of(Assembly *assembly, Phase *phase, Function *batched);
void weight_step_update(Assembly *assembly, const Phase *phase, WeightStep *step);
void weight_step_end(Assembly *assembly, Phase *phase, WeightStep *step);

/* ---- tasks one after the other: continual.c and protections/ ---- */

/* What keeps a net from forgetting: parts of the step and of the procedure, each NULL where there is none. Trained numbers that
 * tasks share are states; a table of a row per task is none of them. One file per row of ir/protections.def. */
typedef struct Protection {
    void (*begin)(Assembly *assembly, Builder *b, uint32_t n, const uint32_t *shared); /* as a task begins */
    /* `before` adds to the gradients of the loss. `after` sees the gradients of the loss alone, gradients[i] of step->trained[i],
     * and what the states become, step->values. */
    void (*before)(Assembly *assembly, const Phase *phase, WeightStep *step);
    void (*after)(Assembly *assembly, WeightStep *step, const Value *gradients);
    /* With the gradients of one example, for as many of the task's as the argument `examples` says. */
    void (*consolidate)(Assembly *assembly, WeightStep *step);
    void (*end)(Assembly *assembly, Builder *b, uint32_t n, const uint32_t *shared); /* as a task ends */
    bool separate;                                                                   /* each task begins with first values */
} Protection;
#define PROTECTION(KIND, name, ...) extern const Protection protection_##name;
#include "ir/protections.def"
#undef PROTECTION
const Protection *protection_of(const Train *train);
/* The argument of that label, which the row must have (ir/protections.def); whether it has one. */
double protection_argument(const Train *train, const char *label);
bool has_protection_argument(const Train *train, const char *label);
/* Whether the weight's first axis counts the tasks of the train. (The first axis of a table of members counts members: tasks
 * share the table.) */
bool has_row_per_task(const Train *train, const State *state);

/* The state "WHAT/NAME" of the state NAME's type, of role memory, for a whole run. */
uint32_t memory_state(Module *module, const char *what, uint32_t of);
/* The same for one task: as the next one begins, it is 0. */
uint32_t task_memory_state(Module *module, const char *what, uint32_t of);
/* Writes what the state holds to its memory_state(). */
void keep_in_memory(Builder *b, const char *what, uint32_t of);
/* The task at hand, as i32[]. */
Value task_at_hand(Assembly *assembly, Builder *b);
/* Adds strength * sum of importance (theta - anchor)^2 to the gradient of each shared state; importance and anchor are its memory
 * states of these names. */
void pull_to_anchor(Assembly *assembly, WeightStep *step, double strength);

/* ---- several objectives: pareto.c and solvers/ ---- */

/* The objectives at a ray of a step, and the ray. An objective that is not a number in this batch (the mean of no examples) is
 * left out: its loss is 0 and has no gradient. */
typedef struct Objectives {
    Assembly *assembly;
    Builder *b;
    const Pareto *pareto;
    uint32_t m;
    Value raw[PARETO_MOST_OBJECTIVES];     /* scalars, as computed */
    Value loss[PARETO_MOST_OBJECTIVES];    /* the same with 0 for what is undefined */
    Value defined[PARETO_MOST_OBJECTIVES]; /* bool */
    Value ray;                             /* real[m] */
    Value entry[PARETO_MOST_OBJECTIVES];   /* of the ray */
} Objectives;

/* A solver is one of three kinds: it makes one number of the losses, whose gradient is followed; it weighs the losses' gradients
 * by what their Gram matrix says; or it makes one number of the losses at all rays of a step (Pareto.rays_per_step, which is 1
 * for other solvers). *fell_back: a number, 0 unless the solver had no answer of its own. One file per row of ir/solvers.def. */
typedef struct Solver {
    Value (*scalarise)(const Objectives *objectives);         /* a scalar */
    Value (*weigh)(const Objectives *objectives, Value gram); /* real[m + 1]: the weights, and whether it fell back to the ray */
    Value (*scalarise_all)(uint32_t rays, const Objectives *at, Value *fell_back); /* a scalar */
    bool nonnegative; /* it is defined only for losses that are not negative */
    bool all_rays;    /* it reads Pareto.rays_state: all rays of the front */
} Solver;
#define SOLVER(KIND, name, ...) extern const Solver solver_##name;
#include "ir/solvers.def"
#undef SOLVER
const Solver *solver_of(SolverKind kind);

/* Sum of ray_i loss_i. */
Value weighted_sum(const Objectives *objectives);
/* The cosine of the angle between the losses and a direction of m scalars. */
Value cosine_of(const Objectives *objectives, const Value *direction);
/* Entry i of a vector, as a scalar. */
Value entry_of(Builder *b, Value vector, uint32_t i);
/* The largest of n scalars. */
Value largest_of(Builder *b, uint32_t n, const Value *scalars);
/* The scalars as a vector. */
Value build_vector(Builder *b, uint32_t n, const Value *scalars);
/* A solver of pareto/externs.h on the losses, the ray, the Gram matrix and what else it takes. */
Value weigh_by_extern(const Objectives *objectives, Value gram, uint32_t code, uint32_t extras, const Value *extra);

#endif
