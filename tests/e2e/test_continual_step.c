/* Steps of trains by continual beside their definitions, in f64: the regulariser of outputs as a sum over elements of generated
 * weights, its gradient by central differences, the candidate step of the lookahead by Adam's formulas, importances of EWC and SI
 * by gradients of single examples and by the path of the weights. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "frontend/frontend.h"
#include "passes/passes.h"

enum { ROWS = 12, BATCH = 6, STORED = 5, TASKS = 4, HIDDEN = 3, WIDTH = 2, MADE = 11, MOST = 256 };
#define RATE 0.05

static const char program[] = "data d = idx(\"x\", \"y\") {\n"
                              "  fields x: f32[3], y: f32\n"
                              "  split  train 12\n"
                              "}\n"
                              "task t[4] embed 2\n"
                              "net f(x: f32[3]) -> f32 { return sum(linear(tanh(linear(x, 2)), 1)) }\n"
                              "net trunk(z: f32[2]) -> f32[n] { return linear(tanh(linear(z, 3)), n) }\n"
                              "weights f = %s\n"
                              "objective loss(s) = mean(square(f(s.x) - s.y))%s\n"
                              "objective out(s) = f(s.x)\n"
                              "train go = continual(t) {\n"
                              "  minimise loss(d.train) by %s\n"
                              "  remember %s\n"
                              "  report loss(d.train)\n"
                              "  batch 6\n"
                              "  steps 5\n"
                              "}\n";

static void check_near(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("%.17g, expected %.17g", got, expected);
}

typedef struct Trial {
    Source source;
    Diagnostics diags;
    Arena arena;
    Model *model;
    Module *module;
    Train *train;
    Function *gradients;
    World world;
    Tensor rows[2];
    int32_t index[BATCH], memory[(TASKS - 1) * STORED];
    /* What is trained, in the order of the gradients' outputs. */
    uint32_t states[16], state_count;
    int64_t n;
} Trial;

static Tensor new_rows(const Field *field, uint32_t stream)
{
    Type type = {.dtype = field->type.dtype, .rank = (uint8_t)(field->type.rank + 1), .dims = {ROWS}};
    for (unsigned i = 0; i < field->type.rank; i++)
        type.dims[i + 1] = field->type.dims[i];
    Tensor rows = {type, support_malloc((size_t)type_bytes(type))};
    for (int64_t i = 0; i < type_elements(type); i++)
        tensor_set(&rows, i, 2 * random_element((const uint32_t[2]){3, 4}, 0, stream, (uint64_t)i) - 1);
    return rows;
}

/* Runs a function on the rows of `index`; its outputs are for interpret_free_outputs, or NULL: not wanted. */
static void run(Trial *t, const Function *function, Tensor **outputs)
{
    static int32_t steps = 10;
    Tensor inputs[4], *made;
    char why[256];
    for (uint32_t i = 0; i < function->inputs.len; i++) {
        const char *name = function->input_names.data[i];
        void *data = !strcmp(name, "index") ? t->index : !strcmp(name, "memory") ? t->memory : &steps;
        inputs[i] = (Tensor){OP_AT(function, function->inputs.data[i])->type, data};
    }
    if (!interpret(t->module, function, &t->world, inputs, &made, why))
        fail_msg("%s: %s", function->name, why);
    if (outputs)
        *outputs = made;
    else
        interpret_free_outputs(function, made);
}

static Tensor *state(Trial *t, const char *name)
{
    int64_t index = find_state(t->module, name);
    if (index < 0)
        fail_msg("there is no state %s", name);
    return &t->world.states[index];
}

