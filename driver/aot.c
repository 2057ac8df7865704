/* hnc aot: exports as an object and a header that stand alone. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "backend/aot/aot.h"
#include "backend/link.h"
#include "backend/manifest.h"
#include "backend/tempfile.h"
#include "driver/driver.h"
#include "passes/serve.h"
#include "runtime/cli/domains/domains.h"
#include "runtime/core/program.h"
#include "runtime/core/report.h"
#include "runtime/run/checkpoint.h"

/* A model on its way to an object. */
typedef struct Aot {
    const Options *options; /* for a target that has nothing but itself */
    Compilation c;
    Manifest manifest;
    Program program;  /* the trained numbers */
    double **fixed;   /* per condition; NULL: it stays an argument */
    Service service;
    Interface interface;
    unsigned outputs; /* as a set of 1 << OutputKind */
} Aot;

/* ---- the trained numbers ---- */

/* Whether each task has a net of its own, so that the weights are those of one. */
static bool keeps_nets(const Model *model)
{
    const Continual *continual = model->trains.len ? model->trains.data[0].continual : NULL;
    return continual && continual->protection == PROTECTION_SEPARATE;
}

static bool load_weights(Aot *a)
{
    Compilation *c = &a->c;
    Plan *layout = plan_states(c->model->module);
    a->manifest = manifest_of(c->model, layout, &a->options->target, &c->arena);
    plan_free(layout);
    bool fine = program_open(&a->program, &a->manifest) && checkpoint_load_weights(a->options->weights, &a->program, keeps_nets(c->model));
    for (uint32_t s = 0; fine && s < c->model->module->states.len; s++)
        c->model->module->states.data[s].literal = program_state(&a->program, &a->manifest.states[s]);
    return fine;
}

/* ---- conditions that are known ---- */

/* The condition of that name, or the one of the hyperparameter of that name. NULL (reported). */
static const ConditionInfo *find_fixed(Aot *a, const char *name, size_t length, const HyperInfo **hyper)
{
    NameList names = {""};
    *hyper = NULL;
    for (size_t i = 0; i < a->manifest.condition_count; i++) {
        const ConditionInfo *condition = &a->manifest.conditions[i];
        if (strlen(condition->name) == length && !strncmp(condition->name, name, length))
            return condition;
        name_list_add(&names, condition->name);
    }
    if (memchr(name, '.', length)) {
        *hyper = find_hyper(&a->manifest, name, length);
        return *hyper ? &a->manifest.conditions[(*hyper)->condition] : NULL;
    }
    if (*names.text)
        report_error("--fix: '%.*s' is no condition of this model, which has %s", (int)length, name, names.text);
    else
        report_error("--fix %.*s: this model has no conditions", (int)length, name);
    return NULL;
}

static bool takes(const Export *export, size_t condition)
{
    for (uint32_t i = 0; i < export->argument_count; i++)
        if (export->arguments[i].condition == (int)condition)
            return true;
    return false;
}

static bool is_taken(const Aot *a, const ConditionInfo *condition)
{
    const Model *model = a->c.model;
    for (uint32_t i = 0; i < model->exports.len; i++)
        if (takes(&model->exports.data[i], (size_t)(condition - a->manifest.conditions)))
            return true;
    return report_error("--fix %s: no export takes the %s '%s'", condition->name, condition->word, condition->name);
}

/* The values that the condition has in the weights' file, or its first ones. */
static void take_trained(Aot *a, const ConditionInfo *condition, double *values)
{
    for (size_t i = 0; condition->state == NONE && i < a->manifest.hyper_count; i++) {
        const HyperInfo *hyper = &a->manifest.hypers[i];
        const Hyper *h = &a->c.model->hypers.data[i];
        for (size_t k = 0; &a->manifest.conditions[hyper->condition] == condition && k < hyper_elements(hyper); k++)
            values[hyper->offset + k] = hyper_raw(h, h->init);
    }
    if (condition->state != NONE)
        program_read_reals(&a->program, &a->manifest.states[condition->state], values);
}

/* "r=0.2,0.8", "t=3", "lam.drop=0.3"; "lam": as trained. */
static bool fix(Aot *a, const char *text)
{
    size_t length = strcspn(text, "=");
    const HyperInfo *hyper;
    const ConditionInfo *condition = find_fixed(a, text, length, &hyper);
    if (!condition || !is_taken(a, condition))
        return false;
    double **values = &a->fixed[condition - a->manifest.conditions];
    if (*values && !hyper)
        return report_error("--fix %s is given twice", condition->name);
    if (!text[length] && !condition->standing)
        return report_error("--fix %s: say which value, as in --fix %s=...", text, text);
    if (!*values) {
        *values = ARENA_ARRAY(&a->c.arena, double, condition->width);
        if (condition->standing)
            take_trained(a, condition, *values);
    }
    if (!text[length])
        return true;
    if (hyper)
        return parse_hyper("--fix", hyper, text + length + 1, *values + hyper->offset);
    if (condition->standing)
        return report_error("--fix %s: name its hyperparameters, as in --fix %s=...", text, a->manifest.hypers[0].name);
    return domain_of(condition)->parse(arena_printf(&a->c.arena, "--fix %s", condition->name), condition, text + length + 1, *values);
}

