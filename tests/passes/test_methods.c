/* Methods on a linear model small enough to be followed by hand: optimizers, schedules, clipping, evaluation over several
 * batches, and the bilevel step's gradients. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "ir/forms/forms.h"
#include "passes/methods/methods.h"
#include "tests/passes/kit.h"

enum { ROWS = 8, BATCH = 4, WIDTH = 2 };

/* y = w . x, loss = mean (y - t)^2, in f64. Fields: x f64[2], t f64[]. */
typedef struct Toy {
    Model model;
    Train train;
    Tensor rows[2], *states;
} Toy;

static double x_of(int row, int i)
{
    return sample((uint64_t)(10 * row + i), -1, 1);
}

static double t_of(int row)
{
    return sample((uint64_t)(1000 + row), -1, 1);
}

static Function *toy_objective(Module *module, const char *name, const char *output)
{
    Builder b = {.module = module, .function = function_new(module, name)};
    Value w = build_source(&b, OP_PARAM, 0), x = build_source(&b, OP_EXAMPLE, 0), t = build_source(&b, OP_EXAMPLE, 1);
    Value y = build_dot(&b, w, x, dims_of(1, 0), dims_of(1, 0), (Dims){0}, (Dims){0});
    Value error = build_binary(&b, OP_SUB, y, t);
    build_output(&b, output, build_unary(&b, OP_ACROSS_MEAN, build_binary(&b, OP_MUL, error, error)));
    return b.function;
}

static void toy_form(Module *module, const WeightForm *form)
{
    Builder b = {.module = module, .function = function_new(module, "net.w.value")};
    FormUse use = {.b = &b, .weight = 0, .input = build_source(&b, form == &form_delta_stn ? OP_SHIFT : OP_CONDITION, 0)};
    build_output(&b, "weight", form->make(&use));
    module->weights.data[0].value = "net.w.value";
}

/* What the frontend makes of `weights net = FORM`: stn(lam), or NULL for free. */
static void toy_new(Toy *toy, const WeightForm *form)
{
    int64_t width = WIDTH, hypers = 1, rows[2] = {ROWS, WIDTH};
    Module *module = module_new("toy", DTYPE_F64);
    *toy = (Toy){.model = {.module = module, .name = "toy"}};
    vec_push(&module->fields, (Field){.name = "d.x", .type = type_of(DTYPE_F64, 1, &width)});
    vec_push(&module->fields, (Field){.name = "d.t", .type = type_scalar(DTYPE_F64)});
    vec_push(
        &module->weights,
        (Weight){
            .name = "net.w", .type = type_of(DTYPE_F64, 1, &width), .fan_in = 1, .fan_out = 2, .init = {INIT_CONSTANT, 0.25}});
    vec_push(&module->conditions, (Condition){"lam", type_of(DTYPE_F64, 1, &hypers), CONDITION_HYPER, 0});
    vec_push(&toy->model.forms, (Form){.target = "net"});
    if (form)
        toy_form(module, form);
    vec_push(&toy->model.nets, (Net){"net", 1});
    vec_push(&toy->model.hypers, (Hyper){"lam.a", 0, 0, type_scalar(DTYPE_F64), HYPER_RANGE, 0, 2, 0.5, false});
    Dataset data = {.name = "d", .format = FORMAT_IDX};
    vec_push(&data.splits, ((Split){.name = "train", .count = ROWS}));
    vec_push(&toy->model.datasets, data);
    toy->train = (Train){.name = "go", .method = METHOD_FIT, .batch = BATCH, .epochs = 1, .select = -1};
    Phase phase = {.name = "minimise", .objective = toy_objective(module, "go.objective", "loss"), .batch = BATCH};
    vec_push(&toy->train.phases, phase);
    toy->rows[0] = (Tensor){type_of(DTYPE_F64, 2, rows), support_malloc(ROWS * WIDTH * 8)};
    toy->rows[1] = (Tensor){type_of(DTYPE_F64, 1, rows), support_malloc(ROWS * 8)};
    for (int r = 0; r < ROWS; r++) {
        for (int i = 0; i < WIDTH; i++)
            tensor_set(&toy->rows[0], r * WIDTH + i, x_of(r, i));
        tensor_set(&toy->rows[1], r, t_of(r));
    }
}

