/* Pareto hypernetworks (Navon et al., "Learning the Pareto front with hypernetworks", ICLR 2021, algorithm 1): one ray is drawn
 * per batch, the weights are generated for it, and the solver says which direction their losses take. The same steps train one
 * net for one ray (`sample each`), where the ray is a state that stays. A solver may want several rays per step, each with
 * weights of its own on the same batch: the objective is copied per ray, and what does not depend on the ray becomes one again
 * (cse).
 *
 * Solvers that weigh gradients need their Gram matrix C_ij = g_i . g_j over everything that is trained. It is built here by this
 * definition, from m gradients; where weights come from a linear head, each gradient is an outer product and passes/outer.c makes
 * (1 + |f|^2) (dphi_i . dphi_j) of the head's part, so that C needs no gradient of the head. */
#include "passes/methods/methods.h"

/* All rays, for steps that read them; and the results of nets, where each ray has a net of its own. */
static void states(Assembly *assembly)
{
    Module *module = assembly->module;
    Pareto *pareto = assembly->train->pareto;
    Sweep *sweep = assembly->train->sweep;
    const char *preference = module->conditions.data[sweep->condition].name;
    sweep->state = (int)condition_state(assembly->train, sweep->condition);
    Type all = type_of(module->real, 2, (int64_t[]){sweep->count, sweep->width});
    if (pareto->each) {
        const char *points = arena_printf(&module->arena, "%s/points", assembly->train->name);
        int64_t figures = sweep->outputs + assembly->train->metrics.len - 1;
        Type results = type_of(module->real, 2, (int64_t[]){sweep->count, figures});
        sweep->memory = (int)named_state(module, points, results, STATE_COUNTER, 0);
        module->states.data[sweep->memory].lifetime = LIFETIME_RUN;
    }
    if (!pareto->fixed && !solver_of(pareto->solver)->all_rays)
        return;
    const char *rays = arena_printf(&module->arena, "%s/rays", preference);
    pareto->rays_state = named_state(module, rays, all, STATE_COUNTER, 1.0 / (double)pareto->m);
    sweep->all = (int)pareto->rays_state;
}

/* The objectives at ray number `sample` of the step. */
static Objectives collect(Assembly *assembly, Builder *b, const Function *function, uint32_t sample)
{
    Objectives o = {.assembly = assembly, .b = b, .pareto = assembly->train->pareto, .m = assembly->train->pareto->m};
    o.ray = condition_value(assembly, b, assembly->train->sweep->condition, (View){.sampled = true, .sample = sample});
    for (uint32_t i = 0; i < o.m; i++) {
        o.raw[i] = function->outputs.data[sample * o.m + i].value;
        o.defined[i] = build_binary(b, OP_EQ, o.raw[i], o.raw[i]);
        o.loss[i] = build_select(b, o.defined[i], o.raw[i], build_const(b, type_scalar(b->module->real), 0));
        o.entry[i] = entry_of(b, o.ray, i);
    }
    return o;
}

typedef struct Gradients {
    VEC(Trained) trained;
    VEC(Value) each; /* [state][objective], where the solver weighs gradients */
} Gradients;

/* sum over states of g_i . g_j */
static Value build_gram(const Objectives *o, const Gradients *g)
{
    Builder *b = o->b;
    Value entries[PARETO_MOST_OBJECTIVES * PARETO_MOST_OBJECTIVES];
    for (uint32_t i = 0; i < o->m; i++)
        for (uint32_t j = 0; j <= i; j++) {
            Value sum = build_const(b, type_scalar(b->module->real), 0);
            for (uint32_t s = 0; s < g->trained.len; s++) {
                Value x = g->each.data[s * o->m + i], y = g->each.data[s * o->m + j];
                sum = build_binary(b, OP_ADD, sum, build_sum_of_product(b, x, y));
            }
            entries[i * o->m + j] = entries[j * o->m + i] = sum;
        }
    return build_reshape(b, build_vector(b, o->m * o->m, entries), type_of(b->module->real, 2, (int64_t[]){o->m, o->m}));
}

