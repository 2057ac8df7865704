/* Bilevel optimisation by implicit differentiation (docs/methods.md). At a minimum w(lambda) of the lower loss f its derivative
 * is 0 for every lambda, so that of the upper loss F through w is
 *
 *     dF/dlambda = partial F / partial lambda - v . partial^2 f / partial w partial lambda,    H v = partial F / partial w,
 *
 * where H is the second derivative of f with respect to w (J. Larsen et al. 1996; Lorraine, Vicol and Duvenaud 2020). Three
 * phases: steps of the lower loss; `upper`, which leaves the derivatives of F in states; `solve`, which finds v on a batch of the
 * lower loss and moves lambda. */

#include "passes/methods/linear_solvers/linear_system.h"

enum { LOWER, UPPER, SOLVE };

/* ---- upper ---- */

static void assemble_upper(Assembly *assembly, Phase *phase)
{
    Module *module = assembly->module;
    Function *function = phase_copy(assembly, phase, phase->objective, AT_HAND);
    Builder b = {.module = module, .function = function, .line = phase->line};
    Value loss = function->outputs.data[0].value;
    TrainedStates trained = {0};
    uint32_t count = module->states.len;
    for (uint32_t state = 0; state < count; state++) {
        StateRole role = module->states.data[state].role;
        Value read = role == STATE_WEIGHT || role == STATE_HYPER ? find_read(function, state) : NO_VALUE;
        if (read != NO_VALUE)
            vec_push(&trained, (Trained){state, read, build_grad(&b, loss, read)});
    }
    micro_batch_end(assembly, phase, &b, trained.len, trained.data);
    for (uint32_t i = 0; i < trained.len; i++)
        build_write(&b, memory_state(assembly->module, "upper/derivative", trained.data[i].state), trained.data[i].gradient);
    vec_free(&trained);
    count_step(&b, assembly->step_upper);
    step_finish(assembly, b.function);
    phase->step = b.function;
}

/* ---- solve ---- */

typedef VEC(uint32_t) StateList;

/* The weights that the function reads. */
static StateList weights_read(const Module *module, const Function *function)
{
    StateList states = {0};
    for (uint32_t state = 0; state < module->states.len; state++)
        if (module->states.data[state].role == STATE_WEIGHT && find_read(function, state) != NO_VALUE)
            vec_push(&states, state);
    return states;
}

/* Counts a solution that is not within the tolerance. One that is no number is replaced by v = 0, whose residual is 1, so that
 * only the direct part of the derivative is left. */
static void accept(LinearSystem *s, Solution solution, Value *v)
{
    Builder *b = s->b;
    if (solution.steps != NO_VALUE)
        build_output(b, "iterations", solution.steps);
    if (solution.residual == NO_VALUE)
        return;
    Type type = value_type(b, solution.residual);
    Value tolerance = build_const(b, type, solver_argument(s->assembly->train, "tolerance"));
    Value solved = build_binary(b, OP_LE, solution.residual, tolerance);
    count_events(s->assembly, b, "unsolved", build_unary(b, OP_NOT, solved));
    Value finite = build_binary(b, OP_LE, solution.residual, build_most(b, type));
    build_output(b, "residual", build_select(b, finite, solution.residual, build_const(b, type, 1)));
    Value *none = support_malloc((s->n + 1) * sizeof *none);
    for (uint32_t i = 0; i < s->n; i++)
        none[i] = build_const(b, value_type(b, v[i]), 0);
    system_choose(s, finite, v, none, v);
    support_free(none);
}

/* v of the system, for the derivative of the upper loss, as constants for what is differentiated behind it; AT_ONCE, v as it was
 * before. */
static void solve_system(Assembly *assembly, Builder *b, const StateList *weights, Value *v)
{
    const Train *train = assembly->train;
    uint32_t n = weights->len;
    bool at_once = train->implicit->loop == AT_ONCE;
    bool warm = at_once || (has_solver_argument(train, "start") && solver_argument(train, "start") == 1);
    Value *right = support_malloc((n + 1) * sizeof *right), *start = support_malloc((n + 1) * sizeof *start);
    LinearSystem system;
    system_begin(&system, assembly, b, n, weights->data);
    for (uint32_t i = 0; i < n; i++) {
        right[i] = build_read(b, memory_state(assembly->module, "upper/derivative", weights->data[i]));
        if (warm)
            start[i] = build_read(b, memory_state(assembly->module, "solve/solution", weights->data[i]));
    }
    system.right = right;
    system.start = warm ? start : NULL;
    accept(&system, linear_solver_of(train)->solve(&system, v), v);
    for (uint32_t i = 0; i < n; i++) {
        if (warm)
            build_write(b, memory_state(assembly->module, "solve/solution", weights->data[i]), v[i]);
        v[i] = build_unary(b, OP_STOP, at_once ? start[i] : v[i]);
    }
    system_end(&system);
    support_free(right);
    support_free(start);
}

