#include "runtime/core/program.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/core/report.h"

/* Large arenas and tables ask for pages of this size: batches gather rows from all over a table, weights are walked whole each
 * step. */
enum { HUGE_PAGE = 1 << 21 };

void *aligned_memory(size_t size, const char *what)
{
    if (size > SIZE_MAX / 2) {
        report_error("%s need %zu bytes, more than there can be", what, size);
        return NULL;
    }
    size_t alignment = size >= HUGE_PAGE ? HUGE_PAGE : HN_ALIGNMENT;
    void *memory = aligned_alloc(alignment, (size + alignment) / alignment * alignment);
    if (!memory)
        report_error("out of memory: %s need %zu bytes", what, size);
    else if (size >= HUGE_PAGE)
        madvise(memory, size, MADV_HUGEPAGE);
    return memory;
}

bool program_open(Program *program, const Manifest *manifest)
{
    *program = (Program){.manifest = manifest};
    program->state = aligned_memory(manifest->state_bytes, "the model's states");
    program->scratch = aligned_memory(manifest->scratch_bytes, "the intermediate values of a step");
    program->constants = calloc(manifest->constant_count + 1, sizeof *program->constants);
    if (program->state && program->scratch && !program->constants)
        report_error("out of memory");
    if (!program->state || !program->scratch || !program->constants) {
        program_close(program);
        return false;
    }
    memset(program->state, 0, manifest->state_bytes);
    for (size_t i = 0; i < manifest->constant_count; i++)
        program->constants[i] = manifest->constants[i].number;
    program_write_constants(program);
    return true;
}

void program_close(Program *program)
{
    free(program->state);
    free(program->scratch);
    free(program->constants);
    *program = (Program){0};
}

void *program_state(const Program *program, const StateInfo *state)
{
    return program->state + state->offset;
}

void program_write_reals(const Program *program, const StateInfo *state, size_t first, const double *values, size_t count)
{
    void *to = program_state(program, state);
    for (size_t i = 0; i < count; i++)
        if (state->tensor.dtype == DTYPE_F64)
            ((double *)to)[first + i] = values[i];
        else if (state->tensor.dtype == DTYPE_I32)
            ((int32_t *)to)[first + i] = (int32_t)values[i];
        else
            ((float *)to)[first + i] = (float)values[i];
}

void program_read_reals(const Program *program, const StateInfo *state, double *values)
{
    const void *from = program_state(program, state);
    for (int64_t i = 0; i < state->tensor.elements; i++)
        values[i] = state->tensor.dtype == DTYPE_F64   ? ((const double *)from)[i]
                    : state->tensor.dtype == DTYPE_I32 ? (double)((const int32_t *)from)[i]
                                                       : (double)((const float *)from)[i];
}

void program_write_constants(const Program *program)
{
    const Manifest *manifest = program->manifest;
    for (size_t i = 0; i < manifest->constant_count; i++) {
        int state = manifest->constants[i].state;
        if (state != NONE && manifest->states[state].tensor.dtype == manifest->real)
            program_write_reals(program, &manifest->states[state], 0, &program->constants[i], 1);
    }
}
