#include "backend/jit.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include <llvm-c/LLJIT.h>
#include <llvm-c/Orc.h>

#include "backend/emit.h"
#include "pareto/externs.h"

struct Jit {
    LLVMOrcLLJITRef lljit;
    hn_function *const *functions;
};

/* True for no error; else says why, and consumes the error. */
static bool succeeded(LLVMErrorRef error, const char *what, char why[static 256])
{
    if (!error)
        return true;
    char *message = LLVMGetErrorMessage(error);
    snprintf(why, 256, "%s: %.200s", what, message);
    LLVMDisposeErrorMessage(message);
    return false;
}

/* Loads CBLAS into the process, with one thread: more would not pay for the small batches of a check. */
static bool load_blas(char why[static 256])
{
    if (dlsym(RTLD_DEFAULT, "cblas_sgemm"))
        return true;
    void *blas = dlopen(HNC_OPENBLAS, RTLD_NOW | RTLD_GLOBAL);
    if (!blas) {
        snprintf(why, 256, "cannot load OpenBLAS: %.200s", dlerror());
        return false;
    }
    void (*set_threads)(int) = (void (*)(int))dlsym(blas, "openblas_set_num_threads");
    if (set_threads)
        set_threads(1);
    return true;
}

/* Defines the functions that the program calls, by functions of this process that may have other names. */
static bool define_services(LLVMOrcLLJITRef lljit, void (*parallel)(hn_body *, const hn_frame *, int64_t, int64_t),
                            char why[static 256])
{
    const struct {
        const char *name;
        LLVMOrcExecutorAddress address;
    } services[] = {{"hn_parallel", (LLVMOrcExecutorAddress)(uintptr_t)parallel},
                    {"pareto_extern", (LLVMOrcExecutorAddress)(uintptr_t)pareto_extern}};
    LLVMOrcCSymbolMapPair pairs[COUNT_OF(services)];
    for (size_t i = 0; i < COUNT_OF(services); i++) {
        pairs[i].Name = LLVMOrcLLJITMangleAndIntern(lljit, services[i].name);
        pairs[i].Sym = (LLVMJITEvaluatedSymbol){services[i].address,
                                                {LLVMJITSymbolGenericFlagsExported | LLVMJITSymbolGenericFlagsCallable, 0}};
    }
    return succeeded(LLVMOrcJITDylibDefine(LLVMOrcLLJITGetMainJITDylib(lljit), LLVMOrcAbsoluteSymbols(pairs, COUNT_OF(pairs))),
                     "internal error: services of compiled code", why);
}

static bool search_process(LLVMOrcLLJITRef lljit, char why[static 256])
{
    LLVMOrcDefinitionGeneratorRef process;
    if (!succeeded(LLVMOrcCreateDynamicLibrarySearchGeneratorForProcess(&process, LLVMOrcLLJITGetGlobalPrefix(lljit), NULL, NULL),
                   "internal error: symbols of this process", why))
        return false;
    LLVMOrcJITDylibAddGenerator(LLVMOrcLLJITGetMainJITDylib(lljit), process);
    return true;
}

Jit *jit_new(const Plan *plan, const BackendOptions *options,
             void (*parallel)(hn_body *body, const hn_frame *frame, int64_t n, int64_t grain), char why[static 256])
{
    BackendOptions narrow = *options;
    if (!strcmp(narrow.target.cpu, AUTO_CPU) && !target_set_cpu(&narrow.target, DEFAULT_CPU, why))
        return NULL;
    bool ready = narrow.target.blas != BLAS_OPENBLAS || load_blas(why);
    LLVMMemoryBufferRef object = ready ? emitted_bytes(plan, "{}", &narrow, EMIT_OBJ, why) : NULL;
    if (!object)
        return NULL;
    Jit *jit = support_malloc(sizeof *jit);
    *jit = (Jit){0};
    LLVMOrcExecutorAddress table = 0;
    bool made = succeeded(LLVMOrcCreateLLJIT(&jit->lljit, NULL), "internal error: LLVM's JIT", why);
    if (!made)
        LLVMDisposeMemoryBuffer(object);
    if (made && define_services(jit->lljit, parallel, why) && search_process(jit->lljit, why) &&
        succeeded(LLVMOrcLLJITAddObjectFile(jit->lljit, LLVMOrcLLJITGetMainJITDylib(jit->lljit), object),
                  "internal error: loading", why) &&
        succeeded(LLVMOrcLLJITLookup(jit->lljit, &table, "hn_functions"), "internal error: loading", why)) {
        jit->functions = (hn_function *const *)(uintptr_t)table;
        return jit;
    }
    jit_free(jit);
    return NULL;
}

hn_function *const *jit_functions(const Jit *jit)
{
    return jit->functions;
}

void jit_free(Jit *jit)
{
    if (!jit)
        return;
    if (jit->lljit)
        LLVMConsumeError(LLVMOrcDisposeLLJIT(jit->lljit));
    support_free(jit);
}
