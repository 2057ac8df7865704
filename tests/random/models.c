/* Random models: their steps and gradients by the interpreter and compiled, the gradients against central differences, a batch
 * against its examples one by one, which knows nothing of batching or of fusion, and an example whose hyperparameters are its own
 * against one whose hyperparameters are the batch's, in which nothing is pulled out of products. */
#include <math.h>
#include <string.h>

#include "frontend/frontend.h"
#include "passes/passes.h"
#include "tests/random/differential.h"
#include "tests/random/generate.h"

/* A model compiled to the step functions and the gradients of its losses. */
typedef struct Subject {
    Arena arena;
    Source source;
    Diagnostics diags;
    Model *model;
    Module *module;
    Function *gradients[4];
    uint32_t losses;
} Subject;

static void subject_free(Subject *subject)
{
    if (subject->model)
        model_free(subject->model);
    diag_free(&subject->diags);
    arena_free(&subject->arena);
}

/* Leaves only functions that run in the module. */
static void drop_sources(Module *module)
{
    for (uint32_t i = module->functions.len; i-- > 0;) {
        Text text = {0};
        if (!verify_function(module, module->functions.data[i], false, &text))
            function_remove(module, module->functions.data[i]);
        text_free(&text);
    }
}

/* How hyperparameters are drawn: as the model says, per example, or per batch. */
typedef enum { DRAWS_AS_WRITTEN, DRAWS_OF_EXAMPLES, DRAWS_OF_BATCH } Draws;

static bool subject_new(Subject *subject, const Text *text, DType real, int64_t batch, Draws draws, char why[static 256])
{
    *subject = (Subject){.source = {"random.hn", text->data, text->len}};
    FrontendOptions options = {.real = real, .batch = batch};
    subject->model = frontend_compile(&subject->source, &options, &subject->diags);
    if (!subject->model) {
        diag_print(&subject->diags, stderr);
        snprintf(why, 256, "the compiler refuses the model");
        return false;
    }
    for (uint32_t i = 0; draws != DRAWS_AS_WRITTEN && i < subject->model->hypers.len; i++)
        subject->model->hypers.data[i].shared = draws == DRAWS_OF_BATCH;
    Train *train = &subject->model->trains.data[0];
    subject->module = subject->model->module;
    method_assemble(subject->model, train, NULL);
    exports_finish(subject->model, NULL);
    subject->losses = method_losses(train);
    for (uint32_t i = 0; i < subject->losses; i++)
        subject->gradients[i] = method_gradients(subject->model, train, i);
    drop_sources(subject->module);
    return true;
}

/* ---- numbers that a run could hold ---- */

static void scale_weights(const Module *module, Tensor *states)
{
    for (uint32_t s = 0; s < module->states.len; s++)
        for (int64_t i = 0; dtype_is_float(states[s].type.dtype) && i < type_elements(states[s].type); i++) {
            double x = tensor_get(&states[s], i), scaled = x / 4;
            if (module->states.data[s].role == STATE_COUNTER) /* a preference */
                scaled = (fabs(x) + 0.25) / 4;
            tensor_set(&states[s], i, scaled);
        }
}

static Tensor *model_states(const Module *module, uint64_t seed)
{
    Tensor *states = random_states(module, seed);
    scale_weights(module, states);
    return states;
}

static bool draws_numbers(const Function *function)
{
    for (Value v = 0; v < function->ops.len; v++)
        if (OP_AT(function, v)->code == OP_RANDOM)
            return true;
    return false;
}

/* ---- gradients against central differences ---- */

static double loss_at(const Numbers *numbers)
{
    Results results;
    char why[256];
    double loss = run_interpreted(numbers, &results, why) ? tensor_get(&results.tensors[0], 0) : NAN;
    results_free(&results);
    return loss;
}

