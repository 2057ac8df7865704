/* The backend: a plan as LLVM IR, assembly or an object. Linking: link.h; what the binary says of itself: manifest.h.
 */
#ifndef HNC_BACKEND_BACKEND_H
#define HNC_BACKEND_BACKEND_H

#include "backend/target.h"
#include "passes/schedule.h"

typedef struct BackendOptions {
    Target target;
    int opt_level;       /* 0..3: equal results, bit for bit */
    bool time_passes;    /* say on stderr how long emission and LLVM took */
    const void *weights; /* a file of weights that the program has inside (hn_weights), of so many bytes; NULL: none */
    size_t weights_bytes;
} BackendOptions;

/* Emits every function of the plan, `hn_functions` in the order of the module's functions and `hn_manifest` (NUL-terminated
 * text) into the file `path`, which appears only when complete; for AUTO_CPU also `hn_functions_v4`, the same with those that
 * work on rows compiled for WIDE_CPU. Not EMIT_EXE: link an object. On failure false with a sentence in `why`. */
bool backend_emit(const Plan *plan, const char *manifest, const BackendOptions *options, EmitKind kind, const char *path,
                  char why[static 256]);

#endif