/* `term`: what is added to the loss. */
static void trial_of(Trial *t, const char *term, const char *form, const char *optimizer, const char *remember)
{
    *t = (Trial){0};
    char *text = arena_printf(&t->arena, program, form, term, optimizer, remember);
    t->source = (Source){.name = "test.hn", .text = text, .size = strlen(text)};
    FrontendOptions options = {.real = DTYPE_F64};
    t->model = frontend_compile(&t->source, &options, &t->diags);
    diag_print(&t->diags, stderr);
    assert_non_null(t->model);
    t->module = t->model->module;
    t->train = &t->model->trains.data[0];
    method_assemble(t->model, t->train, NULL);
    exports_finish(t->model, NULL);
    t->gradients = method_gradients(t->model, t->train, 0);
    t->world.states = world_states_new(t->module);
    for (uint32_t i = 0; i < 2; i++)
        t->rows[i] = new_rows(&t->module->fields.data[i], i);
    t->world.rows = t->rows;
    for (int i = 0; i < BATCH; i++)
        t->index[i] = 2 * i;
    for (int i = 0; i < (TASKS - 1) * STORED; i++)
        t->memory[i] = (i * 7) % ROWS;
    tensor_set(state(t, "seed"), 0, 77);
    run(t, t->train->init, NULL);
    for (uint32_t o = 1; o < t->gradients->outputs.len; o++) {
        t->states[t->state_count] = (uint32_t)find_state(t->module, t->gradients->outputs.data[o].name);
        t->n += type_elements(t->module->states.data[t->states[t->state_count++]].type);
    }
    assert_true(t->n <= MOST);
}

static void trial_new(Trial *t, const char *form, const char *optimizer, const char *remember)
{
    trial_of(t, "", form, optimizer, remember);
}

static void trial_free(Trial *t)
{
    world_states_free(t->module, t->world.states);
    for (uint32_t i = 0; i < 2; i++)
        support_free(t->rows[i].data);
    model_free(t->model);
    diag_free(&t->diags);
    arena_free(&t->arena);
}

/* All trained numbers, or what the states "WHAT/NAME" hold for them (0 where there are none), as one vector. */
static void gather(Trial *t, const char *what, double *vector)
{
    int64_t at = 0;
    for (uint32_t s = 0; s < t->state_count; s++) {
        const State *whose = &t->module->states.data[t->states[s]];
        const char *name = what ? arena_printf(&t->arena, "%s/%s", what, whose->name) : whose->name;
        int64_t found = find_state(t->module, name);
        for (int64_t k = 0; k < type_elements(whose->type); k++)
            vector[at++] = found < 0 ? 0 : tensor_get(&t->world.states[found], k);
    }
}

static void spread(Trial *t, const char *what, const double *vector)
{
    int64_t at = 0;
    for (uint32_t s = 0; s < t->state_count; s++) {
        const State *whose = &t->module->states.data[t->states[s]];
        Tensor *to = what ? state(t, arena_printf(&t->arena, "%s/%s", what, whose->name)) : &t->world.states[t->states[s]];
        for (int64_t k = 0; k < type_elements(whose->type); k++)
            tensor_set(to, k, vector[at++]);
    }
}

static bool is_embedding(const Trial *t, int64_t place)
{
    for (uint32_t s = 0; s < t->state_count; s++) {
        int64_t count = type_elements(t->module->states.data[t->states[s]].type);
        if (place < count)
            return t->module->states.data[t->states[s]].grows;
        place -= count;
    }
    return false;
}

/* Gradients of the loss on the rows of `index`. */
static void gradient(Trial *t, double *g)
{
    Tensor *outputs;
    run(t, t->gradients, &outputs);
    int64_t at = 0;
    for (uint32_t o = 1; o < t->gradients->outputs.len; o++)
        for (int64_t k = 0; k < type_elements(outputs[o].type); k++)
            g[at++] = tensor_get(&outputs[o], k);
    assert_int_equal(at, t->n);
    interpret_free_outputs(t->gradients, outputs);
}

/* ---- the output regulariser ---- */

