/* One step of every solver beside its definition, in f64: gradients of each objective one by one, their Gram matrix entry by
 * entry, the solver of pareto/, and plain gradient descent. The compiler computes them in other ways (the Gram matrix of a linear
 * head by its factors, one gradient of a scalarised loss); the numbers must be the same. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "frontend/frontend.h"
#include "pareto/externs.h"
#include "pareto/pareto.h"
#include "passes/passes.h"

enum { ROWS = 12, BATCH = 6, M = 3, MOST_NUMBERS = 4096 };
#define RATE 0.1

static const char program[] =
    "data d = idx(\"x\", \"g\", \"y\") {\n"
    "  fields x: f32[5], group: class[2], label: class[2]\n"
    "  split  train 12\n"
    "}\n"
    "preference r[3]\n"
    "net scorer(x: f32[5]) -> f32 { return sum(linear(tanh(linear(x, 4)), 1)) }\n"
    "net linear_head(r: f32[3]) -> f32[n] { return linear(tanh(linear(r, 6)), n) }\n"
    "net bent_head(r: f32[3]) -> f32[n] { return tanh(linear(tanh(linear(r, 6)), n)) }\n"
    "weights scorer = %s\n"
    "objective loss(s) = mean(binary_cross_entropy(scorer(s.x), s.label))\n"
    "objective gap(s) = abs(mean(tanh(scorer(s.x)) where s.group == 0) - mean(tanh(scorer(s.x)) where s.group == 1))\n"
    "objective size(s) = mean(square(scorer(s.x) - 1))\n"
    "train t = pareto(r) {\n"
    "  minimise loss, gap, size on d.train by sgd(0.1)\n"
    "  solver %s\n"
    "  sample %s\n"
    "  rays   10\n"
    "  report uniformity, hypervolume(ref: [0.5, 2, 2]) on d.train\n"
    "  batch  6\n"
    "  epochs 1\n"
    "}\n";

typedef struct Trial {
    Source source;
    Diagnostics diags;
    Arena arena;
    Model *model;
    Train *train;
    Function *gradients[M];
    World world;
    Tensor rows[3];
    int32_t index[BATCH];
} Trial;

static Tensor new_rows(const Field *field, uint32_t stream, bool one_group)
{
    Type type = {.dtype = field->type.dtype, .rank = (uint8_t)(field->type.rank + 1), .dims = {ROWS}};
    for (unsigned i = 0; i < field->type.rank; i++)
        type.dims[i + 1] = field->type.dims[i];
    Tensor rows = {type, support_malloc((size_t)type_bytes(type))};
    for (int64_t i = 0; i < type_elements(type); i++) {
        double u = random_element((const uint32_t[2]){3, 4}, 0, stream, (uint64_t)i);
        tensor_set(&rows, i, field->classes ? (one_group ? 0 : floor(2 * u)) : 2 * u - 1);
    }
    return rows;
}

/* Memory for an input: the index, or any number of steps. */
static void run(Trial *t, const Function *function, double *losses)
{
    static int32_t steps = 10;
    Tensor inputs[4], *outputs;
    char why[256];
    for (uint32_t i = 0; i < function->inputs.len; i++) {
        bool index = strcmp(function->input_names.data[i], "index") == 0;
        inputs[i] = (Tensor){OP_AT(function, function->inputs.data[i])->type, index ? (void *)t->index : (void *)&steps};
    }
    if (!interpret(t->model->module, function, &t->world, inputs, &outputs, why))
        fail_msg("%s: %s", function->name, why);
    for (uint32_t i = 0; losses && i < function->outputs.len; i++)
        losses[i] = tensor_get(&outputs[i], 0);
    interpret_free_outputs(function, outputs);
}

static void trial_new(Trial *t, const char *form, const char *solver, const char *sample, bool one_group)
{
    *t = (Trial){0};
    char *text = arena_printf(&t->arena, program, form, solver, sample);
    t->source = (Source){.name = "test.hn", .text = text, .size = strlen(text)};
    FrontendOptions options = {.real = DTYPE_F64};
    t->model = frontend_compile(&t->source, &options, &t->diags);
    diag_print(&t->diags, stderr);
    assert_non_null(t->model);
    t->train = &t->model->trains.data[0];
    method_assemble(t->model, t->train, NULL);
    exports_finish(t->model, NULL);
    assert_int_equal(method_losses(t->train), M);
    for (uint32_t i = 0; i < M; i++)
        t->gradients[i] = method_gradients(t->model, t->train, i);
    t->world.states = world_states_new(t->model->module);
    for (uint32_t i = 0; i < 3; i++)
        t->rows[i] = new_rows(&t->model->module->fields.data[i], i, one_group && i == 1);
    t->world.rows = t->rows;
    for (int i = 0; i < BATCH; i++)
        t->index[i] = 2 * i;
    tensor_set(&t->world.states[find_state(t->model->module, "seed")], 0, 77);
    run(t, t->train->init, NULL);
}

