#include "driver/trial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double trial_random(uint32_t stream, uint64_t i)
{
    return random_element((const uint32_t[2]){20260101, 0}, 0, stream, i);
}

/* ---- tensors ---- */

Tensor tensor_new(Type type)
{
    size_t bytes = ((size_t)type_bytes(type) + HN_ALIGNMENT) / HN_ALIGNMENT * HN_ALIGNMENT;
    Tensor tensor = {type, aligned_alloc(HN_ALIGNMENT, bytes)};
    if (!tensor.data)
        support_out_of_memory();
    memset(tensor.data, 0, bytes);
    return tensor;
}

void tensors_free(Tensor *tensors, uint32_t n)
{
    for (uint32_t i = 0; tensors && i < n; i++)
        free(tensors[i].data);
    support_free(tensors);
}

static Tensor tensor_copy(const Tensor *from)
{
    Tensor copy = tensor_new(from->type);
    memcpy(copy.data, from->data, (size_t)type_bytes(from->type));
    return copy;
}

double tensor_difference(const Tensor *expected, const Tensor *actual)
{
    double scale = 1, largest = 0;
    for (int64_t i = 0; i < type_elements(expected->type); i++)
        if (isfinite(tensor_get(expected, i)))
            scale = fmax(scale, fabs(tensor_get(expected, i)));
    for (int64_t i = 0; i < type_elements(expected->type); i++) {
        double x = tensor_get(expected, i), y = tensor_get(actual, i);
        if (x == y || (isnan(x) && isnan(y)))
            continue;
        double difference = fabs(x - y) / scale;
        largest = difference > largest || isnan(difference) ? difference : largest;
        if (isnan(difference))
            return INFINITY;
    }
    return largest;
}

/* ---- data ---- */

