/* What code is made for, and in which form. */
#ifndef HNC_BACKEND_TARGET_H
#define HNC_BACKEND_TARGET_H

#include <stdbool.h>

typedef enum { EMIT_EXE, EMIT_OBJ, EMIT_ASM, EMIT_LLVM } EmitKind;

#define DEFAULT_CPU "x86-64-v3"
/* Code for DEFAULT_CPU, and the same again for WIDE_CPU, between which the program chooses when it starts. Backend_emit only: to
 * everything else it means DEFAULT_CPU. */
#define AUTO_CPU "auto"
#define WIDE_CPU "x86-64-v4"

/* Names of the processor and its features as given to LLVM: resolves "native", the machine that runs hnc, and AUTO_CPU. An unknown one:
 * false, with a sentence naming likely ones. Strings live as long as the process. */
bool target_cpu(const char *cpu, const char **name, const char **features, char why[static 256]);

#endif
