/* The driver of the emitter: kernels, one function a schedule that calls them in order, and the tables that the runtime finds. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <llvm-c/Linker.h>

#include "backend/backend.h"
#include "backend/emit.h"
#include "backend/tempfile.h"

/* A kernel below this much work (ops, or eighths of the bytes it moves) is not worth waking threads for. */
enum { PARALLEL_WORK = 50000 };

/* ---- kernels ---- */

/* Fields of hn_frame (runtime/abi.h), in order. */
enum { FRAME_STATE, FRAME_SCRATCH, FRAME_ROWS, FRAME_INPUTS, FRAME_OUTPUTS };

/* Reads the frame, once a function: LLVM cannot know that no kernel writes to it. */
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

static const char *const kernel_names[] = {"loop", "product", "random", "argmax", "scatter", "extern"};

static Split emit_kernel_body(Emitter *e, const Kernel *kernel)
{
    switch (kernel->kind) {
    case KERNEL_LOOP:
        return emit_loop(e, kernel);
    case KERNEL_PRODUCT:
        return emit_product(e, kernel);
    case KERNEL_RANDOM:
        return emit_random(e, kernel);
    case KERNEL_ARGMAX:
        return emit_argmax(e, kernel);
    case KERNEL_EXTERN:
        return emit_extern(e, kernel);
    default:
        return emit_scatter(e, kernel);
    }
}

/* An internal function whose code is to be emitted; its first block holds allocas only. */
static LLVMValueRef begin_function(Emitter *e, const char *name, LLVMTypeRef type)
{
    e->function = LLVMAddFunction(e->module, name, type);
    LLVMSetLinkage(e->function, LLVMInternalLinkage);
    LLVMSetUnnamedAddress(e->function, LLVMGlobalUnnamedAddr); /* two may become one */
    add_attribute(e, e->function, "nounwind");
    e->entry = LLVMAppendBasicBlockInContext(e->context, e->function, "entry");
    LLVMBasicBlockRef code = LLVMAppendBasicBlockInContext(e->context, e->function, "code");
    LLVMPositionBuilderAtEnd(e->builder, e->entry);
    LLVMBuildBr(e->builder, code);
    LLVMPositionBuilderAtEnd(e->builder, code);
    return e->function;
}

/* One kernel, which works on whatever lies at the places that it is given, and on the stream of random numbers: LLVM makes one of
 * those that are equal but for these. */
typedef struct EmittedKernel {
    LLVMValueRef function, stream; /* stream: of KERNEL_RANDOM, else NULL */
    Split split;
    uint32_t *buffers; /* in order of the parameters */
    unsigned count;
} EmittedKernel;

/* hn_fn_<f>_<k>_<kind>(buffers..., begin, end[, stream]) */
static EmittedKernel emit_kernel(Emitter *e, uint32_t function_index, uint32_t index)
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
    char name[64];
    snprintf(name, sizeof name, "hn_fn_%u_%u_%s", function_index, index, kernel_names[kernel->kind]);
    emitted.function = begin_function(e, name, LLVMFunctionType(e->nothing, types, n + 2 + (emitted.stream != NULL), false));
    add_attribute(e, e->function, "noinline");
    memset(e->bases, 0, e->schedule->buffers.len * sizeof *e->bases);
    for (unsigned i = 0; i < n; i++)
        e->bases[emitted.buffers[i]] = LLVMGetParam(e->function, i);
    e->begin = LLVMGetParam(e->function, n);
    e->end = LLVMGetParam(e->function, n + 1);
    e->stream = emitted.stream ? LLVMGetParam(e->function, n + 2) : NULL;
    emitted.split = emit_kernel_body(e, kernel);
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

static bool worth_threads(const Emitter *e, const Kernel *kernel, Split split)
{
    return split.extent > split.grain && (kernel->flops > e->parallel_work || kernel->bytes / 8 > e->parallel_work);
}

static LLVMValueRef parallel_function(Emitter *e)
{
    LLVMTypeRef types[] = {e->pointer, e->pointer, e->i64, e->i64};
    LLVMValueRef function = LLVMGetNamedFunction(e->module, "hn_parallel");
    return function ? function : LLVMAddFunction(e->module, "hn_parallel", LLVMFunctionType(e->nothing, types, 4, false));
}

