/* Every model that ships: three training steps by compiled code and by the interpreter, on the same random data and from the same
 * initial state, then every metric; all states and outputs must agree. In f64 to 1e-12, in f32 to 1e-4 (a step of Adam divides by
 * the size of the gradient, so an f32 rounding error in a vanishing gradient moves its weight by up to the learning rate: tensors
 * are compared by the norm of their difference, relative to their own). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "passes/passes.h"
#include "tests/backend/compiled.h"
#include "tests/e2e/shipped.h"

#ifdef HNC_SANITIZED
enum { STEPS = 2, EVALUATION_BATCHES = 1, MOST_METRICS = 1 }; /* the interpreter is slow there, memory errors show at once */
#else
enum { STEPS = 3, /* the third is of the upper phase, if there is one; of implicit one of each phase */ EVALUATION_BATCHES = 2, MOST_METRICS = 100 };
#endif
enum { ROWS = 64, BATCH = 10 };

typedef struct Twin {
    Shipped shipped;
    Model *model;
    Train *train;
    Plan *plan;
    Jit *jit;
    Tensor *states, *rows; /* the interpreter's world */
    unsigned char *state_arena, *scratch;
    const void **row_pointers;
} Twin;

static void *aligned(int64_t bytes)
{
    void *memory = NULL;
    assert_int_equal(posix_memalign(&memory, HN_ALIGNMENT, (size_t)bytes + HN_ALIGNMENT), 0);
    memset(memory, 0, (size_t)bytes + HN_ALIGNMENT);
    return memory;
}

static Tensor random_rows(const Field *field, uint32_t stream)
{
    Type type = {.dtype = field->type.dtype, .rank = (uint8_t)(field->type.rank + 1), .dims = {ROWS}};
    for (unsigned i = 0; i < field->type.rank; i++)
        type.dims[i + 1] = field->type.dims[i];
    Tensor rows = {type, aligned(type_bytes(type))};
    double top = field->classes ? (double)field->classes : field->type.dtype == DTYPE_U8 ? 256 : 1;
    for (int64_t i = 0; i < type_elements(type); i++) {
        double u = random_element((const uint32_t[2]){5, 6}, 0, stream, (uint64_t)i);
        tensor_set(&rows, i, field->type.dtype == DTYPE_BOOL ? u < 0.5 : u * top);
    }
    return rows;
}

static Twin twin_new(const char *path, DType real)
{
    Twin t = {0};
    shipped_open(&t.shipped, path, real, BATCH);
    t.model = t.shipped.model;
    t.train = &t.model->trains.data[0];
    method_assemble(t.model, t.train, NULL);
    exports_finish(t.model, NULL);
    Module *module = t.model->module;
    for (uint32_t i = module->functions.len; i-- > 0;) { /* only functions that run remain */
        Text text = {0};
        if (!verify_function(module, module->functions.data[i], false, &text))
            function_remove(module, module->functions.data[i]);
        text_free(&text);
    }
    t.plan = verified_plan(module);
    t.jit = load_program(t.plan, 2, DEFAULT_CPU);
    t.states = world_states_new(module);
    t.rows = support_malloc((module->fields.len + 1) * sizeof *t.rows);
    t.row_pointers = support_malloc((module->fields.len + 1) * sizeof *t.row_pointers);
    for (uint32_t i = 0; i < module->fields.len; i++) {
        t.rows[i] = random_rows(&module->fields.data[i], i);
        t.row_pointers[i] = t.rows[i].data;
    }
    t.state_arena = aligned(plan_state_bytes(t.plan));
    t.scratch = aligned(plan_scratch_bytes(t.plan));
    int64_t seed = find_state(module, "seed");
    tensor_set(&t.states[seed], 0, 42);
    memcpy(t.state_arena + plan_state_offset(t.plan, (uint32_t)seed), t.states[seed].data, 8);
    return t;
}

static void twin_free(Twin *t)
{
    Module *module = t->model->module;
    for (uint32_t i = 0; i < module->fields.len; i++)
        free(t->rows[i].data);
    support_free(t->rows);
    support_free(t->row_pointers);
    world_states_free(module, t->states);
    free(t->state_arena);
    free(t->scratch);
    jit_free(t->jit);
    plan_free(t->plan);
    shipped_close(&t->shipped);
}

/* |a - b| / |a|, with `norm` added to |a|^2; elements that are NaN in both are equal; if one is NaN in one tensor only, the
 * result is NaN. */
static double distance(const Tensor *a, const Tensor *b, double norm)
{
    double difference = 0;
    for (int64_t i = 0; i < type_elements(a->type); i++) {
        double x = tensor_get(a, i), y = tensor_get(b, i);
        if (isnan(x) && isnan(y)) /* an objective without examples */
            continue;
        difference += (x - y) * (x - y);
        norm += x * x;
    }
    return difference == 0 ? 0 : sqrt(difference / fmax(norm, 1e-30));
}

static uint32_t function_index(const Twin *t, const Function *function)
{
    for (uint32_t i = 0; i < t->model->module->functions.len; i++)
        if (t->model->module->functions.data[i] == function)
            return i;
    fail_msg("'%s' is not in the module", function->name);
    return 0;
}

