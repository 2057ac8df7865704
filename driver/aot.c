/* hnc aot: exports as an object and a header that stand alone, and what else is made of them. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "backend/aot/aot.h"
#include "backend/link.h"
#include "driver/aot.h"
#include "passes/serve.h"
#include "runtime/core/report.h"

/* The exports of a model on their way to files. */
typedef struct Emission {
    Aot a;
    Service service;
    Interface interface;
    unsigned outputs; /* as a set of 1 << OutputKind */
} Emission;

/* ---- what is written ---- */

typedef enum {
#define OUTPUT(KIND, ...) OUTPUT_##KIND,
#include "backend/aot/outputs.def"
#undef OUTPUT
    OUTPUT_COUNT
} OutputKind;

static const struct {
    const char *word, *suffix;
} output_table[OUTPUT_COUNT] = {
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
        while (kind < OUTPUT_COUNT && (strlen(output_table[kind].word) != length || strncmp(output_table[kind].word, list, length)))
            kind++;
        if (kind == OUTPUT_COUNT) {
            fprintf(stderr, "hnc aot: --emit=%.*s: there are", (int)length, list);
            for (unsigned i = 0; i < OUTPUT_COUNT; i++)
                fprintf(stderr, "%s %s", i ? "," : "", output_table[i].word);
            fputs("\n", stderr);
            return 0;
        }
        wanted |= 1u << kind;
        list += length + (list[length] == ',');
    } while (*list);
    return wanted;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* "NAME.o", or of libraries "libNAME.a" */
static const char *output_path(const Options *options, OutputKind kind, Arena *arena)
{
    bool module = kind == OUTPUT_SHARED && target_is_linked_once(&options->target);
    bool library = kind == OUTPUT_STATIC || (kind == OUTPUT_SHARED && !module);
    const char *path = options->output, *base = base_name(path);
    return arena_printf(arena, "%.*s%s%s%s", (int)(base - path), path, library ? "lib" : "", base,
                        module ? ".wasm" : output_table[kind].suffix);
}

static bool write_text(Emission *m, OutputKind kind)
{
    const char *origin = arena_printf(&m->a.c.arena, "Made by hnc %s from %s", HNC_VERSION, base_name(m->a.options->file));
    Text text = {0};
    if (kind == OUTPUT_HEADER)
        aot_header(&m->interface, origin, &text);
    else
        aot_python(&m->interface, origin, &text);
    bool fine = write_output(output_path(m->a.options, kind, &m->a.c.arena), &text);
    text_free(&text);
    return fine;
}

static bool write_weights(Emission *m)
{
    Text bytes = {0};
    unsigned char *numbers = aot_parameters(m->a.c.plan);
    text_append(&bytes, (const char *)numbers, (size_t)plan_state_bytes(m->a.c.plan));
    bool fine = write_output(output_path(m->a.options, OUTPUT_WEIGHTS, &m->a.c.arena), &bytes);
    text_free(&bytes);
    free(numbers);
    return fine;
}

static bool write_onnx(Emission *m, char why[static 256])
{
    uint32_t count = m->service.served.len;
    bool fine = true;
    for (uint32_t i = 0; fine && i < count; i++) {
        Text bytes = {0};
        const char *path = count == 1 ? output_path(m->a.options, OUTPUT_ONNX, &m->a.c.arena)
                                      : arena_printf(&m->a.c.arena, "%s.%s.onnx", m->a.options->output,
                                                     m->service.served.data[i].export->name);
        fine = aot_onnx(&m->interface, i, &bytes, why) && write_output(path, &bytes);
        text_free(&bytes);
    }
    return fine;
}

static bool emit_code(Emission *m, EmitKind kind, const char *path, char why[static 256])
{
    BackendOptions backend = {.target = m->a.options->target, .opt_level = m->a.options->opt_level};
    return aot_emit(&m->interface, &backend, kind, path, why);
}

