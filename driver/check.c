/* hnc check: the front half of the compiler, and gradients against central differences. */
#include <math.h>

#include "driver/driver.h"

/* A world of random data: rows for every field, states as the train's init function makes them. */
typedef struct Trial {
    const Module *module;
    World world;
    Tensor *rows;
    Tensor index;
} Trial;

static double uniform(uint32_t stream, uint64_t i)
{
    return random_element((const uint32_t[2]){20260101, 0}, 0, stream, i);
}

static Tensor tensor_new(Type type)
{
    return (Tensor){type, support_malloc((size_t)type_bytes(type))};
}

static void fill_rows(Tensor *rows, const Field *field, uint32_t stream)
{
    double top = field->classes ? (double)field->classes : field->type.dtype == DTYPE_U8 ? 256 : 1;
    for (int64_t i = 0; i < type_elements(rows->type); i++) {
        double u = uniform(stream, (uint64_t)i) * top;
        tensor_set(rows, i, dtype_is_float(rows->type.dtype) ? u : floor(u));
    }
}

static bool run_init(Trial *trial, const Function *init)
{
    char why[256];
    Tensor *outputs;
    int64_t seed = find_state(trial->module, "seed");
    tensor_set(&trial->world.states[seed], 0, 1);
    tensor_set(&trial->world.states[seed], 1, 0);
    if (!interpret(trial->module, init, &trial->world, NULL, &outputs, why)) {
        fprintf(stderr, "hnc: internal error: %s\n", why);
        return false;
    }
    interpret_free_outputs(init, outputs);
    return true;
}

static bool trial_new(Trial *trial, const Model *model, const Train *train)
{
    const Module *module = model->module;
    *trial = (Trial){.module = module};
    trial->world.states = world_states_new(module);
    trial->rows = support_malloc((module->fields.len + 1) * sizeof(Tensor));
    for (uint32_t i = 0; i < module->fields.len; i++) {
        Type field = module->fields.data[i].type;
        Type type = {.dtype = field.dtype, .rank = (uint8_t)(field.rank + 1), .dims = {train->batch}};
        for (unsigned axis = 0; axis < field.rank; axis++)
            type.dims[axis + 1] = field.dims[axis];
        trial->rows[i] = tensor_new(type);
        fill_rows(&trial->rows[i], &module->fields.data[i], 1000 + i);
    }
    trial->world.rows = trial->rows;
    trial->index = tensor_new(type_of(DTYPE_I32, 1, &train->batch));
    for (int64_t i = 0; i < train->batch; i++)
        tensor_set(&trial->index, i, (double)i);
    return run_init(trial, train->init);
}

static void trial_free(Trial *trial)
{
    world_states_free(trial->module, trial->world.states);
    for (uint32_t i = 0; i < trial->module->fields.len; i++)
        support_free(trial->rows[i].data);
    support_free(trial->rows);
    support_free(trial->index.data);
}

/* The function's outputs; a gradient function's only input is the index. NULL after an internal error. */
static Tensor *evaluate(Trial *trial, const Function *function)
{
    char why[256];
    Tensor *outputs;
    if (interpret(trial->module, function, &trial->world, &trial->index, &outputs, why))
        return outputs;
    fprintf(stderr, "hnc: internal error: %s\n", why);
    return NULL;
}

static double loss_at(Trial *trial, const Function *function)
{
    Tensor *outputs = evaluate(trial, function);
    if (!outputs)
        return NAN;
    double loss = tensor_get(&outputs[0], 0);
    interpret_free_outputs(function, outputs);
    return loss;
}

/* (f(x + h d) - f(x - h d)) / 2h */
static double central_difference(Trial *trial, const Function *loss, Tensor *state, const double *direction, double h)
{
    int64_t n = type_elements(state->type);
    double *kept = support_malloc((size_t)n * sizeof *kept), sides[2];
    for (int64_t i = 0; i < n; i++)
        kept[i] = tensor_get(state, i);
    for (int side = 0; side < 2; side++) {
        for (int64_t i = 0; i < n; i++)
            tensor_set(state, i, kept[i] + (side ? -h : h) * direction[i]);
        sides[side] = loss_at(trial, loss);
    }
    for (int64_t i = 0; i < n; i++)
        tensor_set(state, i, kept[i]);
    support_free(kept);
    return (sides[0] - sides[1]) / (2 * h);
}

/* A unit vector: along the gradient (the strongest signal), or random. */
static void choose_direction(const Tensor *gradient, bool along, uint32_t stream, double *direction)
{
    int64_t n = type_elements(gradient->type);
    double norm = 0;
    for (int64_t i = 0; i < n; i++) {
        direction[i] = along ? tensor_get(gradient, i) : uniform(stream, (uint64_t)i) - 0.5;
        norm += direction[i] * direction[i];
    }
    for (int64_t i = 0; i < n && norm > 0; i++)
        direction[i] /= sqrt(norm);
}

