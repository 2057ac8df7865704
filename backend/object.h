/* From an LLVM module to a file: optimisation and code generation for a target (target.h). */
#ifndef HNC_BACKEND_OBJECT_H
#define HNC_BACKEND_OBJECT_H

#include <llvm-c/Core.h>

#include "backend/target.h"

/* Gives a new module its triple and data layout: before anything is built in it, since constants fold by the layout. */
bool object_prepare(LLVMModuleRef module, const Target *target, char why[static 256]);

/* Optimises the module (consuming its original form) and writes it to `path`: EMIT_OBJ a position-independent object, EMIT_ASM
 * assembly, EMIT_LLVM the optimised LLVM IR as text. The file appears under its name only when complete. `opt_level` 0..3; every
 * level gives the same results bit for bit. Equal modules give equal bytes. EMIT_EXE is the linker's work (link.h) and an error
 * here. */
bool object_emit(LLVMModuleRef module, const Target *target, int opt_level, EmitKind kind, const char *path,
                 char why[static 256]);

/* What object_emit would write, in memory; the caller disposes of it. NULL on failure. */
LLVMMemoryBufferRef object_bytes(LLVMModuleRef module, const Target *target, int opt_level, EmitKind kind,
                                 char why[static 256]);

/* Checks a module with LLVM's verifier; a violation is a bug of ours and its first line is put in `why`. */
bool object_verify(LLVMModuleRef module, char why[static 256]);

/* Has every function of the module compiled for this processor, whatever object_emit is told later. */
void object_set_cpu(LLVMModuleRef module, const Target *target);

#endif