static void toy_assemble(Toy *toy)
{
    method_assemble(&toy->model, &toy->train, NULL);
    Text problems = {0};
    if (!verify_module(toy->model.module, true, &problems))
        fail_msg("%s", problems.data);
    toy->states = world_states_new(toy->model.module);
}

static void toy_free(Toy *toy)
{
    world_states_free(toy->model.module, toy->states);
    support_free(toy->rows[0].data);
    support_free(toy->rows[1].data);
    vec_free(&toy->train.phases);
    vec_free(&toy->train.metrics);
    vec_free(&toy->train.acts);
    vec_free(&toy->train.conditions);
    model_free(&toy->model);
}

/* Runs a function on the rows first, first + 1, ...; gives its first output (0 if none). */
static double toy_run(Toy *toy, const Function *function, int first, int valid)
{
    char why[256];
    Tensor inputs[4] = {0}, *outputs;
    int32_t index[BATCH], count = 2, total = 8;
    unsigned char mask[BATCH];
    for (int i = 0; i < BATCH; i++) {
        index[i] = first + (i < valid ? i : 0);
        mask[i] = i < valid;
    }
    for (uint32_t i = 0; i < function->inputs.len; i++) {
        const char *name = function->input_names.data[i];
        inputs[i].type = OP_AT(function, function->inputs.data[i])->type;
        inputs[i].data = strcmp(name, "index") == 0         ? (void *)index
                         : strcmp(name, "mask") == 0        ? (void *)mask
                         : strcmp(name, "epoch_steps") == 0 ? (void *)&count
                                                            : (void *)&total;
    }
    World world = {toy->states, toy->rows};
    if (!interpret(toy->model.module, function, &world, inputs, &outputs, why))
        fail_msg("%s", why);
    double result = function->outputs.len ? tensor_get(&outputs[0], 0) : 0;
    interpret_free_outputs(function, outputs);
    return result;
}

static Tensor *toy_state(Toy *toy, const char *name)
{
    int64_t state = find_state(toy->model.module, name);
    if (state < 0)
        fail_msg("no state '%s'", name);
    return &toy->states[state];
}

static double gradient(const double *w, int first, double *g)
{
    double loss = 0;
    g[0] = g[1] = 0;
    for (int r = first; r < first + BATCH; r++) {
        double e = w[0] * x_of(r, 0) + w[1] * x_of(r, 1) - t_of(r);
        loss += e * e / BATCH;
        g[0] += 2 * e * x_of(r, 0) / BATCH;
        g[1] += 2 * e * x_of(r, 1) / BATCH;
    }
    return loss;
}

static double warm_rate(const Optimizer *o, int step)
{
    double cuts = 0, epoch = floor(step / 2.0);
    switch (o->schedule.kind) {
    case SCHEDULE_COSINE:
        return o->rate * 0.5 * (1 + cos(acos(-1) * fmin(1, step / 8.0)));
    case SCHEDULE_STEP:
        return o->rate * pow(o->schedule.factor, floor(epoch / o->schedule.every));
    case SCHEDULE_EXPONENTIAL:
        return o->rate * pow(o->schedule.factor, epoch);
    case SCHEDULE_POWER:
        return o->rate * pow(step + 1, -o->schedule.factor);
    case SCHEDULE_MULTISTEP:
        for (uint32_t i = 0; i < o->schedule.cuts; i++)
            cuts += epoch >= o->schedule.at[i];
        return o->rate * pow(o->schedule.factor, cuts);
    default:
        return o->rate;
    }
}

static double plain_rate(const Optimizer *o, int step)
{
    return warm_rate(o, step) * (o->warmup > 0 ? fmin(1, (step + 1) / o->warmup) : 1);
}