/* The relative error along one direction, at the step size that suits best: small ones lose digits, large ones cross the kinks of
 * piecewise linear activations. */
static double direction_error(Trial *trial, const Function *loss, Tensor *state, const Tensor *gradient, bool along, uint32_t stream)
{
    int64_t n = type_elements(gradient->type);
    double *direction = support_malloc((size_t)n * sizeof *direction), slope = 0, norm = 0, least = INFINITY;
    choose_direction(gradient, along, stream, direction);
    for (int64_t i = 0; i < n; i++) {
        slope += tensor_get(gradient, i) * direction[i];
        norm += tensor_get(gradient, i) * tensor_get(gradient, i);
    }
    static const double sizes[] = {1e-4, 1e-5, 1e-6};
    for (size_t k = 0; k < COUNT_OF(sizes); k++) {
        double difference = central_difference(trial, loss, state, direction, sizes[k]);
        double error = fabs(difference - slope), scale = fmax(fabs(slope), fabs(difference));
        if (error == 0)
            least = 0;
        else if (!along && scale < 1e-3 * sqrt(norm)) /* nearly orthogonal to the gradient: relative to its length */
            least = fmin(least, error / sqrt(norm));
        else
            least = fmin(least, error / scale);
        if (isnan(difference))
            least = NAN;
    }
    support_free(direction);
    return least;
}

static bool check_phase(Trial *trial, const char *phase, const Function *gradients, const Function *loss)
{
    static const double tolerance = 1e-6;
    Tensor *outputs = evaluate(trial, gradients);
    bool fine = outputs != NULL;
    if (outputs)
        printf("%s: loss %.6g\n", phase, tensor_get(&outputs[0], 0));
    for (uint32_t i = 1; outputs && i < gradients->outputs.len; i++) {
        const char *name = gradients->outputs.data[i].name;
        Tensor *state = &trial->world.states[find_state(trial->module, name)];
        double along = direction_error(trial, loss, state, &outputs[i], true, 0);
        double across = direction_error(trial, loss, state, &outputs[i], false, 7 * i);
        bool good = along <= tolerance && across <= tolerance;
        printf("  %-40s along the gradient %.1e, a random direction %.1e%s\n", name, along, across, good ? "" : "   WRONG");
        fine &= good;
    }
    if (outputs)
        interpret_free_outputs(gradients, outputs);
    return fine;
}

/* The gradients' function without its gradients. */
static Function *loss_only(Module *module, const Function *gradients)
{
    Function *loss = function_new(module, arena_printf(&module->arena, "%s.loss", gradients->name));
    Builder b = {.module = module, .function = loss};
    Value *map = support_malloc(gradients->ops.len * sizeof *map);
    for (Value v = 0; v < gradients->ops.len; v++)
        map[v] = build_copy(&b, gradients, v, map);
    build_output(&b, "loss", map[gradients->outputs.data[0].value]);
    support_free(map);
    pass_dce(module, loss);
    return loss;
}

static int check_gradients(Compilation *c)
{
    Model *model = c->model;
    bool fine = true;
    for (uint32_t t = 0; t < model->trains.len && fine; t++) {
        Train *train = &model->trains.data[t];
        uint32_t count = method_losses(train);
        Function **gradients = support_malloc(count * sizeof *gradients);
        for (uint32_t i = 0; i < count; i++)
            gradients[i] = method_gradients(model, train, i);
        Trial trial;
        fine = trial_new(&trial, model, train);
        for (uint32_t i = 0; i < count && fine; i++)
            fine = check_phase(&trial, gradients[i]->name, gradients[i], loss_only(model->module, gradients[i]));
        trial_free(&trial);
        support_free(gradients);
    }
    if (!fine)
        fprintf(stderr, "hnc: error: gradients differ from central differences by more than 1e-6\n");
    return fine ? EXIT_FINE : EXIT_ERROR;
}

int command_check(const Options *options)
{
    Compilation c;
    Options checked = *options;
    if (options->gradients) {
        checked.real = DTYPE_F64;
        checked.batch = options->batch ? options->batch : 4; /* enough examples to differ, few enough for an interpreter */
    }
    int status = compile_model(&checked, &c) ? EXIT_FINE : EXIT_ERROR;
    if (status == EXIT_FINE && options->gradients)
        status = check_gradients(&c);
    else if (status == EXIT_FINE)
        printf("%s: no errors\n", options->file);
    compilation_free(&c);
    return status;
}
