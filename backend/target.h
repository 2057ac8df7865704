/* What code is made for, and in which form. */
#ifndef HNC_BACKEND_TARGET_H
#define HNC_BACKEND_TARGET_H

#include "ir/target.h"

typedef enum { EMIT_EXE, EMIT_OBJ, EMIT_ASM, EMIT_LLVM } EmitKind;

/* Code for DEFAULT_CPU, and the same again for WIDE_CPU, between which the program chooses when it starts. Only backend_emit
 * makes both: everywhere else it means DEFAULT_CPU. */
#define AUTO_CPU "auto"
#define WIDE_CPU "x86-64-v4"

/* Names of the processor and its features as given to LLVM: resolves "native", the machine that runs hnc, and AUTO_CPU. An
 * unknown one: false, with a sentence naming likely ones. Strings live as long as the process. */
bool target_cpu(const char *cpu, const char **name, const char **features, char why[static 256]);

/* Makes the target one for this processor; the rest of it stays. Errors as target_cpu. */
bool target_set_cpu(Target *target, const char *cpu, char why[static 256]);
/* target_usual() for this processor, which must be one that target_cpu knows. */
Target target_for(const char *cpu);

#endif