/* The weights that the net makes for a task, from states by their definition; the embedding is that of the states now. */
static void make_weights(Trial *t, const char *prefix, int task, double *w)
{
    const Tensor *e = state(t, "t/embedding");
    const Tensor *w1 = state(t, arena_printf(&t->arena, "%strunk.linear1.w", prefix)),
                 *b1 = state(t, arena_printf(&t->arena, "%strunk.linear1.b", prefix)),
                 *w2 = state(t, arena_printf(&t->arena, "%strunk.linear2.w", prefix)),
                 *b2 = state(t, arena_printf(&t->arena, "%strunk.linear2.b", prefix));
    double h[HIDDEN];
    for (int i = 0; i < HIDDEN; i++) {
        h[i] = tensor_get(b1, i);
        for (int k = 0; k < WIDTH; k++)
            h[i] += tensor_get(w1, i * WIDTH + k) * tensor_get(e, task * WIDTH + k);
        h[i] = tanh(h[i]);
    }
    for (int i = 0; i < MADE; i++) {
        w[i] = tensor_get(b2, i);
        for (int k = 0; k < HIDDEN; k++)
            w[i] += tensor_get(w2, i * HIDDEN + k) * h[k];
    }
}

/* The squared distance of generated weights. */
static double distance_of_weights(Trial *t, int task, const double *w, const double *target)
{
    double sum = 0;
    (void)t;
    (void)task;
    for (int i = 0; i < MADE; i++)
        sum += (w[i] - target[i]) * (w[i] - target[i]);
    return sum;
}

/* What the net makes of a row with these weights: two hidden units, then their sum. */
static double net_of(Trial *t, int32_t row, const double *w)
{
    double sum = w[10];
    for (int unit = 0; unit < 2; unit++) {
        double h = w[6 + unit];
        for (int k = 0; k < 3; k++)
            h += w[3 * unit + k] * tensor_get(&t->rows[0], 3 * row + k);
        sum += w[8 + unit] * tanh(h);
    }
    return sum;
}

/* The mean squared distance of outputs for the stored examples of a task. */
static double distance_of_outputs(Trial *t, int task, const double *w, const double *target)
{
    double sum = 0;
    for (int i = 0; i < STORED; i++) {
        int32_t row = t->memory[task * STORED + i];
        double moved = net_of(t, row, w) - net_of(t, row, target);
        sum += moved * moved / STORED;
    }
    return sum;
}

typedef double Distance(Trial *t, int task, const double *w, const double *target);

/* Mean over the tasks before `now` of the distance to the targets, at the trained numbers of the vector. */
static double regulariser(Trial *t, Distance *distance, int now, const double (*targets)[MADE], const double *numbers)
{
    double kept[MOST], sum = 0, w[MADE];
    gather(t, NULL, kept);
    spread(t, NULL, numbers);
    for (int task = 0; task < now; task++) {
        make_weights(t, "", task, w);
        sum += distance(t, task, w, targets[task]) / now;
    }
    spread(t, NULL, kept);
    return sum;
}

/* What Adam makes of the numbers by these gradients; the states are as they were before. */
static void adam(Trial *t, const double *numbers, const double *g, double *next)
{
    double m[MOST], v[MOST];
    gather(t, "minimise/m", m);
    gather(t, "minimise/v", v);
    double c1 = 0.9 * tensor_get(state(t, "minimise/correction/1"), 0) + 0.1;
    double c2 = 0.999 * tensor_get(state(t, "minimise/correction/2"), 0) + 0.001;
    for (int64_t i = 0; i < t->n; i++) {
        double mean = 0.9 * m[i] + 0.1 * g[i], square = 0.999 * v[i] + 0.001 * g[i] * g[i];
        next[i] = numbers[i] - RATE * (mean / c1) / (sqrt(square / c2) + 1e-8);
    }
}