static void trial_free(Trial *t)
{
    world_states_free(t->model->module, t->world.states);
    for (uint32_t i = 0; i < 3; i++)
        support_free(t->rows[i].data);
    model_free(t->model);
    diag_free(&t->diags);
    arena_free(&t->arena);
}

/* Ray number `draw` of the first step, also written where the functions of gradients read it. */
static void ray_of_step(Trial *t, int32_t draw, double *ray)
{
    const Module *module = t->model->module;
    Tensor *state = &t->world.states[find_state(module, "r/ray")];
    if (!t->train->pareto->each) {
        const void *operands[] = {t->world.states[find_state(module, "seed")].data, &draw, t->train->pareto->concentration};
        pareto_extern(EXTERN_DIRICHLET, M, 1, true, operands, ray);
        for (int i = 0; i < M; i++)
            tensor_set(state, i, ray[i]);
    }
    for (int i = 0; i < M; i++)
        ray[i] = tensor_get(state, i);
}

/* All gradients of objective i, state by state, in one vector. */
static int64_t gradient_of(Trial *t, uint32_t i, double *loss, double *g)
{
    Tensor inputs[1] = {{type_of(DTYPE_I32, 1, (int64_t[]){BATCH}), t->index}}, *outputs;
    char why[256];
    int64_t count = 0;
    if (!interpret(t->model->module, t->gradients[i], &t->world, inputs, &outputs, why))
        fail_msg("%s", why);
    *loss = tensor_get(&outputs[0], 0);
    for (uint32_t o = 1; o < t->gradients[i]->outputs.len; o++)
        for (int64_t k = 0; k < type_elements(outputs[o].type); k++)
            g[count++] = tensor_get(&outputs[o], k);
    interpret_free_outputs(t->gradients[i], outputs);
    return count;
}

/* d(scalarised loss)/d(loss_i), by definition. */
static void scalar_weights(const Pareto *pareto, const double *ray, const double *losses, double *weights)
{
    double sum = 0, along = 0, length = 0, ray_length = 0, largest = 0;
    for (int i = 0; i < M; i++) {
        along += ray[i] * losses[i];
        length += losses[i] * losses[i];
        ray_length += ray[i] * ray[i];
        sum += exp(ray[i] * losses[i] / pareto->strength);
        largest = fmax(largest, ray[i] * losses[i]);
    }
    for (int i = 0; i < M; i++) {
        double root = sqrt(length * ray_length);
        weights[i] = ray[i];
        if (pareto->solver == SOLVER_TCHEBYCHEFF && ray[i] * losses[i] < largest)
            weights[i] = 0;
        if (pareto->solver == SOLVER_SMOOTH_TCHEBYCHEFF)
            weights[i] *= exp(ray[i] * losses[i] / pareto->strength) / sum;
        if (pareto->solver == SOLVER_COSMOS)
            weights[i] -= pareto->strength * (ray[i] / root - along * losses[i] / (length * root));
    }
}

/* The ray that pmtl follows: in its first phase one whose sector does not hold the losses yet. */
static unsigned followed_ray(const Pareto *pareto)
{
    return pareto->strength > 0 ? 0 : 3;
}

static void expected_weights(Trial *t, const double *ray, const double *losses, double *const *g, int64_t n, double *weights)
{
    const Pareto *pareto = t->train->pareto;
    double gram[M * M] = {0}, rays[10 * M];
    SolveStatus status = SOLVE_FINE;
    bool inside = false;
    for (int i = 0; i < M; i++)
        for (int j = 0; j < M; j++)
            for (int64_t k = 0; k < n; k++)
                gram[i * M + j] += g[i][k] * g[j][k];
    switch (pareto->solver) {
    case SOLVER_EPO:
        status = epo_weights(M, losses, ray, gram, weights);
        break;
    case SOLVER_MGDA:
        status = min_norm_weights(M, gram, weights);
        break;
    case SOLVER_PMTL:
        for (int i = 0; i < 10 * M; i++)
            rays[i] = 1 / t->train->sweep->points[i];
        status = pareto->strength > 0 ? pmtl_initial_weights(M, losses, 10, rays, followed_ray(pareto), gram, weights, &inside)
                                      : pmtl_weights(M, losses, 10, rays, followed_ray(pareto), gram, weights);
        assert_false(inside);
        break;
    default:
        scalar_weights(pareto, ray, losses, weights);
        return;
    }
    assert_int_equal(status, SOLVE_FINE);
    for (int i = 0; i < M; i++)
        weights[i] *= M;
}