/* hn_fn_<f>_<k>_part(frame, begin, end): what hn_parallel calls for a kernel. */
static LLVMValueRef emit_part(Emitter *e, uint32_t function_index, uint32_t index, const EmittedKernel *kernel)
{
    char name[64];
    snprintf(name, sizeof name, "hn_fn_%u_%u_part", function_index, index);
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

/* Calls kernels begin to end in order, those that have a part through hn_parallel; ends the function at hand. */
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

/* hn_fn_<f>_from_<k>(frame) calls kernel k and those behind it. */
static LLVMValueRef emit_calls(Emitter *e, uint32_t index, const EmittedKernel *kernels, const LLVMValueRef *parts,
                               uint32_t begin)
{
    uint32_t count = e->schedule->kernels.len;
    char name[48];
    snprintf(name, sizeof name, "hn_fn_%u_from_%u", index, begin);
    LLVMValueRef function = begin_frame_function(e, name);
    add_attribute(e, function, "noinline");
    call_kernels(e, kernels, parts, begin, count - begin < CALLS ? count : begin + CALLS);
    return function;
}

/* hn_fn_<f>(frame) calls the kernels in order. */
static LLVMValueRef emit_function(Emitter *e, uint32_t index)
{
    const Schedule *schedule = e->schedule = &e->program->schedules.data[index];
    uint32_t count = schedule->kernels.len, calls = count > CALLS ? (count + CALLS - 1) / CALLS : 0;
    LLVMValueRef *callers = support_malloc((calls + 1) * sizeof(LLVMValueRef));
    EmittedKernel *kernels = support_malloc((count + 1) * sizeof *kernels);
    LLVMValueRef *parts = support_malloc((count + 1) * sizeof(LLVMValueRef));
    e->bases = support_malloc((schedule->buffers.len + 1) * sizeof *e->bases);
    for (uint32_t k = 0; k < count; k++) {
        kernels[k] = emit_kernel(e, index, k);
        bool shared = worth_threads(e, &schedule->kernels.data[k], kernels[k].split);
        parts[k] = shared ? emit_part(e, index, k, &kernels[k]) : NULL;
    }
    for (uint32_t i = 0; i < calls; i++)
        callers[i] = emit_calls(e, index, kernels, parts, i * CALLS);
    char name[32];
    snprintf(name, sizeof name, "hn_fn_%u", index);
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

/* ---- the module ---- */

/* Whether the function works on rows, and so runs again and again. */
static bool works_on_rows(const Function *function)
{
    for (uint32_t i = 0; i < function->input_names.len; i++)
        if (!strcmp(function->input_names.data[i], "index"))
            return true;
    return false;
}

/* NULL among them: null. */
static void emit_table(Emitter *e, const char *name, LLVMValueRef *functions)
{
    for (uint32_t i = 0; i < e->program->schedules.len; i++)
        if (!functions[i])
            functions[i] = LLVMConstNull(e->pointer);
    LLVMValueRef table = LLVMConstArray2(e->pointer, functions, e->program->schedules.len);
    LLVMValueRef global = LLVMAddGlobal(e->module, LLVMTypeOf(table), name);
    LLVMSetInitializer(global, table);
    LLVMSetGlobalConstant(global, true);
}

static void emit_manifest(LLVMModuleRef module, const char *manifest)
{
    LLVMValueRef text = LLVMConstStringInContext2(LLVMGetModuleContext(module), manifest, strlen(manifest), false);
    LLVMValueRef global = LLVMAddGlobal(module, LLVMTypeOf(text), "hn_manifest");
    LLVMSetInitializer(global, text);
    LLVMSetGlobalConstant(global, true);
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

/* Whether tiles may count on thirty-two vector registers. Only speed depends on it. */
static bool has_wide_registers(const char *cpu)
{
    static const char *const wide[] = {"x86-64-v4",     "skylake-avx512", "icelake-server", "sapphirerapids",
                                       "emeraldrapids", "graniterapids",  "znver4",         "znver5"};
    const char *name, *features;
    char why[256];
    if (!object_cpu(cpu, &name, &features, why))
        return false;
    for (size_t i = 0; i < COUNT_OF(wide); i++)
        if (!strcmp(name, wide[i]))
            return true;
    return strstr(features, "+avx512f") != NULL;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The functions of the program, or only those that work on rows, and their table under that name, as a module of the context;
 * NULL on failure. */
static LLVMModuleRef emit_module(LLVMContextRef context, const Program *program, const BackendOptions *options, const char *cpu,
                                 bool all, const char *table, char why[static 256])
{
    Emitter e = {.context = context, .program = program, .wide = has_wide_registers(cpu)};
    e.parallel_work = options->parallel_work ? options->parallel_work : PARALLEL_WORK;
    e.module = LLVMModuleCreateWithNameInContext(program->module->name, context);
    e.builder = LLVMCreateBuilderInContext(context);
    e.math = (MathContext){context, e.module, e.builder};
    set_types(&e);
    bool done = object_prepare(e.module, cpu, why);
    if (done) {
        LLVMValueRef *functions = support_malloc((program->schedules.len + 1) * sizeof *functions);
        for (uint32_t i = 0; i < program->schedules.len; i++)
            functions[i] = all || works_on_rows(program->schedules.data[i].function) ? emit_function(&e, i) : NULL;
        emit_table(&e, table, functions);
        support_free(functions);
        done = object_set_cpu(e.module, cpu, why);
    }
    LLVMDisposeBuilder(e.builder);
    if (done)
        return e.module;
    LLVMDisposeModule(e.module);
    return NULL;
}

/* Entries of the second table that are null become those of the first. */
static void complete_table(LLVMModuleRef module, const char *first, const char *second, uint32_t count)
{
    LLVMValueRef from = LLVMGetInitializer(LLVMGetNamedGlobal(module, first)), table = LLVMGetNamedGlobal(module, second);
    LLVMValueRef to = LLVMGetInitializer(table), *entries = support_malloc((count + 1) * sizeof *entries);
    for (uint32_t i = 0; i < count; i++) {
        entries[i] = LLVMGetAggregateElement(to, i);
        if (LLVMIsNull(entries[i]))
            entries[i] = LLVMGetAggregateElement(from, i);
    }
    LLVMSetInitializer(table, LLVMConstArray2(LLVMGetElementType(LLVMTypeOf(to)), entries, count));
    support_free(entries);
}

/* Adds the program compiled for WIDE_CPU to the module, but for functions that run once or now and then. Vectors are passed in
 * other registers there, so that the two share no function of ours. */
static bool add_wide_code(LLVMModuleRef module, const Program *program, const BackendOptions *options, char why[static 256])
{
    LLVMContextRef context = LLVMGetModuleContext(module);
    LLVMModuleRef wide = emit_module(context, program, options, WIDE_CPU, false, "hn_functions_v4", why);
    if (!wide)
        return false;
    for (LLVMValueRef f = LLVMGetFirstFunction(wide); f; f = LLVMGetNextFunction(f)) {
        if (LLVMIsDeclaration(f))
            continue;
        char name[96];
        size_t length;
        const char *old = LLVMGetValueName2(f, &length);
        snprintf(name, sizeof name, "%s_v4", old);
        LLVMSetValueName2(f, name, strlen(name));
    }
    if (!LLVMLinkModules2(module, wide)) { /* consumes it */
        complete_table(module, "hn_functions", "hn_functions_v4", program->schedules.len);
        return true;
    }
    snprintf(why, 256, "internal error: the code for %s and for %s do not link", DEFAULT_CPU, WIDE_CPU);
    return false;
}

LLVMMemoryBufferRef program_bytes(const Program *program, const char *manifest, const BackendOptions *options, EmitKind kind,
                                  char why[static 256])
{
    double start = seconds();
    LLVMContextRef context = LLVMContextCreate();
    LLVMModuleRef module = emit_module(context, program, options, options->cpu, true, "hn_functions", why);
    LLVMMemoryBufferRef bytes = NULL;
    if (module)
        emit_manifest(module, manifest);
    if (module && (strcmp(options->cpu, AUTO_CPU) != 0 || add_wide_code(module, program, options, why))) {
        double emitted = seconds();
        bytes = object_bytes(module, options->cpu, options->opt_level, kind, why);
        if (options->time_passes)
            fprintf(stderr, "%8.1f ms  emit\n%8.1f ms  llvm\n", 1e3 * (emitted - start), 1e3 * (seconds() - emitted));
    }
    if (module)
        LLVMDisposeModule(module);
    LLVMContextDispose(context);
    return bytes;
}

bool backend_emit(const Program *program, const char *manifest, const BackendOptions *options, EmitKind kind, const char *path,
                  char why[static 256])
{
    LLVMMemoryBufferRef bytes = program_bytes(program, manifest, options, kind, why);
    bool written = bytes && tempfile_write(path, LLVMGetBufferStart(bytes), LLVMGetBufferSize(bytes), why);
    if (bytes)
        LLVMDisposeMemoryBuffer(bytes);
    return written;
}