/* Moments as after some steps; none for rows of the embedding, whose optimizer is new. */
static void set_moments(Trial *t)
{
    double m[MOST], v[MOST];
    for (int64_t i = 0; i < t->n; i++) {
        m[i] = is_embedding(t, i) ? 0 : 0.3 * random_element((const uint32_t[2]){7, 8}, 0, 0, (uint64_t)i) - 0.1;
        v[i] = is_embedding(t, i) ? 0 : 0.05 + 0.1 * random_element((const uint32_t[2]){7, 8}, 1, 0, (uint64_t)i);
    }
    spread(t, "minimise/m", m);
    spread(t, "minimise/v", v);
    tensor_set(state(t, "minimise/correction/1"), 0, 1 - pow(0.9, 3));
    tensor_set(state(t, "minimise/correction/2"), 0, 1 - pow(0.999, 3));
}

/* Moves the numbers away from where the task began; embeddings of earlier tasks are left alone unless they are plastic. */
static void move_numbers(Trial *t, bool plastic)
{
    double numbers[MOST];
    gather(t, NULL, numbers);
    for (int64_t i = 0; i < t->n; i++)
        if (!is_embedding(t, i) || plastic)
            numbers[i] += 0.2 * random_element((const uint32_t[2]){9, 9}, 0, 0, (uint64_t)i) - 0.1;
    spread(t, NULL, numbers);
}

static const Function *act_function(const Train *train, const char *name)
{
    for (uint32_t i = 0; i < train->acts.len; i++) {
        const Function *function = train->acts.data[i].function;
        if (function && strcmp(strrchr(function->name, '.') + 1, name) == 0)
            return function;
    }
    return NULL;
}

static void check_regulariser_with(const char *term, Distance *distance, const char *remember, int now, double strength,
                                   bool lookahead, bool plastic)
{
    Trial t;
    print_message("%s, task %d%s\n", remember, now, term);
    trial_of(&t, term, "dense(trunk(t))", "adam(0.05)", remember);
    double targets[TASKS][MADE], numbers[MOST], g[MOST], at[MOST], expected[MOST], got[MOST];
    tensor_set(state(&t, "t/index"), 0, now);
    run(&t, act_function(t.train, "begin"), NULL);
    for (int task = 0; task < TASKS; task++)
        make_weights(&t, "", task, targets[task]);
    move_numbers(&t, plastic || *term);
    set_moments(&t);
    gather(&t, NULL, numbers);
    gradient(&t, g);
    memcpy(at, numbers, sizeof at);
    if (lookahead)
        adam(&t, numbers, g, at);
    for (int64_t i = 0; i < t.n; i++)
        at[i] = is_embedding(&t, i) && !plastic ? numbers[i] : at[i];
    double value = now ? regulariser(&t, distance, now, (const double(*)[MADE])targets, at) : 0;
    for (int64_t i = 0; i < t.n && now; i++) {
        double middle = at[i], h = 1e-5, high, low;
        if (is_embedding(&t, i) && !plastic)
            continue;
        at[i] = middle + h;
        high = regulariser(&t, distance, now, (const double(*)[MADE])targets, at);
        at[i] = middle - h;
        low = regulariser(&t, distance, now, (const double(*)[MADE])targets, at);
        at[i] = middle;
        g[i] += strength * (high - low) / (2 * h);
    }
    adam(&t, numbers, g, expected);
    Tensor *outputs;
    const Function *step = t.train->phases.data[0].step;
    run(&t, step, &outputs);
    assert_string_equal(step->outputs.data[1].name, "remember");
    check_near(tensor_get(&outputs[1], 0), strength * value, 1e-10);
    interpret_free_outputs(step, outputs);
    gather(&t, NULL, got);
    for (int64_t i = 0; i < t.n; i++)
        if (!(fabs(got[i] - expected[i]) <= 1e-7))
            fail_msg("number %lld is %.12g, expected %.12g", (long long)i, got[i], expected[i]);
    trial_free(&t);
}

static void check_regulariser(Distance *distance, const char *remember, int now, double strength, bool lookahead, bool plastic)
{
    check_regulariser_with("", distance, remember, now, strength, lookahead, plastic);
}