/* Runs the step and checks that each of the n numbers that are trained went down the direction. */
static void check_descent(Trial *t, int64_t n, const double *direction, double *step_outputs)
{
    const Module *module = t->model->module;
    const Function *of = t->gradients[0];
    double *before = support_malloc(MOST_NUMBERS * sizeof *before);
    int64_t at = 0;
    for (uint32_t o = 1; o < of->outputs.len; o++) {
        const Tensor *state = &t->world.states[find_state(module, of->outputs.data[o].name)];
        for (int64_t k = 0; k < type_elements(state->type); k++)
            before[at++] = tensor_get(state, k);
    }
    assert_int_equal(at, n);
    run(t, t->train->phases.data[0].step, step_outputs);
    at = 0;
    for (uint32_t o = 1; o < of->outputs.len; o++) {
        const Tensor *state = &t->world.states[find_state(module, of->outputs.data[o].name)];
        for (int64_t k = 0; k < type_elements(state->type); k++, at++) {
            double expected = before[at] - RATE * direction[at], got = tensor_get(state, k);
            if (!(fabs(expected - got) <= 1e-11))
                fail_msg("%s: %s[%lld] is %.17g, expected %.17g", solver_names[t->train->pareto->solver],
                         of->outputs.data[o].name, (long long)k, got, expected);
        }
    }
    support_free(before);
}

static void check_step(const char *form, const char *solver, const char *sample)
{
    Trial t;
    trial_new(&t, form, solver, sample, false);
    const Module *module = t.model->module;
    double *g[M], losses[M], ray[M], weights[M], step_outputs[1 + M];
    if (t.train->pareto->solver == SOLVER_PMTL) { /* the runtime writes all rays and the one that is followed */
        Tensor *all = &t.world.states[find_state(module, "r/rays")], *own = &t.world.states[find_state(module, "r/ray")];
        for (int i = 0; i < 10 * M; i++)
            tensor_set(all, i, t.train->sweep->points[i]);
        for (int i = 0; i < M; i++)
            tensor_set(own, i, t.train->sweep->points[followed_ray(t.train->pareto) * M + (unsigned)i]);
    }
    ray_of_step(&t, 0, ray);
    int64_t n = 0;
    for (uint32_t i = 0; i < M; i++) {
        g[i] = support_malloc(MOST_NUMBERS * sizeof *g[i]);
        n = gradient_of(&t, i, &losses[i], g[i]);
    }
    expected_weights(&t, ray, losses, g, n, weights);
    double direction[MOST_NUMBERS] = {0};
    for (int i = 0; i < M; i++)
        for (int64_t k = 0; k < n; k++)
            direction[k] += weights[i] * g[i][k];
    check_descent(&t, n, direction, step_outputs);
    for (int i = 0; i < M; i++)
        assert_true(fabs(step_outputs[1 + i] - losses[i]) <= 1e-12);
    for (uint32_t i = 0; i < M; i++)
        support_free(g[i]);
    trial_free(&t);
}

static const char *const solvers[] = {"linear", "tchebycheff", "smooth_tchebycheff(0.05)", "cosmos(0.7)",
                                      "epo",    "mgda",        "pmtl(initial: 0)",         "pmtl(initial: 1)"};

/* d cos(losses, 1 / ray) / d losses_i */
static void cosine_gradient(const double *losses, const double *ray, double *gradient)
{
    double along = 0, length = 0, ray_length = 0;
    for (int i = 0; i < M; i++) {
        along += losses[i] / ray[i];
        length += losses[i] * losses[i];
        ray_length += 1 / (ray[i] * ray[i]);
    }
    for (int i = 0; i < M; i++)
        gradient[i] = (1 / ray[i] - along * losses[i] / length) / sqrt(length * ray_length);
}

/* Several rays per step: every ray's losses and gradients one by one. At first two of the objectives lie beyond the reference, so
 * that it moves. */
