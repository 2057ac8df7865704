/* Is this processor the one that the code was compiled for? */
#ifndef HN_RUNTIME_CPU_H
#define HN_RUNTIME_CPU_H

#include <stdbool.h>

#include "runtime/abi/frame.h"

/* `cpu`: "x86-64-v2", "-v3", "-v4", or features separated by commas or spaces ("+avx2,+fma"). Reports the features that are
 * missing and returns false, instead of the SIGILL that running would end in. Names that the table in cpu.c does not have are not
 * checked. */
bool cpu_check(const char *cpu);

/* The functions to run: the model's code for x86-64-v4 where there is such code and the processor is one, unless the environment
 * says HNC_CPU=x86-64-v3. Both give the same bits. */
hn_function *const *cpu_functions(void);
/* What the chosen functions were compiled for, given what the manifest says. */
const char *cpu_of_functions(const char *manifest_cpu);

#endif
