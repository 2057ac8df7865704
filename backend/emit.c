/* The driver of the emitter: kernels, one function per schedule that calls them in order, and the tables for the runtime. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <llvm-c/Linker.h>

#include "backend/backend.h"
#include "backend/emit.h"
#include "backend/link.h"
#include "backend/tempfile.h"

/* ---- kernels ---- */

enum { MOST_NAME = 160 }; /* bytes; a loop within a loop has the names of both */

/* Fields of hn_frame (runtime/abi/frame.h), in order. */
enum { FRAME_STATE, FRAME_SCRATCH, FRAME_ROWS, FRAME_INPUTS, FRAME_OUTPUTS };

/* Reads the frame once per function: LLVM cannot know that no kernel writes to it. */
static void load_frame(Emitter *e, LLVMValueRef frame)
{
    for (unsigned i = 0; i < FRAME_FIELDS; i++) {
        LLVMValueRef place = LLVMBuildStructGEP2(e->builder, e->frame, frame, i, "");
        e->fields[i] = LLVMBuildLoad2(e->builder, e->pointer, place, "");
    }
}

static LLVMValueRef listed_pointer(Emitter *e, unsigned field, uint32_t position)
{
    LLVMValueRef index = const_i64(e, position);
    LLVMValueRef place = LLVMBuildGEP2(e->builder, e->pointer, e->fields[field], &index, 1, "");
    return LLVMBuildLoad2(e->builder, e->pointer, place, "");
}

/* The place of a buffer of the frame that was read last. */
static LLVMValueRef buffer_base(Emitter *e, const Buffer *buffer)
{
    LLVMValueRef offset = const_i64(e, buffer->offset);
    switch (buffer->kind) {
    case BUFFER_STATE:
        return LLVMBuildGEP2(e->builder, e->i8, e->fields[FRAME_STATE], &offset, 1, "");
    case BUFFER_SCRATCH:
        return LLVMBuildGEP2(e->builder, e->i8, e->fields[FRAME_SCRATCH], &offset, 1, "");
    case BUFFER_INPUT:
        return listed_pointer(e, FRAME_INPUTS, buffer->symbol);
    case BUFFER_OUTPUT:
        return listed_pointer(e, FRAME_OUTPUTS, buffer->symbol);
    default:
        return listed_pointer(e, FRAME_ROWS, buffer->symbol);
    }
}

/* The buffers that a kernel uses, each once, in `buffers`; how many. */
static unsigned kernel_buffers(const Kernel *kernel, uint32_t *buffers)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < kernel->reads.len + kernel->writes.len; i++) {
        uint32_t buffer = i < kernel->reads.len ? kernel->reads.data[i] : kernel->writes.data[i - kernel->reads.len];
        unsigned k = 0;
        while (k < count && buffers[k] != buffer)
            k++;
        if (k == count)
            buffers[count++] = buffer;
    }
    return count;
}

/* By kind. */
static EmitKernel *const emit_kernel_body[KERNEL_COUNT] = {
#define KERNEL(KIND, word, ...) emit_##word,
#include "passes/kernels.def"
#undef KERNEL
};

/* An internal function whose code is to be emitted. */
static LLVMValueRef begin_function(Emitter *e, const char *name, LLVMTypeRef type)
{
    e->function = LLVMAddFunction(e->module, name, type);
    LLVMSetLinkage(e->function, LLVMInternalLinkage);
    LLVMSetUnnamedAddress(e->function, LLVMGlobalUnnamedAddr); /* so LLVM may merge equal kernels */
    begin_code(e);
    return e->function;
}

/* One kernel. Its buffers and its stream of random numbers are parameters, so LLVM merges kernels that differ in nothing else. */
typedef struct EmittedKernel {
    LLVMValueRef function, stream; /* stream: of KERNEL_RANDOM, else NULL */
    KernelSplit split;
    uint32_t *buffers; /* in order of the parameters */
    unsigned count;
} EmittedKernel;

static LLVMValueRef emit_schedule(Emitter *e, const Schedule *schedule, const char *name);

