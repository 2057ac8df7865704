/* Is this processor the one that the code was compiled for? */
#ifndef HN_RUNTIME_CPU_H
#define HN_RUNTIME_CPU_H

#include <stdbool.h>

/* `cpu`: "x86-64-v2", "-v3", "-v4", or features separated by commas or spaces ("+avx2,+fma"). Reports the features that are
 * missing and returns false, instead of the SIGILL that running would end in. Names that this table does not know are not
 * checked. */
bool cpu_check(const char *cpu);

#endif
