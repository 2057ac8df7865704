/* From an LLVM module to a file: target selection, optimisation, code generation. Only x86-64 is initialised. */
#ifndef HNC_BACKEND_OBJECT_H
#define HNC_BACKEND_OBJECT_H

#include <stdbool.h>

#include <llvm-c/Core.h>

typedef enum { EMIT_EXE, EMIT_OBJ, EMIT_ASM, EMIT_LLVM } EmitKind;

#define DEFAULT_CPU "x86-64-v3"
/* Code for DEFAULT_CPU, and the same again for WIDE_CPU, between which the program chooses when it starts. Backend_emit only: to
 * everything else it means DEFAULT_CPU. */
#define AUTO_CPU "auto"
#define WIDE_CPU "x86-64-v4"

/* Gives a new module its triple and data layout: before anything is built in it, since constants fold by the layout. `cpu` is an
 * LLVM processor name, or "native" for the machine that runs hnc. An unknown one: false, with a sentence naming likely ones. */
bool object_prepare(LLVMModuleRef module, const char *cpu, char why[static 256]);

/* Optimises the module (consuming its original form) and writes it to `path`: EMIT_OBJ a position-independent object, EMIT_ASM
 * assembly, EMIT_LLVM the optimised LLVM IR as text. The file appears under its name only when complete. `opt_level` 0..3; every
 * level gives the same results bit for bit. Equal modules give equal bytes. EMIT_EXE is the linker's work (link.h) and an error
 * here. */
bool object_emit(LLVMModuleRef module, const char *cpu, int opt_level, EmitKind kind, const char *path, char why[static 256]);

/* What object_emit would write, in memory; the caller disposes of it. NULL on failure. */
LLVMMemoryBufferRef object_bytes(LLVMModuleRef module, const char *cpu, int opt_level, EmitKind kind, char why[static 256]);

/* Checks a module with LLVM's verifier; a violation is a bug of ours and its first line is put in `why`. */
bool object_verify(LLVMModuleRef module, char why[static 256]);

/* Has every function of the module compiled for this processor, whatever object_emit is told later. */
bool object_set_cpu(LLVMModuleRef module, const char *cpu, char why[static 256]);

/* Names of the processor and its features as given to LLVM: resolves "native" and AUTO_CPU. Strings live as long as the process. */
bool object_cpu(const char *cpu, const char **name, const char **features, char why[static 256]);

#endif