/* Standard normal, by Box and Muller. */
static double normal(uint32_t stream, uint64_t i)
{
    double u = 1 - trial_random(stream, 2 * i), v = trial_random(stream, 2 * i + 1);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

/* How many rows the splits of the main files take, where that is known and they are the first ones; 0: it is not. */
static int64_t rows_of_splits(const Dataset *data)
{
    int64_t rows = 0;
    for (uint32_t i = 0; i < data->splits.len; i++) {
        const Split *split = &data->splits.data[i];
        if (data->shuffled || (!split->from_test && !split->count))
            return 0;
        rows += split->from_test ? 0 : split->count;
    }
    return rows;
}

/* Numbers of rows are those that a run meets. */
static void fill_rows(Tensor *rows, const Model *model, const Field *field, uint32_t stream)
{
    double top = field->classes ? (double)field->classes : field->type.dtype == DTYPE_U8 ? 256 : 2;
    int64_t met = field->index ? rows_of_splits(&model->datasets.data[field->dataset]) : 0;
    if (met > 0 && (double)met < top)
        top = (double)met;
    for (int64_t i = 0; i < type_elements(rows->type); i++) {
        bool real = dtype_is_float(rows->type.dtype);
        tensor_set(rows, i, real ? normal(stream, (uint64_t)i) : floor(trial_random(stream, (uint64_t)i) * top));
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

static int64_t row_count(const Train *train)
{
    return train->batch < TRIAL_FEWEST_ROWS ? TRIAL_FEWEST_ROWS : train->batch;
}

bool trial_new(Trial *trial, const Model *model, const Train *train)
{
    const Module *module = model->module;
    *trial = (Trial){.module = module, .train = train};
    trial->world.states = world_states_new(module);
    trial->rows = support_malloc((module->fields.len + 1) * sizeof(Tensor));
    for (uint32_t i = 0; i < module->fields.len; i++) {
        Type field = module->fields.data[i].type;
        Type type = {.dtype = field.dtype, .rank = (uint8_t)(field.rank + 1), .dims = {row_count(train)}};
        memcpy(&type.dims[1], field.dims, field.rank * sizeof field.dims[0]);
        trial->rows[i] = tensor_new(type);
        fill_rows(&trial->rows[i], model, &module->fields.data[i], 1000 + i);
    }
    trial->world.rows = trial->rows;
    return run_init(trial, train->init);
}

void trial_free(Trial *trial)
{
    jit_free(trial->jit);
    plan_free(trial->plan);
    world_states_free(trial->module, trial->world.states);
    tensors_free(trial->rows, trial->module->fields.len);
}

void trial_leave_start(Trial *trial, const Model *model)
{
    for (uint32_t s = 0; s < model->module->states.len; s++) {
        const State *state = &model->module->states.data[s];
        Tensor *tensor = &trial->world.states[s];
        bool moves = state->role == STATE_WEIGHT || state->role == STATE_HYPER || state->role == STATE_SCALE ||
                     (state->role == STATE_MEMORY && dtype_is_float(state->type.dtype)); /* what earlier steps leave */
        for (int64_t i = 0; moves && i < type_elements(tensor->type); i++) {
            double x = tensor_get(tensor, i);
            tensor_set(tensor, i, x + (0.05 + 0.2 * fabs(x)) * normal(5000 + s, (uint64_t)i));
        }
    }
}

/* ---- running ---- */

/* The inputs of the function; the caller frees the list with tensors_free. */
static Tensor *make_inputs(const Trial *trial, const Function *function, const Tensor *more)
{
    Tensor *inputs = support_malloc((function->inputs.len + 1) * sizeof *inputs);
    for (uint32_t i = 0, real = 0; i < function->inputs.len; i++) {
        Type type = OP_AT(function, function->inputs.data[i])->type;
        if (dtype_is_float(type.dtype) && more) {
            inputs[i] = tensor_copy(&more[real++]);
            continue;
        }
        inputs[i] = tensor_new(type);
        bool index = type.dtype == DTYPE_I32 && type.rank == 1;
        for (int64_t k = 0; k < type_elements(type); k++)
            tensor_set(&inputs[i], k, index ? (double)(k % row_count(trial->train)) : 1);
    }
    return inputs;
}

Tensor *trial_evaluate(const Trial *trial, const Function *function, const Tensor *more)
{
    char why[256];
    Tensor *outputs = NULL, *inputs = make_inputs(trial, function, more);
    World world = trial->world;
    if (!interpret(trial->module, function, &world, inputs, &outputs, why)) {
        fprintf(stderr, "hnc: internal error: %s\n", why);
        outputs = NULL;
    }
    tensors_free(inputs, function->inputs.len);
    return outputs;
}

Tensor *trial_run_interpreted(const Trial *trial, const Function *function)
{
    uint32_t outputs = function->outputs.len, states = trial->module->states.len;
    Tensor *results = support_malloc((outputs + states + 1) * sizeof *results), *computed;
    Tensor *inputs = make_inputs(trial, function, NULL);
    char why[256];
    for (uint32_t s = 0; s < states; s++)
        results[outputs + s] = tensor_copy(&trial->world.states[s]);
    World world = {results + outputs, trial->rows};
    bool fine = interpret(trial->module, function, &world, inputs, &computed, why);
    for (uint32_t i = 0; i < outputs; i++)
        results[i] = fine ? tensor_copy(&computed[i]) : tensor_new(type_scalar(DTYPE_F64));
    tensors_free(inputs, function->inputs.len);
    if (fine) {
        interpret_free_outputs(function, computed);
        return results;
    }
    fprintf(stderr, "hnc: internal error: %s\n", why);
    tensors_free(results, outputs + states);
    return NULL;
}

/* Stands for the runtime's hn_parallel: two pieces, so that work that threads would share is split. */
static void in_two_pieces(hn_body *body, const hn_frame *frame, int64_t n, int64_t grain)
{
    int64_t half = (n + grain - 1) / grain / 2 * grain;
    body(frame, half, n);
    if (half)
        body(frame, 0, half);
}

bool trial_compile(Trial *trial)
{
    char why[256];
    Text broken = {0};
    bool usual = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    BackendOptions options = {.target = usual ? target_usual() : target_for("x86-64"), .opt_level = 2};
    options.target.blas = trial->module->target.blas;
    options.target.thread_work = 1;
    trial->plan = plan_module_as(trial->module, PLAN_APART);
    if (!plan_verify(trial->plan, &broken)) {
        fprintf(stderr, "hnc: internal error: a schedule does not verify\n%s", broken.data);
        text_free(&broken);
        return false;
    }
    trial->jit = jit_new(trial->plan, &options, in_two_pieces, why);
    if (!trial->jit)
        fprintf(stderr, "hnc: error: %s\n", why);
    return trial->jit != NULL;
}

Tensor *trial_run_compiled(const Trial *trial, uint32_t index, unsigned char **scratch)
{
    const Module *module = trial->module;
    const Function *function = module->functions.data[index];
    uint32_t outputs = function->outputs.len, states = module->states.len;
    Tensor *results = support_malloc((outputs + states + 1) * sizeof *results), *inputs = make_inputs(trial, function, NULL);
    size_t state_bytes = (size_t)plan_state_bytes(trial->plan) + HN_ALIGNMENT,
           scratch_bytes = (size_t)plan_scratch_bytes(trial->plan) + HN_ALIGNMENT;
    unsigned char *arena = aligned_alloc(HN_ALIGNMENT, state_bytes / HN_ALIGNMENT * HN_ALIGNMENT);
    *scratch = aligned_alloc(HN_ALIGNMENT, scratch_bytes / HN_ALIGNMENT * HN_ALIGNMENT);
    if (!arena || !*scratch)
        support_out_of_memory();
    memset(*scratch, 0xff, scratch_bytes / HN_ALIGNMENT * HN_ALIGNMENT); /* NaN: no kernel may rely on the content */
    for (uint32_t s = 0; s < states; s++)
        memcpy(arena + plan_state_offset(trial->plan, s), trial->world.states[s].data,
               (size_t)type_bytes(module->states.data[s].type));
    const void **in = support_malloc((function->inputs.len + module->fields.len + 1) * sizeof *in);
    const void **rows = in + function->inputs.len;
    void **out = support_malloc((outputs + 1) * sizeof *out);
    for (uint32_t i = 0; i < function->inputs.len; i++)
        in[i] = inputs[i].data;
    for (uint32_t i = 0; i < module->fields.len; i++)
        rows[i] = trial->rows[i].data;
    for (uint32_t i = 0; i < outputs; i++) {
        results[i] = tensor_new(OP_AT(function, function->outputs.data[i].value)->type);
        out[i] = results[i].data;
    }
    hn_frame frame = {arena, *scratch, rows, in, out};
    jit_functions(trial->jit)[index](&frame);
    for (uint32_t s = 0; s < states; s++) {
        Tensor state = {module->states.data[s].type, arena + plan_state_offset(trial->plan, s)};
        results[outputs + s] = tensor_copy(&state);
    }
    tensors_free(inputs, function->inputs.len);
    support_free(in);
    support_free(out);
    free(arena);
    return results;
}