/* The textbook update of torch.optim, one number at a time. */
static void plain_update(const Optimizer *o, int step, double *w, double *g_in, double *m, double *v)
{
    for (int i = 0; i < WIDTH && o->clip_value > 0; i++)
        g_in[i] = fmax(-o->clip_value, fmin(o->clip_value, g_in[i]));
    double rate = plain_rate(o, step), norm = sqrt(g_in[0] * g_in[0] + g_in[1] * g_in[1]);
    double share = o->clip > 0 ? fmin(1, o->clip / (norm + 1e-6)) : 1;
    for (int i = 0; i < WIDTH; i++) {
        double g = g_in[i] * share;
        if (o->kind == OPTIMIZER_SGD) {
            m[i] = o->momentum * m[i] + g;
            w[i] -= rate * (o->nesterov ? g + o->momentum * m[i] : m[i]);
        } else if (o->kind == OPTIMIZER_RMSPROP) {
            v[i] = o->beta2 * v[i] + (1 - o->beta2) * g * g;
            w[i] -= rate * g / (sqrt(v[i]) + o->epsilon);
        } else {
            w[i] -= rate * o->decay * w[i];
            m[i] = o->beta1 * m[i] + (1 - o->beta1) * g;
            v[i] = o->beta2 * v[i] + (1 - o->beta2) * g * g;
            double mhat = m[i] / (1 - pow(o->beta1, step + 1)), vhat = v[i] / (1 - pow(o->beta2, step + 1));
            w[i] -= rate * mhat / (sqrt(vhat) + o->epsilon);
        }
    }
}

static void optimizers_follow_their_formulas(void **state)
{
    (void)state;
    const Optimizer optimizers[] = {
        {.kind = OPTIMIZER_SGD, .rate = 0.1},
        {.kind = OPTIMIZER_SGD, .rate = 0.1, .momentum = 0.9, .clip = 0.05},
        {.kind = OPTIMIZER_ADAM, .rate = 0.05, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8},
        {.kind = OPTIMIZER_ADAM,
         .rate = 0.05,
         .beta1 = 0.9,
         .beta2 = 0.999,
         .epsilon = 1e-8,
         .schedule = {.kind = SCHEDULE_COSINE}},
        {.kind = OPTIMIZER_RMSPROP,
         .rate = 0.01,
         .beta2 = 0.99,
         .epsilon = 1e-8,
         .schedule = {.kind = SCHEDULE_STEP, .every = 2, .factor = 0.1}},
        {.kind = OPTIMIZER_SGD, .rate = 0.1, .momentum = 0.9, .nesterov = true, .clip_value = 0.02, .warmup = 4},
        {.kind = OPTIMIZER_ADAM, .rate = 0.05, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .decay = 0.3},
        {.kind = OPTIMIZER_SGD, .rate = 0.1, .schedule = {.kind = SCHEDULE_EXPONENTIAL, .factor = 0.7}},
        {.kind = OPTIMIZER_SGD, .rate = 0.1, .schedule = {.kind = SCHEDULE_POWER, .factor = 0.5}},
        {.kind = OPTIMIZER_SGD,
         .rate = 0.1,
         .warmup = 3,
         .schedule = {.kind = SCHEDULE_MULTISTEP, .factor = 0.5, .at = {1, 3}, .cuts = 2}},
    };
    for (size_t i = 0; i < COUNT_OF(optimizers); i++) {
        Toy toy;
        toy_new(&toy, NULL);
        toy.train.phases.data[0].optimizer = optimizers[i];
        toy_assemble(&toy);
        toy_run(&toy, toy.train.init, 0, BATCH);
        double w[WIDTH] = {0.25, 0.25}, m[WIDTH] = {0}, v[WIDTH] = {0}, g[WIDTH];
        for (int step = 0; step < 10; step++) {
            int first = step % 2 * BATCH;
            double expected = gradient(w, first, g), loss = toy_run(&toy, toy.train.phases.data[0].step, first, BATCH);
            plain_update(&optimizers[i], step, w, g, m, v);
            assert_true(fabs(loss - expected) < 1e-12);
            for (int k = 0; k < WIDTH; k++)
                if (fabs(tensor_get(toy_state(&toy, "net.w"), k) - w[k]) > 1e-12)
                    fail_msg("optimizer %d, step %d", (int)i, step);
        }
        assert_true(tensor_get(toy_state(&toy, "step/lower"), 0) == 10);
        toy_free(&toy);
    }
}