static bool fix_all(Aot *a)
{
    a->fixed = ARENA_ARRAY(&a->c.arena, double *, a->manifest.condition_count + 1);
    bool fine = true;
    for (uint32_t i = 0; fine && i < a->options->fixes.len; i++)
        fine = fix(a, a->options->fixes.data[i]);
    return fine;
}

/* Where each task has a net of its own, the object can only be that of the task whose net the weights are. */
static bool check_own_net(Aot *a)
{
    const Model *model = a->c.model;
    const Sweep *sweep = keeps_nets(model) ? model->trains.data[0].sweep : NULL;
    double at_hand = 0;
    if (!sweep)
        return true;
    const ConditionInfo *condition = &a->manifest.conditions[sweep->condition];
    const double *fixed = a->fixed[sweep->condition];
    program_read_reals(&a->program, &a->manifest.states[sweep->state], &at_hand);
    for (uint32_t i = 0; i < model->exports.len; i++) {
        const Export *export = &model->exports.data[i];
        if (export->spanned >> sweep->condition & 1)
            return report_error("'%s' runs over all values of '%s', but each %s has a net of its own, and %s holds one",
                                export->name, condition->name, condition->word, a->options->weights);
        if (takes(export, sweep->condition) && !(fixed && *fixed == at_hand))
            return report_error("%s holds the net of %s %d, and each %s has a net of its own: say --fix %s=%d",
                                a->options->weights, condition->word, (int)at_hand, condition->word, condition->name, (int)at_hand);
    }
    return true;
}

/* ---- what is written ---- */

typedef enum {
#define OUTPUT(KIND, ...) OUTPUT_##KIND,
#include "backend/aot/outputs.def"
#undef OUTPUT
    OUTPUT_COUNT
} OutputKind;

static const struct {
    const char *word, *suffix;
} outputs[OUTPUT_COUNT] = {
#define OUTPUT(KIND, word, suffix, summary) {word, suffix},
#include "backend/aot/outputs.def"
#undef OUTPUT
};

/* The words of --emit as a set of 1 << OutputKind; 0 after a message. */
static unsigned read_outputs(const char *list)
{
    unsigned wanted = 0;
    do {
        size_t length = strcspn(list, ",");
        unsigned kind = 0;
        while (kind < OUTPUT_COUNT && (strlen(outputs[kind].word) != length || strncmp(outputs[kind].word, list, length)))
            kind++;
        if (kind == OUTPUT_COUNT) {
            fprintf(stderr, "hnc aot: --emit=%.*s: there are", (int)length, list);
            for (unsigned i = 0; i < OUTPUT_COUNT; i++)
                fprintf(stderr, "%s %s", i ? "," : "", outputs[i].word);
            fputs("\n", stderr);
            return 0;
        }
        wanted |= 1u << kind;
        list += length + (list[length] == ',');
    } while (*list);
    return wanted;
}

/* "NAME.o", or of libraries "libNAME.a" */
static const char *output_path(Aot *a, OutputKind kind)
{
    bool module = kind == OUTPUT_SHARED && target_is_linked_once(&a->options->target);
    bool library = kind == OUTPUT_STATIC || (kind == OUTPUT_SHARED && !module);
    const char *path = a->options->output, *slash = strrchr(path, '/');
    size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
    return arena_printf(&a->c.arena, "%.*s%s%s%s", (int)folder, path, library ? "lib" : "", path + folder,
                        module ? ".wasm" : outputs[kind].suffix);
}

static bool write_text(Aot *a, OutputKind kind)
{
    const char *file = strrchr(a->options->file, '/') ? strrchr(a->options->file, '/') + 1 : a->options->file;
    const char *origin = arena_printf(&a->c.arena, "Made by hnc %s from %s", HNC_VERSION, file);
    Text text = {0};
    if (kind == OUTPUT_HEADER)
        aot_header(&a->interface, origin, &text);
    else
        aot_python(&a->interface, origin, &text);
    bool fine = write_output(output_path(a, kind), &text);
    text_free(&text);
    return fine;
}

static bool write_weights(Aot *a)
{
    Text bytes = {0};
    unsigned char *numbers = aot_parameters(a->c.plan);
    text_append(&bytes, (const char *)numbers, (size_t)plan_state_bytes(a->c.plan));
    bool fine = write_output(output_path(a, OUTPUT_WEIGHTS), &bytes);
    text_free(&bytes);
    free(numbers);
    return fine;
}

static bool write_onnx(Aot *a, char why[static 256])
{
    uint32_t count = a->service.served.len;
    bool fine = true;
    for (uint32_t i = 0; fine && i < count; i++) {
        Text bytes = {0};
        const char *path = count == 1 ? output_path(a, OUTPUT_ONNX)
                                      : arena_printf(&a->c.arena, "%s.%s.onnx", a->options->output,
                                                     a->service.served.data[i].export->name);
        fine = aot_onnx(&a->interface, i, &bytes, why) && write_output(path, &bytes);
        text_free(&bytes);
    }
    return fine;
}

