/* hnc check --gradients: every gradient against central differences, and compiled code against the interpreter. Both start from
 * functions of a batch, so the passes that make a batch of an example are checked by comparing the loss of a few examples with
 * its definition.
 *
 * Differences are taken of the loss with every `stop` held at its value, in f64, along the gradient of each tensor and along a
 * random direction, at the first weights and at weights nearby, as among the first weights two may be equal, or a product 0, by
 * design. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "driver/trial.h"

static const double tolerance = 1e-6, compiled_tolerance = 1e-9;

/* Examples whose loss is compared with its definition: those of a batch, of which the loss is known to be a number, but not many,
 * because the weights of each may be matrices of their own. */
static int examples_compared(int64_t batch)
{
    enum { MOST = 16 };
    return batch < TRIAL_FEWEST_ROWS ? TRIAL_FEWEST_ROWS : batch < MOST ? (int)batch : MOST;
}

/* A loss, as the several functions that differences need. */
typedef struct Loss {
    Function *gradients;        /* outputs: the loss, then a gradient for each state of that name */
    Function *plain;            /* outputs: the loss, then the operand of each stop */
    Function *frozen;           /* the loss; inputs: the rows, then the value of each stop */
    Function *definition, *few; /* the loss of so many examples, by definition and as steps have it */
    int examples;
} Loss;

/* ---- losses without and with frozen stops ---- */

static Function *copy_loss(Module *module, const Function *loss, const char *name, bool freeze)
{
    Function *copy = function_new(module, name);
    Builder b = {.module = module, .function = copy};
    Value *map = support_malloc((loss->ops.len + 1) * sizeof *map);
    for (Value v = 0; v < loss->ops.len; v++) { /* inputs first */
        const Op *op = OP_AT(loss, v);
        if (op->code == OP_INPUT)
            map[v] = build_copy(&b, loss, v, map);
        else if (op->code == OP_STOP && freeze)
            map[v] = build_input(&b, arena_printf(&module->arena, "stop%u", v), op->type);
    }
    for (Value v = 0; v < loss->ops.len; v++) {
        OpCode code = OP_AT(loss, v)->code;
        if (code != OP_INPUT && !(code == OP_STOP && freeze))
            map[v] = build_copy(&b, loss, v, map);
    }
    build_output(&b, "loss", map[loss->outputs.data[0].value]);
    for (Value v = 0; v < loss->ops.len && !freeze; v++)
        if (OP_AT(loss, v)->code == OP_STOP)
            build_output(&b, arena_printf(&module->arena, "stop%u", v), map[v]);
    support_free(map);
    return copy;
}

static Loss make_loss(Model *model, Train *train, uint32_t number)
{
    Module *module = model->module;
    int64_t batch = method_phase(train, number)->batch;
    Function *loss = method_loss(model, train, number, batch, false);
    pass_differentiate(module, loss);
    Loss made = {.gradients = method_gradients(model, train, number),
                 .plain = copy_loss(module, loss, arena_printf(&module->arena, "%s.plain", loss->name), false),
                 .frozen = copy_loss(module, loss, arena_printf(&module->arena, "%s.frozen", loss->name), true)};
    function_remove(module, loss);
    made.examples = examples_compared(batch);
    made.definition = method_loss(model, train, number, made.examples, true);
    made.few = method_loss(model, train, number, made.examples, false);
    pass_differentiate(module, made.definition);
    pass_differentiate(module, made.few);
    return made;
}

/* ---- differences ---- */

/* The outcome along one direction. */
typedef struct Slope {
    double error; /* relative, of the best step; 0 where it is more than tolerated, but rounding of the loss explains it */
    bool kink;    /* the slopes on both sides differ, and the gradient's slope can be right between them */
} Slope;

static double loss_at(const Trial *trial, const Loss *loss, const Tensor *stops)
{
    Tensor *outputs = trial_evaluate(trial, loss->frozen, stops);
    if (!outputs)
        return NAN;
    double value = tensor_get(&outputs[0], 0);
    interpret_free_outputs(loss->frozen, outputs);
    return value;
}

