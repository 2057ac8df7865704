/* What code is made for, and in which form. */
#ifndef HNC_BACKEND_TARGET_H
#define HNC_BACKEND_TARGET_H

#include "ir/target.h"

typedef enum { EMIT_EXE, EMIT_OBJ, EMIT_ASM, EMIT_LLVM } EmitKind;

/* Code for DEFAULT_CPU, and the same again for WIDE_CPU, between which the program chooses when it starts. Only backend_emit
 * makes both: everywhere else it means DEFAULT_CPU. */
#define AUTO_CPU "auto"
#define WIDE_CPU "x86-64-v4"

/* Sets up LLVM for every architecture of targets.def. Before threads use it. */
void target_initialize(void);

/* Makes the target one of this architecture ("aarch64") or triple, with its usual processor; the rest of it stays. An unknown one:
 * false, with a sentence naming those that there are. The text must live as long as the target. */
bool target_set_triple(Target *target, const char *triple, char why[static 256]);
/* Whether code for it runs on machines such as this one, as far as the architecture says. */
bool target_is_host(const Target *target);
/* Whether its objects become one module, whose addresses are fixed then, and never a library. */
bool target_is_linked_once(const Target *target);
/* The commands that link and archive its objects, and the Debian package that has them. */
typedef struct TargetTools {
    const char *linker, *archiver, *package;
} TargetTools;
TargetTools target_tools(const Target *target);
/* How functions pass their arguments, where LLVM must be told: "lp64d"; "": it knows. */
const char *target_abi(const Target *target);

/* Names of a processor of x86-64 and its features as given to LLVM: resolves "native", the machine that runs hnc, and AUTO_CPU. An
 * unknown one: false, with a sentence naming likely ones. Strings live as long as the process. */
bool target_cpu(const char *cpu, const char **name, const char **features, char why[static 256]);

/* Makes the target one for this processor of its architecture; the rest of it stays. Errors as target_cpu. */
bool target_set_cpu(Target *target, const char *cpu, char why[static 256]);
/* target_usual() for this processor, which must be one that target_cpu knows. */
Target target_for(const char *cpu);

#endif