/* Two batches, the second with one valid row, must give the mean over those five rows. */
static void a_metric_is_exact_over_uneven_batches(void **state)
{
    (void)state;
    Toy toy;
    toy_new(&toy, NULL);
    toy.model.datasets.data[0].splits.data[0].count = BATCH; /* so that evaluation batches are of this size */
    Metric metric = {.name = "loss", .objective = toy_objective(toy.model.module, "m.objective", "value")};
    vec_push(&toy.train.metrics, metric);
    toy_assemble(&toy);
    toy_run(&toy, toy.train.init, 0, BATCH);
    toy_run(&toy, toy.train.metrics.data[0].accumulate[0], 0, BATCH);
    toy_run(&toy, toy.train.metrics.data[0].accumulate[0], BATCH, 1);
    double value = toy_run(&toy, toy.train.metrics.data[0].finish, 0, BATCH), expected = 0;
    for (int r = 0; r < 5; r++) {
        double e = 0.25 * (x_of(r, 0) + x_of(r, 1)) - t_of(r);
        expected += e * e / 5;
    }
    assert_true(fabs(value - expected) < 1e-14);
    toy_free(&toy);
}

/* The mean of (t - loss)^2, where loss is itself a mean over all examples: two passes over uneven batches. */
static void a_reduction_inside_a_reduction_takes_a_second_pass(void **state)
{
    (void)state;
    Toy toy;
    toy_new(&toy, NULL);
    toy.model.datasets.data[0].splits.data[0].count = BATCH;
    Function *nested = toy_objective(toy.model.module, "m.objective", "value");
    Builder b = {.module = toy.model.module, .function = nested};
    Value t = build_cast(&b, build_source(&b, OP_EXAMPLE, 1), toy.model.module->real);
    Value apart = build_binary(&b, OP_SUB, t, nested->outputs.data[0].value);
    nested->outputs.data[0].value = build_unary(&b, OP_ACROSS_MEAN, build_binary(&b, OP_MUL, apart, apart));
    vec_push(&toy.train.metrics, (Metric){.name = "spread", .objective = nested});
    toy_assemble(&toy);
    const Metric *metric = &toy.train.metrics.data[0];
    assert_int_equal(metric->passes, 2);
    toy_run(&toy, toy.train.init, 0, BATCH);
    for (uint32_t pass = 0; pass < 2; pass++) {
        toy_run(&toy, metric->accumulate[pass], 0, BATCH);
        toy_run(&toy, metric->accumulate[pass], BATCH, 1);
    }
    double value = toy_run(&toy, metric->finish, 0, BATCH), loss = 0, expected = 0;
    for (int r = 0; r < 5; r++) {
        double e = 0.25 * (x_of(r, 0) + x_of(r, 1)) - t_of(r);
        loss += e * e / 5;
    }
    for (int r = 0; r < 5; r++)
        expected += (t_of(r) - loss) * (t_of(r) - loss) / 5;
    assert_true(fabs(value - expected) < 1e-14);
    toy_free(&toy);
}

static void bilevel_begin(Toy *toy, double sigma, bool learned, double entropy)
{
    Optimizer sgd = {.kind = OPTIMIZER_SGD, .rate = 0.1};
    toy->train.method = METHOD_BILEVEL;
    vec_push(&toy->train.conditions, (TrainCondition){.kind = CONDITION_HYPER, .condition = 0});
    toy->train.sigma = sigma;
    toy->train.sigma_learned = learned;
    toy->train.entropy = entropy;
    toy->train.sigma_optimizer = sgd;
    toy->train.phases.data[0].name = "lower";
    toy->train.phases.data[0].optimizer = sgd;
    Function *objective = toy_objective(toy->model.module, "go.upper.objective", "loss");
    Phase upper = {.name = "upper", .upper = true, .objective = objective, .batch = BATCH, .optimizer = sgd};
    vec_push(&toy->train.phases, upper);
    toy_assemble(toy);
    toy_run(toy, toy->train.init, 0, BATCH);
}

static void bilevel_toy(Toy *toy, const WeightForm *form, double sigma, bool learned, double entropy)
{
    toy_new(toy, form);
    bilevel_begin(toy, sigma, learned, entropy);
}