static void test_outputs(void **unused)
{
    (void)unused;
    check_regulariser(distance_of_weights, "outputs(0.5)", 2, 0.5, true, false);
    check_regulariser(distance_of_weights, "outputs(0.5)", 0, 0.5, true, false);
    check_regulariser(distance_of_weights, "outputs(2, lookahead: off)", 3, 2, false, false);
    check_regulariser(distance_of_weights, "outputs(0.5, targets: stored)", 3, 0.5, true, false);
    check_regulariser(distance_of_weights, "outputs(0.5, lookahead: off, embeddings: plastic)", 2, 0.5, false, true);
    check_regulariser(distance_of_weights, "outputs(0.5, embeddings: plastic, targets: stored)", 1, 0.5, true, true);
}

/* A loss at another task trains the embedding of that task. The regulariser begins at the embedding as it was when the task at hand
 * began, and neither its gradient nor the lookahead moves it, unless embeddings are plastic. */
static void test_loss_at_another_task(void **unused)
{
    static const char term[] = " + 0.3 * mean(square((f(s.x) given t = 0) - s.y))";
    (void)unused;
    check_regulariser_with(term, distance_of_weights, "outputs(0.5)", 2, 0.5, true, false);
    check_regulariser_with(term, distance_of_weights, "outputs(0.5, targets: stored)", 3, 0.5, true, false);
    check_regulariser_with(term, distance_of_weights, "outputs(0.5, embeddings: plastic)", 2, 0.5, true, true);
    check_regulariser_with(term, distance_of_outputs, "rehearsal(out(d.train), 0.5, examples: 5)", 2, 0.5, false, false);
}

static void test_rehearsal(void **unused)
{
    (void)unused;
    check_regulariser(distance_of_outputs, "rehearsal(out(d.train), 0.5, examples: 5)", 2, 0.5, false, false);
    check_regulariser(distance_of_outputs, "rehearsal(out(d.train), 2, examples: 5)", 3, 2, false, false);
}

/* As many tasks per step as there are earlier ones are all of them. */
static void test_subset_of_all(void **unused)
{
    (void)unused;
    check_regulariser(distance_of_weights, "outputs(0.5, tasks: 3)", 3, 0.5, true, false);
    check_regulariser(distance_of_weights, "outputs(0.5, tasks: 2, targets: stored)", 2, 0.5, true, false);
    check_regulariser(distance_of_weights, "outputs(0.5, tasks: 2)", 1, 0.5, true, false);
}

/* Over many steps, a subset of one earlier task is each of them equally often. */
static void test_subset_is_uniform(void **unused)
{
    (void)unused;
    Trial t;
    trial_new(&t, "dense(trunk(t))", "sgd(1e-15)", "outputs(1, tasks: 1, lookahead: off)");
    double targets[TASKS][MADE], numbers[MOST];
    int seen[3] = {0};
    tensor_set(state(&t, "t/index"), 0, 3);
    run(&t, act_function(t.train, "begin"), NULL);
    for (int task = 0; task < TASKS; task++)
        make_weights(&t, "", task, targets[task]);
    move_numbers(&t, false);
    gather(&t, NULL, numbers);
    for (int i = 0; i < 300; i++) {
        Tensor *outputs;
        run(&t, t.train->phases.data[0].step, &outputs);
        double value = tensor_get(&outputs[1], 0), w[MADE];
        interpret_free_outputs(t.train->phases.data[0].step, outputs);
        for (int task = 0; task < 3; task++) {
            double sum = 0;
            make_weights(&t, "", task, w);
            for (int k = 0; k < MADE; k++)
                sum += (w[k] - targets[task][k]) * (w[k] - targets[task][k]);
            seen[task] += fabs(sum - value) < 1e-12;
        }
    }
    assert_int_equal(seen[0] + seen[1] + seen[2], 300);
    for (int task = 0; task < 3; task++)
        assert_in_range(seen[task], 70, 130);
    trial_free(&t);
}

/* ---- importances ---- */