/* Weights by the solver; each state's gradient is the weighted sum. Weights sum to m, as in the authors' code. */
static void weigh_gradients(Assembly *assembly, const Objectives *o, const Solver *solver, Gradients *g)
{
    Builder *b = o->b;
    Value answer = solver->weigh(o, build_gram(o, g));
    count_events(assembly, b, "fallbacks", entry_of(b, answer, o->m));
    for (uint32_t s = 0; s < g->trained.len; s++) {
        Value sum = NO_VALUE;
        for (uint32_t i = 0; i < o->m; i++) {
            Value x = g->each.data[s * o->m + i], alpha = build_with_const(b, OP_MUL, entry_of(b, answer, i), (double)o->m);
            Value term = build_binary(b, OP_MUL, build_splat(b, alpha, value_type(b, x)), x);
            sum = i == 0 ? term : build_binary(b, OP_ADD, sum, term);
        }
        g->trained.data[s].gradient = sum;
    }
}

/* Sets the function's outputs: the loss that is followed (for solvers that weigh gradients, the losses weighted by the ray), and
 * each objective, on average over the step's rays. */
static void set_outputs(uint32_t rays, const Objectives *at, Function *function, Value loss)
{
    Builder *b = at->b;
    function->outputs.len = 0;
    build_output(b, "loss", loss);
    for (uint32_t i = 0; i < at->m; i++) {
        Value sum = at->raw[i];
        for (uint32_t k = 1; k < rays; k++)
            sum = build_binary(b, OP_ADD, sum, at[k].raw[i]);
        Value mean = rays > 1 ? build_with_const(b, OP_DIV, sum, rays) : sum;
        build_output(b, arena_printf(&b->module->arena, "objective.%s", at->pareto->objectives[i]), mean);
    }
}

/* The loss that is followed or, where gradients are weighed, only reported. */
static Value scalar_loss(Assembly *assembly, const Solver *solver, uint32_t rays, const Objectives *at)
{
    if (!solver->scalarise_all)
        return solver->scalarise ? solver->scalarise(at) : weighted_sum(at);
    Value fell_back, loss = solver->scalarise_all(rays, at, &fell_back);
    count_events(assembly, at->b, "fallbacks", fell_back);
    return loss;
}

static void count_undefined(Assembly *assembly, uint32_t rays, const Objectives *at)
{
    Builder *b = at->b;
    Value undefined = build_const(b, type_scalar(DTYPE_BOOL), 0);
    for (uint32_t k = 0; k < rays; k++)
        for (uint32_t i = 0; i < at->m; i++)
            undefined = build_binary(b, OP_OR, undefined, build_unary(b, OP_NOT, at[k].defined[i]));
    count_events(assembly, b, "undefined", undefined);
}

/* One net for all rays; or one net per ray, trained one after the other from equal first values. */
static void make_procedure(Train *train)
{
    const Pareto *pareto = train->pareto;
    const Sweep *sweep = train->sweep;
    size_t nets = 0;
    if (pareto->each) {
        nets = act_repeat(train, (Act){.rounds = sweep->count});
        act_leaf(train, (Act){.kind = ACT_RESET, .lifetime = LIFETIME_NET});
        act_leaf(train, (Act){.kind = ACT_SET, .state = (uint32_t)sweep->state, .table = sweep->points, .rows = sweep->count});
    }
    size_t budget = act_budget(train);
    act_leaf(train, (Act){.kind = ACT_STEP});
    if (!pareto->each)
        act_measure(train);
    act_end(train, budget);
    if (!pareto->each)
        return;
    act_leaf(train, (Act){.kind = ACT_MEASURE});
    act_end(train, nets);
}

