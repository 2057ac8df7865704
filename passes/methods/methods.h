/* Between the files of passes/methods/: the parts from which a method assembles its step functions. */
#ifndef HNC_PASSES_METHODS_H
#define HNC_PASSES_METHODS_H

#include "pareto/pareto.h"
#include "runtime/abi/random_space.h"
#include "passes/passes.h"

/* Of RANDOM_STREAM_CONDITION: each phase's draws of its condition. */
enum { STREAMS_PER_PHASE = 4 };

/* How a step sees the condition. */
typedef enum {
    CONDITION_CURRENT,   /* its current value */
    CONDITION_PERTURBED, /* value + sigma * noise, one draw an example, or one a batch for `shared` hyperparameters */
    CONDITION_DRAWN,     /* of a preference: a ray that is drawn for this step */
} ConditionView;

typedef struct Assembly {
    Model *model;
    Module *module;
    Train *train;
    const PassTrace *trace;
    uint32_t seed, step_lower, step_upper; /* counter states; step_upper only where there is an upper phase */
    uint32_t hyper_state, scale_state;     /* of the condition; scale_state only where sigma is learned */
} Assembly;

/* The state of that name, made with this constant as first value unless it is there. */
uint32_t named_state(Module *module, const char *name, Type type, StateRole role, double init);
/* The states every method shares, and the train's own, made on first use. */
Assembly method_assembly(Model *model, Train *train, const PassTrace *trace);
/* The unconstrained start of a condition, as constants. */
Value initial_condition(Assembly *assembly, Builder *b, uint32_t condition);
/* A new function of that name holding a copy of a per-example objective, weights in their forms and conditions as seen. `draw`
 * says whose draw of a perturbed or drawn condition it is: a phase's, or a number of the rays of a step. */
Function *objective_copy(Assembly *assembly, const char *name, const Function *objective, ConditionView view, unsigned draw);
/* The same several times over, for the draws 0 to count - 1: the outputs of the first copy, then those of the second, and so on.
 */
Function *objective_copies(Assembly *assembly, const char *name, const Function *objective, ConditionView view, unsigned count);
/* Lower steps taken, and an i32 input of that name (epoch_steps, total_steps: the runtime gives them), as reals. */
Value steps_done(Assembly *assembly, Builder *b);
Value real_input(Builder *b, const char *name);
/* A condition as a view of it. */
Value condition_value(Assembly *assembly, Builder *b, uint32_t condition, ConditionView view, unsigned draw);
/* Replaces each `condition` by the view of it (objective_copy does this). */
void resolve_conditions(Assembly *assembly, Function *function, ConditionView view, unsigned draw);
/* Factors, batches and merges it; afterwards only clean-up and differentiation are left. */
void objective_batch(Assembly *assembly, Function *function, int64_t batch, bool masked);
/* A function that is called for one row, or one batch of rows, after another draws numbers of its own each time: the step under
 * which it draws gets the input "row.number" (i32[], of the first row) added, spread over all steps. No input is added where
 * nothing is drawn. */
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
/* Appends clipping, the schedule and the update of each state, and the writes. `name` prefixes the optimizer's own states. */
void optimizer_append(Assembly *assembly, Builder *b, const char *name, const Optimizer *optimizer, uint32_t n, Trained *trained);
/* step <- step + 1 */
void count_step(Builder *b, uint32_t counter);

/* A method is this. One file for each row of ir/methods.def. */
typedef struct Method {
    void (*states)(Assembly *assembly);   /* makes its own states; before all else. NULL: it has none */
    void (*assemble)(Assembly *assembly); /* makes the steps of its phases, and the procedure */
    /* What a step, an evaluation or an export sees of the train's condition. NULL: its first value. */
    Value (*condition)(Assembly *assembly, Builder *b, ConditionView view, unsigned draw);
    bool perturbs;                                  /* the first phase sees the condition perturbed */
    void (*explain)(const Train *train, Text *out); /* its settings, as lines of `hnc explain`. NULL: it has none */
} Method;
#define METHOD(KIND, name, ...) extern const Method method_##name;
#include "ir/methods.def"
#undef METHOD
const Method *method_of(const Train *train);

/* The functions every method has; each is named after the train. */
void assemble_init(Assembly *assembly);
void assemble_hypers(Assembly *assembly);
void assemble_plateau(Assembly *assembly);
bool assemble_metrics(Assembly *assembly, char why[static 256]);

/* The acts of a train's procedure, appended in the order of a walk (procedure.c): a repeat, which act_end closes; another act;
 * the repeat that the train's epochs and patience are of; a measure as often as the train says and at the end. */
size_t act_repeat(Train *train, Act act);
void act_end(Train *train, size_t repeat);
size_t act_leaf(Train *train, Act act);
size_t act_budget(Train *train);
void act_measure(Train *train);

/* The step that trains every weight the phase's objective reads. */
void assemble_weight_step(Assembly *assembly, Phase *phase, ConditionView view);

/* ---- several objectives: pareto.c and solvers/ ---- */

/* The objectives at a ray of a step and that preference over them. An objective that is not a number in this batch (the mean of
 * no examples) is left out: its loss is 0 and has no gradient. */
typedef struct Objectives {
    Assembly *assembly;
    Builder *b;
    const Pareto *pareto;
    uint32_t m;
    Value raw[PARETO_MOST_OBJECTIVES];     /* scalars, as computed */
    Value loss[PARETO_MOST_OBJECTIVES];    /* the same with 0 for what is undefined */
    Value defined[PARETO_MOST_OBJECTIVES]; /* bool */
    Value ray;                             /* real[m] */
    Value entry[PARETO_MOST_OBJECTIVES];   /* its entries */
} Objectives;

/* A solver is one of three kinds: it makes one number of the losses, whose gradient is followed; it weighs the losses' gradients
 * by what their Gram matrix says; or it makes one number of the losses at all rays of a step (Pareto.rays_per_step, which is 1
 * for the others). *fell_back: a number, 0 unless the solver had no answer of its own. One file for each row of ir/solvers.def.
 */
typedef struct Solver {
    Value (*scalarise)(const Objectives *objectives);         /* a scalar */
    Value (*weigh)(const Objectives *objectives, Value gram); /* real[m + 1]: the weights, and whether it fell back to the ray */
    Value (*scalarise_all)(uint32_t rays, const Objectives *at, Value *fell_back); /* a scalar */
    bool nonnegative; /* it is defined for losses that are not negative */
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
