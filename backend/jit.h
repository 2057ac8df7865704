/* A planned program compiled into the memory of this process, to be called at once: what `hnc check` and the tests run is the
 * code that `hnc build` writes, by way of the same object. */
#ifndef HNC_BACKEND_JIT_H
#define HNC_BACKEND_JIT_H

#include "backend/backend.h"
#include "runtime/abi/frame.h"

typedef struct Jit Jit;

/* Compiles and loads; `parallel` stands for the runtime's hn_parallel. OpenBLAS, if the target has it, is loaded if the process
 * does not have it yet, and works with one thread. The target's processor must be one that this machine has (AUTO_CPU means
 * DEFAULT_CPU). NULL on failure, with a sentence in `why`; else free it with jit_free. */
Jit *jit_new(const Plan *plan, const BackendOptions *options,
             void (*parallel)(hn_body *body, const hn_frame *frame, int64_t n, int64_t grain), char why[static 256]);
/* One per function of the module, in order; valid as long as the Jit. */
hn_function *const *jit_functions(const Jit *jit);
void jit_free(Jit *jit);

#endif
