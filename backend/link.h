/* From objects to an executable, by the system's C compiler: $CC, or cc. */
#ifndef HNC_BACKEND_LINK_H
#define HNC_BACKEND_LINK_H

#include <stdbool.h>

#include "backend/target.h"
#include "support/arena.h"

/* Links the object with the runtime library, OpenBLAS if `blas` is that, jansson, zlib and the OpenMP library. `out` appears only
 * when complete. When the compiler fails, what it said is on stderr. The runtime library is $HNC_RUNTIME, or lies beside hnc in
 * its build tree (runtime/libhnrt.a) or its installation (../lib/hnc/libhnrt.a). */
bool link_executable(const char *object, Blas blas, const char *out, char why[static 256]);

/* Joins `n` objects in one by the system's `ld -r`. Otherwise as link_executable. */
bool link_objects(const char *const *objects, unsigned n, const char *out, char why[static 256]);

/* Makes a shared library of the object, by the C compiler for the target and with OpenBLAS if it calls this machine's, or a
 * module by wasm-ld, which exports the `count` functions. Otherwise as link_executable. */
bool link_shared(const char *object, const Target *target, const char *const *exports, size_t count, const char *out,
                 char why[static 256]);
/* Makes an archive of the object: equal objects give equal bytes. */
bool link_archive(const char *object, const Target *target, const char *out, char why[static 256]);

/* Appends the command that link_executable would run, quoted for a shell, without a newline. */
bool link_command(const char *object, Blas blas, const char *out, Text *command, char why[static 256]);

#endif