/* The loss with the state moved by h along the direction. */
static double loss_beside(const Trial *trial, const Loss *loss, const Tensor *stops, Tensor *state, const double *direction,
                          double h)
{
    int64_t n = type_elements(state->type);
    double *kept = support_malloc((size_t)n * sizeof *kept);
    for (int64_t i = 0; i < n; i++) {
        kept[i] = tensor_get(state, i);
        tensor_set(state, i, kept[i] + h * direction[i]);
    }
    double value = loss_at(trial, loss, stops);
    for (int64_t i = 0; i < n; i++)
        tensor_set(state, i, kept[i]);
    support_free(kept);
    return value;
}

/* How far `slope` is from what the losses at -h, 0 and h say, relative to the slopes and at least `scale`. Where the slopes on
 * the two sides differ by more than rounding there are kinks within h: at a kink an op may choose its derivative, so any slope
 * between the two sides, or beyond them by as much as they differ, can be right. With `excused`, a difference that rounding
 * explains is no error. */
static Slope judge(const double losses[3], double h, double slope, double scale, bool excused)
{
    double left = (losses[1] - losses[0]) / h, right = (losses[2] - losses[1]) / h, central = (losses[2] - losses[0]) / (2 * h);
    double width = fabs(right - left), error = fabs(central - slope);
    double largest = fmax(scale, fmax(fabs(slope), fmax(fabs(left), fabs(right)))),
           rounding = 64 * 2.2e-16 * fmax(1, fabs(losses[1])) / h;
    bool kink = width > 1e-3 * largest + rounding && error > tolerance * largest;
    if (kink)
        error = fmax(0, error - 1.5 * width);
    return (Slope){excused && error <= rounding && error > tolerance * largest ? 0 : error / largest, kink};
}

/* A unit vector: along the gradient (the strongest signal), or random. */
static void choose_direction(const Tensor *gradient, bool along, uint32_t stream, double *direction)
{
    int64_t n = type_elements(gradient->type);
    double norm = 0;
    for (int64_t i = 0; i < n; i++) {
        direction[i] = along ? tensor_get(gradient, i) : trial_random(stream, (uint64_t)i) - 0.5;
        norm += direction[i] * direction[i];
    }
    for (int64_t i = 0; i < n && norm > 0; i++)
        direction[i] /= sqrt(norm);
}

/* The slope at the step size that agrees best: small steps lose digits, over large ones the loss bends. Only at the largest step
 * rounding excuses a difference. A direction that is nearly orthogonal to the gradient is judged relative to the gradient's
 * length. `here`: the loss itself. */
static Slope slope_along(const Trial *trial, const Loss *loss, const Tensor *stops, double here, Tensor *state,
                         const Tensor *gradient, bool along, uint32_t stream)
{
    static const double sizes[] = {1e-5, 1e-6, 1e-4};
    int64_t n = type_elements(gradient->type);
    double *direction = support_malloc((size_t)n * sizeof *direction), slope = 0, norm = 0;
    Slope best = {INFINITY, false};
    choose_direction(gradient, along, stream, direction);
    for (int64_t i = 0; i < n; i++) {
        slope += tensor_get(gradient, i) * direction[i];
        norm += tensor_get(gradient, i) * tensor_get(gradient, i);
    }
    for (size_t k = 0; k < COUNT_OF(sizes) && (best.kink || !(best.error <= tolerance)); k++) {
        double h = sizes[k], losses[] = {loss_beside(trial, loss, stops, state, direction, -h), here,
                                         loss_beside(trial, loss, stops, state, direction, h)};
        Slope at = judge(losses, h, slope, fmax(1e-3 * sqrt(norm), 1e-12), h == 1e-4);
        bool good = at.error <= tolerance, was_good = best.error <= tolerance;
        if (good == was_good ? (at.kink == best.kink ? at.error < best.error : best.kink) : good)
            best = at;
    }
    support_free(direction);
    return best;
}