/* The code of a scan's body; the emitter is then where it was. */
static LLVMValueRef emit_inner(Emitter *e, const Kernel *kernel, const char *name)
{
    const Schedule *around = e->schedule;
    LLVMValueRef *bases = e->bases, body = emit_schedule(e, kernel->scan->body, name);
    e->schedule = around;
    e->bases = bases;
    return body;
}

/* <function>_<k>_<kind>(buffers..., begin, end[, stream]) */
static EmittedKernel emit_kernel(Emitter *e, const char *function, uint32_t index)
{
    const Kernel *kernel = &e->schedule->kernels.data[index];
    uint32_t most = kernel->reads.len + kernel->writes.len;
    EmittedKernel emitted = {.buffers = support_malloc((most + 1) * sizeof(uint32_t))};
    LLVMTypeRef *types = support_malloc((most + 3) * sizeof *types);
    unsigned n = emitted.count = kernel_buffers(kernel, emitted.buffers);
    for (unsigned i = 0; i < n; i++)
        types[i] = e->pointer;
    types[n] = types[n + 1] = e->i64;
    types[n + 2] = e->i32;
    emitted.stream = kernel->kind == KERNEL_RANDOM ? const_i32(e, kernel->special.symbol) : NULL;
    char name[MOST_NAME];
    snprintf(name, sizeof name, "%s_%u_body", function, index);
    LLVMValueRef inner = kernel->kind == KERNEL_SCAN ? emit_inner(e, kernel, name) : NULL;
    snprintf(name, sizeof name, "%s_%u_%s", function, index, kernel_info[kernel->kind].word);
    emitted.function = begin_function(e, name, LLVMFunctionType(e->nothing, types, n + 2 + (emitted.stream != NULL), false));
    add_attribute(e, e->function, "noinline");
    memset(e->bases, 0, e->schedule->buffers.len * sizeof *e->bases);
    for (unsigned i = 0; i < n; i++)
        e->bases[emitted.buffers[i]] = LLVMGetParam(e->function, i);
    e->begin = LLVMGetParam(e->function, n);
    e->end = LLVMGetParam(e->function, n + 1);
    e->stream = emitted.stream ? LLVMGetParam(e->function, n + 2) : NULL;
    e->scan_body = inner;
    emitted.split = emit_kernel_body[kernel->kind](e, kernel);
    LLVMBuildRetVoid(e->builder);
    support_free(types);
    return emitted;
}

/* Calls the kernel with its buffers in the frame that was read last. */
static void call_kernel(Emitter *e, const EmittedKernel *kernel, LLVMValueRef begin, LLVMValueRef end)
{
    LLVMValueRef *args = support_malloc((kernel->count + 3) * sizeof *args);
    for (unsigned i = 0; i < kernel->count; i++)
        args[i] = buffer_base(e, &e->schedule->buffers.data[kernel->buffers[i]]);
    args[kernel->count] = begin;
    args[kernel->count + 1] = end;
    args[kernel->count + 2] = kernel->stream;
    unsigned count = kernel->count + 2 + (kernel->stream != NULL);
    LLVMBuildCall2(e->builder, LLVMGlobalGetValueType(kernel->function), kernel->function, args, count, "");
    support_free(args);
}

/* ---- functions ---- */

static bool worth_threads(const Emitter *e, const Kernel *kernel, KernelSplit split)
{
    int64_t least = e->target.thread_work;
    return e->target.threads && split.extent > split.grain && (kernel->flops > least || kernel->bytes / 8 > least);
}

static LLVMValueRef parallel_function(Emitter *e)
{
    LLVMTypeRef types[] = {e->pointer, e->pointer, e->i64, e->i64};
    LLVMValueRef function = LLVMGetNamedFunction(e->module, "hn_parallel");
    return function ? function : LLVMAddFunction(e->module, "hn_parallel", LLVMFunctionType(e->nothing, types, 4, false));
}