/* v . partial f / partial w: the derivative of the lower loss along v. */
static Value loss_along(Builder *b, const StateList *weights, const Value *v)
{
    Value *reads = support_malloc((weights->len + 1) * sizeof *reads);
    for (uint32_t i = 0; i < weights->len; i++)
        reads[i] = find_read(b->function, weights->data[i]);
    Value along = build_tangent(b, b->function->outputs.data[0].value, weights->len, reads, v);
    support_free(reads);
    return along;
}

/* On a batch of the lower loss, which is the first output of the function: finds v and moves the hyperparameters. */
static void move_hypers(Assembly *assembly, Builder *b, const Phase *upper)
{
    const Train *train = assembly->train;
    StateList weights = weights_read(b->module, b->function);
    Value *v = support_malloc((weights.len + 1) * sizeof *v);
    solve_system(assembly, b, &weights, v);
    Value along = loss_along(b, &weights, v);
    TrainedStates trained = {0};
    for (uint32_t i = 0; i < train->conditions.len; i++) {
        uint32_t state = train->conditions.data[i].state;
        Value read = find_read(b->function, state),
              direct = build_read(b, memory_state(assembly->module, "upper/derivative", state));
        if (read != NO_VALUE)
            direct = build_binary(b, OP_SUB, direct, build_grad(b, along, read));
        vec_push(&trained, (Trained){state, read != NO_VALUE ? read : build_read(b, state), direct});
    }
    optimizer_append(assembly, b, (OptimizerNames){upper->name, NULL, false}, &upper->optimizer, trained.len, trained.data);
    vec_free(&trained);
    vec_free(&weights);
    support_free(v);
}

/* The function of the phase with a batch of the lower loss. */
static Function *lower_batch(Assembly *assembly, const Phase *phase)
{
    return phase_copy(assembly, phase, assembly->train->phases.data[LOWER].objective, AT_HAND);
}

static void assemble_solve(Assembly *assembly, Phase *phase, const Phase *upper)
{
    Function *function = lower_batch(assembly, phase);
    function->outputs.len = 1; /* running statistics stay as they are */
    Builder b = {.module = assembly->module, .function = function, .line = upper->line};
    move_hypers(assembly, &b, upper);
    step_finish(assembly, b.function);
    phase->step = b.function;
}

/* A step of the weights and of the hyperparameters on one batch: what it writes takes effect behind it, so each begins where the
 * others were. */
static void assemble_at_once(Assembly *assembly, Phase *phase, const Phase *upper)
{
    Builder b = {.module = assembly->module, .function = lower_batch(assembly, phase), .line = upper->line};
    move_hypers(assembly, &b, upper);
    WeightStep step = weight_step_of(assembly, phase, b.function);
    weight_step_update(assembly, phase, &step);
    weight_step_end(assembly, phase, &step);
}

/* ---- all ---- */

/* Steps of the weights, and in between steps of the hyperparameters, each with a solve. */
static void alternate(Assembly *assembly)
{
    Train *train = assembly->train;
    const Phase *lower = &train->phases.data[LOWER];
    Phase solve = {.name = "solve",
                   .dataset = lower->dataset,
                   .split = lower->split,
                   .member = lower->member,
                   .batch = lower->batch,
                   .parts_only = true,
                   .line = lower->line};
    vec_push(&train->phases, solve);
    act_leaf(train, (Act){.kind = ACT_STEP, .phase = LOWER});
    size_t upper =
        act_repeat(train, (Act){.rounds = train->every_upper, .every = (double)train->every_lower, .after = train->warmup});
    act_leaf(train, (Act){.kind = ACT_STEP, .phase = UPPER});
    act_leaf(train, (Act){.kind = ACT_STEP, .phase = SOLVE});
    act_end(train, upper);
    assemble_weight_step(assembly, &train->phases.data[LOWER], AT_HAND);
    assemble_upper(assembly, &train->phases.data[UPPER]);
    assemble_solve(assembly, &train->phases.data[SOLVE], &train->phases.data[UPPER]);
}

static void move_at_once(Assembly *assembly)
{
    Train *train = assembly->train;
    act_leaf(train, (Act){.kind = ACT_STEP, .phase = UPPER});
    act_leaf(train, (Act){.kind = ACT_STEP, .phase = LOWER});
    assemble_upper(assembly, &train->phases.data[UPPER]);
    assemble_at_once(assembly, &train->phases.data[LOWER], &train->phases.data[UPPER]);
}

static void assemble(Assembly *assembly)
{
    size_t budget = act_budget(assembly->train);
    if (assembly->train->implicit->loop == AT_ONCE)
        move_at_once(assembly);
    else
        alternate(assembly);
    act_measure(assembly->train);
    act_end(assembly->train, budget);
    assemble_hypers(assembly);
}

static void explain(const Train *train, Text *out)
{
    text_printf(out, "  solver     %s\n", train->implicit->solver_text);
    alternation_explain(train, out);
}

const Method method_implicit = {.assemble = assemble, .explain = explain};