static void one_example(Trial *t, int32_t row)
{
    for (int i = 0; i < BATCH; i++)
        t->index[i] = row; /* the mean over equal examples is that of one */
}

static void set_random(Trial *t, const char *what, uint32_t stream, double low, double high)
{
    double vector[MOST];
    for (int64_t i = 0; i < t->n; i++)
        vector[i] = low + (high - low) * random_element((const uint32_t[2]){5, 5}, 0, stream, (uint64_t)i);
    spread(t, what, vector);
}

static void test_ewc(void **unused)
{
    (void)unused;
    Trial t;
    trial_new(&t, "free", "sgd(0.05)", "ewc(3, examples: 4, decay: 0.5)");
    double numbers[MOST], anchor[MOST], importance[MOST], g[MOST], got[MOST], fisher[MOST] = {0};
    set_random(&t, "anchor", 0, -1, 1);
    set_random(&t, "importance", 1, 0, 2);
    gather(&t, NULL, numbers);
    gather(&t, "anchor", anchor);
    gather(&t, "importance", importance);
    gradient(&t, g);
    run(&t, t.train->phases.data[0].step, NULL);
    gather(&t, NULL, got);
    for (int64_t i = 0; i < t.n; i++) /* the loss gets lambda / 2 F (theta - anchor)^2 */
        check_near(got[i], numbers[i] - RATE * (g[i] + 3 * importance[i] * (numbers[i] - anchor[i])), 1e-12);
    for (int32_t row = 0; row < 4; row++) {
        one_example(&t, row);
        gradient(&t, g);
        for (int64_t i = 0; i < t.n; i++)
            fisher[i] += g[i] * g[i] / 4;
        t.index[0] = row;
        run(&t, t.train->phases.data[1].step, NULL);
    }
    gather(&t, NULL, numbers);
    run(&t, act_function(t.train, "end"), NULL);
    gather(&t, "importance", got);
    gather(&t, "anchor", anchor);
    for (int64_t i = 0; i < t.n; i++) {
        check_near(got[i], 0.5 * importance[i] + fisher[i], 1e-12);
        check_near(anchor[i], numbers[i], 0);
    }
    trial_free(&t);
}

static void test_si(void **unused)
{
    (void)unused;
    enum { STEPS = 3 };
    Trial t;
    trial_new(&t, "free", "adam(0.05)", "si(0.7, damping: 0.01)");
    double start[MOST], before[MOST], after[MOST], g[MOST], importance[MOST], path[MOST] = {0}, got[MOST], pulled[MOST];
    set_random(&t, "importance", 1, 0, 2);
    gather(&t, "importance", importance);
    run(&t, act_function(t.train, "begin"), NULL);
    gather(&t, NULL, start);
    for (int step = 0; step < STEPS; step++) {
        gather(&t, NULL, before);
        gradient(&t, g);
        for (int64_t i = 0; i < t.n; i++)
            pulled[i] = g[i] + 2 * 0.7 * importance[i] * (before[i] - start[i]);
        adam(&t, before, pulled, after);
        run(&t, t.train->phases.data[0].step, NULL);
        gather(&t, NULL, got);
        for (int64_t i = 0; i < t.n; i++) {
            check_near(got[i], after[i], 1e-12);
            path[i] -= g[i] * (got[i] - before[i]);
        }
    }
    run(&t, act_function(t.train, "end"), NULL);
    double omega[MOST];
    gather(&t, "importance", omega);
    for (int64_t i = 0; i < t.n; i++) {
        double moved = got[i] - start[i];
        check_near(omega[i], importance[i] + path[i] / (moved * moved + 0.01), 1e-9);
    }
    trial_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outputs), cmocka_unit_test(test_loss_at_another_task), cmocka_unit_test(test_rehearsal), cmocka_unit_test(test_subset_of_all),
        cmocka_unit_test(test_subset_is_uniform), cmocka_unit_test(test_ewc),       cmocka_unit_test(test_si),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