/* <function>_<k>_part(frame, begin, end): what hn_parallel calls for a kernel. */
static LLVMValueRef emit_part(Emitter *e, const char *function, uint32_t index, const EmittedKernel *kernel)
{
    char name[MOST_NAME];
    snprintf(name, sizeof name, "%s_%u_part", function, index);
    LLVMValueRef part = begin_function(e, name, e->part_type);
    load_frame(e, LLVMGetParam(part, 0));
    call_kernel(e, kernel, LLVMGetParam(part, 1), LLVMGetParam(part, 2));
    LLVMBuildRetVoid(e->builder);
    return part;
}

/* Begins a function of a frame. */
static LLVMValueRef begin_frame_function(Emitter *e, const char *name)
{
    LLVMValueRef function = begin_function(e, name, LLVMFunctionType(e->nothing, &e->pointer, 1, false));
    load_frame(e, LLVMGetParam(function, 0));
    return function;
}

/* Calls kernels [begin, end) in order, a kernel that has a part through hn_parallel; ends the function at hand. */
static void call_kernels(Emitter *e, const EmittedKernel *kernels, const LLVMValueRef *parts, uint32_t begin, uint32_t end)
{
    for (uint32_t k = begin; k < end; k++) {
        LLVMValueRef extent = const_i64(e, kernels[k].split.extent);
        if (parts[k]) {
            LLVMValueRef args[] = {parts[k], LLVMGetParam(e->function, 0), extent, const_i64(e, kernels[k].split.grain)};
            LLVMValueRef callee = parallel_function(e);
            LLVMBuildCall2(e->builder, LLVMGlobalGetValueType(callee), callee, args, 4, "");
        } else {
            call_kernel(e, &kernels[k], const_i64(e, 0), extent);
        }
    }
    LLVMBuildRetVoid(e->builder);
}

/* LLVM allocates the registers of a function in more than linear time: where there are many kernels, functions of this many call
 * them. */
enum { CALLS = 256 };

/* <function>_from_<k>(frame) calls kernel k and the CALLS - 1 kernels behind it. */
static LLVMValueRef emit_calls(Emitter *e, const char *caller, const EmittedKernel *kernels, const LLVMValueRef *parts,
                               uint32_t begin)
{
    uint32_t count = e->schedule->kernels.len;
    char name[MOST_NAME];
    snprintf(name, sizeof name, "%s_from_%u", caller, begin);
    LLVMValueRef function = begin_frame_function(e, name);
    add_attribute(e, function, "noinline");
    call_kernels(e, kernels, parts, begin, count - begin < CALLS ? count : begin + CALLS);
    return function;
}

/* The code of a schedule, name(frame). */
static LLVMValueRef emit_schedule(Emitter *e, const Schedule *schedule, const char *name)
{
    e->schedule = schedule;
    uint32_t count = schedule->kernels.len, calls = count > CALLS ? (count + CALLS - 1) / CALLS : 0;
    LLVMValueRef *callers = support_malloc((calls + 1) * sizeof(LLVMValueRef));
    EmittedKernel *kernels = support_malloc((count + 1) * sizeof *kernels);
    LLVMValueRef *parts = support_malloc((count + 1) * sizeof(LLVMValueRef));
    e->bases = support_malloc((schedule->buffers.len + 1) * sizeof *e->bases);
    for (uint32_t k = 0; k < count; k++) {
        kernels[k] = emit_kernel(e, name, k);
        bool shared = worth_threads(e, &schedule->kernels.data[k], kernels[k].split);
        parts[k] = shared ? emit_part(e, name, k, &kernels[k]) : NULL;
    }
    for (uint32_t i = 0; i < calls; i++)
        callers[i] = emit_calls(e, name, kernels, parts, i * CALLS);
    LLVMValueRef function = begin_frame_function(e, name), frame = LLVMGetParam(function, 0);
    for (uint32_t i = 0; i < calls; i++)
        LLVMBuildCall2(e->builder, LLVMGlobalGetValueType(callers[i]), callers[i], &frame, 1, "");
    call_kernels(e, kernels, parts, 0, calls ? 0 : count);
    for (uint32_t k = 0; k < count; k++)
        support_free(kernels[k].buffers);
    support_free(callers);
    support_free(kernels);
    support_free(parts);
    support_free(e->bases);
    return function;
}

