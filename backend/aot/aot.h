/* What `hnc aot` writes: code for exports that stands alone, and what others need to call it. */
#ifndef HNC_BACKEND_AOT_H
#define HNC_BACKEND_AOT_H

#include <llvm-c/Core.h>

#include "backend/aot/interface.h"
#include "backend/backend.h"

/* Makes pure functions of a model's exports, as serve.h says, and computes what depends on no argument: the states that exports read
 * have literals, and method_assemble has left the exports. All other functions are removed. On success service_free and plan_free
 * are the caller's; on failure false with a sentence in `why`. */
bool aot_serve(Model *model, FixedConditions fixed, int64_t rows, const PassTrace *trace, Service *service, Plan **plan,
               char why[static 256]);

/* Makes of a model's exports what a program needs that can do nothing but predict: as aot_serve, but they are called by the runtime,
 * and read states, which have literals and are weights, encoders and the like only where something reads them. plan_free is the
 * caller's. */
bool aot_program(Model *model, FixedConditions fixed, const PassTrace *trace, Plan **plan, char why[static 256]);

/* Emits all functions of the interface into the file `path`, which appears only when complete. The code calls nothing but, for
 * f64, functions of libm. EMIT_OBJ, EMIT_ASM or EMIT_LLVM. On failure false with a sentence in `why`. */
bool aot_emit(const Interface *interface, const BackendOptions *options, EmitKind kind, const char *path, char why[static 256]);

/* What the object has and needs, in bytes. The stack of functions in the order of the interface: at most so much, with all that they
 * call, under the registers that calls save. */
typedef struct AotSizes {
    int64_t code, numbers, rest; /* rest: texts, metadata and unwind tables, but not what linkers and debuggers read */
    VEC(int64_t) stack;
} AotSizes;
/* Compiles the object as aot_emit does. On failure false with a sentence in `why`. Free it with vec_free(&sizes->stack). */
bool aot_measure(const Interface *interface, const BackendOptions *options, AotSizes *sizes, char why[static 256]);

/* The module that aot_emit makes an object of, for the caller to dispose of. NULL with a sentence in `why`. */
LLVMModuleRef aot_module(LLVMContextRef context, const Interface *interface, const BackendOptions *options, char why[static 256]);

/* The names of all functions that are emitted, *count of them; in the arena. */
const char *const *aot_symbols(const Interface *interface, Arena *arena, uint32_t *count);

/* Appends the header, for C11 and C++. `origin`: what made it from what, for its first line. */
void aot_header(const Interface *interface, const char *origin, Text *out);

/* Appends a module of Python for the shared library beside it: functions that take and give arrays of NumPy. */
void aot_python(const Interface *interface, const char *origin, Text *out);

/* Appends the export of that number as a model of ONNX; it must take no conditions. False with a sentence in `why`. */
bool aot_onnx(const Interface *interface, uint32_t number, Text *out, char why[static 256]);

/* The literals of the plan's states, where they lie: plan_state_bytes() of them, for free(). */
unsigned char *aot_parameters(const Plan *plan);

#endif
