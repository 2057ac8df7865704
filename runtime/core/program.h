/* A compiled model in memory: its arenas (program.c), and its functions ready to be called (call.c). */
#ifndef HN_RUNTIME_PROGRAM_H
#define HN_RUNTIME_PROGRAM_H

#include "runtime/abi/frame.h"
#include "runtime/core/manifest.h"

typedef struct Program {
    const Manifest *manifest;
    unsigned char *state, *scratch; /* owned */
    double *constants;              /* owned: the model's, in the manifest's order */
} Program;

/* Memory aligned as the ABI asks, at least one byte, content undefined; for free(). NULL (reported, naming `what`) without
 * memory. */
void *aligned_memory(size_t size, const char *what);

/* Allocates both arenas, the states zeroed. */
bool program_open(Program *program, const Manifest *manifest);
void program_close(Program *program);
void *program_state(const Program *program, const StateInfo *state);
/* A state of reals or i32: sets `count` elements from number `first` on; gives all elements. */
void program_write_reals(const Program *program, const StateInfo *state, size_t first, const double *values, size_t count);
void program_read_reals(const Program *program, const StateInfo *state, double *values);

/* The states of constants that a run may change get the program's numbers. */
void program_write_constants(const Program *program);

/* A function with its inputs and outputs allocated, so that running it allocates nothing. Zeroed: no function. */
typedef struct Call {
    const FunctionInfo *info;
    const StateInfo *states; /* of the manifest */
    hn_function *function;
    hn_frame frame;
    void **inputs, **outputs;
} Call;

/* `rows`: the row tables, one per field (may be NULL for a function that fetches none). `known`: the input names that the caller
 * fills, ended by NULL; any other is an internal error. NONE gives a zeroed call. */
bool call_open(Call *call, const Program *program, int function, const void *const *rows, const char *const *known);
void call_close(Call *call);
/* Runs the function. If it had to clamp an index to the rows of a table, this is reported once, and program_failed() is true from
 * then on: results are then of no use. */
void call_run(Call *call);
bool program_failed(void);
/* The buffer of the input and its type, or NULL if there is no function, or it has no input of that name. */
void *call_input(const Call *call, const char *name);
const TensorInfo *call_input_type(const Call *call, const char *name);
/* Sets a scalar input, converted to its type; does nothing if the function has no input of that name. */
void call_set(const Call *call, const char *name, double value);
/* The same for one element of such an input; beyond its last one, nothing. */
void call_set_element(const Call *call, const char *name, int64_t place, double value);
/* Element `index` of output number `output`. */
double call_result(const Call *call, size_t output, int64_t index);

#endif