/* Moves every differentiated state by h times its direction: a gradient's output is named after its state. */
static void move_states(const Numbers *numbers, Tensor *states, Tensor *const *directions, double h)
{
    for (uint32_t i = 1; i < numbers->function->outputs.len; i++) {
        Tensor *state = &states[find_state(numbers->module, numbers->function->outputs.data[i].name)];
        for (int64_t k = 0; k < type_elements(state->type); k++)
            tensor_set(state, k, tensor_get(state, k) + h * tensor_get(directions[i], k));
    }
}

static void check_central_difference(Count *count, const Subject *subject, const Function *function, Tensor *states,
                                     uint64_t seed, const char *text)
{
    static const double steps[] = {1e-4, 1e-5, 1e-6, 1e-7};
    Numbers numbers = numbers_new(subject->module, function, seed, states);
    Results gradient;
    char why[256];
    double slope = 0, length = 0, least = INFINITY;
    Tensor *directions[256];
    if (function->outputs.len >= COUNT_OF(directions) || !run_interpreted(&numbers, &gradient, why))
        return;
    for (uint32_t i = 1; i < function->outputs.len; i++) {
        directions[i] = &gradient.tensors[i];
        for (int64_t k = 0; k < type_elements(directions[i]->type); k++)
            length += tensor_get(directions[i], k) * tensor_get(directions[i], k);
    }
    length = sqrt(length);
    slope = length; /* along the gradient */
    for (size_t s = 0; s < COUNT_OF(steps) && length > 0; s++) {
        double h = steps[s] / length, sides[2];
        for (int side = 0; side < 2; side++) {
            double signed_h = side ? -h : h;
            move_states(&numbers, states, directions, signed_h);
            sides[side] = loss_at(&numbers);
            move_states(&numbers, states, directions, -signed_h);
        }
        least = fmin(least, fabs((sides[0] - sides[1]) / (2 * steps[s]) - slope));
    }
    count->gradients++;
    if (length > 1e-6 && !(least <= 1e-3 * slope + 1e-6)) {
        snprintf(why, sizeof why, "the slope along the gradient is %.12g, central differences are off by %.3g", slope, least);
        report(count, seed, subject->module->real, "gradient", why, subject->module, function, text);
    }
    results_free(&gradient);
    numbers_free(&numbers);
}

/* ---- a batch against its examples ---- */

/* Each output of a function without random numbers is the mean of its values for the single examples. */
static void check_examples(Count *count, const Subject *whole, const Subject *single, uint32_t loss, const Tensor *states,
                           uint64_t seed, const char *text)
{
    const Function *all = whole->gradients[loss], *one = single->gradients[loss];
    if (draws_numbers(all) || all->inputs.len != 1 || whole->module->states.len != single->module->states.len)
        return;
    Numbers numbers = numbers_new(whole->module, all, seed, states), alone = numbers_new(single->module, one, seed, states);
    Results expected, part;
    char why[256];
    int64_t batch = type_elements(numbers.inputs[0].type);
    bool fine = run_interpreted(&numbers, &expected, why) && results_finite(&expected);
    for (uint32_t i = 0; i < expected.n && fine; i++) /* nothing is left after the examples' parts are subtracted */
        for (int64_t k = 0; k < type_elements(expected.tensors[i].type); k++)
            if (i >= all->outputs.len)
                tensor_set(&expected.tensors[i], k, 0);
    double scale[256] = {0};
    for (int64_t example = 0; example < batch && fine; example++) {
        tensor_set(&alone.inputs[0], 0, tensor_get(&numbers.inputs[0], example));
        fine = run_interpreted(&alone, &part, why);
        for (uint32_t i = 0; i < one->outputs.len && fine; i++)
            for (int64_t k = 0; k < type_elements(expected.tensors[i].type); k++) {
                double x = tensor_get(&part.tensors[i], k);
                tensor_set(&expected.tensors[i], k, tensor_get(&expected.tensors[i], k) - x / (double)batch);
                scale[i % 256] = fmax(scale[i % 256], fabs(x));
            }
        results_free(&part);
    }
    for (uint32_t i = 0; i < all->outputs.len && fine; i++)
        for (int64_t k = 0; k < type_elements(expected.tensors[i].type); k++)
            if (!(fabs(tensor_get(&expected.tensors[i], k)) <= 1e-9 * fmax(1, scale[i % 256]))) {
                snprintf(why, sizeof why, "%.60s: a batch and the mean of its examples differ by %.3g", all->outputs.data[i].name,
                         tensor_get(&expected.tensors[i], k));
                report(count, seed, DTYPE_F64, "batch", why, whole->module, all, text);
                fine = false;
                break;
            }
    results_free(&expected);
    numbers_free(&numbers);
    numbers_free(&alone);
}

