/* Which machines there are, and what each is like. */
#include "backend/target.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <llvm-c/Core.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>

#include "support/arena.h"
#include "support/diagnostics.h"

typedef struct Arch {
    const char *name, *triple, *cpu, *features;
    unsigned lanes_f32, lanes_f64, registers;
    bool fma;
    const char *abi;
    bool linked_once;
    const char *linker, *archiver, *package;
    const char *const *cpus; /* that it may be told; ends with NULL */
} Arch;

/* LLVM's C interface cannot say whether it knows a processor (it warns on stderr and goes on), so they are listed here: of x86-64
 * first those without a fused multiply-add. */
// clang-format off: as a table
static const char *const x86_64_cpus[] = {
    "x86-64", "x86-64-v2", "amdfam10", "athlon64", "atom", "barcelona", "bdver1", "bonnell", "btver1", "btver2", "core-avx-i",
    "core2", "corei7", "corei7-avx", "goldmont", "goldmont-plus", "ivybridge", "k8", "k8-sse3", "nehalem", "nocona", "opteron",
    "opteron-sse3", "penryn", "sandybridge", "silvermont", "slm", "tremont", "westmere",
    "x86-64-v3", "x86-64-v4", "alderlake", "arrowlake", "arrowlake-s", "bdver2", "bdver3", "bdver4", "broadwell", "cannonlake",
    "cascadelake", "clearwaterforest", "cooperlake", "core-avx2", "emeraldrapids", "gracemont", "grandridge", "graniterapids",
    "graniterapids-d", "haswell", "icelake-client", "icelake-server", "knl", "knm", "lunarlake", "meteorlake", "pantherlake",
    "raptorlake", "rocketlake", "sapphirerapids", "sierraforest", "skx", "skylake", "skylake-avx512", "tigerlake", "znver1",
    "znver2", "znver3", "znver4", "znver5", NULL,
};
static const char *const aarch64_cpus[] = {
    "generic", "a64fx", "ampere1", "apple-m1", "apple-m2", "apple-m3", "cortex-a35", "cortex-a53", "cortex-a55", "cortex-a57",
    "cortex-a72", "cortex-a73", "cortex-a75", "cortex-a76", "cortex-a77", "cortex-a78", "cortex-x1", "cortex-x2", "neoverse-512tvb",
    "neoverse-e1", "neoverse-n1", "neoverse-n2", "neoverse-v1", "neoverse-v2", NULL,
};
static const char *const riscv64_cpus[] = {"generic-rv64", "rocket-rv64", "sifive-s54", "sifive-s76", "sifive-u54", "sifive-u74",
                                           "sifive-p450", NULL};
static const char *const wasm32_cpus[] = {"generic", "mvp", "bleeding-edge", NULL};
// clang-format on

static const Arch archs[] = {
#define ARCH(name, llvm, ...) {#name, __VA_ARGS__, name##_cpus},
#include "backend/targets.def"
#undef ARCH
};

void target_initialize(void)
{
    static bool done;
    if (done)
        return;
    done = true;
#define ARCH(name, llvm, ...)                                                                                                    \
    LLVMInitialize##llvm##TargetInfo();                                                                                          \
    LLVMInitialize##llvm##Target();                                                                                              \
    LLVMInitialize##llvm##TargetMC();                                                                                            \
    LLVMInitialize##llvm##AsmPrinter();
#include "backend/targets.def"
#undef ARCH
}

/* ---- architectures ---- */

/* The architecture whose name begins the triple; NULL: there is none. "arm64" and "riscv64gc" are other names of two. */
static const Arch *arch_of(const char *triple)
{
    size_t length = strcspn(triple, "-");
    if (length == strlen("arm64") && !strncmp(triple, "arm64", length))
        return arch_of("aarch64");
    if (length == strlen("riscv64gc") && !strncmp(triple, "riscv64gc", length))
        return arch_of("riscv64");
    for (size_t i = 0; i < COUNT_OF(archs); i++)
        if (strlen(archs[i].name) == length && !strncmp(archs[i].name, triple, length))
            return &archs[i];
    return NULL;
}

static bool is_x86(const Target *target)
{
    return arch_of(target->triple) == &archs[0];
}

