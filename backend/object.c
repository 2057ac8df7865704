#include "backend/object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <llvm-c/Analysis.h>
#include <llvm-c/Error.h>
#include <llvm-c/ErrorHandling.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>

#include "backend/tempfile.h"
#include "support/arena.h"
#include "support/diagnostics.h"

/* LLVM's C interface cannot say whether it knows a processor (it warns on stderr and goes on), so the 64-bit ones are listed
 * here. */
// clang-format off: as a table
static const char *const known_cpus[] = {
    "x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4", "alderlake", "amdfam10", "arrowlake", "arrowlake-s", "athlon64", "atom",
    "barcelona", "bdver1", "bdver2", "bdver3", "bdver4", "bonnell", "broadwell", "btver1", "btver2", "cannonlake",
    "cascadelake", "clearwaterforest", "cooperlake", "core-avx-i", "core-avx2", "core2", "corei7", "corei7-avx",
    "emeraldrapids", "goldmont", "goldmont-plus", "gracemont", "grandridge", "graniterapids", "graniterapids-d", "haswell",
    "icelake-client", "icelake-server", "ivybridge", "k8", "k8-sse3", "knl", "knm", "lunarlake", "meteorlake", "nehalem",
    "nocona", "opteron", "opteron-sse3", "pantherlake", "penryn", "raptorlake", "rocketlake", "sandybridge", "sapphirerapids",
    "sierraforest", "silvermont", "skx", "skylake", "skylake-avx512", "slm", "tigerlake", "tremont", "westmere", "znver1",
    "znver2", "znver3", "znver4", "znver5",
};
// clang-format on

/* Named by the fatal error handler, which gets no context of its own. */
static _Thread_local const char *module_at_work = "";

static void fatal_error(const char *reason)
{
    fprintf(stderr, "hnc: internal error: LLVM failed on '%s': %s\n", module_at_work, reason);
    exit(1);
}

static void initialize(void)
{
    static bool done;
    if (done)
        return;
    done = true;
    LLVMInstallFatalErrorHandler(fatal_error);
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
}

/* Moves an LLVM message into `why`, shortened to fit. */
static void take_message(char *message, const char *what, char why[static 256])
{
    snprintf(why, 256, "%s: %.200s", what, message ? message : "no reason given");
    why[strcspn(why, "\n")] = '\0';
    LLVMDisposeMessage(message);
}

bool target_cpu(const char *cpu, const char **name, const char **features, char why[static 256])
{
    static char *host_name, *host_features; /* live as long as the process */
    initialize();
    *features = "";
    if (!strcmp(cpu, AUTO_CPU))
        cpu = DEFAULT_CPU;
    if (!strcmp(cpu, "native")) {
        if (!host_name) {
            host_name = LLVMGetHostCPUName();
            host_features = LLVMGetHostCPUFeatures();
        }
        *name = host_name;
        *features = host_features;
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(known_cpus); i++) {
        if (!strcmp(cpu, known_cpus[i])) {
            *name = known_cpus[i];
            return true;
        }
    }
    const char *closest = closest_name(cpu, known_cpus, COUNT_OF(known_cpus));
    snprintf(why, 256, "unknown processor '%.60s'%s%s%s; usual ones are auto, x86-64, x86-64-v2, x86-64-v3, x86-64-v4, native",
             cpu, closest ? " (did you mean '" : "", closest ? closest : "", closest ? "'?)" : "");
    return false;
}

/* Thirty-two vector registers instead of sixteen. */
static bool has_wide_registers(const char *name, const char *features)
{
    static const char *const wide[] = {WIDE_CPU,        "skylake-avx512", "icelake-server", "sapphirerapids",
                                       "emeraldrapids", "graniterapids",  "znver4",         "znver5"};
    for (size_t i = 0; i < COUNT_OF(wide); i++)
        if (!strcmp(name, wide[i]))
            return true;
    return strstr(features, "+avx512f") != NULL;
}