static bool emit_code(Aot *a, EmitKind kind, const char *path, char why[static 256])
{
    BackendOptions backend = {.target = a->options->target, .opt_level = a->options->opt_level};
    return aot_emit(&a->interface, &backend, kind, path, why);
}

/* From an object with a temporary name. */
static bool link(Aot *a, OutputKind kind, char why[static 256])
{
    const char *path = output_path(a, kind);
    uint32_t count;
    const char *const *names = aot_symbols(&a->interface, &a->c.arena, &count);
    char *object = tempfile_create(path, why);
    if (!object)
        return false;
    bool fine = emit_code(a, EMIT_OBJ, object, why) &&
                (kind == OUTPUT_STATIC ? link_archive(object, &a->options->target, path, why)
                                       : link_shared(object, &a->options->target, names, count, path, why));
    tempfile_discard(object);
    return fine;
}

static bool write_one(Aot *a, OutputKind kind, char why[static 256])
{
    switch (kind) {
    case OUTPUT_HEADER:
    case OUTPUT_PYTHON:
        return write_text(a, kind);
    case OUTPUT_WEIGHTS:
        return write_weights(a);
    case OUTPUT_ONNX:
        return write_onnx(a, why);
    case OUTPUT_OBJECT:
        return emit_code(a, EMIT_OBJ, output_path(a, kind), why);
    case OUTPUT_ASM:
        return emit_code(a, EMIT_ASM, output_path(a, kind), why);
    case OUTPUT_LLVM:
        return emit_code(a, EMIT_LLVM, output_path(a, kind), why);
    case OUTPUT_STATIC:
    case OUTPUT_SHARED:
        return link(a, kind, why);
    case OUTPUT_COUNT:
        break;
    }
    return true;
}

/* A module of Python needs its library, and an object without numbers their file. */
static unsigned with_needed(const Aot *a)
{
    unsigned wanted = a->outputs;
    if (wanted & 1u << OUTPUT_PYTHON)
        wanted |= 1u << OUTPUT_SHARED;
    if (a->options->external)
        wanted |= 1u << OUTPUT_WEIGHTS;
    return wanted;
}

static bool emit(Aot *a)
{
    unsigned wanted = with_needed(a);
    for (unsigned kind = 0; kind < OUTPUT_COUNT; kind++) {
        char why[256] = "";
        if (!(wanted >> kind & 1) || write_one(a, (OutputKind)kind, why))
            continue;
        if (*why)
            fprintf(stderr, "hnc: error: %s\n", why);
        return false;
    }
    return true;
}

/* No two functions may have one name, nor, for the sake of macros, names that differ in case only. */
static bool names_differ(Aot *a)
{
    uint32_t count;
    const char *const *names = aot_symbols(&a->interface, &a->c.arena, &count);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = i + 1; k < count; k++)
            if (strcasecmp(names[i], names[k]) == 0)
                return report_error("two functions would be called %s and %s: rename an export", names[i], names[k]);
    return true;
}

static bool make(Aot *a)
{
    Model *model = a->c.model;
    const char *path = a->options->output, *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    char why[256] = "";
    if (!aot_serve(model, (FixedConditions)a->fixed, a->options->rows, &a->c.trace, &a->service, &a->c.plan, why)) {
        fprintf(stderr, "hnc: error: %s\n", why);
        return false;
    }
    interface_make(&a->interface, base, HNC_VERSION, &a->service, a->c.plan, a->options->external);
    bool fine = names_differ(a) && emit(a);
    interface_free(&a->interface);
    service_free(&a->service);
    return fine;
}

int command_aot(const Options *given)
{
    Options alone = *given, *options = &alone;
    Aot a = {.options = options};
    options->target = target_alone(options->target);
    if (!options->weights || !options->output) {
        fprintf(stderr, "hnc aot: say with %s\nTry 'hnc aot --help'.\n",
                options->weights ? "-o NAME what the object is called" : "--weights FILE which weights the exports get");
        return EXIT_USAGE;
    }
    a.outputs = read_outputs(options->outputs ? options->outputs : "header,object");
    if (!a.outputs)
        return EXIT_USAGE;
    report_name("hnc");
    bool fine = compile_model(options, &a.c);
    if (fine && a.c.model->exports.len == 0) {
        fprintf(stderr, "%s: error: the model exports nothing: add a line such as 'export predict(x) = f(x)'\n", options->file);
        fine = false;
    }
    if (fine && options->no_std && a.c.model->module->real == DTYPE_F64) {
        fprintf(stderr, "hnc: error: --no-std: code for f64 calls libm; --float=f32 needs no library\n");
        fine = false;
    }
    fine = fine && load_weights(&a) && fix_all(&a) && check_own_net(&a) && make(&a);
    program_close(&a.program);
    compilation_free(&a.c);
    return fine ? EXIT_FINE : EXIT_ERROR;
}