/* ---- one loss ---- */

typedef struct Tally {
    unsigned wrong, defined_wrong, compiled_wrong;
    bool not_finite;
} Tally;

static bool is_all_zero(const Tensor *tensor)
{
    for (int64_t i = 0; i < type_elements(tensor->type); i++)
        if (tensor_get(tensor, i) != 0)
            return false;
    return true;
}

/* Whether the function of a batch computes what the objective defines for its examples. */
static bool check_definition(const Trial *trial, const Loss *loss)
{
    Tensor *expected = trial_evaluate(trial, loss->definition, NULL), *actual = trial_evaluate(trial, loss->few, NULL);
    double difference = expected && actual ? tensor_difference(&expected[0], &actual[0]) : INFINITY;
    bool good = difference <= compiled_tolerance;
    printf("  the loss of %d examples %*s ", loss->examples, loss->examples < 10 ? 17 : 16, "");
    if (good && !isfinite(tensor_get(&expected[0], 0)))
        printf("is no finite number, which says nothing\n");
    else
        printf("by definition and as a batch %.1e%s\n", difference, good ? "" : "   WRONG");
    if (expected)
        interpret_free_outputs(loss->definition, expected);
    if (actual)
        interpret_free_outputs(loss->few, actual);
    return good;
}

static void check_loss(Trial *trial, const Loss *loss, const char *point, Tally *tally)
{
    Tensor *outputs = trial_evaluate(trial, loss->gradients, NULL), *plain = trial_evaluate(trial, loss->plain, NULL);
    unsigned wrong = 0;
    double here = plain ? tensor_get(&plain[0], 0) : NAN;
    if (outputs && plain)
        printf("%s, %s: loss %.6g\n", loss->gradients->name, point, here);
    tally->defined_wrong += outputs && plain && !check_definition(trial, loss);
    for (uint32_t i = 1; outputs && plain && i < loss->gradients->outputs.len; i++) {
        const char *name = loss->gradients->outputs.data[i].name;
        Tensor *state = &trial->world.states[find_state(trial->module, name)];
        Slope along = slope_along(trial, loss, plain + 1, here, state, &outputs[i], true, 0);
        Slope across = slope_along(trial, loss, plain + 1, here, state, &outputs[i], false, 7 * i);
        bool good = along.error <= tolerance && across.error <= tolerance, kink = along.kink || across.kink;
        if (good && is_all_zero(&outputs[i]))
            printf("  %-40s is 0 everywhere, and so are the differences\n", name);
        else
            printf("  %-40s along the gradient %.1e, a random direction %.1e%s\n", name, along.error, across.error,
                   !good  ? "   WRONG"
                   : kink ? "   (at a kink)"
                          : "");
        wrong += !good;
    }
    if (wrong)
        blame_derivatives(trial, loss->plain);
    tally->wrong += wrong + !outputs + !plain;
    if (plain)
        interpret_free_outputs(loss->plain, plain);
    if (outputs)
        interpret_free_outputs(loss->gradients, outputs);
}

/* ---- compiled code ---- */

static void compare_compiled(const Trial *trial, uint32_t index, Tally *tally)
{
    const Function *function = trial->module->functions.data[index];
    uint32_t outputs = function->outputs.len, n = outputs + trial->module->states.len;
    Tensor *expected = trial_run_interpreted(trial, function);
    unsigned char *scratch;
    Tensor *actual = trial_run_compiled(trial, index, &scratch);
    double largest = 0;
    const char *worst = "";
    for (uint32_t i = 0; expected && i < n; i++) {
        double difference = tensor_difference(&expected[i], &actual[i]);
        if (difference > largest) {
            largest = difference;
            worst = i < outputs ? function->outputs.data[i].name : trial->module->states.data[i - outputs].name;
        }
    }
    bool wrong = !expected || !(largest <= compiled_tolerance);
    printf("  compiled %-31s differs from the interpreter by %.1e%s%s%s\n", function->name, largest, wrong ? ", in " : "",
           wrong ? worst : "", wrong ? "   WRONG" : "");
    tally->compiled_wrong += wrong;
    tensors_free(expected, n);
    tensors_free(actual, n);
    free(scratch);
    if (wrong && expected)
        blame_compiled(trial, index);
}