/* ---- hyperparameters of an example against those of its batch ---- */

static bool same_results(const Function *function, const Results *expected, const Results *found, char why[static 256])
{
    for (uint32_t i = 0; i < function->outputs.len; i++) {
        const Tensor *x = &expected->tensors[i], *y = &found->tensors[i];
        double scale = 1, difference = 0;
        for (int64_t k = 0; k < type_elements(x->type); k++) {
            scale = fmax(scale, fabs(tensor_get(x, k)));
            difference = fmax(difference, fabs(tensor_get(x, k) - tensor_get(y, k)));
        }
        if (!(difference <= 1e-9 * scale)) {
            snprintf(why, 256, "%.60s: hyperparameters of the example and of its batch differ by %.3g",
                     function->outputs.data[i].name, difference);
            return false;
        }
    }
    return true;
}

/* In a batch of one example both draw the same numbers. */
static void check_factoring(Count *count, const Text *text, uint64_t seed)
{
    Subject apart = {0}, together = {0};
    char why[256] = "";
    if (!subject_new(&apart, text, DTYPE_F64, 1, DRAWS_OF_EXAMPLES, why) ||
        !subject_new(&together, text, DTYPE_F64, 1, DRAWS_OF_BATCH, why))
        report(count, seed, DTYPE_F64, "model", why, NULL, NULL, text->data);
    for (uint32_t i = 0; i < apart.losses && i < together.losses; i++) {
        Tensor *states = model_states(apart.module, seed);
        Numbers of_example = numbers_new(apart.module, apart.gradients[i], seed, states);
        Numbers of_batch = numbers_new(together.module, together.gradients[i], seed, states);
        Results expected = {0}, found = {0};
        if (run_interpreted(&of_batch, &expected, why) && results_finite(&expected) &&
            (!run_interpreted(&of_example, &found, why) || !same_results(apart.gradients[i], &expected, &found, why)))
            report(count, seed, DTYPE_F64, "factoring", why, apart.module, apart.gradients[i], text->data);
        results_free(&expected);
        results_free(&found);
        numbers_free(&of_example);
        numbers_free(&of_batch);
        random_states_free(apart.module, states);
    }
    subject_free(&apart);
    subject_free(&together);
}

/* ---- compiled code ---- */

static bool is_mean_of_examples(const char *text)
{
    return !strstr(text, "square(mean(") && !strstr(text, " min(f(") && !strstr(text, " var(f(") && !strstr(text, "cosmos");
}

static void compare_function(Count *count, const Subject *subject, const Subject *doubt, const Compiled *compiled, uint32_t index,
                             unsigned threads, Tensor *states, Tensor *doubt_states, uint64_t seed, const char *text)
{
    const Function *function = subject->module->functions.data[index];
    const Function *same = doubt ? module_function(doubt->module, function->name) : NULL;
    Numbers numbers = numbers_new(subject->module, function, seed, states);
    Results expected, second = {0}, actual;
    char why[256];
    bool fine = run_interpreted(&numbers, &expected, why) && results_finite(&expected);
    if (fine && same) {
        Numbers again = numbers_new(doubt->module, same, seed, doubt_states);
        fine = run_interpreted(&again, &second, why) && results_finite(&second);
        numbers_free(&again);
    }
    if (fine) {
        if (!run_compiled(compiled, index, &numbers, threads, &actual, why))
            report(count, seed, subject->module->real, "memory", why, subject->module, function, text);
        int64_t result =
            first_difference(&expected, &actual, doubt ? tolerance_f32 : tolerance_f64, doubt ? &second : NULL, slack_f32, why);
        if (result >= 0)
            report(count, seed, subject->module->real, function->name, why, subject->module, function, text);
        results_free(&actual);
    } else {
        count->not_finite++;
    }
    results_free(&expected);
    results_free(&second);
    numbers_free(&numbers);
}