LLVMValueRef emit_function(Emitter *e, uint32_t index)
{
    char name[32];
    snprintf(name, sizeof name, "hn_fn_%u", index);
    return emit_schedule(e, &e->plan->schedules.data[index], name);
}

/* ---- the module ---- */

/* Whether the function works on rows, and so runs again and again. */
static bool works_on_rows(const Function *function)
{
    for (uint32_t i = 0; i < function->input_names.len; i++)
        if (!strcmp(function->input_names.data[i], "index"))
            return true;
    return false;
}

static void emit_table(Emitter *e, const char *name, LLVMValueRef *functions)
{
    LLVMValueRef table = LLVMConstArray2(e->pointer, functions, e->plan->schedules.len);
    LLVMValueRef global = LLVMAddGlobal(e->module, LLVMTypeOf(table), name);
    LLVMSetInitializer(global, table);
    LLVMSetGlobalConstant(global, true);
}

/* Declares a function for DEFAULT_CPU in the code for WIDE_CPU: another module defines it. */
static LLVMValueRef declare_function(Emitter *e, uint32_t index)
{
    char name[32];
    snprintf(name, sizeof name, "hn_fn_%u", index);
    LLVMValueRef function = LLVMAddFunction(e->module, name, LLVMFunctionType(e->nothing, &e->pointer, 1, false));
    LLVMSetVisibility(function, LLVMHiddenVisibility);
    return function;
}

static void emit_manifest(LLVMModuleRef module, const char *manifest)
{
    LLVMValueRef text = LLVMConstStringInContext2(LLVMGetModuleContext(module), manifest, strlen(manifest), false);
    LLVMValueRef global = LLVMAddGlobal(module, LLVMTypeOf(text), "hn_manifest");
    LLVMSetInitializer(global, text);
    LLVMSetGlobalConstant(global, true);
}

/* hn_weights and hn_weights_bytes. */
static void emit_weights(LLVMModuleRef module, const BackendOptions *options)
{
    LLVMContextRef context = LLVMGetModuleContext(module);
    LLVMValueRef bytes = LLVMConstStringInContext2(context, options->weights, options->weights_bytes, true);
    LLVMValueRef global = LLVMAddGlobal(module, LLVMTypeOf(bytes), "hn_weights");
    LLVMValueRef count = LLVMAddGlobal(module, LLVMInt64TypeInContext(context), "hn_weights_bytes");
    LLVMSetInitializer(global, bytes);
    LLVMSetInitializer(count, LLVMConstInt(LLVMInt64TypeInContext(context), options->weights_bytes, false));
    LLVMSetGlobalConstant(global, true);
    LLVMSetGlobalConstant(count, true);
}