/* With no noise the response is w = elem + V lam hyper, and lam's gradient is sum_i dL/dw_i V_i hyper_i. */
static void the_condition_descends_through_the_response(void **state)
{
    (void)state;
    Toy toy;
    bilevel_toy(&toy, &form_stn, 0, false, 0);
    double lam = tensor_get(toy_state(&toy, "lam/value"), 0), w[WIDTH], g[WIDTH], slope = 0;
    assert_true(fabs(lam - log(0.25 / 0.75)) < 1e-12); /* 0.5 in (0, 2) */
    for (int i = 0; i < WIDTH; i++) {
        double v = tensor_get(toy_state(&toy, "net.w/scale"), i);
        w[i] = tensor_get(toy_state(&toy, "net.w/elem"), i) + lam * v * tensor_get(toy_state(&toy, "net.w/hyper"), i);
    }
    double expected = gradient(w, 0, g);
    for (int i = 0; i < WIDTH; i++)
        slope += g[i] * tensor_get(toy_state(&toy, "net.w/scale"), i) * tensor_get(toy_state(&toy, "net.w/hyper"), i);
    assert_true(fabs(toy_run(&toy, toy.train.phases.data[1].step, 0, BATCH) - expected) < 1e-13);
    assert_true(fabs(tensor_get(toy_state(&toy, "lam/value"), 0) - (lam - 0.1 * slope)) < 1e-13);
    toy_free(&toy);
}

/* (tanh(w x) - t)^2 + lam^2 |w|^2, where tanh is the last of the net. */
static void toy_curved_objective(Builder *b, Function *function)
{
    function->ops.len = function->outputs.len = 0;
    Value w = build_source(b, OP_PARAM, 0), x = build_source(b, OP_EXAMPLE, 0), t = build_source(b, OP_EXAMPLE, 1);
    Value lam = build_reshape(b, build_source(b, OP_CONDITION, 0), type_scalar(DTYPE_F64));
    Value y = build_unary(b, OP_TANH, build_dot(b, w, x, dims_of(1, 0), dims_of(1, 0), (Dims){0}, (Dims){0}));
    Value error = build_binary(b, OP_SUB, build_unary(b, OP_MARK, y), t);
    Value size = build_reduce(b, OP_REDUCE_SUM, build_binary(b, OP_MUL, w, w), dims_of(1, 0));
    Value decay = build_binary(b, OP_MUL, build_binary(b, OP_MUL, lam, lam), size);
    Value loss = build_binary(b, OP_ADD, build_binary(b, OP_MUL, error, error), decay);
    build_output(b, "loss", build_unary(b, OP_ACROSS_MEAN, loss));
}

/* What the next lower step draws for the condition of each example. */
static void next_samples(Toy *toy, double *samples)
{
    Module *module = toy->model.module;
    Assembly assembly = method_assembly(&toy->model, &toy->train, NULL);
    Builder b = {.module = module, .function = function_new(module, "condition")};
    build_output(&b, "lam", build_source(&b, OP_CONDITION, 0));
    Function *drawn = objective_copy(&assembly, "drawn", b.function, SAMPLED(0));
    pass_batch(module, drawn, BATCH, false);
    World world = {toy->states, toy->rows};
    Tensor *outputs;
    char why[256];
    assert_true(interpret(module, drawn, &world, NULL, &outputs, why));
    for (int i = 0; i < BATCH; i++)
        samples[i] = tensor_get(&outputs[0], i);
    interpret_free_outputs(drawn, outputs);
}

/* Of a result y + J delta and a decay of w(lam) itself: the gradients of V and hyper, and the loss. */
static double response_gradient(const double *w, const double *v, const double *hyper, double lam, const double *samples,
                                double *gv, double *gh)
{
    double loss = 0;
    for (int r = 0; r < BATCH; r++) {
        double delta = samples[r] - lam, z = w[0] * x_of(r, 0) + w[1] * x_of(r, 1), y = tanh(z), slope = 1 - y * y, along = 0;
        for (int i = 0; i < WIDTH; i++)
            along += slope * v[i] * delta * hyper[i] * x_of(r, i);
        double error = y + along - t_of(r);
        loss += error * error / BATCH;
        for (int i = 0; i < WIDTH; i++) {
            double moved = w[i] + v[i] * delta * hyper[i], decay = samples[r] * samples[r];
            double g = (2 * error * slope * x_of(r, i) + 2 * decay * moved) * delta / BATCH;
            loss += decay * moved * moved / BATCH;
            gv[i] += g * hyper[i];
            gh[i] += g * v[i];
        }
    }
    return loss;
}

