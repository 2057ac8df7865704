#include "tests/random/twin.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/random/generate.h"

enum { GUARD = 256, GUARD_BYTE = 0x5a };

/* ---- tensors ---- */

static Tensor tensor_new(Type type)
{
    size_t bytes = (size_t)type_bytes(type), room = (bytes + HN_ALIGNMENT) / HN_ALIGNMENT * HN_ALIGNMENT;
    Tensor tensor = {type, aligned_alloc(HN_ALIGNMENT, room)};
    if (!tensor.data)
        support_out_of_memory();
    memset(tensor.data, 0, room);
    return tensor;
}

static Tensor tensor_copy(const Tensor *from)
{
    Tensor tensor = tensor_new(from->type);
    memcpy(tensor.data, from->data, (size_t)type_bytes(from->type));
    return tensor;
}

static void tensors_free(Tensor *tensors, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        free(tensors[i].data);
    support_free(tensors);
}

/* Numbers in f32's precision, so that both precisions begin with the same ones. */
static Tensor random_tensor(Type type, Dice *dice)
{
    Tensor tensor = tensor_new(type);
    for (int64_t i = 0; i < type_elements(type); i++) {
        uint64_t bits = dice_bits(dice) >> 40;
        tensor_set(&tensor, i,
                   type.dtype == DTYPE_I32    ? (double)(bits % RANDOM_INDEX_LIMIT)
                   : type.dtype == DTYPE_U8   ? (double)(bits % 256)
                   : type.dtype == DTYPE_BOOL ? (double)(bits % 2)
                                              : (double)bits / 4194304.0 - 2);
    }
    return tensor;
}

/* ---- numbers ---- */

Tensor *random_states(const Module *module, uint64_t seed)
{
    Dice dice = {seed * 0x9e3779b97f4a7c15u};
    Tensor *states = support_malloc((module->states.len + 1) * sizeof *states);
    for (uint32_t i = 0; i < module->states.len; i++)
        states[i] = random_tensor(module->states.data[i].type, &dice);
    return states;
}

void random_states_free(const Module *module, Tensor *states)
{
    tensors_free(states, module->states.len);
}

Numbers numbers_new(const Module *module, const Function *function, uint64_t seed, const Tensor *states)
{
    Dice dice = {seed * 0x9e3779b97f4a7c15u + 1};
    Numbers numbers = {module, function, support_malloc((function->inputs.len + 1) * sizeof(Tensor)),
                       support_malloc((module->fields.len + 1) * sizeof(Tensor)), states};
    for (uint32_t i = 0; i < module->fields.len; i++) {
        Type field = module->fields.data[i].type,
             type = {.dtype = field.dtype, .rank = (uint8_t)(field.rank + 1), .dims = {RANDOM_ROWS}};
        memcpy(&type.dims[1], field.dims, field.rank * sizeof field.dims[0]);
        numbers.rows[i] = random_tensor(type, &dice);
        if (module->fields.data[i].classes)
            for (int64_t k = 0; k < type_elements(type); k++)
                tensor_set(&numbers.rows[i], k, (double)(dice_bits(&dice) % (uint64_t)module->fields.data[i].classes));
    }
    for (uint32_t i = 0; i < function->inputs.len; i++)
        numbers.inputs[i] = random_tensor(OP_AT(function, function->inputs.data[i])->type, &dice);
    return numbers;
}

void numbers_free(Numbers *numbers)
{
    tensors_free(numbers->inputs, numbers->function->inputs.len);
    tensors_free(numbers->rows, numbers->module->fields.len);
}

/* ---- results ---- */

void results_free(Results *results)
{
    tensors_free(results->tensors, results->n);
    *results = (Results){0};
}

bool results_finite(const Results *results)
{
    for (uint32_t t = 0; t < results->n; t++)
        for (int64_t i = 0; i < type_elements(results->tensors[t].type); i++)
            if (!isfinite(tensor_get(&results->tensors[t], i)))
                return false;
    return true;
}

bool results_equal(const Results *a, const Results *b)
{
    for (uint32_t t = 0; t < a->n; t++)
        if (memcmp(a->tensors[t].data, b->tensors[t].data, (size_t)type_bytes(a->tensors[t].type)))
            return false;
    return true;
}

static double largest_difference(const Tensor *a, const Tensor *b)
{
    double largest = 0;
    for (int64_t i = 0; i < type_elements(a->type); i++)
        largest = fmax(largest, fabs(tensor_get(a, i) - tensor_get(b, i)));
    return largest;
}

int64_t first_difference(const Results *expected, const Results *actual, double tolerance, const Results *doubt, double slack,
                         char why[static 256])
{
    for (uint32_t t = 0; t < expected->n; t++) {
        const Tensor *x = &expected->tensors[t], *y = &actual->tensors[t];
        double scale = 1, allowed;
        if (!memcmp(x->data, y->data, (size_t)type_bytes(x->type)))
            continue;
        for (int64_t i = 0; i < type_elements(x->type); i++)
            scale = fmax(scale, fabs(tensor_get(x, i)));
        allowed = dtype_is_float(x->type.dtype) ? tolerance * scale : 0;
        allowed += doubt ? slack * largest_difference(x, &doubt->tensors[t]) : 0;
        for (int64_t i = 0; i < type_elements(x->type); i++)
            if (!(fabs(tensor_get(x, i) - tensor_get(y, i)) <= allowed)) {
                snprintf(why, 256, "element %lld is %.17g instead of %.17g (%.1e allowed)", (long long)i, tensor_get(y, i),
                         tensor_get(x, i), allowed);
                return t;
            }
    }
    return -1;
}

/* ---- running ---- */