/* One function on both sides; rows are taken from `first` on. Compares the outputs. */
static void run_both(Twin *t, const Function *function, int first, double tolerance)
{
    enum { MOST = 512 };
    static int32_t index[MOST], counts = 100;
    static unsigned char mask[MOST];
    double metric_f64 = 1;
    float metric_f32 = 1;
    const Module *module = t->model->module;
    Tensor inputs[8], *expected, results[64];
    const void *input_pointers[8];
    void *output_pointers[64];
    char why[256];
    for (int i = 0; i < MOST; i++) {
        index[i] = (first + i) % ROWS;
        mask[i] = i < 40;
    }
    for (uint32_t i = 0; i < function->inputs.len; i++) {
        const char *name = function->input_names.data[i];
        inputs[i].type = OP_AT(function, function->inputs.data[i])->type;
        inputs[i].data = strncmp(name, "index", 5) == 0 ? (void *)index
                         : strcmp(name, "mask") == 0   ? (void *)mask
                         : strcmp(name, "metric") == 0 ? (module->real == DTYPE_F64 ? (void *)&metric_f64 : (void *)&metric_f32)
                                                       : (void *)&counts;
        input_pointers[i] = inputs[i].data;
    }
    World world = {t->states, t->rows};
    if (!interpret(module, function, &world, inputs, &expected, why))
        fail_msg("%s: %s", function->name, why);
    for (uint32_t i = 0; i < function->outputs.len; i++) {
        results[i] = (Tensor){expected[i].type, aligned(type_bytes(expected[i].type))};
        output_pointers[i] = results[i].data;
    }
    hn_frame frame = {t->state_arena, t->scratch, t->row_pointers, input_pointers, output_pointers};
    jit_functions(t->jit)[function_index(t, function)](&frame);
    /* an objective may be the difference of two numbers of the loss's size: outputs are compared on the scale of the first */
    double first_output = function->outputs.len ? tensor_get(&expected[0], 0) : 0;
    double scale = isfinite(first_output) ? first_output * first_output : 0;
    for (uint32_t i = 0; i < function->outputs.len; i++) {
        double d = distance(&expected[i], &results[i], i ? scale : 0);
        if (!(d <= tolerance))
            fail_msg("%s: output '%s' differs by %g", function->name, function->outputs.data[i].name, d);
        free(results[i].data);
    }
    interpret_free_outputs(function, expected);
}

static double worst_state(const Twin *t, const char **name)
{
    const Module *module = t->model->module;
    double worst = 0;
    for (uint32_t i = 0; i < module->states.len; i++) {
        Tensor compiled = {t->states[i].type, t->state_arena + plan_state_offset(t->plan, i)};
        double d = distance(&t->states[i], &compiled, 0);
        if (isnan(worst) || d <= worst) /* what is no number is farthest */
            continue;
        worst = d;
        *name = module->states.data[i].name;
    }
    return worst;
}

/* Metrics of the same rows, and the same ones of two splits, have the same functions. */
static bool is_computed_before(const Train *train, uint32_t metric)
{
    for (uint32_t i = 0; i < metric; i++)
        if (train->metrics.data[i].finish == train->metrics.data[metric].finish)
            return true;
    return false;
}

static void check_model(const char *path, DType real, double tolerance)
{
    Twin t = twin_new(path, real);
    const char *name = "";
    run_both(&t, t.train->init, 0, tolerance);
    double worst = worst_state(&t, &name);
    for (int step = 0; step < STEPS; step++) {
        uint32_t phases = t.train->phases.data[0].reads_next ? 1 : t.train->phases.len;
        const Phase *phase = &t.train->phases.data[phases == 2 ? step % 3 == 2 : (uint32_t)step % phases];
        run_both(&t, phase->step, step * BATCH, tolerance);
        worst = worst_state(&t, &name);
        if (!(worst <= tolerance))
            fail_msg("%s, %s, step %d: state '%s' differs by %g", path, dtype_name(real), step, name, worst);
    }
    printf("    %s %s: after %d steps the farthest state, %s, is %.1e apart\n", path, dtype_name(real), STEPS, name, worst);
    if (t.train->hypers)
        run_both(&t, t.train->hypers, 0, tolerance);
    for (uint32_t i = 0; i < t.train->metrics.len && i < MOST_METRICS; i++) {
        if (is_computed_before(t.train, i))
            continue;
        for (int batch = 0; batch < EVALUATION_BATCHES; batch++)
            run_both(&t, t.train->metrics.data[i].accumulate[0], 7 * batch, tolerance);
        run_both(&t, t.train->metrics.data[i].finish, 0, tolerance);
    }
    twin_free(&t);
}

static void models_agree_with_the_interpreter_in_f64(void **state)
{
    (void)state;
#ifdef HNC_SANITIZED
    skip(); /* f32 walks the same memory */
#endif
    each_shipped(check_model, DTYPE_F64, 1e-12);
}

static void models_agree_with_the_interpreter_in_f32(void **state)
{
    (void)state;
    each_shipped(check_model, DTYPE_F32, 1e-4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_agree_with_the_interpreter_in_f64),
        cmocka_unit_test(models_agree_with_the_interpreter_in_f32),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