static void centred_responses_are_trained_apart(void **state)
{
    (void)state;
    Toy toy;
    toy_new(&toy, &form_delta_stn);
    Builder b = {.module = toy.model.module, .function = toy.train.phases.data[0].objective};
    toy_curved_objective(&b, b.function);
    bilevel_begin(&toy, 0.7, false, 0);
    const Train *train = &toy.train;
    const double v[WIDTH] = {0.4, -0.3}, hyper[WIDTH] = {-0.8, 0.6}, w[WIDTH] = {0.25, 0.25};
    double samples[BATCH], gv[WIDTH] = {0}, gh[WIDTH] = {0}, lam = tensor_get(toy_state(&toy, "lam/value"), 0);
    for (int i = 0; i < WIDTH; i++) {
        tensor_set(toy_state(&toy, "net.w/scale"), i, v[i]);
        tensor_set(toy_state(&toy, "net.w/hyper"), i, hyper[i]);
    }
    next_samples(&toy, samples);
    double expected = response_gradient(w, v, hyper, lam, samples, gv, gh);
    assert_int_equal(train->phases.len, 3);
    assert_true(fabs(toy_run(&toy, train->phases.data[2].step, 0, BATCH) - expected) < 1e-13);
    for (int i = 0; i < WIDTH; i++) {
        assert_true(fabs(tensor_get(toy_state(&toy, "net.w/scale"), i) - (v[i] - 0.1 * gv[i])) < 1e-13);
        assert_true(fabs(tensor_get(toy_state(&toy, "net.w/hyper"), i) - (hyper[i] - 0.1 * gh[i])) < 1e-13);
        assert_true(tensor_get(toy_state(&toy, "net.w/elem"), i) == w[i]);
    }
    assert_true(tensor_get(toy_state(&toy, "step/lower"), 0) == 0);
    toy_free(&toy);
}

/* Weights at the value at hand have no response: the step of the net is that of a free one, and reads no response. */
static void centred_weights_are_trained_as_free_ones(void **state)
{
    (void)state;
    Toy toy, free;
    bilevel_toy(&toy, &form_delta_stn, 0.7, false, 0);
    bilevel_toy(&free, NULL, 0, false, 0);
    const Function *step = toy.train.phases.data[0].step;
    assert_int_equal(step->ops.len, free.train.phases.data[0].step->ops.len);
    assert_true(find_read(step, (uint32_t)find_state(toy.model.module, "net.w/hyper")) == NO_VALUE);
    for (int k = 0; k < 10; k++) {
        double loss = toy_run(&toy, step, k % 2 * BATCH, BATCH);
        assert_true(loss == toy_run(&free, free.train.phases.data[0].step, k % 2 * BATCH, BATCH));
    }
    for (int i = 0; i < WIDTH; i++)
        assert_true(tensor_get(toy_state(&toy, "net.w/elem"), i) == tensor_get(toy_state(&free, "net.w"), i));
    toy_free(&toy);
    toy_free(&free);
}

/* At the value at hand, lam's gradient is sum_i dL/dw_i V_i hyper_i, as if its response were not 0. */
static void the_condition_descends_through_the_centred_response(void **state)
{
    (void)state;
    Toy toy;
    bilevel_toy(&toy, &form_delta_stn, 0.7, false, 0);
    const double v[WIDTH] = {0.4, -0.3}, w[WIDTH] = {0.25, 0.25};
    double g[WIDTH], lam = tensor_get(toy_state(&toy, "lam/value"), 0), slope = 0, expected = gradient(w, 0, g);
    for (int i = 0; i < WIDTH; i++) {
        tensor_set(toy_state(&toy, "net.w/scale"), i, v[i]);
        slope += g[i] * v[i] * tensor_get(toy_state(&toy, "net.w/hyper"), i);
    }
    assert_true(fabs(toy_run(&toy, toy.train.phases.data[1].step, 0, BATCH) - expected) < 1e-13);
    assert_true(fabs(tensor_get(toy_state(&toy, "lam/value"), 0) - (lam - 0.1 * slope)) < 1e-13);
    toy_free(&toy);
}

/* Weights that do not depend on the condition leave only the entropy: d/ds -tau log softplus(s) = -tau sigmoid(s) / softplus(s).
 */