/* Whether the function works on the rows of a batch, as steps and gradients do. */
static bool works_on_rows(const Function *function)
{
    for (uint32_t i = 0; i < function->input_names.len; i++)
        if (!strcmp(function->input_names.data[i], "index"))
            return true;
    return false;
}

/* Keeps the functions that run; the others are no longer needed. */
static void drop_sources(Module *module)
{
    for (uint32_t i = module->functions.len; i-- > 0;) {
        Text text = {0};
        if (!verify_function(module, module->functions.data[i], false, &text))
            function_remove(module, module->functions.data[i]);
        text_free(&text);
    }
}

/* ---- the model ---- */

static bool is_finite(const Trial *trial, const Loss *losses, uint32_t count)
{
    bool finite = true;
    for (uint32_t i = 0; i < count; i++) {
        Tensor *plain = trial_evaluate(trial, losses[i].plain, NULL);
        finite = finite && plain && isfinite(tensor_get(&plain[0], 0));
        if (plain)
            interpret_free_outputs(losses[i].plain, plain);
    }
    return finite;
}

static void check_train(Model *model, Train *train, Tally *tally)
{
    uint32_t count = method_losses(train);
    Loss *losses = support_malloc((count + 1) * sizeof *losses);
    for (uint32_t i = 0; i < count; i++)
        losses[i] = make_loss(model, train, i);
    drop_sources(model->module);
    Trial trial;
    bool ready = trial_new(&trial, model, train);
    tally->not_finite = ready && !is_finite(&trial, losses, count);
    if (ready && !tally->not_finite) {
        static const char *const points[] = {"at the first weights", "at weights nearby"};
        for (int point = 0; point < 2; point++) {
            for (uint32_t i = 0; i < count; i++)
                check_loss(&trial, &losses[i], points[point], tally);
            if (point == 0)
                trial_leave_start(&trial, model);
        }
        for (uint32_t i = 0; i < count; i++) {
            function_remove(model->module, losses[i].plain);
            function_remove(model->module, losses[i].frozen);
            function_remove(model->module, losses[i].definition);
            function_remove(model->module, losses[i].few);
        }
        bool compiled = trial_compile(&trial);
        tally->compiled_wrong += !compiled;
        for (uint32_t i = 0; compiled && i < model->module->functions.len; i++)
            if (works_on_rows(model->module->functions.data[i]))
                compare_compiled(&trial, i, tally);
    } else {
        tally->wrong += !ready;
    }
    trial_free(&trial);
    support_free(losses);
}

int check_gradients(Model *model, bool *not_finite)
{
    Tally tally = {0};
    for (uint32_t t = 0; t < model->trains.len; t++)
        check_train(model, &model->trains.data[t], &tally);
    *not_finite = tally.not_finite;
    fflush(stdout);
    if (tally.wrong)
        fprintf(stderr, "hnc: error: %u gradients differ from central differences by more than %g\n", tally.wrong, tolerance);
    if (tally.defined_wrong)
        fprintf(stderr, "hnc: error: %u losses of a batch differ from their definition by more than %g\n", tally.defined_wrong,
                compiled_tolerance);
    if (tally.compiled_wrong)
        fprintf(stderr, "hnc: error: %u compiled functions differ from the interpreter by more than %g\n", tally.compiled_wrong,
                compiled_tolerance);
    return tally.wrong || tally.defined_wrong || tally.compiled_wrong || tally.not_finite ? EXIT_ERROR : EXIT_FINE;
}