/* Chooses the functions of a model to compile: the gradients of every other model, and the steps of the rest. The interpreter has
 * checked all gradients. */
static void keep_half(const Subject *subject, uint64_t number)
{
    Module *module = subject->module;
    for (uint32_t i = module->functions.len; i-- > 0;) {
        const Function *function = module->functions.data[i];
        bool is_gradient = strstr(function->name, ".gradients") != NULL, works_on_rows = false;
        for (uint32_t k = 0; k < function->input_names.len; k++)
            works_on_rows |= !strcmp(function->input_names.data[k], "index");
        if (!works_on_rows || is_gradient != (number / 2 % 2 == 0))
            function_remove(module, module->functions.data[i]);
    }
}

static void compare_ways(Count *count, const Subject *subject, const Subject *doubt, uint64_t seed, uint64_t number,
                         const char *text)
{
    bool unfused = number / 2 % 8 == 1;
    int level = number / 2 % 16 == 2 ? 2 : 0;
    unsigned threads = number / 4 % 2 ? 2 : 1;
    keep_half(subject, number);
    Tensor *states = model_states(subject->module, seed), *doubt_states = doubt ? model_states(doubt->module, seed) : NULL;
    const Way ways[] = {{.threads = threads > 1, .level = level, .cpu = DEFAULT_CPU},
                        {.unfused = true, .blocks = true, .threads = threads > 1, .level = level, .cpu = DEFAULT_CPU}};
    for (int way = 0; way < 1 + unfused; way++) {
        Compiled compiled;
        Text why = {0};
        if (compile_module(subject->module, ways[way], &compiled, &why)) {
            for (uint32_t i = 0; i < subject->module->functions.len; i++) {
                compare_function(count, subject, doubt, &compiled, i, threads, states, doubt_states, seed, text);
                count->kernels += way ? 0 : compiled.plan->schedules.data[i].kernels.len;
            }
        } else {
            report(count, seed, subject->module->real, "compilation", why.data, subject->module, NULL, text);
        }
        text_free(&why);
        compiled_free(&compiled);
    }
    count->at_o2 += level > 0;
    count->threaded += threads > 1;
    count->unfused += unfused;
    random_states_free(subject->module, states);
    if (doubt)
        random_states_free(doubt->module, doubt_states);
}

void run_model(Count *count, uint64_t seed, uint64_t number)
{
    Text text = {0};
    random_model(seed, &text);
    Subject wide = {0}, narrow = {0}, single = {0};
    char why[256] = "";
    bool in_f32 = number % 2;
    count->programs++;
    count->in_f64 += !in_f32;
    if (!subject_new(&wide, &text, DTYPE_F64, 0, DRAWS_AS_WRITTEN, why) ||
        !subject_new(&single, &text, DTYPE_F64, 1, DRAWS_AS_WRITTEN, why) ||
        (in_f32 && !subject_new(&narrow, &text, DTYPE_F32, 0, DRAWS_AS_WRITTEN, why))) {
        report(count, seed, DTYPE_F64, "model", why, NULL, NULL, text.data);
    } else {
        Tensor *states = model_states(wide.module, seed);
        for (uint32_t i = 0; i < wide.losses; i++) {
            check_central_difference(count, &wide, wide.gradients[i], states, seed, text.data);
            if (is_mean_of_examples(text.data))
                check_examples(count, &wide, &single, i, states, seed, text.data);
        }
        random_states_free(wide.module, states);
        if (strstr(text.data, "bilevel("))
            check_factoring(count, &text, seed);
        compare_ways(count, in_f32 ? &narrow : &wide, in_f32 ? &wide : NULL, seed, number, text.data);
    }
    subject_free(&wide);
    subject_free(&narrow);
    subject_free(&single);
    text_free(&text);
}