static void assemble(Assembly *assembly)
{
    make_procedure(assembly->train);
    Module *module = assembly->module;
    Phase *phase = &assembly->train->phases.data[0];
    const Solver *solver = solver_of(assembly->train->pareto->solver);
    uint32_t rays = assembly->train->pareto->rays_per_step;
    const char *name = arena_printf(&module->arena, "%s.%s", assembly->train->name, phase->name);
    Function *function = objective_copies(assembly, name, phase->objective, SAMPLED(0), rays);
    objective_batch(assembly, function, phase->batch, false);

    Builder b = {.module = module, .function = function, .line = phase->line};
    Objectives at[PARETO_MOST_SOLUTIONS];
    for (uint32_t k = 0; k < rays; k++)
        at[k] = collect(assembly, &b, function, k);
    Value loss = scalar_loss(assembly, solver, rays, at);
    Gradients g = {0};
    for (uint32_t state = 0; state < module->states.len; state++) {
        Value read = module->states.data[state].role == STATE_WEIGHT ? find_read(function, state) : NO_VALUE;
        if (read == NO_VALUE)
            continue;
        vec_push(&g.trained, (Trained){state, read, NO_VALUE});
        if (!solver->weigh)
            vec_last(&g.trained).gradient = build_grad(&b, loss, read);
        for (uint32_t i = 0; solver->weigh && i < at->m; i++) {
            Value gradient = build_grad(&b, at->loss[i], read);
            vec_push(&g.each, gradient);
        }
    }
    if (solver->weigh)
        weigh_gradients(assembly, at, solver, &g);
    count_undefined(assembly, rays, at);
    set_outputs(rays, at, function, loss);
    Value *values = support_malloc((g.trained.len + 1) * sizeof *values);
    optimizers_append(assembly, &b, phase, g.trained.len, g.trained.data, values);
    support_free(values);
    weight_phase_end(assembly, phase, &b);
    vec_free(&g.trained);
    vec_free(&g.each);
    if (solver->nonnegative)
        phase->nonnegative = arena_printf(&module->arena, "the solver %s", solver_names[assembly->train->pareto->solver]);
}

static void explain_report(const Sweep *sweep, Text *out)
{
    const char *before = "  report     "; /* the next indicator */
    for (size_t k = 0; k < INDICATOR_COUNT; k++) {
        const Report *report = &sweep->reports[k];
        if (!report->reported)
            continue;
        text_printf(out, "%s%s", before, indicator_names[k]);
        for (uint32_t i = 0; indicator_arguments[k] == ARGUMENT_POINT && i < sweep->outputs; i++)
            text_printf(out, "%s%g%s", i ? ", " : " up to (", report->numbers[i], i + 1 == sweep->outputs ? ")" : "");
        if (indicator_arguments[k] == ARGUMENT_POINTS)
            text_printf(out, " to the %u points of %s", report->rows, report->file);
        before = ", ";
    }
    if (*before == ',')
        text_printf(out, "\n");
}

static void explain(const Train *train, Text *out)
{
    const Pareto *pareto = train->pareto;
    const Sweep *sweep = train->sweep;
    text_printf(out, "  objectives");
    for (uint32_t i = 0; i < pareto->m; i++)
        text_printf(out, "%s%s", i ? ", " : " ", pareto->objectives[i]);
    text_printf(out, "\n  solver     %s", pareto->solver_text);
    if (pareto->each) {
        text_printf(out, "\n  rays       one net for each of the %u", sweep->count);
    } else if (pareto->fixed) {
        text_printf(out, "\n  rays       %u per batch from the %u of evaluation", pareto->rays_per_step, sweep->count);
    } else {
        text_printf(out, "\n  rays       %u per batch from Dirichlet(", pareto->rays_per_step);
        for (uint32_t i = 0; i < pareto->m; i++)
            text_printf(out, "%s%g", i ? ", " : "", pareto->concentration[i]);
        text_printf(out, "); %u for evaluation", sweep->count);
    }
    text_printf(out, "\n");
    explain_report(sweep, out);
}

const Method method_pareto = {.states = states, .assemble = assemble, .explain = explain};
