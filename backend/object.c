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

/* Named by the fatal error handler, which gets no context of its own. */
static _Thread_local const char *module_at_work = "";

static void fatal_error(const char *reason)
{
    fprintf(stderr, "hnc: internal error: LLVM failed on '%s': %s\n", module_at_work, reason);
    exit(1);
}

/* Moves an LLVM message into `why`, shortened to fit. */
static void take_message(char *message, const char *what, char why[static 256])
{
    snprintf(why, 256, "%s: %.200s", what, message ? message : "no reason given");
    why[strcspn(why, "\n")] = '\0';
    LLVMDisposeMessage(message);
}

/* The caller disposes of it. */
static LLVMTargetMachineRef target_machine(const Target *target, int opt_level, char why[static 256])
{
    LLVMTargetRef code;
    char *message = NULL;
    LLVMInstallFatalErrorHandler(fatal_error);
    target_initialize();
    if (LLVMGetTargetFromTriple(target->triple, &code, &message)) {
        take_message(message, "LLVM has no such target", why);
        return NULL;
    }
    static const LLVMCodeGenOptLevel levels[] = {LLVMCodeGenLevelNone, LLVMCodeGenLevelLess, LLVMCodeGenLevelDefault,
                                                 LLVMCodeGenLevelAggressive};
    LLVMTargetMachineOptionsRef options = LLVMCreateTargetMachineOptions();
    LLVMTargetMachineOptionsSetCPU(options, target->name);
    LLVMTargetMachineOptionsSetFeatures(options, target->features);
    LLVMTargetMachineOptionsSetABI(options, target_abi(target));
    LLVMTargetMachineOptionsSetCodeGenOptLevel(options, levels[opt_level]);
    LLVMTargetMachineOptionsSetRelocMode(options, target_is_linked_once(target) ? LLVMRelocStatic : LLVMRelocPIC);
    LLVMTargetMachineRef machine = LLVMCreateTargetMachineWithOptions(code, target->triple, options);
    LLVMDisposeTargetMachineOptions(options);
    return machine;
}

static void set_layout(LLVMModuleRef module, LLVMTargetMachineRef machine, const Target *target)
{
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(machine);
    LLVMSetModuleDataLayout(module, layout);
    LLVMSetTarget(module, target->triple);
    LLVMDisposeTargetData(layout);
}

bool object_prepare(LLVMModuleRef module, const Target *target, char why[static 256])
{
    LLVMTargetMachineRef machine = target_machine(target, 2, why);
    if (!machine)
        return false;
    set_layout(module, machine, target);
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
void object_set_cpu(LLVMModuleRef module, const Target *target)
{
    LLVMContextRef context = LLVMGetModuleContext(module);
    const char *const attributes[][2] = {
        {"target-cpu", target->name}, {"target-features", target->features}, {"prefer-vector-width", "256"}};
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

LLVMMemoryBufferRef object_bytes(LLVMModuleRef module, const Target *target, int opt_level, EmitKind kind,
                                 char why[static 256])
{
    if (kind == EMIT_EXE || opt_level < 0 || opt_level > 3) {
        snprintf(why, 256, "internal error: object_emit cannot make an executable or optimise at level %d", opt_level);
        return NULL;
    }
    LLVMTargetMachineRef machine = target_machine(target, opt_level, why);
    if (!machine)
        return NULL;
    size_t length;
    module_at_work = LLVMGetModuleIdentifier(module, &length);
    set_layout(module, machine, target);
    object_set_cpu(module, target);
    bool done = object_verify(module, why) && optimize(module, machine, opt_level, why);
    LLVMMemoryBufferRef buffer = done ? module_bytes(module, machine, kind, why) : NULL;
    LLVMDisposeTargetMachine(machine);
    module_at_work = "";
    return buffer;
}

bool object_emit(LLVMModuleRef module, const Target *target, int opt_level, EmitKind kind, const char *path,
                 char why[static 256])
{
    LLVMMemoryBufferRef buffer = object_bytes(module, target, opt_level, kind, why);
    bool written = buffer && tempfile_write(path, LLVMGetBufferStart(buffer), LLVMGetBufferSize(buffer), why);
    if (buffer)
        LLVMDisposeMemoryBuffer(buffer);
    return written;
}