bool target_set_triple(Target *target, const char *triple, char why[static 256])
{
    const Arch *arch = arch_of(triple);
    if (!arch) {
        int length = snprintf(why, 256, "unknown target '%.60s'; there are", triple);
        for (size_t i = 0; i < COUNT_OF(archs); i++)
            length += snprintf(why + length, 256 - (size_t)length, "%s %s", i ? "," : "", archs[i].name);
        snprintf(why + length, 256 - (size_t)length, ", and triples that begin so, such as %s", archs[1].triple);
        return false;
    }
    target->triple = strchr(triple, '-') ? triple : arch->triple;
    target->lanes_f32 = arch->lanes_f32;
    target->lanes_f64 = arch->lanes_f64;
    return target_set_cpu(target, arch->cpu, why);
}

bool target_is_host(const Target *target)
{
    char *host = LLVMGetDefaultTargetTriple();
    bool same = arch_of(host) == arch_of(target->triple);
    LLVMDisposeMessage(host);
    return same;
}

/* ---- processors ---- */

/* The processor that runs hnc: strings that live as long as the process. */
static void host_cpu(const char **name, const char **features)
{
    static char *host_name, *host_features;
    if (!host_name) {
        host_name = LLVMGetHostCPUName();
        host_features = LLVMGetHostCPUFeatures();
    }
    *name = host_name;
    *features = host_features;
}

static bool refuse_cpu(const Arch *arch, const char *cpu, char why[static 256])
{
    size_t count = 0;
    while (arch->cpus[count])
        count++;
    const char *closest = closest_name(cpu, arch->cpus, count);
    int length = snprintf(why, 256, "unknown processor '%.60s'%s%s%s; usual ones are ", cpu, closest ? " (did you mean '" : "",
                          closest ? closest : "", closest ? "'?)" : "");
    if (arch == &archs[0])
        snprintf(why + length, 256 - (size_t)length, "auto, x86-64, x86-64-v2, x86-64-v3, x86-64-v4, native");
    else
        snprintf(why + length, 256 - (size_t)length, "%s and %s", arch->cpus[0], arch->cpus[1]);
    return false;
}

static bool find_cpu(const Arch *arch, const char *cpu, const char **name, const char **features, char why[static 256])
{
    target_initialize();
    *features = arch->features;
    if (!strcmp(cpu, AUTO_CPU))
        cpu = arch->cpu;
    if (!strcmp(cpu, "native") && arch == &archs[0]) {
        host_cpu(name, features);
        return true;
    }
    for (size_t i = 0; arch->cpus[i]; i++)
        if (!strcmp(cpu, arch->cpus[i])) {
            *name = arch->cpus[i];
            return true;
        }
    return refuse_cpu(arch, cpu, why);
}

bool target_cpu(const char *cpu, const char **name, const char **features, char why[static 256])
{
    return find_cpu(&archs[0], cpu, name, features, why);
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

/* Those of the table before x86-64-v3 have none. */
static bool has_fma(const char *name, const char *features)
{
    for (size_t i = 0; strcmp(x86_64_cpus[i], DEFAULT_CPU); i++)
        if (!strcmp(name, x86_64_cpus[i]))
            return false;
    return !*features || strstr(features, "+fma") != NULL;
}

bool target_set_cpu(Target *target, const char *cpu, char why[static 256])
{
    const Arch *arch = arch_of(target->triple);
    const char *name, *features;
    if (!find_cpu(arch, cpu, &name, &features, why))
        return false;
    target->cpu = cpu;
    target->name = name;
    target->features = features;
    target->registers = arch->registers;
    target->has_fma = arch->fma;
    if (is_x86(target)) {
        target->registers = has_wide_registers(name, features) ? 32 : 16;
        target->has_fma = has_fma(name, features);
    }
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

const char *target_abi(const Target *target)
{
    return arch_of(target->triple)->abi;
}

bool target_is_linked_once(const Target *target)
{
    return arch_of(target->triple)->linked_once;
}

TargetTools target_tools(const Target *target)
{
    const Arch *arch = arch_of(target->triple);
    return (TargetTools){arch->linker, arch->archiver, arch->package};
}