static void the_entropy_alone_widens_sigma(void **state)
{
    (void)state;
    Toy toy;
    const double tau = 0.3, sigma = 0.5, s = log(expm1(sigma));
    bilevel_toy(&toy, &form_stn, sigma, true, tau);
    for (int i = 0; i < WIDTH; i++)
        tensor_set(toy_state(&toy, "net.w/scale"), i, 0);
    toy_run(&toy, toy.train.phases.data[1].step, 0, BATCH);
    double expected = s + 0.1 * tau / (1 + exp(-s)) / sigma;
    assert_true(fabs(tensor_get(toy_state(&toy, "lam/scale"), 0) - expected) < 1e-12);
    toy_free(&toy);
}

static void hyperparameters_are_reported_in_natural_units(void **state)
{
    (void)state;
    Toy toy;
    bilevel_toy(&toy, &form_stn, 0.2, true, 0);
    char why[256];
    Tensor *outputs;
    World world = {toy.states, toy.rows};
    assert_true(interpret(toy.model.module, toy.train.hypers, &world, NULL, &outputs, why));
    assert_string_equal(toy.train.hypers->outputs.data[0].name, "lam.a");
    assert_true(fabs(tensor_get(&outputs[0], 0) - 0.5) < 1e-12);
    assert_true(fabs(tensor_get(&outputs[1], 0) - 0.2 * 2 * 0.25 * 0.75) < 1e-12); /* sigma times 2 s (1 - s) at s = 1/4 */
    interpret_free_outputs(toy.train.hypers, outputs);
    toy_free(&toy);
}

/* The factor behind each evaluation of these metrics. */
static void check_watching(RateSchedule schedule, const char *factor, size_t count, const double *metrics, const double *factors)
{
    Toy toy;
    toy_new(&toy, NULL);
    toy.train.phases.data[0].optimizer = (Optimizer){.kind = OPTIMIZER_SGD, .rate = 1, .schedule = schedule};
    toy_assemble(&toy);
    toy_run(&toy, toy.train.init, 0, BATCH);
    for (size_t i = 0; i < count; i++) {
        double value = metrics[i];
        Tensor input = {type_scalar(DTYPE_F64), &value}, *outputs;
        World world = {toy.states, toy.rows};
        char why[256];
        assert_true(interpret(toy.model.module, toy.train.plateau, &world, &input, &outputs, why));
        interpret_free_outputs(toy.train.plateau, outputs);
        assert_true(tensor_get(toy_state(&toy, factor), 0) == factors[i]);
    }
    toy_free(&toy);
}

static void schedules_follow_a_metric(void **state)
{
    (void)state;
    const double plateau[] = {3, 2, 2, 2.5, 1, 1, 1}, after_plateau[] = {1, 1, 1, 0.5, 0.5, 0.5, 0.25};
    check_watching((RateSchedule){.kind = SCHEDULE_PLATEAU, .every = 1, .factor = 0.5}, "minimise/plateau/factor",
                   COUNT_OF(plateau), plateau, after_plateau);
    /* the least before the last two: none, none, none, 5, 4, 3, 3, 3 */
    const double metrics[] = {5, 4, 3, 6, 3.5, 2, 2.5, 4}, factors[] = {1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25};
    check_watching((RateSchedule){.kind = SCHEDULE_NONMONOTONIC, .every = 2, .factor = 0.5}, "minimise/nonmonotonic/factor",
                   COUNT_OF(metrics), metrics, factors);
    /* the least before the last one: none, none, 5, 5, 5 */
    const double others[] = {5, 6, 5.5, 4, 7}, after_others[] = {1, 1, 0.5, 0.5, 0.25};
    check_watching((RateSchedule){.kind = SCHEDULE_NONMONOTONIC, .every = 1, .factor = 0.5}, "minimise/nonmonotonic/factor",
                   COUNT_OF(others), others, after_others);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(optimizers_follow_their_formulas),
        cmocka_unit_test(a_metric_is_exact_over_uneven_batches),
        cmocka_unit_test(a_reduction_inside_a_reduction_takes_a_second_pass),
        cmocka_unit_test(the_condition_descends_through_the_response),
        cmocka_unit_test(centred_responses_are_trained_apart),
        cmocka_unit_test(centred_weights_are_trained_as_free_ones),
        cmocka_unit_test(the_condition_descends_through_the_centred_response),
        cmocka_unit_test(the_entropy_alone_widens_sigma),
        cmocka_unit_test(hyperparameters_are_reported_in_natural_units),
        cmocka_unit_test(schedules_follow_a_metric),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
