/* The objects of `hnc aot`, in this process: for every model that ships, what its exports make of random weights and examples is
 * what the interpreter makes of them, whether conditions are given with each call, once for many, or when the object is made; one
 * example at a time, and several, with AVX2 and without. Workspaces are as large as announced, and end where memory does. */
#include <dlfcn.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "backend/aot/aot.h"
#include "tests/e2e/shipped.h"

enum { ROWS = 3, MANY = 2 * SERVE_BLOCK + 5, MOST_ARGUMENTS = 16 };

/* ---- memory that ends at a page that nobody may touch ---- */

typedef struct Guarded {
    unsigned char *pages, *memory;
    size_t size;
} Guarded;

static Guarded guarded_new(int64_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = ((size_t)bytes + page - 1) / page * page;
    Guarded g = {.size = whole + page};
    g.pages = mmap(NULL, g.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(g.pages, MAP_FAILED);
    assert_int_equal(mprotect(g.pages + whole, page, PROT_NONE), 0);
    g.memory = g.pages + whole - bytes;
    return g;
}

static void guarded_free(Guarded *g)
{
    munmap(g->pages, g->size);
}

/* ---- a model, its object, and what the interpreter needs ---- */

typedef struct Subject {
    const char *path;
    Shipped shipped;
    Model *model;
    Module *module;
    Tensor *states;
    uint32_t state_count;
    Function **references; /* per export: of one example, as resolved */
    Export *exports;       /* as they were */
    uint32_t export_count;
    double **fixed;
    Service service;
    Plan *plan;
    Interface interface;
    char folder[64];
    void *library;
} Subject;

static double draw(uint32_t stream, uint64_t i)
{
    return random_element((const uint32_t[2]){77, 1}, 0, stream, i);
}

static Function *copy_of(Module *module, const Function *from)
{
    Builder b = {.module = module, .function = function_detached(module, from->name)};
    Value *map = support_malloc((from->ops.len + 1) * sizeof *map);
    for (Value v = 0; v < from->ops.len; v++)
        map[v] = build_copy(&b, from, v, map);
    build_output(&b, "y", map[from->outputs.data[0].value]);
    support_free(map);
    return b.function;
}

static void run_init(Subject *s)
{
    char why[256];
    Tensor *outputs;
    World world = {s->states, NULL};
    tensor_set(&s->states[find_state(s->module, "seed")], 0, 42);
    Function *init = s->model->trains.data[0].init;
    if (!interpret(s->module, init, &world, NULL, &outputs, why))
        fail_msg("%s: %s", s->path, why);
    interpret_free_outputs(init, outputs);
    for (uint32_t i = 0; i < s->module->states.len; i++) {
        State *state = &s->module->states.data[i];
        bool trained = state->role == STATE_WEIGHT || state->role == STATE_HYPER;
        for (int64_t k = 0; trained && k < type_elements(state->type); k++) /* biases and responses begin at 0 */
            tensor_set(&s->states[i], k, tensor_get(&s->states[i], k) + 0.1 * (draw(i, (uint64_t)k) - 0.5));
        state->literal = s->states[i].data;
    }
}

/* The value of a condition as a user writes it, and as the model has it. */
static void draw_condition(const Subject *s, uint32_t condition, uint64_t seed, double *written, double *raw)
{
    const Condition *c = &s->module->conditions.data[condition];
    double sum = 0;
    for (int64_t i = 0; i < type_elements(c->type); i++) {
        raw[i] = written[i] = c->count ? floor(draw(900 + condition, seed) * (double)c->count)
                                       : 0.1 + draw(900 + condition, seed * 1000 + (uint64_t)i);
        sum += written[i];
    }
    for (int64_t i = 0; condition_domains[c->kind] == DOMAIN_SIMPLEX && i < c->type.dims[0]; i++)
        raw[i] = written[i] / sum;
    for (uint32_t h = 0; h < s->model->hypers.len; h++) {
        const Hyper *hyper = &s->model->hypers.data[h];
        for (int64_t i = hyper->offset; hyper->condition == condition && i < hyper->offset + type_elements(hyper->shape); i++) {
            written[i] = hyper->init * (hyper->kind == HYPER_INTEGER ? 1 : 1 + 0.1 * draw(950 + h, seed));
            raw[i] = hyper_raw(hyper, written[i]);
        }
    }
}

static bool is_argument(const Subject *s, uint32_t condition)
{
    for (uint32_t i = 0; i < s->export_count; i++)
        for (uint32_t k = 0; k < s->exports[i].argument_count; k++)
            if (s->exports[i].arguments[k].condition == (int)condition)
                return true;
    return false;
}

static void fix_conditions(Subject *s, bool fix)
{
    for (uint32_t c = 0; c < s->module->conditions.len; c++) {
        s->fixed[c] = NULL;
        if (!fix || !is_argument(s, c))
            continue;
        size_t width = (size_t)type_elements(s->module->conditions.data[c].type);
        double *written = support_malloc((width + 1) * sizeof(double));
        s->fixed[c] = support_malloc((width + 1) * sizeof(double));
        draw_condition(s, c, 0, written, s->fixed[c]);
        support_free(written);
    }
}

static void build_object(Subject *s)
{
    char why[256], object[96], command[256];
    BackendOptions options = {.target = s->module->target, .opt_level = 2};
    if (s->interface.service->served.data[0].export->rows == ROWS && !target_set_cpu(&options.target, "x86-64", why))
        fail_msg("%s", why);
    options.target.same_bits = false;
    snprintf(s->folder, sizeof s->folder, "/tmp/hnc-aot-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    snprintf(object, sizeof object, "%s/m.o", s->folder);
    if (!aot_emit(&s->interface, &options, EMIT_OBJ, object, why))
        fail_msg("%s: %s", s->path, why);
    const char *libraries = s->module->real == DTYPE_F32 ? "-nostdlib" : "-lm";
    snprintf(command, sizeof command, "cc -shared -o %s/m.so %s -Wl,-z,defs %s", s->folder, object, libraries);
    if (system(command) != 0)
        fail_msg("%s: the object needs more than %s", s->path, libraries);
    snprintf(command, sizeof command, "%s/m.so", s->folder);
    s->library = dlopen(command, RTLD_NOW | RTLD_LOCAL);
    if (!s->library)
        fail_msg("%s", dlerror());
}

static void subject_open(Subject *s, const char *path, DType real, int64_t rows, bool fix)
{
    *s = (Subject){.path = path};
    shipped_open(&s->shipped, path, real, 4);
    s->model = s->shipped.model;
    s->module = s->model->module;
    s->module->target.threads = false;
    s->module->target.blas = BLAS_BUILTIN;
    method_assemble(s->model, &s->model->trains.data[0], NULL);
    s->states = world_states_new(s->module);
    s->state_count = s->module->states.len;
    run_init(s);
    s->export_count = s->model->exports.len;
    s->references = support_malloc((s->export_count + 1) * sizeof(Function *));
    s->exports = support_malloc((s->export_count + 1) * sizeof(Export));
    for (uint32_t i = 0; i < s->export_count; i++) {
        s->exports[i] = s->model->exports.data[i];
        s->references[i] = copy_of(s->module, s->exports[i].function);
    }
    s->fixed = support_malloc((s->module->conditions.len + 1) * sizeof *s->fixed);
    fix_conditions(s, fix);
    if (s->export_count == 0)
        return;
    char why[256];
    if (!aot_serve(s->model, (FixedConditions)s->fixed, rows, NULL, &s->service, &s->plan, why))
        fail_msg("%s: %s", path, why);
    for (uint32_t i = 0; i < s->export_count; i++) { /* from now on the module's */
        char name[32];
        snprintf(name, sizeof name, "reference.%u", i);
        Function *own = function_new(s->module, name);
        function_replace(own, s->references[i]);
        s->references[i] = own;
    }
    interface_make(&s->interface, "m", "1", &s->service, s->plan, false);
    build_object(s);
}

static void subject_close(Subject *s)
{
    char command[128];
    if (s->library)
        dlclose(s->library);
    snprintf(command, sizeof command, "rm -rf %s", s->folder);
    if (*s->folder && system(command) != 0)
        print_message("cannot remove %s\n", s->folder);
    interface_free(&s->interface);
    service_free(&s->service);
    plan_free(s->plan);
    for (uint32_t i = 0; i < s->module->conditions.len; i++)
        support_free(s->fixed[i]);
    support_free(s->fixed);
    s->module->states.len = s->state_count;
    world_states_free(s->module, s->states);
    support_free(s->references);
    support_free(s->exports);
    shipped_close(&s->shipped);
}

/* ---- one call ---- */

typedef int Function8(uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t);

static int call(const Subject *s, const AotFunction *function, const uintptr_t *values)
{
    Function8 *address;
    void *symbol = dlsym(s->library, function->name);
    assert_non_null(symbol);
    memcpy(&address, &symbol, sizeof address);
    uintptr_t v[8] = {0};
    assert_true(function->parameters.len <= 8);
    memcpy(v, values, function->parameters.len * sizeof *v);
    return address(v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]);
}

/* What a call works on, by the names of the arguments. */
typedef struct World8 {
    const char *names[MOST_ARGUMENTS];
    Tensor examples[MOST_ARGUMENTS]; /* of all examples, or a condition as written */
    uint32_t count;
    Guarded result, workspace, weights;
} World8;

static uintptr_t value_of(const World8 *w, const Parameter *parameter)
{
    switch (parameter->kind) {
    case PARAMETER_RESULT:
        return (uintptr_t)w->result.memory;
    case PARAMETER_WORKSPACE:
        return (uintptr_t)w->workspace.memory;
    case PARAMETER_WEIGHTS:
        return (uintptr_t)w->weights.memory;
    case PARAMETER_ROW:
        return 0;
    case PARAMETER_COUNT:
        return MANY;
    default:
        break;
    }
    for (uint32_t i = 0; i < w->count; i++)
        if (strcmp(w->names[i], parameter->argument) == 0) {
            bool number = parameter->kind == PARAMETER_CONDITION && parameter->type.rank == 0;
            return number ? (uintptr_t) * (int32_t *)w->examples[i].data : (uintptr_t)w->examples[i].data;
        }
    fail_msg("there is no argument %s", parameter->name);
    return 0;
}

static int call_with(const Subject *s, const AotFunction *function, World8 *w)
{
    uintptr_t values[8];
    assert_true(function->parameters.len <= 8);
    w->workspace = guarded_new(function->workspace);
    for (uint32_t i = 0; i < function->parameters.len; i++)
        values[i] = value_of(w, &function->parameters.data[i]);
    int status = call(s, function, values);
    guarded_free(&w->workspace);
    return status;
}

static const AotFunction *function_of(const Subject *s, AotKind kind, int served, int generator)
{
    for (uint32_t i = 0; i < s->interface.functions.len; i++) {
        const AotFunction *function = &s->interface.functions.data[i];
        if (function->kind == kind && (kind == AOT_GENERATE ? function->generator == generator : function->served == served))
            return function;
    }
    return NULL;
}

/* ---- against the interpreter ---- */

static Tensor new_tensor(Type type)
{
    return (Tensor){type, support_malloc((size_t)type_bytes(type) + 8)};
}

static Tensor random_example(Type type, uint32_t stream)
{
    Tensor tensor = new_tensor(type);
    for (int64_t i = 0; i < type_elements(type); i++) {
        double u = draw(stream, (uint64_t)i);
        tensor_set(&tensor, i,
                   type.dtype == DTYPE_BOOL ? u < 0.5 : type.dtype == DTYPE_U8 ? floor(u * 256) : type.dtype == DTYPE_I32 ? 0 : u);
    }
    return tensor;
}

/* The arguments of the export, of `rows` examples (0: one without an axis). raw[i]: what the reference gets for condition i. */
static void make_arguments(const Subject *s, const Export *export, int64_t rows, World8 *w, Tensor *raw)
{
    for (uint32_t i = 0; i < export->argument_count; i++) {
        const ExportArgument *argument = &export->arguments[i];
        w->names[i] = argument->name;
        raw[i] = (Tensor){0};
        if (argument->condition < 0) {
            w->examples[i] = random_example(rows ? type_of_many(rows, argument->type) : argument->type, i + 1);
            continue;
        }
        size_t width = (size_t)type_elements(argument->type);
        double *numbers = support_malloc(2 * (width + 1) * sizeof *numbers);
        draw_condition(s, (uint32_t)argument->condition, 0, numbers, numbers + width);
        w->examples[i] = new_tensor(argument->type);
        raw[i] = new_tensor(argument->type);
        for (size_t k = 0; k < width; k++) {
            tensor_set(&w->examples[i], (int64_t)k, numbers[k]);
            tensor_set(&raw[i], (int64_t)k, numbers[width + k]);
        }
        support_free(numbers);
    }
    w->count = export->argument_count;
}

/* The reference's result for example `row` must be the call's. */
static void compare(const Subject *s, uint32_t number, const World8 *w, const Tensor *raw, int64_t row, double tolerance)
{
    const Export *export = &s->exports[number];
    const Function *reference = s->references[number];
    Tensor inputs[MOST_ARGUMENTS + 1], *expected;
    int32_t zero = 0;
    for (uint32_t i = 0; i < reference->inputs.len; i++) {
        inputs[i] = (Tensor){type_scalar(DTYPE_I32), &zero}; /* row.number */
        for (uint32_t k = 0; k < export->argument_count; k++) {
            const ExportArgument *argument = &export->arguments[k];
            if (strcmp(argument->name, reference->input_names.data[i]) == 0)
                inputs[i] = argument->condition >= 0
                                ? raw[k]
                                : (Tensor){argument->type, (char *)w->examples[k].data + row * type_bytes(argument->type)};
        }
    }
    char why[256];
    World world = {s->states, NULL};
    if (!interpret(s->module, reference, &world, inputs, &expected, why))
        fail_msg("%s: %s", s->path, why);
    Tensor result = {expected[0].type, w->result.memory + row * type_bytes(expected[0].type)};
    double scale = 1;
    for (int64_t i = 0; i < type_elements(result.type); i++)
        scale = fmax(scale, fabs(tensor_get(&expected[0], i)));
    for (int64_t i = 0; i < type_elements(result.type); i++) {
        double x = tensor_get(&expected[0], i), y = tensor_get(&result, i);
        if (!(fabs(x - y) <= tolerance * scale))
            fail_msg("%s: %s, example %d, element %d: %.9g, but the interpreter has %.9g", s->path, export->name, (int)row, (int)i,
                     y, x);
    }
    interpret_free_outputs(reference, expected);
}

/* Addresses that are not there, a workspace that is not aligned, values outside their domain. */
static void check_refusals(const Subject *s, const AotFunction *function, World8 *w)
{
    uintptr_t values[8];
    w->workspace = guarded_new(function->workspace + AOT_ALIGNMENT);
    for (uint32_t i = 0; i < function->parameters.len; i++)
        values[i] = value_of(w, &function->parameters.data[i]);
    for (uint32_t i = 0; i < function->parameters.len; i++) {
        const Parameter *parameter = &function->parameters.data[i];
        uintptr_t right = values[i];
        bool index = parameter->kind == PARAMETER_CONDITION && parameter->type.rank == 0;
        bool nothing = parameter->kind == PARAMETER_ROW || parameter->kind == PARAMETER_COUNT || (parameter->kind == PARAMETER_WORKSPACE && !function->workspace);
        values[i] = index ? (uintptr_t)s->module->conditions.data[parameter->condition].count : 0;
        if (!nothing)
            assert_int_equal(call(s, function, values), index ? SERVE_INDEX : AOT_POINTER);
        values[i] = right + 1;
        if (parameter->kind == PARAMETER_WORKSPACE && function->workspace)
            assert_int_equal(call(s, function, values), AOT_POINTER);
        values[i] = right;
        if (parameter->kind != PARAMETER_CONDITION || index)
            continue;
        Tensor wrong = {parameter->type, (void *)right};
        double first = tensor_get(&wrong, 0);
        tensor_set(&wrong, 0, NAN);
        assert_int_equal(call(s, function, values), SERVE_CONDITION);
        tensor_set(&wrong, 0, first);
    }
    assert_int_equal(call(s, function, values), SERVE_FINE);
    guarded_free(&w->workspace);
}

static void check_export(const Subject *s, uint32_t number, double tolerance)
{
    const Served *served = &s->service.served.data[number];
    const AotFunction *whole = function_of(s, AOT_WHOLE, (int)number, -1), *with = function_of(s, AOT_WITH, (int)number, -1);
    World8 w = {0};
    Tensor raw[MOST_ARGUMENTS];
    int64_t rows = served->single ? MANY : served->export->rows;
    assert_true(s->exports[number].argument_count <= MOST_ARGUMENTS);
    make_arguments(s, &s->exports[number], rows, &w, raw);
    const Function *compute = served->single ? served->single : served->compute;
    Type result = OP_AT(compute, compute->outputs.data[0].value)->type;
    if (served->single)
        result = type_of_many(MANY, result);
    w.result = guarded_new(type_bytes(result));
    assert_int_equal(call_with(s, whole, &w), SERVE_FINE);
    for (int64_t row = 0; row < (rows ? rows : 1); row++) /* of many, those at the ends of blocks */
        if (row < ROWS || row % SERVE_BLOCK == 0 || (row + 1) % SERVE_BLOCK == 0 || row + 1 == rows)
            compare(s, number, &w, raw, row, tolerance);
    check_refusals(s, whole, &w);
    if (with) {
        unsigned char *before = support_malloc((size_t)type_bytes(result));
        memcpy(before, w.result.memory, (size_t)type_bytes(result));
        memset(w.result.memory, 0xff, (size_t)type_bytes(result));
        w.weights = guarded_new(s->service.generators.data[served->generator].bytes);
        assert_int_equal(call_with(s, function_of(s, AOT_GENERATE, -1, served->generator), &w), SERVE_FINE);
        assert_int_equal(call_with(s, with, &w), SERVE_FINE);
        assert_memory_equal(w.result.memory, before, (size_t)type_bytes(result));
        guarded_free(&w.weights);
        support_free(before);
    }
    guarded_free(&w.result);
    for (uint32_t i = 0; i < w.count; i++) {
        support_free(w.examples[i].data);
        support_free(raw[i].data);
    }
}

static void check_way(const char *path, DType real, double tolerance, int64_t rows, bool fix)
{
    Subject s;
    subject_open(&s, path, real, rows, fix);
    for (uint32_t i = 0; i < s.export_count; i++)
        check_export(&s, i, tolerance);
    if (rows == SERVE_ANY)
        print_message("    %s %s: %u exports\n", path, dtype_name(real), s.export_count);
    subject_close(&s);
}

/* f64 shows that the two agree but for rounding; f32 is what is used. The sines of implicit_images.hn have thirty times their
 * argument, three times over: rounding in f32 grows as far. */
static void check_model(const char *path, DType real, double tolerance)
{
    if (real == DTYPE_F32 && strstr(path, "implicit_images.hn"))
        tolerance *= 10;
#ifdef HNC_SANITIZED
    check_way(path, real, tolerance, SERVE_ANY, false); /* memory errors show in any of them */
#else
    check_way(path, real, tolerance, SERVE_ANY, false);
    check_way(path, real, tolerance, ROWS, true);
    if (real == DTYPE_F32)
        check_way(path, real, tolerance, 0, false);
#endif
}

static void exports_agree_with_the_interpreter_in_f32(void **state)
{
    (void)state;
    each_shipped(check_model, DTYPE_F32, 1e-5);
}

static void exports_agree_with_the_interpreter_in_f64(void **state)
{
    (void)state;
#ifdef HNC_SANITIZED
    skip(); /* f32 walks the same memory */
#endif
    each_shipped(check_model, DTYPE_F64, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exports_agree_with_the_interpreter_in_f32),
        cmocka_unit_test(exports_agree_with_the_interpreter_in_f64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