static void set_types(Emitter *e)
{
    e->i1 = LLVMInt1TypeInContext(e->context);
    e->i8 = LLVMInt8TypeInContext(e->context);
    e->i32 = LLVMInt32TypeInContext(e->context);
    e->i64 = LLVMInt64TypeInContext(e->context);
    e->pointer = LLVMPointerTypeInContext(e->context, 0);
    e->nothing = LLVMVoidTypeInContext(e->context);
    LLVMTypeRef fields[FRAME_FIELDS] = {e->pointer, e->pointer, e->pointer, e->pointer, e->pointer};
    e->frame = LLVMStructTypeInContext(e->context, fields, FRAME_FIELDS, false);
    LLVMTypeRef parameters[] = {e->pointer, e->i64, e->i64};
    e->part_type = LLVMFunctionType(e->nothing, parameters, 3, false);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The plan's code for one processor. */
typedef struct Code {
    const char *cpu, *table;
    bool all;   /* all functions; else only those that work on rows, and the table names others of another module */
    bool named; /* another module can name functions that do not work on rows */
} Code;

static LLVMValueRef emit_entry(Emitter *e, const Code *code, uint32_t index)
{
    bool row_function = works_on_rows(e->plan->schedules.data[index].function);
    if (!code->all && !row_function)
        return declare_function(e, index);
    LLVMValueRef function = emit_function(e, index);
    if (code->named && !row_function) {
        LLVMSetLinkage(function, LLVMExternalLinkage);
        LLVMSetVisibility(function, LLVMHiddenVisibility);
    }
    return function;
}

bool emitter_open(Emitter *e, LLVMContextRef context, const Plan *plan, const Target *target, const char *cpu,
                  char why[static 256])
{
    *e = (Emitter){.context = context, .plan = plan, .target = *target};
    if (!target_set_cpu(&e->target, cpu, why))
        return false;
    e->module = LLVMModuleCreateWithNameInContext(plan->module->name, context);
    e->builder = LLVMCreateBuilderInContext(context);
    e->math = (MathContext){context, e->module, e->builder, !e->target.same_bits && !e->target.has_fma};
    set_types(e);
    if (object_prepare(e->module, &e->target, why))
        return true;
    LLVMDisposeBuilder(e->builder);
    LLVMDisposeModule(e->module);
    return false;
}

LLVMModuleRef emitter_close(Emitter *e)
{
    LLVMDisposeBuilder(e->builder);
    object_set_cpu(e->module, &e->target);
    return e->module;
}

/* A module of the context; NULL on failure. */
static LLVMModuleRef emit_module(LLVMContextRef context, const Plan *plan, const BackendOptions *options, const Code *code,
                                 char why[static 256])
{
    Emitter e;
    if (!emitter_open(&e, context, plan, &options->target, code->cpu, why))
        return NULL;
    LLVMValueRef *functions = support_malloc((plan->schedules.len + 1) * sizeof *functions);
    for (uint32_t i = 0; i < plan->schedules.len; i++)
        functions[i] = emit_entry(&e, code, i);
    emit_table(&e, code->table, functions);
    support_free(functions);
    return emitter_close(&e);
}

static bool is_auto(const BackendOptions *options)
{
    return strcmp(options->target.cpu, AUTO_CPU) == 0;
}

/* All functions, their table and the manifest. */
static LLVMModuleRef emit_narrow(LLVMContextRef context, const Plan *plan, const char *manifest, const BackendOptions *options,
                                 char why[static 256])
{
    Code code = {.cpu = options->target.cpu, .table = "hn_functions", .all = true, .named = is_auto(options)};
    LLVMModuleRef module = emit_module(context, plan, options, &code, why);
    if (module)
        emit_manifest(module, manifest);
    if (module && options->weights)
        emit_weights(module, options);
    return module;
}

/* The program compiled for WIDE_CPU, without functions that run once or rarely. Vectors are passed in other registers there, so
 * this code shares no inner function with the code for DEFAULT_CPU: its names end in _v4. */
static LLVMModuleRef emit_wide(LLVMContextRef context, const Plan *plan, const BackendOptions *options, char why[static 256])
{
    Code code = {.cpu = WIDE_CPU, .table = "hn_functions_v4"};
    LLVMModuleRef module = emit_module(context, plan, options, &code, why);
    for (LLVMValueRef f = module ? LLVMGetFirstFunction(module) : NULL; f; f = LLVMGetNextFunction(f)) {
        if (LLVMIsDeclaration(f))
            continue;
        char name[96];
        size_t length;
        const char *old = LLVMGetValueName2(f, &length);
        snprintf(name, sizeof name, "%s_v4", old);
        LLVMSetValueName2(f, name, strlen(name));
    }
    return module;
}

/* ---- from modules to bytes ---- */

/* One module with all code. */
LLVMMemoryBufferRef emitted_bytes(const Plan *plan, const char *manifest, const BackendOptions *options, EmitKind kind,
                                  char why[static 256])
{
    LLVMContextRef context = LLVMContextCreate();
    LLVMModuleRef module = emit_narrow(context, plan, manifest, options, why);
    LLVMModuleRef wide = module && is_auto(options) ? emit_wide(context, plan, options, why) : NULL;
    LLVMMemoryBufferRef bytes = NULL;
    if (wide && LLVMLinkModules2(module, wide)) /* consumes `wide` */
        snprintf(why, 256, "internal error: the code for %s and for %s do not link", DEFAULT_CPU, WIDE_CPU);
    else if (module && (wide || !is_auto(options)))
        bytes = object_bytes(module, &options->target, options->opt_level, kind, why);
    if (module)
        LLVMDisposeModule(module);
    LLVMContextDispose(context);
    return bytes;
}

/* The code for one processor, as an object of its own. */
typedef struct Part {
    const Plan *plan;
    const BackendOptions *options;
    const char *manifest; /* NULL: the code for WIDE_CPU */
    LLVMMemoryBufferRef bytes;
    double emitted, done; /* seconds since the part began */
    char why[256];
} Part;

static void *compile_part(void *data)
{
    Part *part = data;
    double start = seconds();
    LLVMContextRef context = LLVMContextCreate();
    LLVMModuleRef module = part->manifest ? emit_narrow(context, part->plan, part->manifest, part->options, part->why)
                                          : emit_wide(context, part->plan, part->options, part->why);
    part->emitted = seconds() - start;
    if (module) {
        part->bytes = object_bytes(module, &part->options->target, part->options->opt_level, EMIT_OBJ, part->why);
        LLVMDisposeModule(module);
    }
    LLVMContextDispose(context);
    part->done = seconds() - start;
    return NULL;
}

static bool write_part(const Part *part, const char *path, char why[static 256])
{
    if (part->bytes)
        return tempfile_write(path, LLVMGetBufferStart(part->bytes), LLVMGetBufferSize(part->bytes), why);
    snprintf(why, 256, "%s", part->why);
    return false;
}

/* Writes both objects beside `path` and joins them there. */
static bool join_parts(const Part *parts, const char *path, char why[static 256])
{
    char *narrow = tempfile_create(path, why), *wide = narrow ? tempfile_create(path, why) : NULL;
    bool fine = wide && write_part(&parts[0], narrow, why) && write_part(&parts[1], wide, why) &&
                link_objects((const char *const[]){narrow, wide}, 2, path, why);
    if (wide)
        tempfile_discard(wide);
    if (narrow)
        tempfile_discard(narrow);
    return fine;
}

/* The code for each processor by a thread of its own: they share nothing but the plan, which they read. */
static bool emit_in_parts(const Plan *plan, const char *manifest, const BackendOptions *options, const char *path,
                          char why[static 256])
{
    target_initialize();
    Part parts[] = {{.plan = plan, .options = options, .manifest = manifest}, {.plan = plan, .options = options}};
    pthread_t thread;
    bool beside = pthread_create(&thread, NULL, compile_part, &parts[1]) == 0;
    compile_part(&parts[0]);
    if (beside)
        pthread_join(thread, NULL);
    else
        compile_part(&parts[1]);
    for (int i = 0; i < 2 && options->time_passes; i++)
        fprintf(stderr, "%8.1f ms  emit, %8.1f ms  llvm: %s\n", 1e3 * parts[i].emitted, 1e3 * (parts[i].done - parts[i].emitted),
                i ? WIDE_CPU : DEFAULT_CPU);
    bool joined = join_parts(parts, path, why);
    for (int i = 0; i < 2; i++)
        if (parts[i].bytes)
            LLVMDisposeMemoryBuffer(parts[i].bytes);
    return joined;
}

bool backend_emit(const Plan *plan, const char *manifest, const BackendOptions *options, EmitKind kind, const char *path,
                  char why[static 256])
{
    if (is_auto(options) && kind == EMIT_OBJ)
        return emit_in_parts(plan, manifest, options, path, why);
    double start = seconds();
    LLVMMemoryBufferRef bytes = emitted_bytes(plan, manifest, options, kind, why);
    if (options->time_passes)
        fprintf(stderr, "%8.1f ms  emit and llvm: %s\n", 1e3 * (seconds() - start), options->target.cpu);
    bool written = bytes && tempfile_write(path, LLVMGetBufferStart(bytes), LLVMGetBufferSize(bytes), why);
    if (bytes)
        LLVMDisposeMemoryBuffer(bytes);
    return written;
}