bool target_set_cpu(Target *target, const char *cpu, char why[static 256])
{
    const char *name, *features;
    if (!target_cpu(cpu, &name, &features, why))
        return false;
    target->cpu = cpu;
    target->name = name;
    target->features = features;
    target->registers = has_wide_registers(name, features) ? 32 : 16;
    return true;
}

Target target_for(const char *cpu)
{
    Target target = target_usual();
    char why[256] = "";
    if (!target_set_cpu(&target, cpu, why)) {
        fprintf(stderr, "hnc: internal error: %s\n", why);
        exit(1);
    }
    return target;
}

/* The caller disposes of it. */
static LLVMTargetMachineRef target_machine(const char *cpu, int opt_level, char why[static 256])
{
    const char *name, *features;
    if (!target_cpu(cpu, &name, &features, why))
        return NULL;
    LLVMTargetRef target;
    char *message = NULL;
    if (LLVMGetTargetFromTriple(target_usual().triple, &target, &message)) {
        take_message(message, "LLVM has no x86-64 target", why);
        return NULL;
    }
    static const LLVMCodeGenOptLevel levels[] = {LLVMCodeGenLevelNone, LLVMCodeGenLevelLess, LLVMCodeGenLevelDefault,
                                                 LLVMCodeGenLevelAggressive};
    return LLVMCreateTargetMachine(target, target_usual().triple, name, features, levels[opt_level], LLVMRelocPIC,
                                   LLVMCodeModelDefault);
}

static void set_layout(LLVMModuleRef module, LLVMTargetMachineRef machine)
{
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(machine);
    LLVMSetModuleDataLayout(module, layout);
    LLVMSetTarget(module, target_usual().triple);
    LLVMDisposeTargetData(layout);
}

bool object_prepare(LLVMModuleRef module, const char *cpu, char why[static 256])
{
    LLVMTargetMachineRef machine = target_machine(cpu, 2, why);
    if (!machine)
        return false;
    set_layout(module, machine);
    LLVMDisposeTargetMachine(machine);
    return true;
}

bool object_verify(LLVMModuleRef module, char why[static 256])
{
    char *message = NULL;
    if (LLVMVerifyModule(module, LLVMReturnStatusAction, &message)) {
        take_message(message, "internal error: invalid LLVM IR", why);
        return false;
    }
    LLVMDisposeMessage(message);
    return true;
}

/* Every function states its target, so that the code generator and the inliner see the same features everywhere; a function that
 * already states one keeps it. Wide registers are used where our vectors are wide; LLVM's own choices stay at 256 bits, which
 * does not lower the clock. */
static void set_function_attributes(LLVMModuleRef module, const char *name, const char *features)
{
    LLVMContextRef context = LLVMGetModuleContext(module);
    const char *const attributes[][2] = {{"target-cpu", name}, {"target-features", features}, {"prefer-vector-width", "256"}};
    for (LLVMValueRef f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f)) {
        unsigned key_length = (unsigned)strlen(attributes[0][0]);
        if (LLVMIsDeclaration(f) || LLVMGetStringAttributeAtIndex(f, LLVMAttributeFunctionIndex, attributes[0][0], key_length))
            continue;
        for (size_t i = 0; i < COUNT_OF(attributes); i++) {
            const char *key = attributes[i][0], *value = attributes[i][1];
            if (*value)
                LLVMAddAttributeAtIndex(
                    f, LLVMAttributeFunctionIndex,
                    LLVMCreateStringAttribute(context, key, (unsigned)strlen(key), value, (unsigned)strlen(value)));
        }
    }
}

bool object_set_cpu(LLVMModuleRef module, const char *cpu, char why[static 256])
{
    const char *name, *features;
    if (!target_cpu(cpu, &name, &features, why))
        return false;
    set_function_attributes(module, name, features);
    return true;
}