static bool link_from(Emission *m, OutputKind kind, const char *object, const char *path, char why[static 256])
{
    uint32_t count;
    const char *const *names = aot_symbols(&m->interface, &m->a.c.arena, &count);
    return emit_code(m, EMIT_OBJ, object, why) &&
           (kind == OUTPUT_STATIC ? link_archive(object, &m->a.options->target, path, why)
                                  : link_shared(object, &m->a.options->target, names, count, path, why));
}

/* From an object in a temporary folder: an archive tells its name. */
static bool link_library(Emission *m, OutputKind kind, char why[static 256])
{
    Arena *arena = &m->a.c.arena;
    const char *path = output_path(m->a.options, kind, arena), *base = base_name(path);
    char *folder = arena_printf(arena, "%.*s.%s.XXXXXX", (int)(base - path), path, base);
    if (!mkdtemp(folder)) {
        snprintf(why, 256, "cannot make a folder beside '%.160s': %s", path, strerror(errno));
        return false;
    }
    const char *object = arena_printf(arena, "%s/%s.o", folder, base_name(m->a.options->output));
    bool fine = link_from(m, kind, object, path, why);
    remove(object);
    rmdir(folder);
    return fine;
}

static bool write_one(Emission *m, OutputKind kind, char why[static 256])
{
    switch (kind) {
    case OUTPUT_HEADER:
    case OUTPUT_PYTHON:
        return write_text(m, kind);
    case OUTPUT_WEIGHTS:
        return write_weights(m);
    case OUTPUT_ONNX:
        return write_onnx(m, why);
    case OUTPUT_OBJECT:
        return emit_code(m, EMIT_OBJ, output_path(m->a.options, kind, &m->a.c.arena), why);
    case OUTPUT_ASM:
        return emit_code(m, EMIT_ASM, output_path(m->a.options, kind, &m->a.c.arena), why);
    case OUTPUT_LLVM:
        return emit_code(m, EMIT_LLVM, output_path(m->a.options, kind, &m->a.c.arena), why);
    case OUTPUT_STATIC:
    case OUTPUT_SHARED:
        return link_library(m, kind, why);
    case OUTPUT_EXE:
    case OUTPUT_COUNT:
        break;
    }
    return true;
}

/* No two functions may have one name, nor, for the sake of macros, names that differ in case only. */
static bool names_differ(Emission *m)
{
    uint32_t count;
    const char *const *names = aot_symbols(&m->interface, &m->a.c.arena, &count);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = i + 1; k < count; k++)
            if (strcasecmp(names[i], names[k]) == 0)
                return report_error("two functions would be called %s and %s: rename an export", names[i], names[k]);
    return true;
}

/* An export that draws random numbers computes each example by itself: a call has one, or any number. */
static bool have_rows(const Emission *m)
{
    int64_t rows = m->a.options->rows;
    for (uint32_t i = 0; rows > 1 && i < m->interface.functions.len; i++) {
        const AotFunction *function = &m->interface.functions.data[i];
        for (uint32_t k = 0; k < function->parameters.len; k++)
            if (function->parameters.data[k].kind == PARAMETER_ROW)
                return report_error("--batch %" PRId64 ": '%s' draws random numbers for each example by itself: say --batch any", rows,
                                    m->service.served.data[function->served].export->name);
    }
    return true;
}

static bool emit(Emission *m)
{
    for (unsigned kind = 0; kind < OUTPUT_COUNT; kind++) {
        char why[256] = "";
        if (!(m->outputs >> kind & 1) || write_one(m, (OutputKind)kind, why))
            continue;
        return *why ? report_error("%s", why) : false;
    }
    return true;
}

static bool make(Emission *m)
{
    char why[256] = "";
    if (!aot_serve(m->a.c.model, (FixedConditions)m->a.fixed, m->a.options->rows, &m->a.c.trace, &m->service, &m->a.c.plan, why))
        return report_error("%s", why);
    interface_make(&m->interface, base_name(m->a.options->output), HNC_VERSION, &m->service, m->a.c.plan, m->a.options->external);
    bool fine = names_differ(m) && have_rows(m) && emit(m);
    interface_free(&m->interface);
    service_free(&m->service);
    return fine;
}