static void check_step_of_rays(const char *form)
{
    enum { POINTS = 5 };
    Trial t;
    trial_new(&t, form, "hvi(points: 5, lambda: 0.3)", "dirichlet(1.5)", false);
    assert_int_equal(t.train->pareto->rays_per_step, POINTS);
    double losses[POINTS * M], weights[POINTS * M], rays[POINTS * M], reference[M], step_outputs[1 + M];
    double *g[POINTS * M], direction[MOST_NUMBERS] = {0};
    int64_t n = 0;
    for (int k = 0; k < POINTS; k++) {
        ray_of_step(&t, k, rays + k * M);
        for (uint32_t i = 0; i < M; i++) {
            g[k * M + (int)i] = support_malloc(MOST_NUMBERS * sizeof **g);
            n = gradient_of(&t, i, &losses[k * M + (int)i], g[k * M + (int)i]);
        }
    }
    hypervolume_reference(M, POINTS, losses, t.train->pareto->reference, reference);
    assert_true(reference[0] > 0.5 && reference[1] == 2);
    assert_int_equal(hypervolume_gradient(M, POINTS, losses, reference, weights), SOLVE_FINE);
    double followed = 0;
    for (int k = 0; k < POINTS; k++) {
        double turn[M];
        cosine_gradient(losses + k * M, rays + k * M, turn);
        for (int i = 0; i < M; i++) {
            followed += weights[k * M + i] * losses[k * M + i];
            for (int64_t e = 0; e < n; e++)
                direction[e] += (weights[k * M + i] - 0.3 * turn[i]) * g[k * M + i][e];
        }
    }
    check_descent(&t, n, direction, step_outputs);
    assert_true(step_outputs[0] < followed && step_outputs[0] > followed - 0.3 * POINTS); /* less the cosines */
    for (int i = 0; i < M; i++) {
        double mean = 0;
        for (int k = 0; k < POINTS; k++)
            mean += losses[k * M + i] / POINTS;
        assert_true(fabs(step_outputs[1 + i] - mean) <= 1e-12);
    }
    for (int k = 0; k < POINTS * M; k++)
        support_free(g[k]);
    trial_free(&t);
}

static void test_several_rays(void **state)
{
    (void)state;
    check_step_of_rays("dense(linear_head(r))");
    check_step_of_rays("dense(bent_head(r))");
}

static void test_linear_head(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(solvers); i++)
        check_step("dense(linear_head(r))", solvers[i], strncmp(solvers[i], "pmtl", 4) ? "dirichlet(1.5)" : "each");
}

static void test_bent_head(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(solvers); i++)
        check_step("dense(bent_head(r))", solvers[i], strncmp(solvers[i], "pmtl", 4) ? "dirichlet(1.5)" : "each");
}

static void test_a_net_a_ray(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(solvers); i++)
        check_step("free", solvers[i], "each");
}

/* No gradient of a linear head is formed for the Gram matrix: nothing is summed over a matrix of its shape. */
static void test_heads_are_factored(void **state)
{
    (void)state;
    Trial t;
    trial_new(&t, "dense(linear_head(r))", "epo", "uniform", false);
    const Function *step = t.train->phases.data[0].step;
    for (Value v = 0; v < step->ops.len; v++) {
        const Op *op = OP_AT(step, v);
        Type from = op->nargs ? OP_AT(step, op->args[0])->type : op->type;
        bool head = from.rank == 2 && from.dims[0] == 29 && from.dims[1] == 6; /* 5 x 4 + 4 + 4 + 1 weights of 6 hidden units */
        assert_false(op->code == OP_REDUCE_SUM && head);
    }
    trial_free(&t);
}

/* A batch without one of the groups has no gap: that objective is left out, the step is finite, and it is counted; a solver that
 * weighs gradients falls back to the ray, or to equal weights. */
static void test_undefined_objectives(void **state)
{
    (void)state;
    for (size_t i = 0; i <= COUNT_OF(solvers); i++) {
        Trial t;
        double outputs[1 + M];
        const char *solver = i < COUNT_OF(solvers) ? solvers[i] : "hvi(points: 3)";
        bool weighs = strcmp(solver, "epo") == 0 || strncmp(solver, "pmtl", 4) == 0 || strncmp(solver, "hvi", 3) == 0;
        trial_new(&t, "dense(linear_head(r))", solver, "uniform", true);
        run(&t, t.train->phases.data[0].step, outputs);
        assert_true(isfinite(outputs[0]) && isnan(outputs[2]) && isfinite(outputs[3]));
        const Module *module = t.model->module;
        assert_true(tensor_get(&t.world.states[find_state(module, "t/undefined")], 0) == 1);
        if (weighs)
            assert_true(tensor_get(&t.world.states[find_state(module, "t/fallbacks")], 0) == 1);
        for (uint32_t s = 0; s < module->states.len; s++)
            for (int64_t k = 0; k < type_elements(module->states.data[s].type); k++)
                assert_true(isfinite(tensor_get(&t.world.states[s], k)));
        trial_free(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear_head),          cmocka_unit_test(test_bent_head),
        cmocka_unit_test(test_a_net_a_ray),          cmocka_unit_test(test_heads_are_factored),
        cmocka_unit_test(test_undefined_objectives), cmocka_unit_test(test_several_rays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