/* Merges equal kernels before any work goes into them: a network's layers are copied once per objective that evaluates them. Then
 * follows one round of clean-up: kernels leave little for LLVM's own pipelines to find, and the -O2 code of this pipeline runs as
 * fast as that of default<O2>, which takes four times as long to compile. */
#define QUICK_PIPELINE                                                                                                           \
    "mergefunc,always-inline,globaldce,function(sroa,early-cse<memssa>,instcombine<no-verify-fixpoint>,simplifycfg,"             \
    "loop-mssa(loop-rotate,licm),early-cse<memssa>,instcombine<no-verify-fixpoint>,simplifycfg,adce)"

/* Loops are emitted with explicit vectors and unrolled where that pays, so LLVM's loop and SLP vectorisers only cost time. */
static bool optimize(LLVMModuleRef module, LLVMTargetMachineRef machine, int opt_level, char why[static 256])
{
    static const char *const pipelines[] = {"always-inline", QUICK_PIPELINE, QUICK_PIPELINE, "mergefunc,default<O3>"};
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMPassBuilderOptionsSetLoopVectorization(options, false);
    LLVMPassBuilderOptionsSetSLPVectorization(options, false);
    LLVMPassBuilderOptionsSetLoopInterleaving(options, false);
    LLVMErrorRef error = LLVMRunPasses(module, pipelines[opt_level], machine, options);
    LLVMDisposePassBuilderOptions(options);
    if (!error)
        return true;
    char *message = LLVMGetErrorMessage(error);
    snprintf(why, 256, "internal error: LLVM passes: %.200s", message);
    LLVMDisposeErrorMessage(message);
    return false;
}

/* The module as a file would hold it; the caller disposes of the buffer. */
static LLVMMemoryBufferRef module_bytes(LLVMModuleRef module, LLVMTargetMachineRef machine, EmitKind kind, char why[static 256])
{
    if (kind == EMIT_LLVM) {
        char *text = LLVMPrintModuleToString(module);
        LLVMMemoryBufferRef buffer = LLVMCreateMemoryBufferWithMemoryRangeCopy(text, strlen(text), "");
        LLVMDisposeMessage(text);
        return buffer;
    }
    LLVMMemoryBufferRef buffer;
    char *message = NULL;
    LLVMCodeGenFileType type = kind == EMIT_ASM ? LLVMAssemblyFile : LLVMObjectFile;
    if (!LLVMTargetMachineEmitToMemoryBuffer(machine, module, type, &message, &buffer))
        return buffer;
    take_message(message, "internal error: LLVM code generation", why);
    return NULL;
}

LLVMMemoryBufferRef object_bytes(LLVMModuleRef module, const char *cpu, int opt_level, EmitKind kind, char why[static 256])
{
    if (kind == EMIT_EXE || opt_level < 0 || opt_level > 3) {
        snprintf(why, 256, "internal error: object_emit cannot make an executable or optimise at level %d", opt_level);
        return NULL;
    }
    LLVMTargetMachineRef machine = target_machine(cpu, opt_level, why);
    if (!machine)
        return NULL;
    size_t length;
    module_at_work = LLVMGetModuleIdentifier(module, &length);
    set_layout(module, machine);
    bool done = object_set_cpu(module, cpu, why) && object_verify(module, why) && optimize(module, machine, opt_level, why);
    LLVMMemoryBufferRef buffer = done ? module_bytes(module, machine, kind, why) : NULL;
    LLVMDisposeTargetMachine(machine);
    module_at_work = "";
    return buffer;
}

bool object_emit(LLVMModuleRef module, const char *cpu, int opt_level, EmitKind kind, const char *path, char why[static 256])
{
    LLVMMemoryBufferRef buffer = object_bytes(module, cpu, opt_level, kind, why);
    bool written = buffer && tempfile_write(path, LLVMGetBufferStart(buffer), LLVMGetBufferSize(buffer), why);
    if (buffer)
        LLVMDisposeMemoryBuffer(buffer);
    return written;
}