/* Everything but a program. */
static bool make_object(const Options *options, unsigned outputs)
{
    Emission m = {.a.options = options, .outputs = outputs};
    bool fine = aot_open(&m.a) && make(&m);
    aot_close(&m.a);
    return fine;
}

/* A module of Python needs its library, and an object without numbers their file. */
static unsigned with_needed(unsigned outputs, const Options *options)
{
    if (outputs & 1u << OUTPUT_PYTHON)
        outputs |= 1u << OUTPUT_SHARED;
    if (options->external)
        outputs |= 1u << OUTPUT_WEIGHTS;
    return outputs;
}

/* What an object is made for: it has nothing but itself and, if that is asked for, OpenBLAS. */
static Target target_of_object(const Options *options)
{
    Target target = target_alone(options->target);
    if (options->blas)
        target.blas = options->target.blas;
    return target;
}

/* A module of Python cannot import another one of its own name, nor can what it imports. */
static bool hides_import(const char *output)
{
    static const char *const imported[] = {"builtins", "ctypes", "math", "numbers", "numpy", "os", "re"};
    const char *name = strrchr(output, '/') ? strrchr(output, '/') + 1 : output;
    for (size_t i = 0; i < COUNT_OF(imported); i++)
        if (strcmp(name, imported[i]) == 0)
            return true;
    return false;
}

static bool fits_together(const Options *options, unsigned outputs)
{
    if (outputs & 1u << OUTPUT_PYTHON && hides_import(options->output))
        return report_error("-o %s: a module of Python has to import another one of this name", options->output);
    bool openblas = options->blas && options->target.blas == BLAS_OPENBLAS;
    if (options->embed && options->external)
        return report_error("--embed-weights and --external-weights exclude each other");
    if (openblas && options->no_std)
        return report_error("--no-std excludes --blas=openblas");
    if (openblas && target_is_linked_once(&options->target))
        return report_error("--blas=openblas: there is none for %s", options->target.triple);
    if (outputs & 1u << OUTPUT_PYTHON && target_is_linked_once(&options->target))
        return report_error("--emit=python: a module of Python calls a library, and there is none for %s", options->target.triple);
    if (outputs & 1u << OUTPUT_EXE && !target_is_host(&options->target))
        return report_error("--emit=exe makes programs for this machine alone: link the object for %s with one of your own",
                            options->target.triple);
    return true;
}

/* Whether files get names of their own: not those of folders, and not those of what is read. */
static bool names_are_free(const Options *options, unsigned outputs)
{
    const char *base = base_name(options->output);
    Arena arena = {0};
    bool fine = (*base && strcmp(base, ".") && strcmp(base, "..")) ||
                report_error("-o %s: expected what the object is called, perhaps in a folder: -o folder/name", options->output);
    for (unsigned kind = 0; fine && kind < OUTPUT_COUNT; kind++) {
        const char *path = output_path(options, (OutputKind)kind, &arena);
        if (outputs >> kind & 1 && (same_file(path, options->file) || same_file(path, options->weights)))
            fine = report_error("the output '%s' is an input", path);
    }
    arena_free(&arena);
    return fine;
}

int command_aot(const Options *options)
{
    if (!options->weights || !options->output) {
        fprintf(stderr, "hnc aot: say with %s\nTry 'hnc aot --help'.\n",
                options->weights ? "-o NAME what the object is called" : "--weights FILE which weights the exports get");
        return EXIT_USAGE;
    }
    unsigned outputs = read_outputs(options->outputs ? options->outputs : "header,object");
    if (!outputs)
        return EXIT_USAGE;
    outputs = with_needed(outputs, options);
    report_name("hnc");
    if (!fits_together(options, outputs) || !names_are_free(options, outputs))
        return EXIT_USAGE;
    Options alone = *options;
    alone.target = target_of_object(options);
    bool program = outputs & 1u << OUTPUT_EXE, object = outputs != 1u << OUTPUT_EXE;
    bool fine = (!object || make_object(&alone, outputs)) && (!program || aot_executable(options, options->output));
    return fine ? EXIT_FINE : EXIT_ERROR;
}
