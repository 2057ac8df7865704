#include "runtime/core/cpu.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/report.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <xmmintrin.h>

/* Numbers that are too small for their exponent count as 0, those that are read (DAZ) and those that are made (FTZ): Intel's
 * processors take a hundred times as long for them, and weights that decay become such numbers. Threads have the setting of the
 * thread that made them, and libraries may make some as they are loaded, so this comes before. */
static void flush_denormals(void)
{
    enum { DAZ = 1 << 6, FTZ = 1 << 15 };
    _mm_setcsr(_mm_getcsr() | DAZ | FTZ);
}
__attribute__((section(".preinit_array"), used)) static void (*const first_of_all)(void) = flush_denormals;

/* A bit of ecx: for features whose names not every compiler knows. */
static bool has_ecx_bit(unsigned leaf, unsigned bit)
{
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid(leaf, &eax, &ebx, &ecx, &edx) && (ecx >> bit & 1);
}

/* Name as LLVM and the manifest spell it, whether this processor has it, and the first level of x86-64 that has it. */
#define FEATURES(FEATURE)                                                                                                        \
    FEATURE("sse3", __builtin_cpu_supports("sse3"), 2)                                                                           \
    FEATURE("ssse3", __builtin_cpu_supports("ssse3"), 2)                                                                         \
    FEATURE("sse4.1", __builtin_cpu_supports("sse4.1"), 2)                                                                       \
    FEATURE("sse4.2", __builtin_cpu_supports("sse4.2"), 2)                                                                       \
    FEATURE("popcnt", __builtin_cpu_supports("popcnt"), 2)                                                                       \
    FEATURE("avx", __builtin_cpu_supports("avx"), 3)                                                                             \
    FEATURE("avx2", __builtin_cpu_supports("avx2"), 3)                                                                           \
    FEATURE("bmi", __builtin_cpu_supports("bmi"), 3)                                                                             \
    FEATURE("bmi2", __builtin_cpu_supports("bmi2"), 3)                                                                           \
    FEATURE("f16c", has_ecx_bit(1, 29) && __builtin_cpu_supports("avx"), 3)                                                      \
    FEATURE("fma", __builtin_cpu_supports("fma"), 3)                                                                             \
    FEATURE("lzcnt", has_ecx_bit(0x80000001, 5), 3)                                                                              \
    FEATURE("movbe", has_ecx_bit(1, 22), 3)                                                                                      \
    FEATURE("avx512f", __builtin_cpu_supports("avx512f"), 4)                                                                     \
    FEATURE("avx512bw", __builtin_cpu_supports("avx512bw"), 4)                                                                   \
    FEATURE("avx512cd", __builtin_cpu_supports("avx512cd"), 4)                                                                   \
    FEATURE("avx512dq", __builtin_cpu_supports("avx512dq"), 4)                                                                   \
    FEATURE("avx512vl", __builtin_cpu_supports("avx512vl"), 4)                                                                   \
    FEATURE("avx512vnni", __builtin_cpu_supports("avx512vnni"), 5)                                                               \
    FEATURE("avx512vbmi", __builtin_cpu_supports("avx512vbmi"), 5)

/* Does the comma- or space-separated list ask for the feature? A leading '+' is optional. */
static bool list_asks_for(const char *list, const char *feature)
{
    size_t length = strlen(feature);
    while (*list) {
        size_t item = strcspn(list, ", ");
        const char *name = *list == '+' ? list + 1 : list;
        if ((size_t)(list + item - name) == length && !strncmp(name, feature, length))
            return true;
        list += item;
        list += strspn(list, ", ");
    }
    return false;
}

static int x86_level(const char *cpu)
{
    int level = 0;
    return sscanf(cpu, "x86-64-v%1d", &level) == 1 ? level : 0;
}

static bool is_wide(void)
{
    bool wide = true;
    __builtin_cpu_init();
#define CHECK(NAME, PRESENT, LEVEL) wide &= (LEVEL) > 4 || (PRESENT);
    FEATURES(CHECK)
#undef CHECK
    return wide;
}

bool cpu_check(const char *cpu)
{
    char missing[512] = "";
    int level = x86_level(cpu);
    __builtin_cpu_init();
#define CHECK(NAME, PRESENT, LEVEL)                                                                                              \
    if ((level >= (LEVEL) || list_asks_for(cpu, NAME)) && !(PRESENT))                                                            \
        strncat(missing, " " NAME, sizeof missing - strlen(missing) - 1);
    FEATURES(CHECK)
#undef CHECK
    if (missing[0])
        return report_error("this program was compiled for %.*s, but this processor lacks%s; rebuild it with `hnc build "
                            "--cpu=native` on this machine or with `--cpu=x86-64`",
                            (int)strcspn(cpu, ", "), cpu, missing);
    return true;
}
#else
static bool is_wide(void)
{
    return false;
}

bool cpu_check(const char *cpu)
{
    (void)cpu;
    return true;
}
#endif

hn_function *const *cpu_functions(void)
{
    const char *asked = getenv("HNC_CPU");
    bool narrow = asked && !strcmp(asked, "x86-64-v3");
    return hn_functions_v4 && !narrow && is_wide() ? hn_functions_v4 : hn_functions;
}

const char *cpu_of_functions(const char *manifest_cpu)
{
    return hn_functions_v4 && cpu_functions() == hn_functions_v4 ? "x86-64-v4" : manifest_cpu;
}