bool run_interpreted(const Numbers *numbers, Results *results, char why[static 256])
{
    const Module *module = numbers->module;
    uint32_t outputs = numbers->function->outputs.len, states = module->states.len;
    Tensor *copies = support_malloc((states + 1) * sizeof *copies), *computed;
    for (uint32_t i = 0; i < states; i++)
        copies[i] = tensor_copy(&numbers->states[i]);
    World world = {copies, numbers->rows};
    bool fine = interpret(module, numbers->function, &world, numbers->inputs, &computed, why);
    *results = (Results){outputs + states, support_malloc((outputs + states + 1) * sizeof(Tensor))};
    for (uint32_t i = 0; i < outputs; i++)
        results->tensors[i] = fine ? tensor_copy(&computed[i]) : tensor_new(type_scalar(module->real));
    memcpy(&results->tensors[outputs], copies, states * sizeof *copies);
    if (fine)
        interpret_free_outputs(numbers->function, computed);
    support_free(copies);
    return fine;
}

static unsigned thread_count = 1;

/* Stands for hn_parallel: the pieces one after the other, the last one first. */
static void in_pieces(hn_body *body, const hn_frame *frame, int64_t n, int64_t grain)
{
    int64_t grains = (n + grain - 1) / grain, pieces = grains < thread_count ? grains : thread_count;
    for (int64_t i = pieces; i-- > 0;) {
        int64_t begin = grains * i / pieces * grain, end = grains * (i + 1) / pieces * grain;
        body(frame, begin, end < n ? end : n);
    }
}

bool compile_module(const Module *module, Way way, Compiled *compiled, Text *why)
{
    *compiled = (Compiled){module, plan_module_as(module, way.unfused ? PLAN_UNFUSED : PLAN_USUAL), NULL};
    if (!plan_verify(compiled->plan, why))
        return false;
    char message[256] = "";
    BackendOptions options = {.target = target_for(way.cpu), .opt_level = way.level};
    options.target.threads = way.threads;
    options.target.thread_work = 1;
    if (way.blocks) {
        options.target.blas = BLAS_BUILTIN;
        options.target.small_product = options.target.skinny_product = 0;
    }
    compiled->jit = jit_new(compiled->plan, &options, in_pieces, message);
    text_printf(why, "%s", message);
    return compiled->jit != NULL;
}

void compiled_free(Compiled *compiled)
{
    jit_free(compiled->jit);
    plan_free(compiled->plan);
}

/* Memory between two guards. */
static unsigned char *guarded_new(int64_t bytes, int fill)
{
    size_t room = ((size_t)bytes + HN_ALIGNMENT) / HN_ALIGNMENT * HN_ALIGNMENT;
    unsigned char *memory = aligned_alloc(HN_ALIGNMENT, room + 2 * GUARD);
    if (!memory)
        support_out_of_memory();
    memset(memory, GUARD_BYTE, room + 2 * GUARD);
    memset(memory + GUARD, fill, (size_t)bytes);
    return memory + GUARD;
}

static bool guarded_free(unsigned char *inside, int64_t bytes)
{
    bool intact = true;
    for (int i = 0; i < GUARD; i++)
        intact &= inside[i - GUARD] == GUARD_BYTE && inside[bytes + i] == GUARD_BYTE;
    free(inside - GUARD);
    return intact;
}

bool run_compiled(const Compiled *compiled, uint32_t index, const Numbers *numbers, unsigned threads, Results *results,
                  char why[static 256])
{
    enum { NAN_BYTE = 0xff }; /* in every byte: a NaN of both precisions */
    const Module *module = compiled->module;
    const Function *function = module->functions.data[index];
    uint32_t outputs = function->outputs.len, states = module->states.len;
    int64_t state_bytes = plan_state_bytes(compiled->plan), scratch_bytes = plan_scratch_bytes(compiled->plan);
    unsigned char *arena = guarded_new(state_bytes, 0), *scratch = guarded_new(scratch_bytes, NAN_BYTE);
    void **places = support_malloc((outputs + 1) * sizeof *places);
    const void **inputs = support_malloc((function->inputs.len + module->fields.len + 1) * sizeof *inputs);
    const void **rows = inputs + function->inputs.len;
    for (uint32_t i = 0; i < states; i++)
        memcpy(arena + plan_state_offset(compiled->plan, i), numbers->states[i].data,
               (size_t)type_bytes(module->states.data[i].type));
    for (uint32_t i = 0; i < function->inputs.len; i++)
        inputs[i] = numbers->inputs[i].data;
    for (uint32_t i = 0; i < module->fields.len; i++)
        rows[i] = numbers->rows[i].data;
    for (uint32_t i = 0; i < outputs; i++)
        places[i] = guarded_new(type_bytes(OP_AT(function, function->outputs.data[i].value)->type), NAN_BYTE);
    hn_frame frame = {arena, scratch, rows, inputs, places};
    thread_count = threads;
    jit_functions(compiled->jit)[index](&frame);

    *results = (Results){outputs + states, support_malloc((outputs + states + 1) * sizeof(Tensor))};
    bool intact = true;
    for (uint32_t i = 0; i < outputs; i++) {
        Type type = OP_AT(function, function->outputs.data[i].value)->type;
        results->tensors[i] = tensor_copy(&(Tensor){type, places[i]});
        intact &= guarded_free(places[i], type_bytes(type));
    }
    for (uint32_t i = 0; i < states; i++)
        results->tensors[outputs + i] =
            tensor_copy(&(Tensor){module->states.data[i].type, arena + plan_state_offset(compiled->plan, i)});
    intact = guarded_free(arena, state_bytes) && intact;
    intact = guarded_free(scratch, scratch_bytes) && intact;
    support_free(places);
    support_free(inputs);
    if (!intact)
        snprintf(why, 256, "memory beside the buffers was written");
    return intact;
}
